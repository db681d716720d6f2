"""The camera: focal length (intrinsics) and which way is down (gravity), measured, read or stated as a guess."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from genspace.checkpoints import require_torch
from genspace.geometry.camera import Intrinsics, unproject
from genspace.geometry.perception import _pixels
from genspace.geometry.perception._parts import (
    GUESS,
    Arrays,
    Checkpoint,
    Part,
    PartKind,
    StageView,
    source_of,
    stages_of,
)
from genspace.geometry.perception._torch_hub import TorchHubPart, TorchHubSource, fetch_torch_hub
from genspace.records import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DEFAULT_INTRINSICS",
    "EXIF",
    "GEOCALIB",
    "GROUND_PLANE",
    "LEVEL",
    "focal_from_35mm",
    "ground_normal",
    "known_focal",
]

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)


class NoOptions(BaseModel, extra="forbid"):
    """A part without options."""


class FieldOfViewOptions(BaseModel, extra="forbid"):
    """The default field of view of a camera about which nothing is known."""

    vertical_deg: float = Field(50.0, gt=1.0, lt=170.0)
    """Vertical field of view; 50° is a 35 mm-equivalent lens of 26 mm on an upright 2:3 picture's long side."""


class CameraPart(Part):
    """A part without a model: its name and options are its fingerprint."""

    kind: ClassVar[str]
    """Its key in the registry."""

    def __init__(self, checkpoint: Checkpoint | None, options: Any, runtime: Any) -> None:
        del checkpoint, runtime
        self.options = options

    @property
    def name(self) -> str:
        """Its key in the registry."""
        return self.kind

    @property
    def fingerprint(self) -> str:
        """Digest of name and options."""
        return fingerprint({"part": self.name, "options": self.options.model_dump(), "version": 1})


class DefaultIntrinsics(CameraPart):
    """A stated field of view."""

    kind, gives, cached = "intrinsics.default", ("K",), False

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return K for the stated field of view, marked as a guess."""
        return [_stated(v, self.options.vertical_deg, "nothing is known about the camera") for v in views]


class ExifIntrinsics(CameraPart):
    """The focal length that the camera wrote into the file; the stated default where it wrote none."""

    kind, gives, cached = "intrinsics.exif", ("K",), False

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return K from the 35 mm equivalent focal length."""
        return [self._one(view) for view in views]

    def _one(self, view: StageView) -> Arrays:
        found = _focal_from_exif(view)
        if found is None:
            return _stated(view, self.options.vertical_deg, "the file has no EXIF focal length")
        focal, source = found
        return {"K": _centred(view, focal), source_of("K"): np.array(source)}


def _stated(view: StageView, vertical_deg: float, why: str) -> Arrays:
    height, width = view.size
    K = Intrinsics.from_field_of_view(width, height, vertical_deg=vertical_deg).matrix
    source = f"{GUESS}: {vertical_deg:g}° vertical field of view; {why}"
    return {"K": K, source_of("K"): np.array(source)}


def _centred(view: StageView, focal: float) -> NDArray[np.float64]:
    height, width = view.size
    return Intrinsics.centred(width, height, focal).matrix


def known_focal(view: StageView) -> tuple[float, str] | None:
    """Return a focal length in working pixels that is known and not guessed, and its source; None where none is.

    It is that of another part's intrinsics, or the one that the camera wrote into the file.

    >>> from genspace.geometry.perception import StageView
    >>> from genspace.geometry.perception.images import Picture
    >>> picture = Picture(np.zeros((2, 4, 3), dtype=np.uint8), width=4, height=2, digest="")
    >>> known_focal(StageView(picture, {"K": np.diag([500.0, 500, 1])}))
    (500.0, "another part's intrinsics")
    """
    if "K" in view.known and not view.guessed("K"):
        return float(view.known["K"][0, 0]), "another part's intrinsics"
    return _focal_from_exif(view)


def _focal_from_exif(view: StageView) -> tuple[float, str] | None:
    focal_mm = view.picture.focal_35mm
    if focal_mm is None:
        return None
    return focal_from_35mm(focal_mm, view.size), f"EXIF: {focal_mm:g} mm (35 mm equivalent)"


def focal_from_35mm(focal_mm: float, size: tuple[int, int]) -> float:
    """Return the focal length in pixels from its 35 mm equivalent, which compares diagonals (CIPA DCG-001).

    >>> round(focal_from_35mm(26.0, (3000, 4000)), 1)  # diagonal 5000 px against 43.27 mm
    3004.6
    """
    return focal_mm / FULL_FRAME_DIAGONAL_MM * math.hypot(*size)


class LevelGravity(CameraPart):
    """A camera held level."""

    kind, gives, cached = "gravity.level", ("gravity",), False

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return down = the image's down, marked as a guess."""
        return [_level("level camera") for _ in views]


def _level(why: str) -> Arrays:
    return {"gravity": np.array([0.0, 1.0, 0.0]), source_of("gravity"): np.array(f"{GUESS}: {why}")}


class GroundOptions(BaseModel, extra="forbid"):
    """Options of the ground-plane fit."""

    seed: int = 0
    iterations: int = Field(400, ge=10)
    tolerance: float = Field(0.01, gt=0.0)
    """Distance of an inlier from the plane, as a fraction of its depth."""
    least_share: float = Field(0.15, gt=0.0, lt=1.0)
    """Share of the points that must lie in the plane."""
    largest_tilt_deg: float = Field(50.0, gt=0.0, lt=90.0)
    """A plane tilted more than this against the image's vertical is a wall, not the ground."""


class GroundPlane(CameraPart):
    """Down as the normal of the ground, fitted to the points outside the objects in the lower half."""

    kind, gives = "gravity.ground-plane", ("gravity",)
    reads: ClassVar[tuple[str, ...]] = ("depth", "K", "masks")

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return the fitted normal; a level camera, marked as a guess, where no ground is found."""
        return [self._one(view) for view in views]

    def _one(self, view: StageView) -> Arrays:
        known, (height, _) = view.known, view.size
        free = (known["depth"] > 0) & ~known["masks"].any(axis=0)
        free[: height // 2] = False
        v, u = np.nonzero(free)
        if len(u) > _MOST_POINTS:
            chosen = np.random.default_rng(self.options.seed).choice(len(u), _MOST_POINTS, replace=False)
            v, u = v[chosen], u[chosen]
        points = unproject(u, v, known["depth"][v, u], Intrinsics.from_matrix(known["K"]))
        down = ground_normal(points, **self.options.model_dump())
        if down is None:
            return _level("level camera; no ground plane was found")
        return {"gravity": down, source_of("gravity"): np.array("the ground plane")}


_MOST_POINTS = 4000


def ground_normal(
    points: NDArray[Any],
    *,
    seed: int,
    iterations: int = 400,
    tolerance: float = 0.01,
    least_share: float = 0.15,
    largest_tilt_deg: float = 50.0,
) -> NDArray[np.float64] | None:
    """Return the direction down, (3,), normal to the largest ground-like plane of points (N, 3) in the camera frame.

    RANSAC (Fischler and Bolles 1981) over planes through three points, below the camera and tilted at most
    `largest_tilt_deg`; an inlier lies within `tolerance` × its depth. The best plane is refitted to its inliers
    by least squares. None where fewer than `least_share` of the points lie in one plane.

    >>> floor = np.array([[x, 1.5, z] for x in range(-3, 4) for z in range(2, 9)], dtype=float)  # 1.5 m below
    >>> (ground_normal(floor, seed=0, iterations=20) + 0.0).round(9).tolist()
    [0.0, 1.0, 0.0]
    """
    if len(points) < 10:
        return None
    rng = np.random.default_rng(seed)
    limit = tolerance * points[:, 2]
    best: NDArray[np.bool_] | None = None
    for triple in rng.integers(0, len(points), size=(iterations, 3)):
        a, b, c = points[triple]
        normal = np.cross(b - a, c - a)
        length = float(np.linalg.norm(normal))
        if length < 1e-12:
            continue
        inliers = _inliers(points, normal / length, a, limit, largest_tilt_deg)
        if inliers is not None and (best is None or inliers.sum() > best.sum()):
            best = inliers
    if best is None or best.sum() < max(10.0, least_share * len(points)):
        return None
    chosen = points[best]
    centre = chosen.mean(axis=0)
    normal = np.linalg.svd(chosen - centre, full_matrices=False)[2][-1]
    down: NDArray[np.float64] = normal if normal[1] > 0 else -normal
    return down


def _inliers(
    points: NDArray[Any],
    normal: NDArray[Any],
    through: NDArray[Any],
    limit: NDArray[Any],
    largest_tilt_deg: float,
) -> NDArray[np.bool_] | None:
    """Return which points lie in the plane; None when it is too steep for a ground or above the camera."""
    down = normal if normal[1] > 0 else -normal
    if math.degrees(math.acos(min(1.0, float(down[1])))) > largest_tilt_deg or float(through @ down) <= 0:
        return None
    near: NDArray[np.bool_] = np.abs((points - through) @ down) < limit
    return near


class GeoCalib(TorchHubPart):
    """GeoCalib (Veicht et al. 2024, arXiv 2409.06704): focal length and gravity from one image, in one pass.

    A focal length that is known, from another part or from EXIF, is a prior of both.
    """

    uses: ClassVar[tuple[str, ...]] = ("K",)
    gives = ("K", "gravity")
    version = 2

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return K with a centred principal point, and down: the negative of GeoCalib's vector, which points up."""
        return [self._one(view) for view in views]

    def _one(self, view: StageView) -> Arrays:
        torch = require_torch(self.kind)
        known = known_focal(view)
        device = self.runtime.device
        priors = None if known is None else {"focal": torch.tensor(known[0], device=device)}
        with self.runtime.inference():
            found = self.model.calibrate(_pixels.stack([view.pixels], device)[0], priors=priors)
        fx, fy = found["camera"].f.flatten().tolist()
        K = _centred(view, fx)
        K[1, 1] = fy
        down = -np.array(found["gravity"].vec3d.flatten().tolist())
        prior = "" if known is None else f", given the focal length from {known[1]}"
        return {
            "K": K,
            "gravity": down,
            source_of("K"): np.array("GeoCalib" if known is None else known[1]),
            source_of("gravity"): np.array(f"GeoCalib{prior}"),
        }


def _plain(part: type[CameraPart], does: str, options: type[BaseModel] = NoOptions) -> PartKind:
    stage, _, name = part.kind.partition(".")
    return PartKind(stages=(stage,), name=name, does=does, make=part, options=options, needs="")


DEFAULT_INTRINSICS = _plain(DefaultIntrinsics, "a stated field of view", FieldOfViewOptions)
EXIF = _plain(ExifIntrinsics, "the photo's own focal length, else the default", FieldOfViewOptions)
LEVEL = _plain(LevelGravity, "a level camera")
GROUND_PLANE = _plain(GroundPlane, "down from the floor's points", GroundOptions)

GEOCALIB_SOURCE = TorchHubSource(
    repository="cvg/GeoCalib",
    commit="02ca0d4a822bed90edd4db62564cffcd30d44b65",
    packages=("torchvision", "cv2", "kornia"),
    extra="vision",
    weights={"GeoCalib": "geocalib/pinhole.tar"},
)


GEOCALIB = PartKind(
    stages=stages_of(GeoCalib.gives),
    name="geocalib",
    does="focal length and down",
    needs="genspace[vision]",
    make=partial(GeoCalib, "gravity.geocalib", GEOCALIB_SOURCE),
    options=NoOptions,
    fetch=partial(fetch_torch_hub, GEOCALIB_SOURCE),
    checkpoints=(Checkpoint("GeoCalib", "Apache-2.0, weights CC BY 4.0", megabytes=120),),
)
