"""`genspace validate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, readings_follow, results
from genspace.cli._options import AS_FOUND, JsonFlag, OutOption, SeedOption, Tables, reads_tables, write_out

if TYPE_CHECKING:
    from genspace.analysis import Estimate
    from genspace.analysis.result import Claim, ValidationCell
    from genspace.analysis.validation import Validation

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
    metric: Annotated[str | None, typer.Option(help="Which metric of SCORES, if it has several.")] = None,
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
        str | None, typer.Option(help="The figure to compare (default: by the type of ratings).")
    ] = None,
    seed: SeedOption = 0,
    tables: Tables = AS_FOUND,
    out: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Validate a new metric against people and the existing metrics: ahead, not worse, behind or open."""
    from genspace.api import validate as validate_scores
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
    write_out(result, out)
    if as_json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: Validation) -> None:
    """Print the findings in words, then the table of differences."""
    from rich.markup import escape

    from genspace.display import view_of
    from genspace.report import print_readings, print_table, print_words

    document, view = result.document, view_of(result)
    print_readings(document.readings, results())
    results().print(f"[bold]{escape(document.metric)}[/] in {escape(document.study)}")
    for sentence in view.sentences:
        results().print(escape(sentence))
    if not document.against:
        return
    styles = ["" if row.claim is None else STYLES[row.claim] for row in document.against]
    print_table(view.head, view.rows, results(), styles=styles)
    for column, values in document.breakdowns.items():
        _print_breakdown(column, values)
    results().print(
        f"[dim]Difference in {escape(document.primary.label)} (new minus existing) on the items that both score, "
        f"{document.options.confidence:.0%} interval for one pair by itself; ahead and behind are corrected "
        f"for all pairs of the study; margin {document.margin:g}; for these generators.[/]"
    )
    print_words(view, results())


def _print_breakdown(column: str, values: Mapping[str, ValidationCell]) -> None:
    """Print the differences of one breakdown, the longer of values and metrics downwards."""
    from rich.markup import escape

    from genspace.report import print_table, reason_text

    cells = {
        (other, value): "–" if d.value is None else f"{d.value:+.3f} {_word(cell.claims[other], d)}".rstrip()
        for value, cell in values.items()
        for other, d in cell.against.items()
    }
    others = list(dict.fromkeys(other for other, _ in cells))
    sizes = {value: f"{value} ({cell.figure.n:,})" for value, cell in values.items()}
    if len(values) > len(others):
        head = [column, *others]
        rows = [[label, *(cells[other, value] for other in others)] for value, label in sizes.items()]
    else:
        head = ["against", *sizes.values()]
        rows = [[other, *(cells[other, value] for value in values)] for other in others]
    print_table(head, rows, results(), title=f"by {column}")
    silent = [
        d for cell in values.values() for other, d in cell.against.items() if not _word(cell.claims[other], d)
    ]
    if told := next(filter(None, (reason_text(d.reason) for d in silent)), None):
        results().print(
            f"[dim]Nothing is claimed of a difference without a word beside it: {escape(told)}.[/]"
        )


def _word(claim: Claim | None, difference: Estimate) -> str:
    """Return what a difference of a breakdown is; "" where nothing is claimed."""
    same = difference.reason is not None and difference.reason.code == "identical"
    return claim or ("identical" if same else "")
