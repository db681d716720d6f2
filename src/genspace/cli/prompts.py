"""`genspace prompts`: the benchmark's prompts, ready to be handed to a generator."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import messages
from genspace.errors import InputError, file_errors

__all__ = ["prompts"]


class Task(StrEnum):
    """What the generator does; an option that is repeated takes no `Literal`."""

    t2i = "t2i"
    edit = "edit"


Version = Annotated[
    int | None, typer.Option("--version", min=1, help="Version of the prompts (default: the latest).")
]


@app.command(
    epilog="Examples:\n\n"
    "genspace prompts --task t2i --out my-study/items.csv\n\n"
    "genspace prompts --task edit --format jsonl --paraphrase 1\n\n"
    "genspace prompts --task t2i --generator sdxl --generator flux --out my-study/items.csv"
)
def prompts(
    *,
    task: Annotated[Task, typer.Option(help="Text to image, or editing.")],
    format_: Annotated[
        Literal["csv", "jsonl", "txt"],
        typer.Option("--format", help="csv or jsonl: a study's items; txt: one prompt per line."),
    ] = "csv",
    paraphrase: Annotated[int, typer.Option(min=0, help="Which paraphrase of each prompt, from 0.")] = 0,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed for drawing the object categories and their pairs.")
    ] = 0,
    version: Version = None,
    generator: Annotated[
        list[str] | None,
        typer.Option(help="Write one item per prompt for this generator; repeatable."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write (default: standard output).")] = None,
) -> None:
    """Write the benchmark's 1,800 prompts of a task, each with its predicate.

    Generate one image per row, save it under the row's `image`, and run `genspace judge` on the folder.
    """
    from genspace.benchmark import rows_csv, rows_jsonl
    from genspace.geometry.benchmark import LATEST
    from genspace.geometry.benchmark import prompts as make

    generators: list[str | None] = list(generator or []) or [None]
    for name in generators:
        if name is not None and not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise InputError(f"--generator {name!r}: use letters, digits, '.', '_' and '-' (it names files)")
    made = make(task.value, paraphrase=paraphrase, seed=seed, version=version or LATEST)
    if format_ == "txt":
        text = "".join(f"{p.prompt}\n" for p in made)
    else:
        rows = [p.row(generator=name) for name in generators for p in made]
        text = rows_csv(rows) if format_ == "csv" else rows_jsonl(rows)
    _write(text, out, f"{len(made)} prompts")


def _write(text: str, out: Path | None, what: str) -> None:
    import sys

    if out is None:
        sys.stdout.write(text)
        return
    with file_errors(out, "written"):
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    messages().print(f"wrote {what} to {out}")
