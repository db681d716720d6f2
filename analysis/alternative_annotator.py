"""The alternative annotator test: could a judge stand in for one of the raters?

Each rater is left out in turn. On every item the judge and the left-out rater are compared by how well each
agrees with the remaining raters; the judge wins against the rater when it does so at least about as often, up to
an advantage epsilon that its lower price deserves. Calderon, Reichart & Dror 2025, "The alternative annotator
test for LLM-as-a-judge", ACL (arXiv 2501.10970), here with a t-test clustered by prompt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._arrays import Floats
from genspace.analysis.question import JudgeScores, PeopleAnswers
from genspace.analysis.reasons import Reason
from genspace.analysis.reliability import scale_values
from genspace.display import Displayed

__all__ = [
    "EPSILON",
    "AlternativeAnnotatorTest",
    "Annotators",
    "RaterContest",
    "alternative_annotator_test",
    "as_ratings",
]

Alignment = Literal["accuracy", "rmse"]

Annotators = Literal["crowd", "skilled", "experts"]

EPSILON: Mapping[Annotators, float] = {"crowd": 0.1, "skilled": 0.15, "experts": 0.2}
"""The authors' head start by who the raters are: the dearer a rater, the more a judge may fall behind."""
FALSE_DISCOVERY_RATE = 0.05
WINNING_RATE = 0.5
MIN_RATERS = 3
MIN_ITEMS = 30
"""Raters with fewer items are left out, as in the paper."""


@dataclass(frozen=True, slots=True)
class RaterContest(Displayed):
    """The judge against one left-out rater."""

    rater: str
    items: int
    """Items that the rater, the judge and at least one other rater rated."""
    judge_at_least_as_good: float
    """Share of items on which the judge agrees with the others at least as well as the rater does."""
    rater_at_least_as_good: float
    """The same share for the rater; an equal agreement counts for both."""
    p: float
    """One-sided p-value of "the rater's share exceeds the judge's by epsilon or more", clustered by prompt."""
    won: bool
    """Whether that is rejected at the false discovery rate (Benjamini-Yekutieli)."""


@dataclass(frozen=True, slots=True, repr=False)
class AlternativeAnnotatorTest(Displayed):
    """Whether a judge could stand in for a rater; null with a reason where it cannot be tested."""

    passed: bool | None
    """Whether the judge wins against at least half of the raters."""
    winning_rate: float | None
    """Share of the raters that the judge wins against (omega)."""
    advantage: float | None
    """Mean of `judge_at_least_as_good` over raters (rho)."""
    epsilon: float
    alignment: Alignment
    """How agreement with the others is measured on an item."""
    raters: tuple[RaterContest, ...] = ()
    reason: Reason | None = None
    mapped: bool = False
    """Whether the judge's scores were first turned into the raters' values by a rule fitted to the ratings of other
    prompts; False: these are its own answers."""


def alternative_annotator_test(
    judge: ArrayLike,
    ratings: ArrayLike,
    prompts: ArrayLike,
    *,
    identified: bool,
    names: tuple[str, ...] | None = None,
    alignment: Alignment = "rmse",
    epsilon: float = EPSILON["crowd"],
) -> AlternativeAnnotatorTest:
    """Test whether a judge could stand in for a rater.

    Args:
        judge: (n,) the judge's answers on the raters' scale, see `own_answers` and `as_ratings`; NaN = none.
        ratings: (n, k) one column a rater; NaN = none.
        prompts: (n,) prompt of each item; whole prompts are the independent units of the test.
        identified: Whether a column is one person throughout; slots cannot be left out one at a time.
        names: Of the k raters.
        alignment: "accuracy": share of the other raters who gave the same answer; "rmse": minus the root mean
            squared distance to their ratings.
        epsilon: The head start of the judge, see `EPSILON`; the authors' lowest where nothing is known of the raters.

    >>> alternative_annotator_test([1.0], [[1.0, 1.0]], [0], identified=True).reason.code
    'too_few_raters'
    """
    said, table, prompt = (
        np.asarray(judge, dtype=float),
        np.asarray(ratings, dtype=float),
        np.asarray(prompts),
    )
    if table.ndim != 2 or not len(said) == len(table) == len(prompt):
        raise ValueError(f"judge {said.shape}, ratings {table.shape} and prompts {prompt.shape} do not fit")
    k = table.shape[1]
    labels = names or tuple(str(j) for j in range(k))
    if not identified:
        return _untested(Reason("raters_not_identified"), epsilon, alignment)
    if k < MIN_RATERS:
        return _untested(Reason("too_few_raters", n=k, needed=MIN_RATERS), epsilon, alignment)
    contest_with = partial(_contest, prompts=prompt, alignment=alignment, epsilon=epsilon)
    contests = [
        contest
        for j in range(k)
        if (contest := contest_with(labels[j], said, table[:, j], np.delete(table, j, axis=1)))
    ]
    if len(contests) < MIN_RATERS:
        reason = Reason("too_few_contests", n=len(contests), needed=MIN_RATERS)
        return _untested(reason, epsilon, alignment)
    from scipy.stats import false_discovery_control

    adjusted = false_discovery_control([c.p for c in contests], method="by")
    decided = tuple(
        replace(c, won=bool(p <= FALSE_DISCOVERY_RATE)) for c, p in zip(contests, adjusted, strict=True)
    )
    rate = float(np.mean([c.won for c in decided]))
    return AlternativeAnnotatorTest(
        passed=rate >= WINNING_RATE,
        winning_rate=rate,
        advantage=float(np.mean([c.judge_at_least_as_good for c in decided])),
        epsilon=epsilon,
        alignment=alignment,
        raters=decided,
    )


def _untested(reason: Reason, epsilon: float, alignment: Alignment) -> AlternativeAnnotatorTest:
    return AlternativeAnnotatorTest(None, None, None, epsilon, alignment, reason=reason)


def _contest(
    name: str,
    judge: Floats,
    rater: Floats,
    others: Floats,
    *,
    prompts: NDArray[Any],
    alignment: Alignment,
    epsilon: float,
) -> RaterContest | None:
    """Return the judge's contest with one rater, or None with too few items."""
    both = np.isfinite(judge) & np.isfinite(rater) & np.isfinite(others).any(axis=1)
    if both.sum() < MIN_ITEMS:
        return None
    mine, theirs = (_alignment(v[both], others[both], alignment) for v in (judge, rater))
    judge_wins, rater_wins = mine >= theirs - 1e-12, theirs >= mine - 1e-12
    difference = rater_wins.astype(float) - judge_wins
    return RaterContest(
        rater=name,
        items=int(both.sum()),
        judge_at_least_as_good=float(judge_wins.mean()),
        rater_at_least_as_good=float(rater_wins.mean()),
        p=_clustered_p(difference, prompts[both], epsilon),
        won=False,
    )


def _alignment(answers: Floats, others: Floats, alignment: Alignment) -> Floats:
    """(n,) agreement of each answer with the other raters' answers to the item, higher is better."""
    if alignment == "accuracy":
        same = np.where(np.isfinite(others), others == answers[:, None], np.nan)
        return np.asarray(np.nanmean(same, axis=1))
    return np.asarray(-np.sqrt(np.nanmean(np.square(others - answers[:, None]), axis=1)))


def _clustered_p(difference: Floats, prompts: NDArray[Any], epsilon: float) -> float:
    """Return the one-sided p-value of mean(difference) >= epsilon; prompts are the independent units."""
    from scipy.stats import t

    _, member = np.unique(prompts, return_inverse=True)
    clusters = int(member.max()) + 1
    mean = float(difference.mean())
    if clusters < 2:
        return 1.0
    sums = np.bincount(member, weights=difference - mean)
    error = math.sqrt(clusters / (clusters - 1) * float(sums @ sums)) / len(difference)
    if error < 1e-12:
        return 0.0 if mean < epsilon else 1.0
    return float(t.cdf((mean - epsilon) / error, clusters - 1))


def own_answers(judge: JudgeScores, people: PeopleAnswers, *, declared: bool) -> Floats | None:
    """Return (n,) a judge's own answers on the raters' scale, NaN = none; None where it speaks on another.

    It speaks on theirs where it says yes or no to what they say yes or no to, where all its scores are values of their
    scale, or, on a continuous scale of declared ends, lie between these.

    Args:
        judge: On the units that people rated, before any threshold is fitted to it.
        people: The ratings.
        declared: Whether the ends of the scale are declared.
    """
    score = judge.score
    given = score[np.isfinite(score)]
    if not len(given) or judge.direction < 0:
        return None
    if people.value_type == "binary" and judge.has_labels:
        return judge.passed
    if people.value_type == "continuous":
        low, high = people.scale or (0.0, 0.0)
        return score if declared and low <= given.min() and given.max() <= high else None
    return score if np.isin(given, scale_values(people.ratings, people.scale)).all() else None


def as_ratings(scores: ArrayLike, ratings: ArrayLike, prompts: ArrayLike, *, seed: int = 0) -> Floats:
    """Say a judge's scores in the raters' own values, so that they can be compared rating by rating.

    Equipercentile mapping (Kolen & Brennan 2014, "Test equating, scaling, and linking"): the share of scores below
    (mid-rank) becomes the rating with that share below it, both fitted on other prompts than the item's own. The
    judge then uses the scale as raters do: it cannot win by hedging towards the mean.

    Args:
        scores: (n,) higher is better; NaN = none.
        ratings: (n, k) the raters' values; NaN = none.
        prompts: (n,) prompt of each item.
        seed: Of the folds.

    Returns:
        (n,) values that raters used; NaN without a score.

    >>> as_ratings([10.0, 20.0, 10.0, 20.0], [[1.0], [5.0], [1.0], [5.0]], [0, 0, 1, 1]).tolist()
    [1.0, 5.0, 1.0, 5.0]
    """
    from genspace.analysis.folds import prompt_folds

    x, table = np.asarray(scores, dtype=float), np.asarray(ratings, dtype=float)
    result = np.full(len(x), np.nan)
    for training, held in prompt_folds(prompts, seed=seed):
        fitted = np.sort(x[training & np.isfinite(x)])
        values = np.sort(table[training][np.isfinite(table[training])])
        wanted = held & np.isfinite(x)
        if not len(fitted) or not len(values):
            continue
        below, upto = (np.searchsorted(fitted, x[wanted], side=side) for side in ("left", "right"))
        share = (below + upto) / (2 * len(fitted))
        place = np.clip(np.ceil(share * len(values)).astype(int) - 1, 0, len(values) - 1)
        result[wanted] = values[place]
    return result
