"""Levels, power, coverage and false "not worse" of the inference, each against studies drawn with a known truth."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis"))

import simulated as s
from side_by_side import each

LEVELS, COVERAGES = (
    int(os.environ.get(name, runs)) for name, runs in (("LEVELS", 4000), ("COVERAGES", 2000))
)
"""Simulated studies of a cell."""
SLACK = 2.6
"""Standard errors by which chance may take a share over these studies beyond its bound."""
LEVEL, LOWEST, COVERED, NONE, NOT_WORSE, WIDEST = 0.07, 0.03, 0.93, 0.05, 0.04, 1.3

BROKEN: list[str] = []
YES_NO, GRADED = ("accuracy", "roc_auc"), ("spearman", "kendall_tau_b")
DESIGNS: Mapping[str, tuple[s.Draw, tuple[str, ...]]] = {
    "yes/no judges, 40 × 4": (s.yes_no(s.prompts(40, 4)), YES_NO),
    "yes/no judges, 100 × 4": (s.yes_no(s.prompts(100, 4)), YES_NO),
    "judges of 3 levels, 40 × 4": (
        s.graded(s.prompts(40, 4), levels=3),
        (*GRADED, "pairwise_half_credit"),
    ),
    "yes/no people, graded judges, 12 × 4": (s.graded(s.prompts(12, 4), binary=True), ("roc_auc",)),
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
CAUTIOUS = {"graded, 8 × 4", "graded, 12 × 4"}
"""Designs without a lower bound: over so few prompts Student's t is wider than an order needs."""
POWERS: Sequence[tuple[str, s.Draw, str]] = (
    *(
        (f"yes/no judges wrong in 20 and 30 %, 40 × 4: {figure}", s.yes_no(s.prompts(40, 4), wrong=(0.2, 0.3)), figure)
        for figure in YES_NO
    ),
    ("judges of 3 levels, 40 × 4", s.graded(s.prompts(40, 4), levels=3, noise=(0.8, 1.3)), "spearman"),
)  # fmt: skip
"""Judges that share a scale, one of them better."""
FIGURES: Sequence[tuple[str, Callable[[np.ndarray], s.Draw], str, bool]] = (
    ("Spearman", s.graded, "spearman", False),
    ("tau-b", s.graded, "kendall_tau_b", False),
    ("tau-b within prompts", s.graded, "kendall_tau_b", True),
    ("ROC AUC .86", partial(s.area, auc=(0.86, 0.86)), "roc_auc", False),
    ("ROC AUC .94", partial(s.area, auc=(0.94, 0.94)), "roc_auc", False),
    ("ROC AUC .94, 12 % yes", partial(s.area, auc=(0.94, 0.94), yes=0.12), "roc_auc", False),
    ("ROC AUC .98", partial(s.area, auc=(0.98, 0.98)), "roc_auc", False),
    ("accuracy", s.yes_no, "accuracy", False),
    ("kappa", s.yes_no, "cohen_kappa", False),
    ("agreement on pairs", s.grouped_pairs, "pair_agreement", False),
)
"""Figures whose intervals are tried, how studies are drawn on so many prompts, and whether it is within prompts."""
WIDE = {"ROC AUC .94, 12 % yes 10", "ROC AUC .98 10"}
"""Cells in which a judge often makes no error: without a standard error, the interval rests on the prompts."""
WORSE: Sequence[tuple[str, Callable[[np.ndarray], s.Draw], str]] = (
    ("accuracy, both err", partial(s.yes_no, wrong=(0.25, 0.15)), "accuracy"),
    ("accuracy, the other never errs", partial(s.yes_no, wrong=(0.1, 0.0)), "accuracy"),
    ("ROC AUC of yes/no judges, both err", partial(s.yes_no, wrong=(0.25, 0.15)), "roc_auc"),
    ("ROC AUC of yes/no judges, the other never errs", partial(s.yes_no, wrong=(0.1, 0.0)), "roc_auc"),
    ("ROC AUC of graded judges, the other never errs", partial(s.area, auc=(0.9, 1.0)), "roc_auc"),
    ("Spearman, both err", partial(s.graded, noise=(1.5, 1.0)), "spearman"),
    ("Spearman, the other never errs", partial(s.graded, noise=(0.5, 0.0)), "spearman"),
)
"""Pairs of judges of which the first is worse by the margin."""


def main() -> str:
    """Return the section with all tables; raise AssertionError when one does not hold."""
    section = (
        "## Inference\n\n"
        f"Simulated studies with a known truth, {LEVELS:,} a cell for levels and {COVERAGES:,} for coverage (with 160 prompts half as many). Bounds: a level "
        f"of at most {LEVEL:.0%}, at least {LOWEST:.0%} with 12 or more prompts (except for {' and '.join(sorted(CAUTIOUS))}: over so few "
        "prompts Student's t is wider than an order needs, so that claims are too rare, never too frequent); coverage of at least "
        f'{COVERED:.0%} over the intervals that are given; false "not worse" in at most {NOT_WORSE:.0%}; each plus {SLACK} standard errors of the '
        f"share over so many studies. At most {NONE:.0%} of the studies are without an interval. The median width is at most "
        f"{WIDEST} times that of an oracle, which knows the figure's standard deviation (2 × 1.96 of them); in "
        f"{' and '.join(sorted(WIDE))} prompts only over the studies in which the judge makes an error: without one there "
        "is no standard error, and the interval rests on the number of prompts alone.\n\n"
        + "\n\n".join(
            "\n".join(table()) for table in (level_table, generator_table, coverage_table, not_worse_table)
        )
        + "\n"
    )
    assert not BROKEN, section + "\n".join(BROKEN)
    return section


def bound(holds: bool, *what: object) -> None:
    """Note a bound that does not hold; the proof fails at its end, with all of them."""
    if not holds:
        BROKEN.append(" ".join(map(str, what)))
        print("broken:", BROKEN[-1], flush=True)


def slack(share: float, runs: int) -> float:
    """Return how far chance may move a share over this many studies."""
    return SLACK * math.sqrt(share * (1 - share) / runs)


def level_table() -> list[str]:
    """How often a judge is called ahead of an equally good one, at a nominal 5 %."""
    lines = [
        "| equally good judges | figure | told apart | too little to tell |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, those in zip(DESIGNS, each(_levels, [*DESIGNS]), strict=True):
        for found in those:
            lines.append(f"| {name} | {found.figure} | {found.claimed:.1%} | {found.untested:.1%} |")
            bound(found.claimed <= LEVEL + slack(LEVEL, LEVELS), name, found)
            if found.untested < 0.05 and name not in CAUTIOUS:
                bound(found.claimed >= LOWEST - slack(LOWEST, LEVELS), name, found)
    for (name, _, figure), (ours, swaps) in zip(POWERS, each(_power, POWERS), strict=True):
        lines.append(f"| {name}: power, a swap of raw scores {swaps:.0%} | {figure} | {ours:.0%} | |")
        bound(ours >= swaps - 0.06, name, ours, swaps)
    return lines


def _levels(name: str) -> list[s.Rejections]:
    return s.levels(name, *DESIGNS[name], LEVELS)


def _power(cell: tuple[str, s.Draw, str]) -> tuple[float, float]:
    name, draw, figure = cell
    return s.power(name, draw, figure, max(200, LEVELS // 5))


def generator_table() -> list[str]:
    """The same where judges err by generator: over prompts a claim about generators in general is wrong."""
    lines = [
        "| errors shared by generator | figure | over prompts | for other generators |",
        "| --- | --- | ---: | ---: |",
    ]
    draw = s.by_generator(100, 5, binary=False)
    for figure, over_prompts, elsewhere in s.generator_levels("generators", draw, ("spearman",), LEVELS // 2):
        lines.append(f"| 100 × 5 | {figure} | {over_prompts:.1%} | {elsewhere:.1%} |")
        bound(elsewhere <= LEVEL + slack(LEVEL, LEVELS // 2), "generators", elsewhere)
    return lines


def coverage_table() -> list[str]:
    """How often intervals hold the truth."""
    lines = [
        "| figure | prompts | holds the truth | none given | no error | width / oracle's | where it errs |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    cells = [(*row, count) for row in FIGURES for count in (10, 20, 40, 160)]
    for (label, *_, count), found in zip(cells, each(_coverage, cells), strict=True):
        name = f"{label} {count}"
        lines.append(
            f"| {label} | {count} | {found.covered:.1%} | {found.null:.1%} | {found.perfect:.1%} | {found.width:.2f} | "
            f"{found.width_of_others:.2f} |"
        )
        bound(found.covered >= COVERED - slack(COVERED, COVERAGES // 2), name, found)
        bound(found.null <= NONE, name, found)
        bound((found.width_of_others if name in WIDE else found.width) <= WIDEST, name, found)
    return lines


def _coverage(cell: tuple[str, Callable[[np.ndarray], s.Draw], str, bool, int]) -> s.Coverage:
    label, make, figure, within, count = cell
    truth = s.truth_of(make(s.prompts(2000 if within else 8000, 4)), figure, within=within)
    runs = COVERAGES if count < 160 else COVERAGES // 2
    return s.coverage(f"{label} {count}", make(s.prompts(count, 4)), figure, truth, runs, within=within)


def not_worse_table() -> list[str]:
    """How often a judge that is worse by the margin is called not worse, also where the other never errs."""
    lines = ['| worse by the margin | prompts | called "not worse" | open |', "| --- | ---: | ---: | ---: |"]
    cells = [(*row, count) for row in WORSE for count in (10, 20, 40, 100)]
    for (label, *_, count), (said, untested) in zip(cells, each(_not_worse, cells), strict=True):
        lines.append(f"| {label} | {count} | {said:.1%} | {untested:.1%} |")
        bound(said <= NOT_WORSE + slack(NOT_WORSE, LEVELS), label, count, said)
    return lines


def _not_worse(cell: tuple[str, Callable[[np.ndarray], s.Draw], str, int]) -> tuple[float, float]:
    label, make, figure, count = cell
    large = make(s.prompts(8000, 4))
    margin = s.truth_of(large, figure, second=True) - s.truth_of(large, figure)
    return s.false_not_worse(f"{label} {count}", make(s.prompts(count, 4)), figure, margin, LEVELS)
