"""Named stacks: parts chosen together, a study's own, what they download, and which depth is the default and why."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from genspace.errors import InputError
from genspace.geometry.benchmark import prompts
from genspace.geometry.benchmark._categories import categories
from genspace.geometry.perception import STACKS, STAGES, chosen_parts, find_stack, stack_parts
from genspace.geometry.perception.stacks import part_names

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["default", "released", "modern"])
def test_every_stack_serves_every_needed_stage_with_licences(name: str) -> None:
    parts = stack_parts(find_stack(name))
    assert {s for part in parts for s in part.stages} >= {s.name for s in STAGES.values() if s.needed}
    for part in parts:
        made = part.make()
        assert made.name.partition(".")[2] == part.kind.name
        if part.checkpoint:
            assert part.checkpoint.licence
            assert part.checkpoint.megabytes > 0
            assert part.kind.needs.startswith("genspace[")


def test_one_model_for_several_stages_is_one_part() -> None:
    assert [(p.spec, p.stages) for p in stack_parts(find_stack("modern"))][:2] == [
        ("sam3:facebook/sam3", ("detector", "segmenter")),
        ("depth-pro:apple/DepthPro-hf", ("depth", "intrinsics")),
    ]
    assert part_names(stack_parts(find_stack("default")))["gravity"] == "geocalib:GeoCalib"
    # parts of one name that are not one model stay apart
    scene = chosen_parts(dict.fromkeys(find_stack("default").parts, "scene"))
    assert [p.stages for p in scene] == [(s,) for s in find_stack("default").parts]


def test_options_of_a_shared_part_stand_with_any_of_its_stages() -> None:
    choice = {
        **find_stack("modern").parts,
        "depth": {"part": "depth-pro", "scale": 1.1},
        "segmenter": {"part": "sam3", "threshold": 0.4},
    }
    options = {p.kind.name: dict(p.options) for p in chosen_parts(choice)}
    assert options["depth-pro"] == {"scale": 1.1}
    assert options["sam3"] == {"threshold": 0.4}
    choice["intrinsics"] = {"part": "depth-pro", "scale": 2.0}
    with pytest.raises(
        InputError, match=r"depth-pro serves depth and intrinsics at once, so it has one scale: 1\.1 or 2\.0"
    ):
        chosen_parts(choice)


def test_a_study_names_its_own_stacks() -> None:
    own = {
        "cpu": {"depth": "depth-anything-v2"},
        "mine": {"base": "cpu", "segmenter": "sam2"},
        "wrong": {"dpeth": "zoedepth"},
        "self": {"base": "self"},
        "one": {"base": "two"},
        "two": {"base": "one"},
        "default": {"depth": "depth-pro"},
    }
    mine = find_stack("mine", own).parts
    assert (mine["segmenter"], mine["depth"], mine["detector"]) == (
        "sam2",
        "depth-anything-v2",
        "grounding-dino",
    )
    with pytest.raises(
        InputError, match=r"study\.toml \[stacks\.wrong\]: 'dpeth' is not a stage \(did you mean 'depth'\?\)"
    ):
        find_stack("wrong", own)
    with pytest.raises(InputError, match="unknown stack 'self'"):
        find_stack("self", own)
    with pytest.raises(InputError, match="base = 3 must name a stack"):
        find_stack("number", {"number": {"base": 3}})
    with pytest.raises(InputError, match="unknown stack 'one'"):
        find_stack("one", own)
    assert find_stack("default", own).parts["depth"] == "depth-pro"
    with pytest.raises(InputError, match=r"unknown stack 'moderm' \(did you mean 'modern'\?\)"):
        find_stack("moderm")


def test_a_needed_stage_cannot_be_left_out() -> None:
    with pytest.raises(InputError, match="no part is chosen for depth, gravity"):
        chosen_parts({s: "scene" for s in STAGES if s not in {"depth", "gravity"}})
    assert len(chosen_parts({s: "scene" for s in STAGES if s != "boxes3d"})) == 6


def test_the_judge_takes_a_stack_and_replacements(genspace, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        'item_id,image,prompt,predicate\na,a.png,x,"camera_pose(cow, view=front)"\n'
    )
    tables = "\n".join(f'{s} = "scene"' for s in find_stack("default").parts)
    (tmp_path / "study.toml").write_text(f'[stacks.truth]\n{tables}\n[stacks.typo]\nmodel = "x"\n')
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    scene = '{"format": "genspace-scene/1", "width": 8, "height": 8, "objects": []}'
    (tmp_path / "a.scene.json").write_text(scene)
    shown = genspace("judge", tmp_path, "--judge", "geometry:truth,gravity=level", "--dry-run", "--show")
    assert shown.code == 0, shown.err
    assert "depth: scene" in shown.out
    assert "gravity: level" in shown.out
    ran = genspace("judge", tmp_path, "--judge", "geometry:typo")
    assert (ran.code, "[stacks.typo]: 'model' is not a stage" in ran.err) == (2, True)
    assert "unknown stack 'nope'" in genspace("judge", tmp_path, "--judge", "geometry:nope").err


def test_ls_says_what_a_stack_downloads_needs_and_costs_in_licences(genspace) -> None:
    rows = {row["name"]: row for row in json.loads(genspace("ls", "stacks", "--json").out)}
    assert set(rows) >= set(STACKS.builtin)
    modern = rows["modern"]
    assert modern["megabytes"] == 3440 + 1900 + 120 + 1220
    assert modern["needs"] == "genspace[models], genspace[vision]"
    assert "depth-pro: Apple ML research" in modern["licences"]
    assert modern["here"] is False
    assert modern["parts"].startswith("detector+segmenter: sam3:facebook/sam3; depth+intrinsics: depth-pro:")


def test_a_stack_is_fetched_as_a_whole(genspace, monkeypatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    asked: list[str] = []
    monkeypatch.setattr(hub, "list_repo_files", lambda repo, *, revision: ["model.safetensors"])
    monkeypatch.setattr(hub, "snapshot_download", lambda repo, **_: asked.append(repo) or "/x")
    monkeypatch.setattr(hub, "hf_hub_download", lambda repo, file, **_: asked.append(repo) or "/x")
    ran = genspace("models", "fetch", "modern")
    # GeoCalib comes through torch.hub and says what it misses, after what comes from the hub
    assert asked == ["facebook/sam3", "apple/DepthPro-hf"]
    assert (ran.code, "pip install 'genspace[vision]'" in ran.err) == (2, True)


INDOORS = {"room", "desk", "kitchen"}


def test_the_depth_of_the_default_stack_serves_the_most_prompts() -> None:
    """The figures of docs/perception/depth.md: prompts whose objects live where a depth model was trained."""
    known = {name: c for name, c in categories().items() if c.since == 1}
    homes = [
        set.intersection(*(set(known[name].scenes) for name in p.objects)) for p in prompts("t2i", version=1)
    ]
    inside = {
        "Indoor": sum(bool(home & INDOORS) for home in homes) / len(homes),
        "Outdoor": sum(bool(home - INDOORS) for home in homes) / len(homes),
    }
    page = (ROOT / "docs/perception/depth.md").read_text(encoding="utf-8")
    for name, share in inside.items():
        [told] = re.findall(rf"Metric-{name}` \|.*\| (\d+) % \|", page)
        assert int(told) == round(100 * share)
    assert f"the benchmark's {len(known)} categories" in page
    assert find_stack("default").parts["depth"] == "zoedepth"
