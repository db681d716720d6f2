"""The people's part of a comparison: how far they agree, how one of them does against the rest, and who is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis._conspicuous import rater_pairs
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import NO_PEOPLE, Scope, given, target_of
from genspace.analysis.figures import FIGURES, Figure
from genspace.analysis.inference.ceiling import Ceiling, ceiling
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.notes import LeftOutRater
from genspace.analysis.question import JudgeScores, PeopleAnswers, Question
from genspace.analysis.reasons import Reason
from genspace.analysis.reliability import alpha_of, reliability
from genspace.analysis.resampling import ratio
from genspace.analysis.result import AllRaters, Exclusion, Matched, People, StudyFacts
from genspace.records import StudySettings

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
    return ratio(np.nansum(others, axis=1), np.isfinite(others).sum(axis=1))


def human_row(scope: Scope, figures: Iterable[Figure]) -> dict[str, Estimate]:
    """Return each figure of each rater against the rest, averaged over raters."""
    rows = {figure.key: figure for figure in figures}
    people = scope.rated.people
    if len(people.raters) < 2:
        return {key: Estimate.undefined(_too_few(people)) for key in rows}
    found: dict[str, list[tuple[Estimate, Floats]]] = {key: [] for key in rows}
    for column in range(len(people.raters)):
        rest = leave_one_out(people.ratings, column)
        for key, figure in rows.items():
            target = target_of(people, figure, rest)
            found[key].append(scope.figures([figure], target, people.rater(column))[key])
    return {key: _averaged(scope, figure, found[key])[0] for key, figure in rows.items()}


def matched_with(scope: Scope, judge: JudgeScores) -> Matched:
    """Return judge and single human against the same rest of the raters, and their paired difference."""
    people, figure = scope.rated.people, scope.figure
    if len(people.raters) < 2:
        nothing = Estimate.undefined(_too_few(people))
        return Matched(judge=nothing, human=nothing, difference=nothing)
    judged, rated = [], []
    for rater in range(len(people.raters)):
        human, rest = people.rater(rater), leave_one_out(people.ratings, rater)
        both = np.isfinite(human.score) & np.isfinite(given(judge, figure))
        target = np.where(both, target_of(people, figure, rest), np.nan)
        mine, theirs = scope.agreement(judge, target), scope.agreement(human, target)
        if mine[0].value is not None and theirs[0].value is not None:
            judged.append(mine)
            rated.append(theirs)
    (of_judge, my_replicates), (of_human, their_replicates) = (
        _averaged(scope, figure, found) for found in (judged, rated)
    )
    if of_judge.value is None or of_human.value is None:
        return Matched(judge=of_judge, human=of_human, difference=of_judge)
    difference = from_replicates(
        of_judge.value - of_human.value,
        my_replicates - their_replicates,
        scope.replicates,
        n=of_judge.n,
        confidence=scope.confidence,
    )
    return Matched(judge=of_judge, human=of_human, difference=difference)


def _too_few(people: PeopleAnswers) -> Reason:
    """Return why no rater can be held against the rest."""
    return Reason("one_rater") if people.raters else NO_PEOPLE


def _averaged(
    scope: Scope, figure: Figure, raters: Sequence[tuple[Estimate, Floats]]
) -> tuple[Estimate, Floats]:
    """Average a figure over the raters for whom it is defined: with its interval, and without each block of prompts."""
    known = [(found.value, found.n, replicated) for found, replicated in raters if found.value is not None]
    if not known:
        reason = scope.obstacle(figure) or Reason("undefined_against_rest")
        return Estimate.undefined(reason), np.full(scope.replicates.draws, np.nan)
    values, sizes, replicates = zip(*known, strict=True)
    n, replicated = round(float(np.mean(sizes))), np.mean(replicates, axis=0)
    found = from_replicates(
        float(np.mean(values)),
        replicated,
        scope.replicates,
        n=n,
        scale=figure.scale,
        support=Support(most=max(n, 1), at_ends=int(scope.replicates.present.sum())),
        confidence=scope.confidence,
    )
    return found, replicated


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


def exclusion_section(
    scope: Scope, question: Question, options: CompareOptions, judges: Sequence[JudgeScores]
) -> Exclusion | None:
    """Return who is left out and why, and the primary figure with all raters; None when nobody breaks a rule.

    Args:
        scope: The question without those raters.
        question: The question itself.
        options: Those that made the scope.
        judges: Judges, metrics and baselines of the table.
    """
    everybody, rules = question.everybody, question.excluded
    breaking = [r for r in everybody.raters if r in rules]
    if not breaking:
        return None
    whole = Scope.of(question, options, everybody=True)
    figure = scope.figure
    return Exclusion(
        applied=len(scope.study.people.raters) < len(everybody.raters),
        raters=tuple(LeftOutRater(r, rules[r]) for r in breaking),
        n_ratings=int(everybody.count.sum() - scope.study.people.count.sum()),
        all_raters=AllRaters(
            n_ratings=int(everybody.count.sum()),
            judges={j.name: whole.primary_estimate(j) for j in judges},
            row=human_row(whole, [figure])[figure.key],
            reliability=reliability(whole.rated.people, whole.rated.prompt, confidence=scope.confidence),
        ),
    )


def _distribution(ratings: Floats) -> dict[str, int]:
    """Return how often each value was given; ten equal steps where there are many values."""
    given = ratings[np.isfinite(ratings)]
    values, counts = np.unique(given, return_counts=True)
    if len(values) <= MAX_LISTED_VALUES:
        return {f"{v:g}": int(c) for v, c in zip(values, counts, strict=True)}
    counts, edges = np.histogram(given, bins=10)
    steps = pairwise(edges)
    return {f"{a:.3g} to {b:.3g}": int(c) for (a, b), c in zip(steps, counts, strict=True)}
