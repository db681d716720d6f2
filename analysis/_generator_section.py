"""The part of a comparison that ranks generators: in the order of the people, and of each judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions, Resampled
from genspace.analysis._scope import NO_PEOPLE
from genspace.analysis._threads import side_by_side
from genspace.analysis.counted import Counted, Place, ScoreRange, judge_figures, places
from genspace.analysis.generators import (
    GeneratorScores,
    kendall_distance,
    mean_scores,
    pair_scores,
    standings,
)
from genspace.analysis.prediction_powered import CorrectedMean, corrected_mean, undrawn_reason
from genspace.analysis.question import JudgeScores, Question, Units
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, estimate, stream
from genspace.analysis.result import Corrected, GeneratorCell, GeneratorRow, Generators, Order, Orders
from genspace.columns import positions

ScoreKind = Literal["mean rating", "mean score", "Bradley-Terry log strength"]
STRENGTH: ScoreKind = "Bradley-Terry log strength"


@dataclass(frozen=True, eq=False)
class Field:
    """The generators of one question, what was said about their images, and the draws that everybody shares."""

    items: Units
    """All items with what was said about single ones."""
    pairs: Units | None
    """The pairs of items, where two were compared."""
    about_pairs: bool
    """Whether people answered about pairs."""
    first: Ints
    """(m,) generator of the first item of each pair; -1 where unknown."""
    second: Ints
    """(m,) of the second."""
    item_draws: PromptDraws
    """What is resampled, by item."""
    pair_draws: PromptDraws
    """The same, by pair."""
    rater_draws: PromptDraws | None
    """The same, by rater, where raters are resampled."""
    ranges: Mapping[str, ScoreRange]
    """The worst and the best score of each judge of single items."""
    confidence: float

    @classmethod
    def of(cls, question: Question, options: CompareOptions, *, over: Resampled = "prompts") -> Field:
        """Draw what is to be resampled.

        Args:
            question: What was said about single items and about pairs.
            options: Number and seed of the draws, level of intervals and of sets of ranks.
            over: prompts; single items (or pairs); or raters, whose answers then vary while judges' scores do not.
        """
        items, pairs = question.singles, question.pairs
        draws, seed = options.draws, options.seed
        first = second = np.zeros(0, dtype=np.int64)
        if pairs is not None:
            first, second = (
                positions(pairs.units[column], items.units["item_id"]) for column in ("item_id", "item_id_b")
            )
        raters = None
        if over == "prompts":
            item_draws = PromptDraws.make(items.prompt, draws, stream(seed, "bootstrap", "all"))
            pair_draws = item_draws.take(first)
        elif over == "items":
            item_draws = PromptDraws.make(np.arange(len(items)), draws, stream(seed, "bootstrap", "items"))
            pair_draws = PromptDraws.make(np.arange(len(first)), draws, stream(seed, "bootstrap", "pairs"))
        else:
            answered = question.units.people
            raters = PromptDraws.make(
                np.arange(len(answered.raters)), draws, stream(seed, "bootstrap", "raters")
            )
            always = np.ones((1, draws), dtype=np.int64)
            item_draws = PromptDraws(always, np.zeros(len(items), dtype=np.int64))
            pair_draws = PromptDraws(always, np.zeros(len(first), dtype=np.int64))
        return cls(
            items=items,
            pairs=pairs,
            first=items.generator[first],
            second=items.generator[second],
            item_draws=item_draws,
            pair_draws=pair_draws,
            rater_draws=raters,
            about_pairs=question.units is pairs,
            ranges={name: ScoreRange.of(judge) for name, judge in items.judges.items()},
            confidence=options.confidence,
        )

    def take(self, column: str, value: str) -> Field:
        """Return the same field on the items, and the pairs whose first item has, this value; draws stay."""
        items = self.items.column(column) == value
        pairs = np.zeros(0, dtype=bool) if self.pairs is None else self.pairs.column(column) == value
        return replace(
            self,
            items=self.items.take(items),
            pairs=None if self.pairs is None else self.pairs.take(pairs),
            first=self.first[pairs],
            second=self.second[pairs],
            item_draws=self.item_draws.take(items),
            pair_draws=self.pair_draws.take(pairs),
        )

    @property
    def answered(self) -> Units:
        """What the people answered about: pairs or single items."""
        return self.pairs if self.about_pairs and self.pairs is not None else self.items

    def no_interval(self, *, judge: bool) -> Reason | None:
        """Return why nothing can be said about chance, if so."""
        if self.rater_draws is not None and judge:
            return Reason("scores_fixed")
        if self.rater_draws is not None and not self.answered.people.identified:
            return Reason("raters_not_identified")
        draws = self.rater_draws or (self.pair_draws if self.answered is self.pairs else self.item_draws)
        if draws.draws == 0:
            return Reason("no_draws")
        if draws.prompts < 2:
            return Reason("nothing_to_resample")
        return None

    def of_items(self, values: Floats, items: Ints, draws: PromptDraws, share: Floats) -> GeneratorScores:
        """Average values on single items by generator; see `mean_scores`."""
        generator = self.items.generator[items]
        named = generator >= 0
        return mean_scores(
            values[named], generator[named], len(self.items.generators), draws.take(named), share=share[named]
        )

    def of_pairs(self, shares: Floats, pairs: Ints, draws: PromptDraws) -> GeneratorScores:
        """Fit strengths to shares of wins; see `pair_scores`."""
        if len(shares) and not (shares.min() >= 0 and shares.max() <= 1):
            g = len(self.items.generators)
            nothing = np.full((g, draws.draws), np.nan)
            return GeneratorScores(np.full(g, np.nan), nothing, np.zeros(g), Reason("no_shares"))
        first, second = self.first[pairs], self.second[pairs]
        named = (first >= 0) & (second >= 0)
        return pair_scores(
            shares[named], first[named], second[named], self.items.generators, draws.take(named)
        )


@dataclass(frozen=True, eq=False)
class _ScoredBy:
    """What the people or one judge say about the generators."""

    scores: GeneratorScores
    label: ScoreKind
    nothing: Reason | None
    """What to say where nobody said anything."""
    direction: int = 1
    """-1: lower scores are better; `scores` are turned so that higher is."""
    counted: Sequence[Counted] = ()
    """Of a judge that scores single items: each generator's figures in their three ways."""


def _people(field: Field) -> _ScoredBy:
    """Return the people's scores: strengths where they compared pairs, else mean ratings."""
    answered = field.answered
    unit, rater = np.nonzero(np.isfinite(answered.people.ratings))
    said = answered.people.ratings[unit, rater]
    nothing = None if len(said) else NO_PEOPLE
    in_pairs = answered is field.pairs
    draws = (field.pair_draws if in_pairs else field.item_draws).take(unit)
    if field.rater_draws is not None:
        draws = field.rater_draws.take(rater)
    if in_pairs:
        return _ScoredBy(field.of_pairs(said, unit, draws), STRENGTH, nothing)
    share = 1 / answered.people.count[unit]
    return _ScoredBy(field.of_items(said, unit, draws, share), "mean rating", nothing)


def _judge(field: Field, name: str) -> _ScoredBy:
    """Return a judge's scores: strengths where it compared pairs, else its mean score, a miss where it gave none."""
    alone = field.items.judges.get(name)
    judge = field.items.judges[name] if field.pairs is None else alone or field.pairs.judges[name]
    there = np.flatnonzero(np.isfinite(judge.score))
    nothing = None if len(there) else Reason("no_scores")
    if alone is None:
        shares = judge.score[there] if judge.direction > 0 else 1 - judge.score[there]
        return _ScoredBy(field.of_pairs(shares, there, field.pair_draws.take(there)), STRENGTH, nothing)
    limits = field.ranges[name]
    filled = np.where(np.isfinite(judge.score), judge.score, limits.worst) * judge.direction
    every = np.arange(len(filled))
    scores = field.of_items(filled, every, field.item_draws, np.ones(len(filled)))
    counted = () if nothing else tuple(_counted(field, judge, limits))
    return _ScoredBy(scores, "mean score", nothing, judge.direction, counted)


def _counted(field: Field, judge: JudgeScores, limits: ScoreRange) -> Iterator[Counted]:
    """Yield what the judge's verdicts on each generator's items come to."""
    for code in range(len(field.items.generators)):
        rows = field.items.generator == code
        yield judge_figures(
            judge,
            rows,
            field.item_draws.of_item,
            scores=limits,
            labelled=judge.has_labels,
            confidence=field.confidence,
            no_interval=field.no_interval(judge=True),
        )


def generator_section(
    field: Field,
    *,
    by: Sequence[str],
    over: Resampled = "prompts",
    sampling: str | None = None,
    judges: Sequence[str] | None = None,
    first: Sequence[str] = (),
) -> Generators:
    """Return the generators in everybody's order.

    Args:
        field: The generators and what was said about them.
        by: Columns to rank within the values of.
        over: What the field's draws resample, for the record.
        sampling: How rated items were drawn, for scores corrected by a judge.
        judges: Which ones; by default all that are not computed from the ratings themselves.
        first: Judges that come before the others.
    """
    if judges is None:
        known = {**(field.pairs.judges if field.pairs else {}), **field.items.judges}
        judges = list(dict.fromkeys([*first, *(name for name, j in known.items() if not j.derived)]))
    names = field.items.generators
    uncorrected = _uncorrected(field, sampling)
    if len(names) < 2:
        reason = Reason("single_generator" if names else "no_generators")
        return Generators(
            people=None, judges={}, reason=reason, resampled=over, names=names, corrected_reason=uncorrected, by={}
        )  # fmt: skip
    orders = _orders(field, judges)
    if uncorrected is None:
        orders = replace(
            orders, judges={name: _with_corrections(field, name, o) for name, o in orders.judges.items()}
        )
    return Generators(
        people=orders.people,
        judges=orders.judges,
        reason=None,
        resampled=over,
        names=names,
        corrected_reason=uncorrected,
        by={column: _cells(field, column, judges) for column in by},
    )


def _cells(field: Field, column: str, judges: Sequence[str]) -> dict[str, GeneratorCell]:
    """Return everybody's order within each value of a column."""
    values = field.items.column(column)
    cells = {}
    for value in sorted(set(values)):
        orders = _orders(field.take(column, value), judges)
        cells[value or "(none)"] = GeneratorCell(
            n=int((values == value).sum()), people=orders.people, judges=orders.judges
        )
    return cells


def _orders(field: Field, judges: Sequence[str]) -> Orders:
    """Return the people's order and that of each judge with its distance from it."""

    def said(name: str | None) -> _ScoredBy:
        return _people(field) if name is None else _judge(field, name)

    people, *sources = side_by_side(said, (None, *judges))
    theirs = {}
    for name, judge in zip(judges, sources, strict=True):
        order = _order(field, judge, no_interval=field.no_interval(judge=True))
        theirs[name] = replace(order, distance=_distance(field, people, judge))
    return Orders(people=_order(field, people, no_interval=field.no_interval(judge=False)), judges=theirs)


def _order(field: Field, source: _ScoredBy, *, no_interval: Reason | None) -> Order:
    """Return the generators from best to worst, each with its score and how sure its place is."""
    scores, names = source.scores, field.items.generators
    reason = source.nothing or scores.reason
    sizes = np.bincount(field.items.generator[field.items.generator >= 0], minlength=len(names))
    rows = []
    figures = [counted.score for counted in source.counted]
    allowed = places(figures, higher_is_better=source.direction > 0)
    for i, standing in standings(scores, confidence=field.confidence, no_interval=no_interval).items():
        counted, place = None, Place(standing.rank, standing.rank_low, standing.rank_high)
        if source.counted:
            counted, place = source.counted[i], allowed[i]
            score = counted.score.as_misses
        else:
            n = round(float(scores.n[i]))
            score = estimate(
                float(scores.value[i]) * source.direction,
                scores.draws[i] * source.direction,
                n=n,
                reason=Reason("no_scores"),
                confidence=field.confidence,
                coverage=n / int(sizes[i]) if source.label != STRENGTH and sizes[i] else None,
                no_interval=no_interval,
            )
        rows.append(
            GeneratorRow(
                generator=names[i],
                score=score,
                rank=place.rank,
                rank_low=place.low,
                rank_high=place.high,
                first=standing.first,
                above_next=standing.above_next,
                reason=standing.reason,
                counted=counted.score if counted else None,
                accuracy=counted.accuracy if counted else None,
            )
        )
    return Order(
        score=source.label,
        direction="higher is better" if source.direction > 0 else "lower is better",
        reason=reason,
        prior_ties=scores.prior_ties,
        triads=scores.triads,
        generators=() if reason else tuple(rows),
    )


def _distance(field: Field, people: _ScoredBy, judge: _ScoredBy) -> Estimate:
    """Return Kendall's distance of a judge's order from the people's."""
    ours, theirs = people.scores, judge.scores
    both = np.isfinite(ours.value) & np.isfinite(theirs.value)
    g = int(both.sum())
    if g < 2:
        why = people.nothing or judge.nothing or ours.reason or theirs.reason
        return Estimate.undefined(why or Reason("too_few_scored_generators", n=g))
    return estimate(
        float(kendall_distance(ours.value[both, None], theirs.value[both, None])[0]),
        kendall_distance(ours.draws[both], theirs.draws[both]),
        n=g * (g - 1) // 2,
        confidence=field.confidence,
        no_interval=field.no_interval(judge=False),
    )


def _uncorrected(field: Field, sampling: str | None) -> Reason | None:
    """Return why a judge cannot correct the rated sample, if so."""
    if field.about_pairs:
        return Reason("people_compared_pairs")
    reason = undrawn_reason(sampling)
    if reason is None and not np.isnan(field.items.people.mean).any():
        reason = Reason("everything_rated")
    return reason


def _with_corrections(field: Field, name: str, order: Order) -> Order:
    """Add each generator's mean rating over all items, the rated sample corrected by a judge, and its rank."""
    items = field.items
    found: dict[str, CorrectedMean] = {}
    for code, generator in enumerate(items.generators):
        rows = items.generator == code
        found[generator] = corrected_mean(
            items.people.mean[rows], items.judges[name].oriented[rows], items.prompt[rows],
            confidence=field.confidence,
        )  # fmt: skip
    values = [c.corrected.value for c in found.values() if c.corrected.value is not None]

    def corrected(generator: str) -> Corrected:
        mean = found[generator]
        value = mean.corrected.value
        rank = None if value is None else 1 + sum(v > value for v in values)
        return Corrected(mean.sample, mean.corrected, mean.weight, mean.labelled, mean.unlabelled, rank=rank)

    return replace(
        order,
        generators=tuple(replace(row, corrected=corrected(row.generator)) for row in order.generators),
    )
