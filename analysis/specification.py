"""Does a conclusion depend on how it was computed? Every headline conclusion under the other reasonable choices.

A specification is one way to compute agreement: which figure (and what a judge's tie is worth in it), averaged
over what, from which summary of the raters, with abstentions left out or tied. All of them are computed on the items
that all judges answered, and in each a judge is ahead of another as in the headline: by a p-value that is corrected for
all pairs. Simonsohn, Simmons & Nelson 2020, "Specification curve analysis", Nature Human Behaviour 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis._scope import Scope, figure_table, given, target_of
from genspace.analysis._threads import side_by_side
from genspace.analysis.correlation import score_tie, within_groups
from genspace.analysis.figures import FIGURES, TIE_FORMS, Figure
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import Replicates, standard_error
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import SCORE_TIE, ratio
from genspace.analysis.result import OptionCount, PairTest, Specification, SpecificationPair, SpecificationRow
from genspace.analysis.significance import ALPHA, holm

__all__ = ["DIMENSIONS", "specification_section"]

Choice = tuple[str, ...]

DIMENSIONS = ("figure", "averaging", "raters", "left_out", "abstention")
"""What can be chosen otherwise, in the order of a specification."""
MAX_LEVELS = 11
"""With more distinct ratings there is no most frequent one worth the name."""
NAMED = 3
"""More raters left out than this are counted, not named."""


def specification_section(
    scope: Scope,
    leaders: Sequence[str],
    pairs: Sequence[PairTest],
    *,
    everybody: PeopleAnswers | None = None,
    doubtful: tuple[str, ...] = (),
) -> Specification:
    """Return every specification's figures, and which headline conclusions hold under how many of them.

    Args:
        scope: The study.
        leaders: Names of the judges that may be in a first place, best first by the primary figure.
        pairs: The headline tests.
        everybody: The people of the rated units with those whom the headline leaves out; half of the specifications
            take them in again.
        doubtful: Where the headline leaves out nobody: raters whom half of the specifications leave out.
    """
    reason = scope.obstacle(scope.figure)
    if scope.replicates.present.sum() < 2:
        reason = reason or Reason("single_prompt")
    if len(leaders) < 2:
        reason = reason or Reason("too_few_judges", n=len(leaders), needed=2)
    panels = _panels(scope.rated.people, everybody or scope.rated.people, doubtful)
    headline = (scope.primary.figure, "none", "mean", panels[0][0], "excluded")
    if reason is not None:
        return _document(scope, leaders, {}, headline, reason)
    jobs = [
        _Job(scope, tuple(leaders), target, averaging, abstention)
        for target in _targets(scope.rated.people, panels)
        for averaging, abstention in _ways(scope, leaders)
    ]
    tables: dict[Choice, _UnderOne] = {
        (figure, job.averaging, job.target.raters, job.target.left_out, job.abstention): table
        for job, found in zip(jobs, side_by_side(_Job.compute, jobs), strict=True)
        for figure, table in found.items()
        if table.defined.sum() > 1
    }
    if headline in tables:
        tables[headline] = tables[headline].with_headline(leaders, pairs)
    return _document(scope, leaders, tables, headline, None)


@dataclass(frozen=True, eq=False)
class _Target:
    """One summary of the raters."""

    raters: str
    left_out: str
    rating: Floats


def _panels(
    people: PeopleAnswers, everybody: PeopleAnswers, doubtful: tuple[str, ...]
) -> list[tuple[str, Floats]]:
    """Return who is left out and the ratings that stay: as in the headline first, then otherwise."""
    excluded = sorted(set(everybody.raters) - set(people.raters))
    if excluded:
        named = ", ".join(excluded) if len(excluded) <= NAMED else f"{len(excluded)} raters"
        return [(named, people.ratings), ("none", everybody.ratings)]
    kept = np.array([r not in doubtful for r in people.raters], dtype=bool)
    whole = [("none", people.ratings)]
    return [*whole, (", ".join(doubtful), people.ratings[:, kept])] if doubtful and kept.any() else whole


def _targets(people: PeopleAnswers, panels: list[tuple[str, Floats]]) -> list[_Target]:
    """Return every summary of the raters that differs from those before it."""
    targets: list[_Target] = []
    for left_out, ratings in panels:
        for name, rating in _summaries(people, ratings):
            seen = (t for t in targets if t.left_out == left_out)
            if not any(np.array_equal(t.rating, rating, equal_nan=True) for t in seen):
                targets.append(_Target(name, left_out, rating))
    return targets


def _summaries(people: PeopleAnswers, ratings: Floats) -> Iterator[tuple[str, Floats]]:
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


def _ways(scope: Scope, ranked: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield averaging and treatment of abstentions; the latter only where somebody abstains."""
    silent = any(np.isnan(scope.rated.judges[name].score).any() for name in ranked)
    yield "none", "excluded"
    if silent:
        yield "none", "penalised"
    if len(np.unique(scope.rated.prompt)) < scope.annotated and not scope.rated.of_pairs:
        yield "prompt", "excluded"
    if len(np.unique(scope.rated.generator[scope.rated.generator >= 0])) > 1:
        yield "generator", "excluded"


@dataclass(frozen=True, eq=False)
class _Job:
    """All figures of all judges against one target, averaged in one way, on the units that all of them answered."""

    scope: Scope
    judges: tuple[str, ...]
    target: _Target
    averaging: str
    abstention: str

    def compute(self) -> dict[str, _UnderOne]:
        """Return the judges under each figure."""
        wanted = FIGURES[self.scope.primary.figure]
        of_pairs = self.scope.rated.of_pairs
        rows = [FIGURES[key] for key in TIE_FORMS if (FIGURES[key].target == "preference") == of_pairs]
        kinds: dict[tuple[str, bool], list[Figure]] = {}
        for figure in dict.fromkeys((wanted, *rows)):
            kinds.setdefault((figure.target, figure.of_labels), []).append(figure)
        return {key: table for figures in kinds.values() for key, table in self._tables(figures).items()}

    def _tables(self, figures: list[Figure]) -> dict[str, _UnderOne]:
        """Return tables of figures that read the same of people and judges."""
        y = target_of(self.scope.rated.people, figures[0], self.target.rating)
        said = [given(self.scope.rated.judges[name], figures[0]) for name in self.judges]
        rows: Bools = np.isfinite(y)
        if self.abstention != "penalised":
            rows = np.asarray(np.isfinite([y, *said]).all(axis=0))
        if rows.sum() < 2:
            return {}
        clusters = self.scope.replicates.take(rows)
        targets = [
            (part, LeftOut(y[rows][part], clusters.take(part)))
            for part in self._parts(self.scope.rated.generator[rows])
        ]
        found = [self._values(figures, targets, y[rows], x[rows], rows) for x in said]
        keys = [key for key in (figure.key for figure in figures) if all(key in values for values in found)]
        return {key: _UnderOne.make(np.stack([values[key] for values in found]), clusters) for key in keys}

    def _parts(self, generator: Ints) -> list[Bools]:
        """Return which units a figure is taken over: all of them, or those of each generator."""
        if self.averaging != "generator":
            return [np.ones(len(generator), dtype=bool)]
        return [generator == code for code in np.unique(generator[generator >= 0])]

    def _values(
        self,
        figures: list[Figure],
        targets: list[tuple[Bools, LeftOut]],
        y: Floats,
        x: Floats,
        rows: Bools,
    ) -> dict[str, Floats]:
        """(1 + B,) values of each figure of one judge: the data themselves, then without each block."""
        if self.abstention == "penalised":
            tie, target = score_tie(x[np.isfinite(x)]), targets[0][1].beside()
            return {f.key: f.penalised(target, x, tie) for f in figures if f.penalised is not None}
        if self.averaging == "prompt":
            return self._within_prompts(figures, y, x, rows) if not figures[0].of_labels else {}
        parts = [figure_table(figures, target.beside(), x[part]) for part, target in targets]
        return dict(zip((f.key for f in figures), _mean_of(parts), strict=True)) if parts else {}

    def _within_prompts(self, figures: list[Figure], y: Floats, x: Floats, rows: Bools) -> dict[str, Floats]:
        prompts = self.scope.rated.prompt[rows]
        _, first = np.unique(prompts, return_index=True)
        clusters = self.scope.replicates.take(rows).take(first)
        found = within_groups(figures, y, x, prompts)
        return {key: inside.left_out(clusters) for key, inside in found.items()}


def _mean_of(parts: list[Floats]) -> Floats:
    """Average over generators in which the figure is defined."""
    values = np.array(parts)
    known = np.isfinite(values).sum(axis=0)
    return ratio(np.nansum(values, axis=0), known.astype(float))


@dataclass(frozen=True, eq=False)
class _UnderOne:
    """The judges under one specification."""

    values: Floats
    """(J,) NaN = undefined."""
    beats: NDArray[np.int8]
    """(J, J) 1 where the row is ahead of the column, -1 where it is behind, 0 where open or undefined."""

    @classmethod
    def make(cls, table: Floats, clusters: Replicates) -> _UnderOne:
        """Test the judges from (J, 1 + B) values of the data and without each block."""
        pairs = list(combinations(range(len(table)), 2))
        p = np.full(len(pairs), np.nan)
        for place, (a, b) in enumerate(pairs):
            error = standard_error(table[a, 1:] - table[b, 1:], clusters.present)
            if error is not None and error.value > 0 and np.isfinite(table[a, 0] - table[b, 0]):
                p[place] = 2 * error.beyond(abs(float(table[a, 0] - table[b, 0])))
        beats = np.zeros((len(table), len(table)), dtype=np.int8)
        for (a, b), adjusted in zip(pairs, holm(p), strict=True):
            if adjusted <= ALPHA:
                beats[a, b] = np.sign(table[a, 0] - table[b, 0])
                beats[b, a] = -beats[a, b]
        return cls(table[:, 0], beats)

    def with_headline(self, names: Sequence[str], pairs: Sequence[PairTest]) -> _UnderOne:
        """Return the same values with what the headline tests found."""
        beats = self.beats.copy()
        for row in pairs:
            if row.a in names and row.b in names:
                a, b = names.index(row.a), names.index(row.b)
                beats[a, b] = {"ahead": 1, "behind": -1}.get(row.standing, 0)
                beats[b, a] = -beats[a, b]
        return replace(self, beats=beats)

    @property
    def defined(self) -> Bools:
        """(J,) judges with a value."""
        return np.isfinite(self.values)

    @property
    def top(self) -> Bools:
        """(J,) judges that no other is ahead of."""
        return np.asarray(self.defined & ~(self.beats == -1).any(axis=1))

    @property
    def first(self) -> Bools:
        """(J,) judges with the highest value, several where they share it."""
        highest = np.nanmax(self.values) if self.defined.any() else np.nan
        return np.asarray(self.values >= highest - SCORE_TIE)


def _document(
    scope: Scope,
    ranked: Sequence[str],
    tables: Mapping[Choice, _UnderOne],
    headline: Choice,
    reason: Reason | None,
) -> Specification:
    if reason is None and headline not in tables:
        reason = Reason("primary_undefined", name=scope.primary.figure)
    if reason is not None:
        tables = {}
    return Specification(
        reason=reason,
        judges=tuple(ranked),
        headline=headline,
        specifications=tuple(_row(ranked, choice, table) for choice, table in tables.items()),
        best=_best(ranked, tables),
        pairs=_pairs(ranked, tables, headline),
    )


def _row(ranked: Sequence[str], choice: Choice, table: _UnderOne) -> SpecificationRow:
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


def _best(ranked: Sequence[str], tables: Mapping[Choice, _UnderOne]) -> tuple[OptionCount, ...]:
    """Return how often each judge has the highest value, alone or with others, and how often none is ahead of it."""
    if not tables:
        return ()
    counts = sum(np.stack([table.first, table.top, table.defined]).astype(int) for table in tables.values())
    return tuple(
        OptionCount(judge=name, first=first, top=top, of=of)
        for name, (first, top, of) in zip(ranked, np.asarray(counts).T.tolist(), strict=True)
    )


def _pairs(
    ranked: Sequence[str], tables: Mapping[Choice, _UnderOne], base: Choice
) -> tuple[SpecificationPair, ...]:
    """Return, for each pair of which the headline test puts one ahead, under how many specifications that holds."""
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
