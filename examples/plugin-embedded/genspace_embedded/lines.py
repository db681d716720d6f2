"""The camera from straight lines: rooms and streets are built along three directions at right angles, one of them down.

A focal length and three directions are drawn from a few of the picture's line segments, again and again; those that
explain the most of all lines are kept (RANSAC; Coughlan and Yuille 1999 for the world). What explains too little, or
has lines in too few directions, is no camera: then nothing is known.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FromLines", "camera_from_lines", "segments"]

FIELDS_OF_VIEW_DEG = np.arange(35.0, 96.0, 3.0)
"""Of the longer side of the image, where the focal length is not known."""
TOLERANCE_DEG = 2.0
LEAST_SHARE = 0.5
"""Share of the lines' length that must be explained."""
LEAST_SHARE_EACH = 0.08
"""The same for each of the three directions."""
LEAST_SHARE_KNOWN = 0.4
"""Share that must be explained where the focal length is known, and two directions, down one of them, suffice."""
_SHORTEST = 0.03
"""Of the image's longer side; shorter segments are not counted."""
_LONGEST = 0.3
"""No segment counts for more than this share of the longer side."""
_MOST_TILTED_DEG = 40.0
_DRAWS = 6000
_WORKING_SIDE = 800


class FromLines(NamedTuple):
    """A camera that explains the picture's lines."""

    focal_px: float
    gravity: NDArray[np.float64]
    """Down in the camera's frame, (3,)."""
    share: float
    """Share of the lines' length that it explains."""


def segments(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the straight segments of an image (u0, v0, u1, v1), (N, 4) pixels (LSD, von Gioi et al. 2012)."""
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _WORKING_SIDE / max(grey.shape))
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector(0).detect(grey)[0]
    if found is None:
        return np.zeros((0, 4))
    lines = found.reshape(-1, 4).astype(float) / scale
    long = np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1]) > _SHORTEST * max(pixels.shape)
    kept: NDArray[np.float64] = lines[long]
    return kept


def camera_from_lines(
    lines: NDArray[np.float64], size: tuple[int, int], *, focal_px: float | None = None, seed: int = 0
) -> FromLines | None:
    """Return the camera that explains segments (N, 4) of an image (height, width); None where none explains enough.

    `focal_px`: the focal length where it is known.
    """
    height, width = size
    longer = max(size)
    centre = np.array([width, height]) / 2
    start, end = lines[:, :2] - centre, lines[:, 2:] - centre
    along = end - start
    length = np.hypot(*along.T)
    if len(lines) < 12:
        return None
    along = along / length[:, None]
    weight = np.minimum(length, _LONGEST * longer)
    steep_deg = np.degrees(np.arctan2(np.abs(along[:, 1]), np.abs(along[:, 0])))
    upright, level = np.flatnonzero(steep_deg > 60), np.flatnonzero(steep_deg < 80)
    if len(upright) < 3 or len(level) < 6:
        return None
    focals = (
        longer / 2 / np.tan(np.radians(FIELDS_OF_VIEW_DEG) / 2) if focal_px is None else np.array([focal_px])
    )
    rng = np.random.default_rng(seed)
    f = rng.choice(focals, _DRAWS)

    def plane(chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        """Normal of the plane through the camera and a segment, for each draw's focal length."""
        a, b = (np.column_stack([e[chosen] / f[:, None], np.ones(len(f))]) for e in (start, end))
        normal: NDArray[np.float64] = np.cross(a, b)
        return normal

    down, good = _directions(plane(rng.choice(upright, _DRAWS)), plane(rng.choice(upright, _DRAWS)))
    down = np.where(down[:, 1:2] < 0, -down, down)
    good &= down[:, 1] > math.cos(math.radians(_MOST_TILTED_DEG))
    across, fine = _directions(plane(rng.choice(level, _DRAWS)), down)
    drawn = np.stack([down, across, np.cross(down, across)], axis=1)[good & fine]
    if not len(drawn):
        return None
    f = f[good & fine]
    middle = (start + end) / 2
    best = max(
        (
            _explained(drawn[i : i + 500], f[i : i + 500], middle, along, weight)
            for i in range(0, len(drawn), 500)
        ),
        key=lambda found: found[0],
    )
    share, (upwards, *others), directions, focal = best
    needed, weakest = (LEAST_SHARE, min(others)) if focal_px is None else (LEAST_SHARE_KNOWN, max(others))
    if share < needed or min(upwards, weakest) < LEAST_SHARE_EACH:
        return None
    return FromLines(focal, directions[0], share)


def _directions(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return unit vectors at right angles to two, (N, 3), and where the two are far enough from parallel for that."""
    found = np.cross(a, b)
    length = np.linalg.norm(found, axis=1)
    good = length > 1e-3 * np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return found / np.maximum(length, 1e-12)[:, None], good


def _explained(
    directions: NDArray[np.float64],
    focals: NDArray[np.float64],
    middle: NDArray[np.float64],
    along: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> tuple[float, list[float], NDArray[np.float64], float]:
    """Return the best of some cameras: shares that it explains, of all and by direction; directions, focal length.

    A segment is explained by a direction when it points to where the direction vanishes.
    """
    towards = focals[:, None, None, None] * directions[:, :, None, :2] - middle * directions[:, :, None, 2:]
    towards = towards / np.maximum(np.linalg.norm(towards, axis=-1, keepdims=True), 1e-9)
    off = np.abs(towards[..., 0] * along[:, 1] - towards[..., 1] * along[:, 0])
    hit = off < math.sin(math.radians(TOLERANCE_DEG))
    total = float(weight.sum())
    shares = (hit.any(axis=1) * weight).sum(axis=1) / total
    best = int(shares.argmax())
    each = [float((h * weight).sum() / total) for h in hit[best]]
    return float(shares[best]), each, directions[best], float(focals[best])
