"""What the words of a report's main table mean, for a reader who meets them first here."""

from __future__ import annotations

from collections.abc import Mapping

from genspace.analysis.figures import Named
from genspace.analysis.result import QuestionResult
from genspace.report._table import JudgeTable

__all__ = ["words"]

SECTIONS: Mapping[str, str] = {
    "within_prompt": "; between images of one prompt only",
    "within_generator": "; between images of one generator only",
    "system": "; between generators",
}
ROWS: Mapping[str, tuple[str, str]] = {
    "people": (
        "people (each against the rest)",
        "one rater as if a judge of the others, averaged: what a judge needs to pass for a rater",
    ),
    "constant": ("baseline: constant", "the same score for every item: what knowing nothing gives"),
    "prompt mean": (
        "baseline: prompt mean",
        "the mean answer to the other images of the prompt: what is gained without looking, once answers are known",
    ),
    "derived": (
        "derived from the ratings",
        "computed from the answers themselves, so shown and never ranked",
    ),
}


def words(table: JudgeTable, result: QuestionResult) -> list[tuple[str, str]]:
    """Return every word that the table and the plot above it use, with its meaning."""
    reference = result.study.reference
    found = [
        (column.label, _meaning(column.named, reference) + SECTIONS.get(column.section, ""))
        for column in table.columns
        if column.named.meaning
    ]
    found.append(("[low, high]", "interval: where the figure could lie had other prompts been taken"))
    kinds = {row.kind for row in table.rows} | {
        row.name.removeprefix("baseline: ") for row in table.rows if row.kind == "baseline"
    }
    found += [entry for kind, entry in ROWS.items() if kind in kinds]
    if result.human.ceiling.model is not None:
        meaning = (
            "what the mean of infinitely many raters would reach against these ratings, under a model of them"
        )
        found.append(("ceiling", meaning))
    found.append(("n", "items behind the first figure"))
    found.append(
        ("coverage", "share of the rated items that the judge scores; on the rest it abstained or failed")
    )
    found.append(("ties", "share of the pairs of items that the judge scores the same"))
    return found


def _meaning(figure: Named, reference: str) -> str:
    source = f" ({figure.source})" if figure.source else ""
    return figure.meaning.format(people=reference) + source
