"""Storing what raters answer in surveys."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, insert, select

from genspace.human_study.material.surveys import Moment, Survey
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["answered", "store_answers"]

_Q = t.survey_answers.c


def answered(store: AnswerStore, rater_id: str, moment: Moment) -> bool:
    """Whether a rater has sent the survey; questions that need no answer may be left empty in it."""
    query = select(_Q.question).where(_Q.rater_id == rater_id, _Q.survey == moment).limit(1)
    with store.reading() as connection:
        return connection.scalar(query) is not None


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
    values = {q.name: (q.kind, q.read(given.get(q.name, []), language)) for q in survey.questions}
    with store.writing() as connection:
        connection.execute(delete(t.survey_answers).where(_Q.rater_id == rater_id, _Q.survey == moment))
        connection.execute(
            insert(t.survey_answers),
            [
                {
                    "rater_id": rater_id, "survey": moment, "question": name, "kind": kind, "value": value,
                    "at": store.clock(),
                }
                for name, (kind, value) in values.items()
            ],
        )  # fmt: skip
