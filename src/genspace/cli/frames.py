"""`genspace frames`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, results
from genspace.cli._options import AS_FOUND, JsonFlag, OutOption, Tables, reads_tables, write_out

__all__ = ["frames"]


@app.command(epilog="Example: genspace frames my-study --out frames")
@reads_tables
def frames(
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    out: OutOption = None,
    tables: Tables = AS_FOUND,
    as_json: JsonFlag = False,
) -> None:
    """Find which frame of reference people and judges use: the camera's or the object's own."""
    from genspace.display import view_of
    from genspace.framing import frames as find
    from genspace.report import print_view

    found = find(tables.open(study, whole=True))
    if as_json:
        print_json(found.to_dict())
    else:
        print_view(view_of(found), results())
    write_out(found, out)
