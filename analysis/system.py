"""Agreement on generators: does a judge rank the systems as people do?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis.generators import ahead, mean_scores
from genspace.analysis.resampling import PromptDraws, ratio, stream
from genspace.display import Displayed

__all__ = [
    "MIN_GENERATORS",
    "SYSTEM_FIGURES",
    "SystemScores",
    "soft_pairwise_accuracy",
    "system_draws",
    "system_scores",
]


MIN_GENERATORS = 8
"""With fewer, generators are not resampled and no significance is claimed."""
FLIPS = 1000
"""Random sign flips by prompt behind soft pairwise accuracy."""


@dataclass(frozen=True, eq=False, repr=False)
class SystemScores(Displayed):
    """Mean rating and mean score of G generators in each of B draws."""

    human: Floats
    """(G, B)"""
    judge: Floats
    """(G, B)"""


def system_scores(y: Floats, x: Floats, generator: Ints, draws: PromptDraws) -> SystemScores:
    """Average ratings and scores by generator.

    Args:
        y: (n,) ratings, finite.
        x: (n,) scores, finite.
        generator: (n,) code of each item's generator; all codes 0 … G - 1 occur.
        draws: Resampled prompts of the n items.

    >>> y, x, once = np.array([1.0, 3, 5]), np.array([0.2, 0.4, 0.9]), PromptDraws.point([0, 1, 2])
    >>> system_scores(y, x, np.array([0, 0, 1]), once).human.tolist()
    [[2.0], [5.0]]
    """
    g = int(generator.max(initial=-1)) + 1
    return SystemScores(*(mean_scores(v, generator, g, draws).draws for v in (y, x)))


def _pearson(scores: SystemScores) -> Floats:
    y, x = (v - v.mean(axis=0) for v in (scores.human, scores.judge))
    scale = np.sqrt((y * y).sum(axis=0) * (x * x).sum(axis=0))
    noise = 1e-12 * np.abs(scores.human).max(axis=0) * np.abs(scores.judge).max(axis=0)
    return np.clip(ratio((x * y).sum(axis=0), np.where(scale > noise, scale, 0.0)), -1, 1)


def _spearman(scores: SystemScores) -> Floats:
    # A centred mid-rank is half of (values below minus values above).
    ranks = [ahead(v).sum(axis=1) / 2 for v in (scores.human, scores.judge)]
    return _pearson(SystemScores(*ranks))


def _signs(values: Floats) -> Floats:
    return ahead(values)[np.triu_indices(len(values), 1)]


def _kendall(scores: SystemScores) -> Floats:
    y, x = _signs(scores.human), _signs(scores.judge)
    return ratio((x * y).sum(axis=0), np.sqrt((y * y).sum(axis=0) * (x * x).sum(axis=0)))


def _pairwise(scores: SystemScores) -> Floats:
    y, x = _signs(scores.human), _signs(scores.judge)
    return ratio((x == y).sum(axis=0) * 1.0, np.where(np.isnan(x + y).any(axis=0), 0, len(x)) * 1.0)


SYSTEM_FIGURES: Mapping[str, Callable[[SystemScores], Floats]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "kendall_tau_b": _kendall,
    "pairwise_accuracy": _pairwise,
}
"""Every figure over the generators' means, higher always better."""


def system_draws(scores: SystemScores, seed: int) -> SystemScores:
    """Resample the generators of each draw as well, where there are at least `MIN_GENERATORS` of them.

    >>> scores = SystemScores(np.array([[3.0], [1.0]]), np.array([[0.9], [0.2]]))
    >>> system_draws(scores, seed=0) is scores  # two generators are too few to draw from
    True
    """
    g, draws = scores.human.shape
    if g < MIN_GENERATORS:
        return scores
    chosen = stream(seed, "generators").integers(g, size=(g, draws))
    return SystemScores(*(np.take_along_axis(v, chosen, axis=0) for v in (scores.human, scores.judge)))


def soft_pairwise_accuracy(
    human: NDArray[Any], judge: NDArray[Any], *, flips: int = FLIPS, rng: np.random.Generator
) -> float:
    """Return soft pairwise accuracy: 1 - mean over generator pairs of abs(p_human - p_judge) (Thompson et al. 2024).

    p is the one-sided p-value, by sign flips of whole prompts, that the first of two generators is better; people
    and judge see the same flips. All 2^P flips are taken when they are no more than `flips`. Pairs follow the
    order of the rows; with few prompts the value depends on that order.

    Args:
        human: (G, P) mean rating of each generator on each prompt; NaN where there is none.
        judge: (G, P) mean score likewise.
        flips: Number of random flips.
        rng: Source of randomness.

    Returns:
        NaN with fewer than two generators or no prompt in common.

    >>> people, judge = np.array([[3.0, 3], [1, 1]]), np.array([[0.9, 0.8], [0.2, 0.1]])
    >>> soft_pairwise_accuracy(people, judge, rng=np.random.default_rng(0))
    1.0
    """
    generators, prompts = human.shape
    if 2**prompts <= flips:
        signs = 1.0 - 2 * ((np.arange(2**prompts)[:, None] >> np.arange(prompts)) & 1)
    else:
        signs = np.vstack([np.ones(prompts), rng.choice([-1.0, 1.0], size=(flips, prompts))])
    i, j = np.triu_indices(generators, 1)
    differences = np.stack([human[i] - human[j], judge[i] - judge[j]])
    shared = np.isfinite(differences).all(axis=0)
    differences = np.where(shared, differences, 0.0)
    usable = shared.any(axis=-1)
    if not usable.any():
        return float("nan")
    flipped = differences @ signs.T
    # A sum of equal terms in another order may differ in its last digits.
    slack = 1e-12 * np.abs(differences).sum(axis=2)
    p = (flipped >= (differences.sum(axis=2) - slack)[:, :, None]).mean(axis=2)
    return float(1 - np.abs(p[0] - p[1])[usable].mean())
