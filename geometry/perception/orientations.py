"""Orientation: which way each cropped object faces, from an orientation network or from comparison with sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field, field_validator

from genspace.checkpoints import require_torch
from genspace.errors import InputError
from genspace.geometry.perception import _pixels, orient_anything
from genspace.geometry.perception._model_part import ModelPart, model_kind
from genspace.geometry.perception._parts import Arrays, Checkpoint, StageView
from genspace.geometry.perception.crops import CROPS_AT_ONCE, CropOptions, by_view, crops_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CLIP_VIEWS", "ORIENT_ANYTHING", "heading_from_views"]


FRONT_FROM = 0.5
"""Probability of having a front from which an object is taken to have one."""


class OrientAnythingOptions(BaseModel, extra="forbid"):
    """Options of Orient Anything."""

    background: Literal["keep-then-remove", "remove", "keep"] = "keep-then-remove"
    """Whether pixels outside the object's mask are made black; "keep-then-remove": as in the released GenSpace code,
    only of what has no front with its background kept, and used only if it then has one."""
    warp_from_deg: float = Field(15.0, ge=0.0, le=90.0)
    """Objects further from the optical axis are seen through a camera turned towards them."""
    flip: bool = False
    """Also look at the mirrored crop (test-time augmentation)."""
    fills: tuple[float, ...] = Field((0.85,), min_length=1)
    """Shares of the crop's side that the object fills; several are combined (test-time augmentation)."""


class OrientAnything(ModelPart):
    """Orient Anything V1 in any size and with either head."""

    reads: ClassVar[tuple[str, ...]] = ("boxes", "masks", "K")
    gives = ("azimuth_deg", "polar_deg", "rotation_deg", "confidence", "has_front", "ray")
    probe = ""
    version = 3

    def load(self) -> Any:
        """Return the network on its device: the encoder in the chosen precision, the head in full."""
        torch = require_torch(self.kind)
        if not self.folder.is_file():
            raise InputError(f"{self.kind}: {self.checkpoint} is not a file; name one as owner/repo:file.pt")
        state = torch.load(self.folder, map_location="cpu", weights_only=True)
        network = orient_anything.build(state).to(self.runtime.device)
        network.encoder.to(self.runtime.torch_dtype)
        return network

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return angles in degrees, confidences and whether there is a front, (N,), and the boxes' rays, (N, 3)."""
        background = self.options.background
        angles = self._seen(views, remove_background=background == "remove")
        unsure = angles[:, 3] < FRONT_FROM
        if background == "keep-then-remove" and unsure.any():
            again = self._seen(views, remove_background=True, only=unsure)
            better = again[:, 3] > FRONT_FROM
            angles[np.flatnonzero(unsure)[better]] = again[better]
        names = ("azimuth_deg", "polar_deg", "rotation_deg", "confidence")
        found = dict(zip(names, angles.T, strict=True))
        return by_view({**found, "has_front": (found["confidence"] >= FRONT_FROM).astype(np.int64)}, views)

    def _seen(
        self, views: Sequence[StageView], *, remove_background: bool, only: NDArray[np.bool_] | None = None
    ) -> NDArray[Any]:
        """Return (azimuth, polar, rotation, confidence) of the objects, (N, 4), or of those that `only` marks."""
        crops = crops_of(
            views,
            warp_from_deg=self.options.warp_from_deg,
            remove_background=remove_background,
            fills=self.options.fills,
            only=only,
        )
        return self._angles(crops) if crops else np.zeros((0, 4))

    def _angles(self, crops: list[NDArray[np.uint8]]) -> NDArray[Any]:
        """Return (azimuth, polar, rotation, confidence) of each object, (N, 4), from all its crops."""
        outputs = []
        with self.runtime.inference():
            for start in range(0, len(crops), CROPS_AT_ONCE):
                x = _pixels.stack(crops[start : start + CROPS_AT_ONCE], self.runtime.device)
                x = _pixels.IMAGENET(x).to(self.runtime.torch_dtype)
                seen = [x, x.flip(-1)] if self.options.flip else [x]
                outputs.append(np.stack([self.model(s).float().cpu().numpy() for s in seen], axis=1))
        logits = np.concatenate(outputs)
        answers = orient_anything.decode(logits)
        answers[:, 1:] = orient_anything.mirrored(answers[:, 1:])
        per_object = answers.reshape(-1, len(self.options.fills) * answers.shape[1], 4)
        layout = orient_anything.HeadLayout.of_width(logits.shape[-1])
        return np.stack([orient_anything.combine(one, layout) for one in per_object])


DIRECTIONS = (
    "the front",
    "the front left",
    "the left side",
    "the back left",
    "the back",
    "the back right",
    "the right side",
    "the front right",
)
"""Where an object is seen from, every 45° of azimuth: at 90° it shows its own left side."""


class ClipViewsOptions(CropOptions):
    """Options of the comparison with words."""

    background: Literal["remove", "keep"] = "keep"
    templates: tuple[str, ...] = Field(
        ("a photo of a {label} seen from {direction}", "{direction} of a {label}"), min_length=1
    )
    """Sentences that name the object, `{label}`, and where it is seen from, `{direction}`; scores are averaged."""

    @field_validator("templates")
    @classmethod
    def _names_both(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if "{label}" not in template or "{direction}" not in template:
                raise ValueError(f"{template!r} must hold {{label}} and {{direction}}")
        return templates


class ClipViews(ModelPart):
    """Azimuth in eight steps by any CLIP or SigLIP model: the crop is compared with sentences about each direction."""

    model_types = ("clip", "siglip")
    reads: ClassVar[tuple[str, ...]] = ("labels", "label", "boxes", "masks", "K")
    gives = ("azimuth_deg", "confidence", "ray")

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return azimuths in degrees and confidences, (N,), and the ray of each object's box, (N, 3)."""
        names = [v.labels[i] for v in views for i in v.known["label"]]
        crops = crops_of(
            views,
            warp_from_deg=self.options.warp_from_deg,
            remove_background=self.options.background == "remove",
        )
        scores = self._scores(crops, names) if crops else np.zeros((0, len(DIRECTIONS)))
        return by_view(heading_from_views(scores), views)

    def _scores(self, crops: list[NDArray[np.uint8]], names: list[str]) -> NDArray[Any]:
        """Return each crop's score for each direction, (N, 8): the model's logits, averaged over the templates."""
        labels = list(dict.fromkeys(names))
        found = []
        with self.runtime.inference():
            words = self.tokens(self._sentences(labels))
            for start in range(0, len(crops), CROPS_AT_ONCE):
                x = _pixels.stack(crops[start : start + CROPS_AT_ONCE], self.runtime.device)
                x = _pixels.resize(x, (self.model.config.vision_config.image_size,) * 2, "bicubic")
                x = _pixels.Normalisation.from_config(self.folder, _pixels.CLIP)(x)
                out = self.model(pixel_values=x.to(self.runtime.torch_dtype), **words)
                found.append(out.logits_per_image.float().cpu().numpy())
        logits = np.concatenate(found).reshape(len(crops), len(labels), -1, len(DIRECTIONS)).mean(axis=2)
        scores: NDArray[Any] = logits[np.arange(len(crops)), [labels.index(n) for n in names]]
        return scores

    def _sentences(self, labels: Sequence[str]) -> list[str]:
        """Return every label in every template and direction, in this order of nesting."""
        return [
            template.format(label=label, direction=direction)
            for label in labels
            for template in self.options.templates
            for direction in DIRECTIONS
        ]


def heading_from_views(scores: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Return azimuths and confidences, (N,), from scores of evenly spaced directions, (N, D), as logits.

    With p = softmax(scores) over unit vectors at 0°, 360°/D, …, the azimuth is the direction of their mean and the
    confidence its length (Mardia and Jupp 2000, section 2.2): 1 when one direction has it all, 0 when opposite ones,
    such as front and back, share it evenly.

    >>> heading = heading_from_views(np.array([[9.0, 9.0, -99, -99, -99, -99, -99, -99]]))  # front, front left
    >>> round(float(heading["azimuth_deg"][0]), 2), round(float(heading["confidence"][0]), 4)  # cos 22.5°
    (22.5, 0.9239)
    """
    odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probability = odds / odds.sum(axis=-1, keepdims=True)
    directions = np.exp(2j * np.pi * np.arange(scores.shape[-1]) / scores.shape[-1])
    mean = probability @ directions
    return {
        "azimuth_deg": np.rad2deg(np.angle(mean)) % 360.0,
        "confidence": np.clip(np.abs(mean), 0.0, 1.0),
    }


_REPO = "Viglong/Orient-Anything"
ORIENT_ANYTHING = model_kind(
    OrientAnything,
    "orient-anything",
    "facing direction and whether there is one",
    OrientAnythingOptions,
    Checkpoint(f"{_REPO}:croplargeEX2/dino_weight.pt", "CC BY 4.0", megabytes=1220, note="the default"),
    Checkpoint(
        f"{_REPO}:ronormsigma1/dino_weight.pt",
        "CC BY 4.0",
        megabytes=1220,
        note="in-plane rotation over the full circle",
    ),
    Checkpoint(f"{_REPO}:cropbaseEX2/dino_weight.pt", "CC BY 4.0", megabytes=350),
    Checkpoint(f"{_REPO}:cropsmallEX2/dino_weight.pt", "CC BY 4.0", megabytes=95, note="for CPUs"),
)

CLIP_VIEWS = model_kind(
    ClipViews,
    "clip-views",
    "heading in eight steps, from words",
    ClipViewsOptions,
    Checkpoint(
        "google/siglip-so400m-patch14-384", "Apache-2.0", megabytes=3510, note="the better of the two"
    ),
    Checkpoint("google/siglip-base-patch16-224", "Apache-2.0", megabytes=815, note="for CPUs"),
    Checkpoint("openai/clip-vit-large-patch14", "MIT", megabytes=1710),
)
