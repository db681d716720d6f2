"""The normal variables under simulated answers: where they are cut, and what correlations of the cut ones say of them.

They follow from the Hermite expansion of whatever is cut into steps (Pearson's polychoric argument).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from genspace.analysis._arrays import Floats

HERMITE_TERMS = 80


MAX_LATENT = 0.999


@dataclass(frozen=True)
class LatentScale:
    """The normal variables underneath: where they are cut, and what correlations of the cut ones say of them."""

    reliability: float
    """Correlation of two raters' variables."""
    steps: Floats
    """Where people's variable is cut into levels; none: it is not."""
    people: Floats
    """(K,) Hermite coefficients of the mean of very many ratings, as a function of true quality."""
    judge: Floats
    """(K,) of a judge's answer, as a function of its own variable."""
    variance: float
    """Of a judge's answers."""
    cut: float | None
    """Where a judge's variable is cut into no and yes; None: it is not."""
    pairs: bool

    @classmethod
    def of(
        cls, reliability: float, shares: Sequence[float] | None, *, yes_no: bool, pairs: bool
    ) -> LatentScale:
        """Find the scale on which two ratings correlate so and the levels have these shares; None: not cut."""
        from scipy.optimize import brentq
        from scipy.special import ndtr, ndtri

        weights = np.array((0.5, 0.5) if pairs else shares or (1.0,))
        weights = weights / weights.sum()
        steps = np.asarray(ndtri(np.cumsum(weights)[:-1]), dtype=float)
        plain = np.eye(1, HERMITE_TERMS)[0]
        raters = _hermite(steps) if len(steps) else plain
        levels = np.arange(len(weights))
        variance = float(weights @ (levels - weights @ levels) ** 2) if len(steps) else 1.0

        def rounded(correlation: float) -> float:
            return _series(raters**2, correlation) / variance

        underneath = MAX_LATENT
        if rounded(MAX_LATENT) > reliability:
            underneath = float(brentq(lambda r: rounded(r) - reliability, 0.0, MAX_LATENT))
        cut = None
        if yes_no:
            cut = float(steps[0]) if len(steps) == 1 else 0.0
        yes = 0.0 if cut is None else float(ndtr(-cut))
        return cls(
            reliability=underneath,
            steps=steps,
            people=raters * underneath ** (np.arange(1, HERMITE_TERMS + 1) / 2),
            judge=plain if cut is None else _hermite(np.array([cut])),
            variance=1.0 if cut is None else yes * (1 - yes),
            cut=cut,
            pairs=pairs,
        )

    def agreement(self, latent: float) -> float:
        """Return the stated agreement of a judge whose variable correlates so with true quality."""
        if self.pairs:
            return 0.5 + math.asin(latent) / math.pi
        spread = math.sqrt(self.variance * float(self.people @ self.people))
        return _series(self.judge * self.people, latent) / spread

    def latent(self, agreement: float) -> float:
        """Return the correlation with true quality of a judge of this agreement."""
        return _inverse(self.agreement, agreement)

    def errors(self, agreement: tuple[float, float], between: float | None) -> float:
        """Return the correlation of two judges' errors that comes nearest to that of their answers."""
        if between is None:
            return 0.0
        a, b = agreement
        together = _inverse(lambda r: _series(self.judge**2, r) / self.variance, between)
        return float(np.clip((together - a * b) / math.sqrt((1 - a * a) * (1 - b * b)), -1, 1))

    def preferred(self, lean: Floats, mean: Floats, raters: int) -> float:
        """Return the share of pairs on which a judge prefers what very many raters prefer, from what few prefer.

        Args:
            lean: (n,) above 0 where the judge prefers the first item.
            mean: (n,) share of the raters who prefer it.
            raters: How many there are of each pair.
        """
        from scipy.special import ndtr
        from scipy.stats import binom

        apart = (mean != 0.5) & np.isfinite(lean)
        right = np.where(lean == 0, 0.5, (lean > 0) == (mean > 0.5))[apart].mean()
        quality = np.asarray(np.linspace(-5, 5, 401))
        density = np.exp(-(quality**2) / 2)
        vote = ndtr(math.sqrt(self.reliability) * quality / math.sqrt(1 - self.reliability))
        first, second = (density * binom.cdf((raters - 1) // 2, raters, p) for p in (1 - vote, vote))

        def reached(latent: float) -> float:
            prefers = ndtr(latent * quality / math.sqrt(1 - latent * latent))
            return float((first @ prefers + second @ (1 - prefers)) / (first + second).sum())

        return self.agreement(_inverse(reached, float(right)))


def _series(coefficients: Floats, correlation: float) -> float:
    """Return sum_k coefficients[k - 1] · correlation^k: the covariance of two functions of normal variables."""
    return float(coefficients @ correlation ** np.arange(1, len(coefficients) + 1))


def _inverse(rising: Callable[[float], float], wanted: float) -> float:
    """Return where a rising function of a correlation reaches a value, or the end nearest to it."""
    from scipy.optimize import brentq

    if wanted <= rising(-MAX_LATENT):
        return -MAX_LATENT
    if wanted >= rising(MAX_LATENT):
        return MAX_LATENT
    return float(brentq(lambda r: rising(r) - wanted, -MAX_LATENT, MAX_LATENT))


def _hermite(steps: Floats) -> Floats:
    """(HERMITE_TERMS,) Hermite coefficients of the scale that rises by 1 at each step.

    Functions f and g of two normal variables with correlation r have covariance sum_k f_k g_k r^k.
    """
    from scipy.stats import norm

    before, now = np.zeros_like(steps), np.asarray(norm.pdf(steps))
    found = np.empty(HERMITE_TERMS)
    for k in range(1, HERMITE_TERMS + 1):
        found[k - 1] = now.sum() / math.sqrt(k)
        # phi * He_k / sqrt(k!), by the recurrence He_{k+1} = x He_k - k He_{k-1}.
        before, now = now, (steps * now - math.sqrt(k - 1) * before) / math.sqrt(k)
    return found
