"""The camera sees one side of an object; and what all predicates about an object's own sides share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from genspace.geometry import measures, reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure
from genspace.geometry.frames import wrap_deg
from genspace.geometry.predicates import (
    BEARING,
    OPPOSITE_SIDES,
    Bound,
    Case,
    Limit,
    Measured,
    Predicate,
    Variant,
    constraint,
    opposites,
)
from genspace.geometry.probes.planning import Draw, Layout, Plan, by_side, polar
from genspace.geometry.views import CAMERA, Placed, Vector

__all__ = ["OWN", "PREDICATE", "camera_goes_round", "on_side", "side_limits"]

OWN = {"front": 15.0, "back": 15.0, "left": 30.0, "right": 30.0}
"""The benchmark's tolerances of bearings, degrees."""


def side_limits(side: str) -> Mapping[str, Limit]:
    """Return the tolerances of something on one side of an object, as the object sees it."""
    bearing = "bearing_front" if side in {"front", "back"} else "bearing_side"
    return {"bearing": Limit("deg", bearing), "elevation": Limit("deg", "elevation")}


def view_from(case: Case) -> Measured:
    """The camera is on one side of the object."""
    (a,) = case.objects
    return on_side(case, a, CAMERA, "the camera", str(case.settings["view"]))


def on_side(case: Case, a: Placed, seen: Placed | Vector, name: str, side: str) -> Measured:
    """Return the constraints on where something lies from an object's own view."""
    wanted, names, limits = BEARING[side], f"of {name} from {a.item.id}", case.limits
    return [
        constraint(f"bearing {names}", "deg", wanted, limits["bearing"], measures.bearing, a, seen, wanted),
        constraint(f"elevation {names}", "deg", 0.0, limits["elevation"], measures.elevation, a, seen),
    ]


def drawing(bound: Bound) -> Concept:
    """A with its front turned so that the camera sees the side."""
    width_deg, _ = bound.limits()["bearing"]
    figure = PlanFigure("A", 0, 0, 180 - BEARING[bound.word])
    return Concept((figure,), camera=VIEWER, sector=(bound.word, width_deg))


def camera_at_bearing(draw: Draw) -> Layout:
    """One object, the camera at a bearing from it."""
    thing = draw.thing(draw.pick())
    eye = draw.eye([thing], thing.heading_deg + draw.value)
    return Layout(things=(thing,), eye=eye, true_value=draw.bearing)


def camera_goes_round(draw: Draw) -> Layout:
    """The camera goes round an object until it sees a side of it."""
    after = camera_at_bearing(draw)
    (thing,) = after.things
    start = draw.one_of(*(b for b in (-135, -45, 45, 135) if abs(wrap_deg(b - draw.value)) > 20))
    x, z = after.eye.x - thing.x, after.eye.z - thing.z
    east, north = polar(thing.heading_deg + start + draw.between(-10, 10), math.hypot(x, z))
    before = replace(after.eye, x=thing.x + east, z=thing.z + north)
    return replace(after, things_before=after.things, eye_before=before)


def plans(pattern: Plan) -> tuple[Plan, ...]:
    """Return the plans of the four sides, which know who takes the object's own left for the viewer's."""
    return tuple(
        replace(plan, mistaken=lambda _, true_value: -true_value)
        if plan.variant in {"left", "right"}
        else plan
        for plan in by_side(pattern, OWN)
    )


_PLAN = Plan(
    sub_domain="camera_pose",
    call="camera_pose({0}, view=VARIANT)",
    quantity="bearing of the camera",
    arrange=camera_at_bearing,
)

PREDICATE = Predicate(
    name="camera_pose",
    roles=("object",),
    key="view",
    variants={
        side: Variant(
            t2i=partial(reference.view_from, threshold=OWN[side], width=30.0),
            edit=partial(reference.view_from, threshold=30.0, width=45.0),
            limits=side_limits(side),
        )
        for side in BEARING
    },
    rule=view_from,
    drawing=drawing,
    probes=plans(_PLAN) + plans(replace(_PLAN, task="edit", arrange=camera_goes_round)),
    own_sides=True,
    contrary=opposites(*OPPOSITE_SIDES),
    exclusive=(tuple(BEARING),),
    rank=1,
)
