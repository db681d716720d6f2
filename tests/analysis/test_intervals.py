"""Intervals against formulas written out: Wilson's by its quadratic, the logit's by hand, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from genspace.analysis.figures import FIGURES, figure_named
from genspace.analysis.inference.intervals import FEW, Passing, Support, fisher, logit, on_scale, raw, wilson
from genspace.analysis.inference.replicates import Replicates, StandardError

ERROR = StandardError(0.05, 39)


def solved(d: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's ends: where (p - d)² = quantile² p (1 - p) / n."""
    square = quantile**2
    low, high = sorted(np.roots([1 + square / n, -(2 * d + square / n), d * d]).real)
    return float(low), float(high)


@pytest.mark.parametrize(
    ("value", "error", "n", "df"),
    [
        (0.9, StandardError(0.03, 39), 0.09 / 0.03**2, 39),
        (0.9, StandardError(0.001, 39), 160, 39),  # worth no more than there are
        (0.9, StandardError(0.0, 39), 160, 39),
        (1.0, StandardError(0.0, 39), 40, 39),
        (
            0.9,
            None,
            40,
            39,
        ),  # the error is not known: as many as at the ends, and one less degrees of freedom
        (0.0, StandardError(0.02, 12), 40, 12),
    ],
)
def test_wilsons_interval_solves_its_quadratic(
    value: float, error: StandardError | None, n: float, df: int
) -> None:
    found = wilson(value, error, Support(most=160, at_ends=40))
    assert found == pytest.approx(solved(value, n, t.ppf(0.975, df)), abs=1e-9)


def test_a_share_that_rests_on_one_prompt_has_one_degree_of_freedom() -> None:
    assert wilson(1.0, None, Support(most=9, at_ends=1)) == pytest.approx(
        solved(1.0, 1, t.ppf(0.975, 1)), abs=1e-9
    )
    assert wilson(1.0, None, Support(most=9, at_ends=0)) == pytest.approx(
        solved(1.0, 1, t.ppf(0.975, 1)), abs=1e-9
    )


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_logit_has_no_interval_at_its_ends(value: float) -> None:
    assert logit(value, ERROR) is None
    assert logit(0.5, StandardError(0.0, 39)) is None
    assert fisher(2 * value - 1, ERROR) is None
    assert fisher(0.5, StandardError(0.0, 39)) is None


def test_logit_and_raw_by_hand() -> None:
    half = t.ppf(0.95, 39) * 0.05 / (0.01 * 0.99)
    odds = np.log(0.01 / 0.99) + np.array([-half, half])
    assert logit(0.01, ERROR, 0.9) == pytest.approx(1 / (1 + np.exp(-odds)))
    assert raw(-3.0, ERROR, 0.9) == pytest.approx((-3 - t.ppf(0.95, 39) * 0.05, -3 + t.ppf(0.95, 39) * 0.05))
    assert on_scale("raw", 0.1, None, Support(most=1, at_ends=1)) is None


def test_what_a_share_may_rest_on() -> None:
    prompts = np.repeat(np.arange(6), 2)
    clusters = Replicates.of(prompts)
    decided = figure_named("roc_auc")
    y = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0], dtype=float)
    # five yes on five prompts are the rarer answer, each worth four observations
    assert Support.of(decided, y, clusters) == Support(most=20, at_ends=5)
    few = Support.of(decided, np.where(np.arange(12) < 2, 1.0, 0.0), clusters)
    assert (few.most, few.at_ends, few.few.code, few.few.n, few.few.needed) == (
        8,
        1,
        "few_of_a_class",
        1,
        FEW,
    )
    none = Support.of(decided, np.zeros(12), clusters)
    assert (none.most, none.at_ends) == (1, 1)
    # half and half: the yes are counted
    half = Support.of(decided, np.where(np.arange(12) < 6, 1.0, 0.0), clusters)
    assert (half.most, half.at_ends) == (24, 3)
    preferred = figure_named("pair_agreement")
    ties = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0, -1, 0], dtype=float)
    assert Support.of(preferred, ties, clusters) == Support(most=3, at_ends=3)
    assert Support.of(preferred, np.zeros(12), clusters).most == 1
    assert Support.of(FIGURES["spearman"], ties, clusters) == Support(most=12, at_ends=6)


@pytest.mark.parametrize(
    ("scale", "value", "error"), [("share", 0.8, 0.03), ("correlation", 0.75, 0.05), ("raw", 2.0, 0.3)]
)
@pytest.mark.parametrize("at_least", [True, False])
def test_a_judge_at_the_bound_just_passes(scale, value: float, error: float, at_least: bool) -> None:
    """An estimate a little beyond the bound has its end beyond the threshold, one a little short of it has not."""
    support = Support(most=10_000, at_ends=40)
    found = Passing.of(0.6, scale, value, StandardError(error, 39), support, at_least=at_least)
    back = {"share": lambda x: np.sin(x) ** 2, "correlation": np.tanh, "raw": lambda x: x}[scale]
    steady = {
        "share": lambda d: d * (1 - d),
        "correlation": lambda d: (1 - d * d) ** 2,
        "raw": lambda _: 1.0,
    }[scale]
    for off in (-0.002, 0.002):
        d = float(back(found.bound)) + off
        of_d = StandardError(error * float(np.sqrt(steady(d) / steady(value))), 39)
        low, high = on_scale(scale, d, of_d, support)
        assert ((low >= 0.6) if at_least else (high >= 0.6)) == (off > 0)
    # half of the judges whose true value is the bound pass
    assert found.chance(float(back(found.bound))) == pytest.approx(0.5, abs=1e-6)
    assert found.chance(found.true(0.8)) == pytest.approx(0.8, abs=0.01)
    # the error on the steady scale, by the delta method
    delta = 1e-5
    forward = {"share": lambda d: np.arcsin(np.sqrt(d)), "correlation": np.arctanh, "raw": lambda d: d}[scale]
    slope = (forward(value + delta) - forward(value - delta)) / (2 * delta)
    assert found.error == pytest.approx(error * slope, rel=1e-4)
    true = float(back(found.bound + found.error * (1 if at_least else -1)))
    assert found.chance(true) == pytest.approx(norm.cdf(1), abs=1e-4)


def test_prompts_are_left_out_one_by_one_up_to_a_thousand() -> None:
    assert Replicates.of(range(1000)).draws == 1000
    assert Replicates.of(range(1001)).draws == 250
