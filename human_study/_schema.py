"""The tables that hold a human study's answers, and the engine that opens them (SQLite or PostgreSQL)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
)

from genspace.errors import InputError, optional_import
from genspace.human_study.reading import ANSWERS_FILE

__all__ = [
    "SCHEMA_VERSION", "answers", "assignments", "events", "meta", "metadata", "open_engine", "raters",
    "sessions", "submissions", "units",
]  # fmt: skip

SCHEMA_VERSION = "1"
"""Version of the tables below; a database of another version is refused, never changed."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""Schema version, study, state, secrets, the registered design."""

events = Table(
    "events",
    metadata,
    Column("event_id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("detail", String, nullable=False, server_default=""),
)
"""What was done to the study and when: opened, paused, amended, imported, deleted."""

raters = Table(
    "raters",
    metadata,
    Column("rater_id", String, primary_key=True),
    Column("source", String, nullable=False),  # open, invited, crowd, import
    Column("external_id", String, unique=True),  # a platform's identifier; dropped by `purge`
    Column("invitation_hash", String, unique=True),
    Column("language", String),
    Column("created_at", Float, nullable=False),
    Column("consented_at", Float),
    Column("last_seen_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("platform_status", String),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("kind", String, nullable=False),  # rater, researcher
    Column("rater_id", ForeignKey("raters.rater_id"), index=True),
    Column("external_id", String),
    Column("created_at", Float, nullable=False),
)

units = Table(
    "units",
    metadata,
    Column("unit_id", Integer, primary_key=True, autoincrement=True),
    Column("item_id", String, nullable=False),
    Column("item_id_b", String, nullable=False, server_default=""),
    Column("kind", String, nullable=False),  # main, gold, training
    Column("known", String, nullable=False, server_default=""),  # known answers as JSON, question to value
    Column("wanted", Integer, nullable=False),
    Column(
        "assigned", Integer, nullable=False, server_default="0"
    ),  # answers and leases in flight, repeats left out
    Column("done", Integer, nullable=False, server_default="0"),
    Column("available", Boolean, nullable=False),  # main and assigned < wanted
    Column("shuffle", Float, nullable=False),
    UniqueConstraint("item_id", "item_id_b", "kind"),
    Index("units_by_need", "available", "assigned", "shuffle"),
)

assignments = Table(
    "assignments",
    metadata,
    Column("assignment_id", Integer, primary_key=True, autoincrement=True),
    Column("rater_id", ForeignKey("raters.rater_id"), nullable=False),
    Column("unit_id", ForeignKey("units.unit_id"), nullable=False, index=True),
    Column("role", String, nullable=False),  # main, gold, training, extra
    Column("repeat", Integer, nullable=False, server_default="0"),
    Column("flipped", Boolean, nullable=False),  # the second item of a pair stands on the left
    Column("position", Integer, nullable=False),
    Column("state", String, nullable=False),  # leased, answered, expired
    Column("given_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),  # submissions so far; the latest counts
    UniqueConstraint("rater_id", "unit_id", "repeat"),
    Index("assignments_by_expiry", "state", "expires_at"),
    Index("assignments_by_rater", "rater_id", "state"),
)

submissions = Table(
    "submissions",
    metadata,
    Column("assignment_id", ForeignKey("assignments.assignment_id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column(
        "submission", String, nullable=False, unique=True
    ),  # made by the page, so that a retry is recognised
    Column("received_at", Float, nullable=False),
    Column("seconds", Float),
    Column("comment", String, nullable=False, server_default=""),
)

answers = Table(
    "answers",
    metadata,
    Column("assignment_id", ForeignKey("assignments.assignment_id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("question", String, primary_key=True),
    Column("value", Float),  # null: can't tell
)


def open_engine(study_root: Path, database: str | None) -> Engine:
    """Return an engine for `answers.sqlite` of the study, or for a PostgreSQL URL.

    SQLite writes ahead and syncs its log at every commit (synchronous=FULL): what was acknowledged survives not only
    a killed process, for which less would do, but also a power cut, up to what the disk promises. Every transaction
    that writes takes the write lock when it begins, so that no two decide on the same state.

    Errors: `InputError` for a URL of another database.
    """
    if database is None:
        return _sqlite(study_root / ANSWERS_FILE)
    if not database.startswith("postgresql"):
        raise InputError(f"database {database.partition(':')[0]!r} is not supported; give a PostgreSQL URL")
    optional_import("psycopg", extra="web", needed_for="a human study on PostgreSQL")
    url = database.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(url)


def _sqlite(path: Path) -> Engine:
    arguments = {"timeout": 30, "check_same_thread": False}
    engine = create_engine(f"sqlite:///{path}", connect_args=arguments)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions, not the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
