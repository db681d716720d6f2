"""The pinhole camera: intrinsics, projecting points to pixels and lifting pixels to points.

Pixels are (u right, v down) with the origin at the image's top-left corner. The centre of pixel (i, j)
lies at (i + 0.5, j + 0.5); code that puts it at (i, j) passes `pixel_offset=0`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["Intrinsics", "project", "unproject", "viewing_ray"]


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """Focal lengths and principal point of a pinhole camera, in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fx) and math.isfinite(self.fy) and self.fx > 0 and self.fy > 0):
            raise ValueError(f"focal lengths must be positive and finite, not {self.fx} and {self.fy}")
        if not (math.isfinite(self.cx) and math.isfinite(self.cy)):
            raise ValueError(f"the principal point must be finite, not ({self.cx}, {self.cy})")

    @classmethod
    def from_matrix(cls, K: ArrayLike) -> Intrinsics:
        """Return the intrinsics in a (3, 3) matrix without skew."""
        m = np.asarray(K, dtype=float)
        return cls(float(m[0, 0]), float(m[1, 1]), float(m[0, 2]), float(m[1, 2]))

    @classmethod
    def from_field_of_view(cls, width: int, height: int, *, vertical_deg: float) -> Intrinsics:
        """Return square-pixel intrinsics with a centred principal point from the vertical field of view.

        >>> Intrinsics.from_field_of_view(640, 480, vertical_deg=90).fx.__round__(6)
        240.0
        """
        if not 0.0 < vertical_deg < 180.0:
            raise ValueError(f"a vertical field of view of {vertical_deg}° is not between 0° and 180°")
        f = height / 2 / math.tan(math.radians(vertical_deg) / 2)
        return cls(f, f, width / 2, height / 2)

    @classmethod
    def centred(cls, width: int, height: int, focal_px: float) -> Intrinsics:
        """Return square-pixel intrinsics with a centred principal point.

        >>> Intrinsics.centred(640, 480, 500.0)
        Intrinsics(fx=500.0, fy=500.0, cx=320.0, cy=240.0)
        """
        return cls(focal_px, focal_px, width / 2, height / 2)

    @property
    def matrix(self) -> Array:
        """The camera matrix K, (3, 3)."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def scaled(self, sx: float, sy: float) -> Intrinsics:
        """Return the intrinsics of the same image resized by (sx, sy).

        >>> Intrinsics(700, 700, 320, 240).scaled(0.5, 0.5)
        Intrinsics(fx=350.0, fy=350.0, cx=160.0, cy=120.0)
        """
        return Intrinsics(self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy)


def project(points: ArrayLike, intrinsics: Intrinsics) -> Array:
    """Return the image positions (u, v), (..., 2), of points in the camera frame, (..., 3).

    Points at or behind the camera plane have no image: NaN.

    >>> project([1.0, 0.0, 2.0], Intrinsics(100, 100, 50, 50)).tolist()  # 100 · 1/2 + 50
    [100.0, 50.0]
    """
    p = np.asarray(points, dtype=float)
    x, y, z = p[..., 0], p[..., 1], p[..., 2]
    z = np.where(z > 0.0, z, np.nan)
    return np.stack([intrinsics.fx * x / z + intrinsics.cx, intrinsics.fy * y / z + intrinsics.cy], axis=-1)


def unproject(
    u: ArrayLike, v: ArrayLike, depth: ArrayLike, intrinsics: Intrinsics, *, pixel_offset: float = 0.5
) -> Array:
    """Return the points in the camera frame, (..., 3), of pixel indices and their depth z in metres.

    `u` and `v` are column and row indices; pass `pixel_offset=0` for positions that are not indices.

    >>> unproject(3, 1, 2.0, Intrinsics(10, 10, 3.5, 1.5)).tolist()
    [0.0, 0.0, 2.0]
    """
    z = np.asarray(depth, dtype=float)
    x = (np.asarray(u, dtype=float) + (pixel_offset - intrinsics.cx)) * (z / intrinsics.fx)
    y = (np.asarray(v, dtype=float) + (pixel_offset - intrinsics.cy)) * (z / intrinsics.fy)
    return np.moveaxis(np.stack(np.broadcast_arrays(x, y, z)), 0, -1)  # each coordinate together in memory


def viewing_ray(u: float, v: float, intrinsics: Intrinsics) -> tuple[float, float, float]:
    """Return the unit viewing ray (camera frame) through an image position, such as the centre of a box.

    >>> viewing_ray(50, 50, Intrinsics(100, 100, 50, 50))  # the centre of the picture
    (0.0, 0.0, 1.0)
    """
    x = (u - intrinsics.cx) / intrinsics.fx
    y = (v - intrinsics.cy) / intrinsics.fy
    n = math.sqrt(x * x + y * y + 1.0)
    return x / n, y / n, 1.0 / n
