"""The scene file beside an image as perception sees it: known truth, or somebody else's perception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.geometry.detections import box_iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import Scene, SceneObject

__all__ = ["KnownScene", "nearest"]

_SAME_BOX = 0.5
"""Intersection over union from which a detected box is taken for a scene's object."""


@dataclass(frozen=True)
class KnownScene:
    """A scene file, seen in working pixels."""

    scene: Scene

    def boxes(self, size: tuple[int, int]) -> list[NDArray[np.float64] | None]:
        """Return each object's box (u0, v0, u1, v1) in pixels of an image of (height, width).

        It comes from the mask where there is no box, and is None where there is neither, or nothing of it inside.
        """
        return [self._box(item, size) for item in self.scene.objects]

    def _box(self, item: SceneObject, size: tuple[int, int]) -> NDArray[np.float64] | None:
        corners: Any = item.box
        if corners is None and item.mask is not None:
            rows, columns = np.nonzero(item.mask.decode())
            if len(rows):
                corners = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        if corners is None:
            return None
        height, width = size
        scale = np.array([width / self.scene.width, height / self.scene.height] * 2)
        box: NDArray[np.float64] = np.clip(np.array(corners) * scale, 0.0, [width, height, width, height])
        return box if (box[2:] > box[:2]).all() else None

    def matches(self, boxes: NDArray[np.float64], size: tuple[int, int]) -> list[SceneObject | None]:
        """Match boxes, (N, 4), to the scene's objects; None where a box shows none of them."""
        there = [(i, b) for i, b in zip(self.scene.objects, self.boxes(size), strict=True) if b is not None]
        if not there or not len(boxes):
            return [None] * len(boxes)
        overlap = box_iou(boxes, np.array([b for _, b in there]))
        best = overlap.argmax(axis=1)
        return [there[j][0] if overlap[i, j] >= _SAME_BOX else None for i, j in enumerate(best)]


def nearest(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an array (h, w) at another size (height, width), each pixel from the nearest one."""
    rows = ((np.arange(size[0]) + 0.5) * array.shape[0] / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * array.shape[1] / size[1]).astype(int)
    resampled: NDArray[Any] = array[rows[:, None], columns[None, :]]
    return resampled
