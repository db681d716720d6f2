"""Scene files from what others have: COCO annotations, and plain tables of boxes. They know nothing of depth."""

from __future__ import annotations

import json
import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.geometry.image_boxes import box_fault
from genspace.geometry.scene import Scene
from genspace.geometry.scene_files import SCENE_SUFFIX, parse_document, write_scene
from genspace.tables import parse_numbers, read_table, require_columns

if TYPE_CHECKING:
    from genspace.tables import Table

__all__ = ["convert", "scenes_from_boxes", "scenes_from_coco"]

log = logging.getLogger(__name__)

Named = tuple[str, Scene]
"""Name of the image, relative to the folder of the images, and its scene."""

BOX_COLUMNS = ("image", "width", "height", "label", "left", "top", "right", "bottom")
"""Columns of a table of boxes, in pixels; `score` and `id` may be added."""


def convert(path: Path, out: Path) -> list[Path]:
    """Write one scene file per image of a COCO file (`.json`) or a table of boxes (CSV, TSV, JSONL, Parquet).

    Scene files stand in `out` as the images stand in their folder, so `out` may be that folder. Returns their paths.
    Errors: `InputError` for an unreadable file, `InvalidFilesError` with every problem; then nothing is written.
    """
    if path.suffix.lower() == ".json":
        try:
            document = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: not readable as JSON ({error})") from None
        scenes = scenes_from_coco(document, file=str(path))
    else:
        scenes = scenes_from_boxes(read_table(path))
    written = []
    for image, scene in scenes:
        target = out / PurePosixPath(image).with_suffix(SCENE_SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_scene(scene, target)
        written.append(target)
    return written


# COCO ------------------------------------------------------------------------------------------------------------


MAX_SIDE = 50_000
"""Largest width or height of an image, in pixels."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class _Image(_Lenient):
    id: int | str
    file_name: str
    width: int = Field(gt=0, le=MAX_SIDE)
    height: int = Field(gt=0, le=MAX_SIDE)


class _Category(_Lenient):
    id: int | str
    name: str


class _Annotation(_Lenient):
    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    """Left, top, width, height."""
    segmentation: list[list[float]] | dict[str, Any] | None = None
    """Polygons, or a run-length encoding."""
    score: float | None = Field(default=None, ge=0, le=1)


class _Coco(_Lenient):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


def scenes_from_coco(document: Any, *, file: str = "coco") -> list[Named]:
    """Return the scene of each image of a COCO instances file: boxes, masks, and confidences where it has them.

    Errors: `InvalidFilesError` with every problem.
    """
    try:
        coco = _Coco.model_validate(document)
    except ValidationError as error:
        raise InvalidFilesError([_problem(file, e) for e in error.errors(include_url=False)]) from None
    names = {c.id: c.name for c in coco.categories}
    images = {i.id: i for i in coco.images}
    problems: list[Problem] = []
    found: dict[int | str, list[dict[str, Any]]] = {i.id: [] for i in coco.images}
    for row, annotation in enumerate(coco.annotations):
        where = f"annotations[{row}]"
        image = images.get(annotation.image_id)
        if image is None:
            problems.append(
                Problem(file, "no image has this id", field=f"{where}.image_id", value=annotation.image_id)
            )
        elif annotation.category_id not in names:
            value = annotation.category_id
            problems.append(
                Problem(file, "no category has this id", field=f"{where}.category_id", value=value)
            )
        else:
            left, top, width, height = annotation.bbox
            thing: dict[str, Any] = {
                "label": names[annotation.category_id],
                "box": (left, top, left + width, top + height),
                "detection_confidence": annotation.score,
            }
            try:
                thing["mask"] = _mask(annotation.segmentation, image)
            except (ValueError, TypeError, KeyError, IndexError) as error:
                problems.append(Problem(file, f"not a segmentation ({error})", field=f"{where}.segmentation"))
            found[image.id].append(thing)
    views = [_View(i.file_name, i.width, i.height, found[i.id]) for i in coco.images]
    return _scenes(views, file, problems, written="left, top, width, height, as COCO has them")


def _problem(file: str, error: Any) -> Problem:
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    value = error["input"] if isinstance(error["input"], str | int | float) else None
    return Problem(file, error["msg"], field=field or None, value=value)


def _mask(segmentation: list[list[float]] | dict[str, Any] | None, image: _Image) -> dict[str, Any] | None:
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
        encoded = coco.merge(coco.frPyObjects(polygons, *size))
    elif isinstance(segmentation["counts"], list):
        runs = segmentation["counts"]
        if not all(isinstance(n, int) and n >= 0 for n in runs) or sum(runs) != image.width * image.height:
            raise ValueError("the run lengths must add up to the image's pixels")
        encoded = coco.frPyObjects({"counts": runs, "size": list(size)}, *size)
    else:
        encoded = segmentation
    counts = encoded["counts"]
    return {"size": list(encoded["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}


# Tables of boxes --------------------------------------------------------------------------------------------------


def scenes_from_boxes(table: Table) -> list[Named]:
    """Return the scene of each image of a table with one row per box (columns: `BOX_COLUMNS`).

    Errors: `InvalidFilesError` with every problem.
    """
    problems = list(require_columns(table, BOX_COLUMNS))
    if problems:
        raise InvalidFilesError(problems)
    numeric = [*BOX_COLUMNS[1:3], *BOX_COLUMNS[4:], *(["score"] if "score" in table.frame else [])]
    numbers = {name: parse_numbers(table, name, problems) for name in numeric}
    views: dict[str, _View] = {}
    for index, row in enumerate(table.frame.to_dict("records")):
        values = {name: float(column.iloc[index]) for name, column in numbers.items()}
        needed = [name for name in numeric if name != "score"]
        absent = [name for name in needed if math.isnan(values[name])]
        if absent:
            problems += [table.problem("a number is needed", index, name) for name in absent]
            continue
        size = (int(values["width"]), int(values["height"]))
        view = views.setdefault(row["image"], _View(row["image"], *size, []))
        if (view.width, view.height) != size:
            problems.append(
                table.problem(f"{row['image']} was {view.width} × {view.height} before", index, "width")
            )
        box = (values["left"], values["top"], values["right"], values["bottom"])
        if fault := box_fault(box):
            problems.append(table.problem(f"{box} {fault}", index))
            continue
        score = None if math.isnan(values.get("score", math.nan)) else values["score"]
        view.objects.append(
            {
                "id": row.get("id") or None,
                "label": row["label"],
                "box": box,
                "detection_confidence": score,
            }
        )
    return _scenes(views.values(), table.label, problems, written="left, top, right, bottom")


# Both -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    """An image and what was found in it, as a scene file has it."""

    image: str
    width: int
    height: int
    objects: list[dict[str, Any]]

    def beyond(self) -> int:
        """Return how many boxes reach beyond the picture by more than the pixel that scene files allow."""
        return sum(
            min(left, top) < -1 or right > self.width + 1 or bottom > self.height + 1
            for left, top, right, bottom in (found["box"] for found in self.objects)
        )


LEAST_BEYOND = 3
"""Boxes beyond their pictures that make a file's convention doubtful, where they are more than half of all."""


def _scenes(views: Iterable[_View], file: str, problems: list[Problem], *, written: str) -> list[Named]:
    """Return the scene of each view; a box that reaches beyond its picture is cut off there.

    `written` says in words how the file is taken to write its boxes. Where most boxes reach beyond, it is another way.
    """
    views = list(views)
    beyond, every = sum(view.beyond() for view in views), sum(len(view.objects) for view in views)
    if beyond >= LEAST_BEYOND and beyond > every / 2:
        message = f"{beyond} of {every} boxes reach beyond their pictures; boxes must be {written}, in pixels"
        problems.append(Problem(file, message))
    elif beyond:
        log.info("%s: %d of %d boxes reach beyond their pictures: cut off there", file, beyond, every)
    scenes = []
    for view in views:
        path = PurePosixPath(view.image)
        if not view.image or path.is_absolute() or ".." in path.parts:
            problems.append(
                Problem(file, "must be a relative path without '..'", field="image", value=view.image)
            )
            continue
        document = {
            "format": "genspace-scene/1",
            "image": path.name,
            "width": view.width,
            "height": view.height,
            "objects": list(_objects(view)),
        }
        try:
            scene = parse_document(document, file=f"{file}: {view.image}")
        except InvalidFilesError as error:
            problems += error.problems
            continue
        assert isinstance(scene, Scene)  # by its format
        scenes.append((view.image, scene))
    if problems:
        raise InvalidFilesError(problems)
    return scenes


def _objects(view: _View) -> Iterator[Mapping[str, Any]]:
    """Clip boxes to the image, and number things of one class that have no id of their own."""
    seen: Counter[str] = Counter()
    for found in view.objects:
        label = found["label"]
        seen[label] += 1
        left, top, right, bottom = found["box"]
        clipped = [
            max(left, 0.0),
            max(top, 0.0),
            min(right, float(view.width)),
            min(bottom, float(view.height)),
        ]
        named = found.get("id") or (label if seen[label] == 1 else f"{label}_{seen[label]}")
        known = {key: value for key, value in found.items() if value is not None}
        yield {**known, "id": named, "box": clipped}
