"""Sizes and bearings of single boxes, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from genspace.geometry.evaluate import _combined, in_words, measured_in_words
from genspace.geometry.measures import (
    bearing_deg,
    check_apart,
    mutual_bearing,
    pair_view,
    size_m,
    unseen_factor,
)
from genspace.geometry.profiles import CORRECTED
from genspace.geometry.scene import SceneObject
from genspace.geometry.views import Placed, Unknown, Unmeasurable
from genspace.records import Measurement


def box(name: str = "cow", *, place: tuple[float, float, float] = (0, 0, 3), complete: bool = True) -> Placed:
    """A box 1 m wide, 2 m high and 3 m long that faces right."""
    return Placed(
        item=SceneObject(id=name, extent=(1.0, 2.0, 3.0), complete=complete), in_camera=place, in_level=place,
        ground_front=(1.0, 0.0), level=None, cut=None, limits=CORRECTED.limits,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("dimension", "axis", "expected"),
    [
        ("taller", "front", 2.0), ("longer", "longest", 3.0), ("wider", "longest", 1.0),
        ("longer", "front", 1.0), ("wider", "front", 3.0), ("longer", "side", 3.0), ("wider", "side", 1.0),
    ],
)  # fmt: skip
def test_length_is_along_the_axis_that_the_call_names(dimension: str, axis: str, expected: float) -> None:
    assert size_m(box(), dimension, axis) == expected


@pytest.mark.parametrize(("dimension", "sides"), [("taller", 0), ("longer", 1), ("wider", 1), ("bigger", 2)])
def test_each_side_that_one_view_does_not_show_may_be_longer(dimension: str, sides: int) -> None:
    share = CORRECTED.limits.unseen_share
    assert unseen_factor(box(complete=False), dimension) == pytest.approx((1 + share) ** sides)
    assert unseen_factor(box(), dimension) == 1.0


def test_what_stands_at_one_place_is_named() -> None:
    with pytest.raises(Unmeasurable, match="cow and cat are above one another"):
        bearing_deg(box(), box("cat"))
    with pytest.raises(Unmeasurable, match="cow and the camera are above one another"):
        bearing_deg(box(place=(0, 1, 0)), (0.0, 0.0, 0.0))


def test_a_pair_is_seen_from_between_its_headings() -> None:
    """Both look at the camera, which is then straight ahead of them; turned to the right, they have it at 90 degrees."""
    left, right = box(place=(-1, 0, 3)), box("cat", place=(1, 0, 3))
    facing = [replace(one, ground_front=(0.0, -1.0)) for one in (left, right)]
    assert pair_view(*facing, 0.0) == pytest.approx((0.0, 0.0))
    assert pair_view(left, right, 0.0)[1] == pytest.approx(90.0)
    with pytest.raises(Unmeasurable, match="cow and cat face opposite ways"):
        pair_view(left, replace(right, ground_front=(-1.0, 0.0)), 0.0)


def test_either_side_is_as_far_as_the_worse_of_both_is_from_a_right_angle() -> None:
    """The cow faces right; the cat is 3 m ahead and 1 m to its left, so at -18.4 degrees; the cat faces away from the cow."""
    cow, cat = box(), replace(box("cat", place=(3, 0, 4)))
    off = math.degrees(math.atan2(1, 3))
    assert mutual_bearing(cow, cat, None)[1] == pytest.approx(90 - off)
    beside = box("cat", place=(0, 0, 5))
    assert mutual_bearing(cow, beside, None)[1] == pytest.approx(0)


def test_only_known_places_can_be_one_place() -> None:
    with pytest.raises(Unmeasurable, match=r"cow and cat are at one place, 1\.0 cm apart"):
        check_apart(box(), box("cat", place=(0.01, 0, 3)))
    nowhere = replace(box("cat"), in_camera=Unknown("no depth"))
    for a, b in ((box(), nowhere), (nowhere, box())):
        check_apart(a, b)


def test_what_is_reported_beside_constraints_decides_nothing() -> None:
    seen = Measurement(quantity="share seen", value=0.4, unit="")
    half, unknown = (
        Measurement(quantity="distance", value=v, unit="m", target=1.0, inner=0.1, outer=0.3, score=s)
        for v, s in ((1.2, 0.5), (None, None))
    )
    assert _combined([seen, half, seen, half]).score == 0.25
    assert _combined([seen, half, unknown]).score is None


def test_a_number_without_a_unit_has_three_decimals() -> None:
    assert measured_in_words(Measurement(quantity="ratio", value=1.3, unit="")) == "ratio 1.300"


def test_what_is_wanted_is_said_in_its_note_where_no_number_is() -> None:
    seen = Measurement(quantity="share seen", value=0.4, unit="", note="of both")
    assert in_words(seen) == "share seen 0.400, of both"
    within = replace(seen, outer=0.5, note="at most one half", score=1.0)
    assert in_words(within) == "share seen 0.400, wanted at most one half, score 1"
