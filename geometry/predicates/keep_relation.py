"""Objects keep their places around another while an edit brings the camera to one side of that."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from genspace.geometry import measures, reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure, toward
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
from genspace.geometry.probes.planning import Draw, Eye, Layout, Plan, UnfitError, by_variant, group_of, polar
from genspace.geometry.views import CAMERA, Placed

__all__ = ["PREDICATE"]


def keep_relation(case: Case) -> Measured:
    """Change of each partner's bearing in the reference's frame, and the camera's bearing from the reference."""
    a, *partners = case.objects
    a_before, *partners_before = case.changed().before
    target, name = BEARING[str(case.settings["view"])], a.item.id

    def changed(now: Placed, then: Placed) -> tuple[float, float]:
        difference = wrap_deg(measures.bearing_deg(a, now) - measures.bearing_deg(a_before, then))
        return difference, abs(difference)

    kept, seen = case.limits["kept"], case.limits["seen"]
    return [
        *(
            constraint(
                f"change of the bearing of {now.item.id} from {name}", "deg", 0.0, kept, changed, now, then
            )
            for now, then in zip(partners, partners_before, strict=True)
        ),
        constraint(
            f"bearing of the camera from {name}", "deg", target, seen, measures.bearing, a, CAMERA, target
        ),
    ]


def drawing(bound: Bound) -> Concept:
    """A with the others around it, and the camera's way to the side."""
    heading, (width_deg, _) = 180.0 - BEARING[bound.word], bound.limits()["seen"]
    around = [toward(0, 0, heading + turn, 1.15) for turn in (60, -45)]
    others = [PlanFigure(letter, *place) for letter, place in zip(bound.ids[1:], around, strict=False)]
    return Concept(
        (PlanFigure("A", 0, 0, heading), *others),
        camera=VIEWER,
        camera_before=(-1.75, -1.05, 55.0),
        moves=(((-1.6, -1.3), (-0.35, -1.95), ""),),
        sector=(bound.word, width_deg),
    )


def kept(draw: Draw, *, partners: int) -> Layout:
    """Objects that stay while the camera goes round until it sees a side of the first; one strays by the error."""
    first, second = draw.pair(fronts=(True, False))
    a, chosen = draw.thing(first), [second]
    if partners == 2:
        chosen.append(draw.pick(front=False, scales=(a.scale_class,), but=first[0]))
        if chosen[1][0] == second[0]:
            raise UnfitError
    bearing = draw.turn()
    before, after = [a], [a]
    for place, choice in enumerate(chosen):
        b = draw.thing(choice)
        spacing = draw.spacing(a, b)
        at = a.heading_deg + bearing + place * draw.between(100, 220)
        stray = draw.sign * draw.error if place == 0 else 0.0
        for group, angle in ((before, at), (after, at + stray)):
            group.append(b.at(angle, spacing))
    side = BEARING[draw.variant] + draw.between(-12, 12)
    _, _, radius, middle = group_of([*before, *after])
    distance, rise = radius * draw.between(2.2, 3.6), math.radians(draw.between(18, 42))

    def eye(direction: float) -> Eye:
        x, z = polar(a.heading_deg + direction, distance * math.cos(rise))
        return Eye(x=x, z=z, height_m=middle + distance * math.sin(rise))

    start = side + draw.one_of(-1, 1) * draw.between(40, 110)
    layout = Layout(things=tuple(after), eye=eye(side), true_value=draw.sign * draw.error)
    return replace(layout, things_before=tuple(before), eye_before=eye(start))


_TWO = Plan(
    task="edit",
    sub_domain="keep_two",
    call="keep_relation({0}, {1}, view=VARIANT)",
    quantity="change of a partner's bearing",
    arrange=partial(kept, partners=1),
    min_visible=0.25,
)
_THREE = replace(
    _TWO,
    sub_domain="keep_three",
    call="keep_relation({0}, {1}, {2}, view=VARIANT)",
    arrange=partial(kept, partners=2),
)

PREDICATE = Predicate(
    name="keep_relation",
    roles=("reference", "first", "second"),
    key="view",
    variants={side: Variant(edit=reference.keep_relation) for side in BEARING},
    rule=keep_relation,
    limits={"kept": Limit("deg", "kept"), "seen": Limit("deg", "kept")},
    drawing=drawing,
    probes=by_variant(_TWO, tuple(BEARING)) + by_variant(_THREE, tuple(BEARING)),
    compares=True,
    optional_roles=1,
    own_sides=True,
    contrary=opposites(*OPPOSITE_SIDES),
    exclusive=(tuple(BEARING),),
    rank=13,
)
