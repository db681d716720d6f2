"""Deleting what was stored, and asking for answers anew: of one rater on request, of those who do not count."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select, update

from genspace.human_study._engine import storage_errors
from genspace.human_study.store import _schema as t
from genspace.human_study.store._units import recount
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["Reclaimed", "forget", "purge", "reclaim"]


def forget(store: AnswerStore, rater: str) -> int:
    """Delete everything a rater left, and ask for the answers anew; return how many answers went.

    Args:
        store: The study's store.
        rater: Pseudonym, or the platform's identifier.

    Errors: `InputError` when nobody bears it.
    """
    with store.writing() as connection:
        rater_id = store.find(connection, rater)
        a = t.assignments.c
        theirs = select(a.assignment_id).where(a.rater_id == rater_id)
        number = connection.scalar(
            select(func.count()).select_from(t.assignments).where(a.rater_id == rater_id, a.revision > 0)
        )
        counted = select(a.unit_id, a.state).where(
            a.rater_id == rater_id,
            a.state != "expired",
            a.role.in_(("main", "extra")),
            a.repeat == 0,
            ~a.reclaimed,
        )
        for unit_id, state in connection.execute(counted.order_by(a.unit_id)).all():
            recount(connection, unit_id, assigned=-1, done=-int(state == "answered"))
        for table in (t.answers, t.submissions):
            connection.execute(delete(table).where(table.c.assignment_id.in_(theirs)))
        for table in (t.assignments, t.sessions, t.visits, t.survey_answers, t.raters):
            connection.execute(delete(table).where(table.c.rater_id == rater_id))
        store.note(connection, "rater deleted", f"{number} answers")
    _scrub(store)
    return int(number or 0)


def purge(store: AnswerStore, *, days: float, dry_run: bool = False) -> dict[str, int]:
    """Drop identifiers, invitations, sessions and free texts of raters not seen for `days` days.

    Answers stay under the pseudonym. Returns how many raters, sessions and free texts (comments, reasons for a no,
    texts of surveys) were (or would be) touched.
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
    told = (t.answers.c.assignment_id.in_(theirs)) & (t.answers.c.why != "")
    wrote = (t.survey_answers.c.rater_id.in_(old)) & (t.survey_answers.c.kind == "text")
    with store.writing() as connection:
        counts = {
            "raters": connection.scalar(select(func.count()).select_from(named.subquery())) or 0,
            "sessions": connection.scalar(select(func.count()).select_from(t.sessions).where(stale)) or 0,
            "comments": sum(
                connection.scalar(select(func.count()).select_from(table).where(which)) or 0
                for table, which in ((t.submissions, commented), (t.answers, told), (t.survey_answers, wrote))
            ),
        }
        if not dry_run:
            connection.execute(update(t.submissions).where(commented).values(comment=""))
            connection.execute(update(t.answers).where(told).values(why=""))
            connection.execute(delete(t.survey_answers).where(wrote))
            connection.execute(delete(t.visits).where(t.visits.c.rater_id.in_(old)))
            connection.execute(delete(t.sessions).where(stale))
            connection.execute(
                update(t.raters).where(r.last_seen_at < before).values(external_id=None, invitation_hash=None)
            )
            store.note(connection, "purged", json.dumps(counts))
    if not dry_run:
        _scrub(store)
    return counts


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What `reclaim` asked for anew."""

    raters: tuple[str, ...]
    answers: int


def reclaim(store: AnswerStore, *, dry_run: bool = False) -> Reclaimed:
    """Ask again about the items of raters who do not count: whom the registered rules leave out, or who returned.

    Their answers are kept, and marked. A rater still at work is left alone, for the figures may still change.
    """
    snapshot = store.snapshot()
    ended = {
        r["rater_id"] for r in snapshot.raters if r["outcome"] is not None or r["finished_at"] is not None
    }
    out = [q.rater_id for q in snapshot.recorded.raters() if q.excluded and q.rater_id in ended]
    a = t.assignments.c
    counted = select(a.assignment_id, a.unit_id, a.rater_id).where(
        a.rater_id.in_(out), a.state == "answered", a.role.in_(("main", "extra")), a.repeat == 0, ~a.reclaimed
    )
    with store.writing() as connection:
        rows = connection.execute(counted.order_by(a.unit_id)).all()
        found = Reclaimed(tuple(sorted({row.rater_id for row in rows})), len(rows))
        if dry_run or not rows:
            return found
        for row in rows:
            recount(connection, row.unit_id, assigned=-1, done=-1)
        which = a.assignment_id.in_([row.assignment_id for row in rows])
        connection.execute(update(t.assignments).where(which).values(reclaimed=True))
        store.note(connection, "asked again", f"{len(rows)} answers of {len(found.raters)} raters")
    return found


def _scrub(store: AnswerStore) -> None:
    """Leave no deleted text behind in SQLite's files; PostgreSQL's own vacuum does it there."""
    if store.engine.dialect.name != "sqlite":
        return
    with store.write_lock, storage_errors(store.where):
        raw = store.engine.raw_connection()
        try:
            raw.driver_connection.execute("VACUUM")  # type: ignore[union-attr]  # sqlite3 connection
            raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        finally:
            raw.close()
