"""Readers of a study's tables: text cells in, checked typed frames out, with every problem of every row."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from genspace.errors import InvalidFilesError, Problem
from genspace.evidence import ANSWER_COLUMNS, ITSELF, VERDICT_COLUMNS, pair_mistakes, typed, with_preferences
from genspace.pairs import turned_answers, turned_verdicts
from genspace.records import ROLES, Status, StudySettings
from genspace.study._files import leaves_study
from genspace.tables import Table, parse_numbers, require_columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = [
    "Read",
    "read_annotations",
    "read_items",
    "read_score_table",
    "read_scores",
]

log = logging.getLogger(__name__)

ANSWER_KEY = ["item_id", "item_id_b", "question", "rater_id", "repeat", "role"]
VERDICT_KEY = ["item_id", "item_id_b", "question", "repeat", "judge"]
ITEM_TEXT_COLUMNS = ("generator", "prompt_id", "prompt", "image", "image_before", "predicate")
LONG_COLUMNS = frozenset({"score", "verdict", "passed"})
"""One of these makes a table of scores long: a row per item and metric, rather than a column per metric."""
DECISIONS = {
    "pass": True, "true": True, "yes": True, "1": True, "1.0": True,
    "fail": False, "false": False, "no": False, "0": False, "0.0": False,
    "error": None, "": None, "undecidable": None, "abstain": None, "null": None, "na": None, "nan": None, "none": None,
}  # fmt: skip


@dataclass
class Read:
    """A frame, the problems that stand in the way of using it, and what is worth knowing."""

    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def checked(self) -> pd.DataFrame:
        """Return the frame; what was left out is logged, never left out in silence.

        Errors: `InvalidFilesError` listing every problem.
        """
        if self.problems:
            raise InvalidFilesError(self.problems)
        for note in self.notes:
            log.info("%s", note)
        return self.frame


def read_items(table: Table) -> Read:
    """Check the items table: unique ids, image names that stay in the study; empty cells become missing."""
    problems = require_columns(table, ["item_id"])
    if problems:
        return Read(table.frame, problems)
    frame = table.frame.apply(lambda column: column.str.strip())
    problems += _flag(table, frame["item_id"] == "", "item_id", "every item needs an id")
    problems += _flag(table, frame.duplicated("item_id"), "item_id", "stands twice; item ids are unique")
    for column in ("image", "image_before"):
        if column in frame.columns:
            outside = frame[column].map(leaves_study)
            problems += _flag(table, outside, column, "leaves the study; use a name relative to its folder")
    notes = []
    if "prompt_id" not in frame.columns and "prompt" in frame.columns:
        frame["prompt_id"] = frame["prompt"]
        notes.append(table.problem("no column prompt_id: items with the same prompt text are one prompt"))
    for column in ITEM_TEXT_COLUMNS:
        if column not in frame.columns:
            frame[column] = ""
    return Read(frame.mask(frame == ""), problems, notes)


def read_annotations(
    tables: Mapping[str, Table], item_ids: Iterable[str], settings: Callable[[str], StudySettings]
) -> Read:
    """Check people's answers: one table per question ("" is the main one), all problems at once.

    `settings` gives what is declared for a question; only its scale is used.
    """
    import pandas as pd

    known = pd.Index(list(item_ids))
    frames, problems, notes = [typed({}, ANSWER_COLUMNS)], [], []
    for question, table in tables.items():
        missing = require_columns(table, ["item_id", "value"])
        if missing:
            problems += missing
            continue
        text = table.frame
        columns: dict[str, Any] = {"item_id": text["item_id"].str.strip()}
        columns["item_id_b"] = _optional(text, "item_id_b")
        columns["question"] = _optional(text, "question").where(lambda q: q != "", question)
        if "rater_id" in text.columns:
            columns["rater_id"] = text["rater_id"].str.strip()
            problems += _flag(table, columns["rater_id"] == "", "rater_id", "every answer needs a rater")
        else:
            place = columns["item_id"].groupby([columns["item_id"], columns["question"]]).cumcount() + 1
            columns["rater_id"] = "slot" + place.astype(str)
            unread = [c for c in text.columns if c not in ANSWER_COLUMNS]
            hint = f" (not read: {', '.join(unread)})" if unread else ""
            notes.append(
                table.problem(f"no column rater_id: answers are numbered in the order of the file{hint}")
            )
        columns["role"] = _optional(text, "role").replace("", "main")
        wrong_role = ~columns["role"].isin(ROLES)
        problems += _flag(table, wrong_role, "role", f"is none of {', '.join(ROLES)}")
        columns["repeat"] = _repeats(table, problems) if "repeat" in text.columns else 0
        columns["value"] = parse_numbers(table, "value", problems)
        declared = settings(question)
        problems += _off_scale(table, columns["value"].where(columns["item_id_b"] == ""), declared)
        given = typed(columns, ANSWER_COLUMNS)
        problems += _unknown_items(table, given, known)
        problems += [table.problem(m, row, column) for row, column, m in pair_mistakes(given, declared)]
        frame = turned_answers(with_preferences(given, declared))
        problems += _twice(table, given, frame, ANSWER_KEY, "the same rater answers the same question twice")
        frames.append(frame)
    return Read(pd.concat(frames, ignore_index=True), problems, notes)


def _twice(
    table: Table, given: pd.DataFrame, turned: pd.DataFrame, key: list[str], message: str
) -> list[Problem]:
    """Flag rows whose key stands before; of a pair that stands in both orders this is said."""
    row = given.get("row", given.index)
    as_written, twice = (frame.duplicated(key).groupby(row).any() for frame in (given, turned))
    both = f"{message}: the pair stands in both orders; keep one"
    return [
        *_flag(table, as_written, "item_id", message),
        *_flag(table, twice & ~as_written, "item_id", both),
    ]


def _repeats(table: Table, problems: list[Problem]) -> pd.Series[int]:
    """Return which time of asking each row is; an empty cell is the first, 0."""
    repeat = parse_numbers(table, "repeat", problems).fillna(0)
    wrong = (repeat % 1 != 0) | (repeat < 0) | (repeat >= 2**31)
    problems += _flag(table, wrong, "repeat", "is no whole number from 0")
    return repeat.mask(wrong, 0).astype("int64")


def read_scores(
    tables: Iterable[Table], item_ids: Iterable[str], *, default_metric: Mapping[str, str]
) -> Read:
    """Check scores made elsewhere: long (`metric, score`), decisions (`metric, verdict`), or a column per metric.

    `default_metric` names the metric of a long table without a `metric` column, by the table's label.
    """
    import pandas as pd

    known = pd.Index(list(item_ids))
    frames = [typed({}, VERDICT_COLUMNS)]
    problems: list[Problem] = []
    for table in tables:
        missing = require_columns(table, ["item_id"])
        if missing:
            problems += missing
            continue
        if "metric" in table.frame.columns and not LONG_COLUMNS & set(table.frame.columns):
            problems += require_columns(table, ["score"])
            continue
        if LONG_COLUMNS & set(table.frame.columns):
            frame = _long_scores(table, default_metric[table.label], problems)
        else:
            frame = _wide_scores(table, problems)
        frame = _decided_or_abstained(frame, table.label)
        problems += _unknown_items(table, frame, known)
        itself = (frame["item_id_b"] != "") & (frame["item_id"] == frame["item_id_b"])
        problems += _flag(table, itself.groupby(frame["row"]).any(), "item_id_b", ITSELF)
        turned = turned_verdicts(frame)
        problems += _twice(table, frame, turned, VERDICT_KEY, "is scored twice by one metric")
        frames.append(frame.drop(columns="row"))
    read = Read(turned_verdicts(pd.concat(frames, ignore_index=True)), problems)
    if not problems:
        across = read.frame.duplicated(VERDICT_KEY)
        for metric in read.frame.loc[across, "judge"].unique():
            problems.append(Problem("scores", "is scored in several files; keep one", field=metric))
    return read


def read_score_table(table: Table, item_ids: Iterable[str], *, default_metric: str) -> Read:
    """Check one table of scores (see `read_scores`)."""
    return read_scores([table], item_ids, default_metric={table.label: default_metric})


def _long_scores(table: Table, default_metric: str, problems: list[Problem]) -> pd.DataFrame:
    text = table.frame
    metric = text["metric"].str.strip() if "metric" in text.columns else default_metric
    columns: dict[str, Any] = {"item_id": text["item_id"].str.strip(), "judge": metric}
    if "metric" in text.columns:
        problems += _flag(table, columns["judge"] == "", "metric", "every score needs the name of its metric")
    for name in ("item_id_b", "question", "reason", "status"):
        columns[name] = _optional(text, name)
    wrong_status = ~columns["status"].isin(("", *get_args(Status)))
    problems += _flag(table, wrong_status, "status", f"is none of {', '.join(get_args(Status))}")
    for name in ("score", "confidence", "seconds", "tokens", "cost_usd"):
        if name in text.columns:
            columns[name] = parse_numbers(table, name, problems)
    for name in ("passed", "verdict"):
        if name in text.columns:
            word = text[name].str.strip().str.lower()
            unknown = ~word.isin(DECISIONS)
            problems += _flag(
                table, unknown, name, "is none of pass, fail, undecidable (yes, no, 1, 0, empty)"
            )
            columns["passed"] = word.map(DECISIONS).astype("boolean")
            columns["status"] = columns["status"].mask(word == "error", "failed")
    frame = typed(columns, VERDICT_COLUMNS)
    frame["row"] = range(len(frame))
    return frame


def _wide_scores(table: Table, problems: list[Problem]) -> pd.DataFrame:
    import pandas as pd

    parts = []
    item_ids = table.frame["item_id"].str.strip()
    for metric in table.frame.columns.drop("item_id"):
        score = parse_numbers(table, metric, problems)
        part = typed({"item_id": item_ids, "judge": metric, "score": score}, VERDICT_COLUMNS)
        part["row"] = range(len(part))
        parts.append(part)
    if not parts:
        problems.append(
            table.problem("holds no scores: a column per metric, or metric and score, is expected")
        )
        return typed({}, VERDICT_COLUMNS).assign(row=pd.Series(dtype="int64"))
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


def _optional(text: pd.DataFrame, column: str) -> pd.Series[str]:
    import pandas as pd

    if column in text.columns:
        return text[column].str.strip()
    return pd.Series("", index=text.index, dtype="str")


def _flag(
    table: Table, wrong: pd.Series[bool] | np.ndarray[Any, Any], column: str, message: str
) -> list[Problem]:
    import numpy as np

    return [table.problem(message, int(i), column) for i in np.flatnonzero(np.asarray(wrong))]


def _unknown_items(table: Table, frame: pd.DataFrame, known: pd.Index[Any]) -> list[Problem]:
    rows = frame["row"] if "row" in frame.columns else range(len(frame))
    problems = []
    for column in ("item_id", "item_id_b"):
        unknown = ~frame[column].isin(known) & ((frame[column] != "") | (column == "item_id"))
        where = sorted({int(r) for r, wrong in zip(rows, unknown, strict=True) if wrong})
        problems += [table.problem("is no item of the items table", i, column) for i in where]
    return problems


def _off_scale(table: Table, value: pd.Series[float], settings: StudySettings) -> list[Problem]:
    low, high = settings.scale_min, settings.scale_max
    problems: list[Problem] = []
    if low is not None:
        problems += _flag(table, value < low, "value", f"lies below scale_min = {low:g}")
    if high is not None:
        problems += _flag(table, value > high, "value", f"lies above scale_max = {high:g}")
    return problems
