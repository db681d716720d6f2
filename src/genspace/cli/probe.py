"""`genspace probe`: rendered scenes whose truth is known, and what they tell about judges."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app

__all__ = ["probe"]

probe = typer.Typer(
    help="Rendered scenes with known truth; how each judge errs on them.", no_args_is_help=True
)
app.add_typer(probe, name="probe")


class Task(StrEnum):
    """Which predicates are probed."""

    t2i = "t2i"
    edit = "edit"
    both = "both"


@probe.command(
    epilog="Examples:\n\n"
    "genspace probe render probes --per-predicate 20 --size 512 --seed 0\n\n"
    "genspace probe render quick --per-predicate 2 --task t2i --size 256 --samples 16\n\n"
    "genspace judge probes --judge scene && genspace probe report probes"
)
def render(
    out: Annotated[Path, typer.Argument(help="Study folder to make, or to go on with.")],
    *,
    per_predicate: Annotated[int, typer.Option(min=1, help="Probes of each of the 76 variants.")] = 10,
    task: Annotated[Task, typer.Option(help="Text-to-image, edits, or both.")] = Task.both,
    size: Annotated[int, typer.Option(min=64, max=4096, help="Width and height in pixels.")] = 512,
    samples: Annotated[int, typer.Option(min=1, help="Light paths per pixel: more is smoother.")] = 32,
    seed: Annotated[int, typer.Option(help="Seed of everything that is random.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes, [default: one per core].")] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Without: scene files and depth only.")
    ] = True,
) -> None:
    """Make a study of rendered scenes whose truth is known: pictures, scene files, depth, masks, answers.

    Stop it at any time; the same command goes on where it stopped. The same seed gives the same probes.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from genspace.cli._console import messages
    from genspace.cli._console import out as results
    from genspace.geometry.probes.folder import RenderSettings, render_study

    settings = RenderSettings(
        per_predicate=per_predicate, task=task.value, size=size, samples=samples, seed=seed, pictures=pictures
    )
    with Progress(
        "rendering",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=messages(),
        transient=True,
    ) as bar:
        shown = bar.add_task("probes")
        rows = render_study(
            out,
            settings,
            workers=workers,
            progress=lambda done, total: bar.update(shown, completed=done, total=total),
        )
    yes = sum(row["truth"] for row in rows)
    results().print(
        f"{out}: {len(rows)} probes of {len({row['prompt_id'] for row in rows})} variants, truth is yes for {yes}"
    )
