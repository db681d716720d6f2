"""A test between two judges of the appendix: whole prompts change sides (PERM-INPUT).

If two judges agree equally well with people, exchanging their standardised scores on any set of prompts changes
nothing but chance (Deutsch, Dror and Roth 2021, "A Statistical Analysis of Summarization Evaluation Metrics
using Resampling Methods"). Swapping whole prompts keeps what the images of one prompt have in common.

A permutation chooses, for each item, one of two pooled scores: it is a vector of multiplicities 0 / 1 over the
2n pooled values, so `resampling.Weighted` gives the exact statistic of every permutation. For the usual figures
sums over prompts give the same numbers much faster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis.correlation import score_tie
from genspace.analysis.figures import FIGURES
from genspace.analysis.resampling import CHUNK_CELLS, Weighted, dense_codes, pair_signs, ratio
from genspace.display import Displayed

__all__ = ["SwapTest", "standardised", "swap_test"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Difference = Callable[[Floats], Floats]
"""Takes (P, B) swaps 1 / 0; returns the (B,) difference, first judge minus second, after swapping."""

BATCH = 1000
ENOUGH = 200
"""So many permutations as extreme as the data settle that p is not small; the test stops after that batch."""
MAX_PROMPTS = 1500
MAX_ITEMS = 4000
"""Beyond these the sums over prompt pairs cost more than ranking every permutation."""


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
    """Return scores with mean 0 and standard deviation 1; NaN throughout when they are constant."""
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
    difference = _engine(target, first, second, prompt, figure, fast=fast, standardise=standardise)
    observed = float(difference(np.zeros((len(labels), 1)))[0])
    if not np.isfinite(observed):
        return undefined
    draw = draw or (lambda size: rng.integers(2, size=(len(labels), size)).astype(float))
    extreme = done = 0
    while done < permutations and not (settle and extreme >= ENOUGH):
        size = min(BATCH, permutations - done)
        swapped = difference(draw(size))
        # A permutation without a value (constant scores) is no evidence against equality.
        extreme += int((~(np.abs(swapped) < abs(observed) - 1e-12)).sum())
        done += size
    return SwapTest(observed, (1 + extreme) / (1 + done), done)


def _engine(
    y: Floats, a: Floats, b: Floats, prompt: Ints, figure: str, *, fast: bool, standardise: bool
) -> Difference:
    """Return the fastest exact way to the differences of a figure."""
    small = len(y) <= MAX_ITEMS and int(prompt.max(initial=0)) < MAX_PROMPTS
    row = FIGURES[figure]
    if row.of_labels:
        return _ranking(y, a, b, prompt, figure)
    if row.share is not None:
        a, b = (_snapped(v) for v in (a, b))
    if standardise:
        a, b = standardised(a), standardised(b)
    if not np.isfinite(a + b).all():
        return lambda swaps: np.full(swaps.shape[1], np.nan)
    if fast and figure == "pearson":
        return _by_moments(y, a, b, prompt)
    if fast and small and figure in _BY_PROMPT_PAIRS:
        return _by_prompt_pairs(y, a, b, prompt, figure)
    return _ranking(y, a, b, prompt, figure)


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
        step = max(1, CHUNK_CELLS // (2 * len(pooled)))
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
        return np.stack([np.bincount(prompt, v) for v in (x, x * x, x * y)])

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


_BY_PROMPT_PAIRS = {"spearman", "kendall_tau_b", "pairwise_half_credit", "roc_auc"}


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
        return np.add.reduceat(rows, starts, axis=0)

    aa, bb, ab = form(a, a), form(b, b), form(a, b)
    ba = ab.T if centred is None else form(b, a)
    quadratic = aa - ab - ba + bb
    linear_a = ab.sum(axis=0) + ba.sum(axis=1) - aa.sum(axis=0) - aa.sum(axis=1)
    linear_b = ab.sum(axis=1) + ba.sum(axis=0) - bb.sum(axis=0) - bb.sum(axis=1)
    sizes_a, sizes_b = _group_sizes(a, b, prompt)
    both = (sizes_a + sizes_b).sum(axis=1, keepdims=True)
    scale_y = _scale(np.bincount(dense_codes(y)).astype(float)[:, None], n, spearman=spearman)
    area = figure not in ("spearman", "kendall_tau_b")

    def value(numerator: Floats, sizes: Floats) -> Floats:
        if area:
            # The share of separated pairs: a half plus half the balance over all of them.
            return ratio(numerator, 2 * scale_y + 0 * numerator)
        return ratio(numerator, np.sqrt(scale_y * _scale(sizes, n, spearman=spearman)))

    def difference(swaps: Floats) -> Floats:
        square = np.einsum("pb,pb->b", swaps, quadratic @ swaps)
        first = (aa.sum() + linear_a @ swaps + square) / 2
        second = (bb.sum() + linear_b @ swaps + square) / 2
        sizes = sizes_a.sum(axis=1, keepdims=True) + (sizes_b - sizes_a) @ swaps
        return value(first, sizes) - value(second, both - sizes)

    return difference


def _wins(u: Floats, v: Floats, prompt: Ints) -> Floats:
    """(n, P) sum of sign(u_i - v_j) over the items j of each prompt."""
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
