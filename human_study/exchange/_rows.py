"""One answer as it goes out and comes back: every export is made from these rows, every import becomes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from genspace.errors import InputError, Problem
from genspace.human_study.answers.orders import read_tiers
from genspace.human_study.answers.protocols import CONFIDENCE
from genspace.human_study.answers.screens import Detail, Screen
from genspace.human_study.design import OUTCOMES, Design
from genspace.human_study.reading import Recorded
from genspace.records import ROLES, Role

__all__ = ["OWN_COLUMNS", "AnswerRow", "cells_of", "columns_of", "problems_of", "row_of", "rows_of"]

OWN_COLUMNS = (
    "item_id",
    "question",
    "rater_id",
    "repeat",
    "role",
    "value",
    "choice",
    "position",
    "received_at",
    "registration",
)
"""Columns by which a table is recognised as an export of genspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """One rater's answer to one question about one unit."""

    unit: tuple[str, ...]
    """The items shown: one, the two of a pair, or those of a group."""
    question: str
    rater_id: str
    value: float | None
    """None: can't tell, or an order."""
    repeat: int = 0
    role: Role = "main"
    choice: str = ""
    """See `Detail.choice`."""
    flipped: bool = False
    """Whether the second item of a pair stood on the left."""
    shown: tuple[str, ...] = ()
    """A group's items in the order of the screen."""
    position: int | None = None
    """Place in the rater's visit; None: as the rows come."""
    seconds: float | None = None
    comment: str = ""
    confidence: float | None = None
    why: str = ""
    known: str | None = None
    """The known answer it was checked against, as JSON, "" for none; None: as the study says."""
    received_at: float | None = None
    """Seconds since 1970; None: when it is imported."""
    registration: str = ""
    outcome: str = ""
    """How the rater's visit ended; "" while it goes on."""
    reclaimed: bool = False

    def turned(self) -> AnswerRow:
        """Return the same answer about the pair the other way round."""
        known = json.loads(self.known) if self.known else None
        return replace(
            self,
            unit=self.unit[::-1],
            value=None if self.value is None else 1 - self.value,
            flipped=not self.flipped,
            known=self.known if known is None else json.dumps(1 - known),
        )


def rows_of(recorded: Recorded) -> list[AnswerRow]:
    """Return every answer, by rater, place in the visit and question: an order that no round trip changes."""
    screens = sorted(recorded.screens, key=lambda s: (s.rater_id, s.position, s.unit, s.repeat))
    return [_row(recorded, s, q) for s in screens for q in sorted(s.answers)]


def _row(recorded: Recorded, s: Screen, question: str) -> AnswerRow:
    detail = s.details.get(question, Detail())
    return AnswerRow(
        unit=s.unit,
        question=question,
        rater_id=s.rater_id,
        value=s.answers[question],
        repeat=s.repeat,
        role=s.role,
        choice=detail.choice,
        flipped=s.flipped,
        shown=s.shown,
        position=s.position,
        seconds=s.seconds,
        comment=s.comment,
        confidence=detail.confidence,
        why=detail.why,
        known=json.dumps(s.known[question]) if question in s.known else "",
        received_at=s.received_at,
        registration=s.registration,
        outcome=recorded.outcomes.get(s.rater_id, ""),
        reclaimed=s.reclaimed,
    )


def columns_of(design: Design) -> list[str]:
    """Return the columns of a table of answers; those of pairs, groups and kinds of answers only where they occur."""
    shape = design.answers.shape
    more = {
        "item_id_b": shape == "pair", "items": shape == "group", "side": shape == "pair", "shown": shape == "group",
        "confidence": design.confidence, "why": design.why_not is not None,
    }  # fmt: skip
    every = (
        "item_id", "item_id_b", "items", "question", "rater_id", "repeat", "role", "value", "choice", "confidence",
        "why", "known", "side", "shown", "position", "seconds", "comment", "received_at", "registration", "outcome",
        "reclaimed", "excluded",
    )  # fmt: skip
    return [name for name in every if more.get(name, True)]


def cells_of(
    row: AnswerRow, recorded: Recorded, design: Design, excluded: Mapping[str, str]
) -> dict[str, Any]:
    """Return a row's cells by column; `excluded` says which rules each rater breaks."""
    choice = row.choice or _named(row, recorded, design)
    cells = {
        "item_id": row.unit[0],
        "item_id_b": row.unit[1] if len(row.unit) > 1 else "",
        "items": list(row.unit),
        "question": row.question,
        "rater_id": row.rater_id,
        "repeat": row.repeat,
        "role": row.role,
        "value": row.value,
        "choice": choice,
        "confidence": row.confidence,
        "why": row.why,
        "known": row.known,
        "side": "" if len(row.unit) != 2 else "right" if row.flipped else "left",
        "shown": list(row.shown),
        "position": row.position,
        "seconds": row.seconds,
        "comment": row.comment,
        "received_at": _iso(row.received_at or 0.0),
        "registration": row.registration,
        "outcome": row.outcome,
        "reclaimed": int(row.reclaimed),
        "excluded": excluded.get(row.rater_id, ""),
    }
    return {name: cells[name] for name in columns_of(design)}


def _named(row: AnswerRow, recorded: Recorded, design: Design) -> str:
    """Return the name of what was chosen, as the study offers it now; "" for what it no longer offers."""
    try:
        return design.offered(recorded.kinds.get(row.question)).choice(row.value)
    except (InputError, KeyError):
        return ""


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


# Reading -------------------------------------------------------------------------------------------------------

_CHOICES = frozenset({"both_good", "both_bad"})
"""Choices that their value does not tell."""


def row_of(cells: Mapping[str, Any], design: Design) -> tuple[AnswerRow | None, list[tuple[str, str]]]:
    """Read the cells of an export: numbers and lists as such (JSON, Parquet) or as text (CSV).

    Returns: The row, or None with what is wrong: pairs of column and message.
    """
    wrong: list[tuple[str, str]] = []

    def take(name: str, read: Callable[[Any], Any], default: Any = None) -> Any:
        cell = cells.get(name)
        if cell is None or cell == "" or cell != cell:  # noqa: PLR0124 - NaN
            return default
        try:
            return read(cell)
        except (InputError, ValueError, TypeError, OverflowError, ArithmeticError) as error:
            wrong.append(
                (
                    name,
                    str(error) if isinstance(error, InputError) else "cannot be read as an export wrote it",
                )
            )
            return default

    pair = tuple(str(cells[c]) for c in ("item_id", "item_id_b") if cells.get(c) not in {None, ""})
    unit: tuple[str, ...] = take("items", _strings, pair)
    group = design.answers.shape == "group"
    choice = str(cells.get("choice") or "")
    if group and choice != "cannot_tell":
        take("choice", lambda c: read_tiers(c, design.protocol, unit))
    elif choice not in _CHOICES:
        choice = ""
    row = AnswerRow(
        unit=unit,
        question=str(cells.get("question") or ""),
        rater_id=str(cells.get("rater_id") or "").strip(),
        value=None if group else take("value", float),
        repeat=take("repeat", _whole, 0),
        role=cast("Role", take("role", _one_of(ROLES), "main")),
        choice="" if choice == "cannot_tell" else choice,
        flipped=take("side", _one_of(("left", "right")), "left") == "right",
        shown=take("shown", _strings, ()),
        position=take("position", _whole),
        seconds=take("seconds", _seconds),
        comment=str(cells.get("comment") or ""),
        confidence=take("confidence", _share),
        why=str(cells.get("why") or ""),
        known=take("known", _known, ""),
        received_at=take("received_at", _moment),
        registration=take("registration", _digest, ""),
        outcome=take("outcome", _one_of(OUTCOMES), ""),
        reclaimed=bool(take("reclaimed", _whole, 0)),
    )
    if not row.rater_id:
        wrong.append(("rater_id", "is empty"))
    if row.shown and sorted(row.shown) != sorted(row.unit):
        wrong.append(("shown", "are not the items of the group"))
    return (None if wrong else row), wrong


def problems_of(
    label: str, line: int, cells: Mapping[str, Any], wrong: Iterable[tuple[str, str]]
) -> list[Problem]:
    """Return the problems of one row."""
    return [Problem(label, message, row=line, field=name, value=cells.get(name)) for name, message in wrong]


def _strings(cell: Any) -> tuple[str, ...]:
    found = json.loads(cell) if isinstance(cell, str) else list(cell)
    if not isinstance(found, list) or not all(isinstance(i, str) for i in found):
        raise InputError('is no list of items, such as ["a", "b"]')
    return tuple(found)


def _whole(cell: Any) -> int:
    number = float(cell)
    if not number.is_integer() or number < 0 or number > 2**31 - 1:
        raise InputError("is no whole number from 0")
    return int(number)


def _seconds(cell: Any) -> float:
    number = float(cell)
    if not 0 <= number < 1e9:
        raise InputError("is no number of seconds from 0")
    return number


def _share(cell: Any) -> float:
    number = float(cell)
    if number not in set(CONFIDENCE.values()):
        raise InputError(f"is none of {', '.join(f'{v:g}' for v in CONFIDENCE.values())}")
    return number


def _one_of(known: Iterable[str]) -> Callable[[Any], str]:
    def read(cell: Any) -> str:
        if cell not in tuple(known):
            raise InputError(f"is none of {', '.join(known)}")
        return str(cell)

    return read


def _known(cell: Any) -> str:
    found = json.loads(cell) if isinstance(cell, str) else cell
    if found is not None and not isinstance(found, (int, float)):
        raise InputError("is no known answer: a number, or null for can't tell")
    return json.dumps(found)


def _moment(cell: Any) -> float:
    moment = datetime.fromisoformat(str(cell))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _digest(cell: Any) -> str:
    text = str(cell)
    if not (text.isalnum() and len(text) <= 64):
        raise InputError("is no digest of a registration")
    return text
