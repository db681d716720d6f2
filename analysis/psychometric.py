"""Psychometric curves: how the share of "yes" answers rises or falls with a true quantity.

Scenes with known truth give pairs of a quantity (an azimuth, a distance ratio) and a judge's yes or no. The
logistic curve through them says where the judge's criterion lies (threshold, and its bias against the true
criterion), how finely it tells quantities apart (slope, just noticeable difference), and how often it answers
beside the point however plain the case (floor and lapse).

    P(yes | x) = floor + (1 - floor - lapse) / (1 + exp(-slope * (x - threshold)))

Maximum likelihood by damped Fisher scoring, all bootstrap draws in one batch. Sources: Wichmann & Hill 2001,
"The psychometric function I and II", Perception & Psychophysics 63; Albert & Anderson 1984, "On the existence
of maximum likelihood estimates in logistic regression models", Biometrika 71 (separated answers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, stream
from genspace.display import Displayed

__all__ = ["PsychometricCurve", "fit_psychometric"]


JND_LOGIT = math.log(3.0)
"""Logit of 75 %: from the threshold (50 %) to there is one just noticeable difference."""
LAPSE_LIMIT = 0.5
"""Floor and lapse are each below it, so that the curve keeps its direction."""
STEEPEST = 20.0
"""A curve that climbs this many logits within the smallest gap of levels is a step."""
FURTHEST = 12.0
"""Logit beyond which a floor or lapse is taken as 0."""
NEAR = 8.0
"""Draws start from the fit to all answers, no further out than this many logits."""
TOLERANCE = 1e-6
"""Log-likelihood that one more step must gain."""
ITERATIONS = 80
BATCH_CELLS = 30_000
"""Draws times levels that are fitted at once."""
UNDEFINED_SHARE = 0.05
"""An interval is given only when at most this share of the bootstrap draws has no value."""


@dataclass(frozen=True, slots=True)
class PsychometricCurve(Displayed):
    """A fitted curve; every figure is null with a reason where the answers do not determine it."""

    threshold: Estimate
    """Quantity at which the curve is half-way between floor and ceiling, in the quantity's unit.

    Beyond the quantities that were asked it is an extrapolation, and its `reason` says so."""
    slope: Estimate
    """Logits per unit of the quantity; negative where "yes" becomes rarer as the quantity grows."""
    jnd: Estimate
    """Just noticeable difference, ln 3 / abs(slope): from 50 % to 75 % of the curve, in the quantity's unit."""
    bias: Estimate
    """Threshold minus the true criterion, in the quantity's unit; null without a criterion."""
    floor: Estimate
    """Share of "yes" at the far "no" end; fixed at 0 unless lapses are fitted."""
    lapse: Estimate
    """Share of "no" at the far "yes" end; fixed at 0 unless lapses are fitted."""
    n: int
    """Answers that were fitted."""
    direction: int
    """1: "yes" becomes more frequent with the quantity; -1: rarer; 0: undetermined."""

    def predict(self, quantity: ArrayLike) -> Floats | None:
        """Return the curve's share of "yes" at each quantity; None where no curve was determined.

        Answers that a step separates have no finite slope; the curve is then that step, 0.5 at the threshold.

        >>> fit_psychometric([1, 2, 3, 4], [0, 0, 1, 1]).predict([1, 2.5, 4]).tolist()  # a step between 2 and 3
        [0.0, 0.5, 1.0]
        """
        from scipy.special import expit

        x = np.asarray(quantity, dtype=float)
        if self.threshold.value is None or self.floor.value is None or self.lapse.value is None:
            return None
        distance = x - self.threshold.value
        if self.slope.value is not None:
            share = expit(self.slope.value * distance)
        elif self.jnd.value == 0.0:
            share = 0.5 + 0.5 * np.sign(distance) * self.direction
        else:
            return None
        return np.asarray(self.floor.value + (1 - self.floor.value - self.lapse.value) * share, dtype=float)


def fit_psychometric(
    quantity: ArrayLike,
    yes: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    criterion: float | None = None,
    lapses: bool = False,
    draws: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PsychometricCurve:
    """Fit the logistic psychometric curve with percentile bootstrap intervals.

    Args:
        quantity: (n,) the true quantity, any unit.
        yes: (n,) the answers: 1 = yes, 0 = no; shares in between count as that many answers of one trial. NaN
            = no answer; such rows are left out.
        groups: (n,) scene (or other cluster) of each answer, resampled whole; by default each answer its own.
        criterion: The quantity at which the true answer changes, for the bias.
        lapses: Fit floor and lapse as well; needs plain cases at both ends.
        draws: Bootstrap draws; 0 gives no intervals.
        confidence: Of the intervals.
        seed: Of the bootstrap; same seed, same figures.

    Returns:
        The curve. Errors: `ValueError` for arrays of different lengths and answers outside [0, 1].

    >>> curve = fit_psychometric([-2, -1, -1, 0, 0, 1, 1, 2], [0, 0, 1, 0, 1, 0, 1, 1], draws=0)
    >>> round(curve.threshold.value, 6) + 0.0, curve.direction
    (0.0, 1)
    """
    x, y, cluster = _clean(quantity, yes, groups)
    n = len(x)
    if n == 0:
        return _nothing(Reason("no_answers"), n)
    levels, level_of = np.unique(x, return_inverse=True)
    if len(levels) < 2:
        return _nothing(Reason("all_equal", name="quantities"), n)
    if y.min() == y.max() == 0.0 or y.min() == y.max() == 1.0:
        return _nothing(Reason("every_answer", name="yes" if y[0] else "no"), n)
    weights = _draw_weights(cluster, draws, seed)
    fitted = _fit_draws(levels, level_of, y, weights, lapses=lapses)
    asked = (float(levels[0]), float(levels[-1]))
    return _summary(fitted, n, asked=asked, criterion=criterion, lapses=lapses, confidence=confidence)


def _clean(quantity: ArrayLike, yes: ArrayLike, groups: ArrayLike | None) -> tuple[Floats, Floats, Ints]:
    x, y = np.asarray(quantity, dtype=float), np.asarray(yes, dtype=float)
    cluster = np.arange(len(x)) if groups is None else np.asarray(groups)
    if not x.shape == y.shape == cluster.shape or x.ndim != 1:
        raise ValueError(f"quantity {x.shape}, yes {y.shape} and groups {cluster.shape} must be (n,) alike")
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep], y[keep]
    if len(y) and (y.min() < 0 or y.max() > 1):
        raise ValueError("answers must lie in [0, 1]")
    _, codes = np.unique(cluster[keep], return_inverse=True)
    return x, y, np.asarray(codes, dtype=np.int64)


def _draw_weights(cluster: Ints, draws: int, seed: int) -> Floats:
    """(1 + draws, n) how often each answer counts: once in the first row, then whole clusters resampled."""
    drawn = PromptDraws.make(cluster, draws, stream(seed, "psychometric"))
    return np.vstack([np.ones((1, len(cluster))), drawn.weights().T])


@dataclass(frozen=True, slots=True)
class _Fits:
    """Parameters of each draw, (B,); NaN where undetermined, an infinite slope where the answers separate."""

    threshold: Floats
    slope: Floats
    floor: Floats
    lapse: Floats


def _fit_draws(levels: Floats, level_of: Ints, y: Floats, weights: Floats, *, lapses: bool) -> _Fits:
    from scipy.sparse import csr_array

    places = np.arange(len(y))
    shape = (len(levels), len(y))
    trials, said_yes = (
        np.asarray(csr_array((count, (level_of, places)), shape=shape) @ weights.T).T
        for count in (np.ones(len(y)), y)
    )
    size = max(1, BATCH_CELLS // len(levels))
    scale = _Standardised(float(levels.mean()), float(levels.std()))
    z = (levels - scale.centre) / scale.spread
    first = _start(z, trials[:1], said_yes[:1], lapses=lapses)
    parts = []
    for batch in (slice(0, 1), *(slice(i, i + size) for i in range(1, len(trials), size))):
        start = np.repeat(first, len(trials[batch]), axis=0)
        theta = _fisher_scoring(z, trials[batch], said_yes[batch], start)
        parts.append(_as_fits(z, trials[batch], said_yes[batch], theta, scale))
        if batch.start == 0:
            first = np.clip(theta, -NEAR, NEAR)
    return _Fits(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(_Fits)))


@dataclass(frozen=True, slots=True)
class _Standardised:
    """Levels are fitted as z = (level - centre) / spread."""

    centre: float
    spread: float


def _as_fits(z: Floats, trials: Floats, said_yes: Floats, theta: Floats, scale: _Standardised) -> _Fits:
    """Return thresholds and slopes of (B, P) parameters in the quantity's own unit."""
    from scipy.special import expit

    intercept, slope = theta[:, 0], theta[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        threshold = np.where(slope == 0, np.nan, -intercept / slope)
    slope = np.where(np.abs(slope) >= 0.99 * _steepest(z), np.copysign(np.inf, slope), slope)
    if theta.shape[1] == 4:
        floor, lapse = (
            np.where(theta[:, i] <= -FURTHEST, 0.0, LAPSE_LIMIT * expit(theta[:, i])) for i in (2, 3)
        )
    else:
        floor = lapse = np.zeros(len(theta))
        step, direction = _separation(z, trials, said_yes)
        threshold = np.where(direction != 0, step, threshold)
        slope = np.where(direction != 0, np.copysign(np.inf, direction), slope)
    count = said_yes.sum(axis=1)
    one_sided = (count == 0) | (count == trials.sum(axis=1))
    slope = np.where(one_sided, np.nan, slope)
    threshold = np.where(one_sided, np.nan, threshold) * scale.spread + scale.centre
    return _Fits(threshold, slope / scale.spread, floor, lapse)


def _steepest(z: Floats) -> float:
    """Return the slope from which a curve is a step between two levels."""
    return float(STEEPEST / np.diff(z).min())


def _separation(z: Floats, trials: Floats, said_yes: Floats) -> tuple[Floats, Floats]:
    """(B,) midpoint and direction (0: none) of the step that separates all yes from all no, if one does.

    A level with both answers may be the step itself (quasi-complete separation, Albert & Anderson 1984).
    """
    has_yes, has_no = said_yes > 0, trials - said_yes > 0
    low_yes, high_yes = _ends(z, has_yes)
    low_no, high_no = _ends(z, has_no)
    up, down = high_no <= low_yes, high_yes <= low_no
    with np.errstate(invalid="ignore"):
        step = np.where(up, (high_no + low_yes) / 2, (high_yes + low_no) / 2)
    return step, np.where(up, 1.0, 0.0) - np.where(down & ~up, 1.0, 0.0)


def _ends(z: Floats, there: Bools) -> tuple[Floats, Floats]:
    """(B,) lowest and highest level at which something is there; infinite, and crossed, where nowhere."""
    return np.where(there, z, np.inf).min(axis=1), np.where(there, z, -np.inf).max(axis=1)


def _start(z: Floats, trials: Floats, said_yes: Floats, *, lapses: bool) -> Floats:
    """(B, 2 or 4) a flat-ish curve leaning the way the answers lean."""
    total = np.maximum(trials.sum(axis=1), 1)
    share = np.clip(said_yes.sum(axis=1) / total, 0.05, 0.95)
    lean = np.sign((said_yes - share[:, None] * trials) @ z)
    start = np.column_stack([np.log(share / (1 - share)), lean])
    if not lapses:
        return start
    unlikely = np.full((len(start), 2), math.log(0.1 / 0.9))
    return np.hstack([start, unlikely])


def _curve(z: Floats, theta: Floats) -> tuple[Floats, Floats]:
    """(B, L) share of yes and (B, L, P) its derivatives."""
    from scipy.special import expit

    core = expit(theta[:, :1] + theta[:, 1:2] * z)
    if theta.shape[1] == 2:
        inner = core * (1 - core)
        return core, np.stack([inner, inner * z], axis=2)
    relative = expit(theta[:, 2:])
    floor, lapse = (LAPSE_LIMIT * relative[:, i : i + 1] for i in (0, 1))
    d_floor, d_lapse = (LAPSE_LIMIT * r * (1 - r) for r in (relative[:, :1], relative[:, 1:]))
    height = 1 - floor - lapse
    inner = height * core * (1 - core)
    share = floor + height * core
    return share, np.stack([inner, inner * z, d_floor * (1 - core), -d_lapse * core], axis=2)


def _log_likelihood(share: Floats, trials: Floats, said_yes: Floats) -> Floats:
    from scipy.special import xlogy

    return np.asarray((xlogy(said_yes, share) + xlogy(trials - said_yes, 1 - share)).sum(axis=1))


def _fisher_scoring(z: Floats, trials: Floats, said_yes: Floats, theta: Floats) -> Floats:
    """(B, P) parameters of highest likelihood; Levenberg's damping keeps each step uphill."""
    tiny = 1e-12
    steepest = _steepest(z)
    limit = np.array([steepest * max(1.0, np.abs(z).max()), steepest, FURTHEST, FURTHEST])[: theta.shape[1]]
    damping = np.full(len(theta), 1e-3)
    best = _log_likelihood(np.clip(_curve(z, theta)[0], tiny, 1 - tiny), trials, said_yes)
    active = np.arange(len(theta))
    for _ in range(ITERATIONS):
        here, rates = _curve(z, theta[active])
        here = np.clip(here, tiny, 1 - tiny)
        weight = trials[active] / (here * (1 - here))
        score = np.einsum(
            "bl,blp->bp", (said_yes[active] - trials[active] * here) / (here * (1 - here)), rates
        )
        information = np.einsum("blp,bl,blq->bpq", rates, weight, rates)
        diagonal = np.einsum("bpp->bp", information)
        information = information + _diagonal(damping[active][:, None] * diagonal + 1e-9)
        step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
        tried = np.clip(theta[active] + step, -limit, limit)
        value = _log_likelihood(
            np.clip(_curve(z, tried)[0], tiny, 1 - tiny), trials[active], said_yes[active]
        )
        better = value >= best[active]
        gain = np.where(better, value - best[active], np.inf)
        theta[active[better]] = tried[better]
        best[active[better]] = value[better]
        damping[active] = np.clip(np.where(better, damping[active] / 10, damping[active] * 10), 1e-9, 1e9)
        moving = (gain > TOLERANCE) & (damping[active] < 1e8)
        active = active[moving]
        if len(active) == 0:
            break
    return theta


def _diagonal(values: Floats) -> Floats:
    """(B, P, P) matrices with these (B, P) diagonals."""
    return np.asarray(values[:, :, None] * np.eye(values.shape[1]))


def _summary(
    fits: _Fits,
    n: int,
    *,
    asked: tuple[float, float],
    criterion: float | None,
    lapses: bool,
    confidence: float,
) -> PsychometricCurve:
    slope = float(fits.slope[0])
    with np.errstate(divide="ignore"):
        jnd = np.where(np.isnan(fits.slope), np.nan, JND_LOGIT / np.abs(fits.slope))
    jnd[np.isinf(jnd)] = np.nan
    flat, steep, fixed = Reason("flat"), Reason("step"), Reason("fixed_at_0")
    threshold = _estimate(fits.threshold, n, confidence, reason=flat)
    bias = (
        Estimate.undefined(Reason("no_criterion"), n=n)
        if criterion is None
        else _estimate(fits.threshold - criterion, n, confidence, reason=flat)
    )
    if threshold.value is not None and not asked[0] <= threshold.value <= asked[1]:
        beyond = Reason("extrapolated", n=asked[0], needed=asked[1])
        threshold = replace(threshold, reason=beyond)
        bias = bias if bias.value is None else replace(bias, reason=beyond)
    ends = {
        name: _estimate(values, n, confidence, reason=flat) if lapses else Estimate(0.0, n=n, reason=fixed)
        for name, values in (("floor", fits.floor), ("lapse", fits.lapse))
    }
    return PsychometricCurve(
        threshold=threshold,
        slope=_estimate(fits.slope, n, confidence, reason=steep if math.isinf(slope) else flat),
        jnd=_estimate(jnd, n, confidence, reason=flat),
        bias=bias,
        n=n,
        direction=int(np.sign(slope)) if not math.isnan(slope) else 0,
        **ends,
    )


def _estimate(values: Floats, n: int, confidence: float, *, reason: Reason) -> Estimate:
    """Return the first value with the percentile interval of the others."""
    value, drawn = float(values[0]), values[1:]
    if not math.isfinite(value):
        return Estimate.undefined(reason, n=n)
    if len(drawn) == 0:
        return Estimate(value, n=n, reason=Reason("no_draws"))
    known = drawn[~np.isnan(drawn)]
    if len(known) < (1 - UNDEFINED_SHARE) * len(drawn):
        return Estimate(value, n=n, reason=Reason("few_defined_draws"))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = (float(v) for v in np.quantile(known, tails, method="inverted_cdf"))
    if not math.isfinite(low) or not math.isfinite(high):
        return Estimate(value, n=n, reason=Reason("open_interval"))
    return Estimate(value, low, high, n=n)


def _nothing(reason: Reason, n: int) -> PsychometricCurve:
    undefined = Estimate.undefined(reason, n=n)
    figures = dict.fromkeys(("threshold", "slope", "jnd", "bias", "floor", "lapse"), undefined)
    return PsychometricCurve(**figures, n=n, direction=0)
