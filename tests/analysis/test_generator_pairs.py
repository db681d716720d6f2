"""Generators compared two by two: by another route, its level, and what is never claimed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genspace.analysis.generator_pairs import Side, compare_pairs
from genspace.analysis.significance import holm


def side(name, values, prompt=None):
    values = np.asarray(values, dtype=float)
    prompt = np.arange(len(values)) if prompt is None else prompt
    return Side(name, prompt, np.where(np.isnan(values), 0, values), np.where(np.isnan(values), 1, values))


def test_a_fully_measured_pair_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.random(50), rng.random(50) + 0.2
    (pair,) = compare_pairs([("egocentric", [side("a", a), side("b", b)])])
    expected = stats.ttest_rel(a, b)
    interval = expected.confidence_interval(0.95)
    assert pair.p == pytest.approx(expected.pvalue)
    assert (pair.difference.low, pair.difference.high) == pytest.approx((interval.low, interval.high))
    assert pair.claim == "behind"


def test_several_images_of_a_prompt_count_once_and_only_common_prompts():
    rng = np.random.default_rng(1)
    prompt = np.repeat(np.arange(30), 4)
    a, b = rng.random(120), rng.random(120)
    extra = side("b", np.r_[b, 9, 9], np.r_[prompt, 77, 78])
    (pair,) = compare_pairs([("x", [side("a", a, prompt), extra])])
    expected = stats.ttest_rel(a.reshape(30, 4).mean(axis=1), b.reshape(30, 4).mean(axis=1))
    assert (pair.p, pair.difference.n) == (pytest.approx(expected.pvalue), 30)


def test_all_pairs_and_cells_are_one_family():
    rng = np.random.default_rng(2)
    cells = [
        (name, [side(g, rng.random(40) + shift) for g, shift in zip("abc", (0, 0.1, 0.2), strict=True)])
        for name in ("x", "y", "mean")
    ]
    found = compare_pairs(cells)
    assert len(found) == 9
    np.testing.assert_allclose([p.p_holm for p in found], holm([p.p for p in found]))
    assert all((p.claim != "open") == (p.p_holm <= 0.05) for p in found)


def test_what_was_not_measured_may_be_right():
    # a: all 60 right; b: 10 wrong, the rest not measured, which may be right as well
    open_ = compare_pairs(
        [("x", [side("a", np.ones(60)), side("b", np.r_[np.zeros(5), np.full(55, np.nan)])])]
    )
    assert (open_[0].difference.value, open_[0].claim, open_[0].difference.reason.code) == (
        1.0,
        "open",
        "few_prompts_differ",
    )
    sure = compare_pairs(
        [("x", [side("a", np.ones(60)), side("b", np.r_[np.zeros(30), np.full(30, np.nan)])])]
    )
    assert sure[0].claim == "ahead"
    turned = compare_pairs(
        [("x", [side("b", np.r_[np.zeros(30), np.full(30, np.nan)]), side("a", np.ones(60))])]
    )
    assert (turned[0].claim, turned[0].p) == ("behind", pytest.approx(sure[0].p))


def test_few_prompts_and_no_spread_give_no_claim():
    few = compare_pairs([("x", [side("a", np.r_[np.ones(5), np.zeros(60)]), side("b", np.zeros(65))])])[0]
    assert (few.claim, few.p, few.p_holm) == ("open", pytest.approx(2 * 0.5**5), None)
    same = compare_pairs([("x", [side("a", np.ones(40)), side("b", np.zeros(40))])])[0]
    assert (same.claim, same.difference.reason.code) == ("open", "all_equal")
    assert compare_pairs([("x", [side("a", [1.0]), side("b", [0.0])])])[0].difference.value is None


def test_level_of_the_whole_family():
    """Three generators that are alike, nine sub-domains: in at most 7 % of 400 studies anybody is ahead anywhere."""
    wrong = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        cells = []
        for name in range(9):
            ease = rng.beta(2, 2, size=30)
            cells.append((str(name), [side(g, rng.random(30) < ease) for g in "abc"]))
        wrong += any(p.claim != "open" for p in compare_pairs(cells))
    assert wrong / 400 <= 0.07
