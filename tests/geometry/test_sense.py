"""`genspace scene check` warns of what a scene may say and cannot mean; right scenes are left alone."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genspace.errors import InputError
from genspace.geometry.frames import level_from_camera
from genspace.geometry.masks import encode_rle
from genspace.geometry.scene_files import parse_document, read_all
from genspace.geometry.sense import doubts

ROOT = Path(__file__).resolve().parents[2]

# a cow 5 m away, 2.2 m long and 1.4 m high, seen by a camera that looks down by 10°
LEVEL = level_from_camera(-10, 0)
UPRIGHT = LEVEL.T @ np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
GOOD: dict[str, Any] = {
    "format": "genspace-scene/1", "width": 640, "height": 480,
    "camera": {"fx": 600, "fy": 600, "cx": 320, "cy": 240, "pitch_deg": -10, "roll_deg": 0, "height_m": 1.5},
    "objects": [
        {"id": "cow", "label": "cow", "centre": [0.5, 0.3, 5.0], "extent": [2.2, 1.4, 0.8], "rotation": UPRIGHT.tolist(),
         "box": [300, 190, 460, 360]},
    ],
    "perception": {"depth": "scene"}, "probe": {}, "coco": {},
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good scene with another value at a path such as "camera.fx" or "cow.centre"; None takes it away."""
    document = deepcopy(GOOD)
    *place, key = path.split(".")
    target = document
    for part in place:
        target = document["objects"][0] if part == "cow" else target[part]
    target[key] = value
    return document


def renamed(old: str, new: str) -> dict[str, Any]:
    document = deepcopy(GOOD)
    *place, key = old.split(".")
    target = document["objects"][0] if place == ["cow"] else document["camera"] if place else document
    target[new] = target.pop(key)
    return document


def mask(rows: slice, columns: slice) -> dict[str, Any]:
    pixels = np.zeros((480, 640), bool)
    pixels[rows, columns] = True
    return {"size": [480, 640], "counts": encode_rle(pixels)}


SENSELESS = {
    "center for centre": (renamed("cow.centre", "center"), "center: is not a key of this format and is not read; did you mean centre?"),
    "dimensions for extent": (renamed("cow.extent", "dimensions"), "did you mean extent?"),
    "bbox for box": (renamed("cow.box", "bbox"), "did you mean box?"),
    "pitch for pitch_deg": (renamed("camera.pitch_deg", "pitch"), "camera.pitch: .* did you mean pitch_deg?"),
    "objcts for objects": (renamed("objects", "objcts"), "objcts: is not a key .* did you mean objects?"),
    "pitch 500": (changed("camera.pitch_deg", 500), "camera.pitch_deg = 500.0: lies between −90 and 90 degrees"),
    "roll 270": (changed("camera.roll_deg", 270), "lies between −180 and 180"),
    "a focal length in millimetres": (changed("camera.fx", 35), "fx = 35.0: is a field of view of 168°; focal lengths are in pixels"),
    "a principal point in fractions": (changed("camera.cx", -3), "the principal point lies outside the image"),
    "millimetres": (changed("cow.centre", [500.0, 300.0, 5000.0]), r"centre = .*: is 5034 m from the camera; places are in metres"),
    "sizes in millimetres": (changed("cow.extent", [2200.0, 1400.0, 800.0]), "is 2200 m long; sizes are in metres"),
    "sizes in centimetres": (changed("cow.extent", [22.0, 14.0, 8.0]), "a cow usually has up to 2.6 m"),
    "behind the camera": (changed("cow.centre", [0.5, 0.3, -5.0]), "lies behind the camera; z points forward"),
    "outside its own box": (changed("cow.centre", [-4.2, 0.3, 5.0]), r"is seen at \(-184, 276\), 4 m outside the object's own box"),
    "y up": (changed("cow.centre", [0.5, -2.5, 5.0]), "outside the object's own box in the image"),
    "upside down": (
        changed("cow.rotation", (UPRIGHT @ np.diag([1.0, -1, -1])).tolist()), "upside down: its up axis is 180° from up",
    ),
    "a mask elsewhere": (changed("cow.mask", mask(slice(0, 40), slice(0, 40))), "elsewhere than the object's box"),
    "an empty mask": (changed("cow.mask", mask(slice(0, 0), slice(0, 0))), "mask: is empty"),
    "truncated in the middle": (changed("cow.truncated", True), "keeps away from the image's border"),
    "a height in centimetres": (changed("camera.height_m", 1500), "height above the floor in metres"),
}  # fmt: skip


def told(document: dict[str, Any]) -> list[str]:
    return [
        f"{d.field} = {d.value}: {d.message}" if d.value is not None else f"{d.field}: {d.message}"
        for d in doubts(parse_document(document))
    ]


def test_a_right_scene_raises_no_doubt() -> None:
    assert told(GOOD) == []
    assert told({"format": "genspace-scene/1", "width": 640, "height": 480}) == []


@pytest.mark.parametrize("kind", SENSELESS)
def test_what_cannot_be_meant_is_said(kind: str) -> None:
    document, message = SENSELESS[kind]
    said = told(document)
    with pytest.raises(AssertionError, match=message):
        raise AssertionError("\n".join(said))


def test_boxes_in_fractions_are_refused() -> None:
    with pytest.raises(InputError, match="fractions of the picture"):
        parse_document(changed("cow.box", [0.47, 0.4, 0.72, 0.75]))


def test_one_thing_twice() -> None:
    document = deepcopy(GOOD)
    document["objects"].append({**document["objects"][0], "id": "cow_2"})
    assert told(document) == ["objects[1] (cow_2).centre = (0.5, 0.3, 5.0): is that of objects[0] (cow)"]
    document["objects"][1]["centre"] = [0.55, 0.35, 5.05]
    assert told(document) == ["objects[1] (cow_2): lies inside objects[0] (cow), of the same kind"]
    document["objects"][1]["centre"] = [2.6, 0.3, 5.0]
    document["objects"][1]["box"] = [560, 190, 640, 360]
    assert told(document) == []


def depth_scene(folder: Path, metres: float, scale: float = 0.001) -> Path:
    steps = np.full((480, 640), round(metres / 0.001), np.uint16)
    Image.fromarray(steps).save(folder / "x.depth.png")
    document = changed("cow.mask", mask(slice(190, 360), slice(300, 460)))
    document |= {"depth": "x.depth.png", "depth_scale": scale}
    (folder / "x.scene.json").write_text(json.dumps(document))
    return folder / "x.scene.json"


def test_the_depth_in_a_mask_is_about_where_the_object_is(genspace, tmp_path: Path) -> None:
    assert "no warnings" in genspace("scene", "check", depth_scene(tmp_path, 4.6)).out
    ran = genspace("scene", "check", depth_scene(tmp_path, 15.0))
    assert (ran.code, "is 5 m away, but the depth in its mask is 15 m" in ran.err) == (0, True)
    ran = genspace("scene", "check", depth_scene(tmp_path, 4.6, scale=1.0))
    assert "depth_scale = 1.0: gives a median depth of 4.6e+03 m" in ran.err


def test_warnings_end_well_and_strict_refuses(genspace, tmp_path: Path) -> None:
    file = tmp_path / "x.scene.json"
    file.write_text(json.dumps(SENSELESS["center for centre"][0]))
    ran = genspace("scene", "check", file)
    assert (ran.code, ran.out.strip()) == (0, "1 document(s), no problems, 1 warning(s)")
    assert f"warning: {file}: objects[0] (cow).center: is not a key of this format" in ran.err
    assert json.loads(genspace("scene", "check", file, "--json").out)[0]["warnings"][0].endswith(
        "did you mean centre?"
    )
    assert genspace("scene", "check", file, "--strict").code == 2


def test_scenes_that_are_right_are_left_alone() -> None:
    examples = sorted((ROOT / "examples").rglob("*.scene.json"))
    assert len(examples) > 20
    said = {}
    for name, scene in read_all(examples):
        for one in (scene,) if hasattr(scene, "objects") else (scene.before, scene.after):
            if found := [f"{d.field}: {d.message}" for d in doubts(one)]:
                said[name] = found
    assert said == {}


def test_a_box_of_the_seen_part_may_lie_beside_the_centre() -> None:
    """Of a thing almost wholly hidden only an edge has a box; of one that is seen the same is a doubt."""
    thing = {
        "id": "a", "label": "thing", "centre": [0, 0, 4], "extent": [1, 1, 1], "box": [100, 100, 120, 120],
    }  # fmt: skip
    for seen, count in ((0.1, 0), (0.9, 1)):
        document = {
            "format": "genspace-scene/1", "width": 640, "height": 480,
            "camera": {"fx": 700, "fy": 700, "cx": 320, "cy": 240, "pitch_deg": 0, "roll_deg": 0},
            "objects": [{**thing, "visible_fraction": seen}],
        }  # fmt: skip
        assert len(list(doubts(parse_document(document)))) == count
