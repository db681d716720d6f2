"""What a comparison, a validation and a ranking found: frozen records, from which JSON and its schema are made.

A figure is an `Estimate`, its absence a `Reason`, a remark a record of `genspace.analysis.notes`; sentences are the
report's.

Longer than 400 lines: the records are one document, and its schema reads from top to bottom as they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from genspace.analysis._conspicuous import RaterPair
from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions, Resampled
from genspace.analysis.abstention import AbstentionTable, RiskCoveragePoint
from genspace.analysis.alternative_annotator import AlternativeAnnotatorTest
from genspace.analysis.bradley_terry import Triads
from genspace.analysis.calibration import Reliability
from genspace.analysis.counted import Place, ThreeFigures
from genspace.analysis.errors import ErrorOverlap
from genspace.analysis.inference.ceiling import Ceiling
from genspace.analysis.inference.comparisons import Method, OtherGenerators, Standing
from genspace.analysis.inference.words import Headline
from genspace.analysis.notes import LeftOutRater, Note
from genspace.analysis.prediction_powered import CorrectedMean
from genspace.analysis.reasons import Reason
from genspace.readings import Reading
from genspace.records import JudgeVariant, Reference, ValueType

__all__ = [
    "Abstention",
    "AllRaters",
    "Calibration",
    "Cell",
    "CellTest",
    "Claim",
    "ClassicalRow",
    "ComparisonDocument",
    "Corrected",
    "Cost",
    "Coverage",
    "Direction",
    "Disagreement",
    "Exclusion",
    "Figures",
    "GeneratorCell",
    "GeneratorRow",
    "Generators",
    "JudgeKind",
    "JudgeResult",
    "Matched",
    "OptionCount",
    "Order",
    "Orders",
    "Overlap",
    "OverlapPair",
    "PValues",
    "PairTest",
    "People",
    "Primary",
    "QuestionResult",
    "RankingDocument",
    "RankingStudy",
    "RepeatAgreement",
    "Resampled",
    "RiskCoverageOf",
    "Specification",
    "SpecificationPair",
    "SpecificationRow",
    "StudyFacts",
    "Tests",
    "TieShares",
    "Ties",
    "ValidationCell",
    "ValidationDocument",
    "ValidationPair",
]  # fmt: skip

Figures = Mapping[str, Estimate]
"""Estimates by the key of their figure."""
Direction = Literal["higher is better", "lower is better"]
JudgeKind = Literal["judge", "metric", "derived", "baseline"]
Claim = Standing | Literal["not worse"]
"""What may be said of a new metric beside another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """What the study is and holds.

    >>> study = StudyFacts(
    ...     name="own", question="Is the relation shown?", reference="people", n_items=160, n_annotated=160,
    ...     n_raters=3, n_ratings=480, n_cannot_tell=0, n_prompts=80, n_generators=2, value_type="binary",
    ...     scale_min=0, scale_max=1, positive_from=0.5, raters="person", sampling=None,
    ... )
    >>> study.n_ratings / study.n_annotated
    3.0
    """

    name: str
    """Name of the study."""
    question: str | None
    """In words, where it is declared."""
    reference: Reference
    """What judges are compared with: people, or the known truth."""
    n_items: int
    """Items, or pairs where people compared two."""
    n_annotated: int
    """Those that people were asked about."""
    n_raters: int
    """Raters, or slots for raters."""
    n_ratings: int
    """Ratings of all items."""
    n_cannot_tell: int
    """Items that people were asked about and did not rate."""
    n_prompts: int
    """Prompts of the items."""
    n_generators: int
    """Generators of the items."""
    value_type: ValueType
    """Kind of the ratings."""
    scale_min: float | None
    """Lower end of the scale; None: not known."""
    scale_max: float | None
    """Upper end of the scale; None: not known."""
    positive_from: float | None
    """Mean rating from which people's decision is yes; None: no such rule."""
    raters: Literal["person", "slot"] | None
    """Whether a rater is one person throughout; None: not declared."""
    sampling: Literal["random", "stratified"] | None
    """How the rated items were drawn; None: not declared."""


@dataclass(frozen=True, slots=True)
class Primary:
    """The one figure that sorts the table, forms the groups and feeds the tests.

    >>> Primary("pearson", "Pearson", "by the kind of answers").why
    'by the kind of answers'
    """

    figure: str
    """Key of the figure."""
    label: str
    """Its name."""
    why: Literal["declared", "by the kind of answers"]
    """Whether it was declared, or follows from the kind of answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How far people agree, and how a single rater does against the rest.

    >>> alpha, limit = Estimate(0.71, 0.64, 0.77, n=160), Estimate(0.94, n=160)
    >>> found = People(
    ...     alpha="krippendorff_alpha_ordinal", reliability={"krippendorff_alpha_ordinal": alpha}, row={},
    ...     ceiling=Ceiling(figure="pearson", estimate=limit, model="variance components"), rater_pairs=(),
    ...     distribution={"1": 120, "2": 90, "3": 85, "4": 95, "5": 90},
    ... )
    >>> found.reliability[found.alpha].value
    0.71
    """

    alpha: str
    """Key of Krippendorff's alpha at the level of their answers."""
    reliability: Figures
    row: Figures
    """Each rater against the rest, averaged."""
    ceiling: Ceiling
    rater_pairs: tuple[RaterPair, ...]
    distribution: Mapping[str, int]
    """How often each value was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a judge decided.

    >>> found = Coverage(
    ...     items=800, scored=780, annotated=160, decided_by_people=150, decided_by_both=141, decided=150,
    ...     abstained=6, failed=1, missing=3, value=150 / 160, of_decided_by_people=141 / 150,
    ... )
    >>> found.decided + found.abstained + found.failed + found.missing == found.annotated
    True
    >>> found.of_decided_by_people
    0.94
    """

    items: int
    """All items."""
    scored: int
    """Of all items."""
    annotated: int
    """Items that people were asked about; the counts below are of these."""
    decided_by_people: int
    """Items with a decision of the people."""
    decided_by_both: int
    """Items with a decision of both."""
    decided: int
    """Items that the judge decided."""
    abstained: int
    """Items on which it abstained."""
    failed: int
    """Items on which it failed."""
    missing: int
    """Items without a verdict."""
    value: float | None
    """decided / annotated."""
    of_decided_by_people: float | None
    """decided_by_both / decided_by_people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TieShares:
    """Shares of pairs of items that are tied.

    >>> TieShares.unknown()
    TieShares(human=None, metric=None, metric_of_separated=None)
    """

    human: float | None
    """Pairs that the people tie."""
    metric: float | None
    """Pairs that the judge ties."""
    metric_of_separated: float | None
    """Share of the pairs that people separate which the judge ties."""

    @classmethod
    def unknown(cls) -> TieShares:
        """Return shares of no pairs at all."""
        return cls(human=None, metric=None, metric_of_separated=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties(TieShares):
    """Tied pairs over all pairs, and over those within prompts.

    >>> found = Ties(human=0.2, metric=0.05, metric_of_separated=0.03, within_prompt=TieShares.unknown())
    >>> found.human, found.within_prompt.human
    (0.2, None)
    """

    within_prompt: TieShares


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The primary figure of judge and single rater against the same rest of the raters.

    >>> gain = Estimate(0.08, 0.01, 0.15, n=160)
    >>> found = Matched(judge=Estimate(0.6, n=160), human=Estimate(0.52, n=160), difference=gain)
    >>> found.difference.low > 0  # the judge agrees with the rest better than one rater does
    True
    """

    judge: Estimate
    """The judge against the rest."""
    human: Estimate
    """The rater against the same rest."""
    difference: Estimate
    """Judge minus rater, paired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """What abstentions do to the primary figure.

    >>> table = AbstentionTable(120, 10, 26, 4, 160, 0.81, coverage_of_decided=0.82, abstains_where_people_do=0.29)
    >>> found = Abstention(table=table, penalised=Estimate(0.44, n=160), common_items=Estimate(0.58, n=112))
    >>> found.penalised.value < found.common_items.value
    True
    """

    table: AbstentionTable
    penalised: Estimate
    """Each abstention tied with everything (a decision: wrong)."""
    common_items: Estimate
    """On the items that every judge scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How well scores serve as probabilities.

    >>> Calibration(reason=Reason("no_decisions"), as_given=None, isotonic=None, logistic=None).reason.code
    'no_decisions'
    """

    reason: Reason | None
    as_given: Reliability | None
    """For scores that are probabilities already."""
    isotonic: Reliability | None
    logistic: Reliability | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverageOf:
    """Risk against coverage, by stated or fitted confidence.

    >>> nothing = Estimate.undefined(Reason("no_confidence"))
    >>> found = RiskCoverageOf(confidence=None, reason=Reason("no_confidence"), points=(), aurc=nothing, risk=nothing)
    >>> found.reason.code
    'no_confidence'
    """

    confidence: Literal["stated", "calibrated score"] | None
    reason: Reason | None
    points: tuple[RiskCoveragePoint, ...]
    aurc: Estimate
    risk: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Means over the items; None where unknown.

    >>> Cost(seconds=1.8, tokens=640, usd=0.002).usd
    0.002
    """

    seconds: float | None
    tokens: float | None
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PValues:
    """p-values of no association, assuming independent items.

    >>> PValues(pearson=0.01, spearman=0.008, kendall_tau_b=0.022).spearman
    0.008
    """

    pearson: float | None
    spearman: float | None
    kendall_tau_b: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeResult:
    """Everything about one judge, metric or baseline.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> said = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"judge": "clip", "score": [1, 3, 2, 9]})
    >>> found = genspace.compare(items=pd.DataFrame(ids), annotations=said, scores=scores, draws=0).document
    >>> found.judges["clip"].kind, found.judges["clip"].rank, found.judges["clip"].coverage.scored
    ('judge', 1, 4)
    """

    kind: JudgeKind
    """Judge, metric, derived metric, or baseline."""
    rank: int | None
    """By the primary figure; None without it, and for baselines and derived metrics."""
    group: int | None
    """Significance group, 1 is the best."""
    direction: Direction
    """Which scores are good."""
    variant: JudgeVariant | None
    """Of which other judge this is a variant."""
    coverage: Coverage
    """What it decided."""
    mean_score: Estimate
    """Mean of its scores."""
    item: Figures
    """Over all items."""
    within_prompt: Figures
    """Between items of one prompt."""
    within_generator: Figures
    """Between items of one generator."""
    system: Figures
    """Between generators."""
    ties: Ties
    """Its tied pairs, and the people's."""
    matched: Matched | None
    """Beside one rater, against the same other raters; None: not defined."""
    decisions: Literal["labels", "cross-fitted threshold"] | None
    """Where its decisions come from; None: it has none."""
    abstention: Abstention | None
    """What its abstentions do; None: it has none."""
    calibration: Calibration | None
    """Its scores as probabilities; None: not defined."""
    risk_coverage: RiskCoverageOf | None
    """Its errors among its surest decisions; None: not defined."""
    cost: Cost
    """Time, tokens and money an item."""
    p_values: PValues
    """Tests of no association."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTest:
    """The headline test of two judges; a is ranked above b.

    >>> found = PairTest(
    ...     a="vlm", b="clip", figure="pearson", difference=0.12, low=0.03, high=0.21, p=0.01, p_holm=0.03,
    ...     standing="ahead", method="t", n=160, prompts=80, reason=None, other_generators=None,
    ... )
    >>> found.turned().a, found.turned().difference, found.turned().standing
    ('clip', -0.12, 'behind')
    """

    a: str
    b: str
    figure: str
    difference: float | None
    low: float | None
    high: float | None
    """Ends of the pointwise interval, not corrected for the number of pairs."""
    p: float | None
    """Two-sided, not corrected."""
    p_holm: float | None
    """Corrected for all pairs that could be compared; None: not one of them."""
    standing: Standing
    """What may be said of a beside b, for these generators."""
    method: Method | None
    n: int
    """Units that both answered."""
    prompts: int
    """Prompts, or blocks of prompts, that these belong to."""
    reason: Reason | None
    other_generators: OtherGenerators | None
    """What the difference says of generators that were not rated."""

    def turned(self) -> PairTest:
        """Return the same test with the judges the other way round."""
        opposite: dict[Standing, Standing] = {"ahead": "behind", "behind": "ahead"}
        others = self.other_generators
        return replace(
            self,
            a=self.b,
            b=self.a,
            difference=None if self.difference is None else -self.difference,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            standing=opposite.get(self.standing, self.standing),
            other_generators=None if others is None else replace(others, low=-others.high, high=-others.low),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicalRow:
    """One line of the appendix.

    >>> row = ClassicalRow(
    ...     test="Williams", a="vlm", b="clip", n=160, statistic=1.71, p=0.09, low=None, high=None,
    ...     independent_items=True,
    ... )
    >>> row.p
    0.09
    """

    test: str
    """Name of the test."""
    a: str
    """First judge, or the only one."""
    b: str | None
    """Second judge; None for a test of one."""
    n: int
    """Items."""
    statistic: float | None
    """Value of the test statistic."""
    p: float | None
    """Two-sided p-value."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""
    independent_items: bool
    """Whether the test assumes independent items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """Which differences are more than chance.

    >>> found = Tests(method=None, pairs=(), groups=(("vlm", "clip"), ("blip",)), groups_n=160, classical=())
    >>> found.groups[0]  # the best: these data do not tell the two apart
    ('vlm', 'clip')
    """

    method: Literal["delete-one-prompt", "swap by prompt"] | None
    """None: nothing was tested."""
    pairs: tuple[PairTest, ...]
    groups: tuple[tuple[str, ...], ...]
    """Significance groups of the judges that may be in a first place, best first."""
    groups_n: int | None
    """Units that the groups rest on: those that all of these judges answered."""
    classical: tuple[ClassicalRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTest:
    """The first two judges of the whole study, within one part.

    >>> found = CellTest(a="vlm", b="clip", difference=0.1, low=0.02, high=0.18, p=0.01, p_bh=0.04, n=40, reason=None)
    >>> found.p < found.p_bh
    True
    """

    a: str
    """First judge."""
    b: str
    """Second judge."""
    difference: float | None
    """First minus second in the primary figure."""
    low: float | None
    """Lower end of the pointwise interval."""
    high: float | None
    """Upper end of the pointwise interval."""
    p: float | None
    """Two-sided, not corrected."""
    p_bh: float | None
    """Corrected for the parts (Benjamini-Hochberg)."""
    n: int
    """Items that both answered."""
    reason: Reason | None
    """Why there is no test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value of a breakdown.

    >>> clip, alpha = Estimate(0.52, n=40), Estimate(0.7, n=40)
    >>> cell = Cell(n=40, people=alpha, judges={"clip": clip}, mean_scores={}, test=None)
    >>> cell.judges["clip"].value
    0.52
    """

    n: int
    """Rated items."""
    people: Estimate
    """How far people agree here: Krippendorff's alpha at the level of their answers."""
    judges: Figures
    """The primary figure of each judge."""
    mean_scores: Figures
    """Mean score of each judge."""
    test: CellTest | None
    """The two best judges of the study, here; None: not tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One of the items that a judge ranks most differently from the people.

    >>> found = Disagreement(
    ...     item_id="cat-07", item_id_b=None, judge="clip", human=1.2, score=0.34, human_place=0.05, judge_place=0.9
    ... )
    >>> found.judge_place > found.human_place  # the judge thinks more of it than the people do
    True
    """

    item_id: str
    """The item."""
    item_id_b: str | None
    """Second item of a pair."""
    judge: str
    """The judge that differs most."""
    human: float
    """Mean rating."""
    score: float
    """The judge's score."""
    human_place: float
    """Share of the items below it by the ratings, ties shared."""
    judge_place: float
    """Share of the items below it by the scores, ties shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapPair:
    """Whether two judges err together.

    >>> overlap = ErrorOverlap(Estimate(0.3, n=160), (0.2, 0.25), oracle=Estimate(0.11, n=160), blind_oracle=0.15)
    >>> OverlapPair(judges=("vlm", "clip"), overlap=overlap).overlap.correlation.value
    0.3
    """

    judges: tuple[str, str]
    """The two judges."""
    overlap: ErrorOverlap
    """Their errors together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Errors that judges share.

    >>> found = Overlap(scale=None, reason=Reason("too_few_judges"), pairs=())
    >>> found.reason.code
    'too_few_judges'
    """

    scale: Literal["decisions", "ratings, 0 to 1"] | None
    """What errors are measured on."""
    reason: Reason | None
    """Why there are none."""
    pairs: tuple[OverlapPair, ...]
    """Every pair of judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected(CorrectedMean):
    """A generator's mean rating over all its items, the rated sample corrected by a judge.

    >>> found = Corrected(
    ...     sample=Estimate(3.4, 3.0, 3.8, n=40), corrected=Estimate(3.5, 3.3, 3.7, n=400), weight=0.6,
    ...     labelled=40, unlabelled=360, rank=1,
    ... )
    >>> found.sample.low < found.corrected.low, found.corrected.high < found.sample.high
    (True, True)
    """

    rank: int | None
    """By the corrected mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRow:
    """One generator in one order.

    >>> row = GeneratorRow(
    ...     generator="flux", score=Estimate(3.9, 3.6, 4.2, n=40), rank=1, rank_low=1, rank_high=2, first=0.92,
    ...     above_next=0.92, reason=None,
    ... )
    >>> row.place
    Place(rank=1, low=1, high=2)
    """

    generator: str
    score: Estimate
    rank: int | None
    """1 + the number of generators above it."""
    rank_low: int | None
    """Best rank of its confidence set."""
    rank_high: int | None
    first: float | None
    """Share of draws in which it is first."""
    above_next: float | None
    """Share of draws in which it is above the one that follows."""
    reason: Reason | None
    corrected: Corrected | None = None
    counted: ThreeFigures | None = None
    """A judge's mean score with what it did not measure counted as misses (`score`), left out, or as passes."""
    accuracy: ThreeFigures | None = None
    """The same for the share that the judge passed."""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.rank, self.rank_low, self.rank_high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The generators from best to worst, as the people or a judge see them.

    >>> order = Order(
    ...     score="mean rating", direction="higher is better", reason=Reason("no_generators"), prior_ties=0.0,
    ...     triads=None, generators=(),
    ... )
    >>> order.score, order.reason.code
    ('mean rating', 'no_generators')
    """

    score: Literal["mean rating", "mean score", "Bradley-Terry log strength"]
    direction: Direction
    reason: Reason | None
    prior_ties: float
    """Ties added to each compared pair to keep strengths finite; 0: none."""
    triads: Triads | None
    """For comparisons: whether they fit one order."""
    generators: tuple[GeneratorRow, ...]
    distance: Estimate | None = None
    """Kendall's distance from the people's order; None for the people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Everybody's order.

    >>> Orders(people=None, judges={}).people is None
    True
    """

    people: Order | None
    judges: Mapping[str, Order]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorCell(Orders):
    """Everybody's order within one value of a breakdown.

    >>> GeneratorCell(people=None, judges={}, n=40).n
    40
    """

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generators(Orders):
    """Everybody's order of the generators.

    >>> found = Generators(
    ...     people=None, judges={}, reason=Reason("single_generator"), resampled="prompts", names=("flux",),
    ...     corrected_reason=None, by={},
    ... )
    >>> found.reason.code
    'single_generator'
    """

    reason: Reason | None
    resampled: Resampled
    names: tuple[str, ...]
    corrected_reason: Reason | None
    """Why a judge cannot correct the rated sample."""
    by: Mapping[str, Mapping[str, GeneratorCell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRaters:
    """The figures including the excluded raters.

    >>> clip, rater = Estimate(0.55, n=160), Estimate(0.68, n=160)
    >>> AllRaters(n_ratings=480, judges={"clip": clip}, row=rater, reliability={}).judges["clip"].value
    0.55
    """

    n_ratings: int
    judges: Figures
    row: Estimate
    reliability: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Raters whom rules leave out, and what they would have changed.

    >>> left, everybody = LeftOutRater("ann", "too fast"), Estimate(0.55, n=160)
    >>> found = AllRaters(n_ratings=480, judges={"clip": everybody}, row=Estimate(0.68, n=160), reliability={})
    >>> Exclusion(applied=True, raters=(left,), n_ratings=440, all_raters=found).all_raters.n_ratings
    480
    """

    applied: bool
    """False: everybody breaks a rule, so all are kept."""
    raters: tuple[LeftOutRater, ...]
    n_ratings: int
    all_raters: AllRaters


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificationRow:
    """One way to compute agreement.

    >>> row = SpecificationRow(
    ...     figure="pearson", averaging="none", raters="mean", left_out="none", abstention="excluded",
    ...     values=(0.62, 0.55), top=("vlm",),
    ... )
    >>> row.top
    ('vlm',)
    """

    figure: str
    """Key of the figure."""
    averaging: str
    """Over all items, within prompts, or within generators."""
    raters: str
    """How ratings are combined."""
    left_out: str
    """Raters left out."""
    abstention: str
    """How abstentions count."""
    values: tuple[float | None, ...]
    """One a judge."""
    top: tuple[str, ...]
    """Judges that no other is ahead of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionCount:
    """How often a judge has the highest value, alone or with others, and how often none is ahead of it.

    >>> OptionCount(judge="vlm", first=30, top=44, of=48).top
    44
    """

    judge: str
    first: int
    top: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificationPair:
    """A pair of which the headline test puts one ahead, under the other specifications.

    >>> found = SpecificationPair(
    ...     better="vlm", worse="clip", held=40, open=6, reversed=2, of=48, reversed_only_when=None
    ... )
    >>> found.held + found.open + found.reversed == found.of
    True
    """

    better: str
    """The judge that the headline puts ahead."""
    worse: str
    """The judge behind it."""
    held: int
    """Specifications with the same conclusion."""
    open: int
    """Specifications that leave it open."""
    reversed: int
    """Specifications with the opposite conclusion."""
    of: int
    """Specifications in which both have a figure."""
    reversed_only_when: Mapping[str, tuple[str, ...]] | None
    """Choices that all reversals share; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """Whether the conclusions depend on how agreement is computed.

    >>> found = Specification(
    ...     reason=Reason("too_few_judges", n=1), judges=("clip",), headline=(), specifications=(), best=(), pairs=()
    ... )
    >>> found.reason.code
    'too_few_judges'
    """

    reason: Reason | None
    judges: tuple[str, ...]
    headline: tuple[str, ...]
    """The specification of the headline, in the order of a row's first five fields."""
    specifications: tuple[SpecificationRow, ...]
    best: tuple[OptionCount, ...]
    pairs: tuple[SpecificationPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatAgreement:
    """How far a judge agrees with itself.

    >>> found = RepeatAgreement(repeats=3, same_decision=Estimate(0.93, n=160), score_spread=Estimate(0.04, n=160))
    >>> found.same_decision.value
    0.93
    """

    repeats: int
    same_decision: Estimate
    score_spread: Estimate


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """The comparison of one question.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> said = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"judge": "clip", "score": [1, 3, 2, 9]})
    >>> found = genspace.compare(items=pd.DataFrame(ids), annotations=said, scores=scores, draws=0).document
    >>> found.ranked, found.primary.figure, found.study.n_items
    (['clip'], 'spearman', 4)
    """

    study: StudyFacts
    options: CompareOptions
    primary: Primary
    human: People
    judges: Mapping[str, JudgeResult]
    tests: Tests
    headline: Headline
    """What may be said of the best judge."""
    breakdowns: Mapping[str, Mapping[str, Cell]]
    disagreements: tuple[Disagreement, ...]
    overlap: Overlap
    cost_fronts: Mapping[str, tuple[str, ...]]
    """By kind of cost, the judges that none beats in both cost and agreement."""
    generators: Generators
    exclusion: Exclusion | None
    specification: Specification
    notes: tuple[Note, ...] = ()

    @property
    def ranked(self) -> list[str]:
        """Judges with a rank, best first."""
        ranks = {name: judge.rank for name, judge in self.judges.items() if judge.rank is not None}
        return sorted(ranks, key=ranks.__getitem__)


@dataclass(frozen=True, kw_only=True)
class ComparisonDocument(QuestionResult):
    """A comparison as JSON holds it: the main question, and the others by name.

    >>> ComparisonDocument.schema
    'genspace-comparison/3'
    """

    schema: Literal["genspace-comparison/3"] = "genspace-comparison/3"
    evidence: str = ""
    """Digest of what the figures were computed from."""
    readings: tuple[Reading, ...] = ()
    """What was read and assumed."""
    questions: Mapping[str, QuestionResult] = field(default_factory=dict)
    repeats: Mapping[str, RepeatAgreement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingStudy:
    """What was ranked.

    >>> study = RankingStudy(
    ...     name="own", question=None, reference="people", n_items=80, n_pairs=0, n_ratings=240, n_prompts=40
    ... )
    >>> study.n_items / study.n_prompts  # two generators
    2.0
    """

    name: str
    question: str | None
    reference: Reference
    n_items: int
    n_pairs: int
    n_ratings: int
    n_prompts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingDocument:
    """A ranking as JSON holds it.

    >>> study = RankingStudy(
    ...     name="own", question=None, reference="people", n_items=80, n_pairs=0, n_ratings=240, n_prompts=40
    ... )
    >>> orders = Generators(
    ...     people=None, judges={}, reason=Reason("single_generator"), resampled="prompts", names=("flux",),
    ...     corrected_reason=None, by={},
    ... )
    >>> RankingDocument(study=study, options=CompareOptions(), generators=orders).schema
    'genspace-ranking/2'
    """

    study: RankingStudy
    options: CompareOptions
    generators: Generators
    readings: tuple[Reading, ...] = ()
    """What was read and assumed."""
    schema: Literal["genspace-ranking/2"] = "genspace-ranking/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPair:
    """The new metric against an existing one.

    >>> found = ValidationPair(
    ...     judge="clip", claim="not worse", not_worse=True, difference=Estimate(0.02, -0.03, 0.07, n=160),
    ...     new=Estimate(0.6, n=160), existing=Estimate(0.58, n=160), penalised=Estimate(0.01, n=160), p=0.4,
    ...     p_holm=0.4, other_generators=None,
    ... )
    >>> found.claim
    'not worse'
    """

    judge: str
    claim: Claim | None
    """None: they could not be compared."""
    not_worse: bool | None
    """Whether it is not worse by the margin or more, corrected for the number of metrics."""
    difference: Estimate
    """New minus existing, with a pointwise interval."""
    new: Estimate
    existing: Estimate
    penalised: Estimate
    """The difference with each abstention tied with everything."""
    p: float | None
    p_holm: float | None
    """Corrected for all pairs of the study that could be compared."""
    other_generators: OtherGenerators | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationCell:
    """The new metric within one value of a breakdown.

    >>> found = ValidationCell(
    ...     figure=Estimate(0.6, n=40), against={"clip": Estimate(0.1, 0.02, 0.18, n=40)}, claims={"clip": "ahead"}
    ... )
    >>> found.claims["clip"]
    'ahead'
    """

    figure: Estimate
    against: Mapping[str, Estimate]
    """Differences by judge."""
    claims: Mapping[str, Claim | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationDocument:
    """A validation as JSON holds it.

    >>> from genspace.analysis.abstention import abstention_table
    >>> from genspace.analysis.alternative_annotator import alternative_annotator_test
    >>> found = ValidationDocument(
    ...     study="own", reference="people", metric="mine", margin=0.05, options=CompareOptions(),
    ...     primary=Primary("pearson", "Pearson", "declared"), figure=Estimate(0.6, n=160),
    ...     coverage=abstention_table([1], [1], [1]), against=(), breakdowns={},
    ...     stand_in=alternative_annotator_test([1.0], [[1.0, 1.0]], [0], identified=True),
    ... )
    >>> found.schema, found.figure.value
    ('genspace-validation/3', 0.6)
    """

    study: str
    reference: Reference
    metric: str
    margin: float
    options: CompareOptions
    primary: Primary
    figure: Estimate
    coverage: AbstentionTable
    against: tuple[ValidationPair, ...]
    breakdowns: Mapping[str, Mapping[str, ValidationCell]]
    stand_in: AlternativeAnnotatorTest
    readings: tuple[Reading, ...] = ()
    """What was read and assumed."""
    schema: Literal["genspace-validation/3"] = "genspace-validation/3"
