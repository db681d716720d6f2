"""Agreement of scores with ratings: correlations, areas under curves, and how groups of items are averaged.

The statistic and the averaging are apart: every figure can be taken over all items, or within each prompt or generator
and then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis.figures import Figure, Share, figure_named
from genspace.analysis.inference.left_out import pair_counts
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import SCORE_TIE, Adding, Concordance, Weighted, dense_codes, ratio
from genspace.errors import InputError

__all__ = [
    "Grouped",
    "WithinGroups",
    "agreement",
    "score_tie",
    "why_undefined",
    "within_groups",
]


GROUP_CELLS = 250_000
"""Items x groups that are counted together."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """One figure within each group of items.

    >>> found = Grouped(values=np.array([1.0, 0.5, np.nan]), items=np.array([2.0, 4, 1]))
    >>> found.mean().tolist(), found.defined.tolist()
    ([0.75], [True, True, False])
    """

    values: Floats
    """(G,) the figure of each group; NaN where it is undefined."""
    items: Floats
    """(G,) items of each group."""

    @property
    def defined(self) -> Bools:
        """(G,) groups with a value."""
        return np.isfinite(self.values)

    def mean(self, weights: Floats | None = None) -> Floats:
        """Average over the groups that have a value, NaN when none has.

        Args:
            weights: (G, B) how often each group counts in each of B draws; default: once, B = 1.
        """
        weights = np.ones((len(self.values), 1)) if weights is None else weights
        return self.averaged(lambda values: values @ weights)

    def averaged(self, add: Adding) -> Floats:
        """Average over the groups that have a value, added up in B ways; NaN where none has."""
        return ratio(add(np.where(self.defined, self.values, 0.0)), add(self.defined.astype(float)))


@dataclass(frozen=True, eq=False)
class ByGroup:
    """A target with each of G groups as a draw that holds its own items once, some groups at a time."""

    parts: tuple[tuple[Ints, Weighted], ...]
    """The places of some groups' items, and their target."""
    group: Ints
    """(n,) number of each item's group."""
    codes: Ints
    """(n,) dense ranks of the target."""

    def statistic(self, figure: Figure, x: Floats, tie: float = 0.0) -> Floats:
        """(G,) a figure within each group."""
        if figure.share is not None:
            return figure.share(self.concordance(x, tie))
        return np.concatenate([figure.statistic(target, x[rows], tie) for rows, target in self.parts])

    def concordance(self, x: Floats, tie: float = 0.0) -> Concordance:
        """Count the pairs of each group; scores within `tie` of a neighbour are equal."""
        codes = dense_codes(x, tie)
        sizes = np.bincount(self.group).astype(float)
        balance, ties_x, ties_y, ties_both = (
            np.bincount(self.group, of_item) / 2 for of_item in pair_counts(codes, self.codes, self.group)
        )
        return Concordance(
            pairs=sizes * (sizes - 1) / 2,
            balance=balance,
            ties_x=ties_x,
            ties_y=ties_y,
            ties_both=ties_both,
            levels=np.minimum(*(self._distinct(c) for c in (codes, self.codes))),
            items=sizes,
        )

    def _distinct(self, codes: Ints) -> Floats:
        """(G,) distinct codes of each group."""
        wide = int(codes.max(initial=0)) + 1
        return np.bincount(np.unique(self.group * wide + codes) // wide).astype(float)


def by_group(y: Floats, groups: NDArray[Any]) -> tuple[ByGroup, Floats]:
    """Return the target by group, in sorted order of the groups, and the groups' sizes (G,)."""
    _, member = np.unique(groups, return_inverse=True)
    order = np.argsort(member, kind="stable")
    sizes = np.bincount(member)
    ends = [0, *np.cumsum(sizes).tolist()]
    parts: list[tuple[Ints, Weighted]] = []
    first = 0
    while first < len(sizes) or not parts:
        last = first + 1
        while last < len(sizes) and (ends[last + 1] - ends[first]) * (last + 1 - first) <= GROUP_CELLS:
            last += 1
        rows = np.sort(order[ends[first] : ends[min(last, len(sizes))]])
        weights = (member[rows][:, None] == np.arange(first, min(last, len(sizes)))).astype(float)
        parts.append((rows, Weighted(y[rows], weights)))
        first = last
    group = np.asarray(member, dtype=np.int64)
    return ByGroup(tuple(parts), group, dense_codes(y)), sizes.astype(float)


@dataclass(frozen=True, eq=False)
class WithinGroups:
    """One figure inside groups of items, for any multiplicities of the groups."""

    summed: Callable[[Adding], Floats]
    """Takes a way to add groups up, returns (B,) values: of shares of pairs over all pairs, of others the mean."""
    n: int
    """Groups in which the target tells items apart."""

    def of(self, weights: Floats) -> Floats:
        """(B,) values for (G, B) multiplicities of the groups.

        >>> figure, y, x = figure_named("accuracy"), np.array([1.0, 0, 1, 0]), np.array([1.0, 0, 0, 0])
        >>> found = within_groups([figure], y, x, np.array([0, 0, 1, 1]))["accuracy"]
        >>> found.of(np.array([[1.0], [1.0]])).tolist(), found.of(np.array([[2.0], [0.0]])).tolist()
        ([0.75], [1.0])
        """
        return self.summed(lambda values: values @ weights)

    def left_out(self, clusters: Replicates) -> Floats:
        """(1 + B,) the value, then those without each block of groups."""
        return self.summed(lambda values: np.append(values.sum(), clusters.sums(values)))


def within_groups(
    figures: Iterable[Figure], y: Floats, x: Floats, groups: NDArray[Any]
) -> dict[str, WithinGroups]:
    """Return figures inside groups, by key.

    A group whose targets are equal drops out. Where the scores alone are equal the figure is that of a judge that
    knows nothing, so that all judges rest on the same groups.

    Args:
        figures: Figures that read scores.
        y: (n,) target, finite.
        x: (n,) scores, finite.
        groups: (n,) labels.

    >>> tau = figure_named("kendall_tau_b")
    >>> y, x = np.array([1.0, 2, 1, 2, 3, 3]), np.array([1.0, 2, 5, 5, 1, 2])
    >>> found = within_groups([tau], y, x, np.array([0, 0, 1, 1, 2, 2]))["kendall_tau_b"]
    >>> found.of(np.ones((3, 1))).tolist(), found.n
    ([0.5], 2)
    """
    inside, sizes = by_group(y, groups)
    tie = score_tie(x)
    pairs = inside.concordance(x, tie)
    apart = pairs.pairs > pairs.ties_y

    def pooled(share: Share) -> Callable[[Adding], Floats]:
        return lambda add: share(pairs.pooled(add))

    found = {}
    for figure in figures:
        if figure.share is not None:
            n = int(np.isfinite(figure.share(pairs)).sum())
            found[figure.key] = WithinGroups(pooled(figure.share), n)
        else:
            values = inside.statistic(figure, x, tie)
            values = np.where(apart, np.where(np.isfinite(values), values, figure.chance), np.nan)
            found[figure.key] = WithinGroups(Grouped(values, sizes).averaged, int(apart.sum()))
    return found


def agreement(
    target: ArrayLike,
    scores: ArrayLike,
    figure: str = "spearman",
    *,
    groups: ArrayLike | None = None,
    average: Literal["groups", "items", "pairs"] = "groups",
) -> float:
    """Compute one figure of agreement between ratings (or decisions) and scores; NaN when undefined.

    Args:
        target: (n,) mean ratings, or decisions 1 / 0 for "roc_auc" and "average_precision"; NaN = none.
        scores: (n,) scores, higher is better; NaN = abstained. Items without either are left out.
        figure: A name of `FIGURES`.
        groups: (n,) labels; the figure is computed within each group, and groups without a value are left out.
        average: Whether each group counts once, by its number of items, or (for shares of pairs) by its pairs.

    Errors: `InputError` for an unknown figure, vectors of different lengths, or an average that the figure does not
    support.

    >>> agreement([1, 2, 3, 4], [1, 3, 2, 4], "kendall_tau_b").__round__(3)
    0.667
    >>> agreement([1, 2, 1, 2], [5, 6, 1, 0], "pearson", groups=["a", "a", "b", "b"])
    0.0
    """
    row = figure_named(figure)
    y, x = (np.asarray(v, dtype=float) for v in (target, scores))
    label = np.zeros(len(y)) if groups is None else np.asarray(groups)
    if not len(y) == len(x) == len(label):
        raise InputError(f"target, scores and groups have {len(y)}, {len(x)} and {len(label)} entries")
    both = np.isfinite(y) & np.isfinite(x)
    x, tie = x[both], score_tie(x[both])
    inside, sizes = by_group(y[both], label[both])
    if average == "pairs":
        if row.share is None:
            raise InputError(f"{figure} is no share of pairs: average it by groups or items")
        return float(row.share(inside.concordance(x, tie).pooled(_whole))[0])
    values = Grouped(inside.statistic(row, x, tie), sizes)
    return float(values.mean(sizes[:, None] if average == "items" else None)[0])


def _whole(values: Floats) -> Floats:
    """(1,) sum over all groups."""
    return np.asarray([values.sum()])


def score_tie(scores: Floats) -> float:
    """Return the difference up to which scores are ties in pairwise accuracy: 1e-9 of their range.

    >>> score_tie(np.array([0.0, 5.0, 10.0]))
    1e-08
    """
    return SCORE_TIE * float(np.ptp(scores)) if len(scores) else 0.0


def why_undefined(y: Floats, x: Floats, *, what: str = "ratings") -> Reason:
    """Return why a figure of these finite target and score vectors has no value.

    >>> why_undefined(np.array([3.0, 3.0]), np.array([0.1, 0.9])).code
    'all_equal'
    """
    if len(y) == 0:
        return Reason("no_common_item")
    if len(y) < 2:
        return Reason("too_few_items", n=1)
    if dense_codes(y).max() == 0:
        return Reason("all_equal", name=what)
    if dense_codes(x).max() == 0:
        return Reason("all_equal", name="scores")
    return Reason("undefined")
