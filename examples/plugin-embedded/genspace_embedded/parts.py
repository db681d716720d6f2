"""The parts of the stack `embedded`: one that finds things, one for the camera, one for all that is said of things.

Longer than 400 lines: its three parts share what the models give.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from genspace.archives import Archive, how_to_unpack
from genspace.geometry.camera import Intrinsics
from genspace.geometry.frames import orientation_from_rotation
from genspace.geometry.perception import (
    GUESS,
    Checkpoint,
    Part,
    PartKind,
    Stack,
    StageView,
    known_focal,
    source_of,
    stages_of,
)
from genspace.records import fingerprint
from genspace_embedded import boxes, people
from genspace_embedded.detectors import answering, nanodet, ssd
from genspace_embedded.distance import SIZES, Clue, Size, clue_from_ground, clue_from_height, distances
from genspace_embedded.lines import camera_from_lines, segments
from genspace_embedded.weights import BLAZEPOSE, NANODET, OBJECTRON, SSD, checkpoint

__all__ = ["CAMERA", "DETECTOR", "STACK", "THINGS"]

Arrays = dict[str, NDArray[Any]]


class EmbeddedPart(Part):
    """What the parts share: a name, options, and packages and archives that must be here."""

    kind: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    archives: ClassVar[tuple[Archive, ...]] = ()
    version: ClassVar[int] = 1
    """Raised when an answer may come out otherwise than before."""

    def __init__(self, checkpoint: Checkpoint | None, options: Any, runtime: Any) -> None:
        del checkpoint, runtime  # there is one of each: CPU, the archives' weights
        self.options = options

    @property
    def name(self) -> str:
        """Its key in the registry."""
        return self.kind

    @cached_property
    def fingerprint(self) -> str:
        """Digest of weights, options and version."""
        return fingerprint(
            {
                "part": self.kind,
                "version": self.version,
                "weights": sorted({digest for a in self.archives for digest in a.members.values()}),
                "options": self.options.model_dump(),
            }
        )

    def problem(self) -> str | None:
        """What is missing, with the command that mends it."""
        absent = [package for package in self.packages if find_spec(package) is None]
        if absent:
            return f"{self.kind} needs {', '.join(absent)}. Run: pip install genspace-embedded"
        how = how_to_unpack(self.archives, STACK.name)
        return f"{self.kind}: its weights are not on this machine. Get them with: {how}" if how else None


# Detector ----------------------------------------------------------------------------------------------------------


class DetectorOptions(BaseModel):
    """Scores under which boxes are no detections."""

    model_config = ConfigDict(extra="forbid")

    nanodet: float = Field(0.35, gt=0.0, lt=1.0)
    ssd: float = Field(0.3, gt=0.0, lt=1.0)


class Detector(EmbeddedPart):
    """NanoDet and the SSD of Objectron, each for the words that it knows."""

    kind = "detector.nanodet-ssd"
    packages = ("onnx", "onnxruntime", "ai_edge_litert")
    archives = (NANODET, SSD)
    reads: ClassVar[tuple[str, ...]] = ("labels",)
    gives = ("boxes", "label", "score")

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return boxes, label indices and scores of what answers to the words asked."""
        return [self._one(view) for view in views]

    def _one(self, view: StageView) -> Arrays:
        found = [
            *nanodet(view.pixels, self.options.nanodet),
            *ssd(view.pixels, self.options.ssd),
        ]
        names = [answering(label) for label in view.labels]
        wanted = [(d, i) for d in found for i, known in enumerate(names) if d.name in known]
        return {
            "boxes": np.array([d.box for d, _ in wanted], dtype=float).reshape(-1, 4),
            "label": np.array([i for _, i in wanted], dtype=np.int64),
            "score": np.array([d.score for d, _ in wanted], dtype=float),
        }


# Camera ------------------------------------------------------------------------------------------------------------


class CameraOptions(BaseModel):
    """What is taken where lines tell nothing."""

    model_config = ConfigDict(extra="forbid")

    vertical_deg: float = Field(50.0, gt=1.0, lt=170.0)
    """Vertical field of view."""


class Camera(EmbeddedPart):
    """Focal length and gravity from straight lines; a known focal length is kept."""

    kind = "gravity.lines"
    packages = ("cv2",)
    uses: ClassVar[tuple[str, ...]] = ("K",)
    gives = ("K", "gravity")

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return K and down; guesses where lines tell nothing."""
        return [self._one(view) for view in views]

    def _one(self, view: StageView) -> Arrays:
        height, width = view.size
        known = known_focal(view)
        found = camera_from_lines(segments(view.pixels), view.size, focal_px=known[0] if known else None)
        if known:
            focal, source = known
        elif found:
            focal, source = found.focal_px, "straight lines"
        else:
            focal = Intrinsics.from_field_of_view(width, height, vertical_deg=self.options.vertical_deg).fx
            source = f"{GUESS}: {self.options.vertical_deg:g}° vertical field of view; lines tell nothing"
        return {
            "K": Intrinsics.centred(width, height, focal).matrix,
            source_of("K"): np.array(source),
            "gravity": np.array([0.0, 1.0, 0.0]) if found is None else found.gravity,
            source_of("gravity"): np.array(
                f"{GUESS}: level camera; lines tell nothing" if found is None else "straight lines"
            ),
        }


# Things ------------------------------------------------------------------------------------------------------------


class NoOptions(BaseModel):
    """No options."""

    model_config = ConfigDict(extra="forbid")


ROUND = frozenset(
    {
        "apple",
        "bottle",
        "bowl",
        "donut",
        "orange",
        "pizza",
        "potted plant",
        "sports ball",
        "vase",
        "wine glass",
    }
)
"""Things that have no front."""
SURE = 0.97
"""Objectron's certainty from which the front of a chair is trusted; below it, chairs seen from behind are taken for
chairs seen from the front."""


class Seen(NamedTuple):
    """What is known of one thing; NaN where something is not."""

    mask: NDArray[np.bool_]
    mask_score: float
    mask_source: str
    clues: list[Clue]
    """Of its distance."""
    centre: NDArray[np.float64]
    """Where its middle is, up to its distance: (3,), z = 1."""
    angles: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    """Azimuth, polar angle and in-plane rotation relative to the viewing ray."""
    confidence: float = np.nan
    rotation: NDArray[np.float64] | None = None
    """R_camera_from_object."""
    has_front: int = -1
    front_source: str = "not known"


class Things(EmbeddedPart):
    """Masks, fronts, places and depth of things, by what is known of each kind."""

    kind = "depth.usual-sizes"
    packages = ("onnx", "onnxruntime", "ai_edge_litert")
    archives = (BLAZEPOSE, OBJECTRON)
    reads: ClassVar[tuple[str, ...]] = ("labels", "label", "boxes", "K", "gravity")
    gives = (
        *("masks", "mask_score", "depth"),
        *("azimuth_deg", "polar_deg", "rotation_deg", "confidence", "ray", "has_front"),
        *("centre", "extent", "rotation"),
    )  # fmt: skip

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return the arrays of all the stages for each view."""
        return [self._one(view) for view in views]

    def _one(self, view: StageView) -> Arrays:
        K, gravity, found = view.known["K"], view.known["gravity"], view.known["boxes"]
        words = [view.labels[i] for i in view.known["label"]]
        rays = np.array([_ray((b[:2] + b[2:]) / 2, K) for b in found]).reshape(-1, 3)
        seen = [_see(view, box, word, ray) for box, word, ray in zip(found, words, rays, strict=True)]
        z = distances([one.clues for one in seen])
        count = len(seen)
        masks = np.array([one.mask for one in seen], dtype=bool).reshape(count, *view.size)
        angles = np.array([one.angles for one in seen]).reshape(count, 3)
        unknown = np.full((3, 3), np.nan)
        depth_source = f"{GUESS}: usual sizes of things and the ground they stand on"
        if view.guessed("K"):
            depth_source += ", at a guessed focal length"
        return {
            "masks": masks,
            source_of("masks"): np.array([one.mask_source for one in seen], dtype=str),
            "mask_score": np.array([one.mask_score for one in seen], dtype=float),
            "azimuth_deg": angles[:, 0],
            "polar_deg": angles[:, 1],
            "rotation_deg": angles[:, 2],
            "confidence": np.array([one.confidence for one in seen], dtype=float),
            "has_front": np.array([one.has_front for one in seen], dtype=np.int64),
            source_of("azimuth_deg"): np.array([one.front_source for one in seen], dtype=str),
            "ray": rays / np.linalg.norm(rays, axis=1, keepdims=True),
            "centre": np.array([one.centre * far for one, far in zip(seen, z, strict=True)]).reshape(-1, 3),
            source_of("centre"): np.array(depth_source),
            "extent": np.full((count, 3), np.nan),
            "rotation": np.array([unknown if one.rotation is None else one.rotation for one in seen]).reshape(
                -1, 3, 3
            ),
            source_of("rotation"): np.array([one.front_source for one in seen], dtype=str),
            "depth": _painted(masks, z, _ground(view.size, K, gravity)),
            source_of("depth"): np.array(depth_source),
        }


def _ray(uv: NDArray[np.float64], K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction to a place in the image, (3,), z = 1."""
    return np.array([(uv[0] - K[0, 2]) / K[0, 0], (uv[1] - K[1, 2]) / K[1, 1], 1.0])


def _see(view: StageView, box: NDArray[np.float64], word: str, ray: NDArray[np.float64]) -> Seen:
    names = answering(word)
    size = next((SIZES[name] for name in SIZES if name in names), None)
    seen = Seen(_box_mask(box, view.size), 0.0, f"{GUESS}: the whole box", _clues(view, box, size), ray)
    if names & ROUND:
        seen = seen._replace(has_front=0, front_source="things of its kind have none")
    if "person" in names:
        return _see_person(view, box, seen)
    kind = next((k for k in boxes.KNOWN if k in names), None)
    return seen if kind is None else _see_box(view, box, kind, seen)


def _box_mask(box: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=bool)
    left, top, right, bottom = box
    mask[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
    return mask


_BORDER_PX = 3


def _clues(view: StageView, box: NDArray[np.float64], size: Size | None) -> list[Clue]:
    """Return what the box of a thing of usual size tells of its distance."""
    if size is None:
        return []
    cut_above, cut_below = box[1] < _BORDER_PX, box[3] > view.size[0] - _BORDER_PX
    clues = [] if cut_above or cut_below else [clue_from_height(box, size, view.known["K"])]
    if size.stands and not cut_below:
        ground = clue_from_ground(
            box, size, view.known["K"], view.known["gravity"], guessed=bool(view.guessed("gravity"))
        )
        clues += [ground] if ground else []
    return clues


_BODY_SPREAD = 0.12
"""Of the size of people's bodies as BlazePose sees them, as a logarithm."""


def _see_person(view: StageView, box: NDArray[np.float64], seen: Seen) -> Seen:
    person = people.look_at(view.pixels, box)
    if person.presence < people.SEEN:
        return seen
    azimuth, confidence = people.azimuth_deg(person)
    where = people.place(person, view.known["K"])
    mask = person.mask > 0.5
    seen = seen._replace(
        angles=(azimuth, np.nan, np.nan), confidence=confidence, has_front=1, front_source="BlazePose"
    )
    if mask.any():
        seen = seen._replace(mask=mask, mask_score=float(person.mask[mask].mean()), mask_source="BlazePose")
    if where is not None:
        # the body's own size in place of people's usual height: they may sit, stoop, or be cut off
        body = Clue(float(np.log(where[2])), _BODY_SPREAD)
        ground = [clue for clue in seen.clues if clue.of_eye_height]
        seen = seen._replace(clues=[body, *ground], centre=where / where[2])
    return seen


def _see_box(view: StageView, box: NDArray[np.float64], kind: str, seen: Seen) -> Seen:
    uv, sure = boxes.look_at(view.pixels, box, kind)
    lifted = boxes.lift(uv, view.known["K"]) if sure > 0.5 else None
    if lifted is None:
        return seen
    seen = seen._replace(centre=lifted.centre)
    if kind != "chair" or sure < SURE:
        return seen
    # a chair's front is the box's z, its right hand against the box's x
    rotation = np.column_stack([lifted.axes[:, 2], lifted.axes[:, 1], -lifted.axes[:, 0]])
    ray = (seen.centre / np.linalg.norm(seen.centre)).tolist()
    return seen._replace(
        angles=orientation_from_rotation(rotation, ray=ray),
        confidence=sure,
        rotation=rotation,
        has_front=1,
        front_source="Objectron",
    )


def _ground(
    size: tuple[int, int], K: NDArray[np.float64], gravity: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the depth of the ground that a camera at eye height stands over; 0 near the horizon and above it."""
    height, width = size
    v, u = np.mgrid[:height, :width] + 0.5
    down = (u - K[0, 2]) / K[0, 0] * gravity[0] + (v - K[1, 2]) / K[1, 1] * gravity[1] + gravity[2]
    near = down > 0.05
    depth: NDArray[np.float32] = np.where(near, 1.5 / np.where(near, down, 1.0), 0.0).astype(np.float32)
    return depth


def _painted(
    masks: NDArray[np.bool_], z: NDArray[np.float64], ground: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return depth in which each thing has its own, the nearer before the farther.

    Where a thing of unknown distance is, it is 0, unknown: it must not take the place of what else stands there.
    """
    depth = ground.copy()
    for i in sorted(range(len(z)), key=lambda i: -np.nan_to_num(z[i], nan=0.0)):
        depth[masks[i]] = np.nan_to_num(z[i], nan=0.0)
    return depth


# What is registered ------------------------------------------------------------------------------------------------

_NEEDS = "genspace-embedded"
DETECTOR = PartKind(
    stages=stages_of(Detector.gives),
    name="nanodet-ssd",
    does="boxes of some 90 kinds of things",
    make=Detector,
    needs=_NEEDS,
    options=DetectorOptions,
    checkpoints=(
        checkpoint("nanodet+ssd", "NanoDet: Apache-2.0; SSD: Apache-2.0 (MediaPipe)", 177, NANODET, SSD),
    ),
)
CAMERA = PartKind(
    stages=stages_of(Camera.gives),
    name="lines",
    does="focal length and down from straight lines",
    make=Camera,
    needs=_NEEDS,
    options=CameraOptions,
)
THINGS = PartKind(
    stages=stages_of(Things.gives),
    name="usual-sizes",
    does="masks and fronts of people, boxes of chairs and cups, guessed distances",
    make=Things,
    needs=_NEEDS,
    options=NoOptions,
    checkpoints=(
        checkpoint(
            "blazepose+objectron",
            "Apache-2.0 (MediaPipe)",
            0,
            BLAZEPOSE,
            OBJECTRON,
            note="from the archives of nanodet+ssd",
        ),
    ),
)
STACK = Stack(
    name="embedded",
    does="some 90 kinds of things on a CPU, from archives, without torch; distances are guesses, sizes abstain",
    parts={
        "detector": DETECTOR.name,
        "intrinsics": CAMERA.name,
        "gravity": CAMERA.name,
        **dict.fromkeys(THINGS.stages, THINGS.name),
    },
)
