"""A predicate plugin: one object stands between two others, whoever looks.

A predicate is a rule, a drawing that explains it, a plan of scenes with known truth, and, in `between.toml`, its words
for models and for people. Frames, abstentions, scene files, edits, storage and comparison are genspace's.
"""

from __future__ import annotations

import math

from genspace.geometry.drawing.concepts import Concept, PlanFigure
from genspace.geometry.predicates import Bound, Case, Limit, Measured, Predicate, constraint
from genspace.geometry.probes.planning import Draw, Layout, Plan, UnfitError
from genspace.geometry.views import Placed, Unmeasurable

STRAIGHT = 180.0


def between(case: Case) -> Measured:
    """Seen from the middle object, the two others lie in opposite directions on the ground."""
    middle, first, second = case.objects
    quantity = f"angle at {middle.item.id} between {first.item.id} and {second.item.id}"
    return [constraint(quantity, "deg", STRAIGHT, case.limits["angle"], opening, middle, first, second)]


def opening(middle: Placed, first: Placed, second: Placed) -> tuple[float, float]:
    """Return the angle between the directions to the two others, and how far it is from straight, in degrees."""
    to_first, to_second = direction(middle, first), direction(middle, second)
    dot = to_first[0] * to_second[0] + to_first[1] * to_second[1]
    cross = to_first[0] * to_second[1] - to_first[1] * to_second[0]
    angle = math.degrees(math.atan2(abs(cross), dot))
    return angle, STRAIGHT - angle


def direction(start: Placed, end: Placed) -> tuple[float, float]:
    """Return the way on the ground (x right, z forward, metres), or say why there is none."""
    (x, _, z), (to_x, _, to_z) = start.place, end.place  # raises `Unmeasurable` where a place is unknown
    if math.hypot(to_x - x, to_z - z) < start.limits.min_separation_m:
        raise Unmeasurable(f"{start.item.id} and {end.item.id} are above one another")
    return to_x - x, to_z - z


def drawing(_: Bound) -> Concept:
    """A between B and C, seen from above."""
    return Concept((PlanFigure("A", 0, 0), PlanFigure("B", -1.2, 0), PlanFigure("C", 1.2, 0)))


def row(draw: Draw) -> Layout:
    """Three things whose angle at the first is the wanted one with the drawn error."""
    chosen = [draw.pick(front=False, scales=("room",)) for _ in range(3)]
    if len({category for category, _ in chosen}) < 3:
        raise UnfitError  # the call names each by its kind
    middle, first, second = map(draw.thing, chosen)
    heading = draw.turn()
    opposite = heading + STRAIGHT - draw.error
    things = (
        middle,
        first.at(heading, draw.spacing(middle, first)),
        second.at(opposite, draw.spacing(middle, second)),
    )
    eye = draw.eye(things, draw.turn(), elevation=(15, 40))
    return Layout(things=things, eye=eye, true_value=STRAIGHT - draw.error)


BETWEEN = Predicate(
    name="between",
    roles=("middle", "first", "second"),
    rule=between,
    limits={
        "angle": Limit("deg", (30.0, 60.0))
    },  # full score up to 30°, none from 60°, unless the call says otherwise
    drawing=drawing,
    probes=(
        Plan(
            sub_domain="between",
            call="between({0}, {1}, {2})",
            quantity="angle between the two others",
            target=STRAIGHT,
            arrange=row,
            signed=False,
            min_visible=0.25,
        ),
    ),
    package=__name__,
)
