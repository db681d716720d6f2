"""The database of a study: opened, brought up to date, and its transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Self

from sqlalchemy import Connection, func, insert, inspect, select, text

from genspace.human_study._answers_file import check_layout
from genspace.human_study._engine import open_engine, snapshot, storage_errors
from genspace.human_study.design import Design
from genspace.human_study.store import _schema as t
from genspace.human_study.store._clock import SteadyClock
from genspace.human_study.store._migration import migrate
from genspace.human_study.store.tokens import new_study_id, new_token
from genspace.records import ANSWERS_FILE

SECRETS = ("join_token", "researcher_token", "csrf_key")
_CREATION_LOCK = 7_217_101  # any number, the same in every process


class Database:
    """The tables of a study.

    Args:
        study_root: The study's folder.
        design: Its design.
        clock: Seconds since 1970; replaced in tests.
        where: What messages call the file, where it is a copy of it.

    Errors: `StorageError` where the database cannot be opened; `InputError` for a layout that is not known.
    """

    def __init__(
        self, study_root: Path, design: Design, clock: Callable[[], float] | None = None, where: str = ""
    ) -> None:
        self.design = design
        self.clock = clock or SteadyClock()
        file = where or str(study_root / ANSWERS_FILE)
        self.where = file if design.database is None else "PostgreSQL"
        with storage_errors(self.where):
            self._bring_up_to_date(study_root)
            self.engine = open_engine(study_root, design.database)
        self.write_lock = Lock()
        """SQLite has one writer; queueing here is fairer than its busy handler."""

    def _bring_up_to_date(self, study_root: Path) -> None:
        """Create the tables, or migrate those of layout 1."""
        engine = open_engine(study_root, self.design.database, foreign_keys=False)
        try:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":  # two processes may create at once
                    connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
                fresh = not inspect(connection).has_table("meta")
                found = None if fresh else get_meta(connection, "schema_version")
                check_layout(found, self.where)
                if found == "1":
                    migrate(connection, self.clock())
                    set_meta(connection, "schema_version", t.SCHEMA_VERSION)
                    self.note(connection, "brought to layout 2")
                t.metadata.create_all(connection)
                if found is None:
                    started = {"schema_version": t.SCHEMA_VERSION, "state": "open"}
                    for name, value in (started | {secret: new_token() for secret in SECRETS}).items():
                        set_meta(connection, name, value)
                    self.note(connection, "created")
                if get_meta(connection, "study_id") is None:
                    set_meta(connection, "study_id", new_study_id(study_root))
        finally:
            engine.dispose()

    @classmethod
    @contextmanager
    def to_read(cls, study_root: Path, design: Design) -> Iterator[Self]:
        """Open a study's answers for reading alone: of SQLite a copy, so that nothing is written beside the study.

        Errors: as for `Database`.
        """
        copy = nullcontext(study_root) if design.database is not None else snapshot(study_root)
        with copy as folder, closing(cls(folder, design, where=str(study_root / ANSWERS_FILE))) as store:
            yield store

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that may write; it is committed on leaving, or undone by an exception.

        Errors: `StorageError` in place of whatever the database complains about.
        """
        queue = self.write_lock if self.engine.dialect.name == "sqlite" else nullcontext()
        with storage_errors(self.where), queue, self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self, *, frozen: bool = False) -> Iterator[Connection]:
        """Open a connection that only reads; `frozen`: that sees one state throughout, which SQLite always does.

        Errors: `StorageError` in place of whatever the database complains about.
        """
        with storage_errors(self.where), self.engine.connect() as connection:
            if frozen and connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection.execution_options(read_only=True)

    def note(self, connection: Connection, kind: str, detail: str = "") -> None:
        """Put on record what is being done to the study."""
        connection.execute(insert(t.events).values(at=self.clock(), kind=kind, detail=detail))


def get_meta(connection: Connection, key: str) -> str | None:
    """Return what is stored under a key of the study, or None."""
    return connection.scalar(select(t.meta.c.value).where(t.meta.c.key == key))


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Store a value under a key of the study."""
    into = (
        "INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = :value"
    )
    connection.execute(text(into), {"key": key, "value": value})
