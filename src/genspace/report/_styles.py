"""One colour, marker and dash per judge, determined by its name, so that plots also work in greyscale."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypedDict

INK, MUTED, RULE = "#1b2430", "#5b6573", "#d5dae1"
ON_LIGHT = "#10151c"
"""Text on a light cell of a map, which stays light where the page is dark."""

# Okabe and Ito's palette, distinguishable with every common colour vision; vermilion is kept for the people.
COLOURS = ("#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = "os^vPX<>"
DASHES = ("-", "--", "-.", ":")
Fill = Literal["full", "none", "left", "bottom"]
FILLS: tuple[Fill, ...] = ("full", "none", "left", "bottom")
SALT = "115163"
"""Chosen so that the built-in judges, and those of the quickstart, have five colours."""


class MarkStyle(TypedDict):
    """What Matplotlib is told about a mark."""

    color: str
    marker: str
    fillstyle: Fill


class Style(NamedTuple):
    """How one judge is drawn."""

    colour: str
    marker: str
    dash: str
    fill: Fill = "full"
    """How the mark is filled: hollow where another judge of the page has its mark and colour."""

    @property
    def mark(self) -> MarkStyle:
        """What Matplotlib is told about the mark."""
        return {"color": self.colour, "marker": self.marker, "fillstyle": self.fill}


OTHERS: Mapping[str, Style] = {
    "people": Style("#d55e00", "D", "-"),
    "baseline": Style(MUTED, "|", ":"),
    "derived": Style(MUTED, "x", ":"),
}
"""Rows that are not judges, by kind."""


def judge_styles(names: Iterable[str]) -> dict[str, Style]:
    """Return a style for each judge; the people keep theirs.

    Colour, mark and dash follow from the name alone, whoever stands beside it. Where judges that stand together share
    colour and mark, one of 40, the later by name is hollow there.

    >>> judge_styles(["vlm", "clip"])["vlm"] == judge_styles(["vlm"])["vlm"]
    True
    >>> len({style.colour for style in judge_styles(["clip", "geometry", "scene", "vlm", "box2d"]).values()})
    5
    """
    given = list(dict.fromkeys(names))
    met = Counter[Style]()
    found: dict[str, Style] = {}
    for name in sorted(given):
        own = OTHERS.get(name) or _by_name(name)
        found[name] = own._replace(fill=FILLS[met[own] % len(FILLS)])
        met[own] += 1
    return {name: found[name] for name in given}


def _by_name(name: str) -> Style:
    place = int.from_bytes(hashlib.sha256(f"{SALT}{name}".encode()).digest()[:8])
    mark = place // len(COLOURS) % len(MARKERS)
    return Style(COLOURS[place % len(COLOURS)], MARKERS[mark], DASHES[mark % len(DASHES)])
