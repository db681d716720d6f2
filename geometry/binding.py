"""From a call such as `object_distance(cat, chair, value_m=0.8)` to a predicate with its objects and values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from genspace.display import Displayed
from genspace.errors import InputError, did_you_mean
from genspace.geometry.calls import Value, parse_call
from genspace.geometry.predicates import Predicate, Variant, predicate_named

__all__ = ["Bound", "bind"]


@dataclass(frozen=True, slots=True)
class Bound(Displayed):
    """A predicate with the ids of its objects and all its values."""

    text: str
    """The call as it was written."""
    predicate: Predicate
    variant: Variant
    ids: tuple[str, ...]
    settings: Mapping[str, Value]

    def __str__(self) -> str:
        """Say what must hold, in words."""
        roles = dict(zip(self.predicate.roles, self.ids, strict=False))
        variant = (self.variant.words or self._word()).format(**self.settings)
        return self.predicate.says.format(**roles, **self.settings, variant=variant)

    def _word(self) -> str:
        return str(self.settings[self.predicate.key]) if self.predicate.key else ""


_TOLERANCE = ("inner", "outer")


@lru_cache(maxsize=4096)
def bind(text: str) -> Bound:
    """Return the predicate that a call names, with its objects and values.

    Objects stand by position or by role. `inner` and `outer`, the tolerance of the first constraint, may be given.
    Errors: `InputError` that names the call, what is wrong, and what is known.

    >>> print(bind("object_distance(cat, chair, value_m=0.8)"))
    cat and chair are 0.8 m apart
    """
    call = parse_call(text)
    try:
        predicate = predicate_named(call.name)
    except InputError as error:
        raise _wrong(text, str(error)) from None
    ids = _ids(text, predicate, call.arguments, call.parameters)
    settings = {key: value for key, value in call.parameters.items() if key not in predicate.roles}
    word = settings.get(predicate.key, "") if predicate.key else ""
    if predicate.key and predicate.key not in settings:
        raise _wrong(text, f"{predicate.key} is needed: {', '.join(predicate.variants)}")
    variant = predicate.variants.get(str(word))
    if variant is None:
        raise _wrong(text, f"{predicate.key} = {word!r}{did_you_mean(str(word), predicate.variants)}")
    for key, value in settings.items():
        if key != predicate.key:
            _check_value(text, predicate, variant, key, value)
    for key, values in variant.values.items():
        if key not in settings:
            raise _wrong(text, f"{key} is needed, such as {key}={values[0]:g}")
    if not float(settings.get("inner", 0.0)) < float(settings.get("outer", math.inf)):
        raise _wrong(text, "inner must be below outer")
    defaults = {key: words[0] for key, words in predicate.options.items()}
    return Bound(text, predicate, variant, ids, {**defaults, **settings})


def _wrong(text: str, message: str) -> InputError:
    return InputError(f"predicate {text!r}: {message}")


def _ids(
    text: str, predicate: Predicate, arguments: tuple[str, ...], parameters: Mapping[str, Value]
) -> tuple[str, ...]:
    roles = predicate.roles
    by_role = {role: str(parameters[role]) for role in roles if role in parameters}
    given = dict(zip(roles, arguments, strict=False))
    both = given | by_role
    ids = tuple(both[role] for role in roles if role in both)
    needed = len(roles) - predicate.optional_roles
    if (
        len(arguments) > len(roles)
        or given.keys() & by_role.keys()
        or list(both)[:needed] != list(roles[:needed])
    ):
        raise _wrong(text, f"expected {needed} object(s): {predicate.name}({', '.join(roles[:needed])}, …)")
    if len(set(ids)) < len(ids):
        raise _wrong(text, "one object stands in two roles")
    return ids


def _check_value(text: str, predicate: Predicate, variant: Variant, key: str, value: Value) -> None:
    known = (*variant.values, *predicate.options, *_TOLERANCE)
    if key in predicate.options:
        if value not in predicate.options[key]:
            raise _wrong(text, f"{key} = {value!r} must be {' or '.join(predicate.options[key])}")
    elif key not in known:
        raise _wrong(text, f"unknown parameter {key!r}{did_you_mean(key, known)}")
    elif not isinstance(value, float) or not (0.0 < value <= 1e6 or (key == "inner" and value == 0.0)):
        raise _wrong(text, f"{key} = {value!r} must be a positive number")
    elif key == "ratio" and value == 1.0:
        raise _wrong(text, "ratio = 1 asks for no change")
