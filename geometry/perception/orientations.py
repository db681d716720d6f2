"""Orientation: each object is cropped, and an estimator says which way it faces, relative to its viewing ray."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from genspace.checkpoints import require_torch
from genspace.errors import InputError
from genspace.geometry.camera import Intrinsics, viewing_ray
from genspace.geometry.frames import crop_homography
from genspace.geometry.perception import _pixels, orient_anything
from genspace.geometry.perception._model_part import ModelPart
from genspace.geometry.perception._parts import Arrays, Checkpoint, PartKind, View

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ORIENT_ANYTHING", "CropOptions", "box_ray", "crop_object"]

_RESIZED, _INPUT = 256, 224
"""Crops are resized to 256 px, of which the middle 224 px are seen."""


class CropOptions(BaseModel):
    """Options of Orient Anything."""

    model_config = ConfigDict(extra="forbid")

    background: Literal["remove", "keep"] = "remove"
    """Whether pixels outside the object's mask are made black."""
    flip: bool = False
    """Also look at the mirrored crop (test-time augmentation)."""
    fills: tuple[float, ...] = Field((0.85,), min_length=1)
    """Shares of the crop's side that the object fills; several are combined (test-time augmentation)."""
    warp_from_deg: float = Field(15.0, ge=0.0, le=90.0)
    """Objects further from the optical axis are seen through a camera turned towards them."""


class OrientAnything(ModelPart):
    """Orient Anything V1 in any size and with either head."""

    stage = "orientation"
    reads: ClassVar[tuple[str, ...]] = ("boxes", "masks", "K")
    probe = ""

    def load(self) -> Any:
        """Return the network on its device: the encoder in the chosen precision, the head in full."""
        torch = require_torch(self.kind)
        if not self.folder.is_file():
            raise InputError(f"{self.kind}: {self.checkpoint} is no file; name one as owner/repo:file.pt")
        state = torch.load(self.folder, map_location="cpu", weights_only=True)
        network = orient_anything.build(state).to(self.runtime.device)
        network.encoder.to(self.runtime.torch_dtype)
        return network

    def run(self, views: Sequence[View]) -> list[Arrays]:
        """Return angles in degrees and confidences, (N,), and the ray of each object's box, (N, 3)."""
        rays = [[box_ray(box, v.known["K"]) for box in v.known["boxes"]] for v in views]
        crops = [
            crop_object(v.pixels, box, mask, v.known["K"], options=self.options, fill=fill)
            for v in views
            for box, mask in zip(v.known["boxes"], v.known["masks"], strict=True)
            for fill in self.options.fills
        ]
        angles = self._angles(crops) if crops else np.zeros((0, 4))
        answers: list[Arrays] = []
        start = 0
        for view_rays in rays:
            mine = angles[start : start + len(view_rays)]
            start += len(view_rays)
            azimuth, polar, rotation, confidence = mine.T
            answers.append(
                {
                    "azimuth_deg": azimuth,
                    "polar_deg": polar,
                    "rotation_deg": rotation,
                    "confidence": confidence,
                    "ray": np.array(view_rays).reshape(-1, 3),
                }
            )
        return answers

    def _angles(self, crops: list[NDArray[np.uint8]]) -> NDArray[Any]:
        """Return (azimuth, polar, rotation, confidence) of each object, (N, 4), from all its crops."""
        torch = require_torch(self.kind)
        outputs = []
        with torch.inference_mode():
            for start in range(0, len(crops), _CROPS_AT_ONCE):
                x = _pixels.stack(crops[start : start + _CROPS_AT_ONCE], self.runtime.device)
                x = _pixels.IMAGENET(x).to(self.runtime.torch_dtype)
                seen = [x, x.flip(-1)] if self.options.flip else [x]
                outputs.append(np.stack([self.model(s).float().cpu().numpy() for s in seen], axis=1))
        logits = np.concatenate(outputs)
        answers = orient_anything.decode(logits)
        answers[:, 1:] = orient_anything.mirrored(answers[:, 1:])
        per_object = answers.reshape(-1, len(self.options.fills) * answers.shape[1], 4)
        layout = orient_anything.Layout.of_width(logits.shape[-1])
        return np.stack([orient_anything.combine(one, layout) for one in per_object])


_CROPS_AT_ONCE = 64


def box_ray(box: NDArray[Any], K: NDArray[Any]) -> tuple[float, float, float]:
    """Return the unit viewing ray, in the camera frame, through the centre of a box (u0, v0, u1, v1)."""
    return viewing_ray((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, Intrinsics.from_matrix(K))


def crop_object(
    pixels: NDArray[np.uint8],
    box: NDArray[Any],
    mask: NDArray[np.bool_],
    K: NDArray[Any],
    *,
    options: CropOptions,
    fill: float = 0.85,
) -> NDArray[np.uint8]:
    """Return a square crop of an object, (224, 224, 3).

    The object's longer side fills the share `fill` of a 256 px square, whose middle is kept. Outside the image
    the crop is black. An object far off the optical axis is seen through a camera that turns towards it.
    """
    if options.background == "remove":
        pixels = np.where(mask[..., None], pixels, np.uint8(0))
    ray = box_ray(box, K)
    off_axis_deg = math.degrees(math.acos(min(1.0, ray[2])))
    warp = crop_homography(K, ray) if off_axis_deg > options.warp_from_deg else np.eye(3)
    (u, v), side = _square(box, warp)
    side = side / fill
    return _sampled(pixels, np.linalg.inv(warp), (u - side / 2, v - side / 2), side)


def _square(box: NDArray[Any], warp: NDArray[Any]) -> tuple[tuple[float, float], float]:
    """Return centre and side of the square around a box after a homography."""
    u0, v0, u1, v1 = box
    corners = warp @ np.array([[u0, u1, u1, u0], [v0, v0, v1, v1], [1.0, 1.0, 1.0, 1.0]])
    u, v = corners[:2] / corners[2]
    side = max(float(np.ptp(u)), float(np.ptp(v)), 1.0)
    return (float(u.min() + u.max()) / 2, float(v.min() + v.max()) / 2), side


def _sampled(
    pixels: NDArray[np.uint8], image_from_warped: NDArray[Any], corner: tuple[float, float], side: float
) -> NDArray[np.uint8]:
    """Return the (224, 224, 3) middle of a square of the warped image, resampled to 256 px."""
    from PIL import Image

    canvas = _RESIZED * min(8, max(1, math.ceil(side / _RESIZED)))  # sampled at full detail, then reduced
    step = side / canvas
    warped_from_canvas = np.array([[step, 0.0, corner[0]], [0.0, step, corner[1]], [0.0, 0.0, 1.0]])
    m = image_from_warped @ warped_from_canvas
    m = m / m[2, 2]
    image = Image.fromarray(pixels).transform(
        (canvas, canvas), Image.Transform.PERSPECTIVE, m.flatten()[:8].tolist(), Image.Resampling.BICUBIC
    )
    if canvas != _RESIZED:
        image = image.resize((_RESIZED, _RESIZED), Image.Resampling.BICUBIC)
    edge = (_RESIZED - _INPUT) // 2
    return np.asarray(image, dtype=np.uint8)[edge : edge + _INPUT, edge : edge + _INPUT]


_REPO = "Viglong/Orient-Anything"
ORIENT_ANYTHING = PartKind(
    stage="orientation",
    name="orient-anything",
    gives="facing direction and whether there is one",
    make=partial(OrientAnything, "orientation.orient-anything"),
    options=CropOptions,
    checkpoints=(
        Checkpoint(
            name=f"{_REPO}:croplargeEX2/dino_weight.pt",
            licence="CC BY 4.0",
            megabytes=1220,
            note="the default",
        ),
        Checkpoint(
            name=f"{_REPO}:ronormsigma1/dino_weight.pt",
            licence="CC BY 4.0",
            megabytes=1220,
            note="in-plane rotation over the full circle",
        ),
        Checkpoint(name=f"{_REPO}:cropbaseEX2/dino_weight.pt", licence="CC BY 4.0", megabytes=350),
        Checkpoint(
            name=f"{_REPO}:cropsmallEX2/dino_weight.pt", licence="CC BY 4.0", megabytes=95, note="for CPUs"
        ),
    ),
)
