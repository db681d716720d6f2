"""A protocol's questions and answers, without HTTP, models or batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from genspace.records import Measurement, Status

if TYPE_CHECKING:
    from pydantic import BaseModel

CHARACTERS_PER_TOKEN = 4
"""English text, roughly; for estimates alone."""

Kind = Literal["blocked", "cut-off", "refused", "unusable", "no-log-probabilities"]
"""Why a model's answer decides nothing: its server withheld it, it is not whole, the model declined, it is not what was
asked for, or it came without the log-probabilities that the judge reads."""


def text_tokens(text: str) -> int:
    """Return an estimate of the tokens of a text.

    >>> text_tokens("Is there a cow?")
    4
    """
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to a model: either one of `choices`, or a filled-in `form`."""

    text: str
    images: tuple[str, ...]
    """Names of the images, in the order in which the text speaks of them."""
    system: str = ""
    choices: tuple[str, ...] = ()
    """Words of which the model should answer one; their probabilities are wanted."""
    form: type[BaseModel] | None = None
    """What the model should fill in, as JSON."""
    drawn: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Content of those of the images that are no files."""
    solution: tuple[str | None, str | None] | None = None
    """Its right answer where people say yes of the request, and where they say no, each None where it does not follow;
    None: neither follows, and no solved asks are put before it."""
    aids: tuple[str, ...] = ()
    """What the text says of aids."""
    solved: tuple[tuple[Ask, str], ...] = ()
    """Other asks with their right answers, put before this one."""

    @property
    def sent(self) -> tuple[Ask, ...]:
        """The solved asks and this one, in the order in which they are sent."""
        return (*(ask for ask, _ in self.solved), self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What answers cost."""

    calls: int = 0
    replayed: int = 0
    """Calls answered from the response cache; their tokens and price are what the first asking cost."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None where the price is unknown."""
    cost_from: tuple[str, ...] = ()
    """Who says what it cost: "usage.cost of the server", "price table of …"."""
    seconds: float = 0.0
    """Time spent waiting for answers, retries included."""

    def __add__(self, other: Usage) -> Usage:
        costs = (self.cost_usd, other.cost_usd)
        return Usage(
            calls=self.calls + other.calls,
            replayed=self.replayed + other.replayed,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=None if costs[0] is None or costs[1] is None else costs[0] + costs[1],
            cost_from=tuple(dict.fromkeys(self.cost_from + other.cost_from)),
            seconds=self.seconds + other.seconds,
        )


def drawn_in(asks: Iterable[Ask]) -> dict[str, bytes]:
    """Return the pictures of asks that are not files, by name."""
    return {name: data for ask in asks for part in ask.sent for name, data in part.drawn.items()}


def total(usages: Sequence[Usage]) -> Usage:
    """Return the sum.

    >>> total([Usage(calls=1, cost_usd=0.5), Usage(calls=2, cost_usd=None)]).cost_usd is None
    True
    """
    return sum(usages, Usage())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of an ask."""

    status: Status = "decided"
    reason: str | None = None
    """Why it abstained or failed, in words."""
    kind: Kind | None = None
    """Why it abstained, as a code."""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    """Probability of each choice, summing to 1."""
    source: str | None = None
    """Where the probabilities come from: "log-probabilities", "5 samples", "logits"."""
    form: BaseModel | None = None
    raw: tuple[str, ...] = ()
    """Texts as the model gave them."""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The conclusion of a protocol: the verdict without key and cost."""

    status: Status = "decided"
    score: float | None = None
    confidence: float | None = None
    reason: str | None = None
    kind: Kind | None = None
    explanation: str | None = None
    measurements: tuple[Measurement, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
