"""One wide table as a study: a row per item (or per answer), people and metrics in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genspace.columns import ANSWER_COLUMNS, typed
from genspace.errors import InputError, Problem, did_you_mean
from genspace.readings import Reading
from genspace.records import ITEM_COLUMNS, StudySettings
from genspace.study._metrics import choose_metrics, name_words
from genspace.study._readers import cleaned, near_name, off_scale
from genspace.study.exports import MTURK_COLUMNS
from genspace.tables import (
    WORDS,
    Table,
    empty_cells,
    match_columns,
    near_columns,
    read_numbers,
    table_stem,
)

if TYPE_CHECKING:
    import pandas as pd

ANSWER_WORDS = frozenset({"assignment", "worker", "rater", "annotator", "answer", "approve", "reject"})
"""Words in the names of columns that belong to an answer rather than to an item, besides times and ids."""


MOST_ALIKE = 0.5
"""Share of rows alike in everything but the answer from which rows are answers, not items."""


@dataclass
class WideParts:
    """The tables that one wide table holds."""

    items: Table
    scores: Table
    annotations: pd.DataFrame
    raters: Literal["person", "slot"] = "slot"
    """What a rater_id is: a person where the table has a column of raters."""
    problems: list[Problem] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)


def is_wide_table(path: Path) -> bool:
    """Whether the path names a table rather than a study's folder."""
    return path.is_file() and table_stem(path) is not None


def split_wide_table(
    table: Table, human: Sequence[str], metrics: Sequence[str], settings: StudySettings
) -> WideParts:
    """Split a wide table into items, answers and scores.

    Each human column is a rater. Where an item has several rows, one per answer, they are read as such: its raters
    are those of a column of raters, or places. Without `metrics`, columns of numbers that are nothing else are
    metrics (see `choose_metrics`). Without a column `item_id` the rows are numbered.

    Errors: `InputError` for a column that is not there, and when no human column is named.
    """
    _check_names(table, human, metrics)
    table = _without_prefixes(table, {*human, *metrics})
    matched, problems = match_columns(table, [c for c in ITEM_COLUMNS if c not in {*human, *metrics}])
    readings = list(matched.readings)
    if "item_id" in matched.frame.columns:
        ids = cleaned(table, matched.frame["item_id"], "item_id", readings)
        matched = replace(matched, frame=matched.frame.assign(item_id=ids))
    rows = _rows_per_item(matched, human, metrics)
    readings += rows.readings
    problems += rows.problems
    whole = rows.table
    columns = list(whole.frame.columns)
    ratings = {rater: read_numbers(whole, rater, words=WORDS, missing=settings.missing) for rater in human}
    for name, rating in ratings.items():
        problems += rating.problems + off_scale(whole, name, rating.column, settings)
        readings += rating.readings
    readings += empty_cells(whole, ratings)
    items = whole.take(rows.first, [c for c in columns if c not in {*human, *metrics, *rows.of_answers}])
    if not metrics:
        import pandas as pd

        candidates = [c for c in items.frame.columns if c not in ITEM_COLUMNS]
        people = pd.concat([r.column for r in ratings.values()], ignore_index=True)
        chosen = choose_metrics(items, candidates, people)
        metrics = list(chosen.metrics)
        readings += chosen.readings
        if not metrics:
            raise InputError(
                f"{table.label}: no column looks like a metric"
                + "".join(f"; {r.sentence}" for r in chosen.readings)
                + f". Name them with `metrics` COLUMN[,COLUMN]; there are: {', '.join(columns)}"
            )
        readings.append(table.reading("metrics_chosen", columns=tuple(metrics)))
    scores = whole.take(rows.first, ["item_id", *metrics])
    items = items.take(range(len(rows.first)), [c for c in items.frame.columns if c not in metrics])
    readings.append(table.reading("people_columns", columns=tuple(human)))
    breakdowns = tuple(c for c in items.frame.columns if c not in ITEM_COLUMNS)
    if breakdowns:
        readings.append(table.reading("breakdown_columns", columns=breakdowns))
    annotations = _answers(whole, {name: rating.column for name, rating in ratings.items()}, rows)
    return WideParts(items, scores, annotations, rows.raters, problems, readings)


def _check_names(table: Table, human: Sequence[str], metrics: Sequence[str]) -> None:
    columns = list(table.frame.columns)
    if not human:
        raise InputError(
            f"{table.label}: say which columns hold people's ratings: `human` COLUMN[,COLUMN]; "
            f"there are: {', '.join(columns)}"
        )
    for name in (*human, *metrics):
        if name not in columns:
            raise InputError(f"{table.label}: there is no column {name!r}{did_you_mean(name, columns)}")
    for option, names in (("`human`", human), ("`metrics`", metrics)):
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise InputError(f"{option} names {twice!r} twice")
    both = sorted(set(human) & set(metrics))
    if both:
        raise InputError(f"{table.label}: {both[0]!r} is named by both `human` and `metrics`")


def _without_prefixes(table: Table, named: set[str]) -> Table:
    """Return a batch file of Mechanical Turk with `Input.prompt` as `prompt`."""
    if not set(table.frame.columns) >= MTURK_COLUMNS:
        return table
    names = {f"Input.{name}": name for name in ITEM_COLUMNS if name not in table.frame.columns}
    found = {old: new for old, new in names.items() if old in table.frame.columns and old not in named}
    said = [table.reading("column_matched", columns=pair) for pair in found.items()]
    return replace(table, frame=table.frame.rename(columns=found)).saying(*said)


# Rows of items, rows of answers ----------------------------------------------------------------------------------


@dataclass
class _RowRoles:
    """Which rows are items, and whose answer each row is."""

    table: Table
    """The table with a column `item_id`."""
    first: list[int]
    """The first row of each item."""
    rater: pd.Series[str] | None = None
    """The rater of each row, where rows are answers."""
    raters: Literal["person", "slot"] = "slot"
    of_answers: list[str] = field(default_factory=list)
    """Columns that differ between the answers about one item."""
    readings: list[Reading] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _rows_per_item(table: Table, human: Sequence[str], metrics: Sequence[str]) -> _RowRoles:
    """Tell whether a row is an item or an answer.

    Errors: `InputError` where rows are answers but it cannot be told about what or by whom.
    """
    frame = table.frame
    columns = list(frame.columns)
    rater = next(
        (c for c in ("rater_id", *near_columns("rater_id", columns)) if c in columns and c not in human), None
    )
    names = (
        ["item_id"]
        if "item_id" in columns
        else [c for c in _item_names(columns) if c not in {*human, *metrics}]
    )
    key = next((c for c in names if c == "item_id" or (rater and frame[c].duplicated().any())), None)
    if key is None:
        return _numbered(table, human, rater)
    repeated = frame[key].duplicated(keep=False)
    # copies of one another are no answers
    if not repeated.any() or not _varying(frame[repeated], key):
        return (
            _RowRoles(table, list(range(len(frame)))) if key == "item_id" else _numbered(table, human, rater)
        )
    varying = _varying(frame, key)
    unclear = [c for c in (*metrics, "prompt", "generator") if c in varying]
    if unclear:
        return _contradicting(table, key, unclear)
    if len(human) > 1:
        raise InputError(
            f"{table.label}: items have several rows, one per answer, so `human` names one column: one of "
            f"{', '.join(human)}"
        )
    named = table if key == "item_id" else _with_ids(table, frame[key].tolist())
    people = (
        frame[rater].str.strip() if rater else frame.groupby(key).cumcount().add(1).astype(str).radd("slot")
    )
    rows = _RowRoles(
        named, frame.index[~frame[key].duplicated()].tolist(), people, "person" if rater else "slot"
    )
    rows.of_answers = [c for c in varying if c not in human]
    items = len(rows.first)
    rows.readings.append(
        table.reading(
            "row_per_answer", columns=(key, rater or "the order of the rows"), count=len(frame), total=items
        )
    )
    if rows.of_answers:
        rows.readings.append(table.reading("answer_columns", columns=tuple(rows.of_answers)))
    numbers = tuple(choose_metrics(table, [c for c in rows.of_answers if c != rater]).metrics)
    if numbers:
        rows.readings.append(table.reading("answer_numbers", columns=numbers))
    if "AssignmentStatus" in columns and (rejected := int((frame["AssignmentStatus"] == "Rejected").sum())):
        rows.readings.append(table.reading("rejected_work", columns=("AssignmentStatus",), count=rejected))
    twice = frame.assign(_rater=people).duplicated([key, "_rater"])
    rows.problems += table.problems(twice, rater or key, "the same rater answers about the same item twice")
    return rows


def _item_names(columns: Sequence[str]) -> list[str]:
    """Return columns that may name items, the likeliest first: ids, pictures, then the tasks of Mechanical Turk."""
    inputs = [c for c in columns if c.startswith("Input.") and {"image", "id", "url"} & set(name_words(c))]
    return [
        *near_columns("item_id", columns),
        *near_columns("image", columns),
        *inputs,
        *(c for c in columns if c == "HITId"),
    ]


def _varying(frame: pd.DataFrame, key: str) -> list[str]:
    """Return the columns that differ between rows of one item."""
    distinct = frame.groupby(key).nunique()
    return [str(c) for c in distinct.columns[(distinct > 1).any()]]


def _contradicting(table: Table, key: str, columns: Sequence[str]) -> _RowRoles:
    """Return the rows as items, with the problem of those that share an id and differ in what one item has once."""
    frame = table.frame
    differs = frame.groupby(key)[columns[0]].transform("nunique") > 1
    wrong = differs & frame[key].duplicated()
    message = f"has several rows that differ in {', '.join(columns)}; item ids are unique"
    rows = _RowRoles(table if key == "item_id" else _with_ids(table, frame[key].tolist()), [])
    rows.first = frame.index[~frame[key].duplicated()].tolist()
    rows.problems += table.problems(wrong, key, message)
    return rows


def _numbered(table: Table, human: Sequence[str], rater: str | None) -> _RowRoles:
    """Return a table without ids, its rows numbered as items.

    Errors: `InputError` where rows are alike in everything but the answer.
    """
    frame = table.frame
    items = [
        c for c in frame.columns if c not in human and c != rater and not ANSWER_WORDS & set(name_words(c))
    ]
    alike = frame.duplicated(items, keep=False) if items else frame.index < 0
    if alike.mean() > MOST_ALIKE:
        lines = [table.line(int(i)) for i in frame.index[alike][:3]]
        raise InputError(
            f"{table.label}: {int(alike.sum())} of {len(frame)} rows are alike in everything but {', '.join(human)} "
            f"({table.unit}s {', '.join(map(str, lines))}, …): one row per answer? Then add item_id, the same for all "
            "answers about one item, and rater_id; or give one row per item, with a column for each rater"
        )
    named = _with_ids(table, [f"row-{i + 1}" for i in range(len(frame))])
    rows = _RowRoles(named, list(range(len(frame))))
    rows.readings.append(table.reading("no_item_id", count=len(frame)))
    if alike.any():
        rows.readings.append(table.reading("rows_alike", columns=tuple(human), count=int(alike.sum())))
    rows.readings += near_name(table, "item_id", human)
    return rows


def _with_ids(table: Table, ids: Sequence[str]) -> Table:
    frame = table.frame.copy()
    frame.insert(0, "item_id", list(ids))
    return replace(table, frame=frame)


def _answers(table: Table, ratings: dict[str, pd.Series[float]], rows: _RowRoles) -> pd.DataFrame:
    """Return the answers: of each row one per human column, or its only one."""
    import pandas as pd

    parts = [typed({}, ANSWER_COLUMNS)]
    for name, value in ratings.items():
        answers = typed(
            {
                "item_id": table.frame["item_id"].str.strip(),
                "rater_id": name if rows.rater is None else rows.rater,
                "role": "main",
                "value": value,
            },
            ANSWER_COLUMNS,
        )
        # An empty cell of a wide table is not an answer; "can't tell" needs an annotations table.
        parts.append(answers[value.notna().to_numpy()])
    return pd.concat(parts, ignore_index=True)
