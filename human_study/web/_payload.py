"""What the rater's page is told about a picture: never a file name, a generator or a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from genspace.human_study.answers.orders import load_tiers, pressed
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design import Design, worded
from genspace.human_study.design.protocols import CONFIDENCE, RaterProtocol
from genspace.human_study.drawings import drawn_of_unit
from genspace.human_study.material import Asked, Material
from genspace.human_study.questions import bound_of, mark_objects
from genspace.human_study.texts import Texts
from genspace.human_study.visit.assignment import Assignment, Held, Rest
from genspace.human_study.visit.progress import PlaceInVisit

Slot = Literal["image", "before", "left", "right", "left_before", "1", "2", "3", "4", "5", "6"]
"""A picture's place on the page; those of a group are numbered."""
_PLACES: Mapping[int, tuple[Slot, ...]] = {1: ("image",), 2: ("left", "right")}
_NUMBERED: tuple[Slot, ...] = get_args(Slot)[5:]
_LETTERS = "ABCDEF"


def picture_name(material: Material, given: Held, slot: Slot) -> str | None:
    """Return the file of a picture on the page, or None where there is none."""
    items = given.in_order
    if slot == ("before" if len(items) == 1 else "left_before"):
        return material.items[items[0]].image_before
    places = _PLACES.get(len(items), _NUMBERED[: len(items)])
    return material.items[items[places.index(slot)]].image if slot in places else None


def assignment_payload(
    material: Material, given: Assignment, texts: Texts, place: PlaceInVisit
) -> dict[str, Any]:
    """Return what the page shows of an assignment."""
    item = material.items[given.unit[0]]
    bound = bound_of(item)
    shared = material.one_prompt(given.unit)
    drawn = drawn_of_unit(material, given.unit) is not None
    asked, why = material.questions(given.unit, texts.code), material.design.why_not
    return {
        "status": "assignment",
        "id": given.assignment_id,
        "revision": given.revision,
        "practice": given.role == "training",
        "number": place.number,
        "total": place.total,
        "pause": _pause_due(material.design, given),
        "prompt": mark_objects(item.prompt or "", bound.names if bound else ()) if shared else [],
        "pictures": _pictures(material, given, texts),
        "drawing": f"drawing/{given.assignment_id}.svg" if drawn else None,
        "questions": [_question(a, given, texts) for a in asked],
        "answers": _answers(asked, given),
        "confidence": {q: _sure(d) for q, d in given.details.items() if d.confidence is not None},
        "why": {q: why.worded(d.why, texts.code) for q, d in given.details.items() if d.why and why},
        "comment": given.comment,
        "previous": given.previous_id,
    }


def _pictures(material: Material, given: Assignment, texts: Texts) -> list[dict[str, str]]:
    """Return address, label and, where prompts differ, prompt of each picture, from the left."""
    items = given.in_order
    edited = material.items[items[0]].image_before is not None
    if len(items) == 1:
        labels = [texts["work.after" if edited else "work.picture"]]
    elif len(items) == 2:
        labels = [texts["work.picture_left"], texts["work.picture_right"]]
    else:
        labels = [texts["work.picture_letter"].format(letter=letter) for letter in _LETTERS[: len(items)]]
    before: Slot = "before" if len(items) == 1 else "left_before"
    shown: list[tuple[Slot, str, str]] = [(before, texts["work.before"], "")] if edited else []
    own = not material.one_prompt(given.unit)
    shown.extend(
        (slot, label, (material.items[i].prompt or "") if own else "")
        for slot, label, i in zip(_PLACES.get(len(items), _NUMBERED), labels, items, strict=False)
    )
    return [
        {"url": f"image/{given.assignment_id}/{slot}", "label": label, "prompt": prompt}
        for slot, label, prompt in shown
        if picture_name(material, given, slot) is not None
    ]


def _question(asked: Asked, given: Assignment, texts: Texts) -> dict[str, Any]:
    """Return a question as the page asks it; that about a group in steps, one for each place of the order."""
    answers = asked.answers
    kind = answers.name
    question: dict[str, Any] = {
        "name": asked.name, "text": asked.text, "note": asked.note, "kind": kind,
        "choices": _choices(answers, texts),
    }  # fmt: skip
    if answers.numbers is not None:
        question["low"], question["high"] = answers.numbers
        question["labels"] = [texts["answers.slider.low"], texts["answers.slider.high"]]
    if answers.shape == "group":
        size = len(given.unit)
        question["steps"] = (
            [texts["work.best"], texts["work.worst"]]
            if kind == "best_worst"
            else [texts["work.best"], *([texts["work.next_best"]] * (size - 2))]
        )
        question["places"] = [
            {"name": str(n), "label": _LETTERS[n], "key": str(n + 1), "letter": _LETTERS[n].lower()}
            for n in range(size)
        ]
    return question


def _choices(answers: RaterProtocol, texts: Texts) -> list[dict[str, str | bool]]:
    """Return the answers a rater can press, with labels and keys."""
    named = "pairwise" if answers.shape == "pair" else "slider" if answers.shape == "group" else answers.name
    return [
        {
            "name": c.name,
            "label": texts[f"answers.{named}.{c.name}"],
            "key": c.key,
            "letter": texts.find(f"letters.{c.name}") or "",
            "negative": c.negative,
        }
        for c in answers.choices
    ]


def _answers(asked: tuple[Asked, ...], given: Assignment) -> dict[str, str]:
    """Return the answers given so far as they were pressed."""
    found = {}
    for question in asked:
        if question.name not in given.values:
            continue
        detail = given.details.get(question.name, Detail())
        answers = question.answers
        if answers.shape == "group" and detail.choice:
            found[question.name] = pressed(answers.name, load_tiers(detail.choice), given.in_order)
        else:
            value = given.values[question.name]
            found[question.name] = detail.choice or answers.choice(value, flipped=given.flipped)
    return found


def _sure(detail: Detail) -> str:
    return next(name for name, value in CONFIDENCE.items() if value == detail.confidence)


def _pause_due(design: Design, given: Assignment) -> bool:
    fresh = given.revision == 0 and given.role != "training"
    return fresh and given.done > 0 and given.done % design.block == 0


def settings_payload(design: Design, texts: Texts) -> dict[str, Any]:
    """Return what the page needs to know once."""
    why = design.why_not
    return {
        "texts": texts.section("work"),
        "errors": texts.section("page"),
        "protocol": design.protocol,
        "confidence": [
            {"name": name, "label": texts[f"confidence.{name}"], "key": str(n), "letter": ""}
            for n, name in enumerate(CONFIDENCE, start=1)
        ]
        if design.confidence
        else [],
        "why": None
        if why is None
        else {"options": [worded(o, texts.code) for o in why.options], "required": why.required},
    }


def rest_payload(rest: Rest) -> dict[str, str | int]:
    """Return what the page is told when there is nothing to answer."""
    return {"status": rest.reason, "done": rest.done}


def mistakes(
    material: Material, given: Held, values: Mapping[str, float | None]
) -> list[tuple[RaterProtocol, float | None]]:
    """Return the known answers of a unit that were not given, each with the answers offered."""
    known = material.known[given.unit].values if given.unit in material.known else {}
    asked = ((a.name, a.answers) for a in material.questions(given.unit) if a.name in known)
    return [(answers, known[q]) for q, answers in asked if not answers.alike(values[q], known[q])]


def feedback(
    material: Material, given: Held, values: Mapping[str, float | None], texts: Texts
) -> dict[str, str | bool | None] | None:
    """Return what the practice round says about an answer; None outside it.

    Only what can be checked is praised or corrected.
    """
    known = material.known.get(given.unit)
    if given.role != "training" or known is None:
        return None
    wrong = mistakes(material, given, values)
    if wrong:
        named = [_label(answers, v, given, texts) for answers, v in wrong]
        text = texts["work.wrong_answer"].format(answer=", ".join(named))
    elif known.values.keys() < values.keys():
        text = texts["work.right_as_far"]
    else:
        text = texts["work.right_answer"]
    return {"right": not wrong, "text": text, "explanation": known.explained(texts.code)}


def _label(answers: RaterProtocol, value: float | None, given: Held, texts: Texts) -> str:
    name = answers.choice(value, flipped=given.flipped)
    named = "pairwise" if answers.shape == "pair" else answers.name
    return texts.find(f"answers.{named}.{name}") or name
