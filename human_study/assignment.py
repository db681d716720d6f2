"""Handing out items and taking answers: balanced counts, leases, gold items and repeats, the stop rules.

Every function runs in one transaction of its caller. A unit's `assigned` counts its answers and the leases in
flight, so no item is asked about more often than wanted, except by answers that arrive after their lease ran out:
these are kept, which adds at most one per rater working at that moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, select, update

from genspace.errors import InputError
from genspace.human_study import _schema as t
from genspace.human_study.design import Design
from genspace.human_study.quality import interval_width

__all__ = ["Assignment", "Held", "OutOfDateError", "Rest", "answer", "claim", "earlier", "held"]


# What every answer runs is built once: building a statement takes longer than running it.
_A, _U, _R = t.assignments.c, t.units.c, t.raters.c
_SEEN = update(t.raters).where(_R.rater_id == bindparam("rater")).values(last_seen_at=bindparam("now"))
_STATE = select(t.meta.c.value).where(t.meta.c.key == "state")
_LEASED = select(t.assignments).where(_A.rater_id == bindparam("rater"), _A.state == "leased")
_OWN = select(t.assignments).where(
    _A.assignment_id == bindparam("assignment"), _A.rater_id == bindparam("rater")
)
_HELD = (
    select(_U.item_id, _U.item_id_b, _A.role, _A.flipped)
    .join_from(t.assignments, t.units)
    .where(_A.assignment_id == bindparam("assignment"), _A.rater_id == bindparam("rater"))
)
_LATE = (
    select(_A.assignment_id)
    .where(_A.state == "leased", _A.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
_COUNTS = (
    select(_A.role, _A.repeat, _A.state, func.count().label("n"), func.max(_A.position).label("last"))
    .where(_A.rater_id == bindparam("rater"))
    .group_by(_A.role, _A.repeat, _A.state)
)


class OutOfDateError(InputError):
    """The page showed an older state: the item was answered elsewhere meanwhile."""


@dataclass(frozen=True, slots=True)
class Held:
    """What an assignment shows."""

    unit: tuple[str, str]
    """item_id and item_id_b ("" for a single item)."""
    role: Literal["main", "gold", "training", "extra"]
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


def claim(connection: Connection, design: Design, rater_id: str, now: float) -> Assignment | Rest:
    """Return the rater's open assignment, or hand out the next one.

    Errors: `InputError` for an unknown rater.
    """
    _lock_rater(connection, rater_id, now)
    _return_expired(connection, now)
    a = t.assignments.c
    open_one = connection.execute(_LEASED, {"rater": rater_id}).first()
    counts = _counts(connection, rater_id)
    state = connection.scalar(_STATE)
    if open_one is not None and state == "open":
        connection.execute(
            update(t.assignments)
            .where(a.assignment_id == open_one.assignment_id)
            .values(expires_at=now + design.lease_minutes * 60)
        )
        return _view(connection, open_one, counts)
    if state != "open":
        return Rest("finished" if state == "closed" else "paused", counts.answered)
    chosen = _choose(connection, design, rater_id, counts)
    if chosen is None:
        connection.execute(
            update(t.raters)
            .where(t.raters.c.rater_id == rater_id, t.raters.c.finished_at.is_(None))
            .values(finished_at=now)
        )
        return Rest("finished", counts.answered)
    row = _lease(
        connection,
        design,
        rater_id,
        chosen,
        position=counts.last_position + 1,
        now=now,
        had_expired=counts.expired,
    )
    return _view(connection, row, counts)


def earlier(connection: Connection, rater_id: str, assignment_id: int) -> Assignment | None:
    """Return one of the rater's own assignments, with its answers; None if it is not theirs."""
    row = _own(connection, rater_id, assignment_id)
    return None if row is None else _view(connection, row, _counts(connection, rater_id))


def held(connection: Connection, rater_id: str, assignment_id: int) -> Held | None:
    """Return what one of the rater's own assignments shows, without its answers; None if it is not theirs."""
    row = connection.execute(_HELD, {"assignment": assignment_id, "rater": rater_id}).one_or_none()
    return None if row is None else Held((row.item_id, row.item_id_b), row.role, row.flipped)


def answer(
    connection: Connection,
    design: Design,
    rater_id: str,
    assignment_id: int,
    *,
    submission: str,
    revision: int,
    values: Mapping[str, float | None],
    seconds: float | None,
    comment: str,
    now: float,
) -> bool:
    """Store an answer; return False if this very submission was stored before (a retry after a lost reply).

    Args:
        connection: Transaction to work in.
        design: The study's design.
        rater_id: Who answers.
        assignment_id: What is answered.
        submission: Identifier made by the page, the same in every retry.
        revision: How often the page saw it answered; 0 for a first answer.
        values: Question to value, None for "can't tell".
        seconds: From the picture's appearance to the answer, as the page measured it.
        comment: What the rater wrote.
        now: Seconds since 1970.

    Errors: `InputError` when the assignment is not this rater's; `OutOfDateError` when it was answered elsewhere.
    """
    _lock_rater(connection, rater_id, now)
    row = _own(connection, rater_id, assignment_id)
    if row is None:
        raise InputError("this picture was not handed to this rater")
    stored = connection.scalar(
        select(t.submissions.c.assignment_id).where(t.submissions.c.submission == submission)
    )
    if stored is not None:
        if stored != assignment_id:
            raise OutOfDateError("this submission belongs to another picture")
        return False
    if revision != row.revision:
        raise OutOfDateError("this picture was answered in another window")
    latest = row.revision + 1
    if seconds is not None and revision == 0:
        seconds = min(seconds, max(now - row.given_at, 0.0))
    connection.execute(
        insert(t.submissions).values(
            assignment_id=assignment_id,
            revision=latest,
            submission=submission,
            received_at=now,
            seconds=seconds,
            comment=comment,
        )
    )
    connection.execute(
        insert(t.answers),
        [
            {"assignment_id": assignment_id, "revision": latest, "question": q, "value": v}
            for q, v in values.items()
        ],
    )
    connection.execute(
        update(t.assignments)
        .where(t.assignments.c.assignment_id == assignment_id)
        .values(state="answered", revision=latest)
    )
    if row.role in {"main", "extra"} and row.repeat == 0 and row.revision == 0:
        _count_answer(connection, design, row)
    return True


def _lock_rater(connection: Connection, rater_id: str, now: float) -> None:
    """Serialise one rater's windows; different raters do not wait for each other."""
    found = connection.execute(_SEEN, {"rater": rater_id, "now": now})
    if found.rowcount == 0:
        raise InputError(f"there is no rater {rater_id!r}")


def _own(connection: Connection, rater_id: str, assignment_id: int) -> Row[Any] | None:
    return connection.execute(_OWN, {"assignment": assignment_id, "rater": rater_id}).one_or_none()


def _return_expired(connection: Connection, now: float) -> None:
    """Give back what was not answered in time."""
    a, u = t.assignments.c, t.units.c
    ids = connection.scalars(_LATE, {"now": now}).all()
    if not ids:
        return
    expired = connection.execute(
        update(t.assignments)
        .where(a.assignment_id.in_(ids))
        .values(state="expired")
        .returning(a.unit_id, a.role, a.repeat)
    ).all()
    for unit_id in sorted(e.unit_id for e in expired if e.role in {"main", "extra"} and e.repeat == 0):
        connection.execute(
            update(t.units)
            .where(u.unit_id == unit_id)
            .values(assigned=u.assigned - 1, available=and_(u.kind == "main", u.assigned - 1 < u.wanted))
        )


@dataclass(frozen=True, slots=True)
class _Counts:
    """What one rater has been handed, expired leases left out."""

    given: Mapping[tuple[str, int], int]
    """(role, repeat) to number."""
    answered: int
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

    def of(self, role: str) -> int:
        return self.given.get((role, 0), 0)

    @property
    def repeats(self) -> int:
        return sum(n for (_, repeat), n in self.given.items() if repeat)


def _counts(connection: Connection, rater_id: str) -> _Counts:
    rows = connection.execute(_COUNTS, {"rater": rater_id}).all()
    given: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.state != "expired":
            given[row.role, row.repeat] = given.get((row.role, row.repeat), 0) + row.n
    answered = [r for r in rows if r.state == "answered"]
    return _Counts(
        given,
        sum(r.n for r in answered if r.role != "training"),
        sum(r.n for r in answered if r.role == "training"),
        max((r.last for r in rows), default=0),
        any(r.state == "expired" for r in rows),
    )


@dataclass(frozen=True, slots=True)
class _Chosen:
    unit_id: int
    role: Literal["main", "gold", "training", "extra"]
    repeat: int = 0
    flipped: bool | None = None
    """None: to be drawn."""


def _choose(connection: Connection, design: Design, rater_id: str, counts: _Counts) -> _Chosen | None:
    """Decide what this rater sees next; None when there is nothing left."""
    n = counts.screens
    practice = _unseen(connection, rater_id, "training", 0.0) if n == 0 else None
    if practice is not None:
        return _Chosen(practice, "training")
    if design.items_per_rater is not None and n >= design.items_per_rater:
        return None
    if _enough(connection, design):
        return None
    place = _fraction(design.seed, rater_id, n, "place")
    if counts.of("gold") < _owed(n, design.gold.every, design.seed, rater_id, "gold"):
        gold = _unseen(connection, rater_id, "gold", place)
        if gold is not None:
            return _Chosen(gold, "gold")
    every = design.repeats.every
    if every and counts.repeats < _owed(n, every, design.seed, rater_id, "repeat"):
        again = _repeatable(connection, rater_id, counts.last_position + 1 - design.repeats.gap)
        if again is not None:
            return again
    return _main(connection, design, rater_id, place)


def _owed(n: int, every: int, seed: int, rater_id: str, what: str) -> int:
    """How many gold items (or repeats) are due by picture n (from 0): one at a random place in every block."""
    block, place = divmod(n, every)
    return block + (place >= int(_fraction(seed, rater_id, block, what) * every))


def _fraction(seed: int, rater_id: str, number: int, what: str) -> float:
    """Return a number in [0, 1) that is random to people and the same on every machine."""
    digest = hashlib.sha256(f"{seed}|{rater_id}|{number}|{what}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _seen_by(rater_id: str) -> Any:
    """SQL condition: the rater has the unit, or has answered it."""
    a = t.assignments.c
    return (
        select(a.assignment_id)
        .where(a.rater_id == rater_id, a.unit_id == t.units.c.unit_id, a.state != "expired")
        .exists()
    )


def _unseen(connection: Connection, rater_id: str, kind: str, place: float) -> int | None:
    """Return a gold unit at random, or the next practice unit, that this rater has not seen."""
    u = t.units.c
    order = [u.unit_id] if kind == "training" else [u.shuffle < place, u.shuffle]
    query = select(u.unit_id).where(u.kind == kind, ~_seen_by(rater_id)).order_by(*order).limit(1)
    return connection.scalar(query)


def _repeatable(connection: Connection, rater_id: str, before_position: int) -> _Chosen | None:
    """Return an item that this rater answered long enough ago, to be asked again, a pair with its sides swapped."""
    a, u = t.assignments.c, t.units.c
    again = t.assignments.alias()
    row = connection.execute(
        select(a.unit_id, a.flipped, u.item_id_b)
        .join_from(t.assignments, t.units)
        .where(
            a.rater_id == rater_id,
            a.state == "answered",
            a.role == "main",
            a.repeat == 0,
            a.position <= before_position,
            ~select(again.c.assignment_id)
            .where(again.c.rater_id == rater_id, again.c.unit_id == a.unit_id, again.c.repeat > 0)
            .exists(),
        )
        .order_by(u.shuffle)
        .limit(1)
    ).first()
    if row is None:
        return None
    return _Chosen(row.unit_id, "main", repeat=1, flipped=bool(row.item_id_b) and not row.flipped)


def _main(connection: Connection, design: Design, rater_id: str, place: float) -> _Chosen | None:
    """Return a unit with the fewest answers and leases that this rater has not seen, from a random place on."""
    u = t.units.c
    for skip_locked in (
        True,
        False,
    ):  # units that others are just taking are looked at only when no other is left
        level = connection.scalar(select(func.min(u.assigned)).where(u.available))
        while level is not None:
            for side in (u.shuffle >= place, u.shuffle < place):
                row = connection.execute(
                    select(u.unit_id, u.assigned)
                    .where(u.available, u.assigned == level, side, ~_seen_by(rater_id))
                    .order_by(u.shuffle)
                    .limit(1)
                    .with_for_update(skip_locked=skip_locked, of=t.units)
                ).first()
                if row is not None:
                    return _Chosen(row.unit_id, "extra" if row.assigned >= design.raters_per_item else "main")
            level = connection.scalar(select(func.min(u.assigned)).where(u.available, u.assigned > level))
        if connection.dialect.name == "sqlite":
            break
    return None


def _enough(connection: Connection, design: Design) -> bool:
    """Whether a stop rule of the whole study holds."""
    if design.stop.answers is not None:
        a = t.assignments.c
        out = connection.scalar(
            select(func.count()).select_from(t.assignments).where(a.state != "expired", a.role != "training")
        )
        if (out or 0) >= design.stop.answers:
            return True
    reached = connection.scalar(select(t.meta.c.value).where(t.meta.c.key == "agreement_reached"))
    return design.stop.agreement_width is not None and reached is not None


def _lease(
    connection: Connection,
    design: Design,
    rater_id: str,
    chosen: _Chosen,
    *,
    position: int,
    now: float,
    had_expired: bool,
) -> Row[Any]:
    a, u = t.assignments.c, t.units.c
    flipped = chosen.flipped
    if flipped is None:
        # Blocks of two, one of each side: a rater who favours a side favours neither item.
        block, second = divmod(position - 1, 2)
        flipped = design.answers.pairwise and (_fraction(design.seed, rater_id, block, "side") < 0.5) != bool(
            second
        )
    cells = {
        "role": chosen.role,
        "flipped": flipped,
        "position": position,
        "state": "leased",
        "given_at": now,
        "expires_at": now + design.lease_minutes * 60,
    }
    key = and_(a.rater_id == rater_id, a.unit_id == chosen.unit_id, a.repeat == chosen.repeat)
    row = None
    if had_expired:
        row = connection.execute(
            update(t.assignments).where(key).values(**cells).returning(t.assignments)
        ).one_or_none()
    if row is None:
        row = connection.execute(
            insert(t.assignments)
            .values(rater_id=rater_id, unit_id=chosen.unit_id, repeat=chosen.repeat, **cells)
            .returning(t.assignments)
        ).one()
    if chosen.role in {"main", "extra"} and chosen.repeat == 0:
        connection.execute(
            update(t.units)
            .where(u.unit_id == chosen.unit_id)
            .values(assigned=u.assigned + 1, available=u.assigned + 1 < u.wanted)
        )
    return row


def _count_answer(connection: Connection, design: Design, row: Row[Any]) -> None:
    """Count a first answer; ask for one more rater where the item's interval is still too wide."""
    u = t.units.c
    late = int(row.state == "expired")
    unit = connection.execute(
        update(t.units)
        .where(u.unit_id == row.unit_id)
        .values(assigned=u.assigned + late, done=u.done + 1, available=u.assigned + late < u.wanted)
        .returning(t.units)
    ).one()
    target = design.stop.item_width
    if target is None or unit.done < unit.wanted or unit.wanted >= design.stop.max_raters_per_item:
        return
    per_question = _values_of(connection, row.unit_id)
    widths = [interval_width(v, design.answers.scale) for v in per_question]
    if any(w is None or w > target for w in widths):
        connection.execute(
            update(t.units)
            .where(u.unit_id == row.unit_id)
            .values(wanted=unit.wanted + 1, available=u.assigned < unit.wanted + 1)
        )


def _values_of(connection: Connection, unit_id: int) -> Sequence[Sequence[float]]:
    """Return the decided values that a unit's questions have, repeats left out."""
    a, v = t.assignments.c, t.answers.c
    rows = connection.execute(
        select(v.question, v.value)
        .join_from(t.answers, t.assignments, v.assignment_id == a.assignment_id)
        .where(a.unit_id == unit_id, a.role.in_(("main", "extra")), a.repeat == 0, v.revision == a.revision)
    ).all()
    questions: dict[str, list[float]] = {}
    for question, value in rows:
        questions.setdefault(question, []).extend([] if value is None else [value])
    return list(questions.values())


def _view(connection: Connection, row: Row[Any], counts: _Counts) -> Assignment:
    a, u, v, s = t.assignments.c, t.units.c, t.answers.c, t.submissions.c
    unit = connection.execute(select(u.item_id, u.item_id_b).where(u.unit_id == row.unit_id)).one()
    previous = connection.scalar(
        select(a.assignment_id)
        .where(a.rater_id == row.rater_id, a.state == "answered", a.position < row.position)
        .order_by(a.position.desc())
        .limit(1)
    )
    values: dict[str, float | None] = {}
    comment = ""
    if row.revision:
        mine = (v.assignment_id == row.assignment_id) & (v.revision == row.revision)
        values = {r.question: r.value for r in connection.execute(select(v.question, v.value).where(mine))}
        comment = (
            connection.scalar(
                select(s.comment).where(s.assignment_id == row.assignment_id, s.revision == row.revision)
            )
            or ""
        )
    training = row.role == "training"
    return Assignment(
        assignment_id=row.assignment_id,
        unit=(unit.item_id, unit.item_id_b),
        role=row.role,
        flipped=row.flipped,
        revision=row.revision,
        values=values,
        comment=comment,
        previous_id=previous,
        done=counts.practised if training else counts.answered,
    )
