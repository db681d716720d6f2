"""Answers to the surveys: a table beside the answers about pictures, never joined to them by genspace."""

from __future__ import annotations

from sqlalchemy import select

from genspace.human_study.exchange._tables import csv_of
from genspace.human_study.material import Material
from genspace.human_study.material.surveys import MOMENTS
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["survey_csv"]


def survey_csv(store: AnswerStore, material: Material) -> str:
    """Return a row per rater who answered a survey, a column per question."""
    asked = [q.name for m in MOMENTS if m in material.surveys for q in material.surveys[m].questions]
    v = t.survey_answers.c
    rows: dict[str, dict[str, str]] = {}
    with store.reading() as connection:
        for row in connection.execute(select(t.survey_answers).order_by(v.rater_id, v.survey, v.question)):
            rows.setdefault(row.rater_id, {"rater_id": row.rater_id})[row.question] = row.value
    columns = list(dict.fromkeys(["rater_id", *asked, *(q for row in rows.values() for q in row)]))
    return csv_of(columns, [dict.fromkeys(columns, "") | row for row in rows.values()])
