"""An edit moves the camera in one direction, told by an object that stands still."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from genspace.geometry import reference
from genspace.geometry.drawing.concepts import Concept, PlanFigure
from genspace.geometry.frames import rotation_y
from genspace.geometry.predicates import (
    Bound,
    Case,
    Measured,
    Predicate,
    opposites,
)
from genspace.geometry.predicates.move_object import MOVE, MOVE_LIMITS, move, moved, released
from genspace.geometry.probes.planning import by_variant
from genspace.geometry.views import Vector, rotate

__all__ = ["PREDICATE"]


def move_camera(case: Case) -> Measured:
    """The camera's own move along the direction and across it; its turn is the pair's, never told by the object."""
    change = case.changed()
    (now,), (then,) = case.objects, change.before
    turn = rotation_y(change.yaw_deg or 0.0).tolist()

    def shift() -> Vector:
        k = change.factor
        (x, y, z), (x0, y0, z0) = rotate(turn, now.place), then.place
        return x0 - k * x, y0 - k * y, z0 - k * z

    note = "the camera is taken not to have turned" if change.yaw_deg is None else None
    return move(case, "move of the camera", shift, ("right", "", "forward"), note)


_DRAWN = {
    "forward": ((0.0, -1.95), (0.0, -0.75)),
    "backward": ((0.0, -0.75), (0.0, -1.95)),
    "left": ((0.0, -1.6), (-1.3, -1.6)),
    "right": ((0.0, -1.6), (1.3, -1.6)),
}


def drawing(bound: Bound) -> Concept:
    """The camera before, dashed, and after; A stays."""
    start, goal = _DRAWN[bound.word]
    step = (start, goal, "{value_m}")
    return Concept(
        (PlanFigure("A", 0, 1.0),), camera=(*goal, 0.0), camera_before=(*start, 0.0), moves=(step,)
    )


_PLAN = replace(
    MOVE,
    sub_domain="move_camera",
    call=MOVE.call.replace("move_object", "move_camera"),
    arrange=partial(moved, camera=True),
    camera="unturned",
)

PREDICATE = Predicate(
    name="move_camera",
    roles=("object",),
    key="direction",
    variants={
        "forward": released("forward", -1, gone=reference.gone_past_camera),
        "backward": released("backward", 1),
        "left": released("left", 1, can_pass=False, gone=reference.gone_to_the_right),
        "right": released("right", -1, can_pass=False, gone=reference.gone_to_the_left),
    },
    rule=move_camera,
    limits=MOVE_LIMITS,
    drawing=drawing,
    probes=by_variant(_PLAN, tuple(_DRAWN)),
    compares=True,
    contrary=opposites(("forward", "backward"), ("left", "right")),
    undone=opposites(("forward", "backward"), ("left", "right")),
    rank=11,
)
