"""Boxes in the image: overlap, non-maximum suppression by class, and which detections are the objects asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["choose", "overlaps", "suppress"]


def overlaps(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return intersection over union, (N, M), of boxes (N, 4) and (M, 4) as (u0, v0, u1, v1).

    >>> overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=-1)
    area_a, area_b = (np.prod(x[:, 2:] - x[:, :2], axis=-1) for x in (a, b))
    union = area_a[:, None] + area_b[None, :] - shared
    ratio: NDArray[np.float64] = np.divide(
        shared, union, out=np.zeros_like(shared, dtype=float), where=union > 0
    )
    return ratio


def suppress(
    boxes: NDArray[Any], label: NDArray[Any], score: NDArray[Any], *, limit: float = 0.6
) -> NDArray[np.int64]:
    """Return the indices that are left when boxes of one class overlap more than `limit`: the best scored.

    Boxes of different classes never suppress each other: a cup on a table is inside the table's box.
    """
    kept: list[int] = []
    for i in np.argsort(-score, kind="stable"):
        rivals = [j for j in kept if label[j] == label[i]]
        if not rivals or overlaps(boxes[[i]], boxes[rivals]).max() <= limit:
            kept.append(int(i))
    return np.array(kept, dtype=np.int64)


def choose(
    boxes: NDArray[Any], label: NDArray[Any], score: NDArray[Any], counts: Sequence[int]
) -> NDArray[np.int64]:
    """Return the indices of the objects asked for: `counts[i]` of class i, the best scored, by class.

    Decided by detection scores alone. Fewer are returned where fewer were found.
    """
    kept = suppress(boxes, label, score)
    chosen = [[i for i in kept if label[i] == c][:n] for c, n in enumerate(counts)]
    return np.array([i for of_class in chosen for i in of_class], dtype=np.int64)
