"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["HumanColumns", "JsonFlag", "MetricColumns", "SeedOption", "columns"]

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


def columns(text: str | None) -> list[str]:
    """Split a comma-separated option.

    >>> columns("clip, vqa")
    ['clip', 'vqa']
    >>> columns(None)
    []
    """
    return [part.strip() for part in text.split(",") if part.strip()] if text else []
