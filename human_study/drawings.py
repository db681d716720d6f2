"""The small drawings that explain whose point of view a question means."""

from __future__ import annotations

from functools import lru_cache

from genspace.errors import InputError
from genspace.geometry.drawing.concepts import concept_svg
from genspace.human_study.material import Material, UnitKey
from genspace.human_study.questions import Call, amount, parse_call
from genspace.human_study.texts import Texts

__all__ = ["drawing", "drawing_of_unit", "example"]


def drawing_of_unit(material: Material, unit: UnitKey, texts: Texts) -> str | None:
    """Return the drawing that explains whose point of view a unit's question means, as SVG text, or None.

    Items of different prompts have no drawing in common.
    """
    if not material.design.drawings or not material.one_prompt(unit):
        return None
    return drawing(parse_call(material.items[unit[0]].predicate), texts)


def drawing(call: Call | None, texts: Texts) -> str | None:
    """Return the drawing of a predicate, in the rater's language, as SVG text, or None where there is none."""
    if call is None:
        return None
    variant = f"{call.value:g}" if call.variant == "any" and call.value is not None else call.variant
    return _drawn(call.family, variant, amount(call, texts), _words(texts))


def example(texts: Texts) -> str | None:
    """Return the drawing of the instructions: what "the cow's own left" means, in the words of the text beside it."""
    words = {**texts.section("drawing"), "left": texts["instructions.example_left"]}
    return _drawn("allocentric", "left", None, tuple(words.items()))


def _words(texts: Texts) -> tuple[tuple[str, str], ...]:
    return tuple(texts.section("drawing").items())


@lru_cache(maxsize=500)
def _drawn(family: str, variant: str, wanted: str | None, words: tuple[tuple[str, str], ...]) -> str | None:
    try:
        return concept_svg(family, variant, wanted, dict(words))
    except InputError:
        return None
