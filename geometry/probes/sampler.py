"""Scenes for each predicate: the error is drawn evenly, everything else is varied, and the truth is what was built.

The truth never comes from the predicate code: a probe is placed with a chosen error ("B stands at bearing 37 degrees",
"the centres are 1.3 m apart") and its answer follows from that error and the tolerance that the benchmark states.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from genspace.errors import InputError, did_you_mean
from genspace.geometry.frames import wrap_deg
from genspace.geometry.probes.backdrops import BACKDROPS
from genspace.geometry.probes.objects import CATALOGUE, Scale, make_object
from genspace.geometry.probes.scenes import Camera, Placed, ProbeScene, corners, project
from genspace.geometry.probes.truth import cast

__all__ = ["PLANS", "Plan", "Probe", "sample_probe"]

Floats = NDArray[np.float64]
Side = str

BEARING = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}
"""Where each side of an object lies, in degrees from its front."""

MARGIN_PX = 3
"""Objects stay this far inside the picture: nearer to the border, judges may take them as cut."""
ATTEMPTS = 400


class _Unfit(Exception):
    """This draw cannot be built; another one is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A scene, or two for an edit, and the truth about one predicate."""

    item_id: str
    plan: Plan
    kind: str
    """"graded": the error is spread evenly; "contrast": another variant of the predicate is what is shown."""
    scene: ProbeScene
    before: ProbeScene | None
    predicate: str
    prompt: str
    true_value: float
    """True value of the quantity that the plan varies."""
    error: float | None
    """How far it is from the wanted value, in the unit of the tolerance; None for contrast probes."""
    truth: bool
    true_variant: str
    """The variant that is shown."""
    egocentric_answer: bool | None
    """What a reader answers who takes the sides as the camera's instead of the object's; None where that is the same question."""
    visible_fraction: tuple[float, ...]


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

    def pick(self, *, front: bool = True, scales: Sequence[Scale] = ("tabletop", "room", "street"), but: str = "") -> tuple[str, int]:
        """A random category and look."""
        names = [n for n, c in CATALOGUE.items() if c.scale in scales and n != but and (c.has_front or not front)]
        if not names:
            raise _Unfit
        category = str(self.rng.choice(names))
        return category, int(self.rng.integers(len(CATALOGUE[category].looks)))

    def pair(self, *, fronts: tuple[bool, bool], scales: Sequence[Scale] = ("tabletop", "room", "street")) -> tuple[tuple[str, int], tuple[str, int]]:
        """Two random categories that may meet: of one scale, their sizes within a factor of six."""
        first = self.pick(front=fronts[0], scales=scales)
        second = self.pick(front=fronts[1], scales=(CATALOGUE[first[0]].scale,), but=first[0])
        sizes = [float(make_object(*one).extent.max()) for one in (first, second)]
        if max(sizes) > 6 * min(sizes):
            raise _Unfit
        return first, second


Arrange = Callable[[Draw], Layout]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How probes of one variant of a predicate are made."""

    task: str
    sub_domain: str
    variant: str
    call: str
    """The predicate with {0}, {1}, {2} for the objects' names."""
    prompt: str
    quantity: str
    unit: str
    target: float
    inner: float
    """Tolerance on the error; 0 for order predicates, whose error is negative while the order is right."""
    spread: tuple[float, float]
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

    @property
    def name(self) -> str:
        """Key of the plan: task, sub-domain and variant."""
        return f"{self.task}-{self.sub_domain}-{self.variant}"


# Ground plan ---------------------------------------------------------------------------------------------------


def _polar(angle_deg: float, distance: float) -> tuple[float, float]:
    """Point at a heading (clockwise from north) and distance: east, north."""
    a = math.radians(angle_deg)
    return distance * math.sin(a), distance * math.cos(a)


def _rng_between(draw: Draw, low: float, high: float) -> float:
    return float(draw.rng.uniform(low, high))


def _group(things: Sequence[Thing]) -> tuple[float, float, float, float]:
    """Centre (x, z), radius and middle height of a group."""
    x = float(np.mean([t.x for t in things]))
    z = float(np.mean([t.z for t in things]))
    radius = max(math.hypot(t.x - x, t.z - z) + float(np.linalg.norm(t.extent)) / 2 for t in things)
    return x, z, radius, max(float(t.extent[1]) for t in things) / 2


def _eye(draw: Draw, things: Sequence[Thing], direction_deg: float, *, elevation: tuple[float, float] = (3, 32)) -> Eye:
    """A camera somewhere in a direction from the group's centre, far enough to see all of it."""
    x, z, radius, middle = _group(things)
    distance = radius * _rng_between(draw, 2.0, 4.2)
    rise = math.radians(_rng_between(draw, *elevation))
    east, north = _polar(direction_deg, distance * math.cos(rise))
    return Eye(x=x + east, z=z + north, height_m=middle + distance * math.sin(rise))


def _clear(things: Sequence[Thing]) -> bool:
    """Whether no two ground plans overlap (separating axes of their rectangles, with 2 % of their size between)."""
    rectangles = []
    for t in things:
        front = np.array(_polar(t.heading_deg, 1.0))
        right = np.array([front[1], -front[0]])
        half = (t.extent[0] / 2, t.extent[2] / 2)
        rectangles.append((np.array([t.x, t.z]), front, right, half))
    for i, (ca, fa, ra, ha) in enumerate(rectangles):
        for cb, fb, rb, hb in rectangles[:i]:
            gap = 0.02 * min(max(ha), max(hb))
            apart = any(
                abs((cb - ca) @ axis)
                > sum(h[0] * abs(f @ axis) + h[1] * abs(r @ axis) for f, r, h in ((fa, ra, ha), (fb, rb, hb))) + gap
                for axis in (fa, ra, fb, rb)
            )
            if not apart:
                return False
    return True


def _spacing(draw: Draw, a: Thing, b: Thing) -> float:
    """A distance at which two objects can stand beside each other whichever way they are turned."""
    reach = [float(np.hypot(t.extent[0], t.extent[2])) / 2 for t in (a, b)]
    return sum(reach) * _rng_between(draw, 0.8, 1.5)


# Arrangements --------------------------------------------------------------------------------------------------


def _view(draw: Draw) -> Layout:
    """One object, the camera at a bearing from it."""
    category, look = draw.pick()
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
    return Layout(things=(thing,), eye=_eye(draw, [thing], thing.heading_deg + draw.value), true_value=wrap_deg(draw.value))


def _beside(draw: Draw) -> Layout:
    """A reference object and another at a bearing from it."""
    first, second = draw.pair(fronts=(True, False))
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=draw.turn())
    spacing = _spacing(draw, a, b)
    if abs(float(a.extent[1] - b.extent[1])) / 2 > 0.7 * spacing:
        raise _Unfit  # one far above the other is neither in front nor beside
    x, z = _polar(a.heading_deg + draw.value, spacing)
    things = (a, replace(b, x=x, z=z))
    return Layout(things=things, eye=_eye(draw, things, draw.turn(), elevation=(5, 38)), true_value=wrap_deg(draw.value))


ARRANGEMENTS = {
    "side_by_side_same": (90.0, 0.0),
    "side_by_side_opposite": (90.0, 180.0),
    "face_to_face": (0.0, 180.0),
    "back_to_back": (180.0, 180.0),
}
"""Bearing of each of two objects from the other (90: either side), and the second's heading against the first's."""


def _mutual(draw: Draw) -> Layout:
    """Two objects of which each sees the other at a bearing; the error lies in the place or in the heading."""
    first, second = draw.pair(fronts=(True, True))
    bearing, turned = ARRANGEMENTS[draw.variant]
    if bearing == 90:
        bearing = float(draw.rng.choice([-90, 90]))
    if draw.rng.uniform() < 0.5:
        # the larger of the two bearing errors is the first's: the second's is smaller by the turn
        off, turn = draw.error, _rng_between(draw, 0, min(10, draw.error))
    else:
        # halves of the turn show as bearing errors of either object, so the turn alone decides
        off, turn = draw.error / 2, draw.error
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=a.heading_deg + turned + draw.sign * turn)
    x, z = _polar(a.heading_deg + bearing + draw.sign * off, _spacing(draw, a, b))
    things = (a, replace(b, x=x, z=z))
    return Layout(things=things, eye=_eye(draw, things, draw.turn(), elevation=(5, 38)), true_value=draw.sign * draw.error)


def _pair_view(draw: Draw) -> Layout:
    """Two objects side by side facing the same way, the camera at a bearing from their middle."""
    first, second = draw.pair(fronts=(True, True))
    heading, turn = draw.turn(), _rng_between(draw, -6, 6)
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=heading + turn)
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=heading - turn)
    side = float(draw.rng.choice([-90, 90]))
    x, z = _polar(heading + side + _rng_between(draw, -8, 8), _spacing(draw, a, b))
    things = (replace(a, x=-x / 2, z=-z / 2), replace(b, x=x / 2, z=z / 2))
    high = draw.variant in {"left", "right"}  # one stands behind the other: look from higher up
    eye = _eye(draw, things, heading + draw.value, elevation=(18, 45) if high else (5, 35))
    return Layout(things=things, eye=eye, true_value=wrap_deg(draw.value))


def _across(draw: Draw) -> Layout:
    """Two objects an angle apart as the camera sees them; positive: the first lies on the asked side."""
    first, second = draw.pair(fronts=(False, False))
    angle = -draw.error * (1 if draw.variant == "left" else -1)  # from the first to the second, to the right
    return _seen(draw, first, second, angle_deg=angle, log_ratio=_rng_between(draw, -0.5, 0.5), true_value=-draw.error)


def _nearer(draw: Draw) -> Layout:
    """Two objects whose distances from the camera have a ratio; positive: the order is as asked."""
    first, second = draw.pair(fronts=(False, False))
    log_ratio = -draw.error * (1 if draw.variant == "closer" else -1)  # ln of the second's distance over the first's
    angle = _rng_between(draw, 8, 35) * float(draw.rng.choice([-1, 1]))
    return _seen(draw, first, second, angle_deg=angle, log_ratio=log_ratio, true_value=-draw.error)


def _seen(draw: Draw, first: tuple[str, int], second: tuple[str, int], *, angle_deg: float, log_ratio: float, true_value: float) -> Layout:
    """Two objects by azimuth and by straight distance from a camera at the origin."""
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=draw.turn())
    unit = max(float(np.linalg.norm(t.extent)) for t in (a, b))
    near = unit * _rng_between(draw, 1.3, 3.0)
    height = unit * _rng_between(draw, 0.25, 1.0)
    placed = []
    for t, angle, distance in ((a, -angle_deg / 2, near * math.exp(-log_ratio / 2)), (b, angle_deg / 2, near * math.exp(log_ratio / 2))):
        drop = height - float(t.extent[1]) / 2
        if abs(drop) > 0.8 * distance:
            raise _Unfit
        x, z = _polar(angle, math.sqrt(distance**2 - drop**2))
        placed.append(replace(t, x=x, z=z))
    return Layout(things=tuple(placed), eye=Eye(x=0, z=0, height_m=height), true_value=true_value)


def _apart(draw: Draw) -> Layout:
    """Two objects whose centres are a distance apart."""
    first, second = draw.pair(fronts=(False, False), scales=("tabletop", "room"))
    distance = draw.value
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=draw.turn())
    drop = float(a.extent[1] - b.extent[1]) / 2
    if abs(drop) > 0.7 * distance or distance > 5 * max(float(a.extent.max()), float(b.extent.max())):
        raise _Unfit
    x, z = _polar(draw.turn(), math.sqrt(distance**2 - drop**2))
    things = (a, replace(b, x=x, z=z))
    return Layout(things=things, eye=_eye(draw, things, draw.turn(), elevation=(8, 38)), true_value=distance)


def _away(draw: Draw) -> Layout:
    """One object whose centre is a distance from the camera."""
    distance = draw.value
    category, look = draw.pick(front=False)
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
    if not 0.10 < float(np.linalg.norm(thing.extent)) / 2 / distance < 0.42:
        raise _Unfit
    rise = math.radians(_rng_between(draw, 0, 40))
    height = float(thing.extent[1]) / 2 + distance * math.sin(rise)
    x, z = _polar(draw.turn(), distance * math.cos(rise))
    return Layout(things=(thing,), eye=Eye(x=x, z=z, height_m=height), true_value=distance)


AXIS = {"longer": 0, "taller": 1, "wider": 2}


def _stretched(draw: Draw, thing: Thing, *, other: Thing | None) -> tuple[Thing, Thing]:
    """Two objects of a kind whose sizes differ by the drawn value: (larger, smaller), both changed by the same factor."""
    if draw.variant == "bigger":
        share = draw.value ** (1 / 6) * np.exp(draw.rng.normal(scale=0.04, size=3))
        share *= (draw.value ** 0.5 / share.prod()) ** (1 / 3)
    else:
        axis = AXIS[draw.variant]
        size = float(thing.extent[axis])
        # sizes s and s + value with the natural size as their geometric mean
        low = -draw.value / 2 + math.sqrt(draw.value**2 / 4 + size**2)
        share = np.ones(3)
        share[axis] = size / low
        if draw.value < 0.05 * size:
            raise _Unfit  # nobody sees 20 cm on an aeroplane
    if (np.maximum(share, 1 / share) > 1.3).any():
        raise _Unfit
    big = tuple(float(v) for v in np.array(thing.scale) * share)
    small = tuple(float(v) for v in np.array(thing.scale) / share)
    return replace(thing, scale=big), replace(other or thing, scale=small)  # type: ignore[arg-type]


def _sized(draw: Draw) -> Layout:
    """Two objects of one kind, the first larger by a factor or a length, both seen so that the size shows."""
    category, look = draw.pick(front=True)
    a = Thing(category=category, look=look, x=0, z=0, heading_deg=0, coloured=True)
    b = replace(a, look=(look + 1) % len(CATALOGUE[category].looks))
    # one shape in two paints would hide the wanted difference: the second takes the first's size exactly
    same = tuple(float(v) for v in a.extent / b.extent)
    a, b = _stretched(draw, a, other=replace(b, scale=same))  # type: ignore[arg-type]
    x, z = _polar(_rng_between(draw, 60, 120) * float(draw.rng.choice([-1, 1])), _spacing(draw, a, b))
    things = (a, replace(b, x=x, z=z))
    eye = _eye(draw, things, 0.0, elevation=(8, 30))
    # turn each so that the wanted axis is well off its viewing ray
    wanted = {"bigger": 45.0, "longer": 90.0, "wider": 0.0, "taller": 30.0}[draw.variant]
    turned = []
    for t in things:
        toward = math.degrees(math.atan2(eye.x - t.x, eye.z - t.z))
        around = wanted + float(draw.rng.choice([0, 180])) + _rng_between(draw, -1, 1) * (8 if draw.variant == "bigger" else 45)
        turned.append(replace(t, heading_deg=toward + around * float(draw.rng.choice([-1, 1]))))
    return Layout(things=tuple(turned), eye=eye, true_value=draw.value)


# Edits ---------------------------------------------------------------------------------------------------------


def _go_round(draw: Draw) -> Layout:
    """The camera goes round an object, or the object turns on the spot, until a side is seen."""
    after = _view(draw)
    (thing,) = after.things
    start = float(draw.rng.choice([b for b in (-135, -45, 45, 135) if abs(wrap_deg(b - draw.value)) > 20])) + _rng_between(draw, -10, 10)
    x, z = after.eye.x - thing.x, after.eye.z - thing.z
    towards = thing.heading_deg + start
    east, north = _polar(towards, math.hypot(x, z))
    before = replace(after.eye, x=thing.x + east, z=thing.z + north)
    return replace(after, things_before=after.things, eye_before=before)


def _turn_round(draw: Draw) -> Layout:
    after = _go_round(draw)
    (thing,) = after.things
    start = float(draw.rng.choice([-135, -45, 45, 135])) + _rng_between(draw, -10, 10)
    toward = math.degrees(math.atan2(after.eye.x - thing.x, after.eye.z - thing.z))
    return replace(after, things_before=(replace(thing, heading_deg=toward - start),), eye_before=after.eye, same_view=True)


def _inserted(arrange: Arrange, added: int) -> Arrange:
    """The arrangement, with the object at index `added` missing before."""

    def build(draw: Draw) -> Layout:
        after = arrange(draw)
        kept = tuple(t for i, t in enumerate(after.things) if i != added)
        return replace(after, things_before=kept, eye_before=after.eye, same_view=True)

    return build


MOVES = {
    "closer": (0.0, -1.0), "farther": (0.0, 1.0), "left": (-1.0, 0.0), "right": (1.0, 0.0),
    "forward": (0.0, 1.0), "backward": (0.0, -1.0),
}  # fmt: skip
"""Direction of each move to the right and away, as the camera stands."""


def _moved(draw: Draw, *, camera: bool) -> Layout:
    """The object or the camera moves by the drawn length; the camera looks north and keeps its direction."""
    category, look = draw.pick(front=False, scales=("room", "street"))
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
    size = float(np.linalg.norm(thing.extent))
    if size > 3.2:
        raise _Unfit
    along = np.array(MOVES[draw.variant])
    across = along[::-1] * _rng_between(draw, -0.2, 0.2)
    shift = along * draw.value + across
    start = np.array([_rng_between(draw, -0.3, 0.3), max(size * _rng_between(draw, 1.6, 2.4), 1.4) + 1.0])
    eye = Eye(x=0, z=0, height_m=float(thing.extent[1]) * _rng_between(draw, 0.6, 1.2) + 0.2)
    before = replace(thing, x=float(start[0]), z=float(start[1]))
    if camera:
        moved = replace(eye, x=float(shift[0]), z=float(shift[1]))
        return Layout(things=(before,), eye=moved, true_value=draw.value, things_before=(before,), eye_before=eye, same_view=True)
    after = replace(before, x=float(start[0] + shift[0]), z=float(start[1] + shift[1]))
    return Layout(things=(after,), eye=eye, true_value=draw.value, things_before=(before,), eye_before=eye, same_view=True)


def _move_object(draw: Draw) -> Layout:
    return _moved(draw, camera=False)


def _move_camera(draw: Draw) -> Layout:
    return _moved(draw, camera=True)


def _grown(draw: Draw) -> Layout:
    """One object larger than before, seen by the same camera."""
    category, look = draw.pick()
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=0)
    after, before = _stretched(draw, thing, other=None)
    wanted = {"bigger": 45.0, "longer": 90.0, "wider": 0.0, "taller": 30.0}[draw.variant]
    eye = _eye(draw, (after,), wanted + float(draw.rng.choice([0, 180])) + _rng_between(draw, -8, 8), elevation=(8, 30))
    return Layout(things=(after,), eye=eye, true_value=draw.value, things_before=(before,), eye_before=eye, same_view=True)


def _kept(draw: Draw, *, partners: int) -> Layout:
    """Objects that stay while the camera goes round until it sees a side of the first; a partner strays by the error."""
    first, second = draw.pair(fronts=(True, False))
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    chosen = [second]
    if partners == 2:
        chosen.append(draw.pick(front=False, scales=(CATALOGUE[first[0]].scale,), but=first[0]))
        if chosen[1][0] == second[0]:
            raise _Unfit
    bearing = draw.turn()
    before, after = [a], [a]
    for place, (category, look) in enumerate(chosen):
        b = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
        spacing = _spacing(draw, a, b)
        at = bearing + place * _rng_between(draw, 100, 220)
        stray = draw.sign * draw.error if place == 0 else 0.0
        for group, angle in ((before, at), (after, at + stray)):
            x, z = _polar(a.heading_deg + angle, spacing)
            group.append(replace(b, x=x, z=z))
    side = BEARING[draw.variant] + _rng_between(draw, -12, 12)
    _, _, radius, middle = _group([*before, *after])
    distance, rise = radius * _rng_between(draw, 2.2, 3.6), math.radians(_rng_between(draw, 18, 42))

    def eye(direction: float) -> Eye:
        x, z = _polar(a.heading_deg + direction, distance * math.cos(rise))
        return Eye(x=x, z=z, height_m=middle + distance * math.sin(rise))

    start = side + float(draw.rng.choice([-1, 1])) * _rng_between(draw, 40, 110)
    return Layout(things=tuple(after), eye=eye(side), true_value=draw.sign * draw.error, things_before=tuple(before), eye_before=eye(start))


def _kept_two(draw: Draw) -> Layout:
    return _kept(draw, partners=1)


def _kept_three(draw: Draw) -> Layout:
    return _kept(draw, partners=2)


# The table of plans --------------------------------------------------------------------------------------------

SIDE_WORDS = {"front": "front", "back": "back", "left": "own left side", "right": "own right side"}
PLACE_WORDS = {"front": "straight in front of", "back": "straight behind", "left": "at the own left side of", "right": "at the own right side of"}
ARRANGED_WORDS = {
    "side_by_side_same": "side by side, facing the same way", "side_by_side_opposite": "side by side, facing opposite ways",
    "face_to_face": "face to face", "back_to_back": "back to back",
}  # fmt: skip
SIZE = {"bigger": (1.2, "1.2 times as large in volume as"), "taller": (0.2, "20 cm taller than"), "longer": (0.5, "50 cm longer than"), "wider": (0.3, "30 cm wider than")}


def _plans() -> list[Plan]:
    plans: list[Plan] = []

    def sides(task: str, sub_domain: str, call: str, prompt: str, words: Mapping[str, str], arrange: Arrange, *, quantity: str, inner: Mapping[str, float], min_visible: float = 0.4) -> None:
        for side, target in BEARING.items():
            plans.append(
                Plan(
                    task=task, sub_domain=sub_domain, variant=side, call=call.replace("SIDE", side), prompt=prompt.replace("SIDE", words[side]),
                    quantity=quantity, unit="deg", target=target, inner=inner[side], spread=(0, 2 * inner[side]), arrange=arrange,
                    contrast=tuple(s for s in BEARING if s != side), min_visible=min_visible, angles=BEARING,
                )
            )  # fmt: skip

    def add(task: str, sub_domain: str, variant: str, call: str, prompt: str, arrange: Arrange, **settings: object) -> None:
        plans.append(Plan(task=task, sub_domain=sub_domain, variant=variant, call=call, prompt=prompt, arrange=arrange, **settings))  # type: ignore[arg-type]

    own = {"front": 15.0, "back": 15.0, "left": 30.0, "right": 30.0}
    wide = dict.fromkeys(BEARING, 30.0)
    seen_from = "bearing of the camera"
    third = {"unit": "m", "inner": 1 / 3, "spread": (0.0, 2 / 3), "relative": True}
    sides("t2i", "camera_pose", "camera_pose({0}, view=SIDE)", "A {0}, the camera on its SIDE.", SIDE_WORDS, _view, quantity=seen_from, inner=own)
    sides("t2i", "object_pose", "object_pose({0}, view=SIDE)", "A {0} with its SIDE turned to the camera.", SIDE_WORDS, _view, quantity=seen_from, inner=own)
    sides("t2i", "complex_pose", "complex_pose({0}, {1}, view=SIDE)", "A {0} and a {1} side by side, facing the same way, seen from their SIDE.", SIDE_WORDS, _pair_view, quantity=seen_from, inner=wide, min_visible=0.2)
    for variant, words in ARRANGED_WORDS.items():
        common = {"quantity": "larger error of bearing and heading", "unit": "deg", "target": 0.0, "inner": 30.0, "spread": (0.0, 60.0), "contrast": tuple(v for v in ARRANGED_WORDS if v != variant)}
        add("t2i", "intrinsic", variant, f"intrinsic({{0}}, {{1}}, relation={variant})", f"A {{0}} and a {{1}} {words}.", _mutual, **common)
        add("edit", "insert_intrinsic", variant, f"intrinsic({{0}}, {{1}}, relation={variant})", f"Add a {{1}} so that the {{0}} and it are {words}.", _inserted(_mutual, 1), **common)
    sides("t2i", "allocentric", "allocentric({0}, {1}, relation=SIDE)", "A {1} SIDE a {0}.", PLACE_WORDS, _beside, quantity="bearing of the other object", inner=own)
    for variant, words, arrange, width, unit, quantity in (
        ("left", "to the left of", _across, 5.0, "deg", "angle to the asked side"),
        ("right", "to the right of", _across, 5.0, "deg", "angle to the asked side"),
        ("closer", "closer to the camera than", _nearer, math.log(1.1), "log ratio", "log ratio of the distances in the asked order"),
        ("farther", "farther from the camera than", _nearer, math.log(1.1), "log ratio", "log ratio of the distances in the asked order"),
    ):
        common = {"quantity": quantity, "unit": unit, "target": 0.0, "inner": 0.0, "spread": (-2 * width, 2 * width), "signed": False, "min_visible": 0.3}
        call = f"egocentric({{0}}, {{1}}, relation={variant})"
        add("t2i", "egocentric", variant, call, f"A {{0}} {words} a {{1}}, as the camera sees them.", arrange, **common)
        add("edit", "insert_egocentric", variant, call, f"Add a {{0}} {words} the {{1}}, as the camera sees them.", _inserted(arrange, 0), **common)
    for metres in (0.5, 1.0, 1.5, 2.0):
        add("t2i", "object_distance", f"{metres:g}", f"object_distance({{0}}, {{1}}, value_m={metres:g})", f"A {{0}} and a {{1}}, {metres:g} m apart between their centres.", _apart, quantity="distance between the centres", target=metres, **third)
    for metres in (1.0, 2.0, 3.0, 4.0):
        add("t2i", "camera_distance", f"{metres:g}", f"camera_distance({{0}}, value_m={metres:g})", f"A {{0}} whose centre is {metres:g} m from the camera.", _away, quantity="distance from the camera", target=metres, **third)
    for variant, (value, words) in SIZE.items():
        by = f"ratio={value}" if variant == "bigger" else f"value_m={value}"
        scale = third if variant != "bigger" else {"unit": "log ratio", "inner": math.log(1.1), "spread": (0.0, 2 * math.log(1.1))}
        add("t2i", "object_size", variant, f"object_size({{0}}, {{1}}, dimension={variant}, {by})", f"A {{0}} that is {words} a {{1}}.", _sized, quantity="ratio of volumes" if variant == "bigger" else "difference of sizes", target=value, **scale)
        add("edit", "resize", variant, f"resize({{0}}, dimension={variant}, {by})", f"Make the {{0}} {words} before.", _grown, quantity="ratio of volumes" if variant == "bigger" else "difference of sizes", target=value, **scale)
    sides("edit", "camera_pose", "camera_pose({0}, view=SIDE)", "Move the camera to the SIDE of the {0}.", SIDE_WORDS, _go_round, quantity=seen_from, inner=own)
    sides("edit", "object_pose", "object_pose({0}, view=SIDE)", "Turn the {0} so that its SIDE is towards the camera.", SIDE_WORDS, _turn_round, quantity=seen_from, inner=own)
    sides("edit", "insert_allocentric", "allocentric({0}, {1}, relation=SIDE)", "Add a {1} SIDE the {0}.", PLACE_WORDS, _inserted(_beside, 1), quantity="bearing of the other object", inner=own)
    for direction, words in (("closer", "closer to the camera"), ("farther", "away from the camera"), ("left", "to the left"), ("right", "to the right")):
        add("edit", "move_object", direction, f"move_object({{0}}, direction={direction}, value_m=1)", f"Move the {{0}} one metre {words}.", _move_object, quantity="length of the move", target=1.0, **third)
    for direction in ("forward", "backward", "left", "right"):
        words = direction if direction in {"forward", "backward"} else f"to the {direction}"
        add("edit", "move_camera", direction, f"move_camera({{0}}, direction={direction}, value_m=1)", f"Move the camera one metre {words}.", _move_camera, quantity="length of the move", target=1.0, **third)
    for many, arrange, roles in (("two", _kept_two, "{0}, {1}"), ("three", _kept_three, "{0}, {1}, {2}")):
        for side in BEARING:
            add("edit", f"keep_{many}", side, f"keep_relation({roles}, view={side})", f"Move the camera until it sees the {SIDE_WORDS[side]} of the {{0}}, and leave {many} objects where they are.", arrange, quantity="change of a partner's bearing", unit="deg", target=0.0, inner=30.0, spread=(0.0, 60.0), min_visible=0.25)
    return plans


PLANS: dict[str, Plan] = {plan.name: plan for plan in _plans()}
"""Plan name to plan: the 36 text-to-image and the 40 edit variants."""


def sample_probe(plan_name: str, index: int, count: int, *, seed: int = 0, size: int = 512, contrast_share: float = 0.2) -> Probe:
    """Return probe `index` of the `count` of a plan; the same arguments give the same probe on every machine.

    Of a plan with sides the last `contrast_share` of its probes show another side; the others are graded: their
    errors lie at the middles of equal parts of the plan's spread, in an order that is shuffled by the seed.

    Errors: `InputError` for an unknown plan.
    """
    if plan_name not in PLANS:
        raise InputError(f"unknown probe plan {plan_name!r}{did_you_mean(plan_name, PLANS)}")
    plan = PLANS[plan_name]
    key = zlib.crc32(plan_name.encode())
    contrasts = round(count * contrast_share) if plan.contrast else 0
    graded = count - contrasts
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([seed, key, index, attempt])
        try:
            return _build(plan, index, graded, rng, seed=seed, key=key, size=size)
        except _Unfit:
            continue
    raise RuntimeError(f"{plan_name}: no scene found for probe {index} in {ATTEMPTS} attempts")


def _build(plan: Plan, index: int, graded: int, rng: np.random.Generator, *, seed: int, key: int, size: int) -> Probe:
    contrast = index >= graded
    variant, target, error = plan.variant, plan.target, 0.0
    if contrast:
        variant = plan.contrast[index % len(plan.contrast)]
        target = plan.angles.get(variant, plan.target)
        error = float(rng.uniform(0, 0.6 * min(plan.inner, 15)))
    else:
        order = np.random.default_rng([seed, key]).permutation(graded)
        low, high = plan.spread
        error = low + (high - low) * (float(order[index]) + 0.5) / graded
    sign = float(rng.choice([-1, 1])) if plan.signed else 1.0
    if plan.unit == "log ratio" and plan.signed:
        draw_target, draw_error = target * math.exp(sign * error), 0.0
    else:
        draw_target, draw_error = target, error * (target if plan.relative else 1.0)
    layout = plan.arrange(Draw(rng=rng, variant=variant, error=draw_error, sign=sign, target=draw_target))
    camera_seed = int(rng.integers(2**31))
    both = [things for things in (layout.things, layout.things_before) if things is not None]
    if not all(_clear(things) for things in both):
        raise _Unfit
    scale: Scale = max((CATALOGUE[t.category].scale for t in layout.things), key=("tabletop", "room", "street").index)
    backdrop = str(rng.choice([name for name, b in BACKDROPS.items() if scale in b.scales]))
    scenes = _shoot(layout, rng, size=size, backdrop=backdrop, seed=camera_seed)
    visible = cast(scenes[0], size=96).visible_fraction
    if min(visible) < plan.min_visible:
        raise _Unfit
    if len(scenes) > 1 and min(cast(scenes[1], size=96).visible_fraction) < plan.min_visible:
        raise _Unfit
    names = [t.name for t in layout.things]
    return Probe(
        item_id=f"{plan.name}-{index:03d}",
        plan=plan,
        kind="contrast" if contrast else "graded",
        scene=scenes[0],
        before=scenes[1] if len(scenes) > 1 else None,
        predicate=plan.call.format(*names),
        prompt=plan.prompt.format(*names),
        true_value=layout.true_value,
        error=None if contrast else error,
        truth=not contrast and error <= plan.inner,
        true_variant=variant,
        egocentric_answer=_egocentric_answer(plan, scenes[0], layout.true_value),
        visible_fraction=visible,
    )


def _egocentric_answer(plan: Plan, scene: ProbeScene, true_value: float) -> bool | None:
    """What the camera's own left, right, near and far would answer to a question about the object's."""
    if plan.sub_domain in {"allocentric", "insert_allocentric"}:
        (ax, az), (bx, bz) = (p.ground_xz for p in scene.objects)
        seen = math.degrees(math.atan2(bx - ax, az - bz))  # 0: nearer to the camera, 90: to the right in the image
    elif plan.sub_domain in {"camera_pose", "object_pose"} and plan.variant in {"left", "right"}:
        seen = -true_value  # the object's left taken for the viewer's
    else:
        return None
    return bool(abs(wrap_deg(seen - plan.target)) <= plan.inner)


def _shoot(layout: Layout, rng: np.random.Generator, *, size: int, backdrop: str, seed: int) -> list[ProbeScene]:
    """Return the scene (and the one before) with cameras that see all of every object."""
    jitter = rng.uniform(-1, 1, 2)
    roll = float(np.clip(rng.normal(scale=3.5), -9, 9))
    slack = float(rng.uniform(1.06, 1.55))
    views = [(layout.things, layout.eye)]
    if layout.things_before is not None and layout.eye_before is not None:
        views.append((layout.things_before, layout.eye_before))
    if any(eye.height_m < 0.02 for _, eye in views):
        raise _Unfit
    aims = [_aim(things, eye) for things, eye in views]
    if layout.same_view:
        # one direction and one lens for both pictures, wide enough for either
        yaws, rises, halves = (np.array(column) for column in zip(*aims, strict=True))
        yaw, rise = float(yaws.mean()), float(rises.mean())
        if layout.things_before is not None and layout.eye is not layout.eye_before or len(layout.things) == 1:
            yaw = float(yaws[0] + wrap_deg(float(yaws[-1] - yaws[0])) / 2)
        half = float(halves.max() + max(np.ptp(yaws), np.ptp(rises)) / 2)
        aims = [(yaw, rise, half)] * len(views)
    scenes = []
    for (things, eye), (yaw, rise, half) in zip(views, aims, strict=True):
        fov = max(2 * half * slack, 24.0)
        if fov > 82:
            raise _Unfit
        room = fov / 2 - half
        camera = Camera(size=size, fov_deg=fov, pitch_deg=rise + 0.6 * room * jitter[1], roll_deg=roll, height_m=eye.height_m)
        scene = ProbeScene(camera=camera, objects=_placed(things, eye, yaw + 0.6 * room * jitter[0]), backdrop=backdrop, seed=seed)
        outline = np.vstack([project(corners(p, camera), camera) for p in scene.objects])
        if not (np.isfinite(outline).all() and outline[:, :2].min() > MARGIN_PX and outline[:, :2].max() < size - MARGIN_PX):
            raise _Unfit
        scenes.append(scene)
    return scenes


def _aim(things: Sequence[Thing], eye: Eye) -> tuple[float, float, float]:
    """Yaw, pitch and half angle in degrees that take in all boxes."""
    yaws, rises = [], []
    middle = math.degrees(math.atan2(np.mean([t.x for t in things]) - eye.x, np.mean([t.z for t in things]) - eye.z))
    camera = Camera(size=2, fov_deg=60, pitch_deg=0, roll_deg=0, height_m=eye.height_m)
    for placed in _placed(things, eye, middle):
        x, y, z = corners(placed, camera).T
        if (z <= 0).any():
            raise _Unfit
        yaws += list(np.degrees(np.arctan2(x, z)))
        rises += list(np.degrees(np.arctan2(-y, np.hypot(x, z))))
    half = max(np.ptp(yaws), np.ptp(rises)) / 2
    return middle + (min(yaws) + max(yaws)) / 2, (min(rises) + max(rises)) / 2, float(half)


def _placed(things: Sequence[Thing], eye: Eye, yaw_deg: float) -> tuple[Placed, ...]:
    """The things in the level frame of a camera that looks along `yaw_deg`."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    placed = []
    for t in things:
        east, north = t.x - eye.x, t.z - eye.z
        placed.append(
            Placed(
                id=t.name,
                category=t.category,
                look=t.look,
                ground_xz=(east * c - north * s, east * s + north * c),
                heading_deg=wrap_deg(t.heading_deg - yaw_deg),
                scale=t.scale,
            )
        )
    return tuple(placed)
