"""The predicates: one table of the benchmark's 36 text-to-image and 40 edit variants.

A predicate is written as a call whose arguments are ids of objects: `camera_pose(cat, view=front)`. One row of the
table holds what a predicate's variants share; the variants differ in one word or number, and each names the
released code's rule for it: for one image (text-to-image), and for the image after an edit. Further predicates come
from plugins: packages with an entry point in the group `genspace.predicates` that names a `Predicate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Literal

from genspace.errors import InputError, did_you_mean
from genspace.geometry import reference, rules
from genspace.geometry.reference import ReferenceRule
from genspace.geometry.rules import Rule
from genspace.plugins import Registry

__all__ = [
    "PLUGINS",
    "PREDICATES",
    "Predicate",
    "Task",
    "Variant",
    "benchmark_variants",
    "plugin_versions",
    "predicate_named",
    "predicate_names",
]

Task = Literal["t2i", "edit"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to fill in a predicate."""

    t2i: ReferenceRule | None = None
    """The released code's rule for one image; None: not a text-to-image predicate."""
    edit: ReferenceRule | None = None
    """The released code's rule for a pair of images; None: not an edit predicate."""
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Numbers that it needs, with those of the benchmark."""
    words: str = ""
    """How it reads; the variant's own word unless given."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """What the variants of a predicate share."""

    name: str
    roles: tuple[str, ...]
    """What its objects are, in the order of a call's arguments."""
    says: str
    """What must hold, in words, with the roles, {variant} and the numbers in braces."""
    rule: Rule
    """The corrected rule."""
    key: str | None = None
    """Parameter that names the variant; None: there is one variant."""
    variants: Mapping[str, Variant] = field(default_factory=lambda: {"": Variant()})
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further parameters and their words; the first is the default."""
    compares: bool = False
    """Whether it needs the image before the edit."""
    optional_roles: int = 0
    """How many of the last roles may be left out."""


def _both(rule: ReferenceRule, edit: ReferenceRule | None, **names: str) -> dict[str, Variant]:
    return {name: Variant(t2i=rule, edit=edit, words=words) for name, words in names.items()}


def _edit(rule: ReferenceRule, **names: str) -> dict[str, Variant]:
    return {name: Variant(edit=rule, words=words) for name, words in names.items()}


_SIDES = {"front": "front", "back": "back", "left": "left", "right": "right"}
_ARRANGED = {
    "side_by_side_same": "side by side, facing the same way",
    "side_by_side_opposite": "side by side, facing opposite ways",
}
_FACING = {"face_to_face": "face to face", "back_to_back": "back to back"}
_VIEWS = {
    name: Variant(
        t2i=partial(reference.view_from, threshold=threshold, width=30.0),
        edit=partial(reference.view_from, threshold=30.0, width=45.0),
    )
    for name, threshold in {"front": 15.0, "back": 15.0, "left": 30.0, "right": 30.0}.items()
}
_LENGTH_AXIS = ("front", "right", "longest")


def _moved(axis: int, sign: float, words: str, *, can_pass: bool = True) -> Variant:
    rule = partial(reference.move, axis=axis, sign=sign, can_pass=can_pass)
    return Variant(edit=rule, values={"value_m": (1.0,)}, words=words)


def _metres(rule: ReferenceRule, *values: float, words: str = "", edit: bool = False) -> Variant:
    return Variant(
        t2i=None if edit else rule, edit=rule if edit else None, values={"value_m": values}, words=words
    )


_TABLE = (
    Predicate(
        "camera_pose",
        ("object",),
        "the camera sees the {variant} of {object}",
        rules.view_from,
        "view",
        _VIEWS,
    ),
    Predicate(
        "object_pose",
        ("object",),
        "{object} turns its {variant} to the camera",
        rules.view_from,
        "view",
        _VIEWS,
    ),
    Predicate(
        "complex_pose",
        ("first", "second"),
        "{first} and {second} are side by side, face the same way, and the camera sees their {variant}",
        rules.complex_pose,
        "view",
        _both(reference.complex_pose, None, **_SIDES),
    ),
    Predicate(
        "intrinsic",
        ("first", "second"),
        "{first} and {second} are {variant}",
        rules.intrinsic,
        "relation",
        _both(reference.side_by_side, reference.insert_arranged, **_ARRANGED)
        | _both(reference.facing, reference.insert_arranged, **_FACING),
    ),
    Predicate(
        "allocentric",
        ("reference", "other"),
        "from the point of view of {reference}, {other} is {variant} it",
        rules.allocentric,
        "relation",
        _both(
            reference.allocentric,
            reference.insert_beside,
            front="in front of",
            back="behind",
            left="to the left of",
            right="to the right of",
        ),
    ),
    Predicate(
        "egocentric",
        ("first", "second"),
        "seen from the camera, {first} is {variant} {second}",
        rules.egocentric,
        "relation",
        _both(
            reference.egocentric_side,
            reference.insert_in_view,
            left="to the left of",
            right="to the right of",
        )
        | _both(
            reference.egocentric_order, reference.insert_in_view, closer="closer than", farther="farther than"
        ),
    ),
    Predicate(
        "object_distance",
        ("first", "second"),
        "{first} and {second} are {value_m:g} m apart",
        rules.object_distance,
        None,
        {"": _metres(reference.object_distance, 0.5, 1.0, 1.5, 2.0)},
        options={"measure": ("centres", "gap")},
    ),
    Predicate(
        "camera_distance",
        ("object",),
        "{object} is {value_m:g} m away from the camera",
        rules.camera_distance,
        None,
        {"": _metres(reference.camera_distance, 1.0, 2.0, 3.0, 4.0)},
    ),
    Predicate(
        "object_size",
        ("first", "second"),
        "{first} is {variant} than {second}",
        rules.size,
        "dimension",
        {
            "bigger": Variant(
                t2i=reference.volume_ratio, values={"ratio": (1.2,)}, words="{ratio:g} times bigger"
            ),
            "taller": _metres(reference.size_difference, 0.2, words="{value_m:g} m taller"),
            "longer": _metres(reference.size_difference, 0.5, words="{value_m:g} m longer"),
            "wider": _metres(reference.size_difference, 0.3, words="{value_m:g} m wider"),
        },
        options={"length_axis": _LENGTH_AXIS, "either_order": ("auto", "yes", "no")},
    ),
    Predicate(
        "move_object",
        ("object",),
        "{object} has moved {value_m:g} m {variant}",
        rules.move_object,
        "direction",
        {
            "closer": _moved(2, -1, "towards the camera"),
            "farther": _moved(2, 1, "away from the camera"),
            "left": _moved(0, -1, "to the left"),
            "right": _moved(0, 1, "to the right"),
        },
        compares=True,
    ),
    Predicate(
        "move_camera",
        ("object",),
        "the camera has moved {value_m:g} m {variant}, told by {object}",
        rules.move_camera,
        "direction",
        {
            "forward": _moved(2, -1, "forward"),
            "backward": _moved(2, 1, "backward"),
            "left": _moved(0, 1, "to the left", can_pass=False),
            "right": _moved(0, -1, "to the right", can_pass=False),
        },
        compares=True,
    ),
    Predicate(
        "resize",
        ("object",),
        "{object} has grown to be {variant}",
        rules.size,
        "dimension",
        {
            "bigger": Variant(
                edit=reference.resize_volume, values={"ratio": (1.2,)}, words="{ratio:g} times bigger"
            ),
            "taller": _metres(reference.resize, 0.2, words="{value_m:g} m taller", edit=True),
            "longer": _metres(reference.resize, 0.5, words="{value_m:g} m longer", edit=True),
            "wider": _metres(reference.resize, 0.4, words="{value_m:g} m wider", edit=True),
        },
        options={"length_axis": _LENGTH_AXIS},
        compares=True,
    ),
    Predicate(
        "keep_relation",
        ("reference", "first", "second"),
        "the others keep their places around {reference} while the camera comes to see its {variant}",
        rules.keep_relation,
        "view",
        _edit(reference.keep_relation, **_SIDES),
        compares=True,
        optional_roles=1,
    ),
)

PREDICATES: Mapping[str, Predicate] = MappingProxyType({row.name: row for row in _TABLE})
"""The built-in predicates by name."""

PLUGINS = Registry(what="predicate", group="genspace.predicates", builtin={})
"""Predicates that other packages bring. One that bears a built-in predicate's name is never used."""


def predicate_names() -> list[str]:
    """Return the names of all predicates, those of plugins included."""
    return sorted({*PREDICATES, *PLUGINS.plugins})


def predicate_named(name: str) -> Predicate:
    """Return a predicate, built in or of a plugin.

    Errors: `InputError` with the closest known name, or for a plugin's object that is not the predicate of that name.
    """
    if name in PREDICATES:
        return PREDICATES[name]
    if name not in PLUGINS.plugins:
        raise InputError(f"unknown predicate {name!r}{did_you_mean(name, predicate_names())}")
    loaded: object = PLUGINS.load(name)
    if not isinstance(loaded, Predicate) or loaded.name != name:
        entry = PLUGINS.plugins[name]
        raise InputError(
            f"plugin predicate {name!r}: {entry.value} is no Predicate with that name; the entry point's name "
            "and the Predicate's must be the same"
        )
    return loaded


def plugin_versions() -> dict[str, str]:
    """Return the package and version behind each plugin's predicate: part of the fingerprints of judges."""
    return {
        name: f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        for name, entry in sorted(PLUGINS.plugins.items())
        if name not in PREDICATES
    }


def benchmark_variants(task: Task) -> Iterator[str]:
    """Yield a call of each of the benchmark's variants, with its roles for objects: 36 for t2i, 40 for edits.

    >>> calls = list(benchmark_variants("t2i"))
    >>> len(calls), calls[0], calls[-1]
    (36, 'camera_pose(object, view=front)', 'object_size(first, second, dimension=wider, value_m=0.3)')
    >>> len(list(benchmark_variants("edit")))
    40
    """
    for predicate in _TABLE:
        for left_out in range(predicate.optional_roles, -1, -1):
            roles = predicate.roles[: len(predicate.roles) - left_out]
            for name, variant in predicate.variants.items():
                if (variant.t2i if task == "t2i" else variant.edit) is None:
                    continue
                start = [*roles, f"{predicate.key}={name}"] if predicate.key else [*roles]
                numbers = [f"{key}={value:g}" for key, values in variant.values.items() for value in values]
                for number in numbers or [""]:
                    yield f"{predicate.name}({', '.join(filter(None, [*start, number]))})"
