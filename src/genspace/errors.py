"""Errors of genspace: a user's mistake is one readable message and exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal

__all__ = [
    "GenspaceError",
    "InputError",
    "InvalidFilesError",
    "MissingExtraError",
    "Problem",
    "did_you_mean",
    "file_errors",
    "optional_import",
    "read_from",
    "refuse",
    "shown_problems",
]


class GenspaceError(Exception):
    """Base class of all errors that genspace raises on purpose.

    >>> issubclass(InputError, GenspaceError)
    True
    """


class InputError(GenspaceError):
    """Invalid user input; the message names the place, the problem and the solution (exit code 2).

    >>> import genspace
    >>> try:
    ...     genspace.open_study("no-such-folder")
    ... except genspace.InputError as error:
    ...     print(str(error).partition(" (")[0])
    no-such-folder: there is no such folder or table
    """


class MissingExtraError(InputError):
    """An optional package is not installed; the message holds the install line.

    >>> try:
    ...     optional_import("no_such_package", extra="models", needed_for="hf")
    ... except MissingExtraError as error:
    ...     print(str(error).rpartition(". ")[2])
    Install it with: pip install 'genspace[models]'
    """


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in one file: the place, the value, and what was expected.

    >>> print(Problem("scores.csv", "is not a number", row=7, field="score", value="high"))
    scores.csv, line 7: score = 'high': is not a number
    """

    file: str
    """Path as the user wrote it, or relative to the study."""
    message: str
    """What is wrong and what to do about it."""
    row: int | None = None
    """Line of the file, as an editor counts (a header is line 1)."""
    field: str | None = None
    """Column or key."""
    value: object = None
    """The offending value; None where there is none."""
    unit: str = "line"
    """What `row` counts: "line", "row", "task"."""
    rows: int = 1
    """Number of rows with this mistake, where one sentence stands for all."""

    def __str__(self) -> str:
        where = self.file if self.row is None else f"{self.file}, {self.unit} {self.row}"
        what = self.field or ""
        if self.value is not None:
            what = f"{what} = {_shown(self.value)}".lstrip(" =")
        return ": ".join(part for part in (where, what, self.message) if part)


def _shown(value: object, *, longest: int = 120) -> str:
    """Return a value as messages quote it; long ones are shortened."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


class InvalidFilesError(InputError):
    """Files of a study hold mistakes; all of them are listed at once.

    >>> raise InvalidFilesError([Problem("items.csv", "is empty"), Problem("scores.csv", "is not a number", row=7)])
    Traceback (most recent call last):
        ...
    genspace.errors.InvalidFilesError: items.csv: is empty
    scores.csv, line 7: is not a number
    """

    def __init__(self, problems: Sequence[Problem], *, shown: int = 20) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(shown_problems(self.problems, shown=shown)))


def refuse(problems: Sequence[Problem], *, shown: int = 20) -> None:
    """Raise the mistakes that were found, where there are any.

    >>> refuse([])
    >>> refuse([Problem("items.csv", "is empty")])
    Traceback (most recent call last):
    genspace.errors.InvalidFilesError: items.csv: is empty
    """
    if problems:
        raise InvalidFilesError(problems, shown=shown)


@contextmanager
def file_errors(path: Path | str, what: Literal["read", "written"]) -> Iterator[None]:
    """Say of which file it is that it cannot be read or written.

    >>> with file_errors("a.csv", "read"):
    ...     raise PermissionError(13, "Permission denied")
    Traceback (most recent call last):
    genspace.errors.InputError: a.csv: cannot be read (Permission denied)
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be {what} ({error.strerror or error})") from None


@contextmanager
def read_from(place: Path | str) -> Iterator[None]:
    """Name the study, where several are read, of each file in which mistakes are found meanwhile.

    >>> with read_from("old"):
    ...     raise InvalidFilesError([Problem("items.csv", "is empty")])
    Traceback (most recent call last):
    genspace.errors.InvalidFilesError: old/items.csv: is empty
    """
    folder = Path(place).parent if Path(place).is_file() else Path(place)
    try:
        yield
    except InvalidFilesError as error:
        raise InvalidFilesError([replace(p, file=str(folder / p.file)) for p in error.problems]) from None


def shown_problems(problems: Sequence[Problem], *, shown: int = 20) -> list[str]:
    """Return problems as lines; for a long list, the first of each file and column, and a count of the rest.

    >>> shown_problems([Problem("a.csv", "is wrong", row=n) for n in range(2, 9)], shown=2)
    ['a.csv, line 2: is wrong', 'a.csv, line 3: is wrong', '… and 5 more']
    """
    kept = list(problems)
    if len(kept) > shown:
        places: dict[tuple[str, str | None], list[Problem]] = {}
        for problem in problems:
            places.setdefault((problem.file, problem.field), []).append(problem)
        each = max(1, shown // len(places))
        kept = [p for found in places.values() for p in found[:each]][:shown]
    rest = sum(p.rows for p in problems) - sum(p.rows for p in kept)
    return [str(p) for p in kept] + ([f"… and {rest:,} more"] if rest else [])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known word closest to `word`, else the list of known words.

    >>> did_you_mean("geometri", ["geometry", "vlm"])
    " (did you mean 'geometry'?)"
    >>> did_you_mean("zzz", ["vlm", "geometry"])
    '; known: geometry, vlm'
    """
    words = sorted(set(known))
    close = get_close_matches(word, words, n=1)
    return f" (did you mean {close[0]!r}?)" if close else f"; known: {', '.join(words) or 'none'}"


def optional_import(module: str, *, extra: str, needed_for: str) -> ModuleType:
    """Import a package of an optional extra, or say how to install it.

    Errors: `MissingExtraError` when the package is not installed. An installed package that fails to import
    raises its own error, so that a broken installation is not mistaken for a missing one.

    >>> optional_import("json", extra="models", needed_for="hf").__name__
    'json'
    """
    if find_spec(module.partition(".")[0]) is None:
        raise MissingExtraError(
            f"{needed_for} needs the package {module.partition('.')[0]!r}, which is not installed. "
            f"Install it with: pip install 'genspace[{extra}]'"
        )
    return import_module(module)
