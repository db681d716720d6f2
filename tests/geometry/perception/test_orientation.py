"""Orient Anything: published names and shapes, both head layouts, decoding against golden vectors, crops and rays.

Longer than 400 lines: it has the published names and shapes beside the cases.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.errors import InputError
from genspace.geometry.camera import Intrinsics, project, viewing_ray
from genspace.geometry.evaluate import evaluate
from genspace.geometry.frames import (
    gravity_from_pitch_roll,
    level_from_camera,
    rotation_from_orientation,
)
from genspace.geometry.perception import Runtime, make_part, parse_objects
from genspace.geometry.perception.assemble import build_scene
from genspace.geometry.perception.crops import box_ray, crop_object
from genspace.geometry.perception.orient_anything import HeadLayout, build, combine, decode, mirrored, rename
from genspace.geometry.perception.orientations import DIRECTIONS, heading_from_views

torch = pytest.importorskip("torch", reason="perception models need the extra 'models'")
pytestmark = pytest.mark.xdist_group("torch")

PublishedState = Callable[..., dict[str, "torch.Tensor"]]


@pytest.fixture(scope="session")
def published(request: pytest.FixtureRequest) -> PublishedState:
    conftest = next(p for p in request.config.pluginmanager.get_plugins() if hasattr(p, "published_state"))
    return conftest.published_state


@pytest.fixture(scope="session")
def golden(data: Path) -> dict[str, list[tuple[np.ndarray, list[float]]]]:
    """Outputs and what the released code decodes them to, by kind."""
    kinds: dict[str, list[tuple[np.ndarray, list[float]]]] = {}
    for case in json.loads((data / "reference" / "orient_decode.json").read_text())["cases"]:
        kinds.setdefault(case["kind"], []).append((np.array(case["logits"]), case["decoded"]))
    return kinds


@pytest.mark.parametrize("kind", ["logits722_published", "logits902_head"])
def test_decoding_agrees_with_the_golden_vectors(golden, kind: str) -> None:
    assert len(golden[kind]) == 30
    for logits, expected in golden[kind]:
        assert decode(logits)[:3].tolist() == expected[:3]
        assert decode(logits)[3] == pytest.approx(expected[3], abs=1e-6)


def test_augmented_views_are_combined_as_in_the_golden_vectors(golden) -> None:
    assert len(golden["tta6x722_published"]) == 10
    for logits, expected in golden["tta6x722_published"]:
        got = combine(decode(logits), HeadLayout.of_width(722))
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_the_layout_comes_from_the_heads_width(golden) -> None:
    # here a 722-wide head was decoded as if 902 wide: rotation is the best of outputs 540 to 721 (the confidence's two
    # among them) minus 180, which is 90° too low, or 0° or 1° where the confidence is the largest
    assert len(golden["logits722_head_mismatch"]) == 6
    for logits, wrong in golden["logits722_head_mismatch"]:
        got = decode(logits).tolist()
        assert got[:2] == wrong[:2]
        assert wrong[2] in {got[2] - 90.0, 0.0, 1.0}
    assert sum(decode(x)[2] - w[2] == 90.0 for x, w in golden["logits722_head_mismatch"]) == 3


@pytest.mark.parametrize("width", [721, 900, 903, 0])
def test_another_width_is_refused(width: int) -> None:
    with pytest.raises(InputError, match=f"a head of {width} outputs"):
        HeadLayout.of_width(width)


@pytest.mark.parametrize(
    ("hidden", "layers", "heads"),
    [(384, 12, 6), (768, 12, 12), (1024, 24, 16)],
    ids=["small", "base", "large"],
)
@pytest.mark.parametrize("width", [722, 902])
def test_every_published_size_and_head_loads_by_name_and_shape(
    published, hidden, layers, heads, width
) -> None:
    # the published shapes: 1370 positions, 37 × 37 patches of 14 px and the class token; meta tensors hold no memory
    network = build(published(hidden, layers, width, 1370, device="meta"))
    config = network.encoder.config
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (
        hidden,
        layers,
        heads,
    )
    assert (config.mlp_ratio, config.patch_size, config.image_size) == (4, 14, 518)
    assert network.head["net2"][0].weight.shape == (width, width)


def test_renamed_tensors_land_where_they_belong(published) -> None:
    state = published(64, 2, 722, 17, mlp=64)
    own = build(state).encoder.state_dict()
    layer = "encoder.layer.1.attention."
    old = "dinov2.encoder.layer.1.attention."
    new_names = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}
    for published_name, name in new_names.items():
        here = own.get(f"{layer}{name}.weight", own.get(f"{layer}attention.{published_name}.weight"))
        assert torch.equal(here, state[f"{old}attention.{published_name}.weight"])
    out = own.get(f"{layer}o_proj.bias", own.get(f"{layer}output.dense.bias"))
    assert torch.equal(out, state[f"{old}output.dense.bias"])


def test_the_network_computes_what_the_paper_says(published) -> None:
    # class token → linear → batch norm → ReLU → linear → batch norm, in evaluation mode, from the raw tensors
    state = published(64, 2, 722, 17, mlp=64)
    network = build(state)
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        token = network.encoder(pixel_values=x).last_hidden_state[:, 0]
        for i, activate in ((1, True), (2, False)):
            p = f"down_sampler.net{i}."
            token = token @ state[f"{p}0.weight"].T + state[f"{p}0.bias"]
            scale = state[f"{p}1.weight"] / torch.sqrt(state[f"{p}1.running_var"] + 1e-5)
            token = (token - state[f"{p}1.running_mean"]) * scale + state[f"{p}1.bias"]
            token = token.clamp(min=0) if activate else token
        torch.testing.assert_close(network(x), token, rtol=1e-4, atol=1e-2)


def test_weights_of_something_else_are_refused(published) -> None:
    state = published(64, 1, 722, 17, mlp=64)
    with pytest.raises(InputError, match="not Orient Anything's: no tensor"):
        build({"weight": torch.zeros(3)})
    with pytest.raises(InputError, match=r"missing \['embeddings\.cls_token'\]"):
        build({k: v for k, v in state.items() if k != "dinov2.embeddings.cls_token"})
    with pytest.raises(InputError, match="head is not Orient Anything's"):
        build({k: v for k, v in state.items() if k != "down_sampler.net1.1.running_mean"})
    with pytest.raises(InputError, match=r"unknown \['surplus'\]"):
        rename({"dinov2.surplus": 1}, set())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 359), st.integers(-90, 89), st.integers(0, 359), st.sampled_from([722, 902]))
def test_a_mirrored_image_has_mirrored_angles(azimuth: int, polar: int, turn: int, width: int) -> None:
    half = (width - 542) // 2
    rotation = turn % (2 * half) - half
    logits = np.zeros(width)
    logits[[azimuth, 360 + polar + 90, 540 + rotation + half]] = 20.0
    assert mirrored(decode(logits)).tolist() == [(-azimuth) % 360, polar, -rotation, 0.5]


def test_views_around_north_are_averaged_on_the_circle() -> None:
    answers = np.array([[358.0, 0, 178, 1], [4, 0, -178, 1], [1, 0, 180, 1]])
    got = combine(answers, HeadLayout.of_width(902))
    assert got[0] == pytest.approx(1.0, abs=1e-3)
    assert abs(got[2]) == pytest.approx(180.0, abs=1e-3)


def test_a_crop_holds_the_whole_object_and_no_stretch() -> None:
    K = np.array([[500.0, 0, 160], [0, 500, 120], [0, 0, 1]])
    pixels, mask = np.zeros((240, 320, 3), np.uint8), np.zeros((240, 320), bool)
    mask[100:140, 120:200] = True  # 80 × 40
    pixels[mask] = 255
    crop = crop_object(pixels, np.array([120.0, 100, 200, 140]), mask, K)
    assert crop.shape == (224, 224, 3)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    # 80 px fill 0.85 of 256 px: 217.6 wide, half as high, in the middle
    assert np.ptp(columns) + 1 == pytest.approx(217.6, abs=2)
    assert np.ptp(rows) + 1 == pytest.approx(108.8, abs=2)
    assert columns.mean() == pytest.approx(111.5, abs=1)
    assert rows.mean() == pytest.approx(111.5, abs=1)


def test_background_is_kept_or_removed_and_the_outside_is_black() -> None:
    K = np.array([[500.0, 0, 160], [0, 500, 120], [0, 0, 1]])
    pixels, mask = np.full((240, 320, 3), 200, np.uint8), np.zeros((240, 320), bool)
    mask[0:40, 0:40] = True
    box = np.array([0.0, 0, 40, 40])
    removed = crop_object(pixels, box, mask, K, warp_from_deg=90)
    kept = crop_object(pixels, box, mask, K, remove_background=False, warp_from_deg=90)
    assert removed[112, 112].tolist() == kept[112, 112].tolist() == [200] * 3
    assert removed[112, 223].tolist() == [0] * 3
    assert kept[112, 223].tolist() == [200] * 3
    assert kept[112, 0].tolist() == [0] * 3  # left of the image


def render_box(
    K: np.ndarray, centre: np.ndarray, R: np.ndarray, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a box's faces by casting a ray through every pixel; each face has its own colour. Returns pixels and mask."""
    height, width = size
    extent = np.array([1.2, 0.8, 0.6])
    v, u = np.mgrid[:height, :width] + 0.5
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], axis=-1)
    origin, direction = R.T @ -centre, rays @ R
    with np.errstate(divide="ignore", invalid="ignore"):
        t0, t1 = (-extent / 2 - origin) / direction, (extent / 2 - origin) / direction
    near, far = np.minimum(t0, t1), np.maximum(t0, t1)
    hit = near.max(axis=-1) < far.min(axis=-1)
    axis = near.argmax(axis=-1)
    sign = np.take_along_axis(direction, axis[..., None], -1)[..., 0] < 0
    colours = np.array([[255, 0, 0], [90, 0, 0], [0, 255, 0], [0, 90, 0], [0, 0, 255], [0, 0, 90]], np.uint8)
    pixels = np.where(hit[..., None], colours[axis * 2 + ~sign], np.uint8(0))
    return pixels, hit


def test_an_object_at_the_images_edge_is_seen_as_from_its_own_ray() -> None:
    """The crop of an object 33° off axis, after the warp, is the crop of that object seen straight ahead."""
    K = np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]])
    azimuth, polar, rotation = 35.0, 12.0, -8.0
    centre = np.array([1.9, 0.3, 3.0])
    ray = centre / np.linalg.norm(centre)
    assert math.degrees(math.acos(ray[2])) > 30
    R_edge = rotation_from_orientation(azimuth, polar, rotation, ray=ray.tolist())
    pixels, mask = render_box(K, centre, R_edge, (480, 640))
    ahead, ahead_mask = render_box(
        K,
        np.array([0, 0, np.linalg.norm(centre)]),
        rotation_from_orientation(azimuth, polar, rotation),
        (480, 640),
    )

    def crop(image, visible, *, warp_from: float):
        rows, columns = np.nonzero(visible)
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], dtype=float)
        return crop_object(image, box, visible, K, warp_from_deg=warp_from).astype(float)

    expected = crop(ahead, ahead_mask, warp_from=90)
    warped = np.abs(crop(pixels, mask, warp_from=15) - expected).mean()
    plain = np.abs(crop(pixels, mask, warp_from=90) - expected).mean()
    assert warped < 0.5 * plain, (warped, plain)
    assert warped < 8


def test_the_answer_is_relative_to_the_ray_of_the_box(checkpoint, view) -> None:
    """What the estimator answers, put together with the ray, is the rotation in the camera frame."""
    K = np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]])
    path = checkpoint("orient-722") / "dino_weight.pt"
    part = make_part("orientation", f"orient-anything:{path}", {}, Runtime(device="cpu"))
    part._model = Fixed(azimuth=35, polar=12, rotation=-8)
    box = np.array([400.0, 200, 620, 330])
    [got] = part.run([view(480, 640, boxes=[box], masks=np.ones((1, 480, 640), bool), K=K)])
    assert [float(got[k][0]) for k in ("azimuth_deg", "polar_deg", "rotation_deg")] == [35.0, 12.0, -8.0]
    ray = got["ray"][0]
    intrinsics = Intrinsics.from_matrix(K)
    np.testing.assert_allclose(ray, viewing_ray(510.0, 265.0, intrinsics))
    np.testing.assert_allclose(project(ray, intrinsics), [510.0, 265.0])
    assert box_ray(box, K) == pytest.approx(tuple(ray))


class Fixed(torch.nn.Module):
    """A network that sees the same angles in every crop; a mirrored crop is marked by the caller."""

    def __init__(self, azimuth: int, polar: int, rotation: int) -> None:
        super().__init__()
        self.logits = torch.zeros(722)
        self.logits[[azimuth, 360 + polar + 90, 540 + rotation + 90]] = 20.0
        self.logits[720] = 3.0
        self.batches: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(x))
        return self.logits.repeat(len(x), 1)


def test_augmentation_looks_at_every_crop_and_its_mirror_image(checkpoint, view) -> None:
    path = checkpoint("orient-722") / "dino_weight.pt"
    options = {"flip": True, "fills": (0.7, 0.85, 1.0)}
    part = make_part("orientation", f"orient-anything:{path}", options, Runtime(device="cpu"))
    part._model = Fixed(azimuth=0, polar=10, rotation=0)  # facing the camera: its own mirror image
    K = np.array([[50.0, 0, 20], [0, 50, 20], [0, 0, 1]])
    boxes = [[0, 0, 20, 20], [10, 10, 40, 40]]
    [got] = part.run([view(40, 40, boxes=boxes, masks=np.ones((2, 40, 40), bool), K=K)])
    assert part._model.batches == [6, 6]  # 2 objects × 3 crops, and their mirror images
    assert got["azimuth_deg"].tolist() == [0, 0]
    # softmax of (3, 0): 1 / (1 + e^−3)
    np.testing.assert_allclose(got["confidence"], 1 / (1 + math.exp(-3)), rtol=1e-6)


def test_the_azimuth_is_the_mean_direction_and_the_confidence_its_length() -> None:
    ln3 = math.log(3.0)
    never = -1000.0
    scores = np.array(
        [
            [never, never, 5.0, never, never, never, never, never],  # the left side alone
            [0.0, never, never, never, never, never, never, 0.0],  # front, front right: 0° and 315°
            [ln3, never, 0.0, never, never, never, never, never],  # 3/4 at 0°, 1/4 at 90°: (0.75, 0.25)
            [7.0, never, never, never, 7.0, never, never, never],  # front or back: opposite
            [2.0] * 8,  # no idea
        ]
    )
    heading = heading_from_views(scores)
    # atan(1/3) = 18.435°; |(0.75, 0.25)| = √0.625 = 0.790569; half of 45° apart: cos 22.5° = 0.923880
    np.testing.assert_allclose(heading["azimuth_deg"][:3], [90.0, 337.5, 18.434949], atol=1e-6)
    np.testing.assert_allclose(heading["confidence"], [1.0, 0.923880, 0.790569, 0.0, 0.0], atol=1e-6)


class Saying:
    """Stands in for CLIP: scores every sentence by what `score` says of it, and keeps what it was given."""

    device = "cpu"

    def __init__(self, config, decode, score) -> None:
        self.config, self.decode, self.score, self.images = config, decode, score, []

    def __call__(self, *, pixel_values, input_ids, **_):
        self.images.append(pixel_values)
        scores = [self.score(self.decode(ids)) for ids in input_ids]
        return SimpleNamespace(logits_per_image=torch.tensor([scores] * len(pixel_values)))


def test_each_object_is_compared_with_sentences_of_its_own_name(checkpoint, view) -> None:
    templates = ("a {label} {direction}", "{direction} of a {label}")
    part = make_part(
        "orientation", f"clip-views:{checkpoint('clip')}", {"templates": templates}, Runtime(device="cpu")
    )
    config, spoken = part.load().config, []
    part.tokenizer = lambda texts, **_: (
        spoken.extend(texts) or {"input_ids": torch.arange(len(spoken) - len(texts), len(spoken))}
    )

    def score(sentence: str) -> float:
        # cows are seen from the left side, chairs from the back right; the templates disagree by ±1, which averages out
        word = "the left side" if "cow" in sentence else "the back right"
        return (20.0 if word in sentence else 0.0) + (1.0 if sentence.startswith("a ") else -1.0)

    part._model = Saying(config, lambda i: spoken[i], score)
    K = np.array([[50.0, 0, 20], [0, 50, 20], [0, 0, 1]])
    boxes = [[0, 0, 20, 20], [10, 10, 40, 40], [5, 5, 30, 30]]
    masks = np.ones((3, 40, 40), bool)
    first, none, second = part.run(
        [
            view(40, 40, boxes=boxes, label=[1, 0, 1], masks=masks, K=K),
            view(40, 40, boxes=np.zeros((0, 4)), label=np.zeros(0, int), masks=masks[:0], K=K),
            view(40, 40, boxes=boxes[:1], label=[0], masks=masks[:1], K=K),
        ]
    )
    assert len(spoken) == 2 * len(templates) * len(DIRECTIONS)
    assert part._model.images[0].shape == (4, 3, 32, 32)  # all crops at once, at the model's own size
    np.testing.assert_allclose(first["azimuth_deg"], [225, 90, 225], atol=1e-6)
    np.testing.assert_allclose(second["azimuth_deg"], [90], atol=1e-6)
    assert first["confidence"].min() > 0.999
    assert none["azimuth_deg"].shape == none["confidence"].shape == (0,)
    assert none["ray"].shape == (0, 3)
    assert "polar_deg" not in first


def test_sentences_must_name_the_object_and_the_direction(checkpoint) -> None:
    spec = f"clip-views:{checkpoint('clip')}"
    with pytest.raises(InputError, match=r"templates = .*must hold \{label\} and \{direction\}"):
        make_part("orientation", spec, {"templates": ("a {label}",)})
    with pytest.raises(InputError, match="is a 'sam' model; known are clip, siglip"):
        make_part("orientation", f"clip-views:{checkpoint('sam')}", {}, Runtime(device="cpu")).load()


@pytest.mark.parametrize("pitch_deg", [0.0, -50.0])
def test_a_heading_alone_makes_an_upright_object(view, pitch_deg: float) -> None:
    """Seen from above or not: without polar and in-plane angles the object stands, and no raw orientation is kept."""
    K = np.array([[50.0, 0, 20], [0, 50, 20], [0, 0, 1]])
    known = {
        "boxes": [[10, 10, 30, 30]], "label": [0], "score": [0.9], "masks": np.ones((1, 40, 40), bool), "depth": np.full((40, 40), 4.0),
        "K": K, "gravity": gravity_from_pitch_roll(pitch_deg, 0.0), "azimuth_deg": [90.0], "confidence": [0.9], "ray": [[0.0, 0, 1]],
    }  # fmt: skip
    seen = view(40, 40, labels=("cow",), **known)
    [cow] = build_scene(seen, parse_objects("cow")).scene.objects
    level = level_from_camera(pitch_deg, 0.0)
    # azimuth 90 shows the left side: the front points to the image's left, up is up
    np.testing.assert_allclose(level @ np.array(cow.rotation)[:, :2], [[-1, 0], [0, -1], [0, 0]], atol=1e-9)
    assert cow.orientation_raw is None
    assert cow.rotation_confidence == 0.9


def with_front(probability: float) -> torch.Tensor:
    """Outputs that face the camera, with a probability of having a front."""
    logits = torch.zeros(722)
    logits[[0, 360 + 90, 540 + 90]] = 20.0
    logits[720] = math.log(probability / (1 - probability))
    return logits


class ByBackground(torch.nn.Module):
    """Answers by the brightness of a crop's corner: what it says with the background kept, and with it removed."""

    def __init__(self, kept: list[torch.Tensor], removed: list[torch.Tensor]) -> None:
        super().__init__()
        self.kept, self.removed, self.batches = kept, removed, []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dark = x[:, 0, 0, 0] < 0
        self.batches.append(["removed" if d else "kept" for d in dark])
        whole, black = iter(self.kept), iter(self.removed)
        return torch.stack([next(black) if d else next(whole) for d in dark])


def test_the_background_is_removed_where_it_hides_the_front(checkpoint, view) -> None:
    """As the released code: kept first; removed of what then has no front; and that counts only if it finds one."""
    turned = with_front(0.8).roll(90)  # never asked: the first has a front
    side = with_front(0.9)
    side[:360] = torch.zeros(360).index_fill(0, torch.tensor([90]), 20.0)
    kept = [with_front(0.7), with_front(0.2), with_front(0.4)]
    path = checkpoint("orient-722") / "dino_weight.pt"
    part = make_part("orientation", f"orient-anything:{path}", {"warp_from_deg": 90}, Runtime(device="cpu"))
    part._model = ByBackground(kept, [side, with_front(0.3), turned])
    K = np.array([[500.0, 0, 20], [0, 500, 20], [0, 0, 1]])
    seen = view(40, 40, boxes=[[10, 10, 30, 30]] * 3, masks=np.zeros((3, 40, 40), bool), K=K)
    seen.pixels[...] = 255
    [got] = part.run([seen])
    assert part._model.batches == [["kept"] * 3, ["removed"] * 2]
    assert got["azimuth_deg"].tolist() == [0, 90, 0]
    np.testing.assert_allclose(got["confidence"], [0.7, 0.9, 0.4], rtol=1e-5)
    assert got["has_front"].tolist() == [1, 1, 0]


def built(view, **known: object):
    """The scene of one object, 4 m away, with what is known of it."""
    K = np.array([[50.0, 0, 20], [0, 50, 20], [0, 0, 1]])
    everything = {
        "boxes": [[10, 10, 30, 30]], "label": [0], "score": [0.9], "masks": np.ones((1, 40, 40), bool), "mask_score": [1.0],
        "depth": np.full((40, 40), 4.0), "K": K, "gravity": [0.0, 1, 0], "azimuth_deg": [0.0], "polar_deg": [0.0],
        "rotation_deg": [0.0], "confidence": [0.9], "ray": [[0.0, 0, 1]], "depth_source": "a model", **known,
    }  # fmt: skip
    scene = build_scene(view(40, 40, labels=("dog",), **everything), parse_objects("dog")).scene
    [dog] = scene.objects
    return scene, dog


@pytest.mark.parametrize(
    ("known", "has_front", "reason"),
    [
        ({"azimuth_deg": [np.nan], "confidence": [np.nan]}, None, "the orientation of dog is unknown"),
        ({"has_front": [-1], "azimuth_deg": [np.nan], "confidence": [np.nan]}, None, "the orientation of dog is unknown"),
        ({"has_front": [0]}, False, "dog has no front"),
        ({"confidence": [0.3]}, None, "the orientation of dog is unsure (confidence 0.30 < 0.5)"),
        ({"has_front": [1]}, True, None),
    ],
)  # fmt: skip
def test_a_front_that_is_not_known_is_no_missing_front(view, known, has_front, reason) -> None:
    scene, dog = built(view, **known)
    assert dog.has_front is has_front
    assert evaluate(scene, "object_pose(dog, view=front)").reason == reason


def test_a_guessed_depth_gives_a_place_but_no_size(view) -> None:
    scene, dog = built(view, depth_source="guess: dogs are 50 cm high")
    assert dog.centre is not None
    assert dog.extent is None
    assert dog.sources.centre == scene.depth_source == "guess: dogs are 50 cm high"
    call = "object_size(dog, dog_2, dimension=taller, value_m=0.2)"
    twin = dog.model_copy(update={"id": "dog_2"})
    two = scene.changed(objects=(dog, twin))
    assert (
        "the size of dog is unknown: the depth is a guess: dogs are 50 cm high" in evaluate(two, call).reason
    )


def test_a_box_in_3d_that_a_part_sees_by_itself_is_taken(view) -> None:
    turned = rotation_from_orientation(40.0, 0.0, 0.0).tolist()
    _, dog = built(
        view, centre=[[0.1, 0.2, 4.4]], extent=[[0.9, 0.6, 0.3]], rotation=[turned],
        centre_source=np.array(["a 3D detector"]),
    )  # fmt: skip
    assert dog.centre == (0.1, 0.2, 4.4)
    assert dog.extent == (0.9, 0.6, 0.3)
    np.testing.assert_allclose(dog.rotation, turned, atol=1e-12)
    assert dog.sources.centre == "a 3D detector"
    # what it does not know is measured
    unknown = np.full((1, 3), np.nan)
    _, dog = built(view, centre=unknown, extent=unknown, rotation=np.full((1, 3, 3), np.nan))
    assert dog.centre[2] == pytest.approx(4.0)
    assert dog.sources.centre == "points at the depth by a model"
