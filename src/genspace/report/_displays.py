"""What a notebook shows of the results that are more than a table of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from genspace.analysis.figures import FIGURES
from genspace.display import View
from genspace.gather import evidence_of
from genspace.report._answer import conclude
from genspace.report._generators import MOST_PLOTS, order_plot, order_table
from genspace.report._plots import differences, forest, specification_map, studies_forest
from genspace.report._sentences import order_sentences, reason_text, studies_sentences, validation_sentences
from genspace.report._styles import judge_styles
from genspace.report._table import AgreementTable, figure_text, figure_words, number, percent
from genspace.report._table import judge_table as table_of
from genspace.report._words import OF_ORDERS

if TYPE_CHECKING:
    from genspace.analysis import Comparison, Estimate
    from genspace.analysis.inference.studies import Studies
    from genspace.analysis.ranking import Ranking
    from genspace.analysis.reasons import Reason
    from genspace.analysis.validation import Validation
    from genspace.geometry.scene import Pair, Scene
    from genspace.report._item import ItemView
    from genspace.study import Study


def judge_table(table: AgreementTable) -> View:
    """Judges in rows, figures with intervals in columns."""
    head = ("", "judge", *(c.label for c in table.columns), "n", "coverage")
    rows = [
        (
            str(row.rank or ""),
            row.name,
            *map(figure_text, row.estimates),
            f"{row.n:,}" if row.n else "–",
            percent(row.coverage),
        )
        for row in table.rows
    ]
    return View("Agreement of judges", head=head, rows=rows)


def comparison(result: Comparison) -> View:
    """The answer, the main table, and the plots of the report's first screen and of the specifications."""
    document = result.document
    found = conclude(document)
    shown = judge_table(table_of(document))
    sentences = [*found.sentences, *(f"But mind: {c}" for c in found.caveats)]
    return View(document.study.name, sentences, shown.head, shown.rows,
                lambda: (forest(document), specification_map(document)))  # fmt: skip


def validation(result: Validation) -> View:
    """The findings, and the new metric's difference from each other."""
    document = result.document
    silent = any(row.penalised.n != row.difference.n for row in document.against)
    rows = [
        (
            row.judge, figure_words(row.difference, signed=True), row.claim or "–", f"{row.difference.n:,}",
            *([figure_words(row.penalised, signed=True)] if silent else []),
        )
        for row in document.against
    ]  # fmt: skip

    def drawn() -> Iterator[str | None]:
        yield differences(
            [(row.judge, row.difference) for row in document.against],
            f"{document.metric} minus the other, {document.primary.label}; dashed: the margin",
            f"difference of {document.metric} from each other metric with its interval",
            margin=document.margin,
        )

    return View(f"{document.metric} in {document.study}", validation_sentences(document),
                ("against", "difference", "it is", "n", *(["with abstentions tied"] if silent else [])), rows,
                drawn, words=OF_ORDERS)  # fmt: skip


def studies(result: Studies) -> View:
    """What the studies show together, and each judge in each of them."""
    document = result.document
    over = ["mean over studies like these"] if any(j.pooled for j in document.judges.values()) else []
    rows = []
    for name, judge in document.judges.items():
        cells = [figure_text(judge.by_study[s]) if s in judge.by_study else "–" for s in document.studies]
        if over:
            mean = judge.pooled
            cells.append(
                "–" if mean is None else f"{number(mean.value)} [{number(mean.low)}, {number(mean.high)}]"
            )
        rows.append((name, *cells))
    return View(
        f"{len(document.studies)} studies, {FIGURES[document.figure].label}", studies_sentences(document),
        ("judge", *document.studies, *over), rows, lambda: [studies_forest(document)],
    )  # fmt: skip


def ranking(result: Ranking) -> View:
    """The order in words, everybody's ranks, and the first judges' orders drawn beside the people's."""
    reference, found = result.document.study.reference, result.document.generators
    title = f"Generators of {result.document.study.name}"
    if found.people is None:
        return View(title, [f"Nothing to rank: {reason_text(found.reason)}."])
    head, rows = order_table(reference, found)
    people = found.people

    def drawn() -> Iterator[str | None]:
        styles = judge_styles(found.judges)
        for name, order in [*found.judges.items()][:MOST_PLOTS]:
            yield order_plot(reference, people, name, order, styles[name])

    return View(title, order_sentences(found, reference), head, rows, drawn, words=OF_ORDERS)


def estimate(result: Estimate) -> View:
    """One figure, or why there is none."""
    told = reason_text(result.reason)
    short = figure_text(result) + (f" ({told})" if told else "")
    return View("Estimate", [f"{short}, n = {result.n:,}"], short=short)


def reason(result: Reason) -> View:
    """A reason in words."""
    return View("Reason", [reason_text(result)], short=reason_text(result))


def scene(result: Scene) -> View:
    """The scene from above, and a row per object."""
    from genspace.geometry.drawing.plan import plan

    size = f"{result.width} × {result.height} pixels, {len(result.objects)} objects"
    rows = [
        (thing.id, thing.label or "", _metres(thing.centre), _metres(thing.extent))
        for thing in result.objects
    ]
    return View(result.source, [size], ("object", "class", "centre (m)", "size (m)"), rows,
                lambda: [plan(result)])  # fmt: skip


def _metres(values: tuple[float, ...] | None) -> str:
    return "–" if values is None else ", ".join(f"{v:.2f}" for v in values)


def pair(result: Pair) -> View:
    """The scenes before and after an edit, from above."""
    before, after = scene(result.before), scene(result.after)
    rows = [(when, *row) for when, view in (("before", before), ("after", after)) for row in view.rows]
    return View(result.source, [*before.sentences, *after.sentences], ("", *before.head), rows,
                lambda: [*before.pictures, *after.pictures])  # fmt: skip


def item(result: ItemView) -> View:
    """One item: what it asks, what people and judges say."""
    document = result.document
    sentences = [text for text in (document.prompt, document.says, document.problem) if text]
    people = [(row.rater_id, _said(row.value, "can't tell"), "", "") for row in document.people]
    judges = [
        (row.judge, _said(row.score, row.status), _passed(row.passed), row.reason or "")
        for row in document.verdicts
    ]
    return View(document.item_id, sentences, ("who", "answer", "passed", "reason"), [*people, *judges])


def _said(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:.4g}"


def _passed(value: bool | None) -> str:
    return "" if value is None else ("yes" if value else "no")


def study(result: Study) -> View:
    """What a study holds."""
    rows: list[tuple[str, str]] = [("items", f"{len(result.items):,}")]
    evidence = evidence_of(result)
    rows += [("answers", f"{len(evidence.answers):,}"), ("verdicts", f"{len(evidence.every_verdict):,}")]
    rows.append(("judges and metrics", ", ".join(sorted(evidence.judges)) or "–"))
    sentences = [result.settings.question] if result.settings.question else []
    return View(result.settings.name, sentences, ("", ""), rows)
