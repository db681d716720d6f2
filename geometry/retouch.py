"""Scenes of retouched pictures: the same world in a picture that was mirrored, cut or scaled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genspace.geometry.frames import mirror_rotation
from genspace.geometry.scene import Camera, Mask, Orientation, Pair, Scene, SceneObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cut", "backwards", "cut", "mirrored", "scaled"]


def backwards(scene: Scene | Pair) -> Scene | Pair:
    """Return the pair with before and after exchanged, and what is known of the camera between them turned round.

    >>> from genspace.geometry.scene import Pair, Scene
    >>> before, after = (Scene(width=100, height=50, objects=()) for _ in range(2))
    >>> pair = backwards(Pair(before=before, after=after, camera="static", depth_scale=0.5, yaw_deg=10))
    >>> pair.camera, pair.depth_scale, pair.yaw_deg
    ('static', 2.0, -10.0)
    """
    if not isinstance(scene, Pair):
        return scene
    return scene.changed(
        before=scene.after,
        after=scene.before,
        depth_scale=None if scene.depth_scale is None else 1 / scene.depth_scale,
        yaw_deg=None if scene.yaw_deg is None else -scene.yaw_deg,
        predicates=(),
    )


def mirrored(scene: Scene | Pair) -> Scene | Pair:
    """Return the scene of the picture flipped left to right.

    The world is flipped with it: what lay to an object's left now lies to its right. The names of the depth and point
    files stay; their contents must be flipped too.

    >>> from genspace.geometry.scene import Scene
    >>> cat = {"id": "cat", "centre": (1, 0, 3), "box": (60, 5, 90, 45)}
    >>> flipped = mirrored(Scene(width=100, height=50, objects=(cat,)))
    >>> flipped.objects[0].centre, flipped.objects[0].box
    ((-1.0, 0.0, 3.0), (10.0, 5.0, 40.0, 45.0))
    """
    if isinstance(scene, Pair):
        yaw = None if scene.yaw_deg is None else -scene.yaw_deg
        return _both(scene, mirrored).changed(yaw_deg=yaw)
    camera = scene.camera
    return scene.changed(
        camera=camera.changed(
            cx=None if camera.cx is None else scene.width - camera.cx,
            roll_deg=None if camera.roll_deg is None else -camera.roll_deg,
        ),
        objects=tuple(_mirrored(item, scene.width) for item in scene.objects),
    )


def _mirrored(item: SceneObject, width: int) -> SceneObject:
    raw, points, rotation = item.orientation_raw, item.points, item.rotation
    turned = raw and Orientation(
        azimuth_deg=-raw.azimuth_deg,
        polar_deg=raw.polar_deg,
        rotation_deg=-raw.rotation_deg,
        ray=_flipped(raw.ray),
    )
    changes = {
        "centre": _flipped(item.centre),
        "surface_mean": _flipped(item.surface_mean),
        "points": tuple(map(_flipped, points)) if isinstance(points, tuple) else points,
        "rotation": rotation and tuple(map(tuple, mirror_rotation(rotation).tolist())),
        "orientation_raw": turned,
    }
    return _in_pixels(
        item.model_copy(update=changes),
        lambda left, top, right, bottom: (width - right, top, width - left, bottom),
        lambda mask: mask[:, ::-1],
    )


def _in_pixels(
    item: SceneObject,
    box: Callable[[float, float, float, float], tuple[float, float, float, float]],
    mask: Callable[[NDArray[np.bool_]], NDArray[np.bool_]],
) -> SceneObject:
    """Return an object with its box and its mask, where it has them, as they are in the retouched picture."""
    changes = {
        "box": item.box and box(*item.box),
        "mask": item.mask and Mask.from_array(mask(item.mask.decode())),
    }
    return item.model_copy(update=changes)


def _flipped(vector: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
    return None if vector is None else (-vector[0], vector[1], vector[2])


@dataclass(frozen=True, slots=True)
class Cut:
    """Pixels taken off each side of a picture."""

    left: int
    top: int
    right: int
    bottom: int

    def inside(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return what is left of a picture: left, top, right, bottom in its pixels.

        >>> Cut(10, 0, 5, 20).inside(100, 100)
        (10, 0, 95, 80)
        """
        return self.left, self.top, width - self.right, height - self.bottom


def cut(scene: Scene | Pair, by: Cut) -> Scene | Pair:
    """Return the scene of a picture with its sides cut off: the principal point, boxes and masks move."""
    if isinstance(scene, Pair):
        return _both(scene, lambda one: cut(one, by))
    left, top, right, bottom = by.inside(scene.width, scene.height)

    def moved(x: float, y: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return max(x - left, 0.0), max(y - top, 0.0), min(x1, right) - left, min(y1, bottom) - top

    camera = scene.camera
    principal = {
        "cx": None if camera.cx is None else camera.cx - left,
        "cy": None if camera.cy is None else camera.cy - top,
    }
    return scene.changed(
        width=right - left,
        height=bottom - top,
        camera=camera.changed(**principal),
        objects=tuple(_in_pixels(o, moved, lambda mask: mask[top:bottom, left:right]) for o in scene.objects),
    )


def scaled(scene: Scene | Pair, width: int, height: int) -> Scene | Pair:
    """Return the scene of a picture brought to another size; its masks are taken from the nearest pixels."""
    if isinstance(scene, Pair):
        return _both(scene, lambda one: scaled(one, width, height))
    fx, fy = width / scene.width, height / scene.height
    rows = np.minimum(((np.arange(height) + 0.5) / fy).astype(int), scene.height - 1)
    columns = np.minimum(((np.arange(width) + 0.5) / fx).astype(int), scene.width - 1)

    def resized(x: float, y: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        return x * fx, y * fy, x1 * fx, y1 * fy

    return scene.changed(
        width=width,
        height=height,
        camera=_scaled(scene.camera, fx, fy),
        objects=tuple(
            _in_pixels(o, resized, lambda mask: mask[np.ix_(rows, columns)]) for o in scene.objects
        ),
    )


def _scaled(camera: Camera, fx: float, fy: float) -> Camera:
    factors = {"fx": fx, "cx": fx, "fy": fy, "cy": fy}
    known = {
        name: value * factor
        for name, factor in factors.items()
        if (value := getattr(camera, name)) is not None
    }
    return camera.changed(**known)


def _both(pair: Pair, change: Callable[[Scene], Scene | Pair]) -> Pair:
    return pair.changed(before=change(pair.before), after=change(pair.after))
