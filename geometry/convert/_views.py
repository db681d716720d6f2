"""What every converter makes of its source: views, of which scene files are written one at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from genspace.errors import InputError, InvalidFilesError, Problem, refuse
from genspace.geometry.scene import Scene
from genspace.geometry.scene_files import parse_document

__all__ = [
    "LEVEL",
    "CameraView",
    "Log",
    "Reader",
    "image_sizes",
    "level_camera",
    "named",
    "scenes",
    "scenes_by_image",
]

LEAST_BEYOND = 3
"""Boxes beyond their pictures that make a source's convention doubtful, where they are more than half of all."""
LEVEL = "guess: level camera; the source does not say"
"""Source of gravity where a level camera is assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraView:
    """An image and what is known of it, as a scene file has it."""

    image: str
    """Name of the image, relative to the folder of the images."""
    width: int
    height: int
    objects: list[dict[str, Any]] = field(default_factory=list)
    """Objects as in a scene file; `id` may be left out, `box` may leave the image."""
    camera: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the scene."""
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """Side files beside the scene file, made when they are written."""

    def beyond(self) -> int:
        """Return how many boxes reach beyond the picture by more than the pixel that scene files allow."""
        return sum(
            min(left, top) < -1 or right > self.width + 1 or bottom > self.height + 1
            for left, top, right, bottom in (found["box"] for found in self.objects if found.get("box"))
        )


@dataclass
class Log:
    """What a converter has to say: problems, which stop it, and what it left out or took for granted."""

    problems: list[Problem] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    """Texts with "{n}" for how often."""
    written: str = "left, top, right, bottom"
    """How the source is taken to write its boxes, in words."""

    def told(self) -> list[str]:
        """Return the notes in words."""
        return [text.format(n=count) for text, count in self.notes.items()]


Reader = Callable[[Log], Iterator[CameraView]]
"""Yields the views of a source; may be asked again. What is wrong or left out goes to the log."""


def scenes(views: Iterable[CameraView], file: str, log: Log) -> Iterator[tuple[CameraView, Scene]]:
    """Yield the scene of each view; a view that makes none adds its problems to the log.

    A box that reaches beyond its picture is cut off there. Where most do, the source writes boxes another way.
    """
    beyond = every = 0
    for view in views:
        beyond, every = beyond + view.beyond(), every + sum("box" in found for found in view.objects)
        path = PurePosixPath(view.image)
        if not view.image or path.is_absolute() or ".." in path.parts:
            log.problems.append(
                Problem(file, "must be a relative path without '..'", field="image", value=view.image)
            )
            continue
        document = {
            "format": "genspace-scene/1",
            "image": path.name,
            "width": view.width,
            "height": view.height,
            **({"camera": dict(view.camera)} if view.camera else {}),
            "objects": named(view),
            **view.extra,
        }
        try:
            scene = parse_document(document, file=f"{file}: {view.image}")
        except InvalidFilesError as error:
            log.problems += error.problems
            continue
        assert isinstance(scene, Scene)  # by its format
        yield view, scene
    if beyond >= LEAST_BEYOND and beyond > every / 2:
        message = (
            f"{beyond} of {every} boxes reach beyond their pictures; boxes must be {log.written}, in pixels"
        )
        log.problems.append(Problem(file, message))
    elif beyond:
        log.notes[f"{{n}} of {every} boxes reach beyond their pictures: cut off there"] = beyond


def scenes_by_image(reader: Reader, file: str) -> list[tuple[str, Scene]]:
    """Return (image name, scene) of each image. Errors: `InvalidFilesError` with every problem."""
    log = Log()
    made = [(view.image, scene) for view, scene in scenes(reader(log), file, log)]
    refuse(log.problems)
    return made


def named(view: CameraView) -> list[dict[str, Any]]:
    """Return a view's objects with boxes clipped to the image, and numbered where they have no id of their own.

    Of one class `cow` is the best scored, `cow_2` the second best; without scores they are numbered as they stand.
    """
    order = sorted(
        range(len(view.objects)), key=lambda i: -(view.objects[i].get("detection_confidence") or 1.0)
    )
    seen: Counter[str] = Counter()
    ids: dict[int, str] = {}
    for i in order:
        label = view.objects[i]["label"]
        seen[label] += 1
        ids[i] = view.objects[i].get("id") or (label if seen[label] == 1 else f"{label}_{seen[label]}")
    limits = (view.width, view.height, view.width, view.height)
    objects = []
    for i, found in enumerate(view.objects):
        known = {key: value for key, value in found.items() if value is not None}
        if "box" in known:
            known["box"] = [
                min(max(side, 0.0), float(limit)) for side, limit in zip(known["box"], limits, strict=True)
            ]
        objects.append({**known, "id": ids[i]})
    return objects


def level_camera(camera: Mapping[str, Any]) -> dict[str, Any]:
    """Return a camera that is taken to be level, marked as a guess."""
    return {**camera, "pitch_deg": 0.0, "roll_deg": 0.0, "gravity_source": LEVEL}


def image_sizes(images: Path | None, name: str, *, stem: bool = False) -> tuple[str, int, int]:
    """Return an image's name in its folder, width and height. `images` is the folder, or the only image.

    `stem`: `name` is the image's without the ending. Errors: `InputError` for an image that is not there.
    """
    from PIL import Image, UnidentifiedImageError

    if images is None:
        raise InputError(f"the size of {name} is not known: say where the images are, with `images`")
    if images.is_file():
        found = images
    elif stem:
        matches = [p for p in sorted(images.glob(f"{name}.*")) if p.suffix.lower() in _PICTURES]
        found = matches[0] if matches else images / f"{name}.png"
    else:
        found = images / name
    try:
        with Image.open(found) as picture:
            return (found.name if stem or images.is_file() else name), picture.width, picture.height
    except (OSError, UnidentifiedImageError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"{found}: cannot be read ({reason})") from None


_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
