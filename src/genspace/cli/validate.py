"""`genspace validate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._options import AS_FOUND, JsonFlag, SeedOption, Tables, reads_tables

if TYPE_CHECKING:
    from genspace.analysis.result import Claim, ValidationCell, ValidationDocument

__all__ = ["validate"]

A_SCORE_S = 2e-5
"""Seconds for each score of an item."""
STYLES: Mapping[Claim, str] = {
    "ahead": "green",
    "not worse": "green",
    "behind": "red",
    "open": "yellow",
    "open before correction": "yellow",
    "identical": "yellow",
}


@app.command(
    epilog="Examples: genspace validate my_scores.csv my-study · "
    "genspace validate my_scores.csv my-study --margin 0.05 --by category · "
    "genspace validate clip results.csv --human rating"
)
@reads_tables
def validate(
    scores: Annotated[
        str, typer.Argument(help="Table of the new metric's scores, or a metric of the study.")
    ],
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    metric: Annotated[str | None, typer.Option(help="Which metric of SCORES, when it holds several.")] = None,
    margin: Annotated[
        float, typer.Option(help="Largest loss of agreement that still counts as not worse.")
    ] = 0.02,
    annotators: Annotated[
        Literal["crowd", "skilled", "experts"],
        typer.Option(
            help="Who the raters are: the head start of 0.1, 0.15 or 0.2 that the authors of the alternative annotator "
            "test give a judge."
        ),
    ] = "crowd",
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Break differences down by this column; repeatable.")
    ] = None,
    primary: Annotated[
        str | None, typer.Option(help="The figure to compare (default: by the ratings' type).")
    ] = None,
    seed: SeedOption = 0,
    tables: Tables = AS_FOUND,
    as_json: JsonFlag = False,
) -> None:
    """Validate one new metric against people and every metric there: ahead, not worse, behind or open."""
    from genspace.api import validate as validate_scores
    from genspace.cli._console import print_json, readings_follow
    from genspace.cli._progress import course
    from genspace.gather import evidence_of

    if not as_json:
        readings_follow()
    evidence = evidence_of(tables.open(study, whole=True))
    judges = len(evidence.judges)
    pieces = judges * (judges + 1) // 2 + judges
    with course("validating", len(evidence.items) * judges * A_SCORE_S, pieces, silent=as_json):
        result = validate_scores(
            scores,
            evidence,
            name=metric,
            margin=margin,
            annotators=annotators,
            seed=seed,
            primary=primary,
            by=by or (),
        )
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result.document)


def _print(document: ValidationDocument) -> None:
    """Print the findings in words, then the table of differences."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from genspace.cli._console import out
    from genspace.report import figure_words, print_readings, validation_sentences

    print_readings(document.readings, out())
    out().print(f"[bold]{escape(document.metric)}[/] in {escape(document.study)}")
    for sentence in validation_sentences(document):
        out().print(escape(sentence))
    if not document.against:
        return
    silent = any(row.penalised.n != row.difference.n for row in document.against)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("against", "difference", "it is"):
        table.add_column(heading, overflow="fold")
    table.add_column("n", justify="right")
    if silent:
        table.add_column("with abstentions tied", overflow="fold")
    for row in document.against:
        cells = [escape(row.judge), figure_words(row.difference, signed=True), _claim(row.claim)]
        cells.append(f"{row.difference.n:,}")
        if silent:
            cells.append(figure_words(row.penalised, signed=True))
        table.add_row(*cells)
    out().print(table)
    for column, values in document.breakdowns.items():
        _print_breakdown(column, values)
    out().print(
        f"[dim]Difference in {escape(document.primary.label)} (new minus existing) on the items that both score, "
        f"{document.options.confidence:.0%} interval for one pair by itself; ahead and behind are corrected "
        f"for all pairs of the study; margin {document.margin:g}; for these generators.[/]"
    )


def _print_breakdown(column: str, values: Mapping[str, ValidationCell]) -> None:
    """Print the differences of one breakdown, the longer of values and metrics downwards."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from genspace.cli._console import out

    cells = {
        (other, value): "–" if d.value is None else f"{d.value:+.3f} {_claim(cell.claims[other])}"
        for value, cell in values.items()
        for other, d in cell.against.items()
    }
    others = list(dict.fromkeys(other for other, _ in cells))
    sizes = {value: f"{escape(value)} ({cell.figure.n:,})" for value, cell in values.items()}
    down_values = len(values) > len(others)
    title = f"by {escape(column)}"
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", title=title, title_justify="left")
    headings = [escape(o) for o in others] if down_values else list(sizes.values())
    for heading in (escape(column) if down_values else "against", *headings):
        table.add_column(heading, overflow="fold")
    if down_values:
        for value, label in sizes.items():
            table.add_row(label, *(cells[other, value] for other in others))
    else:
        for other in others:
            table.add_row(escape(other), *(cells[other, value] for value in values))
    out().print(table)


def _claim(claim: Claim | None) -> str:
    return "–" if claim is None else f"[{STYLES[claim]}]{claim}[/]"
