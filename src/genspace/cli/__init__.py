"""The command line: one module per command group, each light to import.

A command module imports only the standard library, typer and `genspace.errors` at its top; what it needs for
work is imported inside its functions, so that `genspace --help` stays quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from genspace.cli._app import app
from genspace.cli._console import show_error
from genspace.errors import GenspaceError, InputError

__all__ = ["app", "invoke", "main"]

COMMAND_MODULES: tuple[str, ...] = (
    "check",
    "compare",
    "validate",
    "rank",
    "judge",
    "show",
    "annotate",
    "probe",
    "prompts",
    "benchmark",
    "scene",
    "scene_convert",
    "scene_build",
    "models",
    "fetch",
    "verdicts",
    "info",
)
"""Modules of this package that register commands, in the order of `genspace --help`."""

for _module in COMMAND_MODULES:
    import_module(f"genspace.cli.{_module}")


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 not all of it, 2 wrong input.

    `arguments` defaults to those of the process.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="genspace")
    except InputError as error:
        show_error(error)
        return 2
    except GenspaceError as error:
        show_error(error)
        return 1
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 0
    return 0


def main() -> NoReturn:
    """Entry point of the `genspace` command."""
    sys.exit(invoke())
