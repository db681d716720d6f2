"""Judge a predicate in a scene: score, decision, and the measurements behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from genspace.display import Displayed
from genspace.geometry.frames import wrap_deg
from genspace.geometry.pairs import depth_scale
from genspace.geometry.perception.labels import canonical
from genspace.geometry.predicates import RELATIVE, Bound, Case, Change, bind, instance_of
from genspace.geometry.profiles import CORRECTED, Profile
from genspace.geometry.reference_objects import ReferenceCase, ReferenceObject
from genspace.geometry.scene import Pair, Scene
from genspace.geometry.views import Placed, Unmeasurable, view_of
from genspace.records import Measurement

__all__ = ["Evaluation", "evaluate", "in_words", "measured_in_words", "miss"]


@dataclass(frozen=True, slots=True)
class Evaluation(Displayed):
    """What the rules say about one predicate in one scene or pair.

    >>> found = Evaluation(score=None, passed=None, reason="the dog has no front")
    >>> found.score is None, found.reason
    (True, 'the dog has no front')
    """

    score: float | None
    """In [0, 1]; None: abstained, with `reason`."""
    passed: bool | None
    """Under the corrected rules: whether the score is 1."""
    reason: str | None = None
    """Why there is no score."""
    measurements: tuple[Measurement, ...] = ()


def evaluate(scene: Scene | Pair, predicate: str | Bound, profile: Profile = CORRECTED) -> Evaluation:
    """Return whether the predicate holds, by the profile's rules.

    A predicate about one image is judged on a pair's after scene. What cannot be known is an abstention with the
    reason. Errors: `InputError` for a predicate that cannot be read, or a side file that cannot.

    >>> from genspace.geometry.scene_files import parse_document
    >>> scene = parse_document({
    ...     "format": "genspace-scene/1", "width": 640, "height": 480,
    ...     "camera": {"pitch_deg": 0, "roll_deg": 0},
    ...     "objects": [{"id": "cat", "centre": [0, 0, 2]}, {"id": "chair", "centre": [1, 0, 2]}],
    ... })
    >>> result = evaluate(scene, "object_distance(cat, chair, value_m=1)")
    >>> result.score, result.passed
    (1.0, True)
    >>> print(in_words(result.measurements[0]))
    distance between the centres of cat and chair 1.00 m, wanted 1 m ± 33%, score 1
    """
    bound = bind(predicate) if isinstance(predicate, str) else predicate
    after = scene.after if isinstance(scene, Pair) else scene
    before = scene.before if isinstance(scene, Pair) and bound.predicate.compares else None
    if bound.predicate.compares and before is None:
        return _abstained(f"{bound.predicate.name} compares two images: it needs a pair of scenes")
    for role in bound.ids:
        if before is not None and before.object(role) is None:
            return _abstained(f"{role} was not found in the image before the edit")
    if profile.rules == "reference":
        return _reference(scene, after, bound)
    for role in bound.ids:
        if after.object(role) is None:
            return _not_found(after, role)
    return _corrected(scene, after, bound, profile)


def _not_found(after: Scene, role: str) -> Evaluation:
    if role not in after.absent:
        return _abstained(f"{role} was not found in the image")
    seen = Measurement(
        quantity=role, value=None, unit="", score=0.0, note="was not drawn, as a detector verified"
    )
    return Evaluation(0.0, False, None, (seen,))


def _abstained(reason: str, measurements: tuple[Measurement, ...] = ()) -> Evaluation:
    return Evaluation(None, None, reason, measurements)


def _corrected(scene: Scene | Pair, after: Scene, bound: Bound, profile: Profile) -> Evaluation:
    placed = view_of(after, profile)
    objects = tuple(placed[name] for name in bound.ids)
    change = None
    if bound.predicate.compares and isinstance(scene, Pair):
        change = _change(scene, bound, profile)
    case = Case(objects, bound.settings, bound.limits(profile.tolerances), change)
    outcome = _combined(bound.predicate.rule(case))
    if not _either_order(bound, objects):
        return outcome
    other = _combined(bound.predicate.rule(replace(case, objects=objects[::-1])))
    # the order that scores better counts: an unknown one could, unless the other is perfect
    return max(outcome, other, key=lambda e: (e.score == 1.0, e.score is None, e.score or 0.0))


def _either_order(bound: Bound, objects: tuple[Placed, ...]) -> bool:
    """Whether the two may exchange roles: the call does not tell them apart, or only by ids without meaning."""
    if bound.settings.get("either_order") != "auto":
        return bound.either_order
    (first, second), (one, other) = (placed.item.label for placed in objects), bound.names
    named = first is not None and first in one and first in other  # as a red car and a blue car
    return bound.either_order or (first is not None and first == second and not named)


def _change(pair: Pair, bound: Bound, profile: Profile) -> Change:
    before = view_of(pair.before, profile)
    return Change(
        before=tuple(before[name] for name in bound.ids),
        scale=pair.remember(("scale", profile.fingerprint), lambda p: _scale(p, profile)),
        yaw_deg=pair.yaw_deg,
    )


def _scale(pair: Pair, profile: Profile) -> float | str:
    try:
        return depth_scale(pair, profile.limits)
    except Unmeasurable as reason:
        return str(reason)


def _combined(measurements: list[Measurement]) -> Evaluation:
    """Multiply the constraints. A 0 decides, whatever the others are; otherwise an unknown one means abstention."""
    score = 1.0
    unknown: list[str] = []
    for m in measurements:
        if m.outer is None:  # reported, not judged
            continue
        if m.score is None:
            unknown.append(m.note or m.quantity)
        else:
            score *= m.score
    if unknown and score > 0.0:
        return _abstained("; ".join(dict.fromkeys(unknown)), tuple(measurements))
    return Evaluation(score, score == 1.0, None, tuple(measurements))


def _reference(scene: Scene | Pair, after: Scene, bound: Bound) -> Evaluation:
    """Judge as the released code does: one image by its text-to-image rule, a pair by its edit rule."""
    pair = scene if isinstance(scene, Pair) else None
    rule = bound.variant.t2i if pair is None else bound.variant.edit
    if rule is None:
        what = "one image" if pair is None else "an edit"
        return _abstained(f"the released code has no rule of {bound.predicate.name} for {what}")
    if "inner" in bound.settings or "outer" in bound.settings:
        return _abstained("the reference rules take no tolerances")
    compared = pair.before if pair is not None and bound.predicate.compares else None
    before = tuple(_as_released(compared, name) for name in bound.ids) if compared else ()
    found, named = _detections(after, bound), len(bound.ids)
    objects: tuple[ReferenceObject, ...] = ()
    if compared is not None and (seen := _detections(compared, bound)) != named:
        return _abstained(f"the released code skips the edit: {seen} detections before it, {named} named")
    if found == named and all(after.object(name) is not None for name in bound.ids):
        objects = tuple(_as_released(after, name) for name in bound.ids)
    elif bound.variant.gone is not None:
        rule = bound.variant.gone
    else:
        missing = next((name for name in bound.ids if after.object(name) is None), None)
        if missing is not None:
            return _abstained(f"{missing} was not found in the image")
        return _abstained(f"the released code skips the image: {found} detections, {named} named")
    case = ReferenceCase(objects=objects, before=before, settings=bound.settings)
    try:
        outcome = rule(case)
    except Unmeasurable as reason:
        return _abstained(str(reason))
    return Evaluation(outcome.score, outcome.passed, None, tuple(outcome.measurements))


def _detections(scene: Scene, bound: Bound) -> int:
    """Return how many things of the named classes were detected."""
    if scene.detections is not None:
        return scene.detections
    named = {instance_of(name)[0] for name in bound.ids}
    kinds = {canonical(name) for name in named}
    kinds |= {canonical(item.label) for name in bound.ids if (item := scene.object(name)) and item.label}
    return sum(canonical(item.label or instance_of(item.id)[0]) in kinds for item in scene.objects)


def _as_released(scene: Scene, name: str) -> ReferenceObject:
    item = scene.object(name)
    assert item is not None  # evaluate() has looked
    return scene.remember(("reference", name), lambda s: ReferenceObject(s, item))


_UNITS = {"deg": "°", "ratio": "", "m": " m"}
_DECIMALS = {"deg": 1, "m": 2}


def in_words(measurement: Measurement) -> str:
    """Return a constraint in words: what was measured, what was wanted, how it scored.

    >>> in_words(Measurement(quantity="bearing of the camera from cow", value=37.21, unit="deg", target=0,
    ...                      inner=15, outer=45, score=0.26))
    'bearing of the camera from cow 37.2°, wanted 0° ± 15°, score 0.26'
    """
    m = measurement
    if m.value is None:
        return f"{m.quantity}: {m.note}"
    unit = _UNITS.get(m.unit, f" {m.unit}" if m.unit else "")
    parts = [measured_in_words(m)]
    if m.target is not None:
        parts.append(f"wanted {m.target:g}{unit}{_allowed(m, unit)}")
    elif m.outer is not None:
        parts.append(f"wanted {m.note}")
    elif m.note:
        parts.append(m.note)
    if m.score is not None:
        parts.append(f"score {m.score:.2g}")
    return ", ".join(parts)


def measured_in_words(m: Measurement, give_or_take: float | None = None) -> str:
    """Return what was measured, without what was wanted; `give_or_take` is how far it may be off, in its unit.

    >>> measured_in_words(Measurement(quantity="distance", value=1.3, unit="m", target=1.0, score=0.5), 0.4)
    'distance 1.30 m ± 0.4 m'
    """
    unit = _UNITS.get(m.unit, f" {m.unit}" if m.unit else "")
    off = "" if give_or_take is None else f" ± {give_or_take:.2g}{unit}"
    return f"{m.quantity} {m.value:.{_DECIMALS.get(m.unit, 3)}f}{unit}{off}"


def _allowed(m: Measurement, unit: str) -> str:
    if not m.inner:
        return ""
    if m.note == RELATIVE:
        return f" ± {m.inner:.0%}"
    return f" ± {m.inner:.3g}{unit}" if m.unit in _DECIMALS else ""


def miss(m: Measurement) -> float | None:
    """Return how far a constraint misses, in outer tolerances: 1 from where its score is 0; None where it is unknown.

    Unlike the score it tells a near miss from a far one. If the error does not follow from value and target, it is
    derived from the score.

    >>> miss(Measurement(quantity="bearing", value=150, unit="deg", target=0, inner=15, outer=50, score=0.0))
    3.0
    """
    if m.score is None or m.outer is None or m.inner is None or not m.outer > 0:
        return None
    told = m.outer - m.score * (m.outer - m.inner)
    if m.value is None:
        return told / m.outer
    apart = m.value - (m.target or 0.0)
    if m.unit == "deg":
        apart = wrap_deg(apart)
    error = -apart if m.target is None else abs(apart)
    if m.note == RELATIVE and m.target:
        error /= abs(m.target)
    follows = abs(min(max(error, m.inner), m.outer) - told) < 1e-6
    return (error if follows else told) / m.outer
