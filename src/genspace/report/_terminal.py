"""A comparison on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from genspace.analysis import Estimate
from genspace.analysis.reliability import COEFFICIENTS
from genspace.analysis.result import Cell, ComparisonDocument, QuestionResult
from genspace.report._answer import conclude
from genspace.report._readings import print_readings
from genspace.report._sentences import reason_text, remark
from genspace.report._table import AgreementRow, counts, figure_text, judge_table, number, percent
from genspace.report._words import terms_in, words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from genspace.display import View

STYLES = {"people": "bold", "baseline": "dim", "derived": "dim italic"}
PRINTED_REASONS = 6
MOST_COLUMNS = 6
"""More values of a breakdown than this stand in rows."""
PROSE = 40
"""Characters of a cell of several words that go into one line at least."""
MOST_NAME = 24
"""Characters of a name, where a table is cut, before it goes on in the next line."""
WIDE = 120
"""Characters from which there is room for the intervals of all figures."""


def print_comparison(document: ComparisonDocument, console: Console, *, level: str = "item") -> None:
    """Print what was read, the answer, the table of judges, breakdowns, reasons for missing figures, and warnings.

    >>> import io
    >>> from rich.console import Console
    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> console = Console(width=100, file=io.StringIO())
    >>> print_comparison(comparison.document, console)
    >>> "Spearman 0.800" in console.file.getvalue()
    True
    """
    from rich.markup import escape

    print_readings(document.readings, console)
    _print_part(document, console, level=level)
    for name, part in document.questions.items():
        console.print(f"\n[bold]Question: {escape(name)}[/]")
        _print_part(part, console, level=level)


def print_view(view: View, console: Console) -> None:
    """Print a result's title, sentences and table.

    >>> from rich.console import Console
    >>> from genspace.display import View
    >>> view = View("Orders", ["clip agrees."], ("judge", "n"), [("clip", "5")])
    >>> print_view(view, Console(width=40))  # doctest: +NORMALIZE_WHITESPACE
    Orders
    clip agrees.
    <BLANKLINE>
    judge n
    ─────────
    clip 5
    <BLANKLINE>
    """
    from rich.markup import escape

    console.print(f"[bold]{escape(view.title)}[/]")
    for sentence in view.sentences:
        console.print(escape(sentence))
    print_table(view.head, view.rows, console)
    if view.caption:
        console.print(f"[dim]{escape(view.caption)}[/]")
    print_words(view, console)


def print_words(view: View, console: Console) -> None:
    """Print the meaning of each defined word in a result's sentences and table, one per line.

    >>> from rich.console import Console
    >>> from genspace.display import View
    >>> print_words(View("Orders", ["A low coverage."], ("judge",), []), Console(width=120))
    coverage: share of the rated items that the judge decides; on the rest it abstained or failed
    """
    cells = (cell for row in (view.head, *view.rows) for cell in row)
    _print_meanings(terms_in([*view.sentences, *cells], view.words), console)


def _print_meanings(meanings: Mapping[str, str], console: Console) -> None:
    from rich.markup import escape

    for term, meaning in meanings.items():
        console.print(f"[dim]{escape(term)}: {escape(meaning)}[/]")


def print_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    console: Console,
    *,
    title: str | None = None,
    styles: Sequence[str] = (),
    optional: Sequence[int] = (),
    turns: bool = True,
) -> None:
    """Print a table that fits the terminal.

    Optional columns that do not fit are left out and named. A table without optional columns is transposed, or printed
    in parts that each repeat the first column.

    Args:
        head: One heading per column; the first column names the rows.
        rows: Cells.
        console: The terminal.
        title: Printed above the table.
        styles: One per row; none: plain.
        optional: Columns that may be left out, in this order.
        turns: Whether the table may be transposed.

    >>> from rich.console import Console
    >>> print_table(["judge", "n"], [["clip", "5"]], Console(width=40))  # doctest: +NORMALIZE_WHITESPACE
    <BLANKLINE>
    judge n
    ─────────
    clip 5
    <BLANKLINE>
    """
    from rich.text import Text

    if title is not None:
        console.print(Text(title, style="italic"))
    kept, gone = list(range(len(head))), list(optional)
    cells = [list(head), *map(list, rows)]
    while gone and _width(cells, kept, console) > console.width:
        kept.remove(gone.pop(0))
    left_out = [head[place] for place in sorted(optional) if place not in kept]
    turned = [list(column) for column in zip(*cells, strict=True)]
    everything = list(range(len(turned[0])))
    if _width(cells, kept, console) <= console.width or optional:
        _print_cells(cells, kept, styles, console)
    elif turns and _width(turned, everything, console) <= console.width:
        _print_cells(turned, everything, (), console)
    else:
        for part in _parts(cells, console):
            _print_cells(cells, part, styles, console)
    if left_out:
        console.print(f"[dim]In a wider terminal, in JSON or in a report (`out`): {', '.join(left_out)}.[/]")


def _parts(cells: list[list[str]], console: Console) -> Iterator[list[int]]:
    """Yield groups of columns that fit side by side, each with the first column."""
    part = [0]
    for column in range(1, len(cells[0])):
        if len(part) > 1 and _width(cells, [*part, column], console) > console.width:
            yield part
            part = [0]
        part.append(column)
    yield part


def _width(cells: list[list[str]], columns: Sequence[int], console: Console) -> int:
    from rich.measure import Measurement

    roomy = console.options.update(max_width=10_000)
    table = _table(cells, columns, ())
    for column, place in zip(table.columns, columns, strict=True):
        if any(" " in row[place] for row in cells[1:]) and column.max_width is None:
            column.max_width = PROSE
    return Measurement.get(console, roomy, table).maximum


def _print_cells(
    cells: list[list[str]], columns: Sequence[int], styles: Sequence[str], console: Console
) -> None:
    console.print(_table(cells, columns, styles))


def _table(cells: list[list[str]], columns: Sequence[int], styles: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table as NewTable
    from rich.text import Text

    table = NewTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    longest = MOST_NAME if len(columns) < len(cells[0]) else None
    for column in columns:
        words = all(not cell.lstrip("+-−<> ")[:1].isdigit() for cell in (row[column] for row in cells[1:]))
        table.add_column(
            Text(cells[0][column]), justify="left" if column == 0 or words else "right", overflow="fold",
            max_width=None if column else longest,
        )  # fmt: skip
    for place, row in enumerate(cells[1:]):
        table.add_row(*(Text(row[column]) for column in columns), style=styles[place] if styles else None)
    return table


def _print_part(result: QuestionResult, console: Console, *, level: str) -> None:
    from rich.markup import escape

    sizes = " · ".join(map(" ".join, counts(result, but={"n_annotated"})))
    console.print(f"[bold]{escape(result.study.name)}[/]  {sizes}")
    sentences = conclude(result).sentences
    for sentence in sentences:
        console.print(escape(sentence))
    model = judge_table(result, level=level)
    wide = console.width >= WIDE
    figures = [column.label for column in model.columns]
    head = ["judge", *figures, "n", "coverage", "ties"]
    last = len(figures)
    print_table(
        head,
        [_cells(row, wide=wide) for row in model.rows],
        console,
        styles=[STYLES.get(row.kind, "") for row in model.rows],
        optional=[*range(last, 1, -1), last + 3, last + 1, last + 2],
    )
    reference = result.study.reference
    told = {label: meaning for label, meaning in words(model, result) if label in head}
    _print_meanings(told | terms_in(sentences, reference=reference), console)
    for reason in _reasons(model.rows):
        console.print(f"[dim]– {escape(reason)}[/]")
    for name, cells in result.breakdowns.items():
        _print_breakdown(name, cells, [r.name for r in model.rows], result.human.alpha, console)
    for note in result.notes:
        style = "yellow" if note.level == "warning" else "dim"
        console.print(f"[{style}]{note.level}:[/] {escape(remark(note, result))}")


def _cells(row: AgreementRow, *, wide: bool) -> list[str]:
    name = f"{row.name} (derived)" if row.kind == "derived" else row.name
    name = f"{row.rank:>2} {name}" if row.rank else f"   {name}"
    coverage, ties = ("" if share is None else percent(share) for share in (row.coverage, row.ties))
    primary, *others = row.estimates
    figures = [figure_text(primary), *map(figure_text if wide else _value_text, others)]
    return [name, *figures, f"{row.n:,}", coverage, ties]


def _reasons(rows: tuple[AgreementRow, ...]) -> list[str]:
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
    print_table([corner, *columns], rows, console, title=f"by {column}")


def _cell(cell: Cell, judge: str, text: Callable[[Estimate], str]) -> str:
    return text(cell.judges[judge]) if judge in cell.judges else "–"


def _value_text(estimate: Estimate) -> str:
    return number(estimate.value)
