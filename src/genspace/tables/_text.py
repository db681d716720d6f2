"""Tables of text: detect the separator and the use of quotation marks, and check that no rows are merged."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TextIO, cast

from genspace.errors import InvalidFilesError, Problem
from genspace.readings import Reading
from genspace.records import ITEM_COLUMNS
from genspace.tables._cells import clean_cell
from genspace.tables._columns import name_key
from genspace.tables._table import MOST_PROBLEMS, Table, ending_of

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}
EXPECTED = {".csv": ",", ".tsv": "\t"}
"""Ending to the mark that it promises; a .txt promises none."""
BLOCK = 1 << 22
"""Bytes that the check of quotation marks holds at a time."""
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DOUBLED = 'around a cell with a quotation mark put another pair, and double it: "say ""hi"""'
"""How to write a quotation mark that is text."""
TITLE = "the first line must name the columns: remove what stands before them"
"""What to do about titles and remarks above the header."""
KNOWN = frozenset(map(name_key, (*ITEM_COLUMNS, "value", "score", "metric", "rater_id")))


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file writes its cells."""

    separator: str
    header: tuple[str, ...]
    encoding: str
    raw: bool = False
    """Whether quotation marks are text like any other, rather than around cells."""

    @property
    def quoting(self) -> Literal[0, 3]:
        """What `csv.reader` and `pandas.read_csv` take for quotation marks."""
        return csv.QUOTE_NONE if self.raw else csv.QUOTE_MINIMAL


def read_text(path: Path, label: str, rows: int | None) -> Iterator[Table]:
    """Yield a text table in parts of `rows` rows; None: the whole at once."""
    import pandas as pd

    state = path.stat()
    dialect, readings = _dialect(path, label, (state.st_mtime_ns, state.st_size))
    finder = partial(_first_lines, path, dialect)
    with _open_text(path, dialect.encoding) as file:
        read_csv = cast("Callable[..., Any]", pd.read_csv)
        read = partial(
            read_csv, file, sep=dialect.separator, dtype=str, keep_default_na=False, na_filter=False,
            quoting=dialect.quoting,
        )  # fmt: skip
        try:
            for frame in [read()] if rows is None else read(chunksize=rows):
                if not isinstance(frame.index, pd.RangeIndex):
                    # pandas takes the first cells of rows longer than the header as an index.
                    raise InvalidFilesError(list(_long_rows(path, label, dialect)))
                frame.columns = list(dialect.header)
                cells, said = filled(frame.fillna("").astype(str).reset_index(drop=True), label, line=1)
                yield Table(path, label, cells, (*readings, *said), finder, unit="line")
        except pd.errors.ParserError as error:
            raise InvalidFilesError(
                list(_long_rows(path, label, dialect))
                or [Problem(label, f"cannot be read as a table: {str(error).strip()}")]
            ) from None


def filled(frame: pd.DataFrame, label: str, *, line: int) -> tuple[pd.DataFrame, list[Reading]]:
    """Return the table without what spreadsheets and pandas leave behind: empty rows, nameless columns, row numbers.

    Args:
        frame: The cells.
        label: The file.
        line: On which line the header stands.

    Errors: `InvalidFilesError` for a column of values without a name.
    """
    readings = []
    empty = frame.iloc[:, 0] == ""
    if empty.any():
        empty &= (frame[empty] == "").all(axis=1).reindex(frame.index, fill_value=False)
        if empty.any():
            readings.append(Reading(code="empty_rows", file=label, count=int(empty.sum())))
            frame = frame[~empty].reset_index(drop=True)
    kept = list(range(frame.shape[1]))
    for place, name in enumerate(frame.columns):
        if name and not name.startswith("Unnamed: "):
            continue
        cells = frame.iloc[:, place]
        if (cells == "").all():
            code = "empty_columns"
        elif _counts_rows(cells):
            code = "index_column"
        elif name:
            continue
        else:
            named = [name for name in frame.columns if name]
            message = f"column {place + 1} has no name; name it in the header, or remove it"
            if len(named) == 1:
                message = f"names one column, {named[0]!r}, of {frame.shape[1]}; {TITLE}"
            raise InvalidFilesError([Problem(label, message, row=line, value=cells.iloc[0])])
        kept.remove(place)
        readings.append(Reading(code=code, file=label, columns=(name or f"number {place + 1}",)))
    return frame if len(kept) == frame.shape[1] else frame.iloc[:, kept], readings


def _counts_rows(cells: pd.Series[str]) -> bool:
    """Whether cells count up by one, as the index does that pandas writes."""
    import numpy as np

    if not cells.str.fullmatch(r"\d{1,15}").all():
        return False
    return bool((np.diff(cells.astype("int64")) == 1).all())


# Which mark, which encoding --------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _dialect(path: Path, label: str, _state: tuple[int, int]) -> tuple[Dialect, tuple[Reading, ...]]:
    """Return how a file is written, and what had to be inferred about that; looked at once while it does not change.

    Errors: `InvalidFilesError` for a header that cannot be meant, and for quotation marks that would merge rows.
    """
    encoding = _encoding(path)
    readings = []
    if encoding != "utf-8-sig":
        readings.append(Reading(code="encoding", file=label, words=("UTF-16",)))
    headers = {mark: _header(path, encoding, mark) for mark in SEPARATORS}
    if not any(headers[","]):
        raise InvalidFilesError([Problem(label, "is empty; a header line is expected")])
    if len(headers[","]) <= 2 and headers[","][0].startswith("sep="):
        message = "is a mark for Excel alone; remove this line"
        raise InvalidFilesError([Problem(label, message, row=1, value=headers[","][0])])
    expected = EXPECTED.get((ending_of(path) or ".csv").removesuffix(".gz"))
    separator = _separator(headers, expected, label)
    header = headers[separator]
    if separator != expected and len(header) > 1:
        readings.append(Reading(code="separator", file=label, words=(SEPARATORS[separator],)))
    if (twice := next((n for n in header if n and header.count(n) > 1), None)) is not None:
        raise InvalidFilesError(
            [Problem(label, "column occurs twice in the header; rename one", row=1, field=twice)]
        )
    dialect = Dialect(separator, tuple(header), encoding)
    if _quotes_need_a_look(path, dialect):
        dialect, further = _quotes_settled(path, label, dialect)
        readings += further
    return dialect, tuple(readings)


def _separator(headers: dict[str, list[str]], expected: str | None, label: str) -> str:
    """Return the mark between cells: the one that the ending promises, or the only one that splits the header."""
    if expected is not None and len(headers[expected]) > 1:
        others = [m for m, names in headers.items() if m != expected and len(names) > 1]
        named = {m for m in others if KNOWN & set(map(name_key, headers[m]))}
        if not named or KNOWN & set(map(name_key, headers[expected])):
            return expected
        others = sorted(named)
    else:
        others = [mark for mark, names in headers.items() if len(names) > 1]
    if len(others) > 1:
        words = " or ".join(SEPARATORS[mark] for mark in others)
        message = f"cells may be separated by {words}; save the table with commas"
        raise InvalidFilesError([Problem(label, message, row=1)])
    return others[0] if others else expected or ","


def _header(path: Path, encoding: str, separator: str) -> list[str]:
    """Return the names of the columns, were this the mark between them."""
    with _open_text(path, encoding) as file:
        lines = csv.reader(file, delimiter=separator)
        return next(
            ([clean_cell(c) for c in cells] for cells in lines if any(c.strip() for c in cells)), [""]
        )


def _encoding(path: Path) -> str:
    with _open_bytes(path) as file:
        return BYTE_ORDER_MARKS.get(file.read(2), "utf-8-sig")


def _open_bytes(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.name.lower().endswith(".gz") else path.open("rb")


def _open_text(path: Path, encoding: str) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return cast("TextIO", gzip.open(path, "rt", encoding=encoding, newline=""))
    return path.open(encoding=encoding, newline="")


# Quotation marks -------------------------------------------------------------------------------------------------


def _quotes_need_a_look(path: Path, dialect: Dialect) -> bool:
    """Whether quotation marks stand anywhere but around cells that end on the line they start on.

    The fast half of the strict pass: almost every file ends here. A mark opens a cell when an even number stands before
    it; a doubled mark inside a cell closes and opens it at once.
    """
    import numpy as np

    if dialect.encoding != "utf-8-sig":
        return True
    borders = np.zeros(256, dtype=bool)
    borders[list(f'{dialect.separator}"\r\n'.encode())] = True
    inside = False
    for before, block, after in _blocks(path):
        if not inside and b'"' not in block:
            continue
        data = np.frombuffer(before + block + after, np.uint8)
        within = data[1:-1]
        marks = np.flatnonzero(within == ord('"'))
        opening = (np.arange(len(marks)) + inside) % 2 == 0
        if not borders[np.where(opening, data[marks], data[marks + 2])].all():
            return True
        ends = within == ord("\n")
        if b"\r" in block:
            ends |= within == ord("\r")
        breaks = np.flatnonzero(ends)
        if ((np.searchsorted(marks, breaks) + inside) % 2).any():
            return True
        inside = bool((len(marks) + inside) % 2)
    return inside


def _blocks(path: Path) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield a file block by block, each with the byte before and the byte after it; line ends stand around the file."""
    with _open_bytes(path) as file:
        before, block = b"\n", file.read(BLOCK).removeprefix(b"\xef\xbb\xbf")
        while block:
            following = file.read(BLOCK)
            yield before, block, following[:1] or b"\n"
            before, block = block[-1:], following


def _quotes_settled(path: Path, label: str, dialect: Dialect) -> tuple[Dialect, list[Reading]]:
    """Return how quotation marks are meant: around cells, or as text.

    Between tabs they are text, as the format has it, where each line then has as many cells as the header.

    Errors: `InvalidFilesError` where rows would be merged and marks are not plainly text.
    """
    problems = list(_merged_rows(path, label, dialect))
    if not problems:
        return dialect, []
    if dialect.separator != "\t":
        raise InvalidFilesError(problems)
    width, marked = len(_header_raw(path, dialect)), 0
    with _open_text(path, dialect.encoding) as file:
        for line in file:
            text = line.rstrip("\r\n")
            if text.strip() and text.count(dialect.separator) + 1 != width:
                raise InvalidFilesError(problems)
            marked += '"' in text
    names = tuple(clean_cell(name) for name in _header_raw(path, dialect))
    raw = Dialect(dialect.separator, names, dialect.encoding, raw=True)
    return raw, [Reading(code="raw_quotes", file=label, count=marked)]


def _header_raw(path: Path, dialect: Dialect) -> list[str]:
    with _open_text(path, dialect.encoding) as file:
        return next((line.rstrip("\r\n").split(dialect.separator) for line in file if line.strip()), [""])


def _merged_rows(path: Path, label: str, dialect: Dialect) -> Iterator[Problem]:
    """Yield a problem where a quotation mark is left open, or where it merges lines that are rows of their own."""
    width, start = len(dialect.header), 1
    with _open_text(path, dialect.encoding) as marks, _open_text(path, dialect.encoding) as lines:
        reader = csv.reader(marks, delimiter=dialect.separator, strict=True)
        try:
            for _ in reader:
                spanned = [next(lines) for _ in range(reader.line_num + 1 - start)]
                if len(spanned) > 1 and width > 1:
                    raw = [line.count(dialect.separator) + 1 for line in spanned if line.strip()]
                    if raw == [width] * len(raw) and len(raw) > 1:
                        message = (
                            f"a quotation mark opens here and closes on line {reader.line_num}, which would make one "
                            f"row of them; {DOUBLED}; if the line breaks belong to one cell, take them out"
                        )
                        yield Problem(label, message, row=start)
                start = reader.line_num + 1
        except csv.Error as error:
            message = f"a cell's quotation marks are wrong or left open ({error}); {DOUBLED}"
            yield Problem(label, message, row=start)


# Lines -----------------------------------------------------------------------------------------------------------


def _first_lines(path: Path, dialect: Dialect) -> Sequence[int]:
    """Return the first line of each row; cells may hold line breaks, and rows without any value are left out."""
    lines, start = [], 1
    with _open_text(path, dialect.encoding) as file:
        reader = csv.reader(file, delimiter=dialect.separator, quoting=dialect.quoting)
        for cells in reader:
            if any(cells):
                lines.append(start)
            start = reader.line_num + 1
    return lines[1:]


def _long_rows(path: Path, label: str, dialect: Dialect) -> Iterator[Problem]:
    """Yield a problem for each row with more cells than the header.

    Rows with fewer are right: spreadsheets leave out empty cells at the end of a row.
    """
    width, start, found = len(dialect.header), 1, 0
    quoted = f"; put quotation marks around a cell that holds {SEPARATORS[dialect.separator]}"
    with _open_text(path, dialect.encoding) as file:
        reader = csv.reader(file, delimiter=dialect.separator, quoting=dialect.quoting)
        for cells in reader:
            if len(cells) > width:
                found += 1
                if width == 1:
                    message = f"names one column, but line {start} holds {len(cells)} cells; {TITLE}"
                    yield Problem(label, message, row=1, value=dialect.header[0])
                    return
                if found <= MOST_PROBLEMS:
                    yield Problem(label, f"holds {len(cells)} cells, the header {width}{quoted}", row=start)
            start = reader.line_num + 1
    if found > MOST_PROBLEMS:
        yield Problem(label, f"and {found - MOST_PROBLEMS:,} more such rows", rows=found - MOST_PROBLEMS)
