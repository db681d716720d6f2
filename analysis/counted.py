"""One figure of a generator counted in three ways: what was not measured is a miss, is left out, or is a pass.

A judge that finds nothing in a picture says nothing about it, and a generator that draws nothing recognisable must not
gain by that. So the first figure is a lower bound and the last an upper bound, whatever the unmeasured pictures are
worth; leaving them out assumes that they are like the others, and bounds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import JudgeScores
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio
from genspace.display import Displayed

__all__ = [
    "Counted",
    "Place",
    "ScoreRange",
    "ThreeFigures",
    "cell_weights",
    "judge_figures",
    "mean_without_each",
    "places",
    "prompt_mean",
    "three_figures",
]


ROUNDING = 1e-12
"""Figures that differ by less are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeFigures(Displayed):
    """One figure of a generator, counted in three ways; `n` of each is what it averages over."""

    as_misses: Estimate
    """What was not measured counts as a miss: a lower bound, and the figure that is meant without another word."""
    left_out: Estimate
    """What was not measured is left out: an assumption, never a bound."""
    as_passes: Estimate
    """What was not measured counts as a pass: an upper bound."""

    @property
    def n(self) -> int:
        """Items of the generator, measured or not."""
        return self.as_misses.n

    @property
    def coverage(self) -> float | None:
        """Share of the items that were measured."""
        return self.as_misses.coverage


@dataclass(frozen=True, slots=True)
class ScoreRange(Displayed):
    """What a judge's worst and best scores are."""

    worst: float = 0.0
    best: float = 1.0
    doubt: Reason | None = None
    """Why they are no true ends."""
    share: bool = False
    """Whether all scores are 0 or 1."""

    @classmethod
    def of(cls, judge: JudgeScores) -> ScoreRange:
        """Return 0 and 1 where all scores lie there, else the worst and the best score that the judge gave.

        Args:
            judge: Its verdicts on all items of the study.
        """
        given = judge.oriented[np.isfinite(judge.score)]
        size = np.abs(given)
        if not len(given) or bool((size <= 1).all() and (given * judge.direction >= 0).all()):
            share = bool(len(given)) and bool(np.isin(size, (0.0, 1.0)).all())
            return cls(0.0, 1.0, share=share) if judge.direction > 0 else cls(1.0, 0.0, share=share)
        ends = (float(given.min()) * judge.direction, float(given.max()) * judge.direction)
        return cls(*ends, Reason("scores_unbounded"))


@dataclass(frozen=True, slots=True)
class Counted(Displayed):
    """What a judge's verdicts on some items come to, in three ways."""

    score: ThreeFigures
    """Its mean score."""
    accuracy: ThreeFigures | None
    """The share that passed; None where the judge gives scores alone."""


def judge_figures(
    judge: JudgeScores,
    rows: Bools,
    prompt: NDArray[Any],
    *,
    scores: ScoreRange,
    labelled: bool,
    cell: Ints | None = None,
    confidence: float = 0.95,
    no_interval: Reason | None = None,
) -> Counted:
    """Return a judge's mean score of some items, and the share that passed.

    Args:
        judge: Its verdicts.
        rows: (n,) which items are averaged over.
        prompt: (n,) prompt of each item.
        scores: What its worst and best scores are.
        labelled: Whether the judge decides; of these items it may have decided none.
        cell: (n,) group of each item, whose means are averaged; None: the items are.
        confidence: Of the intervals.
        no_interval: Why there can be none.
    """

    def three(values: Floats, limits: ScoreRange) -> ThreeFigures:
        own_cell = None if cell is None else cell[rows]
        return three_figures(
            values[rows], prompt[rows], limits, cell=own_cell, confidence=confidence, no_interval=no_interval
        )

    return Counted(
        three(judge.score, scores), three(judge.passed, ScoreRange(share=True)) if labelled else None
    )


def three_figures(
    values: Floats,
    prompt: NDArray[Any],
    limits: ScoreRange,
    *,
    cell: Ints | None = None,
    confidence: float = 0.95,
    no_interval: Reason | None = None,
) -> ThreeFigures:
    """Return the mean of a generator's values in its three ways.

    Args:
        values: (n,) one value per item of the generator; NaN: not measured.
        prompt: (n,) label of each item's prompt.
        limits: What counts as a miss and as a pass, and what is said with these bounds.
        cell: (n,) 0 … C - 1: the figure is the mean over cells of their means; None: the mean over items.
        confidence: Of the intervals.
        no_interval: Why there can be none.

    >>> found = three_figures(np.array([1.0, 0, np.nan, np.nan]), np.arange(4), ScoreRange(share=True))
    >>> found.as_misses.value, found.left_out.value, found.as_passes.value, found.coverage
    (0.25, 0.5, 0.75, 0.5)
    """
    measured = np.isfinite(values)
    coverage = float(measured.mean()) if len(values) else None

    def counted(rows: Bools, unmeasured: float | None) -> Estimate:
        filled = values if unmeasured is None else np.where(measured, values, unmeasured)
        found = prompt_mean(
            filled[rows],
            prompt[rows],
            weight=None if cell is None else cell_weights(cell[rows], int(cell.max(initial=-1)) + 1),
            share=limits.share,
            limits=(min(limits.worst, limits.best), max(limits.worst, limits.best)),
            confidence=confidence,
            no_interval=no_interval,
        )
        reason = found.reason or (limits.doubt if unmeasured is not None and not measured.all() else None)
        return Estimate(found.value, found.low, found.high, n=found.n, coverage=coverage, reason=reason)

    left_out = counted(measured, None)
    if measured.all():
        return ThreeFigures(as_misses=left_out, left_out=left_out, as_passes=left_out)
    everything = np.ones(len(values), dtype=bool)
    return ThreeFigures(
        as_misses=counted(everything, limits.worst),
        left_out=left_out,
        as_passes=counted(everything, limits.best),
    )


def cell_weights(cell: Ints, cells: int) -> Floats | Reason:
    """Return the weight of each item in a mean of cells' means, or why there is none."""
    size = np.bincount(cell, minlength=cells)
    if (size == 0).any():
        return Reason("empty_cell", n=int((size == 0).sum()))
    return np.asarray(1 / size[cell], dtype=float)


def prompt_mean(
    values: Floats,
    prompt: NDArray[Any],
    *,
    weight: Floats | Reason | None = None,
    share: bool = False,
    limits: tuple[float, float] | None = None,
    confidence: float = 0.95,
    no_interval: Reason | None = None,
) -> Estimate:
    """Return a mean with an interval over prompts.

    Its standard error, and the interval of shares and of scores, are those of `genspace.analysis.inference`. A share of
    0 or 1 is worth as many observations as there are prompts; so are scores without any spread that keep to a scale.

    Args:
        values: (n,) finite.
        prompt: (n,) label of each value's prompt.
        weight: (n,) of each value, above 0; None: all alike; or why there is no mean.
        share: Whether the values are 0 and 1.
        limits: Ends of the scale that the values keep to.
        confidence: Of the interval.
        no_interval: Why there can be none.

    >>> prompt_mean(np.array([1.0, 1, 0, 0]), np.arange(4), share=True).value
    0.5
    """
    n = len(values)
    if n == 0:
        return Estimate.undefined(Reason("no_scores"))
    if isinstance(weight, Reason):
        return Estimate.undefined(weight, n=n)
    weights = np.ones(n) if weight is None else weight
    clusters = Replicates.of(prompt)
    value = float(weights @ values / weights.sum())
    if no_interval is not None:
        return Estimate(value, n=n, reason=no_interval)
    low, high = (0.0, 1.0) if share else limits or (-math.inf, math.inf)
    replicated = mean_without_each(values, weights, clusters)
    flat = bool(np.ptp(replicated) < ROUNDING)
    if flat and not 0 < high - low < math.inf:
        return Estimate(
            value, n=n, reason=Reason("single_prompt" if clusters.blocks < 2 else "all_equal", name="values")
        )
    if not (share or flat):
        found = from_replicates(value, replicated, clusters, n=n, confidence=confidence)
        if found.low is None or found.high is None:
            return found
        return replace(found, low=max(low, found.low), high=min(high, found.high))
    # on the scale of 0 to 1, where sums of many weights that make a whole may miss it by rounding
    unit = (value - low) / (high - low)
    unit = round(unit) if abs(unit - round(unit)) < ROUNDING else unit
    support = Support(most=n, at_ends=len(np.unique(prompt)))
    found = from_replicates(
        unit,
        (replicated - low) / (high - low),
        clusters,
        n=n,
        scale="share",
        support=support,
        confidence=confidence,
    )
    if found.low is None or found.high is None:
        return replace(found, value=value)
    return Estimate(value, low + (high - low) * found.low, low + (high - low) * found.high, n=n)


def mean_without_each(values: Floats, weights: Floats, clusters: Replicates) -> Floats:
    """Return the weighted mean of values without each block of prompts, (B,)."""
    total, size = (np.bincount(clusters.of_item, w, clusters.blocks) for w in (weights * values, weights))
    return ratio(total.sum() - total, size.sum() - size)


@dataclass(frozen=True, slots=True)
class Place(Displayed):
    """Where a generator stands."""

    rank: int | None
    """1 + the number of generators of a better figure; None without one."""
    low: int | None = None
    """Best rank that the intervals allow; None without intervals, and for the only generator, where it says nothing."""
    high: int | None = None


def places(figures: Sequence[ThreeFigures], *, higher_is_better: bool = True) -> list[Place]:
    """Return each generator's place by its first figure, and the ranks that the intervals allow.

    One generator is surely before another where the lower end of its lower bound lies above the upper end of the
    other's upper bound. Little coverage therefore leaves a place open, however good the measured part is.

    >>> few, many = (np.r_[np.ones(9), 0, np.full(90, np.nan)], np.r_[np.ones(60), np.zeros(40)])
    >>> both = [three_figures(v, np.arange(100), ScoreRange(share=True)) for v in (few, many)]
    >>> [(place.rank, place.low, place.high) for place in places(both)]
    [(2, 1, 2), (1, 1, 2)]
    """
    sign = 1.0 if higher_is_better else -1.0
    value, surely, at_most = (np.full(len(figures), np.nan) for _ in range(3))
    for i, figure in enumerate(figures):
        bottom, top = figure.as_misses, figure.as_passes
        if bottom.value is not None:
            value[i] = sign * bottom.value
        ends = (bottom.low, bottom.high, top.low, top.high)
        if None not in ends:
            surely[i] = bottom.low if higher_is_better else -(bottom.high or 0.0)
            at_most[i] = top.high if higher_is_better else -(top.low or 0.0)
    known = np.isfinite(value)
    told = bool(np.isfinite(surely[known]).all() and np.isfinite(at_most[known]).all()) and known.sum() > 1
    found = []
    for i in range(len(figures)):
        if not known[i]:
            found.append(Place(None))
            continue
        rank = 1 + int((value[known] > value[i] + 1e-12).sum())
        if not told:
            found.append(Place(rank))
            continue
        before, behind = int((surely[known] > at_most[i]).sum()), int((at_most[known] < surely[i]).sum())
        found.append(Place(rank, 1 + before, int(known.sum()) - behind))
    return found
