"""Figures by hand, their averaging, and invariants."""

import numpy as np
import pytest
from frames import told
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from genspace.analysis.correlation import agreement, by_group, why_undefined
from genspace.analysis.decisions import confusion
from genspace.analysis.figures import FIGURES
from genspace.errors import InputError

RANKS = (
    "spearman",
    "kendall_tau_b",
    "kendall_tau_c",
    "graded_auc",
    "pairwise_strict",
    "pairwise_ties_dropped",
)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), figure=st.sampled_from(RANKS))
def test_rank_figures_do_not_change_under_rising_functions(seed, figure):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(5, size=(2, 20)).astype(float)
    before = agreement(y, x, figure)
    np.testing.assert_allclose(before, agreement(y, x**3 + 2, figure), atol=1e-12)
    np.testing.assert_allclose(before, agreement(np.exp(y), x, figure), atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_turning_the_scores_turns_the_figure(seed):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(4, size=(2, 15)).astype(float)
    for figure in ("pearson", "spearman", "kendall_tau_b"):
        np.testing.assert_allclose(agreement(y, -x, figure), -agreement(y, x, figure), atol=1e-12)
    for figure in ("graded_auc", "pairwise_ties_dropped"):
        np.testing.assert_allclose(agreement(y, -x, figure), 1 - agreement(y, x, figure), atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), figure=st.sampled_from(sorted(FIGURES)))
def test_the_order_of_items_does_not_matter(seed, figure):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(2, size=15).astype(float), rng.normal(size=15).round(1)
    shuffled = rng.permutation(15)
    np.testing.assert_allclose(
        agreement(y, x, figure), agreement(y[shuffled], x[shuffled], figure), atol=1e-12
    )


def test_the_averaging_is_apart_from_the_statistic():
    # Group a (3 items): 2 of 3 pairs right. Group b (2 items): its pair is right. Group c: one item, no value.
    y, x, groups = [1, 2, 3, 1, 2, 1], [1, 3, 2, 1, 2, 1], list("aaabbc")
    assert agreement(y, x, "pairwise_strict", groups=groups) == pytest.approx((2 / 3 + 1) / 2)
    assert agreement(y, x, "pairwise_strict", groups=groups, average="pairs") == pytest.approx(3 / 4)
    assert agreement(y, x, "pairwise_strict", groups=groups, average="items") == pytest.approx(
        (3 * 2 / 3 + 2) / 5
    )


def test_items_without_score_or_rating_are_left_out():
    assert agreement([1, 2, np.nan, 3], [1, 2, 9, np.nan], "pearson") == pytest.approx(1)
    assert np.isnan(agreement([1], [1], "spearman"))
    assert np.isnan(agreement([], [], "pairwise_strict"))


def test_sums_in_another_order_are_ties_in_pairwise_accuracy_alone():
    y, x = [1, 2, 3], [0.3, 0.1 + 0.2, 1.0]
    assert agreement(y, x, "pairwise_half_credit") == pytest.approx(2.5 / 3)
    assert agreement(y, x, "kendall_tau_b") == 1


def test_mistakes_are_named():
    with pytest.raises(InputError, match="did you mean 'spearman'"):
        agreement([1, 2], [1, 2], "spearmen")
    with pytest.raises(InputError, match="2, 3 and 2 entries"):
        agreement([1, 2], [1, 2, 3])
    with pytest.raises(InputError, match="not a share of pairs"):
        agreement([1, 2], [1, 2], "pearson", average="pairs")


@pytest.mark.parametrize(
    ("y", "x", "reason"),
    [
        ([], [], "no item"),
        ([1], [1], "too few"),
        ([1, 1], [1, 2], "all ratings"),
        ([1, 2], [3, 3], "all scores"),
    ],
)
def test_reasons(y, x, reason):
    assert told(why_undefined(np.array(y, dtype=float), np.array(x, dtype=float))).startswith(reason)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_decision_figures_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, said = rng.integers(2, size=(2, 20))
    truth[:2] = said[:2] = 0, 1
    counts = confusion(truth, said)
    theirs = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "f1": metrics.f1_score,
        "mcc": metrics.matthews_corrcoef,
        "cohen_kappa": metrics.cohen_kappa_score,
    }
    assert set(theirs) == {key for key, figure in FIGURES.items() if figure.of_labels}
    for name, score in theirs.items():
        assert getattr(counts, name)[0] == pytest.approx(score(truth, said), abs=1e-12)
        assert agreement(truth, said, name) == pytest.approx(score(truth, said), abs=1e-12)


def test_undefined_decision_figures_are_not_zero():
    all_yes = confusion(np.ones(4), np.ones(4))
    for name in ("balanced_accuracy", "mcc", "cohen_kappa"):
        assert np.isnan(getattr(all_yes, name)[0])
    assert np.isnan(confusion(np.zeros(4), np.zeros(4)).f1[0])


def test_planted_judges_are_recovered():
    """A judge with noise of the quality's own variance: Pearson sqrt(1/2), tau 2/pi asin(r), AUC 1/2 + tau/2."""
    rng = np.random.default_rng(3)
    quality = rng.normal(size=20_000)
    score = quality + rng.normal(size=20_000)
    r = np.sqrt(0.5)
    tau = 2 / np.pi * np.arcsin(r)
    assert agreement(quality, score, "pearson") == pytest.approx(r, abs=0.01)
    assert agreement(quality, score, "spearman") == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=0.01)
    assert agreement(quality, score, "kendall_tau_b") == pytest.approx(tau, abs=0.01)
    assert agreement(quality, score, "graded_auc") == pytest.approx((1 + tau) / 2, abs=0.01)


@pytest.mark.parametrize("cells", [1, 40, 10**9])
def test_groups_counted_a_few_at_a_time_give_the_same_figures(
    monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    """Of 12 groups of 1 to 5 items, in any order: each figure is that of the group's items alone."""
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(12), rng.integers(1, 6, size=12))
    groups = rng.permutation(groups)
    y, x = rng.integers(1, 4, size=len(groups)).astype(float), rng.integers(0, 3, size=len(groups)) / 2
    monkeypatch.setattr("genspace.analysis.correlation.GROUP_CELLS", cells)
    inside, sizes = by_group(y, groups)
    assert sizes.tolist() == np.bincount(groups).tolist()
    for figure in ("pearson", "spearman", "kendall_tau_b", "pairwise_strict", "pairwise_with_ties"):
        alone = [agreement(y[groups == g], x[groups == g], figure) for g in range(12)]
        np.testing.assert_allclose(inside.statistic(FIGURES[figure], x), alone, atol=1e-12)


def test_too_few_items_are_counted():
    assert why_undefined(np.array([]), np.array([])).code == "no_common_item"
    assert why_undefined(np.array([1.0]), np.array([2.0])).n == 1
