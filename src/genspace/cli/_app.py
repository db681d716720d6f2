"""The root command."""

from __future__ import annotations

from typing import Annotated

import typer

from genspace._version import __version__
from genspace.cli._help import EPILOG, HELP

app = typer.Typer(
    name="genspace",
    help=HELP,
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genspace {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only results and errors.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print more details.")] = False,
    log_file: Annotated[str | None, typer.Option("--log-file", help="Also write a structured log.")] = None,
) -> None:
    """Score images with interchangeable judges and measure how far each agrees with people."""
    from genspace.cli._console import configure

    configure(quiet=quiet, verbose=verbose, log_file=log_file)
