"""Cache outputs of parts on disk, by the image's digest, the part's fingerprint and the part's other inputs.

Changing one part re-runs only what reads its outputs; an output that comes out the same stops there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.geometry.perception._parts import Arrays, Part, StageView, stages_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["StageCache", "stage_key"]


def stage_key(part: Part, view: StageView) -> str:
    """Return the cache key of a part's output for a view: a digest of everything that the output depends on."""
    digest = hashlib.sha256(f"{view.picture.digest}|{part.fingerprint}".encode())
    for name in sorted(view.known):
        array = np.ascontiguousarray(view.known[name])
        digest.update(f"|{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class StageCache:
    """A folder of `.npz` files; safe to delete at any time."""

    folder: Path

    def path(self, part: Part, key: str) -> Path:
        """Return the file of one output."""
        stages = "+".join(stages_of(part.gives))
        return self.folder / "perception" / stages / key[:2] / f"{key}.npz"

    def get(self, part: Part, key: str) -> dict[str, NDArray[Any]] | None:
        """Return an output, or None when it is not kept or its file is damaged."""
        try:
            with self.path(part, key).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                return {name: _unpacked(name, archive) for name in archive.files if name != _MASK_SHAPE}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def put(self, part: Part, key: str, output: Arrays) -> None:
        """Keep an output. A reader sees the whole file or none."""
        path = self.path(part, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez(stream, allow_pickle=False, **dict(_packed(output)))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


_MASK_SHAPE = "masks.shape"


def _packed(output: Arrays) -> Iterable[tuple[str, NDArray[Any]]]:
    """Masks are kept as bits; compressing depth would cost more time than reading it."""
    for name, array in output.items():
        if name == "masks":
            yield _MASK_SHAPE, np.array(array.shape)
            yield name, np.packbits(array)
        else:
            yield name, np.asarray(array)


def _unpacked(name: str, archive: Any) -> NDArray[Any]:
    array: NDArray[Any] = archive[name]
    if name != "masks":
        return array
    shape = archive[_MASK_SHAPE]
    return np.unpackbits(array, count=int(np.prod(shape))).astype(bool).reshape(shape)
