"""One new metric against people and against every metric already there: what may be claimed, and what not.

The pairs and tests are those of a comparison: ahead and behind are decided by p-values that are corrected for all pairs
of the study. "Not worse" holds by a margin (Piaggio et al. 2012, CONSORT, JAMA 308), and an open comparison never shows
that two metrics are equally good (Altman & Bland 1995, "Absence of evidence is not evidence of absence", BMJ 311).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from genspace.analysis._arrays import Bools, Floats
from genspace.analysis._decision_section import penalised_estimate, preferred
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import Compared, pair_tests, ranking
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
from genspace.analysis.diff import as_estimate
from genspace.analysis.inference.comparisons import Difference
from genspace.analysis.inference.intervals import from_replicates
from genspace.analysis.question import Question
from genspace.analysis.reasons import Reason
from genspace.analysis.result import Claim, PairTest, ValidationCell, ValidationDocument, ValidationPair
from genspace.analysis.significance import ALPHA, benjamini_hochberg, holm
from genspace.display import Result
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MARGIN", "Validation", "validate"]


MARGIN = 0.02
"""Largest loss of agreement that still counts as not worse."""
ONE_SIDED = 0.025
"""Level at which "not worse" is said: the lower end of a 95 % interval lies above minus the margin."""
MIN_CELL_ITEMS = 20
"""A breakdown's cells with fewer common items are shown without a claim."""


@dataclass(frozen=True, eq=False)
class Validation(Result):
    """The result of validating one metric.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> said = pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "value": [1, 0, 1, 0]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.8, 0.1]})
    >>> new = pd.DataFrame({"item_id": list("abcd"), "metric": "mine", "score": [0.7, 0.2, 0.6, 0.5]})
    >>> result = genspace.validate(new, items=items, annotations=said, scores=scores)
    >>> [row.judge for row in result.document.against]
    ['clip']
    """

    document: ValidationDocument
    """Every figure and claim."""

    def __repr__(self) -> str:
        claims = ", ".join(f"{row.judge}: {row.claim or 'not compared'}" for row in self.document.against)
        return f"<Validation of {self.document.metric!r} in {self.document.study!r}: {claims or 'no other metric'}>"

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


def validate(
    evidence: Evidence,
    new: str,
    options: CompareOptions | None = None,
    *,
    margin: float = MARGIN,
    annotators: Annotators = "crowd",
) -> Validation:
    """Validate one metric against people and every other metric, on the main question.

    Args:
        evidence: Items, answers, and the verdicts of the new metric and of all others.
        new: Name of the new metric.
        options: Draws, seed, confidence, primary figure, breakdowns.
        margin: Largest loss in the primary figure that still counts as not worse, at least 0.
        annotators: The kind of raters, which sets the metric's advantage in the alternative annotator test (`EPSILON`).

    Errors: `InputError` for an unknown name, a negative margin, or a metric computed from the ratings.

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
    by = tuple(options.by or settings.breakdowns)
    _check_margin(margin, scope)
    figures = {
        name: scope.primary_estimate(judge) for name, judge in study.judges.items() if not judge.derived
    }
    others = [name for name in figures if name != new]
    return Validation(
        ValidationDocument(
            study=settings.name,
            reference=study.people.reference,
            metric=new,
            margin=margin,
            options=replace(options, by=by),
            primary=scope.primary,
            figure=figures[new],
            coverage=_coverage(scope, new),
            against=_against(scope, new, figures, margin, tests=options.tests),
            breakdowns=_breakdowns(scope, new, others, by),
            stand_in=_stand_in(scope, new, annotators, settings),
            readings=evidence.readings,
        )
    )


def _check_margin(margin: float, scope: Scope) -> None:
    """Refuse a margin that no difference could exceed. Errors: `InputError`."""
    widest = 2.0 if scope.figure.scale == "correlation" else 1.0
    if margin >= widest:
        raise InputError(
            f"margin = {margin:g}: two metrics never differ by more than {widest:g} in {scope.primary.label}, so every "
            f"metric would be not worse; choose a margin far below it, such as {MARGIN:g}"
        )


def _coverage(scope: Scope, new: str) -> AbstentionTable:
    people = scope.rated.people
    decided = scope.rated.judges[new].status == "decided"
    return abstention_table(people.asked, people.decided, decided)


def _against(
    scope: Scope, new: str, figures: Mapping[str, Estimate], margin: float, *, tests: bool
) -> tuple[ValidationPair, ...]:
    """Compare the new metric with every other: the tests of the whole study, and whether it is not worse."""
    compared = Compared(scope)
    ranked = ranking(scope, figures)
    found = pair_tests(compared, ranked) if tests and new in ranked else ()
    turned = [row if row.a == new else row.turned() for row in found if new in (row.a, row.b)]
    mine = {row.b: row for row in turned}
    rows = []
    for other in (name for name in figures if name != new):
        common = compared.common(new, other)
        one_sided = None
        if other in mine:
            one_sided = compared.not_worse(
                compared.difference(new, other, common)[0], new, other, common, margin
            )
        rows.append((other, common, mine.get(other), one_sided))
    asked = list(figures) if rows else []
    found_of = side_by_side(lambda name: penalised_estimate(scope, scope.rated.judges[name]), asked)
    penalised = dict(zip(asked, found_of, strict=True))
    held = holm([np.nan if p is None else p for *_, p in rows])

    def pair(place: int) -> ValidationPair:
        other, common, row, _ = rows[place]
        difference = _penalised_difference(scope, penalised[new], penalised[other])
        fine = bool(held[place] <= ONE_SIDED)
        return _pair(compared, (new, other), common, row, penalised=difference, not_worse=fine)

    return tuple(side_by_side(pair, range(len(rows))))


def _pair(
    compared: Compared,
    names: tuple[str, str],
    common: Bools,
    row: PairTest | None,
    *,
    penalised: Estimate,
    not_worse: bool,
) -> ValidationPair:
    """Compare the new metric with one other; `names` are theirs, the new one's first."""
    scope = compared.scope
    judges = [scope.rated.judges[name] for name in names]
    target = np.where(common, compared.target, np.nan)
    mine, theirs = (scope.agreement(judge, target)[0] for judge in judges)
    if row is None or row.difference is None:
        why = row.reason if row is not None else mine.reason or theirs.reason
        difference = Estimate.undefined(why or Reason("not_computed"), n=mine.n)
    else:
        difference = Estimate(
            row.difference, row.low, row.high, n=row.n, coverage=mine.coverage, reason=row.reason
        )
    return ValidationPair(
        judge=names[1],
        claim=_claim(row, not_worse),
        not_worse=not_worse if row is not None else None,
        difference=difference,
        new=mine,
        existing=theirs,
        penalised=penalised,
        p=row.p if row is not None else None,
        p_holm=row.p_holm if row is not None else None,
        other_generators=row.other_generators if row is not None else None,
    )


def _claim(row: PairTest | None, not_worse: bool) -> Claim | None:
    """Return the strongest thing that may be said, "behind" before "not worse" where both are true."""
    if row is None or row.standing == "not compared":
        return None
    if row.standing in ("ahead", "behind", "identical"):
        return row.standing
    return "not worse" if not_worse else row.standing


def _penalised_difference(
    scope: Scope, new: tuple[Estimate, Floats], other: tuple[Estimate, Floats]
) -> Estimate:
    (mine, my_replicates), (theirs, their_replicates) = new, other
    if mine.value is None or theirs.value is None:
        return Estimate.undefined(mine.reason or theirs.reason or Reason("undefined"), n=mine.n)
    clusters = scope.replicates.take(np.isfinite(scope.target(scope.figure)))
    return from_replicates(
        mine.value - theirs.value,
        my_replicates - their_replicates,
        clusters,
        n=mine.n,
        confidence=scope.confidence,
    )


def _breakdowns(
    scope: Scope, new: str, others: Sequence[str], by: Sequence[str]
) -> dict[str, dict[str, ValidationCell]]:
    """Compare within each part of the study; the p-values of all parts are one Benjamini-Hochberg family."""
    parts = scope.parts(by)
    found = {
        (key, other): Compared(part).difference(new, other) for key, part in parts.items() for other in others
    }
    tested = {k: d.p for k, (d, common) in found.items() if d.testable and common.sum() >= MIN_CELL_ITEMS}
    adjusted = dict(zip(tested, benjamini_hochberg([p or 0.0 for p in tested.values()]), strict=True))
    cells: dict[str, dict[str, ValidationCell]] = {column: {} for column in by}
    for (column, value), part in parts.items():
        rows = {other: found[(column, value), other] for other in others}
        cells[column][value] = ValidationCell(
            figure=part.primary_estimate(part.study.judges[new]),
            against={other: as_estimate(d, int(common.sum())) for other, (d, common) in rows.items()},
            claims={
                other: _cell_claim(d, adjusted.get(((column, value), other)))
                for other, (d, _) in rows.items()
            },
        )
    return cells


def _cell_claim(found: Difference, adjusted: float | None) -> Claim | None:
    if adjusted is None or found.value is None:
        return None
    if adjusted <= ALPHA:
        return "ahead" if found.value > 0 else "behind"
    return "open"


def _stand_in(
    scope: Scope, new: str, annotators: Annotators, settings: StudySettings
) -> AlternativeAnnotatorTest:
    """Test whether the metric could stand in for a rater, by its own answers where they are on the raters' scale."""
    rated, people = scope.rated, scope.rated.people
    declared = settings.scale_min is not None and settings.scale_max is not None
    raw = scope.study.judges[new].take(scope.study.people.asked)
    answers = preferred(raw.preference) if rated.of_pairs else own_answers(raw, people, declared=declared)
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
