"""Painted parts: a mesh and what its surface is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.geometry.probes._solids import joined, mirrored

if TYPE_CHECKING:
    import trimesh

__all__ = ["BLACK", "CHROME", "GLASS", "RUBBER", "Finish", "Look", "Model", "Paint", "Piece", "split"]

Finish = Literal["matte", "satin", "gloss", "metal", "glass", "lit"]


class Look(dict[str, str]):
    """Colours, words and proportions of an object by name, as the catalogue writes them."""

    def number(self, name: str) -> float:
        """Return a proportion as a number."""
        return float(self[name])

    def paint(self, name: str, finish: Finish = "matte") -> Paint:
        """Return a colour as paint."""
        return Paint(self[name], finish)


@dataclass(frozen=True, slots=True)
class Paint:
    """Colour and finish of a surface."""

    colour: str
    """sRGB as "#rrggbb"."""
    finish: Finish = "matte"

    @property
    def linear_rgb(self) -> tuple[float, float, float]:
        """Linear reflectance of the colour (the inverse of the sRGB transfer curve, IEC 61966-2-1)."""
        s = np.array([int(self.colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        r, g, b = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
        return float(r), float(g), float(b)


@dataclass(frozen=True, slots=True)
class Piece:
    """A mesh of one paint, in the object frame (x front, y up, z right), metres."""

    mesh: trimesh.Trimesh
    paint: Paint


BLACK = Paint("#17181a", "satin")
RUBBER = Paint("#222325", "matte")
GLASS = Paint("#1d2a35", "glass")
CHROME = Paint("#c9ccd1", "metal")


class Model(list[Piece]):
    """The painted parts of an object, as they are added."""

    def add(self, paint: Paint, *meshes: trimesh.Trimesh) -> None:
        """Add meshes as one part of one paint."""
        self.append(Piece(joined(meshes), paint))

    def both(self, paint: Paint, *meshes: trimesh.Trimesh) -> None:
        """Add meshes and their mirror images on the other side as one part of one paint."""
        self.add(paint, *map(mirrored, meshes))


def split(mesh: trimesh.Trimesh, *regions: tuple[Paint, np.ndarray]) -> list[Piece]:
    """Return the mesh in parts by paint; each region marks vertices (V,), the first that marks one wins.

    The last region takes what is left and its mask is ignored.
    """
    left = np.ones(len(mesh.faces), bool)
    parts = []
    for place, (paint, marked) in enumerate(regions):
        mine = left if place == len(regions) - 1 else left & (marked[mesh.faces].sum(axis=1) >= 2)
        if mine.any():
            part = mesh.copy()
            part.update_faces(mine)
            part.remove_unreferenced_vertices()
            parts.append(Piece(part, paint))
        left = left & ~mine
    return parts
