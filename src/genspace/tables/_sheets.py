"""Spreadsheets: the first sheet that holds anything, read with python-calamine (extra `excel`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from genspace.errors import InvalidFilesError, Problem, optional_import
from genspace.readings import Reading
from genspace.tables._cells import clean_cell
from genspace.tables._json import cell_text
from genspace.tables._table import Table
from genspace.tables._text import filled


def read_sheet(path: Path, label: str, rows: int | None) -> Iterator[Table]:
    """Yield a spreadsheet's table in parts of `rows` rows; None: the whole at once.

    Errors: `MissingExtraError` without python-calamine; `InvalidFilesError` for a file that is no spreadsheet, and
    for cells whose formula failed.
    """
    import pandas as pd

    calamine = optional_import("python_calamine", extra="excel", needed_for=f"reading {label}")
    try:
        with calamine.load_workbook(path) as book:
            sheets = {
                name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                for name in book.sheet_names
            }
    except calamine.CalamineError as error:
        raise InvalidFilesError([Problem(label, f"cannot be read as a spreadsheet: {error}")]) from None
    full = [name for name, cells in sheets.items() if any(any(map(_text, row)) for row in cells)]
    if not full:
        raise InvalidFilesError([Problem(label, "is empty; a header row is expected")])
    cells = sheets[full[0]]
    readings = []
    if len(full) > 1:
        readings.append(Reading(code="sheet", file=label, words=tuple(full)))
    top = next(n for n, row in enumerate(cells) if any(map(_text, row)))
    header = [clean_cell(_text(cell)) for cell in cells[top]]
    if (twice := next((n for n in header if n and header.count(n) > 1), None)) is not None:
        message = "column occurs twice in the header; rename one"
        raise InvalidFilesError([Problem(label, message, row=top + 1, field=twice, unit="row")])
    body = [[_text(cell) for cell in row] for row in cells[top + 1 :]]
    places = [n for n, row in enumerate(body, start=top + 2) if any(row)]
    frame = pd.DataFrame(body, columns=range(len(header)), dtype=str)
    frame.columns = header
    frame, said = filled(frame, label, line=top + 1)
    size = rows or max(len(frame), 1)
    for start in range(0, max(len(frame), 1), size):
        part = frame.iloc[start : start + size].reset_index(drop=True)
        yield Table(path, label, part, (*readings, *said), origin=places[start : start + size], first=0)


def _text(cell: Any) -> str:
    """Text of a cell: whole numbers without ".0", times in ISO 8601."""
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    return str(cell) if isinstance(cell, timedelta) else cell_text(cell)
