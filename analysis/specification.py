"""Does a conclusion depend on how it was computed? Every headline conclusion under the other reasonable choices.

A specification is one way to compute agreement: which figure (and what a judge's tie is worth in it), averaged
over what, from which summary of the raters, with abstentions left out or tied. All of them are computed, and a
pair of judges is called separated in one when the interval of their difference over prompts excludes 0. Simonsohn,
Simmons & Nelson 2020, "Specification curve analysis", Nature Human Behaviour 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._decision_section import given
from genspace.analysis._scope import Scope, figure_table
from genspace.analysis._threads import side_by_side
from genspace.analysis.correlation import Grouped, by_group, score_tie
from genspace.analysis.figures import FIGURES, TIE_FORMS, Figure
from genspace.analysis.question import People
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, ratio
from genspace.analysis.result import OptionCount, Specification, SpecificationPair, SpecificationRow

__all__ = ["DIMENSIONS", "specification_section"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Choice = tuple[str, ...]

DIMENSIONS = ("figure", "averaging", "raters", "left_out", "abstention")
"""What can be chosen otherwise, in the order of a specification."""
MAX_DRAWS = 100
"""Draws behind a standard error; a percentile interval would need more."""
CRITICAL = 1.959964
MAX_LEVELS = 11
"""With more distinct ratings there is no most frequent one worth the name."""
NAMED = 3
"""More raters left out than this are counted, not named."""


def specification_section(
    scope: Scope, ranked: list[str], *, everybody: People | None = None, doubtful: tuple[str, ...] = ()
) -> Specification:
    """Return every specification's figures, and which headline conclusions hold under how many of them.

    Args:
        scope: The study.
        ranked: Names of the judges, best first by the primary figure.
        everybody: The people of the rated units with those whom the headline leaves out; half of the specifications
            take them in again.
        doubtful: Where the headline leaves out nobody: raters whom half of the specifications leave out.
    """
    reason = scope.obstacle(scope.figure) or scope.no_interval(scope.draws)
    if len(ranked) < 2:
        reason = reason or Reason("too_few_judges", n=len(ranked), needed=2)
    panels = _panels(scope.rated.people, everybody or scope.rated.people, doubtful)
    headline = (scope.primary.figure, "none", "mean", panels[0][0], "excluded")
    if reason is not None:
        return _document(scope, ranked, {}, headline, reason)
    draws = PromptDraws(scope.draws.counts[:, :MAX_DRAWS], scope.draws.of_item)
    jobs = [
        _Job(scope, draws, name, target, averaging, abstention)
        for target in _targets(scope.rated.people, panels)
        for averaging, abstention in _ways(scope, ranked)
        for name in ranked
    ]
    found: dict[Choice, dict[str, Floats]] = {}
    for job, figures in zip(jobs, side_by_side(_Job.compute, jobs), strict=True):
        for figure, values in figures.items():
            choice = (figure, job.averaging, job.target.raters, job.target.left_out, job.abstention)
            found.setdefault(choice, {})[job.judge] = values
    tables = {choice: _Table.make([values[name] for name in ranked]) for choice, values in found.items()}
    compared = {c: t for c, t in tables.items() if t.defined.sum() > 1}
    return _document(scope, ranked, compared, headline, None)


@dataclass(frozen=True, eq=False)
class _Target:
    """One summary of the raters."""

    raters: str
    left_out: str
    rating: Floats
    decision: Floats


def _panels(people: People, everybody: People, doubtful: tuple[str, ...]) -> list[tuple[str, Floats]]:
    """Return who is left out and the ratings that stay: as in the headline first, then otherwise."""
    excluded = sorted(set(everybody.raters) - set(people.raters))
    if excluded:
        named = ", ".join(excluded) if len(excluded) <= NAMED else f"{len(excluded)} raters"
        return [(named, people.ratings), ("none", everybody.ratings)]
    kept = np.array([r not in doubtful for r in people.raters], dtype=bool)
    whole = [("none", people.ratings)]
    return [*whole, (", ".join(doubtful), people.ratings[:, kept])] if doubtful and kept.any() else whole


def _targets(people: People, panels: list[tuple[str, Floats]]) -> list[_Target]:
    """Return every summary of the raters that differs from those before it."""
    targets: list[_Target] = []
    for left_out, ratings in panels:
        for name, rating in _summaries(people, ratings):
            seen = (t for t in targets if t.left_out == left_out)
            if not any(np.array_equal(t.rating, rating, equal_nan=True) for t in seen):
                targets.append(_Target(name, left_out, rating, people.decide(rating)))
    return targets


def _summaries(people: People, ratings: Floats) -> Iterator[tuple[str, Floats]]:
    """Yield the mean, median, most frequent and rater-centred rating of each item."""
    rated = np.isfinite(ratings).any(axis=1)

    def over(statistic: Callable[..., Floats], table: Floats) -> Floats:
        result = np.full(len(table), np.nan)
        result[rated] = statistic(table[rated], axis=1)
        return result

    yield "mean", over(np.nanmean, ratings)
    yield "median", over(np.nanmedian, ratings)
    levels = np.unique(ratings[np.isfinite(ratings)])
    if people.value_type != "continuous" and len(levels) <= MAX_LEVELS:
        counts = (ratings[:, :, None] == levels).sum(axis=1)
        top = counts.max(axis=1, initial=0)
        alone = (counts == top[:, None]).sum(axis=1) == 1
        yield "majority", np.where(rated & alone, levels[counts.argmax(axis=1)], np.nan)
    if people.identified and ratings.shape[1] > 1 and people.value_type != "binary":
        with_any = np.isfinite(ratings).any(axis=0)
        leniency = np.zeros(ratings.shape[1])
        leniency[with_any] = np.nanmean(ratings[:, with_any], axis=0) - np.nanmean(ratings)
        yield "centred", over(np.nanmean, ratings - leniency)


def _ways(scope: Scope, ranked: list[str]) -> Iterator[tuple[str, str]]:
    """Yield averaging and treatment of abstentions; the latter only where somebody abstains."""
    silent = any(np.isnan(scope.rated.judges[name].score).any() for name in ranked)
    yield "none", "excluded"
    if silent:
        yield "none", "penalised"
    if len(np.unique(scope.rated.prompt)) < scope.annotated:
        yield "prompt", "excluded"
    if len(np.unique(scope.rated.generator[scope.rated.generator >= 0])) > 1:
        yield "generator", "excluded"


@dataclass(frozen=True, eq=False)
class _Job:
    """All figures of one judge against one target, averaged in one way."""

    scope: Scope
    draws: PromptDraws
    judge: str
    target: _Target
    averaging: str
    abstention: str

    def compute(self) -> dict[str, Floats]:
        """(1 + B,) values of each figure: the data themselves, then the draws."""
        judge = self.scope.rated.judges[self.judge]
        result: dict[str, Floats] = {}
        rows = [FIGURES[key] for key in dict.fromkeys((self.scope.primary.figure, *TIE_FORMS))]
        for wants in ("rating", "decision"):
            figures = [row for row in rows if row.target == wants]
            if not figures:
                continue
            y = self.target.decision if wants == "decision" else self.target.rating
            result |= self._figures(figures, y, given(judge, figures[0]))
        return result

    def _figures(self, figures: list[Figure], y: Floats, x: Floats) -> dict[str, Floats]:
        rows = np.isfinite(y) if self.abstention == "penalised" else np.isfinite(y) & np.isfinite(x)
        y, x = y[rows], x[rows]
        prompts = self.draws.of_item[rows]
        counts = np.hstack([np.ones((self.draws.prompts, 1), dtype=np.int64), self.draws.counts])
        if len(y) < 2:
            return {figure.key: np.full(counts.shape[1], np.nan) for figure in figures}
        if self.abstention == "penalised":
            tie, weights = score_tie(x[np.isfinite(x)]), counts[prompts].astype(float)
            return {f.key: f.penalised(y, x, weights, tie) for f in figures if f.penalised is not None}
        if self.averaging == "none":
            return _whole(figures, y, x, PromptDraws(counts, prompts))
        if self.averaging == "prompt":
            return _within_prompts(figures, y, x, prompts, counts)
        generator = self.scope.rated.generator[rows]
        parts = [
            _whole(figures, y[g], x[g], PromptDraws(counts, prompts[g]))
            for g in (generator == code for code in np.unique(generator[generator >= 0]))
        ]
        return {f.key: _mean_of([part[f.key] for part in parts]) for f in figures}


def _whole(figures: list[Figure], y: Floats, x: Floats, draws: PromptDraws) -> dict[str, Floats]:
    """Return figures over all items."""
    keys = [figure.key for figure in figures]
    return dict(zip(keys, draws.map(partial(figure_table, figures, y, x)), strict=True))


def _within_prompts(
    figures: list[Figure], y: Floats, x: Floats, prompts: NDArray[np.int64], counts: NDArray[np.int64]
) -> dict[str, Floats]:
    """Return figures inside prompts: shares of pairs over all those pairs, the others averaged over prompts."""
    if figures[0].of_labels:
        return {}
    present, member = np.unique(prompts, return_inverse=True)
    inside, sizes = by_group(y, member)
    drawn, tie = counts[present].astype(float), score_tie(x)
    pairs = inside.concordance(x, tie)
    result = {}
    for figure in figures:
        if figure.share is not None:
            result[figure.key] = figure.share(pairs.pooled(drawn))
        else:
            result[figure.key] = Grouped(inside.statistic(figure, x, tie), sizes).mean(drawn)
    return result


def _mean_of(parts: list[Floats]) -> Floats:
    """Average over generators in which the figure is defined."""
    values = np.array(parts)
    known = np.isfinite(values).sum(axis=0)
    total = np.nansum(values, axis=0)
    return ratio(total, known.astype(float))


@dataclass(frozen=True, eq=False)
class _Table:
    """The judges under one specification."""

    values: Floats
    """(J,) NaN = undefined."""
    beats: NDArray[np.int8]
    """(J, J) 1 where the row is separated above the column, -1 below, 0 where open or undefined."""

    @classmethod
    def make(cls, rows: list[Floats]) -> _Table:
        """Separate the judges from (J) rows of the data's value followed by its draws."""
        table = np.array(rows)
        difference = table[:, None, :] - table[None, :, :]
        enough = np.isfinite(difference[:, :, 1:]).mean(axis=2) > 0.9
        spread = np.zeros(enough.shape)
        spread[enough] = np.nanstd(difference[:, :, 1:][enough], axis=1, ddof=1)
        point = np.nan_to_num(difference[:, :, 0])
        apart = enough & (np.abs(point) > CRITICAL * spread) & (np.abs(point) > 1e-12)
        return cls(table[:, 0], np.where(apart, np.sign(point), 0).astype(np.int8))

    @property
    def defined(self) -> Bools:
        """(J,) judges with a value."""
        return np.isfinite(self.values)

    @property
    def top(self) -> Bools:
        """(J,) judges that no other is separated above."""
        return np.asarray(self.defined & ~(self.beats == -1).any(axis=1))

    @property
    def first(self) -> int:
        """Place of the judge with the highest value."""
        return int(np.nanargmax(self.values))


def _document(
    scope: Scope, ranked: list[str], tables: Mapping[Choice, _Table], headline: Choice, reason: Reason | None
) -> Specification:
    if reason is None and headline not in tables:
        reason = Reason("primary_undefined", name=scope.primary.figure)
    if reason is not None:
        tables = {}
    return Specification(
        reason=reason,
        draws=min(MAX_DRAWS, scope.draws.draws),
        judges=tuple(ranked),
        headline=headline,
        specifications=tuple(_row(ranked, choice, table) for choice, table in tables.items()),
        best=_best(ranked, tables),
        pairs=_pairs(ranked, tables, headline),
    )


def _row(ranked: list[str], choice: Choice, table: _Table) -> SpecificationRow:
    figure, averaging, raters, left_out, abstention = choice
    return SpecificationRow(
        figure=figure,
        averaging=averaging,
        raters=raters,
        left_out=left_out,
        abstention=abstention,
        values=tuple(float(v) if np.isfinite(v) else None for v in table.values),
        top=tuple(name for name, top in zip(ranked, table.top, strict=True) if top),
    )


def _best(ranked: list[str], tables: Mapping[Choice, _Table]) -> tuple[OptionCount, ...]:
    """Return how often each judge has the highest value, and how often none is separated above it."""
    return tuple(
        OptionCount(
            judge=name,
            first=sum(table.first == place for table in tables.values()),
            top=sum(bool(table.top[place]) for table in tables.values()),
            of=sum(bool(table.defined[place]) for table in tables.values()),
        )
        for place, name in enumerate(ranked)
        if tables
    )


def _pairs(ranked: list[str], tables: Mapping[Choice, _Table], base: Choice) -> tuple[SpecificationPair, ...]:
    """Return, for each pair that the headline figure separates, under how many specifications that holds."""
    if base not in tables:
        return ()
    result = []
    for a, b in combinations(range(len(ranked)), 2):
        headline = int(tables[base].beats[a, b])
        if headline == 0:
            continue
        better, worse = (a, b) if headline > 0 else (b, a)
        known = {c: t for c, t in tables.items() if t.defined[better] and t.defined[worse]}
        outcome = {c: int(t.beats[better, worse]) for c, t in known.items()}
        reversed_in = [c for c, sign in outcome.items() if sign < 0]
        result.append(
            SpecificationPair(
                better=ranked[better],
                worse=ranked[worse],
                held=sum(sign > 0 for sign in outcome.values()),
                open=sum(sign == 0 for sign in outcome.values()),
                reversed=len(reversed_in),
                of=len(outcome),
                reversed_only_when=_condition(reversed_in, list(outcome)) if reversed_in else None,
            )
        )
    return tuple(result)


def _condition(chosen: list[Choice], possible: list[Choice]) -> dict[str, tuple[str, ...]]:
    """Return the options that the chosen specifications share, of every dimension that restricts them."""
    condition = {}
    for place, name in enumerate(DIMENSIONS):
        used, there = ({choice[place] for choice in choices} for choices in (chosen, possible))
        if used != there:
            condition[name] = tuple(sorted(used))
    return condition
