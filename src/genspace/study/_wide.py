"""One wide table as a study: a row per item, people and metrics in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.errors import InputError, Problem, did_you_mean
from genspace.evidence import ANSWER_COLUMNS, typed
from genspace.study._readers import ITEM_TEXT_COLUMNS
from genspace.tables import Table, parse_numbers, table_stem

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WideParts", "is_wide_table", "split_wide_table"]


@dataclass
class WideParts:
    """The tables that one wide table holds."""

    items: Table
    scores: Table
    annotations: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def is_wide_table(path: Path) -> bool:
    """Whether the path names a table rather than a study's folder."""
    return path.is_file() and table_stem(path) is not None


def split_wide_table(table: Table, human: Sequence[str], metrics: Sequence[str]) -> WideParts:
    """Split a wide table into items, answers (one rater per human column) and scores.

    Without a column `item_id` the rows are numbered. Without `metrics`, every other column of numbers is one.

    Errors: `InputError` for a column that is not there, or when no human column is named.
    """
    columns = list(table.frame.columns)
    if not human:
        raise InputError(f"{table.label}: say which columns hold people's ratings: --human COLUMN[,COLUMN]; "
                         f"there are: {', '.join(columns)}")  # fmt: skip
    for name in (*human, *metrics):
        if name not in columns:
            raise InputError(f"{table.label}: there is no column {name!r}{did_you_mean(name, columns)}")
    for option, names in (("--human", human), ("--metrics", metrics)):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"{option} names {twice!r} twice")
    both = sorted(set(human) & set(metrics))
    if both:
        raise InputError(f"{table.label}: {both[0]!r} is named by both --human and --metrics")
    frame = table.frame.copy()
    notes: list[Problem] = []
    problems: list[Problem] = []
    if "item_id" not in columns:
        frame.insert(0, "item_id", [f"row-{i + 1}" for i in range(len(frame))])
        notes.append(table.problem("no column item_id: rows are numbered"))
    if not metrics:
        taken = {*human, "item_id", *ITEM_TEXT_COLUMNS}
        metrics = [c for c in columns if c not in taken and _is_numeric(table, c, problems)]
        notes.append(
            table.problem(f"--metrics not given: every column of numbers is one: {', '.join(metrics)}")
        )
    numbered = Table(table.path, table.label, frame)
    parts = [typed({}, ANSWER_COLUMNS)]
    for rater in human:
        value = parse_numbers(numbered, rater, problems)
        answers = typed(
            {"item_id": frame["item_id"], "rater_id": rater, "role": "main", "value": value}, ANSWER_COLUMNS
        )
        # An empty cell of a wide table is no answer; "can't tell" needs an annotations table.
        parts.append(answers[value.notna()])
    scores = Table(table.path, table.label, frame[["item_id", *metrics]])
    rest = [c for c in frame.columns if c not in {*human, *metrics}]
    items = Table(table.path, table.label, frame[rest])
    import pandas as pd

    return WideParts(items, scores, pd.concat(parts, ignore_index=True), problems, notes)


def _is_numeric(table: Table, column: str, problems: list[Problem]) -> bool:
    """Whether a column holds scores; a few cells that are no numbers among many that are join `problems`."""
    wrong: list[Problem] = []
    filled = parse_numbers(table, column, wrong).notna().sum()
    if filled > len(wrong):
        problems += wrong
    return bool(filled > len(wrong))
