"""The interval of one figure from its delete-one-prompt replicates, on the scale on which it is nearly symmetric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.replicates import Replicates, StandardError, standard_error
from genspace.analysis.reasons import Reason

if TYPE_CHECKING:
    from genspace.analysis.figures import Figure

__all__ = [
    "FEW",
    "FEW_PROMPTS",
    "Passing",
    "Scale",
    "Support",
    "fisher",
    "from_replicates",
    "logit",
    "of_difference",
    "on_scale",
    "raw",
    "wilson",
]

Scale = Literal["share", "correlation", "logit", "raw"]
"""Shares and areas lie in [0, 1] (Wilson), correlations and kappas in [-1, 1] (Fisher's z), shares of a model in [0, 1]
(logit), others anywhere (t)."""

FEW_PROMPTS = 20
"""With fewer prompts, tests and intervals over prompts are said to be weak."""
FEW = 5
"""With the rarer answer in fewer prompts, a figure that depends on it has no interval but Wilson's."""


@dataclass(frozen=True, slots=True)
class Support:
    """What a share's interval may rest on.

    >>> from genspace.analysis.figures import FIGURES
    >>> from genspace.analysis.inference.replicates import Replicates
    >>> Support.of(FIGURES["accuracy"], np.array([1.0, 0, 1, 0]), Replicates.of(["a", "a", "b", "c"])).at_ends
    3
    """

    most: float
    """Largest number of independent observations that it may be worth."""
    at_ends: int
    """Observations that a share of exactly 0 or 1 is worth, whose replicates do not vary: prompts."""
    few: Reason | None = None
    """Why the standard error cannot be trusted."""

    @classmethod
    def of(cls, figure: Figure, y: Floats, clusters: Replicates) -> Support:
        """Return what a figure's interval may rest on, given its (n,) target and the blocks of prompts."""
        if not figure.of_classes:
            counted = y != 0 if figure.target == "preference" else np.ones(len(y), dtype=bool)
            return cls(most=max(1, int(counted.sum())), at_ends=len(np.unique(clusters.of_item[counted])))
        yes = y > 0
        rarer = yes if 2 * yes.sum() <= len(y) else ~yes
        prompts = len(np.unique(clusters.of_item[rarer]))
        few = Reason("few_of_a_class", n=prompts, needed=FEW) if prompts < FEW else None
        return cls(most=max(1, 4 * int(rarer.sum())), at_ends=max(1, prompts), few=few)


def _quantile(df: int, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(df, (1 + confidence) / 2))


def raw(value: float, error: StandardError, confidence: float = 0.95) -> tuple[float, float]:
    """Return value ± t s.

    >>> [round(end, 3) for end in raw(0.1, StandardError(0.02, 9))]
    [0.055, 0.145]
    """
    half = _quantile(error.df, confidence) * error.value
    return value - half, value + half


def fisher(value: float, error: StandardError, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of a correlation by Fisher's z, whose standard error is s / (1 - r²); None at ±1 and s = 0.

    >>> [round(end, 3) for end in fisher(0.8, StandardError(0.05, 39))]
    [0.674, 0.881]
    """
    if abs(value) >= 1 or error.value == 0:
        return None
    half = _quantile(error.df, confidence) * error.value / (1 - value**2)
    return float(np.tanh(np.arctanh(value) - half)), float(np.tanh(np.arctanh(value) + half))


def logit(value: float, error: StandardError, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of a share on the logit, where its standard error is s / (d (1 - d)); None at 0, 1 and s = 0.

    >>> [round(end, 3) for end in logit(0.8, StandardError(0.05, 39))]
    [0.68, 0.883]
    """
    from scipy.special import expit
    from scipy.special import logit as log_odds

    if not 0 < value < 1 or error.value == 0:
        return None
    half = _quantile(error.df, confidence) * error.value / (value * (1 - value))
    return float(expit(log_odds(value) - half)), float(expit(log_odds(value) + half))


def wilson(
    value: float, error: StandardError | None, support: Support, confidence: float = 0.95
) -> tuple[float, float]:
    """Return Wilson's interval of a share, worth d (1 - d) / s² observations, with t in place of z (Wilson 1927).

    Args:
        value: The share d.
        error: Its standard error; None: unknown, the share is then worth as many observations as at its ends.
        support: Largest and smallest number of observations that it may be worth.
        confidence: Level.

    >>> [round(end, 3) for end in wilson(0.9, StandardError(0.03, 39), Support(most=160, at_ends=40))]
    [0.823, 0.946]
    >>> [round(end, 3) for end in wilson(1.0, StandardError(0.0, 39), Support(most=160, at_ends=40))]
    [0.907, 1.0]
    """
    df = error.df if error is not None else max(support.at_ends - 1, 1)
    if error is None or value in (0, 1):
        n = float(max(support.at_ends, 1))
    else:
        n = min(value * (1 - value) / error.value**2, support.most) if error.value > 0 else support.most
    square = _quantile(df, confidence) ** 2
    centre = (value + square / (2 * n)) / (1 + square / n)
    half = np.sqrt(square * (value * (1 - value) / n + square / (4 * n * n))) / (1 + square / n)
    low = 0.0 if value == 0 else max(0.0, float(centre - half))
    return low, 1.0 if value == 1 else min(1.0, float(centre + half))


def from_replicates(
    value: float,
    replicated: Floats | None,
    clusters: Replicates,
    *,
    n: int,
    scale: Scale = "raw",
    support: Support | None = None,
    least: int = 2,
    reason: Reason | None = None,
    confidence: float = 0.95,
    coverage: float | None = None,
    undefined: Reason | None = None,
) -> Estimate:
    """Return an `Estimate` with the interval that the replicates give, or why there is none.

    Args:
        value: The figure; NaN when undefined.
        replicated: (B,) the figure without each block; None: it has none.
        clusters: The blocks, for the items that the figure rests on.
        n: Items it rests on.
        scale: Where it lies.
        support: For shares; default: n items, and the blocks at the ends.
        least: Prompts below which there is no interval.
        reason: Why the value is undefined, where it is.
        confidence: Level of the interval.
        coverage: Share of the annotated items it rests on.
        undefined: Why it is undefined without some of the prompts, where that is known.

    >>> from genspace.analysis.inference.replicates import Replicates
    >>> means = np.array([2.5, 2.0, 1.5])  # of 1, 2 and 3, without each in turn
    >>> found = from_replicates(2.0, means, Replicates.of(["a", "b", "c"]), n=3)
    >>> round(found.low, 3), round(found.high, 3)  # 2 ± t(2) sqrt(1 / 3)
    (-0.484, 4.484)
    """
    if not np.isfinite(value):
        return Estimate.undefined(reason or Reason("undefined"), n=n, coverage=coverage)

    def found(ends: tuple[float, float] | None, why: Reason | None) -> Estimate:
        low, high = ends or (None, None)
        return Estimate(float(value), low, high, n=n, coverage=coverage, reason=why)

    present = int(clusters.present.sum())
    if replicated is None or present < 2:
        return found(None, Reason("single_prompt"))
    if present < least:
        return found(None, Reason("few_prompts", n=present, needed=least))
    error = standard_error(replicated, clusters.present)
    rests = support or Support(most=n, at_ends=present)
    few = rests.few or ((undefined or Reason("undefined_without_a_prompt")) if error is None else None)
    if few is not None and scale != "share":
        return found(None, few)
    ends = on_scale(scale, value, error, rests, confidence)
    return found(ends, few or (Reason("at_its_end") if ends is None else None))


def on_scale(
    scale: Scale, value: float, error: StandardError | None, support: Support, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval that belongs to a figure's scale; None where there is none.

    >>> ends = on_scale("raw", 0.1, StandardError(0.02, 9), Support(most=10, at_ends=10))
    >>> [round(end, 3) for end in ends]
    [0.055, 0.145]
    """
    if scale == "share":
        return wilson(value, error, support, confidence)
    if error is None:
        return None
    return {"correlation": fisher, "logit": logit, "raw": raw}[scale](value, error, confidence)


@dataclass(frozen=True, slots=True)
class Passing:
    """How often a judge's interval lies on one side of a threshold, in studies like one that was made."""

    bound: float
    """The estimate from which it does, on the scale on which the error is steady."""
    error: float
    """On that scale."""
    scale: Scale
    at_least: bool

    @classmethod
    def of(
        cls,
        threshold: float,
        scale: Scale,
        value: float,
        error: StandardError,
        support: Support | None = None,
        *,
        at_least: bool = True,
        confidence: float = 0.95,
    ) -> Passing:
        """Read from a study's figure and its error which estimates would pass.

        The error of a share goes with sqrt(d (1 - d)), that of a correlation with 1 - d².

        Args:
            threshold: What the lower end must reach, or the upper end must not exceed.
            scale: Where the figure lies.
            value: The figure of the study.
            error: Its standard error, above 0.
            support: For shares.
            at_least: Whether it is the lower end.
            confidence: Level of the interval.

        >>> kappa = Passing.of(0.6, "correlation", 0.75, StandardError(0.053, 39))
        >>> round(kappa.chance(0.75), 2), round(kappa.true(0.8), 2)
        (0.61, 0.78)
        """
        forward, _ = _STEADY[scale]
        at = {"share": value * (1 - value), "correlation": (1 - value**2) ** 2}.get(scale, 1.0)

        def end(d: float) -> float:
            there = {"share": d * (1 - d), "correlation": (1 - d**2) ** 2}.get(scale, 1.0)
            of_d = StandardError(error.value * float(np.sqrt(there / at)), error.df)
            found = on_scale(scale, d, of_d, support or Support(most=np.inf, at_ends=1), confidence)
            return float(np.nan) if found is None else found[0 if at_least else 1] - threshold

        low, high = {"share": (0.0, 1.0), "correlation": (-1.0, 1.0)}.get(
            scale, (threshold - 1e3, threshold + 1e3)
        )
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if end(middle) >= 0 else (middle, high)
        slope = {"share": 0.5 / np.sqrt(at), "correlation": 1 / np.sqrt(at)}.get(scale, 1.0)
        return cls(float(forward((low + high) / 2)), error.value * float(slope), scale, at_least)

    def chance(self, true: float) -> float:
        """Return the chance that a judge of this true value passes."""
        from scipy.special import ndtr

        beyond = float(ndtr((_STEADY[self.scale][0](true) - self.bound) / self.error))
        return beyond if self.at_least else 1 - beyond

    def true(self, chance: float) -> float:
        """Return the true value of a judge that passes so often."""
        from scipy.special import ndtri

        way = float(ndtri(chance)) * self.error
        forward, backward = _STEADY[self.scale]
        most = float(forward(1.0)) if self.scale == "share" else np.inf
        return float(
            backward(
                np.clip(
                    self.bound + (way if self.at_least else -way),
                    0.0 if self.scale == "share" else -np.inf,
                    most,
                )
            )
        )


_STEADY: Mapping[Scale, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "share": (lambda d: np.arcsin(np.sqrt(np.clip(d, 0, 1))), lambda z: np.sin(z) ** 2),
    "correlation": (lambda d: np.arctanh(np.clip(d, -1 + 1e-12, 1 - 1e-12)), np.tanh),
    "logit": (lambda d: d, lambda z: z),
    "raw": (lambda d: d, lambda z: z),
}
"""To and from the scale on which a figure's error hardly depends on the figure."""


def of_difference(
    a: float, ends_a: tuple[float, float], b: float, ends_b: tuple[float, float], correlation: float
) -> tuple[float, float]:
    """Return the interval of a - b from an interval of each, however lopsided (Zou and Donner 2008).

    Args:
        a: The first figure.
        ends_a: Its interval.
        b: The second figure.
        ends_b: Its interval.
        correlation: Of the errors of the two.

    >>> [round(end, 3) for end in of_difference(0.95, (0.88, 0.98), 1.0, (1.0, 1.0), 0.0)]
    [-0.12, -0.02]
    """

    def half(u: float, v: float) -> float:
        return float(np.sqrt(max(0.0, u * u + v * v - 2 * correlation * u * v)))

    low = half(a - ends_a[0], ends_b[1] - b)
    return a - b - low, a - b + half(ends_a[1] - a, b - ends_b[0])
