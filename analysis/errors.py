"""Where two judges err: together or apart, and what choosing between them could gain; what agreement costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Bools, Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import Scale, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import Weighted, ratio, stream
from genspace.display import Displayed

__all__ = ["ErrorOverlap", "error_overlap", "pareto_front"]


@dataclass(frozen=True, slots=True)
class ErrorOverlap(Displayed):
    """Errors of two judges on the items that both and the people have decided."""

    correlation: Estimate
    """Pearson correlation of the two errors, for decisions of being wrong (phi); low is good for an ensemble."""
    mean_error: tuple[float | None, float | None]
    """Mean absolute error of each judge; for decisions the share of wrong ones."""
    oracle: Estimate
    """Mean absolute error of an oracle that takes the better of the two on every item."""
    blind_oracle: float | None
    """The same oracle beside the better judge and a version of the other whose prompts are shuffled: what
    hindsight alone gains from a judge that knows nothing."""


def error_overlap(
    first: ArrayLike,
    second: ArrayLike,
    truth: ArrayLike,
    prompts: ArrayLike,
    *,
    clusters: Replicates | None = None,
    seed: int = 0,
) -> ErrorOverlap:
    """Compare the errors of two judges on one scale.

    Args:
        first: (n,) the first judge on the people's scale: decisions 1 / 0, or scores calibrated by
            `calibration.cross_fit`; NaN = none.
        second: (n,) the second judge, likewise.
        truth: (n,) people's decisions or mean ratings on that scale; NaN = none.
        prompts: (n,) prompt of each item, shuffled whole for `blind_oracle`.
        clusters: The prompts of the n items; None gives no intervals.
        seed: Of the shuffling.

    >>> error_overlap([1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0], prompts=range(4)).oracle.value
    0.25
    """
    a, b, y = (np.asarray(v, dtype=float) for v in (first, second, truth))
    both = np.isfinite(a) & np.isfinite(b) & np.isfinite(y)
    n = int(both.sum())
    if n < 2:
        undefined = Estimate.undefined(Reason("no_common_decisions"), n=n)
        return ErrorOverlap(undefined, (None, None), undefined, None)
    a, b, y = a[both], b[both], y[both]
    error_a, error_b = a - y, b - y
    if np.isin(np.concatenate([a, b, y]), (0, 1)).all():
        error_a, error_b = np.abs(error_a), np.abs(error_b)
    least = np.minimum(np.abs(error_a), np.abs(error_b))
    kept_out = (clusters or Replicates.of(np.zeros(len(both)))).take(both)

    def figure(statistic: Any, reason: Reason, scale: Scale) -> Estimate:
        value = float(statistic(np.ones((n, 1)))[0])
        return from_replicates(value, kept_out.map(statistic), kept_out, n=n, scale=scale, reason=reason)

    mean = (float(np.abs(error_a).mean()), float(np.abs(error_b).mean()))
    better, other = (a, b) if mean[0] <= mean[1] else (b, a)
    shuffled = _shuffle_prompts(other, np.asarray(prompts)[both], stream(seed, "blind oracle"))
    blind = np.minimum(np.abs(better - y), np.abs(shuffled - y)).mean()
    return ErrorOverlap(
        correlation=figure(
            lambda w: Weighted(error_a, w).pearson(error_b), Reason("equal_errors"), "correlation"
        ),
        mean_error=mean,
        oracle=figure(lambda w: ratio(least @ w, w.sum(axis=0)), Reason("no_items"), "share"),
        blind_oracle=float(blind),
    )


def _shuffle_prompts(values: Floats, prompts: NDArray[Any], rng: np.random.Generator) -> Floats:
    """(n,) the values with the order of the prompts shuffled, items of a prompt kept side by side."""
    labels, member = np.unique(prompts, return_inverse=True)
    by_prompt = np.argsort(member, kind="stable")
    shuffled = np.argsort(rng.permutation(len(labels))[member], kind="stable")
    result = np.empty_like(values)
    result[by_prompt] = values[shuffled]
    return result


def pareto_front(cost: ArrayLike, value: ArrayLike) -> Bools:
    """(k,) whether no other judge is at least as good for at most the same cost, and better in one of the two.

    NaN in either leaves a judge out of the front.

    >>> pareto_front([1.0, 2.0, 3.0, 2.0], [0.5, 0.7, 0.6, 0.4]).tolist()
    [True, True, False, False]
    """
    price, gain = np.asarray(cost, dtype=float), np.asarray(value, dtype=float)
    no_dearer = price[None, :] <= price[:, None]
    no_worse = gain[None, :] >= gain[:, None]
    strictly = (price[None, :] < price[:, None]) | (gain[None, :] > gain[:, None])
    beaten = (no_dearer & no_worse & strictly).any(axis=1)
    return np.asarray(~beaten & np.isfinite(price) & np.isfinite(gain))
