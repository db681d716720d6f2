"""How far away things are, from how large such things usually are and from the ground that they stand on: a guess.

A clue is the logarithm of a distance and how sure it is; one from the ground is relative to the camera's height, which
is not known either. All distances of a picture and the camera's height are found together, by least squares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIZES", "Clue", "Size", "clue_from_ground", "clue_from_height", "distances"]

EYE_HEIGHT_M, EYE_SPREAD = 1.5, 0.35
"""How high a camera usually is, and the spread of that as a logarithm."""
TILT_SPREAD_DEG = {False: 1.5, True: 5.0}
"""How far the direction down is off, where it is measured and where it is guessed."""


class Size(NamedTuple):
    """How large a kind of thing usually is."""

    height_m: float
    spread: float
    """Of the height, as a logarithm."""
    depth_m: float
    """From its nearest to its farthest part, along the ground."""
    stands: bool = True
    """Whether it stands on the ground."""


def _sizes(*rows: str) -> dict[str, Size]:
    table = {}
    for row in rows:
        names, height, spread, depth, *rest = (cell.strip() for cell in row.split("|"))
        for name in names.split(","):
            table[name.strip()] = Size(float(height), float(spread), float(depth), not rest)
    return table


SIZES: Mapping[str, Size] = _sizes(
    "person | 1.65 | 0.15 | 0.4",
    "bicycle, stationary bicycle | 1.05 | 0.10 | 0.4",
    "motorcycle | 1.05 | 0.12 | 0.4",
    "car | 1.50 | 0.08 | 2.8",
    "vehicle | 1.60 | 0.20 | 2.8",
    "bus | 3.1 | 0.10 | 5.0",
    "truck | 2.3 | 0.30 | 4.0",
    "train | 3.8 | 0.15 | 10",
    "boat | 1.8 | 0.60 | 4.0 | floats",
    "fire hydrant | 0.8 | 0.15 | 0.35",
    "stop sign | 0.75 | 0.10 | 0.1 | hangs",
    "traffic light | 0.9 | 0.30 | 0.3 | hangs",
    "parking meter | 1.3 | 0.15 | 0.3",
    "bench | 0.85 | 0.15 | 0.8",
    "dog | 0.60 | 0.25 | 0.5",
    "cat | 0.30 | 0.30 | 0.35",
    "horse | 1.70 | 0.15 | 1.2",
    "sheep | 0.90 | 0.15 | 0.8",
    "cow | 1.45 | 0.12 | 1.2",
    "elephant | 2.8 | 0.20 | 3.0",
    "bear | 1.1 | 0.30 | 1.0",
    "zebra | 1.5 | 0.12 | 1.2",
    "giraffe | 4.8 | 0.15 | 1.5",
    "bird | 0.25 | 0.60 | 0.2 | flies",
    "chair | 0.90 | 0.15 | 0.5",
    "couch | 0.85 | 0.20 | 1.0",
    "bed | 0.90 | 0.40 | 1.9",
    "dining table, table, desk | 0.75 | 0.15 | 0.9",
    "potted plant | 0.6 | 0.70 | 0.4 | anywhere",
    "toilet | 0.75 | 0.15 | 0.7",
    "refrigerator | 1.70 | 0.20 | 0.7",
    "oven | 0.9 | 0.30 | 0.6 | built in",
    "microwave | 0.30 | 0.15 | 0.4 | on a table",
    "tv | 0.60 | 0.40 | 0.1 | hangs",
    "computer monitor | 0.45 | 0.25 | 0.2 | on a table",
    "laptop | 0.24 | 0.20 | 0.3 | on a table",
    "keyboard | 0.05 | 0.50 | 0.15 | on a table",
    "computer mouse | 0.04 | 0.30 | 0.1 | on a table",
    "cup, mug, coffee cup | 0.10 | 0.15 | 0.09 | on a table",
    "wine glass | 0.20 | 0.15 | 0.08 | on a table",
    "bottle | 0.26 | 0.25 | 0.08 | on a table",
    "bowl | 0.08 | 0.30 | 0.18 | on a table",
    "vase | 0.28 | 0.40 | 0.15 | on a table",
    "book | 0.22 | 0.40 | 0.15 | on a table",
    "teddy bear | 0.35 | 0.50 | 0.25 | anywhere",
    "suitcase | 0.65 | 0.25 | 0.3",
    "backpack | 0.48 | 0.20 | 0.25 | carried",
    "sports ball | 0.22 | 0.30 | 0.22 | flies",
)
"""Usual sizes by the detectors' names. What varies too much to tell a distance from, as umbrellas do, is left out."""


class Clue(NamedTuple):
    """What one observation says of a distance."""

    log_z: float
    """Logarithm of the distance along the optical axis, of the thing's middle, in metres."""
    spread: float
    of_eye_height: bool = False
    """Whether it is relative to the camera's height."""


def clue_from_height(box: NDArray[np.float64], size: Size, K: NDArray[np.float64]) -> Clue:
    """Return what a thing's height in the picture says, of a box (u0, v0, u1, v1) that shows all of it."""
    # top and foot are seen of the nearest part
    nearest = K[1, 1] * size.height_m / (box[3] - box[1])
    return Clue(math.log(nearest + size.depth_m / 2), size.spread)


def clue_from_ground(
    box: NDArray[np.float64],
    size: Size,
    K: NDArray[np.float64],
    gravity: NDArray[np.float64],
    *,
    guessed: bool,
) -> Clue | None:
    """Return what the place where a thing stands says; None above the horizon, or where the box's foot is too near it.

    `guessed`: whether gravity is a guess.
    """
    u, v = (box[0] + box[2]) / 2, box[3]
    ray = np.array([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], 1.0])
    below = math.asin(float(ray @ gravity) / float(np.linalg.norm(ray)))
    spread = math.hypot(math.radians(TILT_SPREAD_DEG[guessed]) / math.tan(max(below, 1e-3)), 0.08)
    if spread > 0.7:
        return None
    foot = EYE_HEIGHT_M / float(ray @ gravity)
    # the box's foot is that of the nearest part; the middle is half the thing's depth farther
    return Clue(math.log(foot + size.depth_m / 2) - math.log(EYE_HEIGHT_M), spread, of_eye_height=True)


def distances(clues: Sequence[Sequence[Clue]]) -> NDArray[np.float64]:
    """Return the distance of each thing along the optical axis, (N,) metres; NaN where there is no clue.

    >>> one = [Clue(math.log(4.0), 0.1)]
    >>> two = [Clue(math.log(4.0) - math.log(1.5), 0.1, of_eye_height=True)]
    >>> distances([one, two, []]).round(6).tolist()
    [4.0, 4.0, nan]
    """
    count = len(clues)
    rows, wanted = [[0.0] * count + [1 / EYE_SPREAD]], [math.log(EYE_HEIGHT_M) / EYE_SPREAD]
    for i, (log_z, spread, of_eye_height) in ((i, c) for i, own in enumerate(clues) for c in own):
        row = [0.0] * (count + 1)
        row[i], row[-1] = 1 / spread, -of_eye_height / spread
        rows.append(row)
        wanted.append(log_z / spread)
    found = np.exp(np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0][:count])
    return np.where([bool(own) for own in clues], found, np.nan)
