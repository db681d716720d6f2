"""What a file of another tool holds: its answers, what it knows of the items, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genspace.errors import Problem
from genspace.readings import Reading
from genspace.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswer:
    """One answer in another tool's file.

    >>> GivenAnswer(row=1, item_id="a", rater="w1", question="rating", text="4").role
    'main'
    """

    row: int
    """Number of its task or row, from 1."""
    item_id: str
    item_id_b: str = ""
    rater: str
    """Whom the tool names; "" where it names nobody."""
    question: str
    """What the tool calls the question."""
    text: str
    """A number, or the name of a choice."""
    seconds: float | None = None
    role: str = "main"


@dataclass
class Export:
    """The contents of another tool's file: answers, items, problems and what was inferred.

    >>> export = Export("Potato", "answers.jsonl", "line")
    >>> export.answers.append(GivenAnswer(row=1, item_id="a", rater="w1", question="rating", text="4"))
    >>> export.questions, export.table("rating").frame.to_dict("records")
    (['rating'], [{'item_id': 'a', 'rater_id': 'w1', 'rating': '4'}])
    """

    tool: str
    label: str
    unit: str
    """What a row is in messages: "task" or "line"."""
    answers: list[GivenAnswer] = field(default_factory=list)
    items: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """What the tool knows of each item, by its id."""
    problems: list[Problem] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    @property
    def questions(self) -> list[str]:
        """What the tool calls the questions, in the order of the file."""
        return list(dict.fromkeys(answer.question for answer in self.answers))

    def problem(
        self,
        message: str,
        row: int | None = None,
        *,
        field: str | None = None,
        value: object = None,
        rows: int = 1,
    ) -> Problem:
        """Return a problem of this file (see `genspace.errors.Problem`)."""
        return Problem(self.label, message, row=row, field=field, value=value, unit=self.unit, rows=rows)

    def refuse(
        self, message: str, row: int | None = None, *, field: str | None = None, value: object = None
    ) -> None:
        """Add a problem."""
        self.problems.append(self.problem(message, row, field=field, value=value))

    def say(self, code: str, **fields: Any) -> None:
        """Add a reading: something that was inferred."""
        self.readings.append(Reading(code=code, file=self.label, **fields))

    def only(self, chosen: Sequence[str], *, row: int, who: str, question: str) -> str | None:
        """Return the single chosen answer; None for no answer, and for several, which are a problem."""
        if len(chosen) > 1:
            answers = f"{len(chosen)} answers to {question!r} ({', '.join(chosen)})"
            message = f"annotator {who or 'unknown'} chose {answers}, where one is asked for"
            self.refuse(message, row, field=question)
        return chosen[0] if len(chosen) == 1 else None

    def table(self, question: str) -> Table:
        """Return one question's answers as a table with one row per answer, as `split_wide_table` reads it."""
        import pandas as pd

        chosen = [answer for answer in self.answers if answer.question == question]
        rows = [
            {"item_id": a.item_id, **self.items.get(a.item_id, {}), "rater_id": a.rater, question: a.text}
            for a in chosen
        ]
        frame = pd.DataFrame(rows, dtype=str).fillna("")
        said = list(self.readings)
        if nobody := int((frame["rater_id"] == "").sum()):
            frame = frame.drop(columns="rater_id")
            said.append(Reading(code="answers_of_nobody", file=self.label, count=nobody))
        lines = [answer.row for answer in chosen]
        path = Path(self.label)
        return Table(path, self.label, frame, tuple(said), unit=self.unit, first=0, origin=lines)


def number_of(value: Any) -> float | None:
    """Convert a value to a number; None if that fails."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
