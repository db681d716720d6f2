"""Bringing a database of layout 1 up to layout 2, in one transaction: nothing that was stored changes its meaning."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select, text, update

from genspace.human_study.store import _schema as t

_COLUMNS: Sequence[tuple[str, str]] = (
    ("raters", "outcome VARCHAR"),
    ("raters", "outcome_at FLOAT"),
    ("raters", "consent_version VARCHAR"),
    ("raters", "consent_digest VARCHAR"),
    ("assignments", "shown VARCHAR NOT NULL DEFAULT ''"),
    ("assignments", "reclaimed BOOLEAN NOT NULL DEFAULT FALSE"),
    ("submissions", "registration VARCHAR NOT NULL DEFAULT ''"),
    ("answers", "choice VARCHAR NOT NULL DEFAULT ''"),
    ("answers", "confidence FLOAT"),
    ("answers", "why VARCHAR NOT NULL DEFAULT ''"),
    ("answers", "known VARCHAR NOT NULL DEFAULT ''"),
)


def migrate(connection: Connection, now: float) -> None:
    """Bring the tables of layout 1 up to layout 2; on SQLite the connection's foreign keys are off.

    The registration stays what it was, one of names: its digest is empty. Known answers, which stood with the units,
    join the answers they were checked against.
    """
    for table, column in _COLUMNS:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column}"))
    rows = connection.execute(text("SELECT * FROM units ORDER BY unit_id")).mappings().all()
    units = [_unit(dict(row)) for row in rows]
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TABLE units"))  # its constraint on items cannot be altered
        t.metadata.create_all(connection)
        if units:
            connection.execute(insert(t.units), units)
    else:
        t.metadata.create_all(connection)
        connection.execute(text("ALTER TABLE units ADD COLUMN item_ids VARCHAR"))
        for unit in units:
            connection.execute(
                text("UPDATE units SET item_ids = :item_ids WHERE unit_id = :unit_id"),
                {"item_ids": unit["item_ids"], "unit_id": unit["unit_id"]},
            )
        connection.execute(text("ALTER TABLE units ALTER COLUMN item_ids SET NOT NULL"))
        connection.execute(text("ALTER TABLE units DROP COLUMN item_id, DROP COLUMN item_id_b"))
        connection.execute(text("ALTER TABLE units ADD UNIQUE (item_ids, kind)"))
    _name_outcomes(connection)
    _move_known(connection)
    _keep_registration(connection, now)


def _unit(row: dict[str, object]) -> dict[str, object]:
    items = [i for i in (row.pop("item_id"), row.pop("item_id_b")) if i]
    return row | {"item_ids": json.dumps(items, ensure_ascii=False)}


def _name_outcomes(connection: Connection) -> None:
    """Who had reached the end was shown the completion code if there was any answer, practice left out."""
    a, r = t.assignments.c, t.raters.c
    worked = select(a.rater_id).where(a.state == "answered", a.role != "training")
    ended = update(t.raters).where(r.finished_at.is_not(None)).values(outcome_at=r.finished_at)
    connection.execute(ended.where(r.rater_id.in_(worked)).values(outcome="complete"))
    connection.execute(
        ended.where(r.rater_id.not_in(worked)).values(outcome="nothing_left", finished_at=None)
    )


def _move_known(connection: Connection) -> None:
    a, v, u = t.assignments.c, t.answers.c, t.units.c
    known = select(u.unit_id, u.known).where(u.known != "")
    into = (
        update(t.answers)
        .where(
            v.question == bindparam("q"),
            v.assignment_id.in_(select(a.assignment_id).where(a.unit_id == bindparam("unit"))),
        )
        .values(known=bindparam("answer"))
    )
    for unit in connection.execute(known).all():
        for question, value in json.loads(unit.known).items():
            key = {"unit": unit.unit_id, "q": question, "answer": json.dumps(value)}
            connection.execute(into, key)


def _keep_registration(connection: Connection, now: float) -> None:
    meta = {row.key: row.value for row in connection.execute(select(t.meta))}
    if "registered_design" not in meta:
        return
    connection.execute(
        insert(t.registrations),
        {
            "at": float(meta.get("registered_at", now)), "digest": "", "design": meta["registered_design"],
            "sections": "{}",
        },
    )  # fmt: skip
