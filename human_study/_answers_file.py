"""The file `answers.sqlite`: read with the standard library alone, copied as it is, and its complaints in a line."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from genspace.errors import InputError

LAYOUTS = ("1", "2")
"""Versions of the tables that can be read; the last is written."""
_WAIT_SECONDS = 30

_ADVICE = (
    ("not a database", "it is damaged, or no file of answers; put the last backup in its place"),
    ("malformed", "it is damaged; put the last backup in its place, or try: sqlite3 FILE .recover"),
    ("locked", "another program holds it; end that program, or try again"),
    ("full", "the disk is full; make room, then try again"),
    ("disk i/o", "the disk failed, or is full"),
    ("readonly", "it, or its folder, may not be written"),
    ("read-only", "it, or its folder, may not be written"),
    ("no such table", "it holds no answers of genspace"),
    ("unable to open", "it cannot be opened; see that file and folder may be read"),
    ("expecting", "what is stored in it cannot be read back; put the last backup in its place"),
)
"""What a database's complaint contains, to what to do about it."""


class StorageError(InputError):
    """The answers cannot be read or written just now; the message says why and what to do, in one line."""


def storage_message(where: str, error: BaseException) -> str:
    """Return one line about what a database complains of; nothing that was stored stands in it."""
    complaint = (str(error).strip().splitlines() or ["no reason given"])[0]
    advice = next((words for part, words in _ADVICE if part in complaint.lower()), None)
    return f"{where}: {complaint}" if advice is None else f"{where}: {complaint}: {advice}"


def check_layout(found: str | None, where: str) -> None:
    """Errors: `InputError` for answers that a later version stored."""
    if found is not None and found not in LAYOUTS:
        raise InputError(
            f"{where}: the answers are stored in layout {found}, this genspace reads layouts {' and '.join(LAYOUTS)}; "
            "use the version that wrote them"
        )


@contextmanager
def opened_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that reads the file and changes nothing, also where folder or file may not be written.

    Errors: `StorageError`.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(closing(_read_only(path)))
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                if not _is_unwritable(error):
                    raise
                # SQLite reads a file that was written ahead only where it may make a file beside it.
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="genspace-answers-")))
                _copy_files(path, folder)
                connection = stack.enter_context(closing(_read_only(folder / path.name)))
            yield connection
        except (sqlite3.Error, OSError, json.JSONDecodeError) as error:
            raise StorageError(storage_message(f"{path}: the answers cannot be read", error)) from None


def copied(path: Path, folder: Path) -> None:
    """Copy the file into a folder, as it is at one moment.

    Errors: `StorageError`.
    """
    with opened_to_read(path) as source, closing(sqlite3.connect(folder / path.name)) as target:
        try:
            source.backup(target)
        except sqlite3.Error as error:
            raise StorageError(storage_message(f"{path}: the answers cannot be read", error)) from None


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_WAIT_SECONDS)


def _is_unwritable(error: sqlite3.Error) -> bool:
    return any(word in str(error).lower() for word in ("unable to open", "readonly", "read-only"))


def _copy_files(path: Path, folder: Path) -> None:
    for name in (path.name, f"{path.name}-wal"):
        beside = path.with_name(name)
        if beside.is_file():
            shutil.copyfile(beside, folder / name)
