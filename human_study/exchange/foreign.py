"""Answers made elsewhere: tables with a row per answer, and what other annotation tools export."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean, refuse
from genspace.human_study.exchange._rows import AnswerRow
from genspace.human_study.material import Asked, Material, UnitKey
from genspace.records import ROLES, Role
from genspace.study import Export, common_cause
from genspace.tables import clean_text, match_columns, parse_numbers, read_table, require_columns

__all__ = ["from_export", "from_table", "no_such_question"]

log = logging.getLogger(__name__)

_COLUMNS = ("item_id", "item_id_b", "rater_id", "value", "question", "repeat", "role", "seconds", "comment")

_Asked = dict[UnitKey, dict[str, Asked]]


def from_table(material: Material, path: Path) -> list[AnswerRow]:
    """Read a table with a row per answer.

    It has `item_id, rater_id, value`, and where they apply `item_id_b, question, repeat, role, seconds, comment`.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    table, problems = match_columns(read_table(path), _COLUMNS)
    problems += require_columns(table, ("item_id", "rater_id", "value"))
    refuse(problems)
    _refuse_groups(material, str(path))
    seconds = parse_numbers(table, "seconds", problems) if "seconds" in table.frame.columns else None
    asked = _asked(material)
    rows: list[AnswerRow] = []
    strange: list[int] = []
    seen: set[tuple[object, ...]] = set()
    for name in ("item_id", "item_id_b", "rater_id"):
        if name in table.frame.columns:
            table.frame[name], _ = clean_text(table.frame[name])
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        rater, unit = row["rater_id"].strip(), _unit(row["item_id"], row.get("item_id_b", ""))
        question, repeat, role = row.get("question", ""), row.get("repeat") or "0", row.get("role") or "main"
        questions = asked.get(unit, {})
        if not questions:
            strange.append(i)
        wrong = {
            "question": "" if question in questions or not questions else no_such_question(questions),
            "rater_id": "" if rater else "is empty",
            "repeat": "" if repeat.isdecimal() and len(repeat) < 9 else "is not a whole number",
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
        if found or not questions:
            problems += found
            continue
        took = None if seconds is None or seconds.iloc[i] != seconds.iloc[i] else float(seconds.iloc[i])
        given = AnswerRow(unit=unit, question=question, rater_id=rater, value=value, role=_role(role))
        rows.append(replace(given, repeat=int(repeat), seconds=took, comment=row.get("comment", "")))
    if strange:
        ids = [table.frame["item_id"].iloc[i] for i in strange]
        problems += _strangers(ids, table.label, asked) or table.problems(
            strange, "item_id", _no_such_unit(material)
        )
    refuse(problems)
    for reading in table.readings:
        log.info("%s", reading)
    return rows


def _unit(item_id: str, item_id_b: str) -> UnitKey:
    return (item_id, item_id_b) if item_id_b else (item_id,)


def _role(said: str) -> Role:
    """Return the role of an answer made elsewhere; whether an item is gold the study says."""
    return "extra" if said == "extra" else "main"


def _refuse_groups(material: Material, label: str) -> None:
    if material.design.answers.shape == "group":
        message = "orders of groups are taken from exports of genspace alone"
        raise InvalidFilesError([Problem(label, message)])


def _asked(material: Material) -> _Asked:
    """Return the questions about each unit by name; a pair stands there both ways round."""
    names = material.asked()
    return {key[::-1]: questions for key, questions in names.items()} | names


def _no_such_unit(material: Material) -> str:
    return f"this study asks about no such {'pair' if material.design.answers.pairwise else 'item'}"


def no_such_question(known: Mapping[str, Asked]) -> str:
    """Return what is wrong with a question that a study does not ask."""
    if set(known) == {""}:
        return "this study asks one question; leave the cell empty"
    return f"this study asks no such question; it asks: {', '.join(sorted(known))}"


def _strangers(ids: Sequence[str], label: str, asked: _Asked) -> list[Problem]:
    """Return the one problem of items that the study lacks, where all of them differ in one way from those it has."""
    if len(set(ids)) < 2:
        return []
    cause = common_cause(list(dict.fromkeys(ids)), {item_id for key in asked for item_id in key})
    if cause is None or not set(ids) <= set(cause.meant):
        return []
    message = (
        f"{len(ids):,} answers are about items that differ {cause.words} from this study's: {cause.here!r} here, "
        f"{cause.there!r} there; write them alike"
    )
    return [Problem(label, message, field="item_id", rows=len(ids))]


def from_export(material: Material, export: Export, from_names: Sequence[str]) -> list[AnswerRow]:
    """Return another tool's answers as this study's.

    Errors: `InvalidFilesError` naming task, annotator and question of everything that cannot be meant.
    """
    _refuse_groups(material, export.label)
    asked = _asked(material)
    problems = [*export.problems, *_nobodys(export), *_unknown_units(material, export, asked)]
    if not export.answers and not export.problems:
        silent = "; ".join(reading.sentence for reading in export.readings)
        problems.append(Problem(export.label, f"holds no answer{f': {silent}' if silent else ''}"))
    meant = _questions(export, from_names, set().union(*asked.values()), problems)
    rows: list[AnswerRow] = []
    for answer in export.answers:
        unit, question = _unit(answer.item_id, answer.item_id_b), meant.get(answer.question)
        if unit not in asked or question is None:
            continue
        if question not in asked[unit]:
            message = no_such_question(asked[unit])
            problems.append(export.problem(message, answer.row, field="from_name", value=answer.question))
            continue
        try:
            value = asked[unit][question].answers.parse(answer.text)
        except InputError as error:
            message = f"annotator {answer.rater or 'unknown'}: {error}"
            problems.append(export.problem(message, answer.row, field=answer.question or None))
            continue
        who, role = _pseudonym(answer.rater, export.tool), _role(answer.role)
        rows.append(
            AnswerRow(
                unit=unit, question=question, rater_id=who, value=value, role=role, seconds=answer.seconds
            )
        )
    refuse(problems)
    for reading in export.readings:
        (log.warning if reading.level == "warning" else log.info)("%s", reading)
    return rows


def _nobodys(export: Export) -> Iterator[Problem]:
    """Yield the problem of answers that name nobody."""
    nobody = [answer for answer in export.answers if not answer.rater]
    if nobody:
        message = (
            f"{len(nobody):,} answers name nobody; export them with their annotators, or say whose they are: "
            "`rater` NAME"
        )
        yield export.problem(message, nobody[0].row, rows=len(nobody))


def _unknown_units(material: Material, export: Export, asked: _Asked) -> Iterator[Problem]:
    """Yield the problem of answers, and of tasks without any, about items that this study does not ask about."""
    strangers = [a for a in export.answers if _unit(a.item_id, a.item_id_b) not in asked]
    common = _strangers([a.item_id for a in strangers], export.label, asked)
    yield from common
    message = f"{_no_such_unit(material)}; each {export.unit} needs item_id"
    for answer in () if common else strangers:
        yield export.problem(message, answer.row, field="item_id", value=answer.item_id)
    answered = {answer.item_id for answer in export.answers} | {key[0] for key in asked}
    for item_id in export.items:
        if item_id not in answered and not item_id.startswith("task-"):
            yield export.problem(_no_such_unit(material), field="item_id", value=item_id)


def _questions(
    export: Export, from_names: Sequence[str], asked: set[str], problems: list[Problem]
) -> dict[str, str]:
    """Return the study's question for each of the tool's: as the user says, or as can be meant alone."""
    names = export.questions
    if from_names:
        pairs = [name.partition("=") for name in from_names]
        for name, _, _ in pairs:
            if name not in names:
                message = f"holds no answers to {name!r}{did_you_mean(name, names)}"
                problems.append(Problem(export.label, message, field="`from_names`"))
        return {name: question for name, _, question in pairs}
    if asked != {""}:
        return {name: name for name in names}
    if len(names) > 1:
        message = (
            f"holds answers to {len(names)} questions: {', '.join(names)}. This study asks one; say which it is: "
            f"`from_names` {names[0]}"
        )
        problems.append(Problem(export.label, message))
    return dict.fromkeys(names, "")


def _pseudonym(who: str, tool: str) -> str:
    """Return a pseudonym for a rater whom another tool names by number, address or platform's code."""
    if who.startswith("r-"):
        return who
    start = "".join(word[0] for word in tool.partition(",")[0].lower().split())
    return f"{start}-{hashlib.sha256(who.encode()).hexdigest()[:8]}"
