"""Writing a comparison's files into a folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.display import Result, View, view_of
from genspace.documents import to_dict
from genspace.report._files import figure_files, json_text, written
from genspace.report._html import html_report
from genspace.report._items import items_csv
from genspace.report._manifest import Manifest, make_manifest
from genspace.report._page import page
from genspace.report._part import parts_of
from genspace.report._table import csv_table, judge_table, latex_of, latex_table, markdown_table
from genspace.report._words import Words
from genspace.tables import csv_text

if TYPE_CHECKING:
    from genspace.analysis import Comparison
    from genspace.certificate import Certificate
    from genspace.study import Study
    from genspace.tuning import Tuning


def write_report(
    comparison: Comparison,
    manifest: Manifest,
    folder: Path,
    study: Study | None = None,
    *,
    level: str = "item",
) -> list[Path]:
    """Write the page, tables, items.csv, comparison.json and manifest.json; return their paths.

    Prompts and ratings are the data of the figures. Images are read from `study`.

    Errors: `InputError` when the folder cannot be written.

    >>> import pandas as pd
    >>> import genspace
    >>> comparison = genspace.compare(items=pd.DataFrame({"item_id": ["a", "b"]}))
    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace.analysis import CompareOptions
    >>> from genspace.report import make_manifest
    >>> made = make_manifest([], CompareOptions(), {})
    >>> [path.name for path in write_report(comparison, made, Path(tempfile.mkdtemp()))][:3]
    ['report.html', 'table.csv', 'table.tex']
    """
    document = comparison.document
    parts = parts_of(comparison, study, folder)
    table = judge_table(document, level=level)
    caption = f"Agreement with {document.study.reference}: {document.study.name}"
    texts: dict[str, str | bytes] = {
        "report.html": html_report(parts, manifest),
        "table.csv": csv_table(table),
        "table.tex": latex_table(table, caption=caption),
        "table.md": markdown_table(table),
        "comparison.json": json_text(comparison.to_dict()),
        "manifest.json": json_text(to_dict(manifest)),
    }
    for part in parts:
        if part.items is not None:
            name = f"items-{part.question}.csv" if part.question else "items.csv"
            texts[name] = items_csv(part.items)
    texts |= figure_files(
        {
            re.sub(r"[^\w.-]+", "-", f"figure-{part.key}-{name}".replace("q0-", "")): plot
            for part in parts
            for name, plot in part.plots.items()
        }
    )
    return written(folder, texts)


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write what `write_report` does, without the pictures and files of a study."""
    document = comparison.document
    manifest = make_manifest([], document.options, {}, evidence=document.evidence, readings=document.readings)
    return write_report(comparison, manifest, folder)


def write_result(result: Result, folder: Path) -> list[Path]:
    """Write a result as JSON, CSV, Markdown, HTML and SVG, the files named after its kind."""
    return written(folder, result_texts(result, view_of(result)))


def result_texts(
    result: Result, view: View, template: str = "view.html.j2", **data: object
) -> dict[str, str | bytes]:
    """Return a result's files by name: JSON, CSV, LaTeX, Markdown, HTML, and each plot as SVG and PDF."""
    name = type(result).__name__.lower()
    texts: dict[str, str | bytes] = {
        f"{name}.json": json_text(result.to_dict()),
        f"{name}.csv": csv_text(result.to_frame()),
        f"{name}.md": view.markdown(),
        f"{name}.tex": latex_of(view.head, view.rows, view.title),
        f"{name}.html": page(template, Words(view.words), view=view, kind=name, **data),
    }
    return texts | figure_files(
        {f"{name}{f'-{n}' if n > 1 else ''}": plot for n, plot in enumerate(view.pictures, start=1)}
    )


def write_certificate(result: Certificate, folder: Path) -> list[Path]:
    """Write what `write_result` does, and every contradiction as CSV. Errors: as for `written`."""
    import pandas as pd

    columns = ["item_id", "way", "asked", "otherwise", "first", "second", "passed"]
    rows = [[getattr(found, name) for name in columns] for found in result.document.contradictions]
    text = csv_text(pd.DataFrame(rows, columns=columns))
    return [*write_result(result, folder), *written(folder, {"contradictions.csv": text})]


def write_tuning(result: Tuning, folder: Path) -> list[Path]:
    """Write what `write_result` does, the winner as a table of study.toml, and the curve of what money buys.

    Errors: as for `written`.
    """
    from genspace.report._plots import money_curve

    curve = money_curve(result.document.result)
    plots = figure_files({"money": curve}) if curve else {}
    return [
        *write_result(result, folder),
        *written(folder, {"winner.toml": result.document.winner_table, **plots}),
    ]
