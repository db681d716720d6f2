"""Every rated item with every answer, as plain columns: what the report's gallery shows and filters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genspace.tables import neutralised, rows_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from genspace.analysis.question import Units

FILTERED = ("sub_domain", "category", "generator")
"""Columns offered as filters beside those that the comparison is broken down by."""
MOST_VALUES = 200
"""A column with more distinct values helps nobody as a filter."""
SINGLE_ANSWERS = 4
"""More answers than these are counted instead of listed."""


@dataclass(frozen=True)
class Filter:
    """A column by which items can be chosen."""

    column: str
    values: tuple[str, ...]
    codes: tuple[int, ...]
    """One per item: its place in `values`."""


@dataclass(frozen=True)
class ItemColumns:
    """Rated items (or pairs), the most disputed first; every list has one entry an item."""

    ids: list[str]
    others: list[str]
    """The second item of a pair; "" for single items."""
    prompts: list[str]
    people: list[float | None]
    """Mean rating."""
    answers: list[str]
    """The ratings themselves, in words."""
    judges: tuple[str, ...]
    scores: list[list[float | str | None]]
    """One list a judge: its score, or why there is none ("abstained", "failed"), or None where it was not asked."""
    gaps: list[list[int | None]]
    """One list a judge: its place of the item minus the people's, in hundredths of all items both rate."""
    filters: tuple[Filter, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def worst(self, index: int) -> int | None:
        """Return which judge differs most on an item; None where none can be compared."""
        sizes = [(abs(gaps[index] or 0), -j) for j, gaps in enumerate(self.gaps) if gaps[index] is not None]
        return -max(sizes)[1] if sizes else None


def item_columns(study: Units, judges: Sequence[str], columns: Sequence[str]) -> ItemColumns:
    """Return the rated items of one question.

    Args:
        study: The question as aligned arrays.
        judges: Which judges to show, in this order.
        columns: Columns of the items table that the comparison is broken down by.
    """
    import numpy as np

    from genspace.analysis.disagreement import places

    rated = study.take(study.people.asked)
    gaps = np.full((len(judges), len(rated)), np.nan)
    for row, name in enumerate(judges):
        human, judge = places(rated.people.mean, rated.judges[name].oriented)
        gaps[row] = 100 * (judge - human)
    largest = np.nan_to_num(np.abs(gaps), nan=-1).max(axis=0, initial=-1)
    order = np.argsort(-largest, kind="stable")
    rated, gaps = rated.take(order), gaps[:, order]
    people = rated.people
    return ItemColumns(
        ids=[str(i) for i in rated.units["item_id"]],
        others=[str(i) for i in rated.units["item_id_b"]],
        prompts=[str(p) for p in rated.column("prompt")] if "prompt" in rated.units else [""] * len(rated),
        people=[_short(v) for v in people.mean],
        answers=[_in_words(row) for row in people.ratings],
        judges=tuple(judges),
        scores=[
            [
                _short(score) if np.isfinite(score) else (str(status) if status != "missing" else None)
                for score, status in zip(rated.judges[name].score, rated.judges[name].status, strict=True)
            ]
            for name in judges
        ],
        gaps=[[round(float(g)) if np.isfinite(g) else None for g in row] for row in gaps],
        filters=tuple(_filters(rated, columns)),
    )


def _filters(rated: Units, columns: Sequence[str]) -> Iterator[Filter]:
    for column in dict.fromkeys((*columns, *FILTERED)):
        if column not in rated.units:
            continue
        cells = rated.column(column)
        values = tuple(sorted(set(cells)))
        if 1 < len(values) <= MOST_VALUES:
            place = {value: code for code, value in enumerate(values)}
            yield Filter(column, values, tuple(place[cell] for cell in cells))


def _short(value: float) -> float | None:
    """Four digits are what a reader can use; they keep the page small."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def _in_words(ratings: NDArray[np.float64]) -> str:
    given = sorted(float(v) for v in ratings if math.isfinite(v))
    if not given:
        return "can't tell"
    if len(given) <= SINGLE_ANSWERS:
        return ", ".join(f"{v:g}" for v in given)
    return ", ".join(f"{count} × {value:g}" for value, count in Counter(given).items())


def items_csv(items: ItemColumns) -> str:
    """Return every item with every answer as CSV, the most disputed first."""
    heads = [f"{name}.{what}" for name in items.judges for what in ("score", "gap")]
    columns = [f.column for f in items.filters]
    rows: list[list[object]] = [
        [
            "item_id",
            "item_id_b",
            "prompt",
            *columns,
            "people.mean",
            "people.answers",
            *map(neutralised, heads),
        ]
    ]
    for i in range(len(items)):
        texts = [
            items.ids[i],
            items.others[i],
            items.prompts[i],
            *(f.values[f.codes[i]] for f in items.filters),
        ]
        found: list[float | str | None] = [
            cell
            for scores, gaps in zip(items.scores, items.gaps, strict=True)
            for cell in (scores[i], gaps[i])
        ]
        rows.append([*map(neutralised, texts), items.people[i], items.answers[i], *found])
    return rows_text(rows)
