"""The parts of a comparison on abstention, calibration, overlap of errors and cost."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis._scope import NO_DECISIONS, NO_PEOPLE, Scope
from genspace.analysis.abstention import (
    PENALISED_FIGURES,
    abstention_table,
    common_items,
    penalised,
    risk_coverage,
)
from genspace.analysis.calibration import METHODS, cross_fit, reliability_diagram
from genspace.analysis.decisions import DECISION_FIGURES
from genspace.analysis.errors import error_overlap, pareto_front
from genspace.analysis.question import JudgeScores
from genspace.analysis.resampling import estimate

__all__ = [
    "NO_PARTS",
    "cost_fronts",
    "decision_parts",
    "given",
    "overlap_section",
    "penalised_estimate",
]

Floats = NDArray[np.float64]
OVERLAP_DRAWS = 200
NO_PARTS = dict.fromkeys(("decisions", "abstention", "calibration", "risk_coverage"))
"""What baselines and derived metrics have instead of `decision_parts`."""


def given(judge: JudgeScores, figure: str) -> Floats:
    """(n,) what a figure compares with the people: decisions or scores, higher is better; NaN = none."""
    return judge.passed if figure in DECISION_FIGURES else judge.oriented


def decision_parts(
    scope: Scope, judge: JudgeScores, primary: Estimate, *, own_labels: bool
) -> dict[str, Any]:
    """Return what a judge decides, covers and knows of its own errors.

    Args:
        scope: The study.
        judge: The judge on the rated units, deciding by its labels or a cross-fitted threshold.
        primary: Its primary figure on all items that it scored.
        own_labels: Whether those are its own labels.
    """
    people = scope.rated.people
    source = "labels" if own_labels else "cross-fitted threshold"
    probability = np.full(len(judge.score), np.nan)
    diagrams: dict[str, Any] = dict.fromkeys(("as_given", *METHODS))
    reason = _undecided(scope)
    if reason is None:
        draws = scope.draws
        for method in METHODS:
            fitted = cross_fit(
                judge.oriented,
                people.decision,
                scope.rated.prompt,
                method=method,
                seed=scope.seed,
            )
            diagrams[method] = reliability_diagram(fitted, people.decision, draws=draws).to_json()
            probability = fitted if method == "isotonic" else probability
        known = judge.score[np.isfinite(judge.score)]
        if len(known) and judge.direction > 0 and known.min() >= 0 and known.max() <= 1:
            diagrams["as_given"] = reliability_diagram(judge.score, people.decision, draws=draws).to_json()
    return {
        "decisions": source if np.isfinite(judge.passed).any() else None,
        "abstention": _abstention(scope, judge, primary),
        "calibration": {"reason": reason} | diagrams,
        "risk_coverage": _risk_coverage(scope, judge, probability, reason),
    }


def _undecided(scope: Scope) -> str | None:
    """Return why people have no decisions in this study, if so."""
    if not np.isfinite(scope.rated.people.mean).any():
        return NO_PEOPLE
    return None if scope.rated.people.decides else NO_DECISIONS


def _abstention(scope: Scope, judge: JudgeScores, primary: Estimate) -> dict[str, Any]:
    people, figure = scope.rated.people, scope.primary.figure
    table = abstention_table(people.asked, people.decided, judge.status == "decided")
    target = scope.target(figure)
    mine = np.isfinite(target) & np.isfinite(given(judge, figure))
    others = {n: given(j, figure) for n, j in scope.rated.judges.items() if not j.derived}
    common = mine & common_items(others)
    on_common, tied = primary, primary
    if (common != mine).any():
        target = np.where(common, target, np.nan)
        on_common = scope.figures([figure], target, judge.oriented, judge.passed)[figure][0]
    if (mine != np.isfinite(scope.target(figure))).any():
        tied = penalised_estimate(scope, judge)[0]
    return {"table": table.to_json(), "penalised": tied.to_json(), "common_items": on_common.to_json()}


def penalised_estimate(scope: Scope, judge: JudgeScores) -> tuple[Estimate, Floats]:
    """Return the primary figure of a rated judge, each abstention tied with everything, and its draws."""
    figure = scope.primary.figure
    nothing = np.full(scope.draws.draws, np.nan)
    reason = scope.obstacle(figure)
    if reason is None and figure not in PENALISED_FIGURES:
        reason = f"{scope.primary.label} has no form in which an abstention ties with everything"
    target = scope.target(figure)
    there = np.isfinite(target)
    if reason is not None or not there.any():
        return Estimate.undefined(reason or "no item has an answer that decides"), nothing
    y, x = target[there], given(judge, figure)[there]
    draws = scope.draws.take(there)
    no_interval = scope.no_interval(draws)
    drawn = nothing if no_interval else draws.map(lambda w: penalised(figure, y, x, w))
    found = estimate(
        float(penalised(figure, y, x)[0]),
        drawn,
        n=len(y),
        confidence=scope.confidence,
        coverage=float(np.isfinite(x).mean()),
        reason="the judge tells no two items apart",
        no_interval=no_interval,
    )
    return found, drawn


def _risk_coverage(
    scope: Scope, judge: JudgeScores, probability: Floats, reason: str | None
) -> dict[str, Any]:
    """Return the risk-coverage curve by the judge's own confidence, else by its calibrated score."""
    stated = bool(np.isfinite(judge.confidence).any())
    confidence = judge.confidence if stated else np.abs(probability - 0.5) + 0.5
    if reason is None and not np.isfinite(confidence).any():
        reason = "the judge states no confidence, and none could be fitted to its scores"
    curve = risk_coverage(
        confidence if reason is None else np.full(len(confidence), np.nan),
        judge.passed,
        scope.rated.people.decision,
        draws=scope.draws,
    )
    source = "stated" if stated else "calibrated score"
    return {"confidence": source if reason is None else None, "reason": reason} | curve.to_json()


def overlap_section(scope: Scope, ranked: list[str]) -> dict[str, Any]:
    """Return for each pair of judges whether they err together, and what choosing between them could gain.

    Errors are wrong decisions where people decide, else distances of calibrated scores to the mean rating, both
    on a scale from 0 to 1.
    """
    people = scope.rated.people
    if not np.isfinite(people.mean).any() or people.scale is None or people.scale[0] == people.scale[1]:
        return {
            "scale": None,
            "reason": NO_PEOPLE if people.scale is None else "all ratings are equal",
            "pairs": [],
        }
    if people.decides:
        truth = people.decision
        said = {name: scope.rated.judges[name].passed for name in ranked}
    else:
        low, high = people.scale
        truth = np.clip((people.mean - low) / (high - low), 0, 1)
        said = {
            name: cross_fit(scope.rated.judges[name].oriented, truth, scope.rated.prompt, seed=scope.seed)
            for name in ranked
        }
    draws = replace(scope.draws, counts=scope.draws.counts[:, :OVERLAP_DRAWS])
    pairs = [
        {"judges": [a, b]}
        | error_overlap(said[a], said[b], truth, scope.rated.prompt, draws=draws, seed=scope.seed).to_json()
        for a, b in combinations(ranked, 2)
    ]
    return {"scale": "decisions" if people.decides else "ratings, 0 to 1", "reason": None, "pairs": pairs}


def cost_fronts(judges: dict[str, Any], figure: str, ranked: list[str]) -> dict[str, list[str]]:
    """Return, for each kind of cost that is known, the judges that none beats in both cost and agreement."""
    value = [judges[name]["item"][figure]["value"] for name in ranked]
    fronts = {}
    for kind in ("seconds", "tokens", "usd"):
        cost = np.array([judges[name]["cost"][kind] for name in ranked], dtype=float)
        if np.isfinite(cost).any():
            front = pareto_front(cost, np.array(value, dtype=float))
            fronts[kind] = [name for name, on_front in zip(ranked, front, strict=True) if on_front]
    return fronts
