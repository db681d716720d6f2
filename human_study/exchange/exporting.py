"""Export answers as CSV, JSON Lines, Label Studio's JSON or a Hugging Face data set; also payments and surveys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from genspace.errors import InputError, did_you_mean
from genspace.human_study.exchange._huggingface import write_folder
from genspace.human_study.exchange._label_studio import label_studio_of
from genspace.human_study.exchange._rows import cells_of, columns_of, rows_of
from genspace.human_study.exchange._tables import csv_of, jsonl_of
from genspace.human_study.exchange.payments import payments_csv
from genspace.human_study.material import Material
from genspace.human_study.material.surveys import MOMENTS
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["EXPORTS", "AnswerExport", "export_text", "write_huggingface"]

RENAMED = {"raters.csv": "payments.csv"}
"""Names of earlier versions."""


@dataclass(frozen=True, slots=True)
class AnswerExport:
    """A file that can be written."""

    about: str
    media_type: str
    text: Callable[[AnswerStore, Material, bool], str]
    """Makes the file's text from the store, the study, and whether comments are wanted."""


def _answers(
    store: AnswerStore, material: Material, comments: bool
) -> tuple[list[str], list[dict[str, Any]], list[tuple[str, ...]]]:
    """Return columns, every answer as cells by column, and the unit of each."""
    recorded, design = store.snapshot().recorded, material.design
    excluded = {r.rater_id: "; ".join(r.excluded) for r in recorded.raters()}
    rows = [row if comments else replace(row, comment="") for row in rows_of(recorded)]
    cells = [cells_of(row, recorded, design, excluded) for row in rows]
    return columns_of(design), cells, [row.unit for row in rows]


def survey_csv(store: AnswerStore, material: Material) -> str:
    """Return a row per rater who answered a survey, a column per question: beside the answers, never joined to them."""
    asked = [q.name for m in MOMENTS if m in material.surveys for q in material.surveys[m].questions]
    v = t.survey_answers.c
    rows: dict[str, dict[str, str]] = {}
    with store.reading() as connection:
        for row in connection.execute(select(t.survey_answers).order_by(v.rater_id, v.survey, v.question)):
            rows.setdefault(row.rater_id, {"rater_id": row.rater_id})[row.question] = row.value
    columns = list(dict.fromkeys(["rater_id", *asked, *(q for row in rows.values() for q in row)]))
    return csv_of(columns, [dict.fromkeys(columns, "") | row for row in rows.values()])


EXPORTS: Mapping[str, AnswerExport] = {
    "answers.csv": AnswerExport("Answers", "text/csv; charset=utf-8", lambda *of: csv_of(*_answers(*of)[:2])),
    "answers.jsonl": AnswerExport(
        "Answers, JSON Lines", "application/jsonl; charset=utf-8", lambda *of: jsonl_of(*_answers(*of)[:2])
    ),
    "label-studio.json": AnswerExport(
        "Label Studio", "application/json", lambda s, m, c: label_studio_of(m, *_answers(s, m, c)[1:])
    ),
    "payments.csv": AnswerExport("Payments", "text/csv; charset=utf-8", lambda s, m, _: payments_csv(s, m)),
    "survey.csv": AnswerExport("Surveys", "text/csv; charset=utf-8", lambda s, m, _: survey_csv(s, m)),
}
"""What each file holds and how it is made, by its name."""


def export_text(store: AnswerStore, material: Material, name: str, *, comments: bool = True) -> str:
    """Return an export as text.

    Errors: `InputError` for an unknown name.
    """
    name = RENAMED.get(name, name)
    if name not in EXPORTS:
        raise InputError(f"unknown export {name!r}{did_you_mean(name, EXPORTS)}")
    return EXPORTS[name].text(store, material, comments)


def write_huggingface(store: AnswerStore, material: Material, folder: Path, *, comments: bool = True) -> None:
    """Write a folder that `datasets.load_dataset(folder)` reads: Parquet files and a dataset card.

    Errors: `InputError` when the folder holds something else.
    """
    columns, rows, _ = _answers(store, material, comments)
    write_folder(folder, material, columns, rows, comments=comments)
