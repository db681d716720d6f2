"""Scene files: reading, checking and writing scenes and pairs as JSON (`*.scene.json`) or JSONL.

Every problem of every file is named at once: file, line, field, value, what is expected.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from genspace.errors import InputError, InvalidFilesError, Problem, file_errors, refuse
from genspace.geometry.scene import Pair, Scene, side_file
from genspace.records import SCENE_SUFFIX

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.records import Files

__all__ = [
    "FolderFiles",
    "encode_depth",
    "parse_document",
    "read_all",
    "read_scene",
    "read_scenes",
    "write_scene",
]


class FolderFiles:
    """Reads files of one folder by relative names; no name leaves it.

    >>> import tempfile
    >>> FolderFiles(Path(tempfile.mkdtemp())).exists("a.depth.png")
    False
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        return self._path(name).is_file()

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` if absent, or if the name leaves the folder."""
        path = self._path(name)
        with file_errors(path, "read"):
            return path.read_bytes()

    def _path(self, name: str) -> Path:
        try:
            return self.root / side_file(name)
        except ValueError as error:
            raise InputError(f"{name!r} {error}") from None


def parse_document(document: Any, *, file: str = "scene", files: Files | None = None) -> Scene | Pair:
    """Return the scene or pair in a JSON document. A pair may name its scenes by file.

    Errors: `InvalidFilesError` with every problem: file, field, value, what is expected.

    >>> parse_document({"format": "genspace-scene/1", "width": 100, "height": 50}).width
    100
    """
    if not isinstance(document, dict):
        raise InvalidFilesError([Problem(file, "expected a JSON object")])
    kind = document.get("format")
    record = _FORMATS.get(kind) if isinstance(kind, str) else None
    if record is None:
        raise InvalidFilesError(
            [Problem(file, f"expected {' or '.join(_FORMATS)}", field="format", value=kind)]
        )
    if record is Pair and files is not None:
        named = {when: name for when in ("before", "after") if isinstance(name := document.get(when), str)}
        document = document | {when: _load(files.read(name), file=name) for when, name in named.items()}
    try:
        return record.model_validate(document).with_files(files, source=file)
    except ValidationError as error:
        raise InvalidFilesError(list(_problems(error, file))) from None


_FORMATS: dict[str, type[Scene | Pair]] = {"genspace-scene/1": Scene, "genspace-pair/1": Pair}


def _problems(error: ValidationError, file: str) -> Iterator[Problem]:
    for e in error.errors(include_url=False):
        loc = [part for part in e["loc"] if part not in {"file", "list"}]  # tags of the union of point forms
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
        value = e["input"] if isinstance(e["input"], str | int | float) else None
        for message in e["msg"].removeprefix("Value error, ").splitlines():
            yield Problem(file, message, field=field or None, value=value)


def _load(data: bytes | str, *, file: str, row: int | None = None) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidFilesError([Problem(file, f"not readable as JSON: {error}", row=row)]) from None


def read_scenes(path: str | Path) -> Iterator[tuple[str, Scene | Pair]]:
    """Yield (name, scene or pair) of a JSON file, or of each line of a `.jsonl` file (`file:line`).

    Errors: `InputError` for an unreadable file, `InvalidFilesError` for a wrong document.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.scene.json"
    >>> write_scene(Scene(width=100, height=50), file)
    >>> [scene.height for _, scene in read_scenes(file)]
    [50]
    """
    path = Path(path)
    files = FolderFiles(path.parent)
    for name, document in _documents(path):
        yield name, parse_document(document, file=name, files=files)


def _documents(path: Path) -> Iterator[tuple[str, Any]]:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the files in it, such as {path / '*'}{SCENE_SUFFIX}")
    data = FolderFiles(path.parent).read(path.name)
    if path.suffix != ".jsonl":
        yield str(path), _load(data, file=str(path))
        return
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            yield f"{path}:{number}", _load(line, file=str(path), row=number)


def read_all(paths: Iterable[str | Path]) -> list[tuple[str, Scene | Pair]]:
    """Return (name, scene or pair) of every document in several files; see `read_scenes`.

    Errors: `InvalidFilesError` with every problem of every file.

    >>> import tempfile
    >>> files = [Path(tempfile.mkdtemp()) / name for name in ("a.scene.json", "b.scene.json")]
    >>> for file in files:
    ...     write_scene(Scene(width=100, height=50), file)
    >>> len(read_all(files))
    2
    """
    documents: list[tuple[str, Scene | Pair]] = []
    problems: list[Problem] = []
    for path in map(Path, paths):
        try:
            found = list(_documents(path))
        except InvalidFilesError as error:
            problems += error.problems
            continue
        except InputError as error:
            problems.append(Problem(str(path), str(error).removeprefix(f"{path}: ")))
            continue
        for name, document in found:
            try:
                documents.append((name, parse_document(document, file=name, files=FolderFiles(path.parent))))
            except InvalidFilesError as error:
                problems += error.problems
            except InputError as error:
                problems.append(Problem(name, str(error)))
    refuse(problems)
    return documents


def read_scene(path: str | Path) -> Scene:
    """Return the scene in a `*.scene.json` file.

    Errors: `InputError` for an unreadable file or a pair, `InvalidFilesError` with every problem.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.scene.json"
    >>> write_scene(Scene(width=100, height=50), file)
    >>> read_scene(file).height
    50
    """
    for name, scene in read_scenes(path):
        if isinstance(scene, Scene):
            return scene
        raise InputError(f"{name}: holds a pair of scenes, not one scene")
    raise InputError(f"{path}: holds no scene")


def encode_depth(depth: NDArray[Any]) -> tuple[bytes, float]:
    """Return a 16-bit PNG of depth in metres and its metres per step: a millimetre, more beyond 65.5 m.

    >>> encode_depth(np.array([[1.0, 2.0]]))[1], encode_depth(np.array([[131.07]]))[1]  # metres per step
    (0.001, 0.002)
    """
    from PIL import Image

    scale = max(0.001, float(depth.max(initial=0.0)) / 65535.0)
    steps = np.clip(np.rint(depth / scale), 0, 65535).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(steps).save(stream, "PNG", compress_level=1)
    return stream.getvalue(), scale


def write_scene(scene: Scene | Pair, path: str | Path) -> None:
    """Write a scene or a pair as JSON.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.scene.json"
    >>> write_scene(Scene(width=100, height=50), file)
    >>> json.loads(file.read_text())["format"]
    'genspace-scene/1'
    """
    text = json.dumps(scene.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")
