"""The tables that hold a human study's answers, in SQLite or PostgreSQL."""

from __future__ import annotations

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

__all__ = [
    "SCHEMA_VERSION", "answers", "assignments", "events", "meta", "metadata", "raters", "registrations", "sessions",
    "submissions", "survey_answers", "units", "visits",
]  # fmt: skip

SCHEMA_VERSION = "2"
"""Version of the tables below; a database of version 1 is brought up to it when it is opened for writing."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""Schema version, name, state, secrets, and the registration in force: its digest and its design."""

registrations = Table(
    "registrations",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("digest", String, nullable=False),  # "": only names were registered, by an earlier version
    Column("design", String, nullable=False),  # JSON, see `Design.registered`
    Column(
        "sections", String, nullable=False
    ),  # JSON: section to piece to hash; and what pieces are made from
    Column("reason", String, nullable=False, server_default=""),  # why it replaced the one before
    Column("changed", String, nullable=False, server_default=""),
    Column("answers_before", Integer, nullable=False, server_default="0"),
)
"""What was registered, and every amendment, in order."""

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
    Column("outcome", String),  # see `genspace.human_study.visit.outcomes`; null while the visit goes on
    Column("outcome_at", Float),
    Column("consent_version", String),  # of the form agreed to
    Column("consent_digest", String),  # of its wording; null for who agreed under an earlier version
)

visits = Table(
    "visits",
    metadata,
    Column("rater_id", ForeignKey("raters.rater_id"), primary_key=True),
    Column("session_id", String, primary_key=True),  # the platform's name of the visit
    Column("study_id", String, nullable=False, server_default=""),
    Column("came_at", Float, nullable=False),
)
"""The platform's identifiers of each visit; dropped by `purge`."""

survey_answers = Table(
    "survey_answers",
    metadata,
    Column("rater_id", ForeignKey("raters.rater_id"), primary_key=True),
    Column("survey", String, primary_key=True),  # before, after
    Column("question", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("value", String, nullable=False),
    Column("at", Float, nullable=False),
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
    Column("item_ids", String, nullable=False),  # JSON list of item ids: one, two, or those of a group
    Column("kind", String, nullable=False),  # main, gold, training
    Column("known", String, nullable=False, server_default=""),  # known answers as JSON, question to value
    Column("wanted", Integer, nullable=False),
    Column(
        "assigned", Integer, nullable=False, server_default="0"
    ),  # answers and leases in flight, repeats left out
    Column("done", Integer, nullable=False, server_default="0"),
    Column("available", Boolean, nullable=False),  # main and assigned < wanted
    Column("shuffle", Float, nullable=False),
    UniqueConstraint("item_ids", "kind"),
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
    Column("shown", String, nullable=False, server_default=""),  # JSON list: a group's items as on the screen
    Column("position", Integer, nullable=False),
    Column("state", String, nullable=False),  # leased, answered, expired
    Column("given_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),  # submissions so far; the latest counts
    Column("reclaimed", Boolean, nullable=False, server_default=false()),  # asked of somebody else again
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
    Column("registration", String, nullable=False, server_default=""),  # digest of what was registered then
)

answers = Table(
    "answers",
    metadata,
    Column("assignment_id", ForeignKey("assignments.assignment_id"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("question", String, primary_key=True),
    Column("value", Float),  # null: can't tell, or an order
    Column("choice", String, nullable=False, server_default=""),  # where the value does not tell it
    Column("confidence", Float),  # 0 to 1
    Column("why", String, nullable=False, server_default=""),  # the reason for a no
    Column("known", String, nullable=False, server_default=""),  # JSON: the known answer registered then
)
