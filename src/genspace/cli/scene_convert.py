"""`genspace scene convert`: scene files from annotations and outputs of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from genspace.cli._console import print_json, put, say
from genspace.cli._options import JsonFlag
from genspace.cli.scene import scene_app

__all__ = ["convert"]


@scene_app.command(
    epilog="Examples: genspace scene convert instances.json --out my-study/images · "
    "genspace scene convert results.json --annotations instances.json --fronts --out my-study/images · "
    "genspace scene convert label_2 --camera calib --images image_2 --out my-study/images · "
    "genspace scene convert depths --camera K.npy --images my-study/images --out my-study/images"
)
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="COCO instances or results (.json), with boxes in 3D or without; a table (.csv, .tsv, .jsonl, "
            ".parquet) with the columns image, width, height, label, left, top, right, bottom, or as supervision names "
            "them; KITTI labels (.txt, or a folder); depth (.npy, .npz, 16-bit .png, or a folder)."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the scene files, with the layout of the images.")],
    form: Annotated[
        Literal["coco", "boxes", "kitti", "depth"] | None,
        typer.Option("--format", help="The format, if the file's ending does not tell."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images, if the source does not state their sizes.")
    ] = None,
    camera: Annotated[
        Path | None, typer.Option(help="KITTI calibration, or intrinsics of depth: a file or a folder.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="COCO file with images and categories, for results alone.")
    ] = None,
    fronts: Annotated[
        bool, typer.Option("--fronts", help="COCO: the first axis of the boxes in 3D is the front.")
    ] = False,
    level: Annotated[
        bool | None,
        typer.Option(help="Assume a level camera, marked as a guess (default for KITTI)."),
    ] = None,
    scale: Annotated[float, typer.Option(min=1e-9, help="Metres per unit of depth.")] = 1.0,
    rays: Annotated[bool, typer.Option("--rays", help="Depth is distance along the ray, not z.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Convert other tools' output (2D or 3D boxes, depth) to one scene file per image."""
    from genspace.geometry.convert import convert as run

    done = run(
        source,
        out,
        form=form,
        images=images,
        camera=camera,
        annotations=annotations,
        fronts=fronts,
        level=level,
        scale=scale,
        rays=rays,
    )
    for note in done.notes:
        say(note)
    if as_json:
        print_json([str(path) for path in done.written])
    else:
        put(f"wrote {len(done.written)} scene file(s) to {out}")
