"""From a call such as `object_distance(cat, chair, value_m=0.8)` to a predicate with its objects and values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from genspace.display import Displayed
from genspace.errors import InputError, did_you_mean
from genspace.geometry.predicates._calls import Call, Value, parse_call
from genspace.geometry.predicates._names import noun_of
from genspace.geometry.predicates._predicate import Limit, Predicate, Variant
from genspace.geometry.predicates._registry import REGISTRY, predicate_named
from genspace.geometry.profiles import CORRECTED, Tolerances

_TOLERANCE = ("inner", "outer")
_NEW = "new"
"""Names the object that an edit should have added; the questions ask whether it is new."""


@dataclass(frozen=True)
class Bound(Displayed):
    """A predicate with the ids of its objects and all its values: what everybody is handed who asks or decides it."""

    text: str
    """The call as it was written."""
    predicate: Predicate
    word: str
    """Name of the variant: "left"; "" where there is one."""
    ids: tuple[str, ...]
    settings: Mapping[str, Value]

    def __str__(self) -> str:
        """Say what must hold, in words, objects by their ids."""
        return self._statement

    @cached_property
    def _statement(self) -> str:
        from genspace.geometry.predicates._words import BY_ID

        return BY_ID.tell(self, "statement") or self.text

    @property
    def variant(self) -> Variant:
        """What the predicate's table says of the variant."""
        return self.predicate.variants[self.word]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What people and models call the objects, in the order of the roles.

        >>> bind('egocentric("the big, red cat", park_bench, relation=left)').names
        ('big, red cat', 'park bench')
        """
        return tuple(map(noun_of, self.ids))

    @cached_property
    def alike(self) -> frozenset[str]:
        """Names that two or more of its objects share, so that words alone cannot tell which is meant."""
        return frozenset(name for name, count in Counter(self.names).items() if count > 1)

    @property
    def either_order(self) -> bool:
        """Whether its objects may trade roles: two of a kind that nothing tells apart, or the call says so."""
        wanted = self.settings.get("either_order")
        return wanted == "yes" or (wanted == "auto" and bool(self.alike))

    @property
    def declared(self) -> Mapping[str, Limit]:
        """The tolerances of its constraints as they were declared."""
        return self.variant.limits or self.predicate.limits

    def limits(self, tolerances: Tolerances = CORRECTED.tolerances) -> dict[str, tuple[float, float]]:
        """Return (inner, outer) of each constraint: the call's own for the first, else the profile's or a default.

        Where the call gives one of the two beyond the other's default, the score falls from 1 to 0 at the given one.
        """
        found = {
            key: getattr(tolerances, limit.tolerance) if isinstance(limit.tolerance, str) else limit.tolerance
            for key, limit in self.declared.items()
        }
        given = {key: float(self.settings[key]) for key in _TOLERANCE if key in self.settings}
        if given:
            first = next(iter(found))
            inner, outer = found[first]
            inner, outer = given.get("inner", inner), given.get("outer", outer)
            found[first] = (inner, max(inner, outer)) if "inner" in given else (min(inner, outer), outer)
        return found


@lru_cache(maxsize=4096)
def bind(text: str) -> Bound:
    """Return the predicate that a call names, with its objects and values.

    Objects stand by position or by role. `inner` and `outer`, the tolerance of the first constraint, may be given,
    and `new`: which of the objects an edit should have added.
    Errors: `InputError` that names the call, what is wrong, and what is known.

    >>> print(bind("object_distance(cat, chair, value_m=0.8)"))
    cat and chair are 0.8 m apart
    """
    call = parse_call(text)
    try:
        predicate = predicate_named(call.name)
    except InputError as error:
        raise _wrong(text, str(error)) from None
    ids = _ids(text, predicate, call)
    settings = {key: value for key, value in call.parameters.items() if key not in predicate.roles}
    word = str(settings.get(predicate.key, "")) if predicate.key else ""
    if predicate.key and predicate.key not in settings:
        raise _wrong(text, f"{predicate.key} is needed: {', '.join(predicate.variants)}")
    if word not in predicate.variants:
        raise _wrong(text, f"{predicate.key} = {word!r}{did_you_mean(word, predicate.variants)}")
    values = predicate.variants[word].values
    for key, value in settings.items():
        if key == _NEW:
            _check_new(text, predicate, ids, value)
        elif key != predicate.key:
            _check_value(text, predicate, values, key, value)
    for key, examples in values.items():
        if key not in settings:
            raise _wrong(text, f"{key} is needed, such as {key}={examples[0]:g}")
    if not float(settings.get("inner", 0.0)) < float(settings.get("outer", math.inf)):
        raise _wrong(text, "inner must be below outer")
    defaults = {key: words[0] for key, words in predicate.options.items()}
    return Bound(text, predicate, word, ids, {**defaults, **settings})


def bind_known(text: str) -> Bound | None:
    """Return the predicate that a call names; None for one that no installed package knows. Errors: as `bind`.

    >>> bind_known("egocentric(cat, dog, relation=left)").predicate.name, bind_known("nearby(cat, dog)")
    ('egocentric', None)
    """
    name = parse_call(text).name
    return bind(text) if name in REGISTRY.builtin or name in REGISTRY.plugins else None


def _wrong(text: str, message: str) -> InputError:
    return InputError(f"predicate {text!r}: {message}")


def _ids(text: str, predicate: Predicate, call: Call) -> tuple[str, ...]:
    roles = predicate.roles
    named = {role: call.parameters[role] for role in roles if role in call.parameters}
    by_role = {role: f"{name:g}" if isinstance(name, float) else str(name) for role, name in named.items()}
    given = dict(zip(roles, call.arguments, strict=False))
    both = given | by_role
    ids = tuple(both[role] for role in roles if role in both)
    needed = len(roles) - predicate.optional_roles
    if (
        len(call.arguments) > len(roles)
        or given.keys() & by_role.keys()
        or [role for role in roles if role in both][:needed] != list(roles[:needed])
    ):
        raise _wrong(text, f"expected {needed} object(s): {predicate.name}({', '.join(roles[:needed])}, …)")
    if len(set(ids)) < len(ids):
        raise _wrong(text, "one object stands in two roles")
    return ids


def _check_new(text: str, predicate: Predicate, ids: tuple[str, ...], value: Value) -> None:
    if predicate.compares:
        raise _wrong(
            text, "new names an object that was added, but it compares two images of the same things"
        )
    if value not in ids:
        raise _wrong(text, f"new names an object that was added, but {value!r} is none of its objects")


def _check_value(
    text: str, predicate: Predicate, values: Mapping[str, tuple[float, ...]], key: str, value: Value
) -> None:
    known = (*values, *predicate.options, *_TOLERANCE, _NEW)
    if key in predicate.options:
        if value not in predicate.options[key]:
            raise _wrong(text, f"{key} = {value!r} must be {' or '.join(predicate.options[key])}")
    elif key not in known:
        raise _wrong(text, f"unknown parameter {key!r}{did_you_mean(key, known)}")
    elif not isinstance(value, float) or not (0.0 < value <= 1e6 or (key == "inner" and value == 0.0)):
        raise _wrong(text, f"{key} = {value!r} must be a positive number")
    elif key == "ratio" and value == 1.0:
        raise _wrong(text, "ratio = 1 asks for no change")
