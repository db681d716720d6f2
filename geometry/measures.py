"""Measure objects: bearings, elevations, headings, distances, sizes.

Directions are in the level frame, so that gravity is down. A bearing is measured on the ground in an object's own
frame: 0 in front of it, 90 to its right, -90 to its left. Functions of two results give (value, error), both in
degrees. What cannot be measured raises `Unmeasurable` with the reason.

>>> from genspace.geometry.profiles import load_profile
>>> from genspace.geometry.scene import Scene
>>> from genspace.geometry.views import view_of
>>> away = ((0, 0, 1), (0, -1, 0), (1, 0, 0))  # front away from the camera, up, right: as columns
>>> cow = {"id": "cow", "centre": (0, 0, 4), "extent": (1, 1, 1), "rotation": away}
>>> dog = {"id": "dog", "centre": (3, 0, 4), "extent": (2, 1, 1), "rotation": away, "complete": True}
>>> level = {"pitch_deg": 0, "roll_deg": 0}
>>> view = view_of(Scene(width=100, height=100, camera=level, objects=(cow, dog)), load_profile("corrected"))
>>> cow, dog = view["cow"], view["dog"]
>>> bearing_deg(cow, dog), bearing(cow, dog, 60), mutual_bearing(cow, dog, None)
(90.0, (90.0, 30.0), (90.0, 0.0))
>>> between_centres_m(cow, dog), between_boxes_m(cow, dog), camera_distance_m(cow)
(3.0, 2.0, 4.0)
>>> elevation(cow, dog), turned(cow, dog, 180)
((0.0, 0.0), (0.0, 180.0))
>>> round(picture_azimuth_deg(dog), 2), round(pair_view(cow, dog, 180)[0], 2)
(36.87, -159.44)
>>> size_m(dog, "longer", "front"), volume_m3(dog), unseen_factor(dog, "bigger")
(2.0, 2.0, 1.0)
>>> check_apart(cow, dog)  # raises `Unmeasurable` for two objects at one place
"""

from __future__ import annotations

import math

from genspace.geometry.boxes import Box, gap_m
from genspace.geometry.frames import wrap_deg
from genspace.geometry.views import Placed, Unmeasurable, Vector

__all__ = [
    "bearing",
    "bearing_deg",
    "between_boxes_m",
    "between_centres_m",
    "camera_distance_m",
    "check_apart",
    "elevation",
    "mutual_bearing",
    "pair_view",
    "picture_azimuth_deg",
    "size_m",
    "turned",
    "unseen_factor",
    "volume_m3",
]


def _place(thing: Placed | Vector) -> Vector:
    return thing.place if isinstance(thing, Placed) else thing


def bearing_deg(observer: Placed, seen: Placed | Vector) -> float:
    """Bearing of what is seen in the observer's frame, in [-180, 180]."""
    x, _, z = observer.place
    to_x, _, to_z = _place(seen)
    dx, dz = to_x - x, to_z - z
    if math.hypot(dx, dz) < observer.limits.min_separation_m:
        both = f"{observer.item.id} and {seen.item.id if isinstance(seen, Placed) else 'the camera'}"
        raise Unmeasurable(
            f"no bearing: {both} are above one another, {100 * math.hypot(dx, dz):.1f} cm apart"
        )
    front_x, front_z = observer.front
    return math.degrees(math.atan2(dx * front_z - dz * front_x, dx * front_x + dz * front_z))


def bearing(observer: Placed, seen: Placed | Vector, target_deg: float) -> tuple[float, float]:
    """Bearing of what is seen, against the wanted one."""
    value = bearing_deg(observer, seen)
    return value, abs(wrap_deg(value - target_deg))


def _either_side(observer: Placed, seen: Placed) -> tuple[float, float]:
    value = bearing_deg(observer, seen)
    return value, abs(abs(value) - 90.0)


def mutual_bearing(a: Placed, b: Placed, target_deg: float | None) -> tuple[float, float]:
    """The worse of the bearings of each object from the other; no target: to either side."""
    if target_deg is None:
        found = (_either_side(a, b), _either_side(b, a))
    else:
        found = (bearing(a, b, target_deg), bearing(b, a, target_deg))
    return max(found, key=lambda pair: pair[1])


def elevation(a: Placed, b: Placed | Vector) -> tuple[float, float]:
    """How far b lies above (+) or below a, as an angle from the horizontal."""
    x, y, z = a.place
    to_x, to_y, to_z = _place(b)
    slope = math.degrees(math.atan2(y - to_y, math.hypot(to_x - x, to_z - z)))
    return slope, abs(slope)


def turned(a: Placed, b: Placed, target_deg: float) -> tuple[float, float]:
    """Heading of b against that of a."""
    difference = wrap_deg(b.heading_deg - a.heading_deg)
    return difference, abs(wrap_deg(difference - target_deg))


def pair_view(a: Placed, b: Placed, target_deg: float) -> tuple[float, float]:
    """Bearing of the camera from the middle of a pair, in the mean of its headings."""
    (ax, _, az), (bx, _, bz) = a.place, b.place
    (afx, afz), (bfx, bfz) = a.front, b.front
    x, z, fx, fz = -(ax + bx) / 2, -(az + bz) / 2, afx + bfx, afz + bfz
    if math.hypot(fx, fz) < 1e-6:
        raise Unmeasurable(f"{a.item.id} and {b.item.id} face opposite ways, so that the pair has no front")
    if math.hypot(x, z) < a.limits.min_separation_m:
        raise Unmeasurable("no bearing: the camera is above the pair")
    value = math.degrees(math.atan2(x * fz - z * fx, x * fx + z * fz))
    return value, abs(wrap_deg(value - target_deg))


def check_apart(a: Placed, b: Placed) -> None:
    """Raise `Unmeasurable` for two objects at one place, which would be left and right of one another alike."""
    if isinstance(a.in_camera, tuple) and isinstance(b.in_camera, tuple):
        apart = math.dist(a.in_camera, b.in_camera)
        if apart < a.limits.min_separation_m:
            raise Unmeasurable(f"{a.item.id} and {b.item.id} are at one place, {100 * apart:.1f} cm apart")


def picture_azimuth_deg(a: Placed) -> float:
    """How far to the right of the camera's axis the centre lies, the camera's roll undone but not its pitch.

    So it orders objects as the upright picture does. On the ground, azimuths order them otherwise where the camera
    looks down or up.
    """
    x, _, _ = (
        a.place
    )  # a turn about the x axis, which undoes the pitch, leaves x alone, and one about z leaves z
    if isinstance(a.in_camera, tuple):
        return math.degrees(math.atan2(x, a.in_camera[2]))
    raise Unmeasurable(a.in_camera.reason)


def camera_distance_m(a: Placed) -> float:
    """Distance from the camera to the centre; the object may be cut by the image's border."""
    if isinstance(a.in_camera, tuple):
        return math.hypot(*a.in_camera)
    raise Unmeasurable(a.in_camera.reason)


def between_centres_m(a: Placed, b: Placed) -> float:
    """Distance between the centres of two objects that the image shows whole."""
    return math.dist(a.whole_place, b.whole_place)


def between_boxes_m(a: Placed, b: Placed) -> float:
    """Gap between the boxes of two objects; 0 where they touch."""
    return gap_m(_box(a), _box(b))


def _box(a: Placed) -> Box:
    """The object's box in the level frame."""
    item = a.item
    if a.cut:
        raise Unmeasurable(a.cut)
    if item.extent is None or a.rotation is None:
        raise Unmeasurable(f"the box of {item.id} is unknown")
    return Box(a.place, item.extent, a.rotation)


def volume_m3(a: Placed) -> float:
    """Volume of the object's box."""
    return a.size(0) * a.size(1) * a.size(2)


def unseen_factor(a: Placed, dimension: str) -> float:
    """By how much a size may be greater than what one view shows of it: 1 where the whole box is known."""
    sides = {"bigger": 2, "taller": 0}.get(dimension, 1)
    return 1.0 if a.item.complete else (1.0 + a.limits.unseen_share) ** sides


def size_m(a: Placed, dimension: str, length_axis: str) -> float:
    """Height, length or width. Length is along the front axis unless the call says otherwise."""
    if dimension == "taller":
        return a.size(1)
    longer = dimension == "longer"
    if length_axis == "longest":
        return (max if longer else min)(a.size(0), a.size(2))
    if isinstance(a.ground_front, tuple):
        return a.size(0 if longer == (length_axis == "front") else 2)
    raise Unmeasurable(a.ground_front.reason)
