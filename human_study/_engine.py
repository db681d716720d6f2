"""Opening the database of a human study: `answers.sqlite`, or PostgreSQL by URL; and saying what is wrong with it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from genspace.errors import InputError, optional_import
from genspace.human_study._answers_file import StorageError, copied, storage_message
from genspace.records import ANSWERS_FILE

_CONNECT_SECONDS = 5
_WAIT_SECONDS = 30
"""How long to wait for a lock of SQLite."""
_PRIVATE = 0o600
_SYNCHRONOUS = "FULL"


def open_engine(study_root: Path, database: str | None, *, foreign_keys: bool = True) -> Engine:
    """Return an engine for `answers.sqlite` of the study, or for a PostgreSQL URL.

    SQLite writes ahead and syncs its log at every commit (synchronous=FULL): what was acknowledged survives not only
    a killed process, for which less would do, but also a power cut, up to what the disk promises. Every transaction
    that writes takes the write lock when it begins, so that no two decide on the same state. The file and those beside
    it can be read by their owner alone. Connections to PostgreSQL are tried before they are used, so that nobody meets
    one that was lost. No error message holds what was stored. `foreign_keys`: whether SQLite keeps them.

    Errors: `InputError` for a URL of another database; `StorageError` for a file that cannot be made.
    """
    if database is None:
        return _sqlite(study_root / ANSWERS_FILE, foreign_keys=foreign_keys)
    if not database.startswith("postgresql"):
        raise InputError(f"database {database.partition(':')[0]!r} is not supported; give a PostgreSQL URL")
    optional_import("psycopg", extra="web", needed_for="a human study on PostgreSQL")
    url = database.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        url, pool_pre_ping=True, hide_parameters=True, connect_args={"connect_timeout": _CONNECT_SECONDS}
    )


def _sqlite(path: Path, *, foreign_keys: bool) -> Engine:
    _make_private(path)
    arguments = {"timeout": _WAIT_SECONDS, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{path}", connect_args=arguments, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver
        keys = f"foreign_keys={'ON' if foreign_keys else 'OFF'}"
        for pragma in ("journal_mode=WAL", f"synchronous={_SYNCHRONOUS}", keys, "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _make_private(path: Path) -> None:
    """Create the file, readable by its owner alone; SQLite gives the files beside it the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
    except OSError as error:
        raise StorageError(f"{path}: the answers cannot be written: {error.strerror}") from None
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(OSError):  # absent, or another user's
            if name.stat().st_mode & 0o077:
                name.chmod(_PRIVATE)


@contextmanager
def snapshot(study_root: Path) -> Iterator[Path]:
    """Yield a folder that holds a copy of the study's `answers.sqlite` as it is now, if there is one.

    Commands that only read work on it: they change no file, need no write permission, and read every layout.

    Errors: `StorageError` for a file that is no database of answers.
    """
    with TemporaryDirectory(prefix="genspace-answers-") as folder:
        path = study_root / ANSWERS_FILE
        if path.exists():
            copied(path, Path(folder))
        yield Path(folder)


@contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """Turn what a database complains about into one line.

    Errors: `StorageError`.
    """
    try:
        yield
    except DBAPIError as error:
        raise StorageError(storage_message(where, error.orig or error)) from None
    except (SQLAlchemyError, sqlite3.Error, json.JSONDecodeError) as error:
        raise StorageError(storage_message(where, error)) from None
