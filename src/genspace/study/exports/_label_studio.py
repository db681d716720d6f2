"""Label Studio: its JSON with tasks and annotations, and its flat JSON-MIN and CSV."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from genspace.records import ITEM_COLUMNS
from genspace.study.exports._record import Export, GivenAnswer, number_of
from genspace.tables import Table, cell_text

FLAT_COLUMNS = frozenset({"annotation_id", "annotator"})
FLAT_OWN = FLAT_COLUMNS | {"id", "created_at", "updated_at", "lead_time", "agreement", "completed_by"}
ANSWER_KEYS = ("choices", "rating", "number", "selected")
"""Where the answer stands in a result; other results are texts, boxes and the like."""


def is_label_studio(first: Mapping[str, Any]) -> bool:
    """Whether the first object of a file is a task."""
    return isinstance(first.get("data"), dict)


def is_flat(first: Mapping[str, Any]) -> bool:
    """Whether the first object of a file is an annotation with its task's data beside it."""
    return "annotation_id" in first and "data" not in first


def is_flat_table(columns: set[str]) -> bool:
    """Whether a table's columns are those of the CSV."""
    return columns >= FLAT_COLUMNS


def read_label_studio(path: Path, tasks: Sequence[Any]) -> Export:
    """Read tasks with their annotations (`completions` before version 1.0)."""
    found = Export("Label Studio", path.name, "task")
    silent: list[str] = []
    cancelled, other = 0, Counter[str]()
    for number, task in enumerate(tasks, start=1):
        data = task.get("data") if isinstance(task, dict) else None
        if not isinstance(data, dict):
            found.refuse("is not a task: an object with data and annotations is expected", number)
            continue
        item_id = _item_id(data.get("item_id"), task.get("id"))
        found.items[item_id] = {k: cell_text(v) for k, v in data.items() if k not in ("item_id", "item_id_b")}
        made = task["annotations"] if task.get("annotations") is not None else task.get("completions")
        heard = len(found.answers) + len(found.problems)
        for annotation in made if isinstance(made, list) else [made] if made else []:
            if not isinstance(annotation, dict):
                message = "annotations are numbers, not answers: export as JSON, with the annotations in it"
                found.refuse(message, number, field="annotations", value=annotation)
            elif annotation.get("was_cancelled") or annotation.get("skipped"):
                cancelled += 1
            else:
                pair = (item_id, cell_text(data.get("item_id_b")))
                found.answers += _answers(found, number, pair, annotation, other)
        if heard == len(found.answers) + len(found.problems):
            silent.append(str(number))
    if silent:
        found.say("tasks_without_answers", words=tuple(silent), count=len(silent), total=len(tasks))
    if cancelled:
        found.say("cancelled", count=cancelled)
    return _with_others(found, other)


def _item_id(item_id: Any, task: Any) -> str:
    """Return what names the item, else the task's own number."""
    return cell_text(item_id) if item_id not in (None, "") else f"task-{cell_text(task)}"


def _answers(
    found: Export, number: int, pair: tuple[str, str], annotation: Mapping[str, Any], other: Counter[str]
) -> Iterator[GivenAnswer]:
    """Yield the answers of one annotation; results that are not answers are counted in `other`."""
    who = _annotator(annotation.get("completed_by"))
    results = annotation.get("result")
    for result in results if isinstance(results, list) else []:
        given = _chosen(result.get("value")) if isinstance(result, dict) else None
        if given is None:
            other[str(result.get("type") or "unknown") if isinstance(result, dict) else "unknown"] += 1
            continue
        name = cell_text(result.get("from_name"))
        text = found.only(given, row=number, who=who, question=name)
        if text is None:
            continue
        yield GivenAnswer(
            row=number, item_id=pair[0], item_id_b=pair[1], rater=who, question=name, text=text,
            seconds=number_of(annotation.get("lead_time")),
            role="extra" if (result.get("meta") or {}).get("role") == "extra" else "main",
        )  # fmt: skip


def _chosen(value: Any) -> list[str] | None:
    """Return what a result's value holds as answers, None for a text, a box and the like."""
    key = next((k for k in ANSWER_KEYS if isinstance(value, dict) and k in value), None)
    if key is None:
        return None
    given = value[key] if isinstance(value[key], list) else [value[key]]
    return [cell_text(v) for v in given]


def _annotator(who: Any) -> str:
    """Return whom Label Studio names: an address before a number, "" for nobody."""
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return cell_text(who)


# Flat ------------------------------------------------------------------------------------------------------------


def read_flat_json(path: Path, rows: Sequence[Any]) -> Export:
    """Read JSON-MIN: one object an annotation."""
    found, other = Export("Label Studio, JSON-MIN", path.name, "task"), Counter[str]()
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            other += _add_flat(found, number, {str(name): value for name, value in row.items()})
        else:
            found.refuse("is not an annotation: an object is expected", number, value=row)
    return _with_others(found, other)


def read_flat_table(table: Table) -> Export:
    """Read the CSV: one row an annotation."""
    found = Export("Label Studio, CSV", table.label, table.unit, readings=list(table.readings))
    other = Counter[str]()
    for i, cells in enumerate(table.frame.to_dict("records")):
        row = {str(name): _unpacked(str(cell)) for name, cell in cells.items()}
        other += _add_flat(found, table.line(i), row)
    return _with_others(found, other)


def _with_others(found: Export, other: Counter[str]) -> Export:
    if other:
        found.say("results_not_read", words=tuple(sorted(other)), count=other.total())
    return found


def _unpacked(cell: str) -> Any:
    """Return what a cell holds: JSON for several choices, text otherwise."""
    try:
        return json.loads(cell) if cell.startswith(("{", "[")) else cell
    except json.JSONDecodeError:
        return cell


def _add_flat(found: Export, number: int, row: Mapping[str, Any]) -> Counter[str]:
    """Add one annotation's answers, whose questions stand beside what is known of the item; return what is none.

    A choice stands there as its text, everything else in a list of objects: `[{"rating": 4}]`.
    """
    other = Counter[str]()
    item_id = _item_id(row.get("item_id"), row.get("id"))
    who = _annotator(row.get("annotator") or row.get("completed_by"))
    known = {name: cell_text(row[name]) for name in ITEM_COLUMNS[1:] if name in row}
    found.items[item_id] = known
    for name, value in row.items():
        if name in FLAT_OWN or name in ITEM_COLUMNS or name == "item_id_b":
            continue
        given = value if isinstance(value, list) else [] if value in (None, "") else [value]
        read = [_chosen(part) if isinstance(part, dict) else [cell_text(part)] for part in given]
        other += Counter({name: read.count(None)})
        text = found.only([t for part in read for t in part or ()], row=number, who=who, question=name)
        if text is not None:
            found.answers.append(
                GivenAnswer(
                    row=number, item_id=item_id, item_id_b=cell_text(row.get("item_id_b")), rater=who, question=name,
                    text=text, seconds=number_of(row.get("lead_time")),
                )
            )  # fmt: skip
    return other
