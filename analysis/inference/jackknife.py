"""Delete-one-prompt replicates of a figure of the people, and its interval from them."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, stream

__all__ = ["Scale", "jackknifed", "without_one"]

Floats = NDArray[np.float64]
Scale = Literal["fisher", "logit", "wilson"]
"""Where an interval is symmetric: Fisher's z for what lies in [−1, 1], the logit or Wilson's score for shares."""

MOST_BLOCKS = 1000
"""More prompts than this are left out in blocks."""


def without_one(prompts: ArrayLike, most: int = MOST_BLOCKS) -> PromptDraws:
    """Return the "draws" in each of which one prompt, or one block of prompts, is left out.

    Args:
        prompts: (n,) any labels.
        most: Number of draws; of more prompts seeded blocks of nearly equal numbers are left out. A single
            prompt cannot be left out: no draws.

    >>> without_one(["a", "a", "b"]).weights().tolist()
    [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    """
    labels, of_item = np.unique(np.asarray(prompts), return_inverse=True)
    block = np.arange(len(labels))
    if len(labels) > most:
        block = stream(0, "blocks of prompts").permutation(len(labels)) % most
    blocks = min(len(labels), most)
    left_out = 1 - np.eye(blocks, dtype=np.int64)[:, : blocks if blocks > 1 else 0]
    return PromptDraws(left_out, np.asarray(block[of_item], dtype=np.int64))


def jackknifed(
    value: float, replicates: Floats, *, n: int, scale: Scale, confidence: float = 0.95, undefined: Reason
) -> Estimate:
    """Return a figure with the interval that its delete-one replicates give.

    The standard error s is taken on the scale of the figure; t has one degree of freedom less than there are
    replicates. Fisher's z: s / (1 − d²). Logit: s / (d (1 − d)). Wilson: as of d (1 − d) / s² independent items, at
    most `n`.

    Args:
        value: The figure d.
        replicates: (G,) the figure without each of G prompts or blocks, not clipped; NaN = undefined.
        n: Items it rests on.
        scale: Where the interval is symmetric.
        confidence: Level.
        undefined: Why there is no interval where a replicate is undefined.

    >>> found = jackknifed(0.5, np.array([0.4, 0.5, 0.6]), n=30, scale="fisher", undefined=Reason("undefined"))
    >>> round(found.low, 3), round(found.high, 3)
    (-0.113, 0.837)
    """
    from scipy.stats import t

    blocks = len(replicates)
    if blocks < 2:
        return Estimate(value, n=n, reason=Reason("single_prompt"))
    if not np.isfinite(replicates).all():
        return Estimate(value, n=n, reason=undefined)
    if not (-1 if scale == "fisher" else 0) < value < 1:
        return Estimate(value, n=n, reason=Reason("at_the_limit"))
    error = math.sqrt((blocks - 1) * float(replicates.var()))
    reach = float(t.ppf((1 + confidence) / 2, blocks - 1))
    if scale == "fisher":
        middle, half = math.atanh(value), reach * error / (1 - value**2)
        return Estimate(value, math.tanh(middle - half), math.tanh(middle + half), n=n)
    spread = value * (1 - value)
    if scale == "logit":
        middle, half = math.log(value / (1 - value)), reach * error / spread
        low, high = (1 / (1 + math.exp(-end)) for end in (middle - half, middle + half))
        return Estimate(value, low, high, n=n)
    items = min(spread / error**2, n) if error else n
    middle = (value + reach**2 / (2 * items)) / (1 + reach**2 / items)
    half = reach / (1 + reach**2 / items) * math.sqrt(spread / items + reach**2 / (4 * items**2))
    return Estimate(value, middle - half, middle + half, n=n)
