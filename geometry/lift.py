"""From depth to points: lifting pixels, and the floor as the released code finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genspace.geometry.camera import Intrinsics, unproject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["lift", "lowest_near_point_m"]


def lift(
    depth: NDArray[np.floating],
    intrinsics: Intrinsics,
    mask: NDArray[np.bool_] | None = None,
    *,
    pixel_offset: float = 0.5,
) -> Array:
    """Return the points, (N, 3) metres in the camera frame, of the pixels in a mask, row by row.

    `depth`, (h, w), holds z in metres; pixels at 0 or not finite are left out. Without a mask: all pixels.
    """
    valid = np.isfinite(depth) & (depth > 0)
    if mask is not None:
        valid &= mask
    v, u = np.nonzero(valid)
    return unproject(u, v, depth[v, u], intrinsics, pixel_offset=pixel_offset)


def lowest_near_point_m(
    depth: NDArray[np.floating], intrinsics: Intrinsics, level_from_camera: Array
) -> float:
    """Return how far below the camera the released GenSpace code takes the floor to be, metres.

    It is the lowest of the nearer half of all points by level z, without protection against a single bad pixel.
    """
    level = lift(depth, intrinsics, pixel_offset=0.0) @ level_from_camera.T
    near = np.argpartition(level[:, 2], len(level) // 2)[: len(level) // 2]
    return float(level[near, 1].max())
