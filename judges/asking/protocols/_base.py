"""What a protocol is, and what several protocols share."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genspace.judges.asking._asks import Answer, Ask, Outcome
from genspace.judges.prompts import Wordings
from genspace.records import Item, Measurement, Request

if TYPE_CHECKING:
    from genspace.judges.asking._options import AskOptions

YES_NO = ("yes", "no")
"""The answers, and the solution of an ask about just what people are asked."""

Steps = Generator[list[Ask], list[Answer], Outcome]
"""Yields lists of asks that may be answered in any order, is sent the answers, and returns the outcome.

It does no I/O, so the same protocol serves an endpoint (asynchronous calls), a local model (batches) and a preview
(no calls at all).
"""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A way to decide a request by asking a model."""

    steps: Callable[[Request, Wordings, AskOptions], Steps]
    pairwise: bool = False
    """Whether a request holds two items that are compared."""
    hides: bool = False
    """Whether the model must not know which of several statements was asked for."""
    example: Callable[[Request, Wordings, int], Ask | None] | None = None
    """The ask that is shown solved as the so-manieth example; None: the first of its steps that has a solution."""


def images_of(item: Item) -> tuple[str, ...]:
    """Return the names of an item's images, the one before an edit first."""
    return tuple(name for name in (item.image_before, item.image) if name)


def probability(answer: Answer) -> Outcome:
    """Return P(yes) as the score."""
    if answer.status != "decided":
        return without_score(answer)
    score = answer.probabilities["yes"]
    return Outcome(
        score=score, confidence=max(score, 1 - score), details={"probabilities_from": answer.source}
    )


def undecided(answers: Iterable[Answer]) -> Answer | None:
    """Return the first answer without a decision, failures before abstentions; None: all decide."""
    left = [answer for answer in answers if answer.status != "decided"]
    return next((answer for answer in left if answer.status == "failed"), left[0] if left else None)


def without_score(answer: Answer, measurements: Sequence[Measurement] = ()) -> Outcome:
    """Return the outcome of an answer without a decision."""
    return Outcome(
        status=answer.status, reason=answer.reason, kind=answer.kind, measurements=tuple(measurements)
    )
