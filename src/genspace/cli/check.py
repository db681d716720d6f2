"""`genspace check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._options import HumanColumns, JsonFlag, MetricColumns, columns
from genspace.errors import InputError, Problem, did_you_mean

if TYPE_CHECKING:
    from genspace.geometry.predicates import Bound
    from genspace.study import Study

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
    from genspace.gather import check as check_everything

    remarks: list[Problem] = []

    def further(opened: Study) -> Iterator[Problem]:
        yield from _wrong_settings(opened)
        yield from _wrong_predicates(opened, study, remarks)

    report = check_everything(study, human=columns(human), metrics=columns(metrics), further=further)
    notes = [*report.notes, *remarks]
    if as_json:
        print_json(
            {
                "problems": [str(p) for p in report.problems],
                "notes": [str(n) for n in notes],
                "counts": dict(report.counts),
            }
        )
    else:
        for problem in report.problems:
            messages().print(f"[red]problem[/] {_escaped(problem)}")
        for note in notes:
            messages().print(f"[yellow]note[/] {_escaped(note)}")
        counted = ", ".join(_counted(number, what) for what, number in report.counts.items())
        found = len(report.problems)
        verdict = f"{found} problem{'s' * (found != 1)}" if found else "no problems"
        out().print(f"{study}: {verdict}{f' · {counted}' if counted else ''}")
    if report.problems:
        raise typer.Exit(2)


def _counted(number: int, things: str) -> str:
    """Return a number of things in words.

    >>> _counted(1, "judges and metrics"), _counted(2000, "items")
    ('1 judge or metric', '2,000 items')
    """
    one = {"judges and metrics": "judge or metric"}.get(things, things.removesuffix("s"))
    return f"{number:,} {one if number == 1 else things}"


def _wrong_settings(study: Study) -> Iterator[Problem]:
    from genspace.judges import REGISTRY

    kinds = REGISTRY.names()
    for name, table in study.declared.judges.items():
        if table.kind not in kinds:
            message = f"is no kind of judge{did_you_mean(table.kind, kinds)}"
            yield Problem("study.toml", message, field=f"judges.{name}.kind", value=table.kind)
    primary = study.settings.primary
    if primary is not None:
        from genspace.analysis.figures import figure_named

        try:
            figure_named(primary)
        except InputError as error:
            yield Problem("study.toml", str(error), field="primary")


def _wrong_predicates(study: Study, path: Path, remarks: list[Problem]) -> Iterator[Problem]:
    """Yield predicates that nobody reads; remark on those that words cannot ask about."""
    from genspace.geometry.predicates import Untold, bind
    from genspace.tables import find_table, read_table

    table = None
    for row, (call, before) in enumerate(
        zip(study.items["predicate"], study.items["image_before"], strict=True)
    ):
        if not isinstance(call, str):
            continue
        try:
            _check_asked(bind(call), edited=isinstance(before, str))
        except InputError as error:
            if table is None:  # read once more, for the lines of the file
                file = path if path.is_file() else find_table(path, "items")
                table = read_table(file, file.name) if file else None
            message = str(error).removeprefix(f"predicate {call!r}: ")
            if isinstance(error, Untold):
                message = f"neither people nor models are asked about it: {message}"
            problem = table.problem(message, row, "predicate") if table else Problem("items", message)
            if isinstance(error, Untold):
                remarks.append(problem)
            else:
                yield problem


def _check_asked(bound: Bound, *, edited: bool) -> None:
    """Errors: `InputError` for a predicate that does not fit the item, `Untold` for one that words cannot ask about."""
    from genspace.geometry.predicates import people

    if "new" in bound.settings and not edited:
        raise InputError("new names an object that an edit added, but the item has no image_before")
    people("en").tell(bound, "question")


def _escaped(text: object) -> str:
    from rich.markup import escape

    return escape(str(text))
