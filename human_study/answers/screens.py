"""What a rater answered on one screen, as it is read back from the store or from an export."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from genspace.human_study.answers.orders import load_tiers
from genspace.records import Role

__all__ = ["Detail", "Screen"]


@dataclass(frozen=True, slots=True)
class Detail:
    """What an answer says beside its value."""

    choice: str = ""
    """What was chosen where the value does not tell it: "both_good", or a group's order (`orders.tiers_text`)."""
    confidence: float | None = None
    """How sure the rater was, 0 to 1; None: not asked."""
    why: str = ""
    """The reason for a no."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a rater answered on one screen."""

    rater_id: str
    unit: tuple[str, ...]
    """The items shown: one, the two of a pair, or those of a group."""
    role: Role
    repeat: int
    flipped: bool
    """Whether the second item of a pair stood on the left."""
    position: int
    """Its place in the rater's visit, from 1."""
    answers: Mapping[str, float | None]
    """Value of each question; None: can't tell, or an order."""
    known: Mapping[str, float | None]
    """Known answer to each question, as registered when the rater answered; empty where there is none."""
    seconds: float | None
    """From the picture's appearance to the answer; corrections add theirs."""
    comment: str = ""
    received_at: float = 0.0
    """When the answer that counts arrived, in seconds since 1970."""
    assignment_id: int = 0
    details: Mapping[str, Detail] = field(default_factory=dict)
    """What the answer to each question says beside its value; only questions for which there is something."""
    shown: tuple[str, ...] = ()
    """Items of a group in the order of the screen."""
    registration: str = ""
    """Digest of what was registered when the rater answered; "" where nothing was."""
    reclaimed: bool = False
    """Whether the item was asked about again because its answer does not count."""

    @property
    def as_pressed(self) -> Hashable:
        """The answers as they stood on the screen, which show whether a rater always presses the same button."""
        return tuple((q, self._pressed(q, v)) for q, v in sorted(self.answers.items()))

    def _pressed(self, question: str, value: float | None) -> Hashable:
        choice = self.details.get(question, Detail()).choice
        if choice and self.shown:
            return tuple(tuple(sorted(map(self.shown.index, tier))) for tier in load_tiers(choice))
        if choice:
            return choice
        return 1 - value if self.flipped and value is not None else value
