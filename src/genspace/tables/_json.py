"""Tables as JSON: one object a line, or one list of objects."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from genspace.errors import InvalidFilesError, Problem, refuse
from genspace.tables._cells import clean_cell
from genspace.tables._table import Table, ending_of

if TYPE_CHECKING:
    import pandas as pd


def read_json(path: Path, label: str, rows: int | None) -> Iterator[Table]:
    """Yield a table of JSON objects in parts of `rows` rows; None: the whole at once."""
    if (ending_of(path) or "").removesuffix(".gz") == ".json":
        with _open(path) as file:
            text = file.read()
        if not _is_lines(text):
            yield from _from_list(path, label, rows, text)
            return
    with _open(path) as file:
        numbered = _up_to_last(file)
        if (first := next(numbered, None)) is None:
            raise InvalidFilesError([Problem(label, "is empty; one JSON object a line is expected")])
        numbered = chain([first], numbered)
        while lines := list(islice(numbered, rows)):
            yield Table(path, label, _from_lines(lines, label), unit="line")


def _is_lines(text: str) -> bool:
    """Whether text is one object a line, as some tools write it into a `.json` file."""
    lines = text.strip().splitlines()
    if len(lines) < 2:
        return False
    try:
        return isinstance(json.loads(lines[0]), dict)
    except json.JSONDecodeError:
        return False


def _from_list(path: Path, label: str, rows: int | None, text: str) -> Iterator[Table]:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise InvalidFilesError(
            [Problem(label, f"is not JSON: {getattr(error, 'msg', error)}", row=line)]
        ) from None
    if isinstance(document, dict):
        lists = [
            key
            for key, value in document.items()
            if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        hint = f"; it is an object, whose rows may be under {lists[0]!r}" if lists else "; it is an object"
        message = f"one list of objects, or one object a line, is expected{hint} (pandas: orient='records')"
        raise InvalidFilesError([Problem(label, message)])
    if not isinstance(document, list):
        raise InvalidFilesError([Problem(label, "one list of objects is expected")])
    if not document:
        raise InvalidFilesError([Problem(label, "is empty; a list of objects is expected")])
    wrong = [
        Problem(label, "an object is expected", row=number, value=row, unit="row")
        for number, row in enumerate(document, start=1)
        if not isinstance(row, dict)
    ]
    refuse(wrong)
    size = rows or len(document)
    for start in range(0, len(document), size):
        yield Table(path, label, as_text(document[start : start + size]), first=start + 1)


def _from_lines(lines: Iterable[tuple[int, str]], label: str) -> pd.DataFrame:
    documents: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            problems.append(Problem(label, f"is not JSON: {error.msg}", row=number))
            continue
        if not isinstance(row, dict):
            problems.append(Problem(label, "one JSON object a line is expected", row=number, value=row))
            continue
        documents.append(row)
    refuse(problems)
    return as_text(documents)


def as_text(documents: list[dict[str, Any]]) -> pd.DataFrame:
    """Return objects as a table of text."""
    import pandas as pd

    frame = pd.DataFrame(documents, dtype=object)
    columns = {clean_cell(str(name)): [cell_text(v) for v in frame[name]] for name in frame.columns}
    return pd.DataFrame(columns, dtype=str, index=range(len(frame)))


def cell_text(value: Any) -> str:
    """Write a typed cell as text: booleans as 1 and 0, whole floats without ".0", lists and objects as JSON.

    >>> [cell_text(value) for value in (True, 2.0, 0.5, None, ["a", 1])]
    ['1', '2', '0.5', '', '["a", 1]']
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _open(path: Path) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return cast("TextIO", gzip.open(path, "rt", encoding="utf-8-sig"))
    return path.open(encoding="utf-8-sig")


def _up_to_last(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers, without the blank ones at the end."""
    blank: list[tuple[int, str]] = []
    for number, line in enumerate(file, start=1):
        blank.append((number, line))
        if not line.isspace():
            yield from blank
            blank.clear()
