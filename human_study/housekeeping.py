"""Deleting what was stored: one rater's data on request, and what is older than it needs to be."""

from __future__ import annotations

import json

from sqlalchemy import delete, func, or_, select, update

from genspace.errors import InputError
from genspace.human_study import _schema as t
from genspace.human_study._units import recount
from genspace.human_study.store import AnswerStore

__all__ = ["forget", "purge"]


def forget(store: AnswerStore, rater: str) -> int:
    """Delete everything a rater left, and ask for the answers anew; return how many answers went.

    Args:
        store: The study's store.
        rater: Pseudonym, or the platform's identifier.

    Errors: `InputError` when nobody bears it.
    """
    with store.writing() as connection:
        r = t.raters.c
        rater_id = connection.scalar(
            select(r.rater_id).where(or_(r.rater_id == rater, r.external_id == rater))
        )
        if rater_id is None:
            raise InputError(f"there is no rater {rater!r}; `genspace annotate status --json` lists them")
        a = t.assignments.c
        theirs = select(a.assignment_id).where(a.rater_id == rater_id)
        number = connection.scalar(
            select(func.count()).select_from(t.assignments).where(a.rater_id == rater_id, a.revision > 0)
        )
        counted = select(a.unit_id, a.state).where(
            a.rater_id == rater_id, a.state != "expired", a.role.in_(("main", "extra")), a.repeat == 0
        )
        for unit_id, state in connection.execute(counted.order_by(a.unit_id)).all():
            recount(connection, unit_id, assigned=-1, done=-int(state == "answered"))
        for table in (t.answers, t.submissions):
            connection.execute(delete(table).where(table.c.assignment_id.in_(theirs)))
        for table in (t.assignments, t.sessions, t.raters):
            connection.execute(delete(table).where(table.c.rater_id == rater_id))
        store.note(connection, "rater deleted", f"{number} answers")
    _scrub(store)
    return int(number or 0)


def purge(store: AnswerStore, *, days: float, dry_run: bool = False) -> dict[str, int]:
    """Drop identifiers, invitations, sessions and comments of raters not seen for `days` days.

    Answers stay under the pseudonym. Returns how many raters, sessions and comments were (or would be) touched.
    """
    before = store.clock() - days * 86_400
    r, s = t.raters.c, t.sessions.c
    old = select(r.rater_id).where(r.last_seen_at < before)
    named = select(r.rater_id).where(
        r.last_seen_at < before, or_(r.external_id.is_not(None), r.invitation_hash.is_not(None))
    )
    stale = or_(s.rater_id.in_(old), (s.rater_id.is_(None)) & (s.created_at < before))
    theirs = select(t.assignments.c.assignment_id).where(t.assignments.c.rater_id.in_(old))
    commented = (t.submissions.c.assignment_id.in_(theirs)) & (t.submissions.c.comment != "")
    with store.writing() as connection:
        counts = {
            "raters": connection.scalar(select(func.count()).select_from(named.subquery())) or 0,
            "sessions": connection.scalar(select(func.count()).select_from(t.sessions).where(stale)) or 0,
            "comments": connection.scalar(select(func.count()).select_from(t.submissions).where(commented))
            or 0,
        }
        if not dry_run:
            connection.execute(update(t.submissions).where(commented).values(comment=""))
            connection.execute(delete(t.sessions).where(stale))
            connection.execute(
                update(t.raters).where(r.last_seen_at < before).values(external_id=None, invitation_hash=None)
            )
            store.note(connection, "purged", json.dumps(counts))
    if not dry_run:
        _scrub(store)
    return counts


def _scrub(store: AnswerStore) -> None:
    """Leave no deleted text behind in SQLite's files; PostgreSQL's own vacuum does it there."""
    if store.engine.dialect.name != "sqlite":
        return
    with store.write_lock:
        raw = store.engine.raw_connection()
        try:
            raw.driver_connection.execute("VACUUM")  # type: ignore[union-attr]  # sqlite3 connection
            raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        finally:
            raw.close()
