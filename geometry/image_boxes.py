"""Boxes in the picture: one convention, and one check that boxes keep to it.

Detectors write boxes in several ways, and most boxes written in one way are possible in another. Boxes that are
impossible, or cannot be pixels, show that a file was written another way.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ImageBox", "box_fault", "boxes_fault"]

ImageBox = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

OTHERS = (
    "if these are centre x, centre y, width, height, write cx − w/2, cy − h/2, cx + w/2, cy + h/2; if left, top, "
    "width, height, write left, top, left + width, top + height"
)
"""What to do with the two other common ways."""


def box_fault(box: ImageBox) -> str | None:
    """Return why this is not a box of left, top, right, bottom, None where it is one.

    >>> box_fault((251, 28, 510, 288)), box_fault((0.1, 0.4, 0.2, 0.2))[:69]
    (None, 'must be left, top, right, bottom with left < right and top < bottom; ')
    """
    left, top, right, bottom = box
    if left < right and top < bottom:
        return None
    return f"must be left, top, right, bottom with left < right and top < bottom; {OTHERS}"


def boxes_fault(boxes: Iterable[ImageBox]) -> str | None:
    """Return why all boxes of a file or a picture together cannot be pixels, None where they can be.

    >>> boxes_fault([(0.1, 0.2, 0.5, 0.9), (0.4, 0.1, 1.0, 0.3)])[:52]
    'all boxes lie between 0 and 1: these are fractions o'
    >>> boxes_fault([(0, 0, 1, 1), (5, 8, 90, 70)]), boxes_fault([])
    (None, None)
    """
    seen = False
    for box in boxes:
        seen = True
        if min(box) < 0 or max(box) > 1:
            return None
    if not seen:
        return None
    return (
        "all boxes lie between 0 and 1: these are fractions of the picture; multiply left and right by its width, top "
        f"and bottom by its height, in pixels ({OTHERS})"
    )
