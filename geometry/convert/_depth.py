"""Plain depth with intrinsics, as MoGe, VGGT, UniDepth and Depth Pro give it: scenes without objects.

Depth is z in the camera's frame (not the ray's length, which is turned into z on request), metres after `scale`; what
is not finite or not above 0 is unknown. Intrinsics are a 3 × 3 matrix in pixels of the depth map, or in fractions of
its sides, as MoGe has them: with a principal point below 1 they cannot be pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.errors import InputError, Problem
from genspace.geometry.convert._views import CameraView, Log, Reader, image_sizes, level_camera
from genspace.geometry.scene_files import encode_depth

_DEPTH_KEYS = ("depth", "depth_map", "metric_depth", "pred_depth", "arr_0")
_K_KEYS = ("K", "intrinsics", "intrinsic", "camera_matrix")
_FOCAL_KEYS = ("focal_px", "focallength_px", "focal_length", "f_px")
_ENDINGS = (".npz", ".npy", ".png")


def depth_reader(
    path: Path, *, intrinsics: Path | None, images: Path | None, level: bool, scale: float, rays: bool
) -> Reader:
    """Return the reader of a depth map or a folder of them.

    `intrinsics`: a file for all, or a folder whose files bear the maps' names; for an `.npz` that holds them, none.
    """
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in _ENDINGS) if path.is_dir() else [path]

    def views(log: Log) -> Iterator[CameraView]:
        for file in files:
            name = file.name.split(".")[0]
            try:
                view = _view(file, name, intrinsics, images, scale=scale, rays=rays, log=log)
            except InputError as error:
                log.problems.append(Problem(str(file), str(error).removeprefix(f"{file}: ")))
                continue
            if level and view.camera:
                yield replace(view, camera=level_camera(view.camera))
                continue
            log.notes[
                "which way is down is not known in {n} image(s): say `level` where the camera was level"
            ] += 1
            yield view

    return views


def _view(
    file: Path, name: str, intrinsics: Path | None, images: Path | None, *, scale: float, rays: bool, log: Log
) -> CameraView:
    depth, held, besides = _read(file)
    depth = depth * scale
    height, width = depth.shape
    where = (
        intrinsics / f"{name}{_ending(intrinsics, name)}"
        if intrinsics and intrinsics.is_dir()
        else intrinsics
    )
    K = _matrix(held if where is None else _load(where), where or file, (height, width), log)
    if besides:
        log.notes[f"{', '.join(besides)} of {{n}} map(s) were left out: scenes have no place for them"] += 1
    if rays:
        v, u = np.mgrid[:height, :width] + 0.5
        depth = depth / np.sqrt(1 + ((u - K[0, 2]) / K[0, 0]) ** 2 + ((v - K[1, 2]) / K[1, 1]) ** 2)
    image, columns, rows = (
        (f"{name}.png", width, height) if images is None else image_sizes(images, name, stem=True)
    )
    sx, sy = columns / width, rows / height
    content, step = encode_depth(depth)
    return CameraView(
        image=image,
        width=columns,
        height=rows,
        camera={
            "fx": K[0, 0] * sx, "fy": K[1, 1] * sy, "cx": K[0, 2] * sx, "cy": K[1, 2] * sy,
            "intrinsics_source": (where or file).name,
        },
        extra={"depth": f"{name}.depth.png", "depth_scale": step, "depth_source": file.name},
        files={f"{name}.depth.png": partial(bytes, content)},
    )  # fmt: skip


def _read(file: Path) -> tuple[NDArray[np.float64], Any, list[str]]:
    """Return a depth map, (H, W), 0 where it is unknown, what its file holds, and what nobody asks of it by name."""
    besides: list[str] = []
    if file.suffix.lower() == ".png":
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(file) as image:
                if not image.mode.startswith("I"):
                    raise InputError(f"{file}: expected a 16-bit PNG, not {image.mode}")
                values, held = np.asarray(image).astype(float), None
        except (OSError, UnidentifiedImageError) as error:
            raise InputError(f"{file}: cannot be read ({error})") from None
    else:
        held = _load(file)
        values = held
        if isinstance(held, Mapping):
            key = next((k for k in _DEPTH_KEYS if k in held), None)
            if key is None:
                raise InputError(f"{file}: holds {', '.join(held)}, and none of {', '.join(_DEPTH_KEYS)}")
            values = held[key]
            besides = [k for k in held if k not in {key, *_K_KEYS, *_FOCAL_KEYS}]
    depth = np.squeeze(np.asarray(values, dtype=float))
    if depth.ndim != 2:
        raise InputError(f"{file}: depth has the shape {np.shape(values)}, expected one map (H, W)")
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0.0), held, besides


def _ending(folder: Path, name: str) -> str:
    return next((e for e in (".npz", ".npy", ".json", ".txt") if (folder / f"{name}{e}").is_file()), ".npy")


def _load(file: Path) -> Any:
    """Return what an .npy, .npz, .json or .txt file holds: an array, or a mapping of arrays."""
    try:
        if file.suffix.lower() in {".npy", ".npz"}:
            content = np.load(file, allow_pickle=False)
            return {key: content[key] for key in content.files} if hasattr(content, "files") else content
        text = file.read_text(encoding="utf-8")
        return json.loads(text) if file.suffix.lower() == ".json" else np.loadtxt(text.splitlines())
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None


def _matrix(held: Any, file: Path, size: tuple[int, int], log: Log) -> NDArray[np.float64]:
    """Return K in pixels of the depth map."""
    height, width = size
    found = held
    if isinstance(held, Mapping):
        key = next((k for k in _K_KEYS if k in held), None)
        focal = next((k for k in _FOCAL_KEYS if k in held), None)
        if key is None and focal is not None:
            log.notes["the principal point of {n} image(s) is taken to be the middle"] += 1
            f = float(np.squeeze(held[focal]))
            return np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1]])
        found = held[key] if key else None
    if found is None:
        raise InputError(f"{file}: holds no intrinsics; name a file that does, with `camera`")
    K = np.squeeze(np.asarray(found, dtype=float))
    if K.shape != (3, 3) or not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
        raise InputError(f"{file}: intrinsics have the shape {K.shape}, expected one 3 × 3 matrix")
    if K[0, 2] < 1 and K[1, 2] < 1:
        log.notes["the intrinsics of {n} image(s) are fractions of its sides"] += 1
        K = np.diag([width, height, 1.0]) @ K
    return K
