"""Answers as other annotation tools export them: Label Studio, Potato, Mechanical Turk.

Every reader gives the same record, `Export`. What could be meant in two ways is a problem that names task, annotator
and question; nobody's answer is picked by chance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genspace.errors import InputError, did_you_mean, refuse
from genspace.study.exports import _label_studio, _mturk, _potato
from genspace.study.exports._record import Export, GivenAnswer
from genspace.tables import Table, read_table, table_stem

__all__ = ["MTURK_COLUMNS", "Export", "GivenAnswer", "answers_table", "documents_of", "read_export"]

MTURK_COLUMNS = _mturk.COLUMNS
"""Columns that tell a batch file of Mechanical Turk."""

JSON_TOOLS: Sequence[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Path, Sequence[Any]], Export]]] = (
    (_label_studio.is_label_studio, _label_studio.read_label_studio),
    (_label_studio.is_flat, _label_studio.read_flat_json),
    (_potato.is_potato, _potato.read_potato_json),
)
TABLE_TOOLS: Sequence[tuple[Callable[[set[str]], bool], Callable[[Table], Export]]] = (
    (_potato.is_potato_table, _potato.read_potato_table),
    (_label_studio.is_flat_table, _label_studio.read_flat_table),
    (_mturk.COLUMNS.issubset, _mturk.read_mturk),
)
"""How a file of each tool is told, by its first object or its columns, and its reader."""


def read_export(path: Path, documents: Sequence[Any], *, anonymous: str = "") -> Export | None:
    r"""Read another tool's file; return None if no supported tool wrote it.

    Args:
        path: The file.
        documents: The JSON in it (see `documents_of`).
        anonymous: The rater of answers that name nobody.

    Errors: `InputError` if the file cannot be read at all. Problems inside the file are in `Export.problems`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "batch.csv"
    >>> _ = path.write_text("HITId,AssignmentId,WorkerId,Input.item_id,Answer.rating\nh,s,w1,a,4\n")
    >>> [(a.item_id, a.rater, a.question, a.text) for a in read_export(path, []).answers]
    [('a', 'w1', 'rating', '4')]
    """
    found = _from_json(path, documents, anonymous=anonymous)
    if found is not None or table_stem(path) is None:
        return found
    table = read_table(path, path.name)
    columns = set(table.frame.columns)
    reader = next((read for is_it, read in TABLE_TOOLS if is_it(columns)), None)
    return None if reader is None else _checked(reader(table), anonymous)


def answers_table(path: Path, human: Sequence[str]) -> Table:
    """Read a file as a table; from a tool's export, read one question with one row per answer.

    Exports that already have one row per answer (Mechanical Turk, Label Studio's CSV) are returned unchanged.

    Args:
        path: The file.
        human: The question of an export, as the tool names it.

    Errors: `InvalidFilesError` with every problem; `InputError` when no question of an export is named.
    """
    found = _from_json(path, documents_of(path), anonymous="")
    if found is None:
        table = read_table(path, path.name)
        if not _potato.is_potato_table(set(table.frame.columns)):
            return table
        found = _checked(_potato.read_potato_table(table), "")
    refuse(found.problems)
    names = found.questions
    if len(human) != 1 or human[0] not in names:
        near = (
            did_you_mean(human[0], names) if len(human) == 1 else f"; it holds answers to: {', '.join(names)}"
        )
        raise InputError(f"{path.name}: say which question of {found.tool} to read: `human` NAME{near}")
    return found.table(human[0])


def _from_json(path: Path, documents: Sequence[Any], *, anonymous: str) -> Export | None:
    first = next((d for d in documents if isinstance(d, dict)), {})
    reader = next((read for is_it, read in JSON_TOOLS if is_it(first)), None)
    return None if reader is None else _checked(reader(path, documents), anonymous)


def documents_of(path: Path) -> list[Any]:
    """Parse the objects of a JSON list, or of a supported tool's JSON Lines; return [] for any other file.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tasks.json"
    >>> _ = path.write_text('[{"id": 1}, {"id": 2}]')
    >>> documents_of(path), documents_of(Path("items.csv"))
    ([{'id': 1}, {'id': 2}], [])
    """
    if not path.name.lower().endswith((".json", ".jsonl")):
        return []
    try:
        with path.open(encoding="utf-8-sig") as file:
            start = file.readline()
            one = _parsed(start)
            if isinstance(one, dict):  # one object a line, millions of which may be no tool's
                known = any(is_it(one) for is_it, _ in JSON_TOOLS)
                return [one, *(_parsed(line) for line in file if line.strip())] if known else []
            document = _parsed(start + file.read())
    except (OSError, UnicodeDecodeError):
        return []
    return document if isinstance(document, list) else [document]


def _parsed(text: str) -> Any:
    """Parse JSON; return None for invalid text."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def _checked(found: Export, anonymous: str) -> Export:
    """Return an export without duplicates; two different answers of one person to one question are a problem."""
    seen: dict[tuple[str, ...], GivenAnswer] = {}
    kept, copies = [], 0
    for given in found.answers:
        answer = given if given.rater else replace(given, rater=anonymous)
        key = (answer.item_id, answer.item_id_b, answer.question, answer.rater)
        before = seen.setdefault(key, answer) if answer.rater else answer
        if before is answer:
            kept.append(answer)
        elif before.text == answer.text:
            copies += 1
        else:
            found.refuse(
                f"annotator {answer.rater} answers {answer.question!r} about {answer.item_id!r} twice, {before.text!r} "
                f"({found.unit} {before.row}) and {answer.text!r}; keep one of them",
                answer.row,
                field=answer.question,
            )
    found.answers = kept
    if copies:
        found.say("answer_copies", count=copies)
    return found
