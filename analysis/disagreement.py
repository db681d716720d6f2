"""Where a judge and the people differ: both put the same items in order, and an item's two places are compared."""

from __future__ import annotations

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis.resampling import dense_codes

__all__ = ["places"]


def places(human: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Return the place of each item among those that both sides rate: the share of items below it, ties shared.

    Args:
        human: (n,) mean ratings; NaN without one.
        score: (n,) scores turned so that higher is better; NaN without one.

    Returns:
        (n,) places by the people and by the judge, in (0, 1); NaN where either side is silent. With fewer than two
        common items there is no order: all NaN.

    >>> people, judge = places(np.array([1.0, 2, 3, np.nan]), np.array([30.0, 20, 20, 10]))
    >>> (6 * people).round().tolist(), (6 * judge).round().tolist()
    ([1.0, 3.0, 5.0, nan], [5.0, 2.0, 2.0, nan])
    """
    both = np.isfinite(human) & np.isfinite(score)
    found = np.full((2, len(human)), np.nan)
    if both.sum() > 1:
        found[:, both] = [_middle(values[both]) / both.sum() for values in (human, score)]
    return found[0], found[1]


def _middle(values: Floats) -> Floats:
    """(n,) items with a smaller value, and half of those with the same, itself among them."""
    codes = dense_codes(values)
    counts = np.bincount(codes)
    return np.asarray((np.cumsum(counts) - counts / 2)[codes])
