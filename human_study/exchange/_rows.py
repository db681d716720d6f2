"""One answer as it goes out and comes back: every export is made from these rows, every import becomes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from genspace.errors import InputError, Problem
from genspace.human_study.answers.orders import read_tiers
from genspace.human_study.answers.screens import Detail, Screen
from genspace.human_study.design import OUTCOMES, Design
from genspace.human_study.design.protocols import CONFIDENCE
from genspace.human_study.reading import Recorded
from genspace.records import ROLES, Role


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
    return AnswerRow(
        **{name: getattr(s, name) for name in _OF_SCREEN},
        **asdict(s.details.get(question, Detail())),
        question=question,
        value=s.answers[question],
        known=json.dumps(s.known[question]) if question in s.known else "",
        outcome=recorded.outcomes.get(s.rater_id, ""),
    )


_OF_SCREEN = (
    "unit", "rater_id", "repeat", "role", "flipped", "shown", "position", "seconds", "comment", "received_at",
    "registration", "reclaimed",
)  # fmt: skip
"""What a row takes from its screen as it is."""


# Columns -------------------------------------------------------------------------------------------------------


def _strings(cell: Any) -> tuple[str, ...]:
    found = json.loads(cell) if isinstance(cell, str) else list(cell)
    if not isinstance(found, list) or not all(isinstance(i, str) for i in found):
        raise InputError('is not a list of items, such as ["a", "b"]')
    return tuple(found)


def _whole(cell: Any) -> int:
    number = float(cell)
    if not number.is_integer() or number < 0 or number > 2**31 - 1:
        raise InputError("is not a whole number from 0")
    return int(number)


def _seconds(cell: Any) -> float:
    number = float(cell)
    if not 0 <= number < 1e9:
        raise InputError("is not a number of seconds from 0")
    return number


def _share(cell: Any) -> float:
    number = float(cell)
    if number not in set(CONFIDENCE.values()):
        raise InputError(f"is none of {', '.join(f'{v:g}' for v in CONFIDENCE.values())}")
    return number


def _one_of(*known: str) -> Callable[[Any], str]:
    def read(cell: Any) -> str:
        if cell not in known:
            raise InputError(f"is none of {', '.join(known)}")
        return str(cell)

    return read


def _known(cell: Any) -> str:
    found = json.loads(cell) if isinstance(cell, str) else cell
    if found is not None and not isinstance(found, (int, float)):
        raise InputError("is not a known answer: a number, or null for can't tell")
    return json.dumps(found)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _moment(cell: Any) -> float:
    moment = datetime.fromisoformat(str(cell))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _digest(cell: Any) -> str:
    text = str(cell)
    if not (text.isalnum() and len(text) <= 64):
        raise InputError("is not a digest of a registration")
    return text


def _always(_design: Design) -> bool:
    return True


def _of_pairs(design: Design) -> bool:
    return design.answers.shape == "pair"


def _of_groups(design: Design) -> bool:
    return design.answers.shape == "group"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of every table of answers: how a row fills its cell, and what the cell means to a row."""

    name: str
    cell: Callable[[AnswerRow], Any] | None = None
    """None: the row's field of the same name."""
    read: Callable[[Any], Any] | None = None
    """What a filled cell means for the field of the same name; None: it is read together with others."""
    where: Callable[[Design], bool] = _always
    """Studies that have such a column."""
    ours: bool = False
    """Whether a table is recognised by it as an export of genspace."""


_COLUMNS = (
    _Column("item_id", lambda row: row.unit[0], ours=True),
    _Column("item_id_b", lambda row: row.unit[1] if len(row.unit) > 1 else "", where=_of_pairs),
    _Column("items", lambda row: list(row.unit), where=_of_groups),
    _Column("question", read=str, ours=True),
    _Column("rater_id", read=lambda cell: str(cell).strip(), ours=True),
    _Column("repeat", read=_whole, ours=True),
    _Column("role", read=_one_of(*ROLES), ours=True),
    _Column("value", ours=True),
    _Column("choice", ours=True),
    _Column("confidence", read=_share, where=lambda design: design.confidence),
    _Column("why", read=str, where=lambda design: design.why_not is not None),
    _Column("known", read=_known),
    _Column("side", lambda r: "" if len(r.unit) != 2 else "right" if r.flipped else "left", where=_of_pairs),
    _Column("shown", lambda row: list(row.shown), _strings, where=_of_groups),
    _Column("position", read=_whole, ours=True),
    _Column("seconds", read=_seconds),
    _Column("comment", read=str),
    _Column("received_at", lambda row: _iso(row.received_at or 0.0), _moment, ours=True),
    _Column("registration", read=_digest, ours=True),
    _Column("outcome", read=_one_of(*OUTCOMES)),
    _Column("reclaimed", lambda row: int(row.reclaimed), lambda cell: bool(_whole(cell))),
    _Column("excluded", lambda _: ""),
)
OWN_COLUMNS = tuple(column.name for column in _COLUMNS if column.ours)
"""Columns by which a table is recognised as an export of genspace."""


def columns_of(design: Design) -> list[str]:
    """Return the columns of a table of answers; those of pairs, groups and kinds of answers only where they occur."""
    return [column.name for column in _COLUMNS if column.where(design)]


def cells_of(
    row: AnswerRow, recorded: Recorded, design: Design, excluded: Mapping[str, str]
) -> dict[str, Any]:
    """Return a row's cells by column; `excluded` says which rules each rater breaks."""
    apart = {
        "choice": row.choice or _named(row, recorded, design),
        "excluded": excluded.get(row.rater_id, ""),
    }
    cells = {
        c.name: getattr(row, c.name, None) if c.cell is None else c.cell(row)
        for c in _COLUMNS
        if c.where(design)
    }
    return cells | apart


def _named(row: AnswerRow, recorded: Recorded, design: Design) -> str:
    """Return the name of what was chosen, as the study offers it now; "" for what it no longer offers."""
    try:
        return design.offered(recorded.kinds.get(row.question)).choice(row.value)
    except (InputError, KeyError):
        return ""


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
            told = str(error) if isinstance(error, InputError) else "cannot be read as an export wrote it"
            wrong.append((name, told))
            return default

    pair = tuple(str(cells[c]) for c in ("item_id", "item_id_b") if cells.get(c) not in {None, ""})
    unit: tuple[str, ...] = take("items", _strings, pair)
    group = _of_groups(design)
    choice = str(cells.get("choice") or "")
    if group and choice != "cannot_tell":
        take("choice", lambda c: read_tiers(c, design.protocol, unit))
    elif choice not in _CHOICES:
        choice = ""
    row = AnswerRow(
        unit=unit,
        question="",
        rater_id="",
        value=None if group else take("value", float),
        choice="" if choice == "cannot_tell" else choice,
        flipped=take("side", _one_of("left", "right"), "left") == "right",
        known="",
    )
    read = {c.name: take(c.name, c.read, getattr(row, c.name)) for c in _COLUMNS if c.read is not None}
    row = replace(row, **read)
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
