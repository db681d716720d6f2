"""What a judge knows about a scene: each object's place, front and sizes in the level frame, or why not.

Plain floats and tuples: predicates look at a handful of numbers, many thousand times a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from genspace.geometry.profiles import Limits, Profile
from genspace.geometry.scene import Scene, SceneObject

__all__ = ["CAMERA", "Placed", "ProfileView", "Unmeasurable", "Vector", "rotate", "view_of"]

Vector = tuple[float, float, float]
Rows = Sequence[Sequence[float]]

CAMERA: Vector = (0.0, 0.0, 0.0)
"""The camera's place in its own level frame."""


class Unmeasurable(Exception):  # noqa: N818  the reason for an abstention, not a mistake
    """A quantity cannot be measured in this scene; the text says why.

    >>> from genspace.geometry.profiles import load_profile
    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat"},))
    >>> view_of(scene, load_profile("corrected"))["cat"].whole_place
    Traceback (most recent call last):
        ...
    genspace.geometry.views.Unmeasurable: the place of cat is unknown
    """


@dataclass(frozen=True, slots=True)
class Unknown:
    """Stands in place of a value, and says why there is none."""

    reason: str


def rotate(rows: Rows, v: Vector) -> Vector:
    """Return a vector turned by the rotation with these rows.

    >>> rotate(((0, -1, 0), (1, 0, 0), (0, 0, 1)), (1, 0, 5))
    (0, 1, 5)
    """
    (a, b, c), (d, e, f), (g, h, i) = rows
    x, y, z = v
    return (a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z)


def _angle_to_line_deg(v: Vector, line: Vector) -> float:
    """Angle between a vector and a line through the origin, in [0, 90]."""
    cosine = abs(v[0] * line[0] + v[1] * line[1] + v[2] * line[2]) / (math.hypot(*v) * math.hypot(*line))
    return math.degrees(math.acos(min(1.0, cosine)))


@dataclass(frozen=True, slots=True)
class Placed:
    """One object of a view. Properties raise `Unmeasurable` for what is not known.

    >>> from genspace.geometry.profiles import load_profile
    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "centre": (1, 0, 3)},))
    >>> cat = view_of(scene, load_profile("corrected"))["cat"]
    >>> cat.whole_place, cat.rotation
    ((1.0, 0.0, 3.0), None)
    """

    item: SceneObject
    in_camera: Vector | Unknown
    """Centre in the camera frame, metres."""
    in_level: Vector | Unknown
    """Centre in the level frame, metres."""
    ground_front: tuple[float, float] | Unknown
    """Front projected on the ground: (x, z) of length 1."""
    level: Rows | None
    """Rows of R_level_from_camera."""
    cut: str | None
    """Why the object may not be seen whole."""
    limits: Limits

    @property
    def place(self) -> Vector:
        """Centre in the level frame, metres."""
        if isinstance(self.in_level, Unknown):
            raise Unmeasurable(self.in_level.reason)
        return self.in_level

    @property
    def front(self) -> tuple[float, float]:
        """Front projected on the ground: (x, z) of length 1."""
        if isinstance(self.ground_front, Unknown):
            raise Unmeasurable(self.ground_front.reason)
        return self.ground_front

    @property
    def heading_deg(self) -> float:
        """Heading of the front: 0 away from the camera, 90 to the right."""
        return math.degrees(math.atan2(*self.front))

    @property
    def whole_place(self) -> Vector:
        """Centre in the camera frame, metres, of an object that the image shows whole."""
        if self.cut:
            raise Unmeasurable(self.cut)
        if isinstance(self.in_camera, Unknown):
            raise Unmeasurable(self.in_camera.reason)
        return self.in_camera

    @property
    def rotation(self) -> tuple[Vector, Vector, Vector] | None:
        """R_level_from_object; None when it is unknown."""
        rows = self.item.rotation
        if rows is None or self.item.rotation_frame == "level":
            return rows
        if self.level is None:
            return None
        a, b, c = (rotate(self.level, axis) for axis in zip(*rows, strict=True))
        return ((a[0], b[0], c[0]), (a[1], b[1], c[1]), (a[2], b[2], c[2]))

    def size(self, axis: int) -> float:
        """Full size in metres along the object's own axis: 0 front, 1 up, 2 right."""
        item = self.item
        place = self.whole_place
        if item.extent is None:
            why = item.sources.extent if item.sources and item.sources.extent else "unknown"
            raise Unmeasurable(f"the size of {item.id} is {why}")
        if not item.complete:
            angle = self._axis_to_ray_deg(axis, place)
            if angle < self.limits.min_size_angle_deg:
                raise Unmeasurable(
                    f"{item.id} is seen along its {('front', 'up', 'right')[axis]} axis ({angle:.0f}° from the "
                    f"viewing ray), so that its size along it is not seen"
                )
        return item.extent[axis]

    def _axis_to_ray_deg(self, axis: int, place: Vector) -> float:
        rotation = self.item.rotation
        if rotation is not None:
            direction = (rotation[0][axis], rotation[1][axis], rotation[2][axis])
            ray = place if self.item.rotation_frame == "camera" else self.place
            return _angle_to_line_deg(direction, ray)
        if axis == 1:
            return _angle_to_line_deg((0.0, 1.0, 0.0), self.place)
        # Without an orientation the box stands along the viewing ray: front is the ray, right is across it.
        return 0.0 if axis == 0 else 90.0


class ProfileView(dict[str, Placed]):
    """A scene's objects by id, as a profile sees them; each is made when first needed.

    >>> from genspace.geometry.profiles import load_profile
    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "centre": (1, 0, 3)},))
    >>> seen = view_of(scene, load_profile("corrected"))
    >>> seen["cat"].whole_place, list(seen)
    ((1.0, 0.0, 3.0), ['cat'])
    """

    def __init__(self, scene: Scene, limits: Limits) -> None:
        super().__init__()
        self._scene = scene
        self._limits = limits
        level = scene.camera.level_from_camera
        self._level = None if level is None else level.tolist()

    def __missing__(self, name: str) -> Placed:
        item = self._scene.object(name)
        if item is None:
            raise KeyError(name)
        self[name] = _placed(self._scene, item, self._level, self._limits)
        return self[name]


def view_of(scene: Scene, profile: Profile) -> ProfileView:
    """Return the scene's objects as the profile sees them; made once per scene and profile.

    >>> from genspace.geometry.profiles import load_profile
    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "centre": (1, 0, 3)},))
    >>> view_of(scene, load_profile("corrected"))["cat"].whole_place
    (1.0, 0.0, 3.0)
    """
    return scene.remember(("view", profile.fingerprint), lambda s: ProfileView(s, profile.limits))


def _placed(scene: Scene, item: SceneObject, level: Rows | None, limits: Limits) -> Placed:
    in_camera = _in_camera(scene, item, limits)
    if isinstance(in_camera, Unknown):
        in_level: Vector | Unknown = in_camera
    elif level is None:
        in_level = _NO_GRAVITY
    else:
        in_level = rotate(level, in_camera)
    front = _front(item, level, limits)
    return Placed(item, in_camera, in_level, front, level, _cut(scene, item, limits), limits)


_NO_GRAVITY = Unknown("the camera's pitch and roll are unknown")


def _in_camera(scene: Scene, item: SceneObject, limits: Limits) -> Vector | Unknown:
    if item.centre is None:
        return Unknown(f"the place of {item.id} is unknown")
    if item.centre[2] <= 0.0:
        return Unknown(f"{item.id} lies behind the camera (z = {item.centre[2]:g} m)")
    count = item.point_count
    if count is None and (points := scene.read_points(item)) is not None:
        count = len(points)
    if count is not None and count < limits.min_points:
        return Unknown(f"{item.id} was measured from {count} points, fewer than {limits.min_points:g}")
    return item.centre


def _front(item: SceneObject, level: Rows | None, limits: Limits) -> tuple[float, float] | Unknown:
    if item.has_front is False:
        return Unknown(f"{item.id} has no front")
    if item.rotation is None:
        return Unknown(f"the orientation of {item.id} is unknown")
    confidence = item.rotation_confidence
    if confidence is not None and confidence < limits.min_rotation_confidence:
        return Unknown(
            f"the orientation of {item.id} is unsure "
            f"(confidence {confidence:.2f} < {limits.min_rotation_confidence:g})"
        )
    front = (item.rotation[0][0], item.rotation[1][0], item.rotation[2][0])
    if item.rotation_frame == "camera":
        if level is None:
            return _NO_GRAVITY
        front = rotate(level, front)
    x, y, z = front
    ground = math.hypot(x, z)
    slope = math.degrees(math.atan2(abs(y), ground))
    if slope > limits.max_front_slope_deg:
        return Unknown(f"the front of {item.id} points {slope:.0f}° up or down, so that it has no heading")
    return x / ground, z / ground


def _cut(scene: Scene, item: SceneObject, limits: Limits) -> str | None:
    if item.truncated:
        return f"{item.id} is cut by the image's border"
    if item.box is not None and item.truncated is None:
        left, top, right, bottom = item.box
        gap = min(left, top, scene.width - right, scene.height - bottom)
        if gap < limits.border_px:
            return f"the box of {item.id} reaches the image's border"
    return None
