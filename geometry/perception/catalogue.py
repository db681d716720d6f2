"""The catalogue of perception parts, and their names: "owlv2:google/owlv2-large…"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspace.errors import InputError, did_you_mean
from genspace.geometry.perception._parts import STAGES, Checkpoint, Part, PartKind, Runtime
from genspace.plugins import Registry

__all__ = [
    "REGISTRY",
    "chosen_checkpoint",
    "find_checkpoint",
    "kinds",
    "make_part",
    "parse_part",
    "part_kind",
]

_HERE = "genspace.geometry.perception"
REGISTRY = Registry(
    what="perception part",
    group="genspace.perception",
    builtin={
        "detector.grounding-dino": f"{_HERE}.detectors:GROUNDING_DINO",
        "detector.owlv2": f"{_HERE}.detectors:OWLV2",
        "detector.sam3": f"{_HERE}.sam3:SAM3",
        "segmenter.sam3": f"{_HERE}.sam3:SAM3",
        "segmenter.sam": f"{_HERE}.segmenters:SAM",
        "segmenter.sam-hq": f"{_HERE}.segmenters:SAM_HQ",
        "segmenter.sam2": f"{_HERE}.segmenters:SAM2",
        "depth.depth-anything-v2": f"{_HERE}.depths:DEPTH_ANYTHING",
        "depth.zoedepth": f"{_HERE}.depths:ZOEDEPTH",
        "depth.depth-pro": f"{_HERE}.depths:DEPTH_PRO",
        "depth.metric3d": f"{_HERE}.depths:METRIC3D",
        "intrinsics.depth-pro": f"{_HERE}.depths:DEPTH_PRO",
        "intrinsics.geocalib": f"{_HERE}.cameras:GEOCALIB",
        "intrinsics.exif": f"{_HERE}.cameras:EXIF",
        "intrinsics.default": f"{_HERE}.cameras:DEFAULT_INTRINSICS",
        "gravity.geocalib": f"{_HERE}.cameras:GEOCALIB",
        "gravity.ground-plane": f"{_HERE}.cameras:GROUND_PLANE",
        "gravity.level": f"{_HERE}.cameras:LEVEL",
        "orientation.orient-anything": f"{_HERE}.orientations:ORIENT_ANYTHING",
        "orientation.clip-views": f"{_HERE}.orientations:CLIP_VIEWS",
        "detector.scene": f"{_HERE}.scene_parts:DETECTOR",
        "segmenter.scene": f"{_HERE}.scene_parts:SEGMENTER",
        "depth.scene": f"{_HERE}.scene_parts:DEPTH",
        "intrinsics.scene": f"{_HERE}.scene_parts:INTRINSICS",
        "gravity.scene": f"{_HERE}.scene_parts:GRAVITY",
        "orientation.scene": f"{_HERE}.scene_parts:ORIENTATION",
        "boxes3d.scene": f"{_HERE}.scene_parts:BOXES3D",
    },
)


def parse_part(spec: str) -> tuple[str, str | None]:
    """Return (name, checkpoint or None) of "name" or "name:checkpoint".

    >>> parse_part("orient-anything:Viglong/Orient-Anything:cropsmallEX2/dino_weight.pt")
    ('orient-anything', 'Viglong/Orient-Anything:cropsmallEX2/dino_weight.pt')
    """
    name, colon, checkpoint = spec.partition(":")
    return name.strip(), (checkpoint.strip() or None) if colon else None


def part_kind(stage: str, name: str) -> PartKind:
    """Return the kind of part that a stage's name stands for.

    Errors: `InputError` for an unknown name, with the names of that stage.

    >>> part_kind("depth", "zoedepth").key("depth")
    'depth.zoedepth'
    """
    if stage not in STAGES:
        raise InputError(f"unknown stage {stage!r}{did_you_mean(stage, STAGES)}")
    names = [key.removeprefix(f"{stage}.") for key in REGISTRY.names() if key.startswith(f"{stage}.")]
    if name not in names:
        raise InputError(f"unknown {stage} {name!r}{did_you_mean(name, names)}")
    kind: PartKind = REGISTRY.load(f"{stage}.{name}")()
    if stage not in kind.stages or kind.name != name:
        theirs = ", ".join(kind.key(s) for s in kind.stages)
        raise InputError(f"the plugin {stage}.{name} says that it is {theirs}")
    return kind


def kinds() -> list[tuple[str, PartKind]]:
    """Return (stage, kind) of every known part, by stage. A plugin that cannot be imported raises its own error.

    >>> ("depth", "zoedepth") in [(stage, kind.name) for stage, kind in kinds()]
    True
    """
    order = list(STAGES)
    keys = [tuple(key.split(".", 1)) for key in REGISTRY.names() if key.partition(".")[0] in STAGES]
    return [(stage, part_kind(stage, name)) for stage, name in sorted(keys, key=lambda k: order.index(k[0]))]


def make_part(
    stage: str, spec: str, options: Mapping[str, Any] | None = None, runtime: Runtime | None = None
) -> Part:
    """Return a part by its name, with options.

    `spec` is "name" or "name:checkpoint"; a checkpoint may be any of the part's architecture, or a folder.
    Errors: `InputError` for an unknown name, or an option that is unknown or wrong.

    >>> make_part("gravity", "level").name
    'gravity.level'
    """
    name, wanted = parse_part(spec)
    kind = part_kind(stage, name)
    checkpoint = chosen_checkpoint(kind, stage, wanted)
    return kind.make(checkpoint, _options(kind, kind.key(stage), options or {}), runtime or Runtime())


def chosen_checkpoint(kind: PartKind, stage: str, name: str | None) -> Checkpoint | None:
    """Return the named checkpoint of a part, its default, or None where it has none.

    Errors: `InputError` for a name where there is nothing to choose from.

    >>> kind = part_kind("depth", "zoedepth")
    >>> chosen_checkpoint(kind, "depth", None) == kind.checkpoints[0]
    True
    """
    if name is None:
        return kind.checkpoints[0] if kind.checkpoints else None
    if not kind.checkpoints:
        raise InputError(f"{kind.key(stage)} has no checkpoints to choose from, so {name!r} means nothing")
    return find_checkpoint(kind, name)


def find_checkpoint(kind: PartKind, name: str) -> Checkpoint:
    """Return the catalogue's entry for a checkpoint, or one made up for a name that it does not list.

    >>> find_checkpoint(part_kind("depth", "zoedepth"), "my/own").licence
    'see its page'
    """
    for checkpoint in kind.checkpoints:
        if checkpoint.name == name:
            return checkpoint
    return Checkpoint(name=name, licence="see its page", megabytes=0)


def _options(kind: PartKind, key: str, given: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    if kind.options is None:
        if given:
            raise InputError(f"{key} has no options, so {next(iter(given))!r} means nothing")
        return None
    unknown = [name for name in given if name not in kind.options.model_fields]
    if unknown:
        raise InputError(
            f"{key} has no option {unknown[0]!r}{did_you_mean(unknown[0], kind.options.model_fields)}"
        )
    try:
        return kind.options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{key}: option {where} = {first['input']!r}: {first['msg']}") from None
