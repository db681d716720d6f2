"""What people see: results on standard output; messages, progress and errors on standard error."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "as_flags",
    "configure",
    "messages",
    "print_json",
    "put",
    "readings_follow",
    "results",
    "say",
    "show_error",
]

FILE_WIDTH = 160
"""Columns for tables in a file or a pipe, which have no width of their own."""

_settings = {"quiet": False, "readings": True}


@cache
def results() -> Console:
    """Console for results (standard output). Plain lines unless it is a terminal; NO_COLOR and COLUMNS are honoured."""
    in_terminal = sys.stdout.isatty()
    width = None if in_terminal or "COLUMNS" in os.environ else FILE_WIDTH
    return _console()(highlight=False, soft_wrap=not in_terminal, width=width)


@cache
def messages() -> Console:
    """Console for progress, notes and errors (standard error)."""
    quiet = _settings["quiet"]
    return _console()(stderr=True, highlight=False, quiet=quiet, soft_wrap=not sys.stderr.isatty())


@cache
def _console() -> type[Console]:
    """Return the class of consoles that show arguments, which the library names in backticks, as flags."""
    from rich.console import Console

    class WithFlags(Console):
        def print(self, *objects: Any, **options: Any) -> None:
            super().print(*(as_flags(o) if isinstance(o, str) else o for o in objects), **options)

    return WithFlags


def configure(*, quiet: bool, verbose: bool, log_file: str | None) -> None:
    """Apply the root options; called once a process, before any command."""
    _settings.update(quiet=quiet, readings=True)
    messages.cache_clear()
    results.cache_clear()
    logger = logging.getLogger("genspace")
    logger.setLevel(logging.DEBUG)
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    console = _ToConsole(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    logger.addHandler(console)
    if log_file:
        try:
            handler = logging.FileHandler(log_file, encoding="utf-8")
        except OSError as error:
            raise InputError(f"--log-file {log_file}: {error.strerror}") from None
        handler.setFormatter(_JsonLines())
        logger.addHandler(handler)


def readings_follow() -> None:
    """Leave what was read and assumed to the block that the command prints; called before a study is opened."""
    _settings["readings"] = False


class _ToConsole(logging.Handler):
    """Messages of the library, such as what a run is waiting for, on standard error and above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        if hasattr(record, "reading") and not _settings["readings"]:
            return
        style = "" if record.levelno > logging.INFO else "dim"
        messages().print(Text(as_flags(record.getMessage()), style=style))


class _JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            },
            ensure_ascii=False,
        )


@cache
def _flags(*, everywhere: bool) -> dict[str, str]:
    """Return the flag of each argument that the running command, or any, takes, such as {"max_usd": "--max-usd"}."""
    from genspace.cli import command_line

    def walk(command: Any) -> Iterator[tuple[str, str]]:
        yield from ((p.name, max(p.opts, key=len)) for p in command.params if p.opts[0].startswith("-"))
        for below in getattr(command, "commands", {}).values():
            yield from walk(below)

    return dict(walk(command_line() if everywhere else command_line(())))


def as_flags(message: str) -> str:
    """Return a message of the library with each argument, which it names in backticks, as the flag that sets it.

    >>> as_flags("a larger `max_usd` goes on from here; `genspace check` and `x` stay")
    'a larger --max-usd goes on from here; `genspace check` and `x` stay'
    """

    def flag(found: re.Match[str]) -> str:
        return next((f for e in (False, True) if (f := _flags(everywhere=e).get(found[1]))), found[0])

    return re.sub(r"`(\w+)`", flag, message)


def show_error(error: BaseException) -> None:
    """Print an error of the user's on standard error, without a traceback."""
    sys.stderr.write(f"genspace: {as_flags(str(error))}\n")


def put(text: str) -> None:
    """Print a result as it is written."""
    results().print(text, markup=False)


def say(text: str) -> None:
    """Print a message as it is written."""
    messages().print(text, markup=False)


def print_json(document: Any) -> None:
    """Print a JSON document on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
