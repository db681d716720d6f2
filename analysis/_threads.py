"""Compute independent pieces of a comparison side by side: NumPy lets other threads run while it computes."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")
MAX_THREADS = 8
ALONE_S = 0.3
"""Seconds for which one thread works alone: several threads wait for one another and use more processor time."""
BRING_PRODUCTS = ("numpy", "scipy.linalg", "torch")
"""Packages that load a library of matrix products."""

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

    threads = min(MAX_THREADS, _allowed())
    with small_products():
        while pieces and (threads == 1 or time.thread_time() < until):
            done(work(pieces.popleft()))
        if pieces:
            with ThreadPoolExecutor(max_workers=threads) as pool:
                for result in pool.map(work, pieces):
                    done(result)
    return found


def _allowed() -> int:
    """Return how many threads `OMP_NUM_THREADS` allows, which a cluster's scheduler may set; else one per processor.

    Of a list such as "4,2", one number for each level of nested threads, the first counts.
    """
    allowed = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(allowed) if allowed.isdecimal() and int(allowed) else os.cpu_count() or 1


def small_products() -> AbstractContextManager[object]:
    """Within the block, each matrix product runs in one thread: ours are small, and further threads only wait."""
    loaded = tuple(name for name in BRING_PRODUCTS if name in sys.modules)
    limits: AbstractContextManager[object] = _pools(loaded).limit(limits=1, user_api="blas")
    return limits


@cache
def _pools(_loaded: tuple[str, ...]) -> ThreadpoolController:
    """Return the threads of the libraries there are; looking for them takes 5 ms."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
