"""The truth of a probe's picture: depth, masks and visibility by ray casting, and its scene file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.errors import optional_import
from genspace.geometry.probes.render import scene_surfaces
from genspace.geometry.probes.scenes import ProbeScene
from genspace.geometry.scene import Camera, Mask, Scene, SceneObject

__all__ = ["DEPTH_SCALE", "Truth", "cast", "depth_steps", "scene_record"]

DEPTH_SCALE = 0.001
"""Metres per step of the depth image at tables and in rooms; streets are deeper, see `depth_steps`."""


SURE_FROM = 0.5
"""Visible share from which an object's orientation is certain; below, confidence falls with it, to 0.5 at a quarter."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is seen at every pixel centre."""

    depth: NDArray[np.float32]
    """z in metres (size, size), 0 where only sky is seen."""
    owner: NDArray[np.int16]
    """Index of the object (size, size), -1 for the backdrop."""
    visible_fraction: tuple[float, ...]
    """Per object: seen pixels over the pixels it would fill alone, the part outside the image included as unseen."""
    boxes: tuple[tuple[float, float, float, float] | None, ...]
    """Per object: box of its visible pixels (left, top, right, bottom); None when it is not seen."""

    def is_truncated(self, index: int) -> bool:
        """Whether an object's visible pixels reach the border of the picture."""
        box = self.boxes[index]
        return bool(box and (min(box[:2]) <= 0 or max(box[2:]) >= len(self.owner)))


def cast(scene: ProbeScene, *, size: int | None = None) -> Truth:
    """Return what the camera sees, by one ray through each pixel centre (embree, single precision).

    `size` casts a coarser or finer image than the camera's. Errors: `MissingExtraError` without embreex.
    """
    optional_import("embreex", extra="render", needed_for="casting the rays of probes")
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    camera = scene.camera
    size = size or camera.size
    to_camera = camera.level_from_camera

    def surface(corners: NDArray[np.float64], faces: NDArray[np.int32]) -> Any:
        alone = EmbreeScene()
        TriangleMesh(alone, corners.astype(np.float32), faces)
        return alone

    objects = [
        surface(
            placed.model.mesh[0] * placed.scale @ (to_camera.T @ placed.level_from_object).T
            + placed.centre(camera) @ to_camera,
            placed.model.mesh[1],
        )
        for placed in scene.objects
    ]
    ground = np.array([0, camera.height_m, 0])
    halves = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    backdrop = [surface((s.quad + ground) @ to_camera, halves) for s in scene_surfaces(scene)]
    # Each surface is cast alone, and the nearest hit kept: to build a mesh takes far longer than to cast its rays.
    rays = _rays(camera.focal_px / camera.size, size, margin=0)
    owner = np.full(size * size, -1, np.int16)
    depth = np.full(size * size, np.inf, np.float32)
    for index, alone in enumerate([*objects, *backdrop]):
        hit = alone.run(*rays, output=True)
        nearer = (hit["geomID"] >= 0) & (hit["tfar"] < depth)
        owner[nearer] = index if index < len(objects) else -1
        depth[nearer] = hit["tfar"][nearer]
    depth[np.isinf(depth)] = 0
    coarse = max(size // 2, 64)
    wide = _rays(camera.focal_px / camera.size, coarse, margin=coarse // 2)
    fractions, boxes = [], []
    seen = owner.reshape(size, size)
    for index, alone in enumerate(objects):
        mine = seen == index
        full = int((alone.run(*wide, output=False) >= 0).sum()) * (size / coarse) ** 2
        fractions.append(min(float(mine.sum() / full), 1.0) if full else 0.0)
        boxes.append(_box(mine))
    return Truth(depth.reshape(size, size), seen, tuple(fractions), tuple(boxes))


def _rays(focal: float, size: int, *, margin: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Origins and directions of all pixel centres, `margin` pixels beyond the border included; z is 1, so t is z."""
    centres = (np.arange(-margin, size + margin) + 0.5) / size - 0.5
    v, u = np.meshgrid(centres, centres, indexing="ij")
    directions = np.stack([u / focal, v / focal, np.ones_like(u)], -1).reshape(-1, 3).astype(np.float32)
    return np.zeros_like(directions), directions


def _vector(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float] | None:
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def depth_steps(depth: NDArray[np.float32]) -> tuple[NDArray[np.uint16], float]:
    """Return depth as 16-bit steps and the metres per step, chosen so that the farthest point fits.

    What lies beyond the last step is 0, as the sky is.
    """
    scale = DEPTH_SCALE if float(depth.max(initial=0)) < 60 else 2 * DEPTH_SCALE
    steps = np.round(depth / scale)
    return np.where(steps < 2**16, steps, 0).astype(np.uint16), scale


def scene_record(
    scene: ProbeScene,
    truth: Truth,
    *,
    image: str | None,
    depth: str | None,
    depth_scale: float,
    predicates: tuple[str, ...] = (),
) -> Scene:
    """Return the probe's scene file (`docs/reference/scene-files.md`); every value is known, none is estimated.

    The confidence of an orientation is what anybody may have who sees so much of the object: rules abstain below 0.5.
    """
    camera = scene.camera
    to_camera = camera.level_from_camera.T
    objects = []
    for index, placed in enumerate(scene.objects):
        centre = to_camera @ placed.centre(camera)
        rotation = to_camera @ placed.level_from_object
        mask = truth.owner == index
        box = truth.boxes[index]
        objects.append(
            SceneObject(
                id=placed.id,
                label=placed.category,
                centre=_vector(centre),
                extent=_vector(placed.extent),
                rotation=(_vector(rotation[0]), _vector(rotation[1]), _vector(rotation[2])),
                rotation_frame="camera",
                rotation_confidence=min(truth.visible_fraction[index] / SURE_FROM, 1.0),
                has_front=placed.model.has_front,
                complete=True,
                detection_confidence=1.0,
                box=box,
                mask=Mask.from_array(mask) if box else None,
                truncated=truth.is_truncated(index),
                visible_fraction=truth.visible_fraction[index],
            )
        )
    return Scene(
        image=image,
        width=camera.size,
        height=camera.size,
        camera=Camera(
            fx=camera.focal_px,
            fy=camera.focal_px,
            cx=camera.size / 2,
            cy=camera.size / 2,
            pitch_deg=camera.pitch_deg,
            roll_deg=camera.roll_deg,
            height_m=camera.height_m,
            intrinsics_source="known",
            gravity_source="known",
        ),
        objects=tuple(objects),
        depth=depth,
        depth_scale=depth_scale,
        predicates=predicates,
    )
