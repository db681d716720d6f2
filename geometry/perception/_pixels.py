"""From RGB pixels to a model's input, on the model's device, for a batch of images of one size.

Each checkpoint says its size, mean and deviation in preprocessor_config.json; the rules that differ between
architectures (what is kept: the aspect, a square, padding) are the functions below. Doing it here rather than
in the processors keeps one result whichever image backend is installed, and runs on the GPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.checkpoints import load_json, require_torch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation per channel, of values in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    @classmethod
    def from_config(cls, folder: Path, default: Normalisation) -> Normalisation:
        """Return what the checkpoint's preprocessor_config.json says, else the architecture's default."""
        config = load_json(folder, "preprocessor_config.json")
        return cls(tuple(config.get("image_mean", default.mean)), tuple(config.get("image_std", default.std)))

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise a batch, (B, 3, H, W)."""
        mean = x.new_tensor(self.mean).view(1, 3, 1, 1)
        return (x - mean) / x.new_tensor(self.std).view(1, 3, 1, 1)


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""What DPT, ZoeDepth and Depth Pro take unless their checkpoint says otherwise."""
CLIP = Normalisation((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def size_from_config(folder: Path, default: Mapping[str, int]) -> tuple[int, int]:
    """Return the input size in preprocessor_config.json, else the default of the architecture.

    `default` names its two sides: "height" and "width", or "shortest_edge" and "longest_edge".
    """
    size: Any = load_json(folder, "preprocessor_config.json").get("size", default)
    if isinstance(size, int):
        size = dict.fromkeys(default, size)
    known = {**default, **size} if set(size) <= set(default) else size
    first, second = (known[side] for side in default)
    return first, second


def stack(pixels: Sequence[NDArray[np.uint8]], device: str) -> Tensor:
    """Return images of one size as a float batch in [0, 1], (B, 3, H, W)."""
    torch = require_torch("running models")
    batch = torch.from_numpy(np.stack(pixels)).to(device)
    values: Tensor = batch.permute(0, 3, 1, 2).to(torch.float32) / 255.0
    return values


def resize(
    x: Tensor, size: tuple[int, int], mode: str = "bilinear", *, antialias: bool = True, rounded: bool = True
) -> Tensor:
    """Resize a batch to (height, width), rounding to 8-bit values as image libraries do.

    `rounded=False` keeps fractions, for architectures whose own code resizes floating-point images.
    """
    torch = require_torch("running models")
    if x.shape[-2:] == tuple(size):
        return x
    y: Tensor = torch.nn.functional.interpolate(
        x, size=size, mode=mode, antialias=antialias, align_corners=False
    )
    return (y * 255.0).round().clamp(0, 255) / 255.0 if rounded else y


def fit_shortest(size: tuple[int, int], shortest: int, longest: int) -> tuple[int, int]:
    """Return (height, width) with the short side at `shortest`, unless the long side would pass `longest`.

    >>> fit_shortest((480, 640), 800, 1333), fit_shortest((480, 1280), 800, 1333)
    ((800, 1066), (500, 1333))
    """
    height, width = size
    low, high = min(size), max(size)
    exact = float(shortest)
    if high / low * shortest > longest:
        exact = longest * low / high
        shortest = round(exact)
    if low == shortest:
        return size
    other = max(1, int(exact * high / low))
    other = min(other, longest)
    return (other, max(1, shortest)) if width < height else (max(1, shortest), other)


def fit_longest(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return (height, width) with the long side at `longest`, the other rounded half up.

    >>> fit_longest((480, 640), 1024)
    (768, 1024)
    """
    scale = longest / max(size)
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def fit_multiple(size: tuple[int, int], target: tuple[int, int], multiple: int) -> tuple[int, int]:
    """Return (height, width) nearest to the target with the image's aspect, in whole multiples.

    The side that needs less change decides the scale, as in DPT (Ranftl et al. 2021) and its successors.

    >>> fit_multiple((480, 640), (518, 518), 14)
    (518, 686)
    """
    scales = target[0] / size[0], target[1] / size[1]
    scale = min(scales, key=lambda s: abs(1.0 - s)) if scales[0] != scales[1] else scales[0]
    height, width = (max(multiple, round(side * scale / multiple) * multiple) for side in size)
    return height, width


def pad_to(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Pad a batch at the bottom and the right to (height, width)."""
    torch = require_torch("running models")
    padded: Tensor = torch.nn.functional.pad(x, (0, size[1] - x.shape[-1], 0, size[0] - x.shape[-2]))
    return padded


def reflect_pad(x: Tensor, rows: int, columns: int) -> Tensor:
    """Pad a batch by reflection on all sides; also where the image is smaller than the padding."""
    torch = require_torch("running models")
    height, width = x.shape[-2:]
    v = torch.from_numpy(np.pad(np.arange(height), rows, mode="reflect")).to(x.device)
    u = torch.from_numpy(np.pad(np.arange(width), columns, mode="reflect")).to(x.device)
    return x[..., v, :][..., u]


def zoe_padding(size: tuple[int, int]) -> tuple[int, int]:
    """Return the rows and columns of reflection that ZoeDepth pads an image with (its released code)."""
    return int(math.sqrt(size[0] / 2) * 3), int(math.sqrt(size[1] / 2) * 3)
