"""How far a rater has come (the picture's number of how many), and whether there is work for a newcomer."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from genspace.human_study.design import Design
from genspace.human_study.visit._choosing import counts_of, is_enough
from genspace.human_study.visit._handed import Assignment
from genspace.human_study.visit._plan import Rhythm, Stock, planned_visit

__all__ = ["PlaceInVisit", "is_full", "place_in_visit"]

_PLACE = (
    "SELECT count(*) FROM assignments WHERE rater_id = :rater AND state <> 'expired' AND position <= "
    "(SELECT position FROM assignments WHERE assignment_id = :assignment)"
)
_PRACTICE_NUMBER = text(f"{_PLACE} AND role = 'training' AND repeat = :round_")
_NUMBER = text(f"{_PLACE} AND role <> 'training'")
_KIND = text("SELECT count(*) FROM units WHERE kind = :of_kind")
_AVAILABLE = text("SELECT count(*) FROM units WHERE available")
_OWN_AVAILABLE = text("""
    SELECT count(*) FROM assignments a JOIN units u USING (unit_id)
    WHERE a.rater_id = :rater AND a.state <> 'expired' AND a.repeat = 0 AND u.available
""")
_LEFT = text("SELECT sum(wanted - assigned) FROM units WHERE available")
_IS_AT_WORK = "consented_at IS NOT NULL AND outcome IS NULL AND last_seen_at > :since"
_AT_WORK = text(f"SELECT count(*) FROM raters WHERE {_IS_AT_WORK}")
_IN_THEIR_HANDS = text(f"""
    SELECT count(*) FROM assignments JOIN raters USING (rater_id)
    WHERE {_IS_AT_WORK} AND state <> 'expired' AND role <> 'training'
""")
_STATE = text("SELECT value FROM meta WHERE key = 'state'")


@dataclass(frozen=True, slots=True)
class PlaceInVisit:
    """Which picture of how many, in practice or afterwards."""

    number: int
    """From 1."""
    total: int
    """Pictures in all if nobody else takes items meanwhile; never less than `number`."""


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
    """Return whether nothing is left for a newcomer once raters at work have taken what was promised to them."""
    if connection.scalar(_STATE) == "closed" or is_enough(connection, design):
        return True
    left = connection.scalar(_LEFT) or 0
    if left and design.items_per_rater is not None:
        since = {"since": now - 60 * design.lease_minutes}
        promised = (connection.scalar(_AT_WORK, since) or 0) * design.items_per_rater
        left -= promised - (connection.scalar(_IN_THEIR_HANDS, since) or 0)
    return left <= 0
