"""An edit moves an object in one direction; and what moves of the camera share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from genspace.geometry import reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure
from genspace.geometry.predicates import (
    RELATIVE,
    Bound,
    Case,
    Limit,
    Measured,
    Predicate,
    Variant,
    constraint,
    metric,
    opposites,
)
from genspace.geometry.probes.planning import Draw, Eye, Layout, Plan, UnfitError, by_variant, in_metres
from genspace.geometry.reference import ReferenceRule
from genspace.geometry.views import Vector

__all__ = ["MOVE", "MOVE_LIMITS", "PREDICATE", "move", "moved", "released"]

AXIS = {
    "closer": (2, -1.0), "farther": (2, 1.0), "left": (0, -1.0), "right": (0, 1.0),
    "forward": (2, 1.0), "backward": (2, -1.0),
}  # fmt: skip
"""Directions of moves in the level frame: axis (0 right, 2 forward) and sign."""

MOVE_LIMITS = {"along": Limit("share", "metric"), "across": Limit("m", "sideways")}


def released(
    word: str, sign: int, *, can_pass: bool = True, gone: ReferenceRule = reference.gone_wrongly
) -> Variant:
    """Return a direction with the released rules: the sign of the object's change along its axis, and for one gone."""
    rule = partial(reference.move, axis=AXIS[word][0], sign=sign, can_pass=can_pass)
    return Variant(edit=rule, gone=gone, values={"value_m": (1.0,)})


def move_object(case: Case) -> Measured:
    """Change of the object's place along the direction and across it, seen by a camera that stood still."""
    change = case.changed()
    (now,), (then,) = case.objects, change.before

    def shift() -> Vector:
        k = change.factor
        (x, y, z), (x0, y0, z0) = now.place, then.place
        return k * x - x0, k * y - y0, k * z - z0

    return move(case, f"move of {now.item.id}", shift, ("right", "", "away"), None)


def move(
    case: Case, what: str, shift: Callable[[], Vector], names: tuple[str, str, str], note: str | None
) -> Measured:
    """Return the constraints on a shift in the level frame: along the wanted direction, and across it."""
    axis, sign = AXIS[str(case.settings["direction"])]
    target, across = sign * case.number("value_m"), 2 - axis

    def across_m() -> tuple[float, float]:
        value = shift()[across]
        return value, abs(value)

    along = case.limits["along"]
    return [
        metric(f"{what}, {names[axis]}", target, along, lambda: shift()[axis], note or RELATIVE),
        constraint(f"{what}, {names[across]}", "m", 0.0, case.limits["across"], across_m, note=note),
    ]


def drawing(bound: Bound) -> Concept:
    """A before, dashed, and after, before a camera that stands still."""
    goal = {"closer": (0, -0.8), "farther": (0, 1.0), "left": (-1.3, 0), "right": (1.3, 0)}[bound.word]
    start = (0.0, {"closer": 0.2, "farther": -0.3}.get(bound.word, 0.0))
    figures = (PlanFigure("A", *start, ghost=True), PlanFigure("A", *goal))
    return Concept(figures, camera=VIEWER, moves=((start, goal, "{value_m}"),))


def moved(draw: Draw, *, camera: bool) -> Layout:
    """The object or the camera moves by the drawn length; the camera looks north and keeps its direction."""
    thing = draw.thing(draw.pick(front=False, scales=("room", "street")))
    size = math.hypot(*thing.extent)
    if size > 3.2:
        raise UnfitError
    axis, sign = AXIS[draw.variant]
    shift = sign * draw.value, sign * draw.between(-0.2, 0.2)
    x, z = shift if axis == 0 else shift[::-1]
    start = draw.between(-0.3, 0.3) + (x if camera else -x) / 2
    before = replace(thing, x=start, z=max(size * draw.between(1.6, 2.4), 1.4) + 1.0)
    eye = Eye(x=0, z=0, height_m=float(thing.extent[1]) * draw.between(0.6, 1.2) + 0.2)
    after = before if camera else replace(before, x=before.x + x, z=before.z + z)
    layout = Layout(
        things=(after,), eye=replace(eye, x=x, z=z) if camera else eye, true_value=draw.value, yaw_deg=0.0
    )
    return layout.edited(things_before=(before,), eye_before=eye)


_PLAN = Plan(
    task="edit",
    sub_domain="move_object",
    call="move_object({0}, direction=VARIANT, value_m=1)",
    quantity="length of the move",
    arrange=partial(moved, camera=False),
    camera="static",
)
MOVE = in_metres(_PLAN, 1.0)
_SIGNS = {"closer": -1, "farther": 1, "left": -1, "right": 1}
# in the released code the test for a move to the left is that for one towards the camera
_GONE = {"left": reference.gone_past_camera, "right": reference.gone_to_the_right}

PREDICATE = Predicate(
    name="move_object",
    roles=("object",),
    key="direction",
    variants={w: released(w, sign, gone=_GONE.get(w, reference.gone_wrongly)) for w, sign in _SIGNS.items()},
    rule=move_object,
    limits=MOVE_LIMITS,
    drawing=drawing,
    probes=by_variant(MOVE, tuple(_SIGNS)),
    compares=True,
    contrary=opposites(("closer", "farther"), ("left", "right")),
    undone=opposites(("closer", "farther"), ("left", "right")),
    rank=10,
)
