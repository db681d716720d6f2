"""SAM 3 (Carion et al. 2025, arXiv 2511.16719): boxes and masks of everything that a short phrase names, in one pass.

The image is stretched to a square and encoded once; each phrase then asks for its own instances. An instance's score
is its own probability times that of the phrase being in the image at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from genspace.checkpoints import require_torch
from genspace.geometry.perception import _pixels
from genspace.geometry.perception._model_part import ModelPart, model_kind
from genspace.geometry.perception._parts import Arrays, Checkpoint, StageView

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SAM3"]


class Sam3Options(BaseModel, extra="forbid"):
    """Options of SAM 3."""

    threshold: float = Field(0.3, ge=0.0, le=1.0)
    """Instances that score less are not detections."""
    mask_threshold: float = Field(0.5, gt=0.0, lt=1.0)
    """Probability from which a pixel belongs to an instance."""


class Sam3(ModelPart):
    """SAM 3 of transformers, asked one phrase at a time."""

    reads: ClassVar[tuple[str, ...]] = ("labels",)
    gives = ("boxes", "label", "score", "masks", "mask_score")
    auto_class = "Sam3Model"
    model_types = ("sam3", "sam3_video")
    gpu_dtype = "tf32"  # boxes, as every detector's

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return boxes (working pixels), label indices, scores, masks (N, H, W) and their scores, label by label."""
        model, size = self.model, views[0].size
        most = max(len(v.labels) for v in views)
        found: list[list[Arrays]] = [[] for _ in views]
        with self.runtime.inference():
            seen = model.get_vision_features(pixel_values=self._pixels(views))
            for i in range(most):
                # an image with fewer phrases is asked its first again, for nothing
                phrases = [v.labels[i] if i < len(v.labels) else v.labels[0] for v in views]
                out = model(vision_embeds=seen, **self.tokens(phrases))
                for j, view in enumerate(views):
                    if i < len(view.labels):
                        found[j].append(self._instances(out, j, i, size))
        return [{key: np.concatenate([one[key] for one in image]) for key in self.gives} for image in found]

    def _pixels(self, views: Sequence[StageView]) -> Tensor:
        x = _pixels.stack([v.pixels for v in views], self.runtime.device)
        x = _pixels.resize(x, _pixels.size_from_config(self.folder, {"height": 1008, "width": 1008}))
        return _pixels.Normalisation.from_config(self.folder, _pixels.HALF)(x).to(self.runtime.torch_dtype)

    def _instances(self, out: Any, image: int, label: int, size: tuple[int, int]) -> Arrays:
        """Return what was found of one phrase in one image."""
        torch = require_torch(self.kind)
        height, width = size
        score = out.pred_logits[image].float().sigmoid()
        if out.presence_logits is not None:
            score = score * out.presence_logits[image].float().sigmoid()
        limit = score.new_tensor([width, height, width, height])
        boxes = (out.pred_boxes[image].float() * limit).clamp(min=limit.new_zeros(4), max=limit)
        keep = (score > self.options.threshold) & (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        soft = out.pred_masks[image][keep].float().sigmoid()[None]
        if soft.shape[1]:
            soft = torch.nn.functional.interpolate(soft, size=size, mode="bilinear", align_corners=False)
        masks = soft[0].reshape(-1, height, width) if soft.shape[1] else soft.new_zeros((0, height, width))
        inside = masks > self.options.mask_threshold
        # how sure the mask is of its own pixels
        sure = (masks * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)
        return {
            "boxes": boxes[keep].cpu().numpy().astype(float),
            "label": np.full(int(keep.sum()), label),
            "score": score[keep].cpu().numpy().astype(float),
            "masks": inside.cpu().numpy(),
            "mask_score": sure.cpu().numpy().astype(float),
        }


SAM3 = model_kind(
    Sam3,
    "sam3",
    "boxes and masks for any words, in one",
    Sam3Options,
    Checkpoint(
        "facebook/sam3",
        "SAM License (Meta)",
        megabytes=3440,
        note="its licence must be accepted on the web first",
        gated=True,
    ),
)
