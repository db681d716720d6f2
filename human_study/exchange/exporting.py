"""Answers out: CSV, JSON Lines, Label Studio's JSON, Hugging Face datasets; and beside them payments and surveys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genspace.errors import InputError, did_you_mean
from genspace.human_study.exchange._huggingface import write_folder
from genspace.human_study.exchange._label_studio import label_studio_of
from genspace.human_study.exchange._rows import AnswerRow, cells_of, columns_of, rows_of
from genspace.human_study.exchange._tables import csv_of, jsonl_of
from genspace.human_study.exchange.payments import payments_csv
from genspace.human_study.exchange.survey_table import survey_csv
from genspace.human_study.material import Material
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["EXPORTS", "Export", "export_text", "write_huggingface"]

RENAMED = {"raters.csv": "payments.csv"}
"""Names of earlier versions."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file that can be written."""

    about: str
    media_type: str
    text: Callable[[AnswerStore, Material, bool], str]
    """Store, study, and whether comments are wanted, to the file's text."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """Every answer as cells by column."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    units: Sequence[tuple[str, ...]]

    @classmethod
    def of(cls, store: AnswerStore, material: Material, comments: bool) -> _Answers:
        recorded, design = store.snapshot().recorded, material.design
        excluded = {r.rater_id: "; ".join(r.excluded) for r in recorded.raters()}
        given: list[AnswerRow] = rows_of(recorded)
        if not comments:
            given = [replace(row, comment="") for row in given]
        cells = [cells_of(row, recorded, design, excluded) for row in given]
        return cls(columns_of(design), cells, [row.unit for row in given])


def _csv(store: AnswerStore, material: Material, comments: bool) -> str:
    found = _Answers.of(store, material, comments)
    return csv_of(found.columns, found.rows)


def _jsonl(store: AnswerStore, material: Material, comments: bool) -> str:
    found = _Answers.of(store, material, comments)
    return jsonl_of(found.columns, found.rows)


def _label_studio(store: AnswerStore, material: Material, comments: bool) -> str:
    found = _Answers.of(store, material, comments)
    return label_studio_of(material, found.rows, found.units)


EXPORTS: Mapping[str, Export] = {
    "answers.csv": Export("Answers", "text/csv; charset=utf-8", _csv),
    "answers.jsonl": Export("Answers, JSON Lines", "application/jsonl; charset=utf-8", _jsonl),
    "label-studio.json": Export("Label Studio", "application/json", _label_studio),
    "payments.csv": Export("Payments", "text/csv; charset=utf-8", lambda s, m, _: payments_csv(s, m)),
    "survey.csv": Export("Surveys", "text/csv; charset=utf-8", lambda s, m, _: survey_csv(s, m)),
}
"""File name to what it holds and how it is made."""


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
    found = _Answers.of(store, material, comments)
    write_folder(folder, material, found.columns, found.rows, comments=comments)
