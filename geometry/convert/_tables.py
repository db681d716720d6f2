"""Tables with one row per box: plain ones, and what `supervision.CSVSink` writes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, refuse
from genspace.geometry.convert._views import CameraView, Log, Reader, image_sizes, scenes_by_image
from genspace.geometry.image_boxes import box_fault
from genspace.geometry.scene import Scene
from genspace.tables import parse_numbers, read_table, require_columns

if TYPE_CHECKING:
    from genspace.tables import Table

BOX_COLUMNS = ("image", "width", "height", "label", "left", "top", "right", "bottom")
"""Columns of a table of boxes, in pixels; `score` and `id` may be added."""

ALIASES = {
    "x_min": "left", "y_min": "top", "x_max": "right", "y_max": "bottom", "confidence": "score", "class_name": "label",
    "image_name": "image", "file_name": "image", "filename": "image",
}  # fmt: skip
"""What `supervision` and others call these columns."""


def table_reader(path: Path, *, images: Path | None = None) -> Reader:
    """Return the reader of a table of boxes; `images`: folder of the images, where it does not say their sizes."""
    return _reader(read_table(path), images)


def scenes_from_boxes(table: Table, images: Path | None = None) -> list[tuple[str, Scene]]:
    """Return (image name, scene) of each image of a table with one row per box (columns: `BOX_COLUMNS`).

    Errors: `InvalidFilesError` with every problem.

    >>> import pandas as pd
    >>> from genspace.tables import Table
    >>> row = ["a.jpg", "100", "50", "cat", "10", "5", "30", "35"]
    >>> boxes = Table(Path("boxes.csv"), "boxes.csv", pd.DataFrame([row], columns=BOX_COLUMNS))
    >>> (name, scene), = scenes_from_boxes(boxes)
    >>> name, scene.objects[0].id, scene.objects[0].box
    ('a.jpg', 'cat', (10.0, 5.0, 30.0, 35.0))
    """
    return scenes_by_image(_reader(table, images), table.label)


def _reader(table: Table, images: Path | None) -> Reader:
    given = table.frame.columns
    known = {old: new for old, new in ALIASES.items() if old in given and new not in given}
    theirs = {new: old for old, new in known.items()}
    sized = {"width", "height"} <= set(given)
    needed = [c for c in BOX_COLUMNS if sized or images is None or c not in {"width", "height"}]
    problems = list(require_columns(table, [theirs.get(name, name) for name in needed]))
    refuse(problems)
    numeric = [c for c in needed if c not in {"image", "label"}]
    optional = [c for c in ("score",) if theirs.get(c, c) in given]
    taken = {theirs.get(c, c) for c in [*needed, *optional, "id"]}
    rest = [c for c in given if c not in taken and c not in {"width", "height"}]

    def views(log: Log) -> Iterator[CameraView]:
        numbers = {
            c: parse_numbers(table, theirs.get(c, c), log.problems).to_numpy() for c in [*numeric, *optional]
        }
        cells = {c: table.frame[c].to_numpy() for c in given}
        groups = table.frame.groupby(theirs.get("image", "image"), sort=False).indices
        for image, places in ((str(name), found) for name, found in groups.items()):
            size, objects = None, []
            for index in places:
                row = {name: column[index] for name, column in cells.items()}
                values = {name: float(column[index]) for name, column in numbers.items()}
                if absent := [name for name in numeric if math.isnan(values[name])]:
                    log.problems += [
                        table.problem("a number is needed", index, theirs.get(name, name)) for name in absent
                    ]
                    continue
                try:
                    own = (int(values["width"]), int(values["height"])) if sized else size
                    own = own or image_sizes(images, image)[1:]  # a table without sizes comes with images
                except InputError as error:
                    log.problems.append(table.problem(str(error), index, theirs.get("image", "image")))
                    continue
                size = size or own
                if size != own:
                    log.problems.append(
                        table.problem(f"{image} was {size[0]} × {size[1]} before", index, "width")
                    )
                box = (values["left"], values["top"], values["right"], values["bottom"])
                if fault := box_fault(box):
                    log.problems.append(table.problem(f"{box} {fault}", index))
                    continue
                score = values.get("score", math.nan)
                thing: dict[str, Any] = {
                    "id": row.get("id") or None,
                    "label": row[theirs.get("label", "label")],
                    "box": box,
                    "detection_confidence": None if math.isnan(score) else score,
                    "columns": {name: row[name] for name in rest if row[name]} or None,
                }
                objects.append(thing)
            if size is not None:
                yield CameraView(image=image, width=size[0], height=size[1], objects=objects)

    return views
