"""Thresholds: the best one by exhaustive search, never chosen on the item's own prompt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from genspace.analysis.thresholds import best_threshold, cross_fit_decisions
from genspace.errors import InputError

PEERS = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": metrics.f1_score,
    "mcc": metrics.matthews_corrcoef,
    "cohen_kappa": metrics.cohen_kappa_score,
}


@pytest.mark.parametrize("criterion", PEERS)
@given(items=st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=4, max_size=30))
@settings(deadline=None, max_examples=30)
def test_no_other_threshold_is_better(criterion, items) -> None:
    x = np.array([i[0] for i in items], dtype=float)
    y = np.array([i[1] for i in items], dtype=float)
    if len(set(x)) < 2 or len(set(y)) < 2:
        return
    peer = PEERS[criterion]
    threshold = best_threshold(x, y, criterion=criterion)
    middles = (np.unique(x)[1:] + np.unique(x)[:-1]) / 2
    assert peer(y, x >= threshold) == pytest.approx(max(peer(y, x >= t) for t in middles))


def test_the_middle_of_equally_good_thresholds_is_taken() -> None:
    # People said one no and one yes at 3 and at 4, so cuts at 2.5, 3.5 and 4.5 are right 6 times of 8 alike.
    x, y = [1.0, 2, 3, 3, 4, 4, 5, 6], [0, 0, 0, 1, 0, 1, 1, 1]
    accuracy = {t: np.mean((np.array(x) >= t) == np.array(y)) for t in (1.5, 2.5, 3.5, 4.5, 5.5)}
    assert [t for t, a in accuracy.items() if a == max(accuracy.values())] == [2.5, 3.5, 4.5]
    assert best_threshold(x, y, criterion="accuracy") == 3.5
    # of two, 2.5 and 4.5, the upper: right 3 times of 4
    assert best_threshold([1.0, 2, 3, 4, 5], [0, 0, 1, 0, 1], criterion="accuracy") == 4.5


def test_a_prompts_own_people_do_not_choose_its_threshold() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    y = rng.integers(2, size=200).astype(float)
    x = y + rng.normal(size=200)
    before = cross_fit_decisions(x, y, groups)
    for prompt in (0, 7, 39):
        mine = groups == prompt
        after = cross_fit_decisions(x, np.where(mine, 1 - y, y), groups)
        assert after.decisions[mine].tolist() == before.decisions[mine].tolist()
    assert len(before.thresholds) == 5
    assert np.mean(before.decisions == y) > 0.6


def test_noise_gains_nothing_from_its_threshold() -> None:
    # In sample the best threshold of pure noise beats .5; cross-fitted it does not. Mean of 20 studies of 100.
    inside, crossed = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y, x = rng.integers(2, size=100).astype(float), rng.normal(size=100)
        inside.append(metrics.balanced_accuracy_score(y, x >= best_threshold(x, y)))
        decisions = cross_fit_decisions(x, y, np.arange(100)).decisions
        crossed.append(metrics.balanced_accuracy_score(y, decisions))
    assert np.mean(inside) > 0.53
    assert np.mean(crossed) == pytest.approx(0.5, abs=0.03)


def test_abstentions_stay_and_undecided_items_are_decided() -> None:
    x = np.array([0.0, 1, 0, 1, 0, 1, np.nan, 1])
    y = np.array([0.0, 1, 0, 1, 0, 1, 1, np.nan])
    decisions = cross_fit_decisions(x, y, np.arange(8)).decisions
    assert np.isnan(decisions).tolist() == [False] * 6 + [True, False]
    assert decisions[7] == 1


def test_without_a_choice_there_is_no_decision() -> None:
    assert np.isnan(cross_fit_decisions([1.0, 1, 1], [0, 1, 0], [0, 1, 2]).decisions).all()
    assert np.isnan(cross_fit_decisions([1.0, 2, 3], [1, 1, 1], [0, 1, 2], criterion="mcc").decisions).all()
    assert np.isnan(cross_fit_decisions([1.0, 2], [0, 1], [0, 0]).decisions).all()
    with pytest.raises(InputError, match="did you mean 'accuracy'"):
        best_threshold([1, 2], [0, 1], criterion="acuracy")
