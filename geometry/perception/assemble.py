"""Build a scene from what the parts saw: one box in 3D per object, and the source of every value."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.errors import InputError
from genspace.geometry.camera import Intrinsics
from genspace.geometry.clean import clean
from genspace.geometry.detections import assign, subtract_contained
from genspace.geometry.frames import (
    heading_from_azimuth,
    level_from_camera,
    pitch_roll_from_gravity,
    rotation_from_orientation,
    rotation_y,
)
from genspace.geometry.lift import between_surfaces, lift
from genspace.geometry.measure import measure_box
from genspace.geometry.perception._parts import Arrays, StageView, source_of
from genspace.geometry.perception.crops import box_ray
from genspace.geometry.perception.labels import Wanted, canonical
from genspace.geometry.perception.truth import nearest
from genspace.geometry.scene import MIN_SIZE_M, Camera, Mask, Orientation, Pair, Scene, SceneObject, Sources
from genspace.geometry.scene_files import encode_depth, write_scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Assembly", "BuiltScene", "MemoryFiles", "build_pair", "build_scene"]

UPRIGHT_WITHIN_DEG = 30.0
"""An object whose estimated up axis is this near to the vertical is taken to stand: its heading alone is kept."""
TRIM_PERCENT = 0.5
"""Cut off at each end of an extent: estimated depth has tails."""
SAME_PIXEL = 12.0
"""Median difference of colour (0 to 255) up to which two backgrounds are one."""
MIN_BACKGROUND = 0.2
"""Share of the pixels that must lie outside the objects for backgrounds to be compared."""

Vector = tuple[float, float, float]
_LEVEL_AWAY = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
"""R_level_from_object of an upright object that faces away from the camera: heading 0."""


@dataclass(frozen=True)
class Assembly:
    """Settings for building scenes, besides what the parts saw."""

    parts: Mapping[str, str] = field(default_factory=dict)
    """Name of the part that served each stage; kept in the scene."""
    trim_percent: float = TRIM_PERCENT
    upright_within_deg: float = UPRIGHT_WITHIN_DEG
    """0: the estimator's full rotation is always kept."""


@dataclass(frozen=True)
class MemoryFiles:
    """Side files of a scene that is not on disk."""

    contents: Mapping[str, bytes]

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` if absent."""
        if name not in self.contents:
            raise InputError(f"{name}: not among the scene's files ({', '.join(self.contents) or 'none'})")
        return self.contents[name]

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        return name in self.contents


@dataclass(frozen=True)
class BuiltScene:
    """A scene with its side files."""

    scene: Scene
    files: MemoryFiles

    def write(self, path: Path) -> None:
        """Write the scene file and its side files beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        for name, data in self.files.contents.items():
            (path.parent / name).write_bytes(data)
        write_scene(self.scene, path)


def build_scene(
    view: StageView,
    wanted: Sequence[Wanted],
    *,
    image: str | None = None,
    stem: str = "scene",
    assembly: Assembly | None = None,
) -> BuiltScene:
    """Return the scene of a view that every stage has seen.

    `wanted` binds detections to ids by their scores alone; what was not found is not in the scene. `image` is the
    name to keep, `stem` begins the names of side files. Pixels are those of the image file.
    """
    assembly = assembly or Assembly()
    known = view.known
    pitch_deg, roll_deg = pitch_roll_from_gravity(known["gravity"])
    kinds = [canonical(view.labels[i]) for i in known["label"]]
    chosen = assign(kinds, known["score"].tolist(), [(w.kind, w.number) for w in wanted])
    masks = subtract_contained(known["masks"])
    files: dict[str, bytes] = {}
    objects = []
    for item, index in zip(wanted, chosen, strict=True):
        if index is not None:
            record, points = _object(item, index, view, masks[index], assembly)
            if len(points):
                name = f"{stem}.{_file_name(item.id)}.npz"
                files[name] = _npz(points)
                record = record.model_copy(update={"points": name})
            objects.append(record)
    depth_name = f"{stem}.depth.png"
    files[depth_name], depth_scale = encode_depth(known["depth"])
    rx, ry = view.picture.reduction
    intrinsics = Intrinsics.from_matrix(known["K"]).scaled(rx, ry)
    extra = {"perception": dict(assembly.parts)} if assembly.parts else {}
    scene = Scene(
        image=image,
        width=view.picture.width,
        height=view.picture.height,
        camera=Camera(
            fx=intrinsics.fx,
            fy=intrinsics.fy,
            cx=intrinsics.cx,
            cy=intrinsics.cy,
            pitch_deg=pitch_deg,
            roll_deg=roll_deg,
            intrinsics_source=view.source("K"),
            gravity_source=view.source("gravity"),
        ),
        objects=tuple(objects),
        depth=depth_name,
        depth_scale=depth_scale,
        depth_source=view.source("depth"),
        detections=sum(kind in {w.kind for w in wanted} for kind in kinds),
    ).changed(**extra)
    memory = MemoryFiles(files)
    return BuiltScene(scene.with_files(memory, source=image or stem), memory)


def _object(
    item: Wanted, index: int, view: StageView, mask: NDArray[np.bool_], assembly: Assembly
) -> tuple[SceneObject, NDArray[np.float64]]:
    known = view.known
    level = level_from_camera(*pitch_roll_from_gravity(known["gravity"]))
    raw = _raw_orientation(known, index)
    has_front = _has_front(known, index)
    rotation = None
    if has_front is not False and not np.isnan(known["azimuth_deg"][index]):
        azimuth_deg, ray = float(known["azimuth_deg"][index]), _vector(known["ray"][index])
        rotation = _rotation(azimuth_deg, ray, raw, level, assembly.upright_within_deg)
    seen, theirs = _seen_whole(view, index)
    rotation = seen.get("rotation", rotation)
    firm = mask & ~between_surfaces(known["depth"])
    points = clean(lift(known["depth"], Intrinsics.from_matrix(known["K"]), firm)).points
    measured, origins = _measured(points, rotation, level, view, assembly)
    own = {**measured, **{key: _vector(value) for key, value in seen.items() if key != "rotation"}}
    confidence = float(known["confidence"][index])
    rx, ry = view.picture.reduction
    left, top, right, bottom = map(float, known["boxes"][index] * np.array([rx, ry, rx, ry]))
    sources = {
        "box": view.sources("boxes")[index],
        "mask": view.sources("masks")[index],
        **({} if rotation is None else {"rotation": view.sources("azimuth_deg")[index]}),
        **origins,
        **theirs,
    }
    record = SceneObject(
        id=item.id,
        label=item.label,
        rotation_confidence=None if rotation is None or math.isnan(confidence) else confidence,
        has_front=has_front,
        orientation_raw=raw,
        detection_confidence=float(known["score"][index]),
        box=(left, top, right, bottom),
        mask=Mask.from_array(nearest(mask, (view.picture.height, view.picture.width))),
        point_count=None if "centre" in seen else len(points),
        sources=Sources(**sources),
        centre=own.get("centre"),
        extent=own.get("extent"),
        surface_mean=own.get("surface_mean"),
        rotation=None if rotation is None else _matrix(rotation),
    )
    return record, points


def _measured(
    points: NDArray[np.float64],
    rotation: NDArray[np.float64] | None,
    level: NDArray[np.float64],
    view: StageView,
    assembly: Assembly,
) -> tuple[dict[str, Vector], dict[str, str]]:
    """Measure an object's box from its points; return its fields and their sources.

    Points at a guessed depth have a place, which is a guess too, but no size: the depth may rest on one.
    """
    if not len(points):
        return {}, {}
    box = measure_box(points, rotation, level_from_camera=level, trim_percent=assembly.trim_percent)
    depth = view.source("depth")
    measured = {"centre": box.centre, "surface_mean": box.surface_mean}
    if view.guessed("depth"):
        return measured, {"centre": depth, "extent": f"unknown: the depth is a {depth}"}
    if min(box.extent) < MIN_SIZE_M:
        return measured, {"centre": f"points at the depth by {depth}"}
    points_at = f"points at the depth by {depth}"
    return {**measured, "extent": box.extent}, {"centre": points_at, "extent": points_at}


def _seen_whole(view: StageView, index: int) -> tuple[Arrays, dict[str, str]]:
    """Return an object's box from a part that sees boxes in 3D, and its sources."""
    seen, origins = {}, {}
    for key in ("centre", "extent", "rotation"):
        if key in view.known and not np.isnan(view.known[key][index]).any():
            seen[key] = view.known[key][index]
            origins[key] = view.sources(key)[index]
    return seen, origins


def _raw_orientation(known: Mapping[str, NDArray[Any]], index: int) -> Orientation | None:
    """Return the estimator's own answer where it is complete."""
    angles = [known[key][index] if key in known else math.nan for key in _ANGLES]
    if np.isnan(angles).any():
        return None
    azimuth_deg, polar_deg, rotation_deg = map(float, angles)
    return Orientation(
        azimuth_deg=azimuth_deg,
        polar_deg=polar_deg,
        rotation_deg=rotation_deg,
        ray=_vector(known["ray"][index]),
    )


_ANGLES = ("azimuth_deg", "polar_deg", "rotation_deg")


def _has_front(known: Mapping[str, NDArray[Any]], index: int) -> bool | None:
    """Return whether the object has a front; None where the part does not say or does not know."""
    said = int(known["has_front"][index]) if "has_front" in known else -1
    return None if said < 0 else bool(said)


def _rotation(
    azimuth_deg: float,
    ray: Vector,
    raw: Orientation | None,
    level: NDArray[np.float64],
    upright_within_deg: float,
) -> NDArray[np.float64]:
    """Return R_camera_from_object; from the heading alone where only that is known, or where the object is upright.

    The polar and in-plane angles of a standing object carry only the estimator's error, and through the ray's tilt
    would also turn its heading.
    """
    if raw is not None:
        full = rotation_from_orientation(azimuth_deg, raw.polar_deg, raw.rotation_deg, ray=ray)
        up = level @ full[:, 1]
        if math.degrees(math.acos(min(1.0, max(-1.0, -float(up[1]))))) >= upright_within_deg:
            return full
    heading = heading_from_azimuth(azimuth_deg, (level @ np.array(ray)).tolist())
    standing: NDArray[np.float64] = level.T @ rotation_y(heading) @ _LEVEL_AWAY
    return standing


def _vector(values: Any) -> Vector:
    x, y, z = values
    return float(x), float(y), float(z)


def _matrix(rows: Any) -> tuple[Vector, Vector, Vector]:
    x, y, z = map(_vector, rows)
    return x, y, z


def _file_name(item_id: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in item_id)


def _npz(points: NDArray[np.float64]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, xyz=points.astype(np.float32))
    return stream.getvalue()


def build_pair(
    before: StageView, after: StageView, wanted: Sequence[Wanted], *,
    names: tuple[str | None, str | None] = (None, None), assembly: Assembly | None = None,
) -> Pair:  # fmt: skip
    """Return the scenes before and after an edit, in one camera where the background says that it stood still.

    Where the pixels outside all objects stayed the same, the camera of the image before is taken for both; what was
    assumed stands in the pair (`assumed`) and in the cameras' sources. The scale between the depths is measured by
    the rules, from the depth outside the masks.
    """
    difference = background_difference(before, after)
    still = difference is not None and difference <= SAME_PIXEL
    if still:
        shared = {key: before.known[key] for key in ("K", "gravity")}
        rays = [box_ray(box, shared["K"]) for box in after.known["boxes"]]
        sources = {source_of(key): np.array(f"{before.source(key)}, as before the edit") for key in shared}
        shared["ray"] = np.array(rays).reshape(-1, 3)
        after = replace(after, known={**after.known, **shared, **sources})
        assumed = f"the camera stood still: the background differs by {difference:.1f} of 255 (median)"
    elif difference is None:
        assumed = "nothing about the camera: too little background outside the objects, or another image size"
    else:
        assumed = f"nothing about the camera: the background differs by {difference:.1f} of 255 (median)"
    scenes = [
        build_scene(view, wanted, image=name, stem=stem, assembly=assembly)
        for view, name, stem in ((before, names[0], "before"), (after, names[1], "after"))
    ]
    pair = Pair(
        before=scenes[0].scene,
        after=scenes[1].scene,
        camera="static" if still else "unknown",
    ).changed(assumed=assumed)
    files = MemoryFiles({**scenes[0].files.contents, **scenes[1].files.contents})
    return pair.with_files(files, source="the pair of images")


def background_difference(before: StageView, after: StageView) -> float | None:
    """Return the median difference of colour (0 to 255) outside all objects; None: too little to compare."""
    if before.size != after.size:
        return None
    outside = ~before.known["masks"].any(axis=0) & ~after.known["masks"].any(axis=0)
    if outside.mean() < MIN_BACKGROUND:
        return None
    a, b = before.pixels[outside].astype(float), after.pixels[outside].astype(float)
    return float(np.median(np.abs(a - b).mean(axis=1)))
