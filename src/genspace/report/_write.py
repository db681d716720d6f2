"""Writing a comparison's files into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError
from genspace.report._html import html_report
from genspace.report._items import items_csv
from genspace.report._part import parts_of
from genspace.report._table import csv_table, judge_table, latex_table, markdown_table

if TYPE_CHECKING:
    from genspace.analysis import Comparison
    from genspace.study import Study

__all__ = ["write_report"]


def write_report(
    comparison: Comparison,
    manifest: Mapping[str, Any],
    folder: Path,
    study: Study | None = None,
    *,
    level: str = "item",
) -> list[Path]:
    """Write the page, the tables, items.csv, comparison.json and manifest.json; return their paths.

    Prompts and single answers are those that the figures were computed from; pictures are taken from `study`.

    Errors: `InputError` when the folder cannot be written.
    """
    document = comparison.document
    parts = parts_of(comparison, study, folder)
    table = judge_table(document, level=level)
    caption = f"Agreement with {document['study']['reference']}: {document['study']['name']}"
    texts = {
        "report.html": html_report(parts, manifest),
        "table.csv": csv_table(table),
        "table.tex": latex_table(table, caption=caption),
        "table.md": markdown_table(table),
        "comparison.json": json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "manifest.json": json.dumps(manifest, ensure_ascii=False, indent=1) + "\n",
    }
    for part in parts:
        if part.items is not None:
            name = f"items-{part.question}.csv" if part.question else "items.csv"
            texts[name] = items_csv(part.items)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
            paths.append(folder / name)
    except OSError as error:
        raise InputError(
            f"cannot write the report to {folder}: {error}; choose another folder with --out"
        ) from None
    return paths
