"""One new metric against people and against every metric already there: what may be claimed, and what not.

A difference is judged by its interval over prompts, on the items that both metrics score: superior when the
interval lies above 0, non-inferior when it lies above minus the margin, inferior when it lies below 0, and else
inconclusive. An inconclusive comparison never shows that two metrics are equally good (Altman & Bland 1995,
"Absence of evidence is not evidence of absence", BMJ 311; margins: Piaggio et al. 2012, CONSORT, JAMA 308).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._decision_section import given, penalised_estimate
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._threads import side_by_side
from genspace.analysis.abstention import abstention_table
from genspace.analysis.alternative_annotator import (
    AlternativeAnnotatorTest,
    alternative_annotator_test,
    as_ratings,
)
from genspace.analysis.permutation import swap_test
from genspace.analysis.question import JudgeScores, Question
from genspace.analysis.resampling import estimate, stream
from genspace.analysis.significance import holm
from genspace.display import Displayed
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence

__all__ = ["MARGIN", "Claim", "Validation", "claim", "validate"]

Floats = NDArray[np.float64]
Claim = Literal["superior", "non-inferior", "inferior", "inconclusive"]

SCHEMA = "genspace-validation/1"
MARGIN = 0.02
"""Largest loss of agreement that still counts as not worse."""
CLAIMS: tuple[Claim, ...] = ("superior", "non-inferior", "inferior", "inconclusive")
ALPHA = 0.05
MIN_CELL_ITEMS = 20
"""A breakdown's cells with fewer common items are shown without a claim."""


@dataclass(frozen=True, slots=True)
class Validation(Displayed):
    """The finished validation: a JSON-ready document after `schemas/validation.schema.json`."""

    document: Mapping[str, Any] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole document."""
        return dict(self.document)

    @property
    def summary(self) -> list[str]:
        """The findings in plain sentences."""
        return list(self.document["summary"])


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
    evidence: Evidence, new: str, options: CompareOptions | None = None, *, margin: float = MARGIN
) -> Validation:
    """Validate one metric against the people and every other metric, on the main question.

    Args:
        evidence: Items, answers and the verdicts of the new metric and of all others.
        new: Name of the new metric.
        options: Draws, seed, confidence, primary figure, breakdowns.
        margin: Largest loss in the primary figure that still counts as not worse, at least 0.

    Errors: `InputError` for an unknown name, a negative margin, a metric made from the ratings themselves.
    """
    options = options or CompareOptions()
    if not margin >= 0:
        raise InputError(f"margin = {margin}: must be at least 0")
    question = Question.of(evidence)
    study, settings = question.units, question.settings
    if new not in study.judges:
        raise InputError(f"no metric {new!r} in the scores{did_you_mean(new, study.judges)}")
    if study.judges[new].derived:
        raise InputError(f"{new} is computed from the ratings themselves: there is nothing to validate")
    scope = Scope.of(question, options)
    others = [name for name, judge in study.judges.items() if name != new and not judge.derived]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "study": settings.name,
        "reference": study.people.reference,
        "metric": new,
        "margin": margin,
        "confidence": options.confidence,
        "draws": options.draws,
        "seed": options.seed,
        "primary": scope.primary.to_json(),
        "figure": scope.primary_estimate(study.judges[new]).to_json(),
        "coverage": _coverage(scope, new),
        "against": _tested(
            scope, new, [_against(scope, new, other, margin) for other in others], options.permutations
        ),
        "breakdowns": {
            column: _breakdown(scope, new, others, column, margin)
            for column in options.by or settings.breakdowns
        },
        "stand_in": _stand_in(scope, new).to_json(),
    }
    return Validation(document | {"summary": _sentences(document)})


def _coverage(scope: Scope, new: str) -> dict[str, Any]:
    people = scope.rated.people
    decided = scope.rated.judges[new].status == "decided"
    return abstention_table(people.asked, people.decided, decided).to_json()


def _difference(scope: Scope, new: str, other: str) -> tuple[Estimate, Estimate, Estimate]:
    """Return both figures on the items that both score, and their paired difference."""
    figure = scope.primary.figure
    judges = [scope.rated.judges[name] for name in (new, other)]
    common = np.isfinite([given(judge, figure) for judge in judges]).all(axis=0)
    target = np.where(common, scope.target(figure), np.nan)
    (mine, my_draws), (theirs, their_draws) = (
        scope.figures([figure], target, judge.oriented, judge.passed)[figure] for judge in judges
    )
    if mine.value is None or theirs.value is None:
        reason = mine.reason or theirs.reason or "undefined"
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


def _against(scope: Scope, new: str, other: str, margin: float) -> dict[str, Any]:
    mine, theirs, difference = _difference(scope, new, other)
    judges = [scope.rated.judges[name] for name in (new, other)]
    with_penalty = _penalised_difference(scope, *judges)
    return {
        "judge": other,
        "claim": _claim(difference, margin),
        "difference": difference.to_json(),
        "new": mine.to_json(),
        "existing": theirs.to_json(),
        "penalised": {"difference": with_penalty.to_json(), "claim": _claim(with_penalty, margin)},
    }


def _tested(scope: Scope, new: str, rows: list[dict[str, Any]], permutations: int) -> list[dict[str, Any]]:
    """Add the headline test to each comparison: p of swapping whole prompts, one Holm family of all of them."""

    def p_value(row: Mapping[str, Any]) -> float:
        figure, other = scope.primary.figure, row["judge"]
        target = scope.target(figure)
        first, second = (given(scope.rated.judges[name], figure) for name in (new, other))
        common = np.isfinite([target, first, second]).all(axis=0)
        prompts = scope.rated.prompt[common]
        if permutations == 0 or len(np.unique(prompts)) < 2:
            return float("nan")
        rng = stream(scope.seed, "swap test", figure, *sorted((new, other)))
        y, a, b = target[common], first[common], second[common]
        return swap_test(y, a, b, prompts, figure, permutations=permutations, rng=rng).p

    values = np.array(side_by_side(p_value, rows))
    for row, p, adjusted in zip(rows, values, holm(values), strict=True):
        row["p"] = float(p) if np.isfinite(p) else None
        row["p_holm"] = float(adjusted) if np.isfinite(adjusted) else None
    return rows


def _penalised_difference(scope: Scope, new: JudgeScores, other: JudgeScores) -> Estimate:
    (mine, my_draws), (theirs, their_draws) = (penalised_estimate(scope, judge) for judge in (new, other))
    if mine.value is None or theirs.value is None:
        return Estimate.undefined(mine.reason or theirs.reason or "undefined", n=mine.n)
    return estimate(
        mine.value - theirs.value,
        my_draws - their_draws,
        n=mine.n,
        confidence=scope.confidence,
        no_interval=scope.no_interval(scope.draws),
    )


def _breakdown(scope: Scope, new: str, others: Sequence[str], column: str, margin: float) -> dict[str, Any]:
    values = scope.study.column(column)
    cells = {}
    for value in sorted(set(values)):
        part = scope.take(values == value)
        differences = {other: _difference(part, new, other)[2] for other in others}
        cells[str(value) or "(none)"] = {
            "figure": part.primary_estimate(part.study.judges[new]).to_json(),
            "against": {
                other: {
                    "difference": d.to_json(),
                    "claim": _claim(d, margin) if d.n >= MIN_CELL_ITEMS else None,
                }
                for other, d in differences.items()
            },
        }
    return cells


def _stand_in(scope: Scope, new: str) -> AlternativeAnnotatorTest:
    """Test whether the metric could stand in for a rater, speaking in the raters' own values."""
    people, judge = scope.rated.people, scope.rated.judges[new]
    binary = people.value_type == "binary"
    in_their_values = as_ratings(judge.oriented, people.ratings, scope.rated.prompt, seed=scope.seed)
    return alternative_annotator_test(
        judge.passed if binary else in_their_values,
        people.ratings,
        scope.rated.prompt,
        identified=people.identified,
        names=people.raters,
        alignment="accuracy" if binary else "rmse",
    )


def _sentences(document: Mapping[str, Any]) -> list[str]:
    """Say the findings in plain words, never more than they show."""
    return [
        _figure_sentence(document),
        *_claim_sentences(document),
        *_coverage_sentences(document),
        *_breakdown_sentences(document),
        _stand_in_sentence(document),
    ]


def _figure_sentence(document: Mapping[str, Any]) -> str:
    figure, label, name = document["figure"], document["primary"]["label"], document["metric"]
    if figure["value"] is None:
        return f"{name} has no {label} with {document['reference']}: {figure['reason']}."
    return (
        f"{name} agrees with {document['reference']} at {label} {_interval(figure)} on {figure['n']:,} items."
    )


def _interval(e: Mapping[str, Any], *, signed: bool = False) -> str:
    form = "+.3f" if signed else ".3f"
    if e["low"] is None:
        return f"{e['value']:{form}}"
    return f"{e['value']:{form}} ({e['low']:{form}} to {e['high']:{form}})"


def _claim_sentences(document: Mapping[str, Any]) -> list[str]:
    rows, name, margin = document["against"], document["metric"], document["margin"]
    if not rows:
        return ["There is no other metric in this study to compare it with."]
    words: dict[Claim, str] = {
        "superior": "is superior to",
        "non-inferior": f"is not worse, by more than {margin:g}, than",
        "inferior": "is inferior to",
        "inconclusive": "cannot be told from these data to be better or worse than",
    }
    sentences = []
    for kind in CLAIMS:
        those = [row for row in rows if row["claim"] == kind]
        if those:
            listed = ", ".join(row["judge"] for row in those)
            sentences.append(f"It {words[kind]} {len(those)} of the {len(rows)} there: {listed}.")
            if kind in ("superior", "inferior"):
                sentences += _uncertain_after_correction(those, len(rows))
    sentences += [
        f"It cannot be compared with {row['judge']}: {row['difference']['reason']}."
        for row in rows
        if row["claim"] is None
    ]
    changed = [
        row
        for row in rows
        if None not in (row["claim"], row["penalised"]["claim"]) and row["claim"] != row["penalised"]["claim"]
    ]
    sentences += [
        f"Against {row['judge']} that depends on the abstentions: with each of them tied with everything, {name} "
        f"is {row['penalised']['claim']} ({_interval(row['penalised']['difference'], signed=True)})."
        for row in changed
    ]
    return sentences


def _uncertain_after_correction(rows: Sequence[Mapping[str, Any]], family: int) -> list[str]:
    """Name the differences that do not stand Holm's correction for the number of comparisons."""
    unsure = [row["judge"] for row in rows if row["p_holm"] is not None and row["p_holm"] >= ALPHA]
    if family < 2 or not unsure:
        return []
    return [f"Corrected for {family} comparisons, the difference to {', '.join(unsure)} is not significant."]


def _coverage_sentences(document: Mapping[str, Any]) -> list[str]:
    table = document["coverage"]
    if table["coverage"] is None or table["coverage"] == 1:
        return []
    of_decided = table["coverage_of_decided"]
    decided = (
        "" if of_decided is None else f" and {of_decided:.1%} of those that {document['reference']} decided"
    )
    return [f"It scores {table['coverage']:.1%} of the {table['annotated']:,} annotated items{decided}."]


def _breakdown_sentences(document: Mapping[str, Any]) -> list[str]:
    sentences = []
    for column, cells in document["breakdowns"].items():
        for value, cell in cells.items():
            worse = [other for other, row in cell["against"].items() if row["claim"] == "inferior"]
            if worse:
                sentences.append(f"Where {column} is {value} it is inferior to {', '.join(worse)}.")
    if sentences:
        sentences.append("The parts are not corrected for their number: take them as leads, not as findings.")
    return sentences


def _stand_in_sentence(document: Mapping[str, Any]) -> str:
    test = document["stand_in"]
    if test["passed"] is None:
        return f"Whether it could stand in for a rater cannot be tested: {test['reason']}."
    won = sum(rater["won"] for rater in test["raters"])
    verdict = "It could stand in for a rater" if test["passed"] else "It could not stand in for a rater"
    return (
        f"{verdict}: given a head start of {test['epsilon']:g} it agrees with the other raters as well as "
        f"{won} of {len(test['raters'])} raters do (alternative annotator test)."
    )
