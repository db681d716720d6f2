"""How judges are named: `KIND[:MODEL]`, or a `[judges.NAME]` table of study.toml, with `-o NAME.key=value`.

`NAME[key=value,…]` is the judge NAME with other options, under that name: `geometry[depth=scene]`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, did_you_mean
from genspace.judges._protocol import Judge, JudgeContext, JudgeSpec
from genspace.judges._registry import REGISTRY, make_judge
from genspace.records import JudgeVariant

if TYPE_CHECKING:
    from genspace.study import JudgeTable, Study


def resolve(
    names: Sequence[str], tables: Mapping[str, JudgeTable], overrides: Sequence[str] = ()
) -> list[JudgeSpec]:
    """Return the specification of each named judge.

    Args:
        names: As on the command line; a name in `tables` takes precedence over a kind. `NAME[key=value]` changes
            options.
        tables: The study's `[judges.NAME]` tables.
        overrides: `NAME.key=value`, or `key=value` if one judge is named; values are TOML, else text.

    Overrides of a table that is not named are ignored, because they may apply to a member of a combination.
    Errors: `InputError` for an unknown name or kind, a judge named twice, or an override that fits no judge.

    >>> spec = resolve(["vlm:gpt-4.1"], {}, ["samples=3"])[0]
    >>> spec.kind, spec.model, dict(spec.options)
    ('vlm', 'gpt-4.1', {'samples': 3})
    """
    if len(set(names)) < len(names):
        raise InputError(f"judge {next(name for name in names if names.count(name) > 1)!r} is named twice")
    options: dict[str, dict[str, Any]] = {name: {} for name in names}
    for override in overrides:
        name, key, value = _split_override(override, names, tables)
        if name in options:  # else it is for a member of a combination (see `member_overrides`)
            _set(options[name], key.split("."), value)
    return [_spec(name, tables, options[name]) for name in names]


def study_context(
    study: Study, overrides: Sequence[str] = (), base: JudgeContext | None = None, **fields: Any
) -> JudgeContext:
    """Return the context of a study's judges, in which ensembles and cascades find their members by name.

    Args:
        study: The study to judge.
        overrides: `NAME.key=value`; those that name a member apply to it.
        base: Context outside a study to start from: `cache_dir`, `seed`, `budget`, `allowed_hosts`.
        fields: These one by one.

    >>> import tempfile
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"item_id": ["a"]}).to_csv(folder / "items.csv", index=False)
    >>> study_context(open_study(folder), seed=7).seed
    7
    """
    making: list[str] = []

    def make(name: str) -> Judge:
        if name in making:
            raise InputError(f"judge {name!r} is a member of itself: {' → '.join([*making, name])}")
        making.append(name)
        try:
            own = member_overrides(name, overrides)
            return make_judge(resolve([name], study.declared.judges, own)[0], context)
        finally:
            making.pop()

    context = replace(base or JudgeContext(), study=study, make=make, **fields)
    return context


def member_overrides(name: str, overrides: Sequence[str]) -> list[str]:
    """Return the overrides that apply to the named judge.

    >>> member_overrides("vlm:m", ["vlm:m.samples=3", "other.samples=4"])
    ['vlm:m.samples=3']
    """
    return [o for o in overrides if o.startswith(f"{name}.")]


def variant_of(name: str, tables: Collection[str]) -> JudgeVariant | None:
    """Return which judge a name makes a variant of; None if it makes none.

    >>> variant_of("geometry[depth=scene]", {})
    JudgeVariant(base='geometry', replaced='depth=scene')
    """
    base, bracket, changes = name.removesuffix("]").partition("[")
    if name in tables or not (bracket and name.endswith("]")):
        return None
    return JudgeVariant(base, changes)


def _spec(name: str, tables: Mapping[str, JudgeTable], options: Mapping[str, Any]) -> JudgeSpec:
    if name in tables:
        table = tables[name]
        return JudgeSpec(
            name=name, kind=table.kind, model=table.model, options={**table.options, **options},
            source=f"study.toml [judges.{name}]", from_study=frozenset(table.options) - frozenset(options),
        )  # fmt: skip
    variant = variant_of(name, tables)
    if variant is not None:
        spec = _spec(variant.base, tables, {})
        changed: dict[str, Any] = {**spec.options}
        changes = variant.replaced.split(",")
        for change in changes:
            key, equals, text = change.partition("=")
            if not equals:
                raise InputError(f"judge {name!r}: {change!r} is no KEY=VALUE")
            _set(changed, key.strip().split("."), _value(text.strip()))
        own = {change.partition("=")[0].strip().partition(".")[0] for change in changes}
        return replace(
            spec,
            name=name,
            options={**changed, **options},
            from_study=spec.from_study - own - frozenset(options),
        )
    kind, _, model = name.partition(":")
    known = [*REGISTRY.names(), *tables]
    if kind not in known:
        raise InputError(f"judge {name!r}: unknown judge{did_you_mean(kind, known)}")
    return JudgeSpec(name=name, kind=kind, model=model or None, options=options)


def _split_override(override: str, names: Sequence[str], tables: Collection[str]) -> tuple[str, str, Any]:
    target, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"-o {override}: NAME.key=value is expected")
    # Names may hold dots ("vlm:gpt-4.1"), so the longest judge name that fits wins.
    fitting = sorted((n for n in {*names, *tables} if target.startswith(f"{n}.")), key=len)
    if fitting:
        name = fitting[-1]
        return name, target.removeprefix(f"{name}."), _value(text)
    if len(names) == 1:
        return names[0], target, _value(text)
    raise InputError(f"-o {override}: names none of the judges {', '.join(names)}")


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(options: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        options = options.setdefault(part, {})
    options[path[-1]] = value
