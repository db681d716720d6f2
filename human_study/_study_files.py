"""Files that a design names: they stand in the study's folder, and a message says what is wrong with them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from genspace.errors import InvalidFilesError, Problem

__all__ = ["inside", "study_text", "study_toml"]


def inside(root: Path, name: str) -> Path:
    """Return the path of a file that a design names. Errors: `InvalidFilesError` where it lies outside the study."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InvalidFilesError([Problem(name, "lies outside the study; move it into the study's folder")])
    return path


def study_text(root: Path, name: str) -> str:
    """Return a text file of the study. Errors: `InvalidFilesError`."""
    try:
        return inside(root, name).read_text(encoding="utf-8")
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
