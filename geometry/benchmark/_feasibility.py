"""Which objects can satisfy which predicate, from their plausible sizes alone.

A prompt that no picture of ordinary objects can satisfy measures nothing, so the benchmark does not ask it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from genspace.geometry.benchmark._categories import ObjectClass, Range

SIZE_TARGETS = {"bigger": 1.2, "taller": 0.2, "longer": 0.5, "wider": 0.3}
"""Wanted ratio of volumes; wanted differences of height, length and width in metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a version of the prompts takes for possible and plausible."""

    view_span: float
    """Visible span at unit distance."""
    clearance: float
    """Share of the distance between centres that half the objects' widths may fill."""
    pair_ratio: float
    """Objects whose largest dimensions differ by more do not make one picture of two things."""
    smallest_m: float
    """Smaller things are named only where a distance says that they are near."""


RULES: Mapping[int, Rules] = {
    # 2 tan(32.5°): the 65° field of view of a telephone's main camera
    1: Rules(view_span=1.27, clearance=0.9, pair_ratio=5.0, smallest_m=0.0),
    # a field of view of 50°; half-widths under a third of the distance leave a gap that people see as one
    2: Rules(view_span=2 * math.tan(math.radians(25)), clearance=1 / 3, pair_ratio=4.0, smallest_m=0.2),
}
"""By version of the prompts."""
LATEST = max(RULES)

_SMALLEST_ANGLE = 0.06
"""Smallest apparent size (size over distance) at which an object can be told by its looks: 3.4°."""
_SPREAD = 10.0
"""Objects farther apart than this many times the smaller one are two pictures in one."""


def _dimension(category: ObjectClass, variant: str) -> Range:
    return {
        "bigger": category.volume,
        "taller": category.height,
        "longer": category.length,
        "wider": category.width,
    }[variant]


def pair_fits(a: ObjectClass, b: ObjectClass, rules: Rules = RULES[1]) -> bool:
    """Whether two objects belong into one picture: a scene in common and sizes that are not worlds apart."""
    ratio = a.largest / b.largest
    return not set(a.scenes).isdisjoint(b.scenes) and 1 / rules.pair_ratio <= ratio <= rules.pair_ratio


def separation_is_possible(
    a: ObjectClass, b: ObjectClass, distance_m: float, rules: Rules = RULES[1]
) -> bool:
    """Whether the centres can be `distance_m` apart: nothing overlaps, and one picture holds both."""
    reach = (a.narrowest + b.narrowest) / 2
    return reach <= rules.clearance * distance_m and distance_m <= _SPREAD * min(a.largest, b.largest)


def fits_in_view(category: ObjectClass, distance_m: float, rules: Rules = RULES[1]) -> bool:
    """Whether an object whose centre is `distance_m` away can be seen whole and is not a speck."""
    front, up, right = category.extent
    whole = any(
        max(up, across) <= rules.view_span * (distance_m - along / 2)
        for across, along in ((front, right), (right, front))
    )
    return whole and category.largest >= _SMALLEST_ANGLE * distance_m


def size_can_differ(a: ObjectClass, b: ObjectClass, variant: str) -> bool:
    """Whether ordinary objects `a` and `b` can differ by exactly the wanted ratio or difference.

    Lengths and widths are compared only between objects whose length runs along the same own axis.
    """
    mine, theirs = _dimension(a, variant), _dimension(b, variant)
    target = SIZE_TARGETS[variant]
    if variant == "bigger":
        return mine.low / theirs.high <= target <= mine.high / theirs.low
    same_axis = variant == "taller" or a.length_axis == b.length_axis
    return same_axis and mine.low - theirs.high <= target <= mine.high - theirs.low


def growth_is_plausible(category: ObjectClass, variant: str) -> bool:
    """Whether an edit can grow the object so: the growth is between 8 % and 75 % of the dimension."""
    if variant == "bigger":
        return True
    share = SIZE_TARGETS[variant] / _dimension(category, variant).typical
    return 0.08 <= share <= 0.75


def source_distance_m(category: ObjectClass, rules: Rules = RULES[1]) -> int:
    """Return the distance, in whole metres, from which an object can also be seen one metre closer."""
    return 1 + next(d for d in range(2, 41) if fits_in_view(category, d, rules) or d >= 2 * category.largest)
