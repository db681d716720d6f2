"""Answers made elsewhere: tables with a row per answer, and Label Studio's JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.human_study.exchange._rows import AnswerRow
from genspace.human_study.material import Asked, Material, UnitKey
from genspace.records import ROLES
from genspace.tables import parse_numbers, read_table, require_columns

__all__ = ["from_label_studio", "from_table"]

_Asked = dict[UnitKey, dict[str, Asked]]


def from_table(material: Material, path: Path) -> list[AnswerRow]:
    """Read a table with a row per answer.

    It has `item_id, rater_id, value`, and where they apply `item_id_b, question, repeat, role, seconds, comment`.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    table = read_table(path)
    problems = require_columns(table, ("item_id", "rater_id", "value"))
    if problems:
        raise InvalidFilesError(problems)
    _refuse_groups(material, str(path))
    seconds = parse_numbers(table, "seconds", problems) if "seconds" in table.frame.columns else None
    asked = _asked(material)
    rows: list[AnswerRow] = []
    seen: set[tuple[object, ...]] = set()
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        rater, unit = row["rater_id"].strip(), _unit(row["item_id"], row.get("item_id_b", ""))
        question, repeat, role = row.get("question", ""), row.get("repeat") or "0", row.get("role") or "main"
        questions = asked.get(unit, {})
        wrong = {
            "item_id": "" if questions else _no_such_unit(material),
            "question": "" if question in questions or not questions else _no_such_question(questions),
            "rater_id": "" if rater else "is empty",
            "repeat": "" if repeat.isdecimal() and len(repeat) < 9 else "is no whole number",
            "role": "" if role in ROLES else f"is none of {', '.join(ROLES)}",
        }
        key = (rater, *sorted(unit), question, repeat)
        if key in seen:
            wrong["rater_id"] = "has answered this question about this item in a row above"
        seen.add(key)
        value = None
        try:
            answers = questions[question].answers if question in questions else material.design.answers
            value = answers.parse(row["value"])
        except InputError as error:
            wrong["value"] = str(error)
        found = [table.problem(message, i, column) for column, message in wrong.items() if message]
        if found:
            problems += found
            continue
        took = None if seconds is None or seconds.iloc[i] != seconds.iloc[i] else float(seconds.iloc[i])
        rows.append(
            AnswerRow(
                rater_id=rater,
                unit=unit,
                question=question,
                value=value,
                repeat=int(repeat),
                role="extra"
                if role == "extra"
                else "main",  # whatever else a role says, the study's gold says
                seconds=took,
                comment=row.get("comment", ""),
            )
        )
    if problems:
        raise InvalidFilesError(problems)
    return rows


def _unit(item_id: str, item_id_b: str) -> UnitKey:
    return (item_id, item_id_b) if item_id_b else (item_id,)


def _refuse_groups(material: Material, label: str) -> None:
    if material.design.answers.shape == "group":
        message = "orders of groups are taken from exports of genspace alone"
        raise InvalidFilesError([Problem(label, message)])


def _asked(material: Material) -> _Asked:
    """Return the questions about each unit by name; a pair stands there both ways round."""
    names = {u.key: {a.name: a for a in material.questions(u.key)} for u in material.units}
    return {key[::-1]: questions for key, questions in names.items()} | names


def _no_such_unit(material: Material) -> str:
    return f"this study asks about no such {'pair' if material.design.answers.pairwise else 'item'}"


def _no_such_question(known: Mapping[str, Asked]) -> str:
    if set(known) == {""}:
        return "this study asks one question; leave the cell empty"
    return f"this study asks no such question; it asks: {', '.join(sorted(known))}"


def from_label_studio(material: Material, label: str, tasks: object) -> list[AnswerRow]:
    """Read the JSON that Label Studio exports; each task needs `data.item_id`.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    if not isinstance(tasks, list):
        raise InvalidFilesError(
            [Problem(label, "is no list of tasks; from Label Studio export JSON, not JSON-MIN")]
        )
    _refuse_groups(material, label)
    asked = _asked(material)
    rows: list[AnswerRow] = []
    problems: list[Problem] = []
    for number, task in enumerate(tasks, start=1):
        data = _table_in(task, "data")
        unit = _unit(str(data.get("item_id", "")), str(data.get("item_id_b") or ""))
        if unit not in asked:
            message = f"{_no_such_unit(material)}; each task needs data.item_id"
            problems.append(Problem(label, message, row=number, field="data.item_id", value=unit[0]))
            continue
        for made in _list_in(task, "annotations"):
            if not isinstance(made, dict) or made.get("was_cancelled"):
                continue
            for result in _list_in(made, "result"):
                row = _row(asked[unit], unit, made, result)
                if isinstance(row, AnswerRow):
                    rows.append(row)
                else:
                    field, message, value = row
                    problems.append(Problem(label, message, row=number, field=field, value=value))
    if problems:
        raise InvalidFilesError(problems)
    return rows


def _row(
    asked: Mapping[str, Asked], unit: UnitKey, made: Mapping[str, Any], result: object
) -> AnswerRow | tuple[str, str, object]:
    """Return the answer that a result holds, or what is wrong: field, message, value."""
    found = result if isinstance(result, dict) else {}
    name = "" if set(asked) == {""} else str(found.get("from_name", ""))
    if name not in asked:
        return "from_name", _no_such_question(asked), name
    seconds = made.get("lead_time")
    try:
        value = asked[name].answers.parse(_label_studio_value(found))
        took = None if seconds is None else float(seconds)
    except InputError as error:
        return "annotations.result", str(error), None
    except (TypeError, ValueError):
        return "lead_time", "is no number of seconds", seconds
    return AnswerRow(
        rater_id=_label_studio_rater(made.get("completed_by")),
        unit=unit,
        question=name,
        value=value,
        role="extra" if _table_in(found, "meta").get("role") == "extra" else "main",
        seconds=took,
    )


def _table_in(holder: object, key: str) -> Mapping[str, Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def _list_in(holder: object, key: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def _label_studio_value(result: Mapping[str, Any]) -> str:
    """Return the answer of a choices, rating, number or pairwise result as text."""
    value = _table_in(result, "value")
    choices = value.get("choices")
    if isinstance(choices, list):
        return str(choices[0]) if choices else ""
    for key in ("rating", "number", "selected"):
        if key in value:
            return str(value[key])
    raise InputError(f"a result of type {result.get('type')!r} holds no choice, rating or selected side")


def _label_studio_rater(who: object) -> str:
    """Return a pseudonym: Label Studio names people by number or by e-mail address."""
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    return f"ls-{hashlib.sha256(str(who).encode()).hexdigest()[:8]}"
