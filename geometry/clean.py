"""Clean an object's lifted points before they are measured: keep the largest cluster of a grid's filled cells.

A mask that spills over an object's outline includes patches of the background. All lengths are relative to the object's
own spread, so that a cup and a bus are cleaned alike. The cells only decide what belongs together: every point of a
kept cell is measured, so that the grid shrinks no size. Points that lie far from their neighbours are kept, because a
mirror, an ear or a wheel looks just like that. The released GenSpace code drops them, uses fixed lengths, and measures
the cells' means, see `RELEASED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["BY_SPREAD", "RELEASED", "Cleaned", "Cleaning", "clean", "largest_cluster", "outliers", "thin"]


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Lengths and counts of the cleaning.

    >>> Cleaning(outlier_deviations=2.0, eps_m=0.25).neighbours
    20
    """

    voxels_per_spread: float = 40.0
    """The voxel's edge is the points' spread, 3 ‖standard deviation‖, over this."""
    min_voxel_m: float = 0.0
    neighbours: int = 20
    """Neighbours whose mean distance decides about an outlier, the point itself among them."""
    outlier_deviations: float | None = None
    """An outlier's mean distance lies this many standard deviations above the mean of all; None: none is dropped."""
    eps_voxels: float = 10.0
    """Reach of the clustering, in voxels: a quarter of the spread, as parts of one thing are seen across gaps."""
    eps_m: float | None = None
    """Reach of the clustering in metres, instead."""
    min_cluster: int = 10
    """Cells within reach that make a cell a core of a cluster."""
    min_points: int = 10
    """With fewer cells left after clustering, all points are kept."""
    thinned: bool = False
    """Whether the cells' means are returned instead of the points in them."""


MOST_CUBES = 4e6
"""Cubes of the largest grid that is counted in."""
TOUCHING = np.ones((3, 3, 3), dtype=bool)
BY_SPREAD = Cleaning()
RELEASED = Cleaning(min_voxel_m=0.01, outlier_deviations=2.0, eps_m=0.2, min_points=5, thinned=True)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Points after cleaning.

    >>> clean(np.array([[0.0, 0, 2], [0.1, 0, 2]])).sparse  # two points are too few to cluster
    True
    """

    points: Array
    """(N, 3) metres."""
    sparse: bool
    """Whether too few points were left, so that the clustering was not applied."""


def clean(points: Array, cleaning: Cleaning = BY_SPREAD) -> Cleaned:
    """Return an object's points, (N, 3) metres in any frame, without what does not belong to it.

    >>> cloud = np.random.default_rng(0).normal(size=(500, 3))
    >>> bool(clean(np.vstack([cloud, [[50.0, 0, 0]]])).points.max() < 10)
    True
    """
    if len(points) < cleaning.min_points:
        return Cleaned(points, sparse=True)
    spread = 3.0 * float(np.linalg.norm(points.std(axis=0)))
    voxel = max(cleaning.min_voxel_m, spread / cleaning.voxels_per_spread)
    if voxel <= 0.0:
        return Cleaned(points, sparse=True)
    if cleaning.outlier_deviations is not None:
        points = points[~outliers(points, cleaning.neighbours, cleaning.outlier_deviations)]
    means, cell_of_point = thin(points, voxel)
    eps = cleaning.eps_voxels * voxel if cleaning.eps_m is None else cleaning.eps_m
    members = largest_cluster(means, eps, cleaning.min_cluster)
    sparse = bool(members.sum() < cleaning.min_points)
    if sparse:
        members[:] = True
    if not cleaning.thinned:
        return Cleaned(points if members.all() else points[members[cell_of_point]], sparse)
    return Cleaned(means[members], sparse)


def thin(points: Array, voxel_m: float) -> tuple[Array, NDArray[np.intp]]:
    """Return the mean of the points in each cell of a grid of cubes, (M, 3), and each point's cell, (N,).

    >>> means, cell = thin(np.array([[0.0, 0, 0], [0.1, 0, 0], [5, 0, 0]]), voxel_m=1.0)
    >>> means.round(2).tolist(), cell.tolist()
    ([[0.05, 0.0, 0.0], [5.0, 0.0, 0.0]], [0, 0, 1])
    """
    columns = np.ascontiguousarray(points.T)
    origin = columns.min(axis=1, keepdims=True) - voxel_m / 2
    cells = ((columns - origin) / voxel_m).astype(np.int64)  # none is below 0
    sizes = cells.max(axis=1) + 1
    if float(np.prod(sizes.astype(float))) < MOST_CUBES:
        keys = (cells[0] * sizes[1] + cells[1]) * sizes[2] + cells[2]
    else:  # a grid too large to count in: number the cells that hold a point
        keys = np.unique(cells, axis=1, return_inverse=True)[1].ravel()
    counts = np.bincount(keys)
    used = np.flatnonzero(counts)
    place = np.zeros(len(counts), dtype=np.intp)
    place[used] = np.arange(len(used))
    sums = [np.bincount(keys, weights=column)[used] for column in columns]
    means: Array = np.column_stack(sums) / counts[used, None]
    return means, place[keys]


def outliers(points: Array, neighbours: int, deviations: float) -> BoolArray:
    """Return which points, (N,) bool, lie unusually far from their neighbours, themselves counted among them.

    >>> points = np.array([[float(x), 0, 0] for x in (0, 1, 2, 3, 50)])
    >>> outliers(points, neighbours=2, deviations=1.0).tolist()
    [False, False, False, False, True]
    """
    from scipy.spatial import cKDTree

    k = min(neighbours, len(points))
    distances = (
        np.asarray(cKDTree(points).query(points, k=k, workers=-1)[0]).reshape(len(points), k).mean(axis=1)
    )
    spread = distances.std(ddof=1) if len(points) > 1 else 0.0
    if spread == 0.0:
        return np.zeros(len(points), dtype=bool)
    far: BoolArray = distances >= distances.mean() + deviations * spread
    return far


def largest_cluster(points: Array, eps_m: float, min_neighbours: int) -> BoolArray:
    """Return the members, (N,) bool, of the largest DBSCAN cluster (Ester et al., 1996); none: all False.

    A core has `min_neighbours` points within `eps_m`, itself among them; a cluster is connected cores with the
    points within their reach. Points of neighbouring cubes of a grid are within reach of one another when a cube's
    diagonal is half of it (Gunawan, 2013): most cores, and what they connect, are counted rather than searched for.

    >>> points = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0], [9, 0, 0]])
    >>> largest_cluster(points, eps_m=0.15, min_neighbours=2).tolist()
    [True, True, True, False]
    """
    from scipy.spatial import cKDTree

    if len(points) < min_neighbours:
        return np.zeros(len(points), dtype=bool)
    part, near = _parts_of_grid(points, eps_m, min_neighbours)
    if near.all() and part.max() == 1:
        return near
    unsure = np.flatnonzero(part == 0)
    tree = cKDTree(points)
    distances, neighbours = map(np.asarray, tree.query(points[unsure], k=list(range(1, min_neighbours + 1))))
    core = part > 0
    core[unsure] = distances[:, -1] <= eps_m
    if not core.any():
        return core
    near = (distances <= eps_m) & core[neighbours]
    own = core[unsure]  # cores that the grid did not find begin as parts of their own
    part[unsure[own]] = part.max() + 1 + np.arange(own.sum())
    linked = near & own[:, None]
    part = _components(part[np.repeat(unsure, linked.sum(axis=1))], part[neighbours[linked]], part.max() + 1)[
        part
    ]
    part = _connected(points, part, np.flatnonzero(core), eps_m)
    # For a point that is not a core, the nearest points include all within reach.
    border = ~own & near.any(axis=1)
    part[unsure[border]] = part[neighbours[border, near[border].argmax(axis=1)]]
    members: BoolArray = part == np.bincount(part[part >= 0]).argmax()
    return members


def _parts_of_grid(points: Array, eps_m: float, min_neighbours: int) -> tuple[NDArray[np.intp], BoolArray]:
    """Return the part, (N,) from 1, of points that a grid shows to be cores, else 0, and which points are near one."""
    from scipy.ndimage import label

    side = eps_m / np.sqrt(12) * (1 - 1e-9)
    columns = points.T
    cubes = ((columns - columns.min(axis=1, keepdims=True)) / side).astype(np.int64)
    shape = tuple((cubes.max(axis=1) + 1).tolist())
    if float(np.prod(np.asarray(shape, dtype=float))) > MOST_CUBES:
        return np.zeros(len(points), dtype=np.intp), np.zeros(len(points), dtype=bool)
    cube = (cubes[0] * shape[1] + cubes[1]) * shape[2] + cubes[2]
    counts = np.bincount(cube, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)
    cores = (counts > 0) & (_around(counts) >= min_neighbours)
    parts = label(cores, TOUCHING)[0].ravel()[cube].astype(np.intp)
    return parts, _around(cores).ravel()[cube] > 0


def _around(counts: NDArray[np.integer] | BoolArray) -> NDArray[np.int64]:
    """Return the sum over each cube of a grid, (a, b, c), and those that touch it."""
    a, b, c = counts.shape
    padded = np.zeros((a + 2, b + 2, c + 2), dtype=np.int64)
    padded[1:-1, 1:-1, 1:-1] = counts
    sums = padded[:-2] + padded[1:-1] + padded[2:]
    sums = sums[:, :-2] + sums[:, 1:-1] + sums[:, 2:]
    around: NDArray[np.int64] = sums[..., :-2] + sums[..., 1:-1] + sums[..., 2:]
    return around


def _connected(
    points: Array, part: NDArray[np.intp], cores: NDArray[np.intp], eps_m: float
) -> NDArray[np.intp]:
    """Return the parts, (N,), with those joined whose cores are within reach; -1 for points that are not cores.

    A joined part bears the number of its first core. In each round every part but the largest joins the nearest one
    (Borůvka, 1926), until none is near enough.
    """
    from scipy.spatial import cKDTree

    joined = np.unique(part[cores], return_inverse=True)[1]
    while len(sizes := np.bincount(joined)) > 1:
        pairs = []
        for one in np.flatnonzero(np.arange(len(sizes)) != sizes.argmax()):
            others = np.flatnonzero(joined != one)
            tree = cKDTree(points[cores[others]])
            ours = points[cores[joined == one]]
            distance, nearest = map(np.asarray, tree.query(ours, distance_upper_bound=2 * eps_m))
            if distance.min() <= eps_m:
                pairs.append((one, joined[others[nearest[distance.argmin()]]]))
        if not pairs:
            break
        a, b = np.asarray(pairs).T
        joined = np.unique(_components(a, b, len(sizes))[joined], return_inverse=True)[1]
    first = np.full(len(sizes), len(points))
    np.minimum.at(first, joined, cores)
    result = np.full(len(points), -1)
    result[cores] = first[joined]
    return result


def _components(a: NDArray[np.intp], b: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return the connected component of each of `count` nodes, by its first node, given the ends of the edges."""
    first = np.arange(count)
    while True:
        ends = first[a], first[b]
        if (ends[0] == ends[1]).all():
            return first
        np.minimum.at(first, np.maximum(*ends), np.minimum(*ends))
        while ((nearer := first[first]) != first).any():
            first = nearer
