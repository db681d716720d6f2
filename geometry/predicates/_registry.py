"""Which predicates there are: a module and a TOML of words in this folder each, and those of plugins.

A further predicate in this folder is a file `NAME.py` that defines `PREDICATE`, and `NAME.toml`; a plugin's is a
package with an entry point in the group `genspace.predicates` that names a `Predicate`, and a `NAME.toml` in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files

from genspace.errors import InputError
from genspace.geometry.predicates._predicate import Predicate, Task
from genspace.plugins import Registry

REGISTRY = Registry(
    what="predicate",
    group="genspace.predicates",
    builtin={
        name: f"{__package__}.{name}:PREDICATE"
        for name, dot, suffix in (
            file.name.partition(".") for file in files(__name__.rpartition(".")[0]).iterdir()
        )
        if suffix == "toml" and not name.startswith("_")
    },
)
"""All predicates, loaded when they are asked for. A plugin's that bears a built-in predicate's name is never used."""


def predicate_named(name: str) -> Predicate:
    """Return a predicate, built in or of a plugin.

    Errors: `InputError` with the closest known name, or for a plugin's object that is not the predicate of that name.

    >>> predicate_named("object_distance").roles
    ('first', 'second')
    """
    loaded: object = REGISTRY.load(name)
    if not isinstance(loaded, Predicate) or loaded.name != name:
        entry = REGISTRY.plugins[name]
        raise InputError(
            f"plugin predicate {name!r}: {entry.value} is no Predicate with that name; the entry point's name "
            "and the Predicate's must be the same"
        )
    return loaded


def every_predicate() -> list[Predicate]:
    """Return all predicates, those of plugins included, in the order of lists and tables.

    >>> len(every_predicate()) >= len(built_in())  # those of plugins too
    True
    """
    return _loaded(REGISTRY.names())


@cache
def built_in() -> Mapping[str, Predicate]:
    """Return genspace's own predicates by name, in the order of lists and tables.

    >>> [name for name in built_in() if "size" in name]
    ['object_size', 'resize']
    """
    return {predicate.name: predicate for predicate in _loaded(REGISTRY.builtin)}


def _loaded(names: Iterable[str]) -> list[Predicate]:
    return sorted(map(predicate_named, names), key=lambda predicate: (predicate.rank, predicate.name))


def plugin_versions() -> dict[str, str]:
    """Return the package and version behind each plugin's predicate: part of the fingerprints of judges.

    >>> isinstance(plugin_versions(), dict)
    True
    """
    return {
        name: f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
        for name, entry in sorted(REGISTRY.plugins.items())
        if name not in REGISTRY.builtin
    }


def benchmark_variants(task: Task) -> Iterator[str]:
    """Yield a call of each of the benchmark's variants, with its roles for objects: 36 for t2i, 40 for edits.

    >>> calls = list(benchmark_variants("t2i"))
    >>> len(calls), calls[0], calls[-1]
    (36, 'camera_pose(object, view=front)', 'object_size(first, second, dimension=wider, value_m=0.3)')
    >>> len(list(benchmark_variants("edit")))
    40
    """
    for predicate in built_in().values():
        yield from calls_of(predicate, task)


def calls_of(predicate: Predicate, task: Task | None = None) -> Iterator[str]:
    """Yield a call of each variant of a predicate, roles for objects; `task`: of those with a released rule for it.

    >>> next(calls_of(built_in()["camera_distance"]))
    'camera_distance(object, value_m=1)'
    """
    for left_out in range(predicate.optional_roles, -1, -1):
        roles = predicate.roles[: len(predicate.roles) - left_out]
        for name, variant in predicate.variants.items():
            if task is not None and getattr(variant, task) is None:
                continue
            start = [*roles, f"{predicate.key}={name}"] if predicate.key else [*roles]
            numbers = [f"{key}={value:g}" for key, values in variant.values.items() for value in values]
            for number in numbers or [""]:
                yield f"{predicate.name}({', '.join(filter(None, [*start, number]))})"
