"""`genspace show`: everything about one item, in text, JSON, a page and pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

SCENE = {
    "format": "genspace-scene/1",
    "width": 400,
    "height": 300,
    "camera": {"fx": 400.0, "fy": 400.0, "cx": 200.0, "cy": 150.0, "pitch_deg": 0.0, "roll_deg": 0.0},
    "objects": [
        {"id": "cow", "centre": [-1.0, 0.0, 4.0], "extent": [1.0, 0.5, 0.4], "box": [50, 120, 150, 180]},
        {"id": "dog", "centre": [1.0, 0.0, 4.0], "extent": [0.6, 0.4, 0.3], "box": [260, 120, 340, 180]},
    ],
}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two objects 2 m apart: the prompt asked for 1 m."""
    root = tmp_path / "study"
    (root / "images").mkdir(parents=True)
    (root / "items.csv").write_text(
        "item_id,prompt,predicate\n"
        'near,A cow 1 m from a dog <b>,"object_distance(cow, dog, value_m=1)"\n'
        'bare,A cow,"nonsense(cow)"\n'
        "silent,A dog,\n"
        'flat,A dog,"image_relation(dog, cow, relation=right_of)"\n'
        'edit,Move the cow,"move_object(cow, direction=closer, value_m=1)"\n'
    )
    (root / "annotations.csv").write_text("item_id,rater_id,value\nnear,anna,1\nnear,ben,\n")
    (root / "metric_scores.csv").write_text("item_id,clip\nnear,0.25\n")
    (root / "images" / "near.scene.json").write_text(json.dumps(SCENE))
    Image.new("RGB", (400, 300), "white").save(root / "images" / "near.png")
    moved = json.loads(json.dumps(SCENE))
    moved["objects"][0]["centre"][2] = 3.0
    pair = {
        "format": "genspace-pair/1",
        "before": SCENE,
        "after": moved,
        "camera": "static",
        "depth_scale": 1.0,
    }
    (root / "images" / "edit.pair.json").write_text(json.dumps(pair))
    return root


def test_text_says_everything_in_words(genspace, study):
    assert genspace("judge", study, "--judge", "scene", "--limit", 1).code == 0
    result = genspace("show", study, "near")
    assert result.code == 0
    assert "A cow 1 m from a dog" in result.out
    assert "cow and dog are 1 m apart" in result.out
    # 2 m wanted 1 m: a relative error of 1, beyond the outer tolerance of 2/3
    assert "distance between the centres of cow and dog 2.00 m, wanted 1 m ± 33%, score 0" in result.out
    assert "anna: 1" in result.out
    assert "ben: can't tell" in result.out
    assert "clip: score 0.25" in result.out
    assert "scene: no, score 0" in result.out


def test_json_holds_the_same(genspace, study):
    document = json.loads(genspace("show", study, "near", "--json").out)
    assert document["geometry"]["passed"] is False
    assert document["people"] == [
        {"question": "", "rater_id": "anna", "repeat": 0, "value": 1.0},
        {"question": "", "rater_id": "ben", "repeat": 0, "value": None},
    ]
    (clip,) = document["verdicts"]
    assert (clip["judge"], clip["score"], clip["passed"]) == ("clip", 0.25, None)


def test_items_without_scene_or_predicate_say_why(genspace, study):
    bare = genspace("show", study, "bare")
    assert "unknown predicate 'nonsense'" in bare.out
    assert "looked for bare.scene.json" in bare.out
    assert "nobody has rated this item" in bare.out
    assert genspace("show", study, "silent").code == 0
    assert "says: dog right of cow" in genspace("show", study, "flat").out


def test_the_page_is_whole_and_needs_no_network(genspace, study):
    pytest.importorskip("plotly", reason="the extra `render` is not installed")
    page = study / "near.html"
    assert genspace("show", study, "near", "--out", page).code == 0
    html = page.read_text(encoding="utf-8")
    assert "data:image/jpeg;base64," in html
    assert "Plotly.newPlot" in html
    assert "A cow 1 m from a dog &lt;b&gt;" in html
    outside_scripts = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", outside_scripts)
    assert "<script src" not in html
    assert html.count("<svg") >= 2  # the plan, and what the predicate means


def test_pictures_of_an_edit_show_the_image_after_it(genspace, study):
    assert genspace("show", study, "edit", "--out", study / "edit.svg").code == 0
    about = ET.parse(study / "edit.svg").getroot().find("{http://www.w3.org/2000/svg}desc").text
    assert "cow 3.00 m ahead of the camera" in about
    assert genspace("show", study, "edit", "--out", study / "edit.png").code == 0
    with Image.open(study / "edit.png") as picture:
        assert picture.width == 720
    assert "cow has moved 1 m towards the camera" in genspace("show", study, "edit").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["naer"], "did you mean 'near'"),
        (["bare", "--out", "x.png"], "neither an image nor a scene file"),
        (["bare", "--out", "x.svg"], "looked for bare.scene.json"),
        (["near", "--out", "x.pdf"], ".html, .png, .jpg or .svg"),
        (["near", "--out", "/dev/null/x.svg"], "cannot be written"),
    ],
)
def test_mistakes_exit_2(genspace, study, monkeypatch, arguments, message):
    monkeypatch.chdir(study)
    result = genspace("show", study, *arguments)
    assert result.code == 2
    assert message in result.err
    assert not (study / "x.pdf").exists()
