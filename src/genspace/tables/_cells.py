"""Cells: what means "no value", which words are numbers, and text without invisible characters."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TABLES = tomllib.loads((files(__package__) / "words.toml").read_text(encoding="utf-8"))
"""What people write, and what it means."""
NULLS: frozenset[str] = frozenset(TABLES["nulls"])
"""Cells that mean "no value" in a column of numbers."""


def _valued(words: str, values: Mapping[str, float]) -> dict[str, float | None]:
    """Return the words of a table by what they mean; None: can't tell."""
    meant: dict[str, float | None] = {w: value for key, value in values.items() for w in TABLES[words][key]}
    return meant | dict.fromkeys(TABLES["cannot_tell"])


WORDS: Mapping[str, float | None] = _valued("answers", {"yes": 1.0, "no": 0.0})
"""Words for answers and decisions, alike in every table and every export; None: can't tell."""
PAIR_WORDS: Mapping[str, float | None] = _valued("preferences", {"first": 1.0, "tie": 0.5, "second": 0.0})
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
