"""`genspace tune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, results
from genspace.cli._options import JsonFlag, OutOption, SeedOption, write_out
from genspace.cli.judge import AllowHosts, asking, common_context

__all__ = ["tune"]


@app.command(epilog="Example: genspace tune my-study --space tune.toml --budget-usd 5 --out tuned")
def tune(
    study: Annotated[Path, typer.Argument(help="The study's folder, with people's answers.")],
    space: Annotated[Path, typer.Option(help="TOML file with tables \\[variants.NAME] and \\[grid.NAME].")],
    budget_usd: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Stop when all variants together have spent this amount, including earlier runs.",
        ),
    ] = None,
    allow_host: AllowHosts = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Choose among variants of a judge, and estimate the result on held-out prompts."""
    from genspace.display import view_of
    from genspace.report import print_view
    from genspace.study import open_study
    from genspace.tuning import read_space, tune_study

    base = common_context(seed, budget_usd, allow_host)
    with asking(base, quiet=as_json) as (make, ask):
        opened, spaces = open_study(study), read_space(space)
        found = tune_study(opened, spaces, make=make, ask=ask, budget=base.budget, seed=seed)
    if as_json:
        print_json(found.to_dict())
    else:
        print_view(view_of(found), results())
        put(found.document.winner_table)
    write_out(found, out)
    if any(run.stopped for run in found.runs):
        raise typer.Exit(1)
