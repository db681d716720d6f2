"""What a section of the report draws on: one question's document, and the study behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.analysis.result import QuestionResult
from genspace.records import Reference
from genspace.report._items import ItemColumns, item_columns
from genspace.report._plots import Plot, plots_of
from genspace.report._table import AgreementTable, judge_table

if TYPE_CHECKING:
    from genspace.analysis import Comparison
    from genspace.analysis.question import Question
    from genspace.evidence import Evidence
    from genspace.study import Study


@dataclass(frozen=True)
class ReportPart:
    """One question of a study, with what its sections need.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> [part] = parts_of(comparison)
    >>> part.reference, part.table.rows[0].name
    ('people', 'clip')
    """

    key: str
    """Makes the ids of this part's elements unique in the page."""
    question: str
    """"" is the main question."""
    document: QuestionResult
    """The question's comparison."""
    asked: Question | None = None
    """What the figures were computed from; None: single answers are not shown."""
    study: Study | None = None
    """Where pictures come from; None: none are shown."""
    evidence: Evidence | None = None
    """The study's; of the same moment as the figures."""
    folder: Path | None = None
    """Where the page will lie, for links to full images; None: no links."""

    @cached_property
    def table(self) -> AgreementTable:
        """Every judge's row of the main table."""
        return judge_table(self.document)

    @cached_property
    def plots(self) -> Mapping[str, Plot]:
        """The question's plots by name, each drawn once for the page and its files."""
        return dict(plots_of(self.document))

    @cached_property
    def items(self) -> ItemColumns | None:
        """Every rated item with every answer; None without a study, ratings or judges."""
        if self.asked is None or not self.document.study.n_annotated:
            return None
        judges = [row.name for row in self.table.rows if row.is_judge]
        return item_columns(self.asked.units, judges, self.document.options.by) if judges else None

    @property
    def reference(self) -> Reference:
        """What judges are compared with, in words: people, or the known truth."""
        return self.document.study.reference


@dataclass(frozen=True)
class Section:
    """One section of the report: a function that builds its data, and a template.

    The template `templates/sections/NAME.html.j2` sees `part`, `d` (its document), `table`, `reference`, and as `data`
    what the function returned.

    >>> Section("note", "Against {reference}", lambda part: part.key).title.format(reference="people")
    'Against people'
    """

    name: str
    title: str
    """Heading; `{reference}` stands for people or the known truth."""
    build: Callable[[ReportPart], object]
    """Returns what the template shows; None or something empty: the section is left out."""


def parts_of(
    comparison: Comparison, study: Study | None = None, folder: Path | None = None
) -> list[ReportPart]:
    """Return a comparison's questions, the main one first.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> [(part.key, part.question) for part in parts_of(comparison)]
    [('q0', '')]
    """
    questions = {"": comparison.document, **comparison.document.questions}
    asked = dict(zip(questions, comparison.questions.values(), strict=False))  # none in one read from a file
    return [
        ReportPart(f"q{i}", name, found, asked.get(name), study, comparison.evidence, folder)
        for i, (name, found) in enumerate(questions.items())
    ]
