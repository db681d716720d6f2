"""Parts that read the scene file beside the image: known truth, or somebody else's perception.

With them any stage of perception can be replaced by what is known, which tells what each stage costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genspace.geometry.detections import box_iou
from genspace.geometry.frames import gravity_from_pitch_roll, orientation_from_rotation
from genspace.geometry.perception._parts import Arrays, Part, PartKind, PerceptionError, View
from genspace.geometry.perception.crops import box_ray
from genspace.geometry.perception.labels import same_object

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import Scene, SceneObject

__all__ = ["DEPTH", "DETECTOR", "GRAVITY", "INTRINSICS", "ORIENTATION", "SEGMENTER", "Truth"]

_SAME_BOX = 0.5
"""Intersection over union from which a detected box is taken for a scene's object."""


@dataclass(frozen=True)
class Truth:
    """A scene file, seen in working pixels."""

    scene: Scene

    def boxes(self, view: View) -> list[NDArray[np.float64] | None]:
        """Return each object's box (u0, v0, u1, v1) in working pixels, from its mask where it has no box."""
        return [self._box(item, view) for item in self.scene.objects]

    def _box(self, item: SceneObject, view: View) -> NDArray[np.float64] | None:
        corners: Any = item.box
        if corners is None and item.mask is not None:
            rows, columns = np.nonzero(item.mask.decode())
            if len(rows):
                corners = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        if corners is None:
            return None
        height, width = view.size
        scale = np.array([width / self.scene.width, height / self.scene.height] * 2)
        box: NDArray[np.float64] = np.clip(np.array(corners) * scale, 0.0, [width, height, width, height])
        return box

    def matches(self, view: View) -> list[SceneObject | None]:
        """Return, for each of the view's boxes, the scene's object that it shows; None where there is none."""
        boxes = view.known["boxes"]
        there = [(i, b) for i, b in zip(self.scene.objects, self.boxes(view), strict=True) if b is not None]
        if not there or not len(boxes):
            return [None] * len(boxes)
        overlap = box_iou(boxes, np.array([b for _, b in there]))
        best = overlap.argmax(axis=1)
        return [there[j][0] if overlap[i, j] >= _SAME_BOX else None for i, j in enumerate(best)]


class ScenePart(Part):
    """A part that copies what the scene file says."""

    reads: ClassVar[tuple[str, ...]] = ("truth",)
    cached = False

    def __init__(self, checkpoint: Any, options: Any, runtime: Any) -> None:
        del checkpoint, options, runtime

    @property
    def fingerprint(self) -> str:
        """The stage: what it answers is in the scene file."""
        return f"{self.stage}.scene"

    def run(self, views: Sequence[View]) -> list[Arrays]:
        """Return what each view's scene file says. Errors: `PerceptionError` where it says nothing."""
        answers = []
        for view in views:
            if view.truth is None:
                raise PerceptionError(f"{self.stage}.scene: there is no scene file beside the image")
            answers.append(self.read(view, view.truth))
        return answers

    def read(self, view: View, truth: Truth) -> Arrays:
        """Return the stage's arrays for one view."""
        raise NotImplementedError

    def nothing(self, truth: Truth, what: str) -> PerceptionError:
        """Return the error for a scene file that does not say what is needed."""
        return PerceptionError(f"{self.stage}.scene: {truth.scene.source} holds no {what}")


class SceneDetector(ScenePart):
    """The scene's objects whose label, or id, is asked for."""

    stage = "detector"
    reads: ClassVar[tuple[str, ...]] = ("truth", "labels")

    def read(self, view: View, truth: Truth) -> Arrays:
        """Return boxes, label indices and detection confidences (1 where the file says none)."""
        boxes, label, score = [], [], []
        for item, box in zip(truth.scene.objects, truth.boxes(view), strict=True):
            name = item.label or item.id
            fitting = [i for i, wanted in enumerate(view.labels) if same_object(name, wanted)]
            if box is not None and fitting:
                boxes.append(box)
                label.append(fitting[0])
                score.append(1.0 if item.detection_confidence is None else item.detection_confidence)
        return {
            "boxes": np.array(boxes, dtype=float).reshape(-1, 4),
            "label": np.array(label, dtype=np.int64),
            "score": np.array(score, dtype=float),
        }


class SceneSegmenter(ScenePart):
    """The masks of the scene's objects."""

    stage = "segmenter"
    reads: ClassVar[tuple[str, ...]] = ("truth", "boxes")

    def read(self, view: View, truth: Truth) -> Arrays:
        """Return masks at working size; an empty one for a box that shows no object of the scene."""
        matches = truth.matches(view)
        masks = np.zeros((len(matches), *view.size), dtype=bool)
        for i, item in enumerate(matches):
            if item is not None and item.mask is not None:
                masks[i] = nearest(item.mask.decode(), view.size)
        return {"masks": masks, "mask_score": masks.any(axis=(1, 2)).astype(float)}


class SceneDepth(ScenePart):
    """The scene's depth image."""

    stage = "depth"

    def read(self, view: View, truth: Truth) -> Arrays:
        """Return depth z in metres at working size, 0 where it is unknown."""
        depth = truth.scene.read_depth()
        if depth is None:
            raise self.nothing(truth, "depth")
        return {"depth": nearest(depth, view.size)}


class SceneIntrinsics(ScenePart):
    """The scene's camera."""

    stage = "intrinsics"

    def read(self, view: View, truth: Truth) -> Arrays:
        """Return K in working pixels."""
        intrinsics = truth.scene.camera.intrinsics
        if intrinsics is None:
            raise self.nothing(truth, "intrinsics")
        height, width = view.size
        K = intrinsics.scaled(width / truth.scene.width, height / truth.scene.height).matrix
        return {"K": K, "source": np.array("the scene file")}


class SceneGravity(ScenePart):
    """The scene's camera."""

    stage = "gravity"

    def read(self, view: View, truth: Truth) -> Arrays:  # noqa: ARG002 - every scene part's signature
        """Return down in the camera frame."""
        camera = truth.scene.camera
        if camera.pitch_deg is None or camera.roll_deg is None:
            raise self.nothing(truth, "pitch and roll of the camera")
        gravity = gravity_from_pitch_roll(camera.pitch_deg, camera.roll_deg)
        return {"gravity": gravity, "source": np.array("the scene file")}


class SceneOrientation(ScenePart):
    """The rotations of the scene's objects."""

    stage = "orientation"
    reads: ClassVar[tuple[str, ...]] = ("truth", "boxes", "K")

    def read(self, view: View, truth: Truth) -> Arrays:
        """Return angles relative to each box's ray; confidence 0 where the file has no rotation."""
        matches = truth.matches(view)
        rays = np.array([box_ray(b, view.known["K"]) for b in view.known["boxes"]]).reshape(-1, 3)
        angles = np.zeros((len(matches), 3))
        confidence = np.zeros(len(matches))
        has_front = np.full(len(matches), -1)
        for i, item in enumerate(matches):
            if item is None or item.rotation is None:
                continue
            angles[i] = orientation_from_rotation(self._in_camera(item, truth), ray=rays[i].tolist())
            confidence[i] = 1.0 if item.rotation_confidence is None else item.rotation_confidence
            has_front[i] = -1 if item.has_front is None else int(item.has_front)
        names = ("azimuth_deg", "polar_deg", "rotation_deg")
        return {
            **dict(zip(names, angles.T, strict=True)),
            "confidence": confidence,
            "ray": rays,
            "has_front": has_front,
        }

    def _in_camera(self, item: SceneObject, truth: Truth) -> NDArray[np.float64]:
        rotation = np.array(item.rotation, dtype=float)
        if item.rotation_frame == "camera":
            return rotation
        level = truth.scene.camera.level_from_camera
        if level is None:
            raise self.nothing(truth, "pitch and roll of the camera, which its levelled rotations need")
        in_camera: NDArray[np.float64] = level.T @ rotation
        return in_camera


def nearest(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an array (h, w) at another size (height, width), each pixel from the nearest one."""
    rows = ((np.arange(size[0]) + 0.5) * array.shape[0] / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * array.shape[1] / size[1]).astype(int)
    resampled: NDArray[Any] = array[rows[:, None], columns[None, :]]
    return resampled


def _kind(part: type[ScenePart]) -> PartKind:
    return PartKind(
        stage=part.stage, name="scene", gives="what the scene file beside the image says", make=part
    )


DETECTOR = _kind(SceneDetector)
SEGMENTER = _kind(SceneSegmenter)
DEPTH = _kind(SceneDepth)
INTRINSICS = _kind(SceneIntrinsics)
GRAVITY = _kind(SceneGravity)
ORIENTATION = _kind(SceneOrientation)
