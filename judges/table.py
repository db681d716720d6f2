"""Judge `table`: scores computed elsewhere, so that a new metric is validated without writing code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from genspace.errors import InputError, InvalidFilesError, did_you_mean, refuse
from genspace.judges._protocol import JudgeContext, JudgeSpec, parse_options
from genspace.records import Request, Verdict, fingerprint
from genspace.store import DiskMap
from genspace.study import Reading, read_score_table
from genspace.tables import Table, read_parts, read_table, table_stem

if TYPE_CHECKING:
    import pandas as pd

    from genspace.study import Study

__all__ = ["TableJudge", "TableOptions", "make"]


CELLS = ("status", "score", "passed", "confidence", "reason")


class TableOptions(BaseModel):
    """Options of `[judges.NAME] kind = "table"`.

    >>> TableOptions(path="scores.csv", metric="clip").metric
    'clip'
    """

    model_config = ConfigDict(extra="forbid")
    path: str | None = Field(
        default=None, description="CSV, TSV, JSONL or Parquet table, relative to the study"
    )
    metric: str | None = Field(
        default=None, description="which metric of the table; not needed when it holds one"
    )


@dataclass(frozen=True)
class TableJudge:
    r"""Answers from a table of scores; an item without a row is an abstention.

    >>> import tempfile
    >>> from genspace.judges import make_judge
    >>> file = Path(tempfile.mkdtemp()) / "clip.csv"
    >>> _ = file.write_text("item_id,metric,score\n7,clip,0.8\n")
    >>> judge = make_judge(JudgeSpec(name="clip", kind="table", model=str(file)), JudgeContext())
    >>> len(judge.fingerprint)
    16
    """

    fingerprint: str
    rows: DiskMap
    """By item, the `CELLS` of its row as JSON."""
    label: str

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield the table's verdict on each item."""
        for request in requests:
            row = self.rows.get(request.item.item_id)
            if row is None:
                yield Verdict.abstained(request, f"no row in {self.label}")
                continue
            status, score, passed, confidence, reason = json.loads(row)
            if status == "decided":
                yield Verdict.decided(
                    request, score=score, passed=passed, confidence=confidence, reason=reason or None
                )
            elif status == "failed":
                yield Verdict.failed(request, reason)
            else:
                yield Verdict.abstained(request, reason, confidence=confidence)


def make(spec: JudgeSpec, context: JudgeContext) -> TableJudge:
    """Return the judge for `table:PATH` or a `[judges.NAME]` table with `path` and `metric`.

    Errors: `InputError` for a missing path or metric, `InvalidFilesError` for every problem of the table.

    >>> make(JudgeSpec(name="clip", kind="table"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: the command line: judge 'clip' needs a table, for example table:scores.csv
    """
    options = parse_options(TableOptions, spec)
    name = options.path or spec.model
    if name is None:
        raise InputError(f"{spec.source}: judge {spec.name!r} needs a table, for example table:scores.csv")
    path = _locate(name, context)
    try:
        rows = _MetricRows(options.metric, context.study, str(table_stem(path)))
        sound = all(rows.add(part) for part in read_parts(path, name)) and rows.once
    except InvalidFilesError:
        sound = False
    if not sound:  # the whole shows every problem, or that there is none
        rows = _MetricRows(options.metric, context.study, str(table_stem(path)))
        rows.add(read_table(path, name), complain=True)
    metrics = sorted(rows.metrics)
    metric = options.metric or (metrics[0] if len(metrics) == 1 else None)
    if metric not in metrics:
        asked = "" if metric is None else f" {metric!r}"
        raise InputError(
            f"{name}: which metric{asked}?{did_you_mean(metric or '', metrics)}; say -o {spec.name}.metric=NAME"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    mark = fingerprint({"kind": "table", "version": 1, "sha256": digest, "metric": metric})
    return TableJudge(mark, rows.of_item, name)


@dataclass
class _MetricRows:
    """Gathers one metric's rows from the parts of a table."""

    metric: str | None
    """None: the table's only one."""
    study: Study | None
    default_metric: str
    metrics: set[str] = field(default_factory=set)
    of_item: DiskMap = field(default_factory=DiskMap)
    taken: int = 0
    readings: list[Reading] = field(default_factory=list)
    """How the first part was read: where another is read in another way, the whole decides."""

    def add(self, part: Table, *, complain: bool = False) -> bool:
        """Take a part's rows; return whether all is well with them. Errors: with `complain`, every problem."""
        read = read_score_table(part, self._known(part), default_metric=self.default_metric)
        if complain:
            refuse(read.problems)
        self.readings = self.readings or read.readings
        self.metrics.update(read.frame["judge"].unique())
        wanted = self.metric or min(self.metrics, default="")
        chosen = read.frame.loc[read.frame["judge"] == wanted, ["item_id", *CELLS]]
        self.taken += len(chosen)
        self.of_item.update(_entries(chosen))
        return not read.problems and read.readings == self.readings

    @property
    def once(self) -> bool:
        """Whether no item had two rows."""
        return len(self.of_item) == self.taken

    def _known(self, part: Table) -> pd.Series[str]:
        """Return those of the part's ids that the study has."""
        item_ids = part.frame.get("item_id", part.frame.iloc[:0, 0]).str.strip()
        return item_ids if self.study is None else item_ids[self.study.items_table.known(item_ids)]


def _entries(rows: pd.DataFrame) -> Iterator[tuple[str, str]]:
    plain = rows.astype(object).where(rows.notna(), None)
    for item_id, *cells in plain.itertuples(index=False, name=None):
        yield item_id, json.dumps(cells)


def _locate(name: str, context: JudgeContext) -> Path:
    """Return the path as given, or relative to the study where only that is there."""
    path = Path(name)
    if not path.is_file() and context.study is not None and (context.study.root / name).is_file():
        return context.study.root / name
    return path
