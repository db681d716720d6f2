"""Import answers: genspace's own exports, unchanged; tables, data sets and exports of other tools."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from genspace.errors import InputError, InvalidFilesError, Problem, refuse
from genspace.human_study.exchange._huggingface import ANSWERS_PARQUET
from genspace.human_study.exchange._label_studio import own_rows
from genspace.human_study.exchange._rows import OWN_COLUMNS, AnswerRow, problems_of, row_of
from genspace.human_study.exchange._tables import OwnRow, read_own_table
from genspace.human_study.exchange.foreign import from_export, from_table, no_such_question
from genspace.human_study.material import Asked, Material, UnitKey
from genspace.human_study.store import _schema as t
from genspace.human_study.store._units import recount
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.store.tokens import new_token
from genspace.study import documents_of, read_export

__all__ = ["Imported", "import_answers"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import added."""

    answers: int
    raters: int


def import_answers(
    store: AnswerStore, material: Material, path: Path, *, from_names: Sequence[str] = (), rater: str = ""
) -> Imported:
    """Add answers: a table, an export of another tool, or the folder of a Hugging Face data set.

    What genspace exported comes back as it was, with names, sides, places, times, repeats, comments and known
    answers. A table made elsewhere has `item_id, rater_id, value` and may have `item_id_b, question, repeat, role,
    seconds, comment`; values are numbers of the protocol or names of its answers. Label Studio (JSON, JSON-MIN, CSV),
    Potato and Mechanical Turk are recognised by their columns or keys. One mistake, and no answer is stored; answers
    that are there already stay as they are.

    Args:
        store: The study's store.
        material: The study.
        path: The file or folder.
        from_names: What another tool calls the questions that this study asks: `NAME`, or `NAME=QUESTION` where the
            study asks several. Empty: the only one that the file holds, or those of the same names.
        rater: The rater of answers that name nobody.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    if path.is_dir():
        path = _parquet_in(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    documents = documents_of(path)
    if own := own_rows(documents) or read_own_table(path, OWN_COLUMNS):
        rows = _own(material, path, own)
    elif export := read_export(path, documents, anonymous=rater):
        rows = from_export(material, export, from_names)
    elif from_names:
        raise InputError(f"`from_names` is for exports of other tools, and {path.name} is a plain table")
    else:
        rows = from_table(material, path)
    _check_once(str(path), rows)
    return _store(store, rows, path.name)


def _parquet_in(folder: Path) -> Path:
    """Return the file of a Hugging Face data set that holds the answers."""
    if (folder / ANSWERS_PARQUET).is_file():
        return folder / ANSWERS_PARQUET
    found = sorted(folder.rglob("*.parquet"))
    if len(found) != 1:
        names = ", ".join(str(p.relative_to(folder)) for p in found) or "none"
        raise InputError(
            f"{folder}: one Parquet file with answers is expected, there is {names}; name the file itself"
        )
    return found[0]


def _check_once(label: str, rows: Sequence[AnswerRow]) -> None:
    """Errors: `InvalidFilesError` for a file without an answer, or with two of one rater to one question."""
    if not rows:
        raise InvalidFilesError([Problem(label, "holds no answers")])
    seen: set[tuple[object, ...]] = set()
    twice: dict[str, None] = {}
    for row in rows:
        key = (row.rater_id, frozenset(row.unit), row.question, row.repeat)
        if key in seen:
            about = f"question {row.question!r}" if row.question else "the question"
            twice[
                f"rater {row.rater_id!r} answers {about} about {', '.join(row.unit)} twice; keep one answer"
            ] = None
        seen.add(key)
    if twice:
        raise InvalidFilesError([Problem(label, message) for message in twice])


def _own(material: Material, path: Path, own: Sequence[OwnRow]) -> list[AnswerRow]:
    """Read what genspace exported, and check it against what this study asks."""
    asked = material.asked()
    problems: list[Problem] = []
    rows: list[AnswerRow] = []
    seen: set[tuple[object, ...]] = set()
    for line, cells in own:
        row, wrong = row_of(cells, material.design)
        if row is not None:
            row, wrong = _checked(row, asked)
        if row is not None:
            key = (row.rater_id, row.unit, row.question, row.repeat)
            if key in seen:
                wrong = [("rater_id", "has answered this question about this item in a row above")]
            seen.add(key)
        problems += problems_of(str(path), line, cells, wrong)
        if row is not None:
            rows.append(row)
    refuse(problems)
    return rows


def _checked(
    row: AnswerRow, asked: Mapping[UnitKey, Mapping[str, Asked]]
) -> tuple[AnswerRow | None, list[tuple[str, str]]]:
    """Return the row as the study has its unit, or what does not fit the study."""
    if row.unit not in asked and row.unit[::-1] in asked and len(row.unit) == 2:
        row = row.turned()
    questions = asked.get(row.unit)
    if questions is None:
        return None, [("item_id", "this study asks about no such item, pair or group")]
    if row.question not in questions:
        return None, [("question", no_such_question(questions))]
    answers = questions[row.question].answers
    if row.choice or answers.shape == "group":
        return row, []
    try:
        answers.choice(row.value)
    except InputError as error:
        return None, [("value", str(error))]
    return row, []


def _store(store: AnswerStore, rows: Sequence[AnswerRow], source: str) -> Imported:
    """Add answers, all or none; those of one rater to one unit become one screen."""
    screens: dict[tuple[str, UnitKey, int], list[AnswerRow]] = {}
    for row in rows:
        screens.setdefault((row.rater_id, row.unit, row.repeat), []).append(row)
    added = 0
    with store.writing() as connection:
        desk = _Desk(connection, store.clock())
        for place, theirs in enumerate(screens.values(), start=1):
            added += desk.put(theirs, place)
        store.note(connection, "imported", f"{source}: {added} answers of {desk.newcomers} new raters")
    return Imported(added, desk.newcomers)


class _Desk:
    """Puts screens into the store, within one transaction."""

    def __init__(self, connection: Connection, now: float) -> None:
        self.connection = connection
        self.now = now
        self.newcomers = 0
        a, r = t.assignments.c, t.raters.c
        units = connection.execute(select(t.units).where(~t.units.c.kind.startswith("gone-")))
        self._units = {tuple(json.loads(u.item_ids)): u for u in units}
        self._raters = {
            row.rater_id: row.outcome for row in connection.execute(select(r.rater_id, r.outcome))
        }
        there = connection.execute(select(a.rater_id, a.unit_id, a.repeat))
        self._there = {(row.rater_id, row.unit_id, row.repeat) for row in there}

    def put(self, theirs: Sequence[AnswerRow], place: int) -> int:
        """Store one screen; return how many answers that added, 0 where it is there already."""
        row = theirs[0]
        key = row.unit if row.unit in self._units else row.unit[::-1]
        if key != row.unit:
            theirs = [r.turned() for r in theirs]
            row = theirs[0]
        unit = self._units[key]
        self._welcome(row)
        if (row.rater_id, unit.unit_id, row.repeat) in self._there:
            return 0
        at = self.now if row.received_at is None else row.received_at
        made = insert(t.assignments).values(
            rater_id=row.rater_id, unit_id=unit.unit_id, repeat=row.repeat,
            role="extra" if row.role == "extra" and unit.kind == "main" else unit.kind, flipped=row.flipped,
            shown=json.dumps(row.shown, ensure_ascii=False) if row.shown else "",
            position=place if row.position is None else row.position, state="answered", given_at=at,
            expires_at=at, revision=1, reclaimed=row.reclaimed,
        )  # fmt: skip
        assignment_id = self.connection.execute(made.returning(t.assignments.c.assignment_id)).scalar_one()
        first = {"assignment_id": assignment_id, "revision": 1}
        self.connection.execute(
            insert(t.submissions),
            {
                **first, "submission": f"import-{new_token()}", "received_at": at, "seconds": row.seconds,
                "comment": row.comment, "registration": row.registration,
            },
        )  # fmt: skip
        said = json.loads(unit.known or "{}")
        self.connection.execute(insert(t.answers), [{**first, **_answer(r, said)} for r in theirs])
        if unit.kind == "main" and row.repeat == 0 and not row.reclaimed:
            recount(self.connection, unit.unit_id, assigned=1, done=1)
        return len(theirs)

    def _welcome(self, row: AnswerRow) -> None:
        """Make sure that there is such a rater, whose visit ended as the row says."""
        if row.rater_id not in self._raters:
            self.newcomers += 1
            self._raters[row.rater_id] = None
            self.connection.execute(
                insert(t.raters),
                {
                    "rater_id": row.rater_id, "source": "import", "created_at": self.now, "consented_at": self.now,
                    "last_seen_at": self.now,
                },
            )  # fmt: skip
        if row.outcome and self._raters[row.rater_id] is None:
            self._raters[row.rater_id] = row.outcome
            theirs = update(t.raters).where(t.raters.c.rater_id == row.rater_id)
            self.connection.execute(theirs.values(outcome=row.outcome, outcome_at=self.now))


def _answer(row: AnswerRow, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as it is stored; `said` are the unit's known answers, for rows that carry none."""
    known = row.known
    if known is None:
        known = json.dumps(said[row.question]) if row.question in said else ""
    same = ("question", "value", "choice", "confidence", "why")
    return {name: getattr(row, name) for name in same} | {"known": known}
