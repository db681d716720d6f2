"""Strengths of generators from comparisons of two (Bradley & Terry 1952), fitted by evalica.

The first of two generators wins with probability e^a / (e^a + e^b), where a and b are their log strengths. A tie
counts as half a win of each. Maximum likelihood has one finite answer if and only if every way of cutting the
generators into two groups leaves a win in both directions (Ford 1957, "Solution of a ranking problem from binary
comparisons", Amer. Math. Monthly 64). Where a group never loses to the rest, its lead is infinite; the stated prior
then keeps it finite. Where two groups were never compared, nothing orders them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Bools, Floats
from genspace.analysis.reasons import Reason
from genspace.display import Displayed

__all__ = ["PRIOR_TIES", "BradleyTerry", "Triads", "bradley_terry", "triads"]


PRIOR_TIES = 1.0
"""Ties added to each compared pair where maximum likelihood alone has no finite answer."""
TOLERANCE = 1e-9
DECIMALS = 7
MOST_ITERATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Triads(Displayed):
    """Whether comparisons fit one order at all: three generators of which each beats the next go in a circle."""

    cyclic: int
    """Triads in which each generator beats another and loses to the third (Kendall & Babington Smith 1940)."""
    of: int
    """Triads of which every two were compared, and neither is even with the other."""


def triads(wins: Floats) -> Triads:
    """Count triads of generators and those that go in a circle.

    Args:
        wins: (G, G) wins of the row against the column.

    >>> triads(np.array([[0.0, 2, 0], [1, 0, 2], [2, 1, 0]]))
    Triads(cyclic=1, of=1)
    """
    beats = np.asarray(wins > wins.T, dtype=float)
    apart = beats + beats.T
    # A path of two steps that comes back closes a triad; each circle has three starts, each triad six.
    cyclic = np.einsum("ij,jk,ki->", beats, beats, beats) / 3
    every = np.einsum("ij,jk,ki->", apart, apart, apart) / 6
    return Triads(round(float(cyclic)), round(float(every)))


@dataclass(frozen=True, eq=False, repr=False)
class BradleyTerry(Displayed):
    """Log strengths of G generators."""

    strength: Floats
    """(G,) natural logarithms with mean 0; NaN without a comparison, and for all of them where there is a `reason`.

    1 / (1 + e^-strength) is the probability to win against a generator of average log strength.
    """
    comparisons: Floats
    """(G,) comparisons of each generator with others."""
    prior_ties: float
    """Ties that were added to each compared pair; 0: maximum likelihood alone."""
    reason: Reason | None
    """Why there are no strengths."""


def bradley_terry(
    wins: ArrayLike, *, prior_ties: float = PRIOR_TIES, names: Sequence[str] | None = None
) -> BradleyTerry:
    """Fit strengths to a table of wins.

    Args:
        wins: (G, G) how often the generator of the row won against that of the column, a tie half; the diagonal is
            ignored.
        prior_ties: Ties added to each compared pair where, and only where, a group of generators never loses to
            the rest; 0: no strengths then.
        names: What to call the generators in a reason; by default their numbers.

    Two generators: the ratio of strengths is the ratio of wins.

    >>> fitted = bradley_terry([[0, 3], [1, 0]])
    >>> float(np.exp(fitted.strength[0] - fitted.strength[1]).round(6))
    3.0
    >>> bradley_terry([[0, 3, 0], [1, 0, 0], [0, 0, 0]]).strength.round(2).tolist()
    [0.55, -0.55, nan]
    """
    table = np.array(wins, dtype=float)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not (table >= 0).all():
        raise ValueError(f"wins {table.shape} must be a square table of numbers from 0")
    np.fill_diagonal(table, 0.0)
    compared = table + table.T
    comparisons = compared.sum(axis=1)
    there = np.flatnonzero(comparisons > 0)
    strength = np.full(len(table), np.nan)
    if len(there) < 2:
        return BradleyTerry(strength, comparisons, 0.0, Reason("not_compared"))
    table = table[np.ix_(there, there)]
    called = [str(i) if names is None else names[i] for i in there.tolist()]
    reason = _disconnected(table, called)
    never_losing = reason is None and not _reachable(table > 0).all()
    if never_losing and prior_ties == 0:
        reason = Reason("never_losing")
    if reason is not None:
        return BradleyTerry(strength, comparisons, 0.0, reason)
    added = prior_ties if never_losing else 0.0
    table += added / 2 * (compared[np.ix_(there, there)] > 0)
    fitted = _fit(table)
    if fitted is None:
        return BradleyTerry(strength, comparisons, added, Reason("not_converged"))
    strength[there] = fitted
    return BradleyTerry(strength, comparisons, added, None)


def _reachable(links: Bools) -> Bools:
    """(G, G) whether a chain of links leads from the row to the column; everybody reaches itself."""
    reach = links | np.eye(len(links), dtype=bool)
    for _ in range(len(links).bit_length()):  # each step doubles the length of the chains
        reach = reach @ reach
    return reach


def _disconnected(table: Floats, names: Sequence[str]) -> Reason | None:
    """Return which groups were never compared with one another, or None."""
    groups = np.unique(_reachable((table + table.T) > 0), axis=0)[::-1]
    if len(groups) == 1:
        return None
    named = [", ".join(n for n, member in zip(names, group, strict=True) if member) for group in groups]
    return Reason("never_compared", name=" | ".join(named))


def _fit(table: Floats) -> Floats | None:
    """(G,) log strengths of a strongly connected table; None where the iteration does not end."""
    import evalica
    import pandas as pd

    first, second = np.nonzero(table)
    result = evalica.bradley_terry(
        first.tolist(),
        second.tolist(),
        [evalica.Winner.X] * len(first),
        weights=table[first, second].tolist(),
        index=pd.RangeIndex(len(table)),
        tolerance=TOLERANCE,
        limit=MOST_ITERATIONS,
    )
    if result.iterations >= MOST_ITERATIONS:
        return None
    logs = np.log(result.scores.sort_index().to_numpy(dtype=float))
    # Equal strengths come out equal: what the iteration leaves behind its tolerance is no difference.
    return np.asarray((logs - logs.mean()).round(DECIMALS))
