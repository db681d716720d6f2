"""The corrected rules: a predicate is a few constraints, each a measured error against a tolerance.

A rule takes a case (the objects in the predicate's roles, and its settings) and returns its constraints. Positions
and directions are in the level frame, so that gravity is down for all of them. A bearing is measured on the ground
in an object's own frame: 0 in front of it, 90 to its right, -90 to its left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from genspace.geometry import measures
from genspace.geometry.frames import rotation_y, wrap_deg
from genspace.geometry.profiles import Tolerances
from genspace.geometry.views import CAMERA, Placed, Unmeasurable, Vector, rotate
from genspace.records import Measurement

__all__ = [
    "BEARING",
    "RELATIVE",
    "Case",
    "Change",
    "Rule",
    "allocentric",
    "camera_distance",
    "complex_pose",
    "constraint",
    "egocentric",
    "intrinsic",
    "keep_relation",
    "move_camera",
    "move_object",
    "object_distance",
    "size",
    "view_from",
]

BEARING = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}
"""Where each side of an object lies, in degrees from its front."""

RELATIVE = "relative error"
"""Note of constraints whose tolerances are shares of the target."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the after scene relates to the before scene."""

    before: tuple[Placed, ...]
    """The same roles before the edit."""
    scale: float | str
    """Factor on the after scene's lengths, or why it is unknown."""
    yaw_deg: float | None
    """How far the camera turned to the right; None: not known."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule decides about."""

    objects: tuple[Placed, ...]
    """In the order of the predicate's roles, in the (after) image."""
    settings: Mapping[str, float | str]
    """The predicate's own values: side, value_m, ratio, …"""
    tolerances: Tolerances
    change: Change | None = None
    """For predicates that compare two images."""

    def tolerance(self, default: tuple[float, float]) -> tuple[float, float]:
        """The main constraint's tolerance: the call's own, else the profile's."""
        given = self.settings
        return (float(given.get("inner", default[0])), float(given.get("outer", default[1])))

    def number(self, name: str) -> float:
        """A setting that is a number."""
        return float(self.settings[name])


Rule = Callable[[Case], list[Measurement]]
Measure = Callable[..., tuple[float, float]]


def constraint(
    quantity: str,
    unit: str,
    target: float | None,
    tolerance: tuple[float, float],
    measure: Measure,
    *arguments: object,
    note: str | None = None,
) -> Measurement:
    """Return one constraint of a rule: what `measure(*arguments)` finds, scored by the tolerance.

    `measure` returns the value, in `unit`, and its error, which is never negative where 0 is full score; it raises
    `Unmeasurable` with the reason where there is no value. The score is 1 up to an error of `tolerance[0]`, 0 from
    `tolerance[1]`, linear between.

    >>> constraint("angle", "deg", 180.0, (30.0, 60.0), lambda: (135.0, 45.0)).score
    0.5
    """
    inner, outer = tolerance
    try:
        value, error = measure(*arguments)
    except Unmeasurable as reason:
        return Measurement(
            quantity=quantity,
            value=None,
            unit=unit,
            target=target,
            inner=inner,
            outer=outer,
            note=str(reason),
        )
    return Measurement(
        quantity=quantity,
        value=value,
        unit=unit,
        target=target,
        inner=inner,
        outer=outer,
        score=1.0 if error <= inner else 0.0 if error >= outer else (outer - error) / (outer - inner),
        note=note,
    )


def _reported(quantity: str, unit: str, measure: Callable[..., float], *things: object) -> Measurement:
    """Return a quantity that is worth knowing but decides nothing: it has no tolerance."""
    try:
        return Measurement(quantity=quantity, value=measure(*things), unit=unit, note="reported, not judged")
    except Unmeasurable as reason:
        return Measurement(quantity=quantity, value=None, unit=unit, note=str(reason))


def _relative(value: float, target: float) -> tuple[float, float]:
    return value, abs(value - target) / abs(target)


def _metric(measure: Callable[..., float], target: float, *things: object) -> tuple[float, float]:
    return _relative(measure(*things), target)


# Text-to-image -------------------------------------------------------------------------------------------------


def view_from(case: Case) -> list[Measurement]:
    """The camera sees one side of the object (camera pose, object pose)."""
    (a,) = case.objects
    return _on_side(case, a, CAMERA, "the camera", str(case.settings["view"]))


def allocentric(case: Case) -> list[Measurement]:
    """The second object lies on one side of the first, from the first's own view."""
    a, b = case.objects
    return _on_side(case, a, b, b.item.id, str(case.settings["relation"]))


def _on_side(case: Case, a: Placed, seen: Placed | Vector, name: str, side: str) -> list[Measurement]:
    ends = side in {"front", "back"}
    tolerance = case.tolerance(case.tolerances.bearing_front if ends else case.tolerances.bearing_side)
    wanted = BEARING[side]
    names = f"of {name} from {a.item.id}"
    return [
        constraint(f"bearing {names}", "deg", wanted, tolerance, measures.bearing, a, seen, wanted),
        constraint(f"elevation {names}", "deg", 0.0, case.tolerances.elevation, measures.elevation, a, seen),
    ]


ARRANGEMENT: dict[str, tuple[float | None, float]] = {
    "side_by_side_same": (None, 0.0),
    "side_by_side_opposite": (None, 180.0),
    "face_to_face": (0.0, 180.0),
    "back_to_back": (180.0, 180.0),
}
"""Arrangements of two objects: bearing of each from the other (None: either side), difference of headings."""


def intrinsic(case: Case) -> list[Measurement]:
    """Two objects stand in an arrangement that both of them see alike."""
    return _arranged(case, str(case.settings["relation"]))


def _arranged(case: Case, arrangement: str) -> list[Measurement]:
    a, b = case.objects
    bearing_deg, turned_deg = ARRANGEMENT[arrangement]
    one, other = a.item.id, b.item.id
    bearing = f"bearing of {one} and {other} from each other"
    turned = f"heading of {other} against {one}"
    wanted = 90.0 if bearing_deg is None else bearing_deg
    note = "to either side, the worse of the two" if bearing_deg is None else "the worse of the two"
    return [
        constraint(
            bearing,
            "deg",
            wanted,
            case.tolerance(case.tolerances.pair_bearing),
            measures.mutual_bearing,
            a,
            b,
            bearing_deg,
            note=note,
        ),
        constraint(turned, "deg", turned_deg, case.tolerances.heading, measures.turned, a, b, turned_deg),
    ]


def complex_pose(case: Case) -> list[Measurement]:
    """Two objects stand side by side, and the camera sees one side of the pair."""
    a, b = case.objects
    target = BEARING[str(case.settings["view"])]
    seen = f"bearing of the camera from the middle of {a.item.id} and {b.item.id}"
    return [
        *_arranged(case, "side_by_side_same"),
        constraint(seen, "deg", target, case.tolerances.pair_view, measures.pair_view, a, b, target),
    ]


def egocentric(case: Case) -> list[Measurement]:
    """The first object lies left or right of the second as the camera sees them, or closer or farther."""
    relation = str(case.settings["relation"])
    return (
        _egocentric_side(case, relation)
        if relation in {"left", "right"}
        else _egocentric_order(case, relation)
    )


def _egocentric_side(case: Case, side: str) -> list[Measurement]:
    a, b = case.objects
    sign = 1.0 if side == "left" else -1.0

    def measure() -> tuple[float, float]:
        measures.check_apart(a, b)
        (ax, _, az), (bx, _, bz) = a.place, b.place
        angle = sign * wrap_deg(math.degrees(math.atan2(bx, bz) - math.atan2(ax, az)))
        return angle, -angle

    quantity = f"angle by which {a.item.id} lies {side} of {b.item.id}"
    return [_at_least_zero(case, quantity, "deg", case.tolerances.egocentric_angle, measure)]


def _egocentric_order(case: Case, order: str) -> list[Measurement]:
    a, b = case.objects
    near, far = (a, b) if order == "closer" else (b, a)

    def measure() -> tuple[float, float]:
        measures.check_apart(a, b)
        log_ratio = math.log(measures.camera_distance_m(far) / measures.camera_distance_m(near))
        return log_ratio, -log_ratio

    quantity = f"log ratio of distances by which {a.item.id} is {order} than {b.item.id}"
    return [_at_least_zero(case, quantity, "ratio", case.tolerances.egocentric_ratio, measure)]


def _at_least_zero(
    case: Case, quantity: str, unit: str, tolerance: tuple[float, float], measure: Measure
) -> Measurement:
    return constraint(quantity, unit, None, case.tolerance(tolerance), measure, note="at least 0")


def object_distance(case: Case) -> list[Measurement]:
    """Two objects are so far apart: between their centres, or the gap between their boxes."""
    a, b = case.objects
    target = case.number("value_m")
    names = f"of {a.item.id} and {b.item.id}"
    tolerance = case.tolerance(case.tolerances.metric)
    if case.settings["measure"] == "centres":
        quantity = f"distance between the centres {names}"
        return [
            constraint(
                quantity,
                "m",
                target,
                tolerance,
                _metric,
                measures.between_centres_m,
                target,
                a,
                b,
                note=RELATIVE,
            )
        ]
    quantity = f"gap between the boxes {names}"
    return [
        constraint(
            quantity, "m", target, tolerance, _metric, measures.between_boxes_m, target, a, b, note=RELATIVE
        ),
        _reported(f"distance between the centres {names}", "m", measures.between_centres_m, a, b),
    ]


def camera_distance(case: Case) -> list[Measurement]:
    """The object's centre is so far from the camera."""
    (a,) = case.objects
    target = case.number("value_m")

    def distance_m() -> float:
        return math.hypot(*a.whole_place)

    quantity = f"distance from the camera to {a.item.id}"
    tolerance = case.tolerance(case.tolerances.metric)
    return [constraint(quantity, "m", target, tolerance, _metric, distance_m, target, note=RELATIVE)]


def size(case: Case) -> list[Measurement]:
    """The first object is larger than the second, or than itself before the edit: by volume, or along an axis."""
    dimension = str(case.settings["dimension"])
    return _bigger(case) if dimension == "bigger" else _longer(case, dimension)


def _bigger(case: Case) -> list[Measurement]:
    now, then, names, scale = _compared(case)
    target = case.number("ratio")

    tolerance = case.tolerance(case.tolerances.volume)

    def measure() -> tuple[float, float]:
        ratio = measures.volume_m3(now) * _factor(scale) ** 3 / measures.volume_m3(then)

        def error(now_factor: float, then_factor: float) -> float:
            return abs(math.log(ratio * now_factor / then_factor / target))

        return ratio, _sure(case, "bigger", error, tolerance[0])

    note = "error as the log of the ratio"
    return [constraint(f"ratio of the volumes of {names}", "ratio", target, tolerance, measure, note=note)]


_DIMENSION = {"taller": "height", "longer": "length", "wider": "width"}


def _longer(case: Case, dimension: str) -> list[Measurement]:
    now, then, names, scale = _compared(case)
    target = case.number("value_m")
    axis = str(case.settings["length_axis"])

    tolerance = case.tolerance(case.tolerances.metric)

    def measure() -> tuple[float, float]:
        sizes = (
            measures.size_m(now, dimension, axis) * _factor(scale),
            measures.size_m(then, dimension, axis),
        )

        def error(now_factor: float, then_factor: float) -> float:
            return _relative(sizes[0] * now_factor - sizes[1] * then_factor, target)[1]

        return sizes[0] - sizes[1], _sure(case, dimension, error, tolerance[0])

    quantity = f"difference in {_DIMENSION[dimension]} of {names}"
    return [constraint(quantity, "m", target, tolerance, measure, note=RELATIVE)]


def _sure(case: Case, dimension: str, error: Callable[[float, float], float], inner: float) -> float:
    """Return the error with both sizes as they are seen, if what one view hides of them cannot change the answer.

    One thing before and after an edit hides the same of itself. Errors: `Unmeasurable`.
    """
    seen = error(1.0, 1.0)
    if case.change is None:
        now, then = (measures.unseen_factor(a, dimension) for a in case.objects)
        # the error is monotone on either side of the target, but a range may hold the target: look at both orders
        if len({error(f, g) <= inner for f in (1.0, now) for g in (1.0, then)}) > 1:
            share = case.objects[0].limits.unseen_share
            raise Unmeasurable(
                f"one view shows lengths and widths of {' and '.join(a.item.id for a in case.objects)} to within "
                f"{share:.0%}, and the answer depends on it"
            )
    return seen


def _compared(case: Case) -> tuple[Placed, Placed, str, float | str]:
    if case.change is None:
        a, b = case.objects
        return a, b, f"{a.item.id} against {b.item.id}", 1.0
    (now,), (then,) = case.objects, case.change.before
    return now, then, f"{now.item.id} after against before", case.change.scale


def _factor(scale: float | str) -> float:
    if isinstance(scale, str):
        raise Unmeasurable(scale)
    return scale


# Edits, before against after -----------------------------------------------------------------------------------

AXIS = {
    "closer": (2, -1.0), "farther": (2, 1.0), "left": (0, -1.0), "right": (0, 1.0),
    "forward": (2, 1.0), "backward": (2, -1.0),
}  # fmt: skip
"""Directions of moves in the level frame: axis (0 right, 2 forward) and sign."""


def move_object(case: Case) -> list[Measurement]:
    """The object moved so far in one direction, seen by a camera that stood still."""
    change = _change(case)
    (now,), (then,) = case.objects, change.before

    def moved() -> Vector:
        k = _factor(change.scale)
        (x, y, z), (x0, y0, z0) = now.place, then.place
        return k * x - x0, k * y - y0, k * z - z0

    return _move(case, f"move of {now.item.id}", moved, ("right", "", "away"), None)


def move_camera(case: Case) -> list[Measurement]:
    """The camera moved so far in one direction, told by an object that stood still."""
    change = _change(case)
    (now,), (then,) = case.objects, change.before
    turn = rotation_y(change.yaw_deg or 0.0).tolist()

    def moved() -> Vector:
        k = _factor(change.scale)
        (x, y, z), (x0, y0, z0) = rotate(turn, now.place), then.place
        return x0 - k * x, y0 - k * y, z0 - k * z

    note = "the camera is taken not to have turned" if change.yaw_deg is None else None
    return _move(case, "move of the camera", moved, ("right", "", "forward"), note)


def _change(case: Case) -> Change:
    if case.change is None:
        raise ValueError("a rule that compares two images was given one")
    return case.change


def _move(
    case: Case, what: str, moved: Callable[[], Vector], names: tuple[str, str, str], note: str | None
) -> list[Measurement]:
    axis, sign = AXIS[str(case.settings["direction"])]
    target = sign * case.number("value_m")
    across = 2 - axis

    def along_m() -> tuple[float, float]:
        return _relative(moved()[axis], target)

    def across_m() -> tuple[float, float]:
        value = moved()[across]
        return value, abs(value)

    tolerances = case.tolerances
    along = case.tolerance(tolerances.metric)
    return [
        constraint(f"{what}, {names[axis]}", "m", target, along, along_m, note=note or RELATIVE),
        constraint(f"{what}, {names[across]}", "m", 0.0, tolerances.sideways, across_m, note=note),
    ]


def keep_relation(case: Case) -> list[Measurement]:
    """Partners keep their places in the first object's frame while the camera comes to see another side of it."""
    change = _change(case)
    reference, *partners = case.objects
    reference_before, *partners_before = change.before
    target = BEARING[str(case.settings["view"])]
    name = reference.item.id

    def changed(now: Placed, then: Placed) -> tuple[float, float]:
        difference = wrap_deg(
            measures.bearing_deg(reference, now) - measures.bearing_deg(reference_before, then)
        )
        return difference, abs(difference)

    kept = case.tolerances.kept
    tolerance = case.tolerance(kept)
    return [
        *(
            constraint(
                f"change of the bearing of {now.item.id} from {name}",
                "deg",
                0.0,
                tolerance,
                changed,
                now,
                then,
            )
            for now, then in zip(partners, partners_before, strict=True)
        ),
        constraint(
            f"bearing of the camera from {name}",
            "deg",
            target,
            kept,
            measures.bearing,
            reference,
            CAMERA,
            target,
        ),
    ]
