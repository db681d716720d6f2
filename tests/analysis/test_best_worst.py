"""Best–worst scaling: by hand, against Bradley–Terry for pairs, against brute force, and from planted strengths."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.optimize import minimize

from genspace.analysis.best_worst import best_worst_scale, split_half_reliability
from genspace.analysis.bradley_terry import bradley_terry


def simulated(
    rng: np.random.Generator, strength: np.ndarray, sets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Choices of the maximum-difference model, drawn pair by pair from its definition."""
    best, worst = [], []
    for shown in sets:
        pairs = list(permutations(shown, 2))
        weight = np.exp([strength[i] - strength[j] for i, j in pairs])
        i, j = pairs[rng.choice(len(pairs), p=weight / weight.sum())]
        best.append(i)
        worst.append(j)
    return np.array(best), np.array(worst)


def test_counts_by_hand() -> None:
    """Four items, three sets: item 0 is best twice of two, item 3 worst once and best once of three, item 4 never shown."""
    scale = best_worst_scale(
        [[0, 1, 2, 3], [0, 2, 3, -1], [1, 2, 3, -1]], best=[0, 0, 3], worst=[3, 2, 1], items=5
    )
    assert scale.shown.tolist() == [2, 2, 3, 3, 0]
    np.testing.assert_allclose(scale.count, [1, -1 / 2, -1 / 3, 0, np.nan])
    # Item 3: +1, -1 and 0 in three appearances: variance (1/3 + 1/3 - 0) / 3 of their mean.
    np.testing.assert_allclose(
        scale.count_se, [0, 1 / 8**0.5, (1 / 3 - 1 / 9) ** 0.5 / 3**0.5, (2 / 9) ** 0.5, np.nan]
    )


def test_for_pairs_it_is_bradley_terry_at_half_scale() -> None:
    """Best i and worst j of two have the odds exp(2 (u_i - u_j)), and Bradley–Terry's are exp(v_i - v_j)."""
    wins = np.array([[0, 7, 4], [3, 0, 6], [2, 5, 0]])
    rows = [(i, j) for i in range(3) for j in range(3) for _ in range(wins[i, j])]
    best, worst = np.array(rows).T
    scale = best_worst_scale(np.column_stack([best, worst]), best, worst, items=3)
    np.testing.assert_allclose(2 * scale.strength, bradley_terry(wins).strength, atol=1e-6)


def test_the_maximum_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(5)
    sets = np.array(list(combinations(range(6), 4)) * 3)
    best, worst = simulated(rng, np.linspace(-0.8, 0.8, 6), sets)
    scale = best_worst_scale(sets, best, worst, items=6)

    def loss(free: np.ndarray) -> float:
        u = np.append(free, -free.sum())
        total = 0.0
        for shown, i, j in zip(sets, best, worst, strict=True):
            total -= u[i] - u[j] - np.log(sum(np.exp(u[k] - u[m]) for k, m in permutations(shown, 2)))
        return total

    found = minimize(loss, np.zeros(5), method="BFGS")
    np.testing.assert_allclose(scale.strength, np.append(found.x, -found.x.sum()), atol=1e-4)
    np.testing.assert_allclose(scale.strength.mean(), 0, atol=1e-12)


def test_planted_strengths_are_found_and_their_errors_are_right() -> None:
    rng = np.random.default_rng(11)
    planted = np.array([-1.2, -0.5, 0.0, 0.2, 0.6, 0.9])
    sets = np.array(list(combinations(range(6), 4)) * 4)
    scales = [best_worst_scale(sets, *simulated(rng, planted, sets), items=6) for _ in range(60)]
    found = np.array([s.strength for s in scales])
    se = np.array([s.strength_se for s in scales]).mean(axis=0)
    assert (
        np.abs(found.mean(axis=0) - planted).max() < 4 * se.max() / 60**0.5 + 0.03
    )  # of small samples, some bias
    ratio = found.std(axis=0, ddof=1) / se
    assert (np.abs(np.log(ratio)) < 3.5 / (2 * 59) ** 0.5).all(), (
        "a deviation from 60 draws is off by 1 / sqrt(118)"
    )


def test_a_group_that_always_leads_has_no_finite_strength_but_a_count() -> None:
    scale = best_worst_scale(
        [[0, 1, 2], [0, 1, 2]], best=[0, 0], worst=[2, 1], items=3, names=["a", "b", "c"]
    )
    assert scale.reason is not None
    assert "always chosen above the rest" in scale.reason
    assert "a | " in scale.reason or " | a" in scale.reason
    assert np.isnan(scale.strength).all()
    assert scale.count.tolist() == [1.0, -0.5, -0.5]
    apart = best_worst_scale([[0, 1], [1, 0], [2, 3], [3, 2]], best=[0, 1, 2, 3], worst=[1, 0, 3, 2], items=4)
    assert apart.reason == "groups that were never shown together: 0, 1 | 2, 3"
    assert best_worst_scale(np.empty((0, 4)), [], [], items=3).reason == "no two items were compared"


def test_order_of_sets_and_of_items_in_them_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    sets = np.array(list(combinations(range(5), 3)) * 4)
    best, worst = simulated(rng, np.linspace(-1, 1, 5), sets)
    scale = best_worst_scale(sets, best, worst, items=5)
    shuffled, order = rng.permuted(sets, axis=1), rng.permutation(len(sets))
    again = best_worst_scale(shuffled[order], best[order], worst[order], items=5)
    np.testing.assert_allclose(again.strength, scale.strength, atol=1e-9)
    np.testing.assert_array_equal(again.count, scale.count)


@pytest.mark.parametrize(
    ("sets", "best", "worst", "words"),
    [
        ([[0, 1]], [0], [0], "best and worst"),
        ([[0, 1]], [2], [1], "not shown"),
        ([[0, -1]], [0], [0], "two items"),
        ([[0, 1, 1]], [0], [1], "twice"),
        ([[0, 9]], [0], [9], "numbered"),
        ([[0, 1]], [0, 1], [1], "as many"),
    ],
)
def test_impossible_choices_are_refused(sets: list, best: list, worst: list, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        best_worst_scale(sets, best, worst, items=3)


def test_split_half_reliability_is_high_for_clear_choices_and_about_nil_for_dice() -> None:
    rng = np.random.default_rng(3)
    sets = np.array([rng.choice(12, 4, replace=False) for _ in range(240)])
    clear = simulated(rng, np.linspace(-4, 4, 12), sets)
    dice = simulated(rng, np.zeros(12), sets)
    assert split_half_reliability(sets, *clear, items=12) > 0.95
    # Twelve items: the standard deviation of one correlation is 1 / sqrt(11) = 0.3; halves of one sample share it.
    assert abs(split_half_reliability(sets, *dice, items=12)) < 0.6
    assert np.isnan(split_half_reliability([[0, 1]], [0], [1], items=2))
