"""Options that several commands share."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from genspace.cli._console import messages
from genspace.errors import InputError
from genspace.records import Declared, ValueType

if TYPE_CHECKING:
    from genspace.display import Result
    from genspace.study import Study

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Memory = Annotated[
    str | None, typer.Option(help="Memory limit, such as 2GB (default: a quarter of the machine's).")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for tables (CSV, LaTeX, Markdown), figures (SVG, PDF) and JSON."),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]


class Tables(NamedTuple):
    """How a study's tables are to be read: columns of a wide table, and what is said about ratings and scores."""

    human: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    declared: Declared = Declared()

    def open(self, path: Path | str, *, whole: bool = False) -> Study:
        """Open a study so; `whole` and errors as for `genspace.open_study`."""
        from genspace.study import open_study

        return open_study(path, human=self.human, metrics=self.metrics, declared=self.declared, whole=whole)


AS_FOUND = Tables()
"""Nothing is said about how tables are to be read."""


def reads_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how a study's tables are read; it gets them as its argument `tables`."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    options = inspect.signature(_tables, eval_str=True).parameters

    @wraps(command)
    def with_tables(**given: Any) -> None:
        said = {name: given.pop(name) for name in options}
        command(**given, tables=_tables(**said))

    parameters = [p for known in own for p in (options.values() if known.name == "tables" else (known,))]
    vars(with_tables).update(
        __signature__=inspect.Signature(parameters),
        __annotations__={p.name: p.annotation for p in parameters},
    )
    return with_tables


def _tables(
    human: Annotated[
        str | None,
        typer.Option(
            help="For one wide table: columns with people's ratings, one per rater, separated by commas."
        ),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(help="For one wide table: columns with scores (default: all other numeric columns)."),
    ] = None,
    lower_is_better: Annotated[
        str | None, typer.Option(help="Metrics whose low scores are good, separated by commas.")
    ] = None,
    scale: Annotated[str | None, typer.Option(help="Range of the rating scale, such as 1-5.")] = None,
    value_type: Annotated[
        ValueType | None, typer.Option(help="Type of the ratings (default: inferred from the values).")
    ] = None,
    positive_from: Annotated[
        float | None, typer.Option(help="Mean ratings from this value on count as a human yes.")
    ] = None,
    missing: Annotated[
        str | None,
        typer.Option(help="Values that mean no answer, separated by commas, such as -1,99."),
    ] = None,
    drafts: Annotated[bool, typer.Option("--drafts", help="Include draft judges.")] = False,
) -> Tables:
    """Return what the options say; ratings and scores so declared go before study.toml.

    Errors: `InputError` for a scale that is none.

    >>> _tables(lower_is_better="mse", scale="1-5", missing="-1, 99").declared.scale
    (1.0, 5.0)
    """
    try:
        said = Declared(
            lower_is_better=tuple(columns(lower_is_better)),
            scale=None if scale is None else _ends(scale),
            value_type=value_type,
            positive_from=positive_from,
            missing=tuple(columns(missing)),
            drafts=drafts,
        )
    except ValueError as error:
        raise InputError(f"--scale, --positive-from: {error}") from None
    return Tables(tuple(columns(human)), tuple(columns(metrics)), said)


def _ends(scale: str) -> tuple[float, float]:
    number = r"([+-]?\d+(?:\.\d+)?)"
    found = re.fullmatch(rf"\s*{number}\s*(?:-|–|to|:|,|\.\.)\s*{number}\s*", scale)
    if found is None:
        raise InputError(f"--scale {scale!r}: give both ends, such as 1-5")
    return float(found.group(1)), float(found.group(2))


def columns(text: str | None) -> list[str]:
    """Split a comma-separated option.

    >>> columns("clip, vqa")
    ['clip', 'vqa']
    >>> columns(None)
    []
    """
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def write_out(result: Result, folder: Path | None) -> None:
    """Write a result's files where a folder is named, and say which. Errors: `InputError` when it cannot be written."""
    if folder is not None:
        written = result.write(folder)
        messages().print(f"wrote {written[0]} and {', '.join(path.name for path in written[1:])}")


def bytes_of(text: str) -> int:
    """Return an amount of memory in bytes.

    Errors: `InputError` for what is none.

    >>> bytes_of("1.5 GB"), bytes_of("800MB")
    (1500000000, 800000000)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([MG])i?B?\s*", text, re.IGNORECASE)
    if found is None or not float(found.group(1)):
        raise InputError(f"--memory {text!r}: give an amount, such as 800MB or 2GB")
    return round(float(found.group(1)) * {"M": 1e6, "G": 1e9}[found.group(2).upper()])
