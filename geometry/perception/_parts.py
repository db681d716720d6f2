"""What a perception part is: one stage of the way from pixels to a scene, replaceable by itself.

A part reads some of what is known about an image and gives more: named arrays. The table `STAGES` says which
arrays a stage gives; everything else (order, batches, caches, checks, failures) is the pipeline's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from genspace.errors import GenspaceError
from genspace.geometry.perception.images import Picture

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genspace.geometry.perception.truth import Truth

__all__ = [
    "STAGES",
    "Arrays",
    "Checkpoint",
    "Part",
    "PartKind",
    "PerceptionError",
    "Runtime",
    "Stage",
    "View",
    "check_output",
]

Arrays = Mapping[str, NDArray[Any]]


class PerceptionError(GenspaceError):
    """A part could not see: its answer is absurd, or it failed on this image. The image gets a failed verdict."""


@dataclass(frozen=True)
class Stage:
    """One stage of perception: what it is for and the arrays that it gives.

    Shapes are written with N objects, H rows and W columns; `optional` arrays may be left out.
    """

    name: str
    does: str
    gives: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "detector",
            "finds the named objects",
            {"boxes": "N 4", "label": "N", "score": "N"},
        ),
        Stage("segmenter", "says which pixels belong to each object", {"masks": "N H W", "mask_score": "N"}),
        Stage("depth", "metres from the camera plane, at every pixel", {"depth": "H W"}, {"focal_px": ""}),
        Stage("intrinsics", "focal length and principal point, in pixels", {"K": "3 3"}, {"source": ""}),
        Stage("gravity", "which way is down in the camera's frame", {"gravity": "3"}, {"source": ""}),
        Stage(
            "orientation",
            "which way each object faces, relative to its viewing ray",
            {"azimuth_deg": "N", "confidence": "N", "ray": "N 3"},
            {"polar_deg": "N", "rotation_deg": "N", "has_front": "N"},
        ),
    )
}
"""The stages by name, in the order in which they are listed to people."""


@dataclass(frozen=True)
class View:
    """Everything that is known about one image so far."""

    picture: Picture
    labels: tuple[str, ...] = ()
    """Classes to look for, each once."""
    truth: Truth | None = None
    """The scene file beside the image: known truth, or somebody else's perception."""
    known: Arrays = field(default_factory=dict)
    """What earlier stages gave. Boxes are (u0, v0, u1, v1) in working pixels; `label` indexes `labels`."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """RGB, (H, W, 3)."""
        return self.picture.pixels

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in working pixels."""
        height, width = self.pixels.shape[:2]
        return height, width


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where and how models run. Only `dtype` can change an answer, so only it is fingerprinted."""

    device: str = "auto"
    """"cpu", "cuda", "cuda:1", "mps", or "auto": the best one there is."""
    dtype: str = "auto"
    """"float32", "tf32", "bfloat16", "float16", or "auto": on a GPU what the part says is safe, else float32.

    "tf32" keeps numbers in float32 and lets GPUs multiply matrices with the 11 bits of float16.
    """

    def resolved(self, *, gpu_dtype: str = "float16") -> Runtime:
        """Return the same with "auto" decided for this machine. Imports torch.

        `gpu_dtype` is what "auto" means on a GPU. bfloat16 keeps 8 bits: it rounds a depth of 4 m to 16 mm and
        a box to 1/256 of the image, so no part chooses it by itself.
        """
        from genspace.checkpoints import pick_device

        device = pick_device(self.device)
        dtype = self.dtype
        if dtype == "auto":
            dtype = gpu_dtype if device.startswith("cuda") else "float32"
        return Runtime(device=device, dtype=dtype)

    @property
    def torch_dtype(self) -> Any:
        """The torch dtype of a resolved runtime."""
        from genspace.checkpoints import require_torch

        return getattr(require_torch("running models"), "float32" if self.dtype == "tf32" else self.dtype)

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Run models without gradients, in the precision of a resolved runtime."""
        from genspace.checkpoints import require_torch

        torch = require_torch("running models")
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high" if self.dtype == "tf32" else "highest")
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_float32_matmul_precision(before)


class Part(ABC):
    """One perception part, made and ready; its model is loaded when it is first needed."""

    stage: ClassVar[str]
    """The stage that it serves: a key of `STAGES`."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Arrays of earlier stages that it needs, and "labels" or "truth"."""
    cached: ClassVar[bool] = True
    """Whether its outputs are worth keeping on disk."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Digest of everything that can change its answer: checkpoint, revision, options, precision."""

    @abstractmethod
    def run(self, views: Sequence[View]) -> Sequence[Arrays]:
        """Return the stage's arrays for each view. All views of one call have the same size.

        Errors: `PerceptionError` when it cannot see. Any exception fails only the image that causes it.
        """

    def problem(self) -> str | None:
        """Return what is missing before it can run, with the command that mends it; None: ready."""
        return None

    def close(self) -> None:  # noqa: B027 - not abstract: parts without a model have nothing to free
        """Free the model's memory; the next `run` loads it again."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Weights that a part can run with."""

    name: str
    """Hugging Face repository, with ":file" where a repository holds several; or what torch.hub loads."""
    licence: str
    megabytes: int
    """Approximate download size."""
    note: str = ""
    """When to choose it."""
    gated: bool = False
    """Whether its licence must be accepted on the web first."""


@dataclass(frozen=True, kw_only=True)
class PartKind:
    """A way of making parts: what the registry and plugins hold."""

    stage: str
    name: str
    gives: str
    """For `genspace models list`: what it gives, in a few words."""
    make: Callable[[Checkpoint | None, Any, Runtime], Part]
    """Called with the chosen checkpoint, the checked options and the runtime."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """The first is the default; any other name of the same architecture may be given too."""
    options: type[BaseModel] | None = None
    fetch: Callable[[Checkpoint], object] | None = None
    """Downloads a checkpoint; None: the Hugging Face hub does."""

    def __call__(self) -> PartKind:
        """Return itself: what an entry point loads may be a kind or a function that returns one."""
        return self

    @property
    def key(self) -> str:
        """Name in the registry: "depth.zoedepth"."""
        return f"{self.stage}.{self.name}"

    def fetch_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Download a checkpoint. Errors: `InputError` that says what to do."""
        from genspace.checkpoints import fetch_from_hub

        if self.fetch is not None:
            self.fetch(checkpoint)
        else:
            fetch_from_hub(checkpoint.name)


_LIMITS: dict[str, tuple[float, float]] = {
    "depth": (0.0, 1e5),
    "focal_px": (1e-6, 1e7),
    "score": (0.0, 1.0),
    "confidence": (0.0, 1.0),
}
"""Bounds (inclusive) outside which an answer is absurd; `depth` 0 marks a pixel without depth."""


def check_output(part: Part, name: str, view: View, output: Arrays) -> dict[str, NDArray[Any]]:
    """Return a part's arrays, checked: names, shapes, finite numbers, sane ranges.

    Errors: `PerceptionError` with the part's name and what is wrong.
    """
    stage = STAGES[part.stage]
    height, width = view.size
    count = len(view.known["boxes"]) if "boxes" in view.known and part.stage != "detector" else None
    sizes: dict[str, int | None] = {"H": height, "W": width, "N": count}
    checked: dict[str, NDArray[Any]] = {}
    for key, shape in {**stage.gives, **stage.optional}.items():
        if key not in output:
            if key in stage.optional:
                continue
            raise PerceptionError(f"{name}: gave no {key!r}")
        array = np.asarray(output[key])
        wanted = [int(s) if s.isdigit() else sizes[s] for s in shape.split()]
        if wanted and wanted[0] is None:
            wanted[0] = sizes["N"] = array.shape[0] if array.ndim else -1
        if list(array.shape) != wanted:
            raise PerceptionError(f"{name}: {key!r} has shape {array.shape}, expected ({shape}) = {wanted}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise PerceptionError(f"{name}: {key!r} holds values that are not finite numbers")
        if key in _LIMITS and array.size:
            low, high = _LIMITS[key]
            if array.min() < low or array.max() > high:
                raise PerceptionError(
                    f"{name}: {key!r} runs from {array.min():.4g} to {array.max():.4g}, "
                    f"outside {low:g} to {high:g}"
                )
        checked[key] = array
    if part.stage == "depth" and not (checked["depth"] > 0).any():
        raise PerceptionError(f"{name}: no pixel has a depth above 0")
    if part.stage == "intrinsics":
        _check_intrinsics(name, checked["K"], view)
    return checked


def _check_intrinsics(name: str, K: NDArray[Any], view: View) -> None:
    height, width = view.size
    fov_deg = np.degrees(2.0 * np.arctan2(max(height, width), 2.0 * K[0, 0]))
    if K[0, 0] <= 0 or K[1, 1] <= 0 or not 1.0 <= fov_deg <= 170.0:
        raise PerceptionError(
            f"{name}: focal lengths {K[0, 0]:.4g} and {K[1, 1]:.4g} px on an image of {width} × {height} px are absurd "
            "(field of view outside 1° to 170°)"
        )
