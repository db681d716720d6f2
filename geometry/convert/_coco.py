"""COCO: instances, results, and boxes in 3D as Omni3D and Cube R-CNN write them.

Omni3D (Brazil et al. 2023): `center_cam` is the box's centre in the camera's frame (x right, y down, z forward), in
metres; `dimensions` are width, height and length; `R_cam` (in results `pose`) takes the box's axes to the camera's: x
runs along the length, y down along the height, z along the width. A scene's axes are front, up and right: x, −y, −z.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.geometry.convert._views import CameraView, Log, Reader, level_camera, scenes_by_image
from genspace.geometry.frames import is_rotation
from genspace.geometry.scene import Scene

MAX_SIDE = 50_000
"""Largest width or height of an image, in pixels."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Image(_Lenient, extra="allow"):
    id: int | str
    file_name: str | None = None
    file_path: str | None = None
    """Omni3D's name for it."""
    width: int = Field(gt=0, le=MAX_SIDE)
    height: int = Field(gt=0, le=MAX_SIDE)
    K: tuple[tuple[float, ...], ...] | None = None
    """Camera matrix, 3 × 3 (Omni3D)."""


class _CocoCategory(_Lenient, extra="allow"):
    id: int | str
    name: str


Four = tuple[float, float, float, float]
Three = tuple[float, float, float]


class _Annotation(BaseModel):
    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    image_id: int | str
    category_id: int | str
    bbox: Four | None = None
    """Left, top, width, height."""
    bbox2D_tight: Four | None = None  # noqa: N815 - Omni3D's names: left, top, right, bottom; −1: unknown
    bbox2D_trunc: Four | None = None  # noqa: N815
    bbox2D_proj: Four | None = None  # noqa: N815
    segmentation: list[list[float]] | dict[str, Any] | None = None
    """Polygons, or a run-length encoding."""
    score: float | None = Field(default=None, ge=0, le=1)
    center_cam: Three | None = None
    dimensions: Three | None = None
    R_cam: tuple[Three, Three, Three] | None = None
    pose: tuple[Three, Three, Three] | None = None
    truncation: float | None = None
    visibility: float | None = None
    valid3D: bool | None = None  # noqa: N815
    behind_camera: bool | None = None

    @property
    def boxes(self) -> dict[str, Four]:
        """Left, top, right, bottom by the name of the box, of those that are known; the first is the object's."""
        named = {
            name: getattr(self, name) for name in ("bbox", "bbox2D_tight", "bbox2D_trunc", "bbox2D_proj")
        }
        known = {
            name: box for name, box in named.items() if box is not None and (name == "bbox" or max(box) > 0)
        }
        if self.bbox is not None:
            left, top, width, height = self.bbox
            known["bbox"] = (left, top, left + width, top + height)
        return known

    @property
    def in_3d(self) -> bool:
        """Whether its box in 3D is known and in front of the camera."""
        return (
            self.center_cam is not None
            and self.center_cam[2] > 0
            and self.valid3D is not False
            and not self.behind_camera
        )


class _Coco(_Lenient, extra="allow"):
    images: list[_Image]
    categories: list[_CocoCategory]
    annotations: list[Any] = []


def coco_reader(path: Path, *, annotations: Path | None = None, fronts: bool, level: bool) -> Reader:
    """Return the reader of a COCO file: instances, or results, with the `annotations` that name their images."""
    document = _load(path)
    if isinstance(document, list):
        if annotations is None:
            raise InputError(
                f"{path}: holds results alone; name the file with images and categories too: `annotations` FILE.json"
            )
        named = _load(annotations)
        if not isinstance(named, dict):
            raise InputError(f"{annotations}: expected a JSON object with images and categories")
        document = {**named, "annotations": document}
    return _reader(document, str(path), fronts=fronts, level=level)


def scenes_from_coco(
    document: Any, *, file: str = "coco", fronts: bool = False, level: bool = False
) -> list[tuple[str, Scene]]:
    """Return (image name, scene) of each image of a COCO document.

    Errors: `InvalidFilesError` with every problem.

    >>> coco = {
    ...     "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 50}],
    ...     "categories": [{"id": 7, "name": "cat"}],
    ...     "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 5, 20, 30]}],
    ... }
    >>> (name, scene), = scenes_from_coco(coco)
    >>> name, scene.objects[0].id, scene.objects[0].box
    ('a.jpg', 'cat', (10.0, 5.0, 30.0, 35.0))
    """
    return scenes_by_image(_reader(document, file, fronts=fronts, level=level), file)


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None


def _reader(document: Any, file: str, *, fronts: bool, level: bool) -> Reader:
    try:
        coco = _Coco.model_validate(document)
    except ValidationError as error:
        raise InvalidFilesError([_problem(file, e) for e in error.errors(include_url=False)]) from None
    names = {c.id: c.name for c in coco.categories}
    images = {i.id: i for i in coco.images}
    rows: dict[int | str, list[int]] = {i.id: [] for i in coco.images}
    unkept = sorted({*(coco.model_extra or {})}.union(*(c.model_extra or {} for c in coco.categories)))
    strays = []
    for row, annotation in enumerate(coco.annotations):
        image_id = annotation.get("image_id") if isinstance(annotation, dict) else None
        rows[image_id].append(row) if image_id in rows else strays.append(row)

    def views(log: Log) -> Iterator[CameraView]:
        log.written = "left, top, width, height, as COCO has them"
        if unkept:
            log.notes[f"{', '.join(unkept)} of the whole file were left out: each scene is of one image"] = 1
        for row in strays:
            checked = _checked(coco.annotations[row], row, file, log)
            if checked is not None:
                where = f"annotations[{row}].image_id"
                log.problems.append(
                    Problem(file, "no image has this id", field=where, value=checked.image_id)
                )
        for image in images.values():
            found = []
            for row in rows[image.id]:
                annotation = _checked(coco.annotations[row], row, file, log)
                if annotation is None:
                    continue
                if annotation.category_id not in names:
                    where = f"annotations[{row}].category_id"
                    log.problems.append(
                        Problem(file, "no category has this id", field=where, value=annotation.category_id)
                    )
                    continue
                thing = _thing(annotation, names[annotation.category_id], fronts=fronts, log=log)
                try:
                    thing["mask"] = _mask(annotation.segmentation, image)
                except (ValueError, TypeError, KeyError, IndexError) as error:
                    log.problems.append(
                        Problem(
                            file, f"not a segmentation ({error})", field=f"annotations[{row}].segmentation"
                        )
                    )
                found.append(thing)
            yield CameraView(
                image=image.file_name or image.file_path or "",
                width=image.width,
                height=image.height,
                objects=found,
                camera=_camera(image, level=level, log=log),
                extra={"coco": image.model_extra} if image.model_extra else {},
            )

    return views


def _checked(annotation: Any, row: int, file: str, log: Log) -> _Annotation | None:
    try:
        return _Annotation.model_validate(annotation)
    except ValidationError as error:
        log.problems += [_problem(file, e, f"annotations[{row}]") for e in error.errors(include_url=False)]
        return None


def _camera(image: _Image, *, level: bool, log: Log) -> dict[str, Any] | None:
    if image.K is None:
        return None
    (fx, _, cx), (_, fy, cy), _ = image.K
    camera = {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "intrinsics_source": "the COCO file's K"}
    if level:
        return level_camera(camera)
    log.notes["which way is down is not known in {n} image(s): say `level` where the camera was level"] += 1
    return camera


def _thing(annotation: _Annotation, label: str, *, fronts: bool, log: Log) -> dict[str, Any]:
    """Return an annotation as an object of a scene; keys that a scene does not know are kept under `coco`."""
    (_, box), *others = annotation.boxes.items() or [("", None)]
    partly = {"truncation": cut} if (cut := annotation.truncation) is not None and 0 < cut < 1 else {}
    thing: dict[str, Any] = {
        "label": label,
        "box": box,
        "detection_confidence": annotation.score,
        "coco": {**(annotation.model_extra or {}), **dict(others), **partly} or None,
    }
    if annotation.truncation is not None and annotation.truncation >= 0:
        thing["truncated"] = annotation.truncation > 0
    if annotation.visibility is not None and 0 <= annotation.visibility <= 1:
        thing["visible_fraction"] = annotation.visibility
    if not annotation.in_3d:
        if annotation.center_cam is not None:
            log.notes["{n} box(es) in 3D are not valid or behind the camera, and were left out"] += 1
        return thing
    thing["centre"] = annotation.center_cam
    rows = annotation.R_cam or annotation.pose
    if rows is None or not is_rotation(rows):
        log.notes["{n} box(es) in 3D have no orientation, so only their centres were taken"] += 1
        return thing
    thing["rotation"] = [[row[0], -row[1], -row[2]] for row in rows]
    if annotation.dimensions is not None and min(annotation.dimensions) > 0:
        width, height, length = annotation.dimensions
        thing |= {"extent": (length, height, width), "complete": True}
    if not fronts:
        thing["rotation_confidence"] = 0.0
        log.notes[
            "{n} object(s) have boxes in 3D whose first axis is not taken for the front: say `fronts` where it is"
        ] += 1
    return thing


def _problem(file: str, error: Any, where: str = "") -> Problem:
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    value = error["input"] if isinstance(error["input"], str | int | float) else None
    return Problem(file, error["msg"], field=f"{where}{parts}".lstrip(".") or None, value=value)


def _mask(
    segmentation: list[list[float]] | dict[str, Any] | None, image: _Image
) -> dict[str, list[int] | str] | None:
    """Return the mask as a scene file has it: compressed run lengths of the image's size."""
    from pycocotools import mask as coco

    if not segmentation:
        return None
    size = (image.height, image.width)
    # pycocotools is C code that trusts its input: what does not fit the image never reaches it.
    if isinstance(segmentation, list):
        limits = (float(image.width), float(image.height))
        polygons = [
            [min(max(value, 0.0), limits[i % 2]) for i, value in enumerate(points)] for points in segmentation
        ]
        if any(len(points) < 6 or len(points) % 2 for points in polygons):
            raise ValueError("a polygon needs at least three points, x and y in turn")
        encoded = coco.merge(coco.frPyObjects(polygons, *size))  # pyright: ignore[reportArgumentType, reportCallIssue]
    elif isinstance(segmentation["counts"], list):
        runs = segmentation["counts"]
        if not all(isinstance(n, int) and n >= 0 for n in runs) or sum(runs) != image.width * image.height:
            raise ValueError("the run lengths must add up to the image's pixels")
        encoded = coco.frPyObjects({"counts": runs, "size": list(size)}, *size)  # pyright: ignore[reportArgumentType, reportCallIssue]
    else:
        encoded = segmentation
    counts = encoded["counts"]
    return {"size": list(encoded["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}
