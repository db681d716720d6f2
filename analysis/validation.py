"""One new metric against people and against every metric already there: what may be claimed, and what not.

A difference is judged by its interval over prompts, on the items that both metrics score: superior when the
interval lies above 0, non-inferior when it lies above minus the margin, inferior when it lies below 0, and else
inconclusive. An inconclusive comparison never shows that two metrics are equally good (Altman & Bland 1995,
"Absence of evidence is not evidence of absence", BMJ 311; margins: Piaggio et al. 2012, CONSORT, JAMA 308).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._decision_section import given, penalised_estimate
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._threads import side_by_side
from genspace.analysis.abstention import AbstentionTable, abstention_table
from genspace.analysis.alternative_annotator import (
    EPSILON,
    AlternativeAnnotatorTest,
    Annotators,
    alternative_annotator_test,
    as_ratings,
    own_answers,
)
from genspace.analysis.permutation import swap_test
from genspace.analysis.preference import preferences
from genspace.analysis.question import JudgeScores, Question
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import estimate, stream
from genspace.analysis.result import Claim, ValidationCell, ValidationDocument, ValidationPair
from genspace.analysis.significance import holm
from genspace.display import Result
from genspace.documents import to_dict
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MARGIN", "Validation", "claim", "validate"]

Floats = NDArray[np.float64]

MARGIN = 0.02
"""Largest loss of agreement that still counts as not worse."""
MIN_CELL_ITEMS = 20
"""A breakdown's cells with fewer common items are shown without a claim."""


@dataclass(frozen=True, eq=False)
class Validation(Result):
    """A finished validation of one metric.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> said = pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "value": [1, 0, 1, 0]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.8, 0.1]})
    >>> new = pd.DataFrame({"item_id": list("abcd"), "metric": "mine", "score": [0.7, 0.2, 0.6, 0.5]})
    >>> result = genspace.validate(new, items=items, annotations=said, scores=scores, draws=0)
    >>> [row.judge for row in result.document.against]
    ['clip']
    """

    document: ValidationDocument
    """Every figure and claim."""

    def __repr__(self) -> str:
        claims = ", ".join(f"{row.claim or 'undefined'} to {row.judge}" for row in self.document.against)
        return f"<Validation of {self.document.metric!r} in {self.document.study!r}: {claims or 'no other metric'}>"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON holds it (`genspace/schemas/validation.schema.json`)."""
        return to_dict(self.document)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric compared with: `judge, claim, difference, low, high, n, p, p_holm`."""
        import pandas as pd

        rows = [
            (
                r.judge,
                r.claim,
                r.difference.value,
                r.difference.low,
                r.difference.high,
                r.difference.n,
                r.p,
                r.p_holm,
            )
            for r in self.document.against
        ]
        return pd.DataFrame(rows, columns=["judge", "claim", "difference", "low", "high", "n", "p", "p_holm"])


def claim(low: float, high: float, margin: float = MARGIN) -> Claim:
    """Return what an interval of (new minus existing) allows to say.

    >>> [claim(*i) for i in ((0.01, 0.2), (-0.01, 0.2), (-0.2, -0.1), (-0.2, 0.2), (-0.015, -0.005))]
    ['superior', 'non-inferior', 'inferior', 'inconclusive', 'non-inferior']
    """
    if low > 0:
        return "superior"
    if low > -margin:
        return "non-inferior"
    return "inferior" if high < 0 else "inconclusive"


def validate(
    evidence: Evidence,
    new: str,
    options: CompareOptions | None = None,
    *,
    margin: float = MARGIN,
    annotators: Annotators = "crowd",
) -> Validation:
    """Validate one metric against the people and every other metric, on the main question.

    Args:
        evidence: Items, answers and the verdicts of the new metric and of all others.
        new: Name of the new metric.
        options: Draws, seed, confidence, primary figure, breakdowns.
        margin: Largest loss in the primary figure that still counts as not worse, at least 0.
        annotators: Who the raters are: what head start the metric has where it is tested as one of them (`EPSILON`).

    Errors: `InputError` for an unknown name, a negative margin, a metric made from the ratings themselves.

    >>> import pandas as pd
    >>> evidence = Evidence.from_frames(
    ...     pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "value": [1, 0, 1, 0]}),
    ...     pd.DataFrame({"item_id": list("abcd"), "judge": "mine", "score": [0.7, 0.2, 0.6, 0.5]}),
    ... )
    >>> validate(evidence, "mine", CompareOptions(draws=0)).document.against
    ()
    """
    options = options or CompareOptions()
    if not margin >= 0:
        raise InputError(f"margin = {margin}: must be at least 0")
    if annotators not in EPSILON:
        raise InputError(f"annotators = {annotators!r}: must be one of {', '.join(EPSILON)}")
    question = Question.of(evidence)
    study, settings = question.units, question.settings
    if new not in study.judges:
        raise InputError(f"no metric {new!r} in the scores{did_you_mean(new, study.judges)}")
    if study.judges[new].derived:
        raise InputError(f"{new} is computed from the ratings themselves: there is nothing to validate")
    scope = Scope.of(question, options)
    others = [name for name, judge in study.judges.items() if name != new and not judge.derived]
    by = tuple(options.by or settings.breakdowns)
    against = [_against(scope, new, other, margin) for other in others]
    return Validation(
        ValidationDocument(
            study=settings.name,
            reference=study.people.reference,
            metric=new,
            margin=margin,
            options=replace(options, by=by),
            primary=scope.primary,
            figure=scope.primary_estimate(study.judges[new]),
            coverage=_coverage(scope, new),
            against=_tested(scope, new, against, options.permutations),
            breakdowns={column: _breakdown(scope, new, others, column, margin) for column in by},
            stand_in=_stand_in(scope, new, annotators, settings),
            readings=evidence.readings,
        )
    )


def _coverage(scope: Scope, new: str) -> AbstentionTable:
    people = scope.rated.people
    decided = scope.rated.judges[new].status == "decided"
    return abstention_table(people.asked, people.decided, decided)


def _difference(scope: Scope, new: str, other: str) -> tuple[Estimate, Estimate, Estimate]:
    """Return both figures on the items that both score, and their paired difference."""
    figure = scope.figure
    judges = [scope.rated.judges[name] for name in (new, other)]
    common = np.isfinite([given(judge, figure) for judge in judges]).all(axis=0)
    target = np.where(common, scope.target(figure), np.nan)
    (mine, my_draws), (theirs, their_draws) = (scope.agreement(judge, target) for judge in judges)
    if mine.value is None or theirs.value is None:
        reason = mine.reason or theirs.reason or Reason("undefined")
        return mine, theirs, Estimate.undefined(reason, n=mine.n)
    difference = estimate(
        mine.value - theirs.value,
        my_draws - their_draws,
        n=mine.n,
        confidence=scope.confidence,
        coverage=mine.coverage,
        no_interval=scope.no_interval(scope.draws),
    )
    return mine, theirs, difference


def _claim(difference: Estimate, margin: float) -> Claim | None:
    if difference.low is None or difference.high is None:
        return None
    return claim(difference.low, difference.high, margin)


def _against(scope: Scope, new: str, other: str, margin: float) -> ValidationPair:
    mine, theirs, difference = _difference(scope, new, other)
    judges = [scope.rated.judges[name] for name in (new, other)]
    with_penalty = _penalised_difference(scope, *judges)
    return ValidationPair(
        judge=other,
        claim=_claim(difference, margin),
        difference=difference,
        new=mine,
        existing=theirs,
        penalised=with_penalty,
        penalised_claim=_claim(with_penalty, margin),
    )


def _tested(
    scope: Scope, new: str, rows: Sequence[ValidationPair], permutations: int
) -> tuple[ValidationPair, ...]:
    """Add the headline test to each comparison: p of swapping whole prompts, one Holm family of all of them."""

    def p_value(row: ValidationPair) -> float:
        figure, other = scope.figure, row.judge
        target = scope.target(figure)
        first, second = (given(scope.rated.judges[name], figure) for name in (new, other))
        common = np.isfinite([target, first, second]).all(axis=0)
        prompts = scope.rated.prompt[common]
        if permutations == 0 or len(np.unique(prompts)) < 2:
            return float("nan")
        rng = stream(scope.seed, "swap test", figure.key, *sorted((new, other)))
        y, a, b = target[common], first[common], second[common]
        return swap_test(y, a, b, prompts, figure.key, permutations=permutations, rng=rng).p

    values = np.array(side_by_side(p_value, rows))
    return tuple(
        replace(
            row,
            p=float(p) if np.isfinite(p) else None,
            p_holm=float(adjusted) if np.isfinite(adjusted) else None,
        )
        for row, p, adjusted in zip(rows, values, holm(values), strict=True)
    )


def _penalised_difference(scope: Scope, new: JudgeScores, other: JudgeScores) -> Estimate:
    (mine, my_draws), (theirs, their_draws) = (penalised_estimate(scope, judge) for judge in (new, other))
    if mine.value is None or theirs.value is None:
        return Estimate.undefined(mine.reason or theirs.reason or Reason("undefined"), n=mine.n)
    return estimate(
        mine.value - theirs.value,
        my_draws - their_draws,
        n=mine.n,
        confidence=scope.confidence,
        no_interval=scope.no_interval(scope.draws),
    )


def _breakdown(
    scope: Scope, new: str, others: Sequence[str], column: str, margin: float
) -> dict[str, ValidationCell]:
    values = scope.study.column(column)
    cells = {}
    for value in sorted(set(values)):
        part = scope.take(values == value)
        differences = {other: _difference(part, new, other)[2] for other in others}
        cells[str(value) or "(none)"] = ValidationCell(
            figure=part.primary_estimate(part.study.judges[new]),
            against=differences,
            claims={
                other: _claim(d, margin) if d.n >= MIN_CELL_ITEMS else None
                for other, d in differences.items()
            },
        )
    return cells


def _stand_in(
    scope: Scope, new: str, annotators: Annotators, settings: StudySettings
) -> AlternativeAnnotatorTest:
    """Test whether the metric could stand in for a rater, by its own answers where they are on the raters' scale."""
    rated, people = scope.rated, scope.rated.people
    declared = settings.scale_min is not None and settings.scale_max is not None
    raw = scope.study.judges[new].take(scope.study.people.asked)
    answers = preferences(raw) if rated.of_pairs else own_answers(raw, people, declared=declared)
    binary = people.value_type == "binary"
    mapped = answers is None
    if answers is None:
        judge = rated.judges[new]
        answers = (
            judge.passed
            if binary
            else as_ratings(judge.oriented, people.ratings, rated.prompt, seed=scope.seed)
        )
    found = alternative_annotator_test(
        answers,
        people.ratings,
        rated.prompt,
        identified=people.identified,
        names=people.raters,
        alignment="accuracy" if binary or rated.of_pairs else "rmse",
        epsilon=EPSILON[annotators],
    )
    return replace(found, mapped=mapped)
