"""Fit of ordinal ratings: latent values of any distribution, about which ratings scatter normally.

The distribution lies on a grid and is fitted by expectation maximisation (Kiefer and Wolfowitz 1956).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis.resampling import PromptDraws, stream

MOST_CATEGORIES = 11
"""Ratings of more distinct values are taken in so many equal steps."""


MOST_PATTERNS, RATINGS_KEPT = 300, 3
"""Where items differ in more patterns of ratings, only so many ratings of each, taken at random, are fitted."""
STEPS = 100
"""Of expectation maximisation: few enough that the distribution stays smooth, from a flat one."""


NOISES = 12


def categorised(ratings: Floats) -> tuple[Floats, Ints]:
    """Return (V,) the values that ratings take, rising, and (n, k) which of them each rating is; -1: none."""
    given = ratings[np.isfinite(ratings)]
    values = np.unique(given)
    if len(values) > MOST_CATEGORIES:
        values = np.linspace(values[0], values[-1], MOST_CATEGORIES)
    middles = (values[:-1] + values[1:]) / 2
    return values, np.where(np.isfinite(ratings), np.searchsorted(middles, ratings, side="right"), -1)


def pattern_sizes(
    category: Ints, parts: PromptDraws, categories: int, *, apart: bool = False
) -> tuple[Floats, Ints]:
    """Return (B, P) how many items of each draw have each pattern of ratings, and (P, V) the patterns.

    A pattern counts the ratings of each category; `apart`: of each rater, in R · V columns.
    """

    def tallied(category: Ints) -> Ints:
        chosen = category[:, :, None] == np.arange(categories)
        rows = chosen.reshape(len(category), -1) if apart else chosen.sum(axis=1)
        return np.asarray(rows, dtype=np.int64)

    patterns, pattern = np.unique(tallied(category), axis=0, return_inverse=True)
    if len(patterns) > MOST_PATTERNS:
        order = np.arange(category.shape[1]) if apart else stream(0, "ratings").random(category.shape)
        place = np.where(category >= 0, order, len(order)).argsort(axis=1).argsort(axis=1)
        kept = np.where(place < RATINGS_KEPT, category, -1)
        patterns, pattern = np.unique(tallied(kept), axis=0, return_inverse=True)
    members = (pattern.ravel()[:, None] == np.arange(len(patterns))).astype(float)
    return parts.map(lambda w: members.T @ w).T, patterns


@dataclass(frozen=True)
class Borders:
    """Where latent value and noise together must fall for each category: half-way between two."""

    categories: int
    moved: Floats = field(default_factory=lambda: np.zeros(1))
    """(R,) how far each rater's borders are moved down; one for all raters alike."""

    def chances(self, grid: Floats, noise: float) -> Floats:
        """(G, R · V) chance of each category of each rater given the latent value."""
        from scipy.special import ndtr

        above = np.arange(self.categories - 1) + 0.5 - grid[:, None, None] - self.moved[:, None]
        below = np.pad(
            ndtr(above / noise), ((0, 0), (0, 0), (1, 1)), constant_values=((0, 0), (0, 0), (0, 1))
        )
        return np.diff(below, axis=2).reshape(len(grid), -1)


def rough(sizes: Floats, patterns: Ints, grid: Floats, borders: Borders) -> tuple[Floats, float]:
    """Return the distribution (G,) at the likeliest of a few noises, of the first draw, and that noise."""
    noises = np.geomspace(0.2, borders.categories, NOISES)
    densities, likelihood = fitted(sizes[:1], patterns, np.stack([borders.chances(grid, s) for s in noises]))
    best = int(np.argmax(likelihood[:, 0]))
    return densities[best, 0], float(noises[best])


def fitted(sizes: Floats, patterns: Ints, kernels: Floats) -> tuple[Floats, Floats]:
    """Return the distributions of latent values (S, B, G) under each kernel, of each draw; log likelihoods (S, B).

    Args:
        sizes: (B, P) how many items have each pattern of ratings.
        patterns: (P, V) how many ratings of each category a pattern holds, or (P, R · V) of each rater.
        kernels: (S, G, V) chance of each category, or (S, G, R · V).
    """
    log = np.log(np.maximum(kernels, 1e-300)) @ patterns.T  # (S, G, P)
    top = log.max(axis=1, keepdims=True)
    chance = np.exp(log - top)
    back = np.ascontiguousarray(chance.transpose(0, 2, 1))
    share = sizes / sizes.sum(axis=1, keepdims=True)
    density = np.full((len(kernels), len(sizes), kernels.shape[1]), 1 / kernels.shape[1])
    for _ in range(STEPS):
        density *= (share / (density @ chance)) @ back
    return density, (sizes * (np.log(density @ chance) + top)).sum(axis=2)


def mean_chances(raters: Sequence[Floats], values: Floats) -> tuple[Floats, Floats]:
    """Return (G, S) the chances of the mean of one rating of each rater, and (S,) its values."""
    chances, sums = np.ones((len(raters[0]), 1)), np.zeros(1)
    for kernel in raters:
        sums, place = np.unique((sums[:, None] + values).round(9), return_inverse=True)
        together = (chances[:, :, None] * kernel[:, None, :]).reshape(len(kernel), -1)
        chances = together @ np.eye(len(sums))[place.ravel()]
    return chances, sums / len(raters)
