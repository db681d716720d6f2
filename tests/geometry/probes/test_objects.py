"""Objects: sizes, frames, fronts, and the solids they are made of."""

from __future__ import annotations

import numpy as np
import pytest

from genspace.errors import InputError
from genspace.geometry.probes import _solids as solids
from genspace.geometry.probes.objects import CATALOGUE, make_object

# plausible full sizes in metres: (front, up, right), lowest and highest
SIZES = {
    "car": ((3.5, 1.4, 1.6), (5.0, 1.8, 2.2)),
    "person": ((0.2, 1.5, 0.4), (0.45, 1.95, 0.75)),
    "cow": ((2.0, 1.3, 0.6), (2.8, 1.8, 1.0)),
    "mug": ((0.07, 0.08, 0.1), (0.1, 0.12, 0.15)),
    "bus": ((8.5, 2.8, 2.4), (12.5, 3.4, 3.1)),
    "chair": ((0.4, 0.8, 0.4), (0.6, 1.1, 0.6)),
    "aeroplane": ((13, 4, 12), (17, 6, 17)),
}


@pytest.mark.parametrize("category", sorted(CATALOGUE))
def test_every_look_is_centred_sized_and_distinct(category):
    entry = CATALOGUE[category]
    objects = [make_object(category, look) for look in range(len(entry.looks))]
    assert len(objects) >= 3
    for built in objects:
        low = np.min([part.mesh.bounds[0] for part in built.parts], axis=0)
        high = np.max([part.mesh.bounds[1] for part in built.parts], axis=0)
        assert high == pytest.approx(built.extent / 2, abs=1e-9)
        assert low == pytest.approx(-built.extent / 2, abs=1e-9)
        if category in SIZES:
            smallest, largest = SIZES[category]
            assert (built.extent >= smallest).all()
            assert (built.extent <= largest).all()
        assert all(np.isfinite(part.mesh.vertices).all() for part in built.parts)
    assert len({tuple(part.paint.colour for part in built.parts) for built in objects}) == len(objects)


def test_things_whose_front_not_everybody_sees_have_none():
    """Whether a mug's handle is at its side or behind, and a teapot's spout in front, is anybody's guess."""
    frontless = sorted(name for name, entry in CATALOGUE.items() if not entry.has_front)
    assert frontless == ["ball", "mug", "teapot", "vase"]


@pytest.mark.parametrize("category", ["ball", "vase"])
def test_controls_look_alike_from_every_side(category):
    """A quarter turn about the vertical maps the object's surface on itself: equal extents and equal moments."""
    built = make_object(category)
    assert built.extent[0] == pytest.approx(built.extent[2], rel=1e-3)
    vertices = np.vstack([part.mesh.vertices for part in built.parts])
    assert vertices[:, 0].mean() == pytest.approx(vertices[:, 2].mean(), abs=1e-3)


@pytest.mark.parametrize(
    ("category", "feature"),
    [
        ("car", "#fff6dc"),
        ("bus", "#ffb000"),
        ("person", "#b4544f"),
        ("dog", "#e0696f"),
        ("bicycle", "#fff6dc"),
    ],
)
def test_what_marks_the_front_lies_in_front(category, feature):
    """Lamps, the destination sign, the mouth and the tongue lie at positive x."""
    marks = [part.mesh for part in make_object(category).parts if part.paint.colour == feature]
    assert marks
    assert all(mesh.bounds.mean(axis=0)[0] > 0 for mesh in marks)


def test_a_mug_looks_alike_from_every_side_but_for_its_handle():
    # z points to the object's right; radius 0.042 on one side, radius plus handle on the other
    mug = make_object("mug")
    body = max((part.mesh for part in mug.parts), key=lambda mesh: mesh.volume)
    assert body.bounds[0][2] + mug.extent[2] / 2 == pytest.approx(mug.extent[2] - 2 * 0.042, abs=2e-3)


def test_unknown_category_names_the_closest():
    with pytest.raises(InputError, match="did you mean 'chair'"):
        make_object("chairs")


def test_solids_have_the_volume_of_their_formula():
    # box 2 x 2 x 2 without rounding: 8; cylinder of radius 1 and length 0.5: pi / 2, less the 48-gon's loss (< 0.3 %)
    assert solids.block((-1, -1, -1), (1, 1, 1)).volume == pytest.approx(8)
    assert solids.disc((0, 0, 0), 1, 0.5, "z").volume == pytest.approx(np.pi / 2, rel=3e-3)
    # torus: 2 pi² R r² = 2 pi² · 1 · 0.01 = 0.19739 (polygons lose 4 %)
    ring = [[np.cos(a), np.sin(a), 0] for a in np.linspace(0, 2 * np.pi, 40, endpoint=False)]
    assert solids.tube(ring, 0.1, closed=True).volume == pytest.approx(0.19739, rel=0.04)


def test_blend_of_one_limb_is_a_capsule():
    # pi r² L + 4/3 pi r³ with r = 0.2, L = 1: 0.12566 + 0.03351 = 0.15917
    mesh = solids.blend([((0, 0, 0), (1, 0, 0), 0.2, 0.2)], smooth=0.05, cell=0.02)
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(0.15917, rel=0.02)
    assert mesh.bounds.ravel() == pytest.approx([-0.2, -0.2, -0.2, 1.2, 0.2, 0.2], abs=0.02)
