"""What is in a rater's hands, or was: assignments as they are shown, with the answers given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, select, text

from genspace.errors import InputError
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design import Outcome
from genspace.human_study.material import UnitKey
from genspace.human_study.store import _schema as t
from genspace.human_study.visit._choosing import counts_of, unit_of
from genspace.records import Role

# Every statement is built once: building one takes several times as long as running it.
_A = t.assignments.c
SHOWN = select(t.assignments, t.units.c.item_ids, t.units.c.known).join_from(t.assignments, t.units)
_OWN = SHOWN.where(_A.assignment_id == bindparam("assignment"), _A.rater_id == bindparam("rater"))
_PREVIOUS = text("""
    SELECT assignment_id FROM assignments WHERE rater_id = :rater AND state = 'answered' AND position < :before
    ORDER BY position DESC LIMIT 1
""")
LATEST = text(
    "SELECT comment, received_at FROM submissions WHERE assignment_id = :assignment AND revision = :latest"
)
_VALUES = text("SELECT * FROM answers WHERE assignment_id = :assignment AND revision = :latest")


class UnknownRaterError(InputError):
    """There is no such rater, or they were deleted."""


class OutOfDateError(InputError):
    """The page showed an older state: the item was answered elsewhere meanwhile."""


class ClosedError(InputError):
    """The study is closed, or the rater's visit has ended: no answer is taken any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an assignment shows."""

    unit: UnitKey
    """The items shown: one, the two of a pair, or those of a group."""
    role: Role
    flipped: bool
    """Whether the second item of a pair stands on the left."""
    shown: tuple[str, ...] = field(default=(), kw_only=True)
    """The items of a group in the order of the screen."""

    @property
    def in_order(self) -> tuple[str, ...]:
        """The items in the order of the screen."""
        return self.shown or (self.unit[::-1] if self.flipped else self.unit)


@dataclass(frozen=True, slots=True)
class Assignment(Held):
    """An item (or pair, or group) in the hands of a rater."""

    assignment_id: int
    revision: int
    """How often it was answered; 0: not yet."""
    values: Mapping[str, float | None]
    """Question to the latest answer."""
    comment: str
    previous_id: int | None
    """The picture before, to go back to."""
    done: int
    """Pictures this rater has answered in this stage (this round of practice, or main)."""
    details: Mapping[str, Detail] = field(default_factory=dict, kw_only=True)
    """Question to what the latest answer says beside its value."""
    attempt: int = field(default=0, kw_only=True)
    """The round of practice, from 0."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to hand out, and why."""

    reason: Literal["finished", "paused"]
    done: int
    """Pictures this rater has answered, practice left out."""
    outcome: Outcome | None = None
    """How the visit ended, where it has."""


def held(connection: Connection, rater_id: str, assignment_id: int) -> Held | None:
    """Return what one of the rater's own assignments shows, without its answers; None if it is not theirs."""
    row = own(connection, rater_id, assignment_id)
    return (
        None
        if row is None
        else Held(unit_of(row.item_ids), row.role, row.flipped, shown=shown_order(row.shown))
    )


def earlier(connection: Connection, rater_id: str, assignment_id: int) -> Assignment | None:
    """Return one of the rater's own assignments, with its answers; None if it is not theirs."""
    row = own(connection, rater_id, assignment_id)
    if row is None:
        return None
    key = {"assignment": assignment_id, "latest": row.revision}
    given = connection.execute(_VALUES, key).all()
    latest = connection.execute(LATEST, key).one_or_none()
    return Assignment(
        unit_of(row.item_ids),
        row.role,
        row.flipped,
        assignment_id,
        row.revision,
        {r.question: r.value for r in given},
        latest.comment if latest else "",
        previous(connection, rater_id, row.position),
        counts_of(connection, rater_id).answered(row.role),
        shown=shown_order(row.shown),
        details={r.question: Detail(r.choice, r.confidence, r.why) for r in given},
        attempt=row.repeat if row.role == "training" else 0,
    )


def own(connection: Connection, rater_id: str, assignment_id: int) -> Row[Any] | None:
    """Return one of the rater's own assignments as it is stored, or None if it is not theirs."""
    return connection.execute(_OWN, {"assignment": assignment_id, "rater": rater_id}).one_or_none()


def previous(connection: Connection, rater_id: str, place: int) -> int | None:
    """Return the answered assignment before a place in the rater's visit."""
    found: int | None = connection.scalar(_PREVIOUS, {"rater": rater_id, "before": place})
    return found


def shown_order(stored: str) -> tuple[str, ...]:
    """Return the items of a group in the order of the screen from what the store holds."""
    return tuple(json.loads(stored)) if stored else ()
