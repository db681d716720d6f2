"""Agreement of scores with ratings: correlations, areas under curves, and how groups of items are averaged.

The statistic and the averaging are apart: every figure can be taken over all items, or within each prompt or generator
and then averaged.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis.figures import Figure, figure_named
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import SCORE_TIE, Concordance, Weighted, dense_codes
from genspace.errors import InputError

__all__ = ["ByGroup", "Grouped", "agreement", "by_group", "score_tie", "why_undefined"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GROUP_CELLS = 250_000
"""Items x groups that are counted together."""


@dataclass(frozen=True, eq=False)
class Grouped:
    """One figure within each group of items."""

    values: Floats
    """(G,) the figure of each group; NaN where it is undefined."""
    items: Floats
    """(G,) items of each group."""

    @property
    def defined(self) -> NDArray[np.bool_]:
        """(G,) groups with a value."""
        return np.isfinite(self.values)

    def mean(self, weights: Floats | None = None) -> Floats:
        """Average over the groups that have a value, NaN when none has.

        Args:
            weights: (G, B) how often each group counts in each of B draws; default: once, B = 1.
        """
        weights = np.ones((len(self.values), 1)) if weights is None else weights
        counted = weights * self.defined[:, None]
        total = counted.sum(axis=0)
        mean = np.full(total.shape, np.nan)
        np.divide(np.nan_to_num(self.values) @ counted, total, out=mean, where=total > 0)
        return mean


@dataclass(frozen=True, eq=False)
class ByGroup:
    """A target with each of G groups as a draw that holds its own items once, some groups at a time."""

    parts: tuple[tuple[Ints, Weighted], ...]
    """The places of some groups' items, and their target."""

    def statistic(self, figure: Figure, x: Floats, tie: float = 0.0) -> Floats:
        """(G,) a figure within each group."""
        if figure.share is not None:
            return figure.share(self.concordance(x, tie))
        return np.concatenate([figure.statistic(target, x[rows], tie) for rows, target in self.parts])

    def concordance(self, x: Floats, tie: float = 0.0) -> Concordance:
        """Count the pairs of each group; scores within `tie` of a neighbour are equal."""
        codes = dense_codes(x, tie).astype(float)
        counts = [target.concordance(codes[rows]) for rows, target in self.parts]
        return Concordance(
            **{f.name: np.concatenate([getattr(c, f.name) for c in counts]) for f in fields(Concordance)}
        )


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
    return ByGroup(tuple(parts)), sizes.astype(float)


def agreement(
    target: ArrayLike,
    scores: ArrayLike,
    figure: str = "spearman",
    *,
    groups: ArrayLike | None = None,
    average: Literal["groups", "items", "pairs"] = "groups",
) -> float:
    """Return one figure of agreement between ratings (or decisions) and scores; NaN when undefined.

    Args:
        target: (n,) mean ratings, or decisions 1 / 0 for "roc_auc" and "average_precision"; NaN = none.
        scores: (n,) scores, higher is better; NaN = abstained. Items without either are left out.
        figure: A name of `FIGURES`.
        groups: (n,) labels; the figure is taken within each group, groups without a value are left out.
        average: Whether each group counts once, by its number of items, or (for shares of pairs) by its pairs.

    Errors: `InputError` for an unknown figure, vectors of different lengths, or an average that the figure has
    not.

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
        return float(row.share(inside.concordance(x, tie).pooled(np.ones((len(sizes), 1))))[0])
    values = Grouped(inside.statistic(row, x, tie), sizes)
    return float(values.mean(sizes[:, None] if average == "items" else None)[0])


def score_tie(scores: Floats) -> float:
    """Return the difference up to which scores are ties in pairwise accuracy: 1e-9 of their range."""
    return SCORE_TIE * float(np.ptp(scores)) if len(scores) else 0.0


def why_undefined(y: Floats, x: Floats, *, what: str = "ratings") -> Reason:
    """Return why a figure of these finite target and score vectors has no value."""
    if len(y) == 0:
        return Reason("no_common_item")
    if len(y) < 2:
        return Reason("too_few_items", n=1)
    if dense_codes(y).max() == 0:
        return Reason("all_equal", name=what)
    if dense_codes(x).max() == 0:
        return Reason("all_equal", name="scores")
    return Reason("undefined")
