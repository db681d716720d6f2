"""People by BlazePose (Bazarevsky et al. 2020): mask, facing, and how far away a body of that size is seen so.

The network looks at a square around a person. Of 39 landmarks the first 33 are a body's: their places in the square,
and their places around the hips in metres, in the axes of a camera that looks at the square's centre (x right, y down,
z away).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genspace_embedded._run import Square, run_onnx, sigmoid
from genspace_embedded.tfjs import to_onnx
from genspace_embedded.weights import BLAZEPOSE, converted

__all__ = ["Person", "azimuth_deg", "look_at", "place"]

_SIDE = 256
_MARGIN = 1.3
"""Side of the square over the longer side of the person's box."""
_BODY = 33
_SHOULDERS, _HIPS = (11, 12), (23, 24)
"""Landmarks: left, right."""
SEEN = 0.5
"""Probability from which a landmark counts as seen."""


@dataclass(frozen=True)
class Person:
    """What BlazePose sees of one person."""

    presence: float
    """Probability that there is a person."""
    mask: NDArray[np.float32]
    """Probability that a pixel is theirs, (H, W)."""
    uv: NDArray[np.float64]
    """Places of the landmarks in the image, (33, 2)."""
    seen: NDArray[np.float64]
    """Probability that each landmark is seen, (33,)."""
    body: NDArray[np.float64]
    """Places of the landmarks around the middle of the hips, (33, 3) metres."""


@cache
def _model() -> Path:
    model, weights = (f"package/models/blazepose-full.{end}" for end in ("json", "bin"))
    outputs = ["Identity_3", "Identity_2", "Identity_4", "Identity_1"]
    return converted(
        BLAZEPOSE,
        model,
        1,
        lambda: to_onnx(BLAZEPOSE.member(model), BLAZEPOSE.member(weights), outputs, (1, _SIDE, _SIDE, 3)),
    )


def look_at(pixels: NDArray[np.uint8], box: NDArray[np.float64]) -> Person:
    """Return what BlazePose sees of the person in a box (u0, v0, u1, v1)."""
    square = Square(box, margin=_MARGIN, side=_SIDE)
    flag, landmarks, world, mask = run_onnx(_model(), square.of(pixels)[None])
    points = landmarks.reshape(-1, 5)[:_BODY].astype(float)
    return Person(
        presence=float(flag.ravel()[0]),
        mask=square.spread(mask.reshape(_SIDE, _SIDE), pixels.shape[:2]),
        uv=square.to_image(points[:, :2]),
        seen=sigmoid(points[:, 3]),
        body=world.reshape(-1, 3)[:_BODY].astype(float),
    )


def azimuth_deg(person: Person) -> tuple[float, float]:
    """Return the azimuth of a person's front (0 to the camera, 90 to the image's left), and how sure it is.

    The front is at right angles to the line from right to left, shoulders and hips, and to the spine.
    """
    (ls, rs), (lh, rh) = (person.body[list(pair)] for pair in (_SHOULDERS, _HIPS))
    across, up = (ls - rs) + (lh - rh), (ls + rs) - (lh + rh)
    front = np.cross(across, up)
    confidence = person.presence * float(person.seen[list(_SHOULDERS)].min())
    return float(np.degrees(np.arctan2(-front[0], -front[2]))) % 360.0, confidence


def place(person: Person, K: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return where the middle of the hips is, (3,) metres in the camera frame; None where too little is seen.

    The place from which the landmarks' places in metres are seen where they are in the image, by least squares. The
    body is turned with the ray through it, as the network has seen it.
    """
    sure = person.seen > SEEN
    if sure.sum() < 6:
        return None
    uv, body = person.uv[sure], person.body[sure]
    x, y = ((uv - K[[0, 1], [2, 2]]) / K[[0, 1], [0, 1]]).T
    body = body @ _turn_to(np.array([x.mean(), y.mean(), 1.0])).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = np.concatenate([np.stack([one, zero, -x], axis=1), np.stack([zero, one, -y], axis=1)])
    wanted = np.concatenate([x * body[:, 2] - body[:, 0], y * body[:, 2] - body[:, 1]])
    found: NDArray[np.float64] = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    return found if found[2] > 0 else None


def _turn_to(ray: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest rotation that takes (0, 0, 1) to a ray's direction."""
    x, y, z = ray / np.linalg.norm(ray)
    k = 1 / (1 + z)
    return np.array([[1 - k * x * x, -k * x * y, x], [-k * x * y, 1 - k * y * y, y], [-x, -y, z]])
