"""What a rater sees next after practice: gold items and repeats sprinkled among the items with the fewest raters."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, func, select, text

from genspace.human_study.design import Design
from genspace.human_study.material import UnitKey
from genspace.human_study.store import _schema as t
from genspace.human_study.visit._plan import fraction, owed
from genspace.records import Role

# Every statement is built once: building one takes several times as long as running it.
_A, _U = t.assignments.c, t.units.c
_COUNTS = text("""
    SELECT role, repeat, state, count(*) AS n, max(position) AS last FROM assignments
    WHERE rater_id = :rater GROUP BY role, repeat, state
""")
_SEEN = (
    select(_A.assignment_id)
    .where(_A.rater_id == bindparam("rater"), _A.unit_id == _U.unit_id, _A.state != "expired")
    .exists()
)
_UNIT = select(_U.unit_id, _U.item_ids, _U.assigned)
_NEXT_GOLD = (
    _UNIT.where(_U.kind == "gold", ~_SEEN).order_by(_U.shuffle < bindparam("place"), _U.shuffle).limit(1)
)
_REPEATABLE = text("""
    SELECT u.unit_id, u.item_ids, a.flipped FROM assignments a JOIN units u USING (unit_id)
    WHERE a.rater_id = :rater AND a.state = 'answered' AND a.role = 'main' AND a.repeat = 0 AND a.position <= :before
      AND NOT EXISTS (SELECT 1 FROM assignments b
                      WHERE b.rater_id = a.rater_id AND b.unit_id = a.unit_id AND b.repeat > 0)
    ORDER BY u.shuffle LIMIT 1
""")
_LEVEL = select(func.min(_U.assigned)).where(_U.available, _U.assigned > bindparam("level"))
_AT_LEVEL = _UNIT.where(_U.available, _U.assigned == bindparam("level"), ~_SEEN).order_by(_U.shuffle).limit(1)
_SIDES = (_U.shuffle >= bindparam("place"), _U.shuffle < bindparam("place"))
_FEWEST = {
    skip: [_AT_LEVEL.where(side).with_for_update(skip_locked=skip, of=t.units) for side in _SIDES]
    for skip in (True, False)
}
"""Whether to skip units that others are just taking, to the queries from a place on and before it."""
_HANDED_OUT = text("SELECT count(*) FROM assignments WHERE state <> 'expired' AND role <> 'training'")
_AGREEMENT_REACHED = text("SELECT value FROM meta WHERE key = 'agreement_reached'")


@dataclass(frozen=True, slots=True)
class Counts:
    """What one rater has been handed, expired leases left out."""

    given: Mapping[tuple[str, int], int]
    """(role, repeat) to number."""
    done: int
    """Answered, practice left out."""
    answered_once: int
    """Pictures of the main round answered, gold items and repeats left out."""
    practised: int
    """Practice pictures answered in the round that the rater is in."""
    attempt: int
    """The round of practice that the rater is in, from 0."""
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
    attempt = max((r.repeat for r in rows if r.role == "training"), default=0)
    return Counts(
        given,
        sum(r.n for r in answered if r.role != "training"),
        sum(r.n for r in answered if r.role in {"main", "extra"} and r.repeat == 0),
        sum(r.n for r in answered if r.role == "training" and r.repeat == attempt),
        attempt,
        max((r.last for r in rows), default=0),
        any(r.state == "expired" for r in rows),
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """A unit to be handed out."""

    unit_id: int
    unit: UnitKey
    role: Role
    repeat: int = 0
    flipped: bool | None = None
    """None: to be drawn."""

    def turned(self, flipped: bool) -> Chosen:
        """Return the same with its side drawn."""
        return replace(self, flipped=flipped)


def choose(connection: Connection, design: Design, rater_id: str, counts: Counts) -> Chosen | None:
    """Decide what this rater sees next; None when there is nothing left."""
    n = counts.screens
    if (design.items_per_rater is not None and n >= design.items_per_rater) or is_enough(connection, design):
        return None
    place = fraction(design.seed, rater_id, n, "place")
    if counts.given.get(("gold", 0), 0) < owed(n, design.gold.every, design.seed, rater_id, "gold"):
        row = connection.execute(_NEXT_GOLD, {"rater": rater_id, "place": place}).first()
        if row is not None:
            return Chosen(row.unit_id, unit_of(row.item_ids), "gold")
    every = design.repeats.every
    if every and counts.repeats < owed(n, every, design.seed, rater_id, "repeat"):
        before = counts.last_position - design.repeats.gap
        row = connection.execute(_REPEATABLE, {"rater": rater_id, "before": before}).first()
        if row is not None:  # a pair comes back with its sides swapped
            unit = unit_of(row.item_ids)
            flipped = len(unit) == 2 and not row.flipped
            return Chosen(row.unit_id, unit, "main", repeat=1, flipped=flipped)
    return _fewest_raters(connection, design, rater_id, place)


def side_of(seed: int, rater_id: str, place: int) -> bool:
    """Return whether a pair at this place (from 1) is shown flipped.

    In blocks of two, one of each side: a rater who favours a side favours neither item.
    """
    block, second = divmod(place - 1, 2)
    return (fraction(seed, rater_id, block, "side") < 0.5) != bool(second)


def order_of(seed: int, rater_id: str, place: int, unit: Sequence[str]) -> tuple[str, ...]:
    """Return the items of a group in the order in which they are shown at this place, random for each rater."""
    shown = list(unit)
    random.Random(f"{seed}|{rater_id}|{place}|order").shuffle(shown)
    return tuple(shown)


def unit_of(stored: str) -> UnitKey:
    """Return the items of a unit from what the store holds."""
    return tuple(json.loads(stored))


def _fewest_raters(connection: Connection, design: Design, rater_id: str, place: float) -> Chosen | None:
    """Return a unit with the fewest answers and leases that this rater has not seen, from a random place on.

    On PostgreSQL, units that others are just taking are looked at only when no other is left.
    """
    passes = (True, False) if connection.dialect.name == "postgresql" else (False,)
    for skip_locked in passes:
        level = connection.scalar(_LEVEL, {"level": -1})
        while level is not None:
            key = {"rater": rater_id, "level": level, "place": place}
            for query in _FEWEST[skip_locked]:
                row = connection.execute(query, key).first()
                if row is not None:
                    role: Role = "extra" if row.assigned >= design.raters_per_item else "main"
                    return Chosen(row.unit_id, unit_of(row.item_ids), role)
            level = connection.scalar(_LEVEL, {"level": level})
    return None


def is_enough(connection: Connection, design: Design) -> bool:
    """Whether a stop rule of the whole study holds."""
    stop = design.stop
    if stop.answers is not None and (connection.scalar(_HANDED_OUT) or 0) >= stop.answers:
        return True
    return stop.agreement_width is not None and connection.scalar(_AGREEMENT_REACHED) is not None
