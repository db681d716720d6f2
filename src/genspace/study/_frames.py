"""Data frames as a study's tables: read by the readers of files, so that a cell means the same in both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genspace.columns import ANSWER_COLUMNS, VERDICT_COLUMNS, typed
from genspace.errors import InvalidFilesError, refuse
from genspace.readings import Reading
from genspace.records import StudySettings
from genspace.study._readers import Read, read_annotations, read_items
from genspace.study._score_readers import LONG_COLUMNS, read_scores
from genspace.tables import require_columns, table_of

if TYPE_CHECKING:
    import pandas as pd

OF_PROGRAMS = ("excluded",)
"""Columns of answers that no table of a study holds, but that a program may know."""


@dataclass(frozen=True)
class StudyFrames:
    """The checked contents of data frames."""

    items: pd.DataFrame
    answers: pd.DataFrame
    """`genspace.columns.ANSWER_COLUMNS`."""
    verdicts: pd.DataFrame
    """`genspace.columns.VERDICT_COLUMNS`."""
    answers_readings: tuple[Reading, ...]
    readings: tuple[Reading, ...]
    """What was inferred about items and scores."""


def read_frames(
    items: pd.DataFrame,
    annotations: pd.DataFrame | None,
    scores: pd.DataFrame | None,
    settings: StudySettings,
) -> StudyFrames:
    """Read data frames by the rules for `items.csv`, `annotations.csv` and a table of scores.

    Errors: `InvalidFilesError` listing every problem of all three.

    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": [1, 2]})
    >>> said = pd.DataFrame({"item_id": [1, 2], "value": ["yes", "no"]})
    >>> read_frames(items, said, None, StudySettings(name="pilot")).answers["value"].tolist()
    [1.0, 0.0]
    """
    things = read_items(table_of(items, "items"), named_files=False)
    if "item_id" not in things.frame.columns:
        raise InvalidFilesError(things.problems)
    ids = things.frame["item_id"]
    said, judged = Read(typed({}, ANSWER_COLUMNS)), Read(typed({}, VERDICT_COLUMNS))
    if annotations is not None:
        table = table_of(annotations, "annotations")
        said = read_annotations({"": table}, ids, lambda _: settings, further=OF_PROGRAMS)
    if scores is not None:
        judged = read_score_frame(scores, ids)
    refuse([*things.problems, *said.problems, *judged.problems])
    readings = (*things.readings, *judged.readings)
    return StudyFrames(things.frame, said.frame, judged.frame, tuple(said.readings), readings)


def read_score_frame(scores: pd.DataFrame, item_ids: pd.Series[str], *, metric: str | None = None) -> Read:
    """Read a frame of scores by metric, or by judge.

    Args:
        scores: The frame.
        item_ids: The ids of all items.
        metric: The metric's name if the frame has none; None: a frame with one row per score must name it.

    >>> import pandas as pd
    >>> scores = pd.DataFrame({"item_id": ["a", "b"], "score": [0.2, 0.4]})
    >>> read_score_frame(scores, pd.Series(["a", "b"]), metric="clip").frame["judge"].tolist()
    ['clip', 'clip']
    """
    table = table_of(scores, "scores")
    by_judge = "judge" in table.frame.columns and "metric" not in table.frame.columns
    if by_judge:
        table = replace(table, frame=table.frame.rename(columns={"judge": "metric"}))
    long = LONG_COLUMNS & {*table.frame.columns}
    if metric is None and long and (problems := require_columns(table, ["metric"])):
        return Read(typed({}, VERDICT_COLUMNS), problems)
    read = read_scores([table], item_ids, default_metric={table.label: metric or ""})
    return replace(read, frame=read.frame.assign(origin="judge")) if by_judge else read
