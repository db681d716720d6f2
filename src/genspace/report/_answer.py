"""The answer in words: what a reader should take away before any table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genspace.analysis.figures import FIGURES
from genspace.analysis.result import QuestionResult
from genspace.analysis.significance import ALPHA
from genspace.report._sentences import people_sentences, remarks_of
from genspace.report._table import Row, figure_text, judge_table

__all__ = ["Answer", "conclude"]

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


def conclude(result: QuestionResult) -> Answer:
    """Return the comparison's conclusions, sorted by what they answer."""
    study = result.study
    caveats = tuple(_lead(text) for level, text in remarks_of(result) if level == "warning")
    if not study.n_items:
        return Answer("The study holds no items.")
    if not study.n_annotated:
        return Answer(
            "Nobody has rated these items yet, so no judge can be believed or doubted; mean scores are shown."
        )
    ranked = [r for r in judge_table(result).rows if r.rank is not None]
    if not ranked:
        return Answer(_none_ranked(result), caveats=caveats)
    figure = FIGURES[result.primary.figure].short
    best = ranked[0]
    believe = (
        f"{best.name} agrees best with {study.reference}: {figure} {figure_text(best.estimates[0])} "
        f"({_basis(result, best)})."
    )
    ahead = [r for r in ranked if (r.estimates[0].value or 0) > (best.estimates[0].value or 0)]
    sure = []
    if ahead:
        told = ", ".join(f"{r.name} ({r.n:,} items, coverage {r.coverage or 0:.0%})" for r in ahead)
        sure.append(f"A higher figure on fewer items, too few to call it best: {told}.")
    return Answer(
        believe,
        sure=[*sure, *_group(result, best.name)],
        reference=people_sentences(result),
        parts=_parts(result, figure),
        caveats=caveats,
    )


def _none_ranked(result: QuestionResult) -> str:
    """Say why no judge can be called best."""
    kinds = {judge.kind for judge in result.judges.values()} - {"baseline"}
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


def _basis(result: QuestionResult, row: Row) -> str:
    """Return what a figure rests on: its interval's level, the items, the share of items decided."""
    level = f"{result.options.confidence:.0%} interval, " if row.estimates[0].low is not None else ""
    return f"{level}{row.n:,} items, coverage {row.coverage or 0:.0%}"


def _group(result: QuestionResult, best: str) -> list[str]:
    """Say which judges the best one is not significantly ahead of.

    Not the significance groups: a judge starts one when any member beats it, not only the best.
    """
    tested = [pair for pair in result.tests.pairs if best in (pair.a, pair.b)]
    if not tested:
        return []
    close = [
        pair.b if pair.a == best else pair.a
        for pair in tested
        if pair.a != best or pair.p_holm is None or pair.p_holm >= ALPHA or (pair.difference or 0) <= 0
    ]
    if not close:
        return ["It is significantly ahead of every other judge (permutation test by prompt, Holm-adjusted)."]
    named = ", ".join(close)
    return [f"These data cannot tell it apart from {named} (permutation test by prompt, Holm-adjusted)."]


def _parts(result: QuestionResult, figure: str) -> list[str]:
    """Say what each part of a judge's perception costs, where a variant of the judge replaces it."""
    values = {name: judge.item[result.primary.figure].value for name, judge in result.judges.items()}
    costs: dict[str, dict[str, float]] = {}
    for name, judge in result.judges.items():
        if judge.variant is not None:
            whole, value = values.get(judge.variant.base), values[name]
            if whole is not None and value is not None:
                costs.setdefault(judge.variant.base, {})[judge.variant.replaced] = value - whole
    return [
        f"{base} with parts replaced changes its {figure} by: "
        + ", ".join(f"{part} {cost:+.3f}" for part, cost in sorted(parts.items(), key=lambda p: -p[1]))
        + "."
        for base, parts in sorted(costs.items())
    ]
