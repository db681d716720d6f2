"""Check what a part gave: declared names, shapes, finite numbers, sane ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.errors import InputError, did_you_mean
from genspace.geometry.frames import is_rotation
from genspace.geometry.perception._parts import (
    STAGES,
    UNKNOWN,
    Arrays,
    Part,
    PerceptionError,
    StageView,
    array_shape,
    source_of,
    stages_of,
)


def check_declaration(part: Part | type[Part], name: str) -> None:
    """Check what a part declares to read and to give.

    Errors: `InputError` for an array that no stage knows, or for arrays that serve no stage.
    """
    arrays = {key for stage in STAGES.values() for key in stage.arrays}
    for word, declared, known in (
        ("reads", (*part.reads, *part.uses), {*arrays, "labels", "truth"}),
        ("gives", part.gives, arrays),
    ):
        for key in declared:
            if key not in known:
                raise InputError(f"{name}: {word} {key!r}, which no stage knows{did_you_mean(key, known)}")
    served = stages_of(part.gives)
    stray = [key for key in part.gives if not any(key in STAGES[s].arrays for s in served)]
    if stray or not served:
        raise InputError(
            f"{name}: gives {', '.join(stray) or 'nothing'}, but no stage with all that it needs"
        )


_LIMITS: dict[str, tuple[float, float]] = {
    "depth": (0.0, 1e5),
    "score": (0.0, 1.0),
    "confidence": (0.0, 1.0),
    "has_front": (-1, 1),
    "extent": (0.0, 1e5),
}
"""Bounds (inclusive) outside which an answer is absurd; `depth` 0 marks a pixel without depth."""


def check_output(part: Part, view: StageView, output: Arrays) -> dict[str, NDArray[Any]]:
    """Check what a part gave for a view (names, shapes, finite numbers, sane ranges), and return it.

    Errors: `InputError` for an array that the part does not declare; `PerceptionError` for what cannot be.
    """
    name = part.name
    declared = {*part.gives, *map(source_of, part.gives)}
    for key in output:
        if key not in declared:
            raise InputError(f"{name}: gave {key!r} without declaring it{did_you_mean(key, declared)}")
    height, width = view.size
    count = None if "boxes" in part.gives else len(view.known["boxes"]) if "boxes" in part.reads else None
    sizes: dict[str, int | None] = {"H": height, "W": width, "N": count}
    checked: dict[str, NDArray[Any]] = {}
    for key in part.gives:
        if key not in output:
            raise PerceptionError(f"{name}: gave no {key!r}")
        shape = array_shape(key) or ""
        array = np.asarray(output[key])
        if sizes["N"] is None and shape.startswith("N"):
            sizes["N"] = array.shape[0] if array.ndim else -1
        checked[key] = _checked(array, shape, sizes, f"{name}: {key!r}", key)
        if (source := output.get(source_of(key))) is not None:
            checked[source_of(key)] = _checked_source(
                np.asarray(source),
                sizes["N"] if shape.startswith("N") else None,
                f"{name}: {source_of(key)!r}",
            )
    for key, sense in _SENSES.items():
        if key in checked and (wrong := sense(checked[key], view)):
            raise PerceptionError(f"{name}: {wrong}")
    return checked


def _checked(
    array: NDArray[Any], shape: str, sizes: Mapping[str, int | None], what: str, key: str
) -> NDArray[Any]:
    wanted = [int(s) if s.isdigit() else sizes[s] for s in shape.split()]
    if list(array.shape) != wanted:
        raise PerceptionError(f"{what} has shape {array.shape}, expected ({shape}) = {wanted}")
    known = array
    if array.dtype.kind == "f":
        if key in UNKNOWN:
            known = array[~np.isnan(array)]
        if not np.isfinite(known).all():
            raise PerceptionError(f"{what} holds values that are not finite numbers")
    if key in _LIMITS and known.size:
        low, high = _LIMITS[key]
        if known.min() < low or known.max() > high:
            raise PerceptionError(
                f"{what} runs from {known.min():.4g} to {known.max():.4g}, outside {low:g} to {high:g}"
            )
    return array


def _checked_source(source: NDArray[Any], count: int | None, what: str) -> NDArray[Any]:
    if source.dtype.kind != "U" or source.shape not in ((), (count,)):
        each = "" if count is None else f", or one per object ({count})"
        raise PerceptionError(f"{what} must be a text{each}, not {source.dtype} of shape {source.shape}")
    return source


def _no_depth(depth: NDArray[Any], _view: StageView) -> str | None:
    return None if (depth > 0).any() else "no pixel has a depth above 0"


def _absurd_camera(K: NDArray[Any], view: StageView) -> str | None:
    height, width = view.size
    fov_deg = np.degrees(2.0 * np.arctan2(max(height, width), 2.0 * K[0, 0]))
    if K[0, 0] > 0 and K[1, 1] > 0 and 1.0 <= fov_deg <= 170.0:
        return None
    return (
        f"focal lengths {K[0, 0]:.4g} and {K[1, 1]:.4g} px on an image of {width} × {height} px are absurd "
        "(field of view outside 1° to 170°)"
    )


def _empty_box(boxes: NDArray[Any], _view: StageView) -> str | None:
    empty = np.flatnonzero(~(boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    return f"box {boxes[empty[0]].tolist()} has no area" if len(empty) else None


def _no_such_label(label: NDArray[Any], view: StageView) -> str | None:
    count = len(view.labels) if "labels" in view.known else len(label)
    wrong = label[(label < 0) | (label >= count)]
    return f"'label' {wrong[0]} is none of the {count} asked for" if len(wrong) else None


def _no_rotation(rotations: NDArray[Any], _view: StageView) -> str | None:
    wrong = [r for r in rotations if not np.isnan(r).any() and not is_rotation(r, tolerance=1e-3)]
    return f"'rotation' {wrong[0].tolist()} is not a right-handed rotation" if wrong else None


_SENSES: dict[str, Callable[[NDArray[Any], StageView], str | None]] = {
    "boxes": _empty_box,
    "label": _no_such_label,
    "depth": _no_depth,
    "K": _absurd_camera,
    "rotation": _no_rotation,
}
"""What makes no sense about an array, in words; None: nothing."""
