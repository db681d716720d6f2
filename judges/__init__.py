"""Judges: anything that turns an item into a verdict."""

from genspace.judges._naming import resolve, study_context
from genspace.judges._protocol import (
    Budget,
    BudgetReachedError,
    Judge,
    JudgeContext,
    JudgeSpec,
    Preview,
    Previewing,
    parse_options,
)
from genspace.judges._registry import REGISTRY, make_judge

__all__ = [
    "REGISTRY",
    "Budget",
    "BudgetReachedError",
    "Judge",
    "JudgeContext",
    "JudgeSpec",
    "Preview",
    "Previewing",
    "make_judge",
    "parse_options",
    "resolve",
    "study_context",
]
