"""Stated errors of perception: each does what it says, and the same seed does it again."""

from __future__ import annotations

import numpy as np
import pytest

from genspace.certificate._files import SCALE, _smaller
from genspace.errors import InputError
from genspace.geometry.noise import TYPICAL, Noise, disturbed, parse_noise
from genspace.geometry.profiles import CORRECTED
from genspace.geometry.scene import Camera, Pair, Scene, SceneObject
from genspace.judges.scene import SceneJudge

SCENE = Scene(
    width=640,
    height=640,
    camera=Camera(fx=700, fy=700, cx=320, cy=320, pitch_deg=-10, roll_deg=2),
    objects=tuple(
        SceneObject(
            id=name, centre=(x, 0.3, 4.0), extent=(2.0, 1.4, 0.8), rotation=((0, 0, 1), (0, -1, 0), (1, 0, 0))
        )
        for name, x in (("cow", -1.0), ("chair", 1.0))
    ),
)


def many(noise, measure, count=400):
    return np.array([measure(disturbed(SCENE, noise, name=f"scene {i}")) for i in range(count)])


def heading(scene):
    front = np.array(scene.objects[0].rotation)[:, 0]
    return np.degrees(np.arctan2(front[0], front[2]))


def test_no_noise_changes_nothing():
    assert disturbed(SCENE, Noise(), name="a") == SCENE


def test_each_error_has_the_stated_size():
    # 400 draws: the standard deviation of a sample standard deviation is 3.5 %; 15 % is over four of them
    depth = many(
        Noise(depth=0.1),
        lambda s: np.log(np.linalg.norm(s.objects[0].centre) / np.linalg.norm(SCENE.objects[0].centre)),
    )
    assert depth.std() == pytest.approx(0.1, rel=0.15)
    turn = many(Noise(azimuth=12), heading)
    assert turn.std() == pytest.approx(12, rel=0.15)
    pitch = many(Noise(gravity=3), lambda s: s.camera.pitch_deg + 10)
    assert pitch.std() == pytest.approx(3, rel=0.15)
    focal = many(Noise(focal=0.2), lambda s: np.log(s.camera.fx / 700))
    assert focal.std() == pytest.approx(0.2, rel=0.15)


def test_shares_of_missed_and_flipped_objects():
    # 800 objects at 0.25: standard error 1.5 points
    kept = many(Noise(missed=0.25), lambda s: len(s.objects)).sum() / 800
    assert kept == pytest.approx(0.75, abs=0.06)
    flipped = many(Noise(flipped=0.25), lambda s: abs(heading(s)) > 90).mean()
    assert flipped == pytest.approx(0.25, abs=0.09)


def test_a_focal_length_too_long_draws_things_to_the_axis():
    """z stays, and the object keeps its pixel: x f' / z is what x f / z was."""
    seen = disturbed(SCENE, Noise(focal=0.3), name="a")
    before, after = SCENE.objects[0].centre, seen.objects[0].centre
    assert after[2] == before[2]
    assert after[0] * seen.camera.fx / after[2] == pytest.approx(before[0] * 700 / before[2])


def test_turning_keeps_a_rotation_upright():
    seen = disturbed(SCENE, Noise(azimuth=40), name="a").objects[0]
    rotation = np.array(seen.rotation)
    assert rotation @ rotation.T == pytest.approx(np.eye(3))
    assert rotation[:, 1] == pytest.approx([0, -1, 0])
    assert seen.extent == pytest.approx((2.0, 1.4, 0.8))


def test_the_same_seed_disturbs_alike_and_another_does_not():
    assert disturbed(SCENE, TYPICAL, name="a", seed=1) == disturbed(SCENE, TYPICAL, name="a", seed=1)
    assert disturbed(SCENE, TYPICAL, name="a", seed=1) != disturbed(SCENE, TYPICAL, name="a", seed=2)


def test_a_pairs_own_scale_undoes_the_two_images_scales():
    pair = Pair(before=SCENE, after=SCENE, depth_scale=1.0)
    seen = disturbed(pair, Noise(depth=0.2), name="a")
    before, after = (np.array(s.objects[0].centre) for s in (seen.before, seen.after))
    assert not np.allclose(before, after)
    assert after * seen.depth_scale == pytest.approx(before)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("typicl", "did you mean 'typical'"),
        ("azimut=3", "did you mean 'azimuth'"),
        ("azimuth=many", "expected a number"),
        ("missed=2", "from 0 to 1"),
        ("azimuth=-3", "from 0"),
    ],
)
def test_wrong_noise_is_named(text, message):
    with pytest.raises(InputError, match=message):
        parse_noise(text)


def test_a_judge_with_noise_is_another_judge_and_so_is_one_with_another_seed():
    plain, reseeded = SceneJudge(profile=CORRECTED), SceneJudge(profile=CORRECTED, seed=7)
    assert plain.fingerprint == reseeded.fingerprint
    noisy = [SceneJudge(profile=CORRECTED, noise=TYPICAL, seed=seed).fingerprint for seed in (0, 1)]
    assert len({plain.fingerprint, *noisy}) == 3
    assert SceneJudge(profile=CORRECTED, noise=TYPICAL).fingerprint == noisy[0]


def test_a_smaller_edit_has_both_its_scenes_smaller():
    pair = _smaller(Pair(before=SCENE, after=SCENE, depth_scale=1.0))
    assert {(s.width, s.height) for s in (pair.before, pair.after)} == {(round(640 * SCALE),) * 2}
    assert _smaller(SCENE).width == round(640 * SCALE)
