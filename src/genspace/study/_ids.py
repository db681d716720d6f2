"""Unknown item ids: one message with the common cause instead of one per row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from genspace.columns import among
from genspace.errors import Problem
from genspace.tables import MOST_PROBLEMS, Table

if TYPE_CHECKING:
    import pandas as pd

ENOUGH = 0.5
"""Share of the ids that miss which one cause must explain to be named."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why ids of one table are none of another's."""

    words: str
    """How they differ."""
    here: str
    """One of the ids that miss."""
    there: str
    """The id that it means."""
    meant: Mapping[str, str]
    """Every id that it explains, and the one it means."""


def _number(text: str) -> str:
    """Return a number as an id that a spreadsheet or pandas wrote: 007, 7 and 7.0 are one."""
    return re.sub(r"(?<![0-9.])0+(?=[0-9])", "", re.sub(r"\.0+$", "", text))


WAYS: Sequence[tuple[str, Callable[[str], str]]] = (
    ("by capitals", str.casefold),
    ("by the file's ending", lambda text: re.sub(r"\.[A-Za-z0-9]{2,5}$", "", text)),
    ("by leading zeros or a decimal point", _number),
    ("by the folder before them", lambda text: PurePosixPath(text.replace("\\", "/")).name),
    ("by folder and ending", lambda text: PurePosixPath(text.replace("\\", "/")).stem),
    ("by dashes, spaces and underscores", lambda text: re.sub(r"[-_ ]+", "", text)),
)
"""Ways in which spellings of one id differ, and the form in which they are alike."""


def common_cause(missing: Collection[str], known: Collection[str]) -> Cause | None:
    """Find one difference that explains at least half of the missing ids, such as a file ending; None if there is none.

    >>> cause = common_cause(["a.png", "b.png"], ["a", "b", "c"])
    >>> cause.words, cause.here, cause.there, len(cause.meant)
    ("by the file's ending", 'a.png', 'a', 2)
    >>> common_cause(["x1", "x2"], ["img-1", "img-2"]) is None
    True
    """
    if not len(missing) or not len(known):
        return None
    ways = [*WAYS, *_affixes(missing, known)]
    best: Cause | None = None
    for words, form in ways:
        forms: Counter[str] = Counter()
        original: dict[str, str] = {}
        for item_id in known:
            forms[form(item_id)] += 1
            original[form(item_id)] = item_id
        meant = {i: original[f] for i in missing if forms[f := form(i)] == 1}
        if len(meant) >= ENOUGH * len(missing) and (best is None or len(meant) > len(best.meant)):
            here, there = next(iter(meant.items()))
            best = Cause(words, here, there, meant)
    return best


def _affixes(missing: Collection[str], known: Collection[str]) -> list[tuple[str, Callable[[str], str]]]:
    """Return ways that take off what all ids of one side start or end with."""
    ways: list[tuple[str, Callable[[str], str]]] = []
    for ids in (missing, known):
        if len(ids) < 2:
            continue
        start = _shared_start(list(ids)).rstrip("0123456789")
        end = _shared_start([i[::-1] for i in ids])[::-1].lstrip("0123456789")
        if start:
            ways.append((f"by {start!r} before them", partial(_without, start=start)))
        if end:
            ways.append((f"by {end!r} after them", partial(_without, end=end)))
    return ways


def _without(text: str, start: str = "", end: str = "") -> str:
    return text.removeprefix(start).removesuffix(end)


def _shared_start(words: Sequence[str]) -> str:
    """Return the letters with which all words start: those that the first and the last in order share."""
    first, last = min(words), max(words)
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))


def unknown_items(table: Table, frame: pd.DataFrame, known: pd.Series[str]) -> list[Problem]:
    """Return the problems of ids that are not items: the common cause with a count, where there is one.

    Args:
        table: What is read.
        frame: Its rows with `item_id, item_id_b`, and `row` where a row became several.
        known: The ids that there are.
    """
    rows = frame["row"] if "row" in frame.columns else frame.index.to_series()
    problems: list[Problem] = []
    for column in ("item_id", "item_id_b"):
        unknown = ~among(frame[column], known)
        if column == "item_id_b":
            unknown &= (frame[column] != "").to_numpy()
        if not unknown.any():
            continue
        first = rows[unknown].drop_duplicates()
        ids = dict.fromkeys(frame.loc[unknown, column])
        cause = common_cause(list(ids), known) if len(ids) > 1 or len(first) > MOST_PROBLEMS else None
        if cause is not None:
            explained = frame.loc[first.index, column].isin(list(cause.meant))
            count = int(explained.sum())
            message = (
                f"{count:,} of {len(table.frame):,} rows name items that differ {cause.words} from the items table: "
                f"{cause.here!r} here, {cause.there!r} there; write them alike"
            )
            problems.append(Problem(table.label, message, field=column, rows=count))
            first = first[~explained]
        problems += table.problems(first.to_numpy(), column, "is not an item of the items table")
    return problems
