"""Whose left: raters are told the frame, say which they took, or answer in both; what they say is stored and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_studies import open_desk, picture

import genspace
from genspace.display import view_of
from genspace.errors import InvalidFilesError
from genspace.framing import frames
from genspace.human_study.design import parse_design
from genspace.human_study.exchange.exporting import export_text
from genspace.human_study.exchange.importing import import_answers
from genspace.human_study.material import load_material
from genspace.study import open_study

PROMPTS = {
    "silent": "a cat left of a cow",
    "said": "a cat left of a cow as the viewer sees it",
    "none": "a cat on a mat",
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Twelve items: a side without whose, a side with whose, and none, in turn."""
    folder = tmp_path / "study"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "one.png").write_bytes(picture("#b03030", "#3050b0"))
    rows = [(f"{kind}{n}", "one.png", prompt) for n in range(4) for kind, prompt in PROMPTS.items()]
    pd.DataFrame(rows, columns=["item_id", "image", "prompt"]).to_csv(folder / "items.csv", index=False)
    return folder


def asked(study: Path, item: str, **design: object) -> list[tuple[str, str, str]]:
    material = load_material(study, parse_design(design))
    return [(one.name, one.text, one.note) for one in material.questions((item,))]


def test_what_is_asked_in_each_way(study: Path) -> None:
    main = "Does the picture show what the text asks for?"
    camera = "Left and right as the picture shows them, from where we look."
    own = "Left and right as the thing itself has them, from where it faces."
    assert asked(study, "silent0") == [("", main, "")]
    assert asked(study, "silent0", frame="camera") == [("", main, camera)]
    assert asked(study, "silent0", frame="object") == [("", main, own)]
    assert asked(study, "silent0", frame="both") == [("camera", main, camera), ("object", main, own)]
    said = asked(study, "silent0", frame="ask")
    assert [name for name, *_ in said] == ["", "frame"]
    assert said[1][1].startswith("Did you take left and right as the thing itself has them?")
    for item in ("said0", "none0"):
        for way in ("camera", "object", "ask", "both"):
            assert asked(study, item, frame=way) == [("", main, "")]


def test_the_researcher_is_told_where_nothing_says_whose(study: Path) -> None:
    (note,) = load_material(study, parse_design({})).notes
    assert note.startswith("4 items, first 'silent0': left or right without whose")
    assert not load_material(study, parse_design({"frame": "camera"})).notes
    own = parse_design({"question": "Is it on the left of the cow?"})
    assert load_material(study, own).notes[0].startswith("12 items, first 'silent0'")


@pytest.mark.parametrize(
    "design",
    [
        {"frame": "ask", "protocol": "pairwise"}, {"frame": "cow"},
        {"frame": "both", "questions": [{"name": "a", "text": "Is it?"}]},
        {"frame": "ask", "questions": [{"name": "frame", "text": "Is it?"}]},
    ],
)  # fmt: skip
def test_designs_that_make_no_sense(design: dict[str, object]) -> None:
    with pytest.raises(InvalidFilesError, match="frame"):
        parse_design(design)


@pytest.mark.parametrize("way", ["ask", "both"])
def test_what_raters_say_is_stored_exported_imported_and_read(study: Path, tmp_path: Path, way: str) -> None:
    """Two raters; both frames differ on every second item, and the second rater turns to the object from item 2 on."""
    desk = open_desk(study, frame=way, raters_per_item=2, repeats={"every": 0})
    for number, rater in enumerate([desk.join("one"), desk.join("two")]):
        while not hasattr(given := desk.claim(rater), "reason") and hasattr(given, "unit"):
            item = given.unit[0]
            n = int(item[-1])
            camera, own = float(n % 2), float(n < 2)
            names = [a.name for a in desk.material.questions(given.unit)]
            object_frame = number == 1 and n >= 2
            values = {
                "": own if object_frame else camera,
                "frame": float(object_frame),
                "camera": camera,
                "object": own,
            }
            desk.answer(rater, given, {name: values[name] for name in names})
    found = frames(open_study(study)).document
    assert found.people is not None
    stated = sorted((r.rater.partition(", ")[2], r.answers) for r in found.people.raters if r.stated)
    if way == "ask":
        assert stated == [("camera", 2), ("camera", 4), ("object", 2)]
        assert found.stated.value == 2 / 8
        assert "the object's own in 0.250" in " ".join(view_of(frames(open_study(study))).sentences)
        assert genspace.compare(study, draws=0, permutations=0).document.questions.keys() == set()
    else:
        assert found.stated is None
        assert {n: (c, o) for n, (c, o) in both(found).items() if n.startswith("silent")} == {
            f"silent{n}": (n % 2, n < 2) for n in range(4)
        }
        assert {item.item_id for item in found.people.items if item.ambiguous} == {"silent0", "silent3"}
        assert found.telling == 2

    text = export_text(desk.store, desk.material, "answers.csv")
    (tmp_path / "answers.csv").write_text(text, encoding="utf-8", newline="")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "items.csv").write_text((study / "items.csv").read_text())
    (copy / "images").symlink_to(study / "images")
    other = open_desk(copy, frame=way, raters_per_item=2, repeats={"every": 0})
    import_answers(other.store, other.material, tmp_path / "answers.csv")
    assert frames(open_study(copy)).to_dict()["people"] == frames(open_study(study)).to_dict()["people"]


def both(found: object) -> dict[str, tuple[float, float]]:
    return {item.item_id: (round(item.camera), round(item.object)) for item in found.people.items}


def test_a_judge_stands_against_each_frame(study: Path) -> None:
    """Where people answered in both, nobody needs scenes to see in which frame a judge answers."""
    rows, scores = [], []
    rng = np.random.default_rng(0)
    for n in range(4):
        for rater in "abcdefgh":
            for frame, right in (("camera", n % 2), ("object", 1 - n % 2)):
                rows.append((f"silent{n}", rater, frame, right if rng.random() < 0.95 else 1 - right))
        scores.append((f"silent{n}", "egocentric", n % 2, n % 2))
    pd.DataFrame(rows, columns=["item_id", "rater_id", "question", "value"]).to_csv(
        study / "annotations.csv", index=False
    )
    pd.DataFrame(scores, columns=["item_id", "metric", "score", "passed"]).to_csv(
        study / "metric_verdicts.csv", index=False
    )
    found = frames(open_study(study)).document
    (judge,) = found.judges
    assert (judge.frame.telling, judge.right_from_camera, judge.right_from_object) == (4, 4, 0)
    document = genspace.compare(study, draws=0, permutations=0).document
    compared = (document, document.questions["object"])  # the first by name is the main one
    assert [d.judges["egocentric"].item["cohen_kappa"].value for d in compared] == [1.0, -1.0]
