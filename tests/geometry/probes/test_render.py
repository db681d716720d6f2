"""Drawing: the picture shows what the truth says, and the same seed draws the same picture."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from genspace.geometry.probes import render
from genspace.geometry.probes.render import draw, mitsuba_variant
from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene
from genspace.geometry.probes.truth import cast


@pytest.fixture(scope="module")
def scene() -> ProbeScene:
    camera = ProbeCamera(size=64, fov_deg=50, pitch_deg=-12, roll_deg=6, height_m=1.0)
    red = PlacedObject(id="ball", category="ball", look=0, ground_xz=(0.25, 2.2), heading_deg=0)
    return ProbeScene(camera=camera, objects=(red,), backdrop="studio", seed=5)


@pytest.mark.needs_debian("libllvm19")
def test_llvm_is_used_where_it_is_installed():
    assert mitsuba_variant() == "llvm_ad_rgb"


@pytest.mark.needs_debian("libllvm19")
def test_the_red_ball_is_where_its_mask_is(scene):
    image = draw(scene, samples=16).astype(float)
    red = image[..., 0] - image[..., 1:].max(axis=-1) > 50
    mask = cast(scene).owner == 0
    assert (red & mask).sum() / (red | mask).sum() > 0.85  # pixels on the outline are mixed


@pytest.mark.needs_debian("libllvm19")
def test_the_same_seed_draws_the_same_picture(scene):
    assert np.array_equal(draw(scene, samples=4), draw(scene, samples=4))


class Tried:
    """What trying a small picture in a process of its own comes to."""

    def __init__(self, returncode: int, stderr: str = "") -> None:
        self.returncode, self.stderr = returncode, stderr


@pytest.mark.parametrize(
    ("tried", "variant", "said"),
    [
        (Tried(0), "llvm_ad_rgb", ""),
        (Tried(1, "ImportError: the LLVM shared library could not be found!"), "scalar_rgb", ""),
        (Tried(-6, "LLVM ERROR: Cannot select: t1\n"), "scalar_rgb", "LLVM cannot draw here (LLVM ERROR: Cannot select: t1)"),
    ],
)  # fmt: skip
def test_the_variant_is_what_a_small_picture_can_be_drawn_with(tried, variant, said, monkeypatch, caplog):
    pytest.importorskip("mitsuba", reason="drawing probes needs the extra 'render'")
    monkeypatch.setattr(render.subprocess, "run", lambda *a, **k: tried)
    assert render.mitsuba_variant.__wrapped__() == variant
    assert said in caplog.text
    assert bool(caplog.text) == bool(said)


def test_an_llvm_that_aborts_is_not_drawn_with(tmp_path):
    """LLVM 15, where it is installed: it adds numbers and then aborts the process on real kernels."""
    library = ctypes.util.find_library("LLVM-15")
    if library is None:
        pytest.skip("LLVM 15 is not installed")
    paths = [p for p in Path("/usr/lib").glob("*/libLLVM-15.so*") if p.is_file()]
    command = "from genspace.geometry.probes.render import mitsuba_variant; print(mitsuba_variant())"
    ran = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=False,
        env=os.environ | {"DRJIT_LIBLLVM_PATH": str(paths[0])},
    )  # fmt: skip
    assert ran.stdout.strip() == "scalar_rgb", ran.stderr


def test_without_mitsuba_no_folder_is_begun(tmp_path, monkeypatch):
    import genspace.errors
    from genspace.errors import MissingExtraError
    from genspace.geometry.probes.folder import RenderSettings, render_study

    render.mitsuba_variant.cache_clear()
    monkeypatch.setattr(genspace.errors, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"genspace\[render\]"):
        render_study(tmp_path / "probes", RenderSettings(per_predicate=1))
    assert not (tmp_path / "probes").exists()
    render.mitsuba_variant.cache_clear()


def test_a_process_that_dies_is_one_message(tmp_path, monkeypatch):
    from concurrent.futures import Future
    from concurrent.futures.process import BrokenProcessPool

    from genspace.errors import InputError
    from genspace.geometry.probes import folder

    class Broken:
        """A pool whose processes die."""

        def __init__(self, *_, **__):
            pass

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *_: None  # noqa: E731

        def submit(self, *_, **__):
            future = Future()
            future.set_exception(BrokenProcessPool("a process died"))
            return future

    monkeypatch.setattr(folder, "ProcessPoolExecutor", Broken)
    settings = folder.RenderSettings(per_predicate=1, task="t2i", pictures=False, size=64)
    with pytest.raises(InputError, match=r"a process that draws ended abruptly.*`workers` 1"):
        folder.render_study(tmp_path / "probes", settings, workers=2)
