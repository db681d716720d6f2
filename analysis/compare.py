"""Every judge and metric against the people: one document that reports and the command line render."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from genspace.analysis._decision_section import cost_fronts, overlap_section
from genspace.analysis._exclusion_section import exclusion_section
from genspace.analysis._generator_section import Field, generator_section
from genspace.analysis._judge_section import baselines, judge_section
from genspace.analysis._notes import notes
from genspace.analysis._people_section import people_section, study_section
from genspace.analysis._scope import Scope, choose_primary
from genspace.analysis._tests_section import cell_tests, ranked_names, tests_section
from genspace.analysis._threads import side_by_side
from genspace.analysis.disagreement import places
from genspace.analysis.preference import with_differences
from genspace.analysis.prepare import excluded_raters, main_kind, prepare, prepare_kinds, questions
from genspace.analysis.reliability import conspicuous_pair, rater_pairs
from genspace.analysis.specification import specification_section
from genspace.display import Displayed
from genspace.errors import InputError
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

    from genspace.analysis.prepare import Prepared

__all__ = ["CompareOptions", "Comparison", "compare"]

SCHEMA = "genspace-comparison/1"
SHOWN_DISAGREEMENTS = 5
"""Items on which a judge and the people differ most, for each judge."""
LEAST_COVERAGE = 0.5
"""A judge that scores a smaller share of the items people rated is not called the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """How a comparison is made; every choice is written into its document."""

    draws: int = 1000
    """Bootstrap draws behind each interval; 0: no intervals."""
    permutations: int = 10_000
    """Least number of permutations of a test, raised to 40 for each pair of judges; 0: no tests."""
    seed: int = 0
    confidence: float = 0.95
    """Level of the intervals."""
    primary: str | None = None
    """The figure that sorts, groups and is tested; None: as the study declares, else by value type."""
    by: tuple[str, ...] = ()
    """Columns of items to break the primary figure down by; none: as the study declares."""
    level: Literal["item", "system"] = "item"
    """Which figures a table shows first."""

    def __post_init__(self) -> None:
        if self.draws < 0 or self.permutations < 0:
            raise InputError("draws and permutations cannot be negative")
        if self.draws == 1:
            raise InputError("draws = 1: an interval needs at least 2, better 1000; 0 gives none")
        if self.seed < 0:
            raise InputError(f"seed = {self.seed} cannot be negative")
        if not 0.5 <= self.confidence < 1:
            raise InputError(f"confidence {self.confidence} is not in [0.5, 1)")

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {
            "draws": self.draws,
            "permutations": self.permutations,
            "seed": self.seed,
            "confidence": self.confidence,
            "primary": self.primary,
            "by": list(self.by),
            "level": self.level,
        }


@dataclass(frozen=True, slots=True)
class Comparison(Displayed):
    """The finished comparison: a JSON-ready document after `schemas/comparison.schema.json`."""

    document: Mapping[str, Any] = field(repr=False)

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


def compare(
    annotations: pd.DataFrame,
    verdicts: pd.DataFrame,
    items: pd.DataFrame,
    *,
    settings: StudySettings | None = None,
    options: CompareOptions | None = None,
) -> Comparison:
    """Compare every judge with the people.

    Args:
        annotations: `item_id, value[, item_id_b, question, rater_id, repeat, role, excluded]`; `excluded` names the
            rules, written before the data, that a rater breaks: such raters are left out, and the primary figure
            with all raters is given beside.
        verdicts: `item_id, judge, score[, item_id_b, question, status, passed, confidence, seconds, tokens,
            cost_usd, kind]`.
        items: `item_id[, prompt_id, prompt, generator, …]`; any column can be a breakdown.
        settings: What the study declares; by default inferred from the data.
        options: Draws, seed, primary figure, breakdowns.

    Returns:
        The document of all figures. Everything undefined is null with a reason.

    Errors: `InputError` for tables that do not fit together, an unknown figure or column.

    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")})
    >>> said = pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]})
    >>> scored = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> result = compare(said, scored, items, options=CompareOptions(draws=100, permutations=0))
    >>> result.document["judges"]["clip"]["item"]["spearman"]["value"].__round__(3)
    0.8
    """
    settings = settings or StudySettings()
    options = options or CompareOptions()
    names = questions(annotations)
    main = names[0]
    excluded = excluded_raters(annotations)
    document: dict[str, Any] = {"schema": SCHEMA}
    for question in names:
        kinds = prepare_kinds(annotations, verdicts, items, settings=settings, question=question)
        study = everybody = main_kind(*kinds)
        if excluded:
            everybody = prepare(
                annotations, verdicts, items,
                settings=settings, question=question, pairs=study is kinds[1], everybody=True,
            )  # fmt: skip
        if study is kinds[1]:
            study, everybody = (with_differences(of, kinds[0]) for of in (study, everybody))
        declared = settings if question == main else StudySettings(name=settings.name, question=question)
        part = _question(study, everybody, declared, options, kinds=kinds, excluded=excluded)
        if question == main:
            document |= part | {"questions": {}}
        else:
            document["questions"][question] = part
    return Comparison(document)


def _question(
    study: Prepared,
    everybody: Prepared,
    settings: StudySettings,
    options: CompareOptions,
    *,
    kinds: tuple[Prepared, Prepared | None],
    excluded: Mapping[str, str],
) -> dict[str, Any]:
    """Return the document of one question: without the excluded raters, with everybody beside."""
    by = options.by or settings.breakdowns
    scope = Scope.make(
        study,
        primary=choose_primary(study.people, options.primary or settings.primary),
        draws=options.draws,
        seed=options.seed,
        confidence=options.confidence,
    )
    people = people_section(scope)
    shown = [*study.judges.values(), *baselines(scope)]
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
            Field.make(*kinds, draws=options.draws, seed=options.seed, confidence=options.confidence),
            by=by,
            sampling=settings.sampling,
            first=ranked,
        ),
        "exclusion": exclusion_section(scope, everybody, excluded, shown),
        "specification": specification_section(
            scope, ranked, everybody=everybody.take(study.people.asked).people, doubtful=_doubtful(scope)
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
