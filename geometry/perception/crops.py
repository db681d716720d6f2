"""Crops for orientation estimators: a square crop of each object, seen along its own viewing ray."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field

from genspace.geometry.camera import Intrinsics, viewing_ray
from genspace.geometry.frames import crop_homography
from genspace.geometry.perception._ahead import ahead
from genspace.geometry.perception._parts import Arrays, StageView

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CROPS_AT_ONCE", "CropOptions", "box_ray", "by_view", "crop_object", "crops_of"]

CROPS_AT_ONCE = 64
"""Crops that go through a network together."""

_RESIZED, _INPUT = 256, 224
"""Crops are resized to 256 px, of which the middle 224 px are seen."""


class CropOptions(BaseModel, extra="forbid"):
    """How objects are cropped."""

    background: Literal["remove", "keep"] = "remove"
    """Whether pixels outside the object's mask are made black."""
    warp_from_deg: float = Field(15.0, ge=0.0, le=90.0)
    """Objects further from the optical axis are seen through a camera turned towards them."""


def crops_of(
    views: Sequence[StageView],
    *,
    warp_from_deg: float,
    remove_background: bool,
    fills: Sequence[float] = (0.85,),
    only: NDArray[np.bool_] | None = None,
) -> list[NDArray[np.uint8]]:
    """Return the crops of the objects of all views, one per share of `fills`, in this order.

    `only`, (N,), says which of all the objects; None: all.
    """
    every = [
        (v.pixels, box, mask, v.known["K"])
        for v in views
        for box, mask in zip(v.known["boxes"], v.known["masks"], strict=True)
    ]
    wanted = [one for i, one in enumerate(every) if only is None or only[i]]

    def crop(seen: tuple[tuple[Any, Any, Any, Any], float]) -> NDArray[np.uint8]:
        (pixels, box, mask, K), fill = seen
        return crop_object(
            pixels, box, mask, K, warp_from_deg=warp_from_deg, remove_background=remove_background, fill=fill
        )

    return list(ahead(crop, ((one, fill) for one in wanted for fill in fills), most=32))


def by_view(found: Mapping[str, NDArray[Any]], views: Sequence[StageView]) -> list[Arrays]:
    """Split what was found for all objects, (N,), by view; return it with the objects' rays, (n, 3)."""
    ends = np.cumsum([len(v.known["boxes"]) for v in views])[:-1]
    shares = {name: np.split(values, ends) for name, values in found.items()}
    return [
        {
            **{name: share[i] for name, share in shares.items()},
            "ray": np.array([box_ray(b, v.known["K"]) for b in v.known["boxes"]]).reshape(-1, 3),
        }
        for i, v in enumerate(views)
    ]


def box_ray(box: NDArray[Any], K: NDArray[Any]) -> tuple[float, float, float]:
    """Return the unit viewing ray, in the camera frame, through the centre of a box (u0, v0, u1, v1)."""
    return viewing_ray((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, Intrinsics.from_matrix(K))


def crop_object(
    pixels: NDArray[np.uint8],
    box: NDArray[Any],
    mask: NDArray[np.bool_],
    K: NDArray[Any],
    *,
    warp_from_deg: float = 15.0,
    remove_background: bool = True,
    fill: float = 0.85,
) -> NDArray[np.uint8]:
    """Return a square crop of an object, (224, 224, 3).

    The object's longer side fills the share `fill` of a 256 px square, whose middle is kept. Outside the image
    the crop is black. An object far off the optical axis is seen through a camera that turns towards it.
    """
    ray = box_ray(box, K)
    off_axis_deg = math.degrees(math.acos(min(1.0, ray[2])))
    warp = crop_homography(K, ray) if off_axis_deg > warp_from_deg else np.eye(3)
    (u, v), side = _square(box, warp)
    side = side / fill
    image = Image.fromarray(pixels)
    if remove_background:
        whole, image = image, Image.new("RGB", image.size)
        image.paste(whole, mask=Image.fromarray(mask))
    return _sampled(image, np.linalg.inv(warp), (u - side / 2, v - side / 2), side)


def _square(box: NDArray[Any], warp: NDArray[Any]) -> tuple[tuple[float, float], float]:
    """Return centre and side of the square around a box after a homography."""
    u0, v0, u1, v1 = box
    corners = warp @ np.array([[u0, u1, u1, u0], [v0, v0, v1, v1], [1.0, 1.0, 1.0, 1.0]])
    u, v = corners[:2] / corners[2]
    side = max(float(np.ptp(u)), float(np.ptp(v)), 1.0)
    return (float(u.min() + u.max()) / 2, float(v.min() + v.max()) / 2), side


def _sampled(
    image: Image.Image, image_from_warped: NDArray[Any], corner: tuple[float, float], side: float
) -> NDArray[np.uint8]:
    """Return the (224, 224, 3) middle of a square of the warped image, resampled to 256 px."""
    # of a large object, averages are sampled at twice the wanted detail: quicker than sampling every pixel of it
    shrink = max(1, int(side / (2 * _RESIZED)))
    canvas = _RESIZED if side <= _RESIZED else 2 * _RESIZED
    step = side / canvas
    warped_from_canvas = np.array([[step, 0.0, corner[0]], [0.0, step, corner[1]], [0.0, 0.0, 1.0]])
    m = np.diag([1 / shrink, 1 / shrink, 1.0]) @ image_from_warped @ warped_from_canvas
    m = m / m[2, 2]
    square = image.reduce(shrink).transform(
        (canvas, canvas), Image.Transform.PERSPECTIVE, m.flatten()[:8].tolist(), Image.Resampling.BICUBIC
    )
    if canvas != _RESIZED:
        square = square.resize((_RESIZED, _RESIZED), Image.Resampling.BICUBIC)
    edge = (_RESIZED - _INPUT) // 2
    return np.asarray(square, dtype=np.uint8)[edge : edge + _INPUT, edge : edge + _INPUT]
