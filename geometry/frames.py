"""Frames and rotations: image, camera, level and object frames, and how an orientation is written.

A rotation `R_a_from_b` takes coordinates in frame b to frame a. Metres and degrees; every frame is
right-handed:

- camera: x right, y down, z forward, at the optical centre;
- level: the camera frame turned so that y is gravity, heading kept: x right, y down, z
  forward and horizontal;
- object: x front, y up, z right, at the object's centre.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "crop_homography",
    "gravity_from_pitch_roll",
    "heading_deg",
    "heading_from_azimuth",
    "is_rotation",
    "level_from_camera",
    "mirror_rotation",
    "orientation_from_rotation",
    "orthonormalise",
    "pitch_roll_from_gravity",
    "ray_rotation",
    "rotation_from_orientation",
    "rotation_x",
    "rotation_y",
    "rotation_z",
    "unit",
    "wrap_deg",
]


def rotation_x(angle_deg: float) -> Array:
    """Return the rotation about x, (3, 3): y towards z for a positive angle.

    >>> (rotation_x(90) @ [0, 1, 0]).round(9).tolist()
    [0.0, 0.0, 1.0]
    """
    c, s = _cos_sin(angle_deg)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotation_y(angle_deg: float) -> Array:
    """Return the rotation about y, (3, 3): z towards x, so that headings grow by the angle.

    >>> (rotation_y(90) @ [0, 0, 1]).round(9).tolist()
    [1.0, 0.0, 0.0]
    """
    c, s = _cos_sin(angle_deg)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def rotation_z(angle_deg: float) -> Array:
    """Return the rotation about z, (3, 3): x towards y (clockwise as the camera sees it).

    >>> (rotation_z(90) @ [1, 0, 0]).round(9).tolist()
    [0.0, 1.0, 0.0]
    """
    c, s = _cos_sin(angle_deg)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _cos_sin(angle_deg: float) -> tuple[float, float]:
    angle_rad = math.radians(angle_deg)
    return math.cos(angle_rad), math.sin(angle_rad)


def wrap_deg(angle_deg: float) -> float:
    """Return the same angle in [-180, 180).

    >>> wrap_deg(270.0), wrap_deg(180.0)
    (-90.0, -180.0)
    """
    return (angle_deg + 180.0) % 360.0 - 180.0


def unit(vector: ArrayLike) -> Array:
    """Return a vector, (3,), scaled to length 1. Errors: `ValueError` when it has no direction.

    >>> unit([3, 0, 4]).tolist()
    [0.6, 0.0, 0.8]
    """
    v = np.asarray(vector, dtype=float)
    length = float(np.linalg.norm(v))
    if not (math.isfinite(length) and length > 0.0):
        raise ValueError(f"a vector of length {length} has no direction")
    return v / length


def is_rotation(matrix: ArrayLike, *, tolerance: float = 1e-3) -> bool:
    """Whether a (3, 3) matrix is orthonormal and right-handed within the tolerance.

    >>> is_rotation(np.eye(3)), is_rotation(np.diag([1.0, 1.0, -1.0]))
    (True, False)
    """
    m = np.asarray(matrix, dtype=float)
    if m.shape != (3, 3) or not np.isfinite(m).all():
        return False
    return bool(np.abs(m @ m.T - np.eye(3)).max() <= tolerance and np.linalg.det(m) > 0.0)


def orthonormalise(matrix: ArrayLike) -> Array:
    """Return the rotation nearest to a (3, 3) matrix (polar decomposition).

    >>> orthonormalise(2 * np.eye(3)).tolist() == np.eye(3).tolist()
    True
    """
    u, _, vt = np.linalg.svd(np.asarray(matrix, dtype=float))
    nearest: Array = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return nearest


def level_from_camera(pitch_deg: float, roll_deg: float) -> Array:
    """Return R_level_from_camera, (3, 3).

    `pitch_deg` > 0: the camera looks up. `roll_deg` > 0: the camera is turned clockwise, so that the scene's
    up leans to the image's left.

    >>> (level_from_camera(-90, 0) @ [0, 0, 1]).round(9).tolist()  # looking down: forward is gravity
    [0.0, 1.0, 0.0]
    """
    return rotation_x(pitch_deg) @ rotation_z(roll_deg)


def gravity_from_pitch_roll(pitch_deg: float, roll_deg: float) -> Array:
    """Return the direction of gravity (down) in the camera frame, (3,).

    >>> gravity_from_pitch_roll(0, 0).tolist()  # a level camera: down is +y
    [0.0, 1.0, 0.0]
    """
    gravity: Array = level_from_camera(pitch_deg, roll_deg)[1].copy()
    return gravity


def pitch_roll_from_gravity(gravity: ArrayLike) -> tuple[float, float]:
    """Return (pitch_deg, roll_deg) from the direction of gravity (down) in the camera frame.

    Estimators that give the up vector: negate it first.

    >>> [round(a, 6) for a in pitch_roll_from_gravity(gravity_from_pitch_roll(-12, 5))]
    [-12.0, 5.0]
    """
    x, y, z = unit(gravity)
    return -math.degrees(math.asin(min(1.0, max(-1.0, z)))), math.degrees(math.atan2(x, y))


def rotation_from_orientation(
    azimuth_deg: float, polar_deg: float, rotation_deg: float = 0.0, *, ray: Sequence[float] | None = None
) -> Array:
    """Return R_from_object, (3, 3), of an orientation given by azimuth, polar and in-plane angles.

    Azimuth 0: the front points at the camera; azimuth 90: it points to the image's left and the object shows
    its left side. Polar > 0: the camera sees the object from above. In-plane > 0 turns the object
    counter-clockwise as seen.

    Without `ray` the result is in the frame of the crop that the estimator saw. With the viewing `ray`
    through the centre of the object's box (camera frame) it is R_camera_from_object: an estimator that sees a
    crop answers relative to that ray.

    >>> rotation_from_orientation(0, 0)[:, 0].round(9).tolist()
    [0.0, 0.0, -1.0]
    """
    c, s = _cos_sin(azimuth_deg)
    cp, sp = _cos_sin(polar_deg)
    upright = np.array([[-s, 0.0, -c], [c * sp, -cp, -s * sp], [-c * cp, -sp, s * cp]])
    R_crop_from_object: Array = rotation_z(-rotation_deg) @ upright
    return R_crop_from_object if ray is None else ray_rotation(ray) @ R_crop_from_object


def orientation_from_rotation(
    rotation: ArrayLike, *, ray: Sequence[float] | None = None
) -> tuple[float, float, float]:
    """Return (azimuth_deg, polar_deg, rotation_deg), the inverse of `rotation_from_orientation`.

    `rotation` is (3, 3). At polar ±90 azimuth and in-plane angle are not told apart; the split is arbitrary.

    >>> R = rotation_from_orientation(40, 5, -10, ray=(0.1, 0.2, 0.97))
    >>> [round(a, 6) for a in orientation_from_rotation(R, ray=(0.1, 0.2, 0.97))]
    [40.0, 5.0, -10.0]
    """
    R = np.asarray(rotation, dtype=float)
    if ray is not None:
        R = ray_rotation(ray).T @ R
    return (
        math.degrees(math.atan2(R[2, 2], -R[2, 0])),
        math.degrees(math.asin(min(1.0, max(-1.0, -R[2, 1])))),
        math.degrees(math.atan2(-R[0, 1], -R[1, 1])),
    )


def ray_rotation(ray: Sequence[float]) -> Array:
    """Return the smallest rotation, (3, 3), that takes the optical axis (0, 0, 1) to a viewing ray.

    Errors: `ValueError` for a ray without direction or straight backwards.

    >>> (ray_rotation((0.6, 0, 0.8)) @ [0, 0, 1]).round(9).tolist()
    [0.6, 0.0, 0.8]
    """
    x, y, z = unit(ray)
    if z <= -1.0 + 1e-12:
        raise ValueError("a viewing ray straight backwards has no smallest rotation")
    k = 1.0 / (1.0 + z)
    return np.array([[1.0 - k * x * x, -k * x * y, x], [-k * x * y, 1.0 - k * y * y, y], [-x, -y, z]])


def crop_homography(K: ArrayLike, ray: Sequence[float]) -> Array:
    """Return the homography, (3, 3), that warps the image as if the camera looked along `ray`.

    An estimator that sees the warped crop needs no ray correction for perspective; exact for any scene
    because the camera only turns. Maps homogeneous pixels of the image to pixels of the warped image.

    >>> crop_homography(np.diag([100.0, 100.0, 1.0]), (0, 0, 1)).tolist() == np.eye(3).tolist()  # no turn
    True
    """
    intrinsics = np.asarray(K, dtype=float)
    warp: Array = intrinsics @ ray_rotation(ray).T @ np.linalg.inv(intrinsics)
    return warp


def heading_deg(direction: Sequence[float]) -> float:
    """Return the heading of a direction in the level frame: 0 forward, 90 right, in [-180, 180].

    >>> heading_deg((1, 0, 0)), heading_deg((0, 0, -1))  # to the right, backwards
    (90.0, 180.0)
    """
    return math.degrees(math.atan2(direction[0], direction[2]))


def heading_from_azimuth(azimuth_deg: float, ray_level: Sequence[float]) -> float:
    """Return the heading of an upright object's front from its azimuth and its viewing ray (level frame).

    >>> heading_from_azimuth(0.0, (0.0, 0.0, 1.0))  # facing a camera that looks forward: heading backwards
    -180.0
    """
    return wrap_deg(heading_deg(ray_level) + 180.0 + azimuth_deg)


def mirror_rotation(rotation: ArrayLike) -> Array:
    """Return the rotation, (3, 3), of the object seen in an image flipped left to right.

    The world's x and the object's right axis change sign, so that left and right sides trade places.

    >>> turned = mirror_rotation(rotation_y(30))
    >>> bool(np.allclose(turned, rotation_y(-30) @ np.diag([-1, 1, -1])))
    True
    """
    R = np.asarray(rotation, dtype=float)
    mirrored: Array = np.diag([-1.0, 1.0, 1.0]) @ R @ np.diag([1.0, 1.0, -1.0])
    return mirrored
