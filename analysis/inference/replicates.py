"""A figure computed again without each prompt in turn: the one source of standard errors.

Items that share a prompt are no independent draws, so a whole prompt is left out at a time (the jackknife of clusters:
Quenouille 1956; Cameron and Miller 2015, "A Practitioner's Guide to Cluster-Robust Inference"). It needs no random
numbers, and one judge's replicates do not depend on which other judges there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis.resampling import Resamples, stream

__all__ = ["Replicates", "StandardError", "standard_error"]


MOST_SINGLE = 1000
"""With more prompts, blocks of prompts are left out."""
ROUNDING = 1e-12
"""Replicates that differ by less are equal."""
BLOCKS = 250
"""So many blocks; the standard error's own error is then under 5 %."""


@dataclass(frozen=True, eq=False)
class Replicates(Resamples):
    """Which items stay when each prompt, or each block of prompts, is left out.

    >>> left = Replicates.of(["a", "a", "b"])
    >>> left.weights().T.tolist()
    [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    >>> left.map(lambda weights: np.array([1.0, 2, 6]) @ weights / weights.sum(axis=0)).tolist()
    [6.0, 1.5]
    """

    of_item: Ints
    """(n,) number of the block that holds each item."""
    blocks: int
    """Number of blocks."""

    @classmethod
    def of(
        cls, clusters: ArrayLike, *, seed: int = 0, most: int = MOST_SINGLE, blocks: int = BLOCKS
    ) -> Replicates:
        """Leave out each of the clusters, or where there are many of them random blocks.

        Args:
            clusters: (n,) labels; items with equal labels are left out together.
            seed: Of the blocks.
            most: So many clusters are left out one by one.
            blocks: Number of blocks of more clusters.
        """
        labels, code = np.unique(np.asarray(clusters), return_inverse=True)
        if len(labels) <= most:
            return cls(np.asarray(code, dtype=np.int64), len(labels))
        block = stream(seed, "blocks of prompts").permutation(len(labels)) % blocks
        return cls(np.asarray(block[code], dtype=np.int64), blocks)

    @property
    def draws(self) -> int:
        """Number of replicates."""
        return self.blocks

    @cached_property
    def present(self) -> Bools:
        """(B,) blocks that hold any of the items."""
        return np.bincount(self.of_item, minlength=self.blocks) > 0

    def take(self, rows: NDArray[Any]) -> Replicates:
        """Return the same blocks for some of the items."""
        return Replicates(self.of_item[rows], self.blocks)

    def sums(self, values: ArrayLike) -> Floats:
        """(…, B) sums of (…, n) values over the items that stay.

        >>> Replicates.of(["a", "a", "b"]).sums([1.0, 2.0, 4.0]).tolist()
        [4.0, 3.0]
        """
        given = np.asarray(values, dtype=float)
        rows = given.reshape(-1, len(self.of_item))
        lost = [np.bincount(self.of_item, row, minlength=self.blocks) for row in rows]
        whole = rows.sum(axis=1, keepdims=True)
        return np.asarray(
            (whole - np.reshape(lost, (-1, self.blocks))).reshape(*given.shape[:-1], self.blocks)
        )

    def weights(self, columns: slice = slice(None)) -> Floats:
        """(n, B) 1 where an item stays, 0 where it is left out."""
        return np.asarray(self.of_item[:, None] != np.arange(self.blocks)[columns], dtype=float)


@dataclass(frozen=True, slots=True)
class StandardError:
    """A standard error and the degrees of freedom of its t distribution."""

    value: float
    df: int

    def beyond(self, difference: float) -> float:
        """Return the probability that Student's t exceeds a difference divided by the standard error.

        >>> round(2 * StandardError(0.5, 30).beyond(1.0), 4)
        0.0546
        """
        from scipy.special import stdtr

        return float(stdtr(self.df, -difference / self.value))


def standard_error(replicated: Floats, present: Bools | None = None) -> StandardError | None:
    """Return the standard error of a figure from its replicates; None where it cannot be known.

    Args:
        replicated: (B,) the figure without each block; one that is not finite makes the error unknown, it is not
            dropped.
        present: (B,) blocks that hold anything; the others do not count.

    >>> standard_error(np.array([2.5, 2.0, 1.5]))  # the mean of 1, 2 and 3: sqrt(1 / 3)
    StandardError(value=0.5773502691896257, df=2)
    """
    kept = replicated if present is None else replicated[present]
    g = len(kept)
    if g < 2 or not np.isfinite(kept).all():
        return None
    value = float(np.sqrt((g - 1) / g * ((kept - kept.mean()) ** 2).sum()))
    return StandardError(0.0 if value < ROUNDING * max(1.0, float(np.abs(kept).max())) else value, g - 1)
