"""Files of a study by the names in its tables: a local folder or any fsspec URL; no name leaves it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Protocol

from genspace.errors import InputError
from genspace.records import Files

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings tried, in this order, for items without an `image` column: `images/ITEM_ID.png`."""


PLAIN = re.compile(r"(?:[\w .,+=@()\[\]-]+/)*[\w .,+=@()\[\]-]*")
"""Names of files, and folders before them, that mean the same everywhere, or no name; most are: a quick way to tell."""


def leaves_study(name: str) -> bool:
    """Whether a name from a table points outside the study: an absolute path, a drive, a URL, or a path with "..".

    >>> [leaves_study(n) for n in ("a/b.png", "../b.png", "/etc/passwd", "C:/x.png", "a/../b.png", "file://x")]
    [False, True, True, True, True, True]
    """
    if PLAIN.fullmatch(name) and ".." not in name:
        return False
    windows = PureWindowsPath(name)
    return (
        PurePosixPath(name).is_absolute()
        or bool(windows.drive or windows.root)
        or ".." in windows.parts
        or "://" in name
        or "\0" in name
    )


class FilesOfStudy(Files, Protocol):
    """Protocol of a study's files: `Files` that also find an item's image and a file's local path.

    >>> def has_image(files: FilesOfStudy, item_id: str) -> bool:
    ...     return files.image_of(item_id) is not None
    >>> import tempfile
    >>> has_image(StudyFiles(bases=(tempfile.mkdtemp(),)), "a")
    False
    """

    def local_path(self, name: str) -> Path | None:
        """Return the file's path on this machine; None if it is missing or remote."""
        ...

    def image_of(self, item_id: str) -> str | None:
        """Return the name of the image file named after the item, or None."""
        ...


@dataclass(frozen=True)
class StudyFiles:
    """Read access to a study's files (see `genspace.records.Files`). Each base is searched in turn.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.png").write_bytes(b"pixels")
    >>> files = StudyFiles(bases=(str(folder),))
    >>> files.read("a.png"), files.exists("b.png")
    (b'pixels', False)
    """

    bases: Sequence[str]
    """Folders or fsspec URLs, first match wins: the study's images, then the study itself."""

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` when it is absent or the name leaves the study."""
        found = self._find(name)
        if found is None:
            raise InputError(f"there is no file {name!r} in {' or '.join(self.bases)}")
        filesystem, path = found
        content: bytes = Path(path).read_bytes() if _is_local(filesystem) else filesystem.cat_file(path)
        return content

    def exists(self, name: str) -> bool:
        """Whether the file is there. Errors: `InputError` when the name leaves the study."""
        return self._find(name) is not None

    def local_path(self, name: str) -> Path | None:
        """Return the file's path on this machine; None if it is missing or remote."""
        found = self._find(name)
        return Path(found[1]) if found is not None and _is_local(found[0]) else None

    def image_of(self, item_id: str) -> str | None:
        """Return the name of the image file named after the item, or None."""
        return self._images_by_stem.get(item_id)

    @cached_property
    def _filesystems(self) -> list[tuple[Any, str]]:
        from fsspec.core import url_to_fs

        return [url_to_fs(base) for base in self.bases]

    def _find(self, name: str) -> tuple[Any, str] | None:
        if leaves_study(name):
            raise InputError(f"{name!r} leaves the study; use a name relative to its folder, without '..'")
        for filesystem, base in self._filesystems:
            path = f"{base.rstrip('/')}/{name}"
            if not _is_local(filesystem):
                if filesystem.isfile(path):
                    return filesystem, path
                continue
            try:
                mode = os.lstat(path).st_mode
            except (OSError, ValueError):  # not there, or a name that no file can bear
                continue
            link = stat.S_ISLNK(mode)
            if not self._inside(base, path if link else path.rpartition("/")[0]):
                raise InputError(f"{name!r} is a link that leaves the study; copy the file into it")
            if stat.S_ISREG(mode) or (link and Path(path).is_file()):
                return filesystem, path
        return None

    def _inside(self, base: str, path: str) -> bool:
        """Whether a folder or a link leads to nowhere outside a base; of each this is looked up once."""
        known = self._looked_up.get((base, path))
        if known is None:
            known = Path(path).resolve().is_relative_to(Path(base).resolve())
            self._looked_up[base, path] = known
        return known

    @cached_property
    def _looked_up(self) -> dict[tuple[str, str], bool]:
        return {}

    @cached_property
    def _images_by_stem(self) -> dict[str, str]:
        filesystem, base = self._filesystems[0]
        if not filesystem.isdir(base):
            return {}
        names = [str(path).rpartition("/")[2] for path in filesystem.ls(base, detail=False)]
        found: dict[str, str] = {}
        for suffix in reversed(IMAGE_SUFFIXES):  # the first ending wins
            found.update({n[: -len(suffix)]: n for n in names if n.lower().endswith(suffix)})
        return found


def _is_local(filesystem: Any) -> bool:
    protocol = filesystem.protocol
    return "file" in ((protocol,) if isinstance(protocol, str) else protocol)
