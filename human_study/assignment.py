"""Handing out items and taking answers: one rater's turn, in one transaction.

A unit's `assigned` counts its answers and the leases in flight, so no item is asked about more often than wanted,
except by answers that arrive after their lease ran out: these are kept, which adds at most one per rater working at
that moment. What comes next is chosen in `genspace.human_study._choosing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from genspace.errors import InputError
from genspace.human_study import _schema as t
from genspace.human_study._choosing import Chosen, choose, counts_of, side_of
from genspace.human_study._units import recount
from genspace.human_study.design import Design
from genspace.human_study.quality import interval_width
from genspace.records import Role

__all__ = ["Assignment", "Held", "OutOfDateError", "Rest", "Turn", "UnknownRaterError", "earlier", "held"]

# Every statement is built once: building one takes several times as long as running it.
_A, _U, _R, _S, _V = t.assignments.c, t.units.c, t.raters.c, t.submissions.c, t.answers.c
_SEEN = update(t.raters).where(_R.rater_id == bindparam("rater")).values(last_seen_at=bindparam("now"))
_FINISHED = (
    update(t.raters)
    .where(_R.rater_id == bindparam("rater"), _R.finished_at.is_(None))
    .values(finished_at=bindparam("now"))
)
_STATE = select(t.meta.c.value).where(t.meta.c.key == "state")
_SHOWN = select(t.assignments, _U.item_id, _U.item_id_b).join_from(t.assignments, t.units)
_OWN = _SHOWN.where(_A.assignment_id == bindparam("assignment"), _A.rater_id == bindparam("rater"))
_LEASED = _SHOWN.where(_A.rater_id == bindparam("rater"), _A.state == "leased")
_PREVIOUS = (
    select(_A.assignment_id)
    .where(_A.rater_id == bindparam("rater"), _A.state == "answered", _A.position < bindparam("before"))
    .order_by(_A.position.desc())
    .limit(1)
)
_SUBMITTED = select(_S.assignment_id).where(_S.submission == bindparam("given"))
_COMMENT = select(_S.comment).where(
    _S.assignment_id == bindparam("assignment"), _S.revision == bindparam("latest")
)
_VALUES = select(_V.question, _V.value).where(
    _V.assignment_id == bindparam("assignment"), _V.revision == bindparam("latest")
)
_VALUES_OF_UNIT = (
    select(_V.question, _V.value)
    .join_from(t.answers, t.assignments, _V.assignment_id == _A.assignment_id)
    .where(
        _A.unit_id == bindparam("unit"),
        _A.role.in_(("main", "extra")),
        _A.repeat == 0,
        _V.revision == _A.revision,
    )
)
_LATE = (
    select(_A.assignment_id, _A.unit_id, _A.role, _A.repeat)
    .where(_A.state == "leased", _A.expires_at < bindparam("now"))
    .order_by(_A.unit_id)
    .with_for_update(skip_locked=True)
)
_ONE = update(t.assignments).where(_A.assignment_id == bindparam("assignment"))
_EXPIRE = _ONE.values(state="expired")
_RENEW = _ONE.values(expires_at=bindparam("until"))
_ANSWERED = _ONE.values(state="answered", revision=bindparam("latest"))
_LEASE = {
    "role": bindparam("as_role"),
    "flipped": bindparam("turned"),
    "position": bindparam("place"),
    "state": "leased",
    "given_at": bindparam("now"),
    "expires_at": bindparam("until"),
}
_HAND_OUT = (
    insert(t.assignments)
    .values(rater_id=bindparam("rater"), unit_id=bindparam("unit"), repeat=bindparam("again"), **_LEASE)
    .returning(_A.assignment_id)
)
_HAND_OUT_AGAIN = (
    update(t.assignments)
    .where(
        _A.rater_id == bindparam("rater"),
        _A.unit_id == bindparam("unit"),
        _A.repeat == bindparam("again"),
    )
    .values(**_LEASE)
    .returning(_A.assignment_id)
)
_INSERT_SUBMISSION = insert(t.submissions)
_INSERT_ANSWERS = insert(t.answers)
_MORE_WANTED = (
    update(t.units)
    .where(_U.unit_id == bindparam("unit"))
    .values(wanted=_U.wanted + 1, available=_U.assigned < _U.wanted + 1)
)


class UnknownRaterError(InputError):
    """There is no such rater, or they were deleted."""


class OutOfDateError(InputError):
    """The page showed an older state: the item was answered elsewhere meanwhile."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an assignment shows."""

    unit: tuple[str, str]
    """item_id and item_id_b ("" for a single item)."""
    role: Role
    flipped: bool
    """Whether the second item of a pair stands on the left."""


@dataclass(frozen=True, slots=True)
class Assignment(Held):
    """An item (or pair) in the hands of a rater."""

    assignment_id: int
    revision: int
    """How often it was answered; 0: not yet."""
    values: Mapping[str, float | None]
    """Question to the latest answer."""
    comment: str
    previous_id: int | None
    """The picture before, to go back to."""
    done: int
    """Pictures this rater has answered in this stage (practice or main)."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to hand out, and why."""

    reason: Literal["finished", "paused"]
    done: int
    """Pictures this rater has answered, practice left out."""


def held(connection: Connection, rater_id: str, assignment_id: int) -> Held | None:
    """Return what one of the rater's own assignments shows, without its answers; None if it is not theirs."""
    row = _own(connection, rater_id, assignment_id)
    return None if row is None else Held((row.item_id, row.item_id_b), row.role, row.flipped)


def earlier(connection: Connection, rater_id: str, assignment_id: int) -> Assignment | None:
    """Return one of the rater's own assignments, with its answers; None if it is not theirs."""
    row = _own(connection, rater_id, assignment_id)
    if row is None:
        return None
    key = {"assignment": assignment_id, "latest": row.revision}
    values = {r.question: r.value for r in connection.execute(_VALUES, key)}
    done = counts_of(connection, rater_id).answered(row.role)
    return Assignment(
        (row.item_id, row.item_id_b),
        row.role,
        row.flipped,
        assignment_id,
        row.revision,
        values,
        connection.scalar(_COMMENT, key) or "",
        _previous(connection, rater_id, row.position),
        done,
    )


class Turn:
    """One rater's turn in a transaction of the caller; windows of one rater wait for each other, raters do not.

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
        if connection.execute(_SEEN, {"rater": rater_id, "now": now}).rowcount == 0:
            raise UnknownRaterError(f"there is no rater {rater_id!r}")

    def claim(self) -> Assignment | Rest:
        """Return the rater's open assignment, its lease renewed, or hand out the next one."""
        self._return_expired()
        counts = counts_of(self.connection, self.rater_id)
        state = self.connection.scalar(_STATE)
        if state != "open":
            return Rest("finished" if state == "closed" else "paused", counts.answered("main"))
        row = self.connection.execute(_LEASED, {"rater": self.rater_id}).first()
        if row is not None:
            self.connection.execute(_RENEW, {"assignment": row.assignment_id, "until": self._until})
            unit, role, flipped = (row.item_id, row.item_id_b), row.role, row.flipped
            assignment_id, place = row.assignment_id, row.position
        else:
            chosen = choose(self.connection, self.design, self.rater_id, counts)
            if chosen is None:
                self.connection.execute(_FINISHED, {"rater": self.rater_id, "now": self.now})
                return Rest("finished", counts.answered("main"))
            place = counts.last_position + 1
            flipped = chosen.flipped
            if flipped is None:
                flipped = self.design.answers.pairwise and side_of(self.design.seed, self.rater_id, place)
            unit, role = chosen.unit, chosen.role
            assignment_id = self._lease(chosen, flipped, place, had_expired=counts.expired)
        previous = _previous(self.connection, self.rater_id, place)
        return Assignment(unit, role, flipped, assignment_id, 0, {}, "", previous, counts.answered(role))

    def answer(
        self,
        assignment_id: int,
        *,
        submission: str,
        revision: int,
        values: Mapping[str, float | None],
        seconds: float | None,
        comment: str,
    ) -> bool:
        """Store an answer; return False if this very submission was stored before (a retry after a lost reply).

        Args:
            assignment_id: What is answered.
            submission: Identifier made by the page, the same in every retry.
            revision: How often the page saw it answered; 0 for a first answer.
            values: Question to value, None for "can't tell".
            seconds: From the picture's appearance to the answer, as the page measured it.
            comment: What the rater wrote.

        Errors: `InputError` when the assignment is not this rater's; `OutOfDateError` when it was answered elsewhere.
        """
        row = _own(self.connection, self.rater_id, assignment_id)
        if row is None:
            raise InputError("this picture was not handed to this rater")
        stored = self.connection.scalar(_SUBMITTED, {"given": submission})
        if stored is not None:
            if stored != assignment_id:
                raise OutOfDateError("this submission belongs to another picture")
            return False
        if revision != row.revision:
            raise OutOfDateError("this picture was answered in another window")
        latest = row.revision + 1
        if seconds is not None and revision == 0:
            seconds = min(seconds, max(self.now - row.given_at, 0.0))
        key = {"assignment_id": assignment_id, "revision": latest}
        self.connection.execute(
            _INSERT_SUBMISSION,
            {
                **key,
                "submission": submission,
                "received_at": self.now,
                "seconds": seconds,
                "comment": comment,
            },
        )
        self.connection.execute(
            _INSERT_ANSWERS, [{**key, "question": q, "value": v} for q, v in values.items()]
        )
        self.connection.execute(_ANSWERED, {"assignment": assignment_id, "latest": latest})
        if _is_counted(row.role, row.repeat) and row.revision == 0:
            self._count_answer(row)
        return True

    @property
    def _until(self) -> float:
        """When a lease given now runs out."""
        return self.now + self.design.lease_minutes * 60

    def _return_expired(self) -> None:
        """Give back what nobody answered in time."""
        for late in self.connection.execute(_LATE, {"now": self.now}).all():
            self.connection.execute(_EXPIRE, {"assignment": late.assignment_id})
            if _is_counted(late.role, late.repeat):
                recount(self.connection, late.unit_id, assigned=-1)

    def _lease(self, chosen: Chosen, flipped: bool, place: int, *, had_expired: bool) -> int:
        given = {
            "rater": self.rater_id,
            "unit": chosen.unit_id,
            "again": chosen.repeat,
            "as_role": chosen.role,
            "turned": flipped,
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


def _own(connection: Connection, rater_id: str, assignment_id: int) -> Row[Any] | None:
    return connection.execute(_OWN, {"assignment": assignment_id, "rater": rater_id}).one_or_none()


def _previous(connection: Connection, rater_id: str, place: int) -> int | None:
    return connection.scalar(_PREVIOUS, {"rater": rater_id, "before": place})


def _is_counted(role: Role, repeat: int) -> bool:
    """Whether an assignment counts towards the raters wanted: practice, gold items and repeats do not."""
    return role in {"main", "extra"} and repeat == 0
