"""`genspace check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app
from genspace.cli._options import HumanColumns, JsonFlag, MetricColumns, columns

__all__ = ["check"]


@app.command(epilog="Examples: genspace check my-study · genspace check results.csv --human rating")
def check(
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    human: HumanColumns = None,
    metrics: MetricColumns = None,
    as_json: JsonFlag = False,
) -> None:
    """Validate every file of a study and name all problems at once."""
    from genspace.cli._console import messages, out, print_json
    from genspace.study import check_study

    report = check_study(study, human=columns(human), metrics=columns(metrics))
    if as_json:
        print_json(
            {
                "problems": [str(p) for p in report.problems],
                "notes": [str(n) for n in report.notes],
                "counts": dict(report.counts),
            }
        )
    else:
        for problem in report.problems:
            messages().print(f"[red]problem[/] {_escaped(problem)}")
        for note in report.notes:
            messages().print(f"[yellow]note[/] {_escaped(note)}")
        counted = ", ".join(f"{number:,} {what}" for what, number in report.counts.items())
        found = len(report.problems)
        verdict = f"{found} problem{'s' * (found != 1)}" if found else "no problems"
        out().print(f"{study}: {verdict}{f' · {counted}' if counted else ''}")
    if report.problems:
        raise typer.Exit(2)


def _escaped(text: object) -> str:
    from rich.markup import escape

    return escape(str(text))
