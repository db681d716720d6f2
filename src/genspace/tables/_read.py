"""Reading a table by its ending: whole, or some rows at a time."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.tables._table import SUFFIXES, Table, ending_of

PART_ROWS = 6_000
"""Rows that `read_parts` holds at a time."""


def find_table(folder: Path, stem: str) -> Path | None:
    """Find the folder's table named `stem`, with any ending and in any case; None if there is none.

    Errors: `InputError` when there are several (items.csv beside items.parquet).

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "Items.CSV").write_text("item_id")
    >>> find_table(folder, "items").name, find_table(folder, "annotations")
    ('Items.CSV', None)
    """
    if not folder.is_dir():
        return None
    names = {f"{stem}{suffix}" for suffix in SUFFIXES}
    found = sorted(p for p in folder.iterdir() if p.name.lower() in names and p.is_file())
    if len(found) > 1:
        listed = ", ".join(p.name for p in found)
        raise InputError(f"{folder}: {listed} all hold {stem!r}; keep one of them")
    return found[0] if found else None


def read_table(path: Path, label: str | None = None) -> Table:
    r"""Read a table as text; missing cells become "".

    Errors: `InvalidFilesError` naming the file, the line and what is expected.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scores.csv"
    >>> _ = path.write_text("item_id;score\na;0.5\nb;")
    >>> read_table(path).frame.to_dict("list")
    {'item_id': ['a', 'b'], 'score': ['0.5', '']}
    """
    return next(_tables(path, label or str(path), rows=None))


def read_parts(path: Path, label: str | None = None) -> Iterator[Table]:
    r"""Read a table in parts of `PART_ROWS` rows, so that memory use does not grow with the file.

    A table without rows has no parts. Rows are counted from the start of their part. A part of JSON Lines has the
    columns of its own rows.

    Errors: as for `read_table`, raised when the wrong part is reached.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "items.csv"
    >>> _ = path.write_text("item_id\n" + "\n".join(map(str, range(10_001))))
    >>> [len(part.frame) for part in read_parts(path)]
    [6000, 4001]
    """
    return (t for t in _tables(path, label or str(path), rows=PART_ROWS) if len(t.frame))


def _tables(path: Path, label: str, rows: int | None) -> Iterator[Table]:
    """Yield the table in parts of `rows` rows; None: exactly one part, the whole."""
    if not path.is_file():
        raise InputError(f"{label}: there is no such file")
    if (held := _held_otherwise(path)) is not None:
        raise InvalidFilesError([Problem(label, held)])
    try:
        yield from _reader(path)(path, label, rows)
    except UnicodeDecodeError as error:
        raise InvalidFilesError(
            [Problem(label, f"is not UTF-8 text ({error.reason}); save it as UTF-8, in Excel as “CSV UTF-8”")]
        ) from None
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise InvalidFilesError([Problem(label, f"cannot be read: {error}")]) from None


STARTS: Mapping[bytes, tuple[str, tuple[str, ...]]] = {
    b"PK\x03\x04": ("a spreadsheet", (".xlsx", ".ods")),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet", (".xls",)),
    b"PAR1": ("Parquet", (".parquet",)),
    b"\x1f\x8b": ("a gzipped file", (".gz",)),
}
"""How files start that are no text: what they hold, and the endings that say so."""


def _held_otherwise(path: Path) -> str | None:
    """Explain that a file's content contradicts its ending, and what to do; None where they agree."""
    with path.open("rb") as file:
        start = file.read(64)
    name = path.name.lower()
    found = next((held for mark, held in STARTS.items() if start.startswith(mark)), None)
    if found is not None:
        what, endings = found
        return (
            None
            if name.endswith(endings)
            else f"holds {what}, whatever its ending says; rename it to {endings[0]}"
        )
    promised = next((what for what, endings in STARTS.values() if name.endswith(endings)), None)
    if start[:1] == b"<" and ending_of(path) not in {".json", ".jsonl"}:
        return "holds HTML or XML, no table; open it in a spreadsheet and save it as .xlsx or .csv"
    if promised is not None and start and b"\0" not in start:
        return f"is no {promised.partition(' ')[2] or promised}: it holds text; rename it to .csv"
    if promised is None and b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is not UTF-8 text, but looks like UTF-16; save it as UTF-8"
    return None


Reader = Callable[[Path, str, int | None], Iterator[Table]]


def _reader(path: Path) -> Reader:
    ending = (ending_of(path) or ".csv").removesuffix(".gz")
    if ending == ".parquet":
        from genspace.tables._arrow import read_parquet as reader
    elif ending in {".xlsx", ".xls", ".ods"}:
        from genspace.tables._sheets import read_sheet as reader
    elif ending in {".jsonl", ".json"}:
        from genspace.tables._json import read_json as reader
    else:
        from genspace.tables._text import read_text as reader
    return reader
