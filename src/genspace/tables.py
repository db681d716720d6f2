"""Plain tables: CSV, TSV, JSON Lines and Parquet in, with each row's line; CSV out, with formulas neutralised."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from genspace.errors import InputError, InvalidFilesError, Problem

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NULLS",
    "SUFFIXES",
    "Table",
    "csv_text",
    "find_table",
    "neutralised",
    "parse_numbers",
    "read_parts",
    "read_table",
    "require_columns",
    "table_stem",
    "write_csv",
]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz")
"""Endings of the files that are read as tables."""
NULLS = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None"})
"""Cells that mean "no value" in a column of numbers."""
LARGEST = 1e100
"""Squares and sums of larger numbers overflow."""
PART_ROWS = 10_000
"""Rows that `read_parts` holds at a time."""


@dataclass(frozen=True)
class Table:
    """A table as it stands in a file: every cell is text, "" where there is none."""

    path: Path
    label: str
    """How messages name the file."""
    frame: pd.DataFrame
    """Columns of str; index 0 … n − 1."""

    @cached_property
    def _lines(self) -> Sequence[int] | None:
        """First line of each row, for text formats whose cells may hold line breaks."""
        if ".csv" not in self.path.name and ".tsv" not in self.path.name:
            return None
        lines, start = [], 1
        with _open_text(self.path) as file:
            reader = csv.reader(file, delimiter=_delimiter(self.path))
            for cells in reader:
                if cells:
                    lines.append(start)
                start = reader.line_num + 1
        return lines[1:]

    def line(self, index: int) -> int:
        """Line of the file on which row `index` starts, as an editor counts (Parquet: the row's number)."""
        if self._lines is None:
            return index + 1
        return self._lines[index]

    def problem(self, message: str, index: int | None = None, field: str | None = None) -> Problem:
        """Return a problem of this file; with `index` and `field` it names the row and quotes the cell."""
        value = None
        if index is not None and field in self.frame.columns:
            value = self.frame[field].iloc[index]
        row = None if index is None else self.line(index)
        return Problem(self.label, message, row=row, field=field, value=value)


def table_stem(path: Path) -> str | None:
    """Return the file's name without its ending, or None if it is no table.

    >>> table_stem(Path("annotations.csv.gz"))
    'annotations'
    """
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.endswith(suffix) and path.name != suffix:
            return path.name.removesuffix(suffix)
    return None


def find_table(folder: Path, stem: str) -> Path | None:
    """Return the folder's table named `stem`, or None.

    Errors: `InputError` when there are several (items.csv beside items.parquet).
    """
    found = [folder / f"{stem}{suffix}" for suffix in SUFFIXES if (folder / f"{stem}{suffix}").is_file()]
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise InputError(f"{folder}: {names} all hold {stem!r}; keep one of them")
    return found[0] if found else None


def read_table(path: Path, label: str | None = None) -> Table:
    """Read a table; every cell becomes text, missing cells become "".

    Errors: `InvalidFilesError` naming the file, the line and what is expected.
    """
    return next(_tables(path, label or str(path), rows=None))


def read_parts(path: Path, label: str | None = None) -> Iterator[Table]:
    """Read a table some rows at a time, so that memory does not grow with it; a table without rows has no part.

    Rows of a part are counted from its own start. A part of JSON Lines has the columns that its own rows have.

    Errors: as for `read_table`, when the part that is wrong is reached.
    """
    return (t for t in _tables(path, label or str(path), rows=PART_ROWS) if len(t.frame))


def _tables(path: Path, label: str, rows: int | None) -> Iterator[Table]:
    """Yield the table in parts of `rows` rows; None: exactly one part, the whole."""
    if not path.is_file():
        raise InputError(f"{label}: there is no such file")
    if path.name.endswith(".parquet"):
        frames = _read_parquet(path, label, rows)
    elif ".jsonl" in path.name:
        frames = _read_jsonl(path, label, rows)
    else:
        frames = _read_csv(path, label, rows)
    try:
        for frame in frames:
            yield Table(path, label, frame)
    except UnicodeDecodeError as error:
        raise InvalidFilesError(
            [Problem(label, f"is not UTF-8 text ({error.reason}); save it as UTF-8")]
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidFilesError([Problem(label, f"cannot be read: {error}")]) from None


def parse_numbers(table: Table, column: str, problems: list[Problem]) -> pd.Series[float]:
    """Return the column as floats, NaN where it is empty; cells that are no finite number join `problems`."""
    import pandas as pd

    text = table.frame[column].str.strip()
    numbers = pd.to_numeric(text.mask(text.isin(NULLS)), errors="coerce").astype(float)
    wrong = ~text.isin(NULLS) & ~numbers.map(math.isfinite)
    problems += [
        table.problem(f"is not a finite number; {_advice(text.iloc[int(i)])}", int(i), column)
        for i in wrong.to_numpy().nonzero()[0]
    ]
    huge = numbers.map(math.isfinite) & (numbers.abs() > LARGEST)
    problems += [
        table.problem(f"is beyond {LARGEST:g}, too large to compute with", int(i), column)
        for i in huge.to_numpy().nonzero()[0]
    ]
    return numbers


def _advice(cell: str) -> str:
    """Return what to write instead of a cell that is no number."""
    if cell.lower() in {"yes", "no", "true", "false", "y", "n"}:
        return "write 1 for yes and 0 for no"
    if re.fullmatch(r"[+-]?\d+,\d+", cell):
        return "write decimals with a point"
    return "leave the cell empty for “no value”"


def csv_text(frame: pd.DataFrame) -> str:
    """Return CSV; text cells that a spreadsheet would run as a formula get a leading apostrophe."""
    safe = frame.copy()
    for name in safe.columns[[not _is_numeric(safe[c]) for c in safe.columns]]:
        safe[name] = safe[name].map(lambda cell: neutralised(cell) if isinstance(cell, str) else cell)
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as UTF-8 CSV, formulas neutralised (see `csv_text`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(frame), encoding="utf-8", newline="")


def _is_numeric(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    return bool(is_numeric_dtype(column))


def neutralised(cell: str) -> str:
    """Return a text that no spreadsheet runs as a formula: such a text gets a leading apostrophe.

    >>> neutralised("=1+1"), neutralised("a cow")
    ("'=1+1", 'a cow')
    """
    # A leading tab or carriage return also starts a formula in some spreadsheets (OWASP, CSV injection).
    return "'" + cell if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _delimiter(path: Path) -> str:
    return "\t" if ".tsv" in path.name else ","


def _open_text(path: Path) -> TextIO:
    if path.name.endswith(".gz"):
        return cast("TextIO", gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def _read_csv(path: Path, label: str, rows: int | None) -> Iterator[pd.DataFrame]:
    import pandas as pd

    header = _header(path, label)
    with _open_text(path) as file:
        read: Callable[..., Any] = partial(
            pd.read_csv, file, sep=_delimiter(path), dtype=str, keep_default_na=False, na_filter=False
        )
        try:
            for frame in [read()] if rows is None else read(chunksize=rows):
                if not isinstance(frame.index, pd.RangeIndex):
                    # pandas takes the first cells of rows longer than the header as an index.
                    raise InvalidFilesError(list(_wrong_rows(path, label, len(header))))
                frame.columns = header
                yield frame.fillna("").astype(str).reset_index(drop=True)
        except pd.errors.ParserError as error:
            raise InvalidFilesError(
                list(_wrong_rows(path, label, len(header)))
                or [Problem(label, f"cannot be read as a table: {str(error).strip()}")]
            ) from None


def _wrong_rows(path: Path, label: str, columns: int) -> Iterator[Problem]:
    """Yield a problem for each row with more cells than the header, and for a quotation mark that is left open.

    Rows with fewer are right: spreadsheets leave out empty cells at the end of a row.
    """
    start = 1
    with _open_text(path) as file:
        reader = csv.reader(file, delimiter=_delimiter(path), strict=True)
        try:
            for cells in reader:
                if len(cells) > columns:
                    yield Problem(label, f"holds {len(cells)} cells, the header {columns}", row=start)
                start = reader.line_num + 1
        except csv.Error as error:
            yield Problem(label, f"a cell's quotation marks are wrong or left open ({error})", row=start)


def _header(path: Path, label: str) -> list[str]:
    """Return the names of a text table's columns."""
    with _open_text(path) as file:
        lines = csv.reader(file, delimiter=_delimiter(path))
        header = next(([c.strip() for c in cells] for cells in lines if any(c.strip() for c in cells)), None)
    if header is None:
        raise InvalidFilesError([Problem(label, "is empty; a header line is expected")])
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InvalidFilesError(
            [Problem(label, "column stands twice in the header; rename one", row=1, field=twice)]
        )
    if len(header) == 1 and ";" in header[0]:
        raise InvalidFilesError(
            [Problem(label, "cells are separated by ';'; save the table with commas", row=1)]
        )
    return header


def _read_jsonl(path: Path, label: str, rows: int | None) -> Iterator[pd.DataFrame]:
    import pandas as pd

    with _open_text(path) as file:
        numbered = _up_to_last(file)
        if (first := next(numbered, None)) is None:
            raise InvalidFilesError([Problem(label, "is empty; one JSON object a line is expected")])
        numbered = chain([first], numbered)
        while lines := list(islice(numbered, rows)):
            documents: list[dict[str, Any]] = []
            problems: list[Problem] = []
            for number, line in lines:
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    problems.append(Problem(label, f"is not JSON: {error.msg}", row=number))
                    continue
                if not isinstance(row, dict):
                    message = "one JSON object a line is expected"
                    problems.append(Problem(label, message, row=number, value=row))
                    continue
                documents.append(row)
            if problems:
                raise InvalidFilesError(problems)
            yield _as_text(pd.DataFrame(documents, dtype=object))


def _up_to_last(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, without the blank ones at the end."""
    blank: list[tuple[int, str]] = []
    for number, line in enumerate(file, start=1):
        blank.append((number, line))
        if not line.isspace():
            yield from blank
            blank.clear()


def _read_parquet(path: Path, label: str, rows: int | None) -> Iterator[pd.DataFrame]:
    import pandas as pd
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        if rows is None:
            yield _as_text(pd.read_parquet(path).astype(object))
            return
        # The buffer keeps pyarrow from reading a row group, often the whole file, at once.
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=rows):
                yield _as_text(batch.to_pandas().astype(object))
    except ArrowException as error:
        raise InvalidFilesError([Problem(label, f"cannot be read as Parquet: {error}")]) from None


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = {str(name): [_cell_text(v) for v in frame[name]] for name in frame.columns}
    return pd.DataFrame(columns, dtype=str, index=range(len(frame)))


def _cell_text(value: Any) -> str:
    """Text of a typed cell: booleans as 1 and 0, whole floats without ".0", lists and objects as JSON."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def require_columns(table: Table, columns: Iterable[str]) -> list[Problem]:
    """Return a problem for each of `columns` that the table lacks."""
    return [
        table.problem(f"column {name!r} is missing; there are: {', '.join(table.frame.columns)}")
        for name in columns
        if name not in table.frame.columns
    ]
