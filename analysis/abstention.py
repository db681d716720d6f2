"""Judges that may abstain: how much they cover, and what their figures are worth beside those of others.

A judge that answers only the easy items looks better than it is. So coverage always stands beside a figure, the
same figure is given with every abstention tied with everything, and the risk-coverage curve shows whether the
judge knows when it is wrong (El-Yaniv & Wiener 2010; Geifman & El-Yaniv 2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Bools, Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import dense_codes, one_hot, ratio
from genspace.display import Displayed

__all__ = [
    "AbstentionTable",
    "RiskCoverage",
    "RiskCoveragePoint",
    "abstention_table",
    "aurc",
    "common_items",
    "risk_coverage",
]


MAX_POINTS = 200
"""Points of a risk-coverage curve."""


@dataclass(frozen=True, slots=True, repr=False)
class AbstentionTable(Displayed):
    """Who decided what, over the items that people were asked about."""

    both: int
    """Decided by people and judge."""
    judge_only: int
    """Decided by the judge, left undecided by people."""
    people_only: int
    """Decided by people; the judge abstained, failed or was not asked."""
    neither: int
    """Undecided by both."""
    annotated: int
    """Items that people were asked about."""
    coverage: float | None
    """Share of the annotated items that the judge decides; None without any."""
    coverage_of_decided: float | None
    """Share of the items decided by people that the judge decides; None without any."""
    abstains_where_people_do: float | None
    """Share of the items left undecided by people on which the judge abstains too; None without any."""


def abstention_table(
    asked: ArrayLike, people_decided: ArrayLike, judge_decided: ArrayLike
) -> AbstentionTable:
    """Cross people's decisions with the judge's.

    Args:
        asked: (n,) whether people were asked about the item; others do not count.
        people_decided: (n,) whether they reached a decision.
        judge_decided: (n,) whether the judge did.

    >>> table = abstention_table([1, 1, 1], [1, 1, 0], [1, 0, 0])
    >>> table.both, table.people_only, table.neither, table.coverage_of_decided
    (1, 1, 1, 0.5)
    """
    there, people, judge = (np.asarray(v, dtype=bool) for v in (asked, people_decided, judge_decided))
    cells = (people & judge, ~people & judge, people & ~judge, ~people & ~judge)
    both, judge_only, people_only, neither = (int((there & cell).sum()) for cell in cells)
    annotated = both + judge_only + people_only + neither
    return AbstentionTable(
        both=both,
        judge_only=judge_only,
        people_only=people_only,
        neither=neither,
        annotated=annotated,
        coverage=_share(both + judge_only, annotated),
        coverage_of_decided=_share(both, both + people_only),
        abstains_where_people_do=_share(neither, judge_only + neither),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def common_items(scores: Mapping[str, ArrayLike]) -> Bools:
    """(n,) whether every judge scored the item, so that their figures can be compared.

    >>> common_items({"a": [1.0, float("nan")], "b": [0.0, 1.0]}).tolist()
    [True, False]
    """
    return np.asarray(
        np.isfinite(np.stack([np.asarray(s, dtype=float) for s in scores.values()])).all(axis=0)
    )


@dataclass(frozen=True, slots=True)
class RiskCoveragePoint(Displayed):
    """What is left when the judge answers only above a confidence."""

    threshold: float
    """Answers at or above this confidence are kept."""
    coverage: float
    """Share of the annotated items that are kept."""
    risk: float | None
    """Share of errors among the kept items that people decided; None when there is none."""
    covered: int
    """Items kept."""
    evaluated: int
    """Items kept that people decided."""


@dataclass(frozen=True, slots=True, repr=False)
class RiskCoverage(Displayed):
    """A judge's risk-coverage curve."""

    points: tuple[RiskCoveragePoint, ...]
    """By rising threshold."""
    aurc: Estimate
    """Area under the curve: mean risk as items are added in order of confidence; 0 is perfect, and a judge
    whose confidence says nothing gets `risk`."""
    risk: Estimate
    """Share of errors when every answer is kept."""


def risk_coverage(
    confidence: ArrayLike,
    decision: ArrayLike,
    truth: ArrayLike,
    *,
    asked: ArrayLike | None = None,
    thresholds: Iterable[float] | None = None,
    clusters: Replicates | None = None,
) -> RiskCoverage:
    """Return risk against coverage as the judge keeps only its more confident answers.

    Args:
        confidence: (n,) any range, higher is surer; NaN = none given (the answer is not kept).
        decision: (n,) the judge's decisions 1 / 0; NaN = abstained.
        truth: (n,) people's decisions 1 / 0; NaN = undecided.
        asked: (n,) items that count for coverage; by default all n.
        thresholds: Where to cut; by default at every distinct confidence, thinned out to 200.
        clusters: The prompts of the n items, for the intervals; None gives none.

    >>> risk_coverage([0.9, 0.6], [1, 1], [1, 0]).aurc.value
    0.25
    """
    sure, said, people = (np.asarray(v, dtype=float) for v in (confidence, decision, truth))
    there = np.ones(len(sure), dtype=bool) if asked is None else np.asarray(asked, dtype=bool)
    kept = there & np.isfinite(said) & np.isfinite(sure)
    judged = kept & np.isfinite(people)
    wrong = judged & (said != people)
    cuts = _cuts(sure[kept]) if thresholds is None else np.array(sorted(thresholds), dtype=float)
    total = max(1, int(there.sum()))
    points = []
    for cut in cuts:
        above = kept & (np.nan_to_num(sure, nan=-np.inf) >= cut)
        evaluated = int((above & judged).sum())
        risk = int((above & wrong).sum()) / evaluated if evaluated else None
        points.append(
            RiskCoveragePoint(float(cut), int(above.sum()) / total, risk, int(above.sum()), evaluated)
        )
    weights = np.ones((int(judged.sum()), 1))
    kept_out = (clusters or Replicates.of(np.zeros(len(sure)))).take(judged)
    errors, order = wrong[judged].astype(float), sure[judged]
    coverage = int(judged.sum()) / total
    reason = Reason("no_confident_decision")

    def figure(statistic: Any) -> Estimate:
        value = float(statistic(weights)[0])
        return from_replicates(
            value,
            kept_out.map(statistic),
            kept_out,
            n=len(errors),
            scale="share",
            coverage=coverage,
            reason=reason,
        )

    return RiskCoverage(
        points=tuple(points),
        aurc=figure(lambda w: aurc(order, errors, w)),
        risk=figure(lambda w: ratio(errors @ w, w.sum(axis=0))),
    )


def _cuts(confidence: Floats) -> Floats:
    """Return the distinct confidences, evenly thinned out to at most `MAX_POINTS`."""
    distinct = np.unique(confidence)
    if len(distinct) <= MAX_POINTS:
        return distinct
    return np.asarray(distinct[np.linspace(0, len(distinct) - 1, MAX_POINTS).round().astype(int)])


def aurc(confidence: Floats, errors: Floats, weights: Floats | None = None) -> Floats:
    """Return the mean of the risks of the 1, 2, …, n most confident answers (Geifman & El-Yaniv 2017).

    Equal confidences are averaged over all their orders.

    Args:
        confidence: (n,) higher is surer.
        errors: (n,) 1 = wrong, 0 = right.
        weights: (n, B) how often each draw holds each answer; default once.

    Returns:
        (B,) areas; NaN for a draw without answers.

    >>> aurc(np.array([0.9, 0.8, 0.7]), np.array([0.0, 1.0, 0.0])).round(4).tolist()
    [0.2778]
    """
    from scipy.special import digamma

    weights = np.ones((len(errors), 1)) if weights is None else weights
    groups = one_hot(dense_codes(-confidence))
    counts, wrong = (np.asarray(groups @ w) for w in (weights, weights * errors[:, None]))
    share = np.nan_to_num(ratio(wrong, counts))
    above = np.cumsum(counts, axis=0) - counts
    wrong_above = np.cumsum(wrong, axis=0) - wrong
    # Sum over i = 1..m of (wrong_above + i * share) / (above + i), a group of m equal confidences.
    harmonic = digamma(above + counts + 1) - digamma(above + 1)
    area = (share * counts + (wrong_above - share * above) * harmonic).sum(axis=0)
    return ratio(area, counts.sum(axis=0))
