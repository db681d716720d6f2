"""What every section of a comparison shares: the study, its rated part, the draws, the primary figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis.correlation import FIGURES, score_tie, why_undefined
from genspace.analysis.decisions import DECISION_FIGURES, DECISION_LABELS, confusion
from genspace.analysis.question import JudgeScores, People, Question, Units
from genspace.analysis.resampling import PromptDraws, Weighted, estimate, stream
from genspace.analysis.thresholds import cross_fit_decisions
from genspace.errors import InputError, did_you_mean

__all__ = [
    "NO_DECISIONS",
    "NO_PEOPLE",
    "Primary",
    "Scope",
    "choose_primary",
    "decision_table",
    "score_table",
    "with_decisions",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NO_PEOPLE = "no people"
NO_DECISIONS = "no rule turns these ratings into yes and no: declare positive_from"
NO_LABELS = "the judge says neither yes nor no, and no threshold could be chosen for its scores"


@dataclass(frozen=True)
class Primary:
    """The one figure that sorts the table, forms the groups and feeds the tests."""

    figure: str
    label: str
    why: str

    def of(self, judge: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the figure's estimate in a judge's section."""
        found: Mapping[str, Any] = judge["item"][self.figure]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {"figure": self.figure, "label": self.label, "why": self.why}


def choose_primary(people: People, declared: str | None) -> Primary:
    """Return the declared primary figure, or the usual one for the kind of ratings.

    Errors: `InputError` for a name that is no item-level figure.
    """
    labels = {name: f.label for name, f in FIGURES.items()} | dict(DECISION_LABELS)
    if declared is not None:
        if declared not in labels:
            raise InputError(f"unknown primary figure {declared!r}{did_you_mean(declared, labels)}")
        return Primary(declared, labels[declared], "declared")
    if people.value_type == "binary":
        return Primary("roc_auc", labels["roc_auc"], "the answers are yes or no")
    return Primary("spearman", labels["spearman"], f"the ratings are {people.value_type}")


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

    def target(self, figure: str) -> Floats:
        """(n,) what a figure compares scores with, on the rated units: mean ratings or decisions; NaN = none."""
        people = self.rated.people
        wants_decision = figure in DECISION_FIGURES or FIGURES[figure].target == "decision"
        return people.decision if wants_decision else people.mean

    def obstacle(self, figure: str) -> str | None:
        """Return why nobody can have this figure in this study, if so."""
        if not np.isfinite(self.rated.people.mean).any():
            return NO_PEOPLE
        if not self.rated.people.decides and (
            figure in DECISION_FIGURES or FIGURES[figure].target == "decision"
        ):
            return NO_DECISIONS
        return None

    def no_interval(self, draws: PromptDraws) -> str | None:
        """Return why there can be no interval, if so."""
        if draws.draws == 0:
            return "no interval: no bootstrap draws"
        if len(np.unique(draws.of_item)) < 2:
            return "no interval: a single prompt"
        return None

    def figures(
        self, names: list[str], target: Floats, scores: Floats, passed: Floats
    ) -> dict[str, tuple[Estimate, Floats]]:
        """Return estimates and draws of item-level figures that share a target.

        Args:
            names: Figures of `FIGURES` and `DECISION_FIGURES`, all with the same kind of target.
            target: (n,) over the rated units, NaN = none.
            scores: (n,) oriented scores, NaN = none.
            passed: (n,) decisions, NaN = none; used by decision figures.
        """
        result: dict[str, tuple[Estimate, Floats]] = {}
        nothing = np.full(self.draws.draws, np.nan)
        for labels in (False, True):
            chosen = [n for n in names if (n in DECISION_FIGURES) == labels]
            if not chosen:
                continue
            said = passed if labels else scores
            both = np.isfinite(target) & np.isfinite(said)
            n = int(both.sum())
            coverage = n / self.annotated if self.annotated else None
            y, x = target[both], said[both]
            draws = self.draws.take(both)
            no_interval = self.no_interval(draws)
            compute = partial(decision_table if labels else score_table, chosen, y, x)
            point = compute(np.ones((n, 1)))[:, 0] if n else np.full(len(chosen), np.nan)
            table = np.tile(nothing, (len(chosen), 1))
            if no_interval is None and np.isfinite(point).any():
                table = draws.map(compute)
            for name, value, row in zip(chosen, point, table, strict=True):
                reason = self.obstacle(name)
                if reason is None and labels and not np.isfinite(passed).any():
                    reason = NO_LABELS
                reason = reason or why_undefined(y, x, what="answers")
                found = estimate(
                    value,
                    row,
                    n=n,
                    reason=reason,
                    confidence=self.confidence,
                    coverage=coverage,
                    no_interval=no_interval,
                )
                result[name] = (found, row)
        return result

    def primary_estimate(self, judge: JudgeScores) -> Estimate:
        """Return the primary figure of a judge on these units."""
        figure = self.primary.figure
        obstacle = self.obstacle(figure)
        if obstacle:
            return Estimate.undefined(obstacle)
        mine = self.on_rated(judge)
        return self.figures([figure], self.target(figure), mine.oriented, mine.passed)[figure][0]

    def mean_score(self, judge: JudgeScores) -> Estimate:
        """Return a judge's mean score, as given, over all units it scored."""
        scored = np.isfinite(judge.score)
        n = int(scored.sum())
        coverage = n / len(scored) if len(scored) else None
        if not n:
            return Estimate.undefined("no scores", coverage=coverage)
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


def score_table(names: Sequence[str], y: Floats, x: Floats, weights: Floats) -> Floats:
    """(figures, B) of score figures."""
    target, tie = Weighted(y, weights), score_tie(x)
    return np.stack([FIGURES[name].statistic(target, x, tie) for name in names])


def decision_table(names: Sequence[str], y: Floats, x: Floats, weights: Floats) -> Floats:
    """(figures, B) of decision figures."""
    counts = confusion(y, x, weights)
    return np.stack([DECISION_FIGURES[name](counts) for name in names])
