"""What every section of a comparison shares: the study, its rated part, the draws, the primary figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis.correlation import score_tie, why_undefined
from genspace.analysis.figures import FIGURES, Figure, Target, figure_named
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.pairwise import Pairs, folds_by_prompt, pairs_within
from genspace.analysis.question import JudgeScores, PeopleAnswers, Question, Units
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import PromptDraws, Weighted, ratio, stream
from genspace.analysis.result import Primary
from genspace.analysis.thresholds import cross_fit_decisions
from genspace.errors import InputError

NO_PEOPLE = Reason("no_people")
NO_DECISIONS = Reason("no_decisions")


ALL, BY_GENERATOR = -1, -2
"""Whose target is kept, beside that of each generator's units: of all units, with their prompts or their generators."""


def choose_primary(units: Units, declared: str | None) -> Primary:
    """Return the declared primary figure, or the usual one for the kind of answers.

    Errors: `InputError` for a name that is not a figure of such answers.
    """
    if declared is not None:
        row = figure_named(declared)
        if (row.target == "preference") != units.of_pairs:
            about, usual = (
                ("compare two items", "pair_agreement")
                if units.of_pairs
                else ("are about single items", "spearman")
            )
            raise InputError(
                f"primary = {declared!r}: the answers {about}, for which {row.label} is not defined; "
                f"choose one such as {usual}"
            )
        return Primary(row.key, row.label, "declared")
    usual = "roc_auc" if units.people.value_type == "binary" else "spearman"
    row = FIGURES["pair_agreement" if units.of_pairs else usual]
    return Primary(row.key, row.label, "by the kind of answers")


def given(judge: JudgeScores, figure: Figure) -> Floats:
    """(n,) what a figure reads of a judge, higher is better: decisions, preferences or scores; NaN = none."""
    if figure.target == "preference":
        return judge.preference
    return judge.passed if figure.of_labels else judge.oriented


def target_of(people: PeopleAnswers, figure: Figure, rating: Floats | None = None) -> Floats:
    """(n,) what a figure compares a judge with: mean ratings, decisions or preferences; NaN = none.

    Args:
        people: How ratings become decisions.
        figure: Which of the three it wants.
        rating: (n,) mean ratings, where they are not those of all people.
    """
    mean = people.mean if rating is None else rating
    of: dict[Target, Callable[[Floats], Floats]] = {
        "rating": lambda m: m,
        "decision": people.decide,
        "preference": lambda m: m - 0.5,
    }
    return of[figure.target](mean)


@dataclass(frozen=True, eq=False)
class Scope:
    """One question of a study, ready to be computed on."""

    study: Units
    """All units."""
    rated: Units
    """The units that people were asked about; judges without labels decide by a cross-fitted threshold."""
    all_replicates: Replicates
    """The prompts of all units left out in turn, for mean scores."""
    replicates: Replicates
    """The prompts of the rated units left out in turn, for agreement."""
    primary: Primary
    seed: int
    confidence: float
    bootstrap: int
    """Draws behind what has no standard error: the order of the generators."""

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
            all_replicates=Replicates.of(study.prompt, seed=seed),
            replicates=Replicates.of(rated.prompt, seed=seed),
            primary=choose_primary(study, options.primary or question.settings.primary),
            seed=seed,
            confidence=options.confidence,
            bootstrap=options.draws,
        )

    def take(self, rows: Bools) -> Scope:
        """Return the same scope on some of the units, with the same blocks of prompts."""
        asked = self.study.people.asked
        return replace(
            self,
            study=self.study.take(rows),
            rated=self.rated.take(rows[asked]),
            all_replicates=self.all_replicates.take(rows),
            replicates=self.replicates.take(rows[asked]),
        )

    def parts(self, columns: Iterable[str]) -> dict[tuple[str, str], Scope]:
        """Return the study within each value of columns of its items table, by column and value."""
        values = {column: self.study.column(column) for column in columns}
        return {
            (column, value or "(none)"): self.take(there == value)
            for column, there in values.items()
            for value in sorted(set(there))
        }

    @property
    def annotated(self) -> int:
        """Units that people were asked about."""
        return len(self.rated)

    def coverage(self, n: int) -> float | None:
        """Return so many units as a share of the rated ones; None where there are none."""
        return n / self.annotated if self.annotated else None

    def on_rated(self, judge: JudgeScores) -> JudgeScores:
        """Return a judge of all units, also one that is not in the study, on the rated ones."""
        known = self.rated.judges.get(judge.name)
        return known or with_decisions(judge.take(self.study.people.asked), self.rated, seed=self.seed)

    @property
    def figure(self) -> Figure:
        """The primary figure."""
        return FIGURES[self.primary.figure]

    @cached_property
    def draws(self) -> PromptDraws:
        """Bootstrap over the prompts of the rated units."""
        return PromptDraws.make(self.rated.prompt, self.bootstrap, stream(self.seed, "bootstrap", "rated"))

    @cached_property
    def fold(self) -> Ints:
        """(n,) fold of each rated unit's prompt for tie widths; the same whichever units a judge scores."""
        return folds_by_prompt(self.rated.prompt, stream(self.seed, "tie folds"))

    @cached_property
    def _pairs(self) -> dict[bool, tuple[bytes, Pairs]]:
        return {}

    def pairs(self, both: Bools, x: Floats, groups: Ints | None = None) -> Pairs:
        """Return the pairs of some rated units, inside groups or all; which they are is found once for all judges.

        Args:
            both: (n,) the m units.
            x: (m,) a judge's scores of them.
            groups: (m,) of these units.
        """
        key = np.packbits(both).tobytes() + (b"" if groups is None else groups.tobytes())
        kept = self._pairs.get(groups is None)
        if kept is None or kept[0] != key:
            y = self.rated.people.mean[both]
            kept = self._pairs[groups is None] = key, pairs_within(y, y, groups, seed=self.seed)
        return kept[1].judged(x)

    @cached_property
    def _left_out(self) -> dict[int, LeftOut]:
        return {}

    def left_out(self, y: Floats, clusters: Replicates, part: int = ALL) -> LeftOut:
        """Return a target of a judge; what is known of the target alone is computed once for the judges that share it.

        Args:
            y: (m,) finite.
            clusters: The blocks of the m units.
            part: Whose units these are: a generator's, or else `ALL` or `BY_GENERATOR`.
        """
        kept = self._left_out.get(part)
        if kept is None or not kept.same(y, clusters):
            kept = self._left_out[part] = LeftOut(y, clusters)
        return kept.beside()

    def target(self, figure: Figure) -> Floats:
        """(n,) what a figure compares a judge with, on the rated units; NaN = none."""
        return target_of(self.rated.people, figure)

    def obstacle(self, figure: Figure) -> Reason | None:
        """Return why nobody can have this figure in this study, if so."""
        if not np.isfinite(self.rated.people.mean).any():
            return NO_PEOPLE
        return NO_DECISIONS if figure.target == "decision" and not self.rated.people.decides else None

    def figures(
        self, rows: Iterable[Figure], target: Floats, judge: JudgeScores
    ) -> dict[str, tuple[Estimate, Floats]]:
        """Return estimates and replicates of figures that share a target, by key.

        Args:
            rows: Figures, all with the same kind of target.
            target: (n,) over the rated units, NaN = none.
            judge: On the rated units.
        """
        result: dict[str, tuple[Estimate, Floats]] = {}
        rows = list(rows)
        for labels in (False, True):
            chosen = [row for row in rows if row.of_labels == labels]
            if not chosen:
                continue
            said = given(judge, chosen[0])
            both = np.isfinite(target) & np.isfinite(said)
            n = int(both.sum())
            y, x = target[both], said[both]
            clusters = self.replicates.take(both)
            table = figure_table(chosen, self.left_out(y, clusters), x)
            if clusters.present.sum() < 2:
                table[:, 1:] = np.nan
            for row, value, replicated in zip(chosen, table[:, 0], table[:, 1:], strict=True):
                reason = self.obstacle(row)
                if reason is None and labels and not np.isfinite(said).any():
                    reason = Reason("no_labels")
                found = from_replicates(
                    value,
                    replicated,
                    clusters,
                    n=n,
                    scale=row.scale,
                    support=Support.of(row, y, clusters),
                    least=row.least_prompts,
                    reason=reason or why_undefined(y, x, what="answers"),
                    confidence=self.confidence,
                    coverage=self.coverage(n),
                )
                result[row.key] = (found, replicated)
        return result

    def primary_estimate(self, judge: JudgeScores) -> Estimate:
        """Return the primary figure of a judge on these units."""
        obstacle = self.obstacle(self.figure)
        if obstacle:
            return Estimate.undefined(obstacle)
        mine = self.on_rated(judge)
        return self.agreement(mine, self.target(self.figure))[0]

    def agreement(self, judge: JudgeScores, target: Floats) -> tuple[Estimate, Floats]:
        """Return the primary figure of a rated judge against a target, and its replicates."""
        kept = self._agreements.get(judge.name)
        if kept is None or kept[0] is not judge or not np.array_equal(kept[1], target, equal_nan=True):
            found = self.figures([self.figure], target, judge)[self.figure.key]
            kept = self._agreements[judge.name] = judge, target, found
        return kept[2]

    @cached_property
    def _agreements(self) -> dict[str, tuple[JudgeScores, Floats, tuple[Estimate, Floats]]]:
        return {}

    def mean_score(self, judge: JudgeScores) -> Estimate:
        """Return a judge's mean score, as given, over all units it scored."""
        if self.study.of_pairs:
            return Estimate.undefined(Reason("people_compared_pairs"))
        scored = np.isfinite(judge.score)
        n = int(scored.sum())
        coverage = n / len(scored) if len(scored) else None
        if not n:
            return Estimate.undefined(Reason("no_scores"), coverage=coverage)
        clusters, x = self.all_replicates.take(scored), judge.score[scored]
        total, count = (np.bincount(clusters.of_item, v, minlength=clusters.draws) for v in (x, np.ones(n)))
        return from_replicates(
            float(x.mean()),
            ratio(np.asarray(x.sum() - total), np.asarray(n - count, dtype=float)),
            clusters,
            n=n,
            confidence=self.confidence,
            coverage=coverage,
        )


def with_decisions(judge: JudgeScores, rated: Units, *, seed: int) -> JudgeScores:
    """Return a judge that decides: by its own labels, else by a threshold cross-fitted by prompt."""
    if judge.has_labels or rated.of_pairs or not rated.people.decides:
        return judge
    fitted = cross_fit_decisions(judge.oriented, rated.people.decision, rated.prompt, seed=seed)
    return replace(judge, passed=fitted.decisions)


def figure_table(rows: Sequence[Figure], target: Weighted, x: Floats) -> Floats:
    """(figures, B) of figures that read the same (n,) scores, or decisions."""
    tie = score_tie(x)
    return np.stack([row.statistic(target, x, tie) for row in rows])
