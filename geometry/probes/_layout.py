"""The ground plan of a probe: things, the camera's place, and what keeps them apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genspace.geometry.probes.objects import CATALOGUE, Scale, make_object

__all__ = [
    "BEARING",
    "Draw",
    "Eye",
    "Layout",
    "Thing",
    "UnfitError",
    "are_clear",
    "between",
    "eye_towards",
    "group_of",
    "polar",
    "spacing_of",
]

Floats = NDArray[np.float64]

BEARING = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}
"""Where each side of an object lies, in degrees from its front."""


class UnfitError(Exception):
    """This draw cannot be built; another one is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object on the ground plan, before a camera is chosen: x to the east, z to the north."""

    category: str
    look: int
    x: float
    z: float
    heading_deg: float
    """Clockwise from north as seen from above."""
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    coloured: bool = False
    """Named with its colour, because two of its kind are shown."""

    @property
    def name(self) -> str:
        """What prompts and predicates call it."""
        entry = CATALOGUE[self.category]
        return f"{entry.named(self.look)} {self.category}" if self.coloured else self.category

    @property
    def extent(self) -> Floats:
        """Full size along front, up and right."""
        return np.asarray(make_object(self.category, self.look).extent * self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """Where the camera stands on the ground plan."""

    x: float
    z: float
    height_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a plan puts on the ground plan."""

    things: tuple[Thing, ...]
    eye: Eye
    true_value: float
    things_before: tuple[Thing, ...] | None = None
    eye_before: Eye | None = None
    same_view: bool = False
    """Edits: the camera keeps its direction and lens (it may still be moved)."""
    yaw_deg: float | None = None
    """Where the camera looks; None: towards the objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One try: what the plan asks for, and the random stream."""

    rng: np.random.Generator
    variant: str
    error: float
    sign: float
    target: float

    @property
    def value(self) -> float:
        """The wanted value with the error applied: absolute for angles."""
        return self.target + self.sign * self.error

    def turn(self) -> float:
        """A random heading in degrees."""
        return float(self.rng.uniform(-180, 180))

    def pick(
        self, *, front: bool = True, scales: Sequence[Scale] = ("tabletop", "room", "street"), but: str = ""
    ) -> tuple[str, int]:
        """A random category and look."""
        names = [
            n for n, c in CATALOGUE.items() if c.scale in scales and n != but and (c.has_front or not front)
        ]
        if not names:
            raise UnfitError
        category = str(self.rng.choice(names))
        return category, int(self.rng.integers(len(CATALOGUE[category].looks)))

    def pair(
        self, *, fronts: tuple[bool, bool], scales: Sequence[Scale] = ("tabletop", "room", "street")
    ) -> tuple[tuple[str, int], tuple[str, int]]:
        """Two random categories that may meet: of one scale, their sizes within a factor of six."""
        first = self.pick(front=fronts[0], scales=scales)
        second = self.pick(front=fronts[1], scales=(CATALOGUE[first[0]].scale,), but=first[0])
        sizes = [float(make_object(*one).extent.max()) for one in (first, second)]
        if max(sizes) > 6 * min(sizes):
            raise UnfitError
        return first, second


def polar(angle_deg: float, distance: float) -> tuple[float, float]:
    """Point at a heading (clockwise from north) and distance: east, north."""
    a = math.radians(angle_deg)
    return distance * math.sin(a), distance * math.cos(a)


def between(draw: Draw, low: float, high: float) -> float:
    return float(draw.rng.uniform(low, high))


def group_of(things: Sequence[Thing]) -> tuple[float, float, float, float]:
    """Centre (x, z), radius and middle height of a group."""
    x = float(np.mean([t.x for t in things]))
    z = float(np.mean([t.z for t in things]))
    radius = max(math.hypot(t.x - x, t.z - z) + float(np.linalg.norm(t.extent)) / 2 for t in things)
    return x, z, radius, max(float(t.extent[1]) for t in things) / 2


def eye_towards(
    draw: Draw, things: Sequence[Thing], direction_deg: float, *, elevation: tuple[float, float] = (3, 32)
) -> Eye:
    """A camera somewhere in a direction from the group's centre, far enough to see all of it."""
    x, z, radius, middle = group_of(things)
    distance = radius * between(draw, 2.0, 4.2)
    rise = math.radians(between(draw, *elevation))
    east, north = polar(direction_deg, distance * math.cos(rise))
    return Eye(x=x + east, z=z + north, height_m=middle + distance * math.sin(rise))


def are_clear(things: Sequence[Thing]) -> bool:
    """Whether no two ground plans overlap (separating axes of their rectangles, with 2 % of their size between)."""
    rectangles = []
    for t in things:
        front = np.array(polar(t.heading_deg, 1.0))
        right = np.array([front[1], -front[0]])
        half = (t.extent[0] / 2, t.extent[2] / 2)
        rectangles.append((np.array([t.x, t.z]), front, right, half))
    for i, (ca, fa, ra, ha) in enumerate(rectangles):
        for cb, fb, rb, hb in rectangles[:i]:
            gap = 0.02 * min(max(ha), max(hb))
            apart = any(
                abs((cb - ca) @ axis)
                > sum(h[0] * abs(f @ axis) + h[1] * abs(r @ axis) for f, r, h in ((fa, ra, ha), (fb, rb, hb)))
                + gap
                for axis in (fa, ra, fb, rb)
            )
            if not apart:
                return False
    return True


def spacing_of(draw: Draw, a: Thing, b: Thing) -> float:
    """A distance at which two objects can stand beside each other whichever way they are turned."""
    reach = [float(np.hypot(t.extent[0], t.extent[2])) / 2 for t in (a, b)]
    return sum(reach) * between(draw, 0.8, 1.5)
