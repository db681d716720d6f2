"""The short form of `make verify`'s proof of the inference: level, coverage and false "not worse", with wider bounds."""

from __future__ import annotations

import pytest
import simulated as s

RUNS = 500


@pytest.mark.parametrize(
    ("name", "draw", "figure"),
    [
        ("yes/no judges, 40 × 4", s.yes_no(s.prompts(40, 4)), "accuracy"),
        ("yes/no judges, 40 × 4", s.yes_no(s.prompts(40, 4)), "roc_auc"),
        ("graded, 20 × 4", s.graded(s.prompts(20, 4)), "spearman"),
        ("pairs that share items", s.pairs(20, ties=True), "pair_agreement"),
    ],
)
def test_equally_good_judges_are_rarely_told_apart(name: str, draw: s.Draw, figure: str) -> None:
    (found,) = s.levels(name, draw, (figure,), RUNS)
    assert 0.015 <= found.claimed <= 0.085


@pytest.mark.parametrize(
    ("name", "make", "figure"),
    [
        ("areas near the end", lambda p: s.area(p, auc=(0.94, 0.94), yes=0.12), "roc_auc"),
        ("graded", s.graded, "spearman"),
    ],
)
def test_intervals_hold_the_truth(name: str, make: object, figure: str) -> None:
    truth = s.truth_of(make(s.prompts(8000, 4)), figure)  # type: ignore[operator]
    found = s.coverage(name, make(s.prompts(20, 4)), figure, truth, RUNS)  # type: ignore[operator]
    assert found.covered >= 0.91
    assert found.width <= 1.5


@pytest.mark.parametrize("wrong", [(0.25, 0.15), (0.1, 0.0)])
def test_a_judge_worse_by_the_margin_is_rarely_called_not_worse(wrong: tuple[float, float]) -> None:
    said, _ = s.false_not_worse("short", s.yes_no(s.prompts(20, 4), wrong=wrong), "accuracy", 0.1, RUNS)
    assert said <= 0.06


def test_errors_of_generators_are_no_evidence_about_others() -> None:
    ((_, over_prompts, elsewhere),) = s.generator_levels(
        "g", s.by_generator(60, 5, binary=False), ("spearman",), 200
    )
    assert over_prompts > 0.08 > elsewhere
