"""Figures of a joint distribution of a judge's latent values and people's mean ratings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis.figures import Figure
from genspace.analysis.resampling import Weighted

Rule = Callable[[Floats], Floats]


SCALE = 1e9
"""Total weight of a joint distribution, so large that figures of pairs of items are those of a population."""


def joint_agreement(joint: Floats, latent: Floats, means: Floats, figure: Figure, rule: Rule) -> Floats:
    """(B,) a figure of the latent values against the target that mean ratings stand for.

    Args:
        joint: (B, G, S) probability of latent value and mean rating.
        latent: (G,) mean of infinitely many ratings, rising.
        means: (S,) mean ratings.
        figure: The figure.
        rule: What makes decisions of mean ratings.
    """
    target = rule(means) if figure.target == "decision" else means
    known = np.isfinite(target)
    levels, level = np.unique(target[known], return_inverse=True)
    table = joint[:, :, known] @ np.eye(len(levels))[level]
    if figure.of_labels:
        labels = rule(latent)
        table = np.stack([table[:, labels == label].sum(axis=1) for label in (0.0, 1.0)], axis=1)
        latent = np.array([0.0, 1.0])
    weights = SCALE * table.reshape(len(table), -1).T / table.sum(axis=(1, 2))
    y, x = np.tile(levels, len(latent)), np.repeat(latent, len(levels))
    return np.asarray(figure.statistic(_Joint(y, weights, len(levels)), x, 0.0))


class _Joint(Weighted):
    """A joint distribution of judge and target: its cells lie sorted by the judge, then by the target."""

    def __init__(self, y: Floats, weights: Floats, levels: int) -> None:
        super().__init__(y, weights)
        self.levels = levels

    def _balance(self, _: Ints) -> Floats:
        """Concordant minus discordant pairs, from the cumulated table."""
        cells = self.weights.reshape(-1, self.levels, self.weights.shape[1])
        below = np.cumsum(cells, axis=1)
        lean = 2 * below - cells - below[:, -1:]
        return np.asarray(np.einsum("xyb,xyb->b", cells, np.cumsum(lean, axis=0) - lean))
