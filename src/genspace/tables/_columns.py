"""Names of columns: matched regardless of capitals and separators, with suggestions for similar names."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from genspace.errors import Problem
from genspace.tables._cells import TABLES
from genspace.tables._table import Table

SYNONYMS: Mapping[str, Sequence[str]] = TABLES["synonyms"]
"""What others call the columns. Never taken for granted: the user is asked to rename them."""


def name_key(name: str) -> str:
    """Return a column's name without capitals, separators and look-alike characters.

    >>> name_key("Item ID"), name_key("item-id") == name_key("itemId")
    ('itemid', True)
    """
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def match_columns(table: Table, known: Iterable[str]) -> tuple[Table, list[Problem]]:
    """Rename columns to the names in `known`, ignoring capitals and separators.

    A reading reports each renamed column. Two columns that match the same name are a problem, unless one is the exact
    name.

    >>> import pandas as pd
    >>> from genspace.tables import table_of
    >>> table, problems = match_columns(table_of(pd.DataFrame({"Item ID": ["a"]}), "items"), ["item_id", "prompt"])
    >>> list(table.frame.columns), problems
    (['item_id'], [])
    """
    there = list(table.frame.columns)
    found: dict[str, list[str]] = defaultdict(list)
    keys = {name_key(name): name for name in known if name not in there}
    for column in there:
        if (meant := keys.get(name_key(column))) is not None:
            found[meant].append(column)
    problems = [
        table.problem(
            f"may be any of the columns {', '.join(map(repr, columns))}; name one of them {meant}",
            field=meant,
        )
        for meant, columns in found.items()
        if len(columns) > 1
    ]
    names = {columns[0]: meant for meant, columns in found.items() if len(columns) == 1}
    if not names:
        return table, problems
    said = [table.reading("column_matched", columns=(column, meant)) for column, meant in names.items()]
    return replace(table, frame=table.frame.rename(columns=names)).saying(*said), problems


def near_columns(name: str, there: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """Return columns that a missing name may refer to: synonyms first, then similar spellings.

    >>> near_columns("rater_id", ["WorkerId", "item_id", "value"]), near_columns("generator", ["genrator", "prompt"])
    (['WorkerId'], ['genrator'])
    """
    free = {name_key(column): column for column in there if column not in taken}
    synonyms = [free[key] for key in map(name_key, SYNONYMS.get(name, ())) if key in free]
    close = [free[key] for key in get_close_matches(name_key(name), free, cutoff=0.8)]
    return list(dict.fromkeys([*synonyms, *close]))
