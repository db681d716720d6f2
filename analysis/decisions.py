"""Agreement of yes / no decisions: accuracy, balanced accuracy, F1, Matthews' correlation, Cohen's kappa."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Floats
from genspace.analysis.resampling import ratio
from genspace.display import Displayed

__all__ = ["Confusion", "cells", "confusion"]


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Displayed):
    """Counts of people's decision x judge's decision; every array is (B,), one entry a draw.

    >>> found = Confusion(*(np.array([n]) for n in (3.0, 1.0, 1.0, 5.0)))
    >>> found.accuracy.tolist(), found.f1.tolist()
    ([0.8], [0.75])
    """

    true_yes: Floats
    false_yes: Floats
    false_no: Floats
    true_no: Floats

    @property
    def total(self) -> Floats:
        """Items decided by both."""
        return self.true_yes + self.false_yes + self.false_no + self.true_no

    @property
    def accuracy(self) -> Floats:
        """Share of equal decisions."""
        return ratio(self.true_yes + self.true_no, self.total)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of the accuracies on people's yes and on people's no."""
        sensitivity = ratio(self.true_yes, self.true_yes + self.false_no)
        return (sensitivity + ratio(self.true_no, self.true_no + self.false_yes)) / 2

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall of "yes"."""
        return ratio(2 * self.true_yes, 2 * self.true_yes + self.false_yes + self.false_no)

    @property
    def mcc(self) -> Floats:
        """Matthews' correlation coefficient (Matthews 1975)."""
        said_yes, said_no = self.true_yes + self.false_yes, self.true_no + self.false_no
        yes, no = self.true_yes + self.false_no, self.true_no + self.false_yes
        product = self.true_yes * self.true_no - self.false_yes * self.false_no
        return ratio(product, np.sqrt(said_yes * said_no * yes * no))

    @property
    def cohen_kappa(self) -> Floats:
        """Agreement beyond what the two shares of "yes" give by chance (Cohen 1960)."""
        said_yes, said_no = self.true_yes + self.false_yes, self.true_no + self.false_no
        yes, no = self.true_yes + self.false_no, self.true_no + self.false_yes
        chance = said_yes * yes + said_no * no
        return ratio((self.true_yes + self.true_no) * self.total - chance, self.total**2 - chance)


def confusion(truth: NDArray[Any], said: NDArray[Any], weights: Floats | None = None) -> Confusion:
    """Count decisions of people against those of a judge.

    Args:
        truth: (n,) people's decisions 1 / 0.
        said: (n,) the judge's decisions 1 / 0.
        weights: (n, B) how often each item counts in each draw; default once.

    >>> float(confusion(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])).accuracy[0])
    0.75
    """
    weights = np.ones((len(truth), 1)) if weights is None else weights
    return Confusion(*(cells(truth, said) @ weights))


def cells(truth: NDArray[Any], said: NDArray[Any]) -> Floats:
    """(4, n) 1 where an item belongs to the count, in the order of `Confusion`.

    >>> cells(np.array([1, 0, 1]), np.array([1, 1, 0])).sum(axis=1).tolist()  # true yes, false yes, false no, true no
    [1.0, 1.0, 1.0, 0.0]
    """
    yes, said_yes = np.asarray(truth) == 1, np.asarray(said) == 1
    return np.stack([yes & said_yes, ~yes & said_yes, yes & ~said_yes, ~yes & ~said_yes]).astype(float)
