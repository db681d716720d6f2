"""`genspace scene judge`, `genspace scene check`, and the judge `scene` on a study."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reference_rows import rows_to_scenes

from genspace import open_study
from genspace.geometry.evaluate import evaluate, miss
from genspace.geometry.predicates import bind
from genspace.geometry.scene_files import FolderFiles
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.scene import find_scene
from genspace.records import Item, Measurement, Request

FACING = [[0, 0, -1], [0, -1, 0], [-1, 0, 0]]
"""Front towards a level camera."""


def document(**changes: object) -> dict[str, object]:
    return {
        "format": "genspace-scene/1", "width": 64, "height": 48,
        "camera": {"pitch_deg": 0, "roll_deg": 0},
        "objects": [
            {"id": "cow", "centre": [0, 0, 4], "rotation": FACING, "detection_confidence": 0.8},
            {"id": "hen", "centre": [1, 0, 4], "detection_confidence": 0.6},
        ],
        "predicates": ["camera_pose(cow, view=front)", "object_distance(cow, hen, value_m=2)"],
        **changes,
    }  # fmt: skip


def pair(**changes: object) -> dict[str, object]:
    return {
        "format": "genspace-pair/1",
        "before": document(),
        "after": document(),
        "depth_scale": 1,
        **changes,
    }


@pytest.mark.data
def test_goldens_through_the_command_line(data: Path, tmp_path: Path, genspace: Callable) -> None:
    documents = list(rows_to_scenes(data / "reference" / "predicates_public.jsonl.gz"))
    (tmp_path / "golden.jsonl").write_text("\n".join(map(json.dumps, documents)))
    result = genspace("scene", "judge", tmp_path / "golden.jsonl", "--profile", "reference", "--json")
    assert result.code == 0, result.err
    answers = json.loads(result.out)
    assert [a["passed"] for a in answers] == [d["golden"]["check"] for d in documents]
    assert [a["score"] for a in answers] == pytest.approx([d["golden"]["score"] for d in documents], abs=1e-9)


def test_judging_in_words(tmp_path: Path, genspace: Callable) -> None:
    (tmp_path / "a.scene.json").write_text(json.dumps(document()))
    result = genspace("scene", "judge", tmp_path / "a.scene.json")
    assert result.code == 0
    assert "the camera sees the front of cow: passed, score 1" in result.out
    # 1 m apart, 2 m wanted: relative error 1/2, score (2/3 - 1/2) / (1/3) = 0.5.
    assert "cow and hen are 2 m apart: not passed, score 0.5" in result.out
    assert "distance between the centres of cow and hen 1.00 m, wanted 2 m ± 33%, score 0.5" in result.out


def test_abstention_says_why(tmp_path: Path, genspace: Callable) -> None:
    (tmp_path / "a.scene.json").write_text(json.dumps(document()))
    result = genspace(
        "scene", "judge", tmp_path / "a.scene.json", "--predicate", "camera_pose(hen, view=left)", "--json"
    )
    (answer,) = json.loads(result.out)
    assert answer["status"] == "abstained"
    assert answer["score"] is None
    assert answer["reason"] == "the orientation of hen is unknown"
    result = genspace(
        "scene", "judge", tmp_path / "a.scene.json", "--predicate", "camera_distance(dog, value_m=1)"
    )
    assert "abstained: dog was not found in the image" in result.out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("camera_pos(cow, view=front)", "did you mean 'camera_pose'?"),
        ("camera_pose(cow, view=frnt)", "did you mean 'front'?"),
        ("camera_pose(cow)", "view is needed: front, back, left, right"),
        ("camera_pose(cow, hen, view=front)", "expected 1 object"),
        ("object_distance(cow, hen)", "value_m is needed, such as value_m=0.5"),
        ("object_distance(cow, hen, valu_m=1)", "did you mean 'value_m'?"),
        ("object_distance(cow, hen, value_m=-1)", "must be a positive number"),
        ("object_distance(cow, hen, value_m=nan)", "must be a positive number"),
        ("object_distance(cow, hen, value_m=1, measure=edge)", "must be centres or gap"),
        ("object_distance(cow, cow, value_m=1)", "one object stands in two roles"),
        ("object_distance(cow, hen, value_m=1, inner=1, outer=0.5)", "inner must be below outer"),
        ("object_size(cow, hen, dimension=bigger, ratio=1)", "asks for no change"),
        ("cow is left of hen", "expected a call"),
        ("camera_pose(cow, view=front, view=back)", "occurs twice"),
        ("camera_pose(view=front, cow)", "must stand before"),
        ("camera_pose((cow), view=front)", "cannot read"),
    ],
)  # fmt: skip
def test_wrong_predicates_exit_2(tmp_path: Path, genspace: Callable, call: str, message: str) -> None:
    (tmp_path / "a.scene.json").write_text(json.dumps(document()))
    result = genspace("scene", "judge", tmp_path / "a.scene.json", "--predicate", call)
    assert result.code == 2
    assert message in result.err
    assert "a.scene.json" in result.err


def test_check_names_every_problem_of_every_file(tmp_path: Path, genspace: Callable) -> None:
    good, bad, pairs = tmp_path / "good.scene.json", tmp_path / "bad.jsonl", tmp_path / "x.pair.json"
    good.write_text(json.dumps(document()))
    assert genspace("scene", "check", good).out.strip() == "1 document(s), no problems, no warnings"
    assert json.loads(genspace("scene", "check", good, "--json").out) == [
        {"file": str(good), "objects": 2, "warnings": []}
    ]
    lines = [
        document(width=-1),
        document(depth="absent.png", predicates=["camera_pose(dog, view=front)", "nonsense"]),
    ]
    bad.write_text("\n".join(map(json.dumps, lines)))
    pairs.write_text(json.dumps(pair(before="absent.scene.json")))
    result = genspace("scene", "check", good, bad, pairs, tmp_path / "absent.scene.json")
    assert result.code == 2
    assert "bad.jsonl:1: width = -1" in result.err
    assert "x.pair.json" in result.err
    assert result.err.count("absent.scene.json") == 2
    assert "is a folder; name the files in it" in genspace("scene", "check", tmp_path).err
    bad.write_text(json.dumps(lines[1]))
    result = genspace("scene", "check", bad)
    assert "absent.png" in result.err
    assert "no object has the id 'dog'" in result.err
    assert "expected a call" in result.err


def test_files_without_predicates(tmp_path: Path, genspace: Callable) -> None:
    (tmp_path / "a.scene.json").write_text(json.dumps(document(predicates=[])))
    result = genspace("scene", "judge", tmp_path / "a.scene.json")
    assert result.code == 2
    assert "holds no predicates; say which with --predicate" in result.err


def test_user_profile(tmp_path: Path, genspace: Callable) -> None:
    (tmp_path / "a.scene.json").write_text(json.dumps(document()))
    strict = tmp_path / "strict.toml"
    strict.write_text('name = "strict"\n[tolerances]\nmetric = [0.1, 0.6]\n')
    result = genspace("scene", "judge", tmp_path / "a.scene.json", "--profile", strict, "--json")
    # Relative error 0.5: (0.6 - 0.5) / (0.6 - 0.1) = 0.2.
    assert json.loads(result.out)[1]["score"] == pytest.approx(0.2)
    strict.write_text("[tolerances]\nmetrik = [0.1, 0.6]\nvolume = [2, 1]\n[limits]\nmin_points = 'x'\n")
    result = genspace("scene", "judge", tmp_path / "a.scene.json", "--profile", strict)
    assert result.code == 2
    assert "tolerances.metrik = [0.1, 0.6]: there is no such setting (did you mean 'metric'?)" in result.err
    assert "must be below the second" in result.err
    assert "limits.min_points" in result.err
    strict.write_text('rules = "reference"\n[limits]\nmin_points = 3\n')
    assert (
        "take no tolerances" in genspace("scene", "judge", tmp_path / "a.scene.json", "--profile", strict).err
    )
    assert genspace("scene", "judge", tmp_path / "a.scene.json", "--profile", "correct").code == 2
    assert genspace("scene", "judge", tmp_path / "a.scene.json", "--profile", tmp_path / "no.toml").code == 2
    strict.write_text("[[")
    assert (
        "not readable as TOML"
        in genspace("scene", "judge", tmp_path / "a.scene.json", "--profile", strict).err
    )


def judged(folder: Path, item: Item, **options: object):
    judge = make_judge(JudgeSpec(name="s", kind="scene", **options), JudgeContext())
    (verdict,) = judge.judge([Request(item=item, files=FolderFiles(folder))])
    return verdict


def test_judge_finds_the_scene_of_an_item(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    text = json.dumps(document())
    (tmp_path / "images" / "0001.scene.json").write_text(text)
    (tmp_path / "by_id.scene.json").write_text(text)
    (tmp_path / "stated.json").write_text(text)
    call = "object_distance(cow, hen, value_m=1)"
    for item in (
        Item(item_id="x", image="images/0001.png", predicate=call),
        Item(item_id="by_id", image="images/other.png", predicate=call),
        Item(item_id="y", predicate=call, extra={"scene": "stated.json"}),
    ):
        verdict = judged(tmp_path, item)
        assert (verdict.status, verdict.score, verdict.passed) == ("decided", 1.0, True)
        assert verdict.confidence == 0.6  # of the less sure detection
        assert "distance between the centres" in verdict.explanation
    lost = judged(tmp_path, Item(item_id="z", image="images/z.png", predicate=call))
    assert lost.status == "failed"
    assert "images/z.scene.json" in lost.reason
    outside = judged(tmp_path, Item(item_id="z", predicate=call, extra={"scene": "../secret.json"}))
    assert outside.status == "failed"


def test_judge_pairs_the_scenes_of_an_edit(tmp_path: Path) -> None:
    before, after = document(), document()
    after["objects"] = [{"id": "cow", "centre": [0, 0, 3], "rotation": FACING}]
    steps = np.full((48, 64), 4000, dtype=np.uint16)
    Image.fromarray(steps).save(tmp_path / "d.png")
    for name, scene in (("b", before), ("a", after)):
        (tmp_path / f"{name}.scene.json").write_text(json.dumps({**scene, "depth": "d.png"}))
    call = "move_object(cow, direction=closer, value_m=1)"
    item = Item(item_id="e", image="a.png", image_before="b.png", predicate=call)
    assert judged(tmp_path, item).score == 1.0  # from 4 m to 3 m, the depths in ratio 1
    (tmp_path / "a.pair.json").write_text(json.dumps(pair(after=document())))
    assert judged(tmp_path, item).score == 0.0  # the pair file comes first, and in it nothing moves


def test_judge_says_what_it_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "i.scene.json").write_text(json.dumps(document()))
    assert "holds 2 instead of one" in judged(tmp_path, Item(item_id="i")).reason
    assert "unknown predicate" in judged(tmp_path, Item(item_id="i", predicate="f(cow)")).reason
    unseen = judged(tmp_path, Item(item_id="i", predicate="camera_pose(hen, view=front)"))
    assert unseen.status == "abstained"
    (tmp_path / "i.scene.json").write_text("{")
    assert (
        "not readable as JSON"
        in judged(tmp_path, Item(item_id="i", predicate="camera_pose(cow, view=front)")).reason
    )


def test_fingerprint_follows_the_rules() -> None:
    def mark(model: str | None) -> str:
        return make_judge(JudgeSpec(name="s", kind="scene", model=model), JudgeContext()).fingerprint

    assert mark(None) == mark("corrected")
    assert mark(None) != mark("reference")


def test_a_miss_is_the_error_in_tolerances_on_every_predicate() -> None:
    """Where a score is graded it tells the error; where it is 0 or 1 the miss goes on, from value and target."""
    study = open_study(Path(__file__).parents[2] / "examples" / "quickstart")
    beyond = set()
    for item in study.iter_items():
        for measured in evaluate(find_scene(item, study.files), item.predicate or "").measurements:
            found = miss(measured)
            if measured.score is None or measured.outer is None:
                assert found is None
                continue
            error, inner, outer = found * measured.outer, measured.inner, measured.outer
            score = 1.0 if error <= inner else max(0.0, (outer - error) / (outer - inner))
            assert score == pytest.approx(measured.score, abs=1e-6)
            if found > 1.01:
                beyond.add(bind(item.predicate or "").predicate.name)
    assert {"allocentric", "egocentric", "object_distance", "camera_pose"} <= beyond


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"unit": "deg", "value": 170.0, "target": -170.0, "inner": 10.0, "outer": 40.0, "score": 2 / 3}, 0.5),
        ({"unit": "deg", "value": 100.0, "target": 20.0, "inner": 10.0, "outer": 40.0, "score": 0.0}, 2.0),
        ({"unit": "m", "value": 3.0, "target": 1.0, "inner": 0.3, "outer": 0.6, "score": 0.0, "note": "relative error"}, 2 / 0.6),
        ({"unit": "deg", "value": -12.0, "target": None, "inner": 0.0, "outer": 4.0, "score": 0.0, "note": "at least 0"}, 3.0),
        # its error does not follow from value and target: the score tells it
        ({"unit": "deg", "value": 90.0, "target": 0.0, "inner": 10.0, "outer": 40.0, "score": 1.0}, 0.25),
        ({"unit": "", "value": None, "target": None, "inner": None, "outer": None, "score": 0.0}, None),
        ({"unit": "deg", "value": None, "target": 0.0, "inner": 10.0, "outer": 40.0, "score": None}, None),
    ],
)  # fmt: skip
def test_a_miss_by_hand(fields: dict[str, Any], expected: float | None) -> None:
    assert miss(Measurement(quantity="q", **fields)) == (
        expected if expected is None else pytest.approx(expected)
    )
