"""How a long command gets on: a bar on a terminal, a line now and then elsewhere and in the log file."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Self

from genspace.cli._console import messages

__all__ = ["Meter", "course"]

log = logging.getLogger(__name__)

SHOWN_EVERY_S = 0.1
UNSEEN_EVERY_S = 5.0
"""Where nobody looks, for the rate in the lines of the log."""
LINE_EVERY_S = 30.0
LONG_S = 10.0
"""What will take longer shows how it gets on."""


class Meter(AbstractContextManager["Meter"]):
    """Counts what is done, and shows it, its rate and the time left; what is counted in between costs next to nothing.

    Args:
        name: what is being done.
        total: how much there is to do; None until `start` says it.
        more: what else is worth showing, such as how many failed.
    """

    def __init__(self, name: str, total: int | None = None, more: Callable[[], str] = lambda: "") -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._name, self._more, self._done = name, more, 0
        seen = messages().is_terminal
        self._level = logging.DEBUG if seen else logging.INFO
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[more]}"), TimeElapsedColumn(), TimeRemainingColumn(),
            console=messages(), disable=not seen,
        )  # fmt: skip
        self._task = self._bar.add_task(name, total=total, rate="", more="")
        self._every = SHOWN_EVERY_S if seen else UNSEEN_EVERY_S
        self._show_at, self._say_at = 0.0, time.monotonic() + LINE_EVERY_S

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._show()
        self._bar.stop()

    def start(self, total: int) -> None:
        """Say how much there is to do."""
        self._bar.update(self._task, total=total)

    def advance(self, count: int = 1) -> None:
        """Count what has been done since."""
        self._done += count
        now = time.monotonic()
        if now >= self._show_at:
            self._show_at = now + self._every
            self._show()
        if now >= self._say_at:
            self._say_at = now + LINE_EVERY_S
            self._say()

    def _show(self) -> None:
        speed = self._bar.tasks[0].speed
        rate = f"{speed:.1f}/s" if speed else ""
        self._bar.update(self._task, completed=self._done, more=self._more(), rate=rate)

    def _say(self) -> None:
        self._show()
        shown = self._bar.tasks[0]
        left = f", {timedelta(seconds=round(shown.time_remaining))} left" if shown.time_remaining else ""
        of = "" if shown.total is None else f" of {shown.total:,.0f}"
        rate = ", ".join(filter(None, (shown.fields["rate"] + left, self._more())))
        log.log(self._level, "%s: %s%s, %s", self._name, f"{self._done:,}", of, rate)


@contextmanager
def course(name: str, seconds: float, pieces: int, *, silent: bool = False) -> Iterator[None]:
    """Say about how long a computation will take, and show a bar with the time left, where that is long.

    Args:
        name: what is being done.
        seconds: about how long.
        pieces: how many pieces it is made of.
        silent: show nothing; nor is anything shown where nobody looks.
    """
    from genspace.analysis._threads import followed

    if silent or seconds <= LONG_S or not messages().is_terminal:
        yield
        return
    messages().print(f"[dim]{name}: about {timedelta(seconds=round(seconds))}[/]")
    with Meter(name, pieces) as meter, followed(meter.advance):
        yield
