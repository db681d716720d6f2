"""Every transformers backend: a tiny random checkpoint through the loading path of a real one, on odd images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genspace.errors import InputError
from genspace.geometry.perception import (
    Part,
    Perception,
    PerceptionError,
    Runtime,
    StageView,
    Subject,
    find_stack,
    make_part,
    parse_objects,
    read_picture,
)
from genspace.geometry.perception._checks import check_output
from genspace.geometry.perception.pipeline import Failure

pytestmark = pytest.mark.xdist_group("torch")

BACKENDS = [
    ("detector", "grounding-dino", "grounding-dino"),
    ("detector", "owlv2", "owlv2"),
    ("detector", "owlv2", "owlvit"),
    ("segmenter", "sam", "sam"),
    ("segmenter", "sam-hq", "sam-hq"),
    ("segmenter", "sam2", "sam2"),
    ("detector", "sam3", "sam3"),
    ("depth", "depth-anything-v2", "depth-anything"),
    ("depth", "zoedepth", "zoedepth"),
    ("depth", "depth-pro", "depth-pro"),
    ("orientation", "orient-anything", "orient-722"),
    ("orientation", "orient-anything", "orient-902"),
    ("orientation", "clip-views", "clip"),
    ("orientation", "clip-views", "siglip"),
]
IDS = [f"{name}-{architecture}" for _, name, architecture in BACKENDS]
K = np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]])


def tiny(
    checkpoint: Callable[[str], Path], stage: str, name: str, architecture: str, **options: object
) -> Part:
    path = checkpoint(architecture)
    if name == "orient-anything":
        path /= "dino_weight.pt"
    if name == "orient-anything":
        options = {"background": "remove", **options}
    if stage == "detector":
        options = {"threshold": 0.0, **options}
    return make_part(stage, f"{name}:{path}", options, Runtime(device="cpu"))


def prepared(view: Callable[..., StageView], stage: str, height: int, width: int, seed: int) -> StageView:
    boxes = [[0, 0, width / 2, height], [width / 3, 0, width, height]]
    known = {
        "segmenter": {"boxes": boxes},
        "orientation": {
            "boxes": boxes,
            "label": [0, 1],
            "masks": np.ones((2, height, width), bool),
            "K": K,
        },
    }
    return view(height, width, seed, **known.get(stage, {}))


def watched(part: Part) -> list[tuple[int, str]]:
    """Return a list that grows by the pictures and their precision whenever the part's network sees pixels."""
    # Orient Anything's head stays in full precision; SAM 3 encodes an image once, whatever it is asked
    network = getattr(part.model, "encoder", getattr(part.model, "vision_encoder", part.model))
    seen = []

    def note(_: object, inputs: tuple[object, ...], named: dict[str, object]) -> None:
        pixels = named.get("pixel_values", *inputs[:1])
        seen.append((len(pixels), str(pixels.dtype)))

    network.register_forward_pre_hook(note, with_kwargs=True)
    return seen


@pytest.mark.parametrize("backend", BACKENDS, ids=IDS)
@pytest.mark.parametrize("size", [(101, 77), (1, 1), (33, 200)], ids=str)
def test_batches_answer_as_single_images(checkpoint, view, backend, size) -> None:
    stage, _, _ = backend
    part = tiny(checkpoint, *backend)
    assert part.problem() is None
    views = [prepared(view, stage, *size, seed) for seed in range(3)]
    forwards = watched(part)
    together = [check_output(part, v, o) for v, o in zip(views, part.run(views), strict=True)]
    assert forwards == [(6 if stage == "orientation" else 3, "torch.float32")]  # two objects in each image
    alone = check_output(part, views[1], part.run(views[1:2])[0])
    for key, array in alone.items():
        if array.dtype.kind == "U":
            assert together[1][key] == array
            continue
        assert together[1][key].shape == array.shape
        found, wanted = together[1][key].astype(float), array.astype(float)
        if key == "depth":
            # Models give its inverse, which with random weights comes near 0; there rounding is all that is left.
            found, wanted = 1 / found, 1 / wanted
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS[0:1] + BACKENDS[3:4] + BACKENDS[7:8] + BACKENDS[10:11], ids=str)
def test_half_precision_runs_and_is_another_fingerprint(checkpoint, view, backend) -> None:
    stage, name, _ = backend
    part = tiny(checkpoint, *backend)
    half = make_part(
        stage, f"{name}:{part.checkpoint}", part.options.model_dump(), Runtime(device="cpu", dtype="bfloat16")
    )
    assert half.fingerprint != part.fingerprint
    v = prepared(view, stage, 40, 60, 0)
    forwards = watched(half)
    assert set(check_output(half, v, half.run([v])[0])) == set(part.run([v])[0])
    assert [dtype for _, dtype in forwards] == ["torch.bfloat16"]


@pytest.mark.parametrize(
    ("device", "dtype", "decided"),
    [
        ("cpu", "auto", dict.fromkeys(("detector", "segmenter", "depth", "orientation"), "float32")),
        (
            "cuda",
            "auto",
            {"detector": "tf32", "segmenter": "float16", "depth": "float16", "orientation": "float16"},
        ),
        ("cuda", "bfloat16", dict.fromkeys(("detector", "segmenter", "depth", "orientation"), "bfloat16")),
    ],
)
def test_precision_follows_device_and_wish(monkeypatch, device, dtype, decided) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for stage, expected in decided.items():
        part = make_part(stage, find_stack("default").parts[stage], {}, Runtime(dtype=dtype))
        assert (part.runtime.device, part.runtime.dtype) == (device, expected), stage
        assert part.runtime.torch_dtype == getattr(torch, expected.replace("tf32", "float32"))


def test_matrices_are_multiplied_in_the_chosen_precision_and_no_longer() -> None:
    import torch

    told = []
    for dtype in ("tf32", "float32"):
        with Runtime(device="cpu", dtype=dtype).inference():
            told.append((torch.get_float32_matmul_precision(), torch.is_inference_mode_enabled()))
    assert told == [("high", True), ("highest", True)]
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.is_inference_mode_enabled()


def test_no_boxes_no_masks(checkpoint, view) -> None:
    part = tiny(checkpoint, "segmenter", "sam", "sam")
    some, none = view(20, 30, boxes=[[0, 0, 10, 10]]), view(20, 30, boxes=np.zeros((0, 4)))
    got = part.run([none, some, none])
    assert [a["masks"].shape for a in got] == [(0, 20, 30), (1, 20, 30), (0, 20, 30)]
    assert tiny(checkpoint, "orientation", "orient-anything", "orient-722").run(
        [view(20, 30, boxes=np.zeros((0, 4)), masks=np.zeros((0, 20, 30), bool), K=K)]
    )[0]["azimuth_deg"].shape == (0,)


def test_a_model_can_be_freed_and_comes_back(checkpoint, view) -> None:
    part = tiny(checkpoint, "depth", "zoedepth", "zoedepth")
    v = view(30, 30)
    before = part.run([v])[0]["depth"]
    part.close()
    assert part._model is None
    assert (part.run([v])[0]["depth"] == before).all()


def test_relative_depth_is_refused(checkpoint, view) -> None:
    with pytest.raises(InputError, match="gives relative depth, from which no distance follows"):
        tiny(checkpoint, "depth", "depth-anything-v2", "depth-anything-relative").run([view(30, 30)])


def test_another_architecture_is_refused(checkpoint, view) -> None:
    with pytest.raises(InputError, match="is a 'zoedepth' model; known are depth_anything"):
        tiny(checkpoint, "depth", "depth-anything-v2", "zoedepth").run([view(30, 30)])
    with pytest.raises(InputError, match="has no field-of-view head"):
        tiny(checkpoint, "depth", "depth-pro", "depth-pro-no-fov").run([view(30, 30)])


def test_an_absurd_field_of_view_is_refused(checkpoint, view) -> None:
    with pytest.raises(PerceptionError, match=r"depth\.depth-pro: a field of view of -?\d.*° is absurd"):
        tiny(checkpoint, "depth", "depth-pro", "depth-pro-absurd").run([view(101, 77)])


def test_depth_scale_option(checkpoint, view) -> None:
    once, twice = (
        tiny(checkpoint, "depth", "zoedepth", "zoedepth", scale=s).run([view(30, 30)])[0]["depth"]
        for s in (1.0, 2.0)
    )
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(Image.new("RGB", (90, 60), "green"), "JPEG", exif=exif)


IMAGES = {
    "odd": (lambda: encoded(Image.new("RGB", (101, 77), "red")), (77, 101)),
    "grey": (lambda: encoded(Image.new("L", (64, 48), 120)), (48, 64)),
    "rgba": (lambda: encoded(Image.new("RGBA", (64, 48), (9, 9, 9, 0))), (48, 64)),
    "16 bit": (lambda: encoded(Image.fromarray(np.full((48, 64), 40000, np.uint16))), (48, 64)),
    "exif-rotated": (turned, (90, 60)),
    "1 × 1": (lambda: encoded(Image.new("RGB", (1, 1))), (1, 1)),
    "8k × 8k": (lambda: encoded(Image.new("L", (8192, 8192), 90), "JPEG"), (2048, 2048)),
}


WAYS = {
    "defaults": ("grounding-dino", "sam", "depth-anything", "orient-722"),
    "others": ("owlv2", "sam-hq", "zoedepth", "clip"),
    "more others": ("owlvit", "sam2", "depth-pro", "siglip"),
    "several at once": ("sam3", "depth-pro", "orient-902"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", IMAGES)
def test_the_whole_way_on_odd_images(checkpoint, kind: str, way: str) -> None:
    parts = {
        stage: tiny(checkpoint, stage, name, architecture)
        for stage, name, architecture in BACKENDS
        if architecture in WAYS[way]
    }
    if way == "several at once":
        parts["segmenter"], parts["intrinsics"] = parts["detector"], parts["depth"]
    else:
        parts["intrinsics"] = make_part("intrinsics", "exif")
    parts["gravity"] = make_part("gravity", "ground-plane")
    data, size = IMAGES[kind]
    [seen] = Perception(parts).run([Subject(read_picture(data()), parse_objects("cow, two chairs"))])
    assert not isinstance(seen, Failure), seen
    assert seen.known["depth"].shape == size
    assert seen.known["masks"].shape[1:] == size
    assert len(seen.known["azimuth_deg"]) == len(seen.known["boxes"]) <= 3
    assert (seen.known["boxes"][:, 2:] <= np.array(size)[::-1]).all()
