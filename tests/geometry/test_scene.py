"""Scene and pair files: reading, writing, validating; side files; bad input."""

from __future__ import annotations

import io
import json
from importlib import resources
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from genspace.errors import InputError, InvalidFilesError
from genspace.geometry.masks import decode_rle, encode_rle, rle_runs
from genspace.geometry.scene import Mask, Pair, Scene, SceneObject, json_schema
from genspace.geometry.scene_files import parse_document, read_scene, read_scenes, write_scene

COW = {"id": "cow", "label": "cow", "centre": [0.4, 0.9, 4.1], "extent": [2.2, 1.4, 0.8]}


def document(**changes: object) -> dict[str, object]:
    return {"format": "genspace-scene/1", "width": 64, "height": 48, "objects": [COW], **changes}


def test_write_and_read_back(tmp_path: Path) -> None:
    mask = np.zeros((48, 64), dtype=bool)
    mask[10:20, 30:40] = True
    cow = {**COW, "colour": "brown", "mask": Mask.from_array(mask).model_dump(), "box": [30, 10, 40, 20]}
    scene = parse_document(document(objects=[cow], note={"by": "hand"}))
    write_scene(scene, tmp_path / "a.scene.json")
    again = read_scene(tmp_path / "a.scene.json")
    assert again.to_json() == scene.to_json()
    assert again.to_json()["note"] == {"by": "hand"}  # unknown keys are kept
    assert again.to_json()["objects"][0]["colour"] == "brown"
    assert (again.objects[0].mask.decode() == mask).all()


def test_all_problems_at_once() -> None:
    bad = {
        "id": "cow",
        "extent": [1, -1, float("nan")],
        "centre": [float("inf"), 0, 1],
        "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, -1]],
        "points": "../secret.npz",
        "box": [5, 5, 5, 9],
        "mask": {"size": [48, 64], "counts": "1"},
    }
    with pytest.raises(InvalidFilesError) as error:
        parse_document(document(objects=[bad]), file="x.scene.json")
    fields = {p.field for p in error.value.problems}
    assert fields == {
        f"objects[0].{name}"
        for name in ("extent[1]", "extent[2]", "centre[0]", "rotation", "points", "box", "mask")
    }
    assert "x.scene.json: objects[0].extent[1] = -1" in str(error.value)
    assert "right-handed" in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objects": [COW, COW]}, "occurs twice"),
        ({"objects": [{**COW, "box": [-5, 0, 10, 10]}]}, "must lie in the image"),
        ({"objects": [{**COW, "mask": {"size": [2, 2], "counts": "4"}}]}, "must be [48, 64]"),
        ({"depth": "/etc/passwd"}, "relative path"),
        ({"depth": "C:\\x.png"}, "relative path"),
        ({"image": "a/../../b.png"}, "relative path"),
        ({"format": "genspace-scene/9"}, "expected genspace-scene/1"),
        ({"width": 60_000, "height": 60_000}, "over 100000000 pixels"),
        ({"camera": {"fx": -1}}, "greater than 0"),
    ],
)
def test_problem(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidFilesError) as error:
        parse_document(document(**changes))
    assert message in str(error.value)


def test_box_has_one_pixel_of_slack_and_is_clipped_on_writing() -> None:
    scene = parse_document(document(objects=[{**COW, "box": [-1, 0.5, 65, 48]}]))
    assert scene.to_json()["objects"][0]["box"] == [0, 0.5, 64, 48]


def test_rotation_is_orthonormalised() -> None:
    rows = [[0, 0, -1], [0, -1, 0.0004], [-1, 0, 0]]
    scene = parse_document(document(objects=[{**COW, "rotation": rows}]))
    R = np.array(scene.objects[0].rotation)
    assert pytest.approx(np.eye(3), abs=1e-12) == R @ R.T


def test_depth(tmp_path: Path) -> None:
    steps = np.array([[0, 1500], [2000, 65535]], dtype=np.uint16)
    Image.fromarray(steps).save(tmp_path / "d.png")
    (tmp_path / "s.scene.json").write_text(
        json.dumps(document(depth="d.png", camera={"fx": 64, "fy": 48, "cx": 32, "cy": 24}))
    )
    scene = read_scene(tmp_path / "s.scene.json")
    depth = scene.read_depth()
    assert depth == pytest.approx(np.array([[0, 1.5], [2, 65.535]]))
    # Depth of 2 × 2 for an image of 64 × 48: fx = 64 · 2/64 = 2, fy = 48 · 2/48 = 2, cx = cy = 1.
    assert scene.depth_intrinsics(depth).matrix.tolist() == [[2, 0, 1], [0, 2, 1], [0, 0, 1]]


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "rgb"])
def test_bad_depth_is_one_message(tmp_path: Path, content: object) -> None:
    if content == "rgb":
        Image.new("RGB", (4, 4)).save(tmp_path / "d.png")
    elif content is not None:
        (tmp_path / "d.png").write_bytes(content)
    (tmp_path / "s.scene.json").write_text(json.dumps(document(depth="d.png")))
    with pytest.raises(InputError, match=r"d\.png"):
        read_scene(tmp_path / "s.scene.json").read_depth()


def test_points_from_file_and_inline(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", xyz=np.ones((3, 3), dtype=np.float32))
    np.savez(tmp_path / "wrong.npz", points=np.ones((3, 3)))
    (tmp_path / "torn.npz").write_bytes((tmp_path / "p.npz").read_bytes()[:60])
    objects = [
        {"id": "file", "points": "p.npz"},
        {"id": "inline", "points": [[1, 2, 3]]},
        {"id": "none"},
        {"id": "wrong", "points": "wrong.npz"},
        {"id": "torn", "points": "torn.npz"},
        {"id": "absent", "points": "absent.npz"},
    ]
    (tmp_path / "s.scene.json").write_text(json.dumps(document(objects=objects)))
    scene = read_scene(tmp_path / "s.scene.json")
    shapes = [None if (p := scene.read_points(o)) is None else p.shape for o in scene.objects[:3]]
    assert shapes == [(3, 3), (1, 3), None]
    for item in scene.objects[3:]:
        with pytest.raises(InputError, match=f"{item.id}.npz"):
            scene.read_points(item)


def test_pair_inline_and_by_file(tmp_path: Path) -> None:
    (tmp_path / "before.scene.json").write_text(json.dumps(document()))
    pair = {
        "format": "genspace-pair/1",
        "before": "before.scene.json",
        "after": document(),
        "camera": "static",
    }
    (tmp_path / "p.pair.json").write_text(json.dumps(pair))
    ((name, read),) = read_scenes(tmp_path / "p.pair.json")
    assert isinstance(read, Pair)
    assert name.endswith("p.pair.json")
    assert read.before.to_json() == read.after.to_json()
    (tmp_path / "p.pair.json").write_text(json.dumps({**pair, "before": "../before.scene.json"}))
    with pytest.raises(InputError, match="relative path"):
        list(read_scenes(tmp_path / "p.pair.json"))


def test_lines_of_scenes(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    path.write_text(json.dumps(document()) + "\n\n" + json.dumps(document()) + "\n{torn")
    scenes = read_scenes(path)
    assert [next(scenes)[0], next(scenes)[0]] == [f"{path}:1", f"{path}:3"]
    with pytest.raises(InvalidFilesError, match=r"all\.jsonl, line 4: not readable as JSON"):
        next(scenes)


@pytest.mark.parametrize(("record", "name"), [(Scene, "scene"), (Pair, "pair")])
def test_shipped_schema_is_the_records(record: type, name: str) -> None:
    shipped = resources.files("genspace.geometry") / "schemas" / f"{name}.schema.json"
    assert json.loads(shipped.read_text(encoding="utf-8")) == json_schema(record)


def test_schema_agrees_with_the_reader() -> None:
    validator = jsonschema.Draft202012Validator(json_schema(Scene))
    assert validator.is_valid(document())
    assert not validator.is_valid(document(width=0))
    assert not validator.is_valid(document(objects=[{**COW, "extent": [1, -1, 1]}]))


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_mask_round_trip(mask: np.ndarray) -> None:
    counts = encode_rle(mask)
    assert rle_runs(counts, mask.shape).sum() == mask.size
    assert (decode_rle(counts, mask.shape) == mask).all()


@given(st.text(max_size=30) | st.binary(max_size=30).map(lambda b: b.decode("latin1")))
def test_no_run_length_encoding_crashes(counts: str) -> None:
    try:
        mask = decode_rle(counts, (5, 7))
    except ValueError as error:
        assert str(error)  # noqa: PT017  both outcomes are right
    else:
        assert mask.shape == (5, 7)


@pytest.mark.parametrize(
    ("counts", "fault"),
    [
        ("", "empty"),
        ("0!", "characters"),
        ("P", "middle of a number"),
        ("5", "covers 5 pixels"),
        ("é", "characters"),
    ],
)
def test_wrong_run_length_encodings(counts: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        decode_rle(counts, (2, 2))


def test_fifty_megapixel_mask() -> None:
    mask = np.zeros((5000, 10_000), dtype=bool)
    mask[100:200] = True
    encoded = Mask.from_array(mask)
    assert encoded.decode().sum() == 1_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [*Scene.model_fields, *SceneObject.model_fields]


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_document_crashes(top: dict[str, object], item: dict[str, object]) -> None:
    """Whatever stands in a scene file, the answer is a scene or a message."""
    text = json.dumps({**document(), **top, "objects": [{**COW, **item}]})
    try:
        scene = parse_document(json.load(io.StringIO(text)))
    except InvalidFilesError:
        pass
    else:
        assert parse_document(scene.to_json()).to_json() == scene.to_json()
