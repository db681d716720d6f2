"""`genspace check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import messages, print_json, results
from genspace.cli._options import AS_FOUND, JsonFlag, Tables, reads_tables
from genspace.errors import InputError, Problem, did_you_mean, shown_problems
from genspace.readings import Reading, counted

if TYPE_CHECKING:
    from genspace.geometry.predicates import Bound
    from genspace.study import Study

__all__ = ["check"]


@app.command(epilog="Examples: genspace check my-study · genspace check results.csv --human rating")
@reads_tables
def check(
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    tables: Tables = AS_FOUND,
    as_json: JsonFlag = False,
) -> None:
    """Validate every file of a study; report what was read and inferred, and all problems at once."""
    from rich.markup import escape

    from genspace.documents import to_dict
    from genspace.gather import check as check_everything
    from genspace.report import print_readings

    report = check_everything(
        study, human=tables.human, metrics=tables.metrics, declared=tables.declared, further=_further
    )
    if as_json:
        print_json(
            {
                "problems": [str(p) for p in report.problems],
                "readings": [to_dict(reading) for reading in report.readings],
                "counts": dict(report.counts),
            }
        )
    else:
        print_readings(report.readings, results())
        for problem in shown_problems(report.problems):
            messages().print(f"[red]problem[/] {escape(problem)}")
        found = sum(problem.rows for problem in report.problems)
        verdict = counted(found, "problem") if found else "no problems"
        warnings = f", {counted(len(report.warnings), 'warning')}" if report.warnings else ""
        counts = ", ".join(report.counted)
        results().print(f"{study}: {verdict}{warnings}{f' · {counts}' if counts else ''}")
    if report.problems:
        raise typer.Exit(2)


def _further(study: Study) -> Iterator[Problem | Reading]:
    """Yield what only the rooms above the study can tell: unknown judges and figures, predicates that nobody reads."""
    yield from _wrong_settings(study)
    yield from _wrong_predicates(study)
    yield from _no_frame(study)


def _wrong_settings(study: Study) -> Iterator[Problem]:
    from genspace.judges import REGISTRY

    kinds = REGISTRY.names()
    for name, table in study.declared.judges.items():
        if table.kind not in kinds:
            message = f"is not a kind of judge{did_you_mean(table.kind, kinds)}"
            yield Problem("study.toml", message, field=f"judges.{name}.kind", value=table.kind)
    primary = study.settings.primary
    if primary is not None:
        from genspace.analysis.figures import figure_named

        try:
            figure_named(primary)
        except InputError as error:
            yield Problem("study.toml", str(error), field="primary")


def _wrong_predicates(study: Study) -> Iterator[Problem | Reading]:
    """Yield predicates that nobody reads, and those that words cannot ask about."""
    from genspace.geometry.predicates import Untold, bind

    untold: list[str] = []
    calls, edited = study.items["predicate"], study.items["image_before"].notna().to_numpy()
    for row in calls.notna().to_numpy().nonzero()[0].tolist():
        call = calls.iloc[row]
        try:
            _check_asked(bind(call), edited=bool(edited[row]))
        except InputError as error:
            message = str(error).removeprefix(f"predicate {call!r}: ")
            problem = study.items_table.problem(message, row, "predicate")
            if isinstance(error, Untold):
                untold.append(f"{problem.unit} {problem.row}, {message}")
            else:
                yield problem
    if untold:
        yield Reading(code="not_asked", columns=("predicate",), words=tuple(untold), count=len(untold))


def _no_frame(study: Study) -> Iterator[Reading]:
    """Warn of prompts that speak of a side without saying whose, where no predicate says it."""
    from genspace.sides import says_no_frame

    asked = study.items.loc[study.items["predicate"].isna(), "prompt"].dropna()
    silent = [text for text in asked.unique().tolist() if says_no_frame(text)]
    if silent:
        count = int(asked.isin(silent).sum())
        yield Reading(code="no_frame", columns=("prompt",), words=(silent[0],), count=count, total=len(asked))


def _check_asked(bound: Bound, *, edited: bool) -> None:
    """Errors: `InputError` for a predicate that does not fit the item, `Untold` for one that words cannot ask about."""
    from genspace.geometry.predicates import people

    if "new" in bound.settings and not edited:
        raise InputError("new names an object that an edit added, but the item has no image_before")
    people("en").tell(bound, "question")
