"""Segmenters: SAM, SAM-HQ and SAM 2.1 of transformers, prompted with the detected boxes.

The image encoder runs once per image. SAM resizes the long side to 1024 and pads at the bottom and right; SAM 2
stretches the image to a square. Of the masks that the decoder offers for a box, the one it rates best is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel

from genspace.checkpoints import require_torch
from genspace.geometry.perception import _pixels
from genspace.geometry.perception._model_part import ModelPart, model_kind
from genspace.geometry.perception._parts import Arrays, Checkpoint, StageView

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["SAM", "SAM2", "SAM_HQ", "masks_in_image"]

_PADDED = ("sam", "sam_hq")
_SQUARE = ("sam2", "sam2_video")


class SegmenterOptions(BaseModel, extra="forbid"):
    """Options of every segmenter."""

    multimask: bool = True
    """Offer three masks per box and keep the best rated; false: the model's single mask."""


class BoxSegmenter(ModelPart):
    """A Segment Anything model of transformers."""

    reads: ClassVar[tuple[str, ...]] = ("boxes",)
    gives = ("masks", "mask_score")
    auto_class = "AutoModelForMaskGeneration"
    model_types = (*_PADDED, *_SQUARE)

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return one mask per box, (N, H, W), and the model's own estimate of its quality."""
        counts = [len(v.known["boxes"]) for v in views]
        height, width = views[0].size
        empty: Arrays = {"masks": np.zeros((0, height, width), dtype=bool), "mask_score": np.zeros(0)}
        asked = [v for v, n in zip(views, counts, strict=True) if n]
        if not asked:
            return [empty for _ in views]
        with self.runtime.inference():
            answers = iter(self._segment(asked))
            return [next(answers) if n else empty for n in counts]

    def _segment(self, views: Sequence[StageView]) -> list[Arrays]:
        torch = require_torch(self.kind)
        padded = self.model.config.model_type in _PADDED
        x = _pixels.stack([v.pixels for v in views], self.runtime.device)
        size = (int(x.shape[-2]), int(x.shape[-1]))
        normalise = _pixels.Normalisation.from_config(self.folder, _pixels.IMAGENET)
        side = _input_side(self.model.config)
        shape = _pixels.fit_longest(size, side) if padded else (side, side)
        x = _pixels.pad_to(normalise(_pixels.resize(x, shape)), (side, side)).to(self.runtime.torch_dtype)
        # the decoder takes the same number of boxes for every image: the first is repeated, its copies dropped
        most = max(len(v.known["boxes"]) for v in views)
        scale = np.array([shape[1] / size[1], shape[0] / size[0]] * 2)
        boxes = np.stack([np.resize(v.known["boxes"], (most, 4)) * scale for v in views])
        out = self.model(
            pixel_values=x,
            input_boxes=torch.from_numpy(boxes).to(x),
            multimask_output=self.options.multimask,
        )
        best = out.iou_scores.argmax(dim=-1)
        masks = out.pred_masks.take_along_dim(best[..., None, None, None], dim=2)[:, :, 0]
        ratings = out.iou_scores.take_along_dim(best[..., None], dim=-1)[..., 0].float().cpu().numpy()
        whole = masks_in_image(masks.flatten(0, 1).float(), size, shape, side)
        whole = whole.reshape(len(views), most, *size)
        return [
            {"masks": whole[i, :n].copy(), "mask_score": ratings[i, :n].astype(float)}
            for i, n in enumerate(len(v.known["boxes"]) for v in views)
        ]


def _input_side(config: Any) -> int:
    size: Any = (
        config.vision_config.backbone_config.image_size
        if hasattr(config.vision_config, "backbone_config")
        else config.vision_config.image_size
    )
    return int(size[0] if isinstance(size, (list, tuple)) else size)


def masks_in_image(
    logits: Tensor, size: tuple[int, int], shape: tuple[int, int], side: int
) -> NDArray[np.bool_]:
    """Return masks at the image's size, (N, H, W), from a decoder's logits, (N, h, w).

    `size`: the image, (H, W); `shape`: what it was resized to, (h', w'); `side`: the square it was padded to.
    """
    torch = require_torch("segmentation")
    interpolate = torch.nn.functional.interpolate
    x = interpolate(logits[:, None], size=(side, side), mode="bilinear", align_corners=False)
    x = interpolate(x[..., : shape[0], : shape[1]], size=size, mode="bilinear", align_corners=False)
    masks: NDArray[np.bool_] = (x[:, 0] > 0.0).cpu().numpy()
    return masks


SAM = model_kind(
    BoxSegmenter,
    "sam",
    "masks for boxes",
    SegmenterOptions,
    Checkpoint("facebook/sam-vit-base", "Apache-2.0", megabytes=375, note="the default"),
    Checkpoint("facebook/sam-vit-large", "Apache-2.0", megabytes=1250),
    Checkpoint("facebook/sam-vit-huge", "Apache-2.0", megabytes=2560, note="best of SAM 1"),
)

SAM_HQ = model_kind(
    BoxSegmenter,
    "sam-hq",
    "masks for boxes, finer edges",
    SegmenterOptions,
    Checkpoint("syscv-community/sam-hq-vit-base", "Apache-2.0", megabytes=380, note="thin parts"),
    Checkpoint("syscv-community/sam-hq-vit-huge", "Apache-2.0", megabytes=2570),
)

SAM2 = model_kind(
    BoxSegmenter,
    "sam2",
    "masks for boxes",
    SegmenterOptions,
    Checkpoint("facebook/sam2.1-hiera-base-plus", "Apache-2.0", megabytes=325, note="quick, good"),
    Checkpoint("facebook/sam2.1-hiera-small", "Apache-2.0", megabytes=185),
    Checkpoint("facebook/sam2.1-hiera-large", "Apache-2.0", megabytes=900),
)
