"""Tables that a design names: read from the study's folder, their items checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genspace.errors import InvalidFilesError, Problem
from genspace.human_study._study_files import inside
from genspace.records import Item
from genspace.tables import Table, read_table, require_columns

__all__ = ["study_table", "unknown_items"]


def study_table(root: Path, name: str, columns: tuple[str, ...]) -> Table:
    """Read a table of the design; it stands in the study and has the columns.

    Errors: `InvalidFilesError`.
    """
    table = read_table(inside(root, name), name)
    missing = require_columns(table, columns)
    if missing:
        raise InvalidFilesError(missing)
    return table


def unknown_items(table: Table, items: Mapping[str, Item], columns: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each cell of `columns` that names no item of the study."""
    return [
        table.problem("is no item of the study", i, column)
        for column in columns
        for i, item_id in enumerate(table.frame[column])
        if item_id not in items
    ]
