"""Seeded streams, bootstrap over prompts, and exact statistics of many resamples at once.

A resample is a vector of multiplicities: how often each item was drawn. `Weighted` computes a statistic of
all resamples together from sorted orders made once; mid-ranks come from cumulative multiplicities, so every
draw has exactly the value that a plain loop over resampled items would give.

Longer than 400 lines: all figures of many draws share the same sums.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis._memory import chunk_cells
from genspace.analysis.reasons import Reason

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "Adding",
    "Concordance",
    "PromptDraws",
    "Resamples",
    "Weighted",
    "dense_codes",
    "estimate",
    "one_hot",
    "pair_signs",
    "percentile_interval",
    "ratio",
    "stream",
]


Adding = Callable[[Floats], Floats]
"""Takes (G,) figures of groups, returns their sums in B ways."""

SCORE_TIE = 1e-9
"""Scores closer than this share of their range are ties in pairwise accuracy."""
MIN_DEFINED_DRAWS = 0.9
"""With a smaller share of defined draws there is no interval."""
BLOCK = 160
"""Items compared directly with one another in `Weighted.concordance`."""


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return a random stream of its own for this seed and these names, the same on every machine.

    Keyed by purpose, not by order of use: computing one thing more changes nothing else.

    >>> int(stream(0, "bootstrap").integers(100)) == int(stream(0, "bootstrap").integers(100))
    True
    >>> int(stream(0, "a", "b").integers(10**9)) == int(stream(0, "ab").integers(10**9))
    False
    """
    digest = hashlib.blake2b("\x1f".join(names).encode(), digest_size=16).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little")])


class Resamples(ABC):
    """The same items several times, each time with other multiplicities."""

    of_item: Ints
    """(n,) cluster of each item."""

    @property
    @abstractmethod
    def draws(self) -> int:
        """Number of resamples B."""

    @abstractmethod
    def weights(self, columns: slice = slice(None)) -> Floats:
        """(n, B) multiplicity of each item in each resample."""

    def chunks(self) -> Iterator[Floats]:
        """Yield `weights` by groups of resamples small enough to stay in the processor's cache."""
        step = max(1, chunk_cells() // max(1, len(self.of_item)))
        for start in range(0, max(self.draws, 1), step):  # no resamples: one chunk without columns
            yield self.weights(slice(start, start + step))

    def map(self, statistic: Callable[[Floats], NDArray[Any]]) -> Floats:
        """Return `statistic` of each chunk of weights, joined along the last axis.

        `statistic` takes (n, b) multiplicities and returns (..., b) values.
        """
        return np.concatenate([np.asarray(statistic(w), dtype=float) for w in self.chunks()], axis=-1)


@dataclass(frozen=True, eq=False)
class PromptDraws(Resamples):
    """Bootstrap over prompts: how often each prompt is drawn in each of B draws.

    The draws depend on the seed and the prompts alone. Every judge and every figure of a study sees the same
    ones: their differences are paired, and a further judge changes no other row.
    """

    counts: NDArray[np.integer[Any]]
    """(P, B) multiplicities; each column sums to P. One byte each: of many prompts none is drawn 256 times."""
    of_item: Ints
    """(n,) prompt of each item as a row of `counts`."""

    @classmethod
    def make(cls, prompts: ArrayLike, draws: int, rng: np.random.Generator) -> PromptDraws:
        """Draw as many prompts as there are, with replacement, `draws` times.

        Args:
            prompts: (n,) any labels; items with equal labels are drawn together.
            draws: Number of bootstrap draws B.
            rng: Source of randomness, from `stream`.
        """
        labels, of_item = np.unique(np.asarray(prompts), return_inverse=True)
        n = len(labels)
        counts = np.zeros((draws, n), dtype=np.uint8)
        step = max(1, chunk_cells() // max(1, n))
        for some in np.split(counts, range(step, draws, step)) if n else ():
            drawn = rng.integers(n, size=some.shape) + n * np.arange(len(some))[:, None]
            some[:] = np.bincount(drawn.ravel(), minlength=some.size).reshape(some.shape)
        return cls(counts=counts.T, of_item=np.asarray(of_item, dtype=np.int64))

    @staticmethod
    def map_items(
        n: int, draws: int, rng: np.random.Generator, statistic: Callable[[Floats], Floats]
    ) -> Floats:
        """Return `statistic` of draws of n single items, made some at a time and not kept; else as `make` and `map`."""
        step = max(1, chunk_cells() // max(1, n))
        parts = []
        for start in range(0, draws, step):
            some = PromptDraws.make(np.arange(n), min(step, draws - start), rng)
            parts.append(statistic(some.weights()))
        return np.concatenate(parts)

    @classmethod
    def point(cls, prompts: ArrayLike) -> PromptDraws:
        """Return the one "draw" that holds every item once: the data themselves."""
        labels, of_item = np.unique(np.asarray(prompts), return_inverse=True)
        return cls(np.ones((len(labels), 1), dtype=np.int64), np.asarray(of_item, dtype=np.int64))

    @property
    def draws(self) -> int:
        """Number of draws B."""
        return int(self.counts.shape[1])

    @property
    def prompts(self) -> int:
        """Number of prompts P."""
        return int(self.counts.shape[0])

    def take(self, rows: NDArray[Any]) -> PromptDraws:
        """Return the same draws for some of the items."""
        return PromptDraws(self.counts, self.of_item[rows])

    def weights(self, columns: slice = slice(None)) -> Floats:
        """(n, B) multiplicity of each item in each draw."""
        return self.counts[:, columns].astype(float, order="C")[self.of_item]


def percentile_interval(draws: Floats, confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the percentile bootstrap interval, or None when too few draws are defined (not NaN).

    >>> percentile_interval(np.arange(101.0), confidence=0.5)
    (25.0, 75.0)
    """
    defined = draws[np.isfinite(draws)]
    if len(draws) == 0 or len(defined) < MIN_DEFINED_DRAWS * len(draws):
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def estimate(
    value: float,
    draws: Floats | None = None,
    *,
    n: int,
    reason: Reason | None = None,
    confidence: float = 0.95,
    coverage: float | None = None,
    no_interval: Reason | None = None,
) -> Estimate:
    """Return an `Estimate` from a figure and its bootstrap draws.

    Args:
        value: The figure; NaN when undefined.
        draws: (B,) the same figure of each draw.
        n: Items it rests on.
        reason: Why it is undefined, where it is.
        confidence: Level of the interval.
        coverage: Share of the annotated items it rests on.
        no_interval: Why there can be no interval (e.g. a single prompt); the draws are then ignored.
    """
    if not np.isfinite(value):
        return Estimate.undefined(reason or Reason("undefined"), n=n, coverage=coverage)
    ends = None if draws is None or no_interval else percentile_interval(draws, confidence)
    if ends is None:
        if no_interval is None and draws is not None:
            no_interval = Reason("few_defined_draws" if len(draws) else "no_draws")
        return Estimate(float(value), n=n, coverage=coverage, reason=no_interval)
    return Estimate(float(value), *ends, n=n, coverage=coverage)


def dense_codes(values: Floats, tie: float = 0.0) -> Ints:
    """Return the rank of each value's group of equals, from 0; values within `tie` of a neighbour are equal.

    >>> dense_codes(np.array([0.3, 0.1, 0.3, 0.2])).tolist()
    [2, 0, 2, 1]
    >>> dense_codes(np.array([0.0, 0.5, 0.500001]), tie=0.001).tolist()
    [0, 1, 1]
    """
    order = np.argsort(values, kind="stable")
    codes = np.empty(len(values), dtype=np.int64)
    if len(values):
        codes[order] = np.concatenate([[0], np.cumsum(np.diff(values[order]) > tie)])
    return codes


def one_hot(codes: Ints) -> csr_array:
    """(groups, n) sparse matrix that sums rows of equal code."""
    from scipy.sparse import csr_array

    order = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(codes))])
    return csr_array((np.ones(len(codes)), order, starts), shape=(len(starts) - 1, len(codes)))


def _tie_cubes(counts: Floats, total: Floats) -> Floats:
    """Sum of squares of centred mid-ranks, (N^3 - N - sum(t^3 - t)) / 12 for tie groups of size t."""
    return np.asarray((total**3 - total - (counts * (counts * counts - 1)).sum(axis=0)) / 12)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, NaN where the denominator is not positive."""
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


@dataclass(frozen=True, eq=False)
class Concordance:
    """Pairs of resampled items by how people (y) and judge (x) order them; every array is (B,)."""

    pairs: Floats
    """All pairs, N (N - 1) / 2."""
    balance: Floats
    """Concordant minus discordant pairs."""
    ties_x: Floats
    """Pairs that the judge ties."""
    ties_y: Floats
    """Pairs that the people tie."""
    ties_both: Floats
    """Pairs that both tie."""
    levels: Floats
    """Smaller number of distinct values of the two, for tau-c."""
    items: Floats
    """Resampled items N."""

    def pooled(self, add: Adding) -> Concordance:
        """Add up the counts of G groups in B ways: every pair counts once.

        tau-c, which needs the size of one table, is undefined for the sum.
        """
        pairs = add(self.pairs)
        undefined = np.full(len(pairs), np.nan)
        return Concordance(
            pairs=pairs,
            balance=add(self.balance),
            ties_x=add(self.ties_x),
            ties_y=add(self.ties_y),
            ties_both=add(self.ties_both),
            levels=undefined,
            items=undefined,
        )

    @property
    def concordant(self) -> Floats:
        """Pairs that both order the same way."""
        return (self.pairs - self.ties_x - self.ties_y + self.ties_both + self.balance) / 2

    @property
    def discordant(self) -> Floats:
        """Pairs that the two order in opposite ways."""
        return self.concordant - self.balance

    @property
    def tau_b(self) -> Floats:
        """Kendall's tau-b (Kendall 1945)."""
        return ratio(self.balance, np.sqrt((self.pairs - self.ties_x) * (self.pairs - self.ties_y)))

    @property
    def tau_c(self) -> Floats:
        """Stuart's tau-c (Stuart 1953)."""
        return ratio(2 * self.balance * self.levels, self.items**2 * (self.levels - 1))

    @property
    def strict(self) -> Floats:
        """Share of the pairs people separate that the judge orders the same way; its ties count as wrong."""
        return ratio(self.concordant, self.pairs - self.ties_y)

    @property
    def half_credit(self) -> Floats:
        """The same, a judge's tie counting half: the probability that it orders a separated pair rightly.

        With a binary target this is the area under the ROC curve, else the graded AUC.
        """
        separated = self.pairs - self.ties_y
        return ratio(self.concordant + (self.ties_x - self.ties_both) / 2, separated)

    @property
    def ties_dropped(self) -> Floats:
        """Share of concordant among the pairs that neither ties."""
        return ratio(self.concordant, self.concordant + self.discordant)

    @property
    def with_ties(self) -> Floats:
        """Share of all pairs on which both say the same, ties included (Deutsch et al. 2023, "acc23")."""
        return ratio(self.concordant + self.ties_both, self.pairs)


class Weighted:
    """One target under many vectors of multiplicities, ready for any number of score vectors.

    Args:
        y: (n,) the target, finite.
        weights: (n, B) how often each draw holds each item.

    Every method takes (n,) finite scores and returns (B,) values, NaN where a draw leaves them undefined.

    >>> target = Weighted(np.array([1.0, 2, 3, 4]), np.array([[1.0, 2], [1, 0], [1, 1], [1, 1]]))
    >>> target.spearman(np.array([1.0, 3, 2, 4])).round(3).tolist()
    [0.8, 1.0]
    """

    def __init__(self, y: Floats, weights: Floats) -> None:
        self.y = np.asarray(y, dtype=float)
        self.weights = weights
        self._counted: tuple[bytes, Concordance] | None = None

    @cached_property
    def total(self) -> Floats:
        """(B,) items N of each draw."""
        return np.asarray(self.weights.sum(axis=0))

    def sums(self, values: Floats) -> Floats:
        """(k, B) sums of (k, n) values."""
        return np.asarray(values @ self.weights)

    def take(self, rows: NDArray[Any]) -> Weighted:
        """Return some of the items, in the same draws."""
        return Weighted(self.y[rows], self.weights[rows])

    def chunked(self, statistic: Callable[[Weighted], Floats]) -> Floats:
        """Compute (B,) values that need all multiplicities, where there are many some draws at a time."""
        return statistic(self)

    @cached_property
    def codes(self) -> Ints:
        """(n,) dense ranks of the target."""
        return dense_codes(self.y)

    @cached_property
    def _levels(self) -> Floats:
        """(groups, B) items of each distinct target value."""
        return np.asarray(one_hot(self.codes) @ self.weights)

    @cached_property
    def _ranks(self) -> Floats:
        """(n, B) centred mid-ranks of the target times the multiplicity."""
        middle = np.cumsum(self._levels, axis=0)
        middle -= (self._levels + self.total) / 2
        return np.asarray(middle[self.codes] * self.weights)

    @cached_property
    def _moments(self) -> tuple[Floats, Floats, Floats]:
        """Centred target, its weighted sum and its centred sum of squares."""
        y = self.y - self.y.mean() if len(self.y) else self.y
        total, squares = self.sums(np.stack([y, y * y]))
        return y, total, _centred(squares, total, self.total)

    def pearson(self, x: Floats) -> Floats:
        """Product-moment correlation."""
        y, sum_y, square_y = self._moments
        x = x - x.mean() if len(x) else x
        sum_x, square_x, product = self.sums(np.stack([x, x * x, x * y]))
        square_x = _centred(square_x, sum_x, self.total)
        product = product - ratio(sum_x * sum_y, self.total)
        return np.clip(ratio(product, np.sqrt(square_x * square_y)), -1, 1)

    def spearman(self, x: Floats) -> Floats:
        """Rank correlation with mid-ranks of each draw."""
        groups = one_hot(dense_codes(x))
        counts = np.asarray(groups @ self.weights)
        middle = np.cumsum(counts, axis=0)
        middle -= counts / 2
        product = np.einsum("gb,gb->b", middle, np.asarray(groups @ self._ranks))
        scale = np.sqrt(_tie_cubes(counts, self.total) * _tie_cubes(self._levels, self.total))
        return np.clip(ratio(product, scale), -1, 1)

    def concordance(self, x: Floats, tie: float = 0.0) -> Concordance:
        """Count concordant, discordant and tied pairs; scores within `tie` of a neighbour are equal."""
        codes = dense_codes(x, tie)
        key = codes.tobytes()
        if self._counted is None or self._counted[0] != key:
            # Seven figures rest on the same counts.
            self._counted = key, self._count(codes)
        return self._counted[1]

    @cached_property
    def _copies(self) -> tuple[Floats, Floats]:
        """Pairs of copies of one item, and distinct items, of each draw."""
        return _pairs_within(self.weights), (self.weights > 0).sum(axis=0).astype(float)

    def _tied(self, codes: Ints) -> tuple[Floats, Floats]:
        """Pairs of equal code, and distinct codes, of each draw."""
        if codes.max(initial=-1) + 1 == len(codes):
            return self._copies
        groups = np.asarray(one_hot(codes) @ self.weights)
        return _pairs_within(groups), (groups > 0).sum(axis=0).astype(float)

    @cached_property
    def _tied_y(self) -> tuple[Floats, Floats]:
        return self._tied(self.codes)

    def _count(self, codes: Ints) -> Concordance:
        ties_x, levels_x = self._tied(codes)
        ties_y, levels_y = self._tied_y
        _, joint = np.unique(codes * (len(self.y) + 1) + self.codes, return_inverse=True)
        return Concordance(
            pairs=self.total * (self.total - 1) / 2,
            balance=self._balance(codes),
            ties_x=ties_x,
            ties_y=ties_y,
            ties_both=self._tied(np.asarray(joint, dtype=np.int64))[0],
            levels=np.minimum(levels_x, levels_y),
            items=self.total,
        )

    def _balance(self, codes: Ints) -> Floats:
        return _balance(codes, self.codes, self.weights)

    def average_precision(self, x: Floats) -> Floats:
        """Area under the precision-recall steps, for a target of 1 and 0; equal scores enter together."""
        groups = one_hot(dense_codes(-x))
        found = np.asarray(groups @ (self.weights * self.y[:, None]))
        precision = ratio(np.cumsum(found, axis=0), np.cumsum(np.asarray(groups @ self.weights), axis=0))
        positives = found.sum(axis=0)
        return ratio((np.nan_to_num(precision) * found).sum(axis=0), positives)


def _centred(squares: Floats, total: Floats, n: Floats) -> Floats:
    """Return the centred sum of squares, exactly 0 where it is rounding noise of a constant."""
    centred = squares - np.nan_to_num(ratio(total * total, n))
    return np.where(centred > 1e-13 * squares, centred, 0.0)


def _pairs_within(counts: Floats) -> Floats:
    """(B,) pairs inside groups of the given sizes (groups, B)."""
    return np.asarray((counts * (counts - 1)).sum(axis=0) / 2)


def _blocks(codes: Ints) -> Ints:
    """Return consecutive blocks of at most `BLOCK` items, or of one larger group of equals, by item."""
    sizes = np.bincount(codes)
    block_of_code = np.empty(len(sizes), dtype=np.int64)
    block, filled = -1, BLOCK
    for code, size in enumerate(sizes.tolist()):
        if filled + size > BLOCK:
            block, filled = block + 1, 0
        filled += size
        block_of_code[code] = block
    return block_of_code[codes]


def _members(blocks: Ints, codes: Ints) -> Iterator[Ints]:
    """Yield the items of each block that holds more than one distinct value."""
    order = np.argsort(blocks, kind="stable")
    for items in np.split(order, np.cumsum(np.bincount(blocks))[:-1]):
        if (codes[items] != codes[items[0]]).any():
            yield items


def _balance(x: Ints, y: Ints, weights: Floats) -> Floats:
    """(B,) concordant minus discordant pairs, in about n^1.5 operations a draw, as matrix products.

    Values are cut into blocks along each axis. Pairs in different blocks along both axes are counted from the
    cumulated table of cells; pairs that share a block are compared directly.
    """
    draws = weights.shape[1]
    if len(x) < 2:
        return np.zeros(draws)
    block_x, block_y = _blocks(x), _blocks(y)
    wide = int(block_y.max()) + 1
    filled, cell = np.unique(block_x * wide + block_y, return_inverse=True)
    flat = np.zeros(((int(block_x.max()) + 1) * wide, draws))
    flat[filled] = one_hot(np.asarray(cell, dtype=np.int64)) @ weights
    cells = flat.reshape(-1, wide, draws)
    below = np.cumsum(cells, axis=1)
    lean = 2 * below - cells - below[:, -1:]
    lean = np.cumsum(lean, axis=0) - lean
    balance: Floats = np.einsum("xyb,xyb->b", cells, lean)
    # Sums of a block are whole numbers below (largest multiplicity x BLOCK)^2: single precision holds them exactly.
    exact_in_single = weights.max() * BLOCK < 2**12
    drawn: NDArray[Any] = weights.astype(np.float32) if exact_in_single else weights
    for blocks, codes, apart in ((block_x, x, None), (block_y, y, block_x)):
        for items in _members(blocks, codes):
            signs = pair_signs(x[items], x[items]) * pair_signs(y[items], y[items])
            if apart is not None:
                signs *= apart[items][:, None] != apart[items]
            part = drawn[items]
            balance += np.einsum("ib,ib->b", np.asarray(signs, dtype=drawn.dtype) @ part, part) / 2
    return balance


def pair_signs(u: NDArray[Any], v: NDArray[Any]) -> NDArray[np.int8]:
    """(n, m) sign of u_i - v_j."""
    return (u[:, None] > v).astype(np.int8) - (u[:, None] < v).astype(np.int8)
