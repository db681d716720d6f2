"""From an object's lifted points to the points worth measuring: the largest cluster of a grid's filled cells.

A mask that spills over an object's outline brings in patches of what stands behind it. All lengths follow the
object's own spread, so that a cup and a bus are cleaned alike. The cells only tell what belongs together: every point
of a cell that stays is measured, so that no size shrinks by the grid. Points that lie far from their neighbours are
kept: a mirror, an ear or a wheel looks just like that. The released GenSpace code drops them, uses fixed lengths, and
measures the cells' means, see `RELEASED`.
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
    """Lengths and counts of the cleaning."""

    voxels_per_spread: float = 40.0
    """The voxel's edge is the points' spread, 3 ‖standard deviation‖, over this."""
    min_voxel_m: float = 0.0
    neighbours: int = 20
    """Neighbours whose mean distance tells an outlier, the point itself among them."""
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


BY_SPREAD = Cleaning()
RELEASED = Cleaning(min_voxel_m=0.01, outlier_deviations=2.0, eps_m=0.2, min_points=5, thinned=True)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Points after cleaning."""

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
    return Cleaned(means[members] if cleaning.thinned else points[members[cell_of_point]], sparse)


def thin(points: Array, voxel_m: float) -> tuple[Array, NDArray[np.intp]]:
    """Return the mean of the points in each cell of a grid of cubes, (M, 3), and each point's cell, (N,)."""
    origin = points.min(axis=0) - voxel_m / 2
    cells = np.floor((points - origin) / voxel_m).astype(np.int64)
    sizes = cells.max(axis=0) + 1
    if float(np.prod(sizes.astype(float))) < 4e6:
        keys = (cells[:, 0] * sizes[1] + cells[:, 1]) * sizes[2] + cells[:, 2]
    else:  # a grid too large to count in: number the cells that hold a point
        keys = np.unique(cells, axis=0, return_inverse=True)[1].ravel()
    counts = np.bincount(keys)
    used = np.flatnonzero(counts)
    sums = [np.bincount(keys, weights=column)[used] for column in points.T]
    means: Array = np.column_stack(sums) / counts[used, None]
    return means, np.searchsorted(used, keys)


def outliers(points: Array, neighbours: int, deviations: float) -> BoolArray:
    """Return which points, (N,) bool, lie unusually far from their neighbours, themselves counted among them."""
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
    points within their reach. The nearest neighbours tell the cores, hold all neighbours of the other points, and
    connect nearly all cores; only if parts remain are all pairs within reach looked at.
    """
    from scipy.spatial import cKDTree

    count = len(points)
    if count < min_neighbours:
        return np.zeros(count, dtype=bool)
    tree = cKDTree(points)
    distances, neighbours = map(np.asarray, tree.query(points, k=min_neighbours))
    core = distances[:, -1] <= eps_m
    if not core.any():
        return np.zeros(count, dtype=bool)
    near = (distances <= eps_m) & core[neighbours]
    linked = near & core[:, None]
    labels = _components(np.repeat(np.arange(count), linked.sum(axis=1)), neighbours[linked], count)
    if np.ptp(labels[core]) > 0:
        a, b = tree.query_pairs(eps_m, output_type="ndarray").T
        both = core[a] & core[b]
        labels = _components(a[both], b[both], count)
    nearest_core = neighbours[np.arange(count), near.argmax(axis=1)]
    labels = np.where(near.any(axis=1), labels[nearest_core], -1)
    members: BoolArray = labels == np.bincount(labels[labels >= 0]).argmax()
    return members


def _components(a: NDArray[np.intp], b: NDArray[np.intp], count: int) -> NDArray[np.int32]:
    """Return the connected component of each of `count` nodes, given the ends of the edges."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    graph = csr_array((np.ones(len(a)), (a, b)), shape=(count, count))
    labels: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels
