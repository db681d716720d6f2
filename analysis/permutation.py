"""A test between two judges of the appendix: whole prompts change sides (PERM-INPUT).

If two judges agree equally well with people, exchanging their standardised scores on any set of prompts changes
nothing but chance (Deutsch, Dror and Roth 2021, "A Statistical Analysis of Summarization Evaluation Metrics
using Resampling Methods"). Swapping whole prompts keeps what the images of one prompt have in common.

A permutation chooses, for each item, one of two pooled scores: it is a vector of multiplicities 0 / 1 over the
2n pooled values, so `resampling.Weighted` gives the exact statistic of every permutation. For the usual figures one sum
over prompts gives the same numbers at a cost that grows with items and permutations alone: see `_by_prompt`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._memory import chunk_cells
from genspace.analysis.correlation import score_tie
from genspace.analysis.figures import FIGURES, Figure
from genspace.analysis.inference.left_out import LeftOut, pair_counts
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.resampling import Weighted, dense_codes, pair_signs, ratio
from genspace.display import Displayed

__all__ = ["SwapTest", "standardised", "swap_test"]

Difference = Callable[[Floats], Floats]
"""Takes (P, B) swaps 1 / 0; returns the (B,) difference, first judge minus second, after swapping."""

BATCH = 1000
ENOUGH = 200
"""So many permutations as extreme as the data settle that p is not small; the test stops after that batch."""
MAX_PAIR_SUMS = 2_500_000_000
"""Pairs of prompts times permutations up to which tied scores are counted pair by pair."""
MAX_PAIR_CELLS = 16_000_000
"""Pairs of items, or items times prompts, that are held for it."""
NEARLY_NO_TIES = 1e-6
"""With a smaller share of triples of scores equal, the projection is exact to 8 digits."""
DRAWN_CELLS = 4_000_000
"""Prompts x permutations drawn at once."""


@dataclass(frozen=True, repr=False)
class SwapTest(Displayed):
    """Result of one permutation test."""

    difference: float
    """Figure of the first judge minus that of the second, on the items both scored; NaN when undefined."""
    p: float
    """Two-sided, (1 + extreme) / (1 + permutations); NaN when undefined."""
    permutations: int
    """Permutations made; fewer than asked for when p was settled early."""


def standardised(scores: Floats) -> Floats:
    """Return scores with mean 0 and standard deviation 1; NaN throughout when they are constant.

    >>> standardised(np.array([1.0, 3.0])).tolist()
    [-1.0, 1.0]
    """
    spread = float(scores.std())
    constant = spread <= 1e-13 * float(np.abs(scores).max(initial=0))
    return np.full(len(scores), np.nan) if constant else (scores - scores.mean()) / spread


def swap_test(
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    prompts: ArrayLike,
    figure: str = "spearman",
    *,
    permutations: int = 10_000,
    rng: np.random.Generator,
    draw: Callable[[int], Floats] | None = None,
    settle: bool = True,
    fast: bool = True,
    standardise: bool = True,
) -> SwapTest:
    """Test whether two judges agree equally well with people, by swapping whole prompts.

    Args:
        y: (n,) ratings, or decisions 1 / 0 where the figure wants them; finite.
        a: (n,) scores of the first judge (decisions 1 / 0 for decision figures), higher is better; finite.
        b: (n,) scores of the second.
        prompts: (n,) any labels; items with equal labels are swapped together.
        figure: A name of `figures.FIGURES`.
        permutations: At most so many.
        rng: Source of randomness, from `resampling.stream`.
        draw: Takes a number B and returns (P, B) swaps 1 / 0, prompts in sorted order; default: each prompt
            changes sides with probability 1/2.
        settle: Stop once p is settled not to be small; False: always make all permutations.
        fast: False ranks every permutation, as a check.
        standardise: Bring both judges to mean 0 and standard deviation 1 first; False: for judges that share a scale,
            whose yes must stay the same number.

    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(40.0)
    >>> good, bad = y + rng.normal(size=40), rng.normal(size=40)
    >>> swap_test(y, good, bad, np.arange(40), permutations=999, rng=rng).p < 0.01
    True
    """
    target, first, second = (np.asarray(v, dtype=float) for v in (y, a, b))
    labels, prompt = np.unique(np.asarray(prompts), return_inverse=True)
    prompt = np.asarray(prompt, dtype=np.int64)
    undefined = SwapTest(float("nan"), float("nan"), 0)
    if not len(target):
        return undefined
    engine = _Engine(target, first, second, prompt, FIGURES[figure], permutations)
    observed, difference = engine.made(fast=fast, standardise=standardise)
    if not np.isfinite(observed):
        return undefined
    draw = draw or (lambda size: rng.integers(2, size=(len(labels), size)).astype(float))
    batch = max(1, min(BATCH, DRAWN_CELLS // len(labels)))
    extreme = done = 0
    while done < permutations and not (settle and extreme >= ENOUGH):
        size = min(batch, permutations - done)
        swapped = difference(draw(size))
        # A permutation without a value (constant scores) is no evidence against equality.
        extreme += int((~(np.abs(swapped) < abs(observed) - 1e-12)).sum())
        done += size
    return SwapTest(observed, (1 + extreme) / (1 + done), done)


@dataclass(frozen=True, eq=False)
class _Engine:
    """The fastest way to the differences of a figure."""

    y: Floats
    a: Floats
    b: Floats
    prompt: Ints
    figure: Figure
    permutations: int

    def made(self, *, fast: bool, standardise: bool) -> tuple[float, Difference]:
        """Return the difference of the data, and the function that gives those of permutations."""
        y, a, b, prompt, key = self.y, self.a, self.b, self.prompt, self.figure.key
        none = np.zeros((int(prompt.max()) + 1, 1))
        if not self.figure.of_labels:
            if self.figure.share is not None:
                a, b = (_snapped(v) for v in (a, b))
            if standardise:
                a, b = standardised(a), standardised(b)
            if not np.isfinite(a + b).all():
                return float("nan"), lambda swaps: np.full(swaps.shape[1], np.nan)
            if fast and key == "pearson":
                moments = _by_moments(y, a, b, prompt)
                return float(moments(none)[0]), moments
            if fast and key in _OF_ORDER:
                whole = LeftOut(y, Replicates(np.zeros(len(y), dtype=np.int64), 1))
                first, second = (self.figure.statistic(whole, x, 0.0)[0] for x in (a, b))
                return float(first - second), self._of_order(a, b)
        ranking = _ranking(y, a, b, prompt, key)
        return float(ranking(none)[0]), ranking

    def _of_order(self, a: Floats, b: Floats) -> Difference:
        sizes = np.unique(np.concatenate([a, b]), return_counts=True)[1].astype(float)
        tied = (sizes**3 - sizes).sum() > NEARLY_NO_TIES * sizes.sum() ** 3
        prompts, n, key = int(self.prompt.max()) + 1, len(self.y), self.figure.key
        across = prompts if key == "spearman" else n
        few = prompts**2 * self.permutations <= MAX_PAIR_SUMS and n * across <= MAX_PAIR_CELLS
        by_pairs = key in ("spearman", "kendall_tau_b") and tied and few
        return (_by_prompt_pairs if by_pairs else _by_prompt)(self.y, a, b, self.prompt, key)


def _snapped(scores: Floats) -> Floats:
    """Return scores with near ties made equal, as pairwise accuracy reads them."""
    codes = dense_codes(scores, score_tie(scores))
    lowest = np.full(int(codes.max(initial=-1)) + 1, np.inf)
    np.minimum.at(lowest, codes, scores)
    return lowest[codes]


def _ranking(y: Floats, a: Floats, b: Floats, prompt: Ints, figure: str) -> Difference:
    """Rank the pooled scores once; every permutation is a choice among them."""
    pooled, target = np.concatenate([a, b]), np.concatenate([y, y])

    def values(weights: Floats) -> Floats:
        return FIGURES[figure].statistic(Weighted(target, weights), pooled, 0.0)

    def difference(swaps: Floats) -> Floats:
        step = max(1, chunk_cells() // (2 * len(pooled)))
        parts = []
        for start in range(0, swaps.shape[1], step):
            chosen = swaps[prompt, start : start + step]
            kept = np.concatenate([1 - chosen, chosen])
            parts.append(values(kept) - values(1 - kept))
        return np.concatenate(parts)

    return difference


def _by_moments(y: Floats, a: Floats, b: Floats, prompt: Ints) -> Difference:
    """Pearson's correlation from sums of each prompt."""
    n = len(y)
    y = y - y.mean()

    def sums(x: Floats) -> Floats:
        return np.stack([np.bincount(prompt, v) for v in (x, x * x, x * y)], dtype=float)

    first, second = sums(a), sums(b)
    total = (first + second).sum(axis=1, keepdims=True)
    square_y = float((y * y).sum())

    def correlation(moments: Floats) -> Floats:
        spread = moments[1] - moments[0] ** 2 / n
        scale = np.sqrt(np.where(spread > 1e-13 * moments[1], spread, 0.0) * square_y)
        return ratio(moments[2], scale)

    def difference(swaps: Floats) -> Floats:
        mine = first.sum(axis=1, keepdims=True) + (second - first) @ swaps
        return correlation(mine) - correlation(total - mine)

    return difference


_OF_ORDER = {"spearman", "kendall_tau_b", "pairwise_half_credit", "roc_auc"}


def _by_prompt(y: Floats, a: Floats, b: Floats, prompt: Ints, figure: str) -> Difference:
    """Return differences of rank figures as one sum over prompts.

    Both numerators are quadratic in the swaps s (see `_by_prompt_pairs`), and the second is the first with 1 - s: in
    their difference all squares cancel. What is left is a sum over prompts of (s - 1/2) times the pull of the prompt's
    scores of b less that of a, where a score's pull is what all pooled scores say for it. Without ties the denominator
    is the same for every permutation, and this is exact. Ties change the denominators by what is linear in the swaps,
    which is added, and by terms smaller by the square root of the number of prompts, which are left out.
    """
    n, pooled = len(y), dense_codes(np.concatenate([a, b]))
    spearman = figure == "spearman"
    counts = np.bincount(pooled).astype(float)
    if spearman:
        own = np.tile(_lean(dense_codes(y), np.ones(n)) / 2, 2)
        agreeing = own * _lean(pooled, np.ones(2 * n))
        pull = (agreeing - _lean(pooled, own)) / 2
    else:
        pull = agreeing = pair_counts(pooled, np.tile(dense_codes(y), 2))[0].astype(float)
    scale_y = float(_scale(np.bincount(dense_codes(y)).astype(float)[:, None], n, spearman=spearman)[0])
    if figure in ("spearman", "kendall_tau_b"):
        # The mean over the swaps, where each score is there half of the time; and d scale / d size of each group.
        pairs = counts * (counts - 1) / 4
        if spearman:
            scale = (n**3 - n - (pairs * (counts - 2) / 2 + 3 * pairs).sum()) / 12
            steeper = -(3 * (counts / 2) ** 2 - 1) / 12
        else:
            scale = (n * (n - 1) - pairs.sum()) / 2
            steeper = -(counts - 1) / 2
        pull = (pull - agreeing.sum() / 8 / scale * steeper[pooled]) / np.sqrt(scale_y * scale)
    else:
        pull /= 2 * scale_y
    weight = np.bincount(prompt, pull[n:] - pull[:n])
    return lambda swaps: weight @ swaps - weight.sum() / 2


def _lean(codes: Ints, weight: Floats) -> Floats:
    """(n,) weight of the items with a smaller code less that of the items with a larger one."""
    of_code = np.bincount(codes, weight)
    below = np.cumsum(of_code)
    return np.asarray((2 * below - of_code - below[-1])[codes])


def _by_prompt_pairs(y: Floats, a: Floats, b: Floats, prompt: Ints, figure: str) -> Difference:
    """Rank figures as quadratic forms in the swaps.

    Spearman's numerator is sum_ij sign(x_i - x_j) q_i / 2 with q the centred ranks of y; Kendall's (and the
    area's) is sum_ij sign(x_i - x_j) sign(y_i - y_j) / 2, which is of the first kind for a binary y. With x_i
    taken from a or b by prompt, both are quadratic in the swaps, with one matrix entry for each pair of prompts.
    The denominators need only the sizes of groups of equal scores, which are linear in the swaps.
    """
    order = np.argsort(prompt, kind="stable")
    y, a, b, prompt = y[order], a[order], b[order], prompt[order]
    n = len(y)
    starts = np.flatnonzero(np.append(True, np.diff(prompt) > 0))
    alone = len(starts) == n
    spearman = figure == "spearman"
    levels = np.unique(y)
    if spearman:
        centred = _wins(y, y, prompt).sum(axis=1) / 2
    elif len(levels) <= 2:
        centred = 2.0 * (y == levels[-1])
    else:
        centred = None
        signs_y = pair_signs(y, y)

    def form(u: Floats, v: Floats) -> Floats:
        """(P, P) sums over pairs of prompts, scores of the first from u and of the second from v."""
        if centred is None:
            rows = np.add.reduceat(pair_signs(u, v) * signs_y, starts, axis=1, dtype=np.int32).astype(float)
        else:
            rows = _wins(u, v, prompt) * centred[:, None]
        return rows if alone else np.add.reduceat(rows, starts, axis=0)

    aa, bb, ab = form(a, a), form(b, b), form(a, b)
    ba = ab.T if centred is None else form(b, a)
    quadratic = aa - ab - ba + bb
    linear_a = ab.sum(axis=0) + ba.sum(axis=1) - aa.sum(axis=0) - aa.sum(axis=1)
    linear_b = ab.sum(axis=1) + ba.sum(axis=0) - bb.sum(axis=0) - bb.sum(axis=1)
    sizes_a, sizes_b = _group_sizes(a, b, prompt)
    both = (sizes_a + sizes_b).sum(axis=1, keepdims=True)
    scale_y = _scale(np.bincount(dense_codes(y)).astype(float)[:, None], n, spearman=spearman)

    def value(numerator: Floats, sizes: Floats) -> Floats:
        return ratio(numerator, np.sqrt(scale_y * _scale(sizes, n, spearman=spearman)))

    # Sums of whole and half numbers below 2^23: single precision holds them exactly.
    single = np.abs(quadratic).sum(axis=1).max() < 2**23
    product = quadratic.astype(np.float32) if single else quadratic

    def difference(swaps: Floats) -> Floats:
        square = np.einsum("pb,pb->b", swaps, product @ swaps.astype(product.dtype))
        first = (aa.sum() + linear_a @ swaps + square) / 2
        second = (bb.sum() + linear_b @ swaps + square) / 2
        sizes = sizes_a.sum(axis=1, keepdims=True) + (sizes_b - sizes_a) @ swaps
        return value(first, sizes) - value(second, both - sizes)

    return difference


def _wins(u: Floats, v: Floats, prompt: Ints) -> Floats:
    """(n, P) sum of sign(u_i - v_j) over the items j of each prompt, the prompts in order."""
    if prompt[-1] + 1 == len(prompt):
        return pair_signs(u, v).astype(float)
    order = np.argsort(v, kind="stable")
    below = np.zeros((len(v) + 1, int(prompt.max()) + 1))
    below[np.arange(1, len(v) + 1), prompt[order]] = 1
    np.cumsum(below, axis=0, out=below)
    smaller, not_greater = (np.searchsorted(v[order], u, side=side) for side in ("left", "right"))
    return np.asarray(below[smaller] + below[not_greater] - below[-1])


def _group_sizes(a: Floats, b: Floats, prompt: Ints) -> tuple[Floats, Floats]:
    """(G, P) items of each prompt in each group of two or more equal pooled scores, for a and for b."""
    codes = dense_codes(np.concatenate([a, b]))
    _, inverse = np.unique(codes, return_inverse=True)
    counts = np.bincount(inverse)
    place = np.cumsum(counts > 1) - 1
    wide = int(prompt.max()) + 1
    tables = []
    for part in (inverse[: len(a)], inverse[len(a) :]):
        shared = counts[part] > 1
        cell = place[part[shared]] * wide + prompt[shared]
        groups = int((counts > 1).sum())
        tables.append(np.bincount(cell, minlength=groups * wide).astype(float).reshape(groups, wide))
    return tables[0], tables[1]


def _scale(sizes: Floats, n: int, *, spearman: bool) -> Floats:
    """(B,) sum of squared centred ranks, or pairs not tied, for groups of equal scores of these sizes (G, B)."""
    if spearman:
        return np.asarray((n**3 - n - (sizes * (sizes * sizes - 1)).sum(axis=0)) / 12)
    return np.asarray((n * (n - 1) - (sizes * (sizes - 1)).sum(axis=0)) / 2)
