"""Oriented boxes: their corners, and the gap between two of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Box", "gap_m"]

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A box in any frame: centre, full sizes along its own axes, and the axes as a rotation's columns.

    >>> upright = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    >>> Box((0, 0, 4), (2, 2, 2), upright).nearest((0, 0, 0))
    (0.0, 0.0, 3.0)
    """

    centre: Vector
    extent: Vector
    rotation: tuple[Vector, Vector, Vector]

    def corners(self) -> list[Vector]:
        """Return the eight corners."""
        x, y, z = self.centre
        signs = (-0.5, 0.5)
        points = []
        for i in signs:
            for j in signs:
                for k in signs:
                    a, b, c = i * self.extent[0], j * self.extent[1], k * self.extent[2]
                    dx, dy, dz = (row[0] * a + row[1] * b + row[2] * c for row in self.rotation)
                    points.append((x + dx, y + dy, z + dz))
        return points

    def nearest(self, point: Vector) -> Vector:
        """Return the box's point nearest to a point."""
        r0, r1, r2 = self.rotation
        x, y, z = (p - c for p, c in zip(point, self.centre, strict=True))
        inside = []
        for axis in range(3):
            half = self.extent[axis] / 2
            along = r0[axis] * x + r1[axis] * y + r2[axis] * z
            inside.append(min(half, max(-half, along)))
        a, b, c = inside
        cx, cy, cz = self.centre
        return (
            cx + r0[0] * a + r0[1] * b + r0[2] * c,
            cy + r1[0] * a + r1[1] * b + r1[2] * c,
            cz + r2[0] * a + r2[1] * b + r2[2] * c,
        )


def gap_m(a: Box, b: Box, *, tolerance: float = 1e-9, steps: int = 1000) -> float:
    """Return the shortest distance between two boxes; 0 when they touch or overlap.

    Alternating projections onto two convex sets (Cheney and Goldstein, 1959) end at their nearest points.

    >>> upright = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    >>> gap_m(Box((0, 0, 0), (1, 1, 1), upright), Box((2, 0, 0), (1, 1, 1), upright))
    1.0
    """
    on_b = b.centre
    gap = math.inf
    for _ in range(steps):
        on_a = a.nearest(on_b)
        on_b = b.nearest(on_a)
        shorter = math.dist(on_a, on_b)
        if gap - shorter < tolerance:
            return shorter if shorter > tolerance else 0.0
        gap = shorter
    return gap
