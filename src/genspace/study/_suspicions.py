"""Probable mistakes in readable answers: codes for "no answer", raters on other scales, spellings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from genspace.readings import Reading
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

CODES = frozenset({-999.0, -99.0, -9.0, -1.0, 0.0, 9.0, 88.0, 98.0, 99.0, 999.0, 9999.0})
"""Numbers that people write for "no answer"."""
LEAST_ANSWERS = 8
"""Answers that a rater must share with others before anything is said about the rater's scale."""
TURNED = -0.3
"""Correlation with the others' mean below which a rater's scale looks reversed, where theirs agree at least as well."""
MOST_RATERS = 500


def suspicions(answers: pd.DataFrame, settings: StudySettings, label: str) -> Iterator[Reading]:
    """Yield what looks wrong about the answers of one question.

    Args:
        answers: `item_id, item_id_b, rater_id, repeat, role, value`, about single items.
        settings: What is declared; a declared scale settles what lies on it.
        label: The file.
    """
    told = settings.scale_min is not None and settings.scale_max is not None
    values = answers["value"].dropna().to_numpy()
    for value, count, (low, high) in () if told else sentinels(values):
        text = f"{value:g}"
        yield Reading(
            code="sentinel", file=label, columns=("value",), words=(text, f"{low:g}", f"{high:g}"), count=count,
            total=len(values),
        )  # fmt: skip
        answers = answers[answers["value"] != value]  # so that its raters are judged by what they did say
    main = answers[(answers["role"] == "main") & (answers["repeat"] == 0) & answers["value"].notna()]
    yield from suspect_raters(main, label)


def sentinels(values: NDArray[np.float64]) -> list[tuple[float, int, tuple[float, float]]]:
    """Return values that look like codes for "no answer", how often each stands there, and the others' range.

    The others must be whole numbers from 0 or 1 up, on a scale of at most 11 steps, from which the code stands apart;
    a 0 before 1 to 5 does too, since scales that start at 1 are what most studies use.

    >>> import numpy as np
    >>> sentinels(np.array([1.0, 5, 3, -1, 2, 4, -1])), sentinels(np.array([0.0, 1, 2, 3]))
    ([(-1.0, 2, (1.0, 5.0))], [])
    """
    distinct, counts = np.unique(values, return_counts=True)
    suspected = [value for value in distinct if value in CODES]
    for rest in (suspected, [v for v in suspected if v != 0], [v for v in suspected if v not in (0, 9)]):
        others = distinct[~np.isin(distinct, rest)]
        if not rest or len(others) < (4 if 0 in rest else 2) or (others != np.round(others)).any():
            continue
        low, high = float(others[0]), float(others[-1])
        if low not in (0.0, 1.0) or high - low > 10:
            continue
        apart = [v for v in rest if v < low or v > high + 1]
        return [(float(v), int(counts[distinct == v][0]), (low, high)) for v in apart]
    return []


def suspect_raters(answers: pd.DataFrame, label: str) -> Iterator[Reading]:
    """Yield raters on another scale than the others, or on a reversed one.

    Args:
        answers: `item_id, rater_id, value`, one answer per rater and item, none missing.
        label: The file.
    """
    by_rater = answers.groupby("rater_id")["value"]
    raters = by_rater.agg(["min", "max", "size"])
    if not 2 <= len(raters) <= MOST_RATERS:
        return
    low, high = raters["min"].median(), raters["max"].median()
    strangers = []
    for rater, own in raters[raters["size"] >= LEAST_ANSWERS].iterrows():
        values = answers.loc[answers["rater_id"] == rater, "value"]
        if len(raters) > 2 and ((values < low) | (values > high)).mean() > 0.5:
            strangers.append(rater)
            scales = (f"{own['min']:g} to {own['max']:g}", f"{low:g} to {high:g}")
            yield Reading(code="rater_scale", file=label, columns=(str(rater),), words=scales)
    yield from _turned(answers[~answers["rater_id"].isin(strangers)], label)


def _turned(answers: pd.DataFrame, label: str) -> Iterator[Reading]:
    """Yield the raters who agree with the others only when their scale is reversed."""
    if answers["rater_id"].nunique() < 3:
        return
    found = {}
    for rater, rows in _shared(answers).groupby("rater_id"):
        if (r := _correlation(rows)) is not None:
            found[str(rater)] = r
    against = [rater for rater, r in found.items() if r < TURNED]
    if len(against) == 1 and sum(r > -TURNED / 2 for r in found.values()) >= 1:
        rater = against[0]
        rest = answers[answers["rater_id"] != rater]
        if _agree(rest):
            yield Reading(
                code="rater_reversed",
                file=label,
                columns=("rater_id",),
                words=(rater, f"{found[rater]:.2f}"),
            )


def _agree(answers: pd.DataFrame) -> bool:
    """Whether raters correlate with one another at least as far as the suspect runs against them."""
    r = _correlation(_shared(answers))
    return r is not None and r > -TURNED


def _shared(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the answers about items that several raters answered, with the mean of the others' answers."""
    items = answers.groupby("item_id")["value"]
    count, total = items.transform("size"), items.transform("sum")
    return answers[count > 1].assign(others=((total - answers["value"]) / (count - 1))[count > 1])


def _correlation(rows: pd.DataFrame) -> float | None:
    """Return the correlation of `value` and `others`, None for few answers and for constants."""
    if len(rows) < LEAST_ANSWERS or 0 in (np.ptp(rows["value"]), np.ptp(rows["others"])):
        return None
    return float(np.corrcoef(rows["value"], rows["others"])[0, 1])


def alike_but_for_case(names: Sequence[str] | pd.Series[str], label: str, column: str) -> Iterator[Reading]:
    """Yield spellings that differ in capitals alone.

    >>> next(alike_but_for_case(["ann", "Ann", "bob"], "a.csv", "rater_id")).words
    ('Ann', 'ann')
    """
    import pandas as pd

    given = pd.Series(names, dtype="str")
    if (given.str.lower() == given).all():  # the quick way out: small letters throughout have no twin
        return
    distinct = pd.Series(given.unique(), dtype="str")
    keys = distinct.str.casefold()
    twins = distinct[keys.duplicated(keep=False)]
    if not len(twins):
        return
    spellings = [sorted(group) for _, group in twins.groupby(keys)]
    shown = tuple(name for pair in spellings[:3] for name in pair)
    yield Reading(code="alike_but_for_case", file=label, columns=(column,), words=shown, count=len(spellings))
