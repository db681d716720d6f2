"""Before and after the models, by value: resizing as the models' own processors, boxes, masks and metres by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from genspace.geometry.perception import PerceptionError, Runtime, make_part, parse_objects
from genspace.geometry.perception.assemble import build_scene
from genspace.geometry.perception.depths import depth_from_inverse, focal_from_field_of_view
from genspace.geometry.perception.detectors import boxes_in_pixels, keep_detections, label_spans
from genspace.geometry.perception.segmenters import masks_in_image

torch = pytest.importorskip("torch", reason="perception models need the extra 'models'")
pytestmark = pytest.mark.xdist_group("torch")


class Recorder:
    """Stands in for a model: keeps what it was given and answers what it was told to."""

    def __init__(self, config, answer) -> None:
        self.config, self.answer, self.seen = config, answer, {}

    def __call__(self, **inputs):
        self.seen = inputs
        return self.answer


def stand_in(part, answer):
    part._model = Recorder(part.load().config, answer)
    return part._model


def processor(name: str, **settings):
    transformers = pytest.importorskip("transformers")
    return getattr(transformers, name)(**settings)


@pytest.mark.parametrize("size", [(101, 77), (64, 128), (96, 200)], ids=str)
def test_grounding_dino_sees_what_its_processor_gives(checkpoint, view, size) -> None:
    part = make_part("detector", f"grounding-dino:{checkpoint('grounding-dino')}", {}, Runtime(device="cpu"))
    part.load()
    v = view(*size)
    own = part._pixels([v.pixels])
    theirs = processor("GroundingDinoImageProcessorPil", size={"shortest_edge": 96, "longest_edge": 160})(
        v.pixels, return_tensors="pt"
    )
    assert own.shape == theirs["pixel_values"].shape
    # both round to 8 bits after resizing; one step is 1 / 255 / 0.225 = 0.0175
    assert (own - theirs["pixel_values"]).abs().max() < 0.04
    assert (own - theirs["pixel_values"]).abs().mean() < 0.006


@pytest.mark.parametrize(
    ("name", "architecture", "kind"),
    [("owlv2", "owlvit", "OwlViTImageProcessorPil"), ("owlv2", "owlv2", "Owlv2ImageProcessorPil")],
)
def test_owl_sees_what_its_processor_gives(checkpoint, view, name, architecture, kind) -> None:
    part = make_part("detector", f"{name}:{checkpoint(architecture)}", {}, Runtime(device="cpu"))
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    pixels = np.stack(np.broadcast_arrays(ramp[:48, None], ramp[None, :], np.uint8(90)), axis=-1)
    own = part._pixels([pixels])
    theirs = processor(kind, size={"height": 32, "width": 32})(pixels, return_tensors="pt")["pixel_values"]
    assert own.shape == theirs.shape
    # two 8-bit steps; at the edges OWLv2's own antialiasing (a Gaussian) differs from ours (a triangle)
    inner = (slice(None), slice(None), slice(2, 22), slice(2, 30))
    assert (own - theirs)[inner].abs().max() < 0.03
    assert (own[:, :, 26:] - theirs[:, :, 26:]).abs().max() < 0.03


@pytest.mark.parametrize("size", [(101, 77), (40, 64), (64, 64)], ids=str)
def test_sam_sees_what_its_processor_gives(checkpoint, view, size) -> None:
    part = make_part("segmenter", f"sam:{checkpoint('sam')}", {}, Runtime(device="cpu"))
    model = stand_in(
        part, SimpleNamespace(iou_scores=torch.zeros(1, 1, 3), pred_masks=torch.zeros(1, 1, 3, 16, 16))
    )
    v = view(*size, boxes=[[5.0, 10.0, 30.0, 40.0]])
    part.run([v])
    settings = {"size": {"longest_edge": 64}, "pad_size": {"height": 64, "width": 64}}
    theirs = processor("SamImageProcessorPil", **settings)(v.pixels, return_tensors="pt")
    assert (model.seen["pixel_values"] - theirs["pixel_values"]).abs().max() < 0.04
    height, width = theirs["reshaped_input_sizes"][0].tolist()
    scale = np.array([width / size[1], height / size[0]] * 2)
    np.testing.assert_allclose(
        model.seen["input_boxes"][0, 0].numpy(), np.array([5, 10, 30, 40]) * scale, rtol=1e-6
    )


@pytest.mark.parametrize("size", [(101, 77), (40, 64), (300, 500)], ids=str)
def test_depth_anything_sees_what_its_processor_gives(checkpoint, view, size) -> None:
    part = make_part("depth", f"depth-anything-v2:{checkpoint('depth-anything')}", {}, Runtime(device="cpu"))
    model = stand_in(part, SimpleNamespace(predicted_depth=torch.ones(1, 4, 4)))
    v = view(*size)
    part.run([v])
    settings = {"size": {"height": 56, "width": 56}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    theirs = processor("DPTImageProcessorPil", **settings)(v.pixels, return_tensors="pt")["pixel_values"]
    difference = (model.seen["pixel_values"] - theirs).abs()
    # the processor rounds and clips between its two passes, which shows where a cubic filter overshoots on noise
    assert difference.mean() < 0.01
    assert difference.max() < 0.15


@pytest.mark.parametrize("size", [(101, 77), (64, 128)], ids=str)
def test_zoedepth_sees_what_its_processor_gives(checkpoint, view, size) -> None:
    part = make_part("depth", f"zoedepth:{checkpoint('zoedepth')}", {}, Runtime(device="cpu"))
    model = stand_in(part, SimpleNamespace(predicted_depth=torch.ones(1, 64, 64)))
    v = view(*size)
    part.run([v])
    settings = {"size": {"height": 64, "width": 64}, "keep_aspect_ratio": True, "ensure_multiple_of": 32}
    theirs = processor("ZoeDepthImageProcessorPil", **settings)(v.pixels, return_tensors="pt")["pixel_values"]
    assert model.seen["pixel_values"].shape == theirs.shape
    np.testing.assert_allclose(model.seen["pixel_values"].numpy(), theirs.numpy(), atol=2e-3)


def test_labels_are_found_among_the_tokens(checkpoint) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint("grounding-dino"))
    # [CLS] cow . red chair . cow . [SEP]
    offsets = tokenizer("cow. red chair. cow.", return_offsets_mapping=True, return_tensors="np")[
        "offset_mapping"
    ][0]
    assert [s.tolist() for s in label_spans(["cow", "red chair", "cow"], offsets)] == [[1], [3, 4], [6]]


def test_a_label_scores_its_best_token(checkpoint, view) -> None:
    part = make_part(
        "detector",
        f"grounding-dino:{checkpoint('grounding-dino')}",
        {"threshold": 0.5},
        Runtime(device="cpu"),
    )
    # tokens: [CLS] cow . red chair . [SEP]; logit 2 is a probability of 0.881, logit 1 one of 0.731
    logits = torch.full((1, 3, 256), -9.0)
    logits[0, 0, 4] = 2.0  # "chair": the label "red chair"
    logits[0, 1, 1] = 1.0  # "cow"
    logits[0, 2, 2] = 9.0  # the full stop is no label
    boxes = torch.tensor([[[0.5, 0.5, 1.0, 1.0], [0.25, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]])
    part._model = Recorder(part.load().config, SimpleNamespace(logits=logits, pred_boxes=boxes))
    [got] = part.run([view(40, 80, labels=("cow", "red chair"))])
    assert got["label"].tolist() == [1, 0]
    np.testing.assert_allclose(got["score"], [0.880797, 0.731059], atol=1e-6)
    assert got["boxes"].tolist() == [[0, 0, 80, 40], [0, 10, 40, 30]]


def test_owlv2_boxes_are_fractions_of_the_padded_square() -> None:
    # 40 × 80 is padded at the bottom to 80 × 80: v = 0.25 · 80 = 20, height 0.5 · 80 = 40, so 0 to 40
    assert boxes_in_pixels(np.array([[0.5, 0.25, 0.25, 0.5]]), (40, 80), square=True).tolist() == [
        [30, 0, 50, 40]
    ]
    # what lies in the padding is cut off at the image
    assert boxes_in_pixels(np.array([[0.5, 0.75, 0.25, 0.5]]), (40, 80), square=True).tolist() == [
        [30, 40, 50, 40]
    ]


def test_boxes_without_area_or_score_are_dropped() -> None:
    boxes = np.array([[0.5, 0.5, 0.0, 0.5], [0.5, 0.5, 0.5, 0.5], [1.5, 0.5, 0.5, 0.5]])
    got = keep_detections(boxes, np.array([[0.9], [0.2], [0.9]]), (10, 10), 0.1, square=False)
    assert got["boxes"].tolist() == [[2.5, 2.5, 7.5, 7.5]]
    with pytest.raises(PerceptionError, match="not finite"):
        keep_detections(boxes * np.nan, np.ones((3, 1)), (10, 10), 0.1, square=False)


def test_masks_lie_where_their_boxes_are() -> None:
    # a 60 × 100 image at 64 px: resized to 38 × 64 (60 · 0.64 = 38.4), padded to 64 × 64; the decoder's map is 16 × 16,
    # so cell (r, c) covers rows 4r to 4r + 4 of the padded square, which are 60 / 38 · 4r in the image
    logits = torch.full((1, 16, 16), -10.0)
    logits[0, 2:6, 4:12] = 10.0
    [mask] = masks_in_image(logits, (60, 100), (38, 64), 64)
    rows, columns = np.nonzero(mask)
    expected = np.array([8 * 60 / 38, 24 * 60 / 38, 16 / 0.64, 48 / 0.64])
    got = np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1])
    # interpolation moves an edge by less than half a cell: 2 · 60 / 38 = 3.2 px
    assert (np.abs(got - expected) < 3.2).all(), (got, expected)


def test_a_stretched_squares_masks_lie_where_their_boxes_are() -> None:
    # SAM 2 stretches 60 × 100 to 64 × 64: cell (r, c) of 16 × 16 covers rows 60 / 16 · r and columns 100 / 16 · c
    logits = torch.full((1, 16, 16), -10.0)
    logits[0, 4:8, 8:12] = 10.0
    [mask] = masks_in_image(logits, (60, 100), (64, 64), 64)
    rows, columns = np.nonzero(mask)
    got = np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1])
    assert (np.abs(got - [15, 30, 50, 75]) < 3.2).all(), got  # half a cell: 100 / 32


def test_the_scene_is_in_the_pixels_of_the_file(view) -> None:
    # the file has 80 × 240 px, twice and three times the 40 × 80 px that were looked at
    known = {
        "boxes": [[10.0, 5.0, 40.0, 35.0]], "label": [0], "score": [0.9], "masks": np.zeros((1, 40, 80), bool), "depth": np.full((40, 80), 4.0),
        "K": [[50.0, 0, 40], [0, 60, 20], [0, 0, 1]], "gravity": [0.0, 1, 0], "azimuth_deg": [0.0], "confidence": [0.9], "ray": [[0.0, 0, 1]],
    }  # fmt: skip
    known["masks"][0, 5:35, 10:40] = True
    seen = view(40, 80, labels=("cow",), **known)
    seen = replace(seen, picture=replace(seen.picture, width=240, height=80))
    scene = build_scene(seen, parse_objects("cow")).scene
    [cow] = scene.objects
    assert cow.box == (30.0, 10.0, 120.0, 70.0)
    rows, columns = np.nonzero(cow.mask.decode())
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (10, 70, 30, 120)
    camera = scene.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (150.0, 120.0, 120.0, 40.0)
    assert scene.read_depth().shape == (40, 80)
    assert cow.extent is None  # a flat wall of one depth: thinner than any size, up to rounding


def test_the_best_rated_mask_is_kept(checkpoint, view) -> None:
    part = make_part("segmenter", f"sam:{checkpoint('sam')}", {}, Runtime(device="cpu"))
    masks = torch.full((1, 2, 3, 16, 16), -1.0)
    masks[0, 0, 1], masks[0, 1, 2] = 1.0, 1.0
    ratings = torch.tensor([[[0.1, 0.9, 0.2], [0.1, 0.2, 0.7]]])
    stand_in(part, SimpleNamespace(iou_scores=ratings, pred_masks=masks))
    [got] = part.run([view(64, 64, boxes=[[0, 0, 9, 9], [9, 9, 20, 20]])])
    assert got["masks"].all()
    np.testing.assert_allclose(got["mask_score"], [0.9, 0.7], rtol=1e-6)


def test_depth_comes_back_at_the_images_size(checkpoint, view) -> None:
    part = make_part("depth", f"depth-anything-v2:{checkpoint('depth-anything')}", {}, Runtime(device="cpu"))
    ramp = torch.linspace(1.0, 3.0, 8).repeat(1, 8, 1)
    stand_in(part, SimpleNamespace(predicted_depth=ramp))
    depth = part.run([view(40, 80)])[0]["depth"]
    assert depth.shape == (40, 80)
    assert depth.dtype == np.float32
    # pixel centres: column 40 of 80 lies halfway between samples 3 and 4 of 8, whose mean is 2
    assert depth[20, 39:41].mean() == pytest.approx(2.0, abs=1e-6)
    assert (np.diff(depth[0]) >= 0).all()


def test_zoedepth_padding_is_taken_off_again(checkpoint, view) -> None:
    part = make_part("depth", f"zoedepth:{checkpoint('zoedepth')}", {}, Runtime(device="cpu"))
    # a 50 × 200 image is padded by int(√25 · 3) = 15 rows and int(√100 · 3) = 30 columns: 80 × 260
    ramp = torch.arange(260, dtype=torch.float32).repeat(1, 80, 1)
    stand_in(part, SimpleNamespace(predicted_depth=ramp))
    depth = part.run([view(50, 200)])[0]["depth"]
    assert depth.shape == (50, 200)
    assert depth[0, [0, 199]].tolist() == [30.0, 229.0]


def test_depth_pro_by_hand(checkpoint, view) -> None:
    # field of view 90° over 80 px: focal 40; inverse depth 0.25 · 80 / 40 = 0.5, so 2 m
    assert focal_from_field_of_view(90.0, 80, "x") == pytest.approx(40.0)
    assert depth_from_inverse(0.25, 40.0, 80) == pytest.approx(2.0)
    part = make_part("depth", f"depth-pro:{checkpoint('depth-pro')}", {}, Runtime(device="cpu"))
    answer = SimpleNamespace(predicted_depth=torch.full((1, 8, 8), 0.25), field_of_view=torch.tensor([90.0]))
    stand_in(part, answer)
    [got] = part.run([view(40, 80)])
    np.testing.assert_allclose(got["depth"], 2.0, rtol=1e-6)
    np.testing.assert_allclose(got["K"], [[40, 0, 40], [0, 40, 20], [0, 0, 1]])
    assert str(got["K_source"]) == "depth.depth-pro"
    # a focal length of 20 px that is known from elsewhere is used in place of the model's: half as deep
    known = np.array([[20.0, 0, 40], [0, 20, 20], [0, 0, 1]])
    [got] = part.run([view(40, 80, K=known, K_source="somebody")])
    np.testing.assert_allclose(got["depth"], 1.0, rtol=1e-6)


@pytest.mark.parametrize("fov", [-6.5, 0.0, 0.5, 171.0, 360.0, float("nan")])
def test_absurd_fields_of_view(fov: float) -> None:
    with pytest.raises(PerceptionError, match=r"depth-pro: a field of view of .* is absurd"):
        focal_from_field_of_view(fov, 640, "depth-pro")
