"""Read image files into RGB pixels, whatever they hold: EXIF turns, transparency, 16 bits, grey, huge sizes."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Exif, Image

__all__ = ["MAX_ASPECT", "MAX_SIDE", "Picture", "read_picture"]

MAX_SIDE = 2048
"""Longest side that perception works on, in pixels; every model downsizes further. Larger files are reduced."""

MAX_ASPECT = 32.0
"""Images longer than this many times their width cannot be resized to a model's input in any useful way."""

_EXIF_IFD = 0x8769
_EXIF_FOCAL_35MM = 0xA405
_EXIF_ORIENTATION = 0x0112
_QUARTER_TURNS = (5, 6, 7, 8)
_AVERAGED = ("L", "RGB", "RGBA", "LA", "CMYK")
"""Modes whose values can be averaged."""


@dataclass(frozen=True)
class Picture:
    """One image as perception sees it: upright RGB pixels, and where they came from."""

    pixels: NDArray[np.uint8]
    """(height, width, 3), at most `MAX_SIDE` on a side."""
    width: int
    """Width of the upright image in the file, before any reduction."""
    height: int
    """Height of the upright image in the file, before any reduction."""
    digest: str
    """SHA-256 of the file's bytes."""
    focal_35mm: float | None = None
    """Focal length from EXIF as its 35 mm equivalent, in millimetres."""

    @property
    def reduction(self) -> tuple[float, float]:
        """Factors (x, y) from working pixels to pixels of the file."""
        height, width = self.pixels.shape[:2]
        return self.width / width, self.height / height


def read_picture(data: bytes, name: str = "image") -> Picture:
    """Decode an image file.

    Turned upright by its EXIF orientation; transparency laid on white; 16-bit values scaled, not clipped; grey
    and palette made RGB; the first frame of an animation.

    Errors: `InputError` that names the file for anything that is not a whole image or is too elongated.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            width, height = image.size
            exif = image.getexif()
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            image.load()
    except UnidentifiedImageError:
        raise InputError(f"{name}: not an image file, or of an unknown format") from None
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: too many pixels to be read safely ({error})") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name}: the image is truncated or damaged ({error})") from None
    upright = ImageOps.exif_transpose(image)
    if exif.get(_EXIF_ORIENTATION, 1) in _QUARTER_TURNS:
        width, height = height, width
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise InputError(f"{name}: {width} × {height} pixels is too elongated; at most {MAX_ASPECT:.0f}:1")
    return Picture(
        pixels=_reduced(_rgb(_averaged(upright))),
        width=width,
        height=height,
        digest=hashlib.sha256(data).hexdigest(),
        focal_35mm=_focal_35mm(exif),
    )


def _focal_35mm(exif: Exif) -> float | None:
    try:
        value: Any = exif.get_ifd(_EXIF_IFD).get(_EXIF_FOCAL_35MM)
        focal = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OSError, SyntaxError):
        return None
    return focal if 1.0 < focal < 2000.0 else None


def _rgb(image: Image) -> Image:
    from PIL import Image as PILImage

    if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
        values = np.asarray(image, dtype=np.float64)
        wide = image.mode.startswith("I;16") or values.max(initial=0.0) > 255.0
        top = 65535.0 if wide else 255.0
        image = PILImage.fromarray(np.clip(values * (255.0 / top) + 0.5, 0, 255).astype(np.uint8))
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA", "RGBa", "La"}:
        rgba = image.convert("RGBA")
        white = PILImage.new("RGBA", rgba.size, "white")
        return PILImage.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _averaged(image: Image) -> Image:
    """Return a huge image reduced by a whole factor, before anything else copies all its pixels."""
    factor = max(image.size) // MAX_SIDE
    return image.reduce(factor) if factor > 1 and image.mode in _AVERAGED else image


def _reduced(image: Image) -> NDArray[np.uint8]:
    from PIL import Image as PILImage

    longest = max(image.size)
    if longest > MAX_SIDE:
        width, height = (max(1, round(side * MAX_SIDE / longest)) for side in image.size)
        image = image.resize((width, height), PILImage.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(image, dtype=np.uint8).copy()
