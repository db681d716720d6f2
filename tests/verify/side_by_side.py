"""Compute the cells of a proof side by side: every cell has its own seeds, so the figures are those of a plain loop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

C = TypeVar("C")
R = TypeVar("R")

CORES = os.cpu_count() or 1
_jobs: list[tuple[Callable[[Any], Any], Sequence[Any]]] = []
"""The work of the processes, which inherit it: nested functions cannot be sent to them."""


def each(work: Callable[[C], R], cells: Sequence[C], processes: int = CORES) -> Iterator[R]:
    """Yield `work` of each cell, in order.

    Args:
        work: Takes a cell.
        cells: Any objects.
        processes: Number of processes; 1: this one alone.
    """
    if processes == 1:
        yield from map(work, cells)
        return
    _jobs.append((work, cells))
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        yield from pool.map(_nth, [len(_jobs) - 1] * len(cells), range(len(cells)))


def _nth(job: int, place: int) -> Any:
    work, cells = _jobs[job]
    return work(cells[place])
