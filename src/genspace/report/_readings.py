"""What was read and assumed, on the terminal: the block that every command about a study begins with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from genspace.readings import Reading, grouped

if TYPE_CHECKING:
    from rich.console import Console

HEADING = "What was read and assumed"
MOST_LINES = 12
"""Sentences under one heading; warnings are all shown."""
INDENT = 11


def print_readings(readings: Iterable[Reading], console: Console) -> None:
    """Print what was read and inferred under one heading per topic, with warnings last in yellow.

    >>> from rich.console import Console
    >>> print_readings([Reading(code="empty_rows", file="items.csv", count=2)], Console(width=80))
    What was read and assumed
      files     2 rows without any value: left out
    """
    from rich.markup import escape

    block = grouped(readings)
    if block:
        console.print(f"[bold]{HEADING}[/]")
    for heading, sentences in block:
        warning = heading == "warnings"
        shown = sentences if warning else sentences[:MOST_LINES]
        for number, sentence in enumerate(shown):
            label = "warning" if warning else heading if number == 0 else ""
            padded = f"  {label}".ljust(INDENT)
            console.print(
                f"[yellow]{padded}[/] {escape(sentence)}" if warning else f"{padded} {escape(sentence)}"
            )
        if len(shown) < len(sentences):
            console.print(f"{'':<{INDENT}} … and {len(sentences) - len(shown):,} more")
