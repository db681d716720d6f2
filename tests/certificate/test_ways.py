"""What is changed about an item, and that the right answer changes with it: words, scenes, pictures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from genspace.certificate._files import RetouchedFiles, retouched_name
from genspace.certificate._ways import WAYS, asked_as_it_is
from genspace.errors import InputError
from genspace.geometry.camera import project
from genspace.geometry.evaluate import evaluate
from genspace.geometry.frames import mirror_rotation, rotation_from_orientation
from genspace.geometry.perception.images import read_picture
from genspace.geometry.predicates import (
    bind,
    calls_of,
    contrary,
    every_predicate,
    exchanged,
    in_a_mirror,
    undone,
)
from genspace.geometry.retouch import Cut, cut, mirrored, scaled
from genspace.geometry.scene import Pair, Scene
from genspace.geometry.scene_files import FolderFiles, parse_document, read_scenes
from genspace.records import Item
from genspace.sides import NoMirrorError, mirrored_text

QUICKSTART = Path(__file__).resolve().parents[2] / "examples" / "quickstart" / "images"
CALLS = [call for predicate in every_predicate() for call in calls_of(predicate)]


@pytest.mark.parametrize("call", CALLS)
def test_said_twice_it_is_the_first_again(call: str) -> None:
    bound = bind(call)
    for other in (in_a_mirror, exchanged, contrary, undone):
        once = other(bound)
        twice = None if once is None else other(once)
        assert once is None or (
            twice is not None
            and (twice.ids, twice.word) == (bound.ids, bound.word)
            and {k: v for k, v in twice.settings.items() if k != "ratio"}
            == {k: v for k, v in bound.settings.items() if k != "ratio"}
            and twice.settings.get("ratio", 1.0) == pytest.approx(bound.settings.get("ratio", 1.0))
        )


@pytest.mark.parametrize(
    ("call", "mirror", "other_order", "against"),
    [
        ("egocentric(a, b, relation=left)", "egocentric(a, b, relation=right)", "egocentric(b, a, relation=right)",
         "egocentric(a, b, relation=right)"),
        ("egocentric(a, b, relation=closer, inner=0.1)", "egocentric(a, b, relation=closer, inner=0.1)",
         "egocentric(b, a, relation=farther, inner=0.1)", None),
        ("allocentric(a, b, relation=back)", "allocentric(a, b, relation=back)", None,
         "allocentric(a, b, relation=front)"),
        ("object_size(a, b, dimension=bigger, ratio=2)", "object_size(a, b, dimension=bigger, ratio=2)",
         "object_size(b, a, dimension=bigger, ratio=0.5)", "object_size(b, a, dimension=bigger, ratio=2)"),
        ("object_size(dog, dog_2, dimension=taller, value_m=0.2)",
         "object_size(dog, dog_2, dimension=taller, value_m=0.2)", None, None),
        ('image_relation("the big, red cat", b, relation=above)',
         'image_relation("the big, red cat", b, relation=above)',
         'image_relation(b, "the big, red cat", relation=below)',
         'image_relation("the big, red cat", b, relation=below)'),
    ],
)  # fmt: skip
def test_other_words_by_hand(call: str, mirror: str, other_order: str | None, against: str | None) -> None:
    bound = bind(call)
    found = [None if b is None else b.text for b in (in_a_mirror(bound), exchanged(bound), contrary(bound))]
    assert found == [mirror, other_order, against]


def quickstart() -> list[tuple[str, Scene | Pair]]:
    items = (QUICKSTART.parent / "items.csv").read_text(encoding="utf-8").splitlines()
    import csv

    found = []
    for row in csv.DictReader(items):
        name = Path(row["image"]).stem + (".pair.json" if row["image_before"] else ".scene.json")
        ((_, scene),) = read_scenes(QUICKSTART / name)
        found.append((row["predicate"], scene))
    return found


def alike(one: object, other: object) -> bool:
    return vars_of(one) == pytest.approx(vars_of(other), abs=1e-9)


def vars_of(found: object) -> tuple[float, float]:
    score, passed = found.score, found.passed
    return (-1.0 if score is None else score, -1.0 if passed is None else float(passed))


def test_known_truth_says_the_same_in_every_way() -> None:
    asked = {"mirror": 0, "exchanged": 0, "contrary": 0, "undone": 0, "cut": 0, "smaller": 0}
    for call, scene in quickstart():
        bound, found = bind(call), evaluate(scene, call)
        one = scene.after if isinstance(scene, Pair) else scene
        ways = {"mirror": (mirrored(scene), in_a_mirror(bound)), "exchanged": (scene, exchanged(bound))}
        ways["cut"] = (cut(scene, Cut(2, 1, 0, 3)), bound)
        ways["smaller"] = (scaled(scene, one.width // 2, one.height // 2), bound)
        if isinstance(scene, Pair):
            yaw = None if scene.yaw_deg is None else -scene.yaw_deg
            back = scene.changed(before=scene.after, after=scene.before, yaw_deg=yaw)
            ways["undone"] = (back, undone(bound))
        for way, (other, words) in ways.items():
            if words is None:
                continue
            if way in {"cut", "smaller"} and found.score is None:
                continue  # a border may come nearer to a box
            answer = evaluate(other, words)
            if answer.score is None and way in {"cut", "smaller"}:
                continue
            asked[way] += 1
            assert alike(found, answer), (call, way)
        against = contrary(bound)
        if against is not None:
            asked["contrary"] += 1
            assert not (found.passed and evaluate(scene, against).passed), call
    assert asked["mirror"] > 80
    assert min(asked.values()) >= 2


@given(st.floats(-170, 170), st.floats(-60, 60), st.floats(-60, 60))
@settings(deadline=None, max_examples=50)
def test_an_orientation_in_the_mirror(azimuth: float, polar: float, rotation: float) -> None:
    scene = parse_document(
        {
            "format": "genspace-scene/1",
            "width": 100,
            "height": 80,
            "objects": [
                {
                    "id": "a",
                    "orientation_raw": {"azimuth_deg": azimuth, "polar_deg": polar, "rotation_deg": rotation},
                }
            ],
        }
    )
    assert isinstance(scene, Scene)
    raw = mirrored(scene).objects[0].orientation_raw
    straight = rotation_from_orientation(azimuth, polar, rotation)
    turned = rotation_from_orientation(raw.azimuth_deg, raw.polar_deg, raw.rotation_deg)
    assert turned == pytest.approx(mirror_rotation(straight), abs=1e-9)


def test_points_fall_on_the_pixels_of_the_retouched_picture() -> None:
    ((_, scene),) = read_scenes(QUICKSTART / "t2i-camera_pose-front-000.scene.json")
    assert isinstance(scene, Scene)
    point = np.array([scene.objects[0].centre])
    u, v = project(point, scene.camera.intrinsics)[0][:2]
    flipped = mirrored(scene)
    u1, v1 = project(np.array([flipped.objects[0].centre]), flipped.camera.intrinsics)[0][:2]
    assert (u1, v1) == pytest.approx((scene.width - u, v))
    less = cut(scene, Cut(7, 5, 3, 2))
    assert project(point, less.camera.intrinsics)[0][:2] == pytest.approx((u - 7, v - 5))
    assert (less.width, less.height) == (scene.width - 10, scene.height - 7)
    half = scaled(scene, scene.width // 2, scene.height // 4)
    assert project(point, half.camera.intrinsics)[0][:2] == pytest.approx((u / 2, v / 4))
    for made in (flipped, less, half):
        mask, box = made.objects[0].mask, made.objects[0].box
        assert mask is not None
        rows, columns = np.nonzero(mask.decode())
        assert (columns.min(), rows.min()) == pytest.approx((box[0], box[1]), abs=1.01)
        assert (columns.max() + 1, rows.max() + 1) == pytest.approx((box[2], box[3]), abs=1.01)


def test_a_camera_with_another_roll_has_another_level() -> None:
    camera = parse_document(
        {"format": "genspace-scene/1", "width": 9, "height": 9, "camera": {"pitch_deg": 10, "roll_deg": 20}}
    ).camera
    before = camera.level_from_camera
    assert not np.allclose(before, camera.changed(roll_deg=-20.0).level_from_camera)


def files_of(folder: Path, picture: Image.Image, **saved: object) -> RetouchedFiles:
    picture.save(folder / "7.png", **saved)
    names = {
        retouched_name(way, "7.png"): "7.png"
        for way in ("mirror", "smaller", "jpeg", "cut-1-2-3-0", "as-it-is")
    }
    return RetouchedFiles(FolderFiles(folder), names)


def test_pictures_are_retouched_when_they_are_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (20, 40, 3), dtype=np.uint8)
    files = files_of(tmp_path, Image.fromarray(pixels))
    assert (read_picture(files.read("mirror/7.png")).pixels == pixels[:, ::-1]).all()
    assert (read_picture(files.read("cut-1-2-3-0/7.png")).pixels == pixels[2:, 1:37]).all()
    smaller = read_picture(files.read("smaller/7.png")).pixels
    assert smaller.shape == (15, 30, 3)
    assert smaller.std() < 0.8 * pixels.std(), "noise is averaged, not picked from"
    assert Image.open(io.BytesIO(files.read("jpeg/7.jpg"))).format == "JPEG"
    assert files.read("as-it-is/7.png") == (tmp_path / "7.png").read_bytes()
    with pytest.raises(InputError, match="not a file of a retouched picture"):
        files.read("7.png")


def test_a_picture_that_lies_on_its_side_is_mirrored_upright(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30, 3), dtype=np.uint8)
    pixels[:, :10] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown, the white is at the top
    files = files_of(tmp_path, Image.fromarray(pixels), exif=exif)
    shown = read_picture(files.read("mirror/7.png")).pixels
    assert shown.shape == (30, 10, 3)
    assert shown[:10].min() == 255


@pytest.mark.parametrize("folder", ["mirror", "smaller", "jpeg", "cut-0-0-20-0"])
def test_the_focal_length_in_pixels_follows_the_picture(tmp_path: Path, folder: str) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA405: 600}
    picture = Image.fromarray(np.zeros((60, 80, 3), dtype=np.uint8))
    picture.save(tmp_path / "7.png", exif=exif)
    name = retouched_name(folder, "7.png")
    files = RetouchedFiles(FolderFiles(tmp_path), {name: "7.png"})

    def focal_px(data: bytes) -> float:
        seen = read_picture(data)
        return seen.focal_35mm * np.hypot(seen.width, seen.height) / np.hypot(36, 24)

    before, after = focal_px((tmp_path / "7.png").read_bytes()), focal_px(files.read(name))
    assert after == pytest.approx(before * (0.75 if folder == "smaller" else 1.0), rel=2e-3)


def test_depth_points_and_scenes_are_retouched_alike(tmp_path: Path) -> None:
    depth = np.arange(12, dtype=np.uint16).reshape(3, 4) * 1000
    Image.fromarray(depth).save(tmp_path / "7.depth.png")
    np.savez(tmp_path / "7.npz", xyz=np.array([[1.0, 2.0, 3.0]]))
    scene = {
        "format": "genspace-scene/1", "width": 4, "height": 3, "depth": "7.depth.png",
        "objects": [{"id": "cat", "centre": [1, 0, 3], "points": "7.npz"}],
    }  # fmt: skip
    (tmp_path / "7.scene.json").write_text(json.dumps(scene))
    files = RetouchedFiles(FolderFiles(tmp_path), {})
    read = parse_document(json.loads(files.read("mirror/7.scene.json")))
    assert isinstance(read, Scene)
    assert read.objects[0].centre == (-1, 0, 3)
    assert read.depth == "7.depth.png"
    assert (np.asarray(Image.open(io.BytesIO(files.read("mirror/7.depth.png")))) == depth[:, ::-1]).all()
    assert np.load(io.BytesIO(files.read("mirror/7.npz")))["xyz"].tolist() == [[-1.0, 2.0, 3.0]]
    assert files.read("smaller/7.npz") == (tmp_path / "7.npz").read_bytes()
    np.savez(tmp_path / "8.npz", xyz=np.array([[{}]], dtype=object))  # to read it could run anything
    with pytest.raises(InputError, match=r"8\.npz: expected an \.npz file"):
        files.read("mirror/8.npz")


@pytest.mark.parametrize(
    ("text", "mirror"),
    [
        ("A cat to the left of a dog", "A cat to the right of a dog"),
        ("on the left and a dog on the right", "on the right and a dog on the left"),
        ("a lamp in the upper left corner", "a lamp in the upper right corner"),
        ("the leftmost chair, seen from its right side", "the rightmost chair, seen from its left side"),
        (
            "Left of the bright sofa stands an upright piano",
            "Right of the bright sofa stands an upright piano",
        ),
        ("a cow facing left", "a cow facing right"),
        ("a dog in front of a cat", "a dog in front of a cat"),
    ],
)
def test_prompts_in_the_mirror(text: str, mirror: str) -> None:
    assert mirrored_text(text) == mirror
    assert mirrored_text(mirror) == text


@pytest.mark.parametrize(
    "text",
    ["a door left open", "a dog right behind a cat", "leftovers on a plate", "a sign that says STOP", "a right angle",
     'a mug with "left" on it', "the cat has left the sofa", "a wall clock", "copyright mark"],
)  # fmt: skip
def test_prompts_whose_mirror_image_is_not_certain_are_refused(text: str) -> None:
    with pytest.raises(NoMirrorError):
        mirrored_text(text)


@pytest.mark.parametrize(
    ("prompt", "printed", "asked"),
    [
        ("a cat and a dog", "", True), ("a cat and a dog", "yes", False), ("a cat and a dog", "a clock", False),
        ("a sign and a dog", "", False), ("a sign and a dog", "no", True), ("a sign and a dog", "0", True),
    ],
)  # fmt: skip
def test_what_is_printed_is_set_apart_from_the_mirror(prompt: str, printed: str, asked: bool) -> None:
    """By a column of the items, else by the prompt, also where that is hidden behind a predicate."""
    for predicate in ("egocentric(cat, dog, relation=left)", None):
        item = Item(
            item_id="i", image="one.png", prompt=prompt, predicate=predicate, extra={"printed": printed}
        )
        made = WAYS["mirror"].of(asked_as_it_is(item, FolderFiles(Path())))
        told = "something in it is written or printed, which a mirror spoils"
        assert (made == told) is not asked


def test_every_prompt_of_the_benchmark_has_a_mirror_image_or_is_refused_with_a_reason() -> None:
    from genspace.geometry.benchmark import prompts

    refused = 0
    for item in prompts("t2i"):
        try:
            twice = mirrored_text(mirrored_text(item.prompt))
        except NoMirrorError:
            refused += 1
        else:
            assert twice == item.prompt
    assert refused < 0.1 * 1800


def with_boxes(boxes: list[list[float] | None], width: int = 400, height: int = 300) -> dict[str, object]:
    objects = [
        {"id": name, **({} if box is None else {"box": box})} for name, box in zip("ab", boxes, strict=False)
    ]
    return {"format": "genspace-scene/1", "width": width, "height": height, "objects": objects}


@pytest.mark.parametrize(
    ("scenes", "cut_by"),
    [
        # 20 pixels, 5 % of 400, stay free around the boxes; half of the rest goes
        ([with_boxes([[100, 80, 150, 120], [200, 60, 260, 200]])], "cut-40-20-60-40"),
        ([with_boxes([[5, 5, 390, 290], [10, 10, 20, 20]])], "its objects fill the picture"),
        ([with_boxes([[100, 80, 150, 120], None])], "where its objects lie in the picture is not known"),
        ([with_boxes([[100, 80, 150, 120]])], "where its objects lie in the picture is not known"),
        # of both pictures of an edit the smaller margin counts
        (
            [
                with_boxes([[100, 80, 150, 120], [200, 60, 260, 200]]),
                with_boxes([[80, 80, 150, 120], [200, 90, 300, 240]]),
            ],
            "cut-30-20-40-20",
        ),
        (
            [
                with_boxes([[100, 80, 150, 120], [200, 60, 260, 200]]),
                with_boxes([[9, 9, 20, 20]] * 2, 300, 300),
            ],
            "its two pictures differ in size",
        ),
    ],
)
def test_what_is_cut_off(tmp_path: Path, scenes: list[dict[str, object]], cut_by: str) -> None:
    (tmp_path / "1.scene.json").write_text(json.dumps(scenes[-1]))
    (tmp_path / "0.scene.json").write_text(json.dumps(scenes[0]))
    item = Item(
        item_id="1",
        image="1.png",
        image_before="0.png" if len(scenes) > 1 else None,
        predicate="object_distance(a, b, value_m=1)",
    )
    made = WAYS["cut"].of(asked_as_it_is(item, FolderFiles(tmp_path)))
    assert (made if isinstance(made, str) else made.folder) == cut_by
