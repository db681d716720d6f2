"""Which perception parts there are, the defaults, and how a part is named: "owlv2:google/owlv2-large…"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspace.errors import InputError, did_you_mean
from genspace.geometry.perception._parts import STAGES, Checkpoint, Part, PartKind, Runtime
from genspace.plugins import Registry

__all__ = ["DEFAULTS", "REGISTRY", "find_checkpoint", "kinds", "make_part", "parse_part", "part_kind"]

_HERE = "genspace.geometry.perception"
REGISTRY = Registry(
    what="perception part",
    group="genspace.perception",
    builtin={
        "detector.grounding-dino": f"{_HERE}.detectors:GROUNDING_DINO",
        "detector.owlv2": f"{_HERE}.detectors:OWLV2",
        "segmenter.sam": f"{_HERE}.segmenters:SAM",
        "segmenter.sam-hq": f"{_HERE}.segmenters:SAM_HQ",
        "segmenter.sam2": f"{_HERE}.segmenters:SAM2",
        "depth.depth-anything-v2": f"{_HERE}.depths:DEPTH_ANYTHING",
        "depth.zoedepth": f"{_HERE}.depths:ZOEDEPTH",
        "depth.depth-pro": f"{_HERE}.depths:DEPTH_PRO",
        "depth.metric3d": f"{_HERE}.depths:METRIC3D",
        "intrinsics.geocalib": f"{_HERE}.cameras:GEOCALIB_INTRINSICS",
        "intrinsics.exif": f"{_HERE}.cameras:EXIF",
        "intrinsics.depth": f"{_HERE}.cameras:FROM_DEPTH",
        "intrinsics.default": f"{_HERE}.cameras:DEFAULT_INTRINSICS",
        "gravity.geocalib": f"{_HERE}.cameras:GEOCALIB_GRAVITY",
        "gravity.ground-plane": f"{_HERE}.cameras:GROUND_PLANE",
        "gravity.level": f"{_HERE}.cameras:LEVEL",
        "orientation.orient-anything": f"{_HERE}.orientations:ORIENT_ANYTHING",
        "orientation.clip-views": f"{_HERE}.orientations:CLIP_VIEWS",
        "detector.scene": f"{_HERE}.truth:DETECTOR",
        "segmenter.scene": f"{_HERE}.truth:SEGMENTER",
        "depth.scene": f"{_HERE}.truth:DEPTH",
        "intrinsics.scene": f"{_HERE}.truth:INTRINSICS",
        "gravity.scene": f"{_HERE}.truth:GRAVITY",
        "orientation.scene": f"{_HERE}.truth:ORIENTATION",
    },
)

DEFAULTS: Mapping[str, str] = {
    "detector": "grounding-dino",
    "segmenter": "sam",
    "depth": "depth-anything-v2",
    "intrinsics": "geocalib",
    "gravity": "geocalib",
    "orientation": "orient-anything",
}
"""The part of each stage unless another is chosen."""


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
    """
    if stage not in STAGES:
        raise InputError(f"unknown stage {stage!r}{did_you_mean(stage, STAGES)}")
    names = [key.removeprefix(f"{stage}.") for key in REGISTRY.names() if key.startswith(f"{stage}.")]
    if name not in names:
        raise InputError(f"unknown {stage} {name!r}{did_you_mean(name, names)}")
    kind: PartKind = REGISTRY.load(f"{stage}.{name}")()
    if kind.stage != stage:
        raise InputError(f"the plugin {stage}.{name} says that it is a {kind.stage}, not a {stage}")
    return kind


def kinds() -> list[PartKind]:
    """Return every known kind of part, by stage; plugins that cannot be imported raise their own error."""
    order = list(STAGES)
    found = [part_kind(*key.split(".", 1)) for key in REGISTRY.names() if key.partition(".")[0] in STAGES]
    return sorted(found, key=lambda kind: order.index(kind.stage))


def make_part(
    stage: str, spec: str, options: Mapping[str, Any] | None = None, runtime: Runtime | None = None
) -> Part:
    """Return a part by its name, with options.

    `spec` is "name" or "name:checkpoint"; a checkpoint may be any of the part's architecture, or a folder.
    Errors: `InputError` for an unknown name, or an option that is unknown or wrong.
    """
    name, wanted = parse_part(spec)
    kind = part_kind(stage, name)
    checkpoint = kind.checkpoints[0] if kind.checkpoints else None
    if wanted is not None:
        if not kind.checkpoints:
            raise InputError(f"{kind.key} has no checkpoints to choose from, so {wanted!r} means nothing")
        checkpoint = find_checkpoint(kind, wanted)
    return kind.make(checkpoint, _options(kind, options or {}), runtime or Runtime())


def find_checkpoint(kind: PartKind, name: str) -> Checkpoint:
    """Return the catalogue's entry for a checkpoint, or one made up for a name that it does not list."""
    for checkpoint in kind.checkpoints:
        if checkpoint.name == name:
            return checkpoint
    return Checkpoint(name=name, licence="see its page", megabytes=0)


def _options(kind: PartKind, given: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    if kind.options is None:
        if given:
            raise InputError(f"{kind.key} has no options, so {next(iter(given))!r} means nothing")
        return None
    unknown = [key for key in given if key not in kind.options.model_fields]
    if unknown:
        raise InputError(
            f"{kind.key} has no option {unknown[0]!r}{did_you_mean(unknown[0], kind.options.model_fields)}"
        )
    try:
        return kind.options(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{kind.key}: option {where} = {first['input']!r}: {first['msg']}") from None
