"""`genspace frames`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app
from genspace.cli._options import AS_FOUND, JsonFlag, Tables, reads_tables

__all__ = ["frames"]


@app.command(epilog="Example: genspace frames my-study --out frames")
@reads_tables
def frames(
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    out: Annotated[Path | None, typer.Option(help="Folder for page, tables and JSON.")] = None,
    tables: Tables = AS_FOUND,
    as_json: JsonFlag = False,
) -> None:
    """Find whose left people and judges mean: the camera's, or that of the object itself."""
    from genspace.cli._console import messages, print_json
    from genspace.cli._console import out as console
    from genspace.display import view_of
    from genspace.framing import frames as find
    from genspace.report import print_view

    found = find(tables.open(study, whole=True))
    if as_json:
        print_json(found.to_dict())
    else:
        print_view(view_of(found), console())
    if out is not None:
        for path in found.write(out):
            messages().print(f"written: {path}")
