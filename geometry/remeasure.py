"""Measure objects again from a scene's own depth and masks, as if their boxes were not known."""

from __future__ import annotations

import numpy as np

from genspace.errors import InputError
from genspace.geometry.clean import clean
from genspace.geometry.detections import subtract_contained
from genspace.geometry.lift import between_surfaces, lift
from genspace.geometry.measure import measure_box
from genspace.geometry.scene import Pair, Scene, SceneObject

__all__ = ["measured_again"]


def measured_again(scene: Scene | Pair, *, trim_percent: float = 0.0) -> Scene | Pair:
    """Return the scene with every box measured from depth and mask; stored boxes, points and sizes are not used.

    The orientation is kept, except for objects without a front, whose axes mean nothing: their box stands along the
    viewing ray. An object without a mask, or without depth in its mask, loses its place.
    `trim_percent` is cut off each extent's ends, for estimated depth.
    Errors: `InputError` for a scene without depth, or without known intrinsics.
    """
    if isinstance(scene, Pair):
        before, after = (_again(s, trim_percent) for s in (scene.before, scene.after))
        return scene.changed(before=before, after=after)
    return _again(scene, trim_percent)


def _again(scene: Scene, trim_percent: float) -> Scene:
    depth = scene.read_depth()
    intrinsics = None if depth is None else scene.depth_intrinsics(depth)
    if depth is None or intrinsics is None:
        raise InputError(f"{scene.source}: boxes cannot be measured without depth and intrinsics")
    with_mask = [item for item in scene.objects if item.mask is not None]
    masks = [np.asarray(item.mask.decode()) for item in with_mask if item.mask is not None]
    if masks and masks[0].shape != depth.shape:
        raise InputError(
            f"{scene.source}: masks of {masks[0].shape} need a depth of that size, not {depth.shape}"
        )
    own = dict(
        zip([i.id for i in with_mask], subtract_contained(np.stack(masks)) if masks else [], strict=True)
    )
    level = scene.camera.level_from_camera
    firm = ~between_surfaces(depth)

    def again(item: SceneObject) -> SceneObject:
        nothing = {"centre": None, "extent": None, "surface_mean": None, "points": None, "point_count": None}
        blank = item.model_copy(update={**nothing, "complete": False})
        if item.has_front is False:
            blank = blank.model_copy(update={"rotation": None})
        if item.id not in own:
            return blank
        points = lift(depth, intrinsics, own[item.id] & firm)
        if not len(points):
            return blank
        rotation = None if blank.rotation is None else np.array(blank.rotation)
        if rotation is not None and item.rotation_frame == "level":
            rotation = None if level is None else level.T @ rotation
        box = measure_box(clean(points).points, rotation, level_from_camera=level, trim_percent=trim_percent)
        return blank.model_copy(
            update={
                "centre": box.centre,
                "extent": box.extent,
                "surface_mean": box.surface_mean,
                "point_count": box.point_count,
            }
        )

    return scene.changed(objects=tuple(again(item) for item in scene.objects))
