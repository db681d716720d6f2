"""Turn a detector's boxes and masks into one object per role: suppression, subtraction, assignment.

Objects are chosen only by the detector's scores. Choosing them so that a predicate holds would let the judge see what
it looks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

__all__ = ["assign", "box_iou", "non_maximum_suppression", "subtract_contained"]


def box_iou(boxes: ArrayLike, others: ArrayLike) -> Array:
    """Return the intersection over union, (N, M), of boxes (N, 4) and (M, 4) as left, top, right, bottom."""
    a, b = np.asarray(boxes, dtype=float), np.asarray(others, dtype=float)
    shared = _intersections(a, b)
    union: Array = _areas(a)[:, None] + _areas(b)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _intersections(a: Array, b: Array) -> Array:
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared: Array = np.clip(size, 0.0, None).prod(axis=2)
    return shared


def _areas(boxes: Array) -> Array:
    areas: Array = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def non_maximum_suppression(
    boxes: ArrayLike, scores: Sequence[float], labels: Sequence[str], *, threshold: float = 0.5
) -> list[int]:
    """Return the indices of boxes, (N, 4), to keep, best score first.

    A box goes when a better one of the same class overlaps it by more than `threshold` (intersection over union);
    classes do not suppress each other: a rider's box lies in the horse's.

    >>> non_maximum_suppression([[0, 0, 2, 2], [0, 0, 2, 2.1], [0, 0, 2, 2]], [0.9, 0.8, 0.7], ["a", "a", "b"])
    [0, 2]
    """
    kept: list[int] = []
    if not len(scores):
        return kept
    overlap = box_iou(boxes, boxes)
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if all(labels[index] != labels[k] or overlap[index, k] <= threshold for k in kept):
            kept.append(index)
    return kept


def assign(
    kinds: Sequence[str], scores: Sequence[float], wanted: Sequence[tuple[str, int]]
) -> list[int | None]:
    """Return the index of a detection for each wanted (kind, number), by detection score alone; None: too few found.

    Number 1 is the best detected of its kind, number 2 the second best, in whatever order they are wanted.

    >>> assign(["cat", "dog", "cat"], [0.4, 0.9, 0.8], [("cat", 2), ("cat", 1), ("cow", 1)])
    [0, 2, None]
    """
    best = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    of_kind = {kind: [i for i in best if kinds[i] == kind] for kind, _ in wanted}
    return [of_kind[kind][n - 1] if n <= len(of_kind[kind]) else None for kind, n in wanted]


def subtract_contained(masks: BoolArray, *, containment: float = 0.9) -> BoolArray:
    """Return masks, (N, h, w), with each cut out of the larger ones that contain it.

    A mask is cut out only where at least the share `containment` of it lies in the larger one: a cup on a table is,
    two horses side by side are not.
    """
    flat = masks.reshape(len(masks), int(np.prod(masks.shape[1:])))
    areas = [np.count_nonzero(mask) for mask in flat]
    cut = masks.copy()
    for larger in range(len(masks)):
        for smaller in range(len(masks)):
            if 0 < areas[smaller] < areas[larger]:
                shared = np.count_nonzero(flat[smaller] & flat[larger])
                if shared >= containment * areas[smaller]:
                    cut[larger] &= ~masks[smaller]
    return cut
