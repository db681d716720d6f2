"""Each defect of the released code that changes decisions: a scene where `reference` is wrong and `corrected` right.

Numbers follow the list of defects in docs/concepts/geometry.md; 6 and 18 have their other halves in test_points.py.
"""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from random_scenes import Thing, along, compass, observe

from genspace.geometry.evaluate import Evaluation, evaluate
from genspace.geometry.predicates import benchmark_variants, bind, built_in
from genspace.geometry.profiles import CORRECTED, REFERENCE
from genspace.geometry.scene_files import FolderFiles, parse_document

AHEAD = np.array([0.0, 0.5, 4.0])
"""4 m north of a camera over the origin, which looks north."""
EYE = np.array([0.0, 0.5, 0.0])
"""A camera at the objects' own height."""


def both(document: dict[str, object], predicate: str) -> tuple[Evaluation, Evaluation]:
    scene = parse_document(document)
    return evaluate(scene, predicate, CORRECTED), evaluate(scene, predicate, REFERENCE)


def pair(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    return {"format": "genspace-pair/1", "before": before, "after": after, "depth_scale": 1}


def bare(document: dict[str, object]) -> dict[str, object]:
    """The same scene, its orientations in the camera frame and not relative to the viewing ray."""
    for item in document["objects"]:
        item.pop("orientation_raw")
    return document


def test_01_in_plane_turn_about_the_wrong_axis() -> None:
    # A faces a camera that is rolled by 20°: it is seen from the front, turned in the image by 20°. The released code
    # turns it about its own right axis instead, which lifts its front by 20°, out of the 15° cone: 1 - 5/30.
    document = observe([Thing(AHEAD, 180.0)], EYE, roll=20.0)
    corrected, reference = both(document, "camera_pose(A, view=front)")
    assert corrected.passed
    assert corrected.measurements[0].value == pytest.approx(0)
    assert not reference.passed
    assert reference.score == pytest.approx(1 - 5 / 30)


def test_02_orientations_are_not_levelled() -> None:
    # B stands 1 m straight ahead of A, which faces away from a camera that looks down by 30°. Positions are levelled,
    # A's front is not: the released code sees B 30° above A's front, score 1 - (30 - 15)/30.
    document = bare(
        observe([Thing(AHEAD, 0.0), Thing(AHEAD + compass(0.0), 0.0)], EYE + np.array([0, 2, 0]), pitch=-30.0)
    )
    for item in document["objects"]:
        item.pop("surface_mean")
    corrected, reference = both(document, "allocentric(A, B, relation=front)")
    assert corrected.passed
    assert not reference.passed
    assert reference.score == pytest.approx(0.5)


def test_03_cones_count_the_height() -> None:
    # B is 1 m ahead of A and its centre 0.4 m higher: bearing 0°, elevation atan 0.4 = 21.8°, over the 15° cone.
    document = bare(observe([Thing(AHEAD, 90.0), Thing(AHEAD + np.array([1.0, 0.4, 0.0]), 0.0)], EYE))
    for item in document["objects"]:
        item.pop("surface_mean")
    corrected, reference = both(document, "allocentric(A, B, relation=front)")
    assert corrected.passed
    assert corrected.measurements[1].value == pytest.approx(math.degrees(math.atan(0.4)))
    assert not reference.passed
    assert reference.score == pytest.approx(1 - (math.degrees(math.atan(0.4)) - 15) / 30)


def test_03_a_camera_16_degrees_above_fails_the_frontal_view() -> None:
    document = observe([Thing(AHEAD, 180.0)], AHEAD - 4 * along(0.0, -16.0), pitch=-16.0)
    corrected, reference = both(document, "camera_pose(A, view=front)")
    assert corrected.passed
    assert not reference.passed
    assert reference.score == pytest.approx(1 - 1 / 30)


def test_04_camera_distance_from_the_floor() -> None:
    # Camera 1.6 m and A's centre 1.5 m above the floor, 0.995 m ahead: 1.000 m from the camera, but
    # sqrt(0.995² + 1.5²) = 1.80 m from the point of the floor below it.
    document = bare(observe([Thing(np.array([0, 1.5, 0.995]))], np.array([0, 1.6, 0])))
    document["objects"][0].pop("surface_mean")
    corrected, reference = both(document, "camera_distance(A, value_m=1)")
    assert corrected.passed
    assert corrected.measurements[0].value == pytest.approx(math.hypot(0.1, 0.995))
    assert not reference.passed
    assert reference.measurements[0].value == pytest.approx(math.hypot(1.5, 0.995))


def test_05_one_bad_pixel_moves_the_floor(tmp_path: Path) -> None:
    # 8 × 8 px, f = 8, c = 4: the upper half is a wall at 5 m, the lower half stands at 3 m. The nearer half of the
    # pixels is the lower one; its lowest row, v = 7, lies (7 - 4)/8 · 3 = 1.125 m below the camera. One bad pixel of
    # it at 4.5 m is still among the nearer half: (7 - 4)/8 · 4.5 = 1.6875 m.
    # A is 2.3 m away; from the floor sqrt(2.3² + 1.125²) = 2.56, inside 2 m ± 1/3, and then 2.85, outside.
    depth = np.full((8, 8), 5000, dtype=np.uint16)
    depth[4:] = 3000
    document = {
        "format": "genspace-scene/1", "width": 8, "height": 8, "depth": "d.png",
        "camera": {"fx": 8, "fy": 8, "cx": 4, "cy": 4, "pitch_deg": 0, "roll_deg": 0},
        "objects": [{"id": "A", "centre": [0, 0, 2.3]}],
    }  # fmt: skip
    decisions = {}
    for name, value in (("good", 3000), ("bad", 4500)):
        depth[7, 7] = value
        Image.fromarray(depth).save(tmp_path / "d.png")
        scene = parse_document(document, files=FolderFiles(tmp_path))
        decisions[name] = [
            evaluate(scene, "camera_distance(A, value_m=2)", p) for p in (CORRECTED, REFERENCE)
        ]
    assert [e.passed for e in decisions["good"]] == [True, True]
    assert [e.passed for e in decisions["bad"]] == [True, False]
    assert decisions["bad"][1].measurements[0].value == pytest.approx(math.hypot(2.3, 1.6875))


def test_06_the_surface_taken_for_the_centre() -> None:
    # A ball of radius 0.4 m, its centre 2.8 m away: 0.8 m off 2 m, 40 % > 1/3. Its surface's mean, 2.53 m, is 27 % off.
    scene = {
        "format": "genspace-scene/1", "width": 640, "height": 480,
        "camera": {"pitch_deg": 0, "roll_deg": 0, "height_m": 0},
        "objects": [{"id": "A", "centre": [0, 0, 2.8], "surface_mean": [0, 0, 2.53]}],
    }  # fmt: skip
    corrected, reference = both(scene, "camera_distance(A, value_m=2)")
    assert not corrected.passed
    assert corrected.score == pytest.approx((2 / 3 - 0.4) * 3)
    assert reference.passed


def test_07_sizes_after_a_turn_about_the_wrong_axis() -> None:
    # A is 1.0 m long, 0.5 m high, 0.3 m wide and faces the camera; the turn by Rz(-90°) is in the image's plane and
    # swaps x and y: its length reads 0.5 (its height), its width 1.0 (its length). B is a cube of 0.5 m.
    sizes = {"A": (1.0, 0.5, 0.3), "B": (0.5, 0.5, 0.5)}
    things = [Thing(AHEAD, 180.0, sizes["A"]), Thing(AHEAD + np.array([1.5, 0, 0]), 180.0, sizes["B"])]
    document = bare(observe(things, EYE))
    for item in document["objects"]:
        corners = np.array(list(product((-0.5, 0.5), repeat=3))) * item["extent"]
        item["points"] = (np.array(item["centre"]) + corners @ np.array(item["rotation"]).T).tolist() * 2
    corrected, reference = both(document, "object_size(A, B, dimension=longer, value_m=0.5)")
    assert corrected.passed
    assert corrected.measurements[0].value == pytest.approx(0.5)
    assert not reference.passed
    assert reference.measurements[0].value == pytest.approx(0.0)
    _, wider = both(document, "object_size(A, B, dimension=wider, value_m=0.5)")
    assert wider.measurements[0].value == pytest.approx(0.5)  # 1.0 against 0.5; truly A is 0.2 m narrower


def test_08_differences_without_direction() -> None:
    # A is 0.5 m shorter than B, and half its volume: "A is 0.5 m longer" holds for the released code, and A against
    # B at 0.83 of the volume counts as "1.2 times bigger".
    document = observe(
        [Thing(AHEAD, 90.0, (0.5, 1, 1)), Thing(AHEAD + np.array([1.5, 0, 0]), 90.0, (1.0, 1, 1))], EYE
    )
    corrected, reference = both(document, "object_size(A, B, dimension=longer, value_m=0.5)")
    assert corrected.score == 0
    assert reference.passed
    document = observe(
        [Thing(AHEAD, 90.0, (1.0, 1, 1)), Thing(AHEAD + np.array([1.5, 0, 0]), 90.0, (1.2, 1, 1))], EYE
    )
    corrected, reference = both(document, "object_size(A, B, dimension=bigger, ratio=1.2)")
    assert corrected.score == 0
    assert reference.measurements[0].value == pytest.approx(1.2)
    assert reference.passed


def test_09_face_to_face_without_an_angle() -> None:
    # B faces north, A stands at a bearing of 60° from it and faces south: they look past each other.
    b = Thing(AHEAD, 0.0)
    a = Thing(AHEAD + 1.5 * compass(60.0), 180.0)
    corrected, reference = both(observe([a, b], EYE), "intrinsic(A, B, relation=face_to_face)")
    assert corrected.measurements[0].value == pytest.approx(60)
    assert corrected.score == 0
    assert reference.passed


def test_10_satisfied_factors_are_penalised() -> None:
    # B at A's right, turned by 31°. From B, A is at -90 - 31 = -121: error 31; score of each (45 - 31)/15.
    # The released code's position factor is 1 - |90 - 60|/15 = -1, so its score is 0.
    a, b = Thing(AHEAD, 0.0), Thing(AHEAD + np.array([1.5, 0, 0]), -31.0)
    document = observe([b, a], EYE + np.array([0.75, 0, 0]))
    document["objects"][0]["id"], document["objects"][1]["id"] = "B", "A"
    corrected, reference = both(bare(document), "intrinsic(B, A, relation=side_by_side_same)")
    assert corrected.score == pytest.approx((14 / 15) ** 2)
    assert reference.score == 0


@pytest.mark.parametrize(
    ("distance", "corrected_score", "reference_score"),
    [(0.66, (2 / 3 - 0.34) * 3, 0.0), (1.5, 0.5, 0.5)],
)
def test_11_one_sided_scores(distance: float, corrected_score: float, reference_score: float) -> None:
    document = observe([Thing(AHEAD), Thing(AHEAD + np.array([distance, 0, 0]))], EYE)
    for item in document["objects"]:
        item.pop("surface_mean")
    corrected, reference = both(document, "object_distance(A, B, value_m=1)")
    assert corrected.score == pytest.approx(corrected_score)
    assert reference.score == pytest.approx(reference_score)


@pytest.mark.parametrize(("direction", "offset"), [("left", -1.0), ("right", 1.0)])
def test_12_sideways_cameras_never_pass(direction: str, offset: float) -> None:
    document = pair(observe([Thing(AHEAD)], EYE), observe([Thing(AHEAD)], EYE + np.array([offset, 0, 0])))
    corrected, reference = both(document, f"move_camera(A, direction={direction}, value_m=1)")
    assert corrected.passed
    assert not reference.passed


def test_13_hard_sectors() -> None:
    # B at a bearing of 44° from A before, 46° after: a change of 2°; for the released code it left the front sector.
    a = Thing(AHEAD, 180.0)
    before, after = (observe([a, Thing(AHEAD + compass(180.0 + angle), 0.0)], EYE) for angle in (44.0, 46.0))
    for item in (*before["objects"], *after["objects"]):
        item.pop("surface_mean")
    corrected, reference = both(pair(bare(before), bare(after)), "keep_relation(A, B, view=front)")
    assert corrected.passed
    assert corrected.measurements[0].value == pytest.approx(2)
    assert not reference.passed


def test_14_coinciding_centres() -> None:
    document = observe([Thing(AHEAD, 0.0), Thing(AHEAD, 0.0)], EYE)
    corrected, reference = both(document, "allocentric(A, B, relation=front)")
    assert corrected.score is None
    assert "above one another, 0.0 cm apart" in corrected.reason
    assert reference.score is None
    assert "coincide" in reference.reason
    corrected, _ = both(document, "object_distance(A, B, value_m=1)")
    assert corrected.score == 0  # a distance of 0 m is a distance
    for relation in ("left", "right", "closer", "farther"):  # all of them would hold at once
        corrected, reference = both(document, f"egocentric(A, B, relation={relation})")
        assert (corrected.score, corrected.reason) == (None, "A and B are at one place, 0.0 cm apart")
        assert not reference.passed


def test_15_one_tolerance_for_both_tasks() -> None:
    # Bearing 25°: (45 - 25)/30 as an image and as an edit; the released code fails the image and passes the edit.
    document = bare(observe([Thing(AHEAD, 180.0 - 25.0)], EYE))
    image, edit = (
        both(document, "camera_pose(A, view=front)"),
        both(pair(document, document), "camera_pose(A, view=front)"),
    )
    assert image[0].score == edit[0].score == pytest.approx(20 / 30)
    assert (image[1].passed, edit[1].passed) == (False, True)


def test_16_what_is_said_is_what_is_checked() -> None:
    for task in ("t2i", "edit"):
        for call in benchmark_variants(task):
            bound = bind(call)
            for key in ("value_m", "ratio"):
                if key in bound.settings:
                    assert f"{bound.settings[key]:g}" in str(bound)
            assert all(name in str(bound) for name in bound.ids) or bound.predicate.name == "keep_relation"
    assert len(built_in()) == 14


def test_17_what_is_not_found_is_an_abstention_and_stays_in_the_count() -> None:
    corrected, reference = both(observe([Thing(AHEAD)], EYE), "object_distance(A, Z, value_m=1)")
    for answer in (corrected, reference):
        assert (answer.score, answer.passed) == (None, None)
        assert answer.reason == "Z was not found in the image"


def test_17_more_detections_than_named_are_skipped_by_the_reference_alone() -> None:
    scene = observe([Thing(AHEAD), Thing(AHEAD + np.array([1.0, 0, 0]))], EYE)
    first, _ = scene["objects"]
    again = {**first, "id": "A_2", "label": first.get("label", "A")}
    wanted = "object_distance(A, B, value_m=1)"
    assert [answer.passed for answer in both(scene, wanted)] == [True, True]
    corrected, reference = both({**scene, "objects": [*scene["objects"], again]}, wanted)
    assert corrected.passed
    assert reference.reason == "the released code skips the image: 3 detections, 2 named"
    # what nobody looked for is no detection
    other = {**first, "id": "tree", "label": "tree"}
    assert both({**scene, "objects": [*scene["objects"], other]}, wanted)[1].passed
