"""Answers in: tables, Label Studio's JSON, Hugging Face datasets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.human_study import _schema as t
from genspace.human_study._units import recount
from genspace.human_study.exporting import HUGGINGFACE_ANSWERS
from genspace.human_study.material import Material
from genspace.human_study.store import AnswerStore, new_token
from genspace.records import ROLES
from genspace.tables import parse_numbers, read_table, require_columns

__all__ = ["import_answers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Imported:
    """One answer made elsewhere."""

    rater_id: str
    unit: tuple[str, str]
    """item_id and item_id_b; a pair may stand the other way round than in the study."""
    question: str
    value: float | None
    repeat: int = 0
    extra: bool = False
    """Whether the rater was asked because of the answers before; whatever else a role says, the study's gold says."""
    seconds: float | None = None
    comment: str = ""


def import_answers(store: AnswerStore, material: Material, path: Path) -> dict[str, int]:
    """Add answers made elsewhere: a table (CSV, JSON Lines, Parquet), Label Studio's JSON, a Hugging Face dataset.

    A table has `item_id, rater_id, value` and may have `item_id_b, question, repeat, role, seconds, comment`. Values
    are numbers of the protocol or names of its answers. A folder is a data set as `write_huggingface` makes it. All or
    nothing: one mistake, and no answer is stored.

    Returns: `{"answers": …, "raters": …}` added.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    if path.is_dir():
        path /= HUGGINGFACE_ANSWERS
    rows = _from_label_studio(material, path) if path.suffix == ".json" else _from_table(material, path)
    return _store(store, rows, path.name)


def _store(store: AnswerStore, rows: Sequence[_Imported], source: str) -> dict[str, int]:
    """Add answers, all or none; answers that are there already stay as they are.

    Those of one rater to one unit become one screen. Returns how many answers and raters were added.
    """
    screens: dict[tuple[str, tuple[str, str], int], list[_Imported]] = {}
    for row in rows:
        screens.setdefault((row.rater_id, row.unit, row.repeat), []).append(row)
    now = store.clock()
    added, newcomers = 0, 0
    with store.writing() as connection:
        units = {(u.item_id, u.item_id_b): u for u in connection.execute(select(t.units))}
        known = set(connection.scalars(select(t.raters.c.rater_id)))
        a = t.assignments.c
        there = {
            (r.rater_id, r.unit_id, r.repeat)
            for r in connection.execute(select(a.rater_id, a.unit_id, a.repeat))
        }
        for position, ((rater_id, key, repeat), theirs) in enumerate(screens.items(), start=1):
            turned = key not in units
            unit = units[key[::-1] if turned else key]
            if rater_id not in known:
                known.add(rater_id)
                newcomers += 1
                connection.execute(
                    insert(t.raters),
                    {
                        "rater_id": rater_id, "source": "import", "created_at": now, "consented_at": now,
                        "last_seen_at": now,
                    },
                )  # fmt: skip
            if (rater_id, unit.unit_id, repeat) in there:
                continue
            made = insert(t.assignments).values(
                rater_id=rater_id, unit_id=unit.unit_id, repeat=repeat,
                role="extra" if theirs[0].extra and unit.kind == "main" else unit.kind, flipped=False,
                position=position, state="answered", given_at=now, expires_at=now, revision=1,
            )  # fmt: skip
            assignment_id = connection.execute(made.returning(a.assignment_id)).scalar_one()
            connection.execute(
                insert(t.submissions),
                {
                    "assignment_id": assignment_id, "revision": 1, "submission": f"import-{new_token()}",
                    "received_at": now, "seconds": theirs[0].seconds, "comment": theirs[0].comment,
                },
            )  # fmt: skip
            values = {r.question: 1 - r.value if turned and r.value is not None else r.value for r in theirs}
            connection.execute(
                insert(t.answers),
                [
                    {"assignment_id": assignment_id, "revision": 1, "question": q, "value": v}
                    for q, v in values.items()
                ],
            )
            added += len(values)
            if unit.kind == "main" and repeat == 0:
                recount(connection, unit.unit_id, assigned=1, done=1)
        store.note(connection, "imported", f"{source}: {added} answers of {newcomers} new raters")
    return {"answers": added, "raters": newcomers}


def _from_table(material: Material, path: Path) -> list[_Imported]:
    table = read_table(path)
    problems = require_columns(table, ("item_id", "rater_id", "value"))
    if problems:
        raise InvalidFilesError(problems)
    seconds = parse_numbers(table, "seconds", problems) if "seconds" in table.frame.columns else None
    asked = _asked(material)
    rows: list[_Imported] = []
    seen: set[tuple[object, ...]] = set()
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        try:
            value = material.design.answers.parse(row["value"])
        except InputError as error:
            problems.append(table.problem(str(error), i, "value"))
            continue
        rater, unit = row["rater_id"].strip(), (row["item_id"], row.get("item_id_b", ""))
        question, repeat, role = row.get("question", ""), row.get("repeat") or "0", row.get("role") or "main"
        wrong = {
            "item_id": "" if unit in asked else _no_such_unit(material),
            "question": "" if question in asked.get(unit, {question}) else _no_such_question(asked[unit]),
            "rater_id": "" if rater else "is empty",
            "repeat": "" if repeat.isdigit() else "is no whole number",
            "role": "" if role in ROLES else f"is none of {', '.join(ROLES)}",
        }
        key = (rater, *sorted(unit), question, repeat)
        if key in seen:
            wrong["rater_id"] = "has answered this question about this item in a row above"
        seen.add(key)
        found = [table.problem(message, i, column) for column, message in wrong.items() if message]
        if found:
            problems += found
            continue
        took = None if seconds is None or seconds.iloc[i] != seconds.iloc[i] else float(seconds.iloc[i])
        rows.append(
            _Imported(
                rater_id=rater,
                unit=unit,
                question=question,
                value=value,
                repeat=int(repeat),
                extra=role == "extra",
                seconds=took,
                comment=row.get("comment", ""),
            )
        )
    if problems:
        raise InvalidFilesError(problems)
    return rows


def _asked(material: Material) -> dict[tuple[str, str], set[str]]:
    """Return the names of the questions about each unit; a pair stands there both ways round."""
    language = next(iter(material.texts))
    names = {u.key: {q for q, _ in material.questions(u.key, language)} for u in material.units}
    return {key[::-1]: questions for key, questions in names.items()} | names


def _no_such_unit(material: Material) -> str:
    return f"this study asks about no such {'pair' if material.design.answers.pairwise else 'item'}"


def _no_such_question(known: set[str]) -> str:
    if known == {""}:
        return "this study asks one question; leave the cell empty"
    return f"this study asks no such question; it asks: {', '.join(sorted(known))}"


def _from_label_studio(material: Material, path: Path) -> list[_Imported]:
    label = str(path)
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{label}: there is no such file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidFilesError([Problem(label, f"is no JSON: {error}")]) from None
    if not isinstance(tasks, list):
        raise InvalidFilesError(
            [Problem(label, "is no list of tasks; from Label Studio export JSON, not JSON-MIN")]
        )
    asked = _asked(material)
    rows: list[_Imported] = []
    problems: list[Problem] = []
    for number, task in enumerate(tasks, start=1):
        data = task.get("data", {}) if isinstance(task, dict) else {}
        unit = (str(data.get("item_id", "")), str(data.get("item_id_b") or ""))
        if unit not in asked:
            message = f"{_no_such_unit(material)}; each task needs data.item_id"
            problems.append(Problem(label, message, row=number, field="data.item_id", value=unit[0]))
            continue
        for made in task.get("annotations", []):
            if made.get("was_cancelled"):
                continue
            for result in made.get("result", []):
                try:
                    value = material.design.answers.parse(_label_studio_value(result))
                except InputError as error:
                    problems.append(Problem(label, str(error), row=number, field="annotations.result"))
                    continue
                name = "" if asked[unit] == {""} else str(result.get("from_name", ""))
                if name not in asked[unit]:
                    message = _no_such_question(asked[unit])
                    problems.append(Problem(label, message, row=number, field="from_name", value=name))
                    continue
                rows.append(
                    _Imported(
                        rater_id=_label_studio_rater(made.get("completed_by")),
                        unit=unit,
                        question=name,
                        value=value,
                        extra=(result.get("meta") or {}).get("role") == "extra",
                        seconds=made.get("lead_time"),
                    )
                )
    if problems:
        raise InvalidFilesError(problems)
    return rows


def _label_studio_value(result: Mapping[str, Any]) -> str:
    """Return the answer of a choices, rating, number or pairwise result as text."""
    value = result.get("value", {})
    if "choices" in value:
        return str(value["choices"][0]) if value["choices"] else ""
    for key in ("rating", "number", "selected"):
        if key in value:
            return str(value[key])
    raise InputError(f"a result of type {result.get('type')!r} holds no choice, rating or selected side")


def _label_studio_rater(who: object) -> str:
    """Return a pseudonym: Label Studio names people by number or by e-mail address."""
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    text = str(who)
    return text if text.startswith("r-") else f"ls-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
