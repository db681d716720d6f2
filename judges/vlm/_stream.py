"""Many requests in flight, from plain iteration: coroutines in a background thread, results as they come."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def stream(
    worker: AbstractAsyncContextManager[Callable[[T], Awaitable[R]]],
    items: Iterable[T],
    *,
    limit: int,
    patience_s: float,
    when_idle: Callable[[], None],
) -> Iterator[R]:
    """Yield the worker's result for every item, in the order in which they finish.

    At most `limit` items are in flight, so memory stays flat however many there are; `items` is read in the
    caller's thread. `when_idle` is called each time nothing has finished for `patience_s` seconds. The first
    exception stops the reading of items; what is in flight may still finish and is yielded, then it is raised.
    Leaving early (a break, Ctrl-C) cancels what is in flight.
    """
    results: queue.SimpleQueue[tuple[R | None, Exception | None]] = queue.SimpleQueue()

    async def finish(work: Callable[[T], Awaitable[R]], item: T) -> None:
        try:
            results.put((await work(item), None))
        except Exception as error:  # noqa: BLE001  # it is raised in the caller's thread
            results.put((None, error))

    with _background_loop() as start:
        work = start(worker.__aenter__()).result()
        error: Exception | None = None
        try:
            in_flight = 0
            remaining = iter(items)
            exhausted = False
            while True:
                while not exhausted and error is None and in_flight < limit:
                    try:
                        item = next(remaining)
                    except StopIteration:
                        exhausted = True
                    else:
                        start(finish(work, item))
                        in_flight += 1
                if in_flight == 0:
                    break
                try:
                    result, problem = results.get(timeout=patience_s)
                except queue.Empty:
                    when_idle()
                    continue
                in_flight -= 1
                if problem is not None:
                    error = error or problem
                elif result is not None:
                    yield result
        finally:
            start(_cancel_others()).result()
            start(worker.__aexit__(None, None, None)).result()
        if error is not None:
            raise error


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def _background_loop() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="genspace-calls", daemon=True)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop)
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
