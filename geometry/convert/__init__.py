"""Scene files from what others have: COCO, with boxes in 3D or without, tables of boxes, KITTI, depth with intrinsics.

Scenes are made and written one at a time. What a source holds and a scene has no place for is kept under a key of its
own, or said; nothing is dropped in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from genspace.errors import InputError, refuse
from genspace.geometry.convert._coco import coco_reader, scenes_from_coco
from genspace.geometry.convert._depth import depth_reader
from genspace.geometry.convert._kitti import kitti_reader
from genspace.geometry.convert._tables import scenes_from_boxes, table_reader
from genspace.geometry.convert._views import Log, Reader, scenes
from genspace.geometry.scene_files import write_scene
from genspace.records import SCENE_SUFFIX

__all__ = ["Conversion", "Format", "convert", "scenes_from_boxes", "scenes_from_coco"]

Format = Literal["coco", "boxes", "kitti", "depth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What was written, and what there is to say about it.

    >>> found = Conversion(written=(Path("a.scene.json"),), notes=("a.png: 1 object without a box is left out",))
    >>> [path.name for path in found.written]
    ['a.scene.json']
    """

    written: tuple[Path, ...]
    """The scene files."""
    notes: tuple[str, ...] = ()
    """What was left out or taken for granted, one sentence each."""


def convert(
    path: Path,
    out: Path,
    *,
    form: Format | None = None,
    images: Path | None = None,
    camera: Path | None = None,
    annotations: Path | None = None,
    fronts: bool = False,
    level: bool | None = None,
    scale: float = 1.0,
    rays: bool = False,
) -> Conversion:
    """Write one scene file per image of a source.

    Args:
        path: COCO file (`.json`), table of boxes (CSV, TSV, JSONL, Parquet), KITTI label file or folder of them
            (`.txt`), or depth (`.npy`, `.npz`, 16-bit `.png`) or a folder of it.
        out: folder for the scene files, laid out as the images are in theirs; it may be that folder.
        form: what `path` is, where its ending does not tell.
        images: folder of the images, or the only image: where the source does not say their sizes.
        camera: KITTI calibration, or intrinsics of depth: a file, or a folder with one per image.
        annotations: the COCO file with images and categories, for a file of results alone.
        fronts: whether the first axis of COCO's boxes in 3D is the objects' front.
        level: whether the camera is taken to be level, which is marked as a guess; by default for KITTI alone.
        scale: metres per unit of depth.
        rays: whether depth is the ray's length and not z.

    Errors: `InputError` for a file that cannot be read, `InvalidFilesError` with every problem; then nothing is
    written.

    >>> import json, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> boxes = {
    ...     "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}],
    ...     "categories": [{"id": 1, "name": "cat"}],
    ...     "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40]}],
    ... }
    >>> _ = (folder / "coco.json").write_text(json.dumps(boxes))
    >>> [path.name for path in convert(folder / "coco.json", folder).written]
    ['a.scene.json']
    """
    chosen = form or _form(path)
    reader: Reader
    if chosen == "coco":
        reader = coco_reader(path, annotations=annotations, fronts=fronts, level=bool(level))
    elif chosen == "boxes":
        reader = table_reader(path, images=images)
    elif chosen == "kitti":
        reader = kitti_reader(path, calibration=camera, images=images, level=level is not False)
    else:
        reader = depth_reader(
            path, intrinsics=camera, images=images, level=bool(level), scale=scale, rays=rays
        )
    log = Log()
    for _ in scenes(reader(log), str(path), log):
        pass  # all problems first
    refuse(log.problems)
    written = []
    for view, scene in scenes(reader(Log()), str(path), Log()):
        target = out / PurePosixPath(view.image).with_suffix(SCENE_SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True)
        for name, content in view.files.items():
            (target.parent / name).write_bytes(content())
        write_scene(scene, target)
        written.append(target)
    return Conversion(written=tuple(written), notes=tuple(log.told()))


def _form(path: Path) -> Format:
    """Return what a source is, by its ending; a folder by what is in it."""
    if path.is_dir():
        endings = sorted({p.suffix.lower() for p in path.iterdir() if p.is_file()})
        for ending in endings:
            if ending in _FORMS and _FORMS[ending] in {"kitti", "depth"}:
                return _FORMS[ending]
        raise InputError(f"{path}: holds no KITTI labels (.txt) and no depth (.npy, .npz, .png)")
    return _FORMS.get(path.suffix.lower(), "boxes")


_FORMS: dict[str, Format] = {
    ".json": "coco",
    ".txt": "kitti",
    ".npy": "depth",
    ".npz": "depth",
    ".png": "depth",
}
