"""Plan probes: vary a predicate, and put objects and camera on a ground plan.

A predicate's plans stand in its module. A plan arranges a draw (variant, wanted value, error, random stream) into a
layout whose true value is known, or raises `UnfitError`. The objects are imported where they are drawn, as deciding
predicates needs no shapes.

Longer than 400 lines: a third is the documentation of what plugins build their plans from.

>>> from genspace.geometry.probes.plans import PLANS
>>> side, far = PLANS["t2i-egocentric-left"], PLANS["t2i-camera_distance-2"]
>>> [plan.variant for plan in by_variant(side, ["left", "right"])], inserted([side], added=0)[0].name
(['left', 'right'], 'edit-insert_egocentric-left')
>>> [plan.target for plan in by_side(PLANS["t2i-camera_pose-left"])]
[0.0, 180.0, -90.0, 90.0]
>>> [plan.target for plan in by_number(far, 1, 5)], in_metres(far, 4).target
([1.0, 5.0], 4)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.geometry.frames import wrap_deg
from genspace.geometry.predicates import BEARING, Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.probes.objects import Scale
    from genspace.geometry.probes.scenes import ProbeScene

    Floats = NDArray[np.float64]

__all__ = [
    "Draw",
    "Eye",
    "Layout",
    "Plan",
    "Thing",
    "UnfitError",
    "are_clear",
    "by_number",
    "by_side",
    "by_variant",
    "group_of",
    "in_metres",
    "inserted",
    "polar",
]


class UnfitError(Exception):
    """This draw cannot be built. The sampler tries another one.

    >>> draw = Draw(rng=np.random.default_rng(0), variant="left", error=10.0, sign=1.0, target=90.0)
    >>> draw.pick(scales=())
    Traceback (most recent call last):
        ...
    genspace.geometry.probes.planning.UnfitError
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An object on the ground plan, before a camera is chosen: x to the east, z to the north.

    >>> Thing(category="cow", look=0, heading_deg=0).at(90, 3).x  # three metres to the east
    3.0
    """

    category: str
    look: int
    heading_deg: float
    """Clockwise from north as seen from above."""
    x: float = 0.0
    z: float = 0.0
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    coloured: bool = False
    """Named with its colour, because two of its kind are shown."""

    def at(self, direction_deg: float, distance: float) -> Thing:
        """Return the same thing so far from the origin, in a direction clockwise from north."""
        x, z = polar(direction_deg, distance)
        return replace(self, x=x, z=z)

    @property
    def name(self) -> str:
        """What prompts and predicates call it."""
        from genspace.geometry.probes.objects import CATALOGUE

        entry = CATALOGUE[self.category]
        return f"{entry.named(self.look)} {self.category}" if self.coloured else self.category

    @property
    def extent(self) -> Floats:
        """Full size along front, up and right."""
        from genspace.geometry.probes.objects import make_object

        return np.asarray(make_object(self.category, self.look).extent * self.scale)

    @property
    def scale_class(self) -> Scale:
        """Where it belongs: on a table top, in a room, in the street."""
        from genspace.geometry.probes.objects import CATALOGUE

        return CATALOGUE[self.category].scale

    def stretched(self, share: Floats) -> Thing:
        """Return the same thing, (3,) times as large along front, up and right."""
        front, up, right = (float(old * new) for old, new in zip(self.scale, share, strict=True))
        return replace(self, scale=(front, up, right))

    def in_another_colour(self) -> Thing:
        """Return another thing of its kind, of the next look."""
        from genspace.geometry.probes.objects import CATALOGUE

        return replace(self, look=(self.look + 1) % len(CATALOGUE[self.category].looks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """Where the camera stands on the ground plan.

    >>> Eye(x=0.0, z=-3.0, height_m=1.5).height_m
    1.5
    """

    x: float
    z: float
    height_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a plan puts on the ground plan.

    >>> cow = Thing(category="cow", look=0, heading_deg=0)
    >>> layout = Layout(things=(cow,), eye=Eye(x=0, z=-4, height_m=1.5), true_value=180.0)
    >>> layout.edited(things_before=(cow.at(90, 2),), eye_before=layout.eye).same_view
    True
    """

    things: tuple[Thing, ...]
    eye: Eye
    true_value: float
    things_before: tuple[Thing, ...] | None = None
    eye_before: Eye | None = None
    same_view: bool = False
    """Edits: the camera keeps its direction and lens (it may still be moved)."""
    yaw_deg: float | None = None
    """Where the camera looks; None: towards the objects."""
    measured: Callable[[ProbeScene], float] | None = None
    """Measures the true value in the scene with its camera, where the layout alone does not settle it."""

    def edited(self, *, things_before: tuple[Thing, ...], eye_before: Eye) -> Layout:
        """Return the layout of an edit through which the camera keeps its direction and lens."""
        return replace(self, things_before=things_before, eye_before=eye_before, same_view=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One try: what the plan asks for, and the random stream.

    >>> Draw(rng=np.random.default_rng(0), variant="left", error=10.0, sign=-1.0, target=90.0).value
    80.0
    """

    rng: np.random.Generator
    variant: str
    error: float
    sign: float
    target: float
    frontless: bool = False
    """Whether sides are asked of things that have no front; whatever else is shown has one."""
    plain: bool = False
    """Whether people must see what is asked without measuring."""

    @property
    def value(self) -> float:
        """The wanted value with the error applied: absolute for angles."""
        return self.target + self.sign * self.error

    @property
    def bearing(self) -> float:
        """The same as an angle in [-180, 180)."""
        return wrap_deg(self.value)

    def turn(self) -> float:
        """A random heading in degrees."""
        return float(self.rng.uniform(-180, 180))

    def pick(
        self, *, front: bool = True, scales: Sequence[Scale] = ("tabletop", "room", "street"), but: str = ""
    ) -> tuple[str, int]:
        """A random category and look."""
        from genspace.geometry.probes.objects import CATALOGUE

        fronts = {front != self.frontless} if front or self.frontless else {True, False}
        names = [n for n, c in CATALOGUE.items() if c.scale in scales and n != but and c.has_front in fronts]
        if not names:
            raise UnfitError
        category = str(self.rng.choice(names))
        return category, int(self.rng.integers(len(CATALOGUE[category].looks)))

    def pair(
        self, *, fronts: tuple[bool, bool], scales: Sequence[Scale] = ("tabletop", "room", "street")
    ) -> tuple[tuple[str, int], tuple[str, int]]:
        """Two random categories that may meet: of one scale, their sizes within a factor of six."""
        from genspace.geometry.probes.objects import CATALOGUE, make_object

        first = self.pick(front=fronts[0], scales=scales)
        second = self.pick(front=fronts[1], scales=(CATALOGUE[first[0]].scale,), but=first[0])
        sizes = [float(make_object(*one).extent.max()) for one in (first, second)]
        if max(sizes) > 6 * min(sizes):
            raise UnfitError
        return first, second

    def thing(self, choice: tuple[str, int], heading_deg: float | None = None) -> Thing:
        """A category and look as a thing at the origin, turned anyhow."""
        turned = self.turn() if heading_deg is None else heading_deg
        return Thing(category=choice[0], look=choice[1], heading_deg=turned)

    def between(self, low: float, high: float) -> float:
        """A random number."""
        return float(self.rng.uniform(low, high))

    def one_of(self, *values: float) -> float:
        """One of some numbers."""
        return float(self.rng.choice(values))

    def spacing(self, a: Thing, b: Thing) -> float:
        """A distance at which two things can stand beside each other whichever way they are turned."""
        reach = [float(np.hypot(t.extent[0], t.extent[2])) / 2 for t in (a, b)]
        return sum(reach) * self.between(0.8, 1.5)

    def eye(
        self, things: Sequence[Thing], direction_deg: float, *, elevation: tuple[float, float] = (3, 32)
    ) -> Eye:
        """A camera somewhere in a direction from the things' centre, far enough to see all of them."""
        x, z, radius, middle = group_of(things)
        distance = radius * self.between(2.0, 4.2)
        rise = math.radians(self.between(*elevation))
        east, north = polar(direction_deg, distance * math.cos(rise))
        return Eye(x=x + east, z=z + north, height_m=middle + distance * math.sin(rise))


Arrange = Callable[[Draw], Layout]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How probes of one variant of a predicate are made.

    >>> from genspace.geometry.probes.plans import PLANS
    >>> plan = PLANS["t2i-allocentric-left"]
    >>> plan.name, plan.predicate, plan.width, plan.about_sides
    ('t2i-allocentric-left', 'allocentric', 30.0, True)
    """

    call: str
    """The predicate with {0}, {1}, {2} for the objects' names."""
    sub_domain: str
    task: Task | Literal["2d"] = "t2i"
    """"2d": neither of the benchmark's."""
    variant: str = ""
    quantity: str
    unit: str = "deg"
    target: float = 0.0
    inner: float = 30.0
    """Tolerance on the error; 0 for order predicates, whose error is negative while the order is right."""
    spread: tuple[float, float] = (0.0, 60.0)
    """Between which errors the graded probes are spread evenly."""
    arrange: Arrange
    relative: bool = False
    """The error is relative to the target."""
    signed: bool = True
    """Errors occur on both sides of the target."""
    contrast: tuple[str, ...] = ()
    """Variants that contrast probes show instead."""
    min_visible: float = 0.4
    angles: Mapping[str, float] = field(default_factory=dict)
    """Target of every variant, for predicates about sides."""
    camera: Literal["static", "unturned", "free"] = "free"
    """What the camera does through an edit: it stands still, moves without turning, or goes anywhere."""
    mistaken: Callable[[ProbeScene, float], float] | None = None
    """What a reader sees, given the true value, who takes an object's own sides for the camera's."""

    @property
    def name(self) -> str:
        """Key of the plan: task, sub-domain and variant."""
        return "-".join(filter(None, (self.task, self.sub_domain, self.variant)))

    @property
    def width(self) -> float:
        """What errors are counted in: the tolerance; of an order half of what graded probes spread to either side."""
        return self.inner or self.spread[1] / 2

    @property
    def about_sides(self) -> bool:
        """Whether the answer depends on which way something faces."""
        return self.unit == "deg" and self.inner > 0

    @property
    def predicate(self) -> str:
        """Name of what is probed."""
        return self.call.partition("(")[0]


def by_variant(pattern: Plan, variants: Sequence[str], *, contrast: bool = False) -> tuple[Plan, ...]:
    """Return one plan per variant, put for VARIANT in the pattern's call; `contrast`: against the others."""
    return tuple(
        replace(
            pattern,
            variant=variant,
            call=pattern.call.replace("VARIANT", variant),
            contrast=tuple(other for other in variants if other != variant) if contrast else (),
        )
        for variant in variants
    )


def by_side(pattern: Plan, inner: Mapping[str, float] | None = None) -> tuple[Plan, ...]:
    """Return plans about front, back, left and right, with the tolerance of each."""
    widths = inner or dict.fromkeys(BEARING, pattern.inner)
    return tuple(
        replace(plan, target=BEARING[plan.variant], angles=BEARING, inner=width, spread=(0.0, 2 * width))
        for plan in by_variant(pattern, tuple(BEARING), contrast=True)
        for width in [widths[plan.variant]]
    )


def by_number(pattern: Plan, *values: float) -> tuple[Plan, ...]:
    """Return one plan per target length in metres, with a tolerance of a third."""
    plans = by_variant(pattern, [f"{value:g}" for value in values])
    return tuple(in_metres(plan, float(plan.variant)) for plan in plans)


def in_metres(plan: Plan, target: float) -> Plan:
    """Return the plan for a target length in metres, with a tolerance of a third."""
    return replace(plan, unit="m", target=target, inner=1 / 3, spread=(0.0, 2 / 3), relative=True)


def inserted(plans: Sequence[Plan], added: int) -> tuple[Plan, ...]:
    """Return plans for edits that add the object at index `added`, which is missing before."""

    def without(arrange: Arrange) -> Arrange:
        def build(draw: Draw) -> Layout:
            after = arrange(draw)
            kept = tuple(t for i, t in enumerate(after.things) if i != added)
            return after.edited(things_before=kept, eye_before=after.eye)

        return build

    return tuple(
        replace(
            plan,
            task="edit",
            sub_domain=f"insert_{plan.sub_domain}",
            call=plan.call.removesuffix(")") + f", new={{{added}}})",
            arrange=without(plan.arrange),
            camera="static",
        )
        for plan in plans
    )


def polar(angle_deg: float, distance: float) -> tuple[float, float]:
    """Point at a heading (clockwise from north) and distance: east, north.

    >>> [round(v, 9) for v in polar(90, 2)]
    [2.0, 0.0]
    """
    a = math.radians(angle_deg)
    return distance * math.sin(a), distance * math.cos(a)


def group_of(things: Sequence[Thing]) -> tuple[float, float, float, float]:
    """Centre (x, z), radius and middle height of a group.

    >>> cow = Thing(category="cow", look=0, heading_deg=0)
    >>> [round(v, 2) for v in group_of([cow.at(90, 2), cow.at(-90, 2)])[:2]]
    [0.0, 0.0]
    """
    x = float(np.mean([t.x for t in things]))
    z = float(np.mean([t.z for t in things]))
    radius = max(math.hypot(t.x - x, t.z - z) + float(np.linalg.norm(t.extent)) / 2 for t in things)
    return x, z, radius, max(float(t.extent[1]) for t in things) / 2


def are_clear(things: Sequence[Thing]) -> bool:
    """Whether no two ground plans overlap (separating axes of their rectangles, with 2 % of their size between).

    >>> cow = Thing(category="cow", look=0, heading_deg=0)
    >>> are_clear([cow, cow.at(90, 10)]), are_clear([cow, cow.at(90, 0.1)])
    (True, False)
    """
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
