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
    """What the study is and holds."""

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
    """The one figure that sorts the table, forms the groups and feeds the tests."""

    figure: str
    """Key of the figure."""
    label: str
    """Its name."""
    why: Literal["declared", "by the kind of answers"]
    """Whether it was declared, or follows from the kind of answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """How far people agree, and how one of them does against the rest."""

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
    """What a judge decided."""

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
    """Shares of pairs of items that are tied."""

    human: float | None
    """Pairs that the people tie."""
    metric: float | None
    """Pairs that the judge ties."""
    metric_of_separated: float | None
    """Of the pairs that people separate."""

    @classmethod
    def unknown(cls) -> TieShares:
        """Return shares of no pairs at all."""
        return cls(human=None, metric=None, metric_of_separated=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties(TieShares):
    """Tied pairs over all pairs, and over those within prompts."""

    within_prompt: TieShares


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The primary figure of judge and single rater against the same rest of the raters."""

    judge: Estimate
    """The judge against the rest."""
    human: Estimate
    """The rater against the same rest."""
    difference: Estimate
    """Judge minus rater, paired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abstention:
    """What abstentions do to the primary figure."""

    table: AbstentionTable
    penalised: Estimate
    """Each abstention tied with everything (a decision: wrong)."""
    common_items: Estimate
    """On the items that every judge scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What scores are worth as probabilities."""

    reason: Reason | None
    as_given: Reliability | None
    """Of scores that are probabilities themselves."""
    isotonic: Reliability | None
    logistic: Reliability | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCoverageOf:
    """Risk against coverage, by stated or fitted confidence."""

    confidence: Literal["stated", "calibrated score"] | None
    reason: Reason | None
    points: tuple[RiskCoveragePoint, ...]
    aurc: Estimate
    risk: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Means over the items; None where unknown."""

    seconds: float | None
    tokens: float | None
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PValues:
    """Of no association, assuming independent items."""

    pearson: float | None
    spearman: float | None
    kendall_tau_b: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeResult:
    """Everything about one judge, metric or baseline."""

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
    """The headline test of two judges; a is ranked above b."""

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
    """Of a beside b, for these generators."""
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
    """One line of the appendix."""

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
    """Whether the test assumes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """Which differences are more than chance."""

    method: Literal["delete-one-prompt", "swap by prompt"] | None
    """None: nothing was tested."""
    pairs: tuple[PairTest, ...]
    groups: tuple[tuple[str, ...], ...]
    """Of the judges that may be in a first place, best first."""
    groups_n: int | None
    """Units that the groups rest on: those that all of these judges answered."""
    classical: tuple[ClassicalRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTest:
    """The first two judges of the whole study, within one part."""

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
    """One value of a breakdown."""

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
    """One of the items that a judge ranks most differently from the people."""

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
    """Whether two judges err together."""

    judges: tuple[str, str]
    """The two judges."""
    overlap: ErrorOverlap
    """Their errors together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Errors that judges share."""

    scale: Literal["decisions", "ratings, 0 to 1"] | None
    """What errors are measured on."""
    reason: Reason | None
    """Why there are none."""
    pairs: tuple[OverlapPair, ...]
    """Every pair of judges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected(CorrectedMean):
    """A generator's mean rating over all its items, the rated sample corrected by a judge."""

    rank: int | None
    """By the corrected mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRow:
    """One generator in one order."""

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
    """Of a judge's mean score: with what it did not measure as misses (`score`), left out, and as passes."""
    accuracy: ThreeFigures | None = None
    """The same of the share that the judge passed."""

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.rank, self.rank_low, self.rank_high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The generators from best to worst, as the people or a judge see them."""

    score: Literal["mean rating", "mean score", "Bradley-Terry log strength"]
    direction: Direction
    reason: Reason | None
    prior_ties: float
    """Ties added to each compared pair to keep strengths finite; 0: none."""
    triads: Triads | None
    """Of comparisons: whether they fit one order at all."""
    generators: tuple[GeneratorRow, ...]
    distance: Estimate | None = None
    """Kendall's distance from the people's order; None for the people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Everybody's order."""

    people: Order | None
    judges: Mapping[str, Order]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorCell(Orders):
    """Everybody's order within one value of a breakdown."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generators(Orders):
    """Everybody's order of the generators."""

    reason: Reason | None
    resampled: Resampled
    names: tuple[str, ...]
    corrected_reason: Reason | None
    """Why a judge cannot correct the rated sample."""
    by: Mapping[str, Mapping[str, GeneratorCell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRaters:
    """The same with the excluded raters."""

    n_ratings: int
    judges: Figures
    row: Estimate
    reliability: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Whom rules leave out, and what they would have changed."""

    applied: bool
    """False: everybody breaks a rule, so all are kept."""
    raters: tuple[LeftOutRater, ...]
    n_ratings: int
    all_raters: AllRaters


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificationRow:
    """One way to compute agreement."""

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
    """How often a judge has the highest value, alone or with others, and how often none is ahead of it."""

    judge: str
    first: int
    top: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecificationPair:
    """A pair of which the headline test puts one ahead, under the other specifications."""

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
    """Whether the conclusions depend on how agreement is computed."""

    reason: Reason | None
    judges: tuple[str, ...]
    headline: tuple[str, ...]
    """The specification of the headline, in the order of a row's first five fields."""
    specifications: tuple[SpecificationRow, ...]
    best: tuple[OptionCount, ...]
    pairs: tuple[SpecificationPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatAgreement:
    """How far a judge agrees with itself."""

    repeats: int
    same_decision: Estimate
    score_spread: Estimate


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """The comparison of one question."""

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
    """A comparison as JSON holds it: the main question, and the others by name."""

    schema: Literal["genspace-comparison/3"] = "genspace-comparison/3"
    evidence: str = ""
    """Digest of what the figures were computed from."""
    readings: tuple[Reading, ...] = ()
    """What was read and assumed."""
    questions: Mapping[str, QuestionResult] = field(default_factory=dict)
    repeats: Mapping[str, RepeatAgreement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingStudy:
    """What was ranked."""

    name: str
    question: str | None
    reference: Reference
    n_items: int
    n_pairs: int
    n_ratings: int
    n_prompts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingDocument:
    """A ranking as JSON holds it."""

    study: RankingStudy
    options: CompareOptions
    generators: Generators
    readings: tuple[Reading, ...] = ()
    """What was read and assumed."""
    schema: Literal["genspace-ranking/2"] = "genspace-ranking/2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPair:
    """The new metric against one that is there."""

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
    """The new metric within one value of a breakdown."""

    figure: Estimate
    against: Mapping[str, Estimate]
    """Differences by judge."""
    claims: Mapping[str, Claim | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationDocument:
    """A validation as JSON holds it."""

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
