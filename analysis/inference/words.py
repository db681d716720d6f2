"""What the first sentence of a report may say: a code, given only when its conditions hold.

No judge is praised for being first by rank. "Ahead" is the corrected test; a figure whose interval reaches chance, or
lies below it, is called that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from genspace.analysis._estimate import Estimate
from genspace.analysis.figures import Figure

if TYPE_CHECKING:
    from genspace.analysis.result import PairTest

__all__ = ["Headline", "HeadlineCode", "headline"]

HeadlineCode = Literal[
    "ahead of all", "highest", "alone", "at chance", "below chance", "too little", "no judge", "not stated"
]
"""What is true of the judge with the highest figure:

ahead of all: ahead of every other judge, and above chance
highest: above chance, and at least one other judge is not behind it
alone: above chance, and no other judge was compared with it
at chance: its interval reaches chance
below chance: its whole interval lies below chance
too little: no judge has an interval and covers enough to be in a first place
no judge: none has the figure
not stated: the comparison was written by a version that did not check
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The judge with the highest figure of those that may be in a first place, and how it stands beside others."""

    code: HeadlineCode
    judge: str | None = None
    ahead_of: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    """Judges that these data cannot tell it apart from."""
    open_before_correction: tuple[str, ...] = ()
    """Of these, the judges that one test by itself would have put behind it or before it."""
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
    """
    if not leaders:
        return Headline(code="too little" if ranked else "no judge", higher=tuple(ranked))
    best = leaders[0]
    mine = figures[best]
    if mine.value is None:
        return Headline(code="too little", higher=tuple(ranked))
    low, high = (
        mine.low if mine.low is not None else mine.value,
        mine.high if mine.high is not None else mine.value,
    )
    higher = tuple(n for n in ranked if n not in leaders and (figures[n].value or 0) > mine.value)
    rows = [row if row.a == best else row.turned() for row in tests if best in (row.a, row.b)]
    of = {row.b: row.standing for row in rows}

    def standing_as(*which: str) -> tuple[str, ...]:
        return tuple(name for name, said in of.items() if said in which)

    beaten, rivals = (
        standing_as("ahead"),
        [n for n, said in of.items() if said not in ("not compared", "identical")],
    )
    code: HeadlineCode = "highest"
    if high < figure.chance:
        code = "below chance"
    elif low <= figure.chance:
        code = "at chance"
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


def _elsewhere(code: HeadlineCode, rows: Sequence[PairTest]) -> Literal["ahead of all", "open"] | None:
    """Return whether a judge that is ahead of all is so for other generators too, corrected by Holm."""
    from genspace.analysis.significance import ALPHA, holm

    if code != "ahead of all":
        return None
    told = [row.other_generators for row in rows if row.standing == "ahead"]
    p = [found.p for found in told if found is not None and found.p is not None]
    if len(p) < len(told):
        return None
    return "ahead of all" if max(holm(p)) <= ALPHA else "open"
