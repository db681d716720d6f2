"""One colour, marker and dash per judge, the same in every plot of a report; shapes carry it in greyscale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

__all__ = ["INK", "MUTED", "ON_LIGHT", "OTHERS", "RULE", "Style", "judge_styles"]

INK, MUTED, RULE = "#1b2430", "#5b6573", "#d5dae1"
ON_LIGHT = "#10151c"
"""Text on a light cell of a map, which stays light where the page is dark."""

# Okabe and Ito's palette, distinguishable with every common colour vision; vermilion is kept for the people.
COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = "os^vPX<>"
DASHES = ("-", "--", "-.", ":")


class Style(NamedTuple):
    """How one judge is drawn."""

    colour: str
    marker: str
    dash: str


OTHERS: Mapping[str, Style] = {
    "people": Style("#d55e00", "D", "-"),
    "baseline": Style(MUTED, "|", ":"),
    "derived": Style(MUTED, "x", ":"),
}
"""Rows that are no judges, by kind."""


def judge_styles(names: Iterable[str]) -> dict[str, Style]:
    """Return a style for each judge, in order; forty can be told apart.

    >>> judge_styles(["a", "b"])["b"]
    Style(colour='#009e73', marker='s', dash='--')
    """
    return {
        name: Style(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
        for i, name in enumerate(names)
    }
