"""Judge `table`: scores computed elsewhere, so that a new metric is validated without writing code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from genspace.errors import InputError, InvalidFilesError, did_you_mean
from genspace.judges._protocol import JudgeContext, JudgeSpec, parse_options
from genspace.records import Request, Verdict, fingerprint
from genspace.study import read_score_table
from genspace.tables import read_table, table_stem

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableJudge", "TableOptions", "make"]


class TableOptions(BaseModel):
    """Options of `[judges.NAME] kind = "table"`."""

    model_config = ConfigDict(extra="forbid")
    path: str | None = Field(
        default=None, description="CSV, TSV, JSONL or Parquet table, relative to the study"
    )
    metric: str | None = Field(
        default=None, description="which metric of the table; not needed when it holds one"
    )


@dataclass(frozen=True)
class TableJudge:
    """Answers from a table of scores; an item without a row is an abstention."""

    fingerprint: str
    scores: pd.DataFrame
    """Rows of one metric, as `genspace.study.Study.verdicts` has them."""
    label: str

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield the table's verdict on each item."""
        columns = {
            name: self.scores[name].array for name in ("status", "score", "passed", "confidence", "reason")
        }
        row_of = {item_id: row for row, item_id in enumerate(self.scores["item_id"])}
        for request in requests:
            row = row_of.get(request.item.item_id)
            if row is None:
                yield Verdict.abstained(request, f"no row in {self.label}")
                continue
            cells = {name: _plain(array[row]) for name, array in columns.items()}
            status, reason, confidence = cells["status"], cells["reason"], cells["confidence"]
            if status == "decided":
                passed = None if cells["passed"] is None else bool(cells["passed"])
                yield Verdict.decided(
                    request,
                    score=float(cells["score"]),
                    passed=passed,
                    confidence=confidence,
                    reason=reason or None,
                )
            elif status == "failed":
                yield Verdict.failed(request, reason)
            else:
                yield Verdict.abstained(request, reason, confidence=confidence)


def make(spec: JudgeSpec, context: JudgeContext) -> TableJudge:
    """Return the judge for `table:PATH` or a `[judges.NAME]` table with `path` and `metric`.

    Errors: `InputError` for a missing path or metric, `InvalidFilesError` for every problem of the table.
    """
    options = parse_options(TableOptions, spec)
    name = options.path or spec.model
    if name is None:
        raise InputError(f"{spec.source}: judge {spec.name!r} needs a table: --judge table:scores.csv")
    path = _locate(name, context)
    table = read_table(path, name)
    items = table.frame if context.study is None else context.study.items
    item_ids = items.get("item_id")
    read = read_score_table(table, () if item_ids is None else item_ids, default_metric=str(table_stem(path)))
    if read.problems:
        raise InvalidFilesError(read.problems)
    metrics = sorted(read.frame["judge"].unique())
    metric = options.metric or (metrics[0] if len(metrics) == 1 else None)
    if metric not in metrics:
        asked = "" if metric is None else f" {metric!r}"
        raise InputError(
            f"{name}: which metric{asked}?{did_you_mean(metric or '', metrics)}; say -o {spec.name}.metric=NAME"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    mark = fingerprint({"kind": "table", "version": 1, "sha256": digest, "metric": metric})
    return TableJudge(mark, read.frame[read.frame["judge"] == metric], name)


def _locate(name: str, context: JudgeContext) -> Path:
    """Return the path as given, or relative to the study where only that is there."""
    path = Path(name)
    if not path.is_file() and context.study is not None and (context.study.root / name).is_file():
        return context.study.root / name
    return path


def _plain(cell: Any) -> Any:
    """Return None for a missing cell, else the cell."""
    import pandas as pd

    return None if pd.isna(cell) else cell
