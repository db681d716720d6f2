"""What is probed: the 36 text-to-image and 40 edit variants, as one table of plans."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from genspace.geometry.probes._arrange import (
    Arrange,
    across,
    apart,
    away,
    beside,
    camera_at_bearing,
    camera_at_pair,
    go_round,
    grown,
    inserted,
    keep_three,
    keep_two,
    move_camera,
    move_object,
    mutual,
    nearer,
    sized,
    turn_round,
)
from genspace.geometry.probes._layout import BEARING

__all__ = ["PLANS", "Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How probes of one variant of a predicate are made."""

    task: str
    sub_domain: str
    variant: str
    call: str
    """The predicate with {0}, {1}, {2} for the objects' names."""
    prompt: str
    quantity: str
    unit: str
    target: float
    inner: float
    """Tolerance on the error; 0 for order predicates, whose error is negative while the order is right."""
    spread: tuple[float, float]
    """Between which errors the graded probes are spread evenly."""
    arrange: Arrange
    relative: bool = False
    """The error is relative to the target."""
    signed: bool = True
    """Errors occur on both sides of the target."""
    contrast: tuple[str, ...] = ()
    """Variants that contrast probes show instead."""
    min_visible: float = 0.4
    angles: Mapping[str, float] = field(default_factory=dict)
    """Target of every variant, for predicates about sides."""

    @property
    def name(self) -> str:
        """Key of the plan: task, sub-domain and variant."""
        return f"{self.task}-{self.sub_domain}-{self.variant}"


def _by_variant(words: Mapping[str, str], pattern: Plan) -> Iterator[Plan]:
    """One plan per variant: VARIANT and WORDS stand for it in the pattern's call and prompt."""
    for variant, word in words.items():
        yield replace(
            pattern,
            variant=variant,
            call=pattern.call.replace("VARIANT", variant),
            prompt=pattern.prompt.replace("WORDS", word),
            contrast=tuple(other for other in words if other != variant) if pattern.contrast else (),
        )


def _sides(
    words: Mapping[str, str], pattern: Plan, inner: Mapping[str, float] | None = None
) -> Iterator[Plan]:
    """Plans about front, back, left and right, with the tolerance of each."""
    for plan in _by_variant(words, replace(pattern, contrast=("other sides",), angles=BEARING)):
        width = inner[plan.variant] if inner else plan.inner
        yield replace(plan, target=BEARING[plan.variant], inner=width, spread=(0, 2 * width))


def _edit(plan: Plan, prompt: str, arrange: Arrange, sub_domain: str) -> Plan:
    return replace(plan, task="edit", sub_domain=sub_domain, prompt=prompt, arrange=arrange)


SEEN = {"front": "front", "back": "back", "left": "own left side", "right": "own right side"}
AT = {
    "front": "straight in front of",
    "back": "straight behind",
    "left": "at the own left side of",
    "right": "at the own right side of",
}
ARRANGED = {
    "side_by_side_same": "side by side, facing the same way",
    "side_by_side_opposite": "side by side, facing opposite ways",
    "face_to_face": "face to face",
    "back_to_back": "back to back",
}
LEFT_RIGHT = {"left": "to the left of", "right": "to the right of"}
NEAR_FAR = {"closer": "closer to the camera than", "farther": "farther from the camera than"}
MOVED = {
    "closer": "closer to the camera",
    "farther": "away from the camera",
    "left": "to the left",
    "right": "to the right",
}
WENT = {"forward": "forward", "backward": "backward", "left": "to the left", "right": "to the right"}
SIZES = {
    "taller": (0.2, "20 cm taller than"),
    "longer": (0.5, "50 cm longer than"),
    "wider": (0.3, "30 cm wider than"),
}
OWN = {"front": 15.0, "back": 15.0, "left": 30.0, "right": 30.0}

_VIEW = Plan(
    task="t2i",
    sub_domain="camera_pose",
    variant="",
    call="camera_pose({0}, view=VARIANT)",
    prompt="A {0}, the camera on its WORDS.",
    quantity="bearing of the camera",
    unit="deg",
    target=0.0,
    inner=30.0,
    spread=(0.0, 60.0),
    arrange=camera_at_bearing,
)
_TURNED = replace(
    _VIEW,
    sub_domain="object_pose",
    call="object_pose({0}, view=VARIANT)",
    prompt="A {0} with its WORDS turned to the camera.",
)
_PAIR = replace(
    _VIEW,
    sub_domain="complex_pose",
    call="complex_pose({0}, {1}, view=VARIANT)",
    prompt="A {0} and a {1} side by side, facing the same way, seen from their WORDS.",
    arrange=camera_at_pair,
    min_visible=0.2,
)
_MUTUAL = replace(
    _VIEW,
    sub_domain="intrinsic",
    call="intrinsic({0}, {1}, relation=VARIANT)",
    prompt="A {0} and a {1} WORDS.",
    quantity="larger error of bearing and heading",
    arrange=mutual,
    contrast=("other arrangements",),
)
_BESIDE = replace(
    _VIEW,
    sub_domain="allocentric",
    call="allocentric({0}, {1}, relation=VARIANT)",
    prompt="A {1} WORDS a {0}.",
    quantity="bearing of the other object",
    arrange=beside,
)
_ACROSS = Plan(
    task="t2i",
    sub_domain="egocentric",
    variant="",
    call="egocentric({0}, {1}, relation=VARIANT)",
    prompt="A {0} WORDS a {1}, as the camera sees them.",
    quantity="angle to the asked side",
    unit="deg",
    target=0.0,
    inner=0.0,
    spread=(-10.0, 10.0),
    arrange=across,
    signed=False,
    min_visible=0.3,
)
_NEARER = replace(
    _ACROSS,
    quantity="log ratio of the distances in the asked order",
    unit="log ratio",
    spread=(-2 * math.log(1.1), 2 * math.log(1.1)),
    arrange=nearer,
)
_APART = Plan(
    task="t2i",
    sub_domain="object_distance",
    variant="",
    call="object_distance({0}, {1}, value_m=VARIANT)",
    prompt="A {0} and a {1}, WORDS m apart between their centres.",
    quantity="distance between the centres",
    unit="m",
    target=1.0,
    inner=1 / 3,
    spread=(0.0, 2 / 3),
    arrange=apart,
    relative=True,
)
_AWAY = replace(
    _APART,
    sub_domain="camera_distance",
    call="camera_distance({0}, value_m=VARIANT)",
    prompt="A {0} whose centre is WORDS m from the camera.",
    quantity="distance from the camera",
    arrange=away,
)
_BIGGER = Plan(
    task="t2i",
    sub_domain="object_size",
    variant="bigger",
    call="object_size({0}, {1}, dimension=bigger, ratio=1.2)",
    prompt="A {0} that is 1.2 times as large in volume as a {1}.",
    quantity="ratio of volumes",
    unit="log ratio",
    target=1.2,
    inner=math.log(1.1),
    spread=(0.0, 2 * math.log(1.1)),
    arrange=sized,
)
_MOVED = replace(
    _APART,
    task="edit",
    sub_domain="move_object",
    call="move_object({0}, direction=VARIANT, value_m=1)",
    prompt="Move the {0} one metre WORDS.",
    quantity="length of the move",
    arrange=move_object,
)
_WENT = replace(
    _MOVED,
    sub_domain="move_camera",
    call="move_camera({0}, direction=VARIANT, value_m=1)",
    prompt="Move the camera one metre WORDS.",
    arrange=move_camera,
)
_KEPT = Plan(
    task="edit",
    sub_domain="keep_two",
    variant="",
    call="keep_relation({0}, {1}, view=VARIANT)",
    prompt="Move the camera until it sees the WORDS of the {0}, and leave both objects where they are.",
    quantity="change of a partner's bearing",
    unit="deg",
    target=0.0,
    inner=30.0,
    spread=(0.0, 60.0),
    arrange=keep_two,
    min_visible=0.25,
)
_KEPT_THREE = replace(
    _KEPT,
    sub_domain="keep_three",
    call="keep_relation({0}, {1}, {2}, view=VARIANT)",
    prompt="Move the camera until it sees the WORDS of the {0}, and leave all three objects where they are.",
    arrange=keep_three,
)


def _metres(pattern: Plan, *values: float) -> Iterator[Plan]:
    for plan in _by_variant({f"{v:g}": f"{v:g}" for v in values}, pattern):
        yield replace(plan, target=float(plan.variant))


def _sizes() -> Iterator[Plan]:
    yield _BIGGER
    for variant, (value, words) in SIZES.items():
        yield replace(
            _APART,
            sub_domain="object_size",
            variant=variant,
            target=value,
            arrange=sized,
            quantity="difference of sizes",
            call=f"object_size({{0}}, {{1}}, dimension={variant}, value_m={value})",
            prompt=f"A {{0}} that is {words} a {{1}}.",
        )


def _resized(plan: Plan) -> Plan:
    words = SIZES[plan.variant][1] if plan.variant in SIZES else "1.2 times as large in volume as"
    call = plan.call.replace("object_size({0}, {1}", "resize({0}")
    return replace(_edit(plan, f"Make the {{0}} {words} before.", grown, "resize"), call=call)


_TABLE = (
    *_sides(SEEN, _VIEW, OWN),
    *_sides(SEEN, _TURNED, OWN),
    *_sides(SEEN, _PAIR),
    *_by_variant(ARRANGED, _MUTUAL),
    *_sides(AT, _BESIDE, OWN),
    *_by_variant(LEFT_RIGHT, _ACROSS),
    *_by_variant(NEAR_FAR, _NEARER),
    *_metres(_APART, 0.5, 1.0, 1.5, 2.0),
    *_metres(_AWAY, 1.0, 2.0, 3.0, 4.0),
    *_sizes(),
    *_sides(SEEN, _edit(_VIEW, "Move the camera to the WORDS of the {0}.", go_round, "camera_pose"), OWN),
    *_sides(
        SEEN,
        _edit(_TURNED, "Turn the {0} so that its WORDS is towards the camera.", turn_round, "object_pose"),
        OWN,
    ),
    *_by_variant(
        ARRANGED,
        _edit(
            _MUTUAL, "Add a {1} so that the {0} and it are WORDS.", inserted(mutual, 1), "insert_intrinsic"
        ),
    ),
    *_sides(AT, _edit(_BESIDE, "Add a {1} WORDS the {0}.", inserted(beside, 1), "insert_allocentric"), OWN),
    *_by_variant(
        LEFT_RIGHT,
        _edit(
            _ACROSS,
            "Add a {0} WORDS the {1}, as the camera sees them.",
            inserted(across, 0),
            "insert_egocentric",
        ),
    ),
    *_by_variant(
        NEAR_FAR, _edit(_NEARER, "Add a {0} WORDS the {1}.", inserted(nearer, 0), "insert_egocentric")
    ),
    *_by_variant(MOVED, _MOVED),
    *_by_variant(WENT, _WENT),
    *map(_resized, _sizes()),
    *_by_variant(SEEN, _KEPT),
    *_by_variant(SEEN, _KEPT_THREE),
)

PLANS: dict[str, Plan] = {plan.name: plan for plan in _TABLE}
"""Plan name to plan: the 36 text-to-image and the 40 edit variants."""
