"""Scaling of best–worst choices: from who was chosen best and worst among a few to a scale of all.

Two scales are given. Counting: how often an item was best less how often worst, over how often it was shown (Finn &
Louviere 1992; Kiritchenko & Mohammad 2017, "Best-Worst Scaling More Reliable than Rating Scales"). Maximum likelihood:
the maximum-difference model (Marley & Louviere 2005), in which the pair of best i and worst j is chosen among all
ordered pairs of the set with a probability in proportion to exp(u_i - u_j). Its maximum is finite if and only if no
group of items is always chosen above the rest; where one is, there are no strengths, with that reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats, Ints
from genspace.display import Displayed

__all__ = ["BestWorst", "best_worst_scale", "split_half_reliability"]


@dataclass(frozen=True, eq=False)
class BestWorst(Displayed):
    """Scales of G items."""

    count: Floats
    """(G,) from -1 (always worst) to 1 (always best); NaN for an item that was never shown."""
    count_se: Floats
    """(G,) standard errors of `count`, as if appearances were independent."""
    shown: Ints
    """(G,) how often each item was shown."""
    strength: Floats
    """(G,) log strengths with mean 0; NaN without an appearance, and for all of them where there is a `reason`."""
    strength_se: Floats
    """(G,) standard errors of `strength`, from the observed information."""
    reason: str | None
    """Why there are no strengths."""


def best_worst_scale(
    sets: ArrayLike, best: ArrayLike, worst: ArrayLike, *, items: int, names: Sequence[str] | None = None
) -> BestWorst:
    """Scale items from choices of a best and a worst.

    Args:
        sets: (m, k) items shown in each of m choices, by number from 0; -1 where a set holds fewer than k.
        best: (m,) the item chosen best.
        worst: (m,) the item chosen worst.
        items: G, how many items there are.
        names: What to call the items in a reason; by default their numbers.

    Errors: `ValueError` for a best or worst that was not shown, one item in both places, or a set of fewer than two.

    >>> scale = best_worst_scale([[0, 1, 2], [0, 1, 2]], best=[0, 1], worst=[2, 0], items=3)
    >>> scale.count.tolist(), scale.shown.tolist()
    ([0.0, 0.5, -0.5], [2, 2, 2])
    """
    shown, top, bottom = _checked(sets, best, worst, items)
    appearances = np.bincount(shown[shown >= 0], minlength=items)
    wins, losses = (np.bincount(chosen, minlength=items) for chosen in (top, bottom))
    with np.errstate(invalid="ignore", divide="ignore"):
        share_best, share_worst = wins / appearances, losses / appearances
        count = share_best - share_worst
        count_se = np.sqrt((share_best + share_worst - count**2) / appearances)
    strength, strength_se = np.full(items, np.nan), np.full(items, np.nan)
    there = np.flatnonzero(appearances)
    reason = _no_finite_maximum(
        shown, top, bottom, there, [str(i) if names is None else names[i] for i in range(items)]
    )
    if reason is None:
        place = np.full(items + 1, -1)
        place[there] = np.arange(len(there))
        fitted, se = _fit(place[shown], place[top], place[bottom], len(there))
        strength[there], strength_se[there] = fitted, se
    return BestWorst(count, count_se, appearances.astype(np.int64), strength, strength_se, reason)


def split_half_reliability(
    sets: ArrayLike, best: ArrayLike, worst: ArrayLike, *, items: int, halves: int = 100, seed: int = 0
) -> float:
    """Return the mean Spearman correlation of the counting scales of two random halves of the choices.

    As Kiritchenko & Mohammad (2017) report it. NaN where no half scales two items, or all come out the same.

    >>> sets = [[0, 1, 2]] * 8
    >>> split_half_reliability(sets, [0] * 8, [2] * 8, items=3)  # everybody chooses alike
    1.0
    """
    from scipy.stats import spearmanr

    shown, top, bottom = _checked(sets, best, worst, items)
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(halves):
        first = np.zeros(len(top), dtype=bool)
        first[generator.permutation(len(top))[: len(top) // 2]] = True
        scales = []
        for half in (first, ~first):
            number = np.bincount(shown[half][shown[half] >= 0], minlength=items).astype(float)
            number[number == 0] = np.nan
            difference = np.bincount(top[half], minlength=items) - np.bincount(bottom[half], minlength=items)
            scales.append(difference / number)
        both = np.isfinite(scales[0]) & np.isfinite(scales[1])
        varied = both.sum() > 1 and all(np.ptp(scale[both]) > 0 for scale in scales)
        if varied:
            found.append(float(spearmanr(scales[0][both], scales[1][both]).statistic))
    return float(np.mean(found)) if found else float("nan")


def _checked(sets: ArrayLike, best: ArrayLike, worst: ArrayLike, items: int) -> tuple[Ints, Ints, Ints]:
    shown = np.atleast_2d(np.asarray(sets, dtype=np.int64))
    top, bottom = np.asarray(best, dtype=np.int64).ravel(), np.asarray(worst, dtype=np.int64).ravel()
    if not len(shown) == len(top) == len(bottom):
        raise ValueError(f"{len(shown)} sets, {len(top)} best and {len(bottom)} worst must be as many")
    if shown.size and (shown.max() >= items or shown.min() < -1):
        raise ValueError(f"items must be numbered from 0 to {items - 1}, or -1 for none")
    ordered = np.sort(shown, axis=1)
    if ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any():
        raise ValueError("a set shows an item twice")
    if ((shown >= 0).sum(axis=1) < 2).any():
        raise ValueError("a set needs two items")
    if not ((shown == top[:, None]).any(axis=1) & (shown == bottom[:, None]).any(axis=1)).all():
        raise ValueError("a best or worst item was not shown in its set")
    if (top == bottom).any():
        raise ValueError("an item is best and worst of one set")
    return shown, top, bottom


def _no_finite_maximum(shown: Ints, top: Ints, bottom: Ints, there: Ints, names: Sequence[str]) -> str | None:
    """Return why maximum likelihood has no finite answer, or None.

    The strengths may grow without bound along a direction if and only if it puts the best of every set highest and the
    worst lowest; there is one unless every item is, through a chain of choices, above every other.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if len(there) < 2:
        return "no two items were compared"
    above, below = [], []
    for column in shown.T:
        others = column >= 0
        for high, low in ((top, column), (column, bottom)):
            above.append(high[others & (high != low)])
            below.append(low[others & (high != low)])
    rows, columns = np.concatenate(above), np.concatenate(below)
    size = len(names)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size)).tocsr()
    for connection in ("weak", "strong"):
        _, label = connected_components(graph, directed=True, connection=connection)
        groups = [
            np.flatnonzero((label == part) & np.isin(np.arange(size), there))
            for part in np.unique(label[there])
        ]
        if len(groups) == 1:
            continue
        listed = " | ".join(", ".join(names[i] for i in group.tolist()) for group in groups)
        if connection == "weak":
            return f"groups that were never shown together: {listed}"
        return f"a group of items is always chosen above the rest, so its lead is infinite; groups: {listed}"
    return None


def _fit(shown: Ints, top: Ints, bottom: Ints, items: int) -> tuple[Floats, Floats]:
    """Return strengths with mean 0 and their standard errors; the likelihood is concave, so its maximum is the one."""
    from scipy.optimize import minimize

    model = _MaximumDifference(shown, top, bottom, items)

    def whole(free: Any) -> Any:  # the first item's strength is held at 0, for only differences matter
        return np.concatenate([[0.0], free])

    def slope(free: Any) -> Any:
        return model.slope(whole(free))[1:]

    def information(free: Any) -> Any:
        return model.information(whole(free))[1:, 1:]

    found = minimize(  # type: ignore[call-overload]  # its stubs want functions of any number of arguments
        lambda free: model.loss(whole(free)),
        np.zeros(items - 1),
        jac=slope,
        hess=information,
        method="trust-exact",
        tol=1e-8,
    )
    u = whole(found.x)
    covariance = np.zeros((items, items))
    covariance[1:, 1:] = np.linalg.inv(information(found.x))
    centred = np.eye(items) - 1 / items
    return u - u.mean(), np.sqrt(np.diag(centred @ covariance @ centred))


class _MaximumDifference:
    """The negative log likelihood of the maximum-difference model, its gradient and its observed information."""

    def __init__(self, shown: Ints, top: Ints, bottom: Ints, items: int) -> None:
        pairs = [
            (shown[:, i], shown[:, j], np.arange(len(shown)))
            for i, j in permutations(range(shown.shape[1]), 2)
        ]
        first, second, row = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        there = (first >= 0) & (second >= 0)
        self.first, self.second, self.row = first[there], second[there], row[there]
        self.sets, self.items = len(shown), items
        self.chosen = np.bincount(top, minlength=items) - np.bincount(bottom, minlength=items)

    def loss(self, u: Floats) -> float:
        return float(self._pairs(u)[1].sum() - u @ self.chosen)

    def slope(self, u: Floats) -> Floats:
        return np.asarray(self._expected(u).sum(axis=0) - self.chosen)

    def information(self, u: Floats) -> Floats:
        probability, expected = self._pairs(u)[0], self._expected(u)
        table = np.zeros((self.items, self.items))
        for i, j, sign in (
            (self.first, self.first, 1), (self.second, self.second, 1),
            (self.first, self.second, -1), (self.second, self.first, -1),
        ):  # fmt: skip
            np.add.at(table, (i, j), sign * probability)
        return np.asarray(table - expected.T @ expected)

    def _pairs(self, u: Floats) -> tuple[Floats, Floats]:
        """(P,) probability of each ordered pair within its set, and (m,) log of each set's sum of odds."""
        difference = u[self.first] - u[self.second]
        highest = np.full(self.sets, -np.inf)
        np.maximum.at(highest, self.row, difference)
        weight = np.exp(difference - highest[self.row])
        total = np.bincount(self.row, weights=weight, minlength=self.sets)
        return weight / total[self.row], highest + np.log(total)

    def _expected(self, u: Floats) -> Floats:
        """(m, G) expected count of best less worst of each item in each set."""
        expected = np.zeros((self.sets, self.items))
        probability, _ = self._pairs(u)
        np.add.at(expected, (self.row, self.first), probability)
        np.add.at(expected, (self.row, self.second), -probability)
        return expected
