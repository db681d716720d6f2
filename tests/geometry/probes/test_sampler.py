"""The sampler: errors spread evenly, truth by construction, nothing overlapping or cut, the same for the same seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from genspace.errors import InputError
from genspace.geometry.evaluate import evaluate
from genspace.geometry.predicates import benchmark_variants
from genspace.geometry.probes.kinds import Shares
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.sampler import sample_probe
from genspace.geometry.probes.scenes import corners, project
from genspace.geometry.probes.truth import cast, scene_record
from genspace.geometry.scene import Pair

GRADED = Shares(clear=0, contrast=0, hard=0)


def judged(probe):
    """The corrected rules on the exact scene."""

    def record(scene):
        return scene_record(scene, cast(scene, size=96), image=None, depth=None, depth_scale=0.001)

    after = record(probe.scene)
    if probe.before is None:
        return evaluate(after, probe.predicate)
    pair = Pair(before=record(probe.before), after=after, depth_scale=1.0, yaw_deg=0.0)
    return evaluate(pair, probe.predicate)


def test_every_variant_of_the_benchmark_has_a_plan():
    assert sum(plan.task == "t2i" for plan in PLANS.values()) == len(list(benchmark_variants("t2i"))) == 36
    assert sum(plan.task == "edit" for plan in PLANS.values()) == len(list(benchmark_variants("edit"))) == 40


@pytest.mark.parametrize("name", PLANS)
def test_the_rules_find_the_truth_in_the_exact_scene(name):
    """The sampler's truth comes from how the scene was built, the verdict from measuring it: they must agree."""
    index = 4 if name.endswith("front") else 0  # of five probes the last of a plan with sides shows another
    probe = sample_probe(name, index, 5, size=96, seed=1, shares=Shares(clear=0, contrast=0.2, hard=0))
    outcome = judged(probe)
    assert outcome.passed == probe.truth, (probe, outcome)


def test_errors_lie_one_in_each_part_of_the_spread():
    # 10 graded probes of camera_pose left, inner tolerance 30: one error in each of [0, 6), [6, 12), … [54, 60)
    errors = [sample_probe("t2i-camera_pose-left", i, 10, shares=GRADED, size=64).error for i in range(10)]
    assert sorted(int(e // 6) for e in errors) == list(range(10))


def test_contrast_probes_show_another_side():
    shares = Shares(clear=0, contrast=0.2, hard=0)
    probes = [sample_probe("t2i-object_pose-front", i, 10, size=64, shares=shares) for i in range(10)]
    assert [p.kind for p in probes] == ["graded"] * 8 + ["contrast"] * 2
    assert all(p.true_variant != "front" and not p.truth for p in probes[8:])


def test_the_same_seed_gives_the_same_probe():
    first, again, other = (sample_probe("t2i-allocentric-left", 3, 8, size=64, seed=s) for s in (5, 5, 6))
    assert first == again
    assert first.scene != other.scene


def test_unknown_plan_names_the_closest():
    with pytest.raises(InputError, match="did you mean 't2i-camera_pose-front'"):
        sample_probe("t2i-camera_pose-fron", 0, 1)


@pytest.mark.parametrize("name", ["t2i-complex_pose-left", "t2i-object_distance-1", "edit-keep_three-back"])
def test_objects_stand_apart_whole_and_visible(name):
    probe = sample_probe(name, 1, 6, size=96, seed=2)
    for scene in filter(None, (probe.scene, probe.before)):
        camera = scene.camera
        outlines = [project(corners(placed, camera), camera)[:, :2] for placed in scene.objects]
        assert all(outline.min() > 3 and outline.max() < camera.size - 3 for outline in outlines)
        truth = cast(scene)
        assert min(truth.visible_fraction) > 0.15
        # disjoint ground plans: no corner of one lies inside another's rectangle
        for a in scene.objects:
            for b in scene.objects:
                if a is not b:
                    inside = (
                        np.abs((corners(b, camera) - a.centre(camera)) @ a.level_from_object) < a.extent / 2
                    )
                    assert not inside[:, [0, 2]].all(axis=1).any()


def test_egocentric_answer_differs_from_the_objects_own():
    """B to A's own left while A faces the camera: the camera sees B on the right, so the egocentric answer is no."""
    for index in range(8):
        probe = sample_probe("t2i-allocentric-left", index, 8, size=64, shares=GRADED)
        (ax, az), (bx, bz) = (p.ground_xz for p in probe.scene.objects)
        to_the_left = bx < ax and abs(bz - az) < abs(bx - ax) * math.tan(math.radians(30))
        assert probe.egocentric_answer == to_the_left
