"""Figures of generators counted in three ways: by hand, against another route, and the places they leave open."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from frames import evidence
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genspace.analysis import CompareOptions, compare, rank
from genspace.analysis.counted import ScoreRange, judge_figures, places, prompt_mean, three_figures
from genspace.analysis.question import JudgeScores
from genspace.analysis.reasons import Reason

NAN = float("nan")


def test_three_figures_by_hand():
    # 10 pictures, objects in 4 of them, 3 right: 3/10, 3/4 and (3 + 6)/10
    values = np.array([1.0, 1, 1, 0, *[NAN] * 6])
    found = three_figures(values, np.arange(10), ScoreRange(share=True))
    assert (found.as_misses.value, found.left_out.value, found.as_passes.value) == (0.3, 0.75, 0.9)
    assert (found.n, found.coverage, found.left_out.n, found.as_passes.n) == (10, 0.4, 4, 10)


def test_the_standard_error_is_that_of_leaving_each_prompt_out():
    rng = np.random.default_rng(1)
    values, prompt = rng.normal(size=40), rng.integers(9, size=40)
    without = np.array([values[prompt != p].mean() for p in range(9)])
    error = math.sqrt(8 / 9 * np.square(without - without.mean()).sum())
    found = prompt_mean(values, prompt)
    half = stats.t.ppf(0.975, 8) * error
    np.testing.assert_allclose(
        [found.value, found.low, found.high], [values.mean(), values.mean() - half, values.mean() + half]
    )
    graded = three_figures(values, prompt, ScoreRange(-9, 9)).as_misses  # no share, unless it is said
    assert (graded.low, graded.high) == (found.low, found.high)


def test_the_mean_of_cells_by_another_route():
    rng = np.random.default_rng(2)
    values = rng.integers(2, size=30).astype(float)
    prompt, cell = np.arange(30) // 2, np.repeat([0, 1, 2], [6, 14, 10])
    weight = 1 / np.array([6, 14, 10])[cell]
    d = np.mean([values[cell == c].mean() for c in range(3)])
    without = np.array([np.average(values[prompt != p], weights=weight[prompt != p]) for p in range(15)])
    s2 = 14 / 15 * np.square(without - without.mean()).sum()
    n, t = min(30, d * (1 - d) / s2), stats.t.ppf(0.975, 14)
    # Wilson 1927: the roots of (d - x)^2 = t^2 x (1 - x) / n
    roots = np.sort(np.roots([1 + t * t / n, -(2 * d + t * t / n), d * d]).real)
    found = three_figures(values, prompt, ScoreRange(share=True), cell=cell).as_misses
    np.testing.assert_allclose([found.value, found.low, found.high], [d, *roots])


def test_cells_of_one_size_change_nothing():
    values = np.random.default_rng(3).random(36)
    cell = np.arange(36) % 9
    with_cells = three_figures(values, np.arange(36), ScoreRange(), cell=cell)
    np.testing.assert_allclose(
        [(e.value, e.low, e.high) for e in (with_cells.as_misses,)],
        [(e.value, e.low, e.high) for e in (three_figures(values, np.arange(36), ScoreRange()).as_misses,)],
    )


def test_independent_items_get_wilsons_interval_of_statsmodels_but_for_t():
    from statsmodels.stats.proportion import proportion_confint

    values = np.r_[np.ones(60), np.zeros(840)]
    found = prompt_mean(values, np.arange(900), share=True)
    # with 899 degrees of freedom t is 1.9626 and z 1.9600, and the jackknife's n - 1 makes 899 items of 900
    np.testing.assert_allclose(
        [found.low, found.high], proportion_confint(60, 900, method="wilson"), rtol=2e-3
    )


def test_above_a_thousand_prompts_blocks_of_them_give_nearly_the_same():
    from statsmodels.stats.proportion import proportion_confint

    values = np.r_[np.ones(600), np.zeros(1200)]
    found = prompt_mean(values, np.arange(1800), share=True)
    low, high = proportion_confint(600, 1800, method="wilson")
    # 250 blocks: the standard error's own error is 4.5 %
    assert found.high - found.low == pytest.approx(high - low, rel=0.12)


def test_without_spread_the_interval_rests_on_the_prompts():
    # 50 prompts of 4 items, all passed: Wilson's lower end at n = 50 is 50 / (50 + t^2)
    found = prompt_mean(np.ones(200), np.arange(200) // 4, share=True)
    assert found.low == pytest.approx(50 / (50 + stats.t.ppf(0.975, 49) ** 2))
    assert found.high == pytest.approx(1.0)
    scores = prompt_mean(np.zeros(200), np.arange(200) // 4, limits=(0.0, 1.0))
    assert (scores.value, scores.low) == (0.0, 0.0)
    assert scores.high == pytest.approx(1 - found.low)
    assert prompt_mean(np.full(8, 3.0), np.arange(8)).reason.code == "all_equal"


def test_an_interval_of_scores_ends_where_their_scale_does():
    values = np.array([1.0, 1, 1, 0.2])
    found = prompt_mean(values, np.arange(4), limits=(0.0, 1.0))
    half = stats.t.ppf(0.975, 3) * values.std(ddof=1) / math.sqrt(4)  # 0.64
    assert (found.value, found.low, found.high) == pytest.approx((0.8, 0.8 - half, 1.0))


def test_decisions_have_the_interval_of_a_share_and_unbounded_scores_have_not():
    passed, none = np.tile([1.0, 1, 1, 0], 10), np.full(40, NAN)
    judge = JudgeScores("j", 3 + 2 * passed, passed, np.full(40, "decided"), none, none, none, none)
    every, prompt = np.full(40, fill_value=True), np.arange(40)
    scores = ScoreRange.of(judge)
    assert scores == ScoreRange(worst=3.0, best=5.0, doubt=Reason("scores_unbounded"), share=False)
    found = judge_figures(judge, every, prompt, scores=scores, labelled=True)
    share = prompt_mean(passed, prompt, share=True)
    accuracy = found.accuracy.as_misses
    assert (accuracy.value, accuracy.low, accuracy.high) == (0.75, share.low, share.high)
    assert found.score.as_misses.value == 4.5
    assert judge_figures(judge, every, prompt, scores=scores, labelled=False).accuracy is None


def test_what_has_no_interval_says_why():
    assert prompt_mean(np.ones(0), np.ones(0)).reason.code == "no_scores"
    assert prompt_mean(np.ones(3), np.zeros(3)).reason.code == "single_prompt"
    empty = three_figures(np.array([1.0, NAN, 1]), np.arange(3), ScoreRange(), cell=np.array([0, 1, 2]))
    assert (empty.as_misses.value, empty.left_out.value) == (pytest.approx(2 / 3), None)
    assert (empty.left_out.reason.code, empty.left_out.reason.n) == ("empty_cell", 1)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(4, 80), share=st.booleans())
def test_bounds_hold_whatever_the_unmeasured_are_worth(seed, n, share):
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n).astype(float) if share else rng.random(n)
    seen = np.where(rng.random(n) < rng.random(), truth, NAN)
    found = three_figures(seen, np.arange(n) // 2, ScoreRange(share=share))
    assert found.as_misses.value - 1e-12 <= truth.mean() <= found.as_passes.value + 1e-12
    # turned round, misses are passes: the ends change places
    turned = three_figures(1 - seen, np.arange(n) // 2, ScoreRange(share=share))
    assert turned.as_misses.value == pytest.approx(1 - found.as_passes.value)
    if found.as_passes.low is not None:
        assert turned.as_misses.low == pytest.approx(1 - found.as_passes.high)
    if found.coverage == 1:
        assert found.as_misses == found.left_out == found.as_passes


def test_intervals_of_shares_cover():
    """2,000 studies of 30 prompts with 4 items each, prompts of unlike difficulty: nominal 95 %."""
    rng = np.random.default_rng(7)
    for mean in (0.5, 0.1):
        chance = rng.beta(4 * mean, 4 * (1 - mean), size=(2000, 30))
        right = rng.random((2000, 30, 4)) < chance[:, :, None]
        prompt = np.repeat(np.arange(30), 4)
        ends = [prompt_mean(r.ravel().astype(float), prompt, share=True) for r in right]
        covered = np.mean([e.low <= mean <= e.high for e in ends])
        assert 0.93 <= covered <= 0.985


def study(measured, right, total=100):
    """Generators that draw something in `measured` of `total` pictures and are right in `right`."""
    rows, scores = [], []
    for g, (seen, good) in enumerate(zip(measured, right, strict=True)):
        for i in range(total):
            rows.append({"item_id": f"{g}-{i}", "prompt_id": f"p{i}", "generator": f"g{g}"})
            score = NAN if i >= seen else float(i < good)
            scores.append({"item_id": f"{g}-{i}", "judge": "scene", "score": score, "passed": score})
    people = [{"item_id": r["item_id"], "value": 1.0, "rater_id": "ann"} for r in rows[:2]]
    return evidence(pd.DataFrame(people), pd.DataFrame(scores), pd.DataFrame(rows))


def test_little_coverage_is_never_surely_first():
    # 10 of 100 measured, 9 right, against 60 right of 100: it came first with "1 (1-1)" when the rest was left out
    ranking = rank(study([10, 100], [9, 60]), CompareOptions(draws=100))
    rows = {r.generator: r for r in ranking.document.generators.judges["scene"].generators}
    assert ranking.order("scene") == ["g1", "g0"]
    assert (rows["g0"].rank, rows["g0"].rank_low, rows["g0"].rank_high) == (2, 1, 2)
    assert (rows["g1"].rank, rows["g1"].rank_low, rows["g1"].rank_high) == (1, 1, 2)
    assert rows["g0"].score.value == 0.09
    assert rows["g0"].counted.left_out.value == 0.9
    assert rows["g0"].counted.as_passes.value == 0.99
    assert rows["g0"].accuracy.as_misses.coverage == 0.1
    # what draws nothing at all is last
    empty = rank(study([0, 100, 100], [0, 60, 20]), CompareOptions(draws=100))
    assert empty.order("scene")[-1] == "g0"


def test_a_surely_better_one_is_before():
    ranking = rank(study([100, 100, 30], [80, 30, 10]), CompareOptions(draws=100))
    rows = {r.generator: r for r in ranking.document.generators.judges["scene"].generators}
    assert (rows["g0"].rank_low, rows["g0"].rank_high) == (
        1,
        2,
    )  # the third may have 80 passes among the 70 not seen
    assert (rows["g1"].rank_low, rows["g1"].rank_high) == (2, 3)
    assert (rows["g2"].rank_low, rows["g2"].rank_high) == (1, 3)


def test_rank_compare_and_breakdowns_count_alike():
    data = study([10, 100], [9, 60])
    options = CompareOptions(draws=50, permutations=0, by=("generator",))
    ranked, compared = rank(data, options).document.generators, compare(data, options).document.generators
    assert ranked.judges["scene"].generators == compared.judges["scene"].generators
    cell = ranked.by["generator"]["g0"].judges["scene"].generators
    assert cell[0].score == ranked.judges["scene"].generators[1].score


def test_a_metric_without_a_range_takes_the_scores_it_gave_and_says_so():
    items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("pqrs"), "generator": list("xxyy")})
    scores = pd.DataFrame({"item_id": list("abcd"), "metric": "mse", "score": [3.0, NAN, 5.0, 9.0]})
    from genspace.records import StudySettings

    people = pd.DataFrame({"item_id": ["a"], "value": [1.0]})
    data = evidence(people, scores, items, StudySettings(lower_is_better=("mse",)))
    row = rank(data, CompareOptions(draws=0)).document.generators.judges["mse"].generators[0]
    # lower is better: a miss is the highest score given anywhere, a pass the lowest
    assert (row.generator, row.counted.as_misses.value, row.counted.left_out.value, row.counted.as_passes.value) == (
        "x", 6.0, 3.0, 3.0,
    )  # fmt: skip
    assert ranks_of(data) == {"x": 1, "y": 2}


def ranks_of(data):
    return {
        r.generator: r.rank
        for r in rank(data, CompareOptions(draws=0)).document.generators.judges["mse"].generators
    }


def test_places_need_intervals_and_figures():
    sure = three_figures(np.ones(40), np.arange(40), ScoreRange(share=True))
    none = three_figures(np.ones(0), np.ones(0), ScoreRange())
    one = three_figures(np.zeros(3), np.zeros(3), ScoreRange(share=True))  # a single prompt
    assert [(p.rank, p.low) for p in places([sure, none, sure])] == [(1, 1), (None, None), (1, 1)]
    assert [(p.rank, p.low) for p in places([one, sure])] == [(2, None), (1, None)]
