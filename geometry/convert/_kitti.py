"""KITTI's labels and results (Geiger et al. 2012): boxes in 2D and 3D of street scenes, seen by the left colour camera.

A row is type, truncation, occlusion, alpha, left, top, right, bottom, height, width, length, x, y, z, rotation_y and,
in results, score. (x, y, z) is the middle of the box's foot in the frame of camera 0, metres; P2 = K [I | t] takes it
to the picture of camera 2, so the scene's frame is camera 2's: K⁻¹ times P2's last column is added. rotation_y turns
the box about y (down); at 0 its front, along the length, points to the camera's right.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.errors import InputError, Problem
from genspace.geometry.convert._views import CameraView, Log, Reader, image_sizes, level_camera
from genspace.geometry.frames import rotation_y

COLUMNS = (
    "truncation", "occlusion", "alpha", "left", "top", "right", "bottom", "height", "width", "length", "x", "y", "z",
    "rotation_y", "score",
)  # fmt: skip
"""Numbers of a row after its type; the last is optional."""

_FRONT_UP_RIGHT = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
"""Columns: front, up and right in KITTI's axes of a box (x along its length, y down)."""

CAMERA_HEIGHT_M = 1.65
"""Of KITTI's cameras above the road."""


def kitti_reader(path: Path, *, calibration: Path | None, images: Path | None, level: bool) -> Reader:
    """Return the reader of a label file or a folder of them.

    `calibration` and `images` are the files, or folders whose files bear the labels' names.
    """
    labels = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if calibration is None:
        raise InputError(
            f"{path}: KITTI labels need their calibration: `camera` FILE.txt, or a folder of them"
        )

    def views(log: Log) -> Iterator[CameraView]:
        for file in labels:
            name = file.name.split(".")[0]
            image, width, height = image_sizes(images, name, stem=True)
            K, offset = _calibration(calibration / f"{name}.txt" if calibration.is_dir() else calibration)
            things = [t for row, line in _lines(file) if (t := _thing(line, offset, file, row, log))]
            camera: dict[str, Any] = {
                "fx": K[0, 0], "fy": K[1, 1], "cx": K[0, 2], "cy": K[1, 2], "height_m": CAMERA_HEIGHT_M,
                "intrinsics_source": "KITTI's calibration",
            }  # fmt: skip
            yield CameraView(
                image=image,
                width=width,
                height=height,
                objects=things,
                camera=level_camera(camera) if level else camera,
            )

    return views


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None
    for row, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield row, line.split()


def _calibration(file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return K of camera 2, and what is added to places in camera 0's frame to have them in camera 2's."""
    for _, words in _lines(file):
        if words[0].rstrip(":") == "P2" and len(words) == 13:
            try:
                P = np.array([float(word) for word in words[1:]]).reshape(3, 4)
                return P[:, :3] / P[2, 2], np.linalg.solve(P[:, :3], P[:, 3])
            except (ValueError, np.linalg.LinAlgError):
                break
    raise InputError(f"{file}: holds no projection P2 of twelve numbers")


def _thing(
    words: list[str], offset: NDArray[np.float64], file: Path, row: int, log: Log
) -> dict[str, Any] | None:
    kind, *cells = words
    if kind == "DontCare":
        log.notes["{n} DontCare region(s) were left out: they name no thing"] += 1
        return None
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        numbers = []
    if len(numbers) not in {len(COLUMNS) - 1, len(COLUMNS)} or not np.isfinite(numbers).all():
        message = f"expected a type and {len(COLUMNS) - 1} or {len(COLUMNS)} numbers"
        log.problems.append(Problem(str(file), message, row=row, value=" ".join(words)[:60]))
        return None
    value = dict(zip(COLUMNS, numbers, strict=False))
    thing: dict[str, Any] = {
        "label": kind.replace("_", " ").lower(),
        "box": tuple(value[side] for side in ("left", "top", "right", "bottom")),
        "truncated": value["truncation"] > 0 if value["truncation"] >= 0 else None,
        "kitti": {key: value[key] for key in ("truncation", "occlusion", "alpha")},
    }
    if "score" in value:
        if 0 <= value["score"] <= 1:
            thing["detection_confidence"] = value["score"]
        else:
            thing["kitti"]["score"] = value["score"]
            log.notes["{n} score(s) outside 0 to 1 were kept as they are, and rank nothing"] += 1
    if min(value["height"], value["width"], value["length"]) <= 0:
        log.notes["{n} object(s) have no box in 3D"] += 1
        return thing
    foot = np.array([value["x"], value["y"], value["z"]]) + offset
    turned = rotation_y(float(np.degrees(value["rotation_y"]))) @ _FRONT_UP_RIGHT
    return thing | {
        "centre": (foot - [0.0, value["height"] / 2, 0.0]).tolist(),
        "extent": (value["length"], value["height"], value["width"]),
        "rotation": turned.tolist(),
        "has_front": True,
        "complete": True,
    }
