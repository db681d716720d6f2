"""Find what a scene cannot mean: misspelt keys, other units, other axes, boxes that show something else.

Each check is a rule of thumb about one mistake that is easily made when scenes are written by hand or converted; none
of them makes a scene invalid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from genspace.errors import InputError
from genspace.geometry.boxes import Box
from genspace.geometry.camera import project
from genspace.geometry.detections import box_iou
from genspace.geometry.scene import Camera, Orientation, Scene, SceneObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Doubt", "doubts"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something in a scene that is probably a mistake."""

    field: str
    message: str
    value: object = None


def doubts(scene: Scene) -> Iterator[Doubt]:
    """Yield what is probably a mistake in a scene. Side files are checked where they can be read."""
    for check in _SCENE_CHECKS:
        yield from check(scene)
    for index, item in enumerate(scene.objects):
        here = f"objects[{index}] ({item.id})"
        for of_object in _OBJECT_CHECKS:
            for doubt in of_object(scene, item):
                yield Doubt(f"{here}.{doubt.field}".rstrip("."), doubt.message, doubt.value)


# Keys -------------------------------------------------------------------------------------------------------------

_FOREIGN: Mapping[type[BaseModel], Mapping[str, str]] = {
    Scene: {"camera": "K intrinsics", "objects": "annotations detections"},
    Camera: {
        "fx and fy": "f focal focal_length fov fov_deg",
        "fx, fy, cx and cy": "K intrinsics",
        "pitch_deg": "pitch pitch_rad",
        "roll_deg": "roll roll_rad",
        "height_m": "height",
    },
    SceneObject: {
        "id": "name",
        "label": "category class",
        "centre": "location position translation",
        "extent": "dimensions dims extents size sizes",
        "rotation": "R heading_deg orientation yaw",
        "detection_confidence": "confidence score",
        "box": "bbox bbox_2d",
        "mask": "segmentation",
        "visible_fraction": "visibility",
    },
    Orientation: {"azimuth_deg": "azimuth", "polar_deg": "polar", "rotation_deg": "rotation"},
}
"""Keys, and what other formats call them."""


def _keys(record: BaseModel, where: str) -> Iterator[Doubt]:
    known = type(record).model_fields
    for key in record.model_extra or {}:
        foreign = _FOREIGN.get(type(record), {})
        meant = next((ours for ours, theirs in foreign.items() if key in theirs.split()), None)
        close = [meant] if meant else get_close_matches(key, known, n=1, cutoff=0.75)
        if close:
            yield Doubt(
                f"{where}{key}", f"is not a key of this format and is not read; did you mean {close[0]}?"
            )


def _own_keys(scene: Scene) -> Iterator[Doubt]:
    yield from _keys(scene, "")
    yield from _keys(scene.camera, "camera.")


def _object_keys(_scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    yield from _keys(item, "")
    if item.orientation_raw is not None:
        yield from _keys(item.orientation_raw, "orientation_raw.")


# The camera -------------------------------------------------------------------------------------------------------

FIELD_OF_VIEW_DEG = (3.0, 160.0)


def _angles(scene: Scene) -> Iterator[Doubt]:
    for name, most in (("pitch_deg", 90.0), ("roll_deg", 180.0)):
        value = getattr(scene.camera, name)
        if value is not None and abs(value) > most:
            yield Doubt(f"camera.{name}", f"lies between −{most:g} and {most:g} degrees", value)


def _optics(scene: Scene) -> Iterator[Doubt]:
    camera = scene.camera
    for focal, side, names in ((camera.fx, scene.width, "fx"), (camera.fy, scene.height, "fy")):
        if focal is None:
            continue
        angle = math.degrees(2 * math.atan2(side, 2 * focal))
        if not FIELD_OF_VIEW_DEG[0] <= angle <= FIELD_OF_VIEW_DEG[1]:
            message = f"is a field of view of {angle:.3g}°; focal lengths are in pixels of the image"
            yield Doubt(f"camera.{names}", message, focal)
    if camera.fx and camera.fy and not 0.5 <= camera.fx / camera.fy <= 2:
        yield Doubt("camera.fy", f"is far from fx = {camera.fx:g}", camera.fy)
    for name, side in (("cx", scene.width), ("cy", scene.height)):
        value = getattr(camera, name)
        if value is not None and not 0 < value < side:
            yield Doubt(
                f"camera.{name}", f"the principal point lies outside the image, 0 to {side} px", value
            )
    if camera.height_m is not None and not 0 < camera.height_m < 200:
        yield Doubt("camera.height_m", "is the camera's height above the floor in metres", camera.height_m)


# Objects ----------------------------------------------------------------------------------------------------------

FARTHEST_M = 1000.0
LARGEST_M = 120.0
NEAREST_M = 0.02
MOSTLY_SEEN = 0.5
"""Visible share below which an object's centre may lie outside the box of its visible part."""


def _units(_scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    if item.centre is not None:
        far = math.hypot(*item.centre)
        if far > FARTHEST_M or far < NEAREST_M:
            yield Doubt("centre", f"is {far:.4g} m from the camera; places are in metres", item.centre)
    if item.extent is not None and max(item.extent) > LARGEST_M:
        yield Doubt("extent", f"is {max(item.extent):.4g} m long; sizes are in metres", item.extent)


def _behind(_scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    if item.centre is not None and item.centre[2] <= 0:
        yield Doubt("centre", "lies behind the camera; z points forward, y down", item.centre)


def _in_its_box(scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    """The centre is seen in the object's own box in the image, and the box in 3D is as large as that one."""
    intrinsics = scene.camera.intrinsics
    if intrinsics is None or item.box is None or item.centre is None or item.centre[2] <= 0:
        return
    left, top, right, bottom = item.box
    u, v = project(np.array(item.centre), intrinsics)
    off = max(left - u, u - right, top - v, v - bottom)
    longer = max(right - left, bottom - top)
    in_part = item.truncated or (item.visible_fraction or 1.0) < MOSTLY_SEEN  # boxes hold what is seen
    if not in_part and off > 0.25 * longer:
        metres = off * item.centre[2] / intrinsics.fx
        message = f"is seen at ({u:.0f}, {v:.0f}), {metres:.2g} m outside the object's own box in the image"
        yield Doubt("centre", message, item.centre)
    elif item.extent is not None and not in_part:
        seen = max(item.extent) * intrinsics.fx / item.centre[2]
        if not 0.2 < seen / longer < 5:
            message = f"would fill about {seen:.0f} px at its distance, but its box in the image has {longer:.0f} px"
            yield Doubt("extent", message, item.extent)


def _upright(scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    if item.rotation is None:
        return
    up = np.array([row[1] for row in item.rotation])
    level = scene.camera.level_from_camera
    if item.rotation_frame == "camera" and level is not None:
        up = level @ up
    elif item.rotation_frame == "camera":
        return
    tilt = math.degrees(math.acos(min(1.0, max(-1.0, -float(up[1])))))
    if tilt > 120:
        yield Doubt(
            "rotation", f"puts the object upside down: its up axis is {tilt:.0f}° from up; y points down"
        )


def _usual_size(_scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    from genspace.geometry.benchmark import categories
    from genspace.geometry.predicates import indefinite

    category = categories().get((item.label or item.id).lower())
    if category is None or item.extent is None:
        return
    largest = max(item.extent)
    usual = max(r.high for r in (category.length, category.height, category.width))
    if not 0.2 < largest / usual < 5:
        yield Doubt(
            "extent",
            f"is {largest:.3g} m at most; {indefinite(category.name)} usually has up to {usual:g} m",
            item.extent,
        )


def _pixels(scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    if item.mask is not None and tuple(item.mask.size) != (scene.height, scene.width):
        message = f"has the size {item.mask.size}, the image ({scene.height}, {scene.width})"
        yield Doubt("mask.size", message)
    elif item.mask is not None and item.box is not None:
        rows, columns = np.nonzero(item.mask.decode())
        if not len(rows):
            yield Doubt("mask", "is empty")
            return
        around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        if box_iou([around], [item.box])[0, 0] < 0.2:
            yield Doubt(
                "mask", f"lies at {[int(x) for x in around]}, elsewhere than the object's box", item.box
            )
    border = (
        min(item.box[0], item.box[1], scene.width - item.box[2], scene.height - item.box[3])
        if item.box
        else 0
    )
    if item.truncated and item.box and border > 0.05 * max(scene.width, scene.height):
        yield Doubt("truncated", "is true, but the box keeps away from the image's border", item.box)


def _surface(scene: Scene, item: SceneObject) -> Iterator[Doubt]:
    """The depth in the object's mask is about the distance of its centre."""
    depth = _depth(scene)
    if depth is None or item.mask is None or item.centre is None or item.centre[2] <= 0:
        return
    if depth.shape != tuple(item.mask.size):
        return
    inside = depth[item.mask.decode()]
    inside = inside[inside > 0]
    reach = max(item.extent) if item.extent else 0.5 * item.centre[2]
    if len(inside) >= 10 and abs(float(np.median(inside)) - item.centre[2]) > max(2 * reach, 0.5):
        message = (
            f"is {item.centre[2]:.3g} m away, but the depth in its mask is {float(np.median(inside)):.3g} m"
        )
        yield Doubt("centre", message)


def _depth(scene: Scene) -> NDArray[np.float32] | None:
    depth: NDArray[np.float32] | None = scene.remember("depth, for doubts", _read_depth)
    return depth


def _read_depth(scene: Scene) -> Any:
    try:
        return scene.read_depth()
    except InputError:
        return None  # said by those who check side files


def _whole_depth(scene: Scene) -> Iterator[Doubt]:
    depth = _depth(scene)
    known = depth[depth > 0] if depth is not None else np.zeros(0)
    if len(known) and not 0.05 < float(np.median(known)) < 500:
        message = f"gives a median depth of {float(np.median(known)):.3g} m; it is metres per step of the depth image"
        yield Doubt("depth_scale", message, scene.depth_scale)


def _apart(scene: Scene) -> Iterator[Doubt]:
    """No two objects of one kind are the same one."""
    for i, a in enumerate(scene.objects):
        for j, b in enumerate(scene.objects[:i]):
            if a.centre is not None and a.centre == b.centre and a.label == b.label:
                yield Doubt(f"objects[{i}] ({a.id}).centre", f"is that of objects[{j}] ({b.id})", a.centre)
            elif _inside(a, b) and a.label == b.label:
                yield Doubt(f"objects[{i}] ({a.id})", f"lies inside objects[{j}] ({b.id}), of the same kind")


def _inside(a: SceneObject, b: SceneObject) -> bool:
    """Whether one object's centre lies in the inner half of another's box."""
    if a.centre is None or b.centre is None or b.extent is None or b.rotation is None:
        return False
    if b.rotation_frame != "camera":
        return False
    front, up, right = (side / 2 for side in b.extent)
    nearest = Box(b.centre, (front, up, right), b.rotation).nearest(a.centre)
    return math.dist(nearest, a.centre) < 1e-9


_SCENE_CHECKS: tuple[Callable[[Scene], Iterator[Doubt]], ...] = (
    _own_keys,
    _angles,
    _optics,
    _whole_depth,
    _apart,
)
_OBJECT_CHECKS: tuple[Callable[[Scene, SceneObject], Iterator[Doubt]], ...] = (
    _object_keys, _units, _behind, _in_its_box, _upright, _usual_size, _pixels, _surface,
)  # fmt: skip
