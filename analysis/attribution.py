"""Which part of a changed judge moved a score: parts are exchanged one at a time, in every order.

What an exchange moves depends on which parts are new already. The mean over all orders is the only division that adds
up to the whole change, treats parts alike, and gives nothing to a part whose exchange never changes anything (Shapley
1953, "A value for n-person games"). Of many parts a few orders are drawn, each with its reverse, which still add up
(Mitchell et al. 2022, "Sampling permutations for Shapley value estimation").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import stream
from genspace.display import Displayed

__all__ = ["Attribution", "Mixture", "PartMoved", "attribution", "mixtures", "orders_of"]

Mixture = frozenset[str]
"""Names of the parts that are new; the others are as they were."""
MOST_EXACT = 4
"""Of more parts, orders are drawn."""
ORDERS_DRAWN = 12
"""Each is followed by its reverse."""


@dataclass(frozen=True, slots=True)
class PartMoved:
    """What one part moved."""

    part: str
    moved: Estimate
    """Share of the change, with an interval over prompts that is corrected over the parts (Bonferroni)."""
    prompts_moved: int
    """Prompts whose score its exchange changes in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution(Displayed):
    """A change of a mean score, divided among the parts that changed."""

    was: Estimate
    now: Estimate
    change: Estimate
    parts: tuple[PartMoved, ...]
    """Those that moved most first; they add up to the change."""
    prompts: int
    orders: int
    """Orders in which the parts were exchanged."""
    exact: bool
    """Whether these are all orders."""


def orders_of(parts: Sequence[str], *, seed: int = 0) -> list[tuple[str, ...]]:
    """Return the orders in which parts are exchanged: all, or for many parts some that are drawn.

    >>> orders_of(["depth", "detector"])
    [('depth', 'detector'), ('detector', 'depth')]
    >>> len(orders_of("abcdefg"))
    24
    """
    if len(parts) <= MOST_EXACT:
        return list(permutations(parts))
    rng = stream(seed, "orders of parts")
    drawn = (tuple(str(part) for part in rng.permutation(list(parts))) for _ in range(ORDERS_DRAWN))
    return [order for one in drawn for order in (one, one[::-1])]


def mixtures(orders: Iterable[Sequence[str]]) -> list[Mixture]:
    """Return the mixtures of old and new parts that orders pass through, each once.

    >>> [sorted(mixture) for mixture in mixtures(orders_of("ab"))]
    [[], ['a'], ['a', 'b'], ['b']]
    """
    return list(dict.fromkeys(frozenset(order[:k]) for order in orders for k in range(len(order) + 1)))


def attribution(
    scores: Mapping[Mixture, ArrayLike], orders: Sequence[Sequence[str]], *, confidence: float = 0.95
) -> Attribution:
    """Divide the change from the mixture without new parts to the one of new parts alone.

    Args:
        scores: (n,) score of each prompt, by mixture; every mixture of `mixtures(orders)`.
        orders: In which the parts are exchanged (`orders_of`).
        confidence: Level of the intervals, for the parts of all together.

    Errors: `ValueError` for no parts, no prompts, or scores that are not finite numbers of the same prompts.

    >>> scores = {frozenset(): [0, 0, 1], frozenset("a"): [1, 0, 1]}
    >>> scores |= {frozenset("b"): [0, 0, 1], frozenset("ab"): [1, 1, 1]}
    >>> found = attribution(scores, orders_of("ab"))
    >>> [(row.part, round(row.moved.value, 3), row.prompts_moved) for row in found.parts]
    [('a', 0.5, 2), ('b', 0.167, 1)]
    """
    parts = tuple(orders[0]) if orders else ()
    table = {mixture: np.asarray(values, dtype=float) for mixture, values in scores.items()}
    n = len(next(iter(table.values()), ()))
    if not parts or not n:
        raise ValueError("there is nothing to divide: no part changed, or no prompt has a score")
    if any(values.shape != (n,) or not np.isfinite(values).all() for values in table.values()):
        raise ValueError("each mixture needs a finite score of each prompt")
    clusters = Replicates.of(np.arange(n))
    steps = {part: [_step(table, order, part) for order in orders] for part in parts}

    def mean(values: Floats, level: float = confidence) -> Estimate:
        left = clusters.sums(values) / clusters.sums(np.ones(n))
        return from_replicates(float(values.mean()), left, clusters, n=n, confidence=level)

    def moved(part: str) -> PartMoved:
        changed = int(np.any([step != 0 for step in steps[part]], axis=0).sum())
        if not changed:
            return PartMoved(part, Estimate(0.0, n=n, reason=Reason("identical")), 0)
        each = 1 - (1 - confidence) / len(parts)
        return PartMoved(part, mean(np.mean(steps[part], axis=0), each), changed)

    was, now = table[frozenset()], table[frozenset(parts)]
    return Attribution(
        was=mean(was),
        now=mean(now),
        change=mean(now - was),
        parts=tuple(sorted(map(moved, parts), key=lambda row: -abs(row.moved.value or 0.0))),
        prompts=n,
        orders=len(orders),
        exact=len(parts) <= MOST_EXACT,
    )


def _step(table: Mapping[Mixture, Floats], order: Sequence[str], part: str) -> Floats:
    """Return what the exchange of a part changes in one order."""
    before = frozenset(order[: order.index(part)])
    return table[before | {part}] - table[before]
