"""What a rater may answer: the protocols, their answers, and the numbers these become."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from genspace.errors import InputError
from genspace.records import ValueType
from genspace.tables import PAIR_WORDS, WORDS, word_key

__all__ = ["CANNOT_TELL", "CONFIDENCE", "PROTOCOLS", "Choice", "RaterProtocol", "Shape", "offered"]

CANNOT_TELL = "cannot_tell"
Shape = Literal["item", "pair", "group"]
"""How many items one screen shows: one, two, or a group of one prompt."""
SLIDER_TOLERANCE = 10.0
"""Answers on the slider no farther apart than this count as alike."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer a rater can give.

    >>> PROTOCOLS["binary"].choices[0]
    Choice(name='yes', value=1.0, key='1', negative=False)
    """

    name: str
    """Name in the interface, in exports, and in the texts files (`[answers.PROTOCOL]`)."""
    value: float | None
    """Number it becomes; None: the rater cannot tell."""
    key: str
    """Keyboard key, as `KeyboardEvent.key` names it; digits work in every language."""
    negative: bool = False
    """Whether it is a no, after which a study may ask why not."""


@dataclass(frozen=True, slots=True)
class RaterProtocol:
    """A set of answers and how to read them."""

    name: str
    choices: tuple[Choice, ...]
    """What can be pressed; a slider's numbers and a group's orders are not among them."""
    value_type: ValueType
    shape: Shape = "item"
    """A pair's values are the first item's share of the win: 1, ½ or 0. A group's answer is an order, no number."""
    numbers: tuple[float, float] | None = None
    """Smallest and largest whole number of a slider."""
    tolerance: float = 0.0
    """Two answers no farther apart than this count as alike."""

    @property
    def pairwise(self) -> bool:
        """Whether two items are shown."""
        return self.shape == "pair"

    @property
    def scale(self) -> tuple[float, float]:
        """Smallest and largest value."""
        if self.numbers is not None:
            return self.numbers
        if self.shape == "group":
            return 0.0, 1.0  # of the pairs that an order implies
        values = [c.value for c in self.choices if c.value is not None]
        return min(values), max(values)

    def without_cannot_tell(self) -> RaterProtocol:
        """Return the same protocol without the answer "can't tell"."""
        return replace(self, choices=tuple(c for c in self.choices if c.value is not None))

    def value(self, choice: str, *, flipped: bool = False) -> float | None:
        """Return the number a choice becomes; `flipped` says that the second item stood first (on the left).

        Errors: `InputError` for a name that is not a choice of this protocol.

        >>> PROTOCOLS["pairwise"].value("left"), PROTOCOLS["pairwise"].value("left", flipped=True)
        (1.0, 0.0)
        """
        if self.numbers is not None and choice != CANNOT_TELL:
            return self._number(choice)
        value = _find(self.choices, choice, self.name).value
        return 1 - value if flipped and value is not None else value

    def choice(self, value: float | None, *, flipped: bool = False) -> str:
        """Return the name of the choice that becomes `value`; the inverse of `value`.

        Errors: `InputError` for a number off the scale.
        """
        if self.numbers is not None and value is not None:
            self._number(f"{value:g}")
            return f"{value:g}"
        wanted = 1 - value if flipped and value is not None else value
        for choice in self.choices:
            if choice.value == wanted:
                return choice.name
        known = ", ".join("empty" if c.value is None else f"{c.value:g}" for c in self.choices)
        raise InputError(f"{value} is not a value of the {self.name} protocol; its values are: {known}")

    def parse(self, text: str) -> float | None:
        """Read a value from a file: a number of the scale or the name of a choice; "" is "can't tell".

        Errors: `InputError` naming what is allowed.

        >>> PROTOCOLS["binary"].parse("yes"), PROTOCOLS["binary"].parse("0"), PROTOCOLS["binary"].parse("")
        (1.0, 0.0, None)
        """
        word = word_key(text)
        for choice in self.choices:
            if word == choice.name:
                return choice.value
        words = PAIR_WORDS if self.pairwise else WORDS
        if word in words and words[word] is None and not any(c.value is None for c in self.choices):
            raise InputError('this study does not offer "can\'t tell" (cannot_tell = false)')
        if self.numbers is not None and word not in words:
            return self._number(word)
        try:
            number = words[word] if word in words else float(word)
        except ValueError:
            names = ", ".join(c.name for c in self.choices)
            raise InputError(
                f"{text!r} is not an answer of the {self.name} protocol; known: {names}"
            ) from None
        if number is not None:
            self.choice(number)
        return number

    def alike(self, first: float | None, second: float | None) -> bool:
        """Whether two answers to one question agree: the same, or within what the protocol tolerates.

        >>> PROTOCOLS["likert"].alike(4, 5), PROTOCOLS["binary"].alike(0, 1), PROTOCOLS["binary"].alike(None, None)
        (True, False, True)
        """
        if first is None or second is None:
            return first is second
        return abs(first - second) <= self.tolerance

    def _number(self, text: str) -> float:
        low, high = self.numbers or (0.0, 0.0)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (low <= number <= high and number.is_integer()):
            raise InputError(f"{text!r} is not a whole number from {low:g} to {high:g}")
        return number


def _find(choices: Sequence[Choice], name: str, protocol: str) -> Choice:
    for choice in choices:
        if choice.name == name:
            return choice
    known = ", ".join(c.name for c in choices)
    raise InputError(f"{name!r} is not an answer of the {protocol} protocol; known: {known}")


_CANNOT_TELL = Choice(CANNOT_TELL, None, "0")

PROTOCOLS: Mapping[str, RaterProtocol] = {
    p.name: p
    for p in (
        RaterProtocol(
            "binary", (Choice("yes", 1.0, "1"), Choice("no", 0.0, "2", negative=True), _CANNOT_TELL), "binary"
        ),
        RaterProtocol(
            "likert",
            (*(Choice(f"{n}", float(n), f"{n}", negative=n < 3) for n in range(1, 6)), _CANNOT_TELL),
            "ordinal",
            tolerance=1.0,
        ),
        RaterProtocol(
            "slider", (_CANNOT_TELL,), "continuous", numbers=(0.0, 100.0), tolerance=SLIDER_TOLERANCE
        ),
        RaterProtocol(
            "pairwise",
            (Choice("left", 1.0, "1"), Choice("tie", 0.5, "2"), Choice("right", 0.0, "3"), _CANNOT_TELL),
            "ordinal",
            shape="pair",
        ),
        RaterProtocol("best_worst", (_CANNOT_TELL,), "ordinal", shape="group"),
        RaterProtocol("ranking", (_CANNOT_TELL,), "ordinal", shape="group"),
    )
}

_GOOD_OR_BAD = (
    Choice("left", 1.0, "1"),
    Choice("right", 0.0, "2"),
    Choice("both_good", 0.5, "3"),
    Choice("both_bad", 0.5, "4"),
    _CANNOT_TELL,
)
"""The answers about a pair where a study tells good ties from bad ones."""

CONFIDENCE: Mapping[str, float] = {"guess": 0.0, "fairly": 0.5, "certain": 1.0}
"""How sure a rater is, by the name of the choice (`[confidence]` in the texts files)."""


def offered(name: str, *, cannot_tell: bool, ties: str = "one") -> RaterProtocol:
    """Return a protocol as a study offers it.

    >>> [c.name for c in offered("pairwise", cannot_tell=False, ties="good_bad").choices]
    ['left', 'right', 'both_good', 'both_bad']
    """
    protocol = PROTOCOLS[name]
    if protocol.pairwise and ties == "good_bad":
        protocol = replace(protocol, choices=_GOOD_OR_BAD)
    return protocol if cannot_tell else protocol.without_cannot_tell()
