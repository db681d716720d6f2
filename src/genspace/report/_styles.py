"""One colour, marker and dash per judge, the same in every plot of every page; shapes carry it in greyscale."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """Return a style for each judge: its own, by its name, wherever it stands; forty can be told apart.

    Colour and marker follow from the name. Where judges that stand together would share one, the later by name takes
    the next that the fewest have. The people keep theirs.

    >>> judge_styles(["b", "a"]) == judge_styles(["a", "b"])
    True
    >>> len({style.colour for style in judge_styles(["clip", "vqa", "scene", "vlm", "box2d"]).values()})
    5
    """
    given = list(dict.fromkeys(names))
    colours, markers = Counter[str](), Counter[str]()
    found: dict[str, Style] = {}
    for name in sorted(given):
        if name in OTHERS:
            found[name] = OTHERS[name]
            continue
        start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
        colour = _next(colours, start, COLOURS)
        free = [m for m in MARKERS if all(s[:2] != (colour, m) for s in found.values())] or MARKERS
        marker = _next(markers, start // len(COLOURS), free)
        found[name] = Style(colour, marker, DASHES[MARKERS.index(marker) % len(DASHES)])
    return {name: found[name] for name in given}


def _next(taken: Counter[str], start: int, options: Sequence[str]) -> str:
    """Return the first of the options that the fewest have, from a place on."""
    fewest = min(taken[o] for o in options)
    chosen = next(o for i in range(len(options)) if taken[o := options[(start + i) % len(options)]] == fewest)
    taken[chosen] += 1
    return chosen
