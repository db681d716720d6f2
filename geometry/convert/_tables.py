"""Tables with one row per box: plain ones, and what `supervision.CSVSink` writes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.convert._views import Log, Reader, View, image_sizes, scenes
from genspace.geometry.image_boxes import box_fault
from genspace.geometry.scene import Scene
from genspace.tables import parse_numbers, read_table, require_columns

if TYPE_CHECKING:
    from genspace.tables import Table

__all__ = ["BOX_COLUMNS", "scenes_from_boxes", "table_reader"]

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
    """
    log = Log()
    made = [(view.image, s) for view, s in scenes(_reader(table, images)(log), table.label, log)]
    if log.problems:
        raise InvalidFilesError(log.problems)
    return made


def _reader(table: Table, images: Path | None) -> Reader:
    given = table.frame.columns
    known = {old: new for old, new in ALIASES.items() if old in given and new not in given}
    theirs = {new: old for old, new in known.items()}
    sized = {"width", "height"} <= set(given)
    needed = [c for c in BOX_COLUMNS if sized or images is None or c not in {"width", "height"}]
    problems = list(require_columns(table, [theirs.get(name, name) for name in needed]))
    if problems:
        raise InvalidFilesError(problems)
    numeric = [c for c in needed if c not in {"image", "label"}]
    optional = [c for c in ("score",) if theirs.get(c, c) in given]
    taken = {theirs.get(c, c) for c in [*needed, *optional, "id"]}
    rest = [c for c in given if c not in taken and c not in {"width", "height"}]

    def views(log: Log) -> Iterator[View]:
        numbers = {c: parse_numbers(table, theirs.get(c, c), log.problems) for c in [*numeric, *optional]}
        found: dict[str, View] = {}
        for index, row in enumerate(table.frame.to_dict("records")):
            values = {name: float(column.iloc[index]) for name, column in numbers.items()}
            absent = [name for name in numeric if math.isnan(values[name])]
            if absent:
                log.problems += [
                    table.problem("a number is needed", index, theirs.get(name, name)) for name in absent
                ]
                continue
            image = row[theirs.get("image", "image")]
            if sized:
                size = (int(values["width"]), int(values["height"]))
            elif image in found:
                size = (found[image].width, found[image].height)
            else:
                try:
                    size = image_sizes(images, image)[1:]  # a table without sizes comes with images
                except InputError as error:
                    log.problems.append(table.problem(str(error), index, theirs.get("image", "image")))
                    continue
            view = found.setdefault(image, View(image=image, width=size[0], height=size[1]))
            if (view.width, view.height) != size:
                log.problems.append(
                    table.problem(f"{image} was {view.width} × {view.height} before", index, "width")
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
            view.objects.append(thing)
        yield from found.values()

    return views
