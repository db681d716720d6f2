"""What the words of a report mean, each in one sentence, for a reader who meets them first here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from genspace.analysis.figures import Named
from genspace.analysis.result import QuestionResult
from genspace.report._table import JudgeTable

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["TERMS", "glossary", "linked", "terms_in", "words"]

TERMS: Mapping[str, str] = {
    "ahead": "agrees with people more, by a test that is corrected for the number of pairs of judges",
    "behind": "agrees with people less, by the same test",
    "open": "these data do not tell; never that two are equally good",
    "not worse": "a loss of the stated margin or more is ruled out",
    "identical": "the same answers on every common item",
    "interval": "where the figure could lie had other prompts been taken",
    "Holm-adjusted": "corrected for the number of tests: in at most 5 of 100 studies is any of them wrong by luck "
    "(Holm 1979)",
    "each prompt left out in turn": "how much a figure hangs on single prompts: from that its error is read",
    "these generators": "the generators whose images were rated; of others nothing is said",
    "other generators": "generators that were not rated, judged by how much each rated one matters",
    "ceiling": "what the mean of infinitely many raters would reach against these ratings, under a model of them",
    "coverage": "share of the rated items that the judge decides; on the rest it abstained or failed",
    "abstain": "say that one cannot tell, with a reason; never counted as a wrong answer",
    "abstains": "says that it cannot tell, with a reason; never counted as a wrong answer",
    "ties": "share of the pairs of items that the judge scores the same",
    "baseline": "what any judge should beat: the same answer always, or knowing the prompt but not the image",
    "Krippendorff α": "how far raters agree beyond chance: 1 always, 0 as by chance; gaps are allowed",
    "slots": "first, second, third rating: not one person throughout",
    "triads": "three generators, each compared with each; a circle fits no order",
    "flipped": "the judge says something else than in the earlier run",
    "fingerprint": "a digest of everything known to change a judge's answers",
    "ICC": "how far raters give the same rating to the same item, as a share of all variance (intraclass correlation)",
}
"""Words of sentences and tables that are not names of figures."""


def terms_in(texts: Iterable[str]) -> dict[str, str]:
    """Return the words of these texts that have a meaning of their own.

    >>> list(terms_in(["It is ahead (Holm-adjusted).", "Nothing else."]))
    ['ahead', 'Holm-adjusted']
    """
    whole = "\n".join(texts)
    return {term: meaning for term, meaning in TERMS.items() if _found(term).search(whole)}


def linked(sentence: str) -> Markup:
    """Return a sentence as HTML, each of its terms linked to what it means."""
    from markupsafe import Markup, escape

    html = str(escape(sentence))
    for term, meaning in TERMS.items():
        link = f'<a class="term" href="#word-{_anchor(term)}" title="{escape(meaning)}">{escape(term)}</a>'
        parts = re.split(r"(<a .*?</a>)", html)
        for place, part in enumerate(parts):
            if not part.startswith("<a ") and _found(term).search(part):
                parts[place] = _found(term).sub(lambda _, link=link: link, part, count=1)
                break
        html = "".join(parts)
    return Markup(html)  # noqa: S704 - the sentence was escaped


def glossary(texts: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return anchor, term and meaning of each term of these texts."""
    return [(_anchor(term), term, meaning) for term, meaning in terms_in(texts).items()]


def _anchor(term: str) -> str:
    return re.sub(r"\W+", "-", term.lower())


@cache
def _found(term: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){re.escape(term)}(?![\w-])")


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
    found.append(("[low, high]", f"interval: {TERMS['interval']}"))
    kinds = {row.kind for row in table.rows} | {
        row.name.removeprefix("baseline: ") for row in table.rows if row.kind == "baseline"
    }
    found += [entry for kind, entry in ROWS.items() if kind in kinds]
    if result.human.ceiling.model is not None:
        found.append(("ceiling", TERMS["ceiling"]))
    found.append(("n", "items behind the first figure"))
    found.append(("coverage", TERMS["coverage"]))
    found.append(("ties", TERMS["ties"]))
    return found


def _meaning(figure: Named, reference: str) -> str:
    source = f" ({figure.source})" if figure.source else ""
    return figure.meaning.format(people=reference) + source
