"""Backdrops of probes (meadow, street, yard, living room, studio, table top): ground, walls, light with soft shadows.

A backdrop becomes surfaces in level coordinates shifted so that the ground is y = 0 (y down), and one panorama that
lights the scene: a sky with a soft sun and hills, or the glow of a room. backdrops.toml names the places.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from genspace.geometry.probes._parts import Paint
from genspace.geometry.probes.objects import Scale

__all__ = ["BACKDROPS", "TILE_M", "Backdrop", "Surface", "panorama", "surfaces", "texture"]

Floats = NDArray[np.float64]
Pattern = Literal[
    "grass", "asphalt", "paving", "sand", "planks", "tiles", "carpet", "wood", "plaster", "bricks"
]

TILE_M: dict[Pattern, float] = {
    "grass": 3.0, "asphalt": 4.0, "paving": 2.4, "sand": 4.0, "planks": 1.6, "tiles": 1.2, "carpet": 2.0,
    "wood": 0.7, "plaster": 3.0, "bricks": 1.2,
}  # fmt: skip
"""Size of one tile of each pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backdrop:
    """A kind of place."""

    scales: tuple[Scale, ...]
    """Which objects belong there."""
    ground: Pattern
    ground_colour: str
    wall: Pattern | None = None
    """None: open air."""
    wall_colour: str = "#ffffff"
    far_colour: str = "#7f9a6a"
    """Hills or houses at the horizon, in open air."""
    table: bool = False
    """The ground is the top of a table that ends in front of the wall."""


def _read() -> Iterator[tuple[str, Backdrop]]:
    text = (files(__package__) / "backdrops.toml").read_text(encoding="utf-8")
    for name, entry in tomllib.loads(text).items():
        yield name, Backdrop(scales=tuple(entry.pop("scales")), **entry)


BACKDROPS: Mapping[str, Backdrop] = dict(_read())
"""Name to backdrop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A rectangle of the backdrop."""

    corner: Floats
    """(3,) level coordinates, ground at y = 0."""
    along: Floats
    """(3,) first edge."""
    up: Floats
    """(3,) second edge."""
    pattern: Pattern
    paint: Paint

    @property
    def quad(self) -> Floats:
        """Corners (4, 3) in order."""
        return np.array(
            [self.corner, self.corner + self.along, self.corner + self.along + self.up, self.corner + self.up]
        )


def surfaces(backdrop: Backdrop, *, far_m: float, unit_m: float, seed: int) -> list[Surface]:
    """Return the surfaces around objects that reach from the camera to `far_m`; `unit_m` is the largest one's size.

    Open air is a ground to the horizon. A room is a floor and one wall behind the objects, wider than any field of
    view, so that light comes in from everywhere else; a table ends at its wall.
    """
    rng = np.random.default_rng([seed, 11])
    right, up, forward = np.array([1.0, 0, 0]), np.array([0.0, -1, 0]), np.array([0.0, 0, 1])
    ground_paint, wall_paint = (
        Paint(_varied(backdrop.ground_colour, rng)),
        Paint(_varied(backdrop.wall_colour, rng)),
    )
    back = far_m + unit_m * rng.uniform(0.5, 1.0) + (0.12 if backdrop.table else 0.5)
    if backdrop.wall is None:
        back = far_m + 60 * max(unit_m, 1.0)
    side = 3 * back

    def wall(z: float, low: float, high: float, pattern: Pattern, paint: Paint) -> Surface:
        corner = np.array([-side, -low, z])
        return Surface(
            corner=corner, along=2 * side * right, up=(high - low) * up, pattern=pattern, paint=paint
        )

    corner = np.array([-side, 0, -side])
    built = [
        Surface(
            corner=corner,
            along=2 * side * right,
            up=(side + back) * forward,
            pattern=backdrop.ground,
            paint=ground_paint,
        )
    ]
    if backdrop.wall is not None:
        low = -0.74 if backdrop.table else 0.0
        built.append(wall(back + 0.02, low, 4 * unit_m + back, backdrop.wall, wall_paint))
        if not backdrop.table:
            built.append(wall(back - 0.015, 0, 0.09, "plaster", Paint("#f6f3ec", "satin")))
    return built


def _varied(colour: str, rng: np.random.Generator) -> str:
    """Make a colour slightly lighter or darker."""
    factor = rng.uniform(0.9, 1.08)
    return "#" + "".join(f"{min(int(int(colour[i : i + 2], 16) * factor), 255):02x}" for i in (1, 3, 5))


def panorama(backdrop: Backdrop, seed: int, *, height: int = 512) -> NDArray[np.float32]:
    """Return the surrounding light as a panorama of radiance (height, 2 * height, 3), top row straight up.

    Column c looks along azimuth 2 pi (c + 0.5) / width, measured so that column 0 is level -z turning to +x; the
    renderer documents the mapping where it uses it.
    """
    rng = np.random.default_rng([seed, 7])
    width = 2 * height
    elevation = 90 - (np.arange(height) + 0.5) * 180 / height
    azimuth = (np.arange(width) + 0.5) * 360 / width
    if backdrop.wall is not None:
        # a room seen from its open side: a broad bright window behind and above the camera, warm fill elsewhere
        fill = np.array([1.0, 0.97, 0.93]) * 0.62
        image = np.broadcast_to(fill, (height, width, 3)).copy()
        toward = rng.uniform(-55, 55)
        glow = _blob(elevation, azimuth, 48 + rng.uniform(-8, 8), (toward + 360) % 360, 17)
        return np.asarray(image + glow[..., None] * np.array([1.0, 0.96, 0.9]) * 8.5, np.float32)
    zenith, horizon = np.array([0.20, 0.40, 0.78]), np.array([0.74, 0.84, 0.93])
    up = np.clip(elevation / 90, 0, 1)[:, None, None] ** 0.45
    image = np.broadcast_to(horizon * (1 - up) + zenith * up, (height, width, 3)).copy()
    clouds = gaussian_filter(rng.normal(size=(height, width)), (6, 18), mode=("nearest", "wrap"))
    clouds += 0.6 * gaussian_filter(rng.normal(size=(height, width)), (3, 8), mode=("nearest", "wrap")) * 0.4
    clouds = (
        np.clip((clouds / clouds.std() - 0.55) * 0.7, 0, 1) * np.clip((elevation - 4) / 14, 0, 1)[:, None]
    )
    image += clouds[..., None] * (np.array([1.0, 1.0, 1.0]) - image) * 0.85
    ridge = (
        3.0
        + 2.2 * gaussian_filter(rng.normal(size=width), 28, mode="wrap") * 10
        + 0.7 * gaussian_filter(rng.normal(size=width), 4, mode="wrap") * 3
    )
    far = np.array(Paint(backdrop.far_colour).linear_rgb)
    hazy = 0.62 * far + 0.38 * horizon * 0.8
    image = np.where((elevation[:, None] < ridge + 2.5)[..., None], 0.5 * hazy + 0.5 * horizon * 0.85, image)
    image = np.where((elevation[:, None] < ridge)[..., None], hazy, image)
    sun = _blob(elevation, azimuth, rng.uniform(32, 58), (rng.uniform(-75, 75)) % 360, 2.6)
    return np.asarray(image * 0.95 + sun[..., None] * np.array([1.0, 0.93, 0.82]) * 330, np.float32)


def _blob(
    elevation: Floats, azimuth: Floats, at_elevation: float, at_azimuth: float, width_deg: float
) -> Floats:
    """Gaussian spot on the sphere, 1 at its centre."""
    e, a = np.radians(elevation)[:, None], np.radians(azimuth)[None]
    e0, a0 = np.radians([at_elevation, at_azimuth])
    cosine = np.sin(e) * np.sin(e0) + np.cos(e) * np.cos(e0) * np.cos(a - a0)
    return np.asarray(np.exp(-0.5 * (np.degrees(np.arccos(np.clip(cosine, -1, 1))) / width_deg) ** 2))


def texture(pattern: Pattern, paint: Paint, seed: int, *, size: int = 512) -> NDArray[np.float32]:
    """Return a tile (size, size, 3) of linear reflectance that repeats without seams."""
    rng = np.random.default_rng([seed, 3])

    def noise(*sigma: float) -> Floats:
        field = gaussian_filter(rng.normal(size=(size, size)), sigma, mode="wrap")
        return np.asarray(field / field.std())

    v, u = np.meshgrid(np.arange(size) / size, np.arange(size) / size, indexing="ij")
    base = np.array(paint.linear_rgb)
    shade = np.ones((size, size))
    tint = np.zeros((size, size, 3))
    if pattern == "grass":
        shade += 0.12 * noise(14, 14) + 0.16 * noise(2.2, 0.8) + 0.1 * noise(0.7, 0.7)
        tint += noise(24, 24)[..., None] * np.array([0.02, 0.006, -0.003])
    elif pattern in ("asphalt", "sand", "carpet"):
        grain = {"asphalt": 0.13, "sand": 0.07, "carpet": 0.09}[pattern]
        shade += grain * noise(0.8, 0.8) + 0.05 * noise(18, 18)
    elif pattern == "plaster":
        shade += 0.018 * noise(20, 20) + 0.012 * noise(1.2, 1.2)
    elif pattern == "wood":
        rings = np.sin(2 * np.pi * (9 * v + 0.28 * noise(7, 60)))
        shade += 0.07 * rings + 0.05 * noise(0.7, 14) + 0.06 * noise(10, 80)
    elif pattern == "planks":
        rows = 10
        row = (v * rows).astype(int)
        shift = rng.uniform(size=rows)[row]
        plank = row * 7 + ((u * 2 + shift) % 2).astype(int)
        shade *= (0.82 + 0.36 * rng.uniform(size=rows * 7 + 7))[plank]
        shade += 0.06 * noise(0.8, 18) + 0.05 * noise(3, 40)
        joint = (np.minimum(v * rows % 1, 1 - v * rows % 1) < 0.022) | (
            np.minimum((u * 2 + shift) % 1, 1 - (u * 2 + shift) % 1) < 0.004
        )
        shade = np.where(joint, shade * 0.5, shade)
    else:
        rows, columns, offset, gap = {
            "tiles": (4, 4, 0.0, 0.012),
            "paving": (4, 4, 0.5, 0.02),
            "bricks": (12, 5, 0.5, 0.05),
        }[pattern]
        row = (v * rows).astype(int)
        across = u * columns + offset * (row % 2)
        stone = row * columns + across.astype(int) % columns
        spread = {"tiles": 0.03, "paving": 0.09, "bricks": 0.13}[pattern]
        shade *= (1 + spread * rng.normal(size=rows * columns))[stone]
        shade += 0.03 * noise(1.0, 1.0) + 0.03 * noise(9, 9)
        joint = (np.minimum(v * rows % 1, 1 - v * rows % 1) < gap * (1 if pattern != "bricks" else 1.5)) | (
            np.minimum(across % 1, 1 - across % 1) < gap
        )
        if pattern == "bricks":
            tint = np.where(joint[..., None], 0.42 - base * shade[..., None], 0)
        else:
            shade = np.where(joint, shade * 0.72, shade)
    return np.asarray(np.clip(base * np.clip(shade, 0.2, 1.7)[..., None] + tint, 0.01, 0.92), np.float32)
