"""One object lies left of, right of, above or below another in the picture: boxes in 2D, no depth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from genspace.geometry.boxes2d import MARGIN, RELATIONS, Detection, offset
from genspace.geometry.drawing._svg import name_in, polygon, rectangle
from genspace.geometry.drawing.concepts import Concept, Say
from genspace.geometry.drawing.palette import GROUND, MUTED, tone
from genspace.geometry.predicates import (
    Bound,
    Case,
    Limit,
    Measured,
    Predicate,
    Variant,
    constraint,
    opposites,
)
from genspace.geometry.probes.planning import Draw, Layout, Plan, by_variant
from genspace.geometry.views import Placed, Unmeasurable

if TYPE_CHECKING:
    from genspace.geometry.probes.scenes import ProbeScene

__all__ = ["PREDICATE"]


def image_relation(case: Case) -> Measured:
    """Offset of the centres of the two boxes in the direction, in mean sizes of the boxes."""
    a, b = case.objects
    word = str(case.settings["relation"])

    def measure() -> tuple[float, float]:
        value = offset(_box(a), _box(b), word)
        return value, -value

    quantity = f"offset of the centres by which {a.item.id} is {word.replace('_', ' ')} {b.item.id}"
    note = "at least 0, in mean sizes of the boxes"
    return [constraint(quantity, "ratio", None, case.limits["offset"], measure, note=note)]


def _box(placed: Placed) -> Detection:
    if placed.item.box is None:
        raise Unmeasurable(f"the box of {placed.item.id} in the picture is unknown")
    return Detection(placed.item.box)


_DRAWN = {
    "left_of": ((62, 76), (172, 76)),
    "right_of": ((172, 76), (62, 76)),
    "above": ((117, 48), (117, 120)),
    "below": ((117, 120), (117, 48)),
}


def drawing(bound: Bound) -> Concept:
    """A picture with two marked boxes."""
    frame = polygon(rectangle(40, 36, 240, 152), fill=GROUND, stroke=MUTED)
    boxes = [
        polygon(rectangle(x, y, 86, 58), fill=tone(i).pale, stroke=tone(i).strong)
        + name_in("AB"[i], (x + 43, y + 29), tone(i))
        for i, (x, y) in enumerate(_DRAWN[bound.word])
    ]

    def shapes(_: Say) -> str:
        return "".join((frame, *boxes))

    return Concept(seen="picture", shapes=shapes)


def shown(draw: Draw) -> Layout:
    """Two things seen from above, one past the other; how far in the picture is measured once its boxes are known."""
    from genspace.geometry.probes.truth import cast

    a, b = (draw.thing(choice) for choice in draw.pair(fronts=(False, False)))
    heading = {"left_of": 90.0, "right_of": -90.0, "above": 180.0, "below": 0.0}[draw.variant]
    off_axis = math.degrees(math.acos(max(-1.0, min(1.0, -draw.error))))
    things = (a, b.at(heading + off_axis * draw.one_of(-1, 1), draw.spacing(a, b)))

    def measured(scene: ProbeScene) -> float:
        first, second = (Detection(box) for box in cast(scene).boxes if box)
        return offset(first, second, draw.variant)

    eye = draw.eye(things, 180.0, elevation=(25, 40))
    return Layout(things=things, eye=eye, true_value=-draw.error, measured=measured)


_PLAN = Plan(
    task="2d",
    sub_domain="image_relation",
    call="image_relation({0}, {1}, relation=VARIANT)",
    quantity="offset of the centres in the asked direction",
    unit="ratio",
    inner=0.0,
    spread=(-1.0, 1.0),
    arrange=shown,
    signed=False,
)

_OPPOSITE = (("left_of", "right_of"), ("above", "below"))

PREDICATE = Predicate(
    name="image_relation",
    roles=("first", "second"),
    key="relation",
    variants={word: Variant() for word in RELATIONS},
    rule=image_relation,
    limits={"offset": Limit("share", (0.0, MARGIN))},
    drawing=drawing,
    probes=by_variant(_PLAN, tuple(RELATIONS)),
    same=opposites(*_OPPOSITE, exchanged=True),
    contrary=opposites(*_OPPOSITE),
    exclusive=_OPPOSITE,
    rank=14,
)
