"""The command line: one module per command group, imported when it is asked for.

A command module imports only the standard library, typer, `genspace.errors` and what commands share at its top; what
it needs for work is imported inside its functions, so that every command starts quickly.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

from genspace.cli._help import COMMANDS, print_help

__all__ = ["command_line", "invoke", "main"]


@cache
def command_line(commands: tuple[str, ...] = tuple(COMMANDS)) -> Any:
    """Return the root command with at least these commands: a process that runs several builds each once."""
    from typer.main import get_command

    for command in commands:
        for module in COMMANDS[command][0]:
            import_module(f"genspace.cli.{module}")
    return get_command(import_module("genspace.cli._app").app)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 not all of it, 2 wrong input.

    `arguments` defaults to those of the process.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given in (["--help"], ["-h"]):
        print_help()
        return 0
    command = command_line(tuple(name for name in given if name in COMMANDS) or tuple(COMMANDS))
    from genspace.cli._console import show_error
    from genspace.errors import GenspaceError, InputError

    try:
        command(args=given, prog_name="genspace")
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
    # What is imported stays: looking for garbage in it, also at the end, costs a tenth of a command.
    gc.set_threshold(100_000, 20, 20)
    code = invoke()
    gc.freeze()
    sys.exit(code)
