"""The record of a table as it was read: text cells, where each row stands in its file, and what was inferred."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import Problem
from genspace.readings import Reading

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

PLAIN = (".csv", ".tsv", ".txt", ".jsonl", ".json")
SUFFIXES = (*PLAIN, ".parquet", ".xlsx", ".xls", ".ods", *(f"{ending}.gz" for ending in PLAIN))
"""Endings of the files that are read as tables, in any case."""
PROSE_SUFFIXES = (".txt", ".json", ".txt.gz", ".json.gz")
"""Endings that files have which are no tables: such a file is read where its name or its columns say that it is one."""
MOST_PROBLEMS = 20
"""Rows that are named for one mistake; further ones are counted."""


@dataclass(frozen=True)
class Table:
    """A table as read from a file: every cell is text, and "" where the file has none.

    >>> import pandas as pd
    >>> table = Table(Path("items.csv"), "items.csv", pd.DataFrame({"item_id": ["a", ""]}), first=2, unit="line")
    >>> print(table.problem("every item needs an id", 1, "item_id"))
    items.csv, line 3: item_id = '': every item needs an id
    """

    path: Path
    label: str
    """How messages name the file."""
    frame: pd.DataFrame
    """Columns of str; index 0 … n − 1."""
    readings: tuple[Reading, ...] = ()
    """What was inferred about the file as a whole."""
    find_lines: Callable[[], Sequence[int]] | None = None
    """Finds the first line of each row, for text formats whose cells may hold line breaks."""
    unit: str = "row"
    """What `line` counts: "line" or "row"."""
    first: int = 1
    """Number of the first row, where lines need not be found."""
    origin: Sequence[int] | None = None
    """Row of the file's table that each row here was; None: the same."""

    @cached_property
    def _lines(self) -> Sequence[int] | None:
        return None if self.find_lines is None else self.find_lines()

    def line(self, index: int) -> int:
        """Return the line of the file on which row `index` starts (or the row's number, see `unit`)."""
        if self.origin is not None:
            index = self.origin[index]
        return index + self.first if self._lines is None else self._lines[index]

    def problem(self, message: str, index: int | None = None, field: str | None = None) -> Problem:
        """Return a problem of this file; `index` and `field` name the row and quote the cell."""
        value = None
        if index is not None and field in self.frame.columns:
            value = self.frame[field].iloc[index]
        row = None if index is None else self.line(index)
        return Problem(self.label, message, row=row, field=field, value=value, unit=self.unit)

    def problems(self, wrong: ArrayLike, field: str, message: str | Callable[[int], str]) -> list[Problem]:
        """Return a problem for each wrong row; after `MOST_PROBLEMS` rows, one problem that counts the rest.

        Args:
            wrong: (n,) bool, or the rows' indices.
            field: The column.
            message: What is wrong and what to do, or a function of the row's index that says it.
        """
        rows = _rows(wrong)
        found = [
            self.problem(message if isinstance(message, str) else message(int(i)), int(i), field)
            for i in rows[:MOST_PROBLEMS]
        ]
        if (rest := len(rows) - MOST_PROBLEMS) > 0:
            words = f"and {rest:,} more rows with a mistake like the last"
            found.append(Problem(self.label, words, field=field, rows=rest))
        return found

    def reading(self, code: str, **fields: Any) -> Reading:
        """Return a reading of this file (see `genspace.readings.Reading`)."""
        return Reading(code=code, file=self.label, **fields)

    def saying(self, *readings: Reading) -> Table:
        """Return the same table with more readings."""
        return replace(self, readings=(*self.readings, *readings))

    def take(self, rows: Sequence[int], columns: Sequence[str]) -> Table:
        """Return some rows and columns; messages still name the rows' original lines."""
        import numpy as np

        origin = np.asarray(rows) if self.origin is None else np.asarray(self.origin)[rows]
        frame = self.frame.loc[:, list(columns)].iloc[list(rows)].reset_index(drop=True)
        lines = self._lines  # found once for all tables that are taken from this one
        finder = None if lines is None else (lambda: lines)
        return replace(self, frame=frame, find_lines=finder, origin=origin.tolist())


def _rows(wrong: ArrayLike) -> NDArray[np.intp]:
    import numpy as np

    given = np.asarray(wrong)
    return np.flatnonzero(given) if given.dtype == bool else given


def ending_of(path: Path) -> str | None:
    """Return the ending of `SUFFIXES` that a file has, None if it is not a table.

    >>> ending_of(Path("Scores.CSV.gz")), ending_of(Path("notes.md"))
    ('.csv.gz', None)
    """
    name = path.name.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix) and name != suffix:
            return suffix
    return None


def table_stem(path: Path) -> str | None:
    """Return the file's name without its ending, or None if it is not a table.

    >>> table_stem(Path("annotations.csv.gz"))
    'annotations'
    """
    ending = ending_of(path)
    return None if ending is None else path.name[: -len(ending)]


def require_columns(table: Table, columns: Iterable[str]) -> list[Problem]:
    """Return a problem for each of `columns` that the table lacks; the problem suggests a column with a similar name.

    >>> import pandas as pd
    >>> from genspace.tables import table_of
    >>> [problem] = require_columns(table_of(pd.DataFrame({"WorkerId": ["w1"], "value": [1]}), "answers"), ["rater_id"])
    >>> "WorkerId" in problem.message
    True
    """
    from genspace.tables._columns import near_columns

    there = list(table.frame.columns)
    near = {name: near_columns(name, there) for name in columns if name not in there}
    return [
        table.problem(
            f"column {name!r} is missing; there are: {', '.join(there)}"
            + (f". If {found[0]!r} holds it, rename that column to {name}" if found else "")
        )
        for name, found in near.items()
    ]
