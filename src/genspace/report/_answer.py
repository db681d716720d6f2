"""The answer in words: what a reader should take away before any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspace.judges.geometry import part_costs
from genspace.report._table import LABELS, Row, figure_text, judge_table, number

__all__ = ["Answer", "answer", "conclude"]

LONGEST_LEAD = 160
"""Characters; of a warning whose first sentence is longer the first screen shows what stands before its colon."""


@dataclass(frozen=True)
class Answer:
    """What the first screen says."""

    believe: str
    """Which judge to believe, with its figure."""
    sure: Sequence[str] = ()
    """What these data can and cannot tell apart."""
    reference: Sequence[str] = ()
    """How far people agree with one another, and what that leaves for a judge."""
    parts: Sequence[str] = ()
    """What each part of a geometry judge costs."""
    caveats: Sequence[str] = ()
    """Each warning's beginning."""

    @property
    def sentences(self) -> list[str]:
        """Everything but the warnings, the most important first."""
        return [self.believe, *self.sure, *self.reference, *self.parts]


def answer(document: Mapping[str, Any]) -> list[str]:
    """Return the comparison's conclusions as plain sentences, the most important first."""
    return conclude(document).sentences


def conclude(document: Mapping[str, Any]) -> Answer:
    """Return the comparison's conclusions, sorted by what they answer."""
    study = document["study"]
    caveats = tuple(_lead(note["text"]) for note in document["notes"] if note["level"] == "warning")
    if not study["n_items"]:
        return Answer("The study holds no items.")
    if not study["n_annotated"]:
        return Answer(
            "Nobody has rated these items yet, so no judge can be believed or doubted; mean scores are shown."
        )
    ranked = [r for r in judge_table(document).rows if r.rank is not None]
    if not ranked:
        return Answer(_none_ranked(document), caveats=caveats)
    figure = LABELS.get(document["primary"]["figure"], document["primary"]["figure"])
    best = ranked[0]
    figures = figure_text(best.estimates[0])
    reference = study["reference"]
    believe = f"{best.name} agrees best with {reference}: {figure} {figures} ({_basis(document, best)})."
    ahead = [r for r in ranked if r.estimates[0]["value"] > best.estimates[0]["value"]]
    sure = []
    if ahead:
        told = ", ".join(f"{r.name} ({r.n:,} items, coverage {r.coverage or 0:.0%})" for r in ahead)
        sure.append(f"A higher figure on fewer items, too few to call it best: {told}.")
    return Answer(
        believe,
        sure=[*sure, *_group(document, best.name)],
        reference=_people(document, figure),
        parts=_parts(document, figure),
        caveats=caveats,
    )


def _none_ranked(document: Mapping[str, Any]) -> str:
    """Say why no judge can be called best."""
    kinds = {judge["kind"] for judge in document["judges"].values()} - {"baseline"}
    if not kinds:
        return "No judge has scored these items yet."
    if kinds == {"derived"}:
        return "There is no judge to rank: all scores here are computed from the ratings themselves."
    return "No judge has a figure to rank: see the reasons in the table."


def _lead(text: str) -> str:
    """Return a warning's first sentence, or what stands before its colon where that is long.

    >>> _lead("One rater: agreement among people is unknown. More is said here.")
    'One rater: agreement among people is unknown.'
    >>> _lead("The order depends on what a tie is worth: " + 20 * "wrong or half, " + "says the table.")
    'The order depends on what a tie is worth.'
    """
    sentence = text.partition(". ")[0].removesuffix(".")
    return (sentence if len(sentence) <= LONGEST_LEAD else sentence.partition(": ")[0]) + "."


def _basis(document: Mapping[str, Any], row: Row) -> str:
    """Return what a figure rests on: its interval's level, the items, the share of items decided."""
    level = (
        f"{document['options']['confidence']:.0%} interval, " if row.estimates[0]["low"] is not None else ""
    )
    return f"{level}{row.n or 0:,} items, coverage {row.coverage or 0:.0%}"


def _group(document: Mapping[str, Any], best: str) -> list[str]:
    """Say which judges the best one is not significantly ahead of.

    Not the significance groups: a judge starts one when any member beats it, not only the best.
    """
    from genspace.analysis.significance import ALPHA

    tested = [pair for pair in document["tests"].get("pairs") or [] if best in (pair["a"], pair["b"])]
    if not tested:
        return []
    close = [
        pair["b"] if pair["a"] == best else pair["a"]
        for pair in tested
        if pair["a"] != best or pair["p_holm"] is None or pair["p_holm"] >= ALPHA or pair["difference"] <= 0
    ]
    if not close:
        return ["It is significantly ahead of every other judge (permutation test by prompt, Holm-adjusted)."]
    named = ", ".join(close)
    return [f"These data cannot tell it apart from {named} (permutation test by prompt, Holm-adjusted)."]


def _people(document: Mapping[str, Any], figure: str) -> list[str]:
    row = (document["human"].get("row") or {}).get(document["primary"]["figure"])
    if not row or row["value"] is None:
        return []
    text = f"People agree with one another at {figure} {number(row['value'])}"
    ceiling = document["human"].get("ceiling") or {}
    if ceiling.get("value") is not None:
        text += f"; their noise puts the ceiling for any judge near {number(ceiling['value'])}"
    return [text + "."]


def _parts(document: Mapping[str, Any], figure: str) -> list[str]:
    """Say what each part of a geometry judge's perception costs, where it was replaced by scene truth."""
    values = {r.name: r.estimates[0]["value"] for r in judge_table(document).rows if r.estimates}
    bases = {base for name in values if name.endswith("]") and (base := name.partition("[")[0]) in values}
    sentences = []
    for base in sorted(bases):
        known = [row for row in part_costs(values, base) if row["cost"] is not None]
        told = ", ".join(f"{row['replaced']} {row['cost']:+.3f}" for row in known)
        if told:
            sentences.append(f"{base} with parts replaced changes its {figure} by: {told}.")
    return sentences
