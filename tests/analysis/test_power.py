"""Power: the level is kept, planted figures come back, and the power agrees with independent calculations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genspace.analysis.power import Assumptions, power_table, simulate_power, smallest_sufficient
from genspace.errors import InputError


def test_equal_judges_are_found_different_at_the_level() -> None:
    # 800 studies at 5 %: 95 % of such shares lie within 1.96 sqrt(.05 * .95 / 800) = .015 of .05.
    assumed = Assumptions(reliability=0.5, agreement=(0.6, 0.6), per_prompt=5)
    (planned,) = simulate_power(assumed, prompts=60, raters=[2], studies=800, permutations=200)
    assert 0.03 <= planned.power.value <= 0.07


@pytest.mark.parametrize("shares", [None, (0.3, 0.7), (0.05, 0.1, 0.2, 0.3, 0.35)])
def test_planted_agreement_comes_back_attenuated_by_the_raters(shares) -> None:
    # The mean of k raters has reliability R = k r / (1 + (k - 1) r), so a judge that correlates .7 with the
    # mean of very many raters correlates .7 sqrt(R) with theirs: .5 / .6 for r = .4, k = 1 / 3.
    assumed = Assumptions(
        reliability=0.4, agreement=(0.7, 0.5), prompt_share=0.3, per_prompt=4, shares=shares
    )
    for planned in simulate_power(
        assumed, prompts=150, raters=[1, 3], figure="pearson", studies=150, permutations=1
    ):
        ceiling = math.sqrt(planned.raters * 0.4 / (1 + (planned.raters - 1) * 0.4))
        assert planned.figures == pytest.approx((0.7 * ceiling, 0.5 * ceiling), abs=0.012)


@pytest.mark.parametrize("shares", [(0.3, 0.7), (0.05, 0.1, 0.2, 0.3, 0.35)])
def test_rounded_ratings_keep_the_stated_reliability(shares) -> None:
    from genspace.analysis.power import _simulate

    assumed = Assumptions(reliability=0.4, agreement=(0.7, 0.5), prompt_share=0.0, shares=shares)
    _, ratings = _simulate(assumed, assumed.latent(), 200_000, 2, np.random.default_rng(0))
    assert np.corrcoef(ratings.T)[0, 1] == pytest.approx(0.4, abs=0.01)
    assert np.bincount(ratings.astype(int).ravel()) / ratings.size == pytest.approx(shares, abs=0.005)


def test_power_agrees_with_the_asymptotic_test_of_dependent_correlations() -> None:
    # Independent items, normal scores: Steiger 1980, z = (atanh r1 - atanh r2) sqrt(n - 3) / sqrt(2 - 2 c),
    # with c the covariance of the two Fisher z values at the mean correlation. Power = P(|N(mu, 1)| > 1.96).
    from scipy.stats import norm

    r1, r2, r12, n = 0.6, 0.45, 0.3, 200
    # One perfectly-planned panel: reliability .999 makes the mean rating all but the truth.
    assumed = Assumptions(reliability=0.999, agreement=(r1, r2), between=r12, prompt_share=0.0)
    (planned,) = simulate_power(
        assumed, prompts=n, raters=[1], figure="pearson", studies=600, permutations=300
    )
    m = (r1 + r2) / 2
    covariance = (r12 * (1 - 2 * m * m) - m * m / 2 * (1 - 2 * m * m - r12 * r12)) / (1 - m * m) ** 2
    mu = (math.atanh(r1) - math.atanh(r2)) * math.sqrt((n - 3) / (2 - 2 * covariance))
    expected = norm.cdf(mu - 1.96) + norm.cdf(-mu - 1.96)
    assert 0.3 < expected < 0.9
    assert planned.power.value == pytest.approx(expected, abs=0.06)


def test_half_width_agrees_with_fishers_interval() -> None:
    # sd(r) = (1 - r^2) / sqrt(n) for normal scores: .64 / sqrt(400) = .032, times 1.96 = .0627.
    assumed = Assumptions(reliability=0.999, agreement=(0.6, 0.1), prompt_share=0.0)
    (planned,) = simulate_power(assumed, prompts=400, figure="pearson", studies=400, permutations=1)
    assert planned.half_width == pytest.approx(0.0627, rel=0.12)


def test_more_raters_and_more_prompts_give_more_power() -> None:
    assumed = Assumptions(reliability=0.3, agreement=(0.7, 0.5), per_prompt=3, shares=(0.4, 0.6))
    table = power_table(assumed, prompts=[20, 60], raters=[1, 5], studies=120, permutations=120)
    power = {(p.prompts, p.raters): p.power.value for p in table}
    assert power[20, 1] < power[20, 5] < power[60, 5]
    assert power[20, 1] < power[60, 1]
    best = smallest_sufficient(table, power[60, 5])
    assert (best.prompts, best.raters, best.items, best.ratings) == (60, 5, 180, 900)
    assert smallest_sufficient(table, 1.1) is None
    assert best.to_dict()["power"]["n"] == 120


def test_a_pilot_gives_back_what_was_planted() -> None:
    from genspace.analysis.power import _simulate

    planted = Assumptions(
        reliability=0.5, agreement=(0.7, 0.5), between=0.5, prompt_share=0.4, per_prompt=5, shares=(0.2, 0.5, 0.3)
    )  # fmt: skip
    scores, ratings = _simulate(planted, planted.latent(), 2000, 3, np.random.default_rng(1))
    ratings[::7, 2] = np.nan
    read = Assumptions.from_pilot(ratings, np.repeat(np.arange(2000), 5), scores=scores)
    assert read.reliability == pytest.approx(0.5, abs=0.02)
    assert read.agreement == pytest.approx((0.7, 0.5), abs=0.03)
    # Rounding to three levels curves the scale, so the judges' latent errors carry a little more: ~.5.
    assert read.between == pytest.approx(0.5, abs=0.05)
    assert read.prompt_share == pytest.approx(0.4, abs=0.06)
    assert read.per_prompt == 5
    assert read.shares == pytest.approx((0.2, 0.5, 0.3), abs=0.02)


def test_a_small_pilot_whose_figures_contradict_each_other_still_plans() -> None:
    # Two raters differ on three of eight items, and judge a is their mean. Divided by the noise ceiling a agrees
    # perfectly with people, so b would have to agree with a as with them; measured it does less.
    ratings = np.array([[1, 1], [0, 0], [1, 1], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1]], float)
    scores = np.column_stack([ratings.mean(axis=1), [0.9, 0.2, 0.6, 0.4, 0.5, 0.7, 0.1, 0.3]])
    read = Assumptions.from_pilot(ratings, np.arange(8), scores=scores)
    a, b = read.agreement
    assert a == 0.999
    assert np.corrcoef(scores, rowvar=False)[0, 1] < read.between
    assert read.between == pytest.approx(a * b - math.sqrt((1 - a * a) * (1 - b * b)))
    (planned,) = simulate_power(read, prompts=10, raters=[2], studies=20)
    assert 0 <= planned.power.value <= 1


def test_intraclass_correlation_by_hand() -> None:
    from genspace.analysis.power import _shared_variance

    # Groups (1, 3) and (5, 7): between = 2 * (2^2 + 2^2) / 1 = 16, within = (1 + 1 + 1 + 1) / 2 = 2,
    # so (16 - 2) / (16 + 2) = 7 / 9.
    assert _shared_variance(np.array([1.0, 3, 5, 7]), ["a", "a", "b", "b"]) == pytest.approx(7 / 9)
    assert math.isnan(_shared_variance(np.array([1.0, 2.0]), ["a", "b"]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"reliability": 0.0},
        {"reliability": 1.0},
        {"agreement": (1.0, 0.5)},
        {"agreement": (0.9, -0.9), "between": 0.9},
        {"prompt_share": -0.1},
        {"per_prompt": 0},
        {"shares": (1.0,)},
    ],
)
def test_impossible_assumptions_are_refused(wrong) -> None:
    with pytest.raises(InputError):
        Assumptions(**{"reliability": 0.5, "agreement": (0.6, 0.5), **wrong})


def test_a_pilot_of_perfect_agreement_asks_for_the_reliability() -> None:
    alike = np.repeat(np.arange(20) % 2, 3).reshape(20, 3).astype(float)
    with pytest.raises(InputError, match=r"agree on all 20 items.*`reliability`"):
        Assumptions.from_pilot(alike, np.arange(20), agreement=(0.6, 0.5))
    stated = Assumptions.from_pilot(alike, np.arange(20), reliability=0.9, agreement=(0.6, 0.5))
    assert stated.reliability == 0.9
    assert stated.shares == (0.5, 0.5)


def test_a_pilot_without_agreement_says_what_to_do() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="state the reliability"):
        Assumptions.from_pilot(rng.normal(size=(5, 1)), np.arange(5), agreement=(0.6, 0.5))
    rated = rng.normal(size=(50, 1)) + 0.5 * rng.normal(size=(50, 2))
    with pytest.raises(InputError, match="state the agreement"):
        Assumptions.from_pilot(rated, np.arange(50))
    with pytest.raises(InputError, match="at least 2 prompts"):
        simulate_power(Assumptions(reliability=0.5, agreement=(0.6, 0.5)), prompts=1)
