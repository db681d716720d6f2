"""Delete what was stored, and ask for answers anew: of one rater on request, of those who do not count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text, update

from genspace.human_study._engine import storage_errors
from genspace.human_study.store import _schema as t
from genspace.human_study.store._units import recount
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["Reclaimed", "forget", "purge", "reclaim"]


_IS_NAMED = "(external_id IS NOT NULL OR invitation_hash IS NOT NULL)"
_OLD = "(SELECT rater_id FROM raters WHERE last_seen_at < :before)"
_OF_OLD = f"assignment_id IN (SELECT assignment_id FROM assignments WHERE rater_id IN {_OLD})"
_PURGED: Mapping[str, Sequence[str]] = {
    "raters": (
        f"UPDATE raters SET external_id = NULL, invitation_hash = NULL WHERE rater_id IN {_OLD} AND {_IS_NAMED}",
    ),
    "sessions": (
        f"DELETE FROM sessions WHERE rater_id IN {_OLD} OR (rater_id IS NULL AND created_at < :before)",
    ),
    "comments": (
        f"UPDATE submissions SET comment = '' WHERE comment <> '' AND {_OF_OLD}",
        f"UPDATE answers SET why = '' WHERE why <> '' AND {_OF_OLD}",
        f"DELETE FROM survey_answers WHERE kind = 'text' AND rater_id IN {_OLD}",
    ),
    "visits": (f"DELETE FROM visits WHERE rater_id IN {_OLD}",),
}
"""The statements of `purge`, by what it counts."""
_COUNTED = text("""
    SELECT unit_id, state FROM assignments
    WHERE rater_id = :rater AND state <> 'expired' AND role IN ('main', 'extra') AND repeat = 0 AND NOT reclaimed
    ORDER BY unit_id
""")
_ANSWERED = text("SELECT count(*) FROM assignments WHERE rater_id = :rater AND revision > 0")
_THEIRS = "assignment_id IN (SELECT assignment_id FROM assignments WHERE rater_id = :rater)"


def forget(store: AnswerStore, rater: str) -> int:
    """Delete everything that a rater left, ask for the answers anew, and return how many were deleted.

    Args:
        store: The study's store.
        rater: Pseudonym, or the platform's identifier.

    Errors: `InputError` when there is no such rater.
    """
    with store.writing() as connection:
        key = {"rater": store.find(connection, rater)}
        number: int = connection.execute(_ANSWERED, key).scalar_one()
        for unit_id, state in connection.execute(_COUNTED, key).all():
            recount(connection, unit_id, assigned=-1, done=-int(state == "answered"))
        for table in ("answers", "submissions"):
            connection.execute(text(f"DELETE FROM {table} WHERE {_THEIRS}"), key)
        for table in ("assignments", "sessions", "visits", "survey_answers", "raters"):
            connection.execute(text(f"DELETE FROM {table} WHERE rater_id = :rater"), key)
        store.note(connection, "rater deleted", f"{number} answers")
    _scrub(store)
    return number


def purge(store: AnswerStore, *, days: float, dry_run: bool = False) -> dict[str, int]:
    """Drop identifiers, invitations, sessions and free texts of raters not seen for `days` days.

    Answers stay under the pseudonym. Returns how many raters, sessions and free texts (comments, reasons for a no,
    texts of surveys) were (or would be) touched.
    """
    before = {"before": store.clock() - days * 86_400}
    with store.writing() as connection:
        trial = connection.begin_nested()
        counts = {
            what: sum(connection.execute(text(statement), before).rowcount for statement in statements)
            for what, statements in _PURGED.items()
        }
        del counts["visits"]
        if dry_run:
            trial.rollback()
            return counts
        store.note(connection, "purged", json.dumps(counts))
    _scrub(store)
    return counts


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What `reclaim` asked for anew."""

    raters: tuple[str, ...]
    answers: int


def reclaim(store: AnswerStore, *, dry_run: bool = False) -> Reclaimed:
    """Ask again about the items of raters who do not count: the registered rules leave them out, or they returned.

    Their answers are kept and marked. A rater still at work is left alone, because the figures may still change.
    """
    snapshot = store.snapshot()
    ended = {r.rater_id for r in snapshot.raters if r.outcome is not None or r.finished_at is not None}
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
    """Remove deleted texts from SQLite's files; in PostgreSQL its own vacuum does so."""
    if store.engine.dialect.name != "sqlite":
        return
    with store.write_lock, storage_errors(store.where):
        raw = store.engine.raw_connection()
        try:
            raw.driver_connection.execute("VACUUM")  # type: ignore[union-attr]  # sqlite3 connection
            raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        finally:
            raw.close()
