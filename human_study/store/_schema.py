"""The tables that hold a human study's answers, in SQLite or PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

from genspace.human_study._answers_file import LAYOUTS

SCHEMA_VERSION = LAYOUTS[-1]
"""Version of the tables below; a database of version 1 is brought up to it when it is opened for writing."""

metadata = MetaData()


def _text(name: str, default: str | None = None, **more: Any) -> Column[str]:
    return Column(name, String, nullable=False, server_default=default, **more)


def _count(name: str, default: str | None = None) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=default)


def _at(name: str) -> Column[float]:
    return Column(name, Float, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=True)


def _of(column: str, **more: Any) -> Column[Any]:
    return Column(column.partition(".")[2], ForeignKey(column), **more)


meta = Table("meta", metadata, Column("key", String, primary_key=True), _text("value"))
"""Schema version, name, state, secrets, and the registration in force: its digest and its design."""

registrations = Table(
    "registrations",
    metadata,
    _number("number"),
    _at("at"),
    _text("digest"),  # "": only names were registered, by an earlier version
    _text("design"),  # JSON, see `Design.registered`
    _text("sections"),  # JSON: section to piece to hash; and what pieces are made from
    _text("reason", ""),  # why it replaced the one before
    _text("changed", ""),
    _count("answers_before", "0"),
)
"""What was registered, and every amendment, in order."""

events = Table("events", metadata, _number("event_id"), _at("at"), _text("kind"), _text("detail", ""))
"""What was done to the study and when: opened, paused, amended, imported, deleted."""

raters = Table(
    "raters",
    metadata,
    Column("rater_id", String, primary_key=True),
    _text("source"),  # open, invited, crowd, import
    Column("external_id", String, unique=True),  # a platform's identifier; dropped by `purge`
    Column("invitation_hash", String, unique=True),
    Column("language", String),
    _at("created_at"),
    Column("consented_at", Float),
    _at("last_seen_at"),
    Column("finished_at", Float),
    Column("platform_status", String),
    Column("outcome", String),  # see `genspace.human_study.visit.outcomes`; null while the visit goes on
    Column("outcome_at", Float),
    Column("consent_version", String),  # of the form agreed to
    Column("consent_digest", String),  # of its wording; null for who agreed under an earlier version
)

visits = Table(
    "visits",
    metadata,
    _of("raters.rater_id", primary_key=True),
    _text("session_id", primary_key=True),  # the platform's name of the visit
    _text("study_id", ""),
    _at("came_at"),
)
"""The platform's identifiers of each visit; dropped by `purge`."""

survey_answers = Table(
    "survey_answers",
    metadata,
    _of("raters.rater_id", primary_key=True),
    _text("survey", primary_key=True),  # before, after
    _text("question", primary_key=True),
    _text("kind"),
    _text("value"),
    _at("at"),
)

sessions = Table(
    "sessions",
    metadata,
    _text("token_hash", primary_key=True),
    _text("kind"),  # rater, researcher
    _of("raters.rater_id", index=True),
    Column("external_id", String),
    _at("created_at"),
)

units = Table(
    "units",
    metadata,
    _number("unit_id"),
    _text("item_ids"),  # JSON list of item ids: one, two, or those of a group
    _text("kind"),  # main, gold, training
    _text("known", ""),  # known answers as JSON, question to value
    _count("wanted"),
    _count("assigned", "0"),  # answers and leases in flight, repeats left out
    _count("done", "0"),
    Column("available", Boolean, nullable=False),  # main and assigned < wanted
    Column("shuffle", Float, nullable=False),
    UniqueConstraint("item_ids", "kind"),
    Index("units_by_need", "available", "assigned", "shuffle"),
)

assignments = Table(
    "assignments",
    metadata,
    _number("assignment_id"),
    _of("raters.rater_id", nullable=False),
    _of("units.unit_id", nullable=False, index=True),
    _text("role"),  # main, gold, training, extra
    _count("repeat", "0"),
    Column("flipped", Boolean, nullable=False),  # the second item of a pair stands on the left
    _text("shown", ""),  # JSON list: a group's items as on the screen
    _count("position"),
    _text("state"),  # leased, answered, expired
    _at("given_at"),
    _at("expires_at"),
    _count("revision", "0"),  # submissions so far; the latest counts
    Column("reclaimed", Boolean, nullable=False, server_default=false()),  # asked of somebody else again
    UniqueConstraint("rater_id", "unit_id", "repeat"),
    Index("assignments_by_expiry", "state", "expires_at"),
    Index("assignments_by_rater", "rater_id", "state"),
)

submissions = Table(
    "submissions",
    metadata,
    _of("assignments.assignment_id", primary_key=True),
    Column("revision", Integer, primary_key=True),
    _text("submission", unique=True),  # made by the page, so that a retry is recognised
    _at("received_at"),
    Column("seconds", Float),
    _text("comment", ""),
    _text("registration", ""),  # digest of what was registered then
)

answers = Table(
    "answers",
    metadata,
    _of("assignments.assignment_id", primary_key=True),
    Column("revision", Integer, primary_key=True),
    _text("question", primary_key=True),
    Column("value", Float),  # null: can't tell, or an order
    _text("choice", ""),  # where the value does not tell it
    Column("confidence", Float),  # 0 to 1
    _text("why", ""),  # the reason for a no
    _text("known", ""),  # JSON: the known answer registered then
)
