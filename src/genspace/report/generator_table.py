"""The GenSpace table as people read it: terminal, Markdown, LaTeX, CSV, and a page with examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from genspace.analysis.reasons import Reason
from genspace.benchmark import TASKS, Row, TableCell, Task, row_places, rows_csv
from genspace.display import View
from genspace.documents import to_dict
from genspace.report._benchmark_examples import CellExamples, examples_of
from genspace.report._files import json_text, written
from genspace.report._generators import COUNTED, place_text
from genspace.report._page import page
from genspace.report._sentences import reason_text
from genspace.report._table import LATEX, figure_text, figure_words, latex_frame, number, percent
from genspace.report._terminal import print_table
from genspace.report._words import OF_CELLS, Words, of_sub_domains
from genspace.tables import neutralised

if TYPE_CHECKING:
    from rich.console import Console

    from genspace.analysis import Estimate
    from genspace.analysis.counted import Place
    from genspace.analysis.prediction_powered import CorrectedMean
    from genspace.benchmark import GeneratorComparison, Otherwise

__all__ = [
    "examples_of",
    "print_corrected",
    "print_generator_pairs",
    "print_released",
    "print_rows",
    "write_rows",
]

MEAN = "mean"
TITLES: Mapping[Task, str] = {"t2i": "Text to image", "edit": "Editing"}
LABEL = 24
"""Characters of a row's name on a terminal; longer ones are wrapped."""
LINES = ("", "", "left out, as passes", "score", "coverage, n")


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One generator and judge in one task's table."""

    generator: str
    judge: str
    place: Place
    cells: tuple[TableCell, ...]
    """By sub-domain, then their mean."""

    @property
    def standing(self) -> str:
        """The place, and those that the intervals allow: "2 (1–3)"."""
        return place_text(self.place)


@dataclass(frozen=True, slots=True)
class ShownTask:
    """One task's table."""

    task: Task
    columns: tuple[str, ...]
    rows: tuple[ShownRow, ...]

    @property
    def title(self) -> str:
        """Heading."""
        return TITLES[self.task]

    @property
    def names(self) -> list[str]:
        """Headings of the cells."""
        return [name.replace("_", " ") for name in (*self.columns, MEAN)]


def shown_tasks(rows: Sequence[Row]) -> list[ShownTask]:
    """Return the tables of the tasks, rows by judge and place."""
    found = []
    for task in TASKS:
        placed = row_places(rows, task)
        if not placed:
            continue
        columns = dict.fromkeys(d for row in rows if task in row.tasks for d in row.tasks[task].cells)
        judges = list(dict.fromkeys(row.judge for row in rows))
        ordered = sorted(placed, key=lambda i: (judges.index(rows[i].judge), placed[i].rank or len(rows) + 1))
        shown = []
        for i in ordered:
            figures = rows[i].tasks[task]
            cells = [figures.cells.get(c, TableCell.measured(None, Reason("no_items"))) for c in columns]
            shown.append(ShownRow(rows[i].generator, rows[i].judge, placed[i], (*cells, figures.mean)))
        found.append(ShownTask(task, tuple(columns), tuple(shown)))
    return found


def cell_lines(cell: TableCell) -> tuple[str, str, str, str, str]:
    """Return a cell's lines: the figure, its interval, the other two ways, the score, coverage and n.

    The figure is the share that passed, or the mean score of a judge that only scores.
    """
    first = cell.accuracy or cell.score
    score = "" if cell.accuracy is None else number(cell.score.as_misses.value)
    ways = f"{number(first.left_out.value)}, {number(first.as_passes.value)}"
    return (
        number(first.as_misses.value),
        _interval(first.as_misses),
        ways,
        score,
        f"{percent(first.coverage)}, {first.n:,}",
    )


def _interval(estimate: Estimate) -> str:
    return "" if estimate.low is None else f"{number(estimate.low)}–{number(estimate.high)}"


def print_rows(rows: Sequence[Row], console: Console) -> None:
    """Print the tables; a narrow terminal gets the sub-domains in several parts."""
    for shown in shown_tasks(rows):
        table = []
        for row in shown.rows:
            lines = [cell_lines(cell) for cell in row.cells]
            kept = [n for n in range(len(LINES)) if n == 1 or any(cell[n] for cell in lines)]
            names = wrap(f"{row.generator}, {row.judge}", max(len(LINES[2]), LABEL))
            heads = ["\n".join(names), f"place {row.standing}", *LINES[2:]]
            below = "\n" * (len(names) - 1)
            cells = ["\n".join(cell[n] + (below if n == 0 else "") for n in kept) for cell in lines]
            table.append(["\n".join(heads[n] for n in kept), *cells])
        print_table(["generator, judge", *shown.names], table, console, title=shown.title, turns=False)
    console.print(f"In each cell: {_legend()} {COUNTED}", markup=False)


def print_released(rows: Sequence[Row], console: Console) -> None:
    """Print what the released code reports: of each of its folders acc, scores_avg, and how many images it counted."""
    head = ["index", "sub-domain", "variant", "acc", "scores_avg", "correct", "counted", "skipped"]
    for row in rows:
        for task, figures in row.tasks.items():
            lines = [
                [v.index, v.sub_domain, v.variant, number(v.acc), number(v.scores_avg),
                 *map(str, (v.correct, v.counted, v.all - v.counted))]
                for v in figures.variants if v.all
            ]  # fmt: skip
            title = f"{row.generator}, {row.judge}, {TITLES[task]}: as the released code counts"
            print_table(head, lines, console, title=title)


def print_corrected(found: Mapping[tuple[str, str, Task], CorrectedMean], console: Console) -> None:
    """Print each row corrected by people: from the sample alone, and with the judge."""
    rows = [
        [generator, judge, TITLES[task], figure_text(mean.sample), figure_text(mean.corrected), str(mean.labelled),
         reason_text(mean.corrected.reason)]
        for (generator, judge, task), mean in found.items()
    ]  # fmt: skip
    head = ["generator", "judge", "task", "sample alone", "corrected by people", "labels", ""]
    print_table(head, rows, console, title="As people would have it")


def print_generator_pairs(
    found: Sequence[GeneratorComparison], contrary: Sequence[Otherwise], console: Console
) -> None:
    """Print each pair's mean difference and where one is ahead, then the pairs that judges order contrarily."""
    head = ["generators", "difference of mean scores", "p", "adjusted p", "first is", "sub-domains"]
    for comparison in found:
        rows = []
        for pair in comparison.pairs:
            if pair.cell == MEAN:
                own = [p for p in comparison.pairs if (p.first, p.second) == (pair.first, pair.second)]
                where = [
                    f"{p.claim}: {p.cell.replace('_', ' ')}"
                    for p in own
                    if p.cell != MEAN and p.claim != "open"
                ]
                numbers = (figure_words(pair.difference, signed=True), number(pair.p), number(pair.p_holm))
                rows.append(
                    [f"{pair.first} / {pair.second}", *numbers, pair.claim, "; ".join(where) or "none ahead"]
                )
        print_table(head, rows, console, title=f"{TITLES[comparison.task]}, judge {comparison.judge}")
    console.print(
        "Paired by prompt; intervals are pointwise. Ahead and behind: p at most .05 after Holm's correction for all "
        "generators and sub-domains of the judge and task, whatever the unmeasured pictures are worth.",
        markup=False,
    )
    for one in contrary:
        console.print(
            f"{TITLES[one.task]}: {one.before} has {one.first} before {one.second}, {one.behind} the other way round.",
            markup=False,
        )


def csv_rows(rows: Sequence[Row]) -> str:
    """Return one line per row, task, sub-domain and figure."""
    head = (
        "generator",
        "judge",
        "task",
        "place",
        "place_low",
        "place_high",
        "sub_domain",
        "figure",
        "n",
        "coverage",
    )
    ways = ("as_misses", "left_out", "as_passes")
    columns = [*head, *(f"{way}{end}" for way in ways for end in ("", "_low", "_high"))]
    lines = []
    for shown in shown_tasks(rows):
        for row in shown.rows:
            place = (row.place.rank, row.place.low, row.place.high)
            for column, cell in zip((*shown.columns, MEAN), row.cells, strict=True):
                for figure in ("accuracy", "score"):
                    three = getattr(cell, figure)
                    if three is not None:
                        ends = [e for way in ways for e in _ends(getattr(three, way))]
                        names = (neutralised(row.generator), neutralised(row.judge))
                        told = (*names, shown.task, *place, column, figure, three.n, three.coverage, *ends)
                        cells = ("" if value is None else str(value) for value in told)
                        lines.append(dict(zip(columns, cells, strict=True)))
    return rows_csv(lines)


def _ends(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.value, estimate.low, estimate.high


def markdown_rows(rows: Sequence[Row]) -> str:
    """Return the tables as Markdown."""
    parts = []
    for shown in shown_tasks(rows):
        head = ["place", "generator", "judge", *shown.names]
        lines = [
            [row.standing, row.generator, row.judge,
             *("<br>".join(filter(None, cell_lines(cell))) for cell in row.cells)]
            for row in shown.rows
        ]  # fmt: skip
        parts.append(View(shown.title, head=head, rows=lines).markdown())
    return "\n".join([*parts, f"In each cell: {_legend()} {COUNTED}\n"])


def _legend() -> str:
    return (
        "share that passed; its interval over prompts; the same with the unmeasured left out, and as passes; mean "
        "score, by which places go; coverage and n."
    )


def latex_rows(rows: Sequence[Row]) -> str:
    """Return the tables in LaTeX (booktabs, graphicx), each no wider than the text."""
    parts = []
    for shown in shown_tasks(rows):
        lines = []
        for row in shown.rows:
            cells = [cell_lines(cell) for cell in row.cells]
            kept = [n for n in range(len(LINES)) if any(cell[n] for cell in cells)]
            for n in kept:
                label = [row.standing, row.generator, row.judge] if n == 0 else ["", "", ""]
                small = "" if n == 0 else "\\scriptsize "
                told = [
                    *(t.translate(LATEX) for t in label),
                    *(f"{small}{c[n].translate(LATEX)}" for c in cells),
                ]
                lines.append(" & ".join(told) + (" \\\\" if n != kept[-1] else " \\\\[4pt]"))
        head = " & ".join(h.translate(LATEX) for h in ("", "Generator", "Judge", *shown.names)) + " \\\\"
        columns = f"lll{'r' * len(shown.names)}"
        caption = f"{shown.title}. {_legend()} {COUNTED}"
        parts.append(latex_frame(columns, head, lines, caption, as_wide_as_text=True))
    return "\n".join(parts)


def page_of(rows: Sequence[Row], examples: Sequence[CellExamples] = ()) -> str:
    """Return the page: the tables, and examples of passes and misses of each cell."""
    return page(
        "benchmark.html.j2",
        Words({**OF_CELLS, **of_sub_domains()}),
        tasks=shown_tasks(rows),
        lines=cell_lines,
        rows=rows,
        examples=examples,
        legend=_legend(),
        counted=COUNTED,
        generators=list(dict.fromkeys(row.generator for row in rows)),
    )


def write_rows(rows: Sequence[Row], folder: Path, examples: Sequence[CellExamples] = ()) -> list[Path]:
    """Write table.html, .csv, .tex, .md, .json and one JSON per row; return their paths.

    Errors: `InputError` when the folder cannot be written.
    """
    documents = [to_dict(row) for row in rows]
    texts = {
        "table.html": page_of(rows, examples),
        "table.csv": csv_rows(rows),
        "table.tex": latex_rows(rows),
        "table.md": markdown_rows(rows),
        "table.json": json_text({"schema": "genspace-benchmark/1", "rows": documents}),
    }
    for row, document in zip(rows, documents, strict=True):
        name = "".join(c if c.isalnum() or c in "._-" else "_" for c in f"{row.generator}--{row.judge}")
        texts[f"{name}.row.json"] = json_text(document)
    return written(folder, texts)
