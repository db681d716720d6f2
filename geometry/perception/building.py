"""From names and options to a working perception; and what it says while it works."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from genspace.errors import InputError
from genspace.geometry.perception._parts import Part, Runtime
from genspace.geometry.perception.cache import StageCache
from genspace.geometry.perception.catalogue import find_checkpoint, make_part, parse_part, part_kind
from genspace.geometry.perception.pipeline import Perception, StageReport

__all__ = ["make_perception", "part_names", "say_progress"]

_log = logging.getLogger("genspace.perception")

PartChoice = str | Mapping[str, Any]


def make_perception(
    choices: Mapping[str, PartChoice],
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int = 8,
    models_in_memory: Literal["auto", "one", "all"] = "auto",
    cache_dir: Path | None = None,
) -> Perception:
    """Return a perception with the chosen part for every stage.

    A choice is "NAME", "NAME:CHECKPOINT", or a mapping with the key `part` and the part's own options.
    Errors: `InputError` for an unknown part or a wrong option. Nothing is loaded yet; see `Perception.check`.
    """
    runtime = Runtime(device=device, dtype=dtype)
    parts: dict[str, Part] = {}
    for stage, choice in choices.items():
        spec, options = _split(stage, choice)
        parts[stage] = make_part(stage, spec, options, runtime)
    return Perception(
        parts,
        cache=StageCache(cache_dir) if cache_dir else None,
        batch_size=batch_size,
        resident=_resident(choices, runtime) if models_in_memory == "auto" else models_in_memory,
    )


def _split(stage: str, choice: PartChoice) -> tuple[str, dict[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    options = dict(choice)
    spec = options.pop("part", None)
    if not isinstance(spec, str):
        raise InputError(f'{stage}: a table needs the part\'s name: {stage} = {{ part = "NAME", … }}')
    return spec, options


def part_names(choices: Mapping[str, PartChoice]) -> dict[str, str]:
    """Return "NAME:CHECKPOINT" of every stage, defaults spelt out; what a scene keeps about its making."""
    names = {}
    for stage, choice in choices.items():
        name, checkpoint = parse_part(_split(stage, choice)[0])
        kind = part_kind(stage, name)
        if checkpoint is None and kind.checkpoints:
            checkpoint = kind.checkpoints[0].name
        names[stage] = name if checkpoint is None else f"{name}:{checkpoint}"
    return names


_WORKING_SPACE = 2.5
"""Memory that a model takes while it works, over the size of its weights."""


def _resident(choices: Mapping[str, PartChoice], runtime: Runtime) -> Literal["one", "all"]:
    """Return "all" where the weights of all parts, and room to work, fit into the free memory."""
    megabytes = 0
    for stage, choice in choices.items():
        name, checkpoint = parse_part(_split(stage, choice)[0])
        kind = part_kind(stage, name)
        if kind.checkpoints:
            megabytes += find_checkpoint(kind, checkpoint or kind.checkpoints[0].name).megabytes
    free = _free_megabytes(runtime) if megabytes else None
    return "all" if free is not None and megabytes * _WORKING_SPACE < free else "one"


def _free_megabytes(runtime: Runtime) -> float | None:
    """Return the free memory of the device, or None when it cannot be told."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return None
    import torch

    device = runtime.resolved().device
    if device.startswith("cuda"):
        return float(torch.cuda.mem_get_info(torch.device(device))[0]) / 1e6
    if find_spec("psutil") is None:
        return None
    psutil: Any = import_module("psutil")
    return float(psutil.virtual_memory().available) / 1e6


_EVERY_S = 5.0


def say_progress(report: StageReport, spoken: dict[str, list[float]]) -> None:
    """Log how a stage goes: at its end, and every few seconds before; rate, cache hits, time left.

    `spoken` remembers, per stage, when it was last told; it belongs to one run.
    """
    now = monotonic()
    last = spoken.setdefault(report.stage, [now])
    over = report.done == report.total
    if report.total == 0 or (not over and now - last[0] < _EVERY_S):
        return
    last[0] = now
    text = f"{report.stage}: {report.done} of {report.total} images"
    if report.from_cache:
        text += f", {report.from_cache} from the cache"
    if report.per_second:
        text += f", {report.per_second:.2g}/s"
        if not over:
            text += f", {(report.total - report.done) / report.per_second:.0f} s left"
    _log.log(logging.DEBUG if report.from_cache == report.total else logging.INFO, text)
