"""Files of retouched pictures, made when they are read: picture, scene file, depth and points change together."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from genspace.errors import InputError
from genspace.geometry import retouch
from genspace.geometry.perception.images import read_picture
from genspace.geometry.retouch import Cut
from genspace.geometry.scene import Pair, Scene
from genspace.geometry.scene_files import parse_document

if TYPE_CHECKING:
    from PIL.Image import Image

    from genspace.records import Files

MIRROR, SMALLER, JPEG, UNDONE, AS_IT_IS = "mirror", "smaller", "jpeg", "undone", "as-it-is"
SCALE, QUALITY = 0.75, 60
"""What a smaller picture's sides are multiplied by; quality of a JPEG."""
_FOCAL_35MM, _EXIF = 0xA405, 0x8769
_CUT = re.compile(r"cut-(\d+)-(\d+)-(\d+)-(\d+)")


@dataclass(frozen=True)
class _Retouch:
    picture: Callable[[Image], Image] | None
    """Pixels to pixels; a depth image is handed over with its 16-bit values. None: files stay as they are."""
    scene: Callable[[Scene | Pair], Scene | Pair]
    flips: bool = False
    """Whether points in space change their side."""
    jpeg: bool = False
    scale: float = 1.0
    """Factor on the picture's sides, and on its focal length in pixels."""


def _flip(image: Image) -> Image:
    from PIL import ImageOps

    return ImageOps.mirror(image)


def _shrink(image: Image) -> Image:
    from PIL.Image import Resampling

    size = (round(image.width * SCALE), round(image.height * SCALE))
    return image.resize(size, Resampling.LANCZOS if image.mode == "RGB" else Resampling.NEAREST)


def _smaller(scene: Scene | Pair) -> Scene | Pair:
    one = scene.before if isinstance(scene, Pair) else scene
    return retouch.scaled(scene, round(one.width * SCALE), round(one.height * SCALE))


_RETOUCHES = {
    MIRROR: _Retouch(_flip, retouch.mirrored, flips=True),
    SMALLER: _Retouch(_shrink, _smaller, scale=SCALE),
    JPEG: _Retouch(lambda image: image, lambda scene: scene, jpeg=True),
    UNDONE: _Retouch(None, retouch.backwards),
}


def cut_folder(cut: Cut) -> str:
    """Return the name of the folder for pictures with these sides cut off.

    >>> cut_folder(Cut(3, 0, 5, 2))
    'cut-3-0-5-2'
    """
    return f"cut-{cut.left}-{cut.top}-{cut.right}-{cut.bottom}"


def _retouch_of(folder: str) -> _Retouch | None:
    """Return the retouch of a folder; None: its files are read unchanged."""
    if sides := _CUT.fullmatch(folder):
        by = Cut(*map(int, sides.groups()))
        return _Retouch(lambda image: image.crop(by.inside(*image.size)), partial(retouch.cut, by=by))
    return None if folder == AS_IT_IS else _RETOUCHES[folder]


def retouched_name(folder: str, name: str) -> str:
    """Return the name of a retouched picture: in the retouch's folder, as PNG or JPEG.

    >>> retouched_name("mirror", "a/7.webp"), retouched_name("as-it-is", "7.webp")
    ('mirror/a/7.png', 'as-it-is/7.webp')
    """
    if folder in (AS_IT_IS, UNDONE):
        return f"{folder}/{name}"
    return f"{folder}/{PurePosixPath(name).with_suffix('.jpg' if folder == JPEG else '.png')}"


@dataclass(frozen=True)
class RetouchedFiles:
    """The files of a study, and under `FOLDER/NAME` those of its retouched pictures (see `genspace.records.Files`)."""

    files: Files
    pictures: Mapping[str, str]
    """By the name of a retouched picture, that of the study's."""

    def exists(self, name: str) -> bool:
        """Whether the file is there. Errors: `InputError` when the name leaves the study."""
        found = self._original(name)
        return found is not None and self.files.exists(found[1])

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` when it is absent or cannot be retouched."""
        found = self._original(name)
        if found is None:
            raise InputError(f"{name!r} is not a file of a retouched picture")
        folder, original = found
        change = _retouch_of(folder)
        if change is not None and original.endswith(".json"):
            return self._scene(original, change)
        data = self.files.read(original)
        if change is None or change.picture is None:
            return data
        if original.endswith(".npz"):
            return _points(data, original) if change.flips else data
        if name in self.pictures:
            return _picture(data, original, change.picture, change)
        return _depth(data, original, change.picture)

    def local_path(self, name: str) -> Path | None:  # noqa: ARG002
        """Return None: the files are made when they are read."""
        return None

    def image_of(self, item_id: str) -> str | None:  # noqa: ARG002
        """Return None: the items name their images."""
        return None

    def _original(self, name: str) -> tuple[str, str] | None:
        folder, slash, rest = name.partition("/")
        if not slash or not (folder in _RETOUCHES or folder == AS_IT_IS or _CUT.fullmatch(folder)):
            return None
        return folder, self.pictures.get(name, rest)

    def _scene(self, name: str, change: _Retouch) -> bytes:
        from genspace.judges.scene import FolderOfFiles, json_document

        beside = FolderOfFiles(self.files, str(PurePosixPath(name).parent))
        scene = parse_document(json_document(self.files, name), file=name, files=beside)
        return json.dumps(change.scene(scene).to_json(), allow_nan=False).encode()


def _picture(data: bytes, name: str, alter: Callable[[Image], Image], change: _Retouch) -> bytes:
    """Retouch an upright picture and keep its focal length in pixels, where EXIF gives one."""
    from PIL import Image

    seen = read_picture(data, name)
    before = Image.fromarray(seen.pixels)
    after = alter(before)
    exif = Image.Exif()
    if seen.focal_35mm is not None:
        longer = np.hypot(*before.size) / np.hypot(*after.size)
        exif[_EXIF] = {_FOCAL_35MM: round(seen.focal_35mm * float(longer) * change.scale)}
    stream = io.BytesIO()
    after.save(
        stream, **({"format": "JPEG", "quality": QUALITY} if change.jpeg else {"format": "PNG"}), exif=exif
    )
    return stream.getvalue()


def _depth(data: bytes, name: str, alter: Callable[[Image], Image]) -> bytes:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            stream = io.BytesIO()
            alter(image).save(stream, "PNG")
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise InputError(f"{name}: not a readable image ({error})") from None
    return stream.getvalue()


def _points(data: bytes, name: str) -> bytes:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            xyz = np.array(archive["xyz"])
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise InputError(f"{name}: expected an .npz file with the key 'xyz' ({error})") from None
    xyz[:, 0] *= -1
    stream = io.BytesIO()
    np.savez_compressed(stream, xyz=xyz)
    return stream.getvalue()
