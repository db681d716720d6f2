"""Generators compared two by two on the prompts that both were given, corrected for how many comparisons there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis.counted import ROUNDING, cell_weights, mean_without_each
from genspace.analysis.inference.comparisons import ENOUGH
from genspace.analysis.inference.intervals import raw
from genspace.analysis.inference.replicates import Replicates, StandardError, standard_error
from genspace.analysis.reasons import Reason
from genspace.analysis.significance import ALPHA, holm
from genspace.display import Displayed

__all__ = ["GeneratorPair", "Side", "compare_pairs"]


@dataclass(frozen=True, eq=False)
class Side:
    """One generator's values by prompt."""

    generator: str
    prompt: NDArray[Any]
    """(n,) label of each item's prompt."""
    as_misses: Floats
    """(n,) values, with a miss where nothing was measured; higher is better."""
    as_passes: Floats
    """(n,) the same with a pass there."""
    group: Ints | None = None
    """(n,) 0 … C - 1, one for all images of a prompt: means of groups are averaged; None: prompts are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorPair(Displayed):
    """One generator against another on their common prompts."""

    first: str
    second: str
    cell: str
    """What was compared: a sub-domain, or the mean."""
    difference: Estimate
    """Mean over the common prompts (of groups, that of their means), the first minus the second, the unmeasured as
    misses; a pointwise interval."""
    p: float | None
    """Two-sided, of no difference, whatever the unmeasured pictures are worth; None where nothing can be tested."""
    p_holm: float | None = None
    """Adjusted for all comparisons of the judge and task (Holm 1979)."""
    claim: Literal["ahead", "behind", "open"] = "open"


def compare_pairs(
    cells: Sequence[tuple[str, Sequence[Side]]], *, confidence: float = 0.95
) -> list[GeneratorPair]:
    """Compare all pairs of generators in each cell; one Holm family of all.

    A prompt counts once, with the mean of its images. The test must hold whatever the unmeasured pictures are worth:
    the one that leads counts them as misses and the other as passes. It is Student's t over prompts; where fewer than
    `ENOUGH` prompts differ nothing is claimed, and p is the exact sign test's.

    Args:
        cells: Name of each cell, and its generators' values.
        confidence: Of the pointwise intervals.

    >>> rng = np.random.default_rng(1)
    >>> good, poor = (rng.random(60) < chance for chance in (0.9, 0.3))
    >>> sides = [Side(name, np.arange(60), v.astype(float), v.astype(float)) for name, v in (("a", good), ("b", poor))]
    >>> compare_pairs([("egocentric", sides)])[0].claim
    'ahead'
    """
    found = [
        _pair(cell, first, second, confidence)
        for cell, sides in cells
        for first, second in combinations(sides, 2)
    ]
    family = np.array([p.p if p.p is not None and p.difference.reason is None else np.nan for p in found])
    for i, p in enumerate(holm(family)):
        if np.isnan(p):
            continue
        pair = found[i]
        ahead: Literal["ahead", "behind"] = "ahead" if (pair.difference.value or 0.0) > 0 else "behind"
        found[i] = replace(pair, p_holm=float(p), claim=ahead if p <= ALPHA else "open")
    return found


def _pair(cell: str, first: Side, second: Side, confidence: float) -> GeneratorPair:
    common = np.intersect1d(first.prompt, second.prompt)
    low, high, low_2, high_2 = (
        _by_prompt(values, side.prompt, common)
        for side in (first, second)
        for values in (side.as_misses, side.as_passes)
    )

    def told(difference: Estimate, p: float | None) -> GeneratorPair:
        return GeneratorPair(
            first=first.generator, second=second.generator, cell=cell, difference=difference, p=p
        )

    n = len(common)
    if n < 2:
        return told(Estimate.undefined(Reason("no_shared_prompt" if n == 0 else "single_prompt"), n=n), None)
    weight: Floats | Reason = np.ones(n)
    if first.group is not None:
        group = _by_prompt(first.group.astype(float), first.prompt, common).astype(np.int64)
        weight = cell_weights(group, int(first.group.max()) + 1)
    if isinstance(weight, Reason):
        return told(Estimate.undefined(weight, n=n), None)
    difference = low - low_2
    value = float(np.average(difference, weights=weight))
    # what the one that leads is at least ahead by, prompt by prompt
    surely = low - high_2 if value > 0 else low_2 - high
    apart = np.sign(surely[np.abs(surely) > ROUNDING])
    if len(apart) < ENOUGH:
        from scipy.stats import binomtest

        reason = Reason("few_contributions", n=len(apart), needed=ENOUGH)
        p = float(binomtest(int((apart > 0).sum()), len(apart)).pvalue) if len(apart) else None
        return told(Estimate(value, n=n, reason=reason), p)
    error, spread = _error(difference, weight), _error(surely, weight)
    if error is None or spread is None or spread.value == 0:
        return told(Estimate(value, n=n, reason=Reason("equal_in_every_prompt")), None)
    lead = float(np.average(surely, weights=weight))
    p = 1.0 if lead <= 0 else min(1.0, 2 * spread.beyond(lead))
    return told(Estimate(value, *raw(value, error, confidence), n=n), p)


def _error(values: Floats, weight: Floats) -> StandardError | None:
    """Return the standard error of a weighted mean of one value per prompt."""
    clusters = Replicates.of(np.arange(len(values)))
    return standard_error(mean_without_each(values, weight, clusters), clusters.present)


def _by_prompt(values: Floats, prompt: NDArray[Any], common: NDArray[Any]) -> Floats:
    """Return each common prompt's mean."""
    kept = np.isin(prompt, common)
    place = np.searchsorted(common, prompt[kept])
    return np.asarray(
        np.bincount(place, values[kept], len(common)) / np.bincount(place, minlength=len(common))
    )
