"""Pairs of items: who ranks them as people do, and what a tie is worth.

`resampling.Weighted.concordance` counts pairs when ties are equal scores. This module lists the pairs of each
group themselves, for rules under which being tied is not transitive: a tie width chosen from data, or a least
difference between ratings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis.correlation import Grouped
from genspace.analysis.inference.left_out import below, dominated
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.resampling import dense_codes, ratio, stream
from genspace.display import Displayed

__all__ = [
    "PairCounts",
    "Pairs",
    "TieWidth",
    "best_tie_width",
    "calibrated_widths",
    "folds_by_prompt",
    "pairs_within",
    "right_pairs",
]


MAX_PAIRS = 2_000_000
"""More pairs than this are not listed one by one …"""
SAMPLED = 1_000_000
"""… but so many of them drawn."""
SAMPLE_ERROR = 0.007
"""At a width chosen on such a sample, accuracy is at most so much below the best width's, with 95 % probability.

Accuracy at a width is a constant plus the difference of two shares of pairs that grow with the width, so that the bound
of Massart (1990) on empirical distributions holds for each: 4 sqrt(log(2 / 0.025) / (2 m)) with m = 800,000, the pairs
of the four folds on which a width is chosen.
"""


@dataclass(frozen=True, eq=False, repr=False)
class PairCounts(Displayed):
    """Pairs of each of G groups by how people and judge order them; every array is (G,).

    >>> found = PairCounts(*(np.array([n]) for n in (6.0, 2.0, 1.0, 1.0, 0.0)))
    >>> found.accuracy.values.tolist(), found.tau_23.values.tolist()
    ([0.6], [0.2])
    """

    concordant: Floats
    discordant: Floats
    ties_human: Floats
    """Tied by the people alone."""
    ties_judge: Floats
    """Tied by the judge alone."""
    ties_both: Floats

    @property
    def total(self) -> Floats:
        """All pairs."""
        return self.concordant + self.discordant + self.ties_human + self.ties_judge + self.ties_both

    def _over(self, numerator: Floats, denominator: Floats) -> Grouped:
        return Grouped(ratio(numerator, denominator), denominator)

    @property
    def accuracy(self) -> Grouped:
        """Share of pairs on which both say the same, ties included: "acc23" (Deutsch et al. 2023)."""
        return self._over(self.concordant + self.ties_both, self.total)

    @property
    def tau_23(self) -> Grouped:
        """The same rescaled to [-1, 1]: 2 acc23 - 1 (Deutsch et al. 2023, tau_eq)."""
        same = self.concordant + self.ties_both
        return self._over(2 * same - self.total, self.total)

    @property
    def tau_b(self) -> Grouped:
        """Kendall's tau-b for these counts."""
        untied_human = self.concordant + self.discordant + self.ties_judge
        untied_judge = self.concordant + self.discordant + self.ties_human
        return self._over(self.concordant - self.discordant, np.sqrt(untied_human * untied_judge))

    @property
    def kendall_like(self) -> Grouped:
        """(C - D) / (C + D) where a judge's tie is discordant and people's ties do not count (WMT until 2022).

        Average it by pairs: `Grouped.mean(weights=items[:, None])`.
        """
        separated = self.concordant + self.discordant + self.ties_judge
        return self._over(2 * self.concordant - separated, separated)


@dataclass(frozen=True, eq=False)
class Pairs:
    """All pairs of items inside groups, as differences; m pairs in G groups.

    >>> pairs = pairs_within([1, 2, 3], [0.1, 0.3, 0.2])
    >>> pairs.right().tolist(), pairs.counts().concordant.tolist()
    ([True, True, False], [2.0])
    """

    first: Ints
    """(m,) place of the pair's first item."""
    second: Ints
    """(m,) place of its second item."""
    human: Floats
    """(m,) difference of the two ratings."""
    judge: Floats
    """(m,) difference of the two scores."""
    group: Ints
    """(m,) group code 0 … G - 1."""
    groups: int
    """Number of groups G."""
    complete: bool = True
    """Whether these are all pairs, not a sample of them."""

    def take(self, chosen: Bools) -> Pairs:
        """Return some of the pairs; group codes stay."""
        return Pairs(
            self.first[chosen],
            self.second[chosen],
            self.human[chosen],
            self.judge[chosen],
            self.group[chosen],
            self.groups,
        )

    def judged(self, x: Floats) -> Pairs:
        """Return the same pairs with the differences of another judge's scores."""
        return replace(self, judge=x[self.first] - x[self.second])

    def right(self, *, tie: float | Floats = 0.0) -> Bools:
        """(m,) whether judge and people say the same, ties included; `tie` as in `counts`."""
        said = np.where(np.abs(self.judge) <= tie, 0.0, np.sign(self.judge))
        return np.asarray(said == np.sign(self.human))

    def counts(self, *, tie: float | Floats = 0.0, least: float = 0.0) -> PairCounts:
        """Count the pairs of each group.

        Args:
            tie: Score differences up to it (one number, or one for each pair) are ties of the judge.
            least: Rating differences below it are ties of the people; 0: only equal ratings.
        """
        human = np.where(np.abs(self.human) < least, 0.0, np.sign(self.human))
        judge = np.where(np.abs(self.judge) <= tie, 0.0, np.sign(self.judge))
        kinds = (
            human * judge > 0,
            human * judge < 0,
            (human == 0) & (judge != 0),
            (human != 0) & (judge == 0),
            (human == 0) & (judge == 0),
        )
        return PairCounts(*(np.bincount(self.group[k], minlength=self.groups).astype(float) for k in kinds))

    def difference_pearson(self) -> float:
        """Pearson correlation over the differences of all ordered pairs, groups pooled; NaN when undefined."""
        scale = float(np.sqrt((self.human**2).sum() * (self.judge**2).sum()))
        return float((self.human * self.judge).sum() / scale) if scale > 0 else float("nan")


def pairs_within(y: ArrayLike, x: ArrayLike, groups: ArrayLike | None = None, *, seed: int = 0) -> Pairs:
    """List the pairs of items inside each group.

    Args:
        y: (n,) ratings; NaN = none, the item is left out.
        x: (n,) scores, higher is better; NaN = abstained, the item is left out.
        groups: (n,) labels; default: all items in one group.

        seed: Of the sample.

    Returns:
        All pairs; where there are more than `MAX_PAIRS`, `SAMPLED` of them, drawn with replacement, each as likely as
        any other.

    >>> pairs = pairs_within([1, 2, 5], [0.1, 0.9, 0.3], groups=["a", "a", "b"])
    >>> len(pairs.human), pairs.human.tolist(), pairs.groups
    (1, [-1.0], 2)
    """
    human, judge = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    label: NDArray[Any] = np.zeros(len(human)) if groups is None else np.asarray(groups)
    names, code = np.unique(label, return_inverse=True)
    there = np.flatnonzero(np.isfinite(human) & np.isfinite(judge))
    order = there[np.argsort(code[there], kind="stable")]
    sizes = np.bincount(code[order], minlength=len(names))
    complete = bool((sizes.astype(float) * (sizes - 1)).sum() / 2 <= MAX_PAIRS)
    a, b = (order[places] for places in (_all_pairs(sizes) if complete else _some_pairs(sizes, seed)))
    group = np.asarray(code[a], dtype=np.int64)
    return Pairs(a, b, human[a] - human[b], judge[a] - judge[b], group, len(names), complete)


def _all_pairs(sizes: Ints) -> tuple[Ints, Ints]:
    """Return the places of all pairs in groups of these sizes that stand one after the other."""
    first, second = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for size in np.unique(sizes[sizes > 1]):
        # All groups of one size at once: each row of `members` is a group.
        starts = np.cumsum(sizes)[sizes == size] - size
        members = starts[:, None] + np.arange(size)
        i, j = np.triu_indices(size, 1)
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
    return np.concatenate(first), np.concatenate(second)


def _some_pairs(sizes: Ints, seed: int) -> tuple[Ints, Ints]:
    """Return `SAMPLED` of these pairs, each drawn from all of them."""
    rng = stream(seed, "pairs of items")
    pairs = sizes.astype(float) * (sizes - 1)
    group = np.repeat(np.arange(len(sizes)), rng.multinomial(SAMPLED, pairs / pairs.sum()))
    start, size = (np.cumsum(sizes) - sizes)[group], sizes[group]
    i = rng.integers(size)
    return start + i, start + (i + 1 + rng.integers(size - 1)) % size


@dataclass(frozen=True)
class TieWidth(Displayed):
    """The width under which a judge's score differences are best read as ties."""

    width: float
    accuracy: float
    """Mean over the groups of the share of pairs right with this width, on the pairs that chose it."""


def best_tie_width(pairs: Pairs) -> TieWidth | None:
    """Return the tie width of highest mean accuracy; the smallest of equals; None without pairs.

    One width for all groups, chosen among 0 and all observed differences ("tie calibration", Deutsch, Foster
    and Freitag 2023, "Ties Matter"; WMT's acc*_eq).

    >>> best_tie_width(pairs_within([1, 1, 2], [0.10, 0.15, 0.90])).accuracy  # 0.10 and 0.15 count as tied
    1.0
    """
    if pairs.groups != 1:
        return _Widths(pairs).best(np.ones(pairs.groups, dtype=bool))
    if not len(pairs.human):
        return None
    # Of one group the pairs are counted, from widths sorted without regard to whose they are.
    width, tied, right, gains = _changes(pairs)
    gained, lost = np.sort(width[gains]), np.sort(width[right & ~tied])
    more = np.arange(1, len(gained) + 1) - np.searchsorted(lost, gained, side="right")
    accuracy = (right.sum() + np.append(0, more)) / len(width)
    best = int(np.argmax(accuracy > accuracy.max() - 1e-12))
    return TieWidth(float(np.append(0.0, gained)[best]), float(accuracy[best]))


def _changes(pairs: Pairs) -> tuple[Floats, Bools, Bools, Bools]:
    """Return of each pair at which width it becomes a tie, whether people tie it, whether it is right, and would gain.

    A pair that the width makes a tie is right if the people tie it, wrong otherwise: accuracy rises only there.
    """
    tied = pairs.human == 0
    right = ((pairs.human > 0) == (pairs.judge > 0)) & ((pairs.human < 0) == (pairs.judge < 0))
    return np.abs(pairs.judge), tied, right, tied & ~right


class _Widths:
    """What raising the width over each pair gains and loses, by rising width, for every choice of groups."""

    def __init__(self, pairs: Pairs) -> None:
        width, tied, right, gaining = _changes(pairs)
        gains, losses = np.flatnonzero(gaining), np.flatnonzero(right & ~tied)
        gains, losses = (v[np.argsort(width[v])] for v in (gains, losses))
        self._width = width[gains]
        self._last = np.flatnonzero(np.append(np.diff(self._width) > 0, True)[: len(gains)])
        self._lost_at = np.searchsorted(self._width, width[losses])
        self._gained, self._lost = pairs.group[gains], pairs.group[losses]
        self._sizes, self._right = (
            np.bincount(pairs.group, v, minlength=pairs.groups) for v in (np.ones(len(right)), right)
        )

    def best(self, chosen: Bools) -> TieWidth | None:
        """Return the width of highest mean accuracy over the chosen ones of the groups."""
        chosen = chosen & (self._sizes > 0)
        if not chosen.any():
            return None
        share = np.where(chosen, 1 / np.maximum(self._sizes, 1) / chosen.sum(), 0.0)
        lost = np.bincount(self._lost_at, share[self._lost], minlength=len(self._width) + 1)[:-1]
        gain = np.cumsum(share[self._gained] - lost)
        accuracy = self._right @ share + np.append(0.0, gain[self._last])
        best = int(np.argmax(accuracy > accuracy.max() - 1e-12))
        return TieWidth(float(np.append(0.0, self._width[self._last])[best]), float(accuracy[best]))


def folds_by_prompt(prompts: ArrayLike, rng: np.random.Generator, *, folds: int = 5) -> Ints:
    """(n,) fold of each item; a prompt is never split, so what is fitted on some prompts is tried on others.

    >>> folds = folds_by_prompt(["cow", "cow", "dog", "cat"], np.random.default_rng(0), folds=2)
    >>> bool(folds[0] == folds[1]), sorted(set(folds.tolist()))
    (True, [0, 1])
    """
    names, code = np.unique(np.asarray(prompts), return_inverse=True)
    fold = rng.permutation(np.arange(len(names)) % min(folds, max(1, len(names))))
    return np.asarray(fold[code], dtype=np.int64)


def calibrated_widths(pairs: Pairs, group_fold: Ints) -> Floats:
    """(G,) tie width of each group, chosen on the groups of the other folds; NaN where those hold no pair.

    Args:
        pairs: Pairs inside groups.
        group_fold: (G,) fold of each group.

    >>> pairs = pairs_within([1, 1, 2, 2], [0.10, 0.15, 0.3, 0.4], groups=["a", "a", "b", "b"])
    >>> calibrated_widths(pairs, np.array([0, 1])).round(2).tolist()  # each from the other group
    [0.1, 0.05]
    """
    widths, candidates = np.full(pairs.groups, np.nan), _Widths(pairs)
    for fold in np.unique(group_fold):
        held_out = group_fold == fold
        chosen = candidates.best(~held_out)
        if chosen is not None:
            widths[held_out] = chosen.width
    return widths


def right_pairs(pairs: Pairs, y: Floats, x: Floats, widths: Floats, group: Ints) -> Floats:
    """(n,) pairs of each item, with others of its group, on which judge and people say the same, ties included.

    Where not all pairs are listed they are counted by merging, in n log n operations.

    Args:
        pairs: All or some pairs inside the groups.
        y: (n,) ratings, finite.
        x: (n,) scores, finite.
        widths: (n,) the judge ties scores that differ by no more; one width for each group.
        group: (n,) codes of the groups, or of parts of them.

    >>> y, x, group = np.array([1.0, 2, 3]), np.array([0.1, 0.3, 0.2]), np.zeros(3, dtype=int)
    >>> right_pairs(pairs_within(y, x), y, x, np.zeros(3), group).tolist()  # 2 and 3 are the other way round
    [2.0, 1.0, 1.0]
    """
    if not pairs.complete:
        return _merged(y, x, widths, group)
    right = pairs.right(tie=widths[pairs.first]) & (group[pairs.first] == group[pairs.second])
    ends = (np.bincount(end, right, minlength=len(y)) for end in (pairs.first, pairs.second))
    return np.asarray(sum(ends), dtype=float)


def _merged(y: Floats, x: Floats, widths: Floats, group: Ints) -> Floats:
    """(n,) right pairs of each item as `right_pairs` says, counted.

    >>> y, x = np.array([1.0, 2, 2, 3]), np.array([0.0, 0.1, 0.2, 0.9])
    >>> _merged(y, x, np.full(4, 0.15), np.zeros(4, dtype=int)).tolist()
    [2.0, 2.0, 3.0, 3.0]
    """
    n = len(y)
    rating, twice = dense_codes(y), np.tile(group, 2)
    reach = widths + 4 * np.spacing(np.abs(x).max(initial=0.0))  # rounding of a difference must not untie it
    of_rating = np.unique(group * (int(rating.max(initial=0)) + 1) + rating, return_inverse=True)[1]
    total = np.zeros(n)
    for side in (1, -1):
        # Each item asks for the others beyond its reach: the points among points and questions, less the questions.
        pooled = dense_codes(np.concatenate([side * x, side * x - reach]))
        ask, code = pooled[n:], side * rating - (0 if side > 0 else side * int(rating.max(initial=0)))
        beyond = dominated(pooled, np.tile(code, 2), twice)[n:] - dominated(ask, code, group)
        alike = below(pooled, np.tile(of_rating, 2)).less[n:] - below(ask, of_rating).less
        total += beyond - alike
    return total + np.bincount(of_rating)[of_rating] - 1


def right_without(right: Floats, inside: Floats, group: Ints, clusters: Replicates) -> Floats:
    """(1 + B,) share of right pairs inside groups, then of those that stay when each block is left out in turn.

    Args:
        right: (n,) right pairs of each item.
        inside: (n,) those with items of its own block.
        group: (n,) group codes.
        clusters: The blocks of the items.
    """
    _, cell = np.unique(group * clusters.draws + clusters.of_item, return_inverse=True)
    partners, beside = (np.asarray(np.bincount(c)[c] - 1, dtype=float) for c in (group, cell))

    def left(whole: Floats, own: Floats) -> Floats:
        lost = np.bincount(clusters.of_item, whole - own / 2, minlength=clusters.draws)
        return np.asarray(whole.sum() / 2 - np.append(0.0, lost))

    return ratio(left(right, inside), left(partners, beside))
