"""The small drawings that explain whose point of view a question means."""

from __future__ import annotations

from functools import cache

from genspace.errors import InputError
from genspace.geometry.drawing.concepts import concept_svg
from genspace.human_study.questions import Call

__all__ = ["drawing", "example"]


def drawing(call: Call | None) -> str | None:
    """Return the drawing of a predicate as SVG text, or None where there is none."""
    if call is None:
        return None
    return _drawn(
        call.family, call.variant if call.variant != "any" or call.value is None else f"{call.value:g}"
    )


def example() -> str | None:
    """Return the drawing of the instructions: what "on its own left" means."""
    return _drawn("allocentric", "left")


@cache
def _drawn(family: str, variant: str) -> str | None:
    try:
        return concept_svg(family, variant)
    except InputError:
        return None
