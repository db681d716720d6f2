"""Whether answers in the store are those that are known to be right."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from genspace.human_study.design.protocols import PROTOCOLS
from genspace.human_study.store import _schema as t

__all__ = ["failed_checks", "is_right", "kinds_of"]

_A, _V = t.assignments.c, t.answers.c
_GOLD = (
    select(_V.question, _V.value, _V.known)
    .join_from(t.answers, t.assignments, _V.assignment_id == _A.assignment_id)
    .where(_A.rater_id == bindparam("rater"), _A.role == "gold", _V.revision == _A.revision, _V.known != "")
)
_DESIGN = select(t.meta.c.value).where(t.meta.c.key == "registered_design")


def kinds_of(connection: Connection) -> Mapping[str, str]:
    """Return each question's kind of answer as registered; "" stands for the study's protocol."""
    registered = json.loads(connection.scalar(_DESIGN) or "{}")
    return {"": registered.get("protocol", "binary"), **registered.get("kinds", {})}


def is_right(kinds: Mapping[str, str], question: str, given: float | None, known: float | None) -> bool:
    """Whether an answer agrees with the known one, within what its kind tolerates."""
    return PROTOCOLS[kinds.get(question, kinds[""])].alike(given, known)


def failed_checks(connection: Connection, rater_id: str) -> int:
    """Return how many of a rater's answers to gold items are wrong; of corrected ones the latest counts."""
    rows = connection.execute(_GOLD, {"rater": rater_id}).all()
    kinds = kinds_of(connection) if rows else {}
    return sum(not is_right(kinds, r.question, r.value, json.loads(r.known)) for r in rows)
