"""`genspace scene convert`: scene files from annotations of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._options import JsonFlag
from genspace.cli.scene import scene_app

__all__ = ["convert"]


@scene_app.command(
    epilog="Examples: genspace scene convert instances.json --out my-study/images · "
    "genspace scene convert boxes.csv --out my-study/images"
)
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="COCO instances (.json), or a table (.csv, .tsv, .jsonl, .parquet) with the columns image, width, "
            "height, label, left, top, right, bottom; score and id are optional."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the scene files, laid out as the images are.")],
    as_json: JsonFlag = False,
) -> None:
    """Write a scene file per image from COCO annotations or plain boxes, for `box2d` or to add depth to."""
    from genspace.cli._console import out as results
    from genspace.cli._console import print_json
    from genspace.geometry.convert import convert as run

    written = run(source, out)
    if as_json:
        print_json([str(path) for path in written])
    else:
        results().print(f"wrote {len(written)} scene file(s) to {out}", markup=False)
