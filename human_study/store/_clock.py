"""Time that never runs backwards while a server runs, however its clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


def _elapsed() -> float:
    """Seconds since some moment; where the system can tell, those of a sleeping machine included."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class SteadyClock:
    """Seconds since 1970: the system's clock, but never less than what has passed since it was last looked at.

    A clock that is set forward is followed; one that is set back is not until the next start, because answers would
    otherwise seem to have taken no time.
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
