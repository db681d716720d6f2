"""One judge's part of a comparison: every figure against the people, with its interval or a reason."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._decision_section import DecisionParts, decision_parts
from genspace.analysis._estimate import Estimate
from genspace.analysis._people_section import leave_one_out
from genspace.analysis._scope import NO_PEOPLE, Scope, figure_table
from genspace.analysis.correlation import Grouped, by_group, score_tie, why_undefined
from genspace.analysis.figures import FIGURES, SYSTEMS
from genspace.analysis.pairwise import (
    TooManyPairsError,
    best_tie_width,
    calibrated_widths,
    folds_by_prompt,
    pairs_within,
    resampled_share,
)
from genspace.analysis.preference import preference_section
from genspace.analysis.question import JudgeScores
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, estimate, ratio, stream
from genspace.analysis.result import Cost, Coverage, JudgeResult, Matched, PValues, Ties, TieShares
from genspace.analysis.system import (
    MIN_GENERATORS,
    SYSTEM_FIGURES,
    soft_pairwise_accuracy,
    system_draws,
    system_scores,
)

__all__ = ["baselines", "judge_section"]

Floats = NDArray[np.float64]

RATING_FIGURES = [row for row in FIGURES.values() if row.target == "rating"]
DECISION_FIGURES = [row for row in FIGURES.values() if row.target == "decision"]
GROUPED_FIGURES = [row for row in FIGURES.values() if row.within]


def judge_section(scope: Scope, judge: JudgeScores) -> JudgeResult:
    """Return everything about one judge."""
    rated = scope.on_rated(judge)
    ranked = judge.kind != "baseline" and not judge.derived
    item = _item(scope, rated)
    parts = DecisionParts()
    if ranked:
        parts = decision_parts(scope, rated, item[scope.primary.figure], own_labels=judge.has_labels)
    return JudgeResult(
        kind="derived" if judge.derived else judge.kind,
        rank=None,
        group=None,
        direction="higher is better" if judge.direction > 0 else "lower is better",
        variant=judge.variant,
        coverage=_coverage(scope, judge, rated),
        mean_score=scope.mean_score(judge),
        item=item,
        within_prompt=_within_prompt(scope, rated),
        within_generator=_within_generator(scope, rated),
        system=_system(scope, rated),
        preference=preference_section(scope, rated),
        ties=_ties(scope, rated),
        matched=_matched(scope, rated) if ranked else None,
        decisions=parts.decisions,
        abstention=parts.abstention,
        calibration=parts.calibration,
        risk_coverage=parts.risk_coverage,
        cost=_cost(judge),
        p_values=_p_values(scope, rated),
    )


def baselines(scope: Scope) -> list[JudgeScores]:
    """Return what any judge should beat: always yes, and knowing the prompt but not the image."""
    n = len(scope.study)
    mean = scope.study.people.mean
    known = np.isfinite(mean)
    prompts = int(scope.study.prompt.max(initial=-1)) + 1
    total = np.bincount(scope.study.prompt[known], mean[known], minlength=prompts)
    count = np.bincount(scope.study.prompt[known], minlength=prompts)
    others = count[scope.study.prompt] - known
    prompt_mean = np.full(n, np.nan)
    rest = total[scope.study.prompt] - np.where(known, mean, 0.0)
    np.divide(rest, others, out=prompt_mean, where=others > 0)
    return [
        _made("baseline: constant", np.where(known, 0.0, np.nan), np.where(known, 1.0, np.nan)),
        _made("baseline: prompt mean", prompt_mean, np.full(n, np.nan)),
    ]


def _made(name: str, score: Floats, passed: Floats) -> JudgeScores:
    nothing = np.full(len(score), np.nan)
    return JudgeScores(
        name=name,
        kind="baseline",
        score=score,
        passed=passed,
        status=np.where(np.isfinite(score), "decided", "missing"),
        confidence=nothing,
        seconds=nothing,
        tokens=nothing,
        cost_usd=nothing,
    )


def _coverage(scope: Scope, judge: JudgeScores, rated: JudgeScores) -> Coverage:
    """Count what the judge decided among the units people were asked about, and among those they decided."""
    decided, abstained, failed, missing = (
        int((rated.status == status).sum()) for status in ("decided", "abstained", "failed", "missing")
    )
    by_people = scope.rated.people.decided
    both = int((by_people & (rated.status == "decided")).sum())
    return Coverage(
        items=len(scope.study),
        scored=int((judge.status == "decided").sum()),
        annotated=scope.annotated,
        decided_by_people=int(by_people.sum()),
        decided_by_both=both,
        decided=decided,
        abstained=abstained,
        failed=failed,
        missing=missing,
        value=decided / scope.annotated if scope.annotated else None,
        of_decided_by_people=both / int(by_people.sum()) if by_people.any() else None,
    )


def _item(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return every figure over all items together."""
    people = scope.rated.people
    found = scope.figures(RATING_FIGURES, people.mean, judge.oriented, judge.passed)
    found |= scope.figures(DECISION_FIGURES, people.decision, judge.oriented, judge.passed)
    result = {name: pair[0] for name, pair in found.items()}
    result |= _calibrated_ties(scope, judge)
    return result


def _both(scope: Scope, judge: JudgeScores) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return ratings and oriented scores of the units that have both, and which units these are."""
    mean, score = scope.rated.people.mean, judge.oriented
    both = np.isfinite(mean) & np.isfinite(score)
    return mean[both], score[both], both


def _calibrated_ties(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return pairwise accuracy with a tie width chosen on other prompts, and as WMT chooses it."""
    names = ("pairwise_tie_calibrated", "pairwise_tie_calibrated_in_sample")
    y, x, both = _both(scope, judge)
    n = len(y)
    coverage = n / scope.annotated if scope.annotated else None
    if n < 2:
        reason = NO_PEOPLE if not np.isfinite(scope.rated.people.mean).any() else why_undefined(y, x)
        return {name: Estimate.undefined(reason, n=n, coverage=coverage) for name in names}
    prompts = scope.draws.take(both)
    fold = folds_by_prompt(prompts.of_item, stream(scope.seed, "tie folds"))
    try:
        pairs, everything = pairs_within(y, x, fold), pairs_within(y, x)
    except TooManyPairsError as error:
        return {name: Estimate.undefined(error.reason, n=n, coverage=coverage) for name in names}
    widths = calibrated_widths(pairs, np.arange(pairs.groups))
    kept = np.isfinite(widths)
    in_sample = best_tie_width(everything)
    assert in_sample is not None  # two items make a pair
    in_sample_estimate = estimate(
        in_sample.accuracy,
        n=n,
        coverage=coverage,
        no_interval=Reason("in_sample"),
    )
    if not kept.any():
        return dict(
            zip(names, (Estimate.undefined(Reason("single_prompt"), n=n), in_sample_estimate), strict=True)
        )
    pairs, widths = pairs.take(kept), widths[kept]
    right = pairs.right(tie=widths)
    no_interval = scope.no_interval(prompts)
    draws = None if no_interval else resampled_share(pairs, right, prompts.of_item, prompts.counts)
    cross_fitted = estimate(
        float(right.mean()),
        draws,
        n=n,
        coverage=coverage,
        confidence=scope.confidence,
        no_interval=no_interval,
    )
    return dict(zip(names, (cross_fitted, in_sample_estimate), strict=True))


def _within_prompt(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return figures inside each prompt: correlations averaged over prompts, shares of pairs over all pairs."""
    y, x, both = _both(scope, judge)
    coverage = len(y) / scope.annotated if scope.annotated else None
    names = (*(row.key for row in GROUPED_FIGURES), "pairwise_tie_calibrated")
    if not len(y):
        reason = NO_PEOPLE if not np.isfinite(scope.rated.people.mean).any() else why_undefined(y, x)
        return {name: Estimate.undefined(reason, coverage=coverage) for name in names}
    draws = scope.draws.take(both)
    prompts, member = np.unique(draws.of_item, return_inverse=True)
    once, drawn = np.ones((len(prompts), 1)), draws.counts[prompts].astype(float)
    inside, sizes = by_group(y, member)
    tie = score_tie(x)
    values: dict[str, tuple[float, Floats, int]] = {}
    for row in GROUPED_FIGURES:
        if row.share is not None:
            counts = inside.concordance(x, tie)
            n = int(np.isfinite(row.share(counts)).sum())
            values[row.key] = (row.share(counts.pooled(once))[0], row.share(counts.pooled(drawn)), n)
        else:
            group = Grouped(inside.statistic(row, x, tie), sizes)
            values[row.key] = (group.mean()[0], group.mean(drawn), int(group.defined.sum()))
    pairs = pairs_within(y, x, member)
    fold = folds_by_prompt(np.arange(len(prompts)), stream(scope.seed, "tie folds"))
    group = pairs.counts(tie=np.nan_to_num(calibrated_widths(pairs, fold))).accuracy
    values["pairwise_tie_calibrated"] = (group.mean()[0], group.mean(drawn), int(group.defined.sum()))
    return {
        name: estimate(
            value,
            drawn_values,
            n=n,
            reason=Reason("no_prompt_separated"),
            confidence=scope.confidence,
            coverage=coverage,
            no_interval=scope.no_interval(draws),
        )
        for name, (value, drawn_values, n) in values.items()
    }


def _within_generator(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return figures taken inside each generator and averaged over the generators where they are defined."""
    y, x, both = _both(scope, judge)
    generator = scope.rated.generator[both]
    present = np.unique(generator[generator >= 0])
    coverage = len(y) / scope.annotated if scope.annotated else None
    if not len(present) or not len(y):
        reason = Reason("no_generators") if len(y) else NO_PEOPLE
        return {row.key: Estimate.undefined(reason, coverage=coverage) for row in GROUPED_FIGURES}
    draws = scope.draws.take(both)
    no_interval = scope.no_interval(draws)
    points, tables = [], []
    for g in present:
        rows = generator == g
        part = draws.take(rows)
        points.append(figure_table(GROUPED_FIGURES, y[rows], x[rows], np.ones((int(rows.sum()), 1)))[:, 0])
        if not no_interval:
            tables.append(part.map(partial(figure_table, GROUPED_FIGURES, y[rows], x[rows])))
    result = {}
    for i, row in enumerate(GROUPED_FIGURES):
        values = np.array([p[i] for p in points])
        defined = np.isfinite(values)
        result[row.key] = estimate(
            float(values[defined].mean()) if defined.any() else float("nan"),
            np.mean([t[i] for t, d in zip(tables, defined, strict=True) if d], axis=0)
            if tables and defined.any()
            else None,
            n=int(defined.sum()),
            reason=Reason("no_generator_separated"),
            confidence=scope.confidence,
            coverage=coverage,
            no_interval=no_interval,
        )
    return result


def _system(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return how the judge orders the generators."""
    y, x, both = _both(scope, judge)
    named = scope.rated.generator[both] >= 0
    y, x = y[named], x[named]
    present, generator = np.unique(scope.rated.generator[both][named], return_inverse=True)
    g = len(present)
    coverage = len(y) / scope.annotated if scope.annotated else None
    if g < 2:
        rated = np.isfinite(scope.rated.people.mean).any()
        reason = Reason("too_few_generators", n=g) if rated else NO_PEOPLE
        return {name: Estimate.undefined(reason, n=g, coverage=coverage) for name in SYSTEMS}
    draws = scope.draws.take(both).take(named)
    point = system_scores(y, x, generator, PromptDraws.point(draws.of_item))
    resampled = system_draws(system_scores(y, x, generator, draws), scope.seed)
    no_interval = scope.no_interval(draws)
    result = {}
    for name, figure in SYSTEM_FIGURES.items():
        value = float(figure(point)[0])
        result[name] = estimate(
            value,
            None if no_interval else figure(resampled),
            n=g,
            reason=Reason("equal_generators"),
            confidence=scope.confidence,
            coverage=coverage,
            no_interval=no_interval,
        )
    soft = soft_pairwise_accuracy(
        *_by_prompt(y, x, generator, draws), rng=stream(scope.seed, "soft pairwise accuracy")
    )
    result["soft_pairwise_accuracy"] = estimate(
        soft,
        n=g,
        coverage=coverage,
        reason=Reason("no_shared_prompt"),
        no_interval=Reason("few_generators" if g < MIN_GENERATORS else "already_resampled"),
    )
    return result


def _by_prompt(
    y: Floats, x: Floats, generator: NDArray[np.int64], draws: PromptDraws
) -> tuple[Floats, Floats]:
    """(G, P) mean rating and mean score of each generator on each prompt."""
    shape = (int(generator.max()) + 1, draws.prompts)
    cell = generator * shape[1] + draws.of_item
    count = np.bincount(cell, minlength=shape[0] * shape[1]).astype(float)
    tables = []
    for values in (y, x):
        mean = np.full(len(count), np.nan)
        np.divide(np.bincount(cell, values, minlength=len(count)), count, out=mean, where=count > 0)
        tables.append(mean.reshape(shape))
    return tables[0], tables[1]


def _ties(scope: Scope, judge: JudgeScores) -> Ties:
    """Return the shares of pairs that people and judge tie, over all pairs and within prompts."""
    y, x, both = _both(scope, judge)
    prompts = scope.draws.of_item[both]
    everywhere, within = _tied(y, x, np.zeros(len(y))), _tied(y, x, prompts)
    return Ties(
        human=everywhere.human,
        metric=everywhere.metric,
        metric_of_separated=everywhere.metric_of_separated,
        within_prompt=within,
    )


def _tied(y: Floats, x: Floats, groups: NDArray[Any]) -> TieShares:
    """Return the shares of the pairs inside groups that people and judge tie; None without pairs."""
    inside, sizes = by_group(y, groups)
    pairs = inside.concordance(x, score_tie(x)).pooled(np.ones((len(sizes), 1)))
    human, metric, of_separated = (
        float(share[0]) if np.isfinite(share[0]) else None
        for share in (
            ratio(pairs.ties_y, pairs.pairs),
            ratio(pairs.ties_x, pairs.pairs),
            ratio(pairs.ties_x - pairs.ties_both, pairs.pairs - pairs.ties_y),
        )
    )
    return TieShares(human=human, metric=metric, metric_of_separated=of_separated)


def _matched(scope: Scope, judge: JudgeScores) -> Matched:
    """Return judge and single human against the same rest of the raters, and their paired difference."""
    people, figure = scope.rated.people, scope.figure
    if len(people.raters) < 2:
        nothing = Estimate.undefined(Reason("one_rater") if len(people.raters) == 1 else NO_PEOPLE)
        return Matched(judge=nothing, human=nothing, difference=nothing)
    rows = []
    for rater in range(len(people.raters)):
        own, rest = people.ratings[:, rater], leave_one_out(people.ratings, rater)
        both = np.isfinite(own) & np.isfinite(judge.oriented)
        target = np.where(both, people.decide(rest) if figure.target == "decision" else rest, np.nan)
        human = scope.figures([figure], target, own, people.decide(own))[figure.key]
        mine = scope.agreement(judge, target)
        if human[0].value is not None and mine[0].value is not None:
            rows.append((mine, human))
    if not rows:
        nothing = Estimate.undefined(scope.obstacle(figure) or Reason("undefined_against_rest"))
        return Matched(judge=nothing, human=nothing, difference=nothing)
    n = round(float(np.mean([mine[0].n for mine, _ in rows])))
    values = np.array([[mine[0].value, human[0].value] for mine, human in rows], dtype=float).mean(axis=0)
    draws = [np.mean([row[i][1] for row in rows], axis=0) for i in (0, 1)]
    no_interval = scope.no_interval(scope.draws)
    of_judge, of_human, difference = (
        estimate(value, drawn, n=n, confidence=scope.confidence, no_interval=no_interval)
        for value, drawn in (
            (values[0], draws[0]),
            (values[1], draws[1]),
            (values[0] - values[1], draws[0] - draws[1]),
        )
    )
    return Matched(judge=of_judge, human=of_human, difference=difference)


def _cost(judge: JudgeScores) -> Cost:
    """Return mean seconds, tokens and USD per item; None where unknown."""
    seconds, tokens, usd = (
        float(np.nanmean(values)) if np.isfinite(values).any() else None
        for values in (judge.seconds, judge.tokens, judge.cost_usd)
    )
    return Cost(seconds=seconds, tokens=tokens, usd=usd)


def _p_values(scope: Scope, judge: JudgeScores) -> PValues:
    """Return SciPy's two-sided p-values of no association, which assume independent items."""
    from scipy.stats import kendalltau, pearsonr, spearmanr

    y, x, _ = _both(scope, judge)
    if len(y) < 3 or not np.ptp(y) or not np.ptp(x):
        return PValues(pearson=None, spearman=None, kendall_tau_b=None)
    pearson, spearman, kendall = (float(test(x, y).pvalue) for test in (pearsonr, spearmanr, kendalltau))
    return PValues(pearson=pearson, spearman=spearman, kendall_tau_b=kendall)
