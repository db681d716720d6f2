"""The parts of a comparison on abstention, calibration, overlap of errors and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis._scope import NO_DECISIONS, NO_PEOPLE, Scope, given
from genspace.analysis.abstention import abstention_table, common_items, risk_coverage
from genspace.analysis.calibration import METHODS, Method, cross_fit, reliability_diagram
from genspace.analysis.correlation import score_tie
from genspace.analysis.errors import error_overlap, pareto_front
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.question import JudgeScores
from genspace.analysis.reasons import Reason
from genspace.analysis.result import (
    Abstention,
    Calibration,
    JudgeResult,
    Overlap,
    OverlapPair,
    RiskCoverageOf,
)


def with_decision_parts(
    scope: Scope, judge: JudgeScores, found: JudgeResult, *, own_labels: bool
) -> JudgeResult:
    """Add what a judge decides, covers and knows of its own errors.

    Args:
        scope: The study.
        judge: The judge on the rated units, deciding by its labels or a cross-fitted threshold.
        found: The rest of its part, with its primary figure on all items that it scored.
        own_labels: Whether those are its own labels.
    """
    reason, truth = _undecided(scope), scope.rated.people.decision
    fitted: dict[Method, Floats] = {}
    as_given = None
    if reason is None:
        for method in METHODS:
            fitted[method] = cross_fit(
                judge.oriented, truth, scope.rated.prompt, method=method, seed=scope.seed
            )
        known = judge.score[np.isfinite(judge.score)]
        if len(known) and judge.direction > 0 and known.min() >= 0 and known.max() <= 1:
            as_given = reliability_diagram(judge.score, truth, clusters=scope.replicates)
    diagrams = {m: reliability_diagram(p, truth, clusters=scope.replicates) for m, p in fitted.items()}
    nothing = np.full(len(judge.score), np.nan)
    said = np.isfinite(judge.passed).any()
    return replace(
        found,
        decisions=("labels" if own_labels else "cross-fitted threshold") if said else None,
        abstention=_abstention(scope, judge, found.item[scope.primary.figure]),
        calibration=Calibration(
            reason=reason,
            as_given=as_given,
            isotonic=diagrams.get("isotonic"),
            logistic=diagrams.get("logistic"),
        ),
        risk_coverage=_risk_coverage(scope, judge, fitted.get("isotonic", nothing), reason),
    )


def _undecided(scope: Scope) -> Reason | None:
    """Return why people have no decisions in this study, if so."""
    if not np.isfinite(scope.rated.people.mean).any():
        return NO_PEOPLE
    if scope.rated.of_pairs:
        return Reason("people_compared_pairs")
    return None if scope.rated.people.decides else NO_DECISIONS


def _abstention(scope: Scope, judge: JudgeScores, primary: Estimate) -> Abstention:
    people, figure = scope.rated.people, scope.figure
    table = abstention_table(people.asked, people.decided, judge.status == "decided")
    target = scope.target(figure)
    mine = np.isfinite(target) & np.isfinite(given(judge, figure))
    others = {n: given(j, figure) for n, j in scope.rated.judges.items() if not j.derived}
    common = mine & common_items(others)
    on_common, tied = primary, primary
    if (common != mine).any():
        on_common = scope.agreement(judge, np.where(common, target, np.nan))[0]
    if (mine != np.isfinite(target)).any():
        tied = penalised_estimate(scope, judge)[0]
    return Abstention(table=table, penalised=tied, common_items=on_common)


def penalised_estimate(scope: Scope, judge: JudgeScores) -> tuple[Estimate, Floats]:
    """Return the primary figure of a rated judge, each abstention tied with everything, and its replicates."""
    figure = scope.figure
    nothing = np.full(scope.replicates.draws, np.nan)
    obstacle = scope.obstacle(figure)
    if obstacle is not None:
        return Estimate.undefined(obstacle), nothing
    penalised = figure.penalised
    if penalised is None:
        return Estimate.undefined(Reason("no_penalised_form", name=figure.key)), nothing
    target = scope.target(figure)
    there = np.isfinite(target)
    if not there.any():
        return Estimate.undefined(Reason("no_decided_item")), nothing
    y, x = target[there], given(judge, figure)[there]
    tie = score_tie(x[np.isfinite(x)])
    clusters = scope.replicates.take(there)
    statistic = penalised if np.isnan(x).any() else figure.statistic  # the same where nothing is left unsaid
    values = statistic(scope.left_out(y, clusters), x, tie)
    value, replicated = float(values[0]), values[1:]
    found = from_replicates(
        value,
        replicated,
        clusters,
        n=len(y),
        scale=figure.scale,
        support=Support.of(figure, y, clusters),
        least=figure.least_prompts,
        confidence=scope.confidence,
        coverage=float(np.isfinite(x).mean()),
        reason=Reason("tells_nothing_apart"),
    )
    return found, replicated


def _risk_coverage(
    scope: Scope, judge: JudgeScores, probability: Floats, reason: Reason | None
) -> RiskCoverageOf:
    """Return the risk-coverage curve by the judge's own confidence, else by its calibrated score."""
    stated = bool(np.isfinite(judge.confidence).any())
    confidence = judge.confidence if stated else np.abs(probability - 0.5) + 0.5
    if reason is None and not np.isfinite(confidence).any():
        reason = Reason("no_confidence")
    curve = risk_coverage(
        confidence if reason is None else np.full(len(confidence), np.nan),
        judge.passed,
        scope.rated.people.decision,
        clusters=scope.replicates,
    )
    return RiskCoverageOf(
        confidence=("stated" if stated else "calibrated score") if reason is None else None,
        reason=reason,
        points=curve.points,
        aurc=curve.aurc,
        risk=curve.risk,
    )


def overlap_section(scope: Scope, ranked: list[str]) -> Overlap:
    """Return for each pair of judges whether they err together, and what choosing between them could gain.

    Errors are wrong decisions where people decide, else distances of calibrated scores to the mean rating, both
    on a scale from 0 to 1.
    """
    people = scope.rated.people
    if not np.isfinite(people.mean).any() or people.scale is None or people.scale[0] == people.scale[1]:
        reason = NO_PEOPLE if people.scale is None else Reason("all_equal", name="ratings")
        return Overlap(scale=None, reason=reason, pairs=())
    if scope.rated.of_pairs:
        truth = preferred(people.mean - 0.5)
        truth[truth == 0.5] = np.nan
        said = {name: preferred(scope.rated.judges[name].preference) for name in ranked}
    elif people.decides:
        truth = people.decision
        said = {name: scope.rated.judges[name].passed for name in ranked}
    else:
        truth = people.on_unit_scale
        said = {
            name: cross_fit(scope.rated.judges[name].oriented, truth, scope.rated.prompt, seed=scope.seed)
            for name in ranked
        }
    pairs = tuple(
        OverlapPair(
            judges=(a, b),
            overlap=error_overlap(
                said[a], said[b], truth, scope.rated.prompt, clusters=scope.replicates, seed=scope.seed
            ),
        )
        for a, b in combinations(ranked, 2)
    )
    decided = people.decides or scope.rated.of_pairs
    scale: Literal["decisions", "ratings, 0 to 1"] = "decisions" if decided else "ratings, 0 to 1"
    return Overlap(scale=scale, reason=None, pairs=pairs)


def preferred(lean: Floats) -> Floats:
    """(n,) 1 where the first item of a pair is preferred, 0 for the second, 1/2 for neither; NaN = none."""
    tie = score_tie(lean[np.isfinite(lean)])
    return np.where(np.abs(lean) <= tie, 0.5, (lean > 0) + np.where(np.isnan(lean), np.nan, 0.0))


def cost_fronts(
    judges: Mapping[str, JudgeResult], figure: str, ranked: list[str]
) -> dict[str, tuple[str, ...]]:
    """Return, for each kind of cost that is known, the judges that none beats in both cost and agreement."""
    value = np.array([judges[name].item[figure].value for name in ranked], dtype=float)
    fronts = {}
    for kind in ("seconds", "tokens", "usd"):
        cost = np.array([getattr(judges[name].cost, kind) for name in ranked], dtype=float)
        if np.isfinite(cost).any():
            front = pareto_front(cost, value)
            fronts[kind] = tuple(name for name, on_front in zip(ranked, front, strict=True) if on_front)
    return fronts
