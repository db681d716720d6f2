"""One object lies on one side of another, from the other's own point of view."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from genspace.geometry import reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure, toward
from genspace.geometry.predicates import (
    BEARING,
    OPPOSITE_SIDES,
    Bound,
    Case,
    Measured,
    Predicate,
    Variant,
    opposites,
)
from genspace.geometry.predicates.camera_pose import OWN, on_side, side_limits
from genspace.geometry.probes.planning import Draw, Layout, Plan, UnfitError, by_side, inserted

if TYPE_CHECKING:
    from genspace.geometry.probes.scenes import ProbeScene

__all__ = ["PREDICATE"]


def allocentric(case: Case) -> Measured:
    """Bearing and elevation of the other object, from the reference's own view."""
    a, b = case.objects
    return on_side(case, a, b, b.item.id, str(case.settings["relation"]))


def drawing(bound: Bound) -> Concept:
    """A turned, so that its left is not the viewer's left, and B on the side."""
    heading, (width_deg, _) = 150.0, bound.limits()["bearing"]
    b = PlanFigure("B", *toward(-0.15, 0, heading + BEARING[bound.word], 1.3))
    return Concept((PlanFigure("A", -0.15, 0, heading), b), camera=VIEWER, sector=(bound.word, width_deg))


def beside(draw: Draw) -> Layout:
    """A reference object and another at a bearing from it."""
    first, second = draw.pair(fronts=(True, False))
    a, b = draw.thing(first), draw.thing(second)
    spacing = draw.spacing(a, b)
    if abs(float(a.extent[1] - b.extent[1])) / 2 > 0.7 * spacing:
        raise UnfitError  # one far above the other is neither in front nor beside
    things = (a, b.at(a.heading_deg + draw.value, spacing))
    eye = draw.eye(things, draw.turn(), elevation=(5, 38))
    return Layout(things=things, eye=eye, true_value=draw.bearing)


def seen_by_the_camera(scene: ProbeScene, _: float) -> float:
    """Return where the other lies for the camera: 0 nearer to it, 90 to the right in the image."""
    (ax, az), (bx, bz) = (placed.ground_xz for placed in scene.objects)
    return math.degrees(math.atan2(bx - ax, az - bz))


_PLAN = Plan(
    sub_domain="allocentric",
    call="allocentric({0}, {1}, relation=VARIANT)",
    quantity="bearing of the other object",
    arrange=beside,
    mistaken=seen_by_the_camera,
)
_PLANS = by_side(_PLAN, OWN)

PREDICATE = Predicate(
    name="allocentric",
    roles=("reference", "other"),
    key="relation",
    variants={
        side: Variant(reference.allocentric, reference.insert_beside, limits=side_limits(side))
        for side in BEARING
    },
    rule=allocentric,
    from_anywhere=True,
    drawing=drawing,
    probes=_PLANS + inserted(_PLANS, 1),
    own_sides=True,
    contrary=opposites(*OPPOSITE_SIDES),
    exclusive=(tuple(BEARING),),
    frame="object",
    other_frame={
        word: f"egocentric({{1}}, {{0}}, relation={seen})"
        for word, seen in {"left": "left", "right": "right", "front": "closer", "back": "farther"}.items()
    },
    rank=5,
)
