"""Drawings of scenes put things where the numbers say, and survive scenes that know little."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image, ImageColor

from genspace.errors import MissingExtraError
from genspace.geometry.drawing.bodies import EDGES, Mark, corners
from genspace.geometry.drawing.overlay import overlay
from genspace.geometry.drawing.palette import INK, OBJECTS
from genspace.geometry.drawing.plan import plan
from genspace.geometry.drawing.view3d import view3d
from genspace.geometry.scene import Mask
from genspace.geometry.scene_files import parse_document

SVG = "{http://www.w3.org/2000/svg}"
CAMERA = {"fx": 800.0, "fy": 800.0, "cx": 400.0, "cy": 300.0, "pitch_deg": 0.0, "roll_deg": 0.0}
FACING_RIGHT = [
    [1, 0, 0],
    [0, -1, 0],
    [0, 0, -1],
]  # columns: front to the right, up, right towards the camera


def scene(*objects, camera=CAMERA, **extra):
    document = {
        "format": "genspace-scene/1",
        "width": 800,
        "height": 600,
        "camera": camera,
        "objects": list(objects),
    }
    return parse_document(document | extra)


def thing(name, centre, **extra):
    return {"id": name, "centre": centre, "extent": [1.0, 0.5, 0.4], "rotation": FACING_RIGHT, **extra}


COW, DOG = thing("cow", [-1.0, 0.0, 4.0]), thing("dog", [1.0, 0.0, 4.0])
BOX_ONLY = {"id": "cat", "box": [100, 100, 300, 400]}


def colour_at(image, x, y, reach=3):
    """Colours in a small neighbourhood."""
    return {
        image.getpixel((u, v))
        for u in range(x - reach, x + reach + 1)
        for v in range(y - reach, y + reach + 1)
    }


def test_corners_differ_from_the_centre_by_half_the_extent():
    found = corners("camera", scene(COW), scene(COW).object("cow"))
    # front is +x (1.0 long), up is -y (0.5), right is -z (0.4)
    assert np.allclose(np.ptp(found, axis=0), [1.0, 0.5, 0.4])
    assert np.allclose(found.mean(axis=0), [-1, 0, 4])
    lengths = sorted(round(float(np.linalg.norm(found[i] - found[j])), 9) for i, j in EDGES)
    assert lengths == [0.4] * 4 + [0.5] * 4 + [1.0] * 4


class TestOverlay:
    def test_a_mark_joins_the_projected_centres(self):
        # x = ±1 m at 4 m, f = 800: 200 px left and right of 400, on the row 300
        image = overlay(None, scene(COW, DOG), marks=[Mark(("cow", "dog"), "2.00 m")])
        assert image.size == (800, 600)
        for x in (320, 480):
            assert ImageColor.getrgb(INK) in colour_at(image, x, 300)

    def test_small_images_are_enlarged_and_everything_with_them(self):
        small = parse_document(
            {
                "format": "genspace-scene/1",
                "width": 100,
                "height": 50,
                "objects": [{"id": "a", "box": [10, 20, 60, 40]}],
            }
        )
        image = overlay(Image.new("RGB", (100, 50), "white"), small, min_width=800)
        assert image.size == (800, 400)
        assert ImageColor.getrgb(OBJECTS[0].strong) in colour_at(image, 480, 240)

    def test_a_mask_tints_its_pixels_and_no_others(self):
        mask = np.zeros((600, 800), bool)
        mask[:300] = True
        item = {"id": "sky", "mask": Mask.from_array(mask).model_dump()}
        image = overlay(Image.new("RGB", (800, 600), "white"), scene(item))
        # 38 % of (0, 114, 178) over white: 255 - 0.38 * (255, 141, 77)
        assert np.allclose(image.getpixel((400, 150)), (158, 201, 226), atol=1.5)
        assert image.getpixel((400, 450)) == (255, 255, 255)

    def test_captions_stand_under_the_picture_and_wrap(self):
        plain = overlay(None, scene(BOX_ONLY))
        one = overlay(None, scene(BOX_ONLY), captions=["short"])
        long = overlay(None, scene(BOX_ONLY), captions=["a caption of many words " * 12])
        assert plain.height < one.height < long.height
        assert one.width == plain.width

    @pytest.mark.parametrize(
        "known",
        [
            scene(),
            scene(BOX_ONLY, camera={}),
            scene(thing("behind", [0.0, 0.0, -2.0])),
            scene({"id": "where", "label": "cat"}),
            scene(thing("ball", [0, 0, 3], has_front=False)),
        ],
    )
    def test_scenes_that_know_little_are_drawn_all_the_same(self, known):
        marks = [Mark(("cow", "cat"), "?"), Mark(("where",), "?")]
        assert overlay(None, known, marks=marks).size == (800, 600)
        ET.fromstring(plan(known, marks=marks))


class TestPlan:
    def test_it_says_where_things_are(self):
        root = ET.fromstring(plan(scene(COW, DOG)))
        about = root.find(f"{SVG}desc").text
        assert "cow 4.00 m ahead of the camera and 1.00 m to its left" in about
        assert "dog 4.00 m ahead of the camera and 1.00 m to its right" in about

    def test_positions_are_levelled(self):
        # The camera looks down 90°: what is 3 m along its axis lies under it, what is up in the image lies ahead.
        down = {**CAMERA, "pitch_deg": -90.0}
        about = (
            ET.fromstring(plan(scene(thing("mat", [0.5, -2.0, 3.0]), camera=down))).find(f"{SVG}desc").text
        )
        assert "mat 2.00 m ahead of the camera and 0.50 m to its right" in about

    def test_a_front_is_drawn_only_where_there_is_one(self):
        def bodies(*objects):
            return [
                c.tag for c in ET.fromstring(plan(scene(*objects))) if c.get("stroke") == OBJECTS[0].strong
            ]

        assert f"{SVG}polygon" in bodies(COW)
        assert bodies(thing("ball", [0, 0, 3], has_front=False)) == [f"{SVG}circle"]

    def test_what_is_guessed_or_left_out_is_said(self):
        texts = [t.text for t in ET.fromstring(plan(scene(COW, BOX_ONLY, camera={}))).iter(f"{SVG}text")]
        assert "1 object(s) without a known place are not shown" in texts
        assert any("as if the camera were level" in t for t in texts if t)


class TestView3d:
    def test_it_works_without_a_network(self):
        pytest.importorskip("plotly", reason="the extra `render` is not installed")
        html = view3d(scene(COW, DOG, BOX_ONLY))
        assert "Plotly.newPlot" in html
        assert len(html) > 1_000_000  # plotly.js stands in it
        assert "src=" not in html.split("Plotly.newPlot")[-1]
        assert '"cow"' in html

    def test_without_plotly_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setattr("genspace.errors.find_spec", lambda _: None)
        with pytest.raises(MissingExtraError, match=r"genspace\[render\]"):
            view3d(scene(COW))
