"""Solids that the probe objects are put together from: rounded hulls, lathes, tubes, blended limbs.

Every solid is a triangle mesh in the object frame (x front, y up, z right, metres). Points are (N, 3) arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.errors import optional_import

if TYPE_CHECKING:
    import trimesh

__all__ = [
    "ball",
    "blend",
    "block",
    "disc",
    "hull",
    "joined",
    "lathe",
    "mirrored",
    "plate",
    "rod",
    "surface",
    "tube",
]

Floats = NDArray[np.float64]


def _trimesh() -> Any:
    return optional_import("trimesh", extra="render", needed_for="making probe objects")


def ball(centre: ArrayLike, radii: ArrayLike, *, subdivisions: int = 3) -> trimesh.Trimesh:
    """Return an ellipsoid with three `radii` (or one) around `centre`."""
    mesh: trimesh.Trimesh = _trimesh().creation.icosphere(subdivisions=subdivisions)
    mesh.vertices *= np.broadcast_to(np.asarray(radii, float), 3)
    mesh.apply_translation(centre)
    return mesh


def hull(points: ArrayLike, radius: ArrayLike = 0.0) -> trimesh.Trimesh:
    """Return the convex hull of balls of `radius` (one, or one per point) around `points`: a rounded solid."""
    points = np.asarray(points, float)
    radii = np.broadcast_to(np.asarray(radius, float), len(points))
    # thin rods and small edges need no finer ball
    unit = _trimesh().creation.icosphere(subdivisions=2 if radii.max() > 0.03 else 1).vertices
    cloud = [point + r * unit if r > 0 else point[None] for point, r in zip(points, radii, strict=True)]
    mesh: trimesh.Trimesh = _trimesh().convex.convex_hull(np.vstack(cloud))
    return mesh


def block(low: ArrayLike, high: ArrayLike, radius: float = 0.0) -> trimesh.Trimesh:
    """Return the box between two corners with edges rounded by `radius`."""
    low, high = np.asarray(low, float) + radius, np.asarray(high, float) - radius
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
    return hull(low + corners * (high - low), radius)


def plate(outline: ArrayLike, low: float, high: float, axis: str, radius: float = 0.0) -> trimesh.Trimesh:
    """Return a convex outline (N, 2) extruded from `low` to `high` along `axis`, its edges rounded.

    The outline's two coordinates are the other two axes in the order x, y, z.
    """
    outline = np.asarray(outline, float)
    at = "xyz".index(axis)
    points = [np.insert(outline, at, level, axis=1) for level in (low + radius, high - radius)]
    return hull(np.vstack(points), radius)


def disc(centre: ArrayLike, radius: float, width: float, axis: str, edge: float = 0.0) -> trimesh.Trimesh:
    """Return a round plate (a wheel) of `radius` and `width` around `centre`, its axle along `axis`."""
    profile = [
        (0.0, -width / 2), (radius - edge, -width / 2), (radius, -width / 2 + edge),
        (radius, width / 2 - edge), (radius - edge, width / 2), (0.0, width / 2),
    ]  # fmt: skip
    return lathe(profile, centre=centre, axis=axis)


def lathe(
    profile: ArrayLike, *, centre: ArrayLike = (0, 0, 0), axis: str = "y", sections: int = 48
) -> trimesh.Trimesh:
    """Return the solid that the profile (N, 2) of (radius, height) sweeps around `axis`."""
    mesh: trimesh.Trimesh = _trimesh().creation.revolve(np.asarray(profile, float), sections=sections)
    # revolve turns around z; a cyclic swap of the axes keeps the mesh's handedness
    order = {"x": [2, 0, 1], "y": [1, 2, 0], "z": [0, 1, 2]}[axis]
    mesh.vertices = mesh.vertices[:, order]
    mesh.apply_translation(centre)
    return mesh


def tube(path: ArrayLike, radius: ArrayLike, *, sections: int = 16, closed: bool = False) -> trimesh.Trimesh:
    """Return a round tube along `path` (N, 3) with one radius or one per point, its ends rounded off.

    The frame is carried along the path without twist (parallel transport).
    """
    path = np.asarray(path, float)
    radii = np.broadcast_to(np.asarray(radius, float), len(path))
    around = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    tangents = around if closed else np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normal = np.cross(tangents[0], np.eye(3)[np.argmin(np.abs(tangents[0]))])
    angles = np.linspace(0, 2 * np.pi, sections, endpoint=False)
    rings = []
    for point, tangent, r in zip(path, tangents, radii, strict=True):
        normal = normal - tangent * (normal @ tangent)
        normal /= np.linalg.norm(normal)
        binormal = np.cross(tangent, normal)
        rings.append(point + r * (np.outer(np.cos(angles), normal) + np.outer(np.sin(angles), binormal)))
    mesh = surface(np.array(rings), around=closed, capped=False)
    if closed:
        return mesh
    return joined([mesh, *(ball(path[end], radii[end], subdivisions=2) for end in (0, -1))])


def surface(
    rings: Floats, *, closed: bool = True, around: bool = False, capped: bool = True
) -> trimesh.Trimesh:
    """Return the mesh through `rings` (N, M, 3) of points.

    `closed`: each ring comes back to its first point; `around`: the last ring is followed by the first; `capped`:
    the ends of closed rings are filled with fans.
    """
    n, m = rings.shape[:2]
    i, j = np.meshgrid(np.arange(n if around else n - 1), np.arange(m if closed else m - 1), indexing="ij")
    here, beside = i * m + j, i * m + (j + 1) % m
    ahead, corner = (i + 1) % n * m + j, (i + 1) % n * m + (j + 1) % m
    faces = [
        np.stack([here, beside, corner], -1).reshape(-1, 3),
        np.stack([here, corner, ahead], -1).reshape(-1, 3),
    ]
    vertices = rings.reshape(-1, 3)
    if closed and capped and not around:
        k = np.arange(m)
        for ring, centre, order in ((0, n * m, -1), (n - 1, n * m + 1, 1)):
            fan = np.stack([ring * m + k, ring * m + (k + 1) % m, np.full(m, centre)], -1)
            faces.append(fan[:, ::order])
        vertices = np.vstack([vertices, rings[0].mean(0), rings[-1].mean(0)])
    mesh: trimesh.Trimesh = _trimesh().Trimesh(vertices, np.vstack(faces), process=False)
    return mesh


def rod(start: ArrayLike, end: ArrayLike, radius: ArrayLike) -> trimesh.Trimesh:
    """Return a round-ended rod, tapering when two radii are given."""
    return hull(np.array([start, end]), radius)


def mirrored(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Return the mesh and its mirror image on the other side of the plane z = 0."""
    other = mesh.copy()
    other.vertices = other.vertices * [1, 1, -1]
    other.faces = other.faces[:, ::-1]
    return joined([mesh, other])


def joined(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Return meshes as one."""
    mesh: trimesh.Trimesh = _trimesh().util.concatenate(list(meshes)) if len(meshes) > 1 else meshes[0]
    return mesh


def blend(
    limbs: Sequence[tuple[ArrayLike, ArrayLike, float, float]], *, smooth: float, cell: float
) -> trimesh.Trimesh:
    """Return limbs melted into one smooth body, as in clay.

    `limbs` are (start, end, radius at the start, radius at the end); they are joined by the polynomial smooth
    minimum of width `smooth` (Quilez) of their distance fields, and its zero surface is drawn by naive surface
    nets (Gibson 1998) on a grid of `cell` metres.
    """
    starts = np.array([limb[0] for limb in limbs], float)
    ends = np.array([limb[1] for limb in limbs], float)
    radii = np.array([limb[2:] for limb in limbs], float)

    margin = radii.max() + smooth + 2 * cell
    low = np.minimum(starts, ends).min(0) - margin
    shape = np.ceil((np.maximum(starts, ends).max(0) + margin - low) / cell).astype(int) + 1
    field = np.full(shape, 1e6)
    for a, b, (ra, rb) in zip(starts, ends, radii, strict=True):
        # a limb changes the field only within `smooth` of its surface, so only its own box is computed
        reach = max(ra, rb) + smooth + cell
        first = np.maximum(np.floor((np.minimum(a, b) - reach - low) / cell).astype(int), 0)
        last = np.ceil((np.maximum(a, b) + reach - low) / cell).astype(int) + 1
        box = tuple(slice(i, j) for i, j in zip(first, last, strict=True))
        steps = [np.arange(i, min(j, n)) for i, j, n in zip(first, last, shape, strict=True)]
        points = low + cell * np.stack(np.meshgrid(*steps, indexing="ij"), -1)
        along = b - a
        t = np.clip((points - a) @ along / max(along @ along, 1e-12), 0, 1)[..., None]
        d = np.linalg.norm(points - a - t * along, axis=-1) - (ra + t[..., 0] * (rb - ra))
        h = np.maximum(smooth - np.abs(field[box] - d), 0) / smooth
        field[box] = np.minimum(field[box], d) - h * h * smooth / 4
    return _surface_nets(field, low, cell)


def _surface_nets(values: Floats, low: Floats, cell: float) -> trimesh.Trimesh:
    """Return the zero surface of a grid of values: one vertex per crossed cell, one quad per crossed edge."""
    inside = values < 0
    cells = np.array(values.shape) - 1
    total, count = np.zeros((*cells, 3)), np.zeros(cells)
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        head, tail = [slice(None)] * 3, [slice(None)] * 3
        head[axis], tail[axis] = slice(None, -1), slice(1, None)
        a, b = values[tuple(head)], values[tuple(tail)]
        crossed = (a < 0) != (b < 0)
        t = np.divide(a, a - b, out=np.zeros_like(a), where=crossed)
        for u in (0, 1):
            for v in (0, 1):  # the four edges of each cell along this axis
                edge = [slice(None)] * 3
                edge[first], edge[second] = slice(u, u + cells[first]), slice(v, v + cells[second])
                on = crossed[tuple(edge)]
                total[..., axis] += t[tuple(edge)]
                total[..., first] += u * on
                total[..., second] += v * on
                count += on
    used = count > 0
    index = np.full(used.shape, -1)
    index[used] = np.arange(used.sum())
    vertices = low + cell * (np.stack(np.nonzero(used), -1) + total[used] / count[used][:, None])
    faces = []
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        sign = np.diff(inside.astype(np.int8), axis=axis)
        at = np.stack(np.nonzero(sign), -1)
        at_sign = sign[tuple(at.T)]
        e1, e2 = np.eye(3, dtype=int)[first], np.eye(3, dtype=int)[second]
        quad = np.stack([index[tuple((at - d).T)] for d in (0 * e1, e1, e1 + e2, e2)], -1)
        quad[at_sign > 0] = quad[at_sign > 0][:, ::-1]
        faces.append(quad)
    quads = np.vstack(faces)
    triangles = np.vstack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    mesh: trimesh.Trimesh = _trimesh().Trimesh(vertices, triangles, process=False)
    return mesh
