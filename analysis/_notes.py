"""Rules that look for what a careful reviewer would remark; each remark is a record of `genspace.analysis.notes`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from genspace.analysis import notes as n
from genspace.analysis._conspicuous import OtherScale, conspicuous_raters
from genspace.analysis._estimate import Estimate
from genspace.analysis._judge_section import baselines
from genspace.analysis._scope import Scope, given
from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.intervals import FEW_PROMPTS
from genspace.analysis.pairwise import MAX_PAIRS, SAMPLE_ERROR, SAMPLED
from genspace.analysis.question import JudgeScores
from genspace.analysis.resampling import Weighted
from genspace.analysis.result import JudgeResult, QuestionResult
from genspace.analysis.system import MIN_GENERATORS


@dataclass(frozen=True)
class Seen:
    """What a rule may look at."""

    result: QuestionResult
    scope: Scope

    @property
    def ranked(self) -> dict[str, JudgeResult]:
        """The judges with a rank."""
        return {name: judge for name, judge in self.result.judges.items() if judge.rank is not None}


RARE_ANSWER, RARE_ANSWER_PROMPTS, RARE_ANSWER_FIGURES = 0.2, 60, ("f1", "cohen_kappa", "mcc")
"""Share of the rarer answer, number of prompts, and figures for which tests are somewhat too ready."""
NEAR_TIES_MATTER = 0.01
"""A change of pairwise accuracy worth a sentence."""


def remarks(result: QuestionResult, scope: Scope) -> tuple[n.Note, ...]:
    """Return everything worth saying, in the order in which it is read."""
    seen = Seen(result, scope)
    return tuple(note for rule in RULES for note in rule(seen))


def _no_people(seen: Seen) -> Iterator[n.Note]:
    if not seen.result.study.n_ratings:
        yield n.NoPeople()


def _slots(seen: Seen) -> Iterator[n.Note]:
    study = seen.result.study
    if study.n_raters > 1 and study.raters != "person":
        yield n.RatersAreSlots(declared=study.raters == "slot")
    if study.n_raters == 1 and study.reference == "people":
        yield n.OneRater()


def _pair(seen: Seen) -> Iterator[n.Note]:
    found = conspicuous_raters(seen.scope.rated.people)
    if isinstance(found, OtherScale):
        yield n.RaterOnOtherScale(
            rater=found.rater,
            other=found.other,
            turned=found.turned,
            kappa=found.kappa,
            aligned=found.aligned,
        )
    elif found:
        pair, next_best = found
        yield n.ConspicuousRaters(a=pair.a, b=pair.b, kappa=pair.kappa or 0.0, next_best=next_best)


def _excluded(seen: Seen) -> Iterator[n.Note]:
    """Whom rules written before the data leave out, and whether that changes the order of the judges."""
    section = seen.result.exclusion
    if section is None:
        return
    if not section.applied:
        yield n.RulesLeaveNobody(raters=section.raters)
        return
    key = seen.scope.primary.figure
    everybody = {name: section.all_raters.judges[name].value for name in seen.ranked}
    kept = {name: judge.item[key].value for name, judge in seen.ranked.items()}
    known = [name for name, value in everybody.items() if value is not None]
    order = tuple(sorted(known, key=lambda name: -(everybody[name] or 0.0)))
    same = order == tuple(sorted(known, key=lambda name: -(kept[name] or 0.0)))
    yield n.RatersLeftOut(
        raters=section.raters,
        of_raters=seen.result.study.n_raters + len(section.raters),
        n_ratings=section.n_ratings,
        of_ratings=section.all_raters.n_ratings,
        order=None if same else order,
        level="note" if same else "warning",
    )


def _prompts(seen: Seen) -> Iterator[n.Note]:
    prompts = int(seen.scope.replicates.present.sum())
    if 0 < prompts < FEW_PROMPTS:
        yield n.FewPrompts(n=prompts)
    if prompts == seen.scope.annotated > 1 and seen.result.study.n_generators > 1:
        yield n.PromptsNotShared()


def _generators(seen: Seen) -> Iterator[n.Note]:
    if 1 < seen.result.study.n_generators < MIN_GENERATORS:
        yield n.FewGenerators(n=seen.result.study.n_generators)


def _decisions(seen: Seen) -> Iterator[n.Note]:
    people = seen.scope.rated.people
    if len(people.raters) and not people.decides and not seen.scope.rated.of_pairs:
        yield n.NoDecisions()
    undecided = int((people.count > 0).sum() - people.decided.sum())
    if people.decides and undecided:
        yield n.HumanTies(n=undecided)


def _separated(seen: Seen) -> Iterator[n.Note]:
    people = seen.scope.rated.people
    known = people.count > 0
    if seen.scope.rated.of_pairs and known.any():
        apart = float((people.mean[known] != 0.5).mean())
        yield n.PairsSeparated(raters=float(people.count[known].mean()), separated=apart)


def _tie_widths(seen: Seen) -> Iterator[n.Note]:
    rated = int((seen.scope.rated.people.count > 0).sum())
    pairs = rated * (rated - 1) // 2
    if pairs > MAX_PAIRS and not seen.scope.rated.of_pairs:
        yield n.TieWidthsSampled(pairs=pairs, drawn=SAMPLED, below=SAMPLE_ERROR)


def _rare_answer(seen: Seen) -> Iterator[n.Note]:
    """Figures of labels with a rare answer, whose tests reject at 6.7 to 7.3 % instead of 5 at 20 to 40 prompts."""
    decided = seen.scope.rated.people.decision
    decided, prompts = decided[np.isfinite(decided)], int(seen.scope.replicates.present.sum())
    if (
        seen.scope.primary.figure not in RARE_ANSWER_FIGURES
        or not len(decided)
        or prompts > RARE_ANSWER_PROMPTS
    ):
        return
    share = float(min(decided.mean(), 1 - decided.mean()))
    if share <= RARE_ANSWER:
        yield n.RareAnswer(share=share, prompts=prompts)


def _derived(seen: Seen) -> Iterator[n.Note]:
    names = tuple(name for name, judge in seen.result.judges.items() if judge.kind == "derived")
    if names:
        yield n.DerivedMetrics(judges=names)


def _coverage(seen: Seen) -> Iterator[n.Note]:
    for name, judge in seen.result.judges.items():
        coverage = judge.coverage
        if judge.kind == "baseline" or not coverage.annotated:
            continue
        if coverage.failed:
            yield n.Failures(judge=name, n=coverage.failed, of=coverage.annotated)
        if coverage.missing:
            yield n.MissingVerdicts(judge=name, n=coverage.missing, of=coverage.annotated)
        if coverage.abstained:
            yield n.Abstentions(judge=name, n=coverage.abstained, of=coverage.annotated)


def _tie_forms(seen: Seen) -> Iterator[n.Note]:
    """Two judges whose order within prompts depends on what a judge's tie is worth."""
    known = [form for name, judge in seen.ranked.items() if (form := _tie_form(name, judge)) is not None]
    reversals = [(a, b) for a in known for b in known if a.strict < b.strict and a.dropped > b.dropped]
    if not reversals:
        return
    a, b = max(
        reversals, key=lambda pair: pair[1].strict - pair[0].strict + pair[0].dropped - pair[1].dropped
    )
    ties = seen.ranked[a.judge].ties.within_prompt
    yield n.TieFormDecides(
        behind_when_wrong=a, ahead_when_wrong=b, human_ties=ties.human or 0.0, further=len(reversals) - 1
    )


def _tie_form(name: str, judge: JudgeResult) -> n.TieForm | None:
    forms = [f"pairwise_{form}" for form in ("strict", "half_credit", "ties_dropped")]
    strict, half, dropped = (
        judge.within_prompt[k].value if k in judge.within_prompt else None for k in forms
    )
    if strict is None or half is None or dropped is None:
        return None
    return n.TieForm(name, strict, half, dropped, judge.ties.within_prompt.metric_of_separated or 0.0)


def _near_ties(seen: Seen) -> Iterator[n.Note]:
    """Scores that differ by next to nothing, where counting them as ties changes pairwise accuracy."""
    human = seen.scope.rated.people.mean
    for name, judge in seen.scope.rated.judges.items():
        strictly = seen.result.judges[name].item.get("pairwise_strict")
        as_ties = strictly.value if strictly is not None else None
        both = np.isfinite(human) & np.isfinite(judge.oriented)
        if as_ties is None:
            continue
        target = Weighted(human[both], np.ones((int(both.sum()), 1)))
        exact = float(target.concordance(judge.oriented[both]).strict[0])
        if abs(exact - as_ties) > NEAR_TIES_MATTER:
            yield n.NearTies(judge=name, as_ties=as_ties, exact=exact)


def _specification(seen: Seen) -> Iterator[n.Note]:
    """Whether the headline conclusions depend on how agreement is computed."""
    pairs = seen.result.specification.pairs
    if pairs:
        reversed_pairs = sum(pair.reversed > 0 for pair in pairs)
        yield n.DependsOnChoice(reversed=reversed_pairs, level="warning" if reversed_pairs else "note")


def _baseline(seen: Seen) -> Iterator[n.Note]:
    """Judges below what knowing the prompt alone reaches, on the items on which both are known."""
    scope, name = seen.scope, "baseline: prompt mean"
    bar = seen.result.judges[name].item[scope.figure.key].value if name in seen.result.judges else None
    if bar is None:
        return
    blind = next(scope.on_rated(judge) for judge in baselines(scope) if judge.name == name)

    def on_common(judge: JudgeScores, other: JudgeScores) -> float:
        common = np.where(np.isfinite(given(other, scope.figure)), scope.target(scope.figure), np.nan)
        return scope.agreement(judge, common)[0].value or 0.0

    below = tuple(
        ranked
        for ranked, judge in scope.rated.judges.items()
        if ranked in seen.ranked and on_common(judge, blind) < on_common(blind, judge)
    )
    if below:
        yield n.BelowPromptMean(bar=bar, judges=below)


DIRECTIONS = ("spearman", "pair_agreement")
"""Figures that tell which way scores point, beside the primary one."""


def _other_way(seen: Seen) -> Iterator[n.Note]:
    """Judges whose whole interval lies below chance: their low scores are likely the good ones."""
    keys = dict.fromkeys((seen.scope.primary.figure, *DIRECTIONS))
    for name, judge in seen.result.judges.items():
        told = [(_highest(judge.item[key]), FIGURES[key].chance) for key in keys if key in judge.item]
        if judge.kind != "baseline" and any(high is not None and high < chance for high, chance in told):
            yield n.PointsTheOtherWay(judge=name)


def _highest(figure: Estimate) -> float | None:
    """Return the upper end of a figure's interval; the figure itself at the end of its scale, where it has none."""
    at_its_end = figure.reason is not None and figure.reason.code == "at_its_end"
    return figure.value if at_its_end else figure.high


RULES = (
    _no_people,
    _slots,
    _pair,
    _excluded,
    _prompts,
    _generators,
    _decisions,
    _separated,
    _rare_answer,
    _derived,
    _coverage,
    _other_way,
    _tie_forms,
    _specification,
    _near_ties,
    _baseline,
    _tie_widths,
)
"""Every rule, in the order in which its remarks are read."""
