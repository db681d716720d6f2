"""Images as they are sent: unchanged where they are small enough, else scaled down in one fixed way."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from genspace.errors import InputError
from genspace.judges.asking._asks import Ask, drawn_in
from genspace.records import Files

if TYPE_CHECKING:
    from PIL import Image

SENT_AS_THEY_ARE = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
KEPT = 32
PREPARATION = 1
"""Version of the preparation below; part of cache keys."""
EXIF_ORIENTATION = 0x0112


class PictureError(Exception):
    """The image cannot be read; the message says why."""


@dataclass(frozen=True, eq=False)
class SentPicture:
    """One image file on its way to a model whose images have at most `longest` pixels a side."""

    name: str
    data: bytes = field(repr=False)
    longest: int
    digest: str = field(init=False)
    """What identifies the bytes that are sent, without decoding the image."""

    def __post_init__(self) -> None:
        digest = f"{hashlib.sha256(self.data).hexdigest()}@{self.longest}/{PREPARATION}"
        object.__setattr__(self, "digest", digest)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height that are sent, in pixels; reads the header alone."""
        with _opened(self) as image:
            width, height = image.size
            turned = _orientation(image) >= 5
        return _fitted(*((height, width) if turned else (width, height)), self.longest)

    @cached_property
    def encoded(self) -> tuple[str, bytes]:
        """MIME type and bytes that are sent.

        A PNG, JPEG or WebP file within `longest` pixels that stands upright is sent byte for byte. Anything else
        becomes a PNG of `pixels`. Errors: `PictureError`.
        """
        with _opened(self) as image:
            as_it_is = image.format in SENT_AS_THEY_ARE and max(image.size) <= self.longest
            if as_it_is and image.format is not None and _orientation(image) == 1:
                _check(image)
                return SENT_AS_THEY_ARE[image.format], self.data
        buffer = io.BytesIO()
        self.pixels.save(buffer, format="PNG")
        return "image/png", buffer.getvalue()

    @property
    def pixels(self) -> Image.Image:
        """The upright RGB image, transparency on white, at most `longest` pixels a side. Errors: `PictureError`."""
        from PIL import Image, ImageOps

        with _opened(self) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA")
        flat = Image.new("RGBA", upright.size, "white")
        flat.alpha_composite(upright)
        size = _fitted(*upright.size, self.longest)
        return flat.convert("RGB").resize(size, resample=Image.Resampling.LANCZOS)

    @property
    def data_url(self) -> str:
        """The image as a `data:` URL."""
        mime, data = self.encoded
        return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


class Pictures:
    """Reads pictures and keeps the last few, because questions, repeats and pairs of an item share them."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._kept: OrderedDict[tuple[str, bytes | None], SentPicture] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, files: Files, names: Iterable[str], drawn: Mapping[str, bytes] | None = None
    ) -> dict[str, SentPicture]:
        """Return pictures by name; `drawn` holds the pictures that are not files.

        Errors: `PictureError` for a file that is not there.
        """
        found = {}
        for name in dict.fromkeys(names):
            data = (drawn or {}).get(name)
            picture = self._kept.get((name, data))
            if picture is None:
                try:
                    picture = SentPicture(name, files.read(name) if data is None else data, self._longest)
                except InputError as error:
                    raise PictureError(str(error)) from None
                with self._lock:
                    self._kept[name, data] = picture
                    if len(self._kept) > KEPT:
                        self._kept.popitem(last=False)
            found[name] = picture
        return found

    def of(self, files: Files, *asks: Ask) -> dict[str, SentPicture]:
        """Return all pictures of asks by name. Errors: as `read`."""
        names = [name for ask in asks for part in ask.sent for name in part.images]
        return self.read(files, names, drawn_in(asks))


@contextmanager
def _opened(picture: SentPicture) -> Iterator[Image.Image]:
    """Open an image. Any fault becomes a `PictureError`, now or when the pixels are read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(picture.data))
        with image:
            yield image
    except UnidentifiedImageError:
        raise PictureError(f"{picture.name!r} is not an image that can be read") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise PictureError(f"image {picture.name!r} has too many pixels") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise PictureError(f"image {picture.name!r} is damaged: {error}") from None


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 being upright; without decoding the pixels, which a PNG's `getexif` would do."""
    known = image.format != "PNG" or "exif" in image.info
    return int(image.getexif().get(EXIF_ORIENTATION, 1)) if known else 1


def _check(image: Image.Image) -> None:
    """Check that a file is complete: by a PNG's checksums, else by decoding it, coarsely where that is faster."""
    if image.format == "PNG":
        image.verify()
    else:
        image.draft("RGB", (1, 1))
        image.load()


def _fitted(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
