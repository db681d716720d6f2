"""Decisions of judges that only give scores: a threshold chosen on other prompts than the item's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats
from genspace.analysis.decisions import Confusion
from genspace.analysis.folds import FOLDS, prompt_folds
from genspace.display import Displayed
from genspace.errors import InputError, did_you_mean

__all__ = ["CrossFittedDecisions", "best_threshold", "cross_fit_decisions"]

CRITERIA = ("accuracy", "balanced_accuracy", "f1", "mcc", "cohen_kappa")
"""Figures of a `decisions.Confusion` that a threshold can make best."""
CRITERION = "balanced_accuracy"


@dataclass(frozen=True, eq=False, repr=False)
class CrossFittedDecisions(Displayed):
    """What a judge decides when its threshold comes from the other prompts."""

    decisions: Floats
    """(n,) 1 = yes, 0 = no, NaN = no score, or no threshold could be chosen."""
    thresholds: tuple[float, ...]
    """The threshold of each fold; a score at or above it is a yes."""


def best_threshold(scores: ArrayLike, outcomes: ArrayLike, *, criterion: str = CRITERION) -> float:
    """Return the threshold with the best figure on these items; NaN when none is defined.

    Thresholds lie half-way between neighbouring scores, so that "at or above" and "above" say the same. Of
    several equally good ones the middle one is taken.

    Args:
        scores: (n,) finite, higher is better.
        outcomes: (n,) people's decisions 1 / 0.
        criterion: A name of `CRITERIA`; balanced accuracy is Youden's index (Youden 1950).

    Errors: `InputError` for an unknown criterion.

    >>> best_threshold([0.2, 0.4, 0.6, 0.8], [0, 0, 1, 1])
    0.5
    """
    if criterion not in CRITERIA:
        raise InputError(f"unknown criterion {criterion!r}{did_you_mean(criterion, CRITERIA)}")
    x, y = np.asarray(scores, dtype=float), np.asarray(outcomes, dtype=float)
    values, place = np.unique(x, return_inverse=True)
    if len(values) < 2:
        return float("nan")
    yes, no = (np.bincount(place, weights=w).astype(float) for w in (y, 1 - y))
    below_yes, below_no = (np.cumsum(w)[:-1].astype(float) for w in (yes, no))
    counts = Confusion(
        true_yes=yes.sum() - below_yes, false_yes=no.sum() - below_no, false_no=below_yes, true_no=below_no
    )
    figure: Floats = getattr(counts, criterion)
    if np.isnan(figure).all():
        return float("nan")
    best = np.flatnonzero(figure >= np.nanmax(figure) - 1e-12)
    middle = best[len(best) // 2]
    return float((values[middle] + values[middle + 1]) / 2)


def cross_fit_decisions(
    scores: ArrayLike,
    outcomes: ArrayLike,
    groups: ArrayLike,
    *,
    criterion: str = CRITERION,
    folds: int = FOLDS,
    seed: int = 0,
) -> CrossFittedDecisions:
    """Turn scores into decisions, the threshold of each prompt fitted on the other prompts.

    Args:
        scores: (n,) higher is better; NaN = abstained, which stays no decision.
        outcomes: (n,) people's decisions 1 / 0; NaN = undecided, never fitted on.
        groups: (n,) prompt of each item.
        criterion: What the threshold makes best, see `best_threshold`.
        folds: Parts the prompts are split into.
        seed: Of the split.

    >>> cross_fit_decisions([1.0, 5, 2, 6, 1, 5], [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2]).decisions.tolist()
    [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    """
    x, y, prompt = np.asarray(scores, dtype=float), np.asarray(outcomes, dtype=float), np.asarray(groups)
    decisions = np.full(len(x), np.nan)
    thresholds = []
    for training, held in prompt_folds(prompt, folds=folds, seed=seed):
        fitted = training & np.isfinite(x) & np.isfinite(y)
        threshold = best_threshold(x[fitted], y[fitted], criterion=criterion)
        wanted = held & np.isfinite(x)
        if np.isfinite(threshold):
            decisions[wanted] = x[wanted] >= threshold
            thresholds.append(threshold)
    return CrossFittedDecisions(decisions, tuple(thresholds))
