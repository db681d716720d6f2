"""Drawing: the picture shows what the truth says, and the same seed draws the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from genspace.geometry.probes.render import draw, mitsuba_variant
from genspace.geometry.probes.scenes import Camera, Placed, ProbeScene
from genspace.geometry.probes.truth import cast


@pytest.fixture(scope="module")
def scene() -> ProbeScene:
    camera = Camera(size=64, fov_deg=50, pitch_deg=-12, roll_deg=6, height_m=1.0)
    red = Placed(id="ball", category="ball", look=0, ground_xz=(0.25, 2.2), heading_deg=0)
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
