"""Every judge and metric against the people: one document that reports and the command line render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from genspace.analysis._decision_section import cost_fronts, overlap_section
from genspace.analysis._exclusion_section import exclusion_section
from genspace.analysis._generator_section import Field, generator_section
from genspace.analysis._judge_section import baselines, judge_section
from genspace.analysis._notes import notes
from genspace.analysis._options import CompareOptions
from genspace.analysis._people_section import people_section, study_section
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import cell_tests, ranked_names, tests_section
from genspace.analysis._threads import side_by_side
from genspace.analysis.disagreement import places
from genspace.analysis.question import Question
from genspace.analysis.reliability import conspicuous_pair, rater_pairs
from genspace.analysis.repeats import repeat_agreement
from genspace.analysis.specification import specification_section
from genspace.display import Displayed
from genspace.evidence import Evidence

__all__ = ["CompareOptions", "Comparison", "compare"]

SCHEMA = "genspace-comparison/1"
SHOWN_DISAGREEMENTS = 5
"""Items on which a judge and the people differ most, for each judge."""
LEAST_COVERAGE = 0.5
"""A judge that scores a smaller share of the items people rated is not called the best."""


@dataclass(frozen=True, slots=True)
class Comparison(Displayed):
    """The finished comparison: a JSON-ready document after `schemas/comparison.schema.json`."""

    document: Mapping[str, Any] = field(repr=False)
    evidence: Evidence | None = field(default=None, repr=False)
    """What the figures were computed from; None for a comparison read from a file."""
    questions: Mapping[str, Question] = field(default_factory=dict, repr=False)
    """The same by question, the main one first."""

    def to_dict(self) -> dict[str, Any]:
        """Return the whole document."""
        return dict(self.document)

    @property
    def ranking(self) -> list[str]:
        """Judges from best to worst by the primary figure, those on too few items last.

        Baselines, and judges without the figure, are left out.
        """
        ranked = {n: j["rank"] for n, j in self.document["judges"].items() if j["rank"] is not None}
        return sorted(ranked, key=lambda n: ranked[n])


def compare(evidence: Evidence, options: CompareOptions | None = None) -> Comparison:
    """Compare every judge with the people, on every question that they answered.

    Args:
        evidence: Items, answers and verdicts.
        options: Draws, seed, primary figure, breakdowns.

    Returns:
        All figures. Everything undefined is null with a reason.

    Errors: `InputError` for an unknown figure or column.

    >>> import pandas as pd
    >>> evidence = Evidence.from_frames(
    ...     items=pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     annotations=pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ...     scores=pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.1, 0.3, 0.2, 0.9]}),
    ... )
    >>> result = compare(evidence, CompareOptions(draws=100, permutations=0))
    >>> result.document["judges"]["clip"]["item"]["spearman"]["value"].__round__(3)
    0.8
    """
    options = options or CompareOptions()
    questions = {name: Question.of(evidence, name) for name in evidence.questions}
    main, *others = ((question, _question(question, options)) for question in questions.values())
    document = {
        "schema": SCHEMA,
        **main[1],
        "questions": {question.name: part for question, part in others},
        "repeats": repeat_agreement(evidence.every_verdict),
    }
    document["notes"] = [*_still_asking(evidence), *document["notes"]]
    return Comparison(document, evidence, questions)


def _still_asking(evidence: Evidence) -> list[dict[str, str]]:
    """Return a warning while people are being asked: who stops when the figures please gets figures that please."""
    missing = evidence.missing_answers
    if not missing:
        return []
    text = (
        f"The human study is open and lacks {missing} answers. Do not stop it because of these figures; when enough "
        f"is enough, end it with: genspace annotate close"
    )
    return [{"level": "warning", "code": "study_open", "text": text}]


def _question(question: Question, options: CompareOptions) -> dict[str, Any]:
    """Return the document of one question: without the excluded raters, with everybody beside."""
    settings = question.settings
    by = options.by or settings.breakdowns
    scope = Scope.of(question, options)
    people = people_section(scope)
    shown = [*scope.study.judges.values(), *baselines(scope)]
    sections = side_by_side(partial(judge_section, scope), shown)
    judges = {judge.name: section for judge, section in zip(shown, sections, strict=True)}
    _rank(judges, scope)
    ranked = ranked_names(judges)
    tests = tests_section(scope, ranked, options.permutations)
    for number, group in enumerate(tests["groups"], start=1):
        for name in group:
            judges[name]["group"] = number
    document = {
        "study": study_section(scope, settings),
        "options": options.to_json() | {"by": list(by)},
        "primary": scope.primary.to_json(),
        "human": people,
        "judges": judges,
        "tests": tests,
        "breakdowns": _breakdowns(scope, by, ranked, options.permutations),
        "disagreements": _disagreements(scope),
        "overlap": overlap_section(scope, ranked),
        "cost_fronts": cost_fronts(judges, scope.primary.figure, ranked),
        "generators": generator_section(
            Field.of(question, options), by=by, sampling=settings.sampling, first=ranked
        ),
        "exclusion": exclusion_section(scope, question, options, shown),
        "specification": specification_section(
            scope,
            ranked,
            everybody=question.with_everybody.take(scope.study.people.asked).people,
            doubtful=_doubtful(scope),
        ),
    }
    return document | {"notes": notes(document, scope)}


def _doubtful(scope: Scope) -> tuple[str, ...]:
    """Return the rater whose independence is in doubt: the second of a pair that agrees far more than any other."""
    found = conspicuous_pair(rater_pairs(scope.rated.people))
    return (found[0].b,) if found else ()


def _rank(judges: dict[str, Any], scope: Scope) -> None:
    """Number the judges by the primary figure; derived metrics and baselines have no rank.

    A figure on few items can be high by luck: judges without an interval, or that score less than LEAST_COVERAGE of the
    items people rated, come after all others.
    """
    figures = {
        name: scope.primary.of(judge)
        for name, judge in judges.items()
        if judge["kind"] in ("judge", "metric")
    }

    def place(name: str) -> tuple[bool, float]:
        solid = (
            figures[name]["low"] is not None and (judges[name]["coverage"]["value"] or 0) >= LEAST_COVERAGE
        )
        return not solid, -figures[name]["value"]

    known = [name for name, figure in figures.items() if figure["value"] is not None]
    for rank, name in enumerate(sorted(known, key=place), start=1):
        judges[name]["rank"] = rank


def _breakdowns(
    scope: Scope, columns: Sequence[str], ranked: list[str], permutations: int
) -> dict[str, dict[str, Any]]:
    """Return the primary figure and the mean score of each judge for each value of each column."""
    study = scope.study
    parts: dict[tuple[str, str], Scope] = {}
    for column in columns:
        values = study.column(column)
        parts |= {(column, value): scope.take(values == value) for value in sorted(set(values))}
    tests = cell_tests(parts, ranked, permutations)
    cells: dict[str, dict[str, Any]] = {column: {} for column in columns}
    for (column, value), part in parts.items():
        judges = part.study.judges
        cells[column][value or "(none)"] = {
            "n": len(part.rated),
            "judges": {name: part.primary_estimate(j).to_json() for name, j in judges.items()},
            "mean_scores": {name: part.mean_score(j).to_json() for name, j in judges.items()},
            "test": tests.get((column, value)),
        }
    return cells


def _disagreements(scope: Scope) -> list[dict[str, Any]]:
    """Return, for each judge, the items it ranks most differently from the people."""
    import numpy as np

    found = []
    study = scope.rated
    human = study.people.mean
    for name, judge in study.judges.items():
        if judge.derived:
            continue
        human_place, judge_place = places(human, judge.oriented)
        gap = judge_place - human_place
        where = np.flatnonzero(np.isfinite(gap))
        for i in where[np.argsort(-np.abs(gap[where]), kind="stable")][:SHOWN_DISAGREEMENTS]:
            unit = study.units.iloc[i]
            found.append(
                {
                    "item_id": str(unit["item_id"]),
                    "item_id_b": str(unit["item_id_b"]) or None,
                    "judge": name,
                    "human": float(human[i]),
                    "score": float(judge.score[i]),
                    "human_place": float(human_place[i]),
                    "judge_place": float(judge_place[i]),
                }
            )
    return found
