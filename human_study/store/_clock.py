"""Time that never runs backwards while a server runs, however its clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


def _elapsed() -> float:
    """Return seconds since some moment; they include those asleep where the system can tell."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """Seconds since 1970 by the system's clock, which here never runs backwards.

    A clock that is set forward is followed. One that is set back is followed only from the next start: until then,
    answers would seem to have taken no time.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = _elapsed
    ) -> None:
        self._wall, self._elapsed = wall, elapsed
        self._lock = Lock()
        self._now, self._at = wall(), elapsed()

    def __call__(self) -> float:
        """Return the time."""
        with self._lock:
            at = self._elapsed()
            self._now = max(self._wall(), self._now + max(at - self._at, 0.0))
            self._at = at
            return self._now
