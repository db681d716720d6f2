"""Tables of answers: CSV, JSON Lines, Parquet; written and read without a change to any cell."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from genspace.errors import InvalidFilesError, Problem


class OwnRow(NamedTuple):
    """A row of an export."""

    line: int
    cells: Mapping[str, Any]


_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run, or what was written so that it does not (OWASP, CSV injection)."""


def csv_of(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return CSV; text that a spreadsheet would run as a formula gets an apostrophe, which reading takes away again.

    >>> csv_of(["comment", "n"], [{"comment": "=1+1", "n": -1}, {"comment": "'=x", "n": None}]).split()
    ['comment,n', "'=1+1,-1", "''=x,"]
    """
    lines = [columns, *([_cell(row[c]) for c in columns] for row in rows)]
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def jsonl_of(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return JSON Lines, one object a row."""
    return "".join(
        json.dumps({c: row[c] for c in columns}, ensure_ascii=False, allow_nan=False) + "\n" for row in rows
    )


def read_own_table(path: Path, needed: Iterable[str]) -> list[OwnRow] | None:
    """Return the rows of a table that genspace exported, or None for a table made elsewhere.

    Errors: `InvalidFilesError` for a file that turns out not to be what its beginning says.
    """
    try:
        if path.suffix == ".csv":
            return _read_csv(path, set(needed))
        if path.suffix == ".jsonl":
            return _read_jsonl(path, set(needed))
        if path.suffix == ".parquet":
            return _read_parquet(path, set(needed))
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise InvalidFilesError([Problem(str(path), f"cannot be read: {error}")]) from None
    return None


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return "" if value is None else str(value)


def _quoted(cell: str) -> str:
    # The csv module of Python 3.11 leaves a lone carriage return unquoted, which then ends the row for readers.
    return '"' + cell.replace('"', '""') + '"' if re.search('[",\r\n]', cell) else cell


def _restored(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _read_csv(path: Path, needed: set[str]) -> list[OwnRow] | None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        if not needed <= set(header):
            return None
        rows: list[OwnRow] = []
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                message = f"holds {len(cells)} cells, the header {len(header)}"
                raise InvalidFilesError([Problem(str(path), message, row=line)])
            if cells:
                rows.append(OwnRow(line, dict(zip(header, map(_restored, cells), strict=True))))
            line = reader.line_num + 1
    return rows


def _read_jsonl(path: Path, needed: set[str]) -> list[OwnRow] | None:
    rows: list[OwnRow] = []
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            row = json.loads(text)
            if not isinstance(row, dict) or not needed <= set(row):
                if rows:
                    raise InvalidFilesError([Problem(str(path), "is not a row like those above", row=line)])
                return None
            rows.append(OwnRow(line, row))
    return rows or None


def _read_parquet(path: Path, needed: set[str]) -> list[OwnRow] | None:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    if not needed <= set(table.column_names):
        return None
    return list(map(OwnRow, count(1), table.to_pylist()))
