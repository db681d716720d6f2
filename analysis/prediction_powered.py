"""Generator scores of a whole study from the part that people rated, corrected by a judge.

A judge scores every item, people only a random sample. The judge's mean over all items is precise but biased;
the sample tells the bias. Prediction-powered inference puts both together without trusting the judge:
Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, "Prediction-powered inference", Science 382, with the
power-tuned weight of Angelopoulos, Duchi & Zrnic 2023, "PPI++" (arXiv 2311.01453, section 6). The variance is
taken over prompts, so that items of one prompt may depend on each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import Support, wilson
from genspace.analysis.inference.replicates import StandardError
from genspace.analysis.reasons import Reason
from genspace.display import Displayed

__all__ = ["CorrectedMean", "corrected_mean", "corrected_strata", "undrawn_reason"]

MIN_LABELLED_PROMPTS = 10
"""With fewer labelled prompts the normal interval is too short."""
MIN_LABELS = 60
"""Labels from which a stratified sample corrects a generator's row."""
MIN_DISAGREEMENTS = 5
"""With fewer labels on which people and judge differ, how far the judge is off is not known well enough."""


@dataclass(frozen=True, slots=True)
class CorrectedMean(Displayed):
    """The people's mean rating of a generator's items, from the rated sample alone and with a judge's help."""

    sample: Estimate
    """Mean of the rated items, with its interval over prompts."""
    corrected: Estimate
    """Prediction-powered mean over all items, in the people's scale."""
    weight: float | None
    """How much of the judge is used (PPI++'s lambda times the judge's unit); 0 = not at all."""
    labelled: int
    unlabelled: int


def undrawn_reason(sampling: str | None) -> Reason | None:
    """Return why a study's labelled items cannot correct the rest, or None when they can.

    >>> undrawn_reason("random") is None
    True
    """
    if sampling == "random":
        return None
    return Reason("sampling_unknown") if sampling is None else Reason("sampling_not_random", name=sampling)


def corrected_mean(
    ratings: ArrayLike, scores: ArrayLike, prompts: ArrayLike, *, confidence: float = 0.95
) -> CorrectedMean:
    """Return the mean rating over all items, rated or not.

    Args:
        ratings: (n,) mean human rating; NaN = not rated. The rated items must be a random sample.
        scores: (n,) a judge's scores of all items, any scale; an abstention (NaN) counts as the mean score,
            which keeps the correction valid.
        prompts: (n,) prompt of each item.
        confidence: Of the normal intervals.

    >>> corrected_mean([1.0, 2.0, np.nan], [1.0, 2.0, 3.0], [0, 1, 2]).corrected.reason.code
    'too_few_prompts_rated'
    """
    y, f, prompt = np.asarray(ratings, dtype=float), np.asarray(scores, dtype=float), np.asarray(prompts)
    if not y.shape == f.shape == prompt.shape:
        raise ValueError(f"ratings {y.shape}, scores {f.shape} and prompts {prompt.shape} must be (n,) alike")
    rated = np.isfinite(y)
    n, rest = int(rated.sum()), int((~rated).sum())
    groups = len(np.unique(prompt[rated]))
    reason = None
    if groups < MIN_LABELLED_PROMPTS:
        reason = Reason("too_few_prompts_rated", n=groups, needed=MIN_LABELLED_PROMPTS)
    elif not np.isfinite(f[rated]).any() or not np.isfinite(f[~rated]).any():
        reason = Reason("judge_scored_no_rated_item" if rest else "everything_rated")
        if rest and np.isfinite(f[rated]).any():
            reason = Reason("judge_scored_no_unrated_item")
    value = float(y[rated].mean()) if n else math.nan
    if reason is not None and n == 0:
        nothing = Estimate.undefined(Reason("no_item_rated"))
        return CorrectedMean(nothing, nothing, None, 0, rest)
    influence = np.where(rated, (y - value) / n, 0.0)
    sample = _normal(value, influence, prompt, n, confidence, rated=groups)
    if reason is not None:
        return CorrectedMean(sample, Estimate.undefined(reason, n=n), None, n, rest)
    f = np.where(np.isfinite(f), f, np.nanmean(f))
    weight = _power_tuned(y[rated], f[rated], rest)
    residual = y[rated] - weight * f[rated]
    point = float(residual.mean() + weight * f[~rated].mean())
    influence = np.empty(len(y))
    influence[rated] = (residual - residual.mean()) / n
    influence[~rated] = weight * (f[~rated] - f[~rated].mean()) / rest
    corrected = _normal(point, influence, prompt, len(y), confidence, rated=groups)
    return CorrectedMean(sample, corrected, float(weight), n, rest)


def corrected_strata(
    ratings: Floats,
    scores: Floats,
    prompts: NDArray[Any],
    stratum: Ints,
    *,
    confidence: float = 0.95,
) -> CorrectedMean:
    """Return the mean of the strata's mean ratings, from a sample drawn at random within each stratum.

    Each stratum counts alike, however many of its items were rated: the judge's mean over the stratum, moved by what
    the rated items tell of its error. One weight of the judge serves all strata (Fisch, Maynez, Hofer, Dhingra,
    Globerson & Cohen 2024, "Stratified prediction-powered inference", arXiv 2406.04291, with the weight of PPI++).

    Args:
        ratings: (n,) mean human rating, in [0, 1]; NaN = not rated.
        scores: (n,) a judge's values in the same unit, finite: what it did not measure as misses.
        prompts: (n,) prompt of each item; whole prompts were drawn.
        stratum: (n,) 0 … H - 1.
        confidence: Of Wilson's interval, Student's t with labelled prompts less strata as degrees of freedom.

    >>> corrected_strata(np.array([1.0, np.nan]), np.ones(2), np.arange(2), np.zeros(2, int)).corrected.reason.code
    'too_few_labels'
    """
    rated = np.isfinite(ratings)
    n, rest, strata = int(rated.sum()), int((~rated).sum()), int(stratum.max(initial=-1)) + 1
    labelled = len(np.unique(prompts[rated]))
    apart = int((np.abs(ratings[rated] - scores[rated]) >= 0.5).sum())
    reason = None
    if n < MIN_LABELS:
        reason = Reason("too_few_labels", n=n, needed=MIN_LABELS)
    elif apart < MIN_DISAGREEMENTS:
        reason = Reason("too_few_disagreements", n=apart, needed=MIN_DISAGREEMENTS)
    sizes, free = (np.bincount(stratum[rows], minlength=strata) for rows in (rated, ~rated))
    if reason is None and (sizes < 2).any():
        reason = Reason("stratum_unlabelled", n=int((sizes < 2).sum()))
    if reason is not None:
        nothing = Estimate.undefined(reason, n=n)
        return CorrectedMean(nothing, nothing, None, n, rest)
    own, spare = stratum[rated], stratum[~rated]
    y, f, g = ratings[rated], scores[rated], scores[~rated]
    centred_y, centred_f = (v - (np.bincount(own, v, strata) / sizes)[own] for v in (y, f))
    inner = np.divide(1.0, free, out=np.zeros(strata), where=free > 0)
    factor = (sizes / (sizes - 1) / sizes**2)[own]
    below = float((centred_f**2 * factor * (1 + (sizes * inner)[own])).sum())
    weight = float((centred_y * centred_f * factor).sum()) / below if below > 1e-24 else 0.0
    residual = y - weight * f
    means = np.bincount(own, residual, strata) / sizes
    # a stratum that is wholly rated needs no judge
    judged = np.where(free > 0, np.bincount(spare, g, strata) * inner, np.bincount(own, f, strata) / sizes)

    def over_strata(value: float, influence: Floats) -> Estimate:
        _, member = np.unique(prompts, return_inverse=True)
        error = math.sqrt(float(np.square(np.bincount(member, influence)).sum()))
        share = min(1.0, max(0.0, value))
        support = Support(most=len(ratings), at_ends=labelled)
        low, high = wilson(share, StandardError(error, max(1, labelled - strata)), support, confidence)
        return Estimate(share, low, high, n=len(ratings))

    spread = (np.sqrt(sizes / (sizes - 1)) / sizes / strata)[own]
    sampled = np.zeros(len(ratings))
    sampled[rated] = centred_y * spread
    influence = np.zeros(len(ratings))
    influence[rated] = (residual - means[own]) * spread
    influence[~rated] = weight * (g - judged[spare]) * inner[spare] / strata
    sample = over_strata(float((np.bincount(own, y, strata) / sizes).mean()), sampled)
    corrected = over_strata(float((means + weight * judged).mean()), influence)
    return CorrectedMean(replace(sample, n=n), corrected, weight, n, rest)


def _power_tuned(y: Floats, f: Floats, unlabelled: int) -> float:
    """Return the weight of least variance, Cov(y, f) / ((1 + n / N) Var(f)); 0 for a constant judge."""
    variance = f.var(ddof=1)
    if variance <= 1e-24 * max(1.0, float(np.square(f).max())):
        return 0.0
    covariance = ((y - y.mean()) @ (f - f.mean())) / (len(y) - 1)
    return float(covariance / variance / (1 + len(y) / unlabelled))


def _normal(
    value: float, influence: Floats, prompts: NDArray[Any], n: int, confidence: float, *, rated: int
) -> Estimate:
    """Return a normal interval whose variance sums whole prompts' influence."""
    from scipy.stats import norm

    if rated < 2:
        return Estimate(value, n=n, reason=Reason("single_prompt"))
    _, member = np.unique(prompts, return_inverse=True)
    summed = np.bincount(member, weights=influence)
    half = norm.ppf((1 + confidence) / 2) * math.sqrt(rated / (rated - 1) * float(summed @ summed))
    return Estimate(value, value - float(half), value + float(half), n=n)
