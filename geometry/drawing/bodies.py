"""What drawings need of a scene's objects: how each is turned in the frame that is drawn, and marks between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import Scene, SceneObject

__all__ = ["EDGES", "Mark", "centre_in", "corners", "level_of", "name_of", "rotation_in"]

Frame = Literal["camera", "level"]

_SIGNS = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (-0.5, 0.5)])
EDGES = tuple((i, j) for i in range(8) for j in range(i + 1, 8) if i ^ j in {1, 2, 4})
"""Edges of a box, as indices of its `corners`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A measured quantity, shown at one object or between two."""

    ids: tuple[str, ...]
    """One object: drawn towards the camera; two: drawn between them."""
    text: str


def name_of(item: SceneObject) -> str:
    """What a drawing calls the object: its id, and its class where that says more."""
    return (
        f"{item.id} ({item.label})"
        if item.label and item.label.casefold() not in item.id.casefold()
        else item.id
    )


def level_of(scene: Scene) -> NDArray[np.float64]:
    """Return R_level_from_camera, (3, 3); a camera whose gravity is unknown is drawn as if it were level."""
    known = scene.camera.level_from_camera
    return np.eye(3) if known is None else known


def rotation_in(frame: Frame, scene: Scene, item: SceneObject) -> NDArray[np.float64] | None:
    """Return R_<frame>_from_object, (3, 3), or None where the orientation is unknown."""
    if item.rotation is None:
        return None
    turned = np.array(item.rotation)
    if item.rotation_frame == frame:
        return turned
    level = level_of(scene)
    changed: NDArray[np.float64] = (level if frame == "level" else level.T) @ turned
    return changed


def centre_in(frame: Frame, scene: Scene, item: SceneObject) -> NDArray[np.float64] | None:
    """Return the centre, (3,) metres, or None where it is unknown."""
    if item.centre is None:
        return None
    centre = np.array(item.centre)
    return level_of(scene) @ centre if frame == "level" else centre


def corners(frame: Frame, scene: Scene, item: SceneObject) -> NDArray[np.float64] | None:
    """Return the corners, (8, 3) metres, of the object's box, or None where it is not known in full."""
    centre, rotation = centre_in(frame, scene, item), rotation_in(frame, scene, item)
    if centre is None or rotation is None or item.extent is None:
        return None
    box: NDArray[np.float64] = centre + (_SIGNS * np.array(item.extent)) @ rotation.T
    return box
