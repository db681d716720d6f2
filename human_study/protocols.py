"""What a rater may answer: the protocols, their answers, and the numbers these become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from genspace.errors import InputError
from genspace.records import ValueType
from genspace.tables import PAIR_WORDS, WORDS, word_key

__all__ = ["CANNOT_TELL", "PROTOCOLS", "Choice", "Protocol"]

CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer a rater can give."""

    name: str
    """Name in the interface, in exports, and in the texts files (`[answers.PROTOCOL]`)."""
    value: float | None
    """Number it becomes; None: the rater cannot tell."""
    key: str
    """Keyboard key, as `KeyboardEvent.key` names it; digits work in every language."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A set of answers and how to read them."""

    name: str
    choices: tuple[Choice, ...]
    value_type: ValueType
    pairwise: bool = False
    """Whether two items are shown. Values then are the first item's share of the win: 1, ½ or 0."""

    @property
    def scale(self) -> tuple[float, float]:
        """Smallest and largest value."""
        values = [c.value for c in self.choices if c.value is not None]
        return min(values), max(values)

    def without_cannot_tell(self) -> Protocol:
        """Return the same protocol without the answer "can't tell"."""
        return replace(self, choices=tuple(c for c in self.choices if c.value is not None))

    def value(self, choice: str, *, flipped: bool = False) -> float | None:
        """Return the number a choice becomes; `flipped` says that the second item stood first (on the left).

        Errors: `InputError` for a name that is no choice of this protocol.

        >>> PROTOCOLS["pairwise"].value("left"), PROTOCOLS["pairwise"].value("left", flipped=True)
        (1.0, 0.0)
        """
        value = _find(self.choices, choice, self.name).value
        return 1 - value if flipped and value is not None else value

    def choice(self, value: float | None, *, flipped: bool = False) -> str:
        """Return the name of the choice that becomes `value`; the inverse of `value`.

        Errors: `InputError` for a number off the scale.
        """
        wanted = 1 - value if flipped and value is not None else value
        for choice in self.choices:
            if choice.value == wanted:
                return choice.name
        known = ", ".join("empty" if c.value is None else f"{c.value:g}" for c in self.choices)
        raise InputError(f"{value} is no value of the {self.name} protocol; its values are: {known}")

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
        try:
            number = words[word] if word in words else float(word)
        except ValueError:
            names = ", ".join(c.name for c in self.choices)
            raise InputError(f"{text!r} is no answer of the {self.name} protocol; known: {names}") from None
        if number is not None:
            self.choice(number)
        return number


def _find(choices: Sequence[Choice], name: str, protocol: str) -> Choice:
    for choice in choices:
        if choice.name == name:
            return choice
    known = ", ".join(c.name for c in choices)
    raise InputError(f"{name!r} is no answer of the {protocol} protocol; known: {known}")


_CANNOT_TELL = Choice(CANNOT_TELL, None, "0")

PROTOCOLS: Mapping[str, Protocol] = {
    p.name: p
    for p in (
        Protocol("binary", (Choice("yes", 1.0, "1"), Choice("no", 0.0, "2"), _CANNOT_TELL), "binary"),
        Protocol(
            "likert",
            (*(Choice(f"{n}", float(n), f"{n}") for n in range(1, 6)), _CANNOT_TELL),
            "ordinal",
        ),
        Protocol(
            "pairwise",
            (
                Choice("left", 1.0, "1"),
                Choice("tie", 0.5, "2"),
                Choice("right", 0.0, "3"),
                _CANNOT_TELL,
            ),
            "ordinal",
            pairwise=True,
        ),
    )
}
