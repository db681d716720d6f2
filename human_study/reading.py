"""Reading people's answers back: light, and for SQLite with the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, optional_import
from genspace.human_study._answers_file import ANSWERS_FILE, opened_to_read
from genspace.human_study.answers.orders import implied_pairs, load_tiers
from genspace.human_study.answers.quality import RaterQuality, rate_raters
from genspace.human_study.answers.screens import Detail, Screen
from genspace.human_study.design import DESIGN_FILE, Exclusion, load_design
from genspace.human_study.design.protocols import PROTOCOLS
from genspace.human_study.examples import PREFIX
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ANSWERS_FILE", "SCREENS_QUERY", "Recorded", "answers", "read_recorded", "to_screens"]

_NEW_COLUMNS = {
    "u.item_ids": "u.item_id || char(31) || u.item_id_b", "a.shown": "''", "a.reclaimed": "FALSE",
    "s.registration": "''", "v.choice": "''", "v.confidence": "NULL", "v.why": "''", "v.known": "u.known",
}  # fmt: skip
"""What layout 2 added, to what stands for it in layout 1 (of SQLite)."""

SCREENS_QUERY = """
    SELECT a.assignment_id, a.rater_id, u.item_ids, a.role, a.repeat, a.flipped, a.shown, a.position, a.reclaimed,
           (SELECT SUM(e.seconds) FROM submissions e WHERE e.assignment_id = a.assignment_id), s.comment,
           s.received_at, s.registration, v.question, v.value, v.choice, v.confidence, v.why, v.known
    FROM assignments a
    JOIN units u ON u.unit_id = a.unit_id
    JOIN submissions s ON s.assignment_id = a.assignment_id AND s.revision = a.revision
    JOIN answers v ON v.assignment_id = a.assignment_id AND v.revision = a.revision
    ORDER BY a.assignment_id, v.question
"""
"""One row per answered question, of changed answers the latest; the same text for SQLite and PostgreSQL."""
_OUTCOMES = "SELECT rater_id, outcome FROM raters WHERE outcome IS NOT NULL"
_META = """
    SELECT key, value FROM meta WHERE key IN ('registered_design', 'registration', 'schema_version', 'state')
    UNION ALL
    SELECT 'missing', CAST(COALESCE(SUM(wanted - done), 0) AS VARCHAR) FROM units WHERE done < wanted
"""


class Recorded:
    """What raters answered so far, and the rules registered before they did.

    Args:
        screens: Every answered screen, in the order of assignment; of changed answers the latest.
        registered: The design as registered (see `Design.registered`); empty for answers that were only imported.
        missing: Answers that an open study still asks for; 0 for one that is paused or closed.
        outcomes: Rater to how the visit ended, as far as it has.
        registration: Digest of what is registered; "" where an earlier version registered names only, or nothing is.
    """

    def __init__(
        self,
        screens: Iterable[Screen],
        registered: Mapping[str, Any],
        missing: int = 0,
        *,
        outcomes: Mapping[str, str] | None = None,
        registration: str = "",
    ) -> None:
        self.screens = tuple(screens)
        self.registered = registered
        self.missing = missing
        self.outcomes = dict(outcomes or {})
        self.registration = registration

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return str(self.registered.get("protocol", "binary"))

    @property
    def kinds(self) -> Mapping[str, str]:
        """Question to its kind of answer, where it was registered."""
        return dict(self.registered.get("kinds", {}))

    @property
    def registrations(self) -> tuple[str, ...]:
        """Digests under which answers of the main round were given, first to last; several after an amendment."""
        in_time = sorted(self.screens, key=lambda s: s.received_at)
        return tuple(dict.fromkeys(s.registration for s in in_time if s.role == "main"))

    def settings(self, declared: StudySettings) -> StudySettings:
        """Return a study's settings with what the protocol says where the study declares nothing.

        Questions of several kinds have no type and no scale in common.
        """
        if not self.screens:
            return declared
        raters = declared.raters or "person"
        if len(set(self.kinds.values())) > 1:
            return replace(declared, raters=raters)
        protocol = PROTOCOLS[next(iter(self.kinds.values()), self.protocol)]
        low, high = protocol.scale
        return replace(
            declared,
            raters=raters,
            value_type=declared.value_type or protocol.value_type,
            scale_min=low if declared.scale_min is None else declared.scale_min,
            scale_max=high if declared.scale_max is None else declared.scale_max,
        )

    def raters(self) -> list[RaterQuality]:
        """Figures of every rater, with the registered rules that each breaks."""
        rules = Exclusion.model_validate(self.registered.get("exclusion", {}))
        return rate_raters(self.screens, rules, self.protocol, kinds=self.kinds, outcomes=self.outcomes)

    def frame(self) -> pd.DataFrame:
        """Return the annotations frame: one row per answered question; an order of a group as the pairs it decides.

        Columns: `item_id, item_id_b, question, rater_id, repeat, role, value` (NaN: can't tell), then `excluded`
        (the rules the rater breaks, "" if none), `seconds`, `confidence` (0 to 1, NaN: not asked), `why` (the reason
        for a no), `registration` (the digest of what was registered then), and `reclaimed` (whether somebody else was
        asked instead).
        """
        import pandas as pd

        excluded = {r.rater_id: "; ".join(r.excluded) for r in self.raters()}
        rows = [
            (*key, s.rater_id, repeat, s.role, value, excluded[s.rater_id], s.seconds, *more)
            for s, key, repeat, value, more in _rows(self.screens)
        ]
        columns = {
            "item_id": "str", "item_id_b": "str", "question": "str", "rater_id": "str", "repeat": "int64",
            "role": "str", "value": "float64", "excluded": "str", "seconds": "float64", "confidence": "float64",
            "why": "str", "registration": "str", "reclaimed": "bool",
        }  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).astype(columns)


_Row = tuple[Screen, tuple[str, str, str], int, float | None, tuple[float | None, str, str, bool]]


def _rows(screens: Iterable[Screen]) -> Iterable[_Row]:
    """Yield each answer about items of the study: key (item_id, item_id_b, question), repeat, value, what follows.

    A pair that several groups of one rater decide is told apart by its repeat, which counts them in the rater's order.
    """
    screens = [s for s in screens if not s.unit[0].startswith(PREFIX)]
    seen: dict[tuple[str, ...], list[int]] = {}
    for s in sorted((s for s in screens if s.shown), key=lambda s: (s.rater_id, s.position)):
        for question, detail in s.details.items():
            for first, second, _ in implied_pairs(load_tiers(detail.choice)) if detail.choice else ():
                seen.setdefault((s.rater_id, first, second, question), []).append(s.assignment_id)
    for s in screens:
        for question, value in s.answers.items():
            detail = s.details.get(question, Detail())
            more = (detail.confidence, detail.why, s.registration, s.reclaimed)
            if not s.shown:
                yield s, (s.unit[0], "".join(s.unit[1:]), question), s.repeat, value, more
                continue
            for first, second, share in implied_pairs(load_tiers(detail.choice or "[]")):
                again = seen[s.rater_id, first, second, question].index(s.assignment_id)
                yield s, (first, second, question), again, share, more


def answers(study_root: Path, settings: StudySettings | None = None) -> pd.DataFrame:  # noqa: ARG001
    """Return the answers given through `genspace annotate`, as an annotations frame; empty when there are none.

    Args:
        study_root: The study's folder.
        settings: The study's settings; values come as the protocol defines them, whatever they declare.

    Errors: `InputError` for a database that cannot be read.

    >>> import tempfile
    >>> answers(Path(tempfile.mkdtemp())).empty
    True
    """
    return read_recorded(study_root).frame()


def read_recorded(study_root: Path) -> Recorded:
    """Read everything that raters answered; nothing when the study never asked people.

    Errors: `InputError` for a database that cannot be read.

    >>> import tempfile
    >>> read_recorded(Path(tempfile.mkdtemp())).screens
    ()
    """
    database = load_design(study_root).database if (study_root / DESIGN_FILE).is_file() else None
    if database is not None:
        rows, outcomes, meta = _from_postgresql(study_root, database)
    elif (study_root / ANSWERS_FILE).is_file():
        rows, outcomes, meta = _from_sqlite(study_root / ANSWERS_FILE)
    else:
        return Recorded((), {})
    missing = int(meta["missing"]) if meta.get("state") == "open" else 0
    return Recorded(
        to_screens(rows),
        json.loads(meta.get("registered_design", "{}")),
        missing,
        outcomes=outcomes,
        registration=meta.get("registration", ""),
    )


_Read = tuple[list[tuple[Any, ...]], dict[str, str], dict[str, str]]


def _from_sqlite(path: Path) -> _Read:
    with opened_to_read(path) as connection:
        meta = dict(connection.execute(_META).fetchall())
        if meta.get("schema_version") != "1":
            return (
                connection.execute(SCREENS_QUERY).fetchall(),
                dict(connection.execute(_OUTCOMES).fetchall()),
                meta,
            )
        query = SCREENS_QUERY
        for name, stands_for in _NEW_COLUMNS.items():
            query = query.replace(name, stands_for)
        return [_of_layout_1(row) for row in connection.execute(query)], {}, meta


def _of_layout_1(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Bring a row to layout 2: items as JSON, the known answer of its own question."""
    items = [i for i in row[2].split("\x1f") if i]
    known = json.loads(row[18] or "{}")
    own = json.dumps(known[row[13]]) if row[13] in known else ""
    return (*row[:2], json.dumps(items), *row[3:18], own)


def _from_postgresql(study_root: Path, database: str) -> _Read:
    optional_import("sqlalchemy", extra="web", needed_for="reading answers from PostgreSQL")
    from sqlalchemy import text

    from genspace.human_study._engine import open_engine, storage_errors

    engine = open_engine(study_root, database)
    try:
        with storage_errors("the answers cannot be read from PostgreSQL"), engine.connect() as connection:
            meta = {row.key: row.value for row in connection.execute(text(_META))}
            if meta.get("schema_version") == "1":
                raise InputError(
                    "the answers in PostgreSQL are stored in layout 1; bring them up to date with: genspace annotate "
                    f"serve {study_root}"
                )
            rows = [tuple(r) for r in connection.execute(text(SCREENS_QUERY))]
            return rows, {r.rater_id: r.outcome for r in connection.execute(text(_OUTCOMES))}, meta
    finally:
        engine.dispose()


def to_screens(rows: Iterable[tuple[Any, ...]]) -> list[Screen]:
    """Gather the rows of `SCREENS_QUERY` into screens."""
    screens: dict[int, Screen] = {}
    for row in rows:
        (
            key,
            rater_id,
            items,
            role,
            repeat,
            flipped,
            shown,
            position,
            reclaimed,
            seconds,
            comment,
            at,
            digest,
        ) = row[:13]
        question, value, choice, confidence, why, known = row[13:]
        if key not in screens:
            screens[key] = Screen(
                rater_id=rater_id,
                unit=tuple(json.loads(items)),
                role=role,
                repeat=repeat,
                flipped=bool(flipped),
                position=position,
                answers={},
                known={},
                seconds=seconds,
                comment=comment,
                received_at=at,
                assignment_id=key,
                details={},
                shown=tuple(json.loads(shown)) if shown else (),
                registration=digest,
                reclaimed=bool(reclaimed),
            )
        screen: Any = screens[key]  # its mappings are filled here and nowhere else
        screen.answers[question] = value
        if known:
            screen.known[question] = json.loads(known)
        if choice or why or confidence is not None:
            screen.details[question] = Detail(choice, confidence, why)
    return list(screens.values())
