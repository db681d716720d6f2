"""Reading people's answers back: light, and for SQLite with the standard library alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, optional_import
from genspace.human_study.design import DESIGN_FILE, Exclusion, load_design
from genspace.human_study.protocols import PROTOCOLS
from genspace.human_study.quality import RaterQuality, Screen, rate_raters
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ANSWERS_FILE", "SCREENS_QUERY", "Recorded", "answers", "read_recorded", "to_screens"]

ANSWERS_FILE = "answers.sqlite"

SCREENS_QUERY = """
    SELECT a.assignment_id, a.rater_id, u.item_id, u.item_id_b, u.known, a.role, a.repeat, a.flipped, a.position,
           s.seconds, s.comment, s.received_at, v.question, v.value
    FROM assignments a
    JOIN units u ON u.unit_id = a.unit_id
    JOIN submissions s ON s.assignment_id = a.assignment_id AND s.revision = a.revision
    JOIN answers v ON v.assignment_id = a.assignment_id AND v.revision = a.revision
    ORDER BY a.assignment_id, v.question
"""
"""One row per answered question, of changed answers the latest; the same text for SQLite and PostgreSQL."""
_META = """
    SELECT key, value FROM meta WHERE key IN ('registered_design', 'state')
    UNION ALL
    SELECT 'missing', CAST(COALESCE(SUM(wanted - done), 0) AS VARCHAR) FROM units WHERE done < wanted
"""


class Recorded:
    """What raters answered so far, and the rules registered before they did.

    Args:
        screens: Every answered screen, in the order of assignment; of changed answers the latest.
        registered: The design as registered (see `Design.registered`); empty for answers that were only imported.
        missing: Answers that an open study still asks for; 0 for one that is paused or closed.
    """

    def __init__(self, screens: Iterable[Screen], registered: Mapping[str, Any], missing: int = 0) -> None:
        self.screens = tuple(screens)
        self.registered = registered
        self.missing = missing

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return str(self.registered.get("protocol", "binary"))

    def settings(self, declared: StudySettings) -> StudySettings:
        """Return a study's settings with what the protocol says where the study declares nothing."""
        if not self.screens:
            return declared
        protocol = PROTOCOLS[self.protocol]
        low, high = protocol.scale
        return replace(
            declared,
            raters=declared.raters or "person",
            value_type=declared.value_type or protocol.value_type,
            scale_min=low if declared.scale_min is None else declared.scale_min,
            scale_max=high if declared.scale_max is None else declared.scale_max,
        )

    def raters(self) -> list[RaterQuality]:
        """Figures of every rater, with the registered rules that each breaks."""
        rules = Exclusion.model_validate(self.registered.get("exclusion", {}))
        return rate_raters(self.screens, rules, self.protocol)

    def frame(self) -> pd.DataFrame:
        """Return the annotations frame: one row per answered question.

        Columns: `item_id, item_id_b, question, rater_id, repeat, role, value` (NaN: can't tell), then `excluded`
        (the rules the rater breaks, "" if none) and `seconds`.
        """
        import pandas as pd

        excluded = {r.rater_id: "; ".join(r.excluded) for r in self.raters()}
        rows = [
            (*s.unit, q, s.rater_id, s.repeat, s.role, v, excluded[s.rater_id], s.seconds)
            for s in self.screens
            for q, v in s.answers.items()
        ]
        columns = {
            "item_id": "str", "item_id_b": "str", "question": "str", "rater_id": "str", "repeat": "int64",
            "role": "str", "value": "float64", "excluded": "str", "seconds": "float64",
        }  # fmt: skip
        return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def answers(study_root: Path, settings: StudySettings | None = None) -> pd.DataFrame:  # noqa: ARG001 - part of the call
    """Return the answers given through `genspace annotate`, as an annotations frame; empty when there are none.

    Args:
        study_root: The study's folder.
        settings: The study's settings; values come as the protocol defines them, whatever they declare.

    Errors: `InputError` for a database that cannot be read.
    """
    return read_recorded(study_root).frame()


def read_recorded(study_root: Path) -> Recorded:
    """Read everything that raters answered; nothing when the study never asked people.

    Errors: `InputError` for a database that cannot be read.
    """
    database = load_design(study_root).database if (study_root / DESIGN_FILE).is_file() else None
    if database is not None:
        rows, meta = _from_postgresql(study_root, database)
    elif (study_root / ANSWERS_FILE).is_file():
        rows, meta = _from_sqlite(study_root / ANSWERS_FILE)
    else:
        return Recorded((), {})
    missing = int(meta["missing"]) if meta.get("state") == "open" else 0
    return Recorded(to_screens(rows), json.loads(meta.get("registered_design", "{}")), missing)


def _from_sqlite(path: Path) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
        ) as connection:
            return connection.execute(SCREENS_QUERY).fetchall(), dict(connection.execute(_META).fetchall())
    except sqlite3.Error as error:
        raise InputError(f"{path}: the answers cannot be read: {error}") from None


def _from_postgresql(study_root: Path, database: str) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    optional_import("sqlalchemy", extra="web", needed_for="reading answers from PostgreSQL")
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from genspace.human_study._schema import open_engine

    engine = open_engine(study_root, database)
    try:
        with engine.connect() as connection:
            rows = [tuple(r) for r in connection.execute(text(SCREENS_QUERY))]
            return rows, {row.key: row.value for row in connection.execute(text(_META))}
    except SQLAlchemyError as error:
        raise InputError(f"the answers cannot be read from PostgreSQL: {error}") from None
    finally:
        engine.dispose()


def to_screens(rows: Iterable[tuple[Any, ...]]) -> list[Screen]:
    """Gather the rows of `SCREENS_QUERY` into screens."""
    screens: dict[int, Screen] = {}
    values: dict[int, dict[str, float | None]] = {}
    for row in rows:
        (key, rater_id, item_id, item_id_b, known, role, repeat, flipped, position, seconds, comment, at) = (
            row[:12]
        )
        question, value = row[12:]
        if key not in screens:
            values[key] = {}
            screens[key] = Screen(
                rater_id=rater_id,
                unit=(item_id, item_id_b),
                role=role,
                repeat=repeat,
                flipped=bool(flipped),
                position=position,
                answers=values[key],
                known=json.loads(known) if known else {},
                seconds=seconds,
                comment=comment,
                received_at=at,
                assignment_id=key,
            )
        values[key][question] = value
    return list(screens.values())
