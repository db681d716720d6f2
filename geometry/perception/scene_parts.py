"""Parts that read the scene file beside the image: known truth, or somebody else's perception.

With them any stage of perception can be replaced by what is known, which tells what each stage costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from genspace.geometry.frames import gravity_from_pitch_roll, orientation_from_rotation
from genspace.geometry.perception._parts import (
    GUESS,
    Arrays,
    Part,
    PartKind,
    PerceptionError,
    StageView,
    is_guess,
    source_of,
    stages_of,
)
from genspace.geometry.perception.crops import box_ray
from genspace.geometry.perception.labels import same_object
from genspace.geometry.perception.truth import KnownScene, nearest
from genspace.geometry.predicates import instance_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import SceneObject

__all__ = ["BOXES3D", "DEPTH", "DETECTOR", "GRAVITY", "INTRINSICS", "ORIENTATION", "SEGMENTER"]


_FILE = "the scene file"


class ScenePart(Part):
    """A part that copies what the scene file says."""

    reads: ClassVar[tuple[str, ...]] = ("truth",)

    def __init__(self, checkpoint: Any, options: Any, runtime: Any) -> None:
        del checkpoint, options, runtime

    @property
    def name(self) -> str:
        """Its key in the registry."""
        return f"{stages_of(self.gives)[0]}.scene"

    @property
    def fingerprint(self) -> str:
        """Its name: what it answers is in the scene file."""
        return self.name

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return what each view's scene file says. Errors: `PerceptionError` where it says nothing."""
        answers: list[Arrays] = []
        for view in views:
            if view.truth is None:
                raise PerceptionError(f"{self.name}: there is no scene file beside the image")
            sources = {source_of(key): np.array(_FILE) for key in self.gives}
            answers.append({**sources, **self.read(view, view.truth)})
        return answers

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return the stage's arrays for one view."""
        raise NotImplementedError

    def nothing(self, truth: KnownScene, what: str) -> PerceptionError:
        """Return the error for a scene file that lacks what is needed."""
        return PerceptionError(f"{self.name}: {truth.scene.source} holds no {what}")


def _from_file(source: str | None) -> NDArray[np.str_]:
    """Return the source of a value from the file. A guess stays marked as a guess."""
    return np.array(f"{GUESS}, in {_FILE}: {source}" if is_guess(source) else _FILE)


class SceneDetector(ScenePart):
    """The scene's objects whose label, or id, is asked for."""

    reads: ClassVar[tuple[str, ...]] = ("truth", "labels")
    gives = ("boxes", "label", "score")

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return boxes, label indices and detection confidences (1 where the file says none).

        Of one class, `horse` stands before `horse_2`, wherever they stand in the file.
        """
        boxes, label, score = [], [], []
        known = zip(truth.scene.objects, truth.boxes(view.size), strict=True)
        for item, box in sorted(known, key=lambda pair: instance_of(pair[0].id)[1]):
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

    reads: ClassVar[tuple[str, ...]] = ("truth", "boxes")
    gives = ("masks", "mask_score")

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return masks at working size; an empty one for a box that shows no object of the scene."""
        matches = truth.matches(view.known["boxes"], view.size)
        masks = np.zeros((len(matches), *view.size), dtype=bool)
        for i, item in enumerate(matches):
            if item is not None and item.mask is not None:
                masks[i] = nearest(item.mask.decode(), view.size)
        return {"masks": masks, "mask_score": masks.any(axis=(1, 2)).astype(float)}


class SceneDepth(ScenePart):
    """The scene's depth image."""

    gives = ("depth",)

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return depth z in metres at working size, 0 where it is unknown."""
        depth = truth.scene.read_depth()
        if depth is None:
            raise self.nothing(truth, "depth")
        return {
            "depth": nearest(depth, view.size),
            source_of("depth"): _from_file(truth.scene.depth_source),
        }


class SceneIntrinsics(ScenePart):
    """The focal length and the principal point of the scene's camera."""

    gives = ("K",)

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return K in working pixels."""
        camera = truth.scene.camera
        if camera.intrinsics is None:
            raise self.nothing(truth, "intrinsics")
        height, width = view.size
        K = camera.intrinsics.scaled(width / truth.scene.width, height / truth.scene.height).matrix
        return {"K": K, source_of("K"): _from_file(camera.intrinsics_source)}


class SceneGravity(ScenePart):
    """The pitch and the roll of the scene's camera."""

    gives = ("gravity",)

    def read(self, view: StageView, truth: KnownScene) -> Arrays:  # noqa: ARG002 - every scene part's signature
        """Return down in the camera frame."""
        camera = truth.scene.camera
        if camera.pitch_deg is None or camera.roll_deg is None:
            raise self.nothing(truth, "pitch and roll of the camera")
        gravity = gravity_from_pitch_roll(camera.pitch_deg, camera.roll_deg)
        return {"gravity": gravity, source_of("gravity"): _from_file(camera.gravity_source)}


class SceneOrientation(ScenePart):
    """The rotations of the scene's objects."""

    reads: ClassVar[tuple[str, ...]] = ("truth", "boxes", "K")
    gives = ("azimuth_deg", "polar_deg", "rotation_deg", "confidence", "ray", "has_front")

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return angles relative to each box's ray; NaN, not known, where the file has no rotation."""
        boxes = view.known["boxes"]
        matches = truth.matches(boxes, view.size)
        rays = np.array([box_ray(b, view.known["K"]) for b in boxes]).reshape(-1, 3)
        angles = np.full((len(matches), 3), np.nan)
        confidence = np.full(len(matches), np.nan)
        has_front = np.full(len(matches), -1)
        for i, item in enumerate(matches):
            if item is None:
                continue
            has_front[i] = -1 if item.has_front is None else int(item.has_front)
            if item.rotation is not None:
                rotation = _in_camera(item, item.rotation, truth, self)
                angles[i] = orientation_from_rotation(rotation, ray=rays[i].tolist())
                confidence[i] = 1.0 if item.rotation_confidence is None else item.rotation_confidence
        return {
            **dict(zip(("azimuth_deg", "polar_deg", "rotation_deg"), angles.T, strict=True)),
            "confidence": confidence,
            "ray": rays,
            "has_front": has_front,
        }


class SceneBoxes(ScenePart):
    """The boxes in 3D of the scene's objects."""

    reads: ClassVar[tuple[str, ...]] = ("truth", "boxes")
    gives = ("centre", "extent", "rotation")

    def read(self, view: StageView, truth: KnownScene) -> Arrays:
        """Return centres, extents and R_camera_from_object; NaN where the file does not know one."""
        matches = truth.matches(view.known["boxes"], view.size)
        centre, extent = np.full((2, len(matches), 3), np.nan)
        rotation = np.full((len(matches), 3, 3), np.nan)
        for i, item in enumerate(matches):
            if item is None:
                continue
            if item.centre is not None:
                centre[i] = item.centre
            if item.rotation is not None:
                rotation[i] = _in_camera(item, item.rotation, truth, self)
                extent[i] = np.nan if item.extent is None else item.extent
        return {"centre": centre, "extent": extent, "rotation": rotation}


def _in_camera(item: SceneObject, rows: Any, truth: KnownScene, part: ScenePart) -> NDArray[np.float64]:
    """Return R_camera_from_object of a rotation in the file."""
    rotation = np.array(rows, dtype=float)
    if item.rotation_frame == "camera":
        return rotation
    level = truth.scene.camera.level_from_camera
    if level is None:
        raise part.nothing(truth, "pitch and roll of the camera, which its levelled rotations need")
    in_camera: NDArray[np.float64] = level.T @ rotation
    return in_camera


def _kind(part: type[ScenePart]) -> PartKind:
    return PartKind(
        stages=stages_of(part.gives),
        name="scene",
        does="what the scene file beside the image says",
        needs="",
        make=part,
    )


DETECTOR = _kind(SceneDetector)
SEGMENTER = _kind(SceneSegmenter)
DEPTH = _kind(SceneDepth)
INTRINSICS = _kind(SceneIntrinsics)
GRAVITY = _kind(SceneGravity)
ORIENTATION = _kind(SceneOrientation)
BOXES3D = _kind(SceneBoxes)
