"""What the released GenSpace code (arXiv 2505.24870, commit 66b6858) knows of an object, defects included.

Positions are means of the visible surface in the level frame, orientations are the estimator's own answers in the
camera frame: the two frames are not reconciled, as in the released code. docs/concepts/geometry.md says where this
departs from what it means to measure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from genspace.geometry.frames import rotation_from_orientation, rotation_z
from genspace.geometry.lift import lowest_near_point_m
from genspace.geometry.views import Unmeasurable, Vector, rotate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from genspace.geometry.camera import Intrinsics
    from genspace.geometry.scene import Scene, SceneObject

__all__ = ["ReferenceCase", "ReferenceObject"]


@dataclass(frozen=True)
class ReferenceObject:
    """One object as the released code holds it. Properties raise `Unmeasurable` for what is not known."""

    scene: Scene
    item: SceneObject

    @cached_property
    def place(self) -> Vector:
        """Mean of the visible surface in the level frame, without the shift to the floor."""
        level = self.scene.camera.level_from_camera
        if level is None:
            raise Unmeasurable("the camera's pitch and roll are unknown")
        if self.item.surface_mean is not None:
            return rotate(level.tolist(), self.item.surface_mean)
        if (cloud := self._cloud) is not None:
            x, y, z = cloud.mean(axis=0)
            return (-float(x), -float(y), float(z))
        if self.item.centre is not None:
            return rotate(level.tolist(), self.item.centre)
        raise Unmeasurable(f"the place of {self.item.id} is unknown")

    @cached_property
    def place_from_floor(self) -> Vector:
        """The same, with the origin on the floor below the camera."""
        x, y, z = self.place
        return x, y - self.scene.remember("floor", _camera_height_m), z

    @cached_property
    def _cloud(self) -> NDArray[np.float64] | None:
        """Points of the visible surface, (N, 3), in the level frame turned to x left, y up, z forward."""
        points = self.scene.read_points(self.item)
        level = self.scene.camera.level_from_camera
        if points is None or not len(points) or level is None:
            return None
        cloud: NDArray[np.float64] = points @ level.T * [-1.0, -1.0, 1.0]
        return cloud

    @cached_property
    def edges(self) -> tuple[float, float]:
        """Level x of the leftmost and the rightmost pixel, in the row through the middle of the object's box."""
        depth = self.scene.read_depth()
        intrinsics = None if depth is None else self.scene.depth_intrinsics(depth)
        level = self.scene.camera.level_from_camera
        if depth is None or intrinsics is None or level is None or self.item.box is None:
            raise Unmeasurable(
                "the edges of the picture are unknown: they need depth, camera and the object's box"
            )
        middle = (int(self.item.box[1]) + int(self.item.box[3])) / 2
        row = min(int(middle * depth.shape[0] / self.scene.height), depth.shape[0] - 1)
        return self._level_x(level, intrinsics, row, 0, depth), self._level_x(
            level, intrinsics, row, -1, depth
        )

    def _level_x(
        self,
        level: NDArray[np.float64],
        intrinsics: Intrinsics,
        row: int,
        column: int,
        depth: NDArray[np.float32],
    ) -> float:
        z = float(depth[row, column])
        u = column % depth.shape[1]
        point = ((u - intrinsics.cx) / intrinsics.fx * z, (row - intrinsics.cy) / intrinsics.fy * z, z)
        return rotate(level.tolist(), point)[0]

    @cached_property
    def axes(self) -> tuple[Vector, Vector, Vector]:
        """Front, up and right axes in the camera frame; the in-plane turn is about the object's right axis."""
        raw, item = self.item.orientation_raw, self.item
        if raw is not None:
            R = rotation_from_orientation(raw.azimuth_deg, raw.polar_deg) @ rotation_z(raw.rotation_deg)
            front, up, right = R.T.tolist()
            return tuple(front), tuple(up), tuple(right)
        if item.rotation is None:
            raise Unmeasurable(f"the orientation of {item.id} is unknown")
        front, up, right = zip(*item.rotation, strict=True)
        if item.rotation_frame == "level":
            level = self.scene.camera.level_from_camera
            if level is None:
                raise Unmeasurable("the camera's pitch and roll are unknown")
            back = level.T.tolist()
            return rotate(back, front), rotate(back, up), rotate(back, right)
        return front, up, right

    @cached_property
    def size(self) -> dict[str, float]:
        """Length, width and height in metres, volume in cubic metres."""
        cloud = self._cloud
        if cloud is None:
            if self.item.extent is None:
                raise Unmeasurable(f"the size of {self.item.id} is unknown")
            length, height, width = self.item.extent
            return {"length": length, "height": height, "width": width, "volume": length * height * width}
        front, _, _ = self.axes
        turned = (cloud - cloud.mean(axis=0)) @ rotation_z(math.degrees(math.atan2(front[2], front[0]))).T
        length, turned_height, width = (turned.max(axis=0) - turned.min(axis=0)).tolist()
        return {
            "length": length,
            "height": float(cloud[:, 1].max() - cloud[:, 1].min()),
            "width": width,
            "volume": length * turned_height * width,
        }

    def seen(self, other: ReferenceObject) -> Vector:
        """Return the other object's place in this object's frame (front, up, right)."""
        (x, y, z), (ox, oy, oz) = self.place, other.place
        return rotate(self.axes, (ox - x, oy - y, oz - z))


def _camera_height_m(scene: Scene) -> float:
    """Height of the camera above the released code's floor: the lowest point of the nearer half of all pixels."""
    if scene.camera.height_m is not None:
        return scene.camera.height_m
    depth = scene.read_depth()
    level = scene.camera.level_from_camera
    intrinsics = None if depth is None else scene.depth_intrinsics(depth)
    if depth is None or intrinsics is None or level is None or not depth.any():
        raise Unmeasurable("the camera's height is unknown, and there is no depth to find the floor in")
    return lowest_near_point_m(depth, intrinsics, level)


@dataclass(frozen=True, slots=True)
class ReferenceCase:
    """What a reference rule decides about."""

    objects: tuple[ReferenceObject, ...]
    before: tuple[ReferenceObject, ...] = ()
    """The same roles before the edit."""
    settings: Mapping[str, float | str] = field(default_factory=dict)

    def number(self, name: str) -> float:
        """A setting that is a number."""
        return float(self.settings[name])
