"""What every section of a comparison shares: the study, its rated part, the draws, the primary figure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis.correlation import score_tie, why_undefined
from genspace.analysis.figures import FIGURES, Figure, figure_named
from genspace.analysis.question import JudgeScores, People, Question, Units
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, Weighted, estimate, stream
from genspace.analysis.result import Primary
from genspace.analysis.thresholds import cross_fit_decisions

__all__ = ["NO_DECISIONS", "NO_PEOPLE", "Scope", "choose_primary", "figure_table", "with_decisions"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_PEOPLE = Reason("no_people")
NO_DECISIONS = Reason("no_decisions")


def choose_primary(people: People, declared: str | None) -> Primary:
    """Return the declared primary figure, or the usual one for the kind of ratings.

    Errors: `InputError` for a name that is no item-level figure.
    """
    if declared is not None:
        row = figure_named(declared)
        return Primary(row.key, row.label, "declared")
    row = FIGURES["roc_auc" if people.value_type == "binary" else "spearman"]
    return Primary(row.key, row.label, "by the kind of answers")


@dataclass(frozen=True, eq=False)
class Scope:
    """One question of a study, ready to be computed on."""

    study: Units
    """All units."""
    rated: Units
    """The units that people were asked about; judges without labels decide by a cross-fitted threshold."""
    all_draws: PromptDraws
    """Bootstrap over the prompts of all units, for mean scores."""
    draws: PromptDraws
    """Bootstrap over the prompts of the rated units, for agreement."""
    primary: Primary
    seed: int
    confidence: float

    @classmethod
    def of(cls, question: Question, options: CompareOptions, *, everybody: bool = False) -> Scope:
        """Draw the prompts and set the rated units apart; `everybody`: with the raters whom rules leave out."""
        study = question.with_everybody if everybody else question.units
        rated = study.take(study.people.asked)
        seed = options.seed
        decided = {name: with_decisions(judge, rated, seed=seed) for name, judge in rated.judges.items()}
        rated = replace(rated, judges=decided)
        return cls(
            study=study,
            rated=rated,
            all_draws=PromptDraws.make(study.prompt, options.draws, stream(seed, "bootstrap", "all")),
            draws=PromptDraws.make(rated.prompt, options.draws, stream(seed, "bootstrap", "rated")),
            primary=choose_primary(study.people, options.primary or question.settings.primary),
            seed=seed,
            confidence=options.confidence,
        )

    def take(self, rows: Bools) -> Scope:
        """Return the same scope on some of the units, with the same draws of prompts."""
        asked = self.study.people.asked
        return replace(
            self,
            study=self.study.take(rows),
            rated=self.rated.take(rows[asked]),
            all_draws=self.all_draws.take(rows),
            draws=self.draws.take(rows[asked]),
        )

    @property
    def annotated(self) -> int:
        """Units that people were asked about."""
        return len(self.rated)

    def on_rated(self, judge: JudgeScores) -> JudgeScores:
        """Return a judge of all units, also one that is not in the study, on the rated ones."""
        known = self.rated.judges.get(judge.name)
        return known or with_decisions(judge.take(self.study.people.asked), self.rated, seed=self.seed)

    @property
    def figure(self) -> Figure:
        """The primary figure."""
        return FIGURES[self.primary.figure]

    def target(self, figure: Figure) -> Floats:
        """(n,) what a figure compares scores with, on the rated units: mean ratings or decisions; NaN = none."""
        people = self.rated.people
        return people.decision if figure.target == "decision" else people.mean

    def obstacle(self, figure: Figure) -> Reason | None:
        """Return why nobody can have this figure in this study, if so."""
        if not np.isfinite(self.rated.people.mean).any():
            return NO_PEOPLE
        return NO_DECISIONS if figure.target == "decision" and not self.rated.people.decides else None

    def no_interval(self, draws: PromptDraws) -> Reason | None:
        """Return why there can be no interval, if so."""
        if draws.draws == 0:
            return Reason("no_draws")
        return Reason("single_prompt") if len(np.unique(draws.of_item)) < 2 else None

    def figures(
        self, rows: Iterable[Figure], target: Floats, scores: Floats, passed: Floats
    ) -> dict[str, tuple[Estimate, Floats]]:
        """Return estimates and draws of item-level figures that share a target, by key.

        Args:
            rows: Figures, all with the same kind of target.
            target: (n,) over the rated units, NaN = none.
            scores: (n,) oriented scores, NaN = none.
            passed: (n,) decisions, NaN = none; read by figures of labels.
        """
        result: dict[str, tuple[Estimate, Floats]] = {}
        rows = list(rows)
        nothing = np.full(self.draws.draws, np.nan)
        for labels in (False, True):
            chosen = [row for row in rows if row.of_labels == labels]
            if not chosen:
                continue
            said = passed if labels else scores
            both = np.isfinite(target) & np.isfinite(said)
            n = int(both.sum())
            coverage = n / self.annotated if self.annotated else None
            y, x = target[both], said[both]
            draws = self.draws.take(both)
            no_interval = self.no_interval(draws)
            compute = partial(figure_table, chosen, y, x)
            point = compute(np.ones((n, 1)))[:, 0] if n else np.full(len(chosen), np.nan)
            table = np.tile(nothing, (len(chosen), 1))
            if no_interval is None and np.isfinite(point).any():
                table = draws.map(compute)
            for row, value, drawn in zip(chosen, point, table, strict=True):
                reason = self.obstacle(row)
                if reason is None and labels and not np.isfinite(passed).any():
                    reason = Reason("no_labels")
                found = estimate(
                    value,
                    drawn,
                    n=n,
                    reason=reason or why_undefined(y, x, what="answers"),
                    confidence=self.confidence,
                    coverage=coverage,
                    no_interval=no_interval,
                )
                result[row.key] = (found, drawn)
        return result

    def primary_estimate(self, judge: JudgeScores) -> Estimate:
        """Return the primary figure of a judge on these units."""
        obstacle = self.obstacle(self.figure)
        if obstacle:
            return Estimate.undefined(obstacle)
        mine = self.on_rated(judge)
        return self.agreement(mine, self.target(self.figure))[0]

    def agreement(self, judge: JudgeScores, target: Floats) -> tuple[Estimate, Floats]:
        """Return the primary figure of a rated judge against a target, and its draws."""
        return self.figures([self.figure], target, judge.oriented, judge.passed)[self.figure.key]

    def mean_score(self, judge: JudgeScores) -> Estimate:
        """Return a judge's mean score, as given, over all units it scored."""
        scored = np.isfinite(judge.score)
        n = int(scored.sum())
        coverage = n / len(scored) if len(scored) else None
        if not n:
            return Estimate.undefined(Reason("no_scores"), coverage=coverage)
        draws = self.all_draws.take(scored)
        x = judge.score[scored]
        return estimate(
            float(x.mean()),
            draws.map(lambda w: _mean(x, w)),
            n=n,
            confidence=self.confidence,
            coverage=coverage,
            no_interval=self.no_interval(draws),
        )


def with_decisions(judge: JudgeScores, rated: Units, *, seed: int) -> JudgeScores:
    """Return a judge that decides: by its own labels, else by a threshold cross-fitted by prompt."""
    if judge.has_labels or not rated.people.decides:
        return judge
    fitted = cross_fit_decisions(judge.oriented, rated.people.decision, rated.prompt, seed=seed)
    return replace(judge, passed=fitted.decisions)


def _mean(x: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=0)
    mean = np.full(len(total), np.nan)
    np.divide(x @ weights, total, out=mean, where=total > 0)
    return mean


def figure_table(rows: Sequence[Figure], y: Floats, x: Floats, weights: Floats) -> Floats:
    """(figures, B) of figures that read the same (n,) scores, or decisions."""
    target, tie = Weighted(y, weights), score_tie(x)
    return np.stack([row.statistic(target, x, tie) for row in rows])
