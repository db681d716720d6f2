"""Probes from another side: what stands between the objects stays, and judges who answer from the camera are found."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from genspace import open_study
from genspace.certificate import certify
from genspace.errors import InputError
from genspace.geometry.predicates import bind, built_in
from genspace.geometry.probes.folder import RenderSettings, _claim, render_study
from genspace.geometry.probes.orbit import orbited, seen_from_elsewhere
from genspace.geometry.probes.sampler import sample_probe
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.records import Request, Verdict

SETTINGS = RenderSettings(per_predicate=1, task="t2i", size=96, seed=5, pictures=False, orbit_deg=50)
pytestmark = pytest.mark.xdist_group("orbit")  # one worker makes the probes


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orbit") / "probes"
    render_study(folder, SETTINGS)
    return folder


def bearing(scene, reference: int, other: int) -> float:
    """Where the other stands, degrees to the right of where the reference faces."""
    a, b = scene.objects[reference], scene.objects[other]
    towards = math.degrees(math.atan2(b.ground_xz[0] - a.ground_xz[0], b.ground_xz[1] - a.ground_xz[1]))
    return (towards - a.heading_deg + 180) % 360 - 180


@pytest.mark.parametrize("angle", [-75, 20, 90])
def test_only_the_camera_moves(angle: float) -> None:
    scene = sample_probe("t2i-allocentric-left", 1, 4, seed=3, size=128).scene
    moved = orbited(scene, angle)
    assert bearing(moved, 0, 1) == pytest.approx(bearing(scene, 0, 1))
    assert math.dist(moved.objects[0].ground_xz, moved.objects[1].ground_xz) == pytest.approx(
        math.dist(scene.objects[0].ground_xz, scene.objects[1].ground_xz)
    )
    middles = [np.mean([o.ground_xz for o in s.objects], axis=0) for s in (scene, moved)]
    assert middles[0] == pytest.approx(middles[1])
    turned = (moved.objects[0].heading_deg - scene.objects[0].heading_deg - angle) % 360
    assert min(turned, 360 - turned) < 1e-9
    assert moved.camera == scene.camera


def test_a_side_that_hides_something_is_left_out() -> None:
    scene = sample_probe("t2i-object_distance-1", 0, 4, seed=3, size=128).scene
    assert seen_from_elsewhere(scene, 30, 0.0) is not None
    assert seen_from_elsewhere(scene, 30, 1.01) is None
    assert seen_from_elsewhere(scene, 30, 0.0) == orbited(scene, 30)


def test_where_the_right_side_hides_something_the_left_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = sample_probe("t2i-object_distance-1", 0, 4, seed=3, size=128).scene
    left = orbited(scene, -30)
    monkeypatch.setattr("genspace.geometry.probes.orbit.least_visible", lambda moved: float(moved == left))
    assert seen_from_elsewhere(scene, 30, 0.5) == left


def test_probes_that_do_not_depend_on_the_camera_have_another_side(probes: Path) -> None:
    free = {name for name, predicate in built_in().items() if predicate.from_anywhere}
    assert free == {"allocentric", "intrinsic", "object_distance", "object_size"}
    stems = {p.name.removesuffix(".scene.json") for p in (probes / "images").glob("*.scene.json")}
    moved = {stem.removesuffix("-orbit") for stem in stems if stem.endswith("-orbit")}
    items = {item.item_id: item.predicate or "" for item in open_study(probes).iter_items()}
    of_free = {item_id for item_id, predicate in items.items() if bind(predicate).predicate.name in free}
    assert moved <= of_free
    assert len(moved) >= 0.8 * len(of_free)


def test_known_truth_is_the_same_from_everywhere(probes: Path) -> None:
    study = open_study(probes)
    judge = make_judge(JudgeSpec(name="truth", kind="scene"), study_context(study))
    found = certify(study, judge, "truth", ["orbit"])
    (row,) = found.document.result.ways
    assert row.answered >= 10
    assert row.contradictions.value == 0
    why = found.document.not_asked["orbit"]
    assert why["its answer depends on where the camera stands"] > 0


def test_who_answers_from_the_camera_contradicts_itself(probes: Path) -> None:
    """A judge that reads an object's own left and right as the picture's says otherwise from the other side."""
    study = open_study(probes)
    inner = make_judge(JudgeSpec(name="camera", kind="scene"), study_context(study))

    class FromTheCamera:
        fingerprint = "from the camera"

        def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
            for request in requests:
                _, a, b = request.item.predicate.replace("(", ",").replace(")", ",").split(",")[:3]
                asked = f"egocentric({b.strip()}, {a.strip()}, relation=left)"
                said = next(
                    iter(
                        inner.judge(
                            [Request(item=replace(request.item, predicate=asked), files=request.files)]
                        )
                    )
                )
                yield Verdict.decided(request, score=float(said.passed or 0), passed=bool(said.passed))

    sides = {
        "t2i-allocentric-left-000",
        "t2i-allocentric-right-000",
        "t2i-allocentric-front-000",
        "t2i-allocentric-back-000",
    }
    frame = study.items[study.items["item_id"].isin(sides)]
    found = certify(study.with_items(frame, study.files), FromTheCamera(), "camera", ["orbit"])
    (row,) = found.document.result.ways
    assert row.contradictions.value > 0


def test_a_folder_is_resumed_with_its_own_angle(probes: Path) -> None:
    with pytest.raises(InputError, match=r"orbit_deg = 50, now 30"):
        render_study(probes, replace(SETTINGS, orbit_deg=30), workers=1)


def test_folders_from_before_there_were_orbits_are_resumed(tmp_path: Path) -> None:
    plain = replace(SETTINGS, orbit_deg=0.0)
    folder = tmp_path / "old"
    folder.mkdir()
    begun = asdict(plain)
    del begun["orbit_deg"]
    (folder / "probe.json").write_text(json.dumps(begun))
    _claim(folder, plain)
    with pytest.raises(InputError, match=r"orbit_deg = 0.0, now 50"):
        _claim(folder, SETTINGS)
