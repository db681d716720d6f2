"""How often a judge contradicts itself when the same thing is asked in another way, and what that says of its errors.

Whoever says yes to a picture and no to its mirror image with the words mirrored is wrong once: no label is needed to
know it (metamorphic testing: Chen, Cheung and Yiu 1998, "Metamorphic testing"). The bound below counts, for each item,
the fewest answers that must be wrong whatever the truth is. The errors that were really made are at least as many, so
their share is at least the bound, on every sample and with no assumption but that the versions ask the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio
from genspace.display import Displayed

__all__ = ["Consistency", "Expects", "Said", "Way", "WayRow", "consistency", "fewest_errors"]

Expects = Literal["the same answer", "not yes to both"]
"""What must hold between the answer to the question and the answer to its other version."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to ask the same thing again."""

    name: str
    expects: Expects

    def contradicts(self, first: bool, second: bool) -> bool:
        """Whether an answer to the question and one to its other version cannot both be right.

        >>> Way("mirror", "the same answer").contradicts(True, False)
        True
        >>> Way("contrary", "not yes to both").contradicts(False, False)
        False
        """
        return first and second if self.expects == "not yes to both" else first != second


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a judge said about one item and its other versions."""

    item_id: str
    prompt: str
    """Items that share it are no independent draws."""
    group: str | None = None
    """Sub-domain, or whatever else the figures are broken down by."""
    asked: bool | None
    """The decision about the item itself; None: it abstained or failed."""
    versions: Mapping[str, bool | None] = field(default_factory=dict)
    """The decision about each version that was asked, by the name of the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayRow:
    """Contradictions between the question and one other version of it."""

    way: str
    expects: Expects
    asked: int
    """Items of which this version exists."""
    answered: int
    """Those of which both versions were decided."""
    contradictions: Estimate
    """Share of the answered that contradict themselves, with its interval over prompts."""
    yes_to_both: int
    no_to_both: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency(Displayed):
    """How consistent a judge is with itself: no measure of how right it is."""

    judge: str
    items: int
    answered: int
    """Items of which at least two versions were decided."""
    contradicting: Estimate
    """Share of these items on which at least one answer must be wrong."""
    least_error: Estimate
    """Share of the answers that must be wrong whatever the truth is: a lower bound on the judge's error rate, on all
    versions together. It bounds the error on the pictures as they are if these are no easier than their versions."""
    ways: tuple[WayRow, ...]
    groups: Mapping[str, Estimate]
    """`least_error` by group."""


def fewest_errors(same: Sequence[bool], contrary: Sequence[bool] = ()) -> int:
    """Return how many answers must be wrong whatever the truth is.

    Args:
        same: answers to versions whose right answer is the same.
        contrary: answers to statements of which none holds where those hold; both may be false.

    >>> fewest_errors([True, True, False])
    1
    >>> fewest_errors([True], [True])
    1
    >>> fewest_errors([False, False], [False])
    0
    """
    yes, no = sum(same), len(same) - sum(same)
    contrary_yes, contrary_no = sum(contrary), len(contrary) - sum(contrary)
    # the truths that can be: the statement holds, its contrary holds, neither holds
    return min(no + contrary_yes, yes + contrary_no, yes + contrary_yes)


def consistency(
    judge: str, said: Sequence[Said], ways: Sequence[Way], *, confidence: float = 0.95, seed: int = 0
) -> Consistency:
    """Return how often a judge contradicts itself, and the lower bound on its error rate that follows.

    Args:
        judge: name of the judge.
        said: its decisions, by item.
        ways: the ways in which it was asked again.
        confidence: level of the intervals, which are over prompts.
        seed: of the blocks of prompts, where there are very many.

    >>> ways = [Way("mirror", "the same answer")]
    >>> said = [
    ...     Said(item_id="1", prompt="p", asked=True, versions={"mirror": False}),
    ...     Said(item_id="2", prompt="q", asked=True, versions={"mirror": True}),
    ... ]
    >>> found = consistency("vlm", said, ways)
    >>> found.contradicting.value, found.least_error.value
    (0.5, 0.25)
    """
    by_name: dict[str, Expects] = {way.name: way.expects for way in ways}
    rows = [row for item in said if (row := _counted(item, by_name)) is not None]

    def share(group: str | None, *, of_items: bool = False) -> Estimate:
        chosen = [row for row in rows if group is None or row.group == group]
        return _share(
            np.array([row.wrong > 0 if of_items else row.wrong for row in chosen], dtype=float),
            np.array([1 if of_items else row.answers for row in chosen], dtype=float),
            [row.prompt for row in chosen],
            confidence,
            seed,
        )

    return Consistency(
        judge=judge,
        items=len(said),
        answered=len(rows),
        contradicting=share(None, of_items=True),
        least_error=share(None),
        ways=tuple(_way(way, said, confidence, seed) for way in ways),
        groups={
            name: share(name) for name in sorted({item.group for item in said if item.group is not None})
        },
    )


class _WrongAnswers(NamedTuple):
    prompt: str
    group: str | None
    wrong: int
    """The fewest answers that must be wrong."""
    answers: int


def _counted(item: Said, expects: Mapping[str, Expects]) -> _WrongAnswers | None:
    """Count one item's answers; None where there are fewer than two."""
    given = {name: answer for name, answer in item.versions.items() if answer is not None}
    same = [answer for name, answer in given.items() if expects[name] == "the same answer"]
    same += [item.asked] if item.asked is not None else []
    contrary = [answer for name, answer in given.items() if expects[name] == "not yes to both"]
    answers = len(same) + len(contrary)
    return (
        _WrongAnswers(item.prompt, item.group, fewest_errors(same, contrary), answers)
        if answers > 1
        else None
    )


def _way(way: Way, said: Sequence[Said], confidence: float, seed: int) -> WayRow:
    asked = [item for item in said if way.name in item.versions]
    both = [
        (item.prompt, item.asked, second)
        for item in asked
        if item.asked is not None and (second := item.versions[way.name]) is not None
    ]
    contradicts = [way.contradicts(a, b) for _, a, b in both]
    return WayRow(
        way=way.name,
        expects=way.expects,
        asked=len(asked),
        answered=len(both),
        contradictions=_share(
            np.array(contradicts, dtype=float), np.ones(len(both)), [p for p, _, _ in both], confidence, seed
        ),
        yes_to_both=sum(a and b for _, a, b in both),
        no_to_both=sum(not a and not b for _, a, b in both),
    )


def _share(counted: Floats, of: Floats, prompts: Sequence[str], confidence: float, seed: int) -> Estimate:
    """Return the sum of what is counted over the sum of what it is counted of, with its interval over prompts."""
    if not len(counted):
        return Estimate.undefined(Reason("no_scores"))
    clusters = Replicates.of(prompts, seed=seed)
    value = counted.sum() / of.sum()

    def without(weights: Floats) -> Floats:
        return ratio(counted @ weights, of @ weights)

    return from_replicates(
        float(value), clusters.map(without), clusters, n=len(counted), scale="share", confidence=confidence
    )
