"""One judge's part of a comparison: every figure against the people, with its interval or a reason.

Longer than 400 lines: it is a list of small figures, one after another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis._decision_section import with_decision_parts
from genspace.analysis._estimate import Estimate
from genspace.analysis._people_section import matched_with
from genspace.analysis._scope import NO_PEOPLE, Scope, figure_table, target_of
from genspace.analysis.correlation import (
    Grouped,
    WithinGroups,
    by_group,
    score_tie,
    why_undefined,
    within_groups,
)
from genspace.analysis.figures import FIGURES, SYSTEMS, TIE_CALIBRATED_PAIRS
from genspace.analysis.inference.intervals import Scale, Support, from_replicates
from genspace.analysis.pairwise import (
    Pairs,
    best_tie_width,
    calibrated_widths,
    pairs_within,
    right_pairs,
    right_without,
)
from genspace.analysis.question import JudgeScores
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, estimate, ratio, stream
from genspace.analysis.result import Cost, Coverage, JudgeResult, PValues, Ties, TieShares
from genspace.analysis.significance import no_association
from genspace.analysis.system import (
    MIN_GENERATORS,
    SYSTEM_FIGURES,
    soft_pairwise_accuracy,
    system_draws,
    system_scores,
)

RATING_FIGURES = [row for row in FIGURES.values() if row.target == "rating"]
DECISION_FIGURES = [row for row in FIGURES.values() if row.target == "decision"]
PREFERENCE_FIGURES = [row for row in FIGURES.values() if row.target == "preference"]
GROUPED_FIGURES = [row for row in FIGURES.values() if row.within]


def judge_section(scope: Scope, judge: JudgeScores) -> JudgeResult:
    """Return everything about one judge."""
    rated = scope.on_rated(judge)
    ranked = judge.kind != "baseline" and not judge.derived
    found = JudgeResult(
        kind="derived" if judge.derived else judge.kind,
        rank=None,
        group=None,
        direction="higher is better" if judge.direction > 0 else "lower is better",
        variant=judge.variant,
        coverage=coverage_of(scope, judge, rated),
        mean_score=scope.mean_score(judge),
        item=_item(scope, rated),
        within_prompt=_within_prompt(scope, rated),
        within_generator=_within_generator(scope, rated),
        system=_system(scope, rated),
        ties=_ties(scope, rated),
        matched=matched_with(scope, rated) if ranked else None,
        decisions=None,
        abstention=None,
        calibration=None,
        risk_coverage=None,
        cost=cost_of(judge),
        p_values=_p_values(scope, rated),
    )
    return with_decision_parts(scope, rated, found, own_labels=judge.has_labels) if ranked else found


def baselines(scope: Scope) -> list[JudgeScores]:
    """Return what any judge should beat: the same answer always, and knowing the prompt but not the image.

    The second scores half of each prompt's items by the mean rating of the other half. Leaving only the item itself
    out would push its prompt's mean the other way: the best image of a prompt would get the lowest score.
    """
    from pandas.util import hash_array

    mean = scope.study.people.mean
    nothing, known = np.full(len(mean), np.nan), np.isfinite(mean)
    constant = JudgeScores.bare(
        "baseline: constant", np.where(known, 0.0, np.nan), np.where(known, 1.0, np.nan), "baseline"
    )
    if scope.study.of_pairs:
        return [replace(constant, difference=True)]
    prompt = scope.study.prompt
    order = np.lexsort((hash_array(scope.study.units["item_id"].to_numpy(dtype=object)), prompt))
    order = order[known[order]]
    start = np.searchsorted(prompt[order], prompt[order])
    scored = nothing.copy()
    tells = (np.arange(len(order)) - start) % 2 == 0
    total, count = (
        np.bincount(prompt[order[tells]], v, minlength=int(prompt.max(initial=-1)) + 1)
        for v in (mean[order[tells]], np.ones(int(tells.sum())))
    )
    told = order[~tells]
    scored[told] = total[prompt[told]] / count[prompt[told]]
    return [constant, JudgeScores.bare("baseline: prompt mean", scored, nothing, "baseline")]


def coverage_of(scope: Scope, judge: JudgeScores, rated: JudgeScores) -> Coverage:
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
        value=scope.coverage(decided),
        of_decided_by_people=both / int(by_people.sum()) if by_people.any() else None,
    )


def _item(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return every figure over all units together: of pairs the figures of preferences, of items all others."""
    people = scope.rated.people
    if scope.rated.of_pairs:
        found = scope.figures(PREFERENCE_FIGURES, target_of(people, PREFERENCE_FIGURES[0]), judge)
        return {key: pair[0] for key, pair in found.items()} | _calibrated_pairs(scope, judge)
    found = scope.figures(RATING_FIGURES, people.mean, judge)
    found |= scope.figures(DECISION_FIGURES, people.decision, judge)
    return {key: pair[0] for key, pair in found.items()} | _calibrated_ties(scope, judge)


def _both(scope: Scope, judge: JudgeScores) -> tuple[Floats, Floats, Bools, float | None]:
    """Return ratings and oriented scores of the units that have both, which units these are, and their share."""
    mean, score = scope.rated.people.mean, judge.oriented
    both = np.isfinite(mean) & np.isfinite(score)
    return mean[both], score[both], both, scope.coverage(int(both.sum()))


def _calibrated_ties(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return pairwise accuracy with a tie width chosen on other prompts, and as WMT chooses it."""
    names = ("pairwise_tie_calibrated", "pairwise_tie_calibrated_in_sample")
    y, x, both, coverage = _both(scope, judge)
    n = len(y)
    if n < 2:
        reason = NO_PEOPLE if not np.isfinite(scope.rated.people.mean).any() else why_undefined(y, x)
        return {name: Estimate.undefined(reason, n=n, coverage=coverage) for name in names}
    clusters, fold = scope.replicates.take(both), scope.fold[both]
    in_sample = Estimate(
        _in_sample(scope.pairs(both, x), y, x), n=n, coverage=coverage, reason=Reason("in_sample")
    )
    pairs = scope.pairs(both, x, fold)
    widths = calibrated_widths(pairs, np.arange(pairs.groups))[np.unique(fold, return_inverse=True)[1]]
    kept = np.isfinite(widths)
    if not kept.any():
        return {names[0]: Estimate.undefined(Reason("single_prompt"), n=n), names[1]: in_sample}
    cells = fold, fold * clusters.draws + clusters.of_item
    right, inside = (right_pairs(pairs, y, x, widths, cell)[kept] for cell in cells)
    fold, clusters = fold[kept], clusters.take(kept)
    values = right_without(right, inside, fold, clusters)
    cross_fitted = from_replicates(
        float(values[0]),
        values[1:],
        clusters,
        n=n,
        scale="share",
        coverage=coverage,
        confidence=scope.confidence,
    )
    return {names[0]: cross_fitted, names[1]: in_sample}


def _in_sample(pairs: Pairs, y: Floats, x: Floats) -> float:
    """Return accuracy on all pairs at the width that is best for them, or for a sample where they are many."""
    found = best_tie_width(pairs)
    assert found is not None  # two items make a pair
    if pairs.complete:
        return found.accuracy
    right = right_pairs(pairs, y, x, np.full(len(y), found.width), np.zeros(len(y), dtype=np.int64))
    return float(right.sum() / len(y) / (len(y) - 1))


def _calibrated_pairs(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return how often judge and people say the same of a pair, with a tie width chosen on other prompts."""
    lean, mine = target_of(scope.rated.people, PREFERENCE_FIGURES[0]), judge.preference
    both = np.isfinite(lean) & np.isfinite(mine)
    n = int(both.sum())
    key, coverage = TIE_CALIBRATED_PAIRS.key, scope.coverage(n)
    if not n:
        reason = Reason("no_common_pair") if np.isfinite(lean).any() else NO_PEOPLE
        return {key: Estimate.undefined(reason, coverage=coverage)}
    fold, here = scope.fold[both], np.arange(n)
    pairs = Pairs(here, here, np.sign(lean[both]), mine[both], fold, int(fold.max()) + 1)
    width = calibrated_widths(pairs, np.arange(pairs.groups))[fold]
    known = np.isfinite(width)
    if not known.any():
        return {key: Estimate.undefined(Reason("single_prompt"), n=n, coverage=coverage)}
    right = pairs.right(tie=np.nan_to_num(width))[known].astype(float)
    clusters = scope.replicates.take(both).take(known)
    return {
        key: from_replicates(
            float(right.mean()),
            ratio(clusters.sums(right), clusters.sums(np.ones(len(right)))),
            clusters,
            n=len(right),
            scale="share",
            coverage=coverage,
            confidence=scope.confidence,
        )
    }


def _within_prompt(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return figures inside each prompt: correlations averaged over prompts, shares of pairs over all pairs.

    Prompts in which people tell no items apart drop out for every judge. A judge that tells none apart where people do
    counts there as one that knows nothing, so that any two judges are averaged over the same prompts.
    """
    if scope.rated.of_pairs:
        return {}
    names = (*(row.key for row in GROUPED_FIGURES), "pairwise_tie_calibrated")
    if judge.kind == "baseline":
        return {name: Estimate.undefined(Reason("constant_in_prompts")) for name in names}
    y, x, both, coverage = _both(scope, judge)
    if not len(y):
        reason = NO_PEOPLE if not np.isfinite(scope.rated.people.mean).any() else why_undefined(y, x)
        return {name: Estimate.undefined(reason, coverage=coverage) for name in names}
    inside = within_groups(GROUPED_FIGURES, y, x, scope.rated.prompt[both])
    _, first = np.unique(scope.rated.prompt[both], return_index=True)
    clusters = scope.replicates.take(both).take(first)  # one entry a prompt
    _, prompt = np.unique(scope.rated.prompt[both], return_inverse=True)
    pairs = pairs_within(y, x, prompt, seed=scope.seed)
    width = np.nan_to_num(calibrated_widths(pairs, scope.fold[both][first]))[prompt]
    right = np.bincount(prompt, right_pairs(pairs, y, x, width, np.asarray(prompt, dtype=np.int64)))
    sizes = np.bincount(prompt).astype(float)
    group = Grouped(ratio(np.asarray(right, dtype=float), sizes * (sizes - 1)), sizes)
    values = {key: (found.left_out(clusters), found.n) for key, found in inside.items()}
    calibrated = WithinGroups(group.averaged, int(group.defined.sum()))
    values["pairwise_tie_calibrated"] = calibrated.left_out(clusters), calibrated.n
    scales: dict[str, Scale] = {row.key: row.scale for row in GROUPED_FIGURES}
    return {
        name: from_replicates(
            float(found[0]),
            found[1:],
            clusters,
            n=n,
            scale=scales.get(name, "share"),
            support=Support(most=len(y), at_ends=max(1, n)),
            reason=Reason("no_prompt_separated"),
            confidence=scope.confidence,
            coverage=coverage,
        )
        for name, (found, n) in values.items()
    }


def _within_generator(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return figures taken inside each generator and averaged over the generators where they are defined."""
    y, x, both, coverage = _both(scope, judge)
    generator = scope.rated.generator[both]
    present = np.unique(generator[generator >= 0])
    if not len(present) or not len(y):
        reason = Reason("no_generators") if len(y) else NO_PEOPLE
        return {row.key: Estimate.undefined(reason, coverage=coverage) for row in GROUPED_FIGURES}
    clusters = scope.replicates.take(both)
    tables = []
    for g in present:
        rows = generator == g
        target = scope.left_out(y[rows], clusters.take(rows), int(g))
        tables.append(figure_table(GROUPED_FIGURES, target, x[rows]))
    result = {}
    for i, row in enumerate(GROUPED_FIGURES):
        known = np.array([table[i] for table in tables if np.isfinite(table[i, 0])])
        result[row.key] = from_replicates(
            float(known[:, 0].mean()) if len(known) else float("nan"),
            known[:, 1:].mean(axis=0) if len(known) else None,
            clusters,
            n=len(known),
            scale=row.scale,
            support=Support(most=len(y), at_ends=int(clusters.present.sum())),
            reason=Reason("no_generator_separated"),
            confidence=scope.confidence,
            coverage=coverage,
        )
    return result


def _system(scope: Scope, judge: JudgeScores) -> dict[str, Estimate]:
    """Return how the judge orders the generators."""
    y, x, both, _ = _both(scope, judge)
    named = scope.rated.generator[both] >= 0
    y, x = y[named], x[named]
    coverage = scope.coverage(len(y))
    present, generator = np.unique(scope.rated.generator[both][named], return_inverse=True)
    g = len(present)
    if g < 2:
        rated = np.isfinite(scope.rated.people.mean).any()
        reason = Reason("too_few_generators", n=g) if rated else NO_PEOPLE
        return {name: Estimate.undefined(reason, n=g, coverage=coverage) for name in SYSTEMS}
    draws = scope.draws.take(both).take(named)
    point = system_scores(y, x, generator, PromptDraws.point(draws.of_item))
    resampled = system_draws(system_scores(y, x, generator, draws), scope.seed)
    no_interval = None if draws.prompts > 1 else Reason("single_prompt")
    if draws.draws == 0:
        no_interval = Reason("no_draws")
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


def _by_prompt(y: Floats, x: Floats, generator: Ints, draws: PromptDraws) -> tuple[Floats, Floats]:
    """(G, P) mean rating and mean score of each generator on each prompt."""
    shape = (int(generator.max()) + 1, draws.prompts)
    cell = generator * shape[1] + draws.of_item
    count, sum_y, sum_x = (
        np.bincount(cell, v, minlength=shape[0] * shape[1]).astype(float) for v in (np.ones(len(y)), y, x)
    )
    return ratio(sum_y, count).reshape(shape), ratio(sum_x, count).reshape(shape)


def _ties(scope: Scope, judge: JudgeScores) -> Ties:
    """Return the shares of pairs that people and judge tie, over all pairs and within prompts."""
    if scope.rated.of_pairs:
        everywhere, within = _undecided_pairs(scope, judge), TieShares.unknown()
    else:
        y, x, both, _ = _both(scope, judge)
        everywhere, within = _tied(y, x, np.zeros(len(y))), _tied(y, x, scope.rated.prompt[both])
    return Ties(
        human=everywhere.human,
        metric=everywhere.metric,
        metric_of_separated=everywhere.metric_of_separated,
        within_prompt=within,
    )


def _tied(y: Floats, x: Floats, groups: NDArray[Any]) -> TieShares:
    """Return the shares of the pairs inside groups that people and judge tie; None without pairs."""
    pairs = by_group(y, groups)[0].concordance(x, score_tie(x)).pooled(lambda v: np.asarray([v.sum()]))
    human, metric, of_separated = (
        float(share[0]) if np.isfinite(share[0]) else None
        for share in (
            ratio(pairs.ties_y, pairs.pairs),
            ratio(pairs.ties_x, pairs.pairs),
            ratio(pairs.ties_x - pairs.ties_both, pairs.pairs - pairs.ties_y),
        )
    )
    return TieShares(human=human, metric=metric, metric_of_separated=of_separated)


def _undecided_pairs(scope: Scope, judge: JudgeScores) -> TieShares:
    """Return the shares of pairs of items on which people and judge prefer neither."""
    lean, mine = target_of(scope.rated.people, PREFERENCE_FIGURES[0]), judge.preference
    both = np.isfinite(lean) & np.isfinite(mine)
    if not both.any():
        return TieShares.unknown()
    human, tied = lean[both] == 0, np.abs(mine[both]) <= score_tie(mine[both])
    of_separated = float(tied[~human].mean()) if (~human).any() else None
    return TieShares(human=float(human.mean()), metric=float(tied.mean()), metric_of_separated=of_separated)


def cost_of(judge: JudgeScores) -> Cost:
    """Return mean seconds, tokens and USD per item; None where unknown."""
    seconds, tokens, usd = (
        float(np.nanmean(values)) if np.isfinite(values).any() else None
        for values in (judge.seconds, judge.tokens, judge.cost_usd)
    )
    return Cost(seconds=seconds, tokens=tokens, usd=usd)


def _p_values(scope: Scope, judge: JudgeScores) -> PValues:
    """Return two-sided p-values of no association, which assume independent items."""
    y, x, _, _ = _both(scope, judge)
    if scope.rated.of_pairs or len(y) < 3 or not np.ptp(y) or not np.ptp(x):
        return PValues(pearson=None, spearman=None, kendall_tau_b=None)
    pearson, spearman, kendall = no_association(y, x)
    return PValues(pearson=pearson, spearman=spearman, kendall_tau_b=kendall)
