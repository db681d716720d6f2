"""Work in threads while the main thread waits for something else, such as a GPU."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T], *, most: int) -> Iterator[R]:
    """Yield `work(item)` in the items' order, with up to `most` further items worked on meanwhile.

    For work that lets other threads run, as decoding images does. An exception comes up in its item's turn.

    >>> list(ahead(abs, [-3, 1, -2], most=2))
    [3, 1, 2]
    """
    with ThreadPoolExecutor(thread_name_prefix="ahead") as threads:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(threads.submit(work, item))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
