"""Limits on slow and on many connections, so that nobody can keep raters out by opening them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from typing import ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

_log = logging.getLogger("genspace")
_RESERVED_FILES = 64
"""Files that the server needs beside its connections: database, pictures, logs."""


def most_connections(wanted: int) -> int:
    """Return how many connections may be open at once, after raising the process's limit on files where it may be.

    Beyond that limit a server can accept nobody at all.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _RESERVED_FILES
    if soft < needed:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = max(soft - _RESERVED_FILES, 8)
    if allowed < wanted:
        _log.warning("this process may open %d files, so at most %d connections are kept open", soft, allowed)
    return min(wanted, allowed)


def protocol_with_limits(*, connections: int, request_seconds: float) -> type[H11Protocol]:
    """Return uvicorn's protocol with two limits.

    Args:
        connections: How many may be open at once. When there are more, the one that has waited longest for a whole
            request, its first or its next, is closed.
        request_seconds: Time to send a whole request, from the connection's beginning or the request's first byte.
    """

    class Limited(H11Protocol):
        waiting: ClassVar[OrderedDict[int, H11Protocol]] = OrderedDict()
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > connections and self.waiting:
                _, oldest = self.waiting.popitem(last=False)
                oldest.transport.abort()
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body:
                self._wait_no_more()
            elif self.timer is None:
                self._wait()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait_no_more()
            if not self.transport.is_closing():
                self.waiting[id(self)] = (
                    self  # idle: it may go when others come, and goes by uvicorn's own timer
                )

        def connection_lost(self, exc: Exception | None) -> None:
            self._wait_no_more()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self.waiting.setdefault(id(self), self)
            self.timer = self.loop.call_later(request_seconds, self._too_slow)

        def _wait_no_more(self) -> None:
            self.waiting.pop(id(self), None)
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None

        def _too_slow(self) -> None:
            self._wait_no_more()
            self.transport.abort()

    return Limited
