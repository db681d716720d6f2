"""What a rater sees next: practice, then gold items and repeats sprinkled among the items with the fewest raters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from genspace.human_study import _schema as t
from genspace.human_study.design import Design
from genspace.records import Role

__all__ = ["Chosen", "Counts", "choose", "counts_of", "side_of"]

# Every statement is built once: building one takes several times as long as running it.
_A, _U = t.assignments.c, t.units.c
_COUNTS = (
    select(_A.role, _A.repeat, _A.state, func.count().label("n"), func.max(_A.position).label("last"))
    .where(_A.rater_id == bindparam("rater"))
    .group_by(_A.role, _A.repeat, _A.state)
)
_SEEN = (
    select(_A.assignment_id)
    .where(_A.rater_id == bindparam("rater"), _A.unit_id == _U.unit_id, _A.state != "expired")
    .exists()
)
_UNIT = select(_U.unit_id, _U.item_id, _U.item_id_b, _U.assigned)
_UNSEEN = _UNIT.where(_U.kind == bindparam("of_kind"), ~_SEEN).limit(1)
_NEXT_PRACTICE = _UNSEEN.order_by(_U.unit_id)
_NEXT_GOLD = _UNSEEN.order_by(_U.shuffle < bindparam("place"), _U.shuffle)
_AGAIN = t.assignments.alias()
_REPEATABLE = (
    select(_U.unit_id, _U.item_id, _U.item_id_b, _A.flipped)
    .join_from(t.assignments, t.units)
    .where(
        _A.rater_id == bindparam("rater"),
        _A.state == "answered",
        _A.role == "main",
        _A.repeat == 0,
        _A.position <= bindparam("before"),
        ~select(_AGAIN.c.assignment_id)
        .where(_AGAIN.c.rater_id == _A.rater_id, _AGAIN.c.unit_id == _A.unit_id, _AGAIN.c.repeat > 0)
        .exists(),
    )
    .order_by(_U.shuffle)
    .limit(1)
)
_LEVEL = select(func.min(_U.assigned)).where(_U.available, _U.assigned > bindparam("level"))
_AT_LEVEL = _UNIT.where(_U.available, _U.assigned == bindparam("level"), ~_SEEN).order_by(_U.shuffle).limit(1)
_SIDES = (_U.shuffle >= bindparam("place"), _U.shuffle < bindparam("place"))
_FEWEST = {
    skip: [_AT_LEVEL.where(side).with_for_update(skip_locked=skip, of=t.units) for side in _SIDES]
    for skip in (True, False)
}
"""Whether to skip units that others are just taking, to the queries from a place on and before it."""
_HANDED_OUT = (
    select(func.count()).select_from(t.assignments).where(_A.state != "expired", _A.role != "training")
)
_AGREEMENT_REACHED = select(t.meta.c.value).where(t.meta.c.key == "agreement_reached")


@dataclass(frozen=True, slots=True)
class Counts:
    """What one rater has been handed, expired leases left out."""

    given: Mapping[tuple[str, int], int]
    """(role, repeat) to number."""
    done: int
    """Answered, practice left out."""
    practised: int
    """Practice pictures answered."""
    last_position: int
    expired: bool
    """Whether a lease of theirs ran out, whose unit they may be handed again."""

    @property
    def screens(self) -> int:
        """Pictures handed out, practice left out."""
        return sum(n for (role, _), n in self.given.items() if role != "training")

    @property
    def repeats(self) -> int:
        """Repeats handed out."""
        return sum(n for (_, repeat), n in self.given.items() if repeat)

    def answered(self, role: Role) -> int:
        """Pictures answered in the stage of this role: practice, or everything after it."""
        return self.practised if role == "training" else self.done


def counts_of(connection: Connection, rater_id: str) -> Counts:
    """Count what a rater has been handed and has answered."""
    rows = connection.execute(_COUNTS, {"rater": rater_id}).all()
    given: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.state != "expired":
            given[row.role, row.repeat] = given.get((row.role, row.repeat), 0) + row.n
    answered = [r for r in rows if r.state == "answered"]
    return Counts(
        given,
        sum(r.n for r in answered if r.role != "training"),
        sum(r.n for r in answered if r.role == "training"),
        max((r.last for r in rows), default=0),
        any(r.state == "expired" for r in rows),
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """A unit to be handed out."""

    unit_id: int
    unit: tuple[str, str]
    """item_id and item_id_b ("" for a single item)."""
    role: Role
    repeat: int = 0
    flipped: bool | None = None
    """None: to be drawn."""


def choose(connection: Connection, design: Design, rater_id: str, counts: Counts) -> Chosen | None:
    """Decide what this rater sees next; None when there is nothing left."""
    n = counts.screens
    if n == 0:
        row = connection.execute(_NEXT_PRACTICE, {"rater": rater_id, "of_kind": "training"}).first()
        if row is not None:
            return Chosen(row.unit_id, (row.item_id, row.item_id_b), "training")
    if (design.items_per_rater is not None and n >= design.items_per_rater) or _enough(connection, design):
        return None
    place = _fraction(design.seed, rater_id, n, "place")
    if counts.given.get(("gold", 0), 0) < _owed(n, design.gold.every, design.seed, rater_id, "gold"):
        key = {"rater": rater_id, "of_kind": "gold", "place": place}
        row = connection.execute(_NEXT_GOLD, key).first()
        if row is not None:
            return Chosen(row.unit_id, (row.item_id, row.item_id_b), "gold")
    every = design.repeats.every
    if every and counts.repeats < _owed(n, every, design.seed, rater_id, "repeat"):
        before = counts.last_position + 1 - design.repeats.gap
        row = connection.execute(_REPEATABLE, {"rater": rater_id, "before": before}).first()
        if row is not None:  # a pair comes back with its sides swapped
            flipped = bool(row.item_id_b) and not row.flipped
            return Chosen(row.unit_id, (row.item_id, row.item_id_b), "main", repeat=1, flipped=flipped)
    return _fewest_raters(connection, design, rater_id, place)


def side_of(seed: int, rater_id: str, place: int) -> bool:
    """Return whether a pair at this place (from 1) is shown flipped.

    In blocks of two, one of each side: a rater who favours a side favours neither item.
    """
    block, second = divmod(place - 1, 2)
    return (_fraction(seed, rater_id, block, "side") < 0.5) != bool(second)


def _owed(n: int, every: int, seed: int, rater_id: str, what: str) -> int:
    """How many gold items (or repeats) are due by picture n (from 0): one at a random place in every block."""
    block, place = divmod(n, every)
    return block + (place >= int(_fraction(seed, rater_id, block, what) * every))


def _fraction(seed: int, rater_id: str, number: int, what: str) -> float:
    """Return a number in [0, 1) that is random to people and the same on every machine."""
    digest = hashlib.sha256(f"{seed}|{rater_id}|{number}|{what}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _fewest_raters(connection: Connection, design: Design, rater_id: str, place: float) -> Chosen | None:
    """Return a unit with the fewest answers and leases that this rater has not seen, from a random place on.

    On PostgreSQL, units that others are just taking are looked at only when no other is left.
    """
    passes = (True, False) if connection.dialect.name == "postgresql" else (False,)
    for skip_locked in passes:
        level = connection.scalar(_LEVEL, {"level": -1})
        while level is not None:
            key: dict[str, Any] = {"rater": rater_id, "level": level, "place": place}
            for query in _FEWEST[skip_locked]:
                row = connection.execute(query, key).first()
                if row is not None:
                    role: Role = "extra" if row.assigned >= design.raters_per_item else "main"
                    return Chosen(row.unit_id, (row.item_id, row.item_id_b), role)
            level = connection.scalar(_LEVEL, {"level": level})
    return None


def _enough(connection: Connection, design: Design) -> bool:
    """Whether a stop rule of the whole study holds."""
    stop = design.stop
    if stop.answers is not None and (connection.scalar(_HANDED_OUT) or 0) >= stop.answers:
        return True
    return stop.agreement_width is not None and connection.scalar(_AGREEMENT_REACHED) is not None
