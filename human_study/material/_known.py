"""Known answers: the gold and training rows of a table, checked against what is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genspace.errors import InputError, Problem, refuse
from genspace.human_study._study_files import study_table, unknown_items
from genspace.human_study.design import Design
from genspace.human_study.material._questions import Asked
from genspace.human_study.material._units import UnitKey, canonical
from genspace.records import Item
from genspace.tables import Table


@dataclass(frozen=True, slots=True)
class Known:
    """The known answer of a gold or training unit."""

    values: Mapping[str, float | None]
    """Question to value; "" is the main question."""
    explanation: str | Mapping[str, str] = ""
    """Shown after the answer in the practice round; one for every language, or one for each."""

    def explained(self, language: str) -> str:
        """Return the explanation in a language."""
        return self.explanation if isinstance(self.explanation, str) else self.explanation[language]


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """The known answers of a study by unit, and which units are for practice."""

    answers: Mapping[UnitKey, Known] = field(default_factory=dict)
    training: Collection[UnitKey] = frozenset()


def known_answers(
    root: Path, design: Design, items: Mapping[str, Item], asked: Callable[[UnitKey], tuple[Asked, ...]]
) -> KnownAnswers:
    """Read the table of known answers: each names a question that is asked, and there is one answer to each.

    Args:
        root: The study's folder.
        design: Its design; without a table there are no known answers.
        items: The study's items.
        asked: Gives the questions about a unit.

    Errors: `InvalidFilesError` naming every row that names no item, no question, no answer, or says it twice.
    """
    if design.gold.file is None:
        return KnownAnswers()
    pairwise = design.answers.pairwise
    needed = ("item_id", "item_id_b", "value") if pairwise else ("item_id", "value")
    table = study_table(root, design.gold.file, needed)
    problems = unknown_items(table, items, needed[:-1])
    refuse(problems)
    answers: dict[UnitKey, dict[str, float | None]] = {}
    uses: dict[UnitKey, str] = {}
    explanations: dict[UnitKey, str] = {}
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        given = (row["item_id"], row["item_id_b"]) if pairwise else (row["item_id"],)
        key = canonical(given, answers)
        use = row.get("use") or "gold"
        found, value = _row_problems(table, i, row, asked(key), use)
        if uses.setdefault(key, use) != use:
            found.append(table.problem(f"a row above says {uses[key]} of this item", i, "use"))
        question = row.get("question", "")
        if question in answers.get(key, {}):
            found.append(table.problem("has its known answer in a row above; keep one", i, "item_id"))
        problems += found
        if found:
            continue
        if key != given and value is not None:
            value = 1 - value
        answers.setdefault(key, {})[question] = value
        explanations[key] = row.get("explanation") or explanations.get(key, "")
    refuse(problems)
    known = {key: Known(values, explanations[key]) for key, values in answers.items()}
    return KnownAnswers(known, frozenset(key for key, use in uses.items() if use == "training"))


def _row_problems(
    table: Table, i: int, row: Mapping[str, str], asked: tuple[Asked, ...], use: str
) -> tuple[list[Problem], float | None]:
    """Return what is wrong with a row, and the value it holds."""
    problems: list[Problem] = []
    if use not in {"gold", "training"}:
        problems.append(table.problem("is neither gold nor training", i, "use"))
    by_name = {a.name: a for a in asked}
    question = row.get("question", "")
    if question not in by_name:
        names = ", ".join(sorted(by_name))
        message = (
            "this study asks one question; leave the cell empty"
            if set(by_name) == {""}
            else f"name the question this is the answer to (column question); asked are: {names}"
        )
        problems.append(table.problem(message, i, "question" if question else "item_id"))
        return problems, None
    try:
        return problems, by_name[question].answers.parse(row["value"])
    except InputError as error:
        problems.append(table.problem(str(error), i, "value"))
        return problems, None
