"""`genspace tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._options import JsonFlag, OutOption, SeedOption, write_out
from genspace.cli.judge import AllowHosts, print_summary, run_judge

if TYPE_CHECKING:
    from genspace.judges import Judge, JudgeSpec
    from genspace.runner import RunOptions, RunSummary
    from genspace.study import Study

__all__ = ["tune"]


@app.command(epilog="Example: genspace tune my-study --space tune.toml --budget-usd 5 --out tuned")
def tune(
    study: Annotated[Path, typer.Argument(help="The study's folder, with people's answers.")],
    space: Annotated[Path, typer.Option(help="TOML file with tables \\[variants.NAME] and \\[grid.NAME].")],
    budget_usd: Annotated[
        float | None, typer.Option(help="Stop when all variants together have spent so much.")
    ] = None,
    allow_host: AllowHosts = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Choose among variants of a judge, and say what choosing reaches on prompts on which nothing was chosen."""
    from contextlib import ExitStack

    from genspace.checkpoints import cache_dir
    from genspace.cli._console import out as console
    from genspace.cli._console import print_json
    from genspace.cli._user import allowed_hosts
    from genspace.display import view_of
    from genspace.judges import Budget, make_judge, study_context
    from genspace.report import print_view
    from genspace.study import open_study
    from genspace.tuning import read_space, tune_study

    budget = None if budget_usd is None else Budget(budget_usd)
    hosts = allowed_hosts(allow_host)
    with ExitStack() as stack:

        def make(spec: JudgeSpec, of: Study) -> Judge:
            context = study_context(of, cache_dir=cache_dir(), seed=seed, budget=budget, allowed_hosts=hosts)
            made = make_judge(spec, context)
            stack.callback(getattr(made, "close", lambda: None))
            return made

        def ask(made: Judge, spec: JudgeSpec, of: Study, options: RunOptions) -> RunSummary:
            summary = run_judge(made, spec, of, options)
            if not as_json:
                print_summary(summary)
            return summary

        found = tune_study(open_study(study), read_space(space), make=make, ask=ask, seed=seed)
    if as_json:
        print_json(found.to_dict())
    else:
        print_view(view_of(found), console())
        console().print(found.document.winner_table, markup=False)
    write_out(found, out)
    if any(run.stopped for run in found.runs):
        raise typer.Exit(1)
