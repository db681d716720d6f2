"""Lift pixels of depth and masks to points, and find the floor as the released GenSpace code does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genspace.geometry.camera import Intrinsics, unproject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["between_surfaces", "lift", "lowest_near_point_m"]

SMEARED_STEP = 0.04
"""Relative change of depth from pixel to pixel; so steep a surface is seen within a few degrees of its edge."""


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
    pixels = np.flatnonzero(wanted & (part > 0) & np.isfinite(part))
    v, u = np.divmod(pixels, part.shape[1])
    return unproject(u + left, v + top, part.ravel()[pixels], intrinsics, pixel_offset=pixel_offset)


def between_surfaces(depth: NDArray[np.floating], *, step: float = SMEARED_STEP) -> BoolArray:
    """Return which pixels, (h, w) bool, lie between a nearer and a farther surface and belong to neither.

    Estimated depth is smooth across outlines, so that points float between an object and its background. Such a
    pixel's depth differs by more than the share `step` from both neighbours, along a row or a column, and lies
    between them. A pixel of a thin part is nearer than both; in exact depth, one of an outline is like one of them.
    Both are kept.
    Pixels without depth count as far away.

    >>> between_surfaces(np.array([[2.0, 2.0, 2.5, 3.5, 4.0, 4.0]])).astype(int).tolist()
    [[0, 0, 1, 1, 0, 0]]
    """
    known = np.isfinite(depth) & (depth > 0)
    far = 10.0 * float(depth.max(where=known, initial=1.0))
    near = np.where(known, depth, far)
    beyond = near * near.dtype.type(np.exp(step))
    smeared = np.zeros(depth.shape, dtype=bool)
    for values, limits, marks in ((near, beyond, smeared), (near.T, beyond.T, smeared.T)):
        farther, nearer = values[1:] > limits[:-1], limits[1:] < values[:-1]
        marks[1:-1] |= (farther[:-1] & farther[1:]) | (nearer[:-1] & nearer[1:])
    return smeared


def lowest_near_point_m(
    depth: NDArray[np.floating], intrinsics: Intrinsics, level_from_camera: Array
) -> float:
    """Return how far below the camera the released GenSpace code takes the floor to be, metres.

    It is the lowest of the nearer half of all points by level z, with no protection against a single bad pixel.
    `level_from_camera` is a rotation, (3, 3). Errors: `ValueError` when no pixel has a depth.

    >>> depth = np.array([[4.0, 4.0], [2.0, 2.0]])
    >>> lowest_near_point_m(depth, Intrinsics(1, 1, 0.5, 0.5), np.eye(3))  # half a pixel below the centre, 2 m away
    1.0
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
