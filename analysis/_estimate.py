"""One figure with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

from genspace.analysis.reasons import Reason
from genspace.display import Displayed


@dataclass(frozen=True, slots=True)
class Estimate(Displayed):
    """A figure, its interval, its number of items, and the reason if it (or its interval) is missing.

    An undefined value is null with a reason, never 0 or NaN.

    >>> Estimate(0.5, 0.4, 0.6, n=100).value
    0.5
    >>> Estimate.undefined(Reason("no_scores"), n=7).value is None
    True
    """

    value: float | None
    low: float | None = None
    """Lower end of the interval; None when there is none, with `reason` set."""
    high: float | None = None
    n: int = 0
    """Items (or whatever the figure averages over) that it rests on."""
    coverage: float | None = None
    """Share of the annotated items that it rests on, in [0, 1]."""
    reason: Reason | None = None
    """Why the value, or only its interval, is null, or what makes the value doubtful."""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "coverage"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{name} {number} is not finite: use None with a reason")
        if self.value is None and not self.reason:
            raise ValueError("an estimate without a value needs a reason")
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval needs both ends")

    @classmethod
    def undefined(cls, reason: Reason, *, n: int = 0, coverage: float | None = None) -> Estimate:
        """Return an estimate without a value."""
        return cls(None, n=n, coverage=coverage, reason=reason)
