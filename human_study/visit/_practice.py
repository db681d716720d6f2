"""Answers whose truth is known: the practice round with its pass mark, and the checks of gold items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, TextClause, text

from genspace.human_study.design import Design
from genspace.human_study.design.protocols import PROTOCOLS
from genspace.human_study.visit._choosing import Chosen, Counts, unit_of

_NEXT = text("""
    SELECT unit_id, item_ids FROM units u WHERE kind = 'training' AND NOT EXISTS (
      SELECT 1 FROM assignments a
      WHERE a.rater_id = :rater AND a.unit_id = u.unit_id AND a.state <> 'expired' AND a.repeat = :round_)
    ORDER BY unit_id LIMIT 1
""")
_FIRST_ANSWERS = text("""
    SELECT v.question, v.value, v.known FROM answers v JOIN assignments a USING (assignment_id)
    WHERE a.rater_id = :rater AND a.role = 'training' AND a.repeat = :round_ AND v.revision = 1 AND v.known <> ''
""")
"""Of the first answers alone: whoever has been told the answer gives it, which shows nothing."""
_GOLD = text("""
    SELECT v.question, v.value, v.known FROM answers v JOIN assignments a USING (assignment_id, revision)
    WHERE a.rater_id = :rater AND a.role = 'gold' AND v.known <> ''
""")
_DESIGN = text("SELECT value FROM meta WHERE key = 'registered_design'")


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
    return _right(connection, _FIRST_ANSWERS, {"rater": rater_id, "round_": attempt})


def failed_checks(connection: Connection, rater_id: str) -> int:
    """Return how many of a rater's answers to gold items are wrong; of corrected ones the latest counts."""
    right, checked = _right(connection, _GOLD, {"rater": rater_id})
    return checked - right


def _right(connection: Connection, query: TextClause, key: Mapping[str, str | int]) -> tuple[int, int]:
    """Return how many answers agree with the known ones, within what their kind tolerates, and how many there are."""
    rows = connection.execute(query, key).all()
    registered = json.loads(connection.scalar(_DESIGN) or "{}") if rows else {}
    kinds, protocol = registered.get("kinds", {}), registered.get("protocol", "binary")
    right = [PROTOCOLS[kinds.get(r.question, protocol)].alike(r.value, json.loads(r.known)) for r in rows]
    return sum(right), len(right)
