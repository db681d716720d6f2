"""Frames of simulated raters who are known, and of people in a study of scenes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genspace import open_study
from genspace.analysis.frames import FramedItem, Frames, find_frames
from genspace.analysis.inference.ceiling import ceiling
from genspace.analysis.question import PeopleAnswers
from genspace.display import view_of
from genspace.errors import InputError
from genspace.framing import both_readings, frames
from genspace.geometry.predicates import bind, in_both_frames
from genspace.sides import says_no_frame

CELLS = 4


def simulated(
    seed: int, *, share: float, n: int = 120, m: int = 12, each: int = 5, slips: float = 0.08, known: int = 30
) -> tuple[Frames, np.ndarray, np.ndarray, np.ndarray]:
    """Raters who answer from the object with the given chance; both answers are known for the first items."""
    rng = np.random.default_rng([seed, 23])
    camera = (rng.random(n) < 0.5).astype(float)
    own = np.where(rng.random(n) < 0.5, 1 - camera, camera)
    of_object = rng.random(m) < share
    said = np.full((n, m), np.nan)
    for i in range(n):
        for j in rng.choice(m, each, replace=False):
            right = own[i] if of_object[j] else camera[i]
            said[i, j] = right if rng.random() > slips else 1 - right
    told = np.arange(n) < known
    found = find_frames(
        said,
        np.where(told, camera, np.nan),
        np.where(told, own, np.nan),
        raters=[f"r{j}" for j in range(m)],
        items=[f"i{i}" for i in range(n)],
    )
    return found, camera, own, of_object


def test_frames_are_found_and_both_answers_better_than_by_majority() -> None:
    runs = 40
    right = dict.fromkeys(("camera", "object", "majority as camera", "majority as object"), 0.0)
    covered = 0
    for seed in range(runs):
        found, camera, own, of_object = simulated(seed, share=0.4)
        frames_found = [rater.frame for rater in found.raters]
        wrong = sum(
            f not in (None, "object" if o else "camera") for f, o in zip(frames_found, of_object, strict=True)
        )
        assert wrong == 0
        unknown = slice(30, None)
        majority = np.array([item.majority > 0.5 for item in found.items])[unknown]
        right["camera"] += np.mean(
            (np.array([i.camera for i in found.items]) > 0.5)[unknown] == camera[unknown]
        )
        right["object"] += np.mean((np.array([i.object for i in found.items]) > 0.5)[unknown] == own[unknown])
        right["majority as camera"] += np.mean(majority == camera[unknown])
        right["majority as object"] += np.mean(majority == own[unknown])
        covered += found.object_share.low <= 0.4 <= found.object_share.high
    for name, total in right.items():
        right[name] = total / runs
    assert right["camera"] > right["majority as camera"] + 0.08
    assert right["object"] > right["majority as object"] + 0.15
    assert covered >= 0.85 * runs


def test_where_all_use_one_frame_nothing_is_lost() -> None:
    by_frame = by_majority = 0.0
    for seed in range(20):
        found, camera, _, _ = simulated(seed, share=0.0)
        assert [rater.frame for rater in found.raters] == ["camera"] * 12
        assert found.object_share.value == 0
        by_frame += np.mean((np.array([i.camera for i in found.items]) > 0.5) == camera)
        by_majority += np.mean((np.array([i.majority for i in found.items]) > 0.5) == camera)
    assert by_frame >= by_majority - 0.05


def test_raters_of_one_frame_agree_and_of_two_do_not() -> None:
    runs = [simulated(seed, share=0.5, known=120)[0] for seed in range(12)]
    # two answers agree where both slip or neither does: .92² + .08²
    assert np.mean([run.within.value for run in runs]) == pytest.approx(0.92**2 + 0.08**2, abs=0.03)
    assert np.mean([run.across.value for run in runs]) == pytest.approx(1 - (0.92**2 + 0.08**2), abs=0.03)


def test_a_rater_without_telling_items_keeps_the_share_of_the_others() -> None:
    camera, own = np.array([1.0, 1, 0, 0]), np.array([0.0, 0, 0, 0])
    said = np.array([[1.0, 0, np.nan], [1, 0, np.nan], [0, 0, 0], [0, 0, 0]])
    found = find_frames(said, camera, own, raters=["a", "b", "c"], items=list("wxyz"))
    assert [rater.telling for rater in found.raters] == [2, 2, 0]
    assert found.raters[2].frame is None
    assert found.object_share.n == 2


def test_nothing_tells_the_frames_apart() -> None:
    with pytest.raises(ValueError, match="no item is known"):
        find_frames(np.ones((2, 2)), np.ones(2), np.ones(2), raters=["a", "b"], items=["x", "y"])


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ("allocentric(cow, cat, relation=front)", "egocentric(cat, cow, relation=closer)"),
        ("allocentric(cow, cat, relation=right)", "egocentric(cat, cow, relation=right)"),
        ("egocentric(cat, cow, relation=left)", "allocentric(cow, cat, relation=left)"),
        ("egocentric(cat, cow, relation=closer)", None),
        ("object_distance(cat, cow, value_m=1)", None),
    ],
)
def test_the_other_reading(call: str, other: str | None) -> None:
    found = in_both_frames(bind(call))
    assert (None if found is None else {said.text for said in found.values()}) == (
        None if other is None else {call, other}
    )


def scene(cat_x: float, heading_z: float) -> dict[str, object]:
    """A cow that faces the camera (-1) or away from it (1), and a cat to its side in the picture."""
    rows = [[0.0, 0.0, heading_z], [0.0, -1.0, 0.0], [heading_z, 0.0, 0.0]]
    return {
        "format": "genspace-scene/1", "width": 64, "height": 48, "camera": {"pitch_deg": 0, "roll_deg": 0},
        "objects": [
            {"id": "cow", "centre": [0, 0, 4], "rotation": rows, "rotation_confidence": 1.0},
            {"id": "cat", "centre": [cat_x, 0, 4]},
        ],
    }  # fmt: skip


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Eight scenes; ann answers from the camera, bob from the cow."""
    (tmp_path / "images").mkdir()
    items, said = [], []
    for i in range(8):
        x, z = (-1.0 if i % 2 else 1.0), (-1.0 if i < 4 else 1.0)
        (tmp_path / "images" / f"i{i}.scene.json").write_text(json.dumps(scene(x, z)))
        items.append(
            {"item_id": f"i{i}", "image": f"i{i}.png", "predicate": "allocentric(cow, cat, relation=left)"}
        )
        camera = float(x < 0)
        own = camera if z > 0 else 1 - camera  # who faces the camera has its left to the right of the picture
        said += [(f"i{i}", "ann", camera), (f"i{i}", "bob", own)]
    pd.DataFrame(items).to_csv(tmp_path / "items.csv", index=False)
    table = pd.DataFrame(said, columns=["item_id", "rater_id", "value"])
    table.to_csv(tmp_path / "annotations.csv", index=False)
    return tmp_path


def test_both_readings_are_decided_in_scenes(study: Path) -> None:
    found = both_readings(open_study(study))
    assert [found.camera[f"i{i}"] for i in range(8)] == [0, 1] * 4
    assert [found.object[f"i{i}"] for i in range(8)] == [1, 0, 1, 0, 0, 1, 0, 1]


def test_an_item_that_is_not_read_leaves_the_others(study: Path) -> None:
    items = pd.read_csv(study / "items.csv")
    items.loc[0, "predicate"] = "object_distance(cow, cat, value_m=1)"
    items.to_csv(study / "items.csv", index=False)
    found = both_readings(open_study(study))
    assert sorted(found.camera) == [f"i{i}" for i in range(1, 8)]
    assert sum(found.unread.values()) == 1


def test_people_and_judges_of_a_study(study: Path, genspace: Callable[..., object]) -> None:
    assert genspace("judge", study, "--judge", "scene").code == 0
    found = frames(open_study(study)).document
    assert found.people is not None
    assert {r.rater: r.frame for r in found.people.raters} == {"ann": "camera", "bob": "object"}
    (judge,) = found.judges
    assert (found.telling, judge.frame.frame, judge.right_from_camera, judge.right_from_object) == (
        4,
        "object",
        0,
        4,
    )
    assert {item.item_id for item in found.people.items if item.ambiguous} == {"i0", "i1", "i2", "i3"}
    told = genspace("frames", study, "--out", study / "out")
    assert told.code == 0
    assert "Of 2 raters, 1 answer as the camera sees it, 1 from the object" in " ".join(told.out.split())
    assert json.loads((study / "out" / "framing.json").read_text())["telling"] == 4
    assert json.loads(genspace("frames", study, "--json").out)["judges"][0]["right_from_object"] == 4


def test_a_study_in_which_nothing_tells(study: Path, genspace: Callable[..., object]) -> None:
    for file in (study / "images").glob("*.json"):
        file.unlink()
    told = genspace("frames", study)
    assert told.code == 2
    assert "8 items: it has no scene file" in " ".join(told.err.split())


def test_answers_that_are_no_yes_or_no_are_refused(study: Path) -> None:
    table = pd.read_csv(study / "annotations.csv")
    table["value"] += 3
    table.to_csv(study / "annotations.csv", index=False)
    with pytest.raises(InputError, match="people answered 3, 4"):
        frames(open_study(study))


def test_check_warns_of_sides_without_a_frame(study: Path, genspace: Callable[..., object]) -> None:
    items = pd.read_csv(study / "items.csv").drop(columns="predicate")
    items["prompt"] = ["a cat left of a cow", "a cat to the left of a cow as the viewer sees it"] * 4
    items.to_csv(study / "items.csv", index=False)
    told = genspace("check", study)
    assert told.code == 0
    assert "4 of 8 prompts name a side without saying whose" in " ".join(told.out.split())


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("The cat is at the left side of the couch.", True),
        ("a lamp to the right of a chair", True),
        ("the leftmost of three cups", True),
        ("a cat at the left edge of the image", False),
        ("Seen from the camera, a cat is left of a dog", False),
        ("a cup on the man's right", False),
        ("a bright room with leftovers", False),
    ],
)
def test_sides_without_a_frame(text: str, silent: bool) -> None:
    assert says_no_frame(text) is silent


def test_what_the_labels_of_vsr_tell(data: Path) -> None:
    raw = data / "raw" / "vsr"
    if not raw.is_dir():
        pytest.skip("the published votes of VSR are not there")
    from genspace.analysis.reliability import krippendorff_alpha
    from genspace.datasets._vsr import tables

    found = tables(raw)
    items, votes = found["items"], found["annotations"]
    first = votes[votes["repeat"] == 0].pivot_table(index="item_id", columns="rater_id", values="value")

    def alpha(chosen: pd.Series) -> float:
        return round(float(krippendorff_alpha(first.reindex(chosen).to_numpy())[0]), 3)

    groups = items.groupby("relation_group")["item_id"]
    assert {name: alpha(ids) for name, ids in groups if name != "other"} == {
        "contact and containment": 0.825, "vertical": 0.746, "distance": 0.637, "front and behind": 0.617,
        "orientation": 0.606, "left and right": 0.478,
    }  # fmt: skip
    labelled = items[items["reference_frame"] != ""]
    assert set(labelled["relation_group"]) == {"left and right"}
    assert (len(labelled), set(labelled["label"]), set(labelled["validated"])) == (616, {1}, {1})
    shares = {
        frame: round(votes.loc[(votes["repeat"] == 0) & votes["item_id"].isin(ids), "value"].mean(), 2)
        for frame, ids in labelled.groupby("reference_frame")["item_id"]
    }
    assert shares == {"0": 0.86, "1": 0.88, "2": 0.93}


def test_answers_and_telling_answers_are_counted_by_rater() -> None:
    camera, own = np.array([1.0, 1, 0, 0, np.nan]), np.array([0.0, 0, 1, 0, np.nan])
    said = np.array([[1.0, np.nan], [1, 0], [np.nan, 1], [0, np.nan], [1, 1]])
    found = find_frames(said, camera, own, raters=["a", "b"], items=list("vwxyz"))
    assert [(r.answers, r.telling) for r in found.raters] == [(4, 2), (3, 2)]
    assert [item.majority for item in found.items] == [1.0, 0.5, 1.0, 0.0, 1.0]


def test_slips_are_drawn_to_one_in_ten_by_as_much_as_ten_answers() -> None:
    camera = np.tile([1.0, 0.0], 10)
    said = np.stack([camera, np.where(np.arange(20) < 4, 1 - camera, camera)], axis=1)
    found = find_frames(said, camera, 1 - camera, raters=["sure", "slips"], items=[str(i) for i in range(20)])
    assert [r.slips for r in found.raters] == pytest.approx([1 / 30, (4 + 1) / 30], abs=1e-6)


@pytest.mark.parametrize(
    ("cell", "answer"),
    [("1", 1), ("1.0", 1), ("Yes", 1), ("true", 1), ("0", 0), ("0.0", 0), ("no", 0), ("", None)],
)
def test_readings_in_columns(study: Path, cell: str, answer: float | None) -> None:
    items = pd.read_csv(study / "items.csv")
    items["camera_answer"], items["object_answer"] = [cell] * len(items), ["0"] * len(items)
    items.to_csv(study / "items.csv", index=False)
    found = both_readings(open_study(study))
    assert (found.camera["i3"], found.object["i3"]) == (answer, 0)
    assert found.unread == ({} if answer is not None else {"camera_answer or object_answer is empty": 8})


def test_an_item_without_an_answer_from_the_object_tells_nothing(study: Path) -> None:
    items = pd.read_csv(study / "items.csv")
    items["camera_answer"], items["object_answer"] = "1", ["0"] * 7 + [""]
    items.to_csv(study / "items.csv", index=False)
    assert frames(open_study(study)).document.telling == 7


def test_a_reading_that_is_no_answer_is_refused_by_item(study: Path) -> None:
    items = pd.read_csv(study / "items.csv")
    items["camera_answer"], items["object_answer"] = "7", "0"
    items.to_csv(study / "items.csv", index=False)
    with pytest.raises(InputError, match="item i0: camera_answer = '7': 1 or 0 is expected"):
        both_readings(open_study(study))


@pytest.mark.parametrize(("own", "surely"), [(0.05, True), (0.051, False), (1.0, False), (0.0, True)])
def test_an_item_is_ambiguous_where_the_answers_differ_with_a_probability_of_95_percent(
    own: float, surely: bool
) -> None:
    assert FramedItem(item_id="a", camera=1.0, object=own, majority=None).ambiguous == surely


def test_without_people_nothing_is_ambiguous(study: Path, genspace: Callable[..., object]) -> None:
    (study / "annotations.csv").unlink()
    genspace("judge", study, "--judge", "scene")
    found = frames(open_study(study))
    assert (found.document.people, found.ambiguous) == (None, [])
    assert found.to_frame()["kind"].tolist() == ["judge"]


def test_the_ceiling_is_lower_where_frames_are_mixed(tmp_path: Path) -> None:
    """Three raters of each frame who slip in 5 of 100: each group's majority is nearly always its answer."""
    rng = np.random.default_rng(8)
    n = 80
    camera = (rng.random(n) < 0.5).astype(int)
    own = np.where(rng.random(n) < 0.5, 1 - camera, camera)
    items = pd.DataFrame(
        {"item_id": [f"i{i}" for i in range(n)], "camera_answer": camera, "object_answer": own}
    )
    items.to_csv(tmp_path / "items.csv", index=False)
    said = [
        (f"i{i}", f"{frame}{k}", int(right[i]) ^ int(rng.random() < 0.05))
        for frame, right in (("c", camera), ("o", own))
        for k in range(3)
        for i in range(n)
    ]
    table = pd.DataFrame(said, columns=["item_id", "rater_id", "value"])
    table.to_csv(tmp_path / "annotations.csv", index=False)
    (tmp_path / "study.toml").write_text('value_type = "binary"\nraters = "person"\n')
    found = frames(open_study(tmp_path))
    ceilings = {name: row.estimate.value for name, row in found.document.ceilings.items()}
    assert set(ceilings) == {"everybody", "camera", "object"}
    assert min(ceilings["camera"], ceilings["object"]) > 0.97
    assert ceilings["everybody"] < 0.95
    # the same route as a comparison of these raters alone
    alone = PeopleAnswers(
        table.pivot_table(index="item_id", columns="rater_id", values="value").loc[items["item_id"], ["c0", "c1", "c2"]].to_numpy(float),
        np.ones(n, dtype=bool), ("c0", "c1", "c2"), True, "binary", (0.0, 1.0), None,
    )  # fmt: skip
    assert ceilings["camera"] == pytest.approx(ceiling(alone, np.arange(n), "accuracy").estimate.value)
    assert "of those who answer from the object" in " ".join(view_of(found).sentences)
