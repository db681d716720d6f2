"""Storing what raters answer in surveys."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert, text

from genspace.human_study.material.surveys import Moment, Survey
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore

_ANSWERED = text("SELECT count(*) FROM survey_answers WHERE rater_id = :rater AND survey = :moment")
_DROP = text("DELETE FROM survey_answers WHERE rater_id = :rater AND survey = :moment")


def answered(store: AnswerStore, rater_id: str, moment: Moment) -> bool:
    """Whether a rater has sent the survey; questions that need no answer may be left empty in it."""
    with store.reading() as connection:
        return bool(connection.scalar(_ANSWERED, {"rater": rater_id, "moment": moment}))


def store_answers(
    store: AnswerStore,
    rater_id: str,
    moment: Moment,
    survey: Survey,
    given: Mapping[str, list[str]],
    *,
    language: str,
) -> None:
    """Store a survey's answers, all or none.

    Args:
        store: The study's store.
        rater_id: Who answered.
        moment: Which survey it is.
        survey: Its questions.
        given: Question to what the form sent.
        language: The study's first language, in which choices are stored.

    Errors: `InputError` for an answer that a question does not allow.
    """
    same = {"rater_id": rater_id, "survey": moment, "at": store.clock()}
    rows = [
        {**same, "question": q.name, "kind": q.kind, "value": q.read(given.get(q.name, []), language)}
        for q in survey.questions
    ]
    with store.writing() as connection:
        connection.execute(_DROP, {"rater": rater_id, "moment": moment})
        connection.execute(insert(t.survey_answers), rows)
