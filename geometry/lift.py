"""From depth and masks to points: lifting pixels, and the floor as the released GenSpace code finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genspace.geometry.camera import Intrinsics, unproject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["lift", "lowest_near_point_m"]


def lift(
    depth: NDArray[np.floating],
    intrinsics: Intrinsics,
    mask: BoolArray | None = None,
    *,
    pixel_offset: float = 0.5,
) -> Array:
    """Return the points, (N, 3) metres in the camera frame, of the pixels in a mask, row by row.

    `depth`, (h, w), holds z in metres; pixels that are 0 or not finite are left out. `mask`, (h, w): all pixels
    if None. Errors: `ValueError` when depth and mask differ in size.

    >>> lift(np.full((2, 2), 3.0), Intrinsics(2, 2, 1, 1), np.eye(2, dtype=bool)).tolist()
    [[-0.75, -0.75, 3.0], [0.75, 0.75, 3.0]]
    """
    if mask is None:
        top = left = 0
        part = depth
        wanted = np.ones(depth.shape, dtype=bool)
    else:
        if mask.shape != depth.shape:
            raise ValueError(f"a mask of {mask.shape} does not fit a depth image of {depth.shape}")
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            return np.empty((0, 3))
        top, left = int(rows[0]), int(columns[0])
        window = (slice(top, int(rows[-1]) + 1), slice(left, int(columns[-1]) + 1))
        part, wanted = depth[window], mask[window]
    v, u = np.nonzero(wanted & (part > 0) & np.isfinite(part))
    return unproject(u + left, v + top, part[v, u], intrinsics, pixel_offset=pixel_offset)


def lowest_near_point_m(
    depth: NDArray[np.floating], intrinsics: Intrinsics, level_from_camera: Array
) -> float:
    """Return how far below the camera the released GenSpace code takes the floor to be, metres.

    It is the lowest of the nearer half of all points by level z, with no protection against a single bad pixel.
    `level_from_camera` is a rotation, (3, 3). Errors: `ValueError` when no pixel has a depth.
    """
    height, width = depth.shape
    x = (np.arange(width) - intrinsics.cx) / intrinsics.fx
    y = ((np.arange(height) - intrinsics.cy) / intrinsics.fy)[:, None]
    known = np.isfinite(depth) & (depth > 0)
    # A level coordinate of a pixel is its depth times a plane over the image.
    down, forward = ((depth * (row[0] * x + row[1] * y + row[2]))[known] for row in level_from_camera[1:])
    if not forward.size:
        raise ValueError("a depth image without depth has no floor")
    half = max(1, len(forward) // 2)
    near = np.argpartition(forward, half - 1)[:half]
    return float(down[near].max())
