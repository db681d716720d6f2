"""Kinds of probes: in the shares asked for, clear ones beyond doubt, hard ones truly hard to see."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from genspace.errors import InputError
from genspace.geometry.evaluate import evaluate
from genspace.geometry.probes.kinds import KINDS, USUAL, Shares, deal, draw_error, is_clear, parse_shares
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.sampler import sample_probe
from genspace.geometry.probes.truth import cast, scene_record

HARD = Shares(clear=0, contrast=0, hard=1)


def probe_of(kind, name, *, size=128, seed=3):
    """The first hard probe of a plan that is of a kind."""
    index = next(i for i in range(6) if deal(PLANS[name], i, 6, HARD).kind == kind)
    return sample_probe(name, index, 6, size=size, seed=seed, shares=HARD)


def record(scene):
    return scene_record(scene, cast(scene), image=None, depth=None, depth_scale=0.001)


def test_shares_are_kept_and_the_rest_is_graded():
    kinds = Counter(deal(PLANS["t2i-allocentric-left"], i, 20, USUAL).kind for i in range(20))
    assert (kinds["graded"], kinds["clear"], kinds["contrast"]) == (8, 6, 4)
    assert sum(kinds[kind] for kind in ("cut", "hidden", "frontless")) == 2
    # an order has no other side to show in its place
    kinds = Counter(deal(PLANS["t2i-egocentric-left"], i, 20, USUAL).kind for i in range(20))
    assert (kinds["graded"], kinds["contrast"]) == (12, 0)
    assert deal(PLANS["t2i-egocentric-left"], 0, 1, USUAL).kind == "graded"


def test_half_of_the_clear_probes_are_true():
    dealt = [deal(plan, i, 10, USUAL) for plan in PLANS.values() for i in range(10)]
    clear = [one.yes for one in dealt if one.kind == "clear"]
    assert len(clear) == 3 * len(PLANS)
    assert 0.4 < np.mean(clear) < 0.6
    assert {one.kind for one in dealt} == set(KINDS)


@pytest.mark.parametrize("name", PLANS)
def test_a_clear_no_lies_one_and_a_half_tolerances_beyond_the_threshold(name):
    """Computed from the plan's own numbers: a yes within a quarter of the tolerance, a no from 2.5 tolerances on."""
    plan, rng = PLANS[name], np.random.default_rng(0)
    only = Shares(clear=1, contrast=0, hard=0)
    for index in range(40):
        dealt = deal(plan, index, 40, only)
        error = draw_error(plan, dealt, rng, seed=0)
        assert is_clear(plan, error)
        if plan.inner > 0:
            # a volume is wanted 1.2 times as large: who would swear that one of 0.95 times is not?
            beyond = np.log(1.6) if plan.unit == "log ratio" else 2.5 * plan.inner
            assert error <= plan.inner / 4 if dealt.yes else error >= beyond
        else:
            # 5 degrees; a tenth of the distance is not seen, three are
            beyond = np.log(1.3) if plan.unit == "log ratio" else 1.5 * plan.spread[1] / 2
            assert error <= -beyond if dealt.yes else error >= beyond


@pytest.mark.parametrize("name", ["t2i-egocentric-left", "2d-image_relation-above", "t2i-object_size-wider"])
def test_clear_probes_are_clear_in_the_scene_that_is_drawn(name):
    """Where the camera settles the true value it is measured; a probe that is no longer clear is drawn anew."""
    for index in range(4):
        probe = sample_probe(name, index, 4, size=96, seed=5, shares=Shares(clear=1, contrast=0, hard=0))
        assert is_clear(probe.plan, probe.error)
        assert probe.truth == (probe.error <= probe.plan.inner)
        assert evaluate(record(probe.scene), probe.predicate).passed == probe.truth
        if probe.plan.variant == "wider":  # 30 cm are seen on an armchair, not on an aeroplane
            widths = [item.extent[2] for item in record(probe.scene).objects]
            assert np.sqrt(np.prod(widths)) <= 0.3 / 0.15 + 1e-9


@pytest.mark.parametrize(
    "name",
    ["t2i-complex_pose-front", "t2i-intrinsic-face_to_face", "edit-insert_intrinsic-side_by_side_same"],
)
def test_clear_probes_about_sides_show_nothing_too_small_to_see_which_way_it_faces(name):
    """An elephant beside an aeroplane that fills the picture is 20 pixels high: people take its back for its front."""
    only = Shares(clear=1, contrast=0, hard=0)
    probe = sample_probe(name, 0, 1, size=384, seed=4711, shares=only)
    owner = cast(probe.scene).owner
    for index in range(len(probe.scene.objects)):
        rows, columns = np.nonzero(owner == index)
        # the outline is that of the box, of which the thing itself, turned and rounded, leaves a little free
        assert max(np.ptp(rows), np.ptp(columns)) >= 0.06 * 384


@pytest.mark.parametrize("name", ["t2i-camera_distance-2", "t2i-allocentric-back", "edit-resize-wider"])
def test_the_border_cuts_a_cut_probe(name):
    probe = probe_of("cut", name)
    truth = cast(probe.scene)
    owner = np.pad(truth.owner[1:-1, 1:-1], 1, constant_values=-1)
    touching = set(np.unique(truth.owner[owner != truth.owner])) - {
        -1
    }  # who owns pixels of the outermost ring
    seen = record(probe.scene)
    assert touching
    assert touching == {i for i, item in enumerate(seen.objects) if item.truncated}
    assert min(truth.visible_fraction) < 0.9
    assert probe.truth is not None


def test_nobody_is_sure_which_way_a_hidden_thing_faces():
    """Less than a quarter of it is seen: its orientation has a confidence under 0.5, so the rules abstain."""
    probe = probe_of("hidden", "t2i-intrinsic-side_by_side_same")
    seen = record(probe.scene)
    least = min(seen.objects, key=lambda item: item.visible_fraction)
    assert 0.05 < least.visible_fraction < 0.25
    assert least.rotation_confidence == pytest.approx(2 * least.visible_fraction)
    assert not any(item.truncated for item in seen.objects)
    outcome = evaluate(seen, probe.predicate)
    assert outcome.passed is None
    assert "orientation" in outcome.reason


def test_sides_of_a_thing_without_a_front_have_no_truth():
    probe = probe_of("frontless", "t2i-camera_pose-front")
    assert (probe.truth, probe.error, probe.true_value, probe.egocentric_answer) == (None,) * 4
    (thing,) = record(probe.scene).objects
    assert thing.label in {"ball", "mug", "teapot", "vase"}
    outcome = evaluate(record(probe.scene), probe.predicate)
    assert outcome.passed is None
    assert re.search("front", outcome.reason)


def test_whatever_sides_are_asked_of_has_a_front_in_all_other_kinds():
    for name in ("t2i-object_pose-left", "t2i-allocentric-front", "t2i-complex_pose-left"):
        for index in range(6):
            probe = sample_probe(name, index, 10, size=64, seed=1)
            assert probe.scene.objects[0].model.has_front


def test_what_cannot_be_hidden_is_cut():
    """Two whose sizes are compared stand side by side."""
    index = next(i for i in range(4) if deal(PLANS["t2i-object_size-wider"], i, 4, HARD).kind == "hidden")
    assert sample_probe("t2i-object_size-wider", index, 4, size=64, seed=2, shares=HARD).kind == "cut"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clean=0.5", "unknown kind 'clean' (did you mean 'clear'?)"),
        ("clear=half", "clear needs a share such as clear=0.3"),
        ("clear=0.9,hard=0.2", "no more than 1 together, not 0.9, 0.2, 0.2"),
        ("clear=-1", "0 or more"),
    ],
)
def test_shares_that_cannot_be_are_refused(text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        parse_shares(text)
