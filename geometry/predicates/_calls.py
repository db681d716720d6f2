"""Predicates as calls that people can read: `object_distance(cat, chair, value_m=0.8)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from genspace.errors import InputError

Value = float | str

_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*\((.*)\)\s*", re.DOTALL)
_ARGUMENT = re.compile(
    r"""\s*(?:(?P<key>[A-Za-z_]\w*)\s*=\s*)?
        (?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^,="'()]+?))\s*(?:,|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A predicate's name, the objects in its roles, and its parameters."""

    name: str
    arguments: tuple[str, ...] = ()
    """Ids of objects, by position."""
    parameters: Mapping[str, Value] = field(default_factory=dict)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def parse_call(text: str) -> Call:
    """Return the call in a text.

    Arguments are object ids, bare or in quotes; parameters are `name=value` with a number or a word.
    Errors: `InputError` with the text and the place where it goes wrong.

    >>> parse_call("object_distance(cat, chair, value_m=0.8)")
    Call(name='object_distance', arguments=('cat', 'chair'), parameters={'value_m': 0.8})
    >>> parse_call('camera_pose("the red, big car", view=front)').arguments
    ('the red, big car',)
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise InputError(f"predicate {text!r}: expected a call such as camera_pose_front(cat)")
    name, inside = match.groups()
    arguments: list[str] = []
    parameters: dict[str, Value] = {}
    position = 0
    while inside[position:].strip():
        found = _ARGUMENT.match(inside, position)
        if found is None:
            raise InputError(f"predicate {text!r}: cannot read {inside[position:].strip()!r}")
        position = found.end()
        key, bare = found["key"], found["bare"]
        quoted = found["single"] if found["double"] is None else found["double"]
        value = quoted if bare is None else bare.strip()
        if key is None:
            if parameters:
                raise InputError(f"predicate {text!r}: object {value!r} must stand before the parameters")
            arguments.append(value)
        elif key in parameters:
            raise InputError(f"predicate {text!r}: parameter {key!r} occurs twice")
        else:
            number = None if bare is None else _number(value)
            parameters[key] = value if number is None else number
    return Call(name, tuple(arguments), parameters)
