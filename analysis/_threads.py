"""Compute independent pieces of a comparison side by side: NumPy lets other threads run while it computes."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

__all__ = ["followed", "side_by_side", "small_products"]

T = TypeVar("T")
R = TypeVar("R")
MAX_THREADS = 8
ALONE_S = 0.3
"""Seconds for which one thread works alone: several threads wait for one another and use more processor time."""

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

    >>> side_by_side(abs, [-1, 2])
    [1, 2]
    """
    pieces, found, until = deque(parts), [], time.thread_time() + ALONE_S

    def done(result: R) -> None:
        found.append(result)
        for told in _followers:
            told()

    with small_products():
        while pieces and time.thread_time() < until:
            done(work(pieces.popleft()))
        if pieces:
            with ThreadPoolExecutor(max_workers=min(MAX_THREADS, os.cpu_count() or 1)) as pool:
                for result in pool.map(work, pieces):
                    done(result)
    return found


def small_products() -> AbstractContextManager[object]:
    """Within the block, each matrix product runs in one thread: ours are small, and further threads only wait."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
