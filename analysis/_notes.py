"""What a careful reviewer would say about a comparison, unprompted, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from genspace.analysis._scope import Scope
from genspace.analysis.reliability import conspicuous_pair, rater_pairs
from genspace.analysis.resampling import Weighted
from genspace.analysis.system import MIN_GENERATORS
from genspace.readings import Reading

__all__ = ["notes"]


class Note(NamedTuple):
    """One sentence."""

    level: Literal["note", "warning"]
    code: str
    text: str


@dataclass(frozen=True)
class Seen:
    """What a rule may look at."""

    document: Mapping[str, Any]
    scope: Scope


NEAR_TIES_MATTER = 0.01
"""A change of pairwise accuracy worth a sentence."""
NAMED_RATERS = 8
"""More raters left out than this are counted, not named."""
FEW_PROMPTS = 20
"""With fewer prompts, intervals over prompts are too short."""


def notes(document: Mapping[str, Any], scope: Scope) -> list[dict[str, str]]:
    """Return level ("note" or "warning"), code and text of everything worth saying."""
    seen = Seen(document, scope)
    return [note._asdict() for rule in RULES for note in rule(seen)]


def _no_people(seen: Seen) -> Iterator[Note]:
    if not seen.document["study"]["n_ratings"]:
        yield Note("warning", "no-people", "There are no ratings: only the judges' mean scores are given.")


def _slots(seen: Seen) -> Iterator[Note]:
    study = seen.document["study"]
    if study["n_raters"] > 1 and study["raters"] != "person":
        what = (
            "Raters are slots, not persons"
            if study["raters"] == "slot"
            else "It is not declared whether a rater is one person throughout, so raters are taken as slots"
        )
        yield Note(
            "note",
            "raters-are-slots",
            f"{what}: Cohen's kappa and ICC(2,·), which need to know who rated what, are not given.",
        )
    if study["n_raters"] == 1 and study["reference"] == "people":
        yield Note(
            "warning",
            "one-rater",
            "One rater: how far people agree with one another is unknown, and so is how well a judge could do.",
        )


def _pair(seen: Seen) -> Iterator[Note]:
    found = conspicuous_pair(rater_pairs(seen.scope.rated.people))
    if found:
        pair, next_best = found
        yield Note(
            "warning",
            "conspicuous-raters",
            f"{pair.a} and {pair.b} agree far more (kappa {pair.kappa:.2f}) than any other pair of raters "
            f"(at most {next_best:.2f}): they may not be independent.",
        )


def _excluded(seen: Seen) -> Iterator[Note]:
    """Whom rules written before the data leave out, and whether that changes the order of the judges."""
    section = seen.document["exclusion"]
    if section is None:
        return
    listed = [f"{r['rater_id']} ({r['rules']})" for r in section["raters"]]
    further = f" and {len(listed) - NAMED_RATERS} more" if len(listed) > NAMED_RATERS else ""
    named = "; ".join(listed[:NAMED_RATERS]) + further
    if not section["applied"]:
        yield Note(
            "warning",
            "rules-leave-nobody",
            f"Every rater breaks a rule written before the data, so all are kept: {named}.",
        )
        return
    judges = {n: j for n, j in seen.document["judges"].items() if j["rank"] is not None}
    value = {n: section["all_raters"]["judges"][n]["value"] for n in judges}
    known = [n for n in judges if value[n] is not None]
    otherwise = sorted(known, key=lambda n: -value[n])
    same = otherwise == sorted(known, key=lambda n: -seen.scope.primary.of(judges[n])["value"])
    everybody = section["all_raters"]["n_ratings"]
    yield Note(
        "note" if same else "warning",
        "raters-left-out",
        f"Rules written before the data leave out {len(listed)} of "
        f"{seen.document['study']['n_raters'] + len(listed)} raters with {section['n_ratings']:,} of {everybody:,} "
        f"ratings: {named}. With all raters (shown beside) the order of the judges "
        + ("stays the same." if same else f"changes: {', '.join(otherwise)}."),
    )


def _prompts(seen: Seen) -> Iterator[Note]:
    study = seen.document["study"]
    prompts = seen.scope.draws.prompts
    if 0 < prompts < FEW_PROMPTS:
        yield Note(
            "warning",
            "few-prompts",
            f"Only {prompts} prompts were rated: intervals and tests over prompts are unreliable.",
        )
    if prompts == seen.scope.annotated > 1 and study["n_generators"] > 1:
        yield Note(
            "note",
            "prompts-not-shared",
            "No two rated items share a prompt, so every item is resampled on its own; if they do share prompts, "
            "give a prompt_id column.",
        )


def _generators(seen: Seen) -> Iterator[Note]:
    g = seen.document["study"]["n_generators"]
    if 1 < g < MIN_GENERATORS:
        words = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
        yield Note(
            "note",
            "few-generators",
            f"With {words[g]} generators no system-level significance is claimed; system-level intervals hold for "
            "these generators only.",
        )


def _decisions(seen: Seen) -> Iterator[Note]:
    people = seen.scope.rated.people
    if len(people.raters) and not people.decides:
        yield Note(
            "note",
            "no-decisions",
            "No rule turns ratings into yes and no (positive_from is not declared): decision figures are not "
            "given, graded AUC is.",
        )
    undecided = int((people.count > 0).sum() - people.decided.sum())
    if people.decides and undecided:
        yield Note(
            "note", "human-ties", f"People are evenly split on {undecided} items: no decision, left out."
        )


def _derived(seen: Seen) -> Iterator[Note]:
    names = [n for n, j in seen.document["judges"].items() if j["kind"] == "derived"]
    if names:
        yield Note(
            "warning",
            "derived-metrics",
            f"{', '.join(names)}: computed from the ratings themselves, shown but neither ranked nor tested.",
        )


def _coverage(seen: Seen) -> Iterator[Note]:
    for name, judge in seen.document["judges"].items():
        coverage = judge["coverage"]
        if judge["kind"] == "baseline" or not coverage["annotated"]:
            continue
        if coverage["failed"]:
            yield Note(
                "warning",
                "failures",
                f"{name} failed on {coverage['failed']} of {coverage['annotated']} items.",
            )
        if coverage["missing"]:
            yield Note(
                "warning",
                "missing-verdicts",
                f"{name} has no verdict on {coverage['missing']} of {coverage['annotated']} annotated items.",
            )
        if coverage["abstained"]:
            yield Note(
                "note",
                "abstentions",
                f"{name} abstains on {coverage['abstained']} of {coverage['annotated']} items; its figures hold "
                "for the rest.",
            )


def _tie_forms(seen: Seen) -> Iterator[Note]:
    """Two judges whose order within prompts depends on what a judge's tie is worth."""
    forms = ("pairwise_strict", "pairwise_half_credit", "pairwise_ties_dropped")
    values = {
        name: tuple(judge["within_prompt"][form]["value"] for form in forms)
        for name, judge in seen.document["judges"].items()
        if judge["rank"] is not None
    }
    known = {name: v for name, v in values.items() if None not in v}
    reversals = [
        (a, b) for a in known for b in known if known[a][0] < known[b][0] and known[a][2] > known[b][2]
    ]
    if not reversals:
        return
    a, b = max(
        reversals,
        key=lambda pair: known[pair[1]][0] - known[pair[0]][0] + known[pair[0]][2] - known[pair[1]][2],
    )
    judges = seen.document["judges"]
    (strict_a, half_a, dropped_a), (strict_b, half_b, dropped_b) = known[a], known[b]
    ties = [judges[name]["ties"]["within_prompt"] for name in (a, b)]
    others = (
        f" Further pairs of judges of which this is true: {len(reversals) - 1}." if len(reversals) > 1 else ""
    )
    yield Note(
        "warning",
        "tie-form-decides",
        f"Within prompts, whether {a} or {b} is more accurate depends on what a judge's tie is worth: {a} is "
        f"behind when its ties count as wrong ({strict_a:.3f} / {strict_b:.3f}), at {half_a:.3f} / {half_b:.3f} "
        f"when they count half, and ahead when ties of both are dropped ({dropped_a:.3f} / {dropped_b:.3f}). "
        f"{ties[0]['human']:.2%} of these pairs are ties in the ratings; of the pairs that they separate, {a} ties "
        f"{ties[0]['metric_of_separated']:.0%} and {b} {ties[1]['metric_of_separated']:.0%}.{others}",
    )


def _near_ties(seen: Seen) -> Iterator[Note]:
    """Scores that differ by next to nothing, where counting them as ties changes pairwise accuracy."""
    human = seen.scope.rated.people.mean
    for name, judge in seen.scope.rated.judges.items():
        as_ties = seen.document["judges"][name]["item"]["pairwise_strict"]["value"]
        both = np.isfinite(human) & np.isfinite(judge.oriented)
        if as_ties is None:
            continue
        target = Weighted(human[both], np.ones((int(both.sum()), 1)))
        exact = float(target.concordance(judge.oriented[both]).strict[0])
        if abs(exact - as_ties) > NEAR_TIES_MATTER:
            yield Note(
                "note",
                "near-ties",
                f"{name} gives many scores that differ by less than 1e-9 of its range. They count as ties in "
                f"pairwise accuracy: {as_ties:.3f} with ties wrong, {exact:.3f} if only equal numbers were ties.",
            )


def _specification(seen: Seen) -> Iterator[Note]:
    """Whether the headline conclusions depend on how agreement is computed."""
    section = seen.document["specification"]
    if not section["pairs"]:
        return
    reversed_pairs = sum(pair["reversed"] > 0 for pair in section["pairs"])
    conditions = [s for s in section["sentences"][2:] if s.startswith("Reversed only when")]
    yield Note(
        "warning" if reversed_pairs else "note",
        "depends-on-choice",
        " ".join([*section["sentences"][:2], *conditions]),
    )


def _baseline(seen: Seen) -> Iterator[Note]:
    figure = seen.document["primary"]["figure"]
    blind = seen.document["judges"].get("baseline: prompt mean")
    if blind is None or blind["item"][figure]["value"] is None:
        return
    bar = blind["item"][figure]["value"]
    below = [
        name
        for name, judge in seen.document["judges"].items()
        if judge["rank"] is not None and judge["item"][figure]["value"] < bar
    ]
    if below:
        yield Note(
            "note",
            "below-prompt-mean",
            f"Knowing the prompt alone (the mean rating of its other images) reaches {bar:.2f}; below it: "
            f"{', '.join(below)}.",
        )


CHANCE = (("item", "spearman", 0.0), ("preference", "half_credit", 0.5))
"""Section and figure of a judge that tells which way its scores point, with the figure's value by chance."""


def _other_way(seen: Seen) -> Iterator[Note]:
    """Judges whose whole interval lies below chance: their low scores are likely the good ones."""
    for name, judge in seen.document["judges"].items():
        for section, figure, chance in CHANCE:
            found = (judge.get(section) or {}).get(figure)
            if judge["kind"] != "baseline" and found and found["high"] is not None and found["high"] < chance:
                text = Reading(code="points_the_other_way", columns=(name,)).sentence
                yield Note("warning", "points-the-other-way", f"{text}.")
                break


RULES = (
    _no_people,
    _slots,
    _pair,
    _excluded,
    _prompts,
    _generators,
    _decisions,
    _derived,
    _coverage,
    _other_way,
    _tie_forms,
    _specification,
    _near_ties,
    _baseline,
)
"""Every rule, in the order in which its sentences are read."""
