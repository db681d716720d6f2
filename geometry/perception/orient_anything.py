"""Orient Anything V1 (Wang et al. 2024, arXiv 2412.18605): the network, its published weights, its decoding.

A DINOv2 encoder whose class token goes through two linear layers with batch normalisation; the outputs are
scores of whole degrees. The published state dicts name DINOv2's tensors as transformers 4.38 did.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.checkpoints import require_torch, require_transformers
from genspace.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor, nn

    Array = NDArray[np.float64]

__all__ = ["HeadLayout", "build", "combine", "decode", "mirrored", "rename"]

_RENAMES = (
    ("attention.attention.query.", "attention.q_proj."),
    ("attention.attention.key.", "attention.k_proj."),
    ("attention.attention.value.", "attention.v_proj."),
    ("attention.output.dense.", "attention.o_proj."),
)
"""Names of DINOv2's projections in transformers 4 and in transformers 5."""


@dataclass(frozen=True)
class HeadLayout:
    """Positions of azimuth, polar angle, in-plane rotation and confidence among the outputs."""

    rotation_bins: int

    @classmethod
    def of_width(cls, width: int) -> HeadLayout:
        """Return the layout of a head by its width: 722 (in-plane ±90°) or 902 (±180°).

        Decoding one as the other reads every in-plane rotation 90° wrong, so the width decides.
        Errors: `InputError` for any other width.
        """
        if width not in {722, 902}:
            raise InputError(f"a head of {width} outputs is none of Orient Anything V1 (722 or 902)")
        return cls(width - 542)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Outputs of azimuth (from 0°), polar angle (from −90°) and in-plane rotation."""
        return slice(0, 360), slice(360, 540), slice(540, 540 + self.rotation_bins)

    @property
    def first_deg(self) -> tuple[int, int, int]:
        """Degrees of the first output of each angle."""
        return 0, -90, -self.rotation_bins // 2


def decode(logits: ArrayLike) -> Array:
    """Return (azimuth_deg, polar_deg, rotation_deg, confidence), (..., 4), of outputs (..., 722 or 902).

    Each angle is its likeliest degree; confidence is the probability that the object has a front.

    >>> logits = np.zeros(722); logits[[45, 360 + 100, 540 + 80]] = 9.0
    >>> decode(logits).tolist()
    [45.0, 10.0, -10.0, 0.5]
    """
    x = np.asarray(logits, dtype=float)
    layout = HeadLayout.of_width(x.shape[-1])
    angles = [x[..., s].argmax(axis=-1) + d for s, d in zip(layout.slices, layout.first_deg, strict=True)]
    front = 1.0 / (1.0 + np.exp(x[..., -1] - x[..., -2]))
    answers: Array = np.stack([*angles, front], axis=-1).astype(float)
    return answers


def mirrored(answers: Array) -> Array:
    """Convert answers about mirrored crops, (..., 4), into answers about the crops themselves."""
    turned: Array = answers * np.array([-1.0, 1.0, -1.0, 1.0])
    turned[..., 0] %= 360.0
    return turned


def combine(answers: Array, layout: HeadLayout) -> Array:
    """Return one answer, (4,), from several views of an object, (V, 4).

    As in the released code for test-time augmentation: outliers by 1.5 interquartile ranges are left out; azimuth
    is averaged on the circle, and so is an in-plane rotation that covers the full circle.
    """
    azimuth, polar, rotation, confidence = answers.T
    turn = _circular_mean_deg(rotation) if layout.rotation_bins == 360 else _mean_without_outliers(rotation)
    return np.array(
        [
            _circular_mean_deg(azimuth) % 360.0,
            _mean_without_outliers(polar),
            turn,
            confidence.mean(),
        ]
    )


def _within_fences(values: Array) -> NDArray[np.bool_]:
    low, high = np.quantile(values, [0.25, 0.75])
    reach = 1.5 * (high - low)
    inside: NDArray[np.bool_] = (values >= low - reach) & (values <= high + reach)
    return inside


def _mean_without_outliers(values: Array) -> float:
    return float(values[_within_fences(values)].mean())


def _circular_mean_deg(angles_deg: Array) -> float:
    on_circle = np.exp(1j * np.deg2rad(angles_deg))
    inside = _within_fences(np.abs(on_circle - on_circle.mean()))
    return float(np.rad2deg(np.angle(on_circle[inside].mean())))


def rename(state: Mapping[str, Tensor], known: set[str]) -> dict[str, Tensor]:
    """Return DINOv2's tensors of a published state dict under the names that this transformers uses.

    `known` are the names of its `Dinov2Model`. Errors: `InputError` that lists what does not fit.
    """
    tensors = {k.removeprefix("dinov2."): v for k, v in state.items() if k.startswith("dinov2.")}
    renamed = {}
    for name, tensor in tensors.items():
        new = name
        for old, current in _RENAMES:
            new = new.replace(old, current)
        renamed[new if new in known else name] = tensor
    missing, extra = sorted(known - set(renamed)), sorted(set(renamed) - known)
    if missing or extra:
        raise InputError(
            "the weights are not Orient Anything's DINOv2: "
            f"missing {missing[:3] or 'nothing'}, unknown {extra[:3] or 'nothing'}"
        )
    return renamed


def build(state: Mapping[str, Tensor]) -> nn.Module:
    """Return the network for a published state dict. The tensors' shapes give its size and head.

    Input (B, 3, 224, 224), normalised; output (B, 722 or 902).
    Errors: `InputError` for a state dict that is not Orient Anything's.
    """
    torch = require_torch("Orient Anything")
    transformers = require_transformers("Orient Anything")
    try:
        patches = state["dinov2.embeddings.patch_embeddings.projection.weight"]
        positions = state["dinov2.embeddings.position_embeddings"].shape[1]
        mlp = state["dinov2.encoder.layer.0.mlp.fc1.weight"].shape[0]
        width = state["down_sampler.net1.0.weight"].shape[0]
    except KeyError as error:
        raise InputError(f"the weights are not Orient Anything's: no tensor {error}") from None
    hidden, patch = patches.shape[0], patches.shape[-1]
    HeadLayout.of_width(width)
    layers = {m.group(1) for k in state if (m := re.match(r"dinov2\.encoder\.layer\.(\d+)\.", k))}
    config = transformers.Dinov2Config(
        hidden_size=hidden,
        num_hidden_layers=len(layers),
        num_attention_heads=max(1, hidden // 64),
        mlp_ratio=mlp // hidden,
        image_size=math.isqrt(positions - 1) * patch,
        patch_size=patch,
    )
    with torch.device("meta"):
        encoder = transformers.Dinov2Model(config)
        head = torch.nn.ModuleDict({f"net{i}": _head_layer(n, width) for i, n in ((1, hidden), (2, width))})
    encoder.load_state_dict(rename(state, set(encoder.state_dict())), assign=True)
    prefix = "down_sampler."
    try:
        head.load_state_dict(
            {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}, assign=True
        )
    except RuntimeError as error:
        raise InputError(f"the weights' head is not Orient Anything's: {error}") from None
    network: nn.Module = _network(encoder, head).eval()
    return network


def _head_layer(inputs: int, outputs: int) -> Any:
    nn = require_torch("Orient Anything").nn
    return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs))


def _network(encoder: nn.Module, head: Any) -> Any:
    torch = require_torch("Orient Anything")

    class Network(torch.nn.Module):  # type: ignore[misc,name-defined]  # torch is imported when it is needed
        """Encoder in any precision; the small head in full precision, so that neighbouring degrees do not tie."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = encoder, head

        def forward(self, x: Tensor) -> Tensor:
            """Return the outputs, (B, 722 or 902), for normalised crops (B, 3, 224, 224)."""
            token = self.encoder(pixel_values=x).last_hidden_state[:, 0].float()
            hidden = torch.relu(self.head["net1"](token))
            outputs: Tensor = self.head["net2"](hidden)
            return outputs

    return Network()
