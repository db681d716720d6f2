"""Find rules that can never fire: with so few items, nobody can break or reach them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from genspace.human_study.material import Material
from genspace.human_study.visit._plan import Rhythm, Stock, longest_visit

__all__ = ["SilentRule", "silent_rules"]


@dataclass(frozen=True, slots=True)
class SilentRule:
    """A rule that cannot fire, and why."""

    rule: str
    """Its key in annotate.toml."""
    why: str

    def __str__(self) -> str:
        return f"{self.rule} can never fire: {self.why}"


def silent_rules(material: Material) -> list[SilentRule]:
    """Return the rules of a study that can never fire, given the most pictures that one rater can get."""
    design, kinds = material.design, Counter(u.kind for u in material.units)
    rules, checks, stop = design.exclusion, design.checks, design.stop
    visit = longest_visit(Rhythm.of(design), Stock(kinds["main"], kinds["gold"]))
    known = [len(material.known[u.key].values) for u in material.units if u.kind == "gold"]
    gold = sum(sorted(known, reverse=True)[: visit.gold])
    asked = max(len(material.questions(u.key)) for u in material.units)
    repeats = visit.repeats * asked
    pictures = visit.main + visit.gold  # the answers that rules with a least number count
    too_few = f"a rater answers at most {pictures} pictures"
    found = [
        SilentRule(f"exclusion.{name}", f"min_answers is {rules.min_answers}, and {too_few}")
        for name in ("max_fast_share", "max_identical_share", "max_identical_run")
        if getattr(rules, name) is not None and rules.min_answers > pictures
    ]
    reach = (
        ("min_gold_accuracy", gold, rules.min_gold, "known answers", "min_gold"),
        ("min_repeat_agreement", repeats, rules.min_repeats, "repeated questions", "min_repeats"),
    )
    found += [
        SilentRule(f"exclusion.{rule}", f"a rater meets at most {most} {what}, and {key} is {least}")
        for rule, most, least, what, key in reach
        if getattr(rules, rule) is not None and most < least
    ]
    conditions = [
        ("exclusion.min_gold_accuracy", rules.min_gold_accuracy == 0, "no share is below 0"),
        ("exclusion.min_repeat_agreement", rules.min_repeat_agreement == 0, "no share is below 0"),
        ("exclusion.max_fast_share", rules.max_fast_share == 1, "no share is above 1"),
        (
            "exclusion.max_fast_share",
            rules.max_fast_share is not None and rules.fast_seconds == 0,
            "fast_seconds is 0",
        ),
        ("exclusion.max_identical_share", rules.max_identical_share == 1, "no share is above 1"),
        (
            "exclusion.max_identical_run",
            rules.max_identical_run is not None
            and rules.min_answers <= pictures
            and rules.max_identical_run >= visit.pictures,
            f"a rater sees at most {visit.pictures} pictures, and that many in a row are allowed",
        ),
        *(
            (
                f"checks.{name}",
                limit is not None and limit > gold,
                f"a rater meets at most {gold} known answers",
            )
            for name, limit in (("warn_after", checks.warn_after), ("stop_after", checks.stop_after))
        ),
        (
            "training.pass_mark",
            design.training.pass_mark is not None and not kinds["training"],
            "there is no practice item",
        ),
        ("training.pass_mark", design.training.pass_mark == 0, "no share is below 0"),
        (
            "stop.agreement_width",
            stop.agreement_width is not None and design.raters_per_item < 2,
            "agreement needs two raters an item",
        ),
        (
            "stop.item_width",
            stop.item_width is not None and stop.max_raters_per_item <= design.raters_per_item,
            "max_raters_per_item is no more than raters_per_item",
        ),
    ]
    return found + [SilentRule(rule, why) for rule, silent, why in conditions if silent]
