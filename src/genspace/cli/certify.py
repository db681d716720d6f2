"""`genspace certify`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, results
from genspace.cli._options import JsonFlag, OutOption, SeedOption, write_out
from genspace.cli.judge import (
    AllowHosts,
    DryRun,
    JudgeNames,
    MaxUsd,
    Overrides,
    common_context,
    made_judge,
    print_estimate,
    print_summary,
    run_judge,
)

__all__ = ["certify"]


@app.command(
    epilog="Examples: genspace certify my-study --judge scene · "
    "genspace certify my-study --judge vlm:gpt-4.1 --way mirror --limit 100 --out certificate"
)
def certify(
    study: Annotated[Path, typer.Argument(help="The study's folder; people's answers are not needed.")],
    judge: JudgeNames,
    way: Annotated[
        list[str] | None,
        typer.Option(
            help="mirror, contrary, exchanged, undone, order (the default), orbit, cut, smaller, jpeg; repeatable."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Ask about this many randomly drawn items.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Item column to break the bound down by (default: sub_domain, if it exists)."),
    ] = None,
    option: Overrides = None,
    retry: Annotated[str, typer.Option(help="Ask again about: none, errors, abstentions, all.")] = "none",
    max_usd: MaxUsd = None,
    allow_host: AllowHosts = None,
    dry_run: DryRun = False,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask judges equivalent questions and count contradictions: errors found without labels."""
    from genspace.certificate import DEFAULT_WAYS, keep, varied, versions_for
    from genspace.certificate import certify as certified
    from genspace.display import view_of
    from genspace.judges import resolve, study_context
    from genspace.report import print_view
    from genspace.runner import RunOptions, estimate
    from genspace.study import open_study

    opened, ways = open_study(study), tuple(way or DEFAULT_WAYS)
    made = varied(opened, ways, limit=limit, seed=seed)
    context = study_context(made.study, option or (), common_context(seed, max_usd, allow_host))
    documents, incomplete = [], False
    for spec in resolve(judge, opened.declared.judges, option or ()):
        with made_judge(spec, context) as asked:
            if dry_run:
                whole = versions_for(asked, opened, made).study
                print_estimate(estimate(whole, asked, spec.name, RunOptions()), show=False)
                continue
            ask = partial(run_judge, asked, spec)
            result = certified(opened, asked, spec.name, ways, group=by, retry=retry, ask=ask, made=made)
        keep(result, opened)
        documents.append(result.to_dict())
        summary = result.run
        if summary is not None:
            incomplete |= bool(summary.status["failed"] or summary.stopped)
        if not as_json:
            if summary is not None:
                print_summary(summary)
            print_view(view_of(result), results())
        write_out(result, out / spec.name if out is not None and len(judge) > 1 else out)
    if as_json:
        print_json(documents)
    if incomplete:
        raise typer.Exit(1)
