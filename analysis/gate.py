"""Rules that judges must meet, decided on the ends of intervals that are corrected over the rules.

A rule is met, not met, or open: the interval then reaches over what it asks for. Rules that are decided are set aside,
and what is left is decided at the level of a shorter list (Holm 1979), so that the chance of any wrong decision stays
at the stated level. Counts, such as coverage, are exact and are no part of that.

Longer than 400 lines: the language of rules, what a rule needs and how it is decided are one thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.analysis._estimate import Estimate
from genspace.analysis._judge_section import cost_of
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope, given
from genspace.analysis._tests_section import Compared
from genspace.analysis.diff import BEFORE, Paired, as_estimate, held
from genspace.analysis.figures import FIGURES, figure_named
from genspace.analysis.inference.intervals import Passing, Support
from genspace.analysis.inference.replicates import standard_error
from genspace.analysis.question import Question
from genspace.analysis.reasons import Reason
from genspace.display import Result
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COUNTS", "Chance", "Check", "Gate", "GateDocument", "Rule", "gate"]

Outcome = Literal["met", "not met", "open"]
Open = Literal["fails", "passes"]
Kind = Literal["figure", "count", "not worse", "ahead", "not behind"]

COUNTS: Mapping[str, str] = {
    "coverage": "share of the rated items that it decides", "abstained": "share on which it abstains",
    "failed": "share on which it fails", "seconds": "mean seconds an item", "tokens": "mean tokens an item",
    "usd": "mean USD an item",
}  # fmt: skip
"""What a rule can ask for that is counted, not estimated."""
REPEATS = "repeats"
"""The share of a judge's own answers that repeat."""
SURE = 0.8
"""How often a judge should pass whose true value is told where a rule states none."""
_NUMBER = r"(?P<{}>[+-]?\d*\.?\d+)"
_SUPPOSING = rf"(?:\s+supposing\s+{_NUMBER.format('supposing')})?\s*$"
_FIGURE = (
    rf"^\s*(?:(?P<judge>.+):\s*)?(?P<figure>\w+)(?:\.(?P<end>\w+))?\s*(?P<sign>>=|<=|>|<|=+)\s*{_NUMBER.format('value')}"
    + _SUPPOSING
)
_BESIDE = (
    rf"^\s*(?:(?P<judge>.+?)\s+)?(?P<kind>not worse than|not behind|ahead of)\s+(?P<other>.+?)"
    rf"(?:\s+by\s+{_NUMBER.format('value')})?{_SUPPOSING}"
)
_KINDS: Mapping[str, Kind] = {"not worse than": "not worse", "ahead of": "ahead", "not behind": "not behind"}
_FORMS = (
    'write "JUDGE: FIGURE.low >= 0.6", "coverage >= 0.9", "JUDGE not worse than OTHER by 0.05", "JUDGE ahead of OTHER" '
    'or "JUDGE not behind before"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is asked of one judge, or of each.

    >>> rule = Rule.parse("vlm:gpt: cohen_kappa.low >= 0.6 supposing 0.75")
    >>> rule.judge, rule.of, rule.value, rule.supposing
    ('vlm:gpt', 'cohen_kappa', 0.6, 0.75)
    >>> Rule.parse("scene not worse than before by 0.05").other
    'before'
    """

    text: str
    kind: Kind
    judge: str | None
    """None: every judge and metric."""
    of: str = ""
    """The figure or count; "" where two judges are compared."""
    other: str = ""
    """The judge compared with; "before": the same judge in the earlier run."""
    at_least: bool = True
    value: float
    """The threshold, or the margin; 0 where there is none."""
    supposing: float | None = None
    """A true value, or a true difference, of which the chance to pass is asked."""

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule. Errors: `InputError` for one that cannot be read."""
        if found := re.match(_BESIDE, text):
            kind = _KINDS[found["kind"]]
            value = None if found["value"] is None else float(found["value"])
            if (kind == "not worse") != (value is not None) or (value is not None and not 0 < value < 2):
                raise InputError(f'rule "{text}": only "not worse than" takes a margin, such as "by 0.05"')
            if found["judge"] == found["other"]:
                raise InputError(
                    f'rule "{text}" compares a judge with itself; an earlier run of it is called "before"'
                )
            judge = None if found["judge"] in {None, "every judge", "each"} else found["judge"]
            return cls(
                text=text.strip(), kind=kind, judge=judge, other=found["other"], value=value or 0.0,
                supposing=_number(found["supposing"]),
            )  # fmt: skip
        found = re.match(_FIGURE, text)
        if not found:
            raise InputError(f'rule "{text}" cannot be read: {_FORMS}')
        at_least = found["sign"] == ">="
        if found["sign"] not in {">=", "<="} or found["end"] not in {None, "low" if at_least else "high"}:
            raise InputError(
                f'rule "{text}": a lower bound is FIGURE.low >= NUMBER, an upper one FIGURE.high <= NUMBER'
            )
        of = found["figure"]
        if of not in {*COUNTS, REPEATS}:
            of = figure_named(of).key if of in FIGURES else _figure_like(text, of)
        lowest, highest = _range(of)
        for number in (found["value"], found["supposing"]):
            if number is not None and not lowest <= float(number) <= highest:
                raise InputError(
                    f'rule "{text}": {of} lies between {lowest:g} and {highest:g}, so never at {number}'
                )
        return cls(
            text=text.strip(), kind="count" if of in COUNTS else "figure", judge=found["judge"], of=of,
            at_least=at_least, value=float(found["value"]), supposing=_number(found["supposing"]),
        )  # fmt: skip


def _range(of: str) -> tuple[float, float]:
    """Return between what a figure or a count lies."""
    if of in FIGURES:
        return {"correlation": (-1, 1), "share": (0, 1)}.get(FIGURES[of].scale, (-inf, inf))
    return (0, inf) if of in {"seconds", "tokens", "usd"} else (0, 1)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _figure_like(text: str, name: str) -> str:
    """Return the key of a figure by another name. Errors: `InputError` naming the closest."""
    try:
        return figure_named(name).key
    except InputError:
        known = did_you_mean(name, {*FIGURES, *COUNTS, REPEATS})
        raise InputError(f'rule "{text}": unknown figure {name!r}{known}') from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """How often a judge passes a rule in studies like this one."""

    true: float
    """Its true value, or its true difference."""
    passes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule on one judge."""

    rule: str
    judge: str
    outcome: Outcome
    passed: bool
    found: Estimate
    """The figure or the difference, with its interval at `confidence`."""
    confidence: float | None
    """Level of the interval it was decided on; None: a count."""
    chance: Chance | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDocument:
    """A gate as JSON holds it."""

    study: str
    against: str | None
    passed: bool
    open: Open
    """What an open rule does."""
    confidence: float
    """Over all rules together."""
    decided_on_intervals: int
    """Rules that the level is corrected over, each counted for every judge."""
    checks: tuple[Check, ...]
    schema: Literal["genspace-gate/1"] = "genspace-gate/1"


@dataclass(frozen=True, eq=False)
class Gate(Result):
    """The result of a gate: rules about judges, each met, not met or open.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = [f"{n:02}" for n in range(40)]
    >>> evidence = genspace.Evidence.from_frames(
    ...     pd.DataFrame({"item_id": ids, "prompt_id": [i[0] + str(int(i[1]) // 2) for i in ids]}),
    ...     pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": [0, 1] * 20}),
    ...     pd.DataFrame({"item_id": ids, "judge": "vlm", "score": [0.2, 0.9] * 19 + [0.9, 0.2]}),
    ... )
    >>> found = genspace.gate(evidence, ["vlm: roc_auc.low >= 0.6", "coverage >= 0.9"])
    >>> found.passed, [check.outcome for check in found.document.checks]
    (True, ['met', 'met'])
    """

    document: GateDocument

    @property
    def passed(self) -> bool:
        """Whether every rule lets the judges pass."""
        return self.document.passed

    def __repr__(self) -> str:
        failed = [f"{c.rule} ({c.judge}: {c.outcome})" for c in self.document.checks if not c.passed]
        return f"<Gate of {self.document.study!r}: {'passed' if self.passed else 'not met: ' + '; '.join(failed)}>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per rule and judge: `rule, judge, outcome, passed, value, low, high, confidence`."""
        import pandas as pd

        rows = [
            (c.rule, c.judge, c.outcome, c.passed, c.found.value, c.found.low, c.found.high, c.confidence)
            for c in self.document.checks
        ]
        columns = ["rule", "judge", "outcome", "passed", "value", "low", "high", "confidence"]
        return pd.DataFrame(rows, columns=columns)


def gate(
    evidence: Evidence,
    rules: Sequence[str],
    options: CompareOptions | None = None,
    *,
    against: Evidence | None = None,
    open_rules: Open = "fails",
    names: tuple[str, str | None] = ("study", None),
) -> Gate:
    """Decide rules about the judges of a study.

    Args:
        evidence: The study.
        rules: Rules in words (`Rule`); if empty and there is an earlier run: no judge is behind its earlier self.
        options: Confidence over all rules, primary figure, seed.
        against: An earlier run, whose judges are called "before".
        open_rules: Whether an undecided rule fails or passes.
        names: The names of the study and of the earlier run.

    Errors: `InputError` for an invalid rule, an unknown judge, and if there are no rules.

    >>> import pandas as pd
    >>> run = Evidence.from_frames(
    ...     pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     pd.DataFrame({"item_id": list("abcd"), "value": [1, 0, 1, 0]}),
    ...     pd.DataFrame({"item_id": list("abc"), "judge": "clip", "score": [0.1, 0.3, 0.2]}),
    ... )
    >>> gate(run, ["coverage >= 0.9"])
    <Gate of 'study': not met: coverage >= 0.9 (clip: not met)>
    """
    options = options or CompareOptions()
    asked = [Rule.parse(text) for text in rules]
    if not asked and against is not None:
        asked = [Rule.parse("every judge not behind before")]
    if not asked:
        raise InputError(f"no rule: {_FORMS}")
    ground = _Ground.of(evidence, against, options)
    entries = [(rule, judge) for rule in asked for judge in ground.judges(rule)]
    if not entries:
        raise InputError(
            "the study has no judge that a rule could be about"
            if against is None
            else "no judge is in both runs: is the earlier run one of this study?"
        )
    settled = _settle(ground, entries, 1 - options.confidence)
    checks = tuple(
        replace(check, passed=check.outcome == "met" or (check.outcome == "open" and open_rules == "passes"))
        for check in settled
    )
    return Gate(
        GateDocument(
            study=names[0],
            against=names[1],
            passed=all(check.passed for check in checks),
            open=open_rules,
            confidence=options.confidence,
            decided_on_intervals=sum(check.confidence is not None for check in checks),
            checks=checks,
        )
    )


def _settle(ground: _Ground, entries: Sequence[tuple[Rule, str]], alpha: float) -> list[Check]:
    """Decide each rule at the level of those that are still open; stop when a round decides none."""
    found = {place: ground.counted(*entry) for place, entry in enumerate(entries) if entry[0].kind == "count"}
    left = [place for place in range(len(entries)) if place not in found]
    while left:
        level = 1 - alpha / len(left)
        tried = {place: ground.decided(*entries[place], level) for place in left}
        found |= tried
        still = [place for place, check in tried.items() if not _claims(entries[place][0], check)]
        if len(still) == len(left):
            break
        left = still
    return [found[place] for place in range(len(entries))]


def _claims(rule: Rule, check: Check) -> bool:
    """Return whether a decision is a claim: that nothing shows a judge behind is none, and stays in the list."""
    return check.outcome != "open" and (rule.kind, check.outcome) != ("not behind", "met")


@dataclass(frozen=True, eq=False)
class _Ground:
    """What rules are decided on: the judges of a study, and of an earlier run, against the same people."""

    scope: Scope
    pairing: Paired | None

    @classmethod
    def of(cls, evidence: Evidence, against: Evidence | None, options: CompareOptions) -> _Ground:
        if against is None:
            return cls(Scope.of(Question.of(evidence), options), None)
        sides, called = held(against, evidence)
        pairing = Paired.of(sides, options, sides[1].questions[0], called)
        return cls(pairing.scope, pairing)

    def judges(self, rule: Rule) -> Iterator[str]:
        """Yield the judges that a rule is about. Errors: `InputError` for one that is not there."""
        there = {
            n: j for n, j in self.scope.rated.judges.items() if not n.startswith(BEFORE) and not j.derived
        }
        for name in (rule.judge, rule.other):
            if name and name != "before" and name not in there:
                raise InputError(f'rule "{rule.text}": no judge {name!r}{did_you_mean(name, there)}')
        earlier = rule.other == "before" or rule.of == REPEATS
        if earlier and self.pairing is None:
            raise InputError(f'rule "{rule.text}" needs an earlier run (`against`)')
        if rule.judge is not None:
            yield rule.judge
        else:
            yield from (
                n
                for n in there
                if n != rule.other and not (earlier and BEFORE + n not in self.scope.rated.judges)
            )

    def counted(self, rule: Rule, judge: str) -> Check:
        """Decide a rule about a count."""
        rated = self.scope.rated.judges[judge]
        status = {"coverage": "decided", "abstained": "abstained", "failed": "failed"}
        n = self.scope.annotated
        value: float | None
        if rule.of in status:
            value = float((rated.status == status[rule.of]).mean()) if n else None
        else:
            value = getattr(cost_of(rated), rule.of)
        found = Estimate.undefined(Reason("not_recorded")) if value is None else Estimate(value, n=n)
        met = value is not None and (value >= rule.value if rule.at_least else value <= rule.value)
        outcome: Outcome = "met" if met else "open" if value is None else "not met"
        return Check(
            rule=rule.text,
            judge=judge,
            outcome=outcome,
            passed=False,
            found=found,
            confidence=None,
            chance=None,
        )

    def decided(self, rule: Rule, judge: str, confidence: float) -> Check:
        """Decide a rule on the interval of a level."""
        decide = self._figure if rule.kind == "figure" else self._beside
        outcome, found, chance = decide(rule, judge, confidence)
        return Check(
            rule=rule.text, judge=judge, outcome=outcome, passed=False, found=found, confidence=confidence,
            chance=chance,
        )  # fmt: skip

    def _figure(self, rule: Rule, judge: str, confidence: float) -> tuple[Outcome, Estimate, Chance | None]:
        """Decide whether a figure lies on the right side of a threshold."""
        scope = replace(self.scope, confidence=confidence)
        if rule.of == REPEATS:
            assert self.pairing is not None
            repeats = replace(self.pairing, scope=scope).repeats(judge)
            return _outcome(repeats, rule), repeats, None
        row = FIGURES[rule.of]
        if (row.target == "preference") != scope.rated.of_pairs:
            of, here = ("pairs", "rated items") if row.target == "preference" else ("items", "compared pairs")
            raise InputError(f'rule "{rule.text}": {row.label} is a figure of {of}: here people {here}')
        if (obstacle := scope.obstacle(row)) is not None:
            return "open", Estimate.undefined(obstacle), None
        target, rated = scope.target(row), scope.rated.judges[judge]
        found, replicated = scope.figures([row], target, rated)[row.key]
        answered = np.isfinite(target) & np.isfinite(given(rated, row))
        clusters = scope.replicates.take(answered)
        error = standard_error(replicated, clusters.present)
        chance = None
        if found.value is not None and error is not None and error.value > 0:
            passing = Passing.of(
                rule.value,
                row.scale,
                found.value,
                error,
                Support.of(row, target[answered], clusters),
                at_least=rule.at_least,
                confidence=confidence,
            )
            true = passing.true(SURE) if rule.supposing is None else rule.supposing
            chance = Chance(true=true, passes=passing.chance(true))
        return _outcome(found, rule), found, chance

    def _beside(self, rule: Rule, judge: str, confidence: float) -> tuple[Outcome, Estimate, Chance | None]:
        """Decide what may be said of a judge beside another one, or beside itself before, by the primary figure."""
        other = BEFORE + judge if rule.other == "before" else rule.other
        obstacle = self.scope.obstacle(self.scope.figure)
        if other not in self.scope.rated.judges or obstacle is not None:
            return "open", Estimate.undefined(obstacle or Reason("not_in_both_runs")), None
        compared = Compared(replace(self.scope, confidence=confidence))
        found, common = compared.difference(judge, other)
        told = as_estimate(found, int(common.sum()))
        if found.value is None:
            return "open", told, None
        if found.reason is not None and found.reason.code == "identical":
            return ("open" if rule.kind == "ahead" else "met"), told, None
        sure = found.testable and found.p is not None and found.p <= 1 - confidence
        outcome: Outcome = "met" if rule.kind == "not behind" else "open"
        if rule.kind == "not worse":
            p = compared.not_worse(found, judge, other, common, rule.value)
            if p is not None and p <= (1 - confidence) / 2:
                outcome = "met"
            elif found.high is not None and found.high < -rule.value:
                outcome = "not met"
        elif sure and found.value < 0:
            outcome = "not met"
        elif sure:
            outcome = "met"
        chance = None
        if found.error is not None and found.error.value > 0 and found.testable:
            true = rule.supposing or 0.0
            lost = rule.kind == "not behind"
            passing = Passing.of(
                -rule.value, "raw", found.value, found.error, at_least=not lost, confidence=confidence
            )
            passes = passing.chance(true)
            chance = Chance(true=true, passes=1 - passes if lost else passes)
        return outcome, told, chance


def _outcome(found: Estimate, rule: Rule) -> Outcome:
    """Return on which side of the threshold a figure's interval lies."""
    if found.low is None or found.high is None:
        return "open"
    right = found.low >= rule.value if rule.at_least else found.high <= rule.value
    wrong = found.high < rule.value if rule.at_least else found.low > rule.value
    return "met" if right else "not met" if wrong else "open"
