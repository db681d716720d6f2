"""The block "what was read and assumed", as `check` and `compare` begin with it."""

from __future__ import annotations

from collections.abc import Iterable

from genspace.readings import Reading, grouped

__all__ = ["print_readings", "readings_json"]

HEADING = "What was read and assumed"
MOST_LINES = 12
"""Sentences under one heading; warnings are all shown."""


def print_readings(readings: Iterable[Reading]) -> None:
    """Print the block on standard output: a heading per topic, warnings last and in yellow."""
    from rich.markup import escape

    from genspace.cli._console import out

    block = grouped(readings)
    if not block:
        return
    out().print(f"[bold]{HEADING}[/]")
    for heading, sentences in block:
        warnings = heading == "warnings"
        shown = sentences if warnings else sentences[:MOST_LINES]
        for number, sentence in enumerate(shown):
            label = "[yellow]warning[/]" if warnings else heading if number == 0 else ""
            width = 9 + (len("[yellow][/]") if warnings else 0)
            out().print(f"  {label:<{width}} {escape(sentence)}")
        if len(shown) < len(sentences):
            out().print(f"  {'':<9} … and {len(sentences) - len(shown):,} more")


def readings_json(readings: Iterable[Reading]) -> list[dict[str, object]]:
    """Return the block as JSON: every reading with its code, level, topic, fields and sentence."""
    return [reading.to_json() for reading in dict.fromkeys(readings)]
