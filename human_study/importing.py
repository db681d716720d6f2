"""Answers in: tables, Hugging Face datasets, and what other annotation tools export."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select

from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean
from genspace.human_study import _schema as t
from genspace.human_study._units import recount
from genspace.human_study.exporting import HUGGINGFACE_ANSWERS
from genspace.human_study.material import Material
from genspace.human_study.store import AnswerStore, new_token
from genspace.records import ROLES
from genspace.study import Export, common_cause, read_export
from genspace.tables import clean_text, match_columns, parse_numbers, read_table, require_columns

__all__ = ["import_answers"]

log = logging.getLogger(__name__)


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


def import_answers(
    store: AnswerStore,
    material: Material,
    path: Path,
    *,
    from_names: Sequence[str] = (),
    rater: str = "",
) -> dict[str, int]:
    """Add answers made elsewhere: a table, an export of another tool, a Hugging Face dataset.

    A table has `item_id, rater_id, value` and may have `item_id_b, question, repeat, role, seconds, comment`. Values
    are numbers of the protocol or names of its answers. Label Studio (JSON, JSON-MIN, CSV), Potato and Mechanical
    Turk are known by their columns or keys. A folder is a data set as `write_huggingface` makes it, or holds one
    Parquet file. All or nothing: one mistake, and no answer is stored.

    Args:
        store: The study's store.
        material: The study.
        path: The file or folder.
        from_names: What another tool calls the questions that this study asks: `NAME`, or `NAME=QUESTION` where the
            study asks several. Empty: the only one that the file holds, or those of the same names.
        rater: Whose the answers are that name nobody.

    Returns: `{"answers": …, "raters": …}` added.

    Errors: `InvalidFilesError` listing every problem at once.
    """
    if path.is_dir():
        path = _parquet_in(path)
    export = read_export(path, anonymous=rater)
    if export is None and from_names:
        raise InputError(f"--from-name is for exports of other tools, and {path.name} is a plain table")
    rows = _from_table(material, path) if export is None else _from_export(material, export, from_names)
    return _store(store, rows, path.name)


def _parquet_in(folder: Path) -> Path:
    """Return the file of a Hugging Face dataset that holds the answers."""
    if (folder / HUGGINGFACE_ANSWERS).is_file():
        return folder / HUGGINGFACE_ANSWERS
    found = sorted(folder.rglob("*.parquet"))
    if len(found) != 1:
        names = ", ".join(str(p.relative_to(folder)) for p in found) or "none"
        raise InputError(
            f"{folder}: one Parquet file with answers is expected, there is {names}; name the file itself"
        )
    return found[0]


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
    columns = (
        "item_id",
        "item_id_b",
        "rater_id",
        "value",
        "question",
        "repeat",
        "role",
        "seconds",
        "comment",
    )
    table, problems = match_columns(read_table(path), columns)
    problems += require_columns(table, ("item_id", "rater_id", "value"))
    if problems:
        raise InvalidFilesError(problems)
    seconds = parse_numbers(table, "seconds", problems) if "seconds" in table.frame.columns else None
    asked = _asked(material)
    rows: list[_Imported] = []
    strange: list[int] = []
    seen: set[tuple[object, ...]] = set()
    for name in ("item_id", "item_id_b", "rater_id"):
        if name in table.frame.columns:
            table.frame[name], _ = clean_text(table.frame[name])
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(k): str(v) for k, v in cells.items()}
        try:
            value = material.design.answers.parse(row["value"])
        except InputError as error:
            problems.append(table.problem(str(error), i, "value"))
            continue
        rater, unit = row["rater_id"], (row["item_id"], row.get("item_id_b", ""))
        question, repeat, role = row.get("question", ""), row.get("repeat") or "0", row.get("role") or "main"
        if unit not in asked:
            strange.append(i)
        wrong = {
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
        if found or unit not in asked:
            problems += found
            continue
        took = None if seconds is None or math.isnan(seconds.iloc[i]) else float(seconds.iloc[i])
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
    if strange:
        ids = [table.frame["item_id"].iloc[i] for i in strange]
        problems += _strangers(ids, table.label, asked) or table.problems(
            strange, "item_id", _no_such_unit(material)
        )
    if problems:
        raise InvalidFilesError(problems)
    for reading in table.readings:
        log.info("%s", reading)
    return rows


def _strangers(ids: Sequence[str], label: str, asked: Mapping[tuple[str, str], set[str]]) -> list[Problem]:
    """Return the one problem of items that the study lacks, where all of them differ in one way from those it has."""
    if len(set(ids)) < 2:
        return []
    cause = common_cause(list(dict.fromkeys(ids)), {item_id for key in asked for item_id in key if item_id})
    if cause is None or not set(ids) <= set(cause.meant):
        return []
    message = (
        f"{len(ids):,} answers are about items that differ {cause.words} from this study's: {cause.here!r} here, "
        f"{cause.there!r} there; write them alike"
    )
    return [Problem(label, message, field="item_id", rows=len(ids))]


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


def _from_export(material: Material, export: Export, from_names: Sequence[str]) -> list[_Imported]:
    """Return another tool's answers as this study's.

    Errors: `InvalidFilesError` naming task, annotator and question of everything that cannot be meant.
    """
    asked = _asked(material)
    problems = [*export.problems, *_nobodys(export), *_unknown_units(material, export, asked)]
    if not export.answers and not export.problems:
        silent = "; ".join(reading.sentence for reading in export.readings)
        problems.append(Problem(export.label, f"holds no answer{f': {silent}' if silent else ''}"))
    meant = _questions(export, from_names, set().union(*asked.values()), problems)
    rows: list[_Imported] = []
    for answer in export.answers:
        unit, question = (answer.item_id, answer.item_id_b), meant.get(answer.question)
        if unit not in asked or question is None:
            continue
        if question not in asked[unit]:
            message = _no_such_question(asked[unit])
            problems.append(export.problem(message, answer.row, field="from_name", value=answer.question))
            continue
        try:
            value = material.design.answers.parse(answer.text)
        except InputError as error:
            message = f"annotator {answer.rater or 'unknown'}: {error}"
            problems.append(export.problem(message, answer.row, field=answer.question or None))
            continue
        rows.append(
            _Imported(
                rater_id=_pseudonym(answer.rater, export.tool),
                unit=unit,
                question=question,
                value=value,
                extra=answer.role == "extra",
                seconds=answer.seconds,
            )
        )
    if problems:
        raise InvalidFilesError(problems)
    for reading in export.readings:
        (log.warning if reading.level == "warning" else log.info)("%s", reading)
    return rows


def _nobodys(export: Export) -> Iterator[Problem]:
    """Yield the problem of answers that name nobody."""
    nobody = [answer for answer in export.answers if not answer.rater]
    if nobody:
        message = (
            f"{len(nobody):,} answers name nobody; export them with their annotators, or say whose they are: "
            "--rater NAME"
        )
        yield export.problem(message, nobody[0].row, rows=len(nobody))


def _unknown_units(
    material: Material, export: Export, asked: Mapping[tuple[str, str], set[str]]
) -> Iterator[Problem]:
    """Yield the problem of answers, and of tasks without any, about items that this study does not ask about."""
    strangers = [a for a in export.answers if (a.item_id, a.item_id_b) not in asked]
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
                problems.append(Problem(export.label, message, field="--from-name"))
        return {name: question for name, _, question in pairs}
    if asked != {""}:
        return {name: name for name in names}
    if len(names) > 1:
        message = (
            f"holds answers to {len(names)} questions: {', '.join(names)}. This study asks one; say which it is: "
            f"--from-name {names[0]}"
        )
        problems.append(Problem(export.label, message))
    return dict.fromkeys(names, "")


def _pseudonym(who: str, tool: str) -> str:
    """Return a pseudonym for whom another tool names by number, address or platform's code."""
    if who.startswith("r-"):
        return who
    start = "".join(word[0] for word in tool.partition(",")[0].lower().split())
    return f"{start}-{hashlib.sha256(who.encode()).hexdigest()[:8]}"
