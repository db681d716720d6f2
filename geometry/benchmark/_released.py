"""In which order the released GenSpace code (arXiv 2505.24870) counts the variants: the folders `t2i/0` … `t2i/35`."""

from __future__ import annotations

from collections.abc import Mapping

from genspace.geometry.predicates import Task

VIEWS = "front back left right"
EDIT_VIEWS = "front left right back"
ARRANGED = "side_by_side_same side_by_side_opposite face_to_face back_to_back"

RELEASED: Mapping[Task, Mapping[str, str]] = {
    "t2i": {
        "camera_pose": VIEWS, "object_pose": VIEWS, "intrinsic": ARRANGED, "allocentric": VIEWS,
        "egocentric": "closer farther left right", "object_distance": "0.5 1 1.5 2", "camera_distance": "1 2 3 4",
        "object_size": "bigger taller longer wider", "complex_pose": "front left right back",
    },
    "edit": {
        "camera_pose": EDIT_VIEWS, "object_pose": EDIT_VIEWS, "intrinsic": ARRANGED, "allocentric": EDIT_VIEWS,
        "egocentric": "closer left right farther", "object_distance": "closer farther left right",
        "camera_distance": "forward left right backward", "object_size": "bigger taller longer wider",
        "complex_pose": VIEWS,
    },
}  # fmt: skip
"""Variants of each sub-domain, in the released order; of edits the last four have folders of their own."""


def released_variants(task: Task) -> list[tuple[str, str]]:
    """Return sub-domain and variant by released index.

    >>> released_variants("t2i")[16], released_variants("edit")[27]
    (('egocentric', 'closer'), ('camera_distance', 'backward'))
    """
    return [(name, variant) for name, variants in RELEASED[task].items() for variant in variants.split()]
