"""What each stage saw, in one picture: what is known is drawn, what is guessed stands out, what is not known is said."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from genspace.geometry.drawing import stages as module
from genspace.geometry.drawing.stages import stages
from genspace.geometry.perception.assemble import MemoryFiles
from genspace.geometry.scene_files import encode_depth, parse_document

ORANGE = (0xB8, 0x4A, 0x00)


def scene(*, roll_deg: float = 0.0, source: str = "a model", **camera: object):
    depth = np.full((120, 160), 4.0)
    depth[:, 80:] = 0.0
    content, step = encode_depth(depth)
    document = {
        "format": "genspace-scene/1", "width": 160, "height": 120,
        "camera": {"fx": 150, "fy": 150, "cx": 80, "cy": 60, "pitch_deg": 0, "roll_deg": roll_deg, "intrinsics_source": "EXIF: 26 mm",
                   "gravity_source": source, **camera},
        "objects": [
            {"id": "cow", "centre": [0.2, 0.1, 4], "extent": [2, 1.4, 0.8], "rotation": [[0, 0, 1], [0, -1, 0], [1, 0, 0]],
             "rotation_confidence": 0.9, "box": [60, 40, 110, 90], "sources": {"box": "a detector", "centre": "points"}},
            {"id": "ball", "box": [10, 70, 30, 90], "has_front": False, "sources": {"box": "a detector"}},
        ],
        "depth": "x.depth.png", "depth_scale": step, "depth_source": source,
    }  # fmt: skip
    return parse_document(document, files=MemoryFiles({"x.depth.png": content}))


def drawn(panel, at) -> tuple[int, int, int]:
    return panel.picture.getpixel(at)


def panels(one) -> dict[str, module.Panel]:
    base = Image.new("RGB", (560, 420), "white")
    return {panel.title.split(" (")[0]: panel for panel in (draw(base, one) for draw in module._PANELS)}


def test_all_stages_stand_side_by_side() -> None:
    image = Image.new("RGB", (160, 120), "white")
    page = stages(image, scene())
    assert page.width == 3 * (560 + 14) + 14
    assert np.asarray(page).std() > 5


def test_the_horizon_is_where_the_camera_looks_level() -> None:
    level = panels(scene())["Camera: horizon and down"]
    assert drawn(level, (100, 210)) == ORANGE  # the middle of 420 px
    assert drawn(level, (100, 150)) == (255, 255, 255)
    # turned clockwise by 20° the horizon sinks to the left: tan 20° · 180 px at 180 px left of the middle
    rolled = panels(scene(roll_deg=20.0))["Camera: horizon and down"]
    column = [drawn(rolled, (100, v)) for v in range(420)]
    assert column.index(ORANGE) + 1 == pytest.approx(210 + np.tan(np.radians(20)) * 180, abs=3)
    assert level.lines == ["56° wide, from EXIF: 26 mm", "pitch 0.0°, roll 0.0°, from a model"]


def test_depth_is_bright_where_near_and_grey_where_unknown() -> None:
    depth = panels(scene())["Depth"]
    assert drawn(depth, (100, 200)) == (253, 231, 36)  # the bright end of the colours
    assert drawn(depth, (500, 200)) == (204, 209, 214)
    assert depth.lines[1] == "a model"


def test_what_is_said_of_each_object() -> None:
    told = panels(scene())
    assert told["Boxes"].lines == ["cow, ball: a detector"]
    assert told["Fronts"].lines == ["cow: front 90%, from the scene file", "ball: no front"]


def test_guesses_stand_out() -> None:
    image = Image.new("RGB", (160, 120), "white")

    def orange(page: Image.Image) -> int:
        return int((np.asarray(page) == ORANGE).all(axis=2).sum())

    assert orange(stages(image, scene(source="guess: level"))) > orange(stages(image, scene())) + 50


def test_nothing_known_is_said() -> None:
    bare = parse_document(
        {"format": "genspace-scene/1", "width": 160, "height": 120, "objects": [{"id": "cow"}]}
    )
    told = panels(bare)
    assert told["Depth"].lines == ["not known"]
    assert told["Camera: horizon and down"].lines == [
        "focal length not known",
        "which way is down is not known",
    ]
    assert told["Fronts"].lines == ["cow: front not known"]
    stages(Image.new("RGB", (160, 120)), bare)


def test_long_lines_are_shortened_to_the_panel() -> None:
    panel = module.Panel("x", Image.new("RGB", (560, 10), "white"), ["word " * 80])
    framed = np.asarray(module._framed(panel, (560, 80)))
    assert (framed[50:, -3:] == 255).all()  # nothing runs into the right border
