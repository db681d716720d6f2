"""Ranking generators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genspace.analysis.resampling import PromptDraws, stream
from genspace.analysis.system import (
    MIN_GENERATORS,
    SYSTEM_FIGURES,
    SystemScores,
    soft_pairwise_accuracy,
    system_draws,
    system_scores,
)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), g=st.integers(2, 9))
def test_figures_equal_scipy(seed, g):
    rng = np.random.default_rng(seed)
    human, judge = rng.integers(6, size=(2, g, 1)).astype(float)
    human[:2, 0] = judge[:2, 0] = 0, 1
    theirs = {"pearson": stats.pearsonr, "spearman": stats.spearmanr, "kendall_tau_b": stats.kendalltau}
    for name, test in theirs.items():
        ours = SYSTEM_FIGURES[name](SystemScores(human, judge))[0]
        assert ours == pytest.approx(test(human[:, 0], judge[:, 0])[0], abs=1e-12)


def test_means_by_generator_under_weights():
    scores = system_scores(
        np.array([1.0, 3, 5]),
        np.array([2.0, 4, 8]),
        np.array([0, 0, 1]),
        PromptDraws(np.array([[1, 0], [1, 2], [1, 0]]), np.arange(3)),
    )
    np.testing.assert_array_equal(scores.human, [[2, 3], [5, np.nan]])
    np.testing.assert_array_equal(scores.judge, [[3, 4], [8, np.nan]])
    # A draw without any item of a generator has no figure.
    assert np.isnan(SYSTEM_FIGURES["spearman"](scores)).tolist() == [False, True]
    assert np.isnan(SYSTEM_FIGURES["pairwise_accuracy"](scores)).tolist() == [False, True]


def test_pairwise_accuracy_by_hand():
    # Pairs (1,2): both say first lower. (1,3): judge ties, people do not. (2,3): people higher, judge higher.
    scores = SystemScores(np.array([[1.0], [3], [2]]), np.array([[1.0], [2], [1]]))
    assert SYSTEM_FIGURES["pairwise_accuracy"](scores)[0] == pytest.approx(2 / 3)


def test_constant_means_are_undefined():
    scores = SystemScores(np.ones((3, 1)), np.arange(3.0)[:, None])
    for name in ("pearson", "spearman", "kendall_tau_b"):
        assert np.isnan(SYSTEM_FIGURES[name](scores)[0])


def test_few_generators_are_not_resampled():
    rng = np.random.default_rng(0)
    few, many = (SystemScores(*rng.normal(size=(2, g, 50))) for g in (MIN_GENERATORS - 1, MIN_GENERATORS))
    assert system_draws(few, 0) is few
    assert (system_draws(many, 0).human != many.human).any()


def test_soft_pairwise_accuracy_of_equal_and_opposite_scores():
    rng = np.random.default_rng(1)
    human = rng.normal(size=(4, 40)) + np.arange(4)[:, None]
    assert soft_pairwise_accuracy(human, human, rng=stream(0, "s")) == 1
    # Every pair is certain (p near 0 for one, near 1 for the other): nothing is left.
    assert soft_pairwise_accuracy(human, -human, rng=stream(0, "s")) < 0.01
    assert np.isnan(soft_pairwise_accuracy(human[:1], human[:1], rng=stream(0, "s")))


def test_soft_pairwise_accuracy_credits_uncertainty():
    # The people see no difference (p = 1/2 or more), a judge that is sure of one is half wrong.
    rng = np.random.default_rng(2)
    human = np.vstack([np.zeros(60), rng.normal(scale=1, size=60)])
    human[1] -= human[1].mean()
    sure = np.vstack([np.zeros(60), np.ones(60)])
    assert soft_pairwise_accuracy(human, sure, rng=stream(0, "s")) == pytest.approx(0.5, abs=0.06)
