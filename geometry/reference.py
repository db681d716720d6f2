"""The rules of the released GenSpace code (arXiv 2505.24870, commit 66b6858), defects included, in plain maths.

They are kept to reproduce published scores; docs/concepts/geometry.md says where they depart from what they mean to
measure. What they know of objects: `reference_objects`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from genspace.geometry.reference_objects import ReferenceCase, ReferenceObject
from genspace.geometry.views import Unmeasurable, Vector, rotate
from genspace.records import Measurement

__all__ = ["ReferenceOutcome", "ReferenceRule"]

FRONT: Vector = (1.0, 0.0, 0.0)
BACK: Vector = (-1.0, 0.0, 0.0)
RIGHT: Vector = (0.0, 0.0, 1.0)
LEFT: Vector = (0.0, 0.0, -1.0)
TO_CAMERA: Vector = (0.0, 0.0, -1.0)

THIRD = 1 / 3


@dataclass(frozen=True, slots=True)
class ReferenceOutcome:
    """What a reference rule decides. Some rules decide otherwise than their score says."""

    passed: bool
    score: float
    measurements: list[Measurement]


ReferenceRule = Callable[..., ReferenceOutcome]


# Scores --------------------------------------------------------------------------------------------------------


def _angle_deg(u: Vector, v: Vector) -> float:
    norms = math.hypot(*u) * math.hypot(*v)
    if norms == 0.0:
        raise Unmeasurable(
            "two centres coincide, so that a direction is undefined (NaN in the released code)"
        )
    return math.degrees(math.acos(min(1.0, max(-1.0, (u[0] * v[0] + u[1] * v[1] + u[2] * v[2]) / norms))))


def _sideways_deg(v: Vector) -> float:
    """|atan(v_z / v_x)|: 0 straight ahead or behind, 90 straight to a side."""
    if v[0] == 0.0 and v[2] == 0.0:
        raise Unmeasurable(
            "two centres coincide, so that a direction is undefined (NaN in the released code)"
        )
    return abs(math.degrees(math.atan(v[2] / v[0]))) if v[0] else 90.0


def _soft(error: float, threshold: float, width: float) -> float:
    return 1.0 - (error - threshold) / width


def _product(*factors: float) -> float:
    return 0.0 if any(f < 0.0 for f in factors) else math.prod(factors)


def _note(quantity: str, value: float, unit: str = "deg", target: float | None = None) -> Measurement:
    return Measurement(quantity=quantity, value=value, unit=unit, target=target)


def _cone(quantity: str, angle: float, threshold: float, width: float) -> ReferenceOutcome:
    measured = [_note(quantity, angle)]
    if angle < threshold:
        return ReferenceOutcome(passed=True, score=1.0, measurements=measured)
    return ReferenceOutcome(
        passed=False, score=max(0.0, _soft(angle, threshold, width)), measurements=measured
    )


def _metric(
    quantity: str, value: float, target: float, unit: str = "m", delta: float = THIRD
) -> ReferenceOutcome:
    low, high = sorted(((1 - delta) * target, (1 + delta) * target))
    measured = [_note(quantity, value, unit, target)]
    if low < value < high:
        return ReferenceOutcome(passed=True, score=1.0, measurements=measured)
    return ReferenceOutcome(passed=False, score=_metric_soft(value, target, delta), measurements=measured)


def _metric_soft(value: float, target: float, delta: float = THIRD) -> float:
    return max(0.0, 1.0 - abs((value - target) / target - delta) / delta)


def _yes_or_no(passed: bool, *measured: Measurement) -> ReferenceOutcome:
    return ReferenceOutcome(passed=passed, score=float(passed), measurements=list(measured))


# Text-to-image -------------------------------------------------------------------------------------------------


def _toward(a: ReferenceObject, side: str) -> Vector:
    """The axis of the object that points at the camera when the camera sees this side of it."""
    front, _, right = a.axes
    axis, sign = {"front": (front, 1.0), "back": (front, -1.0), "left": (right, -1.0), "right": (right, 1.0)}[
        side
    ]
    return sign * axis[0], sign * axis[1], sign * axis[2]


def view_from(case: ReferenceCase, threshold: float, width: float) -> ReferenceOutcome:
    """Cone between one axis of the object and the optical axis, degrees: passes under threshold, 0 a width beyond."""
    (a,) = case.objects
    side = str(case.settings["view"])
    return _cone(
        f"angle between {a.item.id}'s {side} and the optical axis",
        _angle_deg(_toward(a, side), TO_CAMERA),
        threshold,
        width,
    )


def _facing(a: ReferenceObject, b: ReferenceObject, target: Vector) -> float:
    """Angle between a's front and an axis of b's frame."""
    return _angle_deg(rotate(b.axes, a.axes[0]), target)


def side_by_side(case: ReferenceCase) -> ReferenceOutcome:
    """Sideways angle over 60°, fronts alike or opposite within 30°; soft scores over 15°, also of what is satisfied."""
    a, b = case.objects
    sideways = _sideways_deg(b.seen(a))
    turned = _facing(a, b, FRONT if case.settings["relation"] == "side_by_side_same" else BACK)
    measured = [
        _note("sideways angle in the second frame", sideways),
        _note("angle between the fronts", turned),
    ]
    if sideways > 60.0 and turned < 30.0:
        return ReferenceOutcome(passed=True, score=1.0, measurements=measured)
    score = _product(1 - abs(sideways - 60.0) / 15.0, 1 - abs(turned - 30.0) / 15.0)
    return ReferenceOutcome(passed=False, score=score, measurements=measured)


def facing(case: ReferenceCase) -> ReferenceOutcome:
    """Before or behind, fronts opposite within 30°; back to back also within 30° of straight. No soft score."""
    a, b = case.objects
    face = case.settings["relation"] == "face_to_face"
    v = b.seen(a)
    sideways, turned = _sideways_deg(v), _facing(a, b, BACK)
    placed = v[0] > 0.0 if face else v[0] < 0.0 and sideways < 30.0
    measured = [
        _note("sideways angle in the second frame", sideways),
        _note("angle between the fronts", turned),
    ]
    return _yes_or_no(placed and turned < 30.0, *measured)


_AXIS = {"front": FRONT, "back": BACK, "left": LEFT, "right": RIGHT}


def allocentric(case: ReferenceCase) -> ReferenceOutcome:
    """Cone of 15° (front, back) or 30° (sides) between the other's place and an axis of the first, 0 at 30° beyond."""
    a, b = case.objects
    side = str(case.settings["relation"])
    return _beside(a.seen(b), side, 15.0 if side in {"front", "back"} else 30.0, 30.0)


def _beside(v: Vector, side: str, threshold: float, width: float) -> ReferenceOutcome:
    outcome = _cone(f"angle to the {side} axis", _angle_deg(v, _AXIS[side]), threshold, width)
    if side in {"left", "right"} and (v[2] < 0.0) != (side == "left"):
        return ReferenceOutcome(passed=False, score=0.0, measurements=outcome.measurements)
    return outcome


def egocentric_order(case: ReferenceCase) -> ReferenceOutcome:
    """Order of the distances from the floor point below the camera."""
    a, b = (math.hypot(*o.place_from_floor) for o in case.objects)
    passed = a < b if case.settings["relation"] == "closer" else a > b
    return _yes_or_no(passed, _note("distance of the first", a, "m"), _note("distance of the second", b, "m"))


def egocentric_side(case: ReferenceCase) -> ReferenceOutcome:
    """Order of the places along x."""
    a, b = (o.place[0] for o in case.objects)
    passed = a < b if case.settings["relation"] == "left" else a > b
    return _yes_or_no(passed, _note("x of the first", a, "m"), _note("x of the second", b, "m"))


def object_distance(case: ReferenceCase) -> ReferenceOutcome:
    """Distance between the means of the visible surfaces, within a third; soft scores on the far side alone."""
    a, b = case.objects
    return _metric("distance", math.dist(a.place, b.place), case.number("value_m"))


def camera_distance(case: ReferenceCase) -> ReferenceOutcome:
    """Distance from the floor point below the camera, within a third (3 m: 30 %, 4 m: 20 %)."""
    (a,) = case.objects
    target = case.number("value_m")
    delta = {3.0: 0.3, 4.0: 0.2}.get(target, THIRD)
    return _metric("distance", math.hypot(*a.place_from_floor), target, delta=delta)


def volume_ratio(case: ReferenceCase) -> ReferenceOutcome:
    """Ratio of the larger volume to the smaller, whichever it is, within a third."""
    small, large = sorted(o.size["volume"] for o in case.objects)
    return _metric("ratio of volumes", _ratio(large, small), case.number("ratio"), "ratio")


def _ratio(volume: float, of: float) -> float:
    if of <= 0.0:
        raise Unmeasurable("the points of an object lie in a plane, so that it has no volume")
    return volume / of


_DIMENSION = {"taller": "height", "longer": "length", "wider": "width"}


def size_difference(case: ReferenceCase) -> ReferenceOutcome:
    """Difference of sizes, whichever is larger, within a third."""
    size = _DIMENSION[str(case.settings["dimension"])]
    a, b = (o.size[size] for o in case.objects)
    return _metric(f"difference of {size}", abs(a - b), case.number("value_m"))


_FRONT_WHEN_SEEN: dict[str, Vector] = {
    "front": TO_CAMERA,
    "back": (0.0, 0.0, 1.0),
    "left": (-1.0, 0.0, 0.0),
    "right": (1.0, 0.0, 0.0),
}
"""Where the front points, in the camera frame, when the camera sees each side."""


def complex_pose(case: ReferenceCase) -> ReferenceOutcome:
    """Sideways angle over 60°, fronts alike within 30°, the first one's within 30° of where it is when so seen."""
    a, b = case.objects
    side = str(case.settings["view"])
    sideways, turned = _sideways_deg(a.seen(b)), _facing(b, a, FRONT)
    seen = _angle_deg(a.axes[0], _FRONT_WHEN_SEEN[side])
    measured = [
        _note("sideways angle in the first frame", sideways),
        _note("angle between the fronts", turned),
        _note(f"angle of the first object's front when its {side} is seen", seen),
    ]
    if sideways > 60.0 and turned < 30.0 and seen < 30.0:
        return ReferenceOutcome(passed=True, score=1.0, measurements=measured)
    score = _product(
        1 - abs(sideways - 60.0) / 15.0,
        1 - abs(turned - 30.0) / 15.0,
        1 - abs(seen - 30.0) / (15.0 if side in {"front", "back"} else 30.0),
    )
    return ReferenceOutcome(passed=False, score=score, measurements=measured)


# Edits ---------------------------------------------------------------------------------------------------------


def insert_arranged(case: ReferenceCase) -> ReferenceOutcome:
    """Sideways angle over (side by side) or under 60°, on the right side, fronts within 30°."""
    a, b = case.objects
    arrangement = str(case.settings["relation"])
    v = b.seen(a)
    sideways = _sideways_deg(v)
    turned = _facing(a, b, FRONT if arrangement == "side_by_side_same" else BACK)
    if arrangement.startswith("side_by_side"):
        placed = sideways > 60.0
        place_score = 1.0 if placed else 1.0 - (60.0 - sideways) / 15.0
    else:
        placed = sideways < 60.0 and (v[0] > 0.0) == (arrangement == "face_to_face")
        place_score = float(placed)
    turn_score = 1.0 if turned < 30.0 else _soft(turned, 30.0, 45.0)
    return ReferenceOutcome(
        passed=placed and turned < 30.0,
        score=_product(place_score, turn_score),
        measurements=[
            _note("sideways angle in the second frame", sideways),
            _note("angle between the fronts", turned),
        ],
    )


def insert_beside(case: ReferenceCase) -> ReferenceOutcome:
    """Front and back: a half-space; left and right: a cone of 30°, 0 at 45° beyond."""
    a, b = case.objects
    side = str(case.settings["relation"])
    v = a.seen(b)
    if side in {"front", "back"}:
        return _yes_or_no((v[0] > 0.0) == (side == "front"), _note("place along the front axis", v[0], "m"))
    return _beside(v, side, 30.0, 45.0)


def insert_in_view(case: ReferenceCase) -> ReferenceOutcome:
    """Order of the places along x or z."""
    where = str(case.settings["relation"])
    axis, sign = {"left": (0, -1), "right": (0, 1), "closer": (2, -1), "farther": (2, 1)}[where]
    inserted, existing = (o.place[axis] for o in case.objects)
    return _yes_or_no(sign * (inserted - existing) > 0.0, _note("offset", inserted - existing, "m"))


def move(case: ReferenceCase, axis: int, sign: float, *, can_pass: bool = True) -> ReferenceOutcome:
    """How far the object's place moved along an axis (0 right, 2 away) of the image's own frame, within a third."""
    (now,), (then,) = case.objects, case.before
    moved = now.place[axis] - then.place[axis]
    target = sign * case.number("value_m")
    outcome = _metric("move", moved, target)
    if can_pass:
        return outcome
    return ReferenceOutcome(
        passed=False, score=_metric_soft(moved, target), measurements=outcome.measurements
    )


def resize_volume(case: ReferenceCase) -> ReferenceOutcome:
    """Growth of the volume, within a third."""
    (now,), (then,) = case.objects, case.before
    growth = _ratio(now.size["volume"], then.size["volume"]) - 1.0
    return _metric("growth of the volume", growth, case.number("ratio") - 1.0, "ratio")


def resize(case: ReferenceCase) -> ReferenceOutcome:
    """Growth of one size, within a third."""
    (now,), (then,) = case.objects, case.before
    size = _DIMENSION[str(case.settings["dimension"])]
    return _metric(f"growth of {size}", now.size[size] - then.size[size], case.number("value_m"))


def gone_wrongly(_case: ReferenceCase) -> ReferenceOutcome:
    """An edit after which the object is not found, alone, counts as wrong."""
    return _gone(passed=False)


def gone_past_camera(case: ReferenceCase) -> ReferenceOutcome:
    """Right where the object was nearer than 1 m along the optical axis, so that it is out of the picture."""
    return _gone(
        _note("place before, away", case.before[0].place[2], "m"), passed=case.before[0].place[2] < 1.0
    )


def gone_to_the_left(case: ReferenceCase) -> ReferenceOutcome:
    """Right where 1 m to the left lies beyond the picture's edge, in the row of the object's middle."""
    (then,) = case.before
    return _gone(_note("place before, right", then.place[0], "m"), passed=then.place[0] - 1.0 < then.edges[0])


def gone_to_the_right(case: ReferenceCase) -> ReferenceOutcome:
    """Right where 1 m to the right lies beyond the picture's edge, in the row of the object's middle."""
    (then,) = case.before
    return _gone(_note("place before, right", then.place[0], "m"), passed=then.place[0] + 1.0 > then.edges[1])


def _gone(*measured: Measurement, passed: bool) -> ReferenceOutcome:
    """It counts in the denominator, with no score; it can pass all the same."""
    return ReferenceOutcome(passed=passed, score=0.0, measurements=list(measured))


def keep_relation(case: ReferenceCase) -> ReferenceOutcome:
    """Partners stay in their sectors of 90°, the front within 30° of where it is when so seen."""
    reference, *partners = case.objects
    reference_before, *partners_before = case.before
    side = str(case.settings["view"])
    seen = _angle_deg(reference.axes[0], _FRONT_WHEN_SEEN[side])
    factors = [1.0 if seen < 30.0 else _soft(seen, 30.0, 30.0)]
    measured = [_note(f"angle of the front when the {side} is seen", seen)]
    for now, then in zip(partners, partners_before, strict=True):
        bearing, bearing_before = _bearing_deg(reference.seen(now)), _bearing_deg(reference_before.seen(then))
        factors.append(_sector_score(bearing, bearing_before))
        measured.append(_note(f"bearing of {now.item.id} before", bearing_before))
        measured.append(_note(f"bearing of {now.item.id} after", bearing))
    score = _product(*factors)
    return ReferenceOutcome(passed=score == 1.0, score=score, measurements=measured)


def _bearing_deg(v: Vector) -> float:
    return math.degrees(math.atan2(v[2], v[0]))


def _sector(bearing: float) -> tuple[float, float]:
    if -45.0 < bearing < 45.0:
        return (-45.0, 45.0)
    if abs(bearing) > 135.0:
        return (225.0, 135.0)
    return (45.0, 135.0) if bearing > 0.0 else (-135.0, -45.0)


def _sector_score(now: float, then: float) -> float:
    """Whether the bearing before lies in the sector of the bearing now. Behind, -135 is not met as 225."""
    edges = _sector(now)
    if edges == _sector(then):
        return 1.0
    return 1.0 - min(abs(then - edge) for edge in edges) / 30.0
