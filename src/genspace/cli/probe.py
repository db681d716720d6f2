"""`genspace probe`: rendered scenes whose truth is known, and what they show about judges."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import messages, print_json, results
from genspace.cli._options import JsonFlag, SeedOption

__all__ = ["probe"]


probe = typer.Typer(
    help="Render scenes with known truth and analyse each judge's errors on them.", no_args_is_help=True
)
app.add_typer(probe, name="probe")


@probe.command(
    epilog="Examples:\n\n"
    "genspace probe render probes --per-predicate 20 --size 512 --seed 0\n\n"
    "genspace probe render quick --per-predicate 2 --task t2i --size 256 --samples 16\n\n"
    "genspace judge probes --judge scene && genspace probe report probes\n\n"
    "genspace probe render ceiling --per-predicate 4 --task t2i --shares clear=0.75,contrast=0,hard=0.25 && "
    "genspace annotate serve ceiling"
)
def render(
    out: Annotated[Path, typer.Argument(help="Study folder to make or continue.")],
    *,
    per_predicate: Annotated[int, typer.Option(min=1, help="Probes of each of the 76 variants.")] = 10,
    task: Annotated[
        Literal["t2i", "edit", "both", "2d"],
        typer.Option(help="Text-to-image, edits, or both; 2d: relations in the image plane."),
    ] = "both",
    size: Annotated[int, typer.Option(min=64, max=4096, help="Width and height in pixels.")] = 512,
    samples: Annotated[int, typer.Option(min=1, help="Light paths per pixel; more is smoother.")] = 32,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    shares: Annotated[
        str | None,
        typer.Option(
            help="Shares of clear, contrast and hard probes; the rest is graded.",
            show_default="clear=0.3,contrast=0.2,hard=0.1",
        ),
    ] = None,
    orbit: Annotated[
        float,
        typer.Option(
            min=0,
            max=90,
            help="Degrees by which the camera moves about the objects for a second picture of probes whose answer "
            "does not depend on it (certify --way orbit); 0: none.",
        ),
    ] = 0.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes (default: one per core).")] = None,
    pictures: Annotated[
        bool,
        typer.Option("--pictures/--no-pictures", help="Render images, or only write scene files and depth."),
    ] = True,
) -> None:
    """Make a study of rendered scenes with known truth: images, scene files, depth, masks, answers.

    Stop it at any time; the same command goes on where it stopped. The same seed gives the same probes. The design of a
    human study lies in the folder, so that `genspace annotate serve` asks people the same.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from genspace.geometry.probes.folder import RenderSettings, render_study
    from genspace.geometry.probes.kinds import USUAL, parse_shares
    from genspace.human_study.design import DESIGN_FILE, write_design

    settings = RenderSettings(
        per_predicate=per_predicate,
        task=task,
        size=size,
        samples=samples,
        seed=seed,
        shares=USUAL if shares is None else parse_shares(shares),
        pictures=pictures,
        orbit_deg=orbit,
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
    if pictures and not (out / DESIGN_FILE).exists():
        write_design(out / DESIGN_FILE, title="Pictures and words")
    yes = sum(row["truth"] == 1 for row in rows)
    results().print(
        f"{out}: {len(rows)} probes of {len({row['prompt_id'] for row in rows})} variants, truth is yes for {yes}"
    )


@probe.command(
    epilog="Examples:\n\n"
    "genspace probe report probes\n\n"
    "genspace probe report probes --draws 2000 --out reports --json"
)
def report(
    study: Annotated[Path, typer.Argument(help="Study folder of probes, judged.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Folder of the page (default: STUDY/reports).")] = None,
    draws: Annotated[int, typer.Option(min=0, help="Bootstrap draws for the intervals.")] = 400,
    seed: SeedOption = 0,
    json_: JsonFlag = False,
) -> None:
    """Analyse each judge's errors: psychometric curves, bias, confusions of side and frame, disturbances."""
    from genspace.documents import to_dict
    from genspace.gather import evidence_of
    from genspace.report import print_view
    from genspace.report._probe_page import probe_view, write_probe_report
    from genspace.report.probes import probe_report
    from genspace.study import open_study

    # the page shows sub-domains; curves of single variants are for readers of JSON
    found = probe_report(evidence_of(open_study(study)), draws=draws, seed=seed, variants=json_)
    page = write_probe_report(found, out or study / "reports")
    if json_:
        print_json(to_dict(found))
    else:
        print_view(probe_view(found), results())
    messages().print(f"page: {page}")


@probe.command(
    epilog="Examples:\n\ngenspace probe budget probes\n\n"
    "genspace probe budget probes --noise azimuth=20,depth=0.2 --json"
)
def budget(
    study: Annotated[Path, typer.Argument(help="Study folder of probes.")],
    *,
    noise: Annotated[str, typer.Option(help="typical, half, double, or azimuth=10,depth=0.1.")] = "typical",
    repeats: Annotated[int, typer.Option(min=1, help="Number of noise seeds to average.")] = 3,
    seed: SeedOption = 0,
    json_: JsonFlag = False,
) -> None:
    """Measure how each error of perception lowers agreement with the truth, alone and together.

    The errors are put on the known scenes and the corrected rules decide: what a part of perception must meet.
    """
    from rich.table import Table

    from genspace.geometry.noise import parse_noise
    from genspace.geometry.probes.budget import error_budget
    from genspace.study import open_study

    opened = open_study(study)
    rows = error_budget(
        list(opened.iter_items()),
        opened.files,
        parse_noise(noise),
        repeats=repeats,
        seed=seed,
    )
    if json_:
        print_json({"noise": noise, "rows": list(map(asdict, rows))})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("error", "right", "answered", "lost against none"):
        table.add_column(column, justify="left" if column == "error" else "right")
    for row in rows:
        table.add_row(row.error, f"{row.accuracy:.1%}", f"{row.coverage:.1%}", f"{100 * row.lost:.1f} points")
    results().print(table)
