"""Boxes in 3D of chairs and cups by Objectron (Ahmadyan et al. 2021): nine places in the image, lifted up to one scale.

The network looks at a square around a thing and says where the centre and the corners of its box are seen. In the
box's own axes the corners run over x, then y, then z, each from low to high, with y up.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from genspace_embedded._run import Square, run_tflite
from genspace_embedded.weights import OBJECTRON

__all__ = ["KNOWN", "Box", "lift", "look_at"]

_SIDE = 224
_MARGIN = 1.5
KNOWN = ("chair", "cup")
"""What there are networks for."""
SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
"""Corners of the box along x, y, z."""


class Box(NamedTuple):
    """A box up to one scale: seen from the camera, nothing tells a small near one from a large far one."""

    centre: NDArray[np.float64]
    """(3,), z = 1."""
    axes: NDArray[np.float64]
    """Unit directions of x, y, z as columns, (3, 3)."""
    half: NDArray[np.float64]
    """Half the sizes along the axes, in units of the centre's z, (3,)."""


def look_at(
    pixels: NDArray[np.uint8], box: NDArray[np.float64], kind: str
) -> tuple[NDArray[np.float64], float]:
    """Return where centre and corners are seen, (9, 2) pixels, and how sure the network is that the thing is there."""
    square = Square(box, margin=_MARGIN, side=_SIDE)
    out = run_tflite(OBJECTRON.member(f"package/object_detection_3d_{kind}.tflite"), square.of(pixels)[None])
    return square.to_image(out["Identity_1"].reshape(9, 2).astype(float)), float(out["Identity"].ravel()[0])


def lift(uv: NDArray[np.float64], K: NDArray[np.float64]) -> Box | None:
    """Return the box that is seen so, by least squares; None where no box in front of the camera is.

    Centre and half axes are 12 numbers; each of the nine places says two things about them, up to one scale.
    """
    x, y = ((uv - K[[0, 1], [2, 2]]) / K[[0, 1], [0, 1]]).T
    weights = np.column_stack([np.ones(9), np.vstack([np.zeros(3), SIGNS])])
    nothing = np.zeros_like(weights)
    rows = np.vstack(
        [
            np.hstack([weights, nothing, -x[:, None] * weights]),
            np.hstack([nothing, weights, -y[:, None] * weights]),
        ]
    )
    found = np.linalg.svd(rows)[2][-1].reshape(3, 4)
    if abs(found[2, 0]) < 1e-9:
        return None
    found = found / found[2, 0]
    half = np.linalg.norm(found[:, 1:], axis=0)
    if (half < 1e-9).any() or half.max() > 1:
        return None
    u, _, vt = np.linalg.svd(found[:, 1:] / half)
    axes = u @ vt  # the nearest directions at right angles
    if np.linalg.det(axes) < 0:
        return None
    return Box(found[:, 0], axes, half)
