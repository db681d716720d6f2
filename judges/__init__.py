"""Judges: anything that turns an item into a verdict."""

from genspace.judges._naming import member_overrides, resolve, study_context, variant_of
from genspace.judges._protocol import (
    Budget,
    BudgetReachedError,
    Combining,
    Fitted,
    Judge,
    JudgeContext,
    JudgeSpec,
    Need,
    Preview,
    Previewing,
    Seeing,
    Settling,
    parse_options,
)
from genspace.judges._registry import REGISTRY, make_judge

__all__ = [
    "REGISTRY",
    "Budget",
    "BudgetReachedError",
    "Combining",
    "Fitted",
    "Judge",
    "JudgeContext",
    "JudgeSpec",
    "Need",
    "Preview",
    "Previewing",
    "Seeing",
    "Settling",
    "make_judge",
    "member_overrides",
    "parse_options",
    "resolve",
    "study_context",
    "variant_of",
]
