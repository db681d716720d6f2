"""Pairs of items: who ranks them as people do, and what a tie is worth.

`resampling.Weighted.concordance` counts pairs when ties are equal scores. This module lists the pairs of each
group themselves, for rules under which being tied is not transitive: a tie width chosen from data, or a least
difference between ratings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis.correlation import Grouped
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio
from genspace.display import Displayed
from genspace.errors import InputError

__all__ = [
    "PairCounts",
    "Pairs",
    "TieWidth",
    "best_tie_width",
    "calibrated_widths",
    "folds_by_prompt",
    "pairs_within",
    "share_without",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_PAIRS = 5_000_000


class TooManyPairsError(InputError):
    """There are more than `MAX_PAIRS` pairs; they can be taken within prompts or generators."""

    reason = Reason("too_many_pairs", needed=MAX_PAIRS)

    def __init__(self) -> None:
        super().__init__(f"more than {MAX_PAIRS:,} pairs; take them within prompts or generators")


"""More pairs than this are not listed one by one."""


@dataclass(frozen=True, eq=False, repr=False)
class PairCounts(Displayed):
    """Pairs of each of G groups by how people and judge order them; every array is (G,)."""

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
        values = np.full(len(denominator), np.nan)
        np.divide(numerator, denominator, out=values, where=denominator > 0)
        return Grouped(values, denominator)

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
    """All pairs of items inside groups, as differences; m pairs in G groups."""

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

    def take(self, chosen: NDArray[np.bool_]) -> Pairs:
        """Return some of the pairs; group codes stay."""
        return Pairs(
            self.first[chosen],
            self.second[chosen],
            self.human[chosen],
            self.judge[chosen],
            self.group[chosen],
            self.groups,
        )

    def right(self, *, tie: float | Floats = 0.0) -> NDArray[np.bool_]:
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


def pairs_within(y: ArrayLike, x: ArrayLike, groups: ArrayLike | None = None) -> Pairs:
    """List all pairs of items inside each group.

    Args:
        y: (n,) ratings; NaN = none, the item is left out.
        x: (n,) scores, higher is better; NaN = abstained, the item is left out.
        groups: (n,) labels; default: all items in one group.

    Errors: `TooManyPairsError` when there are more than `MAX_PAIRS` pairs.
    """
    human, judge = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    label: NDArray[Any] = np.zeros(len(human)) if groups is None else np.asarray(groups)
    names, code = np.unique(label, return_inverse=True)
    there = np.flatnonzero(np.isfinite(human) & np.isfinite(judge))
    order = there[np.argsort(code[there], kind="stable")]
    sizes = np.bincount(code[order], minlength=len(names))
    if (sizes.astype(float) * (sizes - 1)).sum() / 2 > MAX_PAIRS:
        raise TooManyPairsError
    first, second = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for size in np.unique(sizes[sizes > 1]):
        # All groups of one size at once: each row of `members` is a group.
        starts = np.cumsum(sizes)[sizes == size] - size
        members = order[starts[:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        first.append(members[:, i].ravel())
        second.append(members[:, j].ravel())
    a, b = np.concatenate(first), np.concatenate(second)
    group = np.asarray(code[a], dtype=np.int64)
    return Pairs(a, b, human[a] - human[b], judge[a] - judge[b], group, len(names))


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
    """
    if not len(pairs.human):
        return None
    sizes = np.bincount(pairs.group, minlength=pairs.groups).astype(float)
    share = 1 / (sizes[pairs.group] * (sizes > 0).sum())
    tied = pairs.human == 0
    right = np.sign(pairs.human) == np.sign(pairs.judge)
    width = np.abs(pairs.judge)
    order = np.argsort(width, kind="stable")
    # Raising the width over a pair makes it a tie: right if the people tie it, wrong otherwise.
    gain = np.cumsum(((tied.astype(float) - right) * share)[order])
    last = np.flatnonzero(np.append(np.diff(width[order]) > 0, True))
    widths = np.append(0.0, width[order][last])
    accuracy = (right * share).sum() + np.append(0.0, gain[last])
    best = int(np.argmax(accuracy > accuracy.max() - 1e-12))
    return TieWidth(float(widths[best]), float(accuracy[best]))


def folds_by_prompt(prompts: ArrayLike, rng: np.random.Generator, *, folds: int = 5) -> Ints:
    """(n,) fold of each item; a prompt is never split, so what is fitted on some prompts is tried on others."""
    names, code = np.unique(np.asarray(prompts), return_inverse=True)
    fold = rng.permutation(np.arange(len(names)) % min(folds, max(1, len(names))))
    return np.asarray(fold[code], dtype=np.int64)


def calibrated_widths(pairs: Pairs, group_fold: Ints) -> Floats:
    """(m,) tie width of each pair, chosen on the groups of the other folds; NaN where those hold no pair.

    Args:
        pairs: Pairs inside groups.
        group_fold: (G,) fold of each group.
    """
    widths = np.full(len(pairs.human), np.nan)
    for fold in np.unique(group_fold):
        held_out = group_fold[pairs.group] == fold
        chosen = best_tie_width(pairs.take(~held_out))
        if chosen is not None:
            widths[held_out] = chosen.width
    return widths


def share_without(pairs: Pairs, right: NDArray[np.bool_], clusters: Replicates) -> Floats:
    """(B,) share of right pairs among those that stay when each block of prompts is left out in turn.

    Args:
        pairs: Pairs of items.
        right: (m,) whether each pair is right.
        clusters: The blocks, of the items that the pairs name.
    """
    first, second = clusters.of_item[pairs.first], clusters.of_item[pairs.second]

    def touched(values: Floats) -> Floats:
        both = np.bincount(first, values, minlength=clusters.draws) + np.bincount(
            second, values, minlength=clusters.draws
        )
        return np.asarray(both - np.bincount(first, values * (first == second), minlength=clusters.draws))

    good, all_pairs = right.astype(float), np.ones(len(right))
    return ratio(good.sum() - touched(good), len(right) - touched(all_pairs))
