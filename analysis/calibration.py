"""Calibration: what a score says about how often people say yes.

`cross_fit` turns any scores into probabilities that were never fitted on the item's own prompt; the diagram, the
expected calibration error and the Brier score then tell how far probabilities can be taken at their word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis.folds import FOLDS, prompt_folds
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import dense_codes, ratio
from genspace.display import Displayed

__all__ = [
    "METHODS",
    "CalibrationBin",
    "Method",
    "Reliability",
    "brier_score",
    "cross_fit",
    "cross_fit_weights",
    "expected_calibration_error",
    "reliability_diagram",
]

Method = Literal["isotonic", "logistic"]
Predictor = Callable[[Floats, Ints], tuple[Floats, Floats]]
Fit = Callable[[Floats, Floats, Ints], Predictor]
BINS = 10
SPREAD = 1.0
"""Standard deviation that is expected of a sub-domain's own weights about the common ones, in log-odds."""
LEAST_PRIOR = 1e-6
"""Precision of the prior of common weights: none to speak of, but enough where a score does not vary."""


def cross_fit(
    scores: ArrayLike,
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    method: Method = "isotonic",
    folds: int = FOLDS,
    seed: int = 0,
    parts: ArrayLike | None = None,
) -> Floats:
    """Return the probability of "yes" for each item, fitted on the other prompts' items.

    Args:
        scores: (n,) or (n, k) scores of k judges, any range, higher is better; NaN = none.
        outcomes: (n,) what people said: 1 = yes, 0 = no, or the share of yes; NaN = unlabelled (predicted, never
            fitted on).
        groups: (n,) prompt of each item; a prompt is never split between fitting and predicting.
        method: "isotonic" (Zadrozny & Elkan 2002; several judges enter as the mean of their standardised scores)
            or "logistic" (Platt 1999, with his targets that keep separable data finite; one weight a judge).
        folds: Parts the prompts are split into.
        seed: Of the split.
        parts: As for `cross_fit_weights`.

    Returns:
        (n,) predictions in [0, 1]; NaN where a score is missing, or where the other prompts hold fewer than two
        labelled items or a single outcome.

    Errors: `ValueError` for lengths that differ, outcomes outside [0, 1], an unknown method.

    >>> cross_fit([0.1, 0.9, 0.1, 0.9, 0.1, 0.9], [0, 1, 0, 1, 0, 1], groups=[0, 0, 1, 1, 2, 2]).tolist()
    [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    """
    return cross_fit_weights(scores, outcomes, groups, method=method, folds=folds, seed=seed, parts=parts)[0]


def cross_fit_weights(
    scores: ArrayLike,
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    method: Method = "isotonic",
    folds: int = FOLDS,
    seed: int = 0,
    parts: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Return the predictions of `cross_fit`, and the weights that each rests on.

    Args:
        scores: As for `cross_fit`.
        outcomes: As for `cross_fit`.
        groups: As for `cross_fit`.
        method: As for `cross_fit`.
        folds: As for `cross_fit`.
        seed: As for `cross_fit`.
        parts: (n,) sub-domain of each item; "logistic" then weighs each by itself, drawn towards what all have in
            common (a normal prior of `SPREAD` on what sets a sub-domain apart). None: one sub-domain.

    Returns:
        (n,) predictions, and (n, k) change of the log-odds by a standard deviation of each score; NaN where there is
        no prediction, and for "isotonic".

    >>> scores, yes, prompts = [0.1, 0.2, 0.8, 0.9] * 5, [0, 0, 1, 1] * 5, np.arange(20)
    >>> predicted, weights = cross_fit_weights(scores, yes, prompts, method="logistic")
    >>> bool(predicted[0] < 0.5 < predicted[3]), weights.shape, bool((weights > 0).all())
    (True, (20, 1), True)
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known: {', '.join(METHODS)}")
    x, y, prompt = np.asarray(scores, dtype=float), np.asarray(outcomes, dtype=float), np.asarray(groups)
    x = x[:, None] if x.ndim == 1 else x
    if not (x.ndim == 2 and len(x) == len(y) == len(prompt)):
        raise ValueError(f"scores {x.shape}, outcomes {y.shape} and groups {prompt.shape} differ in length")
    if (np.abs(y - 0.5) > 0.5).any():
        raise ValueError("outcomes must lie in [0, 1]")
    scored = np.isfinite(x).all(axis=1)
    part = (
        np.zeros(len(y), dtype=int) if parts is None else np.unique(np.asarray(parts), return_inverse=True)[1]
    )
    predicted, weights = np.full(len(y), np.nan), np.full(x.shape, np.nan)
    for training, held in prompt_folds(prompt, folds=folds, seed=seed):
        fitted = training & scored & np.isfinite(y)
        wanted = held & scored
        if fitted.sum() < 2 or np.ptp(y[fitted]) == 0 or not wanted.any():
            continue
        centre, spread = x[fitted].mean(axis=0), x[fitted].std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        fit = METHODS[method]((x[fitted] - centre) / spread, y[fitted], part[fitted])
        predicted[wanted], weights[wanted] = fit((x[wanted] - centre) / spread, part[wanted])
    return predicted, weights


def _isotonic(x: Floats, y: Floats, _: Ints) -> Predictor:
    score = x.mean(axis=1)
    place = dense_codes(score, float(np.finfo(float).resolution))
    levels, counts = np.full(int(place.max()) + 1, np.inf), np.bincount(place)
    np.minimum.at(levels, place, score)
    fitted = np.clip(_rising(np.asarray(np.bincount(place, y), dtype=float), counts), 0, 1)
    return lambda new, _: (np.interp(new.mean(axis=1), levels, fitted), np.full(new.shape, np.nan))


def _rising(total: Floats, count: Ints) -> Floats:
    """(n,) rising means closest to total / count: neighbours that fall are merged (Ayer et al. 1955).

    >>> _rising(np.array([1.0, 0, 4]), np.array([1, 1, 2])).tolist()
    [0.5, 0.5, 2.0]
    """
    start = np.arange(len(total))
    while True:
        mean = np.add.reduceat(total, start) / np.add.reduceat(count, start)
        rises = np.append(True, np.diff(mean) > 0)
        if rises.all():
            return np.repeat(mean, np.diff(np.append(start, len(total))))
        start = start[rises]


def _logistic(x: Floats, y: Floats, part: Ints) -> Predictor:
    """Fit shares of yes, with Platt's targets; each part's intercept and weights are the common ones and its own."""
    from scipy.special import expit

    yes, no = y.sum(), (1 - y).sum()
    target = y * (yes + 1) / (yes + 2) + (1 - y) / (no + 2)
    common = np.column_stack([np.ones(len(x)), x])
    known = np.unique(part) if len(np.unique(part)) > 1 else part[:0]
    columns = np.column_stack([common, *(common * (part == p)[:, None] for p in known)])
    prior = np.full(columns.shape[1], SPREAD**-2)
    prior[: common.shape[1]] = LEAST_PRIOR
    of_all, *own = _most_likely(columns, target, prior).reshape(-1, common.shape[1])

    def predict(new: Floats, of: Ints) -> tuple[Floats, Floats]:
        beta = np.tile(of_all, (len(new), 1))
        for p, apart in zip(known, own, strict=True):
            beta[of == p] += apart
        return np.asarray(expit(beta[:, 0] + (new * beta[:, 1:]).sum(axis=1))), beta[:, 1:]

    return predict


def _most_likely(x: Floats, target: Floats, prior: Floats) -> Floats:
    """(k,) coefficients of the most likely logistic model with independent normal priors of these precisions.

    Every item is a weighted yes and a weighted no; a column divided by the root of its precision has a prior of 1.
    """
    from sklearn.linear_model import LogisticRegression

    labels = np.repeat([1, 0], len(target))
    model = LogisticRegression(C=1.0, fit_intercept=False, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    scaled = x / np.sqrt(prior)
    model.fit(np.vstack([scaled, scaled]), labels, sample_weight=np.concatenate([target, 1 - target]))
    return np.asarray(model.coef_[0] / np.sqrt(prior))


METHODS: dict[Method, Fit] = {"isotonic": _isotonic, "logistic": _logistic}
"""How scores become probabilities: each takes (n, k) scores, (n,) outcomes and (n,) parts, and returns a predictor."""


@dataclass(frozen=True, slots=True)
class CalibrationBin(Displayed):
    """One bin of the reliability diagram."""

    low: float
    """The bin holds probabilities from here (inclusive) …"""
    high: float
    """… to here (exclusive; the last bin holds 1 as well)."""
    predicted: float | None
    """Mean probability in the bin; None when it is empty."""
    observed: Estimate
    """Share of "yes" among people in the bin, with a prompt-bootstrap interval."""


@dataclass(frozen=True, slots=True, repr=False)
class Reliability(Displayed):
    """A reliability diagram with its summary figures."""

    bins: tuple[CalibrationBin, ...]
    ece: Estimate
    """Expected calibration error; biased upwards in small samples, so compare it only at equal n."""
    brier: Estimate
    """Mean squared distance of probability and outcome."""


def brier_score(probabilities: ArrayLike, outcomes: ArrayLike) -> float:
    """Return the mean of (probability - outcome)² (Brier 1950); NaN without items.

    >>> brier_score([1.0, 0.5], [1, 0])
    0.125
    """
    error = np.square(np.asarray(probabilities, dtype=float) - np.asarray(outcomes, dtype=float))
    return float(error.mean()) if len(error) else float("nan")


def expected_calibration_error(probabilities: ArrayLike, outcomes: ArrayLike, *, bins: int = BINS) -> float:
    """Return the mean distance between share of yes and mean probability in items' bins (Naeini et al. 2015).

    The mean is over items. Bins are of equal width over [0, 1]. NaN without items.

    >>> expected_calibration_error([0.1, 0.1, 0.9, 0.9], [0, 0, 1, 0], bins=2)
    0.25
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=float)
    if not len(p):
        return float("nan")
    return float(_ece(_one_hot(p, bins), p, y, np.ones((len(p), 1)))[0])


def reliability_diagram(
    probabilities: ArrayLike, outcomes: ArrayLike, *, clusters: Replicates | None = None, bins: int = BINS
) -> Reliability:
    """Return the reliability diagram of probabilities against outcomes.

    Args:
        probabilities: (n,) in [0, 1]; NaN rows are left out.
        outcomes: (n,) in [0, 1]; NaN rows are left out.
        clusters: The prompts of the n items, for the intervals; None gives none.
        bins: Number of bins of equal width.

    Errors: `ValueError` for probabilities outside [0, 1].

    >>> found = reliability_diagram([0.25, 0.25, 0.25, 0.25], [0, 0, 1, 1])
    >>> found.ece.value, found.brier.value  # said 25 %, saw 50 %
    (0.25, 0.3125)
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=float)
    keep = np.isfinite(p) & np.isfinite(y)
    p, y = p[keep], y[keep]
    if (np.abs(p - 0.5) > 0.5).any():
        raise ValueError("probabilities must lie in [0, 1]; use cross_fit for scores of another range")
    member = _one_hot(p, bins)

    def figures(weights: Floats) -> Floats:
        """(bins + 2, B) share of yes in each bin, ECE, Brier score."""
        shares = ratio((member * y) @ weights, member @ weights)
        brier = ratio(np.square(p - y) @ weights, weights.sum(axis=0))
        return np.vstack([shares, _ece(member, p, y, weights), brier])

    values = figures(np.ones((len(p), 1)))[:, 0]
    kept_out = (clusters or Replicates.of(np.zeros(len(keep)))).take(keep)
    replicated = kept_out.map(figures)

    def shown_as(k: int, n: int, reason: Reason) -> Estimate:
        support = Support(most=max(1, n), at_ends=int(kept_out.present.sum()))
        if k < bins:  # a bin rests on its own items
            here = kept_out.take(member[k] > 0)
            support = Support(most=max(1, n), at_ends=int(here.present.sum()))
        return from_replicates(
            values[k], replicated[k], kept_out, n=n, scale="share", support=support, reason=reason
        )

    counts = member.sum(axis=1).astype(int)
    edges = np.linspace(0, 1, bins + 1)
    shown = [
        CalibrationBin(
            low=float(edges[k]),
            high=float(edges[k + 1]),
            predicted=float(p[member[k] > 0].mean()) if counts[k] else None,
            observed=shown_as(k, int(counts[k]), Reason("empty_bin")),
        )
        for k in range(bins)
    ]
    ece, brier = (shown_as(k, len(p), Reason("no_common_item")) for k in (bins, bins + 1))
    return Reliability(tuple(shown), ece, brier)


def _one_hot(p: Floats, bins: int) -> Floats:
    """(bins, n) 1 where an item lies in a bin."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    return np.asarray(np.arange(bins)[:, None] == place, dtype=float)


def _ece(member: Floats, p: Floats, y: Floats, weights: Floats) -> Floats:
    """(B,) expected calibration error under (n, B) multiplicities."""
    gaps = np.abs((member * (y - p)) @ weights)
    return ratio(gaps.sum(axis=0), weights.sum(axis=0))
