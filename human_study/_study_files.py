"""Files that a design names: they stand in the study's folder, and a message says what is wrong with them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genspace.errors import InvalidFilesError, Problem, refuse
from genspace.records import Item
from genspace.tables import Table, read_table, require_columns


def _inside(root: Path, name: str) -> Path:
    """Return the path of a file that a design names. Errors: `InvalidFilesError` where it lies outside the study."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InvalidFilesError([Problem(name, "lies outside the study; move it into the study's folder")])
    return path


def study_text(root: Path, name: str) -> str:
    """Return a text file of the study. Errors: `InvalidFilesError`."""
    try:
        return _inside(root, name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidFilesError([Problem(name, "there is no such file in the study")]) from None
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidFilesError([Problem(name, f"cannot be read as UTF-8 text: {error}")]) from None


def study_toml(root: Path, name: str) -> dict[str, Any]:
    """Return a TOML file of the study. Errors: `InvalidFilesError`."""
    try:
        return tomllib.loads(study_text(root, name))
    except tomllib.TOMLDecodeError as error:
        raise InvalidFilesError([Problem(name, f"is not TOML: {error}")]) from None


def study_table(root: Path, name: str, columns: tuple[str, ...]) -> Table:
    """Read a table of the design; it stands in the study and has the columns.

    Errors: `InvalidFilesError`.
    """
    table = read_table(_inside(root, name), name)
    missing = require_columns(table, columns)
    refuse(missing)
    return table


def unknown_items(table: Table, items: Mapping[str, Item], columns: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each cell of `columns` that names no item of the study."""
    return [
        table.problem("is not an item of the study", i, column)
        for column in columns
        for i, item_id in enumerate(table.frame[column])
        if item_id not in items
    ]
