"""What is written beside a page: plots as SVG and PDF, tables as CSV, LaTeX and Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from genspace.display import View
from genspace.errors import InputError
from genspace.report._plots import Plot
from genspace.report._table import latex_of
from genspace.tables import neutralised, rows_text


def figure_files(plots: Mapping[str, str]) -> dict[str, str | bytes]:
    """Return plots as files, by name without its suffix: SVG, and PDF where a plot is more than its SVG."""
    texts: dict[str, str | bytes] = {f"{name}.svg": plot for name, plot in plots.items()}
    return texts | {f"{name}.pdf": plot.pdf() for name, plot in plots.items() if isinstance(plot, Plot)}


def json_text(document: object) -> str:
    """Return a document as JSON; what is not finite is an error."""
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def table_texts(
    name: str, head: Sequence[str], rows: Sequence[Sequence[str]], caption: str
) -> dict[str, str | bytes]:
    """Return a table of words as CSV, LaTeX and Markdown."""
    return {
        f"{name}.csv": rows_text([*map(neutralised, row)] for row in (head, *rows)),
        f"{name}.tex": latex_of(head, rows, caption),
        f"{name}.md": View(caption, head=head, rows=rows).markdown(),
    }


def written(folder: Path, texts: Mapping[str, str | bytes]) -> list[Path]:
    """Write files into a folder; return their paths. Errors: `InputError` when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    except OSError as error:
        raise InputError(
            f"cannot write the report to {folder}: {error}; choose another folder (`out`)"
        ) from None
    return [folder / name for name in texts]
