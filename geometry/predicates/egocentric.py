"""One object lies to the left or right of another as the camera sees them, or closer to it or farther from it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from genspace.geometry import measures, reference
from genspace.geometry.drawing.concepts import VIEWER, Concept, PlanFigure
from genspace.geometry.frames import wrap_deg
from genspace.geometry.predicates import (
    Bound,
    Case,
    Limit,
    Measured,
    Predicate,
    Variant,
    constraint,
    opposites,
)
from genspace.geometry.probes.planning import Draw, Eye, Layout, Plan, UnfitError, by_variant, inserted

if TYPE_CHECKING:
    from genspace.geometry.probes.scenes import ProbeScene

__all__ = ["PREDICATE"]

SIGN = {"left": 1.0, "right": -1.0, "closer": 1.0, "farther": -1.0}
"""Of what is measured, second against first, when the first is where it should be."""
ACROSS, AHEAD = ("left", "right"), ("closer", "farther")


def egocentric(case: Case) -> Measured:
    """The order of left and right in the picture, or the ratio of the distances from the camera."""
    word, (a, b) = str(case.settings["relation"]), case.objects
    one, other = a.item.id, b.item.id

    def measure() -> tuple[float, float]:
        measures.check_apart(a, b)
        if word in ACROSS:
            value = wrap_deg(measures.picture_azimuth_deg(b) - measures.picture_azimuth_deg(a))
        else:
            value = math.log(measures.camera_distance_m(b) / measures.camera_distance_m(a))
        return SIGN[word] * value, -SIGN[word] * value

    quantity, unit = (
        (f"angle by which {one} lies {word} of {other}", "deg")
        if word in ACROSS
        else (f"log ratio of distances by which {one} is {word} than {other}", "ratio")
    )
    return [constraint(quantity, unit, None, case.limits["order"], measure, note="at least 0")]


_DRAWN = {
    "left": ((-0.9, 0.1), (0.9, 0.1)),
    "right": ((0.9, 0.1), (-0.9, 0.1)),
    "closer": ((-0.6, -0.75), (0.6, 0.75)),
    "farther": ((-0.6, 0.75), (0.6, -0.75)),
}


def drawing(bound: Bound) -> Concept:
    """A and B with the camera's lines of sight; where they face does not matter."""
    a, b = _DRAWN[bound.word]
    return Concept((PlanFigure("A", *a), PlanFigure("B", *b)), camera=VIEWER, sights=("A", "B"))


def across(draw: Draw) -> Layout:
    """Two objects an angle apart; positive: the first lies on the asked side.

    They are placed by their azimuths on the ground. How far they lie apart in the picture, which is what is asked, is
    measured once it is known how far the camera looks down.
    """
    pair, sign = draw.pair(fronts=(False, False)), SIGN[draw.variant]
    layout = _seen(draw, *pair, angle_deg=-sign * draw.error, log_ratio=draw.between(-0.5, 0.5))
    return replace(layout, measured=lambda scene: sign * _angle_in_picture_deg(scene))


def _angle_in_picture_deg(scene: ProbeScene) -> float:
    """How far to the right of the first the second lies, seen by a camera with the same pitch and no roll."""
    ahead = scene.camera.level_from_camera[:, 2]
    a, b = (placed.centre(scene.camera) for placed in scene.objects)
    return math.degrees(math.atan2(b[0], b @ ahead) - math.atan2(a[0], a @ ahead))


def nearer(draw: Draw) -> Layout:
    """Two objects whose distances from the camera have a ratio; positive: the order is as asked."""
    pair = draw.pair(fronts=(False, False))
    angle = draw.between(8, 35) * draw.one_of(-1, 1)
    return _seen(draw, *pair, angle_deg=angle, log_ratio=-draw.error * SIGN[draw.variant])


def _seen(
    draw: Draw, first: tuple[str, int], second: tuple[str, int], *, angle_deg: float, log_ratio: float
) -> Layout:
    """Two objects by azimuth and by straight distance from a camera at the origin, the second's over the first's."""
    a, b = draw.thing(first), draw.thing(second)
    unit = max(math.hypot(*t.extent) for t in (a, b))
    near = unit * draw.between(1.3, 3.0)
    height = unit * draw.between(0.25, 1.0)
    placed = []
    for t, half in ((a, -0.5), (b, 0.5)):
        distance, drop = near * math.exp(half * log_ratio), height - float(t.extent[1]) / 2
        if abs(drop) > 0.8 * distance:
            raise UnfitError
        placed.append(t.at(half * angle_deg, math.sqrt(distance**2 - drop**2)))
    return Layout(things=tuple(placed), eye=Eye(x=0, z=0, height_m=height), true_value=-draw.error)


_ACROSS = Plan(
    sub_domain="egocentric",
    call="egocentric({0}, {1}, relation=VARIANT)",
    quantity="angle to the asked side, in the picture",
    inner=0.0,
    spread=(-10.0, 10.0),
    arrange=across,
    signed=False,
    min_visible=0.3,
)
_AHEAD = replace(
    _ACROSS,
    quantity="log ratio of the distances in the asked order",
    unit="log ratio",
    spread=(-2 * math.log(1.1), 2 * math.log(1.1)),
    arrange=nearer,
)
_PLANS = by_variant(_ACROSS, ACROSS) + by_variant(_AHEAD, AHEAD)
_ANGLE, _RATIO = {"order": Limit("deg", "egocentric_angle")}, {"order": Limit("factor", "egocentric_ratio")}

PREDICATE = Predicate(
    name="egocentric",
    roles=("first", "second"),
    key="relation",
    variants={
        word: Variant(reference.egocentric_side, reference.insert_in_view, limits=_ANGLE) for word in ACROSS
    }
    | {word: Variant(reference.egocentric_order, reference.insert_in_view, limits=_RATIO) for word in AHEAD},
    rule=egocentric,
    drawing=drawing,
    probes=_PLANS + inserted(_PLANS, 0),
    same=opposites(ACROSS, AHEAD, exchanged=True),
    contrary=opposites(ACROSS, AHEAD),
    exclusive=(ACROSS, AHEAD),
    frame="camera",
    other_frame={word: f"allocentric({{1}}, {{0}}, relation={word})" for word in ACROSS},
    rank=6,
)
