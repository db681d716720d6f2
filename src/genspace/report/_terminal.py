"""A comparison on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from genspace.analysis import Estimate
from genspace.analysis.reliability import COEFFICIENTS
from genspace.analysis.result import Cell, ComparisonDocument, QuestionResult
from genspace.report._answer import conclude
from genspace.report._readings import print_readings
from genspace.report._sentences import reason_text, remark
from genspace.report._table import Row, counts, figure_text, judge_table, number, percent

if TYPE_CHECKING:
    from rich.console import Console

    from genspace.display import View

__all__ = ["print_comparison", "print_view"]

STYLES = {"people": "bold", "baseline": "dim", "derived": "dim italic"}
PRINTED_REASONS = 6
MOST_COLUMNS = 6
"""More values of a breakdown than this stand in rows."""
WIDE, NARROW = 120, 100
"""Characters from which there is room for the intervals of all figures, and below which there is for two figures."""


def print_comparison(document: ComparisonDocument, console: Console, *, level: str = "item") -> None:
    """Print what was read, the answer, the table of judges, breakdowns, reasons for gaps, and warnings."""
    from rich.markup import escape

    print_readings(document.readings, console)
    _print_part(document, console, level=level)
    for name, part in document.questions.items():
        console.print(f"\n[bold]Question: {escape(name)}[/]")
        _print_part(part, console, level=level)


def print_view(view: View, console: Console) -> None:
    """Print a result's title, sentences and table."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console.print(f"[bold]{escape(view.title)}[/]")
    for sentence in view.sentences:
        console.print(escape(sentence))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for i, heading in enumerate(view.head):
        table.add_column(escape(heading), overflow="fold", justify="right" if i else "left")
    for row in view.rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _print_part(result: QuestionResult, console: Console, *, level: str) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    sizes = " · ".join(map(" ".join, counts(result, but={"n_annotated"})))
    console.print(f"[bold]{escape(result.study.name)}[/]  {sizes}")
    for sentence in conclude(result).sentences:
        console.print(escape(sentence))
    model = judge_table(result, level=level)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("judge", overflow="fold", min_width=12)
    most = 2 if console.width < NARROW else len(model.columns)
    for i, column in enumerate(model.columns[:most]):
        table.add_column(column.label, justify="right", no_wrap=i == 0)
    for heading in ("n", "coverage", "ties"):
        table.add_column(heading, justify="right")
    for row in model.rows:
        table.add_row(
            *map(escape, _cells(row, most, wide=console.width >= WIDE)), style=STYLES.get(row.kind, "")
        )
    console.print(table)
    if left_out := [c.label for c in model.columns[most:]]:
        console.print(
            f"[dim]In a terminal of {NARROW} columns, in JSON or in a report (`out`): {escape(', '.join(left_out))}.[/]"
        )
    for reason in _reasons(model.rows):
        console.print(f"[dim]– {escape(reason)}[/]")
    for name, cells in result.breakdowns.items():
        _print_breakdown(name, cells, [r.name for r in model.rows], result.human.alpha, console)
    for note in result.notes:
        style = "yellow" if note.level == "warning" else "dim"
        console.print(f"[{style}]{note.level}:[/] {escape(remark(note, result))}")


def _cells(row: Row, most: int, *, wide: bool) -> list[str]:
    name = f"{row.name} (derived)" if row.kind == "derived" else row.name
    coverage, ties = ("" if share is None else percent(share) for share in (row.coverage, row.ties))
    primary, *others = row.estimates[:most]
    figures = [figure_text(primary), *map(figure_text if wide else _value_text, others)]
    return ["" if row.rank is None else str(row.rank), name, *figures, f"{row.n:,}", coverage, ties]


def _reasons(rows: tuple[Row, ...]) -> list[str]:
    """Return why figures are missing, each reason once."""
    found = {
        reason_text(e.reason) for r in rows if r.kind != "people" for e in r.estimates if e.value is None
    }
    reasons = sorted(reason for reason in found if reason)
    return reasons[:PRINTED_REASONS]


def _print_breakdown(
    column: str, cells: Mapping[str, Cell], names: list[str], alpha: str, console: Console
) -> None:
    """Print judges and people's agreement in rows, values in columns, or, of many values, the other way round."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    known = {name for cell in cells.values() for name in cell.judges}
    judges = [name for name in names if name in known]
    heads = {value: f"{value} ({cell.n})" for value, cell in cells.items()}
    people = f"people ({COEFFICIENTS[alpha].label})"
    agreed = any(cell.people.value is not None for cell in cells.values())
    if len(cells) <= MOST_COLUMNS:
        corner, columns = "judge", list(heads.values())
        rows = [[name, *(_cell(cell, name, figure_text) for cell in cells.values())] for name in judges]
        if agreed:
            rows.append([people, *(figure_text(cell.people) for cell in cells.values())])
    else:
        corner, columns = column, [*judges, *([people] if agreed else [])]
        rows = [
            [heads[v], *(_cell(cell, n, _value_text) for n in judges)]
            + ([_value_text(cell.people)] if agreed else [])
            for v, cell in cells.items()
        ]
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", title=f"by {column}", title_justify="left"
    )
    table.add_column(corner, overflow="fold", min_width=12)
    for head in columns:
        table.add_column(Text(head), justify="right", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _cell(cell: Cell, judge: str, text: Callable[[Estimate], str]) -> str:
    return text(cell.judges[judge]) if judge in cell.judges else "–"


def _value_text(estimate: Estimate) -> str:
    return number(estimate.value)
