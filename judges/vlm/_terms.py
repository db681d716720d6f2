"""What a server turned out to refuse: learned from two items, part of the fingerprint, kept beside the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genspace.judges.vlm._errors import Refusal, next_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is left out of requests, or lowered, and where P(yes) comes from."""

    without: frozenset[str] = frozenset()
    """Parameters that are not sent."""
    at_most: Mapping[str, int] = field(default_factory=dict)
    """The most that the server takes of a parameter."""
    sampled: bool = False
    """Whether no log-probabilities come, so that answers are sampled."""

    def after(self, refusal: Refusal, sent: int | None) -> Terms:
        """Return the terms after a refusal: a number is lowered as long as that may help, anything else left out.

        `sent` is the refused value, if it is a number.

        >>> terms = Terms().after(Refusal(parameter="top_logprobs"), sent=20)
        >>> terms.at_most, terms.after(Refusal(parameter="logprobs"), sent=None).without == {"logprobs", "top_logprobs"}
        ({'top_logprobs': 5}, True)
        """
        name = refusal.parameter
        lower = refusal.at_most or (None if sent is None else next_step(name, sent))
        if lower is not None:
            return replace(self, at_most={**self.at_most, name: lower})
        gone = {"logprobs", "top_logprobs"} if "logprobs" in name else {name}
        return replace(
            self,
            without=self.without | gone,
            at_most={k: v for k, v in self.at_most.items() if k not in gone},
        )

    def to_json(self) -> dict[str, Any]:
        """Return what differs from a server that takes everything: {} where nothing was learned.

        >>> Terms().to_json(), Terms(without=frozenset({"seed"}), sampled=True).to_json()
        ({}, {'without': ['seed'], 'sampled': True})
        """
        found = {"without": sorted(self.without), "at_most": dict(self.at_most), "sampled": self.sampled}
        return {name: value for name, value in found.items() if value}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Terms:
        """Read what `to_json` wrote."""
        return cls(**{**document, "without": frozenset(document.get("without", ()))})

    def __str__(self) -> str:
        parts = [f"{name} is left out" for name in sorted(self.without)]
        parts += [f"{name} is at most {most}" for name, most in self.at_most.items()]
        parts += ["answers are sampled, since no log-probabilities come"] if self.sampled else []
        return ", ".join(parts) or "it takes everything"


@dataclass(slots=True)
class Draft:
    """The terms under which one item is asked."""

    terms: Terms
    learning: bool = False
    """Whether they may change; only the items that go ahead of all others learn."""
    answered: bool = False
    """Whether the server has given an answer, so that what was learned is worth something."""
    weighed: bool = False
    """Whether P(yes) came from log-probabilities; an answer that cannot be read tells nothing of them."""


def agreed(drafts: Sequence[Draft]) -> Terms:
    """Return what all items found alike; what only one of them met may be that item's own.

    >>> two = [Draft(Terms(without=frozenset({"seed"}), sampled=True)), Draft(Terms(without=frozenset({"seed"})))]
    >>> agreed(two).to_json()
    {'without': ['seed'], 'sampled': True}
    """
    found = [draft.terms for draft in drafts] or [Terms()]
    lowered = set.intersection(*(set(terms.at_most) for terms in found))
    return Terms(
        without=frozenset.intersection(*(terms.without for terms in found)),
        at_most={name: max(terms.at_most[name] for terms in found) for name in sorted(lowered)},
        sampled=any(terms.sampled for terms in found) and not any(draft.weighed for draft in drafts),
    )
