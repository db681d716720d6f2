"""The ceiling: the figure that the mean of infinitely many raters would get against these people's target.

These people are few, so that even what everybody would say in the end does not agree perfectly with what they said.
How far it does follows from a model of the raters, in which the ratings of an item scatter independently about a
value of its own, and each item has as many ratings as here:

- Pearson needs the variances between and within items alone (Spearman 1904).
- Ordinal and continuous ratings: an item has a latent value, drawn from any distribution (on a grid, fitted by
  expectation maximisation, Kiefer and Wolfowitz 1956); a rating is the category in which the latent value and normal
  noise fall together.
- Yes or no, and the first or the second of a pair: the share of all people who say yes is drawn from a beta
  distribution, whose parameters are the share of yes and ICC(1,1).

All figures but Pearson's are computed exactly from the joint distribution of latent value and target that the model
implies; nothing is drawn. How lenient a rater is counts as noise, but for identified raters who all rated all items: to
them it makes no difference which item stands higher.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis._variance import icc, mean_of_inverse, variance_components
from genspace.analysis.figures import FIGURES, Figure
from genspace.analysis.inference._joint import Rule, joint_agreement
from genspace.analysis.inference._latent_values import (
    MOST_CATEGORIES,
    Borders,
    categorised,
    fitted,
    mean_chances,
    pattern_sizes,
    rough,
)
from genspace.analysis.inference.intervals import Scale, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, ratio
from genspace.display import Displayed

__all__ = ["PAIR_AGREEMENT", "Ceiling", "ceiling"]

Model = Literal["variance components", "latent values", "beta distribution"]

PAIR_AGREEMENT = "pair_agreement"
"""Where people compared pairs: how often a judge prefers the same one, of the pairs that people separate."""
MODELLED = (
    "spearman", "kendall_tau_b", "kendall_tau_c", "pearson", "pairwise_strict", "pairwise_half_credit",
    "pairwise_ties_dropped", "roc_auc", "cohen_kappa", "accuracy", "balanced_accuracy", "mcc",
)  # fmt: skip
"""Figures whose ceilings hold on simulated truth; of others a judge may reach more than the mean of all raters."""
MOST_BLOCKS = 40
"""Blocks of prompts left out one at a time for the interval of a model that is fitted anew each time."""
MOST_COUNTS = 4
"""With more different numbers of ratings an item has, near ones are taken together."""
GRID_STEP, GRID_MARGIN = 0.1, 1.5
"""Latent values, in categories: their distance, and how far they reach beyond the outermost categories."""
POINTS = 180
"""About so many latent values there are at least where figures are computed: next to no two items tie for the judge."""
NOISE_STEP = 0.15
"""Half the distance of the noises, in logarithms, between which each replicate's is interpolated."""
SHARES = 200
"""Cells of the share of all people who say yes."""
MOST_VOTES = 7
"""With more ratings an item has, the ceilings of accuracy and kappa are as good as identified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling(Displayed):
    """What the mean of infinitely many raters would get against these people's target, under a model of the raters."""

    figure: str
    """The figure that it stands beside."""
    estimate: Estimate
    model: Model | None
    """None without a value."""
    bounds: tuple[float, float] | None = None
    """Accuracy, kappa, agreement on pairs: the least and the most that any distribution of the shares of yes with the
    same counts of votes would give, whatever its form; None for other figures, and with many ratings an item."""


def ceiling(
    people: PeopleAnswers,
    prompts: Ints,
    figure: str,
    *,
    of_pairs: bool = False,
    confidence: float = 0.95,
) -> Ceiling:
    """Return the ceiling of a figure, with an interval from leaving out prompts, or the reason why there is none.

    For Pearson one prompt is left out at a time; for the others one of at most 40 blocks of prompts, each fitted anew
    from the same start, all together. 800 items with three ratings take less than 0.2 s. A fitted distribution of
    latent values follows chance too closely where items are few, which these replicates correct (Quenouille 1956,
    "Notes on bias in estimation", Biometrika 43).

    Args:
        people: The ratings.
        prompts: (n,) prompt of each item.
        figure: Key of a figure over items; for pairs `PAIR_AGREEMENT`.
        of_pairs: Whether people compared two items; the order in which a pair is listed then makes no difference.
        confidence: Level of the interval.

    >>> said = np.array([[1, 2, 2], [4, 4, 5], [3, 3, 1], [5, 5, 4], [2, 1, 1], [4, 5, 4]], dtype=float)
    >>> people = PeopleAnswers(said, np.ones(6, dtype=bool), ("r", "s", "t"), False, "ordinal", (1, 5), None)
    >>> found = ceiling(people, np.arange(6), "pearson")
    >>> round(found.estimate.value, 3), found.model
    (0.962, 'variance components')
    """
    ratings, model = people.ratings, _model(people, figure, of_pairs=of_pairs)
    if of_pairs:
        ratings = np.where(ratings == 0.5, np.nan, ratings)
    twice = int((np.isfinite(ratings).sum(axis=1) > 1).sum())
    reason = next(_obstacles(people, figure, twice, of_pairs=of_pairs), None)
    if reason is not None:
        return Ceiling(figure=figure, estimate=Estimate.undefined(reason, n=twice), model=None)
    row, rule = (FIGURES["accuracy"], _majority) if of_pairs else (FIGURES[figure], people.decide)
    crossed = people.identified and bool(np.isfinite(ratings).all())
    cheap = model == "variance components"
    clusters = (
        Replicates.of(prompts) if cheap else Replicates.of(prompts, most=MOST_BLOCKS, blocks=MOST_BLOCKS)
    )
    blocks = np.eye(clusters.draws, dtype=np.int64)
    whole = PromptDraws(np.column_stack([np.ones(len(blocks), dtype=np.int64), 1 - blocks]), clusters.of_item)
    between, within = _components(ratings, whole, crossed=crossed, of_pairs=of_pairs)
    if not between[0] > 0:
        reason = Reason("no_more_agreement_than_chance")
        return Ceiling(figure=figure, estimate=Estimate.undefined(reason, n=twice), model=None)
    bounds = None
    if model == "variance components":
        inverse = whole.map(lambda w: mean_of_inverse(ratings, w))
        values = np.sqrt(np.maximum(ratio(between, between + within * inverse), 0))
    elif model == "beta distribution":
        values = _of_shares(ratings, whole, ratio(between, between + within), row, rule, of_pairs=of_pairs)
        if row.key in ("accuracy", "cohen_kappa"):
            bounds = _bounds(ratings, row.key, rule, of_pairs=of_pairs)
    else:
        values = _of_latent_values(people, whole, row, crossed=crossed)
    values[within == 0] = 1.0
    values[~(between > 0)] = np.nan
    if not np.isfinite(values[0]):
        return Ceiling(figure=figure, estimate=Estimate.undefined(Reason("undefined"), n=twice), model=None)
    if model == "latent values" and len(values) > 2 and np.isfinite(values).all():
        corrected = values[0] + (len(values) - 2) * (values[0] - values[1:].mean())
        values[0] = corrected if abs(corrected) < 1 else values[0]
    scale: Scale = "logit" if row.chance == 0.5 else "correlation"
    found = from_replicates(
        float(values[0]), values[1:], clusters, n=twice, scale=scale, confidence=confidence,
        undefined=Reason("chance_without_a_prompt"),
    )  # fmt: skip
    return Ceiling(figure=figure, estimate=found, model=model, bounds=bounds)


def _model(people: PeopleAnswers, figure: str, *, of_pairs: bool) -> Model:
    if of_pairs:
        return "beta distribution"
    if figure == "pearson":
        return "variance components"
    return "beta distribution" if people.value_type == "binary" else "latent values"


def _majority(means: Floats) -> Floats:
    """Return 1 and 0 where more than half of the votes are for the first and for the second of a pair, else NaN."""
    return np.where(means == 0.5, np.nan, (means > 0.5).astype(float))


def _obstacles(people: PeopleAnswers, figure: str, twice: int, *, of_pairs: bool) -> Iterator[Reason]:
    """Yield what stands in the way of a ceiling where so many items have two ratings."""
    if not np.isfinite(people.ratings).any():
        yield Reason("no_people")
    if len(people.raters) < 2:
        yield Reason("one_rater")
    if figure not in ((PAIR_AGREEMENT,) if of_pairs else MODELLED):
        yield Reason("no_model_of_raters", name=figure)
    if not of_pairs and FIGURES[figure].target == "decision" and not people.decides:
        yield Reason("no_decisions")
    if twice == 0:
        yield Reason("no_two_ratings")
    if twice < 2:
        yield Reason("too_few_items", n=twice)


def _components(
    ratings: Floats, parts: PromptDraws, *, crossed: bool, of_pairs: bool
) -> tuple[Floats, Floats]:
    """Return (B,) variances between and within items; pairs are listed both ways.

    Where the same persons rated all items, how lenient each is changes no item's place and is not a part of the latter.
    """
    if of_pairs:
        ratings = np.vstack([ratings, 1 - ratings])
        parts = PromptDraws(parts.counts, np.concatenate([parts.of_item, parts.of_item]))
    between, within = parts.map(lambda w: np.stack(variance_components(ratings, w)))
    if not crossed or not within[0] > 0:
        return between, within
    k = ratings.shape[1]
    reliable = parts.map(lambda w: icc(ratings, "3,1", w))
    items = within + k * between
    noise = items * (1 - reliable) / (1 + (k - 1) * reliable)
    return (items - noise) / k, noise


@dataclass(frozen=True)
class _RatingsEach:
    """How many ratings items have."""

    kinds: tuple[int, ...]
    of_item: Ints
    """(n,) which of the kinds an item is of; -1 without ratings."""

    @classmethod
    def of(cls, ratings: Floats) -> _RatingsEach:
        """Count; more than `MOST_COUNTS` kinds are taken together in groups of about as many items each."""
        given = np.isfinite(ratings).sum(axis=1)
        rated = given[given > 0]
        kinds = np.unique(rated)
        group = np.arange(len(kinds))
        if len(kinds) > MOST_COUNTS:
            group = np.searchsorted(
                np.quantile(rated, np.arange(1, MOST_COUNTS) / MOST_COUNTS), kinds, side="left"
            )
            _, group = np.unique(group, return_inverse=True)
        of_kind = dict(zip(kinds.tolist(), group.tolist(), strict=True))
        of_item = np.array([of_kind.get(k, -1) for k in given.tolist()], dtype=np.int64)
        middle = [round(1 / float((1 / given[of_item == g]).mean())) for g in range(int(group.max()) + 1)]
        return cls(tuple(middle), of_item)

    def shares(self, parts: PromptDraws) -> Floats:
        """(B, kinds) share of each kind among the items of each draw."""
        members = (self.of_item[:, None] == np.arange(len(self.kinds))).astype(float)
        found = parts.map(lambda w: members.T @ w)
        return np.asarray(ratio(found, found.sum(axis=0)).T)


def _of_shares(
    ratings: Floats, parts: PromptDraws, reliable: Floats, figure: Figure, rule: Rule, *, of_pairs: bool
) -> Floats:
    """(B,) the figure where the share of people who say yes has a beta distribution of this ICC(1,1)."""
    from scipy.special import betainc
    from scipy.stats import binom

    rated = np.isfinite(ratings)
    yes = parts.map(lambda w: np.stack([np.nansum(ratings, axis=1), rated.sum(axis=1)]) @ w)
    share = np.full(parts.draws, 0.5) if of_pairs else ratio(yes[0], yes[1])
    spread = 1 / np.clip(reliable, 1e-6, 1 - 1e-6) - 1
    edges = (1 - np.cos(np.pi * np.arange(SHARES + 1) / SHARES)) / 2
    below = betainc((share * spread)[:, None], ((1 - share) * spread)[:, None], edges)
    density, p = np.asarray(np.diff(below, axis=1), dtype=float), (edges[:-1] + edges[1:]) / 2
    counts = _RatingsEach.of(ratings)
    scatter = _Scatter(
        p,
        tuple(np.asarray(binom.pmf(np.arange(k + 1), k, p[:, None])) for k in counts.kinds),
        tuple(np.arange(k + 1) / k for k in counts.kinds),
    )
    return _mixed(density, scatter, counts.shares(parts), figure, rule)


@dataclass(frozen=True)
class _Scatter:
    """How the mean of an item's ratings scatters about its latent value."""

    latent: Floats
    """(G,) mean of infinitely many ratings, rising."""
    chances: tuple[Floats, ...]
    """(G, S) of each mean rating given the latent value, by number of ratings."""
    means: tuple[Floats, ...]
    """(S,) mean ratings, by number of ratings."""


def _mixed(density: Floats, scatter: _Scatter, shares: Floats, figure: Figure, rule: Rule) -> Floats:
    """(B,) the figure where latent values have the density (B, G) and numbers of ratings the shares (B, kinds)."""
    conditional = np.stack(
        [
            np.concatenate([c if i == j else np.zeros_like(c) for j, c in enumerate(scatter.chances)], axis=1)
            for i in range(len(scatter.chances))
        ]
    )
    joint = density[:, :, None] * np.einsum("bk,kgs->bgs", shares, conditional)
    return joint_agreement(joint, scatter.latent, np.concatenate(scatter.means).round(9), figure, rule)


def _of_latent_values(people: PeopleAnswers, parts: PromptDraws, figure: Figure, *, crossed: bool) -> Floats:
    """(B,) the figure where latent values have any distribution and ratings scatter normally about them.

    The noise of each replicate is where the parabola through its likelihoods at three noises is highest; its figure
    is interpolated between those at the three. Raters who are crossed with the items have borders of their own, moved
    so that the mean of each is as it is; continuous ratings are simply moved.
    """
    ratings = people.ratings
    if crossed and len(np.unique(ratings)) > MOST_CATEGORIES:
        ratings, crossed = ratings - ratings.mean(axis=0) + ratings.mean(), False
    values, category = categorised(ratings)
    rated = np.asarray((category >= 0).any(axis=1))
    grid = np.arange(-GRID_MARGIN, len(values) - 1 + GRID_MARGIN + 1e-9, GRID_STEP)
    sizes, patterns = pattern_sizes(category[rated], parts.take(rated), len(values))
    borders = Borders(len(values))
    density, noise = rough(sizes, patterns, grid, borders)
    if crossed:
        moved = np.linspace(-2.0, 2.0, 81)
        expected = [density @ borders.chances(grid + m, noise) @ np.arange(len(values)) for m in moved]
        borders = Borders(len(values), np.interp(category.mean(axis=0), expected, moved))
        sizes, patterns = pattern_sizes(category, parts, len(values), apart=True)
        noise = rough(sizes, patterns, grid, borders)[1]
    noises = noise * np.exp(NOISE_STEP * np.arange(-1, 2))
    densities, (low, middle, high) = fitted(
        sizes, patterns, np.stack([borders.chances(grid, s) for s in noises])
    )
    counts = _RatingsEach.of(ratings)
    shares = counts.shares(parts)
    fine = np.linspace(grid[0], grid[-1], max(1, round(POINTS / len(grid))) * (len(grid) - 1) + 1)
    between = np.maximum(0, 1 - np.abs(fine - grid[:, None]) / GRID_STEP)
    figures = []
    for s, density in zip(noises, densities @ between, strict=True):
        raters = np.split(borders.chances(fine, s), len(borders.moved), axis=1)
        of_kinds = [raters if crossed else raters * k for k in counts.kinds]
        chances, means = zip(*(mean_chances(of_kind, values) for of_kind in of_kinds), strict=True)
        latent = np.mean([kernel @ values for kernel in raters], axis=0)
        figures.append(_mixed(density, _Scatter(latent, chances, means), shares, figure, people.decide))
    bend = np.minimum(low - 2 * middle + high, -1e-9)
    t = np.clip((low - high) / (2 * bend), -1, 1)
    return np.asarray(figures[0] * t * (t - 1) / 2 + figures[1] * (1 - t * t) + figures[2] * t * (t + 1) / 2)


def _bounds(ratings: Floats, figure: str, rule: Rule, *, of_pairs: bool) -> tuple[float, float] | None:
    """Return the least and the most that the ceiling of accuracy or kappa is for any distribution of the shares of yes.

    Votes tell only the first moments of that distribution (Lord 1969, "Estimating true-score distributions",
    Psychometrika 34). The moments are those of the distribution fitted to all counts; a linear programme finds the
    distributions with the same moments whose ceilings are lowest and highest.
    """
    from scipy.optimize import linprog
    from scipy.stats import binom

    counts = _RatingsEach.of(ratings)
    most = counts.kinds[-1]
    if most > MOST_VOTES:
        return None
    p = (np.arange(SHARES) + 0.5) / SHARES
    rated = np.isfinite(ratings)
    tallies = np.column_stack([np.nansum(ratings == 0, axis=1), np.nansum(ratings == 1, axis=1)])[
        rated.any(axis=1)
    ]
    if of_pairs:
        tallies = np.vstack([tallies, tallies[:, ::-1]])
    patterns, sizes = np.unique(tallies, axis=0, return_counts=True)
    density = fitted(sizes[None].astype(float), patterns, np.column_stack([1 - p, p])[None])[0][0, 0]
    votes = np.asarray(binom.pmf(np.arange(most + 1)[:, None], most, p))
    members = PromptDraws.point(np.zeros(len(ratings)))
    right, decided, yes = np.zeros((3, SHARES))
    for k, share in zip(counts.kinds, counts.shares(members)[0], strict=True):
        said = rule(np.arange(k + 1) / k)
        chance = share * binom.pmf(np.arange(k + 1)[:, None], k, p)
        right += np.where(said[:, None] == rule(p), chance, 0).sum(axis=0)
        decided += chance[np.isfinite(said)].sum(axis=0)
        yes += chance[said == 1].sum(axis=0)
    above, below = right, decided
    if figure == "cohen_kappa":
        total, said_yes = decided @ density, decided * rule(p)
        alike = (yes @ density) * said_yes + ((decided - yes) @ density) * (total - said_yes)
        above, below = total * right - alike, total**2 - alike
    # A ratio of two sums over the distribution: scaled so that the lower one is 1 (Charnes and Cooper 1962).
    equal = np.vstack([np.column_stack([votes, -votes @ density]), np.append(below, 0)])
    ends = np.append(np.zeros(len(votes)), 1.0)
    low, high = (
        linprog(sign * np.append(above, 0), A_eq=equal, b_eq=ends, bounds=(0, None)).fun
        for sign in (1.0, -1.0)
    )
    return None if low is None or high is None else (float(low), -float(high))
