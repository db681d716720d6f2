"""Levels, power, coverage and false "not worse" of the inference, each against studies drawn with a known truth."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis"))

import simulated as s

LEVELS, COVERAGES = (
    int(os.environ.get(name, runs)) for name, runs in (("LEVELS", 4000), ("COVERAGES", 2000))
)
"""Simulated studies of a cell."""
SLACK = 2.6
"""Standard errors of a share over so many studies that chance may take it beyond its bound."""
LEVEL, LOWEST, COVERED, NOT_WORSE, WIDEST = 0.07, 0.03, 0.93, 0.04, 1.3

YES_NO, GRADED = ("accuracy", "roc_auc"), ("spearman", "kendall_tau_b", "pairwise_half_credit")
DESIGNS: Mapping[str, tuple[s.Draw, tuple[str, ...]]] = {
    "yes/no judges, 40 × 4": (s.yes_no(s.prompts(40, 4)), YES_NO),
    "yes/no judges, 100 × 4": (s.yes_no(s.prompts(100, 4)), YES_NO),
    "judges of 3 levels, 40 × 4": (s.graded(s.prompts(40, 4), levels=3), GRADED),
    "graded, 160 × 5": (s.graded(s.prompts(160, 5)), ("spearman",)),
    "graded, 8 × 4": (s.graded(s.prompts(8, 4)), GRADED),
    "graded, 12 × 4": (s.graded(s.prompts(12, 4)), GRADED),
    "graded, 20 × 4": (s.graded(s.prompts(20, 4)), GRADED),
    "40 prompts, two of 60 items": (s.graded(s.of_sizes(60, 60, *[4] * 38)), GRADED),
    "20 prompts, one of 40 items": (s.graded(s.of_sizes(40, *[4] * 19)), GRADED),
    "one item a prompt, 80": (s.graded(s.prompts(80, 1)), GRADED),
    "abstention where it is hard, 40 × 4": (s.with_abstentions(s.graded(s.prompts(40, 4))), GRADED),
    "pairs with ties, 20 groups": (s.pairs(20, ties=True), ("pair_agreement",)),
    "pairs without ties, 20 groups": (s.pairs(20, ties=False), ("pair_agreement",)),
    "errors shared in one judge only, 40 × 4": (s.graded(s.prompts(40, 4), shared=(1.0, 0.0)), GRADED),
}
"""Designs in which no judge is better than the other, and the figures that are tested."""
WITHIN = "kendall_tau_b"


def main() -> str:
    """Return the section with all tables; raise AssertionError when one does not hold."""
    return (
        "## Inference\n\n"
        f"Simulated studies with a known truth, {LEVELS:,} a cell for levels and {COVERAGES:,} for coverage. Bounds: a level "
        f"of at most {LEVEL:.0%}, at least {LOWEST:.0%} with 12 or more prompts; coverage of at least {COVERED:.0%} over the "
        f'intervals that are given; false "not worse" in at most {NOT_WORSE:.0%}; each plus {SLACK} standard errors of the '
        "share over so many studies.\n\n"
        + "\n\n".join(
            "\n".join(table()) for table in (level_table, generator_table, coverage_table, not_worse_table)
        )
        + "\n"
    )


def slack(bound: float, runs: int) -> float:
    return SLACK * math.sqrt(bound * (1 - bound) / runs)


def level_table() -> list[str]:
    """How often a judge is called ahead of an equally good one, at a nominal 5 %."""
    lines = [
        "| equally good judges | figure | told apart | too little to tell |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, (draw, figures) in DESIGNS.items():
        for found in s.levels(name, draw, figures, LEVELS):
            lines.append(f"| {name} | {found.figure} | {found.claimed:.1%} | {found.untested:.1%} |")
            assert found.claimed <= LEVEL + slack(LEVEL, LEVELS), (name, found)
            if found.untested < 0.05 and "8 × 4" not in name:
                assert found.claimed >= LOWEST - slack(LOWEST, LEVELS), (name, found)
    for name, draw, figure in (
        (
            "yes/no judges wrong in 20 and 30 %, 40 × 4",
            s.yes_no(s.prompts(40, 4), wrong=(0.2, 0.3)),
            "accuracy",
        ),
        (
            "yes/no judges wrong in 20 and 30 %, 40 × 4",
            s.yes_no(s.prompts(40, 4), wrong=(0.2, 0.3)),
            "roc_auc",
        ),
    ):
        ours, swaps = s.power(name, draw, figure, max(200, LEVELS // 5))
        lines.append(f"| {name}: power, a swap of raw scores {swaps:.0%} | {figure} | {ours:.0%} | |")
        assert ours >= swaps - 0.06, (name, ours, swaps)
    return lines


def generator_table() -> list[str]:
    """The same where judges err by generator: over prompts a claim about generators in general is wrong."""
    lines = [
        "| errors shared by generator | figure | over prompts | for other generators |",
        "| --- | --- | ---: | ---: |",
    ]
    draw = s.by_generator(100, 5, binary=False)
    for figure, over_prompts, elsewhere in s.generator_levels("generators", draw, ("spearman",), LEVELS // 2):
        lines.append(f"| 100 × 5 | {figure} | {over_prompts:.1%} | {elsewhere:.1%} |")
        assert elsewhere <= LEVEL + slack(LEVEL, LEVELS // 2)
    return lines


def coverage_table() -> list[str]:
    """How often intervals hold the truth."""
    lines = [
        "| figure | prompts | holds the truth | none given | width / oracle's |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for label, make, figure, within in (
        ("Spearman", s.graded, "spearman", False),
        ("tau-b", s.graded, "kendall_tau_b", False),
        ("tau-b within prompts", s.graded, WITHIN, True),
        ("ROC AUC .86", lambda p: s.area(p, auc=(0.86, 0.86)), "roc_auc", False),
        ("ROC AUC .94, 12 % yes", lambda p: s.area(p, auc=(0.94, 0.94), yes=0.12), "roc_auc", False),
        ("ROC AUC .98", lambda p: s.area(p, auc=(0.98, 0.98)), "roc_auc", False),
        ("accuracy", s.yes_no, "accuracy", False),
        ("kappa", s.yes_no, "cohen_kappa", False),
    ):
        truth = s.truth_of(make(s.prompts(8000, 4)), figure, within=within)
        for count in (10, 20, 40, 160):
            runs = COVERAGES if count < 160 else COVERAGES // 2
            found = s.coverage(
                f"{label} {count}", make(s.prompts(count, 4)), figure, truth, runs, within=within
            )
            lines.append(
                f"| {label} | {count} | {found.covered:.1%} | {found.null:.1%} | {found.width:.2f} |"
            )
            assert found.covered >= COVERED - slack(COVERED, runs), (label, count, found)
    for count in (10, 20, 40, 160):
        truth = s.truth_of(s.pairs(8000, ties=False), "pair_agreement")
        runs = COVERAGES if count < 160 else COVERAGES // 2
        found = s.coverage(f"pairs {count}", s.pairs(count, ties=False), "pair_agreement", truth, runs)
        lines.append(
            f"| agreement on pairs | {count} | {found.covered:.1%} | {found.null:.1%} | {found.width:.2f} |"
        )
        assert found.covered >= COVERED - slack(COVERED, runs), (count, found)
    return lines


def not_worse_table() -> list[str]:
    """How often a judge that is worse by the margin is called not worse, also where the other never errs."""
    lines = ['| worse by the margin | prompts | called "not worse" | open |', "| --- | ---: | ---: | ---: |"]
    for label, wrong, margin in (
        ("accuracy, both err", (0.25, 0.15), 0.1),
        ("accuracy, the other never errs", (0.1, 0.0), 0.1),
    ):
        for count in (10, 20, 40, 100):
            draw = s.yes_no(s.prompts(count, 4), wrong=wrong)
            said, untested = s.false_not_worse(f"{label} {count}", draw, "accuracy", margin, LEVELS)
            lines.append(f"| {label} | {count} | {said:.1%} | {untested:.1%} |")
            assert said <= NOT_WORSE + slack(NOT_WORSE, LEVELS), (label, count, said)
    return lines
