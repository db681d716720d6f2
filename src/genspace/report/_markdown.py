"""The summary of a comparison for a pull request: the answer, the table, what it rests on, where the report lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from genspace.analysis.result import QuestionResult
from genspace.report._answer import conclude
from genspace.report._part import parts_of
from genspace.report._table import AgreementTable, counts, judge_table, markdown_table, units_of

if TYPE_CHECKING:
    from genspace.analysis import Comparison

MOST_ROWS = 12
"""Judges of the table; the report has all."""


def markdown_summary(comparison: Comparison, *, report: str | None = None, level: str = "item") -> str:
    """Summarise a comparison in Markdown, for a pull request.

    Args:
        comparison: The finished comparison.
        report: Address of the full report, to link to.
        level: Which table: "item" or "system".

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> markdown_summary(comparison, report="report.html").splitlines()[-1]
    '[Full report](report.html)'
    """
    study = comparison.document.study
    lines = [f"### {study.name}: agreement with {study.reference}", ""]
    for part in parts_of(comparison):
        if part.question:
            lines += [f"#### Question “{part.question}”", ""]
        lines += _part(part.document, level)
    if report is not None:
        lines.append(f"[Full report]({report})")
    return "\n".join(lines).rstrip() + "\n"


def _part(result: QuestionResult, level: str) -> Iterator[str]:
    found = conclude(result)
    yield f"**{found.believe}**"
    yield ""
    told = [*found.sentences[1:], *(f"But mind: {caveat}" for caveat in found.caveats)]
    yield from (f"- {sentence}" for sentence in told)
    if told:
        yield ""
    table = judge_table(result, level=level)
    shown = AgreementTable(table.columns, tuple(r for r in table.rows if r.kind != "baseline")[:MOST_ROWS])
    yield markdown_table(shown)
    yield _basis(result)
    yield ""


def _basis(result: QuestionResult) -> str:
    study, options = result.study, result.options
    sizes = ", ".join(map(" ".join, counts(result, but={"n_items", "n_annotated"})))
    rated = f"{study.n_annotated:,} of {study.n_items:,} {units_of(result)} rated; {sizes}."
    return f"{rated} Intervals: {options.confidence:.0%}, from leaving out each prompt in turn, for these generators."
