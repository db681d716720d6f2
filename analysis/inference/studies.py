"""Several studies at once: one figure that means the same in all of them, and its mean over studies like these.

Paule and Mandel 1982 for the variance between studies; Hartung and Knapp 2001 for the interval, never narrower than
the classical one (Röver, Knapp and Friede 2015); Viechtbauer 2007 for the interval of the deviation between studies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import Compared
from genspace.analysis.diff import as_estimate
from genspace.analysis.inference.comparisons import Standing
from genspace.analysis.inference.replicates import StandardError, standard_error
from genspace.analysis.question import Question
from genspace.analysis.reasons import Reason
from genspace.analysis.significance import ALPHA, holm
from genspace.display import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "JudgeAcross",
    "PairAcross",
    "Pooled",
    "Studies",
    "StudiesDocument",
    "across_studies",
    "pooled",
]

FIGURE = "pairwise_half_credit"
"""Graded concordance: of two items that people separate, how often a judge puts the better one higher."""
LEAST_STUDIES = 3
"""With fewer studies nothing is pooled."""
HIGHEST_VARIANCE = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A figure over studies like these."""

    value: float
    low: float
    high: float
    studies: int
    tau: float
    """Standard deviation of the true figure between studies."""
    tau_low: float
    tau_high: float
    p: float
    """Two-sided, of 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeAcross:
    """One judge in every study."""

    by_study: Mapping[str, Estimate]
    pooled: Pooled | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAcross:
    """One judge minus another, on the items of each study that both answered."""

    a: str
    b: str
    by_study: Mapping[str, Estimate]
    pooled: Pooled | None
    p_holm: float | None
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiesDocument:
    """Several studies as JSON holds them."""

    studies: tuple[str, ...]
    figure: str
    confidence: float
    judges: Mapping[str, JudgeAcross]
    pairs: tuple[PairAcross, ...]
    left_out: Mapping[str, Reason]
    """Studies in which the figure does not mean the same."""
    schema: Literal["genspace-studies/1"] = "genspace-studies/1"


@dataclass(frozen=True, eq=False)
class Studies(Result):
    """A finished summary of several studies."""

    document: StudiesDocument

    def __repr__(self) -> str:
        return f"<{len(self.document.judges)} judges in {len(self.document.studies)} studies>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per judge and study: `judge, study, value, low, high, n`; study "" is the mean over all."""
        import pandas as pd

        rows = [
            (name, study, e.value, e.low, e.high, e.n)
            for name, judge in self.document.judges.items()
            for study, e in judge.by_study.items()
        ]
        rows += [
            (name, "", judge.pooled.value, judge.pooled.low, judge.pooled.high, judge.pooled.studies)
            for name, judge in self.document.judges.items()
            if judge.pooled is not None
        ]
        return pd.DataFrame(rows, columns=["judge", "study", "value", "low", "high", "n"])


def across_studies(questions: Mapping[str, Question], options: CompareOptions | None = None) -> Studies:
    """Put several studies beside one another, by a figure that means the same in all of them.

    Args:
        questions: The main question of each study, by the study's name.
        options: Seed and confidence.

    Returns:
        Each judge in each study. From three studies on, the mean over studies like these, with what varies between
        them.

    >>> import pandas as pd
    >>> from genspace.evidence import Evidence
    >>> ids = list("abcdefgh")
    >>> items = pd.DataFrame({"item_id": ids, "prompt_id": ids})
    >>> said = pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": [1, 0] * 4})
    >>> scores = pd.DataFrame({"item_id": ids, "judge": "clip", "score": [0.9, 0.2] * 4})
    >>> question = Question.of(Evidence.from_frames(items=items, annotations=said, scores=scores))
    >>> across_studies({"one": question, "two": question}).to_frame()["value"].tolist()
    [1.0, 1.0]
    """
    options = replace(options or CompareOptions(), primary=FIGURE)
    left_out = {
        name: Reason("people_compared_pairs")
        for name, question in questions.items()
        if question.units.of_pairs
    }
    studies = {n: Compared(Scope.of(q, options)) for n, q in questions.items() if n not in left_out}
    names = dict.fromkeys(
        name
        for compared in studies.values()
        for name, judge in compared.scope.rated.judges.items()
        if not judge.derived
    )
    judges = {name: _judge(name, studies, options.confidence) for name in names}
    return Studies(
        StudiesDocument(
            studies=tuple(studies),
            figure=FIGURE,
            confidence=options.confidence,
            judges={name: judge for name, judge in judges.items() if judge.by_study},
            pairs=_pairs(list(names), studies, options.confidence),
            left_out=left_out,
        )
    )


def _judge(name: str, studies: Mapping[str, Compared], confidence: float) -> JudgeAcross:
    found: dict[str, Estimate] = {}
    known: list[tuple[float, StandardError]] = []
    for study, compared in studies.items():
        scope = compared.scope
        if name not in scope.rated.judges:
            continue
        estimate, replicated = scope.agreement(scope.rated.judges[name], compared.target)
        found[study] = estimate
        error = standard_error(replicated, scope.replicates.take(compared.common(name)).present)
        if estimate.value is not None and error is not None and error.value > 0:
            known.append((estimate.value, error))
    return JudgeAcross(by_study=found, pooled=_pooled(known, confidence))


def _pairs(
    names: Sequence[str], studies: Mapping[str, Compared], confidence: float
) -> tuple[PairAcross, ...]:
    rows = []
    for a, b in combinations(names, 2):
        found: dict[str, Estimate] = {}
        known: list[tuple[float, StandardError]] = []
        for study, compared in studies.items():
            if a not in compared.said or b not in compared.said:
                continue
            d, common = compared.difference(a, b)
            if d.value is None:
                continue
            found[study] = as_estimate(d, int(common.sum()))
            if d.error is not None and d.error.value > 0:
                known.append((d.value, d.error))
        if len(found) > 1:
            rows.append((a, b, found, _pooled(known, confidence)))
    adjusted = holm([np.nan if over is None else over.p for *_, over in rows])
    return tuple(
        PairAcross(
            a=a,
            b=b,
            by_study=found,
            pooled=over,
            p_holm=None if over is None else float(p),
            standing=_said(over, p),
        )
        for (a, b, found, over), p in zip(rows, adjusted, strict=True)
    )


def _said(over: Pooled | None, adjusted: float) -> Standing:
    if over is None:
        return "not compared"
    if adjusted <= ALPHA:
        return "ahead" if over.value > 0 else "behind"
    return "open before correction" if over.p <= ALPHA else "open"


def _pooled(known: Sequence[tuple[float, StandardError]], confidence: float) -> Pooled | None:
    if len(known) < LEAST_STUDIES:
        return None
    return pooled([v for v, _ in known], [e.value for _, e in known], confidence)


def pooled(values: Sequence[float], errors: Sequence[float], confidence: float = 0.95) -> Pooled:
    """Return the mean of a figure over studies like these.

    Args:
        values: (k,) the figure in each study, k at least 2.
        errors: (k,) its standard errors, above 0.
        confidence: Level of both intervals.

    >>> found = pooled([0.60, 0.70, 0.80], [0.05, 0.05, 0.05])
    >>> round(found.value, 3), round(found.tau, 3), found.low < 0.6
    (0.7, 0.087, True)
    """
    from scipy.special import chdtri, stdtr, stdtrit

    d, variance = np.asarray(values, dtype=float), np.square(np.asarray(errors, dtype=float))
    k = len(d)

    def q(tau2: float) -> float:
        weights = 1 / (variance + tau2)
        mean = weights @ d / weights.sum()
        return float(weights @ np.square(d - mean))

    tau2 = _root(q, k - 1)
    weights = 1 / (variance + tau2)
    mean = float(weights @ d / weights.sum())
    scale = max(1.0, q(tau2) / (k - 1))
    error = float(np.sqrt(scale / weights.sum()))
    half = float(stdtrit(k - 1, (1 + confidence) / 2)) * error
    tails = (1 - confidence) / 2
    low, high = (_root(q, float(chdtri(k - 1, p))) for p in (tails, 1 - tails))
    return Pooled(
        value=mean,
        low=mean - half,
        high=mean + half,
        studies=k,
        tau=float(np.sqrt(tau2)),
        tau_low=float(np.sqrt(low)),
        tau_high=float(np.sqrt(high)),
        p=2 * float(stdtr(k - 1, -abs(mean) / error)),
    )


def _root(q: Callable[[float], float], wanted: float) -> float:
    """Return the variance between studies at which the falling function q is as wanted; 0 where it never is."""
    from scipy.optimize import brentq

    if q(0.0) <= wanted:
        return 0.0
    return float(brentq(lambda tau2: q(tau2) - wanted, 0.0, HIGHEST_VARIANCE, xtol=1e-14))
