"""Boxes measured again from depth and masks alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from genspace.errors import InputError
from genspace.geometry.remeasure import measured_again
from genspace.geometry.scene import Camera, Mask, Scene, SceneObject


class Memory(dict):
    def read(self, name):
        return self[name]

    def exists(self, name):
        return name in self


def flat_scene(**changes):
    """A wall 2 m away, 20 x 10 pixels of it marked: 20 / 50 * 2 = 0.8 m wide and 0.4 m high between outer edges."""
    depth = np.full((50, 50), 2000, np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(depth).save(buffer, format="PNG")
    mask = np.zeros((50, 50), bool)
    mask[20:30, 10:30] = True
    item = SceneObject(
        id="panel", mask=Mask.from_array(mask), centre=(9, 9, 9), extent=(9, 9, 9), rotation=((0, 0, 1), (0, -1, 0), (1, 0, 0)),
    )  # fmt: skip
    camera = Camera(fx=50, fy=50, cx=25, cy=25, pitch_deg=0, roll_deg=0)
    scene = Scene(width=50, height=50, camera=camera, objects=(item,), depth="d.png", **changes)
    return scene.with_files(Memory({"d.png": buffer.getvalue()}))


def test_the_stored_box_is_not_used():
    (panel,) = measured_again(flat_scene()).objects
    # pixel centres: u = 10.5 … 29.5, v = 20.5 … 29.5, so x = -0.58 … 0.18, y = -0.18 … 0.18 at z = 2
    assert panel.centre == pytest.approx((-0.2, 0.0, 2.0), abs=1e-6)
    assert panel.extent == pytest.approx(
        (0.0, 0.36, 0.76), abs=1e-6
    )  # front is the viewing axis: a flat thing
    assert panel.point_count > 50


def test_the_scene_itself_is_left_alone():
    scene = flat_scene()
    measured_again(scene)
    assert scene.objects[0].centre == (9, 9, 9)


def test_an_object_without_mask_loses_its_place():
    scene = flat_scene()
    blind = scene.changed(objects=(scene.objects[0].model_copy(update={"mask": None}),))
    assert measured_again(blind).object("panel").centre is None


def test_without_depth_it_says_so():
    with pytest.raises(InputError, match="without depth"):
        measured_again(Scene(width=5, height=5))
