"""The practice round: examples whose truth is known, a pass mark, and another try."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from genspace.human_study.design import Design
from genspace.human_study.store import _schema as t
from genspace.human_study.visit._choosing import Chosen, Counts, unit_of
from genspace.human_study.visit._known_checks import is_right, kinds_of

__all__ = ["PracticeOver", "next_practice", "practice_score"]

_A, _U, _V = t.assignments.c, t.units.c, t.answers.c
_SEEN = (
    select(_A.assignment_id)
    .where(
        _A.rater_id == bindparam("rater"),
        _A.unit_id == _U.unit_id,
        _A.state != "expired",
        _A.repeat == bindparam("round_"),
    )
    .exists()
)
_NEXT = select(_U.unit_id, _U.item_ids).where(_U.kind == "training", ~_SEEN).order_by(_U.unit_id).limit(1)
_FIRST_ANSWERS = (
    select(_V.question, _V.value, _V.known)
    .join_from(t.answers, t.assignments, _V.assignment_id == _A.assignment_id)
    .where(
        _A.rater_id == bindparam("rater"),
        _A.role == "training",
        _A.repeat == bindparam("round_"),
        _V.revision == 1,  # whoever has been told the answer gives it, which shows nothing
        _V.known != "",
    )
)


@dataclass(frozen=True, slots=True)
class PracticeOver:
    """The practice round is over, or there is none."""

    passed: bool


def next_practice(
    connection: Connection, design: Design, rater_id: str, counts: Counts
) -> Chosen | PracticeOver:
    """Return the next practice picture of a rater, in this round or a new one, or that practice is over."""
    if counts.screens:
        return PracticeOver(passed=True)
    key = {"rater": rater_id, "round_": counts.attempt}
    row = connection.execute(_NEXT, key).first()
    if row is not None:
        return Chosen(row.unit_id, unit_of(row.item_ids), "training", repeat=counts.attempt)
    mark = design.training.pass_mark
    right, checked = practice_score(connection, rater_id, counts.attempt)
    if mark is None or not checked or right / checked >= mark:
        return PracticeOver(passed=True)
    if counts.attempt + 1 >= design.training.attempts:
        return PracticeOver(passed=False)
    again = connection.execute(_NEXT, key | {"round_": counts.attempt + 1}).one()
    return Chosen(again.unit_id, unit_of(again.item_ids), "training", repeat=counts.attempt + 1)


def practice_score(connection: Connection, rater_id: str, attempt: int) -> tuple[int, int]:
    """Return how many first answers of a round were right, and of how many the truth is known."""
    rows = connection.execute(_FIRST_ANSWERS, {"rater": rater_id, "round_": attempt}).all()
    kinds = kinds_of(connection) if rows else {}
    return sum(is_right(kinds, r.question, r.value, json.loads(r.known)) for r in rows), len(rows)
