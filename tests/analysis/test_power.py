"""Power: the level is kept, planted figures come back, and the power agrees with independent calculations."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from frames import evidence

from genspace.analysis._options import CompareOptions
from genspace.analysis.compare import compare
from genspace.analysis.power import (
    Assumptions,
    _answers,
    _simulate,
    enough_prompts,
    power_table,
    simulate_power,
    smallest_sufficient,
)
from genspace.errors import InputError
from genspace.records import StudySettings


def test_equal_judges_are_found_different_at_the_level() -> None:
    # 600 studies at 5 %: 95 % of such shares lie within 1.96 sqrt(.05 * .95 / 600) = .017 of .05.
    for changes in ({}, {"shares": (0.3, 0.7), "judges": "yes-no"}, {"pairs": True}):
        assumed = Assumptions(reliability=0.5, agreement=(0.6, 0.6), per_prompt=4, **changes)
        (planned,) = simulate_power(assumed, prompts=50, raters=[2], studies=600)
        assert 0.028 <= planned.power.value <= 0.072, changes


@pytest.mark.parametrize("shares", [None, (0.3, 0.7), (0.05, 0.1, 0.2, 0.3, 0.35)])
def test_planted_agreement_comes_back_attenuated_by_the_raters(shares) -> None:
    # The mean of k raters has reliability R = k r / (1 + (k - 1) r), so a judge that correlates .7 with the
    # mean of very many raters correlates .7 sqrt(R) with theirs: .5 / .6 for r = .4, k = 1 / 3.
    assumed = Assumptions(
        reliability=0.4, agreement=(0.7, 0.5), prompt_share=0.3, per_prompt=4, shares=shares
    )
    for planned in simulate_power(assumed, prompts=150, raters=[1, 3], figure="pearson", studies=150):
        ceiling = math.sqrt(planned.raters * 0.4 / (1 + (planned.raters - 1) * 0.4))
        assert planned.figures == pytest.approx((0.7 * ceiling, 0.5 * ceiling), abs=0.012)


@pytest.mark.parametrize("shares", [(0.3, 0.7), (0.05, 0.1, 0.2, 0.3, 0.35)])
def test_rounded_ratings_keep_the_stated_reliability(shares) -> None:
    assumed = Assumptions(reliability=0.4, agreement=(0.7, 0.5), prompt_share=0.0, shares=shares)
    _, ratings = _simulate(assumed, assumed.scale, 200_000, 2, np.random.default_rng(0))
    assert np.corrcoef(ratings.T)[0, 1] == pytest.approx(0.4, abs=0.01)
    assert np.bincount(ratings.astype(int).ravel()) / ratings.size == pytest.approx(shares, abs=0.005)


def test_power_agrees_with_the_asymptotic_test_of_dependent_correlations() -> None:
    # Independent items, normal scores: Steiger 1980, z = (atanh r1 - atanh r2) sqrt(n - 3) / sqrt(2 - 2 c),
    # with c the covariance of the two Fisher z values at the mean correlation. Power = P(|N(mu, 1)| > 1.96).
    from scipy.stats import norm

    r1, r2, r12, n = 0.6, 0.45, 0.3, 200
    # One perfectly-planned panel: reliability .999 makes the mean rating all but the truth.
    assumed = Assumptions(reliability=0.999, agreement=(r1, r2), between=r12, prompt_share=0.0)
    (planned,) = simulate_power(assumed, prompts=n, raters=[1], figure="pearson", studies=600)
    m = (r1 + r2) / 2
    covariance = (r12 * (1 - 2 * m * m) - m * m / 2 * (1 - 2 * m * m - r12 * r12)) / (1 - m * m) ** 2
    mu = (math.atanh(r1) - math.atanh(r2)) * math.sqrt((n - 3) / (2 - 2 * covariance))
    expected = norm.cdf(mu - 1.96) + norm.cdf(-mu - 1.96)
    assert 0.3 < expected < 0.9
    assert planned.power.value == pytest.approx(expected, abs=0.06)


def test_half_width_agrees_with_fishers_interval() -> None:
    # sd(r) = (1 - r^2) / sqrt(n) for normal scores: .64 / sqrt(400) = .032, times 1.96 = .0627.
    assumed = Assumptions(reliability=0.999, agreement=(0.6, 0.1), prompt_share=0.0)
    (planned,) = simulate_power(assumed, prompts=400, figure="pearson", studies=400)
    assert planned.half_width == pytest.approx(0.0627, rel=0.12)


def test_more_raters_and_more_prompts_give_more_power() -> None:
    assumed = Assumptions(reliability=0.3, agreement=(0.7, 0.5), per_prompt=3, shares=(0.4, 0.6))
    table = power_table(assumed, prompts=[20, 60], raters=[1, 5], studies=120)
    power = {(p.prompts, p.raters): p.power.value for p in table}
    assert power[20, 1] < power[20, 5] < power[60, 5]
    assert power[20, 1] < power[60, 1]
    best = smallest_sufficient(table, power[60, 5])
    assert (best.prompts, best.raters, best.items, best.ratings) == (60, 5, 180, 900)
    assert smallest_sufficient(table, 1.1) is None
    assert best.to_dict()["power"]["n"] == 120


def test_a_pilot_gives_back_what_was_planted() -> None:
    planted = Assumptions(
        reliability=0.5, agreement=(0.7, 0.5), between=0.5, prompt_share=0.4, per_prompt=5, shares=(0.2, 0.5, 0.3)
    )  # fmt: skip
    scores, ratings = _simulate(planted, planted.scale, 2000, 3, np.random.default_rng(1))
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
    # Two raters differ on three of eight items; the judges err in opposite directions. Divided by what so few ratings
    # allow both agree with people as well as can be, so they would have to agree with each other; measured they do less.
    ratings = np.array([[1, 1], [0, 0], [1, 1], [0, 1], [1, 0], [1, 1], [0, 0], [0, 1]], float)
    mean, error = ratings.mean(axis=1), np.tile([0.3, -0.3], 4)
    scores = np.column_stack([mean + error, mean - error])
    read = Assumptions.from_pilot(ratings, np.arange(8), scores=scores)
    a, b = read.agreement
    assert a == read.scale.agreement(0.999)
    assert np.corrcoef(scores, rowvar=False)[0, 1] < read.between
    assert read.between == pytest.approx(a * b - math.sqrt((1 - a * a) * (1 - b * b)))
    (planned,) = simulate_power(read, prompts=10, raters=[2], studies=20)
    assert 0 <= planned.power.value <= 1


def test_intraclass_correlation_by_hand() -> None:
    from genspace.analysis._assumptions import _shared_variance

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
        {"between": 1.0},
        {"agreement": (0.95, 0.5), "shares": (0.5, 0.5), "judges": "yes-no"},
        {"agreement": (-0.1, 0.5), "pairs": True},
        {"shares": (0.5, 0.5), "pairs": True},
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


@pytest.mark.parametrize("shares", [(0.4, 0.6), (0.1, 0.2, 0.4, 0.2, 0.1), None])
def test_judges_that_say_yes_or_no_have_the_stated_agreement(shares) -> None:
    assumed = Assumptions(
        reliability=0.5, agreement=(0.6, 0.4), prompt_share=0.0, shares=shares, judges="yes-no", between=0.3
    )
    scale = assumed.scale
    judges, ratings = _simulate(assumed, scale, 60_000, 30, np.random.default_rng(2))
    first, second = _answers(judges, scale, assumed.figure)
    assert set(first) == {0.0, 1.0}
    assert first.mean() == pytest.approx(0.5 if shares is None or len(shares) > 2 else 0.6, abs=0.01)
    # Thirty raters of reliability ½ have one of 30 / 31.
    ceiling = math.sqrt(30 / 31)
    for answers, agreement in ((first, 0.6), (second, 0.4)):
        assert np.corrcoef(answers, ratings.mean(axis=1))[0, 1] == pytest.approx(
            agreement * ceiling, abs=0.012
        )
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.3, abs=0.012)


def test_judges_of_pairs_prefer_what_many_raters_prefer_as_often_as_stated() -> None:
    assumed = Assumptions(reliability=0.4, agreement=(0.8, 0.65), pairs=True)
    scale = assumed.scale
    judges, ratings = _simulate(assumed, scale, 30_000, 301, np.random.default_rng(3))
    for answers, agreement in zip(_answers(judges, scale, assumed.figure), (0.8, 0.65), strict=True):
        assert ((answers > 0) == (ratings.mean(axis=1) > 0.5)).mean() == pytest.approx(agreement, abs=0.012)
    # Two votes on the same pair, listed both ways, correlate .4.
    assert np.corrcoef(ratings[:, 0] - 0.5, ratings[:, 1] - 0.5)[0, 1] == pytest.approx(0.4, abs=0.015)


@pytest.mark.parametrize(
    "planted",
    [
        Assumptions(reliability=0.5, agreement=(0.6, 0.4), shares=(0.3, 0.7), judges="yes-no", between=0.35, per_prompt=4),
        Assumptions(reliability=0.5, agreement=(0.8, 0.7), pairs=True, per_prompt=4),
        Assumptions(reliability=0.5, agreement=(0.8, 0.7), pairs=True, judges="yes-no", per_prompt=4),
    ],
)  # fmt: skip
def test_a_pilot_of_yes_and_no_or_of_pairs_gives_back_what_was_planted(planted) -> None:
    scale = planted.scale
    judges, ratings = _simulate(planted, scale, 3000, 3, np.random.default_rng(4))
    scores = np.column_stack(_answers(judges, scale, planted.figure))
    read = Assumptions.from_pilot(ratings, np.repeat(np.arange(3000), 4), scores=scores, pairs=planted.pairs)
    assert (read.judges, read.pairs, read.per_prompt) == (planted.judges, planted.pairs, 4)
    assert read.reliability == pytest.approx(planted.reliability, abs=0.02)
    assert read.agreement == pytest.approx(planted.agreement, abs=0.03)
    (again,), (known,) = (simulate_power(a, prompts=60, raters=[3], studies=200) for a in (read, planted))
    assert again.figures == pytest.approx(known.figures, abs=0.03)


def whole_study(assumed, prompts, raters, seed):
    """Compare two judges in a simulated study, written as a researcher's tables; whether the first is ahead."""
    scale = assumed.scale
    rng = np.random.default_rng([5, seed])
    judges, ratings = _simulate(assumed, scale, prompts, raters, rng)
    n = len(judges)
    names = [f"i{i:05}" for i in range(2 * n)]
    items = pd.DataFrame({"item_id": names[:n], "prompt_id": np.arange(n) // assumed.per_prompt})
    pair = {}
    if assumed.pairs:
        items = pd.concat([items, items.assign(item_id=names[n:])])
        pair = {"item_id_b": names[n:]}
    said = pd.concat(
        pd.DataFrame({"item_id": names[:n], **pair, "rater_id": f"r{k}", "value": ratings[:, k]}) for k in range(raters)
    )  # fmt: skip
    first, second = _answers(judges, scale, assumed.figure)
    scores = pd.concat(
        pd.DataFrame({"item_id": names[:n], **pair, "judge": name, "score": answers})
        for name, answers in (("a", first), ("b", second))
    )
    settings = StudySettings(value_type=None if assumed.pairs else assumed.value_type)
    document = compare(evidence(said, scores, items, settings), CompareOptions(draws=0)).document
    assert document.primary.figure == assumed.figure.key
    (test,) = document.tests.pairs
    return test.p_holm is not None and test.p_holm <= 0.05 and test.standing in ("ahead", "behind")


@pytest.mark.parametrize(
    "assumed",
    [
        Assumptions(reliability=0.5, agreement=(0.75, 0.5), shares=(0.4, 0.6), judges="yes-no", per_prompt=2),
        Assumptions(reliability=0.5, agreement=(0.75, 0.65), pairs=True, per_prompt=2),
    ],
)
def test_promised_power_is_that_of_whole_studies(assumed) -> None:
    studies = 24
    (planned,) = simulate_power(assumed, prompts=60, raters=[3], studies=400)
    found = np.mean([whole_study(assumed, 60, 3, seed) for seed in range(studies)])
    promised = planned.power.value
    assert 0.2 < promised < 0.9
    assert abs(found - promised) < 3 * math.sqrt(promised * (1 - promised) * (1 / studies + 1 / 400))


def test_the_search_finds_the_number_of_prompts_that_suffices() -> None:
    assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.5), shares=(0.5, 0.5), per_prompt=4)
    table = enough_prompts(assumed, 0.8, raters=[1, 3], studies=200)
    best = smallest_sufficient(table, 0.8)
    assert best is not None
    assert best.power.value == pytest.approx(0.83, abs=0.06)
    fewer = simulate_power(assumed, prompts=round(best.prompts / 2), raters=[best.raters], studies=200)[0]
    assert fewer.power.value < 0.75
    assert {p.raters for p in table} == {1, 3}
    with pytest.raises(InputError, match="between 0 and 1"):
        enough_prompts(assumed, 1.0)
