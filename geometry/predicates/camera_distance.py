"""The centre of an object is so far from the camera."""

from __future__ import annotations

import math

from genspace.geometry import reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure
from genspace.geometry.predicates import Bound, Case, Limit, Measured, Predicate, Variant, metric
from genspace.geometry.probes.planning import Draw, Eye, Layout, Plan, UnfitError, by_number, polar

__all__ = ["PREDICATE"]

VALUES_M = (1.0, 2.0, 3.0, 4.0)


def camera_distance(case: Case) -> Measured:
    """Distance from the camera to the centre."""
    (a,) = case.objects
    quantity, target = f"distance from the camera to {a.item.id}", case.number("value_m")
    return [metric(quantity, target, case.limits["distance"], lambda: math.hypot(*a.whole_place))]


def drawing(bound: Bound) -> Concept:
    """A ahead of the camera, and the distance to its centre."""
    far = -1.0 + 0.5 * min(float(bound.settings["value_m"]), 4.0)
    span = ((0.75, VIEWER[1]), (0.75, far), "{value_m}")
    return Concept((PlanFigure("A", 0, far),), camera=VIEWER, spans=(span,))


def away(draw: Draw) -> Layout:
    """One object whose centre is a distance from the camera."""
    distance, thing = draw.value, draw.thing(draw.pick(front=False))
    if not 0.10 < math.hypot(*thing.extent) / 2 / distance < 0.42:
        raise UnfitError
    rise = math.radians(draw.between(0, 40))
    height = float(thing.extent[1]) / 2 + distance * math.sin(rise)
    x, z = polar(draw.turn(), distance * math.cos(rise))
    return Layout(things=(thing,), eye=Eye(x=x, z=z, height_m=height), true_value=distance)


_PLAN = Plan(
    sub_domain="camera_distance",
    call="camera_distance({0}, value_m=VARIANT)",
    quantity="distance from the camera",
    arrange=away,
)

PREDICATE = Predicate(
    name="camera_distance",
    roles=("object",),
    variants={"": Variant(reference.camera_distance, values={"value_m": VALUES_M})},
    rule=camera_distance,
    limits={"distance": Limit("share", "metric")},
    drawing=drawing,
    probes=by_number(_PLAN, *VALUES_M),
    rank=8,
)
