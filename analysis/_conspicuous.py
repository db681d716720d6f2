"""Raters who stand out: a pair that agrees far more than every other, or one on another scale."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reliability import cohen_kappa
from genspace.display import Displayed

CONSPICUOUS_GAP = 0.15
"""A pair of raters whose kappa exceeds every other pair's by so much may not be independent."""


SHARED_ITEMS = 20
"""Items that two raters must share before their agreement is compared with that of others."""


@dataclass(frozen=True)
class RaterPair(Displayed):
    """How far two raters agree on the items both rated."""

    a: str
    b: str
    n: int
    """Items both rated."""
    agreement: float | None
    """Share of equal ratings."""
    kappa: float | None
    """Cohen's kappa, unweighted; None when undefined."""


def rater_pairs(people: PeopleAnswers) -> list[RaterPair]:
    """Return the agreement of every pair of raters that share an item."""
    pairs = []
    for i, j in combinations(range(len(people.raters)), 2):
        a, b = people.ratings[:, i], people.ratings[:, j]
        both = np.isfinite(a) & np.isfinite(b)
        if both.any():
            kappa = float(cohen_kappa(a, b)[0])
            pairs.append(
                RaterPair(
                    people.raters[i],
                    people.raters[j],
                    int(both.sum()),
                    float((a[both] == b[both]).mean()),
                    kappa if np.isfinite(kappa) else None,
                )
            )
    return pairs


@dataclass(frozen=True)
class OtherScale(Displayed):
    """A rater who agrees with others once the rater's answers are brought onto their scale."""

    rater: str
    other: str
    """The rater of a pair with whom the agreement is then highest."""
    turned: bool
    """Whether high answers stand for low ones."""
    kappa: float
    """Cohen's kappa of the answers as they are."""
    aligned: float
    """The same with the answers brought onto the other's scale."""


def conspicuous_raters(people: PeopleAnswers) -> tuple[RaterPair, float] | OtherScale | None:
    """Return the pair that agrees far more than every other and the next best kappa, or the rater who explains it.

    A third rater on a reversed or another scale makes any two others stand out. So each third's answers are first
    brought onto the scale of one of the pair, by their quantiles, forwards and turned round.

    Args:
        people: Who rated what.
    """
    pairs = rater_pairs(people)
    known = sorted((p.kappa, i) for i, p in enumerate(pairs) if p.kappa is not None and p.n >= SHARED_ITEMS)
    if len(known) < 3 or known[-1][0] - known[-2][0] < CONSPICUOUS_GAP:
        return None
    best, pair = known[-1][0], pairs[known[-1][1]]
    thirds = (
        _on_scale_of(people, row.b if row.a in (pair.a, pair.b) else row.a, other, kappa)
        for kappa, i in known[:-1]
        for row in (pairs[i],)
        for other in {row.a, row.b} & {pair.a, pair.b}
    )
    explained = [
        found
        for found in thirds
        if found.aligned >= max(best - CONSPICUOUS_GAP, found.kappa + CONSPICUOUS_GAP)
    ]
    return max(explained, key=lambda found: found.aligned, default=None) or (pair, known[-2][0])


def _on_scale_of(people: PeopleAnswers, rater: str, other: str, kappa: float) -> OtherScale:
    """Return how far a rater agrees with another once answers of the same rank are the same answer."""
    own, theirs = (people.ratings[:, people.raters.index(name)] for name in (rater, other))
    both = np.isfinite(own) & np.isfinite(theirs)
    own, theirs = own[both], theirs[both]

    def aligned(values: Floats) -> float:
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        middle = (np.cumsum(count) - (count + 1) / 2).round().astype(int)
        return float(np.nan_to_num(cohen_kappa(np.sort(theirs)[middle[place]], theirs)[0], nan=-1.0))

    forwards, turned = aligned(own), aligned(-own)
    return OtherScale(rater, other, turned > forwards, kappa, max(forwards, turned))
