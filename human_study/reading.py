"""Reading people's answers back: light, and for SQLite with the standard library alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, optional_import
from genspace.human_study._answers_file import check_layout, opened_to_read
from genspace.human_study.answers.orders import implied_pairs, load_tiers
from genspace.human_study.answers.quality import RaterQuality, rate_raters
from genspace.human_study.answers.screens import Detail, Screen
from genspace.human_study.design import DESIGN_FILE, ExclusionTable, load_design
from genspace.human_study.design.protocols import PROTOCOLS
from genspace.human_study.examples import PREFIX
from genspace.records import ANSWERS_FILE, StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ANSWERS_FILE", "SCREENS_QUERY", "Recorded", "answers", "read_recorded"]

_COLUMNS: Mapping[str, str] = {
    **{name: f"a.{name}" for name in ("assignment_id", "rater_id", "role", "repeat", "flipped", "shown", "position",
                                      "reclaimed")},
    "item_ids": "u.item_ids",
    "seconds": "(SELECT SUM(e.seconds) FROM submissions e WHERE e.assignment_id = a.assignment_id)",
    **{name: f"s.{name}" for name in ("comment", "received_at", "registration")},
    **{name: f"v.{name}" for name in ("question", "value", "choice", "confidence", "why", "known")},
}  # fmt: skip
_OF_LAYOUT_1: Mapping[str, str] = {
    "item_ids": "CASE u.item_id_b WHEN '' THEN json_array(u.item_id) ELSE json_array(u.item_id, u.item_id_b) END",
    "known": "u.known", "reclaimed": "FALSE", "confidence": "NULL",
    **dict.fromkeys(("shown", "registration", "choice", "why"), "''"),
}  # fmt: skip
"""What layout 2 added, to what stands for it in layout 1 (of SQLite)."""


def _query(columns: Mapping[str, str]) -> str:
    return f"""
    SELECT {", ".join(f"{what} AS {name}" for name, what in columns.items())}
    FROM assignments a
    JOIN units u ON u.unit_id = a.unit_id
    JOIN submissions s ON s.assignment_id = a.assignment_id AND s.revision = a.revision
    JOIN answers v ON v.assignment_id = a.assignment_id AND v.revision = a.revision
    ORDER BY a.assignment_id, v.question
    """


SCREENS_QUERY = _query(_COLUMNS)
"""One row per answered question, of changed answers the latest; the same text for SQLite and PostgreSQL."""
_OUTCOMES = "SELECT rater_id, outcome FROM raters WHERE outcome IS NOT NULL"
_META = """
    SELECT key, value FROM meta WHERE key IN ('registered_design', 'registration', 'schema_version', 'state')
    UNION ALL
    SELECT 'missing', CAST(COALESCE(SUM(wanted - done), 0) AS VARCHAR) FROM units WHERE done < wanted
"""


@dataclass(frozen=True)
class Recorded:
    """What raters answered so far, and the rules registered before they did.

    >>> Recorded(registered={"protocol": "likert"}).protocol
    'likert'
    """

    screens: tuple[Screen, ...] = ()
    """Every answered screen, in the order of assignment; of changed answers the latest."""
    registered: Mapping[str, Any] = field(default_factory=dict)
    """The design as registered (see `Design.registered`); empty for answers that were only imported."""
    missing: int = 0
    """Answers that an open study still asks for; 0 for one that is paused or closed."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """Rater to how the visit ended, as far as it has."""
    registration: str = ""
    """Digest of what is registered; "" where an earlier version registered names only, or nothing is."""

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
        rules = ExclusionTable.model_validate(self.registered.get("exclusion", {}))
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
    """Return the answers collected by `genspace annotate` as an annotations frame; empty if there are none.

    Args:
        study_root: The study's folder.
        settings: The study's settings; answer values follow the protocol, not these.

    Errors: `InputError` for a database that cannot be read.

    >>> import tempfile
    >>> answers(Path(tempfile.mkdtemp())).empty
    True
    """
    return read_recorded(study_root).frame()


def read_recorded(study_root: Path) -> Recorded:
    """Read everything that raters answered; empty if the study has not asked people.

    Errors: `InputError` for a database that cannot be read.

    >>> import tempfile
    >>> read_recorded(Path(tempfile.mkdtemp())).screens
    ()
    """
    database = load_design(study_root).database if (study_root / DESIGN_FILE).is_file() else None
    if database is not None:
        return _from_postgresql(study_root, database)
    path = study_root / ANSWERS_FILE
    return _from_sqlite(path) if path.exists() else Recorded()


def _from_sqlite(path: Path) -> Recorded:
    with opened_to_read(path) as connection:
        connection.row_factory = sqlite3.Row

        def select(query: str) -> list[Mapping[str, Any]]:
            return [dict(row) for row in connection.execute(query)]

        return _recorded(select, str(path))


def _from_postgresql(study_root: Path, database: str) -> Recorded:
    optional_import("sqlalchemy", extra="web", needed_for="reading answers from PostgreSQL")
    from sqlalchemy import text

    from genspace.human_study._engine import open_engine, storage_errors

    engine = open_engine(study_root, database)
    try:
        with storage_errors("the answers cannot be read from PostgreSQL"), engine.connect() as connection:
            return _recorded(
                lambda q: [dict(r) for r in connection.execute(text(q)).mappings()], "PostgreSQL"
            )
    finally:
        engine.dispose()


def _recorded(select: Callable[[str], list[Mapping[str, Any]]], where: str) -> Recorded:
    """Return what is stored; `select` runs a query and returns its rows by column."""
    meta = {row["key"]: row["value"] for row in select(_META)}
    check_layout(meta.get("schema_version"), where)
    old = meta.get("schema_version") == "1"
    if old and where == "PostgreSQL":
        raise InputError(
            f"the answers in {where} are stored in layout 1; bring them up to date with: genspace annotate serve STUDY"
        )
    rows = map(_of_layout_1, select(_query({**_COLUMNS, **_OF_LAYOUT_1}))) if old else select(SCREENS_QUERY)
    return Recorded(
        to_screens(rows),
        json.loads(meta.get("registered_design", "{}")),
        int(meta["missing"]) if meta.get("state") == "open" else 0,
        {} if old else {row["rater_id"]: row["outcome"] for row in select(_OUTCOMES)},
        meta.get("registration", ""),
    )


def _of_layout_1(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the unit's known answers keep that to the row's own question."""
    known = json.loads(row["known"] or "{}")
    return {**row, "known": json.dumps(known[row["question"]]) if row["question"] in known else ""}


_AS_STORED = (
    "assignment_id", "rater_id", "role", "repeat", "position", "seconds", "comment", "received_at", "registration",
)  # fmt: skip


def to_screens(rows: Iterable[Mapping[Any, Any]]) -> tuple[Screen, ...]:
    """Gather the rows of `SCREENS_QUERY` into screens."""
    screens: dict[int, Screen] = {}
    for row in rows:
        if row["assignment_id"] not in screens:
            screens[row["assignment_id"]] = Screen(
                **{name: row[name] for name in _AS_STORED},
                unit=tuple(json.loads(row["item_ids"])),
                flipped=bool(row["flipped"]),
                shown=tuple(json.loads(row["shown"] or "[]")),
                reclaimed=bool(row["reclaimed"]),
                answers={},
                known={},
                details={},
            )
        screen: Any = screens[row["assignment_id"]]  # its mappings are filled here and nowhere else
        question = row["question"]
        screen.answers[question] = row["value"]
        if row["known"]:
            screen.known[question] = json.loads(row["known"])
        if row["choice"] or row["why"] or row["confidence"] is not None:
            screen.details[question] = Detail(row["choice"], row["confidence"], row["why"])
    return tuple(screens.values())
