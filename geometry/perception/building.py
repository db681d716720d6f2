"""Build a perception from chosen parts, and log its progress."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from genspace.geometry.perception._parts import Part, Runtime
from genspace.geometry.perception.cache import StageCache
from genspace.geometry.perception.pipeline import Perception, StageReport
from genspace.geometry.perception.stacks import ChosenPart

__all__ = ["make_perception", "say_progress"]

_log = logging.getLogger("genspace.perception")


def make_perception(
    parts: Sequence[ChosenPart],
    *,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int = 8,
    models_in_memory: Literal["auto", "one", "all"] = "auto",
    cache_dir: Path | None = None,
) -> Perception:
    """Return a perception with the chosen parts (`chosen_parts`, `stack_parts`).

    Errors: `InputError` for a wrong option, or parts that do not go together. Nothing is loaded yet; see
    `Perception.check`.
    """
    runtime = Runtime(device=device, dtype=dtype)
    made: dict[str, Part] = {}
    for chosen in parts:
        made |= dict.fromkeys(chosen.stages, chosen.make(runtime))
    return Perception(
        made,
        cache=StageCache(cache_dir) if cache_dir else None,
        batch_size=batch_size,
        resident=_resident(parts, runtime) if models_in_memory == "auto" else models_in_memory,
    )


_WORKING_SPACE = 2.5
"""Memory that a model takes while it works, over the size of its weights."""


def _resident(parts: Sequence[ChosenPart], runtime: Runtime) -> Literal["one", "all"]:
    """Return "all" where the weights of all parts fit into the free memory with room to work, else "one"."""
    megabytes = sum(chosen.checkpoint.megabytes for chosen in parts if chosen.checkpoint)
    free = _free_megabytes(runtime) if megabytes else None
    return "all" if free is not None and megabytes * _WORKING_SPACE < free else "one"


def _free_megabytes(runtime: Runtime) -> float | None:
    """Return the free memory of the device, or None when it is unknown."""
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
    """Log the progress of a stage every few seconds and at its end: rate, cache hits, time left.

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
