"""Ray-cast truth: depth, masks and visibility of scenes whose values follow from geometry by hand."""

from __future__ import annotations

import numpy as np
import pytest

from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene, corners, project
from genspace.geometry.probes.truth import cast, depth_steps, scene_record

LEVEL = ProbeCamera(size=128, fov_deg=60, pitch_deg=0, roll_deg=0, height_m=1.0)


def ball(name: str, x: float, z: float, lift: float = 0.0) -> PlacedObject:
    return PlacedObject(id=name, category="ball", look=0, ground_xz=(x, z), heading_deg=0, lift_m=lift)


def test_a_balls_depth_mask_and_box():
    # radius 0.15 with its centre at eye level, 3 m ahead: nearest point at z = 2.85;
    # its outline is the cone of half angle asin(0.15/3) = 2.866°, so radius f tan = 110.85 * 0.05006 = 5.549 px
    scene = ProbeScene(camera=LEVEL, objects=(ball("b", 0, 3, lift=0.85),), backdrop="meadow", seed=1)
    truth = cast(scene)
    mask = truth.owner == 0
    assert truth.depth[mask].min() == pytest.approx(2.85, abs=2e-3)
    assert mask.sum() == pytest.approx(np.pi * 5.549**2, rel=0.05)
    assert truth.boxes[0] == (58.0, 58.0, 70.0, 70.0)
    assert truth.visible_fraction[0] == pytest.approx(1, abs=0.06)


def test_the_ground_lies_where_the_camera_height_puts_it():
    # level camera: the ray through the centre of the lowest row, v = 127.5, falls (127.5 - 64) / 110.85 = 0.5728 m per
    # metre, so it meets the ground 1 m below at z = 1.7457; the sky has no depth
    scene = ProbeScene(camera=LEVEL, objects=(ball("b", 0, 6),), backdrop="meadow", seed=1)
    depth = cast(scene).depth
    assert depth[127, 5] == pytest.approx(1 / (63.5 / LEVEL.focal_px), abs=1e-3)
    assert depth[0].max() == 0


def test_half_hidden_and_half_outside():
    # equal balls one behind the other on a level line of sight: the far one is hidden; one centred on the image's edge
    # shows half of itself
    hidden = ProbeScene(
        camera=LEVEL, objects=(ball("near", 0, 2, 0.85), ball("far", 0, 4, 0.85)), backdrop="meadow", seed=1
    )
    assert cast(hidden).visible_fraction[1] == 0
    edge = 3 * np.tan(np.radians(30))
    cut = ProbeScene(camera=LEVEL, objects=(ball("b", edge, 3, 0.85),), backdrop="meadow", seed=1)
    assert cast(cut).visible_fraction[0] == pytest.approx(0.5, abs=0.08)
    assert scene_record(cut, cast(cut), image="a.png", depth=None, depth_scale=0.001).objects[0].truncated


@pytest.mark.parametrize("heading", [0.0, 90.0, 137.0])
def test_headings_turn_the_front(heading):
    placed = PlacedObject(id="c", category="car", look=0, ground_xz=(0, 9), heading_deg=heading)
    front, up, right = placed.level_from_object.T
    assert np.degrees(np.arctan2(front[0], front[2])) == pytest.approx(heading)
    assert np.cross(front, up) == pytest.approx(right)
    assert up == pytest.approx([0, -1, 0])


def test_pitch_and_roll_move_the_picture_as_documented():
    # looking up moves things down in the image; a camera turned clockwise sees them turned counter-clockwise
    point = np.array([[0.0, 0.0, 5.0]])
    up = ProbeCamera(size=100, fov_deg=60, pitch_deg=10, roll_deg=0, height_m=1)
    assert project(point, up)[0, 1] > 50
    right = np.array([[1.0, 0.0, 5.0]])
    rolled = ProbeCamera(size=100, fov_deg=60, pitch_deg=0, roll_deg=10, height_m=1)
    assert project(right, rolled)[0, 1] < 50


def test_masks_lie_inside_the_projected_box():
    camera = ProbeCamera(size=128, fov_deg=55, pitch_deg=-14, roll_deg=7, height_m=1.6)
    scene = ProbeScene(
        camera=camera,
        objects=(PlacedObject(id="dog", category="dog", look=0, ground_xz=(-0.4, 3), heading_deg=150),),
        backdrop="parlour",
        seed=3,
    )
    truth = cast(scene)
    outline = project(corners(scene.objects[0], camera), camera)[:, :2]
    left, top, right, bottom = truth.boxes[0]
    assert (outline.min(0) <= [left + 1, top + 1]).all()
    assert (outline.max(0) >= [right - 1, bottom - 1]).all()
    record = scene_record(scene, truth, image="a.png", depth=None, depth_scale=0.001)
    assert (record.objects[0].mask.decode() == (truth.owner == 0)).all()
    # the record's centre, turned back to level, is the placed one
    back = record.camera.level_from_camera @ np.array(record.objects[0].centre)
    assert back == pytest.approx(scene.objects[0].centre(camera))


def test_depth_steps_keep_a_millimetre_near_and_drop_the_far():
    depth = np.array([[0, 1.2344, 59.0]], np.float32)
    steps, scale = depth_steps(depth)
    assert scale == 0.001
    assert steps.tolist() == [[0, 1234, 59000]]
    steps, scale = depth_steps(np.array([[0, 1.2344, 400.0]], np.float32))
    assert steps.tolist() == [[0, 617, 0]]
    assert scale == 0.002
