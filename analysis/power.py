"""Planning a human study: how many prompts and raters it takes to tell two judges apart.

Studies are simulated and tested as they will be analysed: prompts repeated over generators, answers of the kind that
people will give, judges that give scores or say yes and no, and the difference of the two by the figure of such a
study (`genspace.analysis.inference.comparisons`). Assumptions are stated in observable figures, or read from a pilot:
the normal variables underneath follow from the Hermite expansion of whatever is cut into steps (Pearson's polychoric
argument).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis._scope import target_of
from genspace.analysis.correlation import score_tie
from genspace.analysis.figures import Figure, figure_named
from genspace.analysis.inference.comparisons import Said, difference
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import People
from genspace.analysis.resampling import Weighted, stream
from genspace.analysis.significance import ALPHA
from genspace.display import Displayed
from genspace.documents import to_dict
from genspace.errors import InputError
from genspace.records import ValueType

__all__ = [
    "Assumptions",
    "JudgeAnswers",
    "PlannedStudy",
    "enough_prompts",
    "power_table",
    "simulate_power",
    "smallest_sufficient",
]

Floats = NDArray[np.float64]
JudgeAnswers = Literal["graded", "yes-no"]
HERMITE_TERMS = 80
MAX_LATENT = 0.999
BLOCKS = 100
"""More prompts than this are left out in so many blocks: a hundredth of the work, next to no other power."""
FIRST_PROMPTS, MOST_PROMPTS = 60, 5000
"""Where the search for the number of prompts begins, and where it gives up."""
SEARCHES = 5
"""Sizes tried for each number of raters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions(Displayed):
    """What is assumed about people, judges and prompts.

    >>> Assumptions(reliability=0.5, agreement=(0.7, 0.6), shares=(0.5, 0.5)).figure.short
    'ROC AUC'
    """

    reliability: float
    """Correlation of two people's single ratings of an item, ICC(1,1), in (0, 1)."""
    agreement: tuple[float, float]
    """Each judge's correlation with the mean of very many raters; of pairs, the share on which it prefers what very
    many raters prefer."""
    between: float | None = None
    """Correlation of the two judges' answers; None: what their agreement with people alone makes of it."""
    prompt_share: float = 0.5
    """Share of the variance of true quality, and of each judge's errors, that items of one prompt share."""
    per_prompt: int = 1
    """Items (generators), or pairs, of each prompt."""
    shares: tuple[float, ...] | None = None
    """Share of each level of the rating scale, lowest first; two: no and yes; None: a continuous scale."""
    judges: JudgeAnswers = "graded"
    """Whether the judges give scores or say yes and no, yes as often as people or, on a scale, for half of the items;
    of pairs, whether they say by how much they prefer an item or only which."""
    pairs: bool = False
    """Whether people say which of two items is better; the items of a prompt's pairs are of the same two generators."""

    def __post_init__(self) -> None:
        for name in ("reliability", "prompt_share"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must lie in [0, 1)")
        if self.reliability == 0:
            raise InputError("reliability = 0: people who agree on nothing cannot tell judges apart")
        least = 0 if self.pairs else -1
        if any(not least < r < 1 for r in self.agreement):
            raise InputError(f"agreement {self.agreement} must lie in ({least}, 1)")
        if self.per_prompt < 1:
            raise InputError(f"per_prompt = {self.per_prompt}: must be at least 1")
        if self.shares is not None and (self.pairs or len(self.shares) < 2 or min(self.shares) <= 0):
            why = "pairs have none" if self.pairs else "give a positive share to each of at least two levels"
            raise InputError(f"shares {self.shares}: {why}")
        if self.between is not None and not -1 < self.between < 1:
            raise InputError(f"between = {self.between}: must lie in (-1, 1)")
        scale = _Scale.of(self)
        most = scale.agreement(MAX_LATENT)
        if not self.pairs and max(map(abs, self.agreement)) > most + 1e-9:
            raise InputError(
                f"agreement {self.agreement}: {self.judges} judges reach at most {most:.3f} here"
            )
        if self.between is not None and self.judges == "graded" and not self.pairs:
            low, high = _possible_between(self.agreement)
            if not low <= self.between <= high:
                a, b = self.agreement
                raise InputError(
                    f"two judges that agree {a:.3g} and {b:.3g} with people cannot correlate {self.between:.3g} with "
                    f"each other, only {low:.3g} to {high:.3g}"
                )

    @property
    def figure(self) -> Figure:
        """The figure by which such a study tests its judges."""
        if self.pairs:
            return figure_named("pair_agreement")
        return figure_named("roc_auc" if self.value_type == "binary" else "spearman")

    @property
    def value_type(self) -> ValueType:
        """Kind of the answers."""
        if self.pairs or (self.shares is not None and len(self.shares) == 2):
            return "binary"
        return "continuous" if self.shares is None else "ordinal"

    @classmethod
    def from_pilot(
        cls,
        ratings: ArrayLike,
        prompts: ArrayLike,
        *,
        scores: ArrayLike | None = None,
        reliability: float | None = None,
        agreement: tuple[float, float] | None = None,
        per_prompt: int | None = None,
        pairs: bool = False,
    ) -> Assumptions:
        """Read the assumptions from a pilot study.

        Args:
            ratings: (n, k) ratings of n items, NaN = none; each distinct value is a level when there are at
                most 11. Of pairs 1 for the first item, 0 for the second, 1/2 for a tie.
            prompts: (n,) prompt of each item.
            scores: (n, 2) scores of the two judges, higher is better; then agreement is measured. Judges of two
                values say yes and no. Of pairs above 0 for the first item.
            reliability: Stated instead of measured; needed where the raters agree on everything or on nothing.
            agreement: Stated instead of measured.
            per_prompt: Stated instead of the pilot's mean number of items a prompt.
            pairs: Whether people compared two items.

        Errors: `InputError` without two rated items by two raters, without variance, with perfect agreement, or with
        neither scores nor agreement.
        """
        table, prompt = np.asarray(ratings, dtype=float), np.asarray(prompts)
        judged = None if scores is None else np.asarray(scores, dtype=float)
        each = per_prompt or max(1, round(len(prompt) / len(np.unique(prompt))))
        if pairs:  # listed both ways, so that it makes no difference which item stands first
            table, prompt = np.vstack([table, 1 - table]), np.concatenate([prompt, prompt])
            judged = None if judged is None else np.vstack([judged, -judged])
        item, column = np.nonzero(np.isfinite(table))
        if reliability is None:
            reliability = _measured_reliability(table[item, column], item)
        rated = np.isfinite(table).any(axis=1)
        mean = np.nanmean(table[rated], axis=1)
        kind: JudgeAnswers = "graded"
        if judged is not None and all(len(np.unique(v[np.isfinite(v)])) == 2 for v in judged.T):
            kind = "yes-no"
        levels, counts = np.unique(table[item, column], return_counts=True)
        stated = cls(
            reliability=reliability,
            agreement=agreement or ((0.5, 0.5) if pairs else (0.0, 0.0)),
            per_prompt=each,
            shares=None if pairs or len(levels) > 11 else tuple((counts / counts.sum()).tolist()),
            judges=kind,
            pairs=pairs,
        )
        scale, columns, between = _Scale.of(stated), [mean], None
        if judged is not None:
            judged = judged[rated]
            correlations = np.corrcoef(np.column_stack([judged, mean]), rowvar=False)
            if not np.isfinite(correlations).all():
                raise InputError("the pilot's scores must vary and be there for every rated item")
            k = len(item) / rated.sum()
            most = scale.agreement(MAX_LATENT)
            if agreement is None and pairs:
                found = (scale.preferred(judged[:, j], mean, round(k)) for j in (0, 1))
            else:
                ceiling = math.sqrt(_spearman_brown(reliability, k))
                found = (float(np.clip(correlations[j, 2] / ceiling, -most, most)) for j in (0, 1))
            first, second = found
            agreement = agreement or (first, second)
            # In a small pilot the figures, each with its own error, may contradict each other.
            between = float(np.clip(correlations[0, 1], -MAX_LATENT, MAX_LATENT))
            if kind == "graded" and not pairs:
                between = float(np.clip(between, *_possible_between(agreement)))
            columns += [judged[:, 0], judged[:, 1]]
        if agreement is None:
            raise InputError("state the agreement that each judge is expected to reach, or give their scores")
        shared = [_shared_variance(values, prompt[rated]) for values in columns]
        known = [min(max(s, 0.0), MAX_LATENT) for s in shared if math.isfinite(s)]
        prompt_share = float(np.mean(known)) if known else 0.0
        return replace(stated, agreement=agreement, between=between, prompt_share=prompt_share)


@dataclass(frozen=True)
class _Scale:
    """The normal variables underneath: where they are cut, and what correlations of the cut ones say of them."""

    reliability: float
    """Correlation of two raters' variables."""
    steps: Floats
    """Where people's variable is cut into levels; none: it is not."""
    people: Floats
    """(K,) Hermite coefficients of the mean of very many ratings, as a function of true quality."""
    judge: Floats
    """(K,) of a judge's answer, as a function of its own variable."""
    variance: float
    """Of a judge's answers."""
    cut: float | None
    """Where a judge's variable is cut into no and yes; None: it is not."""
    pairs: bool

    @classmethod
    def of(cls, assumed: Assumptions) -> _Scale:
        """Find the scale on which the assumptions hold."""
        from scipy.optimize import brentq
        from scipy.special import ndtr, ndtri

        weights = np.array((0.5, 0.5) if assumed.pairs else assumed.shares or (1.0,))
        weights = weights / weights.sum()
        steps = np.asarray(ndtri(np.cumsum(weights)[:-1]), dtype=float)
        plain = np.eye(1, HERMITE_TERMS)[0]
        raters = _hermite(steps) if len(steps) else plain
        levels = np.arange(len(weights))
        variance = float(weights @ (levels - weights @ levels) ** 2) if len(steps) else 1.0

        def rounded(correlation: float) -> float:
            return _series(raters**2, correlation) / variance

        reliability = MAX_LATENT
        if rounded(MAX_LATENT) > assumed.reliability:
            reliability = float(brentq(lambda r: rounded(r) - assumed.reliability, 0.0, MAX_LATENT))
        cut = None
        if assumed.judges == "yes-no":
            cut = float(steps[0]) if len(steps) == 1 else 0.0
        yes = 0.0 if cut is None else float(ndtr(-cut))
        return cls(
            reliability=reliability,
            steps=steps,
            people=raters * reliability ** (np.arange(1, HERMITE_TERMS + 1) / 2),
            judge=plain if cut is None else _hermite(np.array([cut])),
            variance=1.0 if cut is None else yes * (1 - yes),
            cut=cut,
            pairs=assumed.pairs,
        )

    def agreement(self, latent: float) -> float:
        """Return the stated agreement of a judge whose variable correlates so with true quality."""
        if self.pairs:
            return 0.5 + math.asin(latent) / math.pi
        spread = math.sqrt(self.variance * float(self.people @ self.people))
        return _series(self.judge * self.people, latent) / spread

    def latent(self, agreement: float) -> float:
        """Return the correlation with true quality of a judge of this agreement."""
        return _inverse(self.agreement, agreement)

    def errors(self, agreement: tuple[float, float], between: float | None) -> float:
        """Return the correlation of two judges' errors that comes nearest to that of their answers."""
        if between is None:
            return 0.0
        a, b = agreement
        together = _inverse(lambda r: _series(self.judge**2, r) / self.variance, between)
        return float(np.clip((together - a * b) / math.sqrt((1 - a * a) * (1 - b * b)), -1, 1))

    def preferred(self, lean: Floats, mean: Floats, raters: int) -> float:
        """Return the share of pairs on which a judge prefers what very many raters prefer, from what few prefer.

        Args:
            lean: (n,) above 0 where the judge prefers the first item.
            mean: (n,) share of the raters who prefer it.
            raters: How many there are of each pair.
        """
        from scipy.special import ndtr
        from scipy.stats import binom

        apart = (mean != 0.5) & np.isfinite(lean)
        right = np.where(lean == 0, 0.5, (lean > 0) == (mean > 0.5))[apart].mean()
        quality = np.asarray(np.linspace(-5, 5, 401))
        density = np.exp(-(quality**2) / 2)
        vote = ndtr(math.sqrt(self.reliability) * quality / math.sqrt(1 - self.reliability))
        first, second = (density * binom.cdf((raters - 1) // 2, raters, p) for p in (1 - vote, vote))

        def reached(latent: float) -> float:
            prefers = ndtr(latent * quality / math.sqrt(1 - latent * latent))
            return float((first @ prefers + second @ (1 - prefers)) / (first + second).sum())

        return self.agreement(_inverse(reached, float(right)))


def _series(coefficients: Floats, correlation: float) -> float:
    """Return sum_k coefficients[k - 1] · correlation^k: the covariance of two functions of normal variables."""
    return float(coefficients @ correlation ** np.arange(1, len(coefficients) + 1))


def _inverse(rising: Callable[[float], float], wanted: float) -> float:
    """Return where a rising function of a correlation reaches a value, or the end nearest to it."""
    from scipy.optimize import brentq

    if wanted <= rising(-MAX_LATENT):
        return -MAX_LATENT
    if wanted >= rising(MAX_LATENT):
        return MAX_LATENT
    return float(brentq(lambda r: rising(r) - wanted, -MAX_LATENT, MAX_LATENT))


def _possible_between(agreement: tuple[float, float]) -> tuple[float, float]:
    """Return the least and greatest correlation of two judges who agree so with people: their errors' being -1 or 1."""
    a, b = agreement
    errors = math.sqrt((1 - a * a) * (1 - b * b))
    return a * b - errors, a * b + errors


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStudy(Displayed):
    """What a study of this size would show, under the assumptions."""

    prompts: int
    items: int
    raters: int
    """Ratings of each item."""
    ratings: int
    """Items times raters: the human work."""
    power: Estimate
    """Share of simulated studies that find the two judges different, with its Monte Carlo interval."""
    figures: tuple[float, float]
    """Mean figure of each judge against the mean of `raters` ratings."""
    half_width: float
    """Half the usual 95 % interval of the first judge's figure: 1.96 standard deviations over the studies."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return to_dict(self)


def simulate_power(
    assumptions: Assumptions,
    *,
    prompts: int,
    raters: Iterable[int] = (1,),
    figure: str | None = None,
    alpha: float = ALPHA,
    studies: int = 400,
    seed: int = 0,
) -> list[PlannedStudy]:
    """Simulate studies of one number of prompts and several numbers of raters, and test each as it will be tested.

    The raters of a larger panel include those of a smaller one, so that power is comparable between them.

    Args:
        assumptions: Of people, judges and prompts.
        prompts: Number of prompts, at least 2.
        raters: Numbers of ratings of each item.
        figure: Key of the figure that is tested; None: the usual one for such answers.
        alpha: Level of the two-sided test of the one pair of judges.
        studies: Simulated studies.
        seed: Same seed, same figures.

    Errors: `InputError` for fewer than 2 prompts or no rater, and for an unknown figure.

    >>> assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.4), shares=(0.5, 0.5), judges="yes-no")
    >>> small, large = (simulate_power(assumed, prompts=n, raters=[3], studies=50)[0] for n in (20, 100))
    >>> small.power.value < large.power.value
    True
    """
    panels = sorted(set(raters))
    if prompts < 2 or not panels or panels[0] < 1:
        raise InputError(f"prompts = {prompts}, raters = {panels}: needs at least 2 prompts and 1 rater")
    row = assumptions.figure if figure is None else figure_named(figure)
    scale = _Scale.of(assumptions)
    blocks = min(prompts, BLOCKS)
    block = np.repeat(np.arange(prompts) * blocks // prompts, assumptions.per_prompt)
    clusters = Replicates(np.asarray(block, dtype=np.int64), blocks)
    figures = np.full((studies, len(panels), 2), np.nan)
    found = np.zeros(len(panels), dtype=int)
    for study in range(studies):
        rng = stream(seed, "power", str(prompts), str(study))
        judges, ratings = _simulate(assumptions, scale, prompts, panels[-1], rng)
        for k, panel in enumerate(panels):
            target = target_of(_people(assumptions, ratings[:, :panel]), row)
            known = np.isfinite(target)
            here, y = clusters.take(known), target[known]
            a, b = _said(row, y, [answers[known] for answers in _answers(judges, scale, row)], here)
            told = difference(row, y, a, b, here)
            figures[study, k] = a.value, b.value
            found[k] += told.testable and told.p is not None and told.p <= alpha
    items = prompts * assumptions.per_prompt
    return [
        PlannedStudy(
            prompts=prompts,
            items=items,
            raters=panel,
            ratings=items * panel,
            power=_share(int(found[k]), studies),
            figures=_means(figures[:, k]),
            half_width=float(1.96 * np.nanstd(figures[:, k, 0], ddof=1)),
        )
        for k, panel in enumerate(panels)
    ]


def power_table(
    assumptions: Assumptions,
    *,
    prompts: Iterable[int] = (50, 100, 200, 400),
    raters: Iterable[int] = (1, 2, 3, 5),
    figure: str | None = None,
    alpha: float = ALPHA,
    studies: int = 400,
    seed: int = 0,
) -> list[PlannedStudy]:
    """Simulate every number of prompts with every number of raters; see `simulate_power`."""
    panels = tuple(raters)
    return [
        planned
        for count in sorted(set(prompts))
        for planned in simulate_power(
            assumptions,
            prompts=count,
            raters=panels,
            figure=figure,
            alpha=alpha,
            studies=studies,
            seed=seed,
        )
    ]


def enough_prompts(
    assumptions: Assumptions,
    power: float = 0.8,
    *,
    raters: Iterable[int] = (1, 2, 3, 5),
    figure: str | None = None,
    alpha: float = ALPHA,
    studies: int = 400,
    seed: int = 0,
) -> list[PlannedStudy]:
    """Search, for each number of raters, the number of prompts that gives a power; return every size tried.

    The power of a t test rises as the normal distribution of the square root of the number of prompts: that line, laid
    through the size tried last, says which to try next.

    Args:
        assumptions: Of people, judges and prompts.
        power: Wanted chance to tell the judges apart, in (0, 1).
        raters: Numbers of ratings of each item to try.
        figure: As for `simulate_power`.
        alpha: As for `simulate_power`.
        studies: As for `simulate_power`.
        seed: As for `simulate_power`.

    Errors: `InputError` for a power that is no chance; else as for `simulate_power`.
    """
    from scipy.special import ndtri

    if not 0 < power < 1:
        raise InputError(f"power = {power}: must lie between 0 and 1")

    def tried(panel: int) -> Iterator[PlannedStudy]:
        size, seen = FIRST_PROMPTS, set[int]()
        reach = float(ndtri(1 - alpha / 2))
        while size not in seen and len(seen) < SEARCHES:
            seen.add(size)
            (planned,) = simulate_power(
                assumptions,
                prompts=size,
                raters=[panel],
                figure=figure,
                alpha=alpha,
                studies=studies,
                seed=seed,
            )
            yield planned
            share = np.clip(planned.power.value or 0.0, 1.5 * alpha, 1 - 1 / studies)
            wanted = size * ((reach + float(ndtri(power))) / (reach + float(ndtri(share)))) ** 2
            step = 5 if wanted < 200 else 10
            size = int(np.clip(step * math.ceil(wanted / step), 10, MOST_PROMPTS))

    return sorted(
        (planned for panel in sorted(set(raters)) for planned in tried(panel)),
        key=lambda planned: (planned.raters, planned.prompts),
    )


def smallest_sufficient(table: Iterable[PlannedStudy], power: float = 0.8) -> PlannedStudy | None:
    """Return the planned study with the fewest ratings that reaches a power, or None when none does."""
    enough = [p for p in table if p.power.value is not None and p.power.value >= power]
    return min(enough, key=lambda p: (p.ratings, p.items), default=None)


def _simulate(
    assumptions: Assumptions, scale: _Scale, prompts: int, raters: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return (n, 2) judges' variables and (n, raters) ratings of one study, items of a prompt side by side."""
    each, share = assumptions.per_prompt, assumptions.prompt_share
    common = np.repeat(rng.standard_normal((prompts, 3)), each, axis=0)
    own = rng.standard_normal((prompts * each, 3))
    truth, error_a, error_b = (math.sqrt(share) * common + math.sqrt(1 - share) * own).T
    a, b = (scale.latent(stated) for stated in assumptions.agreement)
    errors = scale.errors((a, b), assumptions.between)
    error_b = errors * error_a + math.sqrt(1 - errors * errors) * error_b
    judges = np.column_stack([r * truth + math.sqrt(1 - r * r) * e for r, e in ((a, error_a), (b, error_b))])
    noise = rng.standard_normal((len(truth), raters))
    ratings = math.sqrt(scale.reliability) * truth[:, None] + math.sqrt(1 - scale.reliability) * noise
    return judges, np.searchsorted(scale.steps, ratings).astype(float) if len(scale.steps) else ratings


def _answers(judges: Floats, scale: _Scale, figure: Figure) -> list[Floats]:
    """Return (n,) what the figure reads of each judge."""
    if figure.target == "preference":
        return [judges[:, j] if scale.cut is None else np.sign(judges[:, j]) / 2 for j in (0, 1)]
    if figure.of_labels or scale.cut is not None:
        at = scale.cut if scale.cut is not None else float(scale.steps[0]) if len(scale.steps) == 1 else 0.0
        judges = (judges > at).astype(float)
    return [judges[:, j] for j in (0, 1)]


def _people(assumptions: Assumptions, ratings: Floats) -> People:
    names = tuple(str(j) for j in range(ratings.shape[1]))
    asked = np.ones(len(ratings), dtype=bool)
    return People(ratings, asked, names, False, assumptions.value_type, None, None)


def _said(figure: Figure, y: Floats, judges: Sequence[Floats], clusters: Replicates) -> list[Said]:
    """Return each judge's answers, figure and replicates."""
    target = Weighted(y, np.column_stack([np.ones(len(y)), clusters.weights()]))
    found = [figure.statistic(target, answers, score_tie(answers)) for answers in judges]
    return [Said(answers, float(v[0]), v[1:]) for answers, v in zip(judges, found, strict=True)]


def _means(figures: Floats) -> tuple[float, float]:
    """Return each judge's mean figure over the studies in which it is defined; 0 without any."""
    a, b = (float(v[np.isfinite(v)].mean()) if np.isfinite(v).any() else 0.0 for v in figures.T)
    return a, b


def _share(hits: int, trials: int) -> Estimate:
    """Return a share with its Wilson score interval."""
    from scipy.stats import binomtest

    interval = binomtest(hits, trials).proportion_ci(method="wilson")
    return Estimate(hits / trials, float(interval.low), float(interval.high), n=trials)


def _hermite(steps: Floats) -> Floats:
    """(HERMITE_TERMS,) Hermite coefficients of the scale that rises by 1 at each step.

    Functions f and g of two normal variables with correlation r have covariance sum_k f_k g_k r^k.
    """
    from scipy.stats import norm

    before, now = np.zeros_like(steps), np.asarray(norm.pdf(steps))
    found = np.empty(HERMITE_TERMS)
    for k in range(1, HERMITE_TERMS + 1):
        found[k - 1] = now.sum() / math.sqrt(k)
        # phi * He_k / sqrt(k!), by the recurrence He_{k+1} = x He_k - k He_{k-1}.
        before, now = now, (steps * now - math.sqrt(k - 1) * before) / math.sqrt(k)
    return found


def _shared_variance(values: Floats, groups: ArrayLike) -> float:
    """Return the intraclass correlation of a one-way layout, groups of any size (Donner 1986); NaN if undefined."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(member).astype(float)
    n, groups_there = sizes.sum(), len(sizes)
    if groups_there < 2 or n <= groups_there:
        return math.nan
    means = np.bincount(member, weights=values) / sizes
    between = (sizes @ np.square(means - values.mean())) / (groups_there - 1)
    within = np.square(values - means[member]).sum() / (n - groups_there)
    size = (n - np.square(sizes).sum() / n) / (groups_there - 1)
    scale = between + (size - 1) * within
    return float((between - within) / scale) if scale > 0 else math.nan


def _measured_reliability(ratings: Floats, items: ArrayLike) -> float:
    """Return ICC(1,1) of a pilot. Errors: `InputError` where it says nothing about a larger study."""
    found = _shared_variance(ratings, items)
    if math.isnan(found) or found <= 0:
        raise InputError(
            "the pilot's raters show no agreement that could be measured; rate more items, at least two "
            "raters each, or state the reliability (`reliability` 0.5)"
        )
    if found >= 1:
        n = len(np.unique(np.asarray(items)))
        raise InputError(
            f"the pilot's raters agree on all {n} items. No larger study is free of noise, and how much there is "
            "cannot be read from none: rate more items, or state the reliability (`reliability` 0.9)"
        )
    return found


def _spearman_brown(reliability: float, raters: float) -> float:
    """Return the reliability of the mean of so many raters."""
    return raters * reliability / (1 + (raters - 1) * reliability)
