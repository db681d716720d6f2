"""What a careful reviewer would remark about a comparison: codes with fields, each from a checked condition.

`genspace.report.remarks_of` makes sentences of them.

>>> found = FewPrompts(n=12)
>>> found.code, found.level, found.n
('few-prompts', 'warning', 12)

Longer than 400 lines: a record for each remark, with its fields and an example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Abstentions", "BelowPromptMean", "ConspicuousRaters", "DependsOnChoice", "DerivedMetrics", "Failures",
    "FewGenerators", "FewPrompts", "HumanTies", "LeftOutRater", "MissingVerdicts", "NearTies", "NoDecisions",
    "NoPeople", "Note", "OneRater", "PairsSeparated", "PointsTheOtherWay", "PromptsNotShared", "RareAnswer",
    "RaterOnOtherScale", "RatersAreSlots", "RatersLeftOut", "RulesLeaveNobody", "StudyOpen", "TieForm",
    "TieFormDecides", "TieWidthsSampled", "Told",
]  # fmt: skip

Warned = Literal["warning"]
Noted = Literal["note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOpen:
    """People are still being asked; stopping when the figures please would bias them.

    >>> StudyOpen(missing=12)
    StudyOpen(missing=12, code='study-open', level='warning')
    """

    missing: int
    """Answers that are still asked for."""
    code: Literal["study-open"] = "study-open"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPeople:
    """There are no ratings.

    >>> NoPeople()
    NoPeople(code='no-people', level='warning')
    """

    code: Literal["no-people"] = "no-people"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatersAreSlots:
    """Figures that need to know who rated what are not given.

    >>> RatersAreSlots(declared=True)
    RatersAreSlots(declared=True, code='raters-are-slots', level='note')
    """

    declared: bool
    """Whether the study declares it."""
    code: Literal["raters-are-slots"] = "raters-are-slots"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRater:
    """One rater: how far people agree is unknown.

    >>> OneRater()
    OneRater(code='one-rater', level='warning')
    """

    code: Literal["one-rater"] = "one-rater"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConspicuousRaters:
    """Two raters agree far more than any other pair.

    >>> ConspicuousRaters(a="ann", b="bob", kappa=0.98, next_best=0.61).code
    'conspicuous-raters'
    """

    a: str
    """One rater."""
    b: str
    """The other."""
    kappa: float
    """Their Cohen's kappa."""
    next_best: float
    """The highest kappa of any other pair."""
    code: Literal["conspicuous-raters"] = "conspicuous-raters"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterOnOtherScale:
    """A rater agrees with another only after the answers are reversed or brought onto the other's scale.

    >>> note = RaterOnOtherScale(rater="ann", other="bob", turned=True, kappa=-0.4, aligned=0.7)
    >>> note.code, note.turned
    ('rater-on-other-scale', True)
    """

    rater: str
    """The rater on another scale."""
    other: str
    """The rater that is compared with."""
    turned: bool
    """Whether the scale is reversed."""
    kappa: float
    """Kappa of the two as they answered."""
    aligned: float
    """Kappa once the scales are aligned."""
    code: Literal["rater-on-other-scale"] = "rater-on-other-scale"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True)
class LeftOutRater:
    """A rater, and the rules that the rater breaks.

    >>> LeftOutRater("ann", "30 % of the answers in under 1 s").rater_id
    'ann'
    """

    rater_id: str
    """The rater."""
    rules: str
    """The rules, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesLeaveNobody:
    """Every rater breaks a rule, so all are kept.

    >>> RulesLeaveNobody(raters=(LeftOutRater("ann", "30 % of the answers in under 1 s"),)).code
    'rules-leave-nobody'
    """

    raters: tuple[LeftOutRater, ...]
    """All raters, with the rules that they break."""
    code: Literal["rules-leave-nobody"] = "rules-leave-nobody"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatersLeftOut:
    """Raters whom rules written before the data leave out, and whether that changes the order of the judges.

    >>> left = (LeftOutRater("ann", "30 % of the answers in under 1 s"),)
    >>> RatersLeftOut(raters=left, of_raters=12, n_ratings=40, of_ratings=480, order=None, level="note").code
    'raters-left-out'
    """

    raters: tuple[LeftOutRater, ...]
    """Those left out."""
    of_raters: int
    """All raters."""
    n_ratings: int
    """Ratings left out."""
    of_ratings: int
    """All ratings."""
    order: tuple[str, ...] | None
    """The order with everybody, if it differs."""
    level: Literal["note", "warning"]
    code: Literal["raters-left-out"] = "raters-left-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class FewPrompts:
    """Intervals and tests over few prompts are unreliable."""

    n: int
    """Rated prompts."""
    code: Literal["few-prompts"] = "few-prompts"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsNotShared:
    """No two rated items share a prompt, though there are several generators.

    >>> PromptsNotShared()
    PromptsNotShared(code='prompts-not-shared', level='note')
    """

    code: Literal["prompts-not-shared"] = "prompts-not-shared"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class FewGenerators:
    """No system-level significance is claimed.

    >>> FewGenerators(n=3)
    FewGenerators(n=3, code='few-generators', level='note')
    """

    n: int
    """Generators."""
    code: Literal["few-generators"] = "few-generators"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDecisions:
    """No rule turns ratings into yes and no.

    >>> NoDecisions()
    NoDecisions(code='no-decisions', level='note')
    """

    code: Literal["no-decisions"] = "no-decisions"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanTies:
    """People are evenly split on some items.

    >>> HumanTies(n=14)
    HumanTies(n=14, code='human-ties', level='note')
    """

    n: int
    """Items."""
    code: Literal["human-ties"] = "human-ties"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class TieWidthsSampled:
    """There are too many pairs of items to try a tie width on all of them.

    >>> TieWidthsSampled(pairs=40_000_000, drawn=1_000_000, below=0.002).code
    'tie-widths-sampled'
    """

    pairs: int
    """All pairs."""
    drawn: int
    """Pairs drawn."""
    below: float
    """How far the accuracy may lie below that of the best width."""
    code: Literal["tie-widths-sampled"] = "tie-widths-sampled"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsSeparated:
    """How many raters a pair has, and on how many pairs they prefer one item: agreement on pairs grows with both.

    >>> PairsSeparated(raters=2.4, separated=0.7).code
    'pairs-separated'
    """

    raters: float
    """Mean number of raters of a pair."""
    separated: float
    """Share of the pairs on which they prefer one item."""
    code: Literal["pairs-separated"] = "pairs-separated"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class RareAnswer:
    """One answer is rare, so that tests of this figure are somewhat too ready to find a difference.

    >>> RareAnswer(share=0.04, prompts=80)
    RareAnswer(share=0.04, prompts=80, code='rare-answer', level='note')
    """

    share: float
    """Share of the rarer answer among the decisions."""
    prompts: int
    """Prompts with decisions."""
    code: Literal["rare-answer"] = "rare-answer"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedMetrics:
    """Metrics computed from the ratings themselves.

    >>> DerivedMetrics(judges=("median_rating",)).code
    'derived-metrics'
    """

    judges: tuple[str, ...]
    """Their names."""
    code: Literal["derived-metrics"] = "derived-metrics"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """A judge failed on rated items.

    >>> Failures(judge="vlm", n=3, of=160)
    Failures(judge='vlm', n=3, of=160, code='failures', level='warning')
    """

    judge: str
    """The judge."""
    n: int
    """Items on which it failed."""
    of: int
    """Rated items."""
    code: Literal["failures"] = "failures"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingVerdicts:
    """A judge has no verdict on rated items.

    >>> MissingVerdicts(judge="vlm", n=40, of=160)
    MissingVerdicts(judge='vlm', n=40, of=160, code='missing-verdicts', level='warning')
    """

    judge: str
    """The judge."""
    n: int
    """Items without a verdict."""
    of: int
    """Rated items."""
    code: Literal["missing-verdicts"] = "missing-verdicts"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstentions:
    """A judge abstains on rated items.

    >>> Abstentions(judge="vlm", n=12, of=160)
    Abstentions(judge='vlm', n=12, of=160, code='abstentions', level='note')
    """

    judge: str
    """The judge."""
    n: int
    """Items on which it abstains."""
    of: int
    """Rated items."""
    code: Literal["abstentions"] = "abstentions"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsTheOtherWay:
    """The whole interval of a judge's agreement lies below chance, as if low scores were the good ones.

    >>> PointsTheOtherWay(judge="fid").code
    'points-the-other-way'
    """

    judge: str
    """The judge."""
    code: Literal["points-the-other-way"] = "points-the-other-way"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True)
class TieForm:
    """One judge's pairwise accuracy within prompts, by what its ties are worth.

    >>> clip = TieForm("clip", strict=0.52, half_credit=0.6, dropped=0.62, ties=0.16)
    >>> round(clip.strict + clip.ties / 2, 2) == clip.half_credit
    True
    """

    judge: str
    """The judge."""
    strict: float
    """Its ties count as wrong."""
    half_credit: float
    """Its ties count half."""
    dropped: float
    """Its ties are left out."""
    ties: float
    """Share of the separated pairs that it ties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TieFormDecides:
    """Which of two judges is more accurate within prompts depends on what a tie is worth.

    >>> vlm = TieForm("vlm", strict=0.5, half_credit=0.65, dropped=0.71, ties=0.3)
    >>> clip = TieForm("clip", strict=0.6, half_credit=0.6, dropped=0.6, ties=0.0)
    >>> TieFormDecides(behind_when_wrong=vlm, ahead_when_wrong=clip, human_ties=0.1, further=0).code
    'tie-form-decides'
    """

    behind_when_wrong: TieForm
    """The judge that is behind when ties count as wrong."""
    ahead_when_wrong: TieForm
    """The judge that is ahead then."""
    human_ties: float
    """Share of the pairs that the people tie."""
    further: int
    """Further pairs of which this is true."""
    code: Literal["tie-form-decides"] = "tie-form-decides"
    level: Warned = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependsOnChoice:
    """How many headline conclusions other reasonable ways of computing agreement reverse.

    >>> DependsOnChoice(reversed=2, level="warning")
    DependsOnChoice(reversed=2, level='warning', code='depends-on-choice')
    """

    reversed: int
    """Conclusions that another choice reverses."""
    level: Literal["note", "warning"]
    code: Literal["depends-on-choice"] = "depends-on-choice"


@dataclass(frozen=True, slots=True, kw_only=True)
class NearTies:
    """Scores that differ by next to nothing change pairwise accuracy.

    >>> note = NearTies(judge="clip", as_ties=0.58, exact=0.63)
    >>> round(note.exact - note.as_ties, 2)
    0.05
    """

    judge: str
    """The judge."""
    as_ties: float
    """Pairwise accuracy with such scores as ties, counted as wrong."""
    exact: float
    """Pairwise accuracy if only equal numbers tie."""
    code: Literal["near-ties"] = "near-ties"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowPromptMean:
    """Judges below the figure that knowing only the prompt reaches.

    >>> BelowPromptMean(bar=0.41, judges=("clip",))
    BelowPromptMean(bar=0.41, judges=('clip',), code='below-prompt-mean', level='note')
    """

    bar: float
    """Figure that the mean rating of the prompt's other items reaches."""
    judges: tuple[str, ...]
    """Judges below it."""
    code: Literal["below-prompt-mean"] = "below-prompt-mean"
    level: Noted = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A remark, in words, of a comparison written before there were codes.

    >>> Told(text="Only 12 prompts were rated.", was="few-prompts", level="warning").text
    'Only 12 prompts were rated.'
    """

    text: str
    """The sentence."""
    was: str
    """Its code then."""
    level: Literal["note", "warning"]
    code: Literal["told"] = "told"


Note = (
    StudyOpen | NoPeople | RatersAreSlots | OneRater | ConspicuousRaters | RaterOnOtherScale | RulesLeaveNobody
    | RatersLeftOut | FewPrompts | PromptsNotShared | PairsSeparated | RareAnswer | FewGenerators | NoDecisions
    | HumanTies | DerivedMetrics | Failures | MissingVerdicts | Abstentions | PointsTheOtherWay | TieFormDecides
    | DependsOnChoice | NearTies | BelowPromptMean | TieWidthsSampled | Told
)  # fmt: skip
"""Any remark; `code` says which, `level` whether a reader has to know it."""
