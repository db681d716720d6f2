"""From what the page sends to what is stored: choices to values, orders to items, how sure and why not beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genspace.errors import InputError
from genspace.human_study.answers.orders import tiers_of, tiers_text
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design.protocols import CANNOT_TELL, CONFIDENCE
from genspace.human_study.material import Asked, Material
from genspace.human_study.visit.assignment import Held


@dataclass(frozen=True, slots=True)
class Given:
    """What a rater says about one screen."""

    values: Mapping[str, float | None]
    """Question to value."""
    details: Mapping[str, Detail]
    """Question to what the answer says beside its value."""


def read_answers(
    material: Material,
    shown: Held,
    *,
    choices: Mapping[str, str],
    confidence: Mapping[str, str],
    why: Mapping[str, str],
) -> Given:
    """Return what the choices stand for.

    Args:
        material: The study.
        shown: What the rater saw.
        choices: Question to choice.
        confidence: Question to how sure the rater is.
        why: Question to the reason for a no.

    Errors: `InputError` for anything but one answer to each question, with what the study asks beside it.
    """
    asked = {a.name: a for a in material.questions(shown.unit)}
    if set(choices) != set(asked) or not set(confidence) <= set(asked) or not set(why) <= set(asked):
        raise InputError("answers to other questions than were asked")
    values: dict[str, float | None] = {}
    details: dict[str, Detail] = {}
    for name, question in asked.items():
        choice = choices[name]
        group = question.answers.shape == "group" and choice != CANNOT_TELL
        if group:
            tiers = tiers_of(question.answers.name, choice, shown.in_order)
            values[name], kept = None, tiers_text(tiers)
        else:
            values[name] = question.answers.value(choice, flipped=shown.flipped)
            kept = choice if choice in {"both_good", "both_bad"} else ""
        sure = _sure(material, choice, confidence.get(name))
        reason = _reason(material, question, choice, why.get(name, "").strip())
        if kept or reason or sure is not None:
            details[name] = Detail(kept, sure, reason)
    return Given(values, details)


def _sure(material: Material, choice: str, given: str | None) -> float | None:
    """Return how sure the rater is, where that is asked: after every answer but "can't tell"."""
    wanted = material.design.confidence and choice != CANNOT_TELL
    if wanted != (given is not None):
        raise InputError("how sure the rater is belongs to every answer, or to none")
    if given is None:
        return None
    if given not in CONFIDENCE:
        raise InputError(f"{given!r} is no degree of being sure")
    return CONFIDENCE[given]


def _reason(material: Material, question: Asked, choice: str, given: str) -> str:
    """Return the reason for a no, where one is asked for."""
    rule = material.design.why_not
    negative = any(c.name == choice and c.negative for c in question.answers.choices)
    if rule is None or not negative:
        if given:
            raise InputError("a reason belongs to a no, where the study asks for it")
        return ""
    if rule.required and not given:
        raise InputError("a no needs its reason")
    return rule.worded(given, next(iter(material.texts)))
