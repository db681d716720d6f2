"""`genspace scene build` and `genspace models`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genspace.geometry.perception import REGISTRY
from genspace.geometry.scene_files import read_scene

pytestmark = pytest.mark.xdist_group("probes")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def probe_image(tmp_path: Path) -> Path:
    """A cow and a chair whose truth lies beside the image."""
    pytest.importorskip("embreex", reason="casting probes needs the extra 'render'")
    from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene
    from genspace.geometry.probes.truth import cast, depth_steps, scene_record
    from genspace.geometry.scene_files import write_scene

    camera = ProbeCamera(size=256, fov_deg=50, pitch_deg=-10, roll_deg=0, height_m=1.6)
    objects = (
        PlacedObject(id="cow", category="cow", look=0, ground_xz=(-1.2, 6.0), heading_deg=90),
        PlacedObject(id="chair", category="chair", look=0, ground_xz=(1.4, 6.5), heading_deg=150),
    )
    scene = ProbeScene(camera=camera, objects=objects, backdrop="meadow", seed=1)
    truth = cast(scene)
    folder = tmp_path / "truth"
    folder.mkdir()
    Image.fromarray((truth.owner * 60 + 90).astype(np.uint8)).save(folder / "probe.png")
    steps, scale = depth_steps(truth.depth)
    Image.fromarray(steps).save(folder / "probe.depth.png")
    write_scene(
        scene_record(scene, truth, image="probe.png", depth="probe.depth.png", depth_scale=scale),
        folder / "probe.scene.json",
    )
    return folder / "probe.png"


TRUTH = [
    a
    for s in ("detector", "segmenter", "depth", "intrinsics", "gravity", "orientation")
    for a in ("--part", f"{s}=scene")
]
CALL = "object_distance(cow, chair, value_m=2.6)"


def test_build_writes_scene_overlay_and_3d_view(genspace, probe_image: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    ran = genspace("scene", "build", probe_image, "--predicate", CALL, *TRUTH, "--out", built)
    assert ran.code == 0, ran.err
    assert "cow, " in ran.out
    assert "m away" in ran.out
    assert "focal length from the scene file; down from the scene file" in ran.out
    names = {p.name for p in built.iterdir()}
    assert names == {
        "probe.scene.json",
        "probe.depth.png",
        "probe.cow.npz",
        "probe.chair.npz",
        "probe.overlay.png",
        "probe.stages.png",
        "probe.3d.html",
    }
    with Image.open(built / "probe.overlay.png") as overlay:
        assert overlay.width >= 256
    assert genspace("scene", "check", built / "probe.scene.json").code == 0
    scene = read_scene(built / "probe.scene.json")
    assert scene.model_extra["perception"]["depth"] == "scene"

    # the same verdict by the built scene as by the truth
    verdicts = [
        json.loads(genspace("scene", "judge", f, "--predicate", CALL, "--json").out)[0]
        for f in (built / "probe.scene.json", probe_image.with_suffix(".scene.json"))
    ]
    assert verdicts[0]["passed"] is verdicts[1]["passed"] is True


def test_build_does_not_overwrite_the_truth(genspace, probe_image: Path) -> None:
    before = probe_image.with_suffix(".scene.json").read_bytes()
    ran = genspace("scene", "build", probe_image, "--objects", "cow", *TRUTH)
    assert ran.code == 2
    assert "is there already: choose another folder with --out, or say --overwrite" in ran.err
    assert probe_image.with_suffix(".scene.json").read_bytes() == before


def test_build_says_what_was_not_found_and_what_failed(genspace, probe_image: Path, tmp_path: Path) -> None:
    ran = genspace(
        "scene", "build", probe_image, "--objects", "cow, bicycle", *TRUTH, "--out", tmp_path / "a", "--json"
    )
    assert (ran.code, json.loads(ran.out)[0]["not_found"]) == (0, ["bicycle"])
    known = json.loads(probe_image.with_suffix(".scene.json").read_text())
    probe_image.with_suffix(".scene.json").write_text(
        json.dumps({k: v for k, v in known.items() if k != "depth"})
    )
    ran = genspace("scene", "build", probe_image, "--objects", "cow", *TRUTH, "--out", tmp_path / "b")
    assert ran.code == 1
    assert "holds no depth" in ran.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.png"], "say what to look for"),
        (
            ["x.png", "--objects", "cow", "--part", "deph=scene"],
            "expected STAGE=PART (did you mean 'depth'?)",
        ),
        (
            ["x.png", "--objects", "cow", "--part", "depth=zoodepth"],
            "unknown depth 'zoodepth' (did you mean 'zoedepth'?)",
        ),
        (["x.png", "--objects", "cow", "-o", "depth.scle=2"], "has no option 'scle' (did you mean 'scale'?)"),
        (["x.png", "--objects", "cow", "-o", "scale=2"], "expected STAGE.key=value"),
        (["x.png", "--objects", "cow", *TRUTH], "x.png: cannot be read (No such file or directory)"),
    ],
)
def test_wrong_input_is_one_message(
    genspace, arguments: list[str], message: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = genspace("scene", "build", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_missing_models_are_said_before_the_image_is_looked_at(genspace, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="perception models need the extra 'models'")
    ran = genspace("scene", "build", tmp_path / "absent.png", "--objects", "cow")
    assert ran.code == 2
    for line in (
        "detector.grounding-dino",
        "segmenter.sam",
        "depth.zoedepth",
        "gravity.geocalib",
        "orientation.orient-anything",
    ):
        assert line in ran.err


def test_models_list_names_every_part_with_licence_and_size(genspace) -> None:
    rows = json.loads(genspace("models", "list", "--json").out)
    assert {row["part"] for row in rows} >= set(REGISTRY.builtin)
    assert sum(row["default"] for row in rows) == 6
    for row in rows:
        assert (row["checkpoint"] is None) == (row["licence"] is None) == (row["megabytes"] is None)
    [default] = [r for r in rows if r["default"] and r["part"].startswith("depth.")]
    assert default["licence"] == "MIT"
    text = genspace("models", "list", "depth").out
    assert "depth.zoedepth (default): metres" in text
    assert "1.4 GB  MIT" in text
    assert "segmenter" not in text
    assert genspace("models", "list", "depht").code == 2


def test_a_checkpoint_in_the_cache_is_here(genspace, tmp_path: Path, monkeypatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    snapshot = tmp_path / "models--Intel--zoedepth-nyu" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs/main").write_text("a" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    here = {
        r["checkpoint"] for r in json.loads(genspace("models", "list", "depth", "--json").out) if r["here"]
    }
    assert "Intel/zoedepth-nyu" in here
    assert "Intel/zoedepth-nyu-kitti" not in here


class FakeHub:
    """Stands in for the hub: records what is asked for, or raises."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
        hub = pytest.importorskip("huggingface_hub")
        self.asked: list[tuple[str, object]] = []
        self.error = error
        monkeypatch.setattr(hub, "snapshot_download", self._fetched)
        monkeypatch.setattr(hub, "hf_hub_download", self._answer)
        monkeypatch.setattr(
            hub,
            "list_repo_files",
            lambda repo, *, revision: [
                "config.json",
                "model.safetensors",
                "pytorch_model.bin",
                "tf_model.h5",
            ],
        )

    def _fetched(self, repo: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        return self._answer(repo, allow_patterns, revision=revision)

    def _answer(self, repo: str, what: object, *, revision: str | None) -> str:
        self.asked.append((f"{repo}@{revision}" if revision else repo, what))
        if self.error:
            raise self.error
        return "/somewhere"


def test_fetch_takes_one_weight_format_or_one_file(genspace, monkeypatch) -> None:
    hub = FakeHub(monkeypatch)
    assert (
        genspace("models", "fetch", "depth.zoedepth", "orientation.orient-anything", "hf:a/vlm@v2").code == 0
    )
    whole = ["*.json", "*.txt", "*.model", "*.jinja", "model.safetensors"]
    assert hub.asked == [
        ("Intel/zoedepth-nyu-kitti", whole),
        ("Viglong/Orient-Anything", "croplargeEX2/dino_weight.pt"),
        ("a/vlm@v2", whole),
    ]


def hub_error(name: str) -> Exception:
    errors = pytest.importorskip("huggingface_hub.errors")
    kind = getattr(errors, name)
    error = kind.__new__(kind)
    error.args = ("the hub says no",)
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (lambda: hub_error("GatedRepoError"), "accept its licence at https://huggingface.co/apple/DepthPro-hf, then run: hf auth login"),
        (lambda: hub_error("RepositoryNotFoundError"), "is not on the Hugging Face hub (or is private"),
        (lambda: hub_error("OfflineModeIsEnabled"), "was not fetched because HF_HUB_OFFLINE is set"),
        (lambda: OSError("Name or service not known"), "With a network, run it again: whole files are kept."),
    ],
)  # fmt: skip
def test_fetch_says_what_to_do(genspace, monkeypatch, error: Callable[[], Exception], message: str) -> None:
    FakeHub(monkeypatch, error())
    ran = genspace("models", "fetch", "depth.depth-pro")
    assert ran.code == 2
    assert message in ran.err


def test_fetch_refuses_what_it_does_not_know(genspace) -> None:
    assert "expected STACK, STAGE.PART" in genspace("models", "fetch", "zoedepth").err
    assert "which checkpoint?" in genspace("models", "fetch", "hf").err
    assert "has no model, so there is nothing to fetch" in genspace("models", "fetch", "gravity.level").err
    assert (
        "unknown depth 'zoodepth' (did you mean 'zoedepth'?)"
        in genspace("models", "fetch", "depth.zoodepth").err
    )


def test_listing_parts_loads_no_model_library(monkeypatch) -> None:
    from genspace.geometry.perception import kinds

    before = set(sys.modules)
    assert len(kinds()) >= len(REGISTRY.builtin)
    assert not {"torch", "transformers"} & (set(sys.modules) - before)


def test_progress_is_told_on_standard_error(genspace, probe_image: Path, tmp_path: Path) -> None:
    arguments = [
        "scene",
        "build",
        probe_image,
        "--objects",
        "cow",
        *TRUTH,
        "--out",
        tmp_path / "built",
        "--overwrite",
    ]
    told = genspace(*arguments).err
    assert "depth: 1 of 1 images, " in told
    assert "/s" in told
    assert "depth:" not in genspace("-q", *arguments).err
