"""The answer in words, before any table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.words import HeadlineCode
from genspace.analysis.result import QuestionResult
from genspace.report._sentences import people_sentences, remarks_of
from genspace.report._table import figure_text, number, units_of

TESTED = "each prompt left out in turn, Holm-adjusted"
"""How judges are tested against one another."""
MOST_NAMED = 12
"""More judges than this are counted, not named."""
LONGEST_LEAD = 160
"""Characters; of a warning whose first sentence is longer the first screen shows what stands before its colon."""


@dataclass(frozen=True)
class Conclusion:
    """The text of the report's first screen.

    >>> answer = Conclusion("clip has the highest agreement.", reference=["One rater."], caveats=["Few prompts."])
    >>> answer.sentences
    ['clip has the highest agreement.', 'One rater.']
    """

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
        """Everything except the warnings, the most important first."""
        return [self.believe, *self.sure, *self.reference, *self.parts]


def conclude(result: QuestionResult) -> Conclusion:
    """State the comparison's conclusions, sorted by question.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> conclude(comparison.document).believe.partition(":")[0]
    'No judge is shown to agree with people more than chance (0.0)'
    """
    study = result.study
    caveats = tuple(_lead(text) for level, text in remarks_of(result) if level == "warning")
    if not study.n_items:
        return Conclusion("The study holds no items.")
    if not study.n_annotated:
        return Conclusion(
            "Nobody has rated these items yet, so no judge can be believed or doubted; mean scores are shown."
        )
    found, label = result.headline, FIGURES[result.primary.figure].short
    if found.judge is None:
        return Conclusion(_none_first(result), caveats=caveats)
    return Conclusion(
        _first(result, found.judge, label),
        sure=[*_higher(result), *_beside(result)],
        reference=people_sentences(result),
        parts=_parts(result, label),
        caveats=caveats,
    )


def _first(result: QuestionResult, judge: str, label: str) -> str:
    """Name the judge with the highest figure, and state how certain that is."""
    figure, reference = result.judges[judge].item[result.primary.figure], result.study.reference
    chance = number(FIGURES[result.primary.figure].chance, 1)
    told = f"{label} {figure_text(figure)} ({_basis(result, judge)})"
    sentences: Mapping[HeadlineCode, str] = {
        "ahead of all": f"{judge} agrees with {reference} more than every other judge: {told}.",
        "highest": f"{judge} has the highest agreement with {reference}: {told}.",
        "alone": f"{judge} agrees with {reference} more than chance would: {told}.",
        "at chance": f"No judge is shown to agree with {reference} more than chance ({chance}): the highest is "
        f"{judge}, {told}.",
        "below chance": f"Every judge disagrees with {reference}: even the highest, {judge}, lies below chance "
        f"({chance}): {told}. Its scores point the other way.",
    }
    return sentences[result.headline.code]


def _none_first(result: QuestionResult) -> str:
    """Say why no judge can be called best."""
    match result.headline.code:
        case "too little":
            named = _listed(result.headline.higher)
            return f"No judge covers enough of the rated items, with an interval, to be called best: {named}."
        case "not stated":
            best = result.ranked[:1]
            return (
                f"The first by rank is {best[0]}; this file does not say how sure that is."
                if best
                else _no_figure(result)
            )
        case _:
            return _no_figure(result)


def _no_figure(result: QuestionResult) -> str:
    """Say why no judge has the figure."""
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


def _basis(result: QuestionResult, judge: str) -> str:
    """Return what a figure rests on: its interval's level, the items, the share of items decided."""
    figure, coverage = (
        result.judges[judge].item[result.primary.figure],
        result.judges[judge].coverage.value or 0,
    )
    level = f"{result.options.confidence:.0%} interval, " if figure.low is not None else ""
    return f"{level}{figure.n:,} {units_of(result)}, coverage {coverage:.0%}"


def _higher(result: QuestionResult) -> list[str]:
    """Name the judges with a higher figure that may not be called best, and why."""
    key, told = result.primary.figure, []
    for name in result.headline.higher:
        figure, coverage = result.judges[name].item[key], result.judges[name].coverage.value or 0
        missing = "" if figure.low is not None else ", no interval"
        told.append(f"{name} ({figure.n:,} {units_of(result)}, coverage {coverage:.0%}{missing})")
    return [f"A higher figure that cannot be called best: {', '.join(told)}."] if told else []


def _beside(result: QuestionResult) -> list[str]:
    """Say which judges the best one is ahead of, and which these data cannot tell it apart from."""
    found = result.headline
    here = " for these generators" if result.study.n_generators > 1 else ""
    told = []
    if found.ahead_of:
        whom = "all of them" if found.code == "ahead of all" else _listed(found.ahead_of)
        told.append(f"It is ahead of {whom}{here} ({TESTED}).")
    if found.open:
        told.append(f"These data cannot tell it apart from {_listed(found.open)} ({TESTED}).")
    if found.open_before_correction:
        named = _listed(found.open_before_correction)
        told.append(f"Before that correction it would differ from {named}: that is open, not a finding.")
    if found.behind:
        told.append(f"Ahead of it on the items that both scored: {_listed(found.behind)}.")
    if found.identical:
        shares = ((name, result.judges[name].coverage.value or 0) for name in found.identical)
        named = _listed([f"{name} (coverage {share:.0%})" for name, share in shares])
        told.append(f"The same answers on every common item: {named}.")
    if found.other_generators == "ahead of all":
        told.append("That holds for other generators too (each generator left out in turn).")
    if found.other_generators == "open":
        told.append("For other generators it is open (each generator left out in turn).")
    return told


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown


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
