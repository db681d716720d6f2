"""Every judge and metric against the people, question by question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis._conspicuous import OtherScale, conspicuous_raters
from genspace.analysis._decision_section import cost_fronts, overlap_section
from genspace.analysis._former import from_former
from genspace.analysis._generator_section import Field, generator_section
from genspace.analysis._judge_section import baselines, judge_section
from genspace.analysis._notes import remarks
from genspace.analysis._options import CompareOptions
from genspace.analysis._people_section import (
    agreement_of,
    exclusion_section,
    people_section,
    study_section,
)
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import cell_tests, leading, ranking, tests_section
from genspace.analysis._threads import side_by_side, small_products
from genspace.analysis.disagreement import places
from genspace.analysis.inference.words import headline
from genspace.analysis.notes import StudyOpen
from genspace.analysis.question import JudgeScores, Question, Units
from genspace.analysis.repeats import repeat_agreement
from genspace.analysis.result import Cell, ComparisonDocument, Disagreement, QuestionResult
from genspace.analysis.specification import specification_section
from genspace.display import Result
from genspace.documents import from_dict
from genspace.errors import InputError
from genspace.evidence import Evidence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]


SHOWN_IN_REPR = 3
SHOWN_DISAGREEMENTS = 5
"""Items on which a judge and the people differ most, for each judge."""


@dataclass(frozen=True, eq=False)
class Comparison(Result):
    """A finished comparison: its figures, and the data that they were computed from.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> said = pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "value": [1, 0, 1, 0]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.8, 0.1]})
    >>> comparison = genspace.compare(items=items, annotations=said, scores=scores, draws=0)
    >>> comparison.ranking
    ['clip']
    >>> frame = comparison.to_frame()
    >>> frame.loc[frame["figure"] == "roc_auc", ["judge", "value"]].to_numpy().tolist()[0]
    ['clip', 1.0]
    """

    document: ComparisonDocument
    """Every figure."""
    evidence: Evidence | None = None
    """None for a comparison read from a file."""
    questions: Mapping[str, Question] = field(default_factory=dict)
    """The evidence as aligned arrays, by question, the main one first."""

    def __repr__(self) -> str:
        study = self.document.study
        best = ", ".join(self.ranking[:SHOWN_IN_REPR]) or "nobody ranked"
        return f"<Comparison of {study.name!r}: {study.n_annotated:,} rated, best first: {best}>"

    @property
    def ranking(self) -> list[str]:
        """Judges from best to worst by the primary figure, those on too few items last.

        Baselines, and judges without the figure, are left out.
        """
        return self.document.ranked

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Comparison:
        """Read a comparison.json of this format or of a former one.

        Errors: `InputError` for a document of no such format.
        """
        try:
            document = from_former(document)
        except KeyError as error:
            raise InputError(f"is no comparison: {error} is missing") from None
        return cls(from_dict(ComparisonDocument, document))

    def to_frame(self) -> pd.DataFrame:
        """Return the figures over all items: one row per judge and figure.

        Columns: `question, judge, kind, rank, figure, value, low, high, n, coverage`.
        """
        import pandas as pd

        rows = [
            (question, name, judge.kind, judge.rank, key, e.value, e.low, e.high, e.n, e.coverage)
            for question, result in {"": self.document, **self.document.questions}.items()
            for name, judge in result.judges.items()
            for key, e in judge.item.items()
        ]
        columns = ["question", "judge", "kind", "rank", "figure", "value", "low", "high", "n", "coverage"]
        return pd.DataFrame(rows, columns=columns)


def compare(evidence: Evidence, options: CompareOptions | None = None) -> Comparison:
    """Compare every judge with people, on every question that they answered.

    Args:
        evidence: Items, answers and verdicts.
        options: Draws, seed, primary figure, breakdowns.

    Returns:
        All figures. Undefined figures are null with a reason.

    Errors: `InputError` for an unknown figure or column.

    >>> import pandas as pd
    >>> evidence = Evidence.from_frames(
    ...     items=pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     annotations=pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ...     scores=pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.1, 0.3, 0.2, 0.9]}),
    ... )
    >>> result = compare(evidence, CompareOptions(draws=100, permutations=0))
    >>> result.document.judges["clip"].item["spearman"].value.__round__(3)
    0.8
    """
    options = options or CompareOptions()
    questions = {name: Question.of(evidence, name) for name in evidence.questions}
    main, *others = questions.values()
    with small_products():
        found, *further = (_question(question, options) for question in (main, *others))
    if evidence.missing_answers:
        found = replace(found, notes=(StudyOpen(missing=evidence.missing_answers), *found.notes))
    document = ComparisonDocument(
        **{f.name: getattr(found, f.name) for f in fields(found)},
        evidence=evidence.digest,
        readings=evidence.readings,
        questions={q.name: result for q, result in zip(others, further, strict=True)},
        repeats=repeat_agreement(evidence.every_verdict),
    )
    return Comparison(document, evidence, questions)


def _question(question: Question, options: CompareOptions) -> QuestionResult:
    """Return the comparison of one question: without the excluded raters, with everybody beside."""
    settings = question.settings
    by = options.by or settings.breakdowns
    scope = Scope.of(question, options)
    shown = [*scope.study.judges.values(), *baselines(scope)]
    sections = side_by_side(partial(judge_section, scope), shown)
    judges = {judge.name: section for judge, section in zip(shown, sections, strict=True)}
    figures = {
        name: judge.item[scope.primary.figure] for name, judge in judges.items() if judge.kind != "baseline"
    }
    ranked = ranking(scope, figures)
    ranks = {name: rank for rank, name in enumerate(ranked, start=1)}
    leaders = [name for name in ranked if leading(scope, name, figures[name])]
    tests = tests_section(scope, ranked, leaders, tests=options.tests, permutations=options.permutations)
    groups = {name: number for number, group in enumerate(tests.groups, start=1) for name in group}
    judges = {
        name: replace(judge, rank=ranks.get(name), group=groups.get(name)) for name, judge in judges.items()
    }
    result = QuestionResult(
        study=study_section(scope, settings),
        options=replace(options, by=tuple(by)),
        primary=scope.primary,
        human=people_section(scope),
        judges=judges,
        tests=tests,
        headline=headline(scope.figure, figures, ranked, leaders, tests.pairs),
        breakdowns=_breakdowns(scope, by, leaders, tests=options.tests),
        disagreements=tuple(_disagreements(scope)),
        overlap=overlap_section(scope, ranked),
        cost_fronts=cost_fronts(judges, scope.primary.figure, ranked),
        generators=generator_section(
            Field.of(question, options), by=by, sampling=settings.sampling, first=ranked
        ),
        exclusion=exclusion_section(scope, question, options, shown),
        specification=specification_section(
            scope,
            leaders,
            tests.pairs,
            everybody=question.with_everybody.take(scope.study.people.asked).people,
            doubtful=_doubtful(scope),
        ),
    )
    return replace(result, notes=remarks(result, scope))


def _doubtful(scope: Scope) -> tuple[str, ...]:
    """Return the rater in doubt: on another scale, or the second of a pair that agrees far more than any other."""
    found = conspicuous_raters(scope.rated.people)
    if isinstance(found, OtherScale):
        return (found.rater,)
    return (found[0].b,) if found else ()


def _breakdowns(
    scope: Scope, columns: Sequence[str], leaders: Sequence[str], *, tests: bool
) -> dict[str, dict[str, Cell]]:
    """Return the primary figure and the mean score of each judge for each value of each column."""
    parts = scope.parts(columns)
    tested = cell_tests(parts, leaders, tests=tests)
    cells: dict[str, dict[str, Cell]] = {column: {} for column in columns}
    for (column, value), part in parts.items():
        judges = part.study.judges
        cells[column][value] = Cell(
            n=len(part.rated),
            people=agreement_of(part),
            judges={name: part.primary_estimate(j) for name, j in judges.items()},
            mean_scores={name: part.mean_score(j) for name, j in judges.items()},
            test=tested.get((column, value)),
        )
    return cells


def _disagreements(scope: Scope) -> Iterator[Disagreement]:
    """Yield, for each judge, the items it ranks most differently from the people."""
    study = scope.rated
    human = study.people.mean
    for name, judge in study.judges.items():
        if judge.derived:
            continue
        human_place, judge_place = _places(study, human, judge)
        gap = judge_place - human_place
        where = np.flatnonzero(np.isfinite(gap))
        for i in where[np.argsort(-np.abs(gap[where]), kind="stable")][:SHOWN_DISAGREEMENTS]:
            unit = study.units.iloc[i]
            yield Disagreement(
                item_id=str(unit["item_id"]),
                item_id_b=str(unit["item_id_b"]) or None,
                judge=name,
                human=float(human[i]),
                score=float(judge.score[i]),
                human_place=float(human_place[i]),
                judge_place=float(judge_place[i]),
            )


def _places(study: Units, human: Floats, judge: JudgeScores) -> tuple[Floats, Floats]:
    """Return the places of units by the people and by a judge.

    A pair stands in the order both ways round, so that its place does not depend on which item comes first.
    """
    if not study.of_pairs:
        return places(human, judge.oriented)
    lean, mine = human - 0.5, judge.preference
    people, judged = places(np.concatenate([lean, -lean]), np.concatenate([mine, -mine]))
    return people[: len(lean)], judged[: len(lean)]
