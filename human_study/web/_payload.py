"""What the rater's page is told about a picture: never a file name, a generator or a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from genspace.geometry.drawing.concepts import concept_svg
from genspace.human_study.assignment import Assignment, Held, Rest
from genspace.human_study.design import Design
from genspace.human_study.material import Material
from genspace.human_study.quality import same_answer
from genspace.human_study.questions import bound_of, mark_objects
from genspace.human_study.texts import Texts

__all__ = [
    "Slot",
    "assignment_payload",
    "choices_payload",
    "drawing_of",
    "feedback",
    "picture_name",
    "rest_payload",
]

Slot = Literal["image", "before", "left", "right", "left_before", "right_before"]


def picture_name(material: Material, given: Held, slot: Slot) -> str | None:
    """Return the file of a picture on the page, or None where there is none."""
    first, second = given.unit[::-1] if given.flipped else given.unit
    if not given.unit[1]:
        first, second = given.unit[0], ""
    item_id = {"right": second, "right_before": second}.get(slot, first)
    if bool(given.unit[1]) is (slot in {"image", "before"}) or item_id not in material.items:
        return None
    item = material.items[item_id]
    return item.image_before if slot.endswith("before") else item.image


def assignment_payload(
    material: Material, given: Assignment, texts: Texts, totals: Sequence[int]
) -> dict[str, Any]:
    """Return what the page shows of an assignment; `totals` are the pictures of the main and the practice round."""
    item = material.items[given.unit[0]]
    bound = bound_of(item)
    slots: tuple[tuple[Slot, str], ...] = (
        (("left_before", "before"), ("left", "picture_left"), ("right", "picture_right"))
        if given.unit[1]
        else (("before", "before"), ("image", "after" if item.image_before else "picture"))
    )
    answers = material.design.answers
    return {
        "status": "assignment",
        "id": given.assignment_id,
        "revision": given.revision,
        "practice": given.role == "training",
        "done": given.done,
        "total": totals[given.role == "training"],
        "pause": _pause_due(material.design, given),
        "prompt": mark_objects(item.prompt or "", bound.names if bound else ()),
        "pictures": [
            {"url": f"/image/{given.assignment_id}/{slot}", "label": texts[f"work.{label}"]}
            for slot, label in slots
            if picture_name(material, given, slot) is not None
        ],
        "drawing": f"/drawing/{given.assignment_id}.svg" if bound and material.design.drawings else None,
        "questions": [{"name": n, "text": q} for n, q in material.questions(given.unit, texts.code)],
        "answers": {q: answers.choice(v, flipped=given.flipped) for q, v in given.values.items()},
        "comment": given.comment,
        "previous": given.previous_id,
    }


def drawing_of(material: Material, given: Held, texts: Texts) -> str | None:
    """Return the drawing that explains whose point of view an item's question means, as SVG text, or None."""
    bound = bound_of(material.items[given.unit[0]])
    return concept_svg(bound, texts.voice) if bound and material.design.drawings else None


def _pause_due(design: Design, given: Assignment) -> bool:
    fresh = given.revision == 0 and given.role != "training"
    return fresh and given.done > 0 and given.done % design.block == 0


def choices_payload(design: Design, texts: Texts) -> list[dict[str, str]]:
    """Return the answers a rater can give, with labels and keys."""
    return [
        {
            "name": c.name,
            "label": texts[f"answers.{design.protocol}.{c.name}"],
            "key": c.key,
            "letter": texts.find(f"letters.{c.name}") or "",
        }
        for c in design.answers.choices
    ]


def rest_payload(rest: Rest) -> dict[str, Any]:
    """Return what the page is told when there is nothing to answer."""
    return {"status": rest.reason, "done": rest.done}


def feedback(
    material: Material, given: Held, values: Mapping[str, float | None], texts: Texts
) -> dict[str, Any] | None:
    """Return what the practice round says about an answer; None outside it."""
    known = material.known.get(given.unit)
    if given.role != "training" or known is None:
        return None
    design = material.design
    wrong = [
        texts[f"answers.{design.protocol}.{design.answers.choice(v, flipped=given.flipped)}"]
        for q, v in known.values.items()
        if q in values and not same_answer(values[q], v, design.protocol)
    ]
    text = texts["work.wrong_answer"].format(answer=", ".join(wrong)) if wrong else texts["work.right_answer"]
    return {"right": not wrong, "text": text, "explanation": known.explanation}
