"""Tuning on simulated studies: unbiased among equals, and how often one that is better is found."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
STUDIES = int(os.environ.get("STUDIES", "400"))
FOUND = int(os.environ.get("FOUND", "100"))


def main() -> str:
    """Return the section; raise AssertionError where the figure is biased or equals are told apart."""
    sys.path.insert(0, str(ROOT / "tests" / "analysis"))
    from test_tuning import in_two_parts, simulated

    equals = [simulated(seed) for seed in range(STUDIES)]
    reached = np.array([found.reaches.value for found in equals])
    bias, spread = reached.mean() - 0.7, reached.std() / STUDIES**0.5
    still = np.mean([found.says in {"open", "identical"} for found in equals])
    optimism = np.mean([found.optimism for found in equals])
    covered = np.mean([found.reaches.low <= 0.7 <= found.reaches.high for found in equals])
    assert abs(bias) <= max(0.01, 2.5 * spread), bias
    assert still >= 0.93, still
    rows = []
    for prompts in (40, 100, 200):
        for better in (0.1, 0.2):
            found = [simulated(seed, better=better, prompts=prompts) for seed in range(FOUND)]
            ahead = np.mean([run.says == "ahead" for run in found])
            right = np.mean([run.winner == "v39" for run in found])
            rows.append(f"| {prompts} | {better} | {ahead:.0%} | {right:.0%} |")
    parts = [in_two_parts(seed, [0.3] * 8 + [0.75] * 8) for seed in range(FOUND)]
    asked_on = np.mean([alive.any(axis=1) for _, alive in parts], axis=0)
    early = np.array([tuned.reaches.value for tuned, _ in parts])
    off, error = early.mean() - 0.7, early.std() / FOUND**0.5
    assert abs(off) <= max(0.01, 2.5 * error), off
    assert asked_on[1:8].mean() > 0.98, asked_on
    return (
        "## Choosing among variants\n\n"
        f"{STUDIES} simulated studies of 40 prompts of four, 40 yes/no variants right on 70 %: what choosing reaches is off by "
        f"{bias:+.4f} (standard error {spread:.4f}), its 95 % interval holds 0.7 in {covered:.1%}, equals are told apart in "
        f"{1 - still:.1%}, and the winner shows {optimism:.3f} too much where it was chosen.\n\n"
        f"One of 40 better, {FOUND} studies each:\n\n"
        "| prompts of four | better by | found ahead | chosen |\n| ---: | ---: | ---: | ---: |\n"
        + "\n".join(rows)
        + f"\n\nOf eight that are right on 70 % and eight on 25 %, {FOUND} studies of 60 prompts: after 18 prompts "
        f"{1 - asked_on[1:8].mean():.1%} of the good and {1 - asked_on[8:].mean():.0%} of the others are asked no further, and what choosing "
        f"reaches is off by {off:+.4f} (standard error {error:.4f}).\n"
    )
