"""Cells: what means "no value", which words are numbers, and text without invisible characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NULLS = frozenset(
    {"", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "NaT", "#N/A"}
)  # fmt: skip
"""Cells that mean "no value" in a column of numbers: what people, pandas and spreadsheets write for it."""
CANNOT_TELL: Mapping[str, None] = dict.fromkeys(
    ("", "cannot_tell", "cant_tell", "unsure", "undecidable", "abstain", "na", "nan", "null", "none")
)
WORDS: Mapping[str, float | None] = {
    "yes": 1.0, "y": 1.0, "true": 1.0, "t": 1.0, "pass": 1.0, "passed": 1.0, "correct": 1.0,
    "no": 0.0, "n": 0.0, "false": 0.0, "f": 0.0, "fail": 0.0, "failed": 0.0, "incorrect": 0.0,
    **CANNOT_TELL,
}  # fmt: skip
"""Words for answers and decisions, alike in every table and every export; None: can't tell."""
PAIR_WORDS: Mapping[str, float | None] = {
    "left": 1.0, "first": 1.0, "a": 1.0, "model_a": 1.0, "tie": 0.5, "both": 0.5, "equal": 0.5, "same": 0.5,
    "tie_(bothbad)": 0.5, "right": 0.0, "second": 0.0, "b": 0.0, "model_b": 0.0, **CANNOT_TELL,
}  # fmt: skip
"""Words for preferences: the first item's share of the win."""
INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")


def word_key(text: str) -> str:
    """Normalise a cell to the form of the keys of `WORDS`.

    >>> word_key(" Can't tell"), word_key("TRUE")
    ('cant_tell', 'true')
    """
    return text.strip().lower().replace("'", "").replace("’", "").replace(" ", "_")


def clean_cell(text: str) -> str:
    """Return text in composed form (NFC), without invisible characters, its spaces plain.

    >>> clean_cell("cafe" + chr(0x301) + chr(0xA0) + "1" + chr(0x200B)) == "caf" + chr(0xE9) + " 1"
    True
    """
    return SPACES.sub(" ", INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip()


def clean_text(column: pd.Series[str], *, strip: bool = True) -> tuple[pd.Series[str], int]:
    """Clean a column of ids or names with `clean_cell`, and count the cells that changed.

    Args:
        column: Any text.
        strip: Whether to strip white space around the cells first; stripping is not counted as a change.

    >>> import pandas as pd
    >>> cleaned, changed = clean_text(pd.Series([" a", "b" + chr(0x200B)]))
    >>> cleaned.tolist(), changed
    (['a', 'b'], 1)
    """
    stripped = column.str.strip() if strip else column
    if is_ascii(stripped):
        return stripped, 0
    cleaned = stripped.map({text: clean_cell(text) for text in stripped.unique()}).astype(column.dtype)
    return cleaned, int((cleaned != stripped).sum())


def is_ascii(column: pd.Series[str]) -> bool:
    """Whether every cell is plain ASCII, which needs no cleaning."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return bool(pc.all(pc.string_is_ascii(pa.array(column, pa.string()))).as_py() in {True, None})  # pyright: ignore[reportAttributeAccessIssue]
