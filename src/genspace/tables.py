"""Plain tables: CSV, TSV, JSON Lines and Parquet in, with each row's line; CSV out, with formulas neutralised."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, InvalidFilesError, Problem

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NULLS",
    "SUFFIXES",
    "Table",
    "csv_text",
    "find_table",
    "parse_numbers",
    "read_table",
    "require_columns",
    "table_stem",
    "write_csv",
]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz")
"""Endings of the files that are read as tables."""
NULLS = frozenset({"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None"})
"""Cells that mean "no value" in a column of numbers."""


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
        reader = csv.reader(io.StringIO(_read_text(self.path)), delimiter=_delimiter(self.path))
        lines, start = [], 1
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
    label = label or str(path)
    if not path.is_file():
        raise InputError(f"{label}: there is no such file")
    try:
        if path.name.endswith(".parquet"):
            frame = _read_parquet(path)
        elif ".jsonl" in path.name:
            frame = _read_jsonl(path, label)
        else:
            frame = _read_csv(path, label)
    except UnicodeDecodeError as error:
        raise InvalidFilesError(
            [Problem(label, f"is not UTF-8 text ({error.reason}); save it as UTF-8")]
        ) from None
    return Table(path, label, frame)


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
        safe[name] = safe[name].map(_neutralised)
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as UTF-8 CSV, formulas neutralised (see `csv_text`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(frame), encoding="utf-8", newline="")


def _is_numeric(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    return bool(is_numeric_dtype(column))


def _neutralised(cell: Any) -> Any:
    # A leading tab or carriage return also starts a formula in some spreadsheets (OWASP, CSV injection).
    return "'" + cell if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def _delimiter(path: Path) -> str:
    return "\t" if ".tsv" in path.name else ","


def _read_text(path: Path) -> str:
    raw = path.read_bytes()
    if path.name.endswith(".gz"):
        raw = gzip.decompress(raw)
    return raw.decode("utf-8-sig")


def _read_csv(path: Path, label: str) -> pd.DataFrame:
    import pandas as pd

    text = _read_text(path)
    if not text.strip():
        raise InvalidFilesError([Problem(label, "is empty; a header line is expected")])
    header = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=_delimiter(path)))]
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise InvalidFilesError(
            [Problem(label, "column stands twice in the header; rename one", row=1, field=twice)]
        )
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=_delimiter(path), dtype=str, keep_default_na=False, na_filter=False
        )
    except pd.errors.ParserError as error:
        raise InvalidFilesError(
            [Problem(label, f"cannot be read as a table: {str(error).strip()}")]
        ) from None
    if not isinstance(frame.index, pd.RangeIndex):
        # pandas takes the first cells of rows longer than the header as an index.
        raise InvalidFilesError([Problem(label, "the rows hold more cells than the header", row=2)])
    if len(header) == 1 and ";" in header[0]:
        raise InvalidFilesError(
            [Problem(label, "cells are separated by ';'; save the table with commas", row=1)]
        )
    frame.columns = header
    return frame.fillna("").astype(str)


def _read_jsonl(path: Path, label: str) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, line in enumerate(_read_text(path).rstrip("\n").split("\n"), start=1):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            problems.append(Problem(label, f"is not JSON: {error.msg}", row=number))
            continue
        if not isinstance(row, dict):
            problems.append(Problem(label, "one JSON object a line is expected", row=number, value=row))
            continue
        rows.append(row)
    if problems:
        raise InvalidFilesError(problems)
    return _as_text(pd.DataFrame(rows, dtype=object))


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    return _as_text(pd.read_parquet(path).astype(object))


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
