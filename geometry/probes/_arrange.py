"""Arrangements: how things and the camera are put so that one quantity has a chosen value.

Each takes a draw (variant, wanted value, error, random stream) and returns a layout, or raises `UnfitError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from genspace.geometry.frames import wrap_deg
from genspace.geometry.probes._layout import (
    BEARING,
    Draw,
    Eye,
    Layout,
    Thing,
    UnfitError,
    between,
    eye_towards,
    group_of,
    polar,
    spacing_of,
)
from genspace.geometry.probes.objects import CATALOGUE

__all__ = [
    "Arrange",
    "across",
    "apart",
    "away",
    "beside",
    "camera_at_bearing",
    "camera_at_pair",
    "go_round",
    "grown",
    "inserted",
    "keep_three",
    "keep_two",
    "move_camera",
    "move_object",
    "mutual",
    "nearer",
    "sized",
    "turn_round",
]

Arrange = Callable[[Draw], Layout]


def camera_at_bearing(draw: Draw) -> Layout:
    """One object, the camera at a bearing from it."""
    category, look = draw.pick()
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
    return Layout(
        things=(thing,),
        eye=eye_towards(draw, [thing], thing.heading_deg + draw.value),
        true_value=wrap_deg(draw.value),
    )


def beside(draw: Draw) -> Layout:
    """A reference object and another at a bearing from it."""
    first, second = draw.pair(fronts=(True, False))
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=draw.turn())
    spacing = spacing_of(draw, a, b)
    if abs(float(a.extent[1] - b.extent[1])) / 2 > 0.7 * spacing:
        raise UnfitError  # one far above the other is neither in front nor beside
    x, z = polar(a.heading_deg + draw.value, spacing)
    things = (a, replace(b, x=x, z=z))
    return Layout(
        things=things,
        eye=eye_towards(draw, things, draw.turn(), elevation=(5, 38)),
        true_value=wrap_deg(draw.value),
    )


ARRANGEMENTS = {
    "side_by_side_same": (90.0, 0.0),
    "side_by_side_opposite": (90.0, 180.0),
    "face_to_face": (0.0, 180.0),
    "back_to_back": (180.0, 180.0),
}
"""Bearing of each of two objects from the other (90: either side), and the second's heading against the first's."""


def mutual(draw: Draw) -> Layout:
    """Two objects of which each sees the other at a bearing; the error lies in the place or in the heading."""
    first, second = draw.pair(fronts=(True, True))
    bearing, turned = ARRANGEMENTS[draw.variant]
    if bearing == 90:
        bearing = float(draw.rng.choice([-90, 90]))
    if draw.rng.uniform() < 0.5:
        # the larger of the two bearing errors is the first's: the second's is smaller by the turn
        off, turn = draw.error, between(draw, 0, min(10, draw.error))
    else:
        # halves of the turn show as bearing errors of either object, so the turn alone decides
        off, turn = draw.error / 2, draw.error
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(
        category=second[0], look=second[1], x=0, z=0, heading_deg=a.heading_deg + turned + draw.sign * turn
    )
    x, z = polar(a.heading_deg + bearing + draw.sign * off, spacing_of(draw, a, b))
    things = (a, replace(b, x=x, z=z))
    return Layout(
        things=things,
        eye=eye_towards(draw, things, draw.turn(), elevation=(5, 38)),
        true_value=draw.sign * draw.error,
    )


def camera_at_pair(draw: Draw) -> Layout:
    """Two objects side by side facing the same way, the camera at a bearing from their middle."""
    first, second = draw.pair(fronts=(True, True))
    heading, turn = draw.turn(), between(draw, -6, 6)
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=heading + turn)
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=heading - turn)
    side = float(draw.rng.choice([-90, 90]))
    x, z = polar(heading + side + between(draw, -8, 8), spacing_of(draw, a, b))
    things = (replace(a, x=-x / 2, z=-z / 2), replace(b, x=x / 2, z=z / 2))
    high = draw.variant in {"left", "right"}  # one stands behind the other: look from higher up
    eye = eye_towards(draw, things, heading + draw.value, elevation=(18, 45) if high else (5, 35))
    return Layout(things=things, eye=eye, true_value=wrap_deg(draw.value))


def across(draw: Draw) -> Layout:
    """Two objects an angle apart as the camera sees them; positive: the first lies on the asked side."""
    first, second = draw.pair(fronts=(False, False))
    angle = -draw.error * (1 if draw.variant == "left" else -1)  # from the first to the second, to the right
    return _seen(
        draw, first, second, angle_deg=angle, log_ratio=between(draw, -0.5, 0.5), true_value=-draw.error
    )


def nearer(draw: Draw) -> Layout:
    """Two objects whose distances from the camera have a ratio; positive: the order is as asked."""
    first, second = draw.pair(fronts=(False, False))
    log_ratio = -draw.error * (
        1 if draw.variant == "closer" else -1
    )  # ln of the second's distance over the first's
    angle = between(draw, 8, 35) * float(draw.rng.choice([-1, 1]))
    return _seen(draw, first, second, angle_deg=angle, log_ratio=log_ratio, true_value=-draw.error)


def _seen(
    draw: Draw,
    first: tuple[str, int],
    second: tuple[str, int],
    *,
    angle_deg: float,
    log_ratio: float,
    true_value: float,
) -> Layout:
    """Two objects by azimuth and by straight distance from a camera at the origin."""
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=draw.turn())
    unit = max(float(np.linalg.norm(t.extent)) for t in (a, b))
    near = unit * between(draw, 1.3, 3.0)
    height = unit * between(draw, 0.25, 1.0)
    placed = []
    for t, angle, distance in (
        (a, -angle_deg / 2, near * math.exp(-log_ratio / 2)),
        (b, angle_deg / 2, near * math.exp(log_ratio / 2)),
    ):
        drop = height - float(t.extent[1]) / 2
        if abs(drop) > 0.8 * distance:
            raise UnfitError
        x, z = polar(angle, math.sqrt(distance**2 - drop**2))
        placed.append(replace(t, x=x, z=z))
    return Layout(things=tuple(placed), eye=Eye(x=0, z=0, height_m=height), true_value=true_value)


def apart(draw: Draw) -> Layout:
    """Two objects whose centres are a distance apart."""
    first, second = draw.pair(fronts=(False, False), scales=("tabletop", "room"))
    distance = draw.value
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    b = Thing(category=second[0], look=second[1], x=0, z=0, heading_deg=draw.turn())
    drop = float(a.extent[1] - b.extent[1]) / 2
    if abs(drop) > 0.7 * distance or distance > 5 * max(float(a.extent.max()), float(b.extent.max())):
        raise UnfitError
    x, z = polar(draw.turn(), math.sqrt(distance**2 - drop**2))
    things = (a, replace(b, x=x, z=z))
    return Layout(
        things=things, eye=eye_towards(draw, things, draw.turn(), elevation=(8, 38)), true_value=distance
    )


def away(draw: Draw) -> Layout:
    """One object whose centre is a distance from the camera."""
    distance = draw.value
    category, look = draw.pick(front=False)
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
    if not 0.10 < float(np.linalg.norm(thing.extent)) / 2 / distance < 0.42:
        raise UnfitError
    rise = math.radians(between(draw, 0, 40))
    height = float(thing.extent[1]) / 2 + distance * math.sin(rise)
    x, z = polar(draw.turn(), distance * math.cos(rise))
    return Layout(things=(thing,), eye=Eye(x=x, z=z, height_m=height), true_value=distance)


AXIS = {"longer": 0, "taller": 1, "wider": 2}


def _stretched(draw: Draw, thing: Thing, *, other: Thing | None) -> tuple[Thing, Thing]:
    """Two objects of a kind whose sizes differ by the drawn value: (larger, smaller), changed by one factor."""
    if draw.variant == "bigger":
        share = draw.value ** (1 / 6) * np.exp(draw.rng.normal(scale=0.04, size=3))
        share *= (draw.value**0.5 / share.prod()) ** (1 / 3)
    else:
        axis = AXIS[draw.variant]
        size = float(thing.extent[axis])
        # sizes s and s + value with the natural size as their geometric mean
        low = -draw.value / 2 + math.sqrt(draw.value**2 / 4 + size**2)
        share = np.ones(3)
        share[axis] = size / low
        if draw.value < 0.05 * size:
            raise UnfitError  # nobody sees 20 cm on an aeroplane
    if (np.maximum(share, 1 / share) > 1.3).any():
        raise UnfitError
    big = tuple(float(v) for v in np.array(thing.scale) * share)
    other = other or thing
    small = tuple(float(v) for v in np.array(other.scale) / share)
    return replace(thing, scale=big), replace(other, scale=small)  # type: ignore[arg-type]


def sized(draw: Draw) -> Layout:
    """Two objects of one kind, the first larger by a factor or a length, both seen so that the size shows."""
    category, look = draw.pick(front=True)
    a = Thing(category=category, look=look, x=0, z=0, heading_deg=0, coloured=True)
    b = replace(a, look=(look + 1) % len(CATALOGUE[category].looks))
    # one shape in two paints would hide the wanted difference: the second takes the first's size exactly
    same = tuple(float(v) for v in a.extent / b.extent)
    a, b = _stretched(draw, a, other=replace(b, scale=same))  # type: ignore[arg-type]
    x, z = polar(between(draw, 60, 120) * float(draw.rng.choice([-1, 1])), spacing_of(draw, a, b))
    things = (a, replace(b, x=x, z=z))
    eye = eye_towards(draw, things, 0.0, elevation=(8, 30))
    # turn each so that the wanted axis is well off its viewing ray
    wanted = {"bigger": 45.0, "longer": 90.0, "wider": 0.0, "taller": 30.0}[draw.variant]
    turned = []
    for t in things:
        toward = math.degrees(math.atan2(eye.x - t.x, eye.z - t.z))
        around = (
            wanted
            + float(draw.rng.choice([0, 180]))
            + between(draw, -1, 1) * (8 if draw.variant == "bigger" else 45)
        )
        turned.append(replace(t, heading_deg=toward + around * float(draw.rng.choice([-1, 1]))))
    return Layout(things=tuple(turned), eye=eye, true_value=draw.value)


# Edits ---------------------------------------------------------------------------------------------------------


def go_round(draw: Draw) -> Layout:
    """The camera goes round an object until it sees a side of it."""
    after = camera_at_bearing(draw)
    (thing,) = after.things
    start = float(
        draw.rng.choice([b for b in (-135, -45, 45, 135) if abs(wrap_deg(b - draw.value)) > 20])
    ) + between(draw, -10, 10)
    x, z = after.eye.x - thing.x, after.eye.z - thing.z
    towards = thing.heading_deg + start
    east, north = polar(towards, math.hypot(x, z))
    before = replace(after.eye, x=thing.x + east, z=thing.z + north)
    return replace(after, things_before=after.things, eye_before=before)


def turn_round(draw: Draw) -> Layout:
    """The object turns on the spot until the camera sees a side of it."""
    after = go_round(draw)
    (thing,) = after.things
    start = float(draw.rng.choice([-135, -45, 45, 135])) + between(draw, -10, 10)
    toward = math.degrees(math.atan2(after.eye.x - thing.x, after.eye.z - thing.z))
    return replace(
        after,
        things_before=(replace(thing, heading_deg=toward - start),),
        eye_before=after.eye,
        same_view=True,
    )


def inserted(arrange: Arrange, added: int) -> Arrange:
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
        raise UnfitError
    along = np.array(MOVES[draw.variant])
    across = along[::-1] * between(draw, -0.2, 0.2)
    shift = along * draw.value + across
    start = np.array(
        [
            between(draw, -0.3, 0.3) + (float(shift[0]) if camera else -float(shift[0])) / 2,
            max(size * between(draw, 1.6, 2.4), 1.4) + 1.0,
        ]
    )
    eye = Eye(x=0, z=0, height_m=float(thing.extent[1]) * between(draw, 0.6, 1.2) + 0.2)
    before = replace(thing, x=float(start[0]), z=float(start[1]))
    after, eye_after = before, eye
    if camera:
        eye_after = replace(eye, x=float(shift[0]), z=float(shift[1]))
    else:
        after = replace(before, x=float(start[0] + shift[0]), z=float(start[1] + shift[1]))
    return Layout(
        things=(after,),
        eye=eye_after,
        true_value=draw.value,
        things_before=(before,),
        eye_before=eye,
        same_view=True,
        yaw_deg=0.0,
    )


def move_object(draw: Draw) -> Layout:
    """The object moves; the camera stands still."""
    return _moved(draw, camera=False)


def move_camera(draw: Draw) -> Layout:
    """The camera moves without turning; the object stands still."""
    return _moved(draw, camera=True)


def grown(draw: Draw) -> Layout:
    """One object larger than before, seen by the same camera."""
    category, look = draw.pick()
    thing = Thing(category=category, look=look, x=0, z=0, heading_deg=0)
    after, before = _stretched(draw, thing, other=None)
    wanted = {"bigger": 45.0, "longer": 90.0, "wider": 0.0, "taller": 30.0}[draw.variant]
    eye = eye_towards(
        draw,
        (after,),
        wanted + float(draw.rng.choice([0, 180])) + between(draw, -8, 8),
        elevation=(8, 30),
    )
    return Layout(
        things=(after,),
        eye=eye,
        true_value=draw.value,
        things_before=(before,),
        eye_before=eye,
        same_view=True,
    )


def _kept(draw: Draw, *, partners: int) -> Layout:
    """Objects that stay while the camera goes round until it sees a side of the first; one strays by the error."""
    first, second = draw.pair(fronts=(True, False))
    a = Thing(category=first[0], look=first[1], x=0, z=0, heading_deg=draw.turn())
    chosen = [second]
    if partners == 2:
        chosen.append(draw.pick(front=False, scales=(CATALOGUE[first[0]].scale,), but=first[0]))
        if chosen[1][0] == second[0]:
            raise UnfitError
    bearing = draw.turn()
    before, after = [a], [a]
    for place, (category, look) in enumerate(chosen):
        b = Thing(category=category, look=look, x=0, z=0, heading_deg=draw.turn())
        spacing = spacing_of(draw, a, b)
        at = bearing + place * between(draw, 100, 220)
        stray = draw.sign * draw.error if place == 0 else 0.0
        for group, angle in ((before, at), (after, at + stray)):
            x, z = polar(a.heading_deg + angle, spacing)
            group.append(replace(b, x=x, z=z))
    side = BEARING[draw.variant] + between(draw, -12, 12)
    _, _, radius, middle = group_of([*before, *after])
    distance, rise = radius * between(draw, 2.2, 3.6), math.radians(between(draw, 18, 42))

    def eye(direction: float) -> Eye:
        x, z = polar(a.heading_deg + direction, distance * math.cos(rise))
        return Eye(x=x, z=z, height_m=middle + distance * math.sin(rise))

    start = side + float(draw.rng.choice([-1, 1])) * between(draw, 40, 110)
    return Layout(
        things=tuple(after),
        eye=eye(side),
        true_value=draw.sign * draw.error,
        things_before=tuple(before),
        eye_before=eye(start),
    )


def keep_two(draw: Draw) -> Layout:
    """Two objects keep their places while the camera goes round."""
    return _kept(draw, partners=1)


def keep_three(draw: Draw) -> Layout:
    """Three objects keep their places while the camera goes round."""
    return _kept(draw, partners=2)
