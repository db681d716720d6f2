"""Figures without each block of items in turn, from what each block takes away.

Computing a figure again for every block costs items x blocks. But a sum loses what the block adds to it, and a count of
pairs loses the pairs that touch the block: C - sum of c_i over its items + pairs inside it, with c_i the pairs of item
i. Sorting gives every c_i in n log n operations, so that all replicates together cost little more than the figure.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._memory import CHUNK_CELLS
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.resampling import Concordance, Weighted, dense_codes, ratio

__all__ = ["LeftOut", "below", "dominated", "pair_counts"]


MOSTLY_GONE = 1e-3
"""Where less than this share of a sum of squares stays, it is summed anew."""
FEW_LEVELS = 64
"""So many distinct values fit a table with all others, however many items there are."""


SPARSE = 8
"""Values up to so many times as large as there are items are counted in a table, others sorted."""


class LeftOut(Weighted):
    """One target with every item, then without each block in turn: 1 + B columns, exact.

    Args:
        y: (n,) the target, finite.
        clusters: The B blocks of its items.

    >>> target = LeftOut(np.array([1.0, 2, 3, 4]), Replicates.of(["a", "b", "b", "c"]))
    >>> target.spearman(np.array([1.0, 3, 2, 4])).round(3).tolist()
    [0.8, 0.5, 1.0, 0.5]
    """

    def __init__(self, y: Floats, clusters: Replicates) -> None:
        self._clusters = clusters
        self._block = clusters.of_item + 1
        super().__init__(y, np.empty((len(y), 0)))
        self._placed: tuple[bytes, _Placed] | None = None

    def same(self, y: Floats, clusters: Replicates) -> bool:
        """Return whether these are the target and its blocks."""
        return np.array_equal(self.y, y) and np.array_equal(self._clusters.of_item, clusters.of_item)

    def beside(self) -> LeftOut:
        """Return the same target for another judge; what is known of the target alone is computed once for all."""
        _ = self._signs_y, self.total
        other = copy(self)
        vars(other).update(_counted=None, _placed=None)
        return other

    @property
    def weights(self) -> Floats:
        """(n, 1 + B) 1 where an item stays: made anew each time, for figures that ask for it."""
        return np.hstack([np.ones((len(self.y), 1)), self._clusters.weights()])

    @weights.setter
    def weights(self, _: Floats) -> None:
        """Not kept."""

    def sums(self, values: Floats) -> Floats:
        """(k, 1 + B) sums of (k, n) values."""
        return np.stack([v.sum() - self._of_block(v) for v in values])

    def _of_block(self, values: NDArray[Any]) -> Floats:
        """(1 + B,) sums over each block's items, the first over none."""
        return np.asarray(np.bincount(self._block, values, minlength=self._clusters.draws + 1), dtype=float)

    def take(self, rows: NDArray[Any]) -> LeftOut:
        """Return some of the items, in the same columns."""
        return LeftOut(self.y[rows], self._clusters.take(rows))

    def chunked(self, statistic: Callable[[Weighted], Floats]) -> Floats:
        """Compute a figure from the multiplicities of some columns at a time."""
        everything = statistic(Weighted(self.y, np.ones((len(self.y), 1))))
        return np.append(everything, self._clusters.map(lambda w: statistic(Weighted(self.y, w))))

    def pearson(self, x: Floats) -> Floats:
        """Product-moment correlation."""
        found = super().pearson(x)
        deviations = np.stack([self.y - self.y.mean(), x - x.mean()]) ** 2 if len(x) else np.empty((2, 0))
        stays = self.sums(deviations)
        weak = np.flatnonzero((stays <= MOSTLY_GONE * stays[:, :1]).any(axis=0))
        kept = self._block[:, None] != weak
        found[weak] = Weighted(self.y, kept.astype(float)).pearson(x)
        return found

    def average_precision(self, x: Floats) -> Floats:
        """Area under the precision-recall steps, for a target of 1 and 0."""
        return self.chunked(lambda target: target.average_precision(x))

    def spearman(self, x: Floats) -> Floats:
        """Rank correlation with mid-ranks of each column.

        With a_ij the sign of x_i - x_j, a_i its sum over all j, a_ig over the items of block g, and b for y, it is
        proportional to the sum of (a_i - a_ig)(b_i - b_ig) over the items that stay. The sum of a_ig b_ig over all
        items is one of a table of distinct scores x distinct targets over pairs of the block's items.
        """
        codes = dense_codes(x)
        many, few = sorted((codes, self.codes), key=partial(np.max, initial=0), reverse=True)
        levels = int(few.max(initial=0)) + 1
        if levels > min(2 * self._clusters.draws, max(FEW_LEVELS, CHUNK_CELLS // max(1, len(x)))):
            return self.chunked(lambda target: target.spearman(x))
        (a, a_inside, scale_a), (b, b_inside, scale_b) = (
            self._signs_y if c is self.codes else self._signs(c) for c in (many, few)
        )
        table = np.bincount(many * levels + few, minlength=(int(many.max(initial=0)) + 1) * levels)
        signs = _balance_above(_balance_above(table.reshape(-1, levels), 0), 1)
        blocks = self._clusters.draws + 1
        inside = np.bincount(self._block * levels + few, minlength=blocks * levels).reshape(-1, levels)
        squares = self._of_block(np.einsum("ij,ij->i", signs[many], inside[self._block]))
        crossed = sum(_balance_above(np.bincount(u, v), 0)[u] for u, v in ((many, b), (few, a)))
        lost = self._of_block(crossed + (a - a_inside) * (b - b_inside))
        return np.clip(ratio(3 * (float(a @ b) - lost + squares), np.sqrt(scale_a * scale_b)), -1, 1)

    @cached_property
    def _placed_y(self) -> _Placed:
        return below(self.codes), below(self.codes, self._block)

    def _places(self, codes: Ints) -> _Placed:
        """Return what is below each item, of all and of its block."""
        if codes is self.codes:
            return self._placed_y
        key = codes.tobytes()
        if self._placed is None or self._placed[0] != key:
            self._placed = key, (below(codes), below(codes, self._block))
        return self._placed[1]

    @cached_property
    def _signs_y(self) -> tuple[Ints, Ints, Floats]:
        return self._signs(self.codes)

    def _signs(self, codes: Ints) -> tuple[Ints, Ints, Floats]:
        """Return, per item, signs of differences summed over all items and over its block; and the tie term."""
        everywhere, inside = self._places(codes)
        size = np.bincount(self._block, minlength=self._clusters.draws + 1)
        gone = everywhere.equal[inside.first] - inside.equal[inside.first]
        cubes = self._of_block_of(inside.first, _cube(everywhere.equal[inside.first]) - _cube(gone))
        all_cubes = int(_cube(everywhere.equal[everywhere.first]).sum())
        scale = _cube(len(codes) - size) - (all_cubes - cubes)
        a = 2 * everywhere.less + everywhere.equal - len(codes)
        return a, 2 * inside.less + inside.equal - size[self._block], scale.astype(float)

    def _of_block_of(self, items: Ints, values: Ints) -> Ints:
        """(1 + B,) whole numbers of some items added up by block."""
        total = np.zeros(self._clusters.draws + 1, dtype=np.int64)
        np.add.at(total, self._block[items], values)
        return total

    @cached_property
    def total(self) -> Floats:
        """(1 + B,) items of each column."""
        return np.asarray(
            len(self.y) - np.bincount(self._block, minlength=self._clusters.draws + 1), dtype=float
        )

    def _count(self, codes: Ints) -> Concordance:
        everywhere, inside = (
            pair_counts(codes, self.codes, block, known=known)
            for block, known in zip(
                (None, self._block), zip(self._places(codes), self._placed_y, strict=True), strict=True
            )
        )

        def left(here: Ints, within: Ints) -> Floats:
            return np.asarray(here.sum() / 2 - self._of_block(here - within / 2))

        balance, ties_x, ties_y, ties_both = (left(u, v) for u, v in zip(everywhere, inside, strict=True))
        return Concordance(
            pairs=self.total * (self.total - 1) / 2,
            balance=balance,
            ties_x=ties_x,
            ties_y=ties_y,
            ties_both=ties_both,
            levels=np.minimum(self._distinct(codes), self._distinct(self.codes)),
            items=self.total,
        )

    def _distinct(self, codes: Ints) -> Floats:
        """(1 + B,) distinct values of each column."""
        everywhere, inside = self._places(codes)
        first = everywhere.first
        only_here = (everywhere.equal == inside.equal)[first].astype(np.int64)
        return np.asarray(len(first) - self._of_block_of(first, only_here), dtype=float)


class _Below(NamedTuple):
    less: Ints
    """(n,) items of the same block with a smaller value."""
    equal: Ints
    """(n,) items of the same block with the same value, itself among them."""
    first: Ints
    """One item of each value in each block."""


_Placed = tuple[_Below, _Below]


def below(codes: Ints, block: Ints | None = None) -> _Below:
    """Count, for each item, those of its block with a smaller and with the same code."""
    block = np.zeros_like(codes) if block is None else block
    key = block * (int(codes.max(initial=0)) + 1) + codes
    if key.max(initial=0) > SPARSE * len(key):
        _, key = np.unique(key, return_inverse=True)
    counts, sizes = np.bincount(key), np.bincount(block)
    first = np.empty(len(counts), dtype=np.int64)
    first[key] = np.arange(len(key))
    smaller = np.cumsum(counts) - counts
    return _Below(smaller[key] - (np.cumsum(sizes) - sizes)[block], counts[key], first[counts > 0])


def pair_counts(
    x: Ints, y: Ints, block: Ints | None = None, *, known: _Placed | None = None
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return each item's pairs with the others of its block: concordant less discordant, tied by x, y, both.

    Args:
        x: (n,) codes of the judge.
        y: (n,) codes of the people.
        block: (n,) block of each item; None: all are one.
        known: What `below` gives for x and for y, where it is known.

    >>> balance, *_ = pair_counts(np.array([0, 1, 2]), np.array([0, 2, 1]))
    >>> balance.tolist()
    [2, 0, 0]
    """
    block = np.zeros_like(x) if block is None else block
    wide = int(y.max(initial=0)) + 1
    of_x, of_y = known or (below(x, block), below(y, block))
    both = below(x * wide + y, block)
    turned = below(y * (int(x.max(initial=0)) + 1) + x, block)
    size = np.bincount(block)[block]
    smaller = dominated(x, y, block)
    # Pairs with the other below or equal, counting 2 and 1 on each side: sign + 1 of both, multiplied out.
    product = 4 * smaller + 2 * (both.less - of_x.less) + 2 * (turned.less - of_y.less) + both.equal - 1
    balance = product - (2 * of_x.less + of_x.equal) - (2 * of_y.less + of_y.equal) + size + 1
    return balance, of_x.equal - 1, of_y.equal - 1, both.equal - 1


def dominated(x: Ints, y: Ints, block: Ints) -> Ints:
    """(n,) items of the same block with smaller x and smaller y.

    In the order of blocks and x, equal x by falling y, these are the earlier items with a smaller y, where an earlier
    block's y counts as larger. Halves of that order are merged from the whole down (a wavelet tree): what stands in the
    right half of a stretch is above what the left half has put before it in the order of y.
    """
    n = len(x)
    position = np.empty(n, dtype=np.int64)
    position[np.lexsort((-y, x, block))] = np.arange(n)
    arranged = position[np.lexsort((-position, y, -block))]
    found = np.zeros(n, dtype=np.int64)
    for k in reversed(range(max(n - 1, 0).bit_length())):
        right = (arranged >> k) & 1
        earlier = (
            arranged >> (k + 1)
        ) << k  # in the left halves, and in the right halves, of earlier stretches
        lefts = np.cumsum(1 - right) - earlier
        found[arranged] += right * lefts
        rights = np.arange(1, n + 1) - 2 * earlier - lefts
        slot = 2 * earlier + np.where(right, (1 << k) + rights, lefts) - 1
        following = np.empty_like(arranged)
        following[slot] = arranged
        arranged = following
    return found[position]


def _balance_above(table: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return, for each place along an axis, what stands after it less what stands before it."""
    return np.asarray(table.sum(axis=axis, keepdims=True) - 2 * np.cumsum(table, axis=axis) + table)


def _cube(counts: Ints) -> Ints:
    return np.asarray(counts**3 - counts)
