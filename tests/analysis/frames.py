"""Data frames as evidence, in the order in which the tests name them."""

from __future__ import annotations

import pandas as pd

from genspace.analysis.question import Question, Units
from genspace.evidence import Evidence
from genspace.records import StudySettings

__all__ = ["evidence", "units"]


def evidence(
    annotations: pd.DataFrame,
    scores: pd.DataFrame,
    items: pd.DataFrame,
    settings: StudySettings | None = None,
) -> Evidence:
    """The evidence that three frames hold."""
    return Evidence.from_frames(items, annotations, scores, settings=settings)


def units(
    annotations: pd.DataFrame,
    scores: pd.DataFrame,
    items: pd.DataFrame,
    settings: StudySettings | None = None,
    *,
    question: str | None = None,
) -> Units:
    """What people answered about, as aligned arrays."""
    return Question.of(evidence(annotations, scores, items, settings), question).units
