"""Aids: what is drawn and said comes from a perception, for every protocol; nothing is told that nobody could know."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vlm_support import MemoryFiles, Recorder, VlmServer, png

from genspace.errors import InputError
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.asking import AIDS, Asker, AskOptions, protocol_names
from genspace.judges.asking._asks import Ask
from genspace.records import Item, Request

SIZE = 200
CALL = "allocentric(cow, chair, relation=left)"


def thing(name: str, x: float, box: list[float], **fields: Any) -> dict[str, Any]:
    """Faces the camera: its own left lies to the right of the picture."""
    front = [[0, 0, -1], [0, -1, 0], [-1, 0, 0]]
    return {
        "id": name, "centre": [x, 0.5, 3.0], "extent": [0.6, 0.6, 0.4], "box": box,
        "rotation": [list(row) for row in zip(*front, strict=True)], **fields,
    }  # fmt: skip


def scene(**fields: Any) -> dict[str, Any]:
    """The chair is 1 m to the cow's own left, seen by somebody's perception."""
    return {
        "format": "genspace-scene/1", "width": SIZE, "height": SIZE,
        "camera": {"fx": 200, "fy": 200, "cx": 100, "cy": 100, "pitch_deg": 0, "roll_deg": 0},
        "objects": [thing("cow", -0.5, [30, 80, 90, 170]), thing("chair", 0.5, [120, 90, 170, 160])],
        **fields,
    }  # fmt: skip


def depth() -> bytes:
    steps = np.full((SIZE, SIZE), 4000, np.uint16)
    steps[:, : SIZE // 2] = 2000
    buffer = io.BytesIO()
    Image.fromarray(steps).save(buffer, "PNG")
    return buffer.getvalue()


FILES = {
    "1.png": png(200, (SIZE, SIZE)),
    "2.png": png(10, (SIZE, SIZE)),
    "1.scene.json": json.dumps(scene(depth="1.depth.png")).encode(),
    "2.scene.json": json.dumps(scene(depth="1.depth.png")).encode(),
    "1.depth.png": depth(),
}
ITEM = Item(item_id="1", image="1.png", prompt_id="p", prompt="a cow, a chair to its left", predicate=CALL)


def asks(
    item: Item = ITEM, other: Item | None = None, files: dict[str, bytes] = FILES, **options: Any
) -> list[Ask]:
    """All asks of an item when answers are favourable."""
    asker = Asker.of(AskOptions(**options), JudgeContext(), where="test")
    return asker.imagined(Request(item=item, other=other, files=MemoryFiles(files)))[0]


def why(item: Item = ITEM, files: dict[str, bytes] = FILES, **options: Any) -> str:
    asker = Asker.of(AskOptions(**options), JudgeContext(), where="test")
    asked, outcome = asker.imagined(Request(item=item, files=MemoryFiles(files)))
    assert (asked, outcome.status) == ([], "abstained")
    return outcome.reason or ""


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_marks_are_boxes_with_numbers_where_the_things_are() -> None:
    (ask,) = asks(aids="marks")
    assert "In the picture, boxes have numbers: 1 is the “cow”, 2 is the “chair”." in ask.text
    (drawn,) = ask.drawn.values()
    changed = (pixels(drawn) != pixels(FILES["1.png"])).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), columns.max()) == pytest.approx((30, 170), abs=3)
    assert rows.max() == pytest.approx(170, abs=3)
    assert not changed[110:150, 50:80].any(), "the inside of a box is left as it is"
    assert pixels(drawn)[170, 60].tolist() == [0x00, 0x72, 0xB2]  # the first tone


def test_an_arrow_leaves_each_front() -> None:
    (ask,) = asks(aids="front")
    changed = (pixels(next(iter(ask.drawn.values()))) != pixels(FILES["1.png"])).any(axis=2)
    # the cow's middle is at (-0.5, 0.5, 3) and appears at 100 + 200 * (-0.5, 0.5) / 3; 0.42 m nearer it moves outwards
    assert changed[133, 67]
    assert changed[133:145, 50:75].sum() > 20
    assert not changed[:100].any()


def test_where_no_front_is_known_no_arrow_is_spoken_of() -> None:
    flat = scene()
    flat["objects"][0]["has_front"] = False
    del flat["objects"][1]["rotation"]
    files = FILES | {"1.scene.json": json.dumps(flat).encode()}
    (ask,) = asks(files=files, aids="front")
    assert (ask.drawn, ask.images, ask.aids) == ({}, ("1.png",), ())


def test_crops_hold_each_thing_with_a_margin() -> None:
    (ask,) = asks(aids="crops")
    assert [Image.open(io.BytesIO(data)).size for data in ask.drawn.values()] == [(78, 118), (66, 92)]
    assert "Image 3 is a part of image 1, around the “chair”." in ask.text
    assert ask.images[0] == "1.png"
    larger = FILES | {"1.png": png(200, (SIZE * 3 // 2, SIZE * 3 // 2))}
    (ask,) = asks(files=larger, aids="crops")
    # the cow's box of 60 by 90 in the scene is 90 by 135 in the picture, and 15 % wider on each side
    size = Image.open(io.BytesIO(next(iter(ask.drawn.values())))).size
    assert size == pytest.approx((1.3 * 90, 1.3 * 135), abs=1.5)


def test_a_depth_map_is_white_where_it_is_near() -> None:
    (ask,) = asks(aids="depth")
    (data,) = ask.drawn.values()
    assert pixels(data)[100, [10, 190]].tolist() == [[255] * 3, [0] * 3]
    assert "from 2 m (white) to 4 m (black)" in ask.text
    assert why(files=FILES | {"1.scene.json": json.dumps(scene()).encode()}, aids="depth").endswith(
        "is not known"
    )


def test_measurements_are_what_the_rules_measure_with_how_far_they_may_be_off() -> None:
    (ask,) = asks(aids="measurements")
    told = ask.text.splitlines()[0]
    assert told.startswith("Estimated from the picture: bearing of chair from cow -90.0° ± ")
    off = float(told.partition("± ")[2].partition("°")[0])
    assert 8 < off < 20  # typical perceptions turn a thing by 12°
    assert not any(word in told for word in ("wanted", "score", "met"))
    (far,) = asks(replace(ITEM, predicate="object_distance(cow, chair, value_m=3)"), aids="measurements")
    assert "distance between the centres of cow and chair 1.00 m ± 0.1" in far.text
    # what a bearing is, is said where one is told
    assert ["a bearing is 0°" in one.text for one in (ask, far)] == [True, False]


def test_the_tolerance_is_said_and_needs_no_scene() -> None:
    (ask,) = asks(files={}, aids="tolerance")
    assert ask.text.startswith(
        "It still counts as met when off by no more than this: bearing by 30°, elevation by 45°."
    )
    (ask,) = asks(
        replace(ITEM, predicate="object_distance(cow, chair, value_m=3)"), files={}, aids="tolerance"
    )
    assert "distance by 33%" in ask.text


@pytest.mark.parametrize("aid", AIDS)
@pytest.mark.parametrize("name", [n for n in protocol_names() if n != "pairwise"])
def test_every_aid_goes_with_every_protocol_and_changes_nothing_else(name: str, aid: str) -> None:
    plain, aided = asks(protocol=name), asks(protocol=name, aids=aid)
    assert len(plain) == len(aided) > 0
    for without, with_ in zip(plain, aided, strict=True):
        assert with_.text == "\n".join([*with_.aids, without.text])
        assert with_.aids
        assert (with_.choices, with_.form, with_.system) == (without.choices, without.form, without.system)
        assert len(with_.images) >= len(without.images)


@pytest.mark.parametrize("name", ["contrast", "choice"])
def test_where_the_wanted_side_is_hidden_no_aid_tells_it(name: str) -> None:
    """All four sides are asked about with the same words: they hold in the same scene."""
    every = "+".join(AIDS)
    sides = [f"allocentric(cow, chair, relation={side})" for side in ("left", "right", "front", "back")]
    told = {
        ask.aids for side in sides for ask in asks(replace(ITEM, predicate=side), protocol=name, aids=every)
    }
    assert len(told) == 1


def test_an_edit_is_helped_in_both_pictures() -> None:
    item = replace(ITEM, image_before="2.png", predicate="move_object(cow, direction=left, value_m=1)")
    (ask,) = asks(item, aids="marks+crops")
    assert [name.partition(" (")[0] for name in ask.images] == [
        "2.png", "1.png", "a part of 2.png, around the “cow”", "a part of 1.png, around the “cow”",
    ]  # fmt: skip
    assert "In image 2, boxes have numbers: 1 is the “cow”." in ask.text
    assert "Image 4 is a part of image 2, around the “cow”." in ask.text
    assert "Image 1 is a picture before an edit, image 2" in ask.text


def test_a_pair_is_helped_in_both_orders() -> None:
    other = replace(ITEM, item_id="2", image="2.png")
    first, second = asks(ITEM, other, protocol="pairwise", aids="marks+measurements")
    for ask, names in ((first, ["1.png", "2.png"]), (second, ["2.png", "1.png"])):
        assert [name.partition(" (")[0] for name in ask.images] == names
        assert len(ask.drawn) == 2
    assert "Estimated from image 1: bearing" in first.text
    assert "Estimated from image 2: bearing" in first.text
    assert [line for line in first.aids if "In image" in line] == sorted(
        line for line in second.aids if "In image" in line
    )


@pytest.mark.parametrize(
    ("files", "item", "aid", "says"),
    [
        ({"1.png": FILES["1.png"]}, ITEM, "marks", "no scene file for 1"),
        (FILES, replace(ITEM, predicate="object_distance(cow, dog, value_m=1)"), "marks", "dog was not found in 1.png"),
        (FILES, replace(ITEM, predicate=None), "measurements", "no predicate"),
        (FILES | {"1.scene.json": b"{"}, ITEM, "crops", "not readable as JSON"),
        (FILES | {"1.scene.json": json.dumps(scene(objects=[{"id": "cow"}, {"id": "chair"}])).encode()}, ITEM, "marks", "box of cow"),
        (FILES | {"1.scene.json": json.dumps(scene(objects=[{"id": "cow"}, {"id": "chair"}])).encode()}, ITEM, "measurements", "not known"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_an_abstention_that_says_so(
    files: dict[str, bytes], item: Item, aid: str, says: str
) -> None:
    reason = why(item, files, aids=aid)
    assert reason.startswith("not asked without help: ")
    assert says in reason or says.replace("not known", "unknown") in reason


@pytest.mark.parametrize("mark", ["camera", "object"])
def test_the_known_truth_is_never_told(mark: str) -> None:
    truth = scene()
    if mark == "camera":
        truth["camera"]["intrinsics_source"] = "known"
    else:
        truth["objects"][0]["complete"] = True
    files = FILES | {"1.scene.json": json.dumps(truth).encode()}
    for aid in set(AIDS) - {"tolerance"}:
        assert "holds the known truth" in why(files=files, aids=aid)
    noisy = make_judge(JudgeSpec(name="seen", kind="scene", options={"noise": "azimuth=12"}), JudgeContext())
    context = JudgeContext(make=lambda _: noisy)
    asker = Asker.of(AskOptions(aids="measurements", aids_from="seen"), context, where="test")
    (ask,), _ = asker.imagined(Request(item=ITEM, files=MemoryFiles(files)))
    assert "from cow -90.0°" not in ask.text


def test_options_are_checked_by_name() -> None:
    assert (
        AskOptions(aids="crops+marks").aids == AskOptions(aids=["marks", "crops"]).aids == ("marks", "crops")
    )
    assert AskOptions(aids="none").aids == ()
    with pytest.raises(ValueError, match=r"unknown aid 'croops' .did you mean 'crops'"):
        AskOptions(aids="marks+croops")
    with pytest.raises(InputError, match="makes no scenes"):
        Asker.of(
            AskOptions(aids="marks", aids_from="planted"), JudgeContext(make=lambda _: object()), where="x"
        )


def vlm(url: str, cache: Path | None = None, **options: Any) -> Any:
    spec = JudgeSpec(name="v", kind="vlm", model="copy", options={"base_url": url, **options})
    return make_judge(spec, JudgeContext(cache_dir=cache))


def test_an_endpoint_gets_what_is_shown_and_the_cache_follows(server: VlmServer, tmp_path: Path) -> None:
    request = Request(item=ITEM, files=MemoryFiles(FILES))
    marks = {"aids": "marks+crops"}
    judge = vlm(server.url(), tmp_path, **marks)
    preview = judge.preview(request)
    (verdict,) = judge.judge([request])
    assert verdict.score == pytest.approx(200 / 255, abs=0.01), "the crop's first pixel is the picture's own"
    assert verdict.details["aids"][0] == "Image 1 is the picture."
    (sent,) = server.log()["images"]
    assert [hashlib.sha256(data).hexdigest() for data in preview.drawn.values()] == sent
    (body,) = server.log()["bodies"]
    text = body["messages"][-1]["content"][-1]["text"]
    assert json.dumps(text, ensure_ascii=False) in preview.text
    assert all(line in text for line in verdict.details["aids"])

    def calls(files: dict[str, bytes] = FILES, **options: Any) -> int:
        before = server.log()["calls"]
        list(vlm(server.url(), tmp_path, **options).judge([Request(item=ITEM, files=MemoryFiles(files))]))
        return server.log()["calls"] - before

    assert calls(**marks) == 0
    moved = scene()
    moved["objects"][0]["box"] = [31, 80, 90, 170]
    assert calls(FILES | {"1.scene.json": json.dumps(moved).encode()}, **marks) == 1
    assert calls() == 1
    assert calls(aids="marks") == 1
    marked, plain = vlm(server.url(), **marks).fingerprint, vlm(server.url()).fingerprint
    assert len({marked, plain, vlm(server.url(), aids="marks").fingerprint}) == 3
    assert marked == vlm(server.url(), aids="crops+marks").fingerprint


def test_what_cannot_be_helped_costs_nothing(recorder: Recorder) -> None:
    request = Request(item=ITEM, files=MemoryFiles({"1.png": FILES["1.png"]}))
    judge = vlm(recorder.url, aids="marks")
    (verdict,) = judge.judge([request])
    assert (verdict.status, recorder.seen) == ("abstained", [])
    assert "no scene file" in verdict.reason
    assert judge.preview(request).text.startswith(
        "nothing would be sent: not asked without help: no scene file"
    )


def test_an_items_page_shows_what_was_drawn(
    tmp_path: Path, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "items.csv").write_text(f'item_id,image,prompt_id,predicate\n1,1.png,p,"{CALL}"\n')
    (tmp_path / "study.toml").write_text(
        f'[judges.v]\nkind = "vlm"\nmodel = "copy"\nbase_url = "{server.url()}"\naids = "marks+tolerance"\n'
    )
    assert genspace("judge", tmp_path, "--judge", "v").code == 0
    shown = genspace("show", tmp_path, "1").out
    assert "was told: In the picture, boxes have numbers: 1 is the “cow”" in shown
    assert "was told: It still counts as met" in shown
    assert genspace("show", tmp_path, "1", "--out", tmp_path / "1.html").code == 0
    page = (tmp_path / "1.html").read_text()
    assert "v: 1.png (boxes have numbers: 1 is the “cow”, 2 is the “chair”)" in page
    assert 'alt="what the judge was shown"' in page
