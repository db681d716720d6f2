"""Readers of scores made elsewhere: long tables, decisions, or a column per metric (other tables: `_readers`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from genspace.columns import VERDICT_COLUMNS, VERDICT_KEY, typed
from genspace.errors import Problem
from genspace.pairs import ITSELF, turned_verdicts
from genspace.records import ITEM_COLUMNS, Status
from genspace.study._ids import unknown_items
from genspace.study._metrics import choose_metrics
from genspace.study._readers import Read, cleaned, optional, times_asked, twice_said
from genspace.study._suspicions import alike_but_for_case
from genspace.tables import (
    WORDS,
    Numbers,
    Table,
    clean_text,
    empty_cells,
    match_columns,
    read_numbers,
    require_columns,
    word_key,
)

if TYPE_CHECKING:
    import pandas as pd

LONG_COLUMNS = frozenset({"score", "verdict", "passed"})
"""One of these makes a table of scores long: a row per item and metric, rather than a column per metric."""
SCORE_NUMBERS = ("score", "confidence", "seconds", "tokens", "cost_usd")
SCORE_TEXTS = ("item_id_b", "question", "reason", "status")
SCORE_COLUMNS = ("item_id", "metric", "repeat", "passed", "verdict", *SCORE_TEXTS, *SCORE_NUMBERS)
"""Columns of a long table of scores."""


def read_scores(
    tables: Iterable[Table], item_ids: pd.Series[str], *, default_metric: Mapping[str, str]
) -> Read:
    """Check scores made elsewhere: long (`metric, score`), decisions (`metric, verdict`), or a column per metric.

    `default_metric` names the metric of a long table without a `metric` column, by the table's label.
    """
    import pandas as pd

    read = Read(typed({}, VERDICT_COLUMNS))
    frames = [read.frame]
    for given in tables:
        table, problems = match_columns(given, SCORE_COLUMNS)
        problems += require_columns(table, ["item_id"])
        long = bool(LONG_COLUMNS & set(table.frame.columns))
        if not problems and not long and "metric" in table.frame.columns:
            problems += require_columns(table, ["score"])
        read.readings += table.readings
        read.problems += problems
        if problems:
            continue
        item_ids_here = cleaned(table, table.frame["item_id"], "item_id", read.readings)
        frame = (
            _long_scores(table, item_ids_here, default_metric[table.label], read)
            if long
            else _wide_scores(table, item_ids_here, read)
        )
        frame = _decided_or_abstained(frame, table.label)
        read.problems += unknown_items(table, frame, item_ids)
        itself = (frame["item_id_b"] != "") & (frame["item_id"] == frame["item_id_b"])
        read.problems += table.problems(itself.groupby(frame["row"]).any(), "item_id_b", ITSELF)
        turned = turned_verdicts(frame)
        read.problems += twice_said(table, frame, turned, VERDICT_KEY, "is scored twice by one metric")
        frames.append(frame.drop(columns="row"))
    read.frame = turned_verdicts(pd.concat(frames, ignore_index=True))
    if not read.problems:
        files = Counter(judge for frame in frames for judge in frame["judge"].unique())
        shared = read.frame[read.frame["judge"].isin([judge for judge, count in files.items() if count > 1])]
        for metric in shared.loc[shared.duplicated(VERDICT_KEY), "judge"].unique():
            read.problems.append(Problem("scores", "is scored in several files; keep one", field=metric))
    return read


def read_score_table(table: Table, item_ids: pd.Series[str], *, default_metric: str) -> Read:
    """Read one table of scores (see `read_scores`).

    >>> import pandas as pd
    >>> from genspace.tables import table_of
    >>> table = table_of(pd.DataFrame({"item_id": ["a"], "score": ["0.5"]}), "clip.csv")
    >>> read_score_table(table, pd.Series(["a"]), default_metric="clip").frame[["judge", "score"]].to_dict("records")
    [{'judge': 'clip', 'score': 0.5}]
    """
    return read_scores([table], item_ids, default_metric={table.label: default_metric})


def _long_scores(table: Table, item_ids: pd.Series[str], default_metric: str, read: Read) -> pd.DataFrame:
    text = table.frame
    columns: dict[str, Any] = {"item_id": item_ids, "judge": default_metric}
    if "metric" in text.columns:
        columns["judge"], _ = clean_text(text["metric"])
        nameless = columns["judge"] == ""
        read.problems += table.problems(nameless, "metric", "every score needs the name of its metric")
        read.readings += alike_but_for_case(columns["judge"], table.label, "metric")
    for name in SCORE_TEXTS:
        columns[name] = optional(text, name)
    statuses = get_args(Status)
    wrong_status = ~columns["status"].isin(("", *statuses))
    read.problems += table.problems(wrong_status, "status", f"is none of {', '.join(statuses)}")
    if "repeat" in text.columns:
        columns["repeat"] = times_asked(table, read.problems)
    for name in SCORE_NUMBERS:
        if name in text.columns:
            numbers = read_numbers(table, name, words=WORDS if name == "score" else None)
            columns[name] = numbers.column
            read.problems += numbers.problems
            read.readings += numbers.readings
            if name == "score":
                read.readings += empty_cells(table, {name: numbers})
    for name in ("passed", "verdict"):
        if name in text.columns:
            columns["passed"], failed = _decisions(table, name, read.problems)
            columns["status"] = columns["status"].mask(failed, "failed")
    unread = tuple(c for c in text.columns if c not in SCORE_COLUMNS)
    if unread:
        read.readings.append(table.reading("columns_unused", columns=unread))
    frame = typed(columns, VERDICT_COLUMNS)
    frame["row"] = range(len(frame))
    return frame


def _decisions(table: Table, column: str, problems: list[Problem]) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Return a column of decisions, by the words that answers have in every table, or 1 and 0; and who failed."""
    text = table.frame[column].str.strip()
    meant: dict[str, float | None] = {**WORDS, "error": None, "1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0}
    keys = text.map({cell: word_key(cell) for cell in text.unique()})
    unknown = ~keys.isin(meant)
    message = "is none of pass, fail, undecidable (yes, no, true, false, 1, 0, empty)"
    problems += table.problems(unknown, column, message)
    passed: pd.Series[bool] = keys.map(meant).astype("Float64").astype("boolean")
    return passed, keys == "error"


def _wide_scores(table: Table, item_ids: pd.Series[str], read: Read) -> pd.DataFrame:
    """Return a row per score of a table with a column per metric; columns that are not metrics are said."""
    further = [c for c in table.frame.columns if c not in ITEM_COLUMNS]
    chosen = choose_metrics(table, further)
    unused = [c for c in table.frame.columns if c in ITEM_COLUMNS and c != "item_id"] + chosen.breakdowns
    if unused:
        read.readings.append(table.reading("columns_unused", columns=tuple(unused)))
    read.readings += chosen.readings
    read.problems += chosen.problems
    read.readings += empty_cells(table, chosen.metrics)
    if not chosen.metrics:
        message = (
            "holds no scores: a column of numbers per metric, or metric and score, is expected; there are: "
            f"{', '.join(table.frame.columns)}"
        )
        read.problems.append(table.problem(message))
    return _scores_of(chosen.metrics, item_ids)


def read_metric_columns(table: Table, item_ids: pd.Series[str]) -> Read:
    """Read a table whose every column but `item_id` is known to be a metric."""
    columns: dict[str, Numbers] = {
        name: read_numbers(table, name, words=WORDS) for name in table.frame.columns if name != "item_id"
    }
    frame = _decided_or_abstained(_scores_of(columns, item_ids), table.label).drop(columns="row")
    problems = [p for numbers in columns.values() for p in numbers.problems]
    readings = [r for numbers in columns.values() for r in numbers.readings]
    return Read(frame, problems, [*readings, *empty_cells(table, columns)])


def _scores_of(columns: Mapping[str, Numbers], item_ids: pd.Series[str]) -> pd.DataFrame:
    """Return columns of scores as verdicts, with the row of the table that each comes from."""
    import pandas as pd

    parts = [typed({}, VERDICT_COLUMNS).assign(row=pd.Series(dtype="int64"))]
    for metric, numbers in columns.items():
        part = typed({"item_id": item_ids, "judge": metric, "score": numbers.column}, VERDICT_COLUMNS)
        parts.append(part.assign(row=range(len(part))))
    return pd.concat(parts, ignore_index=True)


def _decided_or_abstained(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    """Fill score from the decision where only a decision is given, and status and reason where there is neither."""
    decision_only = frame["score"].isna() & frame["passed"].notna()
    frame.loc[decision_only, "score"] = frame.loc[decision_only, "passed"].astype("float64")
    undecided = frame["score"].isna()
    failed = undecided & (frame["status"] == "failed")
    frame["status"] = "decided"
    frame.loc[undecided, "status"] = "abstained"
    frame.loc[failed, "status"] = "failed"
    frame.loc[undecided & (frame["reason"] == ""), "reason"] = f"no score in {label}"
    frame["origin"] = "table"
    return frame
