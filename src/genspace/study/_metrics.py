"""Infer which columns of a table are metrics: columns of numbers that are nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from genspace.errors import Problem
from genspace.readings import Reading
from genspace.tables import NULLS, WORDS, Numbers, Table, read_numbers

if TYPE_CHECKING:
    import pandas as pd

ID_WORDS = frozenset(
    {"id", "ids", "uid", "uuid", "guid", "idx", "index", "row", "seed", "serial", "nr", "hash", "key"}
)  # fmt: skip
TIME_WORDS = frozenset(
    {
        "time", "timestamp", "date", "datetime", "created", "updated", "started", "submitted", "finished", "seconds",
        "duration",
    }
)  # fmt: skip
SIZE_WORDS = frozenset({"width", "height", "pixels", "bytes", "filesize"})
EPOCHS = ((1e9, 3e9), (1e12, 3e12))
"""Ranges of seconds and milliseconds since 1970, from 2001 on."""
NUMBER_LIKE = re.compile(r"[+−–-]?[\d.,'’\s]*\d[\d.,'’\s]*%?")
"""Cells that someone meant as a number, however it is written."""
NUMBER_AND_MORE = re.compile(r"[<>≤≥≈~±]?\s*[+−–-]?\d[\d.,]*\s*([a-zA-Zµ°²³/]{1,5}|[*†‡¹²³]+|\(.*\)|±.*)")
"""Cells with a unit, a mark or an interval beside the number: in a table of scores someone meant the number."""
MOST_STEPS = 11
"""Distinct values up to which a column of people's ratings can be recognised by its values."""


@dataclass
class ChosenMetrics:
    """The metrics of a table, with their numbers, and what was left out."""

    metrics: dict[str, Numbers] = field(default_factory=dict)
    readings: list[Reading] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    breakdowns: list[str] = field(default_factory=list)
    """Columns that hold no numbers."""


def name_words(name: str) -> list[str]:
    """Return the words of a column's name.

    >>> name_words("Input.imageId"), name_words("WORK_TIME")
    (['input', 'image', 'id'], ['work', 'time'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]


@dataclass(frozen=True, eq=False)
class CandidateColumn:
    """What the rules below look at."""

    name: str
    numbers: Numbers
    people: pd.Series[float]
    """The people's ratings."""

    @property
    def known(self) -> pd.Series[float]:
        """The numbers that there are."""
        return self.numbers.column.dropna()


def _is_id(column: CandidateColumn) -> bool:
    words = name_words(column.name)
    return bool(words) and words[-1] in ID_WORDS


def _is_index(column: CandidateColumn) -> bool:
    """Whether values count the rows."""
    import numpy as np

    rows = len(column.numbers.column)
    return len(column.known) == rows > 2 and bool((np.diff(column.known) == 1).all())


def _is_time(column: CandidateColumn) -> bool:
    since_1970 = any(column.known.between(low, high).all() for low, high in EPOCHS)
    return bool(TIME_WORDS & set(name_words(column.name))) or (since_1970 and len(column.known) > 0)


def _is_size(column: CandidateColumn) -> bool:
    return bool(SIZE_WORDS & set(name_words(column.name)))


def _is_constant(column: CandidateColumn) -> bool:
    return len(column.known) > 1 and bool(column.known.min() == column.known.max())


def _is_words(column: CandidateColumn) -> bool:
    """Whether the column holds yes and no rather than numbers: as likely a property of the items as a verdict."""
    return any(reading.code == "words" for reading in column.numbers.readings)


def _is_rater(column: CandidateColumn) -> bool:
    """Whether values are those of the people's ratings, a few steps of one scale."""
    theirs = set(column.people.dropna().unique())
    return 2 <= len(theirs) <= MOST_STEPS and len(column.known) > 0 and set(column.known.unique()) <= theirs


NO_METRIC: Mapping[str, Callable[[CandidateColumn], bool]] = {
    "left_out_id": _is_id,
    "left_out_time": _is_time,
    "left_out_size": _is_size,
    "left_out_index": _is_index,
    "left_out_constant": _is_constant,
    "left_out_words": _is_words,
    "left_out_rater": _is_rater,
}
"""Reading to the rule by which a column of numbers is not a metric."""
BY_NAME = frozenset({"left_out_id", "left_out_time", "left_out_size"})
"""Rules that look at the name, and so hold also in tables of scores alone."""


def choose_metrics(
    table: Table,
    columns: Sequence[str],
    people: pd.Series[float] | None = None,
) -> ChosenMetrics:
    """Return which columns are metrics: those of numbers that look like nothing else.

    A column that mostly looks like numbers is a metric even if many of its cells cannot be read: they are problems, so
    that no metric vanishes. What is left out is listed with the reason.

    Args:
        table: The table.
        columns: The columns that may be metrics.
        people: The people's ratings, where the table holds them; without, it is one of scores alone.
    """
    import pandas as pd

    chosen = ChosenMetrics()
    rules = NO_METRIC if people is not None else {code: NO_METRIC[code] for code in BY_NAME}
    ratings = pd.Series(dtype="float64") if people is None else people
    left: dict[str, list[str]] = {}
    for column in columns:
        numbers = read_numbers(table, column, words=WORDS)
        kind = _kind(table.frame[column].str.strip(), numbers)
        if people is None and kind in {"empty", "numbers and more"}:
            kind = "numbers"  # a metric that never answered, or whose cells are problems
        if kind != "numbers":
            chosen.breakdowns.append(column)
            if kind in {"mixed", "numbers and more"}:
                filled = (table.frame[column].str.strip() != "").sum()
                chosen.readings.append(
                    table.reading("mixed_column", columns=(column,), count=numbers.filled, total=int(filled))
                )
            continue
        seen = CandidateColumn(column, numbers, ratings)
        # Of a column that cannot be read in full only the name tells what it is.
        held = {c: rule for c, rule in rules.items() if c in BY_NAME or not numbers.problems}
        reason = next((code for code, rule in held.items() if rule(seen)), None)
        if reason is not None:
            left.setdefault(reason, []).append(column)
            continue
        chosen.metrics[column] = numbers
        chosen.readings += numbers.readings
        chosen.problems += numbers.problems
    chosen.readings += [table.reading(code, columns=tuple(names)) for code, names in left.items()]
    return chosen


def _kind(cells: pd.Series[str], numbers: Numbers) -> str:
    """Return what a column holds.

    Returns: "numbers", "numbers and more", "text", numbers among more text ("mixed"), nothing ("empty").
    """
    if numbers.filled and not numbers.problems:
        return "numbers"
    filled = cells[~cells.isin(NULLS)]
    if not len(filled):
        return "empty"
    distinct = filled.value_counts()
    likely = sum(count for cell, count in distinct.items() if NUMBER_LIKE.fullmatch(str(cell)))
    if likely * 2 >= len(filled):
        return "numbers"
    likely += sum(count for cell, count in distinct.items() if NUMBER_AND_MORE.fullmatch(str(cell)))
    if likely * 2 >= len(filled):
        return "numbers and more"
    return "mixed" if numbers.filled else "text"
