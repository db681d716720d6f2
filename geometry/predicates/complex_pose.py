"""Two objects stand side by side and face the same way, and the camera sees one side of the pair."""

from __future__ import annotations

from dataclasses import replace

from genspace.geometry import measures, reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure, toward
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
from genspace.geometry.predicates.intrinsic import ARRANGED, arranged
from genspace.geometry.probes.planning import Draw, Layout, Plan, by_side, polar

__all__ = ["PREDICATE"]


def seen_from(case: Case) -> Measured:
    """Side by side as in `intrinsic`, and the camera's bearing from the middle of the pair, in its mean heading."""
    a, b = case.objects
    target, seen = BEARING[str(case.settings["view"])], case.limits["seen"]
    quantity = f"bearing of the camera from the middle of {a.item.id} and {b.item.id}"
    view = constraint(quantity, "deg", target, seen, measures.pair_view, a, b, target)
    return [*arranged(case, "side_by_side_same"), view]


def drawing(bound: Bound) -> Concept:
    """A and B abreast, the camera at the side."""
    heading = 180 - BEARING[bound.word]
    a, b = (
        PlanFigure(name, *toward(0, 0, heading + turn, 0.5), heading)
        for name, turn in (("A", -90), ("B", 90))
    )
    return Concept((a, b), camera=VIEWER)


def camera_at_pair(draw: Draw) -> Layout:
    """Two objects side by side facing the same way, the camera at a bearing from their middle."""
    first, second = draw.pair(fronts=(True, True))
    heading, turn = draw.turn(), draw.between(-6, 6)
    a, b = draw.thing(first, heading + turn), draw.thing(second, heading - turn)
    side = draw.one_of(-90, 90)
    x, z = polar(heading + side + draw.between(-8, 8), draw.spacing(a, b))
    things = (replace(a, x=-x / 2, z=-z / 2), replace(b, x=x / 2, z=z / 2))
    high = draw.variant in {"left", "right"}  # one stands behind the other: look from higher up
    eye = draw.eye(things, heading + draw.value, elevation=(18, 45) if high else (5, 35))
    return Layout(things=things, eye=eye, true_value=draw.bearing)


_PLAN = Plan(
    sub_domain="complex_pose",
    call="complex_pose({0}, {1}, view=VARIANT)",
    quantity="bearing of the camera",
    arrange=camera_at_pair,
    min_visible=0.2,
)

PREDICATE = Predicate(
    name="complex_pose",
    roles=("first", "second"),
    key="view",
    variants={side: Variant(t2i=reference.complex_pose) for side in BEARING},
    rule=seen_from,
    limits={**ARRANGED, "seen": Limit("deg", "pair_view")},
    drawing=drawing,
    probes=by_side(_PLAN),
    own_sides=True,
    contrary=opposites(*OPPOSITE_SIDES),
    exclusive=(tuple(BEARING),),
    rank=3,
)
