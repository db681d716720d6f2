"""Focal length and gravity: read, fitted, or stated as a guess; torch.hub's models through their pinned repositories."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genspace.errors import InputError
from genspace.geometry.camera import Intrinsics, unproject
from genspace.geometry.frames import gravity_from_pitch_roll
from genspace.geometry.perception import Part, Perception, Runtime, Subject, make_part, parse_objects
from genspace.geometry.perception._checks import check_output
from genspace.geometry.perception._parts import PerceptionError
from genspace.geometry.perception.cameras import GEOCALIB_SOURCE, focal_from_35mm, ground_normal, known_focal
from genspace.geometry.perception.depths import METRIC3D_SOURCE

pytestmark = pytest.mark.xdist_group("torch")


def test_default_is_marked_as_a_guess(view) -> None:
    [got] = make_part("intrinsics", "default", {"vertical_deg": 90}).run([view(40, 60)])
    # 90° over 40 px: f = 20 / tan 45° = 20
    np.testing.assert_allclose(got["K"], [[20, 0, 30], [0, 20, 20], [0, 0, 1]])
    assert str(got["K_source"]) == "guess: 90° vertical field of view; nothing is known about the camera"


def test_exif_compares_diagonals(view) -> None:
    # 43.2666 mm is the diagonal of 36 × 24 mm; an image of 30 × 40 px has 50 px
    assert focal_from_35mm(43.2666, (30, 40)) == pytest.approx(50.0, abs=1e-4)
    part = make_part("intrinsics", "exif")
    v = view(30, 40)
    [got] = part.run([replace(v, picture=replace(v.picture, focal_35mm=26.0))])
    assert got["K"][0, 0] == pytest.approx(26 / math.hypot(36, 24) * 50)
    assert str(got["K_source"]) == "EXIF: 26 mm (35 mm equivalent)"
    [got] = part.run([v])
    assert str(got["K_source"]).startswith("guess: 50° vertical field of view; the file has no EXIF")


def test_a_guess_is_no_known_focal_length(view) -> None:
    """A known focal length is another part's or the file's; a stated default is none."""
    known = np.array([[55.0, 0, 30], [0, 55, 20], [0, 0, 1]])
    assert known_focal(view(40, 60, K=known, K_source="somebody")) == (55.0, "another part's intrinsics")
    assert known_focal(view(40, 60, K=known, K_source="guess: 50°")) is None
    v = view(30, 40)
    photo = replace(v, picture=replace(v.picture, focal_35mm=26.0))
    assert known_focal(photo) == (focal_from_35mm(26.0, (30, 40)), "EXIF: 26 mm (35 mm equivalent)")
    assert known_focal(v) is None


@pytest.mark.parametrize("focal", [-50.0, 0.0, 1e-3, 1e6])
def test_absurd_intrinsics_are_refused(view, focal: float) -> None:
    v = view(40, 60)
    K = np.array([[focal, 0, 30], [0, focal, 20], [0, 0, 1]])
    with pytest.raises(PerceptionError, match="are absurd"):
        check_output(make_part("intrinsics", "default"), v, {"K": K})


def floor_scene(
    pitch_deg: float, roll_deg: float, size: tuple[int, int] = (120, 160)
) -> tuple[np.ndarray, np.ndarray]:
    """Depth of a floor 1.5 m below the camera and a wall 12 m ahead, and K."""
    height, width = size
    K = np.array([[150.0, 0, width / 2], [0, 150, height / 2], [0, 0, 1]])
    v, u = np.mgrid[:height, :width]
    rays = unproject(u, v, np.ones(size), Intrinsics.from_matrix(K))
    down = gravity_from_pitch_roll(pitch_deg, roll_deg)
    forward = np.array([0.0, 0, 1]) - down * down[2]
    with np.errstate(divide="ignore"):
        floor, wall = 1.5 / (rays @ down), 12.0 / (rays @ (forward / np.linalg.norm(forward)))
    depth = np.minimum(np.where(floor > 0, floor, np.inf), np.where(wall > 0, wall, np.inf))
    return np.where(np.isfinite(depth), depth, 0.0).astype(np.float32), K


@pytest.mark.parametrize(("pitch", "roll"), [(0, 0), (-20, 0), (-10, 8), (-30, -15), (5, 3)])
def test_the_ground_plane_gives_gravity(view, pitch: float, roll: float) -> None:
    depth, K = floor_scene(pitch, roll)
    depth = depth * np.random.default_rng(0).normal(1, 0.002, depth.shape)
    masks = np.zeros((1, 120, 160), bool)
    masks[0, 80:, 60:100] = True
    depth[masks[0]] = 1.0  # an object, which must not count
    [got] = make_part("gravity", "ground-plane").run([view(120, 160, depth=depth, K=K, masks=masks)])
    assert str(got["gravity_source"]) == "the ground plane"
    angle = math.degrees(math.acos(min(1, got["gravity"] @ gravity_from_pitch_roll(pitch, roll))))
    assert angle < 1.5


def test_no_ground_is_a_guess(view) -> None:
    K = np.array([[150.0, 0, 80], [0, 150, 60], [0, 0, 1]])
    part = make_part("gravity", "ground-plane")
    wall = np.full((120, 160), 3.0)
    [got] = part.run([view(120, 160, depth=wall, K=K, masks=np.zeros((0, 120, 160), bool))])
    assert got["gravity"].tolist() == [0, 1, 0]
    assert str(got["gravity_source"]) == "guess: level camera; no ground plane was found"
    hidden = np.ones((1, 120, 160), bool)
    [got] = part.run([view(120, 160, depth=wall, K=K, masks=hidden)])
    assert str(got["gravity_source"]).startswith("guess:")


def test_the_fit_is_the_same_every_time() -> None:
    points = np.random.default_rng(1).normal(size=(500, 3)) * [2, 0.01, 2] + [0, 1.4, 5]
    assert (ground_normal(points, seed=3) == ground_normal(points, seed=3)).all()


def hub_repository(root: Path, repository: str, commit: str, code: str) -> None:
    folder = root / f"{repository.replace('/', '_')}_{commit}"
    folder.mkdir(parents=True)
    (folder / "hubconf.py").write_text(code)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch.hub folder of this test's own."""
    torch = pytest.importorskip("torch", reason="perception models need the extra 'models'")
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    return tmp_path


GEOCALIB = """
import torch

class GeoCalib(torch.nn.Module):
    asked = []
    def __init__(self):
        super().__init__()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
    def calibrate(self, image, camera_model="pinhole", priors=None, shared_intrinsics=False):
        assert image.ndim == 3 and image.shape[0] == 3 and 0 <= image.min() and image.max() <= 1
        self.asked.append(None if priors is None else {k: round(v.item(), 3) for k, v in priors.items()})
        focal = priors["focal"].item() if priors else None
        class Camera: f = torch.tensor([[focal or 123.0, focal or 124.0]])
        class Gravity: vec3d = torch.tensor([[-0.1, -0.9, 0.2]])
        return {"camera": Camera, "gravity": Gravity}
"""


@pytest.fixture
def bare_sources() -> Iterator[None]:
    """The repositories' own packages are not needed by the stand-ins below."""
    originals = [(s, s.packages) for s in (GEOCALIB_SOURCE, METRIC3D_SOURCE)]
    for source, _ in originals:
        object.__setattr__(source, "packages", ())
    yield
    for source, packages in originals:
        object.__setattr__(source, "packages", packages)


def geocalib(hub: Path) -> Part:
    hub_repository(hub, GEOCALIB_SOURCE.repository, GEOCALIB_SOURCE.commit, GEOCALIB)
    (hub / "geocalib").mkdir()
    (hub / "geocalib/pinhole.tar").touch()
    return make_part("gravity", "geocalib", {}, Runtime(device="cpu"))


@pytest.mark.usefixtures("bare_sources")
def test_geocalib_gives_up_so_down_is_its_negative(hub: Path, view) -> None:
    absent = make_part("intrinsics", "geocalib", {}, Runtime(device="cpu"))
    assert "genspace models fetch gravity.geocalib:GeoCalib" in absent.problem()
    part = geocalib(hub)
    assert part.problem() is None
    [got] = part.run([view(40, 60)])
    np.testing.assert_allclose(got["gravity"], [0.1, 0.9, -0.2], rtol=1e-6)
    np.testing.assert_allclose(got["K"], [[123, 0, 30], [0, 124, 20], [0, 0, 1]])
    assert part.model.asked == [None]


@pytest.mark.usefixtures("bare_sources")
def test_geocalib_runs_once_and_takes_a_known_focal_length_as_prior(hub: Path, view) -> None:
    part = geocalib(hub)
    pixels = view(40, 60).picture
    subject = Subject(pixels, parse_objects("cow"))
    [both] = Perception({"intrinsics": part, "gravity": part}, resident="all").run([subject])
    assert part.model.asked == [None]  # one pass for both
    assert both.source("K") == both.source("gravity") == "GeoCalib"

    photo = replace(subject, picture=replace(pixels, focal_35mm=26.0))
    [seen] = Perception({"intrinsics": part, "gravity": part}, resident="all").run([photo])
    focal = focal_from_35mm(26.0, (40, 60))
    assert part.model.asked[1] == {"focal": pytest.approx(focal, abs=1e-3)}
    assert seen.known["K"][0, 0] == pytest.approx(focal)
    assert seen.source("K") == "EXIF: 26 mm (35 mm equivalent)"
    assert seen.source("gravity") == "GeoCalib, given the focal length from EXIF: 26 mm (35 mm equivalent)"

    # another part's focal length is a prior, a stated default is none
    stated = make_part("intrinsics", "default")
    [guessed] = Perception({"intrinsics": stated, "gravity": part}, resident="all").run([subject])
    assert (part.model.asked[2], guessed.source("gravity")) == (None, "GeoCalib")
    assert guessed.guessed("K")
    part.close()


METRIC3D = """
import torch

class Net(torch.nn.Module):
    def inference(self, data):
        x = data["input"]
        assert x.shape[-2:] == (616, 1064)
        # 2 m in the canonical camera where there is image, 50 m in the padding (which is exactly 0)
        depth = torch.where((x == 0).all(dim=1, keepdim=True), 50.0, 2.0)
        return depth, None, {}

def metric3d_vit_small(pretrain=False):
    assert pretrain
    return Net()
"""


@pytest.mark.usefixtures("bare_sources")
@pytest.mark.parametrize("size", [(308, 532), (77, 532), (600, 300)], ids=str)
def test_metric3d_is_scaled_by_the_focal_length(hub: Path, view, size: tuple[int, int]) -> None:
    hub_repository(hub, METRIC3D_SOURCE.repository, METRIC3D_SOURCE.commit, METRIC3D)
    (hub / "checkpoints").mkdir()
    (hub / "checkpoints/metric_depth_vit_small_800k.pth").touch()
    part = make_part("depth", "metric3d:metric3d_vit_small", {}, Runtime(device="cpu"))
    assert part.problem() is None
    K = np.array([[700.0, 0, size[1] / 2], [0, 700, size[0] / 2], [0, 0, 1]])
    [got] = part.run([view(*size, K=K, K_source="measured")])
    assert "depth_source" not in got
    [guessed] = part.run([view(*size, K=K, K_source="guess: 50°")])
    assert str(guessed["depth_source"]) == "guess: depth.metric3d, for a guessed focal length"
    # resized by s to fit 616 × 1064, so the focal length is 700 s; canonical 2 m become 2 · 700 s / 1000
    scale = min(616 / size[0], 1064 / size[1])
    assert got["depth"].shape == size
    np.testing.assert_allclose(got["depth"][4:-4, 4:-4], 2 * 700 * scale / 1000, rtol=1e-5)


def test_missing_packages_are_named_with_their_command() -> None:
    pytest.importorskip("torch", reason="perception models need the extra 'models'")
    from genspace.geometry.perception._parts import Checkpoint
    from genspace.geometry.perception._torch_hub import TorchHubPart, TorchHubSource, fetch_torch_hub

    source = TorchHubSource(
        repository="a/b", commit="0" * 40, packages=("no_such_package", "numpy"), weights={"m": "m.pt"}
    )

    class Empty(TorchHubPart):
        gives = ("depth",)

        def run(self, views):
            return []

    part = Empty("depth.x", source, Checkpoint(name="m", licence="", megabytes=1), None, Runtime())
    assert part.problem() == "depth.x (a/b) needs no_such_package. Install with: pip install no_such_package"
    with pytest.raises(InputError, match="pip install no_such_package"):
        fetch_torch_hub(source, Checkpoint(name="m", licence="", megabytes=1))
    with pytest.raises(InputError, match="has no model 'n'; known: m"):
        source.weights_file("n")
