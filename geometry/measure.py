"""Measure an object's box from its cleaned points: extents along its own axes, and the centre of the whole box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genspace.display import Displayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Measured", "measure_box", "viewing_axes"]


@dataclass(frozen=True, slots=True)
class Measured(Displayed):
    """An object's box in the camera frame.

    >>> corners = np.array([[x, y, z] for x in (0, 2) for y in (0, 1) for z in (4, 5)], dtype=float)
    >>> measure_box(corners, np.eye(3)).extent
    (2.0, 1.0, 1.0)
    """

    centre: tuple[float, float, float]
    """Metres."""
    extent: tuple[float, float, float]
    """Full sizes along the front, up and right axes, metres."""
    surface_mean: tuple[float, float, float]
    """Mean of the points, metres: nearer to the camera than the centre."""
    point_count: int


def viewing_axes(mean: Array, level_from_camera: Array | None) -> Array:
    """Return axes for an object of unknown orientation as R_camera_from_object, (3, 3).

    Front is the horizontal part of the viewing ray, up is against gravity. Without gravity, the camera's own up.

    >>> viewing_axes(np.array([0.0, 0.0, 5.0]), None)[:, 0].tolist()  # straight ahead: the front points away
    [0.0, 0.0, 1.0]
    """
    R = np.eye(3) if level_from_camera is None else level_from_camera
    x, _, z = R @ mean
    n = float(np.hypot(x, z))
    fx, fz = (x / n, z / n) if n > 0 else (0.0, 1.0)
    level_axes = np.array([[fx, 0.0, -fz], [0.0, -1.0, 0.0], [fz, 0.0, fx]])
    axes: Array = R.T @ level_axes
    return axes


def measure_box(
    points: Array,
    rotation: Array | None,
    *,
    level_from_camera: Array | None = None,
    trim_percent: float = 0.0,
) -> Measured:
    """Return the box of an object's points, (N, 3) metres in the camera frame.

    `rotation` is R_camera_from_object, (3, 3). Without it the box stands along the viewing ray, and its unseen depth
    is taken to be at least its width. `trim_percent` is cut off at each end, for estimated depth (0.5).
    Errors: `ValueError` without points.

    >>> corners = np.array([[x, y, z] for x in (0, 2) for y in (0, 1) for z in (4, 5)], dtype=float)
    >>> measure_box(corners, np.eye(3))
    Measured(centre=(1.0, 0.5, 4.5), extent=(2.0, 1.0, 1.0), surface_mean=(1.0, 0.5, 4.5), point_count=8)
    """
    if not len(points):
        raise ValueError("an object without points has no box")
    mean = points.mean(axis=0)
    axes = viewing_axes(mean, level_from_camera) if rotation is None else np.asarray(rotation, dtype=float)
    own = axes.T @ points.T
    if trim_percent > 0.0:
        low, high = np.percentile(own, [trim_percent, 100.0 - trim_percent], axis=1)
    else:
        low, high = own.min(axis=1), own.max(axis=1)
    if rotation is None:
        high[0] = max(high[0], low[0] + (high[2] - low[2]))
    return Measured(
        centre=_floats(axes @ ((low + high) / 2)),
        extent=_floats(high - low),
        surface_mean=_floats(mean),
        point_count=len(points),
    )


def _floats(v: Array) -> tuple[float, float, float]:
    return float(v[0]), float(v[1]), float(v[2])
