"""Choose among many variants of a judge, and estimate without bias how good the choice is.

The best of many variants looks better than it is on the items on which it was chosen. So every choice is made anew on
the training prompts of each outer fold, and its figure is taken on the prompts that were held out. The mean over folds
is what the procedure of choosing reaches (Stone 1974, "Cross-validatory choice and assessment of statistical
predictions"; Varma and Simon 2006, "Bias in error estimation when using cross-validation for model selection"). Scores
of different variants are never pooled. The standard error leaves out blocks of prompts and repeats everything, choices
included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis.figures import Figure
from genspace.analysis.folds import outer_folds
from genspace.analysis.inference.intervals import from_replicates
from genspace.analysis.inference.replicates import Replicates, standard_error
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import Weighted, ratio
from genspace.display import Displayed

__all__ = [
    "LEAST_PROMPTS",
    "WORTH_FINDING",
    "Candidate",
    "CandidateRow",
    "MoneyPoint",
    "Tuned",
    "TunedSays",
    "tune",
]

TunedSays = Literal["ahead", "open", "behind", "identical"]

BLOCKS = 30
LEAST_PROMPTS = 10
"""With fewer prompts nothing can be chosen honestly."""
LEAST_COVERAGE = 0.9
"""A candidate that decides less than this share of the items is never chosen."""
LEVEL = 0.05
HOPELESS = 3.5
"""Standard errors below the best from which a candidate is dropped early: among 40 equals about one in a hundred
studies loses one."""
WORTH_FINDING = 0.1
"""A gain for which it is always said how many prompts would show it."""
POWER = 0.8
"""Share of studies in which a gain should be found."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One variant with one threshold, and what it said."""

    name: str
    values: Floats
    """(n,) what the figure reads: scores, or decisions 1 and 0; NaN where it decided nothing."""
    cost_usd: float = 0.0
    """Mean cost of an item."""
    threshold: float | None = None
    """Score above which it says yes; None: its own decision, or the figure reads scores."""
    by_fold: Floats | None = None
    """(n, folds) what it said when it was fitted without what each outer fold holds out; None: it fits nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRow:
    """One candidate in the table of all: a figure on the items on which choices are made, so not to be quoted."""

    name: str
    threshold: float | None
    cost_usd: float
    coverage: float
    in_sample: float | None
    chosen: float
    """Share of the outer folds in which it was chosen."""
    dropped: float
    """Share of the outer folds in which it was dropped early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyPoint:
    """The figure that choosing among candidates up to a cost reaches."""

    at_most_usd: float
    reaches: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned(Displayed):
    """The figure that choosing reaches on prompts that were not used for choosing."""

    figure: str
    default: str
    """The candidate that was declared beforehand, and would be used without choosing."""
    winner: str
    """Chosen on all items; its own figure there is optimistic."""
    threshold: float | None
    """The winner's."""
    reaches: Estimate
    """Figure of the procedure out of sample: the mean over outer folds."""
    default_reaches: Estimate
    """The default's on the same folds."""
    gain: Estimate
    """The first less the second."""
    p: float | None
    """Of no gain, two-sided."""
    says: TunedSays
    """Whether the data tell choosing from the default."""
    optimism: float | None
    """The winner's figure in sample less what the procedure reaches."""
    prompts_needed: int | None
    """Prompts like these after which such a gain would be found in four of five studies; None: there is no gain."""
    prompts_for_tenth: int | None
    """Prompts like these after which a gain of `WORTH_FINDING` would be; None: nothing tells how sure a gain is."""
    money: tuple[MoneyPoint, ...]
    candidates: tuple[CandidateRow, ...]


def tune(
    y: Floats,
    prompts: Sequence[str] | Ints,
    candidates: Sequence[Candidate],
    figure: Figure,
    *,
    price: float = 0.0,
    held: Bools | None = None,
    alive: Bools | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Tuned:
    """Choose among candidates, and estimate the figure on held-out prompts.

    Args:
        y: (n,) what the figure compares with, finite.
        prompts: (n,) labels; items of one prompt are held out together.
        candidates: the first is the default.
        figure: by which one chooses.
        price: how much of the figure a dollar an item must buy.
        held: (n, folds) which items each outer fold holds out; None: `outer_folds` of the prompts.
        alive: (m, folds + 1) which candidates may be chosen in each fold and, last, on all items, as `promising` says;
            None: all.
        seed: of the folds.
        confidence: level of the intervals.

    Errors: `ValueError` for fewer than `LEAST_PROMPTS` prompts, and where no candidate decides enough.

    >>> from genspace.analysis.figures import FIGURES
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile([0.0, 1.0], 40)
    >>> noise = [np.where(rng.random(80) < wrong, 1 - y, y) for wrong in (0.4, 0.05)]
    >>> plain, good = (Candidate(name, x) for name, x in zip(["plain", "good"], noise))
    >>> found = tune(y, np.repeat(np.arange(20), 4), [plain, good], FIGURES["accuracy"])
    >>> found.winner, found.says
    ('good', 'ahead')
    """
    labels = np.unique(np.asarray(prompts), return_inverse=True)[1]
    count = int(labels.max()) + 1
    if count < LEAST_PROMPTS:
        raise ValueError(f"{count} prompts are too few to choose on: {LEAST_PROMPTS} are needed")
    coverage = np.array([np.isfinite(c.values).mean() for c in candidates])
    if not (coverage >= LEAST_COVERAGE).any():
        raise ValueError(f"no candidate decides {LEAST_COVERAGE:.0%} of the items")
    clusters = Replicates.of(labels, seed=seed, most=BLOCKS, blocks=BLOCKS)
    kept = _kept(clusters)
    held = outer_folds(labels, seed=seed) if held is None else held
    training = _figures(figure, y, candidates, kept, _training(held))
    training, everything = training[..., :-1], training[:, 0, -1]
    testing = _figures(figure, y, candidates, kept, held)
    costs = np.array([c.cost_usd for c in candidates])
    if alive is None:
        alive = np.ones((len(candidates), held.shape[1] + 1), dtype=bool)
    allowed = alive & (coverage >= LEAST_COVERAGE)[:, None]

    def utility(found: Floats, which: Bools) -> Ints:
        worth = np.where(np.isfinite(found), found, -np.inf) - (price * costs)[:, None, None]
        return np.asarray(np.where(which[:, None, :], worth, -np.inf).argmax(axis=0))

    def reached(which: Bools) -> tuple[Floats, Ints]:
        chosen = utility(training, which[:, :-1])
        return _mean(np.take_along_axis(testing, chosen[None], axis=0)[0]), chosen

    procedure, chosen = reached(allowed)
    default = _mean(testing[0])
    n = len(y)

    def estimate(values: Floats, *, scaled: bool = True) -> Estimate:
        return from_replicates(
            float(values[0]), values[1:], clusters, n=n, scale=figure.scale if scaled else "raw", confidence=confidence,
        )  # fmt: skip

    winner = int(utility(everything[:, None, None], allowed[:, -1:])[0, 0])
    says: TunedSays = "open"
    gain, p = procedure - default, None
    error = standard_error(gain[1:], clusters.present)
    if np.array_equal(procedure, default):
        says = "identical"
    elif error is not None and error.value > 0:
        p = min(1.0, 2 * error.beyond(abs(float(gain[0]))))
        if p < LEVEL:
            says = "ahead" if gain[0] > 0 else "behind"
    return Tuned(
        figure=figure.key,
        default=candidates[0].name,
        winner=candidates[winner].name,
        threshold=candidates[winner].threshold,
        reaches=estimate(procedure),
        default_reaches=estimate(default),
        gain=estimate(gain, scaled=False)
        if says != "identical"
        else Estimate.undefined(Reason("identical"), n=n),
        p=p,
        says=says,
        optimism=float(everything[winner] - procedure[0]) if math.isfinite(everything[winner]) else None,
        prompts_needed=_needed(float(gain[0]), None if error is None else error.value, count),
        prompts_for_tenth=_needed(WORTH_FINDING, None if error is None else error.value, count),
        money=tuple(
            MoneyPoint(
                at_most_usd=float(most), reaches=estimate(reached(allowed & (costs <= most)[:, None])[0])
            )
            for most in np.unique(costs[allowed.any(axis=1)])
        ),
        candidates=tuple(
            CandidateRow(
                name=c.name,
                threshold=c.threshold,
                cost_usd=c.cost_usd,
                coverage=float(coverage[i]),
                in_sample=float(everything[i]) if math.isfinite(everything[i]) else None,
                chosen=float((chosen[0] == i).mean()),
                dropped=float(1 - alive[i, :-1].mean()),
            )
            for i, c in enumerate(candidates)
        ),
    )


def promising(
    y: Floats,
    prompts: Sequence[str] | Ints,
    candidates: Sequence[Candidate],
    figure: Figure,
    held: Bools,
    *,
    price: float = 0.0,
    seed: int = 0,
) -> Bools:
    """Return which candidates are worth asking about the remaining items.

    In each fold one goes by its training items alone: a candidate is dropped there when its figure less the price of
    its cost lies `HOPELESS` standard errors of the difference below the best one's. The first, the default, stays.

    Args:
        y: (n,) what the figure compares with, on the items that were asked about.
        prompts: (n,) labels.
        candidates: the first is the default.
        figure: by which one chooses.
        held: (n, folds) which items each outer fold holds out.
        price: how much of the figure a dollar an item must buy.
        seed: of the blocks of prompts.

    Returns:
        (m, folds + 1) by fold, and last on all items.
    """
    clusters = Replicates.of(prompts, seed=seed, most=BLOCKS, blocks=BLOCKS)
    found = _figures(figure, y, candidates, _kept(clusters), _training(held))
    worth = found - price * np.array([c.cost_usd for c in candidates])[:, None, None]
    best = np.where(np.isfinite(worth[:, :1]), worth[:, :1], -np.inf).argmax(axis=0)[None]
    behind = worth - np.take_along_axis(worth, np.broadcast_to(best, (1, *worth.shape[1:])), axis=0)
    others = behind[:, 1:][:, clusters.present]
    g = others.shape[1]
    error = np.sqrt((g - 1) / g * ((others - others.mean(axis=1, keepdims=True)) ** 2).sum(axis=1))
    keep = ~(behind[:, 0] + HOPELESS * error < 0)  # an unknown figure or error keeps
    keep[0] = True
    return np.asarray(keep)


def _kept(clusters: Replicates) -> Floats:
    """(n, 1 + G) weights: everything, then without each block."""
    return np.column_stack([np.ones(len(clusters.of_item)), clusters.weights()])


def _training(held: Bools) -> Bools:
    """(n, folds + 1) the items on which each fold chooses, and last all."""
    return np.column_stack([~held, np.ones(len(held), dtype=bool)])


def _figures(figure: Figure, y: Floats, candidates: Sequence[Candidate], kept: Floats, rows: Bools) -> Floats:
    """(m, 1 + G, folds) figure of each candidate on some rows, without each block.

    With a column more of `rows` than there are folds, it is of all items, and read from what a candidate said there.
    """
    weights = (kept[:, :, None] * rows[:, None, :]).reshape(len(y), -1)
    target = Weighted(y, weights)
    found = []
    for candidate in candidates:
        if candidate.by_fold is None:
            found.append(_figure(figure, target, candidate.values).reshape(kept.shape[1], -1))
            continue
        said = np.column_stack([candidate.by_fold, candidate.values])
        columns = [
            _figure(figure, Weighted(y, kept * rows[:, k, None]), said[:, k]) for k in range(rows.shape[1])
        ]
        found.append(np.stack(columns, axis=1))
    return np.stack(found)


def _figure(figure: Figure, target: Weighted, values: Floats) -> Floats:
    scored = np.isfinite(values)
    return figure.statistic(target if scored.all() else target.take(scored), values[scored], 0.0)


def _mean(figures: Floats) -> Floats:
    """(1 + G,) mean over the folds in which the figure is defined; NaN where it is in none."""
    return ratio(np.nansum(figures, axis=1), np.isfinite(figures).sum(axis=1))


def _needed(gain: float, error: float | None, prompts: int) -> int | None:
    """Estimate how many prompts it takes to detect such a gain, from its standard error on the present ones."""
    from scipy.special import ndtri

    if error is None or error == 0 or gain <= 0:
        return None
    return math.ceil(prompts * (float(ndtri(1 - LEVEL / 2) + ndtri(POWER)) * error / gain) ** 2)
