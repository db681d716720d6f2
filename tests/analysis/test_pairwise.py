"""Pairs listed one by one agree with pairs counted from ranks, and with the field's own tools."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.pairwise import (
    SAMPLE_ERROR,
    SAMPLED,
    best_tie_width,
    calibrated_widths,
    folds_by_prompt,
    pairs_within,
    right_pairs,
    right_without,
)
from genspace.analysis.resampling import Weighted, stream


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 25), levels=st.sampled_from([2, 4, 1000]))
def test_listed_pairs_equal_counted_pairs(seed, n, levels):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(levels, size=(2, n)).astype(float)
    listed = pairs_within(y, x).counts()
    counted = Weighted(y, np.ones((n, 1))).concordance(x)
    assert listed.concordant[0] == counted.concordant[0]
    assert listed.discordant[0] == counted.discordant[0]
    assert listed.ties_both[0] == counted.ties_both[0]
    assert listed.total[0] == counted.pairs[0]
    if len(set(y)) > 1 and len(set(x)) > 1:
        assert listed.tau_b.mean()[0] == pytest.approx(kendalltau(y, x).statistic)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_the_best_tie_width_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(4, size=12).astype(float), rng.integers(8, size=12) / 4
    pairs = pairs_within(y, x, rng.integers(3, size=12))
    tried = {
        w: float(pairs.counts(tie=w).accuracy.mean()[0]) for w in np.unique(np.append(0, np.abs(pairs.judge)))
    }
    best = best_tie_width(pairs)
    assert best.accuracy == pytest.approx(max(tried.values()))
    assert best.width == min(w for w, a in tried.items() if a > max(tried.values()) - 1e-12)


def test_tifa160_pairs_with_exact_ties(data):
    folder = data / "human/tifa160"
    human = pd.read_csv(folder / "annotations.csv").groupby("item_id")["value"].mean()
    scores = pd.read_csv(folder / "metric_scores.csv").pivot_table(
        index="item_id", columns="metric", values="score"
    )
    computed = json.loads((folder / "computed.json").read_text(encoding="utf-8"))["metrics"]
    target = Weighted(human[scores.index].to_numpy(), np.ones((800, 1)))
    for name, figures in computed.items():
        pairs, expected = target.concordance(scores[name].to_numpy()), figures["pairwise_accuracy"]
        assert pairs.strict[0] == pytest.approx(expected["strict_no_human_ties"], abs=1e-9)
        assert pairs.half_credit[0] == pytest.approx(
            expected["half_credit_metric_ties_no_human_ties"], abs=1e-9
        )
        assert pairs.with_ties[0] == pytest.approx(expected["acc_with_ties"], abs=1e-9)
        assert pairs.ties_x[0] == expected["n_metric_ties"]


def test_a_width_fitted_on_other_prompts_is_never_fitted_on_its_own():
    # Group 0 alone would choose width 1 (people tie what the judge puts 1 apart), group 1 would choose 0.
    pairs = pairs_within([1, 1, 1, 2], [0, 1, 0, 1], [0, 0, 1, 1])
    assert calibrated_widths(pairs, np.array([0, 1])).tolist() == [0, 1]
    inside = pairs.counts(tie=calibrated_widths(pairs, np.array([0, 1]))[pairs.group]).accuracy
    assert inside.mean()[0] == 0
    assert best_tie_width(pairs).accuracy == 0.5


@pytest.mark.parametrize("complete", [True, False])
def test_the_share_without_a_prompt_equals_a_plain_loop(complete):
    rng = np.random.default_rng(5)
    prompts = np.repeat(np.arange(6), 3)
    y, x = rng.integers(3, size=18).astype(float), rng.normal(size=18).round(1)
    groups, clusters = prompts % 2, Replicates.of(prompts)
    pairs = replace(pairs_within(y, x, groups), complete=complete)
    width = np.full(18, 0.35)
    cells = groups, groups * clusters.draws + clusters.of_item
    right, inside = (right_pairs(pairs, y, x, width, cell) for cell in cells)
    ours = right_without(right, inside, groups, clusters)
    assert ours[0] == pytest.approx(pairs.right(tie=0.35).mean())
    for b in range(6):
        kept = prompts != b
        again = pairs_within(y[kept], x[kept], groups[kept])
        assert ours[1 + b] == pytest.approx(again.right(tie=0.35).mean())


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), levels=st.sampled_from([2, 5, 1000]))
def test_right_pairs_are_counted_as_they_are_listed(seed, levels):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(levels, size=(2, 40)).astype(float)
    groups, width = rng.integers(3, size=40), np.array([0.0, 1.0, levels / 3])
    pairs = pairs_within(y, x, groups)
    listed = right_pairs(pairs, y, x, width[groups], groups)
    counted = right_pairs(replace(pairs, complete=False), y, x, width[groups], groups)
    assert listed.tolist() == counted.tolist()


def test_folds_keep_prompts_whole():
    prompts = np.array(list("aabbccddee"))
    fold = folds_by_prompt(prompts, stream(0, "folds"), folds=3)
    assert (fold[::2] == fold[1::2]).all()
    assert set(fold) == {0, 1, 2}


def test_many_pairs_are_drawn_alike_and_choose_nearly_the_best_width():
    rng = np.random.default_rng(0)
    y = rng.integers(1, 6, size=2600).astype(float)
    x = y + 0.3 * rng.normal(size=2600)
    groups = np.repeat([0, 1], [600, 2000])
    drawn = pairs_within(y, x, groups)
    assert not drawn.complete
    assert len(drawn.human) == SAMPLED
    assert (groups[drawn.first] == groups[drawn.second]).all()
    assert (drawn.first != drawn.second).all()
    of_first = 600 * 599 / (600 * 599 + 2000 * 1999)
    assert (drawn.group == 0).mean() == pytest.approx(of_first, abs=0.002)
    mine = _merged_accuracy(y, x, best_tie_width(pairs_within(y, x)).width)
    best = max(_merged_accuracy(y, x, width) for width in np.linspace(0, 1.5, 6))
    assert best - SAMPLE_ERROR < mine
    assert mine > _merged_accuracy(y, x, 0.0) + 0.05


def _merged_accuracy(y, x, width):
    n, far = len(y), np.abs(x[:, None] - x) > width
    said = np.where(far, np.sign(x[:, None] - x), 0)
    return ((said == np.sign(y[:, None] - y)).sum() - n) / n / (n - 1)


def test_where_pairs_are_a_sample_all_are_counted_and_another_judge_has_the_same_pairs():
    rng = np.random.default_rng(1)
    y, x, other = rng.integers(0, 4, (3, 30)).astype(float)
    pairs = pairs_within(y, x)
    listed = right_pairs(pairs, y, x, np.zeros(30), np.zeros(30, dtype=int))
    fields = ("human", "judge", "group", "first", "second")
    few = replace(pairs, complete=False, **{name: getattr(pairs, name)[:9] for name in fields})
    assert right_pairs(few, y, x, np.zeros(30), np.zeros(30, dtype=int)).tolist() == listed.tolist()
    assert pairs.judged(other).judge.tolist() == pairs_within(y, other).judge.tolist()
