"""Two objects stand in an arrangement that both of them see alike: side by side, face to face, back to back."""

from __future__ import annotations

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
    opposites,
)
from genspace.geometry.probes.planning import Draw, Layout, Plan, by_variant, inserted

__all__ = ["ARRANGED", "PREDICATE", "arranged"]

ARRANGEMENT: dict[str, tuple[float | None, float]] = {
    "side_by_side_same": (None, 0.0),
    "side_by_side_opposite": (None, 180.0),
    "face_to_face": (0.0, 180.0),
    "back_to_back": (180.0, 180.0),
}
"""Bearing of each of the two from the other (None: either side), difference of their headings."""

ARRANGED = {"place": Limit("deg", "pair_bearing"), "heading": Limit("deg", "heading")}


def intrinsic(case: Case) -> Measured:
    """The larger of the two bearing errors, and the difference of the headings."""
    return arranged(case, str(case.settings["relation"]))


def arranged(case: Case, arrangement: str) -> Measured:
    """Return the constraints on how two objects stand to each other: swapping them changes nothing."""
    a, b = case.objects
    bearing, turned = ARRANGEMENT[arrangement]
    one, other = a.item.id, b.item.id
    from_each, against = f"bearing of {one} and {other} from each other", f"heading of {other} against {one}"
    place, heading = case.limits["place"], case.limits["heading"]
    wanted, note = (90.0, "to either side, ") if bearing is None else (bearing, "")
    note += "the worse of the two"
    return [
        constraint(from_each, "deg", wanted, place, measures.mutual_bearing, a, b, bearing, note=note),
        constraint(against, "deg", turned, heading, measures.turned, a, b, turned),
    ]


_DRAWN = {
    "side_by_side_same": ((-0.7, 0, 0), (0.7, 0, 0)),
    "side_by_side_opposite": ((-0.7, 0, 0), (0.7, 0, 180)),
    "face_to_face": ((-0.95, 0, 90), (0.95, 0, -90)),
    "back_to_back": ((-0.75, 0, -90), (0.75, 0, 90)),
}


def drawing(bound: Bound) -> Concept:
    """A and B as they stand, without a camera: from where the picture is taken does not matter."""
    a, b = _DRAWN[bound.word]
    return Concept((PlanFigure("A", *a), PlanFigure("B", *b)), zoom=1.5)


def mutual(draw: Draw) -> Layout:
    """Two objects of which each sees the other at a bearing; the error lies in the place or in the heading."""
    first, second = draw.pair(fronts=(True, True))
    bearing, turned = ARRANGEMENT[draw.variant]
    if bearing is None:
        bearing = draw.one_of(-90, 90)
    if draw.rng.uniform() < 0.5:
        # the larger of the two bearing errors is the first's: the second's is smaller by the turn
        off, turn = draw.error, draw.between(0, min(10, draw.error))
    else:
        # halves of the turn show as bearing errors of either object, so the turn alone decides
        off, turn = draw.error / 2, draw.error
    a = draw.thing(first)
    b = draw.thing(second, a.heading_deg + turned + draw.sign * turn)
    things = (a, b.at(a.heading_deg + bearing + draw.sign * off, draw.spacing(a, b)))
    eye = draw.eye(things, draw.turn(), elevation=(5, 38))
    return Layout(things=things, eye=eye, true_value=draw.sign * draw.error)


_PLAN = Plan(
    sub_domain="intrinsic",
    call="intrinsic({0}, {1}, relation=VARIANT)",
    quantity="larger error of bearing and heading",
    arrange=mutual,
)
_PLANS = by_variant(_PLAN, tuple(ARRANGEMENT), contrast=True)

PREDICATE = Predicate(
    name="intrinsic",
    roles=("first", "second"),
    key="relation",
    variants={
        word: Variant(
            reference.side_by_side if "side" in word else reference.facing, reference.insert_arranged
        )
        for word in ARRANGEMENT
    },
    rule=intrinsic,
    limits=ARRANGED,
    from_anywhere=True,
    drawing=drawing,
    probes=_PLANS + inserted(_PLANS, 1),
    same={word: Saying(word, exchanged=True) for word in ARRANGEMENT},
    exclusive=(tuple(ARRANGEMENT),),
    contrary=opposites(("face_to_face", "back_to_back"), ("side_by_side_same", "side_by_side_opposite")),
    rank=4,
)
