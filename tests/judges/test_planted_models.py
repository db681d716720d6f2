"""Planted models behind real HTTP: each protocol and aid helps exactly the model it should, by what theory says.

Pictures of a cow that turns one of four sides to the camera, or has a chair at one of them; in two of five the asked
side is shown. Every model takes one picture in ten for another one; what else is wrong with it is its name. The whole
table, of every model and every way, is `tests/verify/verify_planted_models.py`.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vlm_support import VlmServer, png, turned_scene

from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.records import Item, Request, Verdict
from genspace.study import Study, open_study

SIDES = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}
CALLS = ("allocentric(cow, chair, relation={})", "camera_pose(cow, view={})")
BASE, HALTING, SHARE = 0.9, 0.6, 0.4
"""Right on nine of ten, right on six of ten, and share of yes."""
PROTOCOLS = ("yes-no", "reason", "contrast", "choice", "rating", "questions", "vqascore")
AIDS = ("marks", "front", "crops", "depth", "measurements", "tolerance")
WAYS: dict[str, dict[str, Any]] = {
    **{name: {"protocol": name} for name in PROTOCOLS},
    **{name: {"aids": name} for name in AIDS},
    "shots": {"shots": 2},
}
EXPECTED = {
    # always yes where it is asked for a yes; its share of the odds and its choice are free of that
    "yes": dict.fromkeys(WAYS, SHARE) | dict.fromkeys(["contrast", "choice"], BASE),
    "first": dict.fromkeys(WAYS, BASE),
    # half the items are of a kind on which it is right on six of ten
    "sides": dict.fromkeys(WAYS, (BASE + HALTING) / 2),
    # the others are helped by what they are named after
    **{name: dict.fromkeys(WAYS, HALTING) | {name: BASE} for name in WAYS if name not in {"yes-no", "contrast", "choice"}},
}  # fmt: skip


def says(i: int) -> bool:
    """Whether an item shows what is asked for."""
    return i // 2 % 5 in {0, 3}


def depth_of(side: int) -> bytes:
    """One of four strips is nearer."""
    millimetres = np.full((64, 64), 4000, np.uint16)
    millimetres[:, 16 * side : 16 * side + 16] = 2000
    buffer = io.BytesIO()
    Image.fromarray(millimetres).save(buffer, "PNG")
    return buffer.getvalue()


def planted_study(folder: Path, count: int) -> Study:
    """A multiple of 20 items, each of a prompt of its own."""
    (folder / "images").mkdir(parents=True)
    items, answers = ["item_id,image,prompt_id,predicate"], ["item_id,rater_id,value"]
    for i in range(count):
        asked = i // 2 % 4
        shown = asked if says(i) else (asked + 1) % 4
        name = list(SIDES)[asked]
        files = {
            "png": png(60 * shown + 10, (64, 64), green=i, blue=60 * asked + 10),
            "scene.json": json.dumps(turned_scene(list(SIDES.values())[shown]) | {"depth": f"{i}.depth.png"}).encode(),
            "depth.png": depth_of(shown),
        }  # fmt: skip
        for ending, data in files.items():
            (folder / "images" / f"{i}.{ending}").write_bytes(data)
        items.append(f'{i},{i}.png,p{i},"{CALLS[i % 2].format(name)}"')
        answers.append(f"{i},r,{int(says(i))}")
    (folder / "items.csv").write_text("\n".join(items))
    (folder / "annotations.csv").write_text("\n".join(answers))
    return open_study(folder)


def judged(url: str, model: str, study: Study, requests: list[Request], **options: Any) -> list[Verdict]:
    spec = JudgeSpec(name="v", kind="vlm", model=f"planted-{model}", options={"base_url": url, **options})
    found = {v.item_id: v for v in make_judge(spec, study_context(study)).judge(requests)}
    assert {v.status for v in found.values()} == {"decided"}, {v.reason for v in found.values()}
    return [found[r.item.item_id] for r in requests]


def right(url: str, model: str, study: Study, part: slice = slice(None), **options: Any) -> float:
    """Share of a study's items that a model judges rightly."""
    requests = [Request(item=item, files=study.files) for item in study.iter_items()][part]
    found = judged(url, model, study, requests, **options)
    return float(np.mean([v.passed == says(int(v.item_id)) for v in found]))


def pairs_right(url: str, model: str, study: Study) -> tuple[float, float]:
    """Share of pairs, of one that shows what is asked for and one that does not, in which a model prefers the first.

    And the share that theory gives: where it is mistaken about neither, whatever it likes besides.
    """
    by_call: dict[str, tuple[list[Item], list[Item]]] = {}
    for i, item in enumerate(study.iter_items()):
        by_call.setdefault(str(item.predicate), ([], []))[not says(i)].append(item)
    pairs = [pair for sides in by_call.values() for pair in zip(*sides, strict=False)]
    requests = [Request(item=one, other=other, files=study.files) for one, other in pairs]
    found = judged(url, model, study, requests, protocol="pairwise")
    clear = [not any(mistaken(model, int(item.item_id)) for item in pair) for pair in pairs]
    return float(np.mean([v.passed is True for v in found])), float(np.mean(clear))


def mistaken(model: str, i: int) -> bool:
    """Whether a model that nothing helps takes an item for what it is not."""
    halts = model not in {"yes", "first"} and (model != "sides" or i % 2 == 0)
    return i // 2 % 10 in ({1, 3, 6, 8} if halts else {9})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return planted_study(tmp_path_factory.mktemp("planted") / "study", 20)


@pytest.mark.parametrize("model", EXPECTED)
def test_each_way_helps_exactly_the_model_it_should(server: VlmServer, study: Study, model: str) -> None:
    """Beside plain yes or no: what should help, and another protocol, another aid."""
    ways = {way for way, share in EXPECTED[model].items() if share != EXPECTED[model]["yes-no"]}
    ways |= {
        "yes-no",
        "choice" if "choice" in ways else "contrast",
        "tolerance" if model == "marks" else "marks",
    }
    found = {way: right(server.url(), model, study, **WAYS[way]) for way in sorted(ways)}
    assert found == pytest.approx({way: EXPECTED[model][way] for way in sorted(ways)})


def test_a_liking_for_the_first_place_is_halved_by_the_second_order(server: VlmServer, study: Study) -> None:
    """0.6 for the first place and 0.4 for what is seen: in one order 1 or 0.6, a yes always; the mean of both orders 0.7 or 0.3."""
    requests = [Request(item=item, files=study.files) for item in study.iter_items()]
    seen = [says(i) != (i // 2 % 10 == 9) for i in range(20)]
    scores = [v.score for v in judged(server.url(), "first", study, requests, protocol="choice")]
    assert scores == pytest.approx([0.7 if yes else 0.3 for yes in seen], abs=1e-6)


def test_one_who_knows_which_side_faces_the_camera_may_not_know_the_sides_of_others(
    server: VlmServer, study: Study
) -> None:
    found = [right(server.url(), "sides", study, slice(start, None, 2)) for start in (0, 1)]
    assert found == [HALTING, BASE]


def test_a_liking_for_the_first_picture_harms_no_pair(server: VlmServer, study: Study) -> None:
    found, expected = pairs_right(server.url(), "first", study)
    assert found == expected > HALTING
