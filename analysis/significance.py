"""Corrections for many tests, significance groups, and the classical tests that assume independent items.

The headline test is `inference.comparisons.difference`. With prompts repeated over generators, Williams' test and
PERM-BOTH reject far too often (at 5 %: .14 to .16); they are here for comparison with other papers, and a report
shows them in an appendix only.

Longer than 400 lines: it is a collection of published tests, each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats
from genspace.analysis.correlation import agreement, score_tie
from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.permutation import standardised
from genspace.analysis.resampling import PromptDraws, Weighted, dense_codes
from genspace.display import Displayed
from genspace.errors import InputError

__all__ = [
    "ALPHA",
    "Alternative",
    "ClassicalTest",
    "PermutationShare",
    "bca_interval",
    "benjamini_hochberg",
    "delong",
    "fisher_interval",
    "holm",
    "matrix_correlation",
    "mcnemar",
    "no_association",
    "permutation_both",
    "sign_flip",
    "significance_groups",
    "williams",
]

Alternative = Literal["two-sided", "greater", "less"]
Level = Literal["system", "input", "global"]

ALPHA = 0.05
"""Level at which a difference counts as more than chance."""
EXACT_ORDERS = 33
"""So many untied items have their orders counted, as SciPy counts them."""
JACKKNIFE_PARTS = 1000
"""Left out one by one in a BCa interval."""


def holm(p: ArrayLike) -> Floats:
    """Return Holm-adjusted p-values of one family of tests; NaN entries are not counted (Holm 1979).

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=float)
    adjusted = np.full(len(values), np.nan)
    order = np.argsort(values)[: int(np.isfinite(values).sum())]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors))
    return adjusted


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Return p-values adjusted for the false discovery rate; NaN entries are not counted (BH 1995).

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    values = np.asarray(p, dtype=float)
    adjusted = np.full(len(values), np.nan)
    order = np.argsort(-values)[: int(np.isfinite(values).sum())]  # not-a-number is last
    factors = len(order) / np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(values[order] * factors))
    return adjusted


def significance_groups(ranked: Sequence[str], beats: Callable[[str, str], bool]) -> list[list[str]]:
    """Cut a ranking into groups as WMT does: a new one starts when any member of the current one beats the next.

    Args:
        ranked: Judges from best to worst.
        beats: Whether the first is significantly better than the second.

    >>> significance_groups(["a", "b", "c"], lambda x, y: (x, y) == ("a", "c"))
    [['a', 'b'], ['c']]
    """
    groups: list[list[str]] = []
    for name in ranked:
        if not groups or any(beats(member, name) for member in groups[-1]):
            groups.append([])
        groups[-1].append(name)
    return groups


@dataclass(frozen=True, slots=True)
class ClassicalTest(Displayed):
    """A test that assumes independent items."""

    statistic: float
    """t, z or count of discordant items, see the test."""
    p: float
    """NaN when undefined."""


def _tail(statistic: float, sf: Callable[[float], float], alternative: Alternative) -> float:
    if alternative == "two-sided":
        return min(1.0, 2 * sf(abs(statistic)))
    return sf(statistic if alternative == "greater" else -statistic)


def williams(
    r_a: float, r_b: float, r_ab: float, n: int, *, alternative: Alternative = "two-sided"
) -> ClassicalTest:
    """Williams' test that two correlations with the same target are equal (Williams 1959; Steiger 1980).

    Args:
        r_a: Correlation of the first judge with the target.
        r_b: Correlation of the second judge with the target.
        r_ab: Correlation of the two judges.
        n: Items.
        alternative: "greater": the first correlates more.

    Returns:
        t with n - 3 degrees of freedom; undefined with fewer than 4 items.

    >>> found = williams(0.6, 0.4, 0.5, 50)
    >>> round(found.statistic, 2), round(found.p, 2)
    (1.71, 0.09)
    """
    from scipy.special import stdtr

    if n < 4 or not np.isfinite([r_a, r_b, r_ab]).all():
        return ClassicalTest(float("nan"), float("nan"))
    determinant = 1 - r_a**2 - r_b**2 - r_ab**2 + 2 * r_a * r_b * r_ab
    spread = 2 * (n - 1) / (n - 3) * determinant + ((r_a + r_b) / 2) ** 2 * (1 - r_ab) ** 3
    if spread <= 0:
        return ClassicalTest(float("nan"), float("nan"))
    statistic = float((r_a - r_b) * np.sqrt((n - 1) * (1 + r_ab) / spread))
    return ClassicalTest(statistic, _tail(statistic, lambda v: float(stdtr(n - 3, -v)), alternative))


def delong(outcomes: ArrayLike, a: ArrayLike, b: ArrayLike) -> ClassicalTest:
    """DeLong's test that two judges have the same ROC AUC on the same items (DeLong et al. 1988).

    Args:
        outcomes: (n,) people's decisions 1 / 0.
        a: (n,) scores of the first judge.
        b: (n,) scores of the second.

    Returns:
        z of the first AUC minus the second, two-sided p; undefined without two items of each class.

    >>> a, b = [0.1, 0.2, 0.8, 0.9], [0.1, 0.8, 0.2, 0.9]
    >>> round(delong([0, 0, 1, 1], a, b).statistic, 3)  # AUC 1 against 3/4, standard error sqrt(1/8)
    0.707
    """
    from scipy.special import ndtr
    from scipy.stats import rankdata

    yes = np.asarray(outcomes) == 1
    if min(yes.sum(), (~yes).sum()) < 2:
        return ClassicalTest(float("nan"), float("nan"))
    positive, negative = [], []
    for scores in (np.asarray(a, dtype=float), np.asarray(b, dtype=float)):
        ranks = rankdata(scores)
        positive.append((ranks[yes] - rankdata(scores[yes])) / (~yes).sum())
        negative.append(1 - (ranks[~yes] - rankdata(scores[~yes])) / yes.sum())
    difference = positive[0].mean() - positive[1].mean()
    variance = np.var(positive[0] - positive[1], ddof=1) / yes.sum()
    variance += np.var(negative[0] - negative[1], ddof=1) / (~yes).sum()
    if variance <= 0:
        return ClassicalTest(float("nan"), float("nan"))
    z = float(difference / np.sqrt(variance))
    return ClassicalTest(z, min(1.0, 2 * float(ndtr(-abs(z)))))


def no_association(y: ArrayLike, x: ArrayLike) -> tuple[float, float, float]:
    """Return two-sided p-values of Pearson's, Spearman's and Kendall's (tau-b) coefficient being 0.

    They are those of scipy.stats, which takes a second to import: Student's t for the first two, the normal
    distribution with ties (Kendall 1970) for the third, and all orders for at most `EXACT_ORDERS` items without ties.

    Args:
        y: (n,) ratings, finite, not all equal; n at least 3.
        x: (n,) scores likewise.

    >>> [round(p, 3) for p in no_association([1, 2, 3, 4, 5, 5], [1, 3, 2, 4, 6, 5])]
    [0.01, 0.008, 0.022]
    """
    from scipy.special import erfc, stdtr

    target, scores = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    n = len(target)
    counts = [np.bincount(dense_codes(v)).astype(float) for v in (target, scores)]
    found = LeftOut(target, Replicates(np.zeros(n, dtype=np.int64), 1))

    def of_t(r: float) -> float:
        return float(2 * stdtr(n - 2, -abs(r) * np.sqrt((n - 2) / max((1 - r) * (1 + r), 1e-300))))

    untied = max(c.max() for c in counts) == 1
    pairs = found.concordance(scores)
    if untied and (n <= EXACT_ORDERS or min(pairs.concordant[0], pairs.discordant[0]) <= 1):
        from scipy.stats import kendalltau

        of_tau = float(kendalltau(scores, target).pvalue)
    else:
        m = n * (n - 1)
        zeros, fives, tied = (
            [float((c * (c - 1) * last).sum()) for c, last in zip(counts, lasts, strict=True)]
            for lasts in ([c - 2 for c in counts], [2 * c + 5 for c in counts], [np.float64(0.5)] * 2)
        )
        variance = (m * (2 * n + 5) - sum(fives)) / 18 + 2 * tied[0] * tied[1] / m
        variance += zeros[0] * zeros[1] / (9 * m * (n - 2))
        of_tau = float(erfc(abs(pairs.balance[0]) / np.sqrt(2 * variance)))
    return of_t(float(found.pearson(scores)[0])), of_t(float(found.spearman(scores)[0])), of_tau


def mcnemar(right_a: ArrayLike, right_b: ArrayLike) -> ClassicalTest:
    """McNemar's exact test that two judges are right equally often (McNemar 1947).

    Args:
        right_a: (n,) whether the first judge decided as the people did.
        right_b: (n,) the same of the second.

    Returns:
        The number of items where only the first is right, two-sided binomial p.

    >>> mcnemar([1, 1, 1, 1, 0], [0, 0, 0, 1, 0])  # 3 of 3: twice 1/8
    ClassicalTest(statistic=3.0, p=0.25)
    """
    from scipy.stats import binomtest

    first, second = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    only_first, differ = int((first & ~second).sum()), int((first != second).sum())
    p = float(binomtest(only_first, differ).pvalue) if differ else 1.0
    return ClassicalTest(float(only_first), p)


def sign_flip(
    differences: ArrayLike, prompts: ArrayLike, *, permutations: int = 10_000, rng: np.random.Generator
) -> float:
    """Return the two-sided p-value that differences have mean 0, flipping the signs of whole prompts.

    With differences of being right (1, 0, -1) it is McNemar's test for items that share prompts.

    Args:
        differences: (n,) one value an item, first judge minus second.
        prompts: (n,) any labels.
        permutations: Number of random flips.
        rng: Source of randomness.

    >>> sign_flip([1, 1, -1, -1], ["a", "b", "c", "d"], permutations=100, rng=np.random.default_rng(0))
    1.0
    """
    values = np.asarray(differences, dtype=float)
    _, prompt = np.unique(np.asarray(prompts), return_inverse=True)
    sums = np.bincount(prompt, values)
    observed = abs(sums.sum())
    slack = 1e-12 * np.abs(sums).sum()
    flips = rng.integers(2, size=(permutations, len(sums)), dtype=np.int8) * 2.0 - 1
    extreme = int((np.abs(flips @ sums) >= observed - slack).sum())
    return (1 + extreme) / (1 + permutations)


_FISHER: Mapping[str, Callable[[float], tuple[int, float]]] = {
    "pearson": lambda _: (3, 1.0),
    "spearman": lambda r: (3, float(np.sqrt(1 + r**2 / 2))),
    "kendall_tau_b": lambda _: (4, float(np.sqrt(0.437))),
}


def fisher_interval(
    r: float, n: int, figure: str = "pearson", *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of a correlation by Fisher's transformation (Bonett and Wright 2000); None if n is small.

    Args:
        r: The correlation.
        n: Items, taken as independent.
        figure: "pearson", "spearman" or "kendall_tau_b".
        confidence: Level.

    Errors: `InputError` for another figure.

    >>> [round(end, 3) for end in fisher_interval(0.5, 28)]  # atanh(1/2) ± 1.96 / 5
    [0.156, 0.736]
    """
    from scipy.special import ndtri

    if figure not in _FISHER:
        raise InputError(f"no Fisher interval for {figure!r}; there is one for {', '.join(_FISHER)}")
    lost, factor = _FISHER[figure](r)
    if n <= lost or not np.isfinite(r):
        return None
    if abs(r) >= 1:
        return r, r
    half = float(ndtri((1 + confidence) / 2)) * factor / np.sqrt(n - lost)
    return float(np.tanh(np.arctanh(r) - half)), float(np.tanh(np.arctanh(r) + half))


def bca_interval(
    y: ArrayLike,
    x: ArrayLike,
    figure: str = "spearman",
    *,
    draws: int = 1000,
    confidence: float = 0.95,
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """Return the bias-corrected and accelerated bootstrap interval over single items (Efron 1987); None if undefined.

    Args:
        y: (n,) target, finite.
        x: (n,) scores, finite.
        figure: A name of `figures.FIGURES`.
        draws: Bootstrap draws.
        confidence: Level.
        rng: Source of randomness.

    >>> y, x = np.arange(20.0), np.array([3.0, *range(1, 20)])
    >>> low, high = bca_interval(y, x, draws=200, rng=np.random.default_rng(0))
    >>> 0 < low < high <= 1
    True
    """
    from scipy.special import ndtr, ndtri

    target, scores = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    tie, n = score_tie(scores), len(target)
    row = FIGURES[figure]
    drawn = PromptDraws.map_items(
        n, draws, rng, lambda weights: row.statistic(Weighted(target, weights), scores, tie)
    )
    # The jackknife leaves out single items, or of many items as many parts, whose skewness is the same.
    parts = min(n, JACKKNIFE_PARTS)
    part = np.arange(n) if parts == n else rng.permutation(n) % parts
    left_out = row.statistic(LeftOut(target, Replicates(part, parts)), scores, tie)[1:]
    value = float(row.statistic(Weighted(target, np.ones((n, 1))), scores, tie)[0])
    if not np.isfinite([value, *left_out]).all() or not np.isfinite(drawn).all():
        return None
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    influence = left_out.mean() - left_out
    spread = (influence**2).sum() ** 1.5
    if not 0 < below < 1 or spread == 0:
        return None
    shift, acceleration = float(ndtri(below)), float((influence**3).sum() / (6 * spread))
    moved = shift + ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    low, high = np.quantile(drawn, ndtr(shift + moved / (1 - acceleration * moved)))
    return float(low), float(high)


def matrix_correlation(x: ArrayLike, z: ArrayLike, level: Level, figure: str = "pearson") -> float:
    """Correlate two systems x items matrices at one of the levels of Deutsch et al. (2021); NaN when undefined.

    Args:
        x: (systems, items) scores, NaN where missing.
        z: (systems, items) ratings, NaN where missing.
        level: "system": of the row means; "input": within each column, averaged; "global": of all entries.
        figure: A name of `figures.FIGURES`.

    >>> matrix_correlation([[1, 2], [3, 4]], [[2, 1], [4, 3]], "system")
    1.0
    >>> matrix_correlation([[1, 2], [3, 4]], [[2, 1], [4, 3]], "global")  # 3 / 5
    0.6
    """
    scores, ratings = np.asarray(x, dtype=float), np.asarray(z, dtype=float)
    missing = np.isnan(scores) | np.isnan(ratings)
    scores, ratings = (np.where(missing, np.nan, v) for v in (scores, ratings))
    if level == "system":
        rows = ~missing.all(axis=1)
        return agreement(np.nanmean(ratings[rows], axis=1), np.nanmean(scores[rows], axis=1), figure)
    columns = np.broadcast_to(np.arange(scores.shape[1]), scores.shape).ravel() if level == "input" else None
    return agreement(ratings.ravel(), scores.ravel(), figure, groups=columns)


@dataclass(frozen=True, slots=True)
class PermutationShare(Displayed):
    """Shares of the permutations at least as extreme as the data, which are counted among them."""

    difference: float
    """First metric minus second."""
    greater: float
    """Share with a difference at least as large."""
    less: float
    """Share with a difference at most as large."""
    two_sided: float
    """Share with a difference at least as far from 0."""
    permutations: int
    """Permutations taken."""


def permutation_both(
    x: ArrayLike,
    y: ArrayLike,
    z: ArrayLike,
    *,
    level: Level = "global",
    figure: str = "pearson",
    swap: Literal["systems", "inputs", "both"] = "both",
    permutations: int = 1000,
    rng: np.random.Generator | None = None,
) -> PermutationShare:
    """Permutation test of two metrics by swapping whole systems, whole inputs or both (Deutsch et al. 2021).

    All permutations are taken when there are no more than asked for; otherwise random ones, with the data
    themselves as the first. Swapping both assumes that rows and columns are exchangeable on their own.

    Args:
        x: (systems, items) scores of the first metric; standardised over all entries before swapping.
        y: (systems, items) scores of the second.
        z: (systems, items) ratings.
        level: See `matrix_correlation`.
        figure: A name of `figures.FIGURES`.
        swap: Which lines change sides; "both": an entry does when exactly one of its row and column does.
        permutations: At most so many.
        rng: Source of randomness; needed unless all permutations are taken.

    >>> z = [[1, 2], [3, 4]]
    >>> permutation_both(z, z, z, swap="systems").two_sided  # of a metric and itself
    1.0
    """
    first, second, ratings = (np.asarray(v, dtype=float) for v in (x, y, z))
    shape = first.shape
    first, second = (standardised(v.ravel()).reshape(shape) for v in (first, second))
    flags = (shape[0] if swap != "inputs" else 0) + (shape[1] if swap != "systems" else 0)
    if 2**flags <= permutations:
        chosen = np.array(list(product((False, True), repeat=flags)))
    else:
        if rng is None:
            raise InputError("random permutations need a source of randomness")
        chosen = rng.integers(2, size=(permutations, flags)).astype(bool)
        chosen[0] = False
    differences = np.empty(len(chosen))
    for i, flag in enumerate(chosen):
        rows = flag[: shape[0]] if swap != "inputs" else np.zeros(shape[0], dtype=bool)
        columns = flag[len(flag) - shape[1] :] if swap != "systems" else np.zeros(shape[1], dtype=bool)
        swapped = rows[:, None] ^ columns
        a, b = np.where(swapped, second, first), np.where(swapped, first, second)
        differences[i] = matrix_correlation(a, ratings, level, figure) - matrix_correlation(
            b, ratings, level, figure
        )
    observed = differences[0]
    shares = (
        differences >= observed - 1e-12,
        differences <= observed + 1e-12,
        np.abs(differences) >= abs(observed) - 1e-12,
    )
    greater, less, two_sided = (float(s.mean()) if np.isfinite(observed) else float("nan") for s in shares)
    return PermutationShare(float(observed), greater, less, two_sided, len(chosen))
