"""The kinds of a plan's probes: graded (for the threshold), clear, contrast (to mislead), and hard to see.

| kind | what is shown | truth |
| --- | --- | --- |
| graded | the error lies anywhere from 0 to twice the tolerance | known |
| clear | all but exactly what is asked, or at least 1.5 tolerances beyond it; nothing is too small | known, in halves |
| contrast | another side or arrangement than the one asked for | no |
| cut | clear, but the border of the picture cuts something | known |
| hidden | clear, but something stands almost wholly behind something else | known |
| frontless | sides are asked of a thing that has no front | none: nobody can answer |

A tolerance bounds the error from above, so a clear yes cannot lie 1.5 tolerances below it: it lies in the first
quarter. An order has no tolerance: its unit is half of what graded probes spread to either side, and both answers lie
beyond 1.5 of them. What people do not see at that is shown farther off (`PLAIN`).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from genspace.errors import InputError, did_you_mean
from genspace.geometry.probes.planning import Plan

__all__ = ["HARD", "KINDS", "USUAL", "Deal", "Shares", "deal", "draw_error", "is_clear", "parse_shares"]

HARD = ("cut", "hidden", "frontless")
KINDS = ("graded", "clear", "contrast", *HARD)
BEYOND = 1.5
"""Tolerances between a clear probe and the threshold."""
EXACT = 0.25
"""A clear yes has at most so much of the tolerance as its error."""
MOST = 6.0
"""Largest error of a clear no, in tolerances."""
PLAIN: Mapping[tuple[str, bool], tuple[float, float]] = {
    ("deg", False): (60.0, 90.0),
    ("log ratio", False): (math.log(1.6), math.log(2.0)),
    ("log ratio", True): (math.log(1.3), math.log(1.7)),
}
"""Errors of a clear no by unit, and whether an order is asked: of sides, volumes, and which of two is nearer.

The front seen from 40° is no longer the front, but who would swear to it? Beyond 90° "beside" holds again on the other
side. Of two things nobody sees that one is a tenth wider, or its middle a tenth nearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Shares of a plan's probes, rounded to whole probes; the rest is graded.

    >>> Shares(clear=0.5, hard=0)
    Shares(clear=0.5, contrast=0.2, hard=0)
    >>> Shares(clear=0.9, hard=0.3)
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: shares of probes are 0 or more and no more than 1 together, not 0.9, 0.2, 0.3
    """

    clear: float = 0.3
    contrast: float = 0.2
    """Only of plans with sides or arrangements."""
    hard: float = 0.1
    """Cut, hidden and frontless ones in turn, as far as the plan has them."""

    def __post_init__(self) -> None:
        shares = (self.clear, self.contrast, self.hard)
        if min(shares) < 0 or sum(shares) > 1:
            raise InputError(
                f"shares of probes are 0 or more and no more than 1 together, not {', '.join(map(str, shares))}"
            )


USUAL = Shares()


def parse_shares(text: str) -> Shares:
    """Parse shares such as "clear=0.5"; shares that are not named keep their default. Errors: `InputError`.

    >>> parse_shares("clear=0.5,hard=0")
    Shares(clear=0.5, contrast=0.2, hard=0.0)
    """
    given = {}
    for part in text.split(","):
        name, _, value = (word.strip() for word in part.partition("="))
        known = [field.name for field in fields(Shares)]
        if name not in known:
            raise InputError(f"shares {text!r}: unknown kind {name!r}{did_you_mean(name, known)}")
        try:
            given[name] = float(value)
        except ValueError:
            raise InputError(f"shares {text!r}: {name} needs a share such as {name}=0.3") from None
    return Shares(**given)


@dataclass(frozen=True, slots=True)
class Deal:
    """The kind of one probe, and its place among those of its kind.

    >>> from genspace.geometry.probes.plans import PLANS
    >>> deal(PLANS["t2i-egocentric-left"], 0, 10, Shares())
    Deal(kind='graded', place=0, of=6, yes=True)
    """

    kind: str
    place: int
    """Among the plan's probes of its kind (of all hard ones), from 0."""
    of: int
    """How many of its kind the plan has."""
    yes: bool
    """What a probe that is neither graded nor contrast shows."""


def deal(plan: Plan, index: int, count: int, shares: Shares) -> Deal:
    """Return the kind of probe `index` of `count`: graded first, then clear, contrast and hard ones.

    >>> from genspace.geometry.probes.plans import PLANS
    >>> [deal(PLANS["t2i-egocentric-left"], i, 10, Shares()).kind for i in (0, 5, 6, 8, 9)]
    ['graded', 'graded', 'clear', 'clear', 'cut']
    """
    numbers = {
        "clear": round(count * shares.clear),
        "contrast": round(count * shares.contrast) if plan.contrast else 0,
        "hard": round(count * shares.hard),
    }
    numbers = {"graded": max(count - sum(numbers.values()), 0), **numbers}
    order = [(kind, place) for kind, number in numbers.items() for place in range(number)]
    kind, place = order[index]
    # plans with few probes of a kind do not all begin with the same one
    turn = place + zlib.crc32(plan.name.encode()) // 7
    if kind == "hard":
        hard = _hard(plan)
        return Deal(hard[turn % len(hard)], place, numbers[kind], yes=turn // len(hard) % 2 == 0)
    return Deal(kind, place, numbers[kind], yes=turn % 2 == 0)


def _hard(plan: Plan) -> tuple[str, ...]:
    """Return the ways in which a plan's scenes can be hard to see: no object hides alone, and lengths need no front."""
    several = "{1}" in plan.call
    return ("cut", *["hidden"] * several, *["frontless"] * plan.about_sides)


def draw_error(plan: Plan, dealt: Deal, rng: np.random.Generator, *, seed: int) -> float:
    """Return the error that a probe shows, in the unit of the tolerance; of a contrast probe, against its own side.

    >>> from genspace.geometry.probes.plans import PLANS
    >>> plan = PLANS["t2i-allocentric-left"]  # right within 30 degrees
    >>> draw_error(plan, deal(plan, 0, 10, Shares()), np.random.default_rng(0), seed=0) >= 0
    True
    """
    if dealt.kind == "graded":
        order = np.random.default_rng([seed, zlib.crc32(plan.name.encode())]).permutation(dealt.of)
        low, high = plan.spread
        return low + (high - low) * (float(order[dealt.place]) + float(rng.uniform())) / dealt.of
    if dealt.kind == "contrast":
        return float(rng.uniform(0, 0.6 * min(plan.inner, 15)))
    ordered = plan.inner == 0
    if dealt.yes and not ordered:
        return float(rng.uniform(0, EXACT * plan.inner))
    least, most = (BEYOND, 2 * BEYOND) if ordered else (1 + BEYOND, MOST)
    low, high = PLAIN.get((plan.unit, ordered), (0.0, most * plan.width))
    return float(rng.uniform(max(least * plan.width, low), high)) * (-1 if dealt.yes else 1)


def is_clear(plan: Plan, error: float) -> bool:
    """Whether the answer is clear at this error.

    >>> from genspace.geometry.probes.plans import PLANS
    >>> left = PLANS["t2i-allocentric-left"]  # within 30 degrees
    >>> [is_clear(left, error) for error in (5, 20, 60, 80)]
    [True, False, False, True]
    """
    if plan.inner == 0:
        return abs(error) >= BEYOND * plan.width
    return error <= EXACT * plan.inner or error >= (1 + BEYOND) * plan.inner
