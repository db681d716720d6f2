"""Scenes: what is known about one image in 3D; the exchange format of perception, probes and users.

A scene is one JSON document; a pair holds the scenes before and after an edit. Records are
frozen and validated where they are made; keys that the format does not know are kept. Unknown values are
null: a predicate that needs one abstains. JSON Schemas: `schemas/scene.schema.json`, `pair.schema.json`.
Reading and writing them: `scene_files`.

Longer than 400 lines: it is one file format, with its checks.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar
from zipfile import BadZipFile

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Strict,
    Tag,
    field_validator,
    model_validator,
)

from genspace.display import Displayed
from genspace.documents import plain_schema
from genspace.errors import InputError
from genspace.geometry.camera import Intrinsics
from genspace.geometry.frames import is_rotation, level_from_camera, orthonormalise
from genspace.geometry.image_boxes import ImageBox, box_fault, boxes_fault
from genspace.geometry.masks import MAX_PIXELS, decode_rle, encode_rle, rle_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.records import Files

__all__ = [
    "Camera",
    "Mask",
    "Orientation",
    "Pair",
    "Scene",
    "SceneObject",
    "Sources",
    "json_schema",
    "side_file",
]

T = TypeVar("T")

Number = Annotated[float, Strict()]
Positive = Annotated[float, Strict(), Field(gt=0)]
Probability = Annotated[float, Strict(), Field(ge=0, le=1)]
Metres = Annotated[float, Strict(), Field(ge=-1e6, le=1e6)]
MIN_SIZE_M = 1e-6
"""Smallest size that can be compared."""
Size = Annotated[float, Strict(), Field(ge=MIN_SIZE_M, le=1e6)]
Vector = tuple[Number, Number, Number]
Point = tuple[Metres, Metres, Metres]


def side_file(name: str) -> str:
    """Return the name of a file beside a scene file. Errors: `ValueError` for one that leaves its folder.

    >>> side_file("depth/a.png")
    'depth/a.png'
    """
    parts = (*PurePosixPath(name).parts, *PureWindowsPath(name).parts)
    if not name or ".." in parts or PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise ValueError("must be a relative path inside the scene file's folder")
    return name


SideFile = Annotated[str, AfterValidator(side_file)]


_Points = Annotated[
    Annotated[SideFile, Tag("file")] | Annotated[tuple[Point, ...], Tag("list")],
    Discriminator(lambda value: "file" if isinstance(value, str) else "list"),
]


class _Record(BaseModel):
    """Frozen, finite numbers only, unknown keys kept."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class Camera(_Record):
    """Where the image was taken from. All null: a 2D-only scene.

    >>> Camera(fx=500, fy=500, cx=320, cy=240).intrinsics.fx, Camera().intrinsics
    (500.0, None)
    """

    fx: Positive | None = None
    """Focal length in pixels."""
    fy: Positive | None = None
    cx: Number | None = None
    """Principal point in pixels."""
    cy: Number | None = None
    pitch_deg: Number | None = None
    """Above 0: the camera looks up."""
    roll_deg: Number | None = None
    """Above 0: the camera is turned clockwise."""
    height_m: Number | None = None
    """Height above the floor."""
    intrinsics_source: str | None = None
    """Where the intrinsics come from; a guess says so."""
    gravity_source: str | None = None

    @property
    def intrinsics(self) -> Intrinsics | None:
        """The pinhole intrinsics, None unless all four are known."""
        if self.fx is None or self.fy is None or self.cx is None or self.cy is None:
            return None
        return Intrinsics(self.fx, self.fy, self.cx, self.cy)

    @cached_property
    def level_from_camera(self) -> NDArray[np.float64] | None:
        """R_level_from_camera, (3, 3); None unless pitch and roll are known."""
        if self.pitch_deg is None or self.roll_deg is None:
            return None
        return level_from_camera(self.pitch_deg, self.roll_deg)

    def changed(self, **changes: float | None) -> Camera:
        """Return a camera with other values in some fields."""
        return Camera(**{**self.model_dump(), **changes})


class Orientation(_Record):
    """An orientation as an estimator gave it, relative to the viewing ray of the crop that it saw.

    >>> Orientation(azimuth_deg=30, polar_deg=90).rotation_deg
    0.0
    """

    azimuth_deg: Number
    polar_deg: Number
    rotation_deg: Number = 0.0
    ray: Vector | None = None
    """Viewing ray through the centre of the object's box, in the camera frame."""


class Mask(_Record):
    """An object's visible pixels: COCO compressed run-length encoding of the image's size.

    >>> Mask.from_array(np.array([[False, True], [False, True]])).decode().tolist()
    [[False, True], [False, True]]
    """

    size: tuple[Annotated[int, Strict(), Field(ge=1)], Annotated[int, Strict(), Field(ge=1)]]
    """Height and width."""
    counts: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        rle_runs(self.counts, self.size)
        return self

    @classmethod
    def from_array(cls, mask: NDArray[np.bool_]) -> Mask:
        """Return the encoding of a mask, (height, width) bool."""
        return cls(size=(mask.shape[0], mask.shape[1]), counts=encode_rle(mask))

    def decode(self) -> NDArray[np.bool_]:
        """Return the mask, (height, width) bool."""
        return decode_rle(self.counts, self.size)


class Sources(_Record):
    """Where an object's values come from: the part that measured them, or, beginning with "guess", what was assumed.

    >>> Sources(box="GroundingDINO", rotation="guess: level camera").rotation
    'guess: level camera'
    """

    box: str | None = None
    mask: str | None = None
    rotation: str | None = None
    centre: str | None = None
    extent: str | None = None


class SceneObject(_Record):
    """One object: its box in 3D and in the image, how it is turned, and how sure its finder was.

    >>> cat = SceneObject(id="cat", centre=(1, 0, 3), extent=(0.5, 0.4, 0.2), has_front=True)
    >>> cat.centre, cat.rotation is None
    ((1.0, 0.0, 3.0), True)
    """

    id: Annotated[str, Field(min_length=1)]
    """What predicates call it; unique in the scene."""
    label: str | None = None
    """What the detector was asked for, in the user's words."""
    centre: Point | None = None
    """Centre of the whole box, hidden parts included; camera frame, metres."""
    extent: tuple[Size, Size, Size] | None = None
    """Full size along the object's own front, up and right axes, metres."""
    rotation: tuple[Vector, Vector, Vector] | None = None
    """R_<rotation_frame>_from_object; its columns are the object's front, up and right axes."""
    rotation_frame: Literal["camera", "level"] = "camera"
    rotation_confidence: Probability | None = None
    """How sure the estimator is that the object has a front and that it is this one."""
    has_front: bool | None = None
    """Whether the class has a front; None: not known, taken as yes."""
    orientation_raw: Orientation | None = None
    """The estimator's own answer, before any correction."""
    detection_confidence: Probability | None = None
    box: tuple[Number, Number, Number, Number] | None = None
    """Box in the image, pixels: left, top, right, bottom (`genspace.geometry.image_boxes`)."""
    mask: Mask | None = None
    surface_mean: Point | None = None
    """Mean of the visible surface's points, camera frame, metres."""
    points: _Points | None = None
    """Points of the visible surface, camera frame: an `.npz` file with the key `xyz`, or listed here."""
    point_count: Annotated[int, Strict(), Field(ge=0)] | None = None
    """How many points the measurement rests on; None: as many as `points` holds."""
    complete: bool | None = None
    """Whether the extents are those of the whole object and not only of its visible surface (known truth);
    then sizes are judged from any side."""
    truncated: bool | None = None
    """Whether the image's border cuts the object."""
    visible_fraction: Probability | None = None
    sources: Sources | None = None

    @field_validator("rotation")
    @classmethod
    def _right_handed(cls, rows: tuple[Vector, ...] | None) -> tuple[Vector, ...] | None:
        if rows is None:
            return None
        if not is_rotation(rows, tolerance=1e-3):
            raise ValueError("must be a right-handed rotation: rows and columns of length 1, at right angles")
        return rows if is_rotation(rows, tolerance=1e-12) else _rows(orthonormalise(rows))

    @field_validator("box")
    @classmethod
    def _box_in_order(cls, box: ImageBox | None) -> ImageBox | None:
        fault = None if box is None else box_fault(box)
        if fault:
            raise ValueError(fault)
        return box


def _rows(matrix: NDArray[np.float64]) -> tuple[Vector, ...]:
    return tuple((float(a), float(b), float(c)) for a, b, c in matrix)


class _SceneFile(_Record):
    """What a file holds, with the name of the file."""

    _source: str = PrivateAttr(default="scene")

    @property
    def source(self) -> str:
        """Name of the file that this was read from, for messages."""
        return self._source

    def remember(self, key: Hashable, make: Callable[[Self], T]) -> T:
        """Return what `make` gives for this document, made once per key; documents do not change."""
        made: T | None = self._made.get(key)
        if made is None:
            made = self._made[key] = make(self)
        return made

    @cached_property
    def _made(self) -> dict[Hashable, Any]:
        return {}

    def changed(self, **changes: Any) -> Self:
        """Return a copy with other values in some fields, which are not checked again."""
        copy = self.model_copy(update=changes)
        for made in ("_made", "_by_id"):
            vars(copy).pop(made, None)
        return copy

    def _from(self, source: str, **changes: Any) -> Self:
        copy = self.changed(**changes)
        copy._source = source  # noqa: SLF001  the same class
        return copy


class Scene(Displayed, _SceneFile):
    """One image in 3D: camera, objects, depth, and the predicates asked of it.

    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "centre": (1, 0, 3)},))
    >>> scene.object("cat").centre, scene.object("dog")
    ((1.0, 0.0, 3.0), None)
    """

    format: Literal["genspace-scene/1"] = "genspace-scene/1"
    image: SideFile | None = None
    width: Annotated[int, Strict(), Field(ge=1)]
    height: Annotated[int, Strict(), Field(ge=1)]
    camera: Camera = Camera()
    objects: tuple[SceneObject, ...] = ()
    depth: SideFile | None = None
    """16-bit PNG of z (not of the ray's length); 0 marks pixels without depth."""
    depth_scale: Positive = 0.001
    """Metres per step of the depth image."""
    depth_source: str | None = None
    """Where the depth comes from; a guess says so."""
    predicates: tuple[str, ...] = ()
    """What to judge, as calls whose roles name objects: `object_distance(cow, chair, value_m=1)`."""
    absent: tuple[str, ...] = ()
    """Ids of objects that were asked for and that a detector verified to be absent: statements about them do not hold.
    Without it, an object that was not found may only have been overlooked."""
    detections: Annotated[int, Strict(), Field(ge=0)] | None = None
    """How many things of the asked classes the detector saw, unnamed ones too; None: those of `objects`."""

    _files: Files | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = list(self._faults())
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _faults(self) -> Iterator[str]:
        if self.width * self.height > MAX_PIXELS:
            yield f"width × height is over {MAX_PIXELS} pixels"
        fault = boxes_fault(item.box for item in self.objects if item.box is not None)
        if fault and max(self.width, self.height) > 1:
            yield f"objects: {fault}"
        seen: set[str] = set()
        for index, item in enumerate(self.objects):
            here = f"objects[{index}]"
            if item.id in seen:
                yield f"{here}.id = {item.id!r} occurs twice; ids must be unique"
            seen.add(item.id)
            if item.mask is not None and item.mask.size != (self.height, self.width):
                yield f"{here}.mask.size = {list(item.mask.size)} must be [{self.height}, {self.width}]"
            if item.box is not None and not _inside(item.box, self.width, self.height):
                yield f"{here}.box = {list(item.box)} must lie in the image, {self.width} × {self.height}"

    @property
    def is_truth(self) -> bool:
        """Whether it declares that it holds the known truth, as scenes of rendered probes do, and not a perception."""
        return self.camera.intrinsics_source == "known" or any(item.complete for item in self.objects)

    def object(self, name: str) -> SceneObject | None:
        """Return the object with this id, or None."""
        return self._by_id.get(name)

    @cached_property
    def _by_id(self) -> dict[str, SceneObject]:
        return {item.id: item for item in self.objects}

    def with_files(self, files: Files | None, *, source: str = "scene") -> Scene:
        """Return the scene with the place where its depth and point files are read from."""
        copy = self._from(source)
        copy._files = files  # noqa: SLF001  the same class
        return copy

    def read_depth(self) -> NDArray[np.float32] | None:
        """Return the depth z in metres, (h, w) float32, 0 where it is unknown; None if the scene has none.

        Its size may differ from the image's; see `depth_intrinsics`.
        Errors: `InputError` for a missing or unreadable file.
        """
        if self.depth is None:
            return None
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(self._read(self.depth))) as image:
                if not image.mode.startswith("I"):
                    raise InputError(
                        f"{self.source}: depth = {self.depth!r}: expected a 16-bit PNG, not {image.mode}"
                    )
                if image.width * image.height > MAX_PIXELS:
                    raise InputError(f"{self.source}: depth = {self.depth!r}: over {MAX_PIXELS} pixels")
                steps = np.asarray(image)
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise InputError(f"{self.source}: depth = {self.depth!r}: not a readable PNG ({error})") from None
        return np.float32(self.depth_scale) * steps.astype(np.float32)

    def depth_intrinsics(self, depth: NDArray[Any]) -> Intrinsics | None:
        """Return the intrinsics that belong to a depth image, (h, w): the camera's, scaled to its size."""
        intrinsics = self.camera.intrinsics
        if intrinsics is None or depth.shape == (self.height, self.width):
            return intrinsics
        return intrinsics.scaled(depth.shape[1] / self.width, depth.shape[0] / self.height)

    def read_points(self, item: SceneObject) -> NDArray[np.float64] | None:
        """Return the object's surface points in the camera frame, (N, 3) metres, or None.

        Errors: `InputError` for a missing or unreadable file.
        """
        if item.points is None:
            return None
        if not isinstance(item.points, str):
            return np.array(item.points, dtype=float).reshape(-1, 3)
        where = f"{self.source}: object {item.id!r}: points = {item.points!r}"
        try:
            with np.load(io.BytesIO(self._read(item.points)), allow_pickle=False) as archive:
                xyz = np.asarray(archive["xyz"], dtype=float)
        except (BadZipFile, KeyError, ValueError, OSError, EOFError, TypeError, zlib.error) as error:
            raise InputError(f"{where}: expected an .npz file with the key 'xyz' ({error})") from None
        if xyz.ndim != 2 or xyz.shape[1] != 3 or not np.isfinite(xyz).all():
            raise InputError(f"{where}: expected finite numbers of shape (N, 3), not {xyz.shape}")
        return xyz

    def _read(self, name: str) -> bytes:
        if self._files is None:
            raise InputError(f"{self.source}: {name!r} cannot be read: the scene was not read from a folder")
        return self._files.read(name)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document, without keys that are null, with boxes clipped to the image."""
        document = self.model_dump(mode="json", exclude_none=True)
        for item in document["objects"]:
            if (box := item.get("box")) is not None:
                limits = (self.width, self.height, self.width, self.height)
                item["box"] = [
                    min(max(value, 0.0), float(limit)) for value, limit in zip(box, limits, strict=True)
                ]
        return document


def _inside(box: tuple[float, ...], width: int, height: int, *, slack: float = 1.0) -> bool:
    return min(box) >= -slack and box[2] <= width + slack and box[3] <= height + slack


class Pair(Displayed, _SceneFile):
    """The scenes before and after an edit.

    >>> before, after = (Scene(width=100, height=50) for _ in range(2))
    >>> Pair(before=before, after=after, camera="static").to_json()["camera"]
    'static'
    """

    format: Literal["genspace-pair/1"] = "genspace-pair/1"
    before: Scene
    after: Scene
    camera: Literal["static", "unknown"] = "unknown"
    """Whether the camera stood still between the two."""
    depth_scale: Positive | None = None
    """Factor on the after scene's lengths that brings them to the before scene's; None: measured."""
    yaw_deg: Number | None = None
    """How far the camera turned to the right between the two; None: not known, taken as 0."""
    predicates: tuple[str, ...] = ()

    def with_files(self, files: Files | None, *, source: str = "pair") -> Pair:
        """Return the pair with the place where its side files are read from."""
        return self._from(
            source,
            before=self.before.with_files(files, source=f"{source}: before"),
            after=self.after.with_files(files, source=f"{source}: after"),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON document, both scenes in it."""
        document = self.model_dump(mode="json", exclude_none=True, exclude={"before", "after"})
        return {**document, "before": self.before.to_json(), "after": self.after.to_json()}


def json_schema(record: type[Scene | Pair]) -> dict[str, Any]:
    """Return the JSON Schema of scene or pair files; `geometry/schemas/` holds them as files.

    >>> json_schema(Scene)["title"]
    'Scene'
    """
    return plain_schema(record.model_json_schema())
