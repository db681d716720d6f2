"""Detectors: any zero-shot detector of transformers, by one adapter.

Two families differ in what their class scores mean. *Grounding* models (Grounding DINO, MM Grounding DINO) read
one text, "cow. chair.", and score every box against every token; a label's score is its best token's. *Query*
models (OWL-ViT, OWLv2) score every box against every label. Both give boxes as fractions of the image (OWLv2: of
the image padded to a square).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from genspace.geometry.perception import _pixels
from genspace.geometry.perception._model_part import ModelPart, model_kind
from genspace.geometry.perception._parts import Arrays, Checkpoint, PerceptionError, StageView

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["GROUNDING_DINO", "OWLV2", "boxes_in_pixels", "label_spans"]

_GROUNDING = ("grounding-dino", "mm-grounding-dino")
_QUERY = ("owlvit", "owlv2")


class DetectorOptions(BaseModel, extra="forbid"):
    """Options of every detector."""

    threshold: float = Field(0.25, ge=0.0, le=1.0)
    """Boxes that score less are not detections."""


class ZeroShotDetector(ModelPart):
    """A zero-shot detector of transformers.

    Boxes stay in float32 even on a GPU: bfloat16 would round them to 1/256 of the image.
    """

    reads: ClassVar[tuple[str, ...]] = ("labels",)
    gives = ("boxes", "label", "score")
    auto_class = "AutoModelForZeroShotObjectDetection"
    model_types = (*_GROUNDING, *_QUERY)
    gpu_dtype = "tf32"

    @property
    def _family(self) -> str:
        family: str = self.model.config.model_type
        return family

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return boxes (working pixels), label indices and scores, best first."""
        with self.runtime.inference():
            x = self._pixels([v.pixels for v in views]).to(self.runtime.torch_dtype)
            texts = [list(v.labels) for v in views]
            score = self._grounding_scores if self._family in _GROUNDING else self._query_scores
            scores, boxes = score(x, texts)
        return [
            keep_detections(
                b, s[:, : len(v.labels)], v.size, self.options.threshold, square=self._family == "owlv2"
            )
            for v, s, b in zip(views, scores, boxes, strict=True)
        ]

    def _pixels(self, pixels: Sequence[NDArray[np.uint8]]) -> Tensor:
        x, folder = _pixels.stack(pixels, self.runtime.device), self.folder
        size = (int(x.shape[-2]), int(x.shape[-1]))
        if self._family in _GROUNDING:
            edges = _pixels.size_from_config(folder, {"shortest_edge": 800, "longest_edge": 1333})
            x = _pixels.resize(x, _pixels.fit_shortest(size, *edges))
            return _pixels.Normalisation.from_config(folder, _pixels.IMAGENET)(x)
        side = 960 if self._family == "owlv2" else 768
        shape = _pixels.size_from_config(folder, {"height": side, "width": side})
        if self._family == "owlv2":
            x = _pixels.pad_to(x, (max(size), max(size)))
            x = _pixels.resize(x, shape, rounded=False)
        else:
            x = _pixels.resize(x, shape, "bicubic")
        return _pixels.Normalisation.from_config(folder, _pixels.CLIP)(x)

    def _grounding_scores(self, x: Tensor, texts: list[list[str]]) -> tuple[NDArray[Any], NDArray[Any]]:
        tokens = self.tokenizer(
            [". ".join(labels) + "." for labels in texts],
            return_tensors="pt",
            padding=True,
            return_offsets_mapping=True,
        )
        offsets = tokens.pop("offset_mapping").numpy()
        out = self.model(pixel_values=x, **{k: t.to(x.device) for k, t in tokens.items()})
        probability = out.logits.float().sigmoid().cpu().numpy()
        most = max(len(labels) for labels in texts)
        scores = np.zeros((*probability.shape[:2], most))
        for i, labels in enumerate(texts):
            for j, span in enumerate(label_spans(labels, offsets[i])):
                if len(span):
                    scores[i, :, j] = probability[i][:, span].max(axis=1)
        return scores, out.pred_boxes.float().cpu().numpy()

    def _query_scores(self, x: Tensor, texts: list[list[str]]) -> tuple[NDArray[Any], NDArray[Any]]:
        most = max(len(labels) for labels in texts)
        padded = [f"a photo of a {t}" for labels in texts for t in (labels + labels[:1] * most)[:most]]
        out = self.model(pixel_values=x, **self.tokens(padded))
        return out.logits.float().sigmoid().cpu().numpy(), out.pred_boxes.float().cpu().numpy()


def label_spans(labels: Sequence[str], offsets: NDArray[Any]) -> list[NDArray[Any]]:
    """Return, per label, the positions of its tokens in the text "label. label. …".

    `offsets`, (T, 2), are the tokens' first and last characters in that text; special tokens are (0, 0).

    >>> offsets = np.array([[0, 0], [0, 3], [3, 4], [5, 8], [9, 14], [14, 15], [0, 0]])
    >>> [s.tolist() for s in label_spans(["cow", "red chair"], offsets)]
    [[1], [3, 4]]
    """
    spans, start = [], 0
    for label in labels:
        end = start + len(label)
        inside = (offsets[:, 0] >= start) & (offsets[:, 1] <= end) & (offsets[:, 1] > offsets[:, 0])
        spans.append(np.flatnonzero(inside))
        start = end + len(". ")
    return spans


def boxes_in_pixels(boxes: NDArray[Any], size: tuple[int, int], *, square: bool = False) -> NDArray[Any]:
    """Return boxes (u0, v0, u1, v1) in pixels from fractions (centre u, centre v, width, height), clipped.

    `square`: the fractions are of the image padded at the bottom and right to a square.

    >>> boxes_in_pixels(np.array([[0.5, 0.25, 0.5, 0.5]]), (100, 200)).tolist()
    [[50.0, 0.0, 150.0, 50.0]]
    >>> boxes_in_pixels(np.array([[0.5, 0.25, 0.5, 0.5]]), (100, 200), square=True).tolist()
    [[50.0, 0.0, 150.0, 100.0]]
    """
    height, width = (max(size),) * 2 if square else size
    scale = np.array([width, height, width, height], dtype=float)
    centre, extent = boxes[:, :2], boxes[:, 2:]
    corners = np.hstack([centre - extent / 2, centre + extent / 2]) * scale
    limit = np.array([size[1], size[0], size[1], size[0]], dtype=float)
    clipped: NDArray[Any] = np.clip(corners, 0.0, limit)
    return clipped


def keep_detections(
    boxes: NDArray[Any], scores: NDArray[Any], size: tuple[int, int], threshold: float, *, square: bool
) -> Arrays:
    """Return the detections of one image that score enough and have an area, best first.

    `boxes` (Q, 4) are fractions, `scores` (Q, labels); each box takes its best label.
    """
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise PerceptionError("the detector gave values that are not finite numbers")
    corners = boxes_in_pixels(boxes.astype(float), size, square=square)
    label = scores.argmax(axis=1)
    score = scores.max(axis=1).astype(float)
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    order = np.argsort(-score, kind="stable")
    order = order[(score[order] >= threshold) & (area[order] > 0.0)]
    return {"boxes": corners[order], "label": label[order], "score": score[order]}


class OwlOptions(DetectorOptions):
    """Options of OWL detectors, whose scores run lower."""

    threshold: float = Field(0.1, ge=0.0, le=1.0)


GROUNDING_DINO = model_kind(
    ZeroShotDetector,
    "grounding-dino",
    "boxes for any words",
    DetectorOptions,
    Checkpoint("IDEA-Research/grounding-dino-base", "Apache-2.0", megabytes=930, note="the default"),
    Checkpoint("IDEA-Research/grounding-dino-tiny", "Apache-2.0", megabytes=690, note="less memory"),
)

OWLV2 = model_kind(
    ZeroShotDetector,
    "owlv2",
    "boxes for any words",
    OwlOptions,
    Checkpoint("google/owlv2-base-patch16-ensemble", "Apache-2.0", megabytes=620, note="quicker"),
    Checkpoint("google/owlv2-large-patch14-ensemble", "Apache-2.0", megabytes=1750, note="better"),
)
