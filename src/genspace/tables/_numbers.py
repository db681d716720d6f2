"""Columns of numbers: one decision per column how its numbers are written, or a problem for every odd cell."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genspace.errors import Problem
from genspace.readings import Reading
from genspace.tables._cells import INVISIBLE, NULLS, TABLES, word_key
from genspace.tables._table import Table

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1e100
"""Squares and sums of larger numbers overflow."""
LONGEST_CODE = 20
"""Letters of a cell that can be a code for "no value"."""
FEW = 5
"""Wrong cells up to which each is named although no cell of the column is right."""
EXAMPLES = 3
"""Cells that a sentence quotes."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers, its problems, and how it was read.

    >>> import pandas as pd
    >>> from genspace.tables import read_numbers, table_of
    >>> numbers = read_numbers(table_of(pd.DataFrame({"score": ["0,5", "", "0,75"]}), "scores"), "score")
    >>> numbers.filled, [reading.code for reading in numbers.readings]
    (2, ['decimal_comma'])
    """

    column: pd.Series[float]
    """NaN where the cell is empty, a word for "can't tell", or wrong."""
    problems: list[Problem]
    readings: list[Reading]
    dropped: pd.Series[bool]
    """Cells that were declared to mean "no value"."""

    @property
    def filled(self) -> int:
        """How many cells are numbers."""
        return int(self.column.notna().sum())


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """A way to write numbers: the decimal mark, and the marks that may stand between thousands."""

    decimal: str
    thousands: str
    """The inside of a character class; "" for none."""

    def numbers(self, cells: Sequence[str]) -> list[float] | None:
        """Return the numbers that cells of this style stand for, None when any is written otherwise."""
        d = re.escape(self.decimal)
        # A group of thousands never starts with 0: "0,289" is no 289.
        groups = rf"[1-9]\d{{0,2}}(?:[{self.thousands}]\d{{3}})+|" if self.thousands else ""
        number = re.compile(rf"[+-]?(?:{groups}\d+|(?={d}\d))(?:{d}\d*)?(?:[eE][+-]?\d+)?")
        if not all(number.fullmatch(cell) for cell in cells):
            return None
        whole = [re.sub(f"[{self.thousands}]", "", cell) if self.thousands else cell for cell in cells]
        return [float(cell.replace(self.decimal, ".")) for cell in whole]


STYLES: Mapping[str, NumberStyle] = {
    "number_characters": NumberStyle(".", ""),
    "thousands": NumberStyle(".", ", '’"),
    "decimal_comma": NumberStyle(",", ". '’"),
}
"""Ways to write numbers, by the code of the reading that says so; the first, digits and a point, goes before all."""


def parse_numbers(table: Table, column: str, problems: list[Problem]) -> pd.Series[float]:
    """Parse a column of plain numbers. Empty cells are NaN; other cells are added to `problems`.

    For columns that people or other tools wrote, use `read_numbers`.

    >>> import pandas as pd
    >>> from genspace.tables import table_of
    >>> problems = []
    >>> table = table_of(pd.DataFrame({"repeat": ["0", "", "two"]}), "answers")
    >>> parse_numbers(table, "repeat", problems).tolist(), [problem.value for problem in problems]
    ([0.0, nan, nan], ['two'])
    """
    text, empty = _text(table, column)
    numbers = _plain(text, empty)
    problems += _wrong(table, column, text, empty, numbers)
    return numbers


def read_numbers(
    table: Table,
    column: str,
    *,
    words: Mapping[str, float | None] | None = None,
    missing: Collection[str] | None = None,
) -> Numbers:
    """Read a column of numbers in any notation that the whole column shares.

    Plain numbers are read as they are. Percent signs, decimal commas, thousands separators and words are read if every
    filled cell uses them and no other notation gives different numbers; a reading reports it. Otherwise every odd cell
    is a problem.

    Args:
        table: The table.
        column: The column's name.
        words: Words that stand for numbers (`WORDS`), where the column may hold them.
        missing: Cells declared to mean "no value", as text or numbers in text; None if none can be declared.

    >>> import pandas as pd
    >>> from genspace.tables import WORDS, table_of
    >>> table = table_of(pd.DataFrame({"value": ["yes", "no", "can't tell"], "cost": ["1,234", "2,5", "3"]}), "answers")
    >>> read_numbers(table, "value", words=WORDS).column.tolist()
    [1.0, 0.0, nan]
    >>> read_numbers(table, "cost").column.tolist()
    [1.234, 2.5, 3.0]
    """
    text, empty = _text(table, column)
    dropped = _declared_missing(text, missing or ())
    empty |= dropped
    numbers = _plain(text, empty)
    readings: list[Reading] = []
    if dropped.any():
        values = tuple(sorted(text[dropped].unique()))
        readings.append(
            table.reading("missing_dropped", columns=(column,), words=values, count=int(dropped.sum()))
        )
    odd = ~empty & numbers.isna()
    if odd.any():
        cells = text[~empty]
        if words is not None and (read := _by_words(cells, words)) is not None:
            readings.append(table.reading("words", columns=(column,), words=_said(read)))
            return Numbers(_spread(numbers, cells, read), [], readings, dropped)
        if (found := _one_style([*cells.unique()])) is not None:
            style, read = found
            numbers = _spread(numbers, cells, read)
            shown = {cell: read[cell] for cell in text[odd].unique()[:EXAMPLES]}
            readings.append(table.reading(style, columns=(column,), words=_said(shown)))
    codes = missing is not None
    return Numbers(numbers, list(_wrong(table, column, text, empty, numbers, codes=codes)), readings, dropped)


def empty_cells(table: Table, columns: Mapping[str, Numbers]) -> list[Reading]:
    """Count the cells of some columns that are empty or hold a word for "no value"; [] if there are none.

    >>> import pandas as pd
    >>> from genspace.tables import read_numbers, table_of
    >>> table = table_of(pd.DataFrame({"score": ["0.5", "", "NA"]}), "scores")
    >>> [found] = empty_cells(table, {"score": read_numbers(table, "score")})
    >>> found.count, found.total
    (2, 3)
    """
    empty = {
        name: len(numbers.column)
        - numbers.filled
        - int(numbers.dropped.sum())
        - sum(p.rows for p in numbers.problems)
        for name, numbers in columns.items()
    }
    some = tuple(name for name, count in empty.items() if count > 0)
    total = sum(len(columns[name].column) for name in some)
    count = sum(empty[name] for name in some)
    return [table.reading("empty_cells", columns=some, count=count, total=total)] if some else []


def _text(table: Table, column: str) -> tuple[pd.Series[str], pd.Series[bool]]:
    text = table.frame[column].str.strip()
    return text, text.isin(NULLS)


def _plain(text: pd.Series[str], empty: pd.Series[bool]) -> pd.Series[float]:
    import pandas as pd

    numbers: pd.Series[float] = pd.to_numeric(text.mask(empty), errors="coerce").astype("float64")
    # Before pandas 3.1 `to_numeric` is wrong in the last digit, which makes ties and breaks them.
    known = numbers.notna()
    numbers[known] = text[known].astype("float64")
    return numbers


def _wrong(
    table: Table,
    column: str,
    text: pd.Series[str],
    empty: pd.Series[bool],
    numbers: pd.Series[float],
    *,
    codes: bool = False,
) -> Iterator[Problem]:
    """Yield a problem for every filled cell that is not a finite number, or too large to compute with.

    Where no cell is a number they are one problem. `codes`: whether cells can be declared to mean "no value".
    """
    import numpy as np

    value = numbers.to_numpy()
    wrong = ~empty.to_numpy() & ~np.isfinite(value)
    if (count := int(wrong.sum())) > FEW and not np.isfinite(value).any():
        advice = _advice(text[wrong].iloc[0], codes=False)
        message = f"is not a finite number, nor is any of the {count:,} cells of this column; {advice}"
        yield replace(table.problem(message, int(np.flatnonzero(wrong)[0]), column), rows=count)
    elif count:
        advised = {cell: _advice(cell, codes=codes) for cell in text[wrong].unique()}
        yield from table.problems(wrong, column, lambda i: f"is not a finite number; {advised[text.iloc[i]]}")
    huge = np.isfinite(value) & (np.abs(value) > LARGEST)
    if huge.any():
        yield from table.problems(huge, column, f"is beyond {LARGEST:g}, too large to compute with")


def _declared_missing(text: pd.Series[str], missing: Collection[str]) -> pd.Series[bool]:
    """Return which cells are declared to mean "no value": as text, or as a number however it is written."""
    import pandas as pd

    if not missing:
        return pd.Series(False, index=text.index)
    declared = pd.to_numeric(pd.Series(list(missing), dtype=str), errors="coerce").dropna()
    found = text.isin(list(missing))
    if len(declared):
        found |= pd.to_numeric(text, errors="coerce").isin(declared.to_list())
    return found


def _by_words(cells: pd.Series[str], words: Mapping[str, float | None]) -> dict[str, float] | None:
    """Return the number of each distinct cell when all of them are words, None otherwise."""
    keys = {cell: word_key(cell) for cell in cells.unique()}
    if not all(key in words for key in keys.values()):
        return None
    numbers = {cell: words[key] for cell, key in keys.items()}
    return {cell: float("nan") if number is None else number for cell, number in numbers.items()}


def _one_style(cells: Sequence[str]) -> tuple[str, dict[str, float]] | None:
    """Return the one style that all cells are written in, with the number of each.

    None where no style reads all of them, and where two do and disagree.

    >>> _one_style(["0,289", "12"])
    ('decimal_comma', {'0,289': 0.289, '12': 12.0})
    >>> _one_style(["1,234"]), _one_style(["0,276", "0.289"])
    (None, None)
    """
    tidy = [_tidy(cell) for cell in cells]
    percent = all(cell.endswith("%") for cell in tidy)
    if percent:
        tidy = [cell[:-1].rstrip() for cell in tidy]
    read = {code: numbers for code, style in STYLES.items() if (numbers := style.numbers(tidy)) is not None}
    if not read or (
        "number_characters" not in read and len({tuple(numbers) for numbers in read.values()}) > 1
    ):
        return None
    code, numbers = next(iter(read.items()))
    numbers = [number / 100 for number in numbers] if percent else numbers
    return ("percent" if percent else code), dict(zip(cells, numbers, strict=True))


def _tidy(cell: str) -> str:
    """Return a cell with plain digits, spaces and minus signs; raised figures are marks of footnotes, no digits.

    >>> _tidy("\uff14\uff0e\uff15"), _tidy("4\u00b9")
    ('4.5', '4¹')
    """
    plain = "".join(_plain_character(character) for character in INVISIBLE.sub("", cell)).strip()
    return re.sub(r"^[−–](?=[\d.,])", "-", plain)


def _plain_character(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKC", character)
    return plain if plain in set(" .,%+-'") else character


def _spread(numbers: pd.Series[float], cells: pd.Series[str], read: Mapping[str, float]) -> pd.Series[float]:
    """Return the column with what each distinct cell was read as."""
    spread = numbers.copy()
    spread.loc[cells.index] = cells.map(dict(read)).astype("float64")
    return spread


def _said(read: Mapping[str, float]) -> tuple[str, ...]:
    """Return what cells were read as, in words."""
    return tuple(
        f"{cell} as {'no answer' if math.isnan(number) else format(number, 'g')}"
        for cell, number in read.items()
    )


def _advice(cell: str, *, codes: bool = False) -> str:
    """Return what to write instead of a cell that is not a number.

    >>> _advice("4 - good"), _advice("n.a.")
    ('write the number alone: 4', 'leave the cell empty for “no value”')
    """
    if cell.lower() in TABLES["empty_marks"]:
        return "leave the cell empty for “no value”"
    for pattern, advice in TABLES["advice"]:
        if found := re.fullmatch(pattern, cell):
            return str(advice).format(**found.groupdict())
    if not codes or len(cell) > LONGEST_CODE:
        return "write a number"
    return f'write a number, or declare that it means no value: missing = ["{cell}"]'
