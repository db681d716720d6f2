"""Options that several commands share."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from genspace.errors import InputError
from genspace.records import Declared, ValueType

__all__ = [
    "HumanColumns",
    "JsonFlag",
    "LowerIsBetter",
    "MetricColumns",
    "Missing",
    "PositiveFrom",
    "Scale",
    "SeedOption",
    "ValueTypeOption",
    "columns",
    "declared",
]

HumanColumns = Annotated[
    str | None,
    typer.Option("--human", help="For one wide table: columns with people's ratings, one per rater, with commas."),
]  # fmt: skip
MetricColumns = Annotated[
    str | None,
    typer.Option("--metrics", help="For one wide table: columns with scores (default: all other numbers)."),
]  # fmt: skip
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything that is random.")]


LowerIsBetter = Annotated[
    str | None, typer.Option("--lower-is-better", help="Metrics whose low scores are good, with commas.")
]
Scale = Annotated[str | None, typer.Option("--scale", help="Ends of the people's scale: 1-5.")]
ValueTypeOption = Annotated[
    ValueType | None,
    typer.Option("--value-type", help="Kind of the people's ratings (default: by the values)."),
]
PositiveFrom = Annotated[
    float | None, typer.Option("--positive-from", help="A mean rating from here on is a human yes.")
]
Missing = Annotated[
    str | None,
    typer.Option("--missing", help="Cells of the people's answers that mean no answer, with commas: -1,99."),
]


def declared(
    lower_is_better: str | None,
    scale: str | None,
    value_type: ValueType | None,
    positive_from: float | None,
    missing: str | None,
) -> Declared:
    """Return what the options say about ratings and scores; it goes before study.toml.

    Errors: `InputError` for a scale that is none.

    >>> declared("mse", "1-5", None, None, "-1, 99").scale
    (1.0, 5.0)
    """
    try:
        return Declared(
            lower_is_better=tuple(columns(lower_is_better)),
            scale=None if scale is None else _ends(scale),
            value_type=value_type,
            positive_from=positive_from,
            missing=tuple(columns(missing)),
        )
    except ValueError as error:
        raise InputError(f"--scale, --positive-from: {error}") from None


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
