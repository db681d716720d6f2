"""Two objects are so far apart."""

from __future__ import annotations

import math

from genspace.geometry import measures, reference
from genspace.geometry.drawing.concepts import Concept, PlanFigure
from genspace.geometry.predicates import (
    Bound,
    Case,
    Limit,
    Measured,
    Predicate,
    Saying,
    Variant,
    constraint,
    metric,
)
from genspace.geometry.probes.planning import Draw, Layout, Plan, UnfitError, by_number

__all__ = ["PREDICATE"]

VALUES_M = (0.5, 1.0, 1.5, 2.0)


def object_distance(case: Case) -> Measured:
    """Distance between the centres, or the gap between the boxes; then the other is reported too."""
    a, b = case.objects
    target, names, limit = case.number("value_m"), f"of {a.item.id} and {b.item.id}", case.limits["distance"]
    centres, gap = f"distance between the centres {names}", f"gap between the boxes {names}"
    if case.settings["measure"] == "centres":
        return [metric(centres, target, limit, lambda: measures.between_centres_m(a, b))]

    def reported() -> tuple[float, float]:
        return measures.between_centres_m(a, b), 0.0

    return [
        metric(gap, target, limit, lambda: measures.between_boxes_m(a, b)),
        constraint(centres, "m", None, None, reported, note="reported, not judged"),
    ]


def drawing(bound: Bound) -> Concept:
    """A and B with the distance between their centres, or between their nearest sides."""
    half = 0.5 + 0.3 * min(float(bound.settings["value_m"]), 4.0)
    end = half if bound.settings["measure"] == "centres" else half - 0.34
    span = ((-end, -0.55), (end, -0.55), "{value_m}")
    return Concept((PlanFigure("A", -half, 0), PlanFigure("B", half, 0)), spans=(span,), zoom=1.4)


def apart(draw: Draw) -> Layout:
    """Two objects whose centres are a distance apart."""
    first, second = draw.pair(fronts=(False, False), scales=("tabletop", "room"))
    distance = draw.value
    a, b = draw.thing(first), draw.thing(second)
    drop = float(a.extent[1] - b.extent[1]) / 2
    if abs(drop) > 0.7 * distance or distance > 5 * max(float(a.extent.max()), float(b.extent.max())):
        raise UnfitError
    things = (a, b.at(draw.turn(), math.sqrt(distance**2 - drop**2)))
    return Layout(things=things, eye=draw.eye(things, draw.turn(), elevation=(8, 38)), true_value=distance)


_PLAN = Plan(
    sub_domain="object_distance",
    call="object_distance({0}, {1}, value_m=VARIANT)",
    quantity="distance between the centres",
    arrange=apart,
)

PREDICATE = Predicate(
    name="object_distance",
    roles=("first", "second"),
    variants={"": Variant(reference.object_distance, values={"value_m": VALUES_M})},
    options={"measure": ("centres", "gap")},
    rule=object_distance,
    limits={"distance": Limit("share", "metric")},
    from_anywhere=True,
    drawing=drawing,
    probes=by_number(_PLAN, *VALUES_M),
    same={"": Saying("", exchanged=True)},
    rank=7,
)
