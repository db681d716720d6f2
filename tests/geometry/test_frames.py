"""Frames, rotations and the pinhole camera: hand values, round trips."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genspace.geometry import frames
from genspace.geometry.camera import Intrinsics, project, unproject, viewing_ray

ANGLE = st.floats(-179.0, 179.0)
TILT = st.floats(-85.0, 85.0)


def test_level_frame_of_a_camera_looking_down() -> None:
    # Pitch -30°: the optical axis points 30° below the horizon, so level y (down) of it is sin 30 = 0.5.
    forward = frames.level_from_camera(-30, 0) @ [0, 0, 1]
    assert forward == pytest.approx([0, 0.5, math.sqrt(3) / 2])
    # Roll 10° clockwise: the scene's up leans image-left, i.e. gravity leans image-right (x > 0).
    assert frames.gravity_from_pitch_roll(0, 10) == pytest.approx(
        [math.sin(math.radians(10)), math.cos(math.radians(10)), 0]
    )


def test_level_frame_keeps_the_heading() -> None:
    forward = frames.level_from_camera(-30, 20) @ [0, 0, 1]
    assert frames.heading_deg(forward) == pytest.approx(0)


@given(TILT, ANGLE)
def test_pitch_and_roll_come_back_from_gravity(pitch: float, roll: float) -> None:
    back = frames.pitch_roll_from_gravity(frames.gravity_from_pitch_roll(pitch, roll))
    assert back == pytest.approx((pitch, roll), abs=1e-6)


def test_orientation_by_hand() -> None:
    # Facing the camera: front to the camera, up is image-up, its right is image-left.
    assert frames.rotation_from_orientation(0, 0) == pytest.approx(
        np.array([[0, 0, -1], [0, -1, 0], [-1, 0, 0]])
    )
    # Azimuth 90: front to the image's left; the object's left axis (-right) faces the camera.
    R = frames.rotation_from_orientation(90, 0)
    assert R[:, 0] == pytest.approx([-1, 0, 0])
    assert -R[:, 2] == pytest.approx([0, 0, -1])
    # Polar 30, seen from above: the top leans towards the camera, up_z = -sin 30.
    assert frames.rotation_from_orientation(0, 30)[2, 1] == pytest.approx(-0.5)
    # In-plane 90 turns counter-clockwise as seen: image-up goes to image-left.
    assert frames.rotation_from_orientation(0, 0, 90)[:, 1] == pytest.approx([-1, 0, 0])


@given(ANGLE, TILT, ANGLE, st.floats(-0.7, 0.7), st.floats(-0.7, 0.7))
def test_orientation_round_trip(azimuth: float, polar: float, inplane: float, x: float, y: float) -> None:
    ray = (x, y, 1.0)
    R = frames.rotation_from_orientation(azimuth, polar, inplane, ray=ray)
    assert frames.is_rotation(R, tolerance=1e-9)
    assert frames.orientation_from_rotation(R, ray=ray) == pytest.approx((azimuth, polar, inplane), abs=1e-6)


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-0.9, 3))
def test_ray_rotation_takes_the_axis_to_the_ray_by_the_smallest_turn(x: float, y: float, z: float) -> None:
    if math.hypot(x, y, z) < 1e-3 or (z < 0 and math.hypot(x, y) < 1e-2):
        return
    ray = frames.unit((x, y, z))
    R = frames.ray_rotation((x, y, z))
    assert pytest.approx(ray) == R @ [0, 0, 1]
    assert frames.is_rotation(R, tolerance=1e-9)
    # The turn's angle (from the trace) is the angle between axis and ray.
    assert (np.trace(R) - 1) / 2 == pytest.approx(ray[2], abs=1e-9)


def test_ray_rotation_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="straight backwards"):
        frames.ray_rotation((0, 0, -1))


def test_crop_homography_centres_the_ray() -> None:
    camera = Intrinsics(500, 500, 320, 240)
    pixel = np.array([450.0, 100.0, 1.0])
    warped = frames.crop_homography(camera.matrix, viewing_ray(450.0, 100.0, camera)) @ pixel
    assert warped[:2] / warped[2] == pytest.approx([320, 240])


def test_upright_heading_from_azimuth() -> None:
    # Seen straight right (heading 90) and facing the camera: its front points left, heading -90.
    assert frames.heading_from_azimuth(0, (1, 0, 0)) == pytest.approx(-90)
    # Azimuth 90 seen straight ahead: front to the image's left.
    assert frames.heading_from_azimuth(90, (0, 0, 1)) == pytest.approx(-90)


def test_mirroring_twice_changes_nothing_and_negates_the_azimuth() -> None:
    R = frames.rotation_from_orientation(40, 10, 5)
    assert frames.mirror_rotation(frames.mirror_rotation(R)) == pytest.approx(R)
    assert frames.orientation_from_rotation(frames.mirror_rotation(R)) == pytest.approx((-40, 10, -5))


def test_orthonormalise_gives_back_a_rotation() -> None:
    R = frames.rotation_from_orientation(40, 10, 5)
    near = frames.orthonormalise(R + 1e-4)
    assert frames.is_rotation(near, tolerance=1e-12)
    assert near == pytest.approx(R, abs=1e-3)


def test_pixel_centres() -> None:
    camera = Intrinsics(100, 100, 2, 1)
    # The centre of pixel (2, 1) is half a pixel right of and below the principal point: 0.5/100 × 3 m.
    assert unproject(2, 1, 3.0, camera) == pytest.approx([0.015, 0.015, 3])
    assert unproject(2, 1, 3.0, camera, pixel_offset=0) == pytest.approx([0, 0, 3])


@given(st.floats(0, 640), st.floats(0, 480), st.floats(0.1, 100))
def test_projection_undoes_lifting(u: float, v: float, z: float) -> None:
    camera = Intrinsics(700, 650, 300, 260)
    assert project(unproject(u, v, z, camera, pixel_offset=0), camera) == pytest.approx([u, v], abs=1e-6)


def test_points_behind_the_camera_have_no_image() -> None:
    assert np.isnan(project([[0, 0, -1.0], [0, 0, 0.0]], Intrinsics(1, 1, 0, 0))).all()


@pytest.mark.parametrize("fx", [0.0, -1.0, math.nan, math.inf])
def test_senseless_intrinsics_are_refused(fx: float) -> None:
    with pytest.raises(ValueError, match="focal lengths"):
        Intrinsics(fx, 1, 0, 0)


def test_field_of_view() -> None:
    # 90° over 480 px: f = 240 / tan 45° = 240.
    assert Intrinsics.from_field_of_view(640, 480, vertical_deg=90).fy == pytest.approx(240)
    with pytest.raises(ValueError, match="field of view"):
        Intrinsics.from_field_of_view(640, 480, vertical_deg=-10)


@given(ANGLE)
def test_rotations_about_the_axes_are_those_of_scipy(angle: float) -> None:
    from scipy.spatial.transform import Rotation

    for axis in "xyz":
        ours = getattr(frames, f"rotation_{axis}")(angle)
        assert ours == pytest.approx(Rotation.from_euler(axis, angle, degrees=True).as_matrix(), abs=1e-12)
