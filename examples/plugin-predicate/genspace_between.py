"""A predicate plugin: one object stands between two others, whoever looks.

A predicate is a rule and a record. The rule gets the objects in the predicate's roles and returns its constraints:
each a measured value, its error, and the tolerance that turns the error into a score. Frames, abstentions, scene
files, edits, storage and comparison are genspace's.
"""

from __future__ import annotations

import math

from genspace.geometry.predicates import Predicate
from genspace.geometry.rules import Case, constraint
from genspace.geometry.views import Placed, Unmeasurable
from genspace.records import Measurement

STRAIGHT = 180.0


def between(case: Case) -> list[Measurement]:
    """Seen from the middle object, the two others lie in opposite directions on the ground."""
    middle, first, second = case.objects
    names = f"at {middle.item.id} between {first.item.id} and {second.item.id}"
    tolerance = case.tolerance((30.0, 60.0))  # degrees, unless the call gives inner and outer
    return [constraint(f"angle {names}", "deg", STRAIGHT, tolerance, opening, middle, first, second)]


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


BETWEEN = Predicate(
    name="between",
    roles=("middle", "first", "second"),
    says="{middle} stands between {first} and {second}",
    rule=between,
)
