"""What changed between two runs: of each judge its answers and its agreement, of the people their answers.

Agreement is compared as two judges are in a comparison, by leaving out each prompt in turn: once with the old verdicts,
once with the new, against the same people's answers. What the people changed is told apart.

Longer than 400 lines: what a difference is and how it is found change together; half of it is records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis._estimate import Estimate
from genspace.analysis._judge_section import cost_of, coverage_of
from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import Compared, holm_adjusted
from genspace.analysis.compare import Comparison, compare
from genspace.analysis.correlation import score_tie
from genspace.analysis.inference.comparisons import Difference, Standing, standing
from genspace.analysis.inference.intervals import from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import Question, Units
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio
from genspace.analysis.result import ComparisonDocument, Cost, Coverage, Primary
from genspace.columns import ANSWER_KEY
from genspace.display import Result
from genspace.evidence import Evidence
from genspace.records import JudgeMark, Reference, StudySettings

if TYPE_CHECKING:
    import pandas as pd

    from genspace.study import Study

__all__ = [
    "BEFORE",
    "OTHER_KINDS",
    "Diff",
    "DiffDocument",
    "Flip",
    "JudgeChange",
    "JudgeSide",
    "as_estimate",
    "diff",
]

AnswerKind = Literal["decisions", "preferences", "scores"]

BEFORE = "before\0"
"""What stands before a judge's name where its old verdicts are meant."""
MOST_FLIPS = 500
"""Changed answers of a judge that are listed."""
MOST_KINDS = 12
"""Reasons for abstentions and failures that are counted apart."""
OTHER_KINDS = "other kinds"
"""The others, together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A setting that is another now; None: it was not there, or is no more."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What came and went, and what is another now."""

    old: int
    """How many there were."""
    new: int
    came: int
    went: int
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSide:
    """A judge in one of the two runs."""

    name: str
    figure: Estimate
    """The primary figure on everything that the judge answered, against the answers that both runs are held to."""
    coverage: Coverage
    reasons: Mapping[str, int]
    """Abstentions and failures by kind, the most frequent first."""
    cost: Cost
    fingerprint: str | None
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A unit on which a judge says something else."""

    item_id: str
    item_id_b: str | None
    old: float
    """Decision, side of a pair (1 the first, -1 the second) or score, as `JudgeChange.answers` says."""
    new: float
    people: float | None
    """What people say: the decision, the side, else the mean rating."""
    now: Literal["right", "wrong"] | None
    """None: people do not decide, or both answers are wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeChange:
    """One judge's change in one question; None on a side: the judge is not there."""

    question: str
    judge: str
    old: JudgeSide | None
    new: JudgeSide | None
    difference: Estimate
    """New minus old in the primary figure, on the rated units that both answered, with a pointwise interval."""
    standing: Standing
    """Of the new verdicts beside the old, corrected for all judges of the question."""
    p: float | None
    p_holm: float | None
    repeats: Estimate
    """Share of the units answered in both runs, rated or not, on which the judge says the same."""
    answers: AnswerKind
    n_flipped: int
    n_right: int
    """Of these, where the new answer is the people's and the old was not."""
    n_wrong: int
    flips: tuple[Flip, ...]
    """Against people first, then towards them, then the others; of scores the largest changes."""
    under_old_answers: Estimate | None
    """The figure of the new verdicts against the old answers; None where the answers are the same."""
    settings: tuple[Changed, ...] = ()

    @property
    def same_fingerprint(self) -> bool | None:
        """Whether nothing that is known to change its answers has changed; None where that is not known."""
        marks = [side.fingerprint for side in (self.old, self.new) if side is not None]
        return marks[0] == marks[1] if len(marks) == 2 and None not in marks else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffDocument:
    """A diff as JSON holds it."""

    old: str
    new: str
    reference: Reference
    options: CompareOptions
    primary: Primary
    items: Moved
    answers: Moved
    settings: tuple[Changed, ...]
    """What the studies declare otherwise."""
    judges: tuple[JudgeChange, ...]
    schema: Literal["genspace-diff/1"] = "genspace-diff/1"


@dataclass(frozen=True, eq=False)
class Diff(Result):
    """The result of comparing two runs.

    >>> import pandas as pd
    >>> import genspace
    >>> frames = {
    ...     "items": pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     "annotations": pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "value": [1, 0, 1, 0]}),
    ... }
    >>> def judged(passed):
    ...     scores = pd.DataFrame({"item_id": list("abcd"), "judge": "vlm", "score": passed, "passed": passed})
    ...     return genspace.Evidence.from_frames(**frames, scores=scores)
    >>> changed = genspace.diff(judged([1, 0, 1, 0]), judged([1, 1, 1, 0]))
    >>> row = changed.document.judges[0]
    >>> row.judge, row.n_flipped, row.flips[0].item_id, row.flips[0].now, row.repeats.value
    ('vlm', 1, 'b', 'wrong', 0.75)
    """

    document: DiffDocument
    study: Study | None = None
    """Where pictures come from; None: none are shown."""

    def __repr__(self) -> str:
        told = ", ".join(f"{row.judge}: {row.standing}" for row in self.document.judges)
        return f"<Diff of {self.document.new!r} beside {self.document.old!r}: {told or 'no judge'}>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per question and judge.

        Columns: `question, judge, old, new, difference, low, high, n, p, p_holm, standing, repeats, flipped`.
        """
        import pandas as pd

        rows = [
            (
                r.question, r.judge, *(None if s is None else s.figure.value for s in (r.old, r.new)),
                r.difference.value, r.difference.low, r.difference.high, r.difference.n, r.p, r.p_holm, r.standing,
                r.repeats.value, r.n_flipped,
            )
            for r in self.document.judges
        ]  # fmt: skip
        columns = "question judge old new difference low high n p p_holm standing repeats flipped"
        return pd.DataFrame(rows, columns=columns.split())


def diff(
    old: Evidence | Comparison,
    new: Evidence | Comparison,
    options: CompareOptions | None = None,
    *,
    names: tuple[str, str] = ("old", "new"),
) -> Diff:
    """Compare two runs.

    People's answers are those of the new run, or of the old one if the new has none. A comparison read from a file has
    only figures: it allows no tests and no list of flipped answers.

    Args:
        old: The earlier run.
        new: The later run.
        options: Primary figure, confidence, seed.
        names: The names of the two runs.

    Errors: `InputError` for an unknown figure.

    >>> import pandas as pd
    >>> run = Evidence.from_frames(
    ...     pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")}),
    ...     pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ...     pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.1, 0.3, 0.2, 0.9]}),
    ... )
    >>> diff(run, run, names=("May", "June"))
    <Diff of 'June' beside 'May': clip: identical>
    """
    options = options or CompareOptions()
    if isinstance(old, Comparison) or isinstance(new, Comparison):
        bare = replace(options, draws=0, permutations=0, tests=False)
        return Diff(_of_figures(_document(old, bare), _document(new, bare), options, names))
    sides, called = held(old, new)
    answers = _answers_moved(old, new)
    people_moved = bool(len(old.answers) and (answers.came or answers.went or answers.changed))
    rows: list[JudgeChange] = []
    for question in sides[1].questions:
        earlier = None
        if people_moved and question in old.questions:
            earlier = Scope.of(Question.of(new.held(old), question), options)
        rows += Paired.of(sides, options, question, called).rows(earlier)
    primary = Scope.of(Question.of(sides[1]), options).primary
    document = DiffDocument(
        old=names[0],
        new=names[1],
        reference=sides[1].reference,
        options=options,
        primary=primary,
        items=_moved(*(dict.fromkeys(map(str, side.items["item_id"])) for side in (old, new))),
        answers=answers,
        settings=_settings_changed(old, new),
        judges=tuple(rows),
    )
    return Diff(document)


def held(old: Evidence, new: Evidence) -> tuple[tuple[Evidence, Evidence], Mapping[str, str]]:
    """Return two runs held to the same answers, the new ones where there are any, and old names by new ones.

    Where each run has one judge these are compared whatever they are called.
    """
    answers = new if len(new.answers) else old
    one_each = len(old.judges) == len(new.judges) == 1
    names = dict(zip(new.judges, old.judges, strict=True)) if one_each else {n: n for n in new.judges}
    return (old.held(answers), new.held(answers)), names


@dataclass(frozen=True, eq=False)
class Paired:
    """One question of two runs whose people's answers are the same."""

    question: str
    scope: Scope
    """Its rated judges are the new ones by name and the old ones by `BEFORE` and the new name."""
    units: tuple[Units, Units]
    """All units of the old run, and of the new one."""
    sides: tuple[Evidence, Evidence]
    called: Mapping[str, str]
    """The judge's old name by its new one."""

    @classmethod
    def of(
        cls,
        sides: tuple[Evidence, Evidence],
        options: CompareOptions,
        question: str,
        called: Mapping[str, str],
    ) -> Paired:
        """Align a question of two runs, the old one first, that are held to the same answers (`Evidence.held`)."""
        old, new = (Scope.of(Question.of(side, question), options) for side in sides)
        names = {was: name for name, was in called.items()}
        before = {BEFORE + names.get(name, name): judge for name, judge in old.rated.judges.items()}
        judges = {**new.rated.judges, **before}
        scope = replace(new, rated=replace(new.rated, judges=judges))
        return cls(question, scope, (old.study, new.study), sides, called)

    def rows(self, earlier: Scope | None = None) -> Iterator[JudgeChange]:
        """Yield every judge's change; `earlier` is the new run against the old answers."""
        compared, there = Compared(self.scope), self.scope.rated.judges
        names = list(dict.fromkeys(name.removeprefix(BEFORE) for name in there))
        both = [n for n in names if n in there and BEFORE + n in there and not there[n].derived]
        obstacle = self.scope.obstacle(self.scope.figure)
        found = {n: compared.difference(n, BEFORE + n)[0] for n in both} if obstacle is None else {}
        corrected = dict(zip(found, holm_adjusted(list(found.values())), strict=True))
        for name in names:
            told = found.get(name, Difference(value=None, reason=obstacle or Reason("not_in_both_runs")))
            was = self.called.get(name, name)
            flips, repeats, kind = self._repeated(was, name)
            said = [self._silent(place, n) for place, n in enumerate((was, name))]
            told_apart = {str(k) for k in said[0].add(said[1], fill_value=0).nlargest(MOST_KINDS).index}
            old = self._side(0, was, BEFORE + name, _counted(said[0], told_apart))
            new = self._side(1, name, name, _counted(said[1], told_apart))
            yield JudgeChange(
                question=self.question,
                judge=name if was == name else f"{was} → {name}",
                old=old,
                new=new,
                difference=as_estimate(
                    told, int(compared.common(name, BEFORE + name).sum()) if name in both else 0
                ),
                standing=standing(told, corrected.get(name)),
                p=told.p,
                p_holm=corrected.get(name),
                repeats=repeats,
                answers=kind,
                n_flipped=len(flips),
                n_right=sum(f.now == "right" for f in flips),
                n_wrong=sum(f.now == "wrong" for f in flips),
                flips=tuple(flips[:MOST_FLIPS]),
                under_old_answers=(
                    earlier.primary_estimate(earlier.study.judges[name])
                    if earlier is not None and name in earlier.study.judges
                    else None
                ),
                settings=tuple(_changed(old.settings, new.settings)) if old and new else (),
            )

    def _silent(self, place: int, name: str) -> pd.Series[int]:
        """Return a judge's abstentions and failures in one of the runs, by kind."""
        frame = self.sides[place].verdicts
        mine = frame[(frame["judge"] == name) & frame["question"].isin([self.question, ""])]
        silent = mine[mine["status"] != "decided"]
        return (silent["status"] + ": " + silent["reason"]).value_counts()

    def _side(self, place: int, name: str, key: str, reasons: Mapping[str, int]) -> JudgeSide | None:
        """Return a judge in one of the runs; `key` is its name in the scope."""
        judge, evidence = self.units[place].judges.get(name), self.sides[place]
        if judge is None:
            return None
        rated, obstacle = self.scope.rated.judges[key], self.scope.obstacle(self.scope.figure)
        mark = evidence.marks.get(name, JudgeMark())
        return JudgeSide(
            name=name,
            figure=Estimate.undefined(obstacle)
            if obstacle
            else self.scope.agreement(rated, self.scope.target(self.scope.figure))[0],
            coverage=coverage_of(self.scope, judge, rated),
            reasons=reasons,
            cost=cost_of(judge),
            fingerprint=mark.fingerprint,
            settings=dict(mark.settings),
        )

    def repeats(self, name: str) -> Estimate:
        """Return the share of units answered in both runs on which a judge of the new run says the same."""
        return self._repeated(self.called.get(name, name), name)[1]

    def _repeated(self, was: str, name: str) -> tuple[list[Flip], Estimate, AnswerKind]:
        """Return the units on which a judge says something else, how often it repeats itself, what its answers are."""
        old, new = (side.judges.get(n) for side, n in zip(self.units, (was, name), strict=True))
        if old is None or new is None:
            return [], Estimate.undefined(Reason("not_in_both_runs")), "scores"
        places = [_places(side) for side in self.units]
        ids = [i for i in places[1] if i in places[0]]
        rows = [np.array([place[i] for i in ids], dtype=np.int64) for place in places]
        old, new, there = old.take(rows[0]), new.take(rows[1]), self.units[1].take(rows[1])
        kind: AnswerKind = "scores"
        if there.of_pairs:
            kind, said = "preferences", [np.sign(judge.preference) for judge in (old, new)]
        elif old.has_labels and new.has_labels:
            kind, said = "decisions", [old.passed, new.passed]
        else:
            said = [old.score, new.score]
        both = np.isfinite(said[0]) & np.isfinite(said[1])
        if not both.any():
            return [], Estimate.undefined(Reason("no_common_item")), kind
        tie = score_tie(np.concatenate([s[both] for s in said])) if kind == "scores" else 0.0
        same = (np.abs(said[0] - said[1]) <= tie)[both]
        clusters = Replicates.of(there.prompt[both], seed=self.scope.seed)
        lost, size = (
            np.bincount(clusters.of_item, v, minlength=clusters.draws) for v in (same, np.ones(len(same)))
        )
        left = ratio(np.asarray(same.sum() - lost, dtype=float), np.asarray(len(same) - size, dtype=float))
        share = from_replicates(
            float(same.mean()), left, clusters, n=len(same), scale="share", confidence=self.scope.confidence
        )
        flips = _flips(there, said, np.flatnonzero(both)[~same], kind)
        return sorted(flips, key=_gravity), share, kind


def _counted(silent: pd.Series[int], told_apart: AbstractSet[str]) -> dict[str, int]:
    """Return kinds with their counts, the most frequent first; of both runs the same kinds are told apart."""
    kept = {str(kind): int(n) for kind, n in silent.items() if kind in told_apart}
    rest = int(silent.sum()) - sum(kept.values())
    return kept | ({OTHER_KINDS: rest} if rest else {})


def as_estimate(found: Difference, n: int) -> Estimate:
    """Return a difference over n units with its interval, or why there is none.

    >>> found = as_estimate(Difference(value=0.1, low=0.02, high=0.18), 40)
    >>> found.value, found.low, found.n
    (0.1, 0.02, 40)
    """
    if found.value is None:
        return Estimate.undefined(found.reason or Reason("undefined"), n=n)
    return Estimate(found.value, found.low, found.high, n=n, reason=found.reason)


def _places(units: Units) -> dict[tuple[str, str], int]:
    ids = zip(units.units["item_id"], units.units["item_id_b"], strict=True)
    return {pair: place for place, pair in enumerate(ids)}


def _flips(units: Units, said: list[Floats], rows: Ints, kind: AnswerKind) -> Iterator[Flip]:
    people = {
        "decisions": units.people.decision,
        "preferences": np.sign(units.people.mean - 0.5),
        "scores": units.people.mean,
    }[kind]
    decides = kind != "scores"
    for i in rows:
        old, new, human = (float(v[i]) for v in (said[0], said[1], people))
        first, second = units.units["item_id"].iloc[i], units.units["item_id_b"].iloc[i]
        now: Literal["right", "wrong"] | None = None
        if decides and np.isfinite(human) and not (kind == "preferences" and human == 0):
            now = "right" if new == human else "wrong" if old == human else None
        yield Flip(
            item_id=str(first),
            item_id_b=str(second) or None,
            old=old,
            new=new,
            people=human if np.isfinite(human) else None,
            now=now,
        )


def _gravity(flip: Flip) -> tuple[int, float, str]:
    return {"wrong": 0, "right": 1, None: 2}[flip.now], -abs(flip.new - flip.old), flip.item_id


def _moved(old: Mapping[str, float | None], new: Mapping[str, float | None]) -> Moved:
    changed = sum(new[key] != value for key, value in old.items() if key in new)
    return Moved(
        old=len(old),
        new=len(new),
        came=sum(key not in old for key in new),
        went=sum(key not in new for key in old),
        changed=changed,
    )


def _answers_moved(old: Evidence, new: Evidence) -> Moved:
    """Count the answers of people who count that came, went, or are others; "can't tell" is an answer."""

    def said(evidence: Evidence) -> dict[str, float | None]:
        kept = evidence.answers[~evidence.answers["rater_id"].isin(list(evidence.excluded))]
        values = [None if np.isnan(v) else float(v) for v in kept["value"]]
        keys = kept[ANSWER_KEY].itertuples(index=False, name=None)
        return {repr(key): value for key, value in zip(keys, values, strict=True)}

    return (
        _moved(said(old), said(new))
        if len(new.answers)
        else Moved(old=len(old.answers), new=0, came=0, went=0)
    )


def _settings_changed(old: Evidence, new: Evidence) -> tuple[Changed, ...]:
    """Return what the studies declare otherwise; verdicts by themselves declare nothing."""
    if not (len(old.answers) and len(new.answers)):
        return ()
    said = [
        {f.name: str(getattr(s, f.name)) for f in fields(StudySettings) if f.name != "name"}
        for s in (old.settings, new.settings)
    ]
    return tuple(_changed(*said))


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Changed]:
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield Changed(name=name, old=old.get(name), new=new.get(name))


def _document(side: Evidence | Comparison, options: CompareOptions) -> ComparisonDocument:
    return (side if isinstance(side, Comparison) else compare(side, options)).document


def _of_figures(
    old: ComparisonDocument, new: ComparisonDocument, options: CompareOptions, names: tuple[str, str]
) -> DiffDocument:
    """Return what figures alone show."""
    figure = options.primary or new.primary.figure
    reason = Reason("figures_alone")

    def side(document: ComparisonDocument, name: str) -> JudgeSide | None:
        judge = document.judges.get(name)
        if judge is None:
            return None
        known = judge.item.get(figure, Estimate.undefined(Reason("not_computed")))
        counted = {"abstained": judge.coverage.abstained, "failed": judge.coverage.failed}
        return JudgeSide(
            name=name,
            figure=known,
            coverage=judge.coverage,
            reasons={kind: n for kind, n in counted.items() if n},
            cost=judge.cost,
            fingerprint=None,
            settings={},
        )

    rows = []
    for name in dict.fromkeys((*new.judges, *old.judges)):
        before, after = side(old, name), side(new, name)
        if (new.judges.get(name) or old.judges[name]).kind == "baseline":
            continue
        values = [s.figure.value for s in (after, before) if s is not None]
        difference = Estimate.undefined(reason)
        if len(values) == 2 and values[0] is not None and values[1] is not None:
            difference = Estimate(values[0] - values[1], reason=reason)
        rows.append(
            JudgeChange(
                question="", judge=name, old=before, new=after, difference=difference, standing="not compared", p=None,
                p_holm=None, repeats=Estimate.undefined(reason), answers="scores", n_flipped=0, n_right=0, n_wrong=0,
                flips=(), under_old_answers=None,
            )
        )  # fmt: skip
    counts = [
        Moved(old=a, new=b, came=max(0, b - a), went=max(0, a - b))
        for a, b in ((old.study.n_items, new.study.n_items), (old.study.n_ratings, new.study.n_ratings))
    ]
    return DiffDocument(
        old=names[0], new=names[1], reference=new.study.reference, options=options,
        primary=new.primary if options.primary is None else Primary(figure, figure, "declared"), items=counts[0],
        answers=counts[1], settings=(), judges=tuple(rows),
    )  # fmt: skip
