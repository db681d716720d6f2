"""Where a rater stands: the picture's number and how many there will be; and whether there is work for a newcomer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from genspace.human_study.design import Design
from genspace.human_study.store import _schema as t
from genspace.human_study.visit._choosing import counts_of, is_enough
from genspace.human_study.visit._handed import Assignment
from genspace.human_study.visit._plan import Rhythm, Stock, planned_visit

__all__ = ["PlaceInVisit", "is_full", "place_in_visit"]

_A, _U, _R = t.assignments.c, t.units.c, t.raters.c
_PLACE = select(_A.position).where(_A.assignment_id == bindparam("assignment")).scalar_subquery()
_BEFORE = select(func.count()).where(
    _A.rater_id == bindparam("rater"), _A.state != "expired", _A.position <= _PLACE
)
_PRACTICE_NUMBER = _BEFORE.where(_A.role == "training", _A.repeat == bindparam("round_"))
_NUMBER = _BEFORE.where(_A.role != "training")
_KIND = select(func.count()).where(_U.kind == bindparam("of_kind"))
_AVAILABLE = select(func.count()).where(_U.available)
_OWN_AVAILABLE = (
    select(func.count())
    .select_from(t.assignments.join(t.units))
    .where(_A.rater_id == bindparam("rater"), _A.state != "expired", _A.repeat == 0, _U.available)
)
_LEFT = select(func.coalesce(func.sum(_U.wanted - _U.assigned), 0)).where(_U.available)
_AT_WORK = (
    select(func.count())
    .select_from(t.raters)
    .where(_R.consented_at.is_not(None), _R.outcome.is_(None), _R.last_seen_at > bindparam("since"))
)
_IN_THEIR_HANDS = (
    select(func.count())
    .select_from(t.assignments.join(t.raters))
    .where(
        _R.consented_at.is_not(None),
        _R.outcome.is_(None),
        _R.last_seen_at > bindparam("since"),
        _A.state != "expired",
        _A.role != "training",
    )
)
_STATE = select(t.meta.c.value).where(t.meta.c.key == "state")


@dataclass(frozen=True, slots=True)
class PlaceInVisit:
    """Which picture of how many, in practice or afterwards."""

    number: int
    """From 1."""
    total: int
    """As many as will come if nobody else takes an item away meanwhile; never less than `number`."""


def place_in_visit(connection: Connection, design: Design, rater_id: str, given: Assignment) -> PlaceInVisit:
    """Return where an assignment stands in its rater's visit."""
    key = {"rater": rater_id, "assignment": given.assignment_id}
    if given.role == "training":
        number = connection.scalar(_PRACTICE_NUMBER, key | {"round_": given.attempt}) or 1
        return PlaceInVisit(number, max(connection.scalar(_KIND, {"of_kind": "training"}) or 0, number))
    counts = counts_of(connection, rater_id)
    number = connection.scalar(_NUMBER, key) or 1
    left = (connection.scalar(_AVAILABLE) or 0) - (
        connection.scalar(_OWN_AVAILABLE, {"rater": rater_id}) or 0
    )
    had = sum(n for (role, repeat), n in counts.given.items() if role in {"main", "extra"} and repeat == 0)
    stock = Stock(had + max(left, 0), connection.scalar(_KIND, {"of_kind": "gold"}) or 0)
    planned = planned_visit(Rhythm.of(design), rater_id, stock).pictures
    return PlaceInVisit(number, max(planned, counts.screens, number))


def is_full(connection: Connection, design: Design, now: float) -> bool:
    """Whether there is nothing left for somebody who has not begun: raters at work take what was promised to them."""
    if connection.scalar(_STATE) == "closed" or is_enough(connection, design):
        return True
    left = connection.scalar(_LEFT) or 0
    if left and design.items_per_rater is not None:
        since = {"since": now - 60 * design.lease_minutes}
        promised = (connection.scalar(_AT_WORK, since) or 0) * design.items_per_rater
        left -= promised - (connection.scalar(_IN_THEIR_HANDS, since) or 0)
    return left <= 0
