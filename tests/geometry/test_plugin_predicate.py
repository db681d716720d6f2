"""The plugin template in `examples/plugin-predicate` installs, is listed, and decides; wrong plugins are named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from genspace.errors import InputError
from genspace.geometry.predicates import REGISTRY, _registry, predicate_named

pytestmark = pytest.mark.xdist_group("plugin predicate")  # one worker installs it once

ROOT = Path(__file__).resolve().parents[2]

# On the ground the cat is at (0, 2), the sofa at (-1, 2) straight to its left, and the lamp at (1, 3): 45 degrees off
# the way straight to its right. So the angle at the cat is 135 degrees, 45 from straight: (60 - 45) / (60 - 30) = 0.5.
SCENE = {
    "format": "genspace-scene/1", "width": 640, "height": 480, "camera": {"pitch_deg": 0, "roll_deg": 0},
    "objects": [
        {"id": "cat", "centre": [0, 0.3, 2]}, {"id": "sofa", "centre": [-1, 0, 2]}, {"id": "lamp", "centre": [1, 0, 3]},
    ],
    "predicates": [
        "between(cat, sofa, lamp)", "between(cat, sofa, lamp, inner=50, outer=60)", "between(sofa, cat, lamp)",
        "between(cat, sofa, dog)",
    ],
}  # fmt: skip
COMMANDS = """
import sys
from genspace.cli import invoke
for command in sys.argv[1:]:
    print(invoke(command.split("|")), flush=True)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the commands print once the template is installed as pip installs it."""
    folder = tmp_path_factory.mktemp("predicate")
    shutil.copytree(ROOT / "examples/plugin-predicate", folder / "source")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    ran = subprocess.run(
        [*pip, "--target", folder / "site", folder / "source"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    scene = folder / "room.scene.json"
    scene.write_text(json.dumps(SCENE))
    study = folder / "study"
    study.mkdir()
    shutil.copy(scene, study / "room.scene.json")
    (study / "items.csv").write_text('item_id,prompt,predicate\nroom,a room,"between(cat, sofa, lamp)"\n')
    paths = os.pathsep.join(filter(None, [str(folder / "site"), os.environ.get("PYTHONPATH")]))
    commands = ["ls|predicates|--json", f"scene|judge|{scene}|--json", f"judge|{study}|--judge|scene"]
    ran = subprocess.run(
        [sys.executable, "-c", COMMANDS, *commands],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    verdict = (study / "verdicts/scene/000001.jsonl").read_text()
    return [*ran.stdout.split("\n0\n")[:2], verdict]


def test_it_is_listed_among_the_predicates(answers: list[str]) -> None:
    rows = json.loads(answers[0])
    assert {"name": "between", "call": "between(middle, first, second)", "from": "plugin"} in rows
    assert {
        "name": "object_distance",
        "call": "object_distance(first, second, value_m=…)",
        "from": "genspace",
    } in rows


def test_its_rule_decides(answers: list[str]) -> None:
    middle, own_tolerance, end, absent = json.loads(answers[1])
    assert middle["says"] == "cat stands between sofa and lamp"
    [measured] = middle["measurements"]
    assert measured["value"] == pytest.approx(135)
    assert (middle["score"], middle["passed"]) == (pytest.approx(0.5), False)
    assert own_tolerance["passed"] is True
    assert end["score"] == 0  # seen from the sofa both lie to the right
    assert (absent["score"], absent["reason"]) == (None, "dog was not found in the image")


def test_a_study_with_it_is_judged(answers: list[str]) -> None:
    verdict = json.loads(answers[2].splitlines()[0])
    assert verdict["score"] == pytest.approx(0.5)
    assert verdict["details"]["predicate"] == "cat stands between sofa and lamp"


def plugin(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    entry = EntryPoint(name, value, "genspace.predicates")
    monkeypatch.setitem(REGISTRY.__dict__, "plugins", {name: entry})


def test_a_plugin_never_replaces_a_built_in_predicate(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(monkeypatch, "egocentric", "os:path")
    assert predicate_named("egocentric") is _registry.built_in()["egocentric"]
    assert _registry.plugin_versions() == {}


def test_a_plugin_that_is_no_predicate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(monkeypatch, "between", "os:path")
    with pytest.raises(InputError, match="'between': os:path is not a Predicate with that name"):
        predicate_named("between")


def test_an_unknown_predicate_is_answered_with_the_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(monkeypatch, "between", "os:path")
    with pytest.raises(InputError, match=r"unknown predicate 'betwen'.*between"):
        predicate_named("betwen")


def test_a_plugin_s_version_is_in_the_judge_s_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    from genspace.geometry.profiles import CORRECTED
    from genspace.judges.scene import SceneJudge

    without = SceneJudge(CORRECTED).fingerprint
    monkeypatch.setattr(
        "genspace.geometry.predicates.plugin_versions", lambda: {"between": "genspace-between 0.1.0"}
    )
    with_one = SceneJudge(CORRECTED).fingerprint
    monkeypatch.setattr(
        "genspace.geometry.predicates.plugin_versions", lambda: {"between": "genspace-between 0.2.0"}
    )
    assert len({without, with_one, SceneJudge(CORRECTED).fingerprint}) == 3
