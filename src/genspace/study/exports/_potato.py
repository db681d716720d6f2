"""Potato: JSON Lines with `label_annotations`, and tables with a column `QUESTION:::LABEL` for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genspace.study.exports._record import Export, GivenAnswer
from genspace.tables import Table, cell_text

COLUMNS = frozenset({"user", "instance_id"})
BETWEEN = ":::"
"""What stands between question and label in a column's name."""
NOT_CHOSEN = frozenset({"", "false", "0", "nan", "none"})
CHOSEN = frozenset({"1", "true"})


def is_potato(first: Mapping[str, Any]) -> bool:
    """Whether the first object of a file is one person's answers about one instance."""
    return "label_annotations" in first


def is_potato_table(columns: set[str]) -> bool:
    """Whether a table's columns are Potato's."""
    return columns >= COLUMNS and any(BETWEEN in name for name in columns)


def read_potato_json(path: Path, rows: Sequence[Any]) -> Export:
    """Read JSON Lines; where the lines name nobody, the folder of the file does, as Potato lays it out."""
    found = Export("Potato", path.name, "line")
    for number, row in enumerate(rows, start=1):
        labels = row.get("label_annotations") if isinstance(row, dict) else None
        if not isinstance(labels, dict):
            found.refuse("holds no label_annotations", number)
            continue
        who = cell_text(row.get("user_id") or row.get("user") or row.get("username")) or path.parent.name
        item_id = cell_text(row.get("instance_id") or row.get("id"))
        for question, given in labels.items():
            if isinstance(given, dict):
                texts = {str(label): cell_text(value) for label, value in given.items()}
                _add(found, number, item_id=item_id, who=who, question=question, labels=texts)
    return found


def read_potato_table(table: Table) -> Export:
    """Read a TSV or CSV."""
    found = Export("Potato", table.label, table.unit, readings=list(table.readings))
    labelled = {c: c.split(BETWEEN, 1) for c in table.frame.columns if BETWEEN in c}
    for i, row in enumerate(table.frame.to_dict("records")):
        questions: dict[str, dict[str, str]] = {}
        for column, (question, label) in labelled.items():
            questions.setdefault(question, {})[label] = str(row[column]).strip()
        who, item_id = str(row["user"]).strip(), str(row["instance_id"]).strip()
        for question, labels in questions.items():
            _add(found, table.line(i), item_id=item_id, who=who, question=question, labels=labels)
    return found


def _add(
    found: Export, number: int, *, item_id: str, who: str, question: str, labels: Mapping[str, str]
) -> None:
    """Add the answer to one question: the one label that was chosen, or what was entered under it."""
    chosen = [label for label, value in labels.items() if value.lower() not in NOT_CHOSEN]
    label = found.only(chosen, row=number, who=who, question=question)
    if label is None:
        return
    value = labels[label]
    ticked = len(labels) > 1 or value.lower() in {
        *CHOSEN,
        label.lower(),
        f"{question}{BETWEEN}{label}".lower(),
    }
    text = (label if ticked else value).removeprefix("scale_")
    found.answers.append(GivenAnswer(row=number, item_id=item_id, rater=who, question=question, text=text))
