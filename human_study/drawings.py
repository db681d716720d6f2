"""The small drawings that explain whose point of view a question means."""

from __future__ import annotations

from dataclasses import replace

from genspace.geometry.drawing.concepts import concept_svg
from genspace.geometry.predicates import Bound
from genspace.human_study.material import Material, UnitKey
from genspace.human_study.questions import bound_of
from genspace.human_study.texts import Texts

__all__ = ["drawing_of_unit", "drawn_of_unit", "example"]


def drawn_of_unit(material: Material, unit: UnitKey) -> Bound | None:
    """Return the predicate that a unit's drawing explains; None where it has no drawing.

    Items of different prompts have no drawing in common.
    """
    if not material.design.drawings or not material.one_prompt(unit):
        return None
    return bound_of(material.items[unit[0]])


def drawing_of_unit(material: Material, unit: UnitKey, texts: Texts) -> str | None:
    """Return the drawing that explains whose point of view a unit's question means, as SVG text, or None."""
    bound = drawn_of_unit(material, unit)
    return concept_svg(bound, texts.voice) if bound else None


def example(texts: Texts) -> str:
    """Return the drawing of the instructions: what "the cow's own left" means, in the words of the text beside it."""
    labels = {**texts.voice.labels, "left": texts["instructions.example_left"]}
    voice = replace(texts.voice, common={**texts.voice.common, "drawing": labels})
    return concept_svg("allocentric(A, B, relation=left)", voice)
