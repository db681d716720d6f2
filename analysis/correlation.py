"""Agreement of scores with ratings: correlations, areas under curves, and how groups of items are averaged.

The statistic and the averaging are apart: every figure of `FIGURES` can be taken over all items, or within
each prompt or generator and then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis.resampling import SCORE_TIE, Concordance, Weighted, dense_codes
from genspace.errors import InputError, did_you_mean

__all__ = ["FIGURES", "ByGroup", "Figure", "Grouped", "agreement", "by_group", "score_tie", "why_undefined"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Statistic = Callable[[Weighted, Floats, float], Floats]

GROUP_CELLS = 250_000
"""Items x groups that are counted together."""


@dataclass(frozen=True)
class Figure:
    """One figure of agreement between a target and scores."""

    label: str
    """As tables show it."""
    statistic: Statistic
    """Takes a `Weighted` target, the scores and their tie width; returns (B,) values."""
    target: Literal["rating", "decision"] = "rating"
    """Whether it compares with the mean rating or with people's yes / no."""
    share: Callable[[Concordance], Floats] | None = None
    """For shares of pairs: the share as a function of the counts, so that groups can be pooled by pairs."""


def _share_of_pairs(
    label: str, share: Callable[[Concordance], Floats], target: Literal["rating", "decision"] = "rating"
) -> Figure:
    return Figure(label, lambda y, x, tie: share(y.concordance(x, tie)), target, share)


FIGURES: Mapping[str, Figure] = {
    "pearson": Figure("Pearson", lambda y, x, _: y.pearson(x)),
    "spearman": Figure("Spearman", lambda y, x, _: y.spearman(x)),
    "kendall_tau_b": Figure("Kendall's tau-b", lambda y, x, _: y.concordance(x).tau_b),
    "kendall_tau_c": Figure("Kendall's tau-c", lambda y, x, _: y.concordance(x).tau_c),
    "graded_auc": _share_of_pairs("graded AUC", lambda c: c.half_credit),
    "pairwise_strict": _share_of_pairs("pairwise accuracy, a judge's ties wrong", lambda c: c.strict),
    "pairwise_half_credit": _share_of_pairs(
        "pairwise accuracy, a judge's ties half", lambda c: c.half_credit
    ),
    "pairwise_ties_dropped": _share_of_pairs(
        "pairwise accuracy, ties of both dropped", lambda c: c.ties_dropped
    ),
    "pairwise_with_ties": _share_of_pairs("pairwise accuracy with ties (acc23)", lambda c: c.with_ties),
    "roc_auc": _share_of_pairs("ROC AUC", lambda c: c.half_credit, "decision"),
    "average_precision": Figure("average precision", lambda y, x, _: y.average_precision(x), "decision"),
}
"""Every figure between a target and scores, higher always better."""


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

    def statistic(self, figure: str, x: Floats, tie: float = 0.0) -> Floats:
        """(G,) a figure of `FIGURES` within each group."""
        share = FIGURES[figure].share
        if share is not None:
            return share(self.concordance(x, tie))
        compute = FIGURES[figure].statistic
        return np.concatenate([compute(target, x[rows], tie) for rows, target in self.parts])

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
    if figure not in FIGURES:
        raise InputError(f"unknown figure {figure!r}{did_you_mean(figure, FIGURES)}")
    y, x = (np.asarray(v, dtype=float) for v in (target, scores))
    label = np.zeros(len(y)) if groups is None else np.asarray(groups)
    if not len(y) == len(x) == len(label):
        raise InputError(f"target, scores and groups have {len(y)}, {len(x)} and {len(label)} entries")
    both = np.isfinite(y) & np.isfinite(x)
    x, tie = x[both], score_tie(x[both])
    inside, sizes = by_group(y[both], label[both])
    share = FIGURES[figure].share
    if average == "pairs":
        if share is None:
            raise InputError(f"{figure} is no share of pairs: average it by groups or items")
        return float(share(inside.concordance(x, tie).pooled(np.ones((len(sizes), 1))))[0])
    values = Grouped(inside.statistic(figure, x, tie), sizes)
    return float(values.mean(sizes[:, None] if average == "items" else None)[0])


def score_tie(scores: Floats) -> float:
    """Return the difference up to which scores are ties in pairwise accuracy: 1e-9 of their range."""
    return SCORE_TIE * float(np.ptp(scores)) if len(scores) else 0.0


def why_undefined(y: Floats, x: Floats, *, what: str = "ratings") -> str:
    """Return, in words, why a figure of these finite target and score vectors has no value."""
    if len(y) == 0:
        return "no item has both a score and a target"
    if len(y) < 2:
        return "too few items: 1"
    if dense_codes(y).max() == 0:
        return f"all {what} are equal"
    if dense_codes(x).max() == 0:
        return "all scores are equal"
    return "not defined on these items"
