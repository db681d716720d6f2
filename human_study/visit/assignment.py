"""Hand out items and take answers: one rater's turn, in one transaction.

A unit's `assigned` counts its answers and its open leases, so that no item is asked about more often than wanted.
There is one exception: an answer that arrives after its lease ran out is kept. This adds at most one answer for each
rater who is working at that moment. What comes next is chosen in `_choosing`, practice in `_practice`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, text

from genspace.errors import InputError
from genspace.human_study.answers.quality import interval_width
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design import Design, Outcome
from genspace.human_study.store import _schema as t
from genspace.human_study.store._units import recount
from genspace.human_study.visit._choosing import Chosen, Counts, choose, counts_of, order_of, side_of, unit_of
from genspace.human_study.visit._handed import (
    LATEST,
    SHOWN,
    Assignment,
    ClosedError,
    Held,
    OutOfDateError,
    Rest,
    UnknownRaterError,
    earlier,
    held,
    own,
    previous,
    shown_order,
)
from genspace.human_study.visit._practice import failed_checks, next_practice
from genspace.human_study.visit.outcomes import is_final
from genspace.records import Role

__all__ = [
    "Assignment", "ClosedError", "Held", "OutOfDateError", "Rest", "Turn", "UnknownRaterError", "earlier", "held",
]  # fmt: skip

# Every statement is built once: building one takes several times as long as running it.
_A = t.assignments.c
_SEEN = text(
    "UPDATE raters SET last_seen_at = :now WHERE rater_id = :rater RETURNING outcome, source, consented_at"
)
_ENDED = text(
    "UPDATE raters SET outcome = :how, outcome_at = :now, finished_at = :finished WHERE rater_id = :rater"
)
_META = text("SELECT key, value FROM meta WHERE key IN ('state', 'registration')")
_LEASED = SHOWN.where(_A.rater_id == bindparam("rater"), _A.state == "leased")
_SUBMITTED = text("SELECT assignment_id FROM submissions WHERE submission = :given")
_VALUES_OF_UNIT = text("""
    SELECT v.question, v.value FROM answers v JOIN assignments a USING (assignment_id, revision)
    WHERE a.unit_id = :unit AND a.role IN ('main', 'extra') AND a.repeat = 0
""")
_LATE = (
    select(_A.assignment_id, _A.unit_id, _A.role, _A.repeat)
    .where(_A.state == "leased", _A.expires_at < bindparam("now"))
    .order_by(_A.unit_id)
    .with_for_update(skip_locked=True)
)
_EXPIRE = text("UPDATE assignments SET state = 'expired' WHERE assignment_id = :assignment")
_RENEW = text("UPDATE assignments SET expires_at = :until WHERE assignment_id = :assignment")
_ANSWERED = text(
    "UPDATE assignments SET state = 'answered', revision = :latest WHERE assignment_id = :assignment"
)
_HAND_OUT = text("""
    INSERT INTO assignments
      (rater_id, unit_id, repeat, role, flipped, shown, position, state, given_at, expires_at)
    VALUES (:rater, :unit, :again, :role, :flipped, :shown, :place, 'leased', :now, :until)
    RETURNING assignment_id
""")
_HAND_OUT_AGAIN = text("""
    UPDATE assignments SET role = :role, flipped = :flipped, shown = :shown, position = :place, state = 'leased',
      given_at = :now, expires_at = :until
    WHERE rater_id = :rater AND unit_id = :unit AND repeat = :again RETURNING assignment_id
""")
_INSERT_SUBMISSION = insert(t.submissions)
_INSERT_ANSWERS = insert(t.answers)
_MORE_WANTED = text(
    "UPDATE units SET wanted = wanted + 1, available = assigned < wanted + 1 WHERE unit_id = :unit"
)
_MAIN_UNITS = text("SELECT count(*) FROM units WHERE kind = 'main' AND wanted > 0")


class Turn:
    """One rater's turn in a transaction of the caller. A rater's windows wait for one another; raters do not.

    Args:
        connection: Transaction to work in.
        design: The study's design.
        rater_id: Whose turn it is.
        now: Seconds since 1970.

    Errors: `UnknownRaterError`.
    """

    def __init__(self, connection: Connection, design: Design, rater_id: str, now: float) -> None:
        self.connection = connection
        self.design = design
        self.rater_id = rater_id
        self.now = now
        rater = connection.execute(_SEEN, {"rater": rater_id, "now": now}).one_or_none()
        if rater is None:
            raise UnknownRaterError(f"there is no rater {rater_id!r}")
        self.outcome: Outcome | None = rater.outcome
        self.source: str = rater.source
        self.consented_at: float | None = rater.consented_at

    def claim(self) -> Assignment | Rest:
        """Return the rater's open assignment with its lease renewed, or hand out the next one.

        Where there is none, end the visit and note how it ended.
        """
        self._return_expired()
        counts = counts_of(self.connection, self.rater_id)
        done = counts.done
        state = self._meta()["state"]
        if is_final(self.outcome, self.source):
            return Rest("finished", done, self.outcome)
        if state == "paused":
            return Rest("paused", done)
        if self._is_out_of_time():
            return self.leave("timed_out")
        if self._has_failed_checks():
            return self.leave("checks_failed")
        row = self.connection.execute(_LEASED, {"rater": self.rater_id}).first() if state == "open" else None
        if row is not None:
            self.connection.execute(_RENEW, {"assignment": row.assignment_id, "until": self._until})
            chosen = Chosen(row.unit_id, unit_of(row.item_ids), row.role, row.repeat, row.flipped)
            assignment_id, place, shown = row.assignment_id, row.position, shown_order(row.shown)
        else:
            found = self._choose(counts) if state == "open" else None
            if not isinstance(found, Chosen):
                return self.leave(found or self._how_it_ended(counts.done, counts.answered_once))
            chosen, place = found, counts.last_position + 1
            shown = (
                order_of(self.design.seed, self.rater_id, place, chosen.unit) if len(chosen.unit) > 2 else ()
            )
            if chosen.flipped is None:
                flipped = len(chosen.unit) == 2 and side_of(self.design.seed, self.rater_id, place)
                chosen = chosen.turned(flipped)
            assignment_id = self._lease(chosen, shown, place, had_expired=counts.expired)
            if self.outcome is not None:  # nothing was left, and now something is
                self._end(None, finished=False)
            if chosen.role == "training" and chosen.repeat != counts.attempt:
                counts = counts_of(self.connection, self.rater_id)
        before = previous(self.connection, self.rater_id, place)
        return Assignment(
            chosen.unit, chosen.role, bool(chosen.flipped), assignment_id, 0, {}, "", before,
            counts.answered(chosen.role), shown=shown, attempt=chosen.repeat if chosen.role == "training" else 0,
        )  # fmt: skip

    def _choose(self, counts: Counts) -> Chosen | Outcome | None:
        """Return what comes next, how the visit ends instead, or None when there is nothing left."""
        practice = next_practice(self.connection, self.design, self.rater_id, counts)
        if isinstance(practice, Chosen):
            return practice
        if not practice.passed:
            return "training_failed"
        return choose(self.connection, self.design, self.rater_id, counts)

    def leave(self, outcome: Outcome) -> Rest:
        """End the visit: take back what the rater holds, and note how the visit ended."""
        for row in self.connection.execute(_LEASED, {"rater": self.rater_id}).all():
            self._give_back(row)
        counts = counts_of(self.connection, self.rater_id)
        if not is_final(self.outcome, self.source):
            self._end(outcome, finished=counts.done > 0)
        return Rest("finished", counts.done, self.outcome)

    def answer(
        self,
        assignment_id: int,
        *,
        submission: str,
        revision: int,
        values: Mapping[str, float | None],
        seconds: float | None,
        comment: str,
        details: Mapping[str, Detail] | None = None,
    ) -> bool:
        """Store an answer; return False if this very submission was stored before (a retry after a lost reply).

        Args:
            assignment_id: What is answered.
            submission: Identifier made by the page, the same in every retry.
            revision: How many answers to it the page has seen; 0 for a first answer.
            values: The value of each question; None for "can't tell" and for an order.
            seconds: From the picture's appearance to the answer, as the page measured it; for a correction, from its
                latest appearance.
            comment: What the rater wrote.
            details: What the answer to each question says beside its value.

        Errors: `InputError` when the assignment is not this rater's; `OutOfDateError` when it was answered elsewhere;
            `ClosedError` when the study is closed or the visit has ended.
        """
        row = own(self.connection, self.rater_id, assignment_id)
        if row is None:
            raise InputError("this picture was not handed to this rater")
        stored = self.connection.scalar(_SUBMITTED, {"given": submission})
        if stored is not None:
            if stored != assignment_id:
                raise OutOfDateError("this submission belongs to another picture")
            return False
        meta = self._meta()
        if meta["state"] == "closed":
            raise ClosedError("the study is closed; it takes no answer and no correction")
        if self.outcome not in {None, "complete", "nothing_left"}:
            raise ClosedError("this visit has ended; it takes no answer and no correction")
        if revision != row.revision:
            raise OutOfDateError("this picture was answered in another window")
        latest = row.revision + 1
        key = {"assignment_id": assignment_id, "revision": latest}
        self.connection.execute(
            _INSERT_SUBMISSION,
            {
                **key,
                "submission": submission,
                "received_at": round(self.now, 6),  # as exactly as exports give it
                "seconds": self._plausible(seconds, row),
                "comment": comment,
                "registration": meta.get("registration", ""),
            },
        )
        known, said = json.loads(row.known or "{}"), details or {}
        rows = [
            {**key, "question": q, "value": v, "known": json.dumps(known[q]) if q in known else ""}
            | asdict(said.get(q, Detail()))
            for q, v in values.items()
        ]
        self.connection.execute(_INSERT_ANSWERS, rows)
        self.connection.execute(_ANSWERED, {"assignment": assignment_id, "latest": latest})
        if _is_counted(row.role, row.repeat) and row.revision == 0:
            self._count_answer(row)
        return True

    def failed_checks(self) -> int:
        """Return how many answers to gold items were wrong so far."""
        return failed_checks(self.connection, self.rater_id)

    @property
    def _until(self) -> float:
        """Return when a lease given now runs out."""
        return self.now + self.design.lease_minutes * 60

    def _meta(self) -> dict[str, str]:
        """Return the study's state and registration."""
        return {row.key: row.value for row in self.connection.execute(_META)}

    def _plausible(self, seconds: float | None, row: Row[Any]) -> float | None:
        """Return the page's time, at most the time that passed here since the picture was handed out or answered.

        If the clock here was set back meanwhile, the page's time stands.
        """
        if seconds is None:
            return None
        since = row.given_at
        if row.revision:
            key = {"assignment": row.assignment_id, "latest": row.revision}
            since = self.connection.execute(LATEST, key).one().received_at
        return seconds if self.now < since else min(seconds, self.now - since)

    def _is_out_of_time(self) -> bool:
        limit = self.design.time_limit_minutes
        return (
            limit is not None and self.consented_at is not None and self.now > self.consented_at + 60 * limit
        )

    def _has_failed_checks(self) -> bool:
        limit = self.design.checks.stop_after
        return limit is not None and self.failed_checks() >= limit

    def _how_it_ended(self, done: int, answered_once: int) -> Outcome:
        """Return how a visit ended to which nothing more can be handed out."""
        if self.design.items_per_rater is not None and done >= self.design.items_per_rater:
            return "complete"
        if self.design.complete_from is not None:
            return "complete" if answered_once >= self.design.complete_from else "nothing_left"
        everything = answered_once and self.connection.execute(_MAIN_UNITS).scalar_one() <= answered_once
        return "complete" if everything and self.design.items_per_rater is None else "nothing_left"

    def _end(self, outcome: Outcome | None, *, finished: bool) -> None:
        self.outcome = outcome
        when = self.now if finished else None
        self.connection.execute(
            _ENDED, {"rater": self.rater_id, "how": outcome, "now": self.now, "finished": when}
        )

    def _return_expired(self) -> None:
        """Give back what was not answered in time."""
        for late in self.connection.execute(_LATE, {"now": self.now}).all():
            self._give_back(late)

    def _give_back(self, row: Row[*tuple[Any, ...]]) -> None:
        self.connection.execute(_EXPIRE, {"assignment": row.assignment_id})
        if _is_counted(row.role, row.repeat):
            recount(self.connection, row.unit_id, assigned=-1)

    def _lease(self, chosen: Chosen, shown: tuple[str, ...], place: int, *, had_expired: bool) -> int:
        given = {
            "rater": self.rater_id,
            "unit": chosen.unit_id,
            "again": chosen.repeat,
            "role": chosen.role,
            "flipped": bool(chosen.flipped),
            "shown": json.dumps(shown, ensure_ascii=False) if shown else "",
            "place": place,
            "now": self.now,
            "until": self._until,
        }
        assignment_id = self.connection.scalar(_HAND_OUT_AGAIN, given) if had_expired else None
        if assignment_id is None:
            assignment_id = self.connection.execute(_HAND_OUT, given).scalar_one()
        if _is_counted(chosen.role, chosen.repeat):
            recount(self.connection, chosen.unit_id, assigned=1)
        return int(assignment_id)

    def _count_answer(self, row: Row[Any]) -> None:
        """Count a first answer; ask for one more rater where the item's interval is still too wide."""
        unit = recount(self.connection, row.unit_id, assigned=int(row.state == "expired"), done=1)
        stop = self.design.stop
        if stop.item_width is None or unit.done < unit.wanted or unit.wanted >= stop.max_raters_per_item:
            return
        questions: dict[str, list[float]] = {}
        for question, value in self.connection.execute(_VALUES_OF_UNIT, {"unit": row.unit_id}):
            questions.setdefault(question, []).extend([] if value is None else [value])
        widths = [interval_width(v, self.design.answers.scale) for v in questions.values()]
        if any(w is None or w > stop.item_width for w in widths):
            self.connection.execute(_MORE_WANTED, {"unit": row.unit_id})


def _is_counted(role: Role, repeat: int) -> bool:
    """Whether an assignment counts towards the raters wanted: practice, gold items and repeats do not."""
    return role in {"main", "extra"} and repeat == 0
