"""Depth: metres from the camera plane at every pixel, from models that claim metric scale.

Architectures differ in resizing, padding and in what their numbers mean: Depth Anything V2 and ZoeDepth give
metres, Depth Pro gives inverse depth per field of view, Metric3D gives metres as seen by a camera of 1000 px.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import BaseModel, Field

from genspace.checkpoints import load_json, require_torch
from genspace.errors import InputError
from genspace.geometry.camera import Intrinsics
from genspace.geometry.perception import _pixels
from genspace.geometry.perception._model_part import ModelPart, model_kind
from genspace.geometry.perception._parts import (
    GUESS,
    Arrays,
    Checkpoint,
    PartKind,
    PerceptionError,
    StageView,
    source_of,
)
from genspace.geometry.perception._torch_hub import TorchHubPart, TorchHubSource, fetch_torch_hub
from genspace.geometry.perception.cameras import known_focal

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "DEPTH_ANYTHING",
    "DEPTH_PRO",
    "METRIC3D",
    "ZOEDEPTH",
    "depth_from_inverse",
    "focal_from_field_of_view",
]


class DepthOptions(BaseModel, extra="forbid"):
    """Options of every depth model."""

    scale: float = Field(1.0, gt=0.0)
    """Factor on every depth, for a model known to be biased on the images at hand."""


class DepthModel(ModelPart):
    """A metric depth model of transformers. Subclasses define the resizing and the unit of the output."""

    gives: ClassVar[tuple[str, ...]] = ("depth",)
    auto_class = "AutoModelForDepthEstimation"

    def load(self) -> Any:
        """Return the model. Errors: `InputError` for an unknown architecture or a model without metric scale."""
        model = super().load()
        if getattr(model.config, "depth_estimation_type", "metric") != "metric":
            raise InputError(
                f"{self.kind}: {self.checkpoint} gives relative depth, from which no distance follows. "
                "Choose a checkpoint with metric depth (see: genspace models list)"
            )
        return model

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return depth z in metres at the image's size, (H, W), float32."""
        x = _pixels.stack([v.pixels for v in views], self.runtime.device)
        with self.runtime.inference():
            answers = self._depths(x, views)
        return [
            {**a, "depth": np.asarray(a["depth"], dtype=np.float32) * np.float32(self.options.scale)}
            for a in answers
        ]

    def _depths(self, x: Tensor, views: Sequence[StageView]) -> list[Arrays]:
        raise NotImplementedError

    def _forward(self, x: Tensor) -> Any:
        return self.model(pixel_values=x.to(self.runtime.torch_dtype))


def _to_image(depth: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize depth maps, (B, h, w), to the image. Bilinear: a cubic filter would overshoot below 0 at edges."""
    torch = require_torch("depth")
    whole: Tensor = torch.nn.functional.interpolate(
        depth.float()[:, None], size=size, mode="bilinear", align_corners=False
    )[:, 0]
    return whole


class DepthAnything(DepthModel):
    """Depth Anything V2 with a metric head (Yang et al. 2024, arXiv 2406.09414)."""

    model_types = ("depth_anything",)

    def _depths(self, x: Tensor, views: Sequence[StageView]) -> list[Arrays]:  # noqa: ARG002 - one signature for all
        size = (int(x.shape[-2]), int(x.shape[-1]))
        config = load_json(self.folder, "preprocessor_config.json")
        shape = _pixels.size_from_config(self.folder, {"height": 518, "width": 518})
        if config.get("keep_aspect_ratio", True):
            shape = _pixels.fit_multiple(size, shape, int(config.get("ensure_multiple_of", 14)))
        normalise = _pixels.Normalisation.from_config(self.folder, _pixels.HALF)
        out = self._forward(normalise(_pixels.resize(x, shape, "bicubic")))
        return [{"depth": d} for d in _to_image(out.predicted_depth, size).cpu().numpy()]


class ZoeDepth(DepthModel):
    """ZoeDepth (Bhat et al. 2023, arXiv 2302.12288): reflected borders, resized with aligned corners."""

    model_types = ("zoedepth",)

    def _depths(self, x: Tensor, views: Sequence[StageView]) -> list[Arrays]:  # noqa: ARG002 - one signature for all
        torch = require_torch(self.kind)
        size = (int(x.shape[-2]), int(x.shape[-1]))
        config = load_json(self.folder, "preprocessor_config.json")
        rows, columns = _pixels.zoe_padding(size) if config.get("do_pad", True) else (0, 0)
        x = _pixels.reflect_pad(x, rows, columns)
        padded = (int(x.shape[-2]), int(x.shape[-1]))
        shape = _pixels.size_from_config(self.folder, {"height": 384, "width": 512})
        if config.get("keep_aspect_ratio", True):
            shape = _pixels.fit_multiple(padded, shape, int(config.get("ensure_multiple_of", 32)))
        x = torch.nn.functional.interpolate(x, size=shape, mode="bilinear", align_corners=True)
        out = self._forward(_pixels.Normalisation.from_config(self.folder, _pixels.HALF)(x))
        whole = _to_image(out.predicted_depth, padded)
        inside = whole[:, rows : rows + size[0], columns : columns + size[1]]
        return [{"depth": d} for d in inside.cpu().numpy()]


class DepthPro(DepthModel):
    """Depth Pro (Bochkovskii et al. 2024, arXiv 2410.02073): metric depth and the field of view, at 1536 px.

    Its depth follows from inverse depth and the focal length: where that is known from elsewhere, it is used.
    """

    uses: ClassVar[tuple[str, ...]] = ("K",)
    gives = ("depth", "K")
    model_types = ("depth_pro",)
    gpu_dtype = "tf32"  # inverse depth loses far objects in half precision

    def _depths(self, x: Tensor, views: Sequence[StageView]) -> list[Arrays]:
        torch = require_torch(self.kind)
        size = (int(x.shape[-2]), int(x.shape[-1]))
        shape = _pixels.size_from_config(self.folder, {"height": 1536, "width": 1536})
        x = _pixels.Normalisation.from_config(self.folder, _pixels.HALF)(x)
        x = torch.nn.functional.interpolate(x, size=shape, mode="bilinear", align_corners=False)
        out = self._forward(x)
        if out.field_of_view is None:
            raise InputError(
                f"{self.kind}: {self.checkpoint} has no field-of-view head, so its depth has no scale"
            )
        answers: list[Arrays] = []
        for view, inverse, fov in zip(
            views,
            _to_image(out.predicted_depth, size).cpu().numpy(),
            out.field_of_view.flatten().tolist(),
            strict=True,
        ):
            focal, source = known_focal(view) or (
                focal_from_field_of_view(fov, size[1], self.kind),
                self.name,
            )
            answers.append(
                {
                    "depth": depth_from_inverse(inverse, focal, size[1]),
                    "K": Intrinsics.centred(size[1], size[0], focal).matrix,
                    source_of("K"): np.array(source),
                }
            )
        return answers


def focal_from_field_of_view(fov_deg: float, width: int, name: str) -> float:
    """Return the focal length in pixels from the horizontal field of view.

    Errors: `PerceptionError` for a field of view outside 1° to 170°.

    >>> round(focal_from_field_of_view(90.0, 640, "depth-pro"), 6)
    320.0
    """
    if not 1.0 <= fov_deg <= 170.0:
        raise PerceptionError(f"{name}: a field of view of {fov_deg:.4g}° is absurd (expected 1° to 170°)")
    return width / 2.0 / math.tan(math.radians(fov_deg) / 2.0)


def depth_from_inverse(inverse: Any, focal_px: float, width: int) -> Any:
    """Return metres from Depth Pro's canonical inverse depth: 1 / (inverse × width / focal), to 10 km.

    Source: Depth Pro, section 3.1.

    >>> float(depth_from_inverse(np.array(0.5), focal_px=640.0, width=320))
    4.0
    """
    return 1.0 / np.clip(np.asarray(inverse, dtype=float) * (width / focal_px), 1e-4, 1e4)


class Metric3D(TorchHubPart):
    """Metric3D v2 (Hu et al. 2024, arXiv 2404.15506): the released GenSpace code's choice.

    It works in the space of a camera with a focal length of 1000 px, so it needs the intrinsics.
    """

    reads: ClassVar[tuple[str, ...]] = ("K",)
    gives = ("depth",)
    canonical_focal_px: ClassVar[float] = 1000.0
    input_size: ClassVar[tuple[int, int]] = (616, 1064)

    def run(self, views: Sequence[StageView]) -> list[Arrays]:
        """Return depth z in metres at the image's size, (H, W), float32."""
        torch = require_torch(self.kind)
        x = _pixels.stack([v.pixels for v in views], self.runtime.device)
        size = (int(x.shape[-2]), int(x.shape[-1]))
        scale = min(self.input_size[0] / size[0], self.input_size[1] / size[1])
        shape = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
        top, left = (self.input_size[0] - shape[0]) // 2, (self.input_size[1] - shape[1]) // 2
        x = _pixels.IMAGENET(_pixels.resize(x, shape, antialias=False))
        # padding with the mean colour: 0 after normalisation
        x = torch.nn.functional.pad(
            x, (left, self.input_size[1] - shape[1] - left, top, self.input_size[0] - shape[0] - top)
        )
        with self.runtime.inference():
            depth = self.model.inference({"input": x.to(self.runtime.torch_dtype)})[0]
        depth = depth.reshape(len(views), *depth.shape[-2:])
        # the network may answer at a fraction of its input's size
        v, u = depth.shape[-2] / self.input_size[0], depth.shape[-1] / self.input_size[1]
        inside = depth[
            :, round(top * v) : round((top + shape[0]) * v), round(left * u) : round((left + shape[1]) * u)
        ]
        maps = _to_image(inside, size).cpu().numpy()
        answers: list[Arrays] = []
        for view, canonical in zip(views, maps, strict=True):
            focal = float(view.known["K"][0, 0]) * scale
            metres = np.clip(canonical * (focal / self.canonical_focal_px), 0.0, 300.0) * self.options.scale
            answer = {"depth": metres.astype(np.float32)}
            if view.guessed("K"):
                answer[source_of("depth")] = np.array(f"{GUESS}: {self.name}, for a guessed focal length")
            answers.append(answer)
        return answers


_DA2 = "depth-anything/Depth-Anything-V2-Metric"
DEPTH_ANYTHING = model_kind(
    DepthAnything,
    "depth-anything-v2",
    "metres",
    DepthOptions,
    Checkpoint(f"{_DA2}-Indoor-Small-hf", "Apache-2.0", megabytes=100, note="rooms, to 20 m"),
    Checkpoint(f"{_DA2}-Outdoor-Small-hf", "Apache-2.0", megabytes=100, note="streets, to 80 m"),
    Checkpoint(f"{_DA2}-Indoor-Large-hf", "CC-BY-NC-4.0", megabytes=1340, note="better, non-commercial"),
    Checkpoint(f"{_DA2}-Outdoor-Large-hf", "CC-BY-NC-4.0", megabytes=1340, note="better, non-commercial"),
)

ZOEDEPTH = model_kind(
    ZoeDepth,
    "zoedepth",
    "metres",
    DepthOptions,
    Checkpoint(
        "Intel/zoedepth-nyu-kitti", "MIT", megabytes=1380, note="the default: indoor and outdoor in one"
    ),
    Checkpoint("Intel/zoedepth-nyu", "MIT", megabytes=1380, note="indoor"),
)

DEPTH_PRO = model_kind(
    DepthPro,
    "depth-pro",
    "metres and the field of view",
    DepthOptions,
    Checkpoint("apple/DepthPro-hf", "Apple ML research", megabytes=1900, note="sharp; research only"),
)

METRIC3D_SOURCE = TorchHubSource(
    repository="YvanYin/Metric3D",
    commit="0dabc1958901c6d21f2ea1af12c62da5e64b4d64",
    packages=("torchvision", "mmengine", "timm"),
    weights={
        "metric3d_vit_small": "checkpoints/metric_depth_vit_small_800k.pth",
        "metric3d_vit_large": "checkpoints/metric_depth_vit_large_800k.pth",
        "metric3d_vit_giant2": "checkpoints/metric_depth_vit_giant2_800k.pth",
    },
    arguments={"pretrain": True},
)

METRIC3D = PartKind(
    stages=("depth",),
    name="metric3d",
    does="metres, given the focal length",
    needs="genspace[vision], mmengine, timm",
    make=partial(Metric3D, "depth.metric3d", METRIC3D_SOURCE),
    options=DepthOptions,
    fetch=partial(fetch_torch_hub, METRIC3D_SOURCE),
    checkpoints=(
        Checkpoint(
            "metric3d_vit_giant2", "BSD-2-Clause", megabytes=5500, note="the released GenSpace code's"
        ),
        Checkpoint("metric3d_vit_large", "BSD-2-Clause", megabytes=1650),
        Checkpoint("metric3d_vit_small", "BSD-2-Clause", megabytes=150, note="for trying out"),
    ),
)
