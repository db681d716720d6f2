"""The people's part of a comparison: how far they agree, and how one of them does against the rest."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._conspicuous import rater_pairs
from genspace.analysis._estimate import Estimate
from genspace.analysis._scope import NO_PEOPLE, Scope, target_of
from genspace.analysis.figures import FIGURES, Figure
from genspace.analysis.inference.ceiling import Ceiling, ceiling
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.reliability import alpha_of, reliability
from genspace.analysis.result import People, StudyFacts
from genspace.records import StudySettings

__all__ = ["agreement_of", "ceiling_of", "human_row", "leave_one_out", "people_section", "study_section"]

Floats = NDArray[np.float64]

ROW_FIGURES = ("pearson", "spearman", "kendall_tau_b")
"""Figures of the human row, beside the primary one."""
MAX_LISTED_VALUES = 25


def study_section(scope: Scope, settings: StudySettings) -> StudyFacts:
    """Return what the study is and holds."""
    study, people = scope.study, scope.rated.people
    low, high = people.scale or (None, None)
    return StudyFacts(
        name=settings.name,
        question=settings.question,
        reference=people.reference,
        n_items=len(study),
        n_annotated=scope.annotated,
        n_raters=len(people.raters),
        n_ratings=int(people.count.sum()),
        n_cannot_tell=int((people.count == 0).sum()),
        n_prompts=len(np.unique(study.prompt)),
        n_generators=len(study.generators),
        value_type=people.value_type,
        scale_min=low,
        scale_max=high,
        positive_from=people.positive_from,
        raters=settings.raters,
        sampling=settings.sampling,
    )


def people_section(scope: Scope) -> People:
    """Return the people's reliability, the human row, the ceiling and the distribution of ratings."""
    people = scope.rated.people
    return People(
        alpha=alpha_of(people),
        reliability=reliability(people, scope.rated.prompt, confidence=scope.confidence),
        row=human_row(scope, _row_figures(scope)),
        ceiling=ceiling_of(scope),
        rater_pairs=tuple(rater_pairs(people)),
        distribution=_distribution(people.ratings),
    )


def _row_figures(scope: Scope) -> list[Figure]:
    """Return the figures in which people are shown beside the judges."""
    if scope.rated.of_pairs:
        return [row for row in FIGURES.values() if row.target == "preference"]
    return [*(FIGURES[key] for key in ROW_FIGURES), scope.figure]


def leave_one_out(ratings: Floats, rater: int) -> Floats:
    """(n,) mean of the other raters' ratings; NaN where no other gave one."""
    others = np.delete(ratings, rater, axis=1)
    count = np.isfinite(others).sum(axis=1)
    mean = np.full(len(others), np.nan)
    np.divide(np.nansum(others, axis=1), count, out=mean, where=count > 0)
    return mean


def human_row(scope: Scope, figures: Iterable[Figure]) -> dict[str, Estimate]:
    """Return each figure, taken of each rater against the rest and averaged over raters."""
    rows = {figure.key: figure for figure in figures}
    people = scope.rated.people
    if len(people.raters) < 2:
        reason = Reason("one_rater") if people.raters else NO_PEOPLE
        return {key: Estimate.undefined(reason) for key in rows}
    values: dict[str, list[tuple[float, Floats, int]]] = {key: [] for key in rows}
    for column in range(len(people.raters)):
        rest = leave_one_out(people.ratings, column)
        for key, figure in rows.items():
            target = target_of(people, figure, rest)
            found, replicated = scope.figures([figure], target, people.rater(column))[key]
            if found.value is not None:
                values[key].append((found.value, replicated, found.n))
    return {key: _averaged(scope, values[key], figure) for key, figure in rows.items()}


def _averaged(scope: Scope, parts: list[tuple[float, Floats, int]], figure: Figure) -> Estimate:
    """Average a figure over raters, with the interval of the average."""
    if not parts:
        return Estimate.undefined(scope.obstacle(figure) or Reason("undefined_against_rest"))
    n = round(float(np.mean([part[2] for part in parts])))
    return from_replicates(
        float(np.mean([part[0] for part in parts])),
        np.mean([part[1] for part in parts], axis=0),
        scope.replicates,
        n=n,
        scale=figure.scale,
        support=Support(most=max(n, 1), at_ends=int(scope.replicates.present.sum())),
        confidence=scope.confidence,
    )


def ceiling_of(scope: Scope) -> Ceiling:
    """Return the ceiling of the primary figure; of pairs, of the agreement on them."""
    rated = scope.rated
    return ceiling(
        rated.people, rated.prompt, scope.figure.key, of_pairs=rated.of_pairs, confidence=scope.confidence
    )


def agreement_of(scope: Scope) -> Estimate:
    """Return how far people agree on these units: Krippendorff's alpha at the level of their answers."""
    people = scope.rated.people
    key = alpha_of(people)
    return reliability(people, scope.rated.prompt, confidence=scope.confidence, names=(key,))[key]


def _distribution(ratings: Floats) -> dict[str, int]:
    """Return how often each value was given; ten equal steps where there are many values."""
    given = ratings[np.isfinite(ratings)]
    values, counts = np.unique(given, return_counts=True)
    if len(values) <= MAX_LISTED_VALUES:
        return {f"{v:g}": int(c) for v, c in zip(values, counts, strict=True)}
    counts, edges = np.histogram(given, bins=10)
    steps = pairwise(edges)
    return {f"{a:.3g} to {b:.3g}": int(c) for (a, b), c in zip(steps, counts, strict=True)}
