"""Mechanical Turk: batch files with one assignment a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from genspace.study.exports._record import Export, GivenAnswer, number_of
from genspace.tables import Table, cell_text, clean_text

COLUMNS = frozenset({"HITId", "AssignmentId", "WorkerId"})
"""Columns of every batch file; what was asked stands in `Input.…`, what was said in `Answer.…`."""


def read_mturk(table: Table) -> Export:
    """Read a batch file: the item is `Input.item_id`, else the input that tells the tasks apart."""
    found = Export("Mechanical Turk", table.label, table.unit, readings=list(table.readings))
    frame = table.frame
    inputs = [c for c in frame.columns if c.startswith("Input.")]
    telling = [c for c in inputs if frame[c].nunique() == frame["HITId"].nunique()]
    named = next((c for c in ("Input.item_id", *telling) if c in inputs), "HITId")
    ids, _ = clean_text(frame[named])
    found.say("column_matched", columns=(named, "item_id"))
    if "AssignmentStatus" in frame.columns and (
        rejected := int((frame["AssignmentStatus"] == "Rejected").sum())
    ):
        found.say("rejected_work", columns=("AssignmentStatus",), count=rejected)
    for i, row in enumerate(frame.to_dict("records")):
        cells = {str(column): str(cell).strip() for column, cell in row.items()}
        number = table.line(i)
        for question, text in _answers(found, number, cells):
            found.answers.append(
                GivenAnswer(
                    row=number, item_id=str(ids.iloc[i]), item_id_b=cells.get("Input.item_id_b", ""), question=question,
                    rater=cells["WorkerId"], text=text, seconds=number_of(cells.get("WorkTimeInSeconds")),
                )
            )  # fmt: skip
    return found


def _answers(found: Export, number: int, cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield question and answer of one assignment: `Answer.rating`, `Answer.rating.5` = true, or a form's JSON."""
    ticked: dict[str, list[str]] = {}
    for column, cell in cells.items():
        name = column.removeprefix("Answer.")
        if name == column or not cell:
            continue
        question, _, label = name.rpartition(".")
        if name == "taskAnswers":
            yield from _form(found, number, cells["WorkerId"], cell)
        elif question and cell.lower() in ("true", "on"):
            ticked.setdefault(question, []).append(label)
        elif not question or cell.lower() != "false":
            yield name, cell
    yield from _chosen(found, number, cells["WorkerId"], ticked)


def _form(found: Export, number: int, who: str, cell: str) -> Iterator[tuple[str, str]]:
    """Yield the answers of a form made with Mechanical Turk's own elements."""
    try:
        document = json.loads(cell)
    except json.JSONDecodeError:
        found.refuse("is not JSON", number, field="Answer.taskAnswers", value=cell)
        return
    ticked: dict[str, list[str]] = {}
    for answers in document if isinstance(document, list) else [document]:
        for question, value in answers.items() if isinstance(answers, dict) else ():
            if isinstance(value, dict):
                ticked[question] = [str(label) for label, on in value.items() if on is True]
            else:
                yield question, cell_text(value)
    yield from _chosen(found, number, who, ticked)


def _chosen(
    found: Export, number: int, who: str, ticked: Mapping[str, list[str]]
) -> Iterator[tuple[str, str]]:
    for question, labels in ticked.items():
        text = found.only(labels, row=number, who=who, question=question)
        if text is not None:
            yield question, text
