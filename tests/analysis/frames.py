"""Data frames as evidence, in the order in which the tests name them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from genspace.analysis import Comparison
from genspace.analysis.question import Question, Units
from genspace.analysis.reasons import Reason
from genspace.evidence import Evidence
from genspace.records import StudySettings
from genspace.report import reason_text, remark

__all__ = ["documented", "evidence", "told", "units"]


def told(reason: Reason | dict[str, object] | None) -> str:
    """A reason in words, also one that stands in JSON."""
    return reason_text(Reason(**reason) if isinstance(reason, dict) else reason)


def documented(comparison: Comparison) -> dict[str, Any]:
    """A comparison as JSON, with the sentence of each remark."""
    document, found = comparison.to_dict(), comparison.document
    texts = [{"text": remark(note, found)} for note in found.notes]
    return document | {"notes": [n | t for n, t in zip(document["notes"], texts, strict=True)]}


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
