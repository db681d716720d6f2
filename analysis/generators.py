"""Generators ranked by people or by a judge: their scores, how sure the order is, how far apart two orders are.

All draws of a study are shared: people and every judge see the same resampled prompts, so that two orders are
compared on the same draws. Intervals hold for these generators and for prompts like these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._memory import chunk_cells
from genspace.analysis.bradley_terry import PRIOR_TIES, Triads, bradley_terry, triads
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import MIN_DEFINED_DRAWS, PromptDraws, ratio
from genspace.display import Displayed

__all__ = [
    "GeneratorScores",
    "Standing",
    "ahead",
    "kendall_distance",
    "mean_scores",
    "pair_scores",
    "standings",
]


ROUNDING = 1e-12
"""Scores closer than this share of the largest are equal: their sums only ran in another order."""


@dataclass(frozen=True, eq=False, repr=False)
class GeneratorScores(Displayed):
    """One score for each of G generators, higher is better, and the same in each of B draws."""

    value: Floats
    """(G,) NaN where there is none."""
    draws: Floats
    """(G, B)"""
    n: Floats
    """(G,) items or comparisons behind each score."""
    reason: Reason | None = None
    """Why nothing could be scored."""
    prior_ties: float = 0.0
    """Ties added to each compared pair of generators to keep Bradley-Terry strengths finite; 0: none."""
    triads: Triads | None = None
    """Of comparisons."""


@dataclass(frozen=True, slots=True)
class Standing(Displayed):
    """Where one generator stands in an order, and how sure that is."""

    rank: int | None
    """1 + the number of generators above it; None without a score."""
    rank_low: int | None = None
    """Best rank of its confidence set; None where nothing was resampled."""
    rank_high: int | None = None
    first: float | None = None
    """Share of draws in which it is first; equal firsts share a draw."""
    above_next: float | None = None
    """Share of draws in which it is above the one that follows it in the order; equal scores count half."""
    reason: Reason | None = None
    """Why there is nothing but a rank, or no rank."""


def mean_scores(
    values: Floats, generator: Ints, generators: int, draws: PromptDraws, *, share: Floats | None = None
) -> GeneratorScores:
    """Average values by generator.

    Args:
        values: (n,) finite values, higher is better.
        generator: (n,) code of each value's generator, 0 … G - 1.
        generators: Their number G.
        draws: Resampled clusters (prompts, items or raters) of the n values.
        share: (n,) share of its item that each value stands for, such as 1 / ratings of the item; by default 1.

    >>> point = PromptDraws.point([0, 0, 1])
    >>> mean_scores(np.array([1.0, 3, 5]), np.array([0, 0, 1]), 2, point).value.tolist()
    [2.0, 5.0]
    """
    weight = np.ones(len(values)) if share is None else share
    total, items = (_by_cluster(w, generator, generators, draws) for w in (weight * values, weight))
    drawn = _drawn(np.concatenate([total, items]), draws)
    return GeneratorScores(
        value=ratio(total.sum(axis=1), items.sum(axis=1)),
        draws=ratio(drawn[:generators], drawn[generators:]),
        n=items.sum(axis=1),
    )


def pair_scores(
    share: Floats,
    first: Ints,
    second: Ints,
    names: Sequence[str],
    draws: PromptDraws,
    *,
    prior_ties: float = PRIOR_TIES,
) -> GeneratorScores:
    """Fit Bradley-Terry log strengths to comparisons of two items.

    Args:
        share: (n,) the first item's share of each win: 1, ½ (a tie) or 0, or a judge's probability.
        first: (n,) code of the first item's generator, 0 … G - 1.
        second: (n,) of the second item's; comparisons inside one generator say nothing and are left out.
        names: Names of the G generators.
        draws: Resampled clusters of the n comparisons.
        prior_ties: See `bradley_terry`; the same rule holds in every draw.

    >>> once = PromptDraws.point(np.arange(4))
    >>> won = pair_scores(np.array([1.0, 1, 1, 0]), np.zeros(4, int), np.ones(4, int), ["a", "b"], once, prior_ties=0)
    >>> float(won.value[0] - won.value[1]).__round__(4)  # three wins to one: ln 3
    1.0986
    """
    g = len(names)
    different = first != second
    share, first, second, draws = share[different], first[different], second[different], draws.take(different)
    won = _by_cluster(share, first * g + second, g * g, draws)
    won += _by_cluster(1 - share, second * g + first, g * g, draws)
    wins = won.sum(axis=1).reshape(g, g)
    point = bradley_terry(wins, prior_ties=prior_ties, names=names)
    drawn = np.full((g, draws.draws), np.nan)
    if point.reason is None:
        known = np.isfinite(point.strength)
        tables = _drawn(won, draws).T.reshape(-1, g, g)
        for b, table in enumerate(tables):
            strength = bradley_terry(table, prior_ties=prior_ties).strength
            if (np.isfinite(strength) == known).all():
                drawn[:, b] = strength
    return GeneratorScores(
        point.strength, drawn, point.comparisons, point.reason, point.prior_ties, triads(wins)
    )


def _drawn(by_cluster: Floats, draws: PromptDraws) -> Floats:
    """(rows, B) sums of (rows, P) figures of clusters in each draw; some clusters at a time, as caches hold them."""
    result = np.zeros((len(by_cluster), draws.draws))
    step = max(1, chunk_cells() // max(1, draws.draws))
    for start in range(0, draws.prompts, step):
        block = slice(start, start + step)
        result += by_cluster[:, block] @ draws.counts[block].astype(float)
    return result


def _by_cluster(values: Floats, group: Ints, groups: int, draws: PromptDraws) -> Floats:
    """(groups, C) sum of values in each group and cluster."""
    clusters = draws.prompts
    cell = group * clusters + draws.of_item
    summed = np.bincount(cell, values, minlength=groups * clusters)
    return np.asarray(summed, dtype=float).reshape(groups, clusters)


def ahead(scores: Floats) -> Floats:
    """(G, G, B) sign of each row's score minus each column's, from (G, B) scores; NaN where one has none.

    >>> ahead(np.array([[0.9], [0.4]]))[:, :, 0].tolist()
    [[0.0, 1.0], [-1.0, 0.0]]
    """
    difference = scores[:, None] - scores[None]
    equal = np.abs(difference) <= ROUNDING * np.nan_to_num(np.abs(scores)).max(axis=0, initial=0.0)
    return np.where(equal, 0.0, np.sign(difference))


def kendall_distance(a: Floats, b: Floats) -> Floats:
    """Return the share of generator pairs that two orders put the other way round.

    A pair that only one of the two leaves equal counts half (Fagin, Kumar, Mahdian, Sivakumar & Vee 2004,
    "Comparing and aggregating rankings with ties", PODS, with penalty ½): 0 = the same order, 1 = reversed.

    Args:
        a: (G, B) scores of the generators in each draw; NaN where there is none.
        b: (G, B) scores of the same generators.

    Returns:
        (B,) over the generators that both score in every draw; NaN with fewer than two.

    >>> kendall_distance(np.array([[3.0], [2], [1]]), np.array([[3.0], [1], [2]])).round(3).tolist()
    [0.333]
    """
    i, j = np.triu_indices(len(a), 1)
    apart = np.abs(ahead(a)[i, j] - ahead(b)[i, j]) / 2
    return np.asarray(apart.mean(axis=0)) if len(apart) else np.full(a.shape[1], np.nan)


def standings(
    scores: GeneratorScores, *, confidence: float = 0.95, no_interval: Reason | None = None
) -> dict[int, Standing]:
    """Return where each generator stands, best first, those without a score last.

    The confidence set of a rank counts the generators that are surely better and surely worse. Sure is what the
    bootstrap of all differences, each in units of its standard error, bears out together, so that all sets hold at
    once: Mogstad, Romano, Shaikh & Wilhelm 2024, "Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries", Rev. Econ. Studies 91. Percentiles of the drawn
    ranks would be too narrow where generators are nearly equal.

    Args:
        scores: Of the generators.
        confidence: Probability that no set misses a true rank.
        no_interval: Why there can be none; the draws are then ignored.

    >>> once = PromptDraws.point([0, 1, 2])
    >>> scores = mean_scores(np.array([0.2, 0.9, 0.5]), np.array([0, 1, 2]), 3, once)
    >>> {k: s.rank for k, s in standings(scores, no_interval=Reason("single_prompt")).items()}
    {1: 1, 2: 2, 0: 3}
    """
    order = np.argsort(-scores.value, kind="stable")  # no score comes last
    known = order[: int(np.isfinite(scores.value).sum())]
    value, drawn = scores.value[known], scores.draws[known]
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    reason = no_interval
    if reason is None and len(known) < 2:
        reason = Reason("single_generator")
    if reason is None and (not drawn.size or drawn.shape[1] < MIN_DEFINED_DRAWS * scores.draws.shape[1]):
        reason = Reason("few_defined_draws")
    ranks = 1 + (ahead(value[:, None]) < 0).sum(axis=(1, 2))
    nothing = Standing(None, reason=scores.reason or Reason("no_score"))
    found = {int(i): nothing for i in order}
    if reason is not None:
        return found | {int(i): Standing(int(r), reason=reason) for i, r in zip(known, ranks, strict=True)}
    drawn_ahead = ahead(drawn)
    best = ~(drawn_ahead < 0).any(axis=1)
    first = (best / best.sum(axis=0)).mean(axis=1)
    above: list[float | None] = [float((1 + drawn_ahead[k, k + 1]).mean() / 2) for k in range(len(known) - 1)]
    sets = _rank_sets(value, drawn, confidence)
    for k, above_next in enumerate([*above, None]):
        found[int(known[k])] = Standing(int(ranks[k]), *sets[k], float(first[k]), above_next)
    return found


def _rank_sets(value: Floats, drawn: Floats, confidence: float) -> list[tuple[int, int]]:
    """Return the best and the worst rank that the draws allow each of G generators, all of them at once.

    Args:
        value: (G,) finite scores.
        drawn: (G, B) the same in each draw, finite.
        confidence: Probability that no set misses its generator's true rank.
    """
    i, j = np.triu_indices(len(value), 1)
    lead, leads = value[i] - value[j], drawn[i] - drawn[j]
    error, rounding = leads.std(axis=1), ROUNDING * float(np.abs(value).max())
    varies = error > rounding
    scaled = np.abs(leads - lead[:, None])[varies] / error[varies, None]
    limit = np.quantile(scaled.max(axis=0, initial=0.0), confidence)
    sure = np.sign(lead) * (np.abs(lead) > np.where(varies, limit * error, rounding))
    above = np.zeros((len(value), len(value)))
    above[i, j], above[j, i] = sure, -sure
    return [(1 + int((row < 0).sum()), len(value) - int((row > 0).sum())) for row in above]
