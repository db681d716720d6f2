"""CSV out, with formulas neutralised."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def csv_text(frame: pd.DataFrame) -> str:
    """Write a frame as CSV text. Text cells that a spreadsheet would run as a formula get a leading apostrophe.

    >>> import pandas as pd
    >>> print(csv_text(pd.DataFrame({"prompt": ["a cow", "=1+1"], "score": [0.5, -1]})), end="")
    prompt,score
    a cow,0.5
    '=1+1,-1.0
    """
    safe = frame.copy()
    for name in safe.columns[[not _is_numeric(safe[c]) for c in safe.columns]]:
        safe[name] = safe[name].map(lambda cell: neutralised(cell) if isinstance(cell, str) else cell)
    text: str = safe.to_csv(index=False, lineterminator="\n")
    return text


def rows_text(rows: Iterable[Sequence[object]]) -> str:
    r"""Write rows as CSV text, their cells as they stand; `neutralised` takes what people wrote.

    >>> rows_text([["item", "score"], ["a, b", 0.5]])
    'item,score\n"a, b",0.5\n'
    """
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    r"""Write a frame as a UTF-8 CSV file with formulas neutralised (see `csv_text`); missing folders are made.

    >>> import tempfile
    >>> import pandas as pd
    >>> path = Path(tempfile.mkdtemp()) / "new" / "items.csv"
    >>> write_csv(pd.DataFrame({"item_id": ["a"]}), path)
    >>> path.read_text()
    'item_id\na\n'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(frame), encoding="utf-8", newline="")


def _is_numeric(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    return bool(is_numeric_dtype(column))


def neutralised(cell: str) -> str:
    """Prefix a text with an apostrophe if a spreadsheet would run it as a formula.

    >>> neutralised("=1+1"), neutralised("a cow")
    ("'=1+1", 'a cow')
    """
    # A leading tab or carriage return also starts a formula in some spreadsheets (OWASP, CSV injection).
    return "'" + cell if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
