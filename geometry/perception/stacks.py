"""Named stacks: a part for every stage, chosen together under one name."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from genspace.errors import InputError, did_you_mean
from genspace.geometry.perception._parts import STAGES, Checkpoint, Part, PartKind, Runtime
from genspace.geometry.perception.catalogue import chosen_checkpoint, make_part, parse_part, part_kind
from genspace.plugins import Registry

__all__ = [
    "DEFAULT",
    "STACKS",
    "ChosenPart",
    "PartChoice",
    "Stack",
    "chosen_parts",
    "find_stack",
    "part_names",
    "stack_parts",
]

PartChoice = str | Mapping[str, Any]
"""A part's "NAME" or "NAME:CHECKPOINT", or a table `{ part = "NAME:CHECKPOINT", … }` with its options."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A choice of parts under one name.

    >>> find_stack("default").parts["depth"]
    'zoedepth'
    """

    name: str
    does: str
    """When to choose it, in a few words."""
    parts: Mapping[str, PartChoice] = field(default_factory=dict)
    """The part of each stage, by stage name."""

    def __call__(self) -> Stack:
        """Return itself: what an entry point loads may be a stack or a function that returns one."""
        return self


_TABLES = tomllib.loads((files(__package__) / "stacks.toml").read_text(encoding="utf-8"))
DEFAULT, RELEASED, MODERN = (Stack(name=name, **_TABLES[name]) for name in ("default", "released", "modern"))
STACKS = Registry(
    what="stack",
    group="genspace.stacks",
    builtin={stack.name: f"{__name__}:{stack.name.upper()}" for stack in (DEFAULT, RELEASED, MODERN)},
)
"""Stacks by name: built-ins, and those of plugins in the entry-point group `genspace.stacks`."""

BASE = "base"
"""Key of a study's own stack that names the stack whose parts serve the stages that it does not name."""


def find_stack(name: str, own: Mapping[str, Mapping[str, PartChoice]] | None = None) -> Stack:
    """Return a stack by name: one of the study's own tables, a built-in, or a plugin's.

    `own` are the `[stacks.NAME]` tables of study.toml: a part per stage; stages left out are those of the stack
    `base`, or of `default`; a table may bear its base's name.
    Errors: `InputError` for an unknown name, or a table that names no stage.

    >>> find_stack("cpu", {"cpu": {"depth": "depth-anything-v2"}}).parts["segmenter"]
    'sam'
    """
    tables = own or {}
    if name not in tables:
        known = [*STACKS.names(), *tables]
        if name not in STACKS.names():
            raise InputError(f"unknown stack {name!r}{did_you_mean(name, known)}; see: genspace ls stacks")
        stack: Stack = STACKS.load(name)()
        return stack
    table = dict(tables[name])
    base = table.pop(BASE, DEFAULT.name)
    wrong = [key for key in table if key not in STAGES]
    if wrong:
        raise InputError(
            f"study.toml [stacks.{name}]: {wrong[0]!r} is not a stage{did_you_mean(wrong[0], [*STAGES, BASE])}"
        )
    if not isinstance(base, str):
        raise InputError(f"study.toml [stacks.{name}]: {BASE} = {base!r} must name a stack")
    others = {key: value for key, value in tables.items() if key != name}
    return Stack(name=name, does="the study's own", parts={**find_stack(base, others).parts, **table})


@dataclass(frozen=True)
class ChosenPart:
    """One part of a choice, and the stages that it was chosen for.

    >>> detector = chosen_parts(find_stack("default").parts)[0]
    >>> detector.spec, detector.stages
    ('grounding-dino:IDEA-Research/grounding-dino-base', ('detector',))
    """

    kind: PartKind
    checkpoint: Checkpoint | None
    options: Mapping[str, Any]
    stages: tuple[str, ...]

    @property
    def spec(self) -> str:
        """Its name and checkpoint, "NAME:CHECKPOINT", also where that is the default."""
        return self.kind.name if self.checkpoint is None else f"{self.kind.name}:{self.checkpoint.name}"

    def make(self, runtime: Runtime | None = None) -> Part:
        """Return the part. Errors: `InputError` for an option that is unknown or wrong."""
        return make_part(self.stages[0], self.spec, self.options, runtime)


def chosen_parts(choices: Mapping[str, PartChoice]) -> list[ChosenPart]:
    """Return the parts of a choice, each once: stages with the same choice share one part and its options.

    Errors: `InputError` for an unknown stage or part, a stage that is needed and left out, or options of one part
    that contradict each other.

    >>> [part.spec for part in chosen_parts(find_stack("default").parts)][0]
    'grounding-dino:IDEA-Research/grounding-dino-base'
    """
    unknown = [stage for stage in choices if stage not in STAGES]
    if unknown:
        raise InputError(f"unknown stage {unknown[0]!r}{did_you_mean(unknown[0], STAGES)}")
    lacking = [s.name for s in STAGES.values() if s.needed and s.name not in choices]
    if lacking:
        raise InputError(f"no part is chosen for {', '.join(lacking)}")
    found: dict[tuple[str, str, str | None], ChosenPart] = {}
    for stage, choice in choices.items():
        spec, options = _split(stage, choice)
        name, wanted = parse_part(spec)
        kind = part_kind(stage, name)
        checkpoint = chosen_checkpoint(kind, stage, wanted)
        # kinds of one name are one model only where one kind serves both stages: scene's parts are six
        key = ("+".join(kind.stages), name, checkpoint.name if checkpoint else None)
        before = found.get(key)
        if before is not None:
            clash = [k for k in options if k in before.options and before.options[k] != options[k]]
            if clash:
                raise InputError(
                    f"{name} serves {', '.join(before.stages)} and {stage} at once, so it has one {clash[0]}: "
                    f"{before.options[clash[0]]!r} or {options[clash[0]]!r}"
                )
            options, stages = {**before.options, **options}, (*before.stages, stage)
        else:
            stages = (stage,)
        found[key] = ChosenPart(kind, checkpoint, options, stages)
    return list(found.values())


def stack_parts(stack: Stack) -> list[ChosenPart]:
    """Return the parts of a stack. Errors: `InputError` that names the stack.

    >>> [part.stages for part in stack_parts(find_stack("default"))][0]
    ('detector',)
    """
    try:
        return chosen_parts(stack.parts)
    except InputError as error:
        raise InputError(f"stack {stack.name}: {error}") from None


def _split(stage: str, choice: PartChoice) -> tuple[str, dict[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    options = dict(choice)
    spec = options.pop("part", None)
    if not isinstance(spec, str):
        raise InputError(f'{stage}: a table needs the part\'s name: {stage} = {{ part = "NAME", … }}')
    return spec, options


def part_names(parts: Sequence[ChosenPart]) -> dict[str, str]:
    """Return "NAME:CHECKPOINT" of every stage, with defaults spelt out. A scene file keeps it.

    >>> part_names(stack_parts(find_stack("default")))["depth"]
    'zoedepth:Intel/zoedepth-nyu-kitti'
    """
    chosen = {stage: part.spec for part in parts for stage in part.stages}
    return {stage: chosen[stage] for stage in STAGES if stage in chosen}
