"""How carefully each rater answered, and whom the rules written before the data leave out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import median
from typing import Any

from genspace.display import Displayed
from genspace.human_study.answers.orders import load_tiers
from genspace.human_study.answers.screens import Detail, Screen
from genspace.human_study.design import ExclusionTable
from genspace.human_study.design.protocols import PROTOCOLS

__all__ = ["RaterQuality", "Screen", "exclusion_reasons", "interval_width", "rate_raters"]

_Z = 1.959963984540054  # standard normal quantile at 0.975


def interval_width(values: Sequence[float], scale: tuple[float, float]) -> float | None:
    """Return the width of the 95 % interval of a mean on a bounded scale, in the scale's units; None without values.

    Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22) of the mean brought to [0, 1]: exact in form for two
    values, conservative for more, and sensible when all values are the same.

    >>> round(interval_width([1, 1, 1], (0, 1)), 3)
    0.561
    """
    n = len(values)
    if n == 0:
        return None
    low, high = scale
    p = (sum(values) / n - low) / (high - low)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    return 2 * half * (high - low)


@dataclass(frozen=True, slots=True)
class RaterQuality(Displayed):
    """Figures of one rater; None where there is nothing to compute them from."""

    rater_id: str
    answered: int
    """Pictures, without practice and repeats."""
    gold: int
    """Known answers given."""
    gold_accuracy: float | None
    repeats: int
    repeat_agreement: float | None
    """Share of repeated questions answered alike."""
    median_seconds: float | None
    fast_share: float | None
    """Share of pictures answered faster than the rule's `fast_seconds` a question."""
    identical_share: float | None
    """Share of the most frequent answer."""
    longest_run: int
    """Most pictures in a row with one and the same answer."""
    cannot_tell_share: float | None
    outcome: str
    """How the visit ended (`genspace.human_study.visit.outcomes`); "" while it goes on."""
    excluded: tuple[str, ...]
    """Rules this rater breaks, in words; empty: kept."""

    @classmethod
    def without_answers(cls, rater_id: str, outcome: str = "") -> RaterQuality:
        """Return the figures of somebody who has not answered yet."""
        return _rate(rater_id, [], ExclusionTable(returned=False), _Alike(PROTOCOLS["binary"].alike), outcome)

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON-ready dictionary."""
        figures = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()} | {
            "excluded": list(self.excluded)
        }


def rate_raters(
    screens: Iterable[Screen],
    rules: ExclusionTable,
    protocol: str,
    *,
    kinds: Mapping[str, str] | None = None,
    outcomes: Mapping[str, str] | None = None,
) -> list[RaterQuality]:
    """Return the figures of every rater, by pseudonym.

    Args:
        screens: What they answered.
        rules: Whom to leave out.
        protocol: Name of the study's protocol.
        kinds: Kind of answer of each question, where questions are answered differently.
        outcomes: How each rater's visit ended, as far as it has.
    """
    by_rater = sorted(screens, key=lambda s: (s.rater_id, s.position))
    alike = {q: PROTOCOLS[kind].alike for q, kind in (kinds or {}).items()}
    ended = outcomes or {}
    return [
        _rate(r, list(theirs), rules, _Alike(PROTOCOLS[protocol].alike, alike), ended.get(r, ""))
        for r, theirs in groupby(by_rater, key=lambda s: s.rater_id)
    ]


@dataclass(frozen=True, slots=True)
class _Alike:
    """Whether two answers to a question agree."""

    default: Callable[[float | None, float | None], bool]
    by_question: Mapping[str, Callable[[float | None, float | None], bool]] = field(default_factory=dict)

    def values(self, question: str, first: float | None, second: float | None) -> bool:
        return self.by_question.get(question, self.default)(first, second)

    def repeated(self, question: str, first: Screen, second: Screen) -> list[bool]:
        """Agreement of an answer and its repeat; of two orders, whether best and worst are the same."""
        orders = [s.details.get(question, Detail()).choice for s in (first, second)]
        if all(orders) and second.shown:
            one, other = map(load_tiers, orders)
            return [one[0] == other[0], one[-1] == other[-1]]
        return [self.values(question, first.answers.get(question), second.answers.get(question))]


def _rate(
    rater_id: str, screens: list[Screen], rules: ExclusionTable, alike: _Alike, outcome: str = ""
) -> RaterQuality:
    work = [s for s in screens if s.role != "training"]
    gold = [
        alike.values(q, s.answers[q], known)
        for s in work
        if s.role == "gold"
        for q, known in s.known.items()
        if q in s.answers
    ]
    first = {s.unit: s for s in work if s.repeat == 0}
    repeats = [
        agrees
        for s in work
        if s.repeat and s.unit in first
        for q in s.answers
        for agrees in alike.repeated(q, first[s.unit], s)
    ]
    timed = [(s.seconds, max(len(s.answers), 1)) for s in work if s.seconds is not None]
    pressed = [s.as_pressed for s in work]
    unsure = [v is None and not s.details.get(q, Detail()).choice for s in work for q, v in s.answers.items()]
    runs = [len(list(run)) for _, run in groupby(pressed)]
    figures = RaterQuality(
        rater_id=rater_id,
        answered=sum(s.repeat == 0 for s in work),
        gold=len(gold),
        gold_accuracy=_share(gold),
        repeats=len(repeats),
        repeat_agreement=_share(repeats),
        median_seconds=median(seconds for seconds, _ in timed) if timed else None,
        fast_share=_share([seconds < rules.fast_seconds * questions for seconds, questions in timed]),
        identical_share=max(pressed.count(p) for p in set(pressed)) / len(pressed) if pressed else None,
        longest_run=max(runs, default=0),
        cannot_tell_share=_share(unsure),
        outcome=outcome,
        excluded=(),
    )
    return replace(figures, excluded=tuple(exclusion_reasons(figures, rules)))


def exclusion_reasons(rater: RaterQuality, rules: ExclusionTable) -> list[str]:
    """Return the rules a rater breaks, in words."""
    enough = rater.answered >= rules.min_answers
    below = (
        ("known answers", rater.gold_accuracy, rules.min_gold_accuracy, rater.gold >= rules.min_gold),
        (
            "repeats answered alike",
            rater.repeat_agreement,
            rules.min_repeat_agreement,
            rater.repeats >= rules.min_repeats,
        ),
    )
    above = (
        (f"answers under {rules.fast_seconds:g} s", rater.fast_share, rules.max_fast_share),
        ("one and the same answer", rater.identical_share, rules.max_identical_share),
    )
    reasons = [
        f"{name}: {value:.0%}, at least {limit:.0%} wanted"
        for name, value, limit, applies in below
        if applies and value is not None and limit is not None and value < limit
    ]
    reasons += [
        f"{name}: {value:.0%}, at most {limit:.0%} allowed"
        for name, value, limit in above
        if enough and value is not None and limit is not None and value > limit
    ]
    run = rules.max_identical_run
    if enough and run is not None and rater.longest_run > run:
        reasons.append(f"same answer {rater.longest_run} times in a row, at most {run} allowed")
    if rules.returned and rater.outcome == "returned":
        reasons.append("handed the work back")
    return reasons


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
