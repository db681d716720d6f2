"""A probe before it is drawn: camera, placed objects, backdrop.

Positions are in the level frame (x right, y down, z forward and horizontal, metres) with the camera at the origin,
so the ground is the plane y = camera height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from genspace.geometry.frames import level_from_camera
from genspace.geometry.probes.objects import ProbeObject, make_object

__all__ = ["PlacedObject", "ProbeCamera", "ProbeScene", "corners", "project"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeCamera:
    """A pinhole camera with square pixels and a centred principal point.

    >>> ProbeCamera(size=512, fov_deg=90, pitch_deg=0, roll_deg=0, height_m=1.5).focal_px.__round__(6)
    256.0
    """

    size: int
    """Width and height of the image in pixels."""
    fov_deg: float
    """Full horizontal field of view."""
    pitch_deg: float
    """> 0: the camera looks up."""
    roll_deg: float
    """> 0: the camera is turned clockwise."""
    height_m: float
    """Height of the optical centre above the ground."""

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.size / 2 / float(np.tan(np.radians(self.fov_deg) / 2))

    @property
    def level_from_camera(self) -> Floats:
        """Rotation (3, 3) from camera to level coordinates."""
        return level_from_camera(self.pitch_deg, self.roll_deg)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedObject:
    """An object in the scene.

    >>> cow = PlacedObject(id="cow", category="cow", look=0, ground_xz=(1.0, 4.0), heading_deg=90)
    >>> cow.level_from_object[:, 0].round(9).tolist()  # its front points to the right
    [1.0, 0.0, 0.0]
    """

    id: str
    """Name in the scene file and in predicates."""
    category: str
    look: int
    ground_xz: tuple[float, float]
    """Where the centre of its box stands, level x and z."""
    heading_deg: float
    """atan2(front x, front z): 0 looks away from the camera's side, 90 to its right, 180 towards it."""
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Stretch along front, up and right."""
    lift_m: float = 0.0
    """Height of its lowest point above the ground."""

    @property
    def model(self) -> ProbeObject:
        """The object as built."""
        return make_object(self.category, self.look)

    @property
    def extent(self) -> Floats:
        """Full size (3,) along front, up and right after stretching."""
        return np.asarray(self.model.extent * self.scale)

    @property
    def level_from_object(self) -> Floats:
        """Rotation (3, 3) whose columns are front, up and right in level coordinates."""
        s, c = np.sin(np.radians(self.heading_deg)), np.cos(np.radians(self.heading_deg))
        return np.array([[s, 0, c], [0, -1, 0], [c, 0, -s]])

    def centre(self, camera: ProbeCamera) -> Floats:
        """Centre (3,) of its box in level coordinates."""
        x, z = self.ground_xz
        return np.array([x, camera.height_m - self.lift_m - self.extent[1] / 2, z])


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeScene:
    """Everything needed to draw a probe and to know its truth.

    >>> camera = ProbeCamera(size=512, fov_deg=90, pitch_deg=0, roll_deg=0, height_m=1.5)
    >>> cow = PlacedObject(id="cow", category="cow", look=0, ground_xz=(0.0, 4.0), heading_deg=0)
    >>> ProbeScene(camera=camera, objects=(cow,), backdrop="meadow", seed=0).objects[0].id
    'cow'
    """

    camera: ProbeCamera
    objects: tuple[PlacedObject, ...]
    backdrop: str
    """Name in `genspace.geometry.probes.backdrops.BACKDROPS`."""
    seed: int
    """Seed of the backdrop's and the light's details."""


def corners(placed: PlacedObject, camera: ProbeCamera) -> Floats:
    """Return the eight corners (8, 3) of the object's box in level coordinates.

    >>> camera = ProbeCamera(size=512, fov_deg=90, pitch_deg=0, roll_deg=0, height_m=1.5)
    >>> cow = PlacedObject(id="cow", category="cow", look=0, ground_xz=(0.0, 4.0), heading_deg=0)
    >>> float(corners(cow, camera)[:, 1].max())  # its lowest points stand on the ground, 1.5 m below the camera
    1.5
    """
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
    return np.asarray(placed.centre(camera) + (signs * placed.extent) @ placed.level_from_object.T)


def project(points_level: Floats, camera: ProbeCamera) -> Floats:
    """Return pixels and depth (N, 3) of level points (N, 3): u, v, z; u and v are NaN behind the camera.

    >>> camera = ProbeCamera(size=512, fov_deg=90, pitch_deg=0, roll_deg=0, height_m=1.5)
    >>> project(np.array([[1.0, 0, 2]]), camera).round(6).tolist()  # 256 · 1/2 + 256
    [[384.0, 256.0, 2.0]]
    """
    x, y, z = (points_level @ camera.level_from_camera).T
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.where(z > 0, camera.focal_px * x / z + camera.size / 2, np.nan)
        v = np.where(z > 0, camera.focal_px * y / z + camera.size / 2, np.nan)
    return np.stack([u, v, z], -1)
