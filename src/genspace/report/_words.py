"""The meaning of each word of a report, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from genspace.analysis.figures import FIGURES, Named
from genspace.analysis.result import QuestionResult
from genspace.report._table import AgreementTable

if TYPE_CHECKING:
    from markupsafe import Markup

TERMS: Mapping[str, str] = {
    "ahead": "agrees with people more, by a test that is corrected for the number of comparisons",
    "behind": "agrees with people less, by a test that is corrected for the number of comparisons",
    "open": "these data do not decide it; that does not mean that both are equally good",
    "not worse": "a loss of the stated margin or more is ruled out",
    "identical": "the same answers on every common item",
    "interval": "the range in which the figure could lie if other prompts had been taken",
    "Holm-adjusted": "corrected for the number of tests: in at most 5 of 100 studies is any of them wrong by luck "
    "(Holm 1979)",
    "each prompt left out in turn": "the figure is computed again without each prompt; its changes give its error",
    "these generators": "the generators whose images were rated; nothing is claimed about others",
    "other generators": "generators that were not rated; the error comes from leaving out each rated one in turn",
    "ceiling": "what the mean of infinitely many raters would reach against these ratings, under a model of them",
    "coverage": "share of the rated items that the judge decides; on the rest it abstained or failed",
    "abstain": "say that one cannot tell, with a reason; never counted as a wrong answer",
    "abstains": "says that it cannot tell, with a reason; never counted as a wrong answer",
    "ties": "share of the pairs of items that the judge scores the same",
    "baseline": "what any judge should beat: the same answer always, or knowing the prompt but not the image",
    "Krippendorff α": "how far raters agree beyond chance: 1 always, 0 as by chance; gaps are allowed",
    "slots": "positions (first, second, third rating) that different people may fill",
    "triads": "three generators, each compared with each other; three that win in a circle fit no order",
    "fingerprint": "a digest of everything known to change a judge's answers",
    "ICC": "the share of all variance that lies between items and not between raters (intraclass correlation)",
}
"""Words of sentences and tables that are not names of figures."""
OF_RUNS: Mapping[str, str] = {
    "flipped": "the judge's answer differs from that of the earlier run",
    "repeats itself": "share of the items answered in both runs on which the judge's answer is the same",
}
"""Words of two runs beside each other."""
OF_GATES: Mapping[str, str] = {
    "met": "the interval lies on the side that the rule asks for; for “not behind”, no loss is shown",
    "not met": "the interval lies on the other side",
    "counted": "exact, so without an interval",
    "chance to pass": "how often a judge with that true value would pass in studies like this one",
}
"""Words of a gate."""
OF_ORDERS: Mapping[str, str] = {
    "draws": "resamples of the prompts, or of the generators, with repetition",
    "first": "share of draws in which the generator comes first",
    "above the next": "share of draws in which it comes before the one below it",
    "distance": "share of the pairs of generators that the judge orders the other way round than people",
    "with abstentions tied": "each abstention counts as a tie between both answers",
    "margin": "the smallest loss that would matter",
    "alternative annotator test": "whether the judge agrees with all raters but one as well as that one does, each "
    "left out in turn (Calderon, Reichart & Dror 2025)",
}
"""Words of orders of generators and of the validation of a metric."""
OF_PROBES: Mapping[str, str] = {
    "known truth": "known from how the scene was made; no person was asked",
    "clear probes": "probes on which no careful person errs: they show almost exactly what was asked, or miss it by at "
    "least 1.5 tolerances beyond the threshold",
    "right if clear": "share of right answers to clear probes",
    "right of all": "share of right answers, with those near the threshold",
    "near the threshold": "where the true answer turns from yes to no, and people err too",
    "tolerances": "the unit of errors: at 1 the true answer turns from yes to no",
    "threshold": "error at which half the answers are yes, in tolerances",
    "bias": "threshold minus 1: above 0 is too lenient",
    "slope": "how fast answers turn from yes to no, in logits per tolerance; steeper means finer discrimination",
    "yes when true": "share of yes where the true answer is yes",
    "yes when false": "share of yes where the true answer is no",
    "more yes than true": "share of yes minus the share that is true",
    "camera's frame": "share of answers in the camera's frame instead of the object's, where the two differ",
    "frontless": "questions about the sides of an object without a front, where every answer is wrong",
    "nuisance": "a property that should not matter to the answer",
}
"""Words of probes."""
OF_ITEMS: Mapping[str, str] = {
    "says": "the judge's decision whether it holds; a judge that only gives scores has none",
    "score": "the judge's number for the item; the package's own judges score from 0 to 1",
    "confidence": "how sure the judge says it is, 0 to 1",
    "answer": "the rater's answer; 1 is yes, 0 is no",
    "abstained": "could not tell, with a reason: no answer, and never counted as a wrong one",
    "failed": "gave no answer that could be read, or could not be asked",
    "repeat": "the judge was asked again, to see whether its answer stays the same",
    "why": "the reason where it abstained or failed, else what it measured or said",
}
"""Words of a page about one item."""
OF_CELLS: Mapping[str, str] = {
    "place": "rank by the mean score, and the ranks that the intervals allow",
    "mean": "mean of the sub-domains, with equal weights",
    "mean score": "how close the pictures come to what was asked, 0 to 1; what was not measured counts as 0",
    "share that passed": "share of the pictures within the tolerance of what was asked",
    "coverage": "share of the pictures that the judge measured",
    "unmeasured": "pictures that could not be measured, such as those without the object",
    "fingerprint": TERMS["fingerprint"],
}
"""Words of the GenSpace table."""


@cache
def of_sub_domains() -> Mapping[str, str]:
    """Return what each sub-domain asks, as the module of its predicate says.

    >>> of_sub_domains()["object distance"]
    'two objects are so far apart'
    """
    from genspace.geometry.predicates import REGISTRY

    said = {
        name: str(import_module(target.partition(":")[0]).__doc__)
        .partition(";")[0]
        .partition(": measured")[0]
        for name, target in REGISTRY.builtin.items()
    }
    return {name.replace("_", " "): f"{s[0].lower()}{s[1:]}".rstrip(".") for name, s in said.items()}


def terms_in(
    texts: Iterable[str], own: Mapping[str, str] = MappingProxyType({}), reference: str = "people"
) -> dict[str, str]:
    """Return the defined words that occur in these texts, figures included.

    >>> list(terms_in(["It is ahead (Holm-adjusted), by ROC AUC.", "Nothing else."]))
    ['ahead', 'Holm-adjusted', 'ROC AUC']
    """
    whole = "\n".join(texts)
    figures = {row.short: _meaning(row, reference) for row in FIGURES.values() if row.meaning}
    known = {**TERMS, **own, **figures}
    return {term: meaning for term, meaning in known.items() if _found(term).search(whole)}


class Words:
    """The terms of one page: each is linked and explained once; `own` are those of this kind of page."""

    def __init__(self, own: Mapping[str, str] = MappingProxyType({}), reference: str = "people") -> None:
        self._own, self._reference = own, reference
        self._seen: dict[str, str] = {}

    def linked(self, sentence: str) -> Markup:
        """Return a sentence as HTML, each of its terms linked to what it means.

        >>> str(Words().linked("It is open."))[:40]
        'It is <a class="term" href="#word-open" '
        """
        from markupsafe import Markup, escape

        link = Markup('<a class="term" href="#word-{}" title="{}">{}</a>')
        meanings, end, met = terms_in([sentence], self._own, self._reference), 0, set[str]()
        html = Markup()
        longest = sorted(meanings, key=len, reverse=True)
        for found in re.finditer("|".join(_found(term).pattern for term in longest) or "(?!)", sentence):
            term = found[0] if found[0] in meanings else found[0][0].lower() + found[0][1:]
            if term not in met:
                html += escape(sentence[end : found.start()]) + link.format(
                    _anchor(term), meanings[term], found[0]
                )
                end = found.end()
            met.add(term)
        self._seen |= {term: meanings[term] for term in meanings if term in met}
        return html + escape(sentence[end:])

    def glossary(self) -> list[tuple[str, str, str]]:
        """Return anchor, term and meaning of each term that was linked."""
        return [(_anchor(term), term, meaning) for term, meaning in self._seen.items()]


def _anchor(term: str) -> str:
    return re.sub(r"\W+", "-", term.lower())


@cache
def _found(term: str) -> re.Pattern[str]:
    first = f"[{term[0].upper()}{term[0]}]" if term[0].isalpha() else re.escape(term[0])
    return re.compile(rf"(?<![\w-]){first}{re.escape(term[1:])}(?![\w-])")


SECTIONS: Mapping[str, str] = {
    "within_prompt": "; between images of one prompt only",
    "within_generator": "; between images of one generator only",
    "system": "; between generators",
}
ROWS: Mapping[str, tuple[str, str]] = {
    "people": (
        "people (each against the rest)",
        "each rater compared with the others like a judge, averaged: what a judge needs to match a rater",
    ),
    "constant": ("baseline: constant", "the same score for every item"),
    "prompt mean": (
        "baseline: prompt mean",
        "the mean answer to the other images of the prompt: the figure without looking at the image",
    ),
    "derived": (
        "derived from the ratings",
        "computed from the answers themselves, so shown and never ranked",
    ),
}


def words(table: AgreementTable, result: QuestionResult) -> list[tuple[str, str]]:
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
