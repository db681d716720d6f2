"""What the first sentence of a report may say: a code, given only when its conditions hold.

Being first by rank is not a claim. "Ahead" needs the corrected test, and a figure whose interval reaches chance, or
lies below it, is reported as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.analysis._estimate import Estimate
from genspace.analysis.figures import Figure
from genspace.analysis.inference.comparisons import OtherGenerators
from genspace.analysis.significance import ALPHA, holm

if TYPE_CHECKING:
    from genspace.analysis.result import PairTest

__all__ = ["BesideChance", "Headline", "HeadlineCode", "beside_chance", "headline", "holds_elsewhere"]

BesideChance = Literal["above chance", "at chance", "below chance"]
"""Where the whole interval of a figure lies; "at chance" if it includes chance."""

HeadlineCode = Literal[
    "ahead of all", "highest", "alone", "at chance", "below chance", "too little", "no judge", "not stated"
]
"""What is true of the judge with the highest figure:

ahead of all: ahead of every other judge, and above chance
highest: above chance, and at least one other judge is not behind it, or gives the same answers
alone: above chance, and no other judge was compared with it
at chance: its interval reaches chance
below chance: its whole interval lies below chance
too little: no judge has an interval and covers enough to be in a first place
no judge: none has the figure
not stated: the comparison was written by a version that did not check
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The judge with the highest figure of those that may be in a first place, and how it compares with others.

    >>> found = Headline(code="highest", judge="vlm", ahead_of=("clip",), open=("vqascore",))
    >>> found.judge, found.open
    ('vlm', ('vqascore',))
    """

    code: HeadlineCode
    judge: str | None = None
    ahead_of: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    """Judges that these data cannot tell it apart from."""
    open_before_correction: tuple[str, ...] = ()
    """Those of `open` that a single test, without correction, would have put behind it or ahead of it."""
    behind: tuple[str, ...] = ()
    """Judges that are ahead of it."""
    identical: tuple[str, ...] = ()
    """Judges whose answers are the same."""
    higher: tuple[str, ...] = ()
    """Judges with a higher figure that may not be in a first place: too little coverage, or no interval."""
    other_generators: Literal["ahead of all", "open"] | None = None
    """What holds for generators that were not rated; None: nothing is known of them."""


def headline(
    figure: Figure,
    figures: Mapping[str, Estimate],
    ranked: Sequence[str],
    leaders: Sequence[str],
    tests: Sequence[PairTest],
) -> Headline:
    """Return what may be said of the best judge.

    Args:
        figure: The primary figure.
        figures: Its value for each judge.
        ranked: Judges that have it, best first.
        leaders: Those that may be in a first place.
        tests: Of all pairs.

    >>> from genspace.analysis.figures import FIGURES
    >>> figures = {"clip": Estimate(0.6, 0.4, 0.8, n=50)}
    >>> headline(FIGURES["pearson"], figures, ["clip"], ["clip"], []).code
    'alone'
    """
    if not leaders:
        return Headline(code="too little" if ranked else "no judge", higher=tuple(ranked))
    best = leaders[0]
    mine = figures[best]
    if mine.value is None:
        return Headline(code="too little", higher=tuple(ranked))
    higher = tuple(n for n in ranked if n not in leaders and (figures[n].value or 0) > mine.value)
    rows = [row if row.a == best else row.turned() for row in tests if best in (row.a, row.b)]
    of = {row.b: row.standing for row in rows}

    def standing_as(*which: str) -> tuple[str, ...]:
        return tuple(name for name, said in of.items() if said in which)

    beaten, rivals = standing_as("ahead"), [n for n, said in of.items() if said != "not compared"]
    code: HeadlineCode = "highest"
    where = beside_chance(figure, mine)
    if where != "above chance":
        code = where
    elif not rivals:
        code = "alone"
    elif len(beaten) == len(rivals) and not higher:
        code = "ahead of all"
    return Headline(
        code=code,
        judge=best,
        ahead_of=beaten,
        open=standing_as("open", "open before correction"),
        open_before_correction=standing_as("open before correction"),
        behind=standing_as("behind"),
        identical=standing_as("identical"),
        higher=higher,
        other_generators=_elsewhere(code, rows),
    )


def beside_chance(figure: Figure, found: Estimate) -> BesideChance:
    """Return where the interval of a figure lies beside chance; agreement is claimed only above it.

    >>> from genspace.analysis.figures import FIGURES
    >>> beside_chance(FIGURES["spearman"], Estimate(0.2, -0.1, 0.4, n=40))
    'at chance'
    """
    low, high = (found.value if end is None else end for end in (found.low, found.high))
    assert low is not None
    assert high is not None
    return "below chance" if high < figure.chance else "at chance" if low <= figure.chance else "above chance"


def holds_elsewhere(found: Sequence[OtherGenerators | None]) -> list[bool | None]:
    """Return which differences hold for other generators too, corrected by Holm; None where nothing is known.

    >>> holds_elsewhere([OtherGenerators(generators=5, low=0.1, high=0.3, p=0.01), None])
    [True, None]
    """
    p = holm([np.nan if other is None or other.p is None else other.p for other in found])
    return [bool(v <= ALPHA) if np.isfinite(v) else None for v in p]


def _elsewhere(code: HeadlineCode, rows: Sequence[PairTest]) -> Literal["ahead of all", "open"] | None:
    """Return whether a judge that is ahead of all is so for other generators too, corrected by Holm."""
    if code != "ahead of all":
        return None
    held = holds_elsewhere([row.other_generators for row in rows if row.standing == "ahead"])
    return None if None in held else "ahead of all" if all(held) else "open"
