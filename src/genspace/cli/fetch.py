"""`genspace fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genspace.checkpoints import cache_dir
from genspace.cli._app import app
from genspace.cli._console import messages, results
from genspace.errors import InputError

__all__ = ["fetch"]


@app.command(epilog="Examples: genspace fetch --list · genspace fetch tifa160 && genspace compare tifa160")
def fetch(
    name: Annotated[str | None, typer.Argument(help="Name of the study; --list shows all.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the study (default: ./NAME).")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List what can be fetched.")] = False,
) -> None:
    """Download a published human study (fixed version, verified) as a study folder."""
    from genspace.datasets import CATALOGUE
    from genspace.datasets import fetch as fetch_dataset

    if show_list or name is None:
        if not show_list:
            raise InputError(f"fetch what? known: {', '.join(CATALOGUE)} (see genspace fetch --list)")
        for key, dataset in CATALOGUE.items():
            results().print(f"[bold]{key}[/]  {dataset.title}")
            results().print(f"    licence: {dataset.licence}\n    cite: {dataset.citation}")
        return
    target = to or Path(name)
    dataset = fetch_dataset(name, target, cache_dir() / "datasets")
    messages().print(f"licence: {dataset.licence}\nplease cite: {dataset.citation}")
    results().print(f"{target}: {dataset.title}. Next: genspace compare {target}")
