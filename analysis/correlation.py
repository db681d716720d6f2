"""Agreement of scores with ratings: correlations, areas under curves, and how groups of items are averaged.

The statistic and the averaging are apart: every figure of `FIGURES` can be taken over all items, or within
each prompt or generator and then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis.resampling import SCORE_TIE, Weighted, dense_codes
from genspace.errors import InputError, did_you_mean

__all__ = ["FIGURES", "Figure", "Grouped", "agreement", "grouped", "score_tie", "why_undefined"]

Floats = NDArray[np.float64]
Statistic = Callable[[Weighted, Floats, float], Floats]


@dataclass(frozen=True)
class Figure:
    """One figure of agreement between a target and scores."""

    label: str
    """As tables show it."""
    target: Literal["rating", "decision"]
    """Whether it compares with the mean rating or with people's yes / no."""
    statistic: Statistic
    """Takes a `Weighted` target, the scores and their tie width; returns (B,) values."""


FIGURES: Mapping[str, Figure] = {
    "pearson": Figure("Pearson", "rating", lambda y, x, _: y.pearson(x)),
    "spearman": Figure("Spearman", "rating", lambda y, x, _: y.spearman(x)),
    "kendall_tau_b": Figure("Kendall's tau-b", "rating", lambda y, x, _: y.concordance(x).tau_b),
    "kendall_tau_c": Figure("Kendall's tau-c", "rating", lambda y, x, _: y.concordance(x).tau_c),
    "graded_auc": Figure("graded AUC", "rating", lambda y, x, tie: y.concordance(x, tie).half_credit),
    "pairwise_strict": Figure(
        "pairwise accuracy, a judge's ties wrong", "rating", lambda y, x, tie: y.concordance(x, tie).strict
    ),
    "pairwise_half_credit": Figure(
        "pairwise accuracy, a judge's ties half",
        "rating",
        lambda y, x, tie: y.concordance(x, tie).half_credit,
    ),
    "pairwise_ties_dropped": Figure(
        "pairwise accuracy, ties of both dropped",
        "rating",
        lambda y, x, tie: y.concordance(x, tie).ties_dropped,
    ),
    "pairwise_with_ties": Figure(
        "pairwise accuracy with ties (acc23)", "rating", lambda y, x, tie: y.concordance(x, tie).with_ties
    ),
    "roc_auc": Figure("ROC AUC", "decision", lambda y, x, tie: y.concordance(x, tie).half_credit),
    "average_precision": Figure("average precision", "decision", lambda y, x, _: y.average_precision(x)),
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


def grouped(figure: str, y: Floats, x: Floats, groups: NDArray[Any], *, tie: float = 0.0) -> Grouped:
    """Return a figure within each group, groups in sorted order.

    Args:
        figure: A name of `FIGURES`.
        y: (n,) target, finite.
        x: (n,) scores, finite, higher is better.
        groups: (n,) group of each item.
        tie: Scores within it are ties in the pairwise figures, see `score_tie`.
    """
    _, member = np.unique(groups, return_inverse=True)
    # A group is a draw that holds its own items once, so all groups are computed together.
    weights = np.zeros((len(y), int(member.max(initial=-1)) + 1))
    weights[np.arange(len(y)), member] = 1
    values = FIGURES[figure].statistic(Weighted(y, weights), x, tie)
    return Grouped(values, weights.sum(axis=0))


def agreement(
    target: ArrayLike,
    scores: ArrayLike,
    figure: str = "spearman",
    *,
    groups: ArrayLike | None = None,
    average: Literal["groups", "items"] = "groups",
) -> float:
    """Return one figure of agreement between ratings (or decisions) and scores; NaN when undefined.

    Args:
        target: (n,) mean ratings, or decisions 1 / 0 for "roc_auc" and "average_precision"; NaN = none.
        scores: (n,) scores, higher is better; NaN = abstained. Items without either are left out.
        figure: A name of `FIGURES`.
        groups: (n,) labels; the figure is taken within each group, groups without a value are left out.
        average: Whether each group counts once, or by its number of items.

    Errors: `InputError` for an unknown figure or vectors of different lengths.

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
    result = grouped(figure, y[both], x[both], label[both], tie=score_tie(x[both]))
    weights = result.items[:, None] if average == "items" else None
    return float(result.mean(weights)[0])


def score_tie(scores: Floats) -> float:
    """Return the difference up to which scores are ties in pairwise accuracy: 1e-9 of their range."""
    return SCORE_TIE * float(np.ptp(scores)) if len(scores) else 0.0


def why_undefined(y: Floats, x: Floats, *, what: str = "people's ratings") -> str:
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
