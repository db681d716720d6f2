"""The change of a score, divided among the parts that changed: against the formula, by hand and on planted changes."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from genspace.analysis.attribution import attribution, mixtures, orders_of


def random_scores(parts: str, n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return {mixture: rng.normal(size=n) for mixture in mixtures(orders_of(parts))}


def test_shares_equal_shapleys_formula_and_add_up() -> None:
    parts = "abcd"
    scores = random_scores(parts, 7)
    found = attribution(scores, orders_of(parts))
    for row in found.parts:
        rest = [p for p in parts if p != row.part]
        by_formula = sum(
            math.factorial(k) * math.factorial(3 - k) / math.factorial(4)
            * (scores[frozenset(s) | {row.part}] - scores[frozenset(s)])
            for k in range(4) for s in combinations(rest, k)
        )  # fmt: skip
        assert row.moved.value == pytest.approx(by_formula.mean())
    assert found.exact
    assert found.orders == 24
    assert sum(row.moved.value for row in found.parts) == pytest.approx(found.change.value)
    assert attribution(random_scores("ab", 7), orders_of("ab")).exact


def test_drawn_orders_add_up_too_and_are_near_the_formula() -> None:
    """Where what parts move does not interact, any order gives the same."""
    parts = "abcdef"
    own = {part: np.random.default_rng(i).normal(size=9) for i, part in enumerate(parts)}
    orders = orders_of(parts)
    scores = {m: sum((own[p] for p in m), np.zeros(9)) for m in mixtures(orders)}
    found = attribution(scores, orders)
    assert not found.exact
    assert len(orders_of("abcde")) == 24  # of all 120
    for row in found.parts:
        assert row.moved.value == pytest.approx(own[row.part].mean())
    assert len(scores) < 2 ** len(parts)


def test_a_part_that_changes_nothing_moves_nothing_and_says_so() -> None:
    scores = {
        m: np.array([0.0, 1, 0, 1]) + ("a" in m) * np.array([1.0, 0, -2, 0])
        for m in mixtures(orders_of("ab"))
    }
    a, b = attribution(scores, orders_of("ab")).parts
    assert (a.moved.value, a.prompts_moved) == ((1 - 2) / 4, 2)
    assert (b.moved.value, b.moved.low, b.moved.reason.code, b.prompts_moved) == (0.0, None, "identical", 0)


def test_parts_that_move_the_same_stay_in_order() -> None:
    scores = {m: float(len(m)) + np.array([0, 0, 1]) for m in mixtures(orders_of("bca"))}
    assert [row.part for row in attribution(scores, orders_of("bca")).parts] == ["b", "c", "a"]


def test_the_interval_is_students_of_the_prompts_corrected_over_the_parts() -> None:
    from scipy.stats import t

    scores = random_scores("abc", 12, seed=3)
    found = attribution(scores, orders_of("abc"))
    change = scores[frozenset("abc")] - scores[frozenset()]
    half = t.ppf(0.975, 11) * change.std(ddof=1) / math.sqrt(12)
    assert (found.change.low, found.change.high) == pytest.approx(
        (change.mean() - half, change.mean() + half)
    )
    row = next(row for row in found.parts if row.part == "a")
    wide = row.moved.high - row.moved.value
    steps = np.mean(
        [
            scores[frozenset(o[: o.index("a") + 1])] - scores[frozenset(o[: o.index("a")])]
            for o in orders_of("abc")
        ],
        axis=0,
    )
    assert wide == pytest.approx(t.ppf(1 - 0.05 / 6, 11) * steps.std(ddof=1) / math.sqrt(12))


def test_planted_changes_are_found_in_their_part_and_nowhere_else() -> None:
    """A part that flips answers at random without a lean moves nothing: its interval holds 0 in at least 93 of 100."""
    rng = np.random.default_rng(1)
    held, found_in_a, studies = 0, 0, 300
    for _ in range(studies):
        base, noise = rng.random(40), rng.normal(scale=0.2, size=40)
        lean = 0.15 + rng.normal(scale=0.2, size=40)
        scores = {m: base + ("a" in m) * lean + ("b" in m) * noise for m in mixtures(orders_of("ab"))}
        moved = {row.part: row.moved for row in attribution(scores, orders_of("ab")).parts}
        a, b = moved["a"], moved["b"]
        held += a.low <= 0.15 <= a.high and b.low <= 0 <= b.high
        found_in_a += a.low > 0
    assert held / studies >= 0.93
    assert found_in_a / studies > 0.95


def test_what_cannot_be_divided_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to divide"):
        attribution({frozenset(): [1.0]}, orders_of(""))
    with pytest.raises(ValueError, match="finite"):
        attribution({frozenset(): [1.0, np.nan], frozenset("a"): [1.0, 2.0]}, orders_of("a"))
    for old, new in (([1.0, 0.0], [1.0]), ([1.0], [1.0, 0.0])):
        with pytest.raises(ValueError, match="score of each prompt"):
            attribution({frozenset(): old, frozenset("a"): new}, orders_of("a"))
