"""Independent pieces of a comparison side by side: NumPy lets other threads run while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["followed", "side_by_side"]

T = TypeVar("T")
R = TypeVar("R")
MAX_THREADS = 8

_followers: list[Callable[[], None]] = []


@contextmanager
def followed(told: Callable[[], None]) -> Iterator[None]:
    """Within the block, `told` is called when a piece is done."""
    _followers.append(told)
    try:
        yield
    finally:
        _followers.remove(told)


def side_by_side(work: Callable[[T], R], parts: Iterable[T]) -> list[R]:
    """Return `work` of each part, in order; the parts share nothing, so the result is that of a plain loop.

    Matrix products keep to one thread each meanwhile: they are small, and more threads than cores only wait for
    one another.

    >>> side_by_side(abs, [-1, 2])
    [1, 2]
    """
    from threadpoolctl import threadpool_limits

    with (
        threadpool_limits(limits=1, user_api="blas"),
        ThreadPoolExecutor(max_workers=min(MAX_THREADS, os.cpu_count() or 1)) as pool,
    ):
        found = []
        for result in pool.map(work, parts):
            found.append(result)
            for told in _followers:
                told()
        return found
