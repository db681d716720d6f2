"""Every draw has exactly the value that a plain loop over resampled items gives."""

import numpy as np
import pytest
from frames import told
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from genspace.analysis._memory import within_memory
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import (
    PromptDraws,
    Weighted,
    dense_codes,
    estimate,
    percentile_interval,
    stream,
)


def resampled(weights, b, *vectors):
    index = np.repeat(np.arange(len(weights)), weights[:, b].astype(int))
    return [v[index] for v in vectors]


def same(ours, theirs, tolerance=1e-12):
    return (np.isnan(ours) and np.isnan(theirs)) or abs(ours - theirs) < tolerance


def test_draws_are_those_of_a_plain_loop_whatever_is_drawn_at_once():
    rng = stream(0, "loop")
    plain = np.stack([np.bincount(rng.integers(7, size=7), minlength=7) for _ in range(20)], axis=1)
    assert (PromptDraws.make(np.arange(7), 20, stream(0, "loop")).counts == plain).all()
    with within_memory(8 * 32 * 21):  # three draws at once
        assert (PromptDraws.make(np.arange(7), 20, stream(0, "loop")).counts == plain).all()


@pytest.mark.filterwarnings("ignore")  # SciPy warns on constant input, where both give NaN
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 40), levels=st.sampled_from([2, 3, 9, 10**6]))
def test_each_draw_equals_scipy_on_the_resampled_items(seed, n, levels):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(levels, size=(2, n)).astype(float)
    draws = PromptDraws.make(rng.integers(max(1, n // 3), size=n), 4, rng)
    weights = draws.weights()
    target = Weighted(y, weights)
    pearson, spearman, pairs = target.pearson(x), target.spearman(x), target.concordance(x)
    for b in range(4):
        xb, yb = resampled(weights, b, x, y)
        if len(xb) < 2:
            continue
        # A draw whose few items lie close together loses digits against one's own centring.
        assert same(pearson[b], stats.pearsonr(xb, yb)[0], 1e-9)
        assert same(spearman[b], stats.spearmanr(xb, yb)[0])
        assert same(pairs.tau_b[b], stats.kendalltau(xb, yb)[0])


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 30), levels=st.sampled_from([2, 4, 10**6]))
def test_areas_equal_scikit_learn(seed, n, levels):
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n).astype(float)
    y[:2] = 0, 1
    x = rng.integers(levels, size=n).astype(float)
    target = Weighted(y, np.ones((n, 1)))
    assert same(target.concordance(x).half_credit[0], metrics.roc_auc_score(y, x))
    assert same(target.average_precision(x)[0], metrics.average_precision_score(y, x))


@pytest.mark.parametrize("levels", [5, 10**9])
def test_blocks_count_every_pair_once_in_long_vectors(levels):
    rng = np.random.default_rng(1)
    y, x = rng.integers(levels, size=(2, 700)).astype(float)
    weights = np.ones((700, 1))
    sign_x, sign_y = (np.sign(np.subtract.outer(v, v)) for v in (x, y))
    assert Weighted(y, weights).concordance(x).balance[0] == (sign_x * sign_y).sum() / 2


def test_pair_counts_by_hand():
    # people 1 2 2 3, judge 1 1 2 2. Pairs: (1,2) judge ties; (1,3), (1,4) and (2,4) agree; (2,3) people tie;
    # (3,4) judge ties. So C = 3, D = 0, judge-only ties 2, people-only ties 1, of 6 pairs.
    pairs = Weighted(np.array([1.0, 2, 2, 3]), np.ones((4, 1))).concordance(np.array([1.0, 1, 2, 2]))
    assert (pairs.concordant[0], pairs.discordant[0], pairs.ties_both[0]) == (3, 0, 0)
    assert (pairs.strict[0], pairs.half_credit[0], pairs.ties_dropped[0]) == (3 / 5, 4 / 5, 1)
    assert pairs.with_ties[0] == 3 / 6


def test_draws_depend_on_seed_and_purpose_alone():
    one = PromptDraws.make(list("aabbc"), 50, stream(3, "bootstrap"))
    two = PromptDraws.make(list("aabbc"), 50, stream(3, "bootstrap"))
    other = PromptDraws.make(list("aabbc"), 50, stream(4, "bootstrap"))
    assert (one.counts == two.counts).all()
    assert (one.counts != other.counts).any()
    assert (one.counts.sum(axis=0) == 3).all()
    assert (one.weights()[0] == one.weights()[1]).all()


def test_chunks_join_to_the_whole():
    draws = PromptDraws.make(np.arange(30), 7, stream(0, "x"))
    assert (draws.map(lambda w: w.sum(axis=0)) == draws.weights().sum(axis=0)).all()


def test_undefined_figures_have_a_reason_and_no_interval():
    constant = Weighted(np.ones(4), np.ones((4, 1)))
    x = np.arange(4.0)
    for value in (constant.pearson(x), constant.spearman(x), constant.concordance(x).tau_b):
        assert np.isnan(value).all()
    assert estimate(np.nan, None, n=4, reason=Reason("all_equal", name="ratings")).value is None
    half = estimate(0.5, np.array([0.4, np.nan, np.nan, 0.6]), n=4)
    assert half.low is None
    assert "bootstrap" in told(half.reason)
    assert percentile_interval(np.array([])) is None


def test_nearly_equal_scores_are_ties_only_when_asked():
    x = np.array([0.0, 1e-12, 1.0])
    assert dense_codes(x).tolist() == [0, 1, 2]
    assert dense_codes(x, tie=1e-9).tolist() == [0, 0, 1]


def test_draws_of_items_are_the_same_whether_kept_or_made_in_small_blocks():
    y, x = np.random.default_rng(0).normal(size=(2, 50))
    whole = PromptDraws.make(np.arange(50), 23, stream(0, "x")).map(lambda w: Weighted(y, w).spearman(x))
    with within_memory(256 * 50 * 4):  # four draws at a time
        parts = PromptDraws.map_items(50, 23, stream(0, "x"), lambda w: Weighted(y, w).spearman(x))
        few = [w.shape[1] for w in PromptDraws.make(np.arange(50), 23, stream(0, "x")).chunks()]
    assert parts.tolist() == pytest.approx(whole.tolist(), abs=1e-12)
    assert few == [4] * 5 + [3]
