"""How carefully each rater answered, and whom the rules written before the data leave out."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import Any

from genspace.display import Displayed
from genspace.human_study.design import Exclusion
from genspace.human_study.protocols import PROTOCOLS

__all__ = ["RaterQuality", "Screen", "exclusion_reasons", "interval_width", "rate_raters", "same_answer"]

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


def same_answer(first: float | None, second: float | None, protocol: str) -> bool:
    """Whether two answers to one question agree: the same, or at most one step apart on a rating scale.

    >>> same_answer(4, 5, "likert"), same_answer(0, 1, "binary"), same_answer(None, None, "binary")
    (True, False, True)
    """
    if first is None or second is None:
        return first is second
    step = 1.0 if PROTOCOLS[protocol].value_type == "ordinal" and not PROTOCOLS[protocol].pairwise else 0.0
    return abs(first - second) <= step


@dataclass(frozen=True, slots=True)
class Screen:
    """What a rater answered on one screen."""

    rater_id: str
    unit: tuple[str, str]
    role: str
    repeat: int
    flipped: bool
    position: int
    answers: Mapping[str, float | None]
    """Question to value; None: can't tell."""
    known: Mapping[str, float | None]
    """Question to known answer; empty where there is none."""
    seconds: float | None
    comment: str = ""
    received_at: float = 0.0
    assignment_id: int = 0

    @property
    def as_pressed(self) -> Hashable:
        """The answers as they stood on the screen, to tell somebody who always presses the same button."""
        return tuple(1 - v if self.flipped and v is not None else v for _, v in sorted(self.answers.items()))


@dataclass(frozen=True, slots=True)
class RaterQuality(Displayed):
    """Figures of one rater; None where there is nothing to compute them from."""

    rater_id: str
    answered: int
    """Pictures, practice and repeats left out."""
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
    excluded: tuple[str, ...]
    """Rules this rater breaks, in words; empty: kept."""

    @classmethod
    def without_answers(cls, rater_id: str) -> RaterQuality:
        """Return the figures of somebody who has not answered yet."""
        return _rate(rater_id, [], Exclusion(), "binary")

    def to_json(self) -> dict[str, Any]:
        """Return the figures as a JSON-ready dictionary."""
        figures = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()} | {
            "excluded": list(self.excluded)
        }


def rate_raters(screens: Iterable[Screen], rules: Exclusion, protocol: str) -> list[RaterQuality]:
    """Return the figures of every rater, by pseudonym."""
    by_rater = sorted(screens, key=lambda s: (s.rater_id, s.position))
    return [
        _rate(r, list(theirs), rules, protocol) for r, theirs in groupby(by_rater, key=lambda s: s.rater_id)
    ]


def _rate(rater_id: str, screens: list[Screen], rules: Exclusion, protocol: str) -> RaterQuality:
    work = [s for s in screens if s.role != "training"]
    gold = [
        same_answer(s.answers[q], known, protocol)
        for s in work
        if s.role == "gold"
        for q, known in s.known.items()
        if q in s.answers
    ]
    first = {s.unit: s for s in work if s.repeat == 0}
    repeats = [
        same_answer(first[s.unit].answers.get(q), value, protocol)
        for s in work
        if s.repeat and s.unit in first
        for q, value in s.answers.items()
    ]
    timed = [(s.seconds, max(len(s.answers), 1)) for s in work if s.seconds is not None]
    pressed = [s.as_pressed for s in work]
    values = [v for s in work for v in s.answers.values()]
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
        cannot_tell_share=_share([v is None for v in values]),
        excluded=(),
    )
    return replace(figures, excluded=tuple(exclusion_reasons(figures, rules)))


def exclusion_reasons(rater: RaterQuality, rules: Exclusion) -> list[str]:
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
    return reasons


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
