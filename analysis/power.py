"""Planning a human study: how many prompts and raters it takes to tell two judges apart.

Studies are simulated as they will be analysed: prompts repeated over generators, ratings on the declared scale,
whole prompts swapped between the two judges (PERM-INPUT, Deutsch et al. 2021, "A statistical analysis of
summarization evaluation metrics using resampling methods"). Assumptions are stated in observable figures, or
read from a pilot: a rounded scale's latent correlations follow from the Hermite expansion of its steps
(Pearson's polychoric argument).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis.resampling import stream
from genspace.display import Displayed
from genspace.documents import to_dict
from genspace.errors import InputError

__all__ = ["Assumptions", "PlannedStudy", "power_table", "simulate_power", "smallest_sufficient"]

Floats = NDArray[np.float64]
PlannedFigure = Literal["pearson", "spearman"]
HERMITE_TERMS = 80
MAX_LATENT = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions(Displayed):
    """What is assumed about people, judges and prompts.

    >>> Assumptions(reliability=0.5, agreement=(0.7, 0.6)).between
    0.42
    """

    reliability: float
    """Correlation of two people's single ratings of an item, ICC(1,1), in (0, 1)."""
    agreement: tuple[float, float]
    """Each judge's correlation with the mean of very many raters: an observed figure divided by the noise
    ceiling."""
    between: float = math.nan
    """Correlation of the two judges' scores; by default what their agreement with people alone makes of it."""
    prompt_share: float = 0.5
    """Share of the variance of true quality, and of each judge's errors, that items of one prompt share."""
    per_prompt: int = 1
    """Items (generators) of each prompt."""
    shares: tuple[float, ...] | None = None
    """Share of each level of the rating scale, lowest first; None: a continuous scale."""

    def __post_init__(self) -> None:
        if math.isnan(self.between):
            object.__setattr__(self, "between", math.prod(self.agreement))
        for name in ("reliability", "prompt_share"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must lie in [0, 1)")
        if self.reliability == 0:
            raise InputError("reliability = 0: people who agree on nothing cannot tell judges apart")
        if any(not -1 < r < 1 for r in (*self.agreement, self.between)):
            raise InputError(f"agreement {self.agreement} and between {self.between} must lie in (-1, 1)")
        if self.per_prompt < 1:
            raise InputError(f"per_prompt = {self.per_prompt}: must be at least 1")
        if self.shares is not None and (len(self.shares) < 2 or min(self.shares) <= 0):
            raise InputError(f"shares {self.shares}: give a positive share to each of at least two levels")
        low, high = _possible_between(self.agreement)
        if not low <= self.between <= high:
            a, b = self.agreement
            raise InputError(
                f"two judges that agree {a:.3g} and {b:.3g} with people cannot correlate {self.between:.3g} with each "
                f"other, only {low:.3g} to {high:.3g}"
            )

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
    ) -> Assumptions:
        """Read the assumptions from a pilot study.

        Args:
            ratings: (n, k) ratings of n items, NaN = none; each distinct value is a level when there are at
                most 11.
            prompts: (n,) prompt of each item.
            scores: (n, 2) scores of the two judges, higher is better; then agreement is measured.
            reliability: Stated instead of measured; needed where the raters agree on everything or on nothing.
            agreement: Stated instead of measured.
            per_prompt: Stated instead of the pilot's mean number of items a prompt.

        Errors: `InputError` without two rated items by two raters, without variance, with perfect agreement, or with
        neither scores nor agreement.
        """
        table, prompt = np.asarray(ratings, dtype=float), np.asarray(prompts)
        item, column = np.nonzero(np.isfinite(table))
        if reliability is None:
            reliability = _measured_reliability(table[item, column], item)
        rated = np.isfinite(table).any(axis=1)
        mean = np.nanmean(table[rated], axis=1)
        between = math.nan
        columns = [mean]
        if scores is not None:
            judged = np.asarray(scores, dtype=float)[rated]
            correlations = np.corrcoef(np.column_stack([judged, mean]), rowvar=False)
            if not np.isfinite(correlations).all():
                raise InputError("the pilot's scores must vary and be there for every rated item")
            ceiling = math.sqrt(_spearman_brown(reliability, len(item) / rated.sum()))
            agreement = agreement or (
                float(np.clip(correlations[0, 2] / ceiling, -MAX_LATENT, MAX_LATENT)),
                float(np.clip(correlations[1, 2] / ceiling, -MAX_LATENT, MAX_LATENT)),
            )
            # In a small pilot the figures, each with its own error, may contradict each other.
            between = float(np.clip(correlations[0, 1], *_possible_between(agreement)))
            columns += [judged[:, 0], judged[:, 1]]
        if agreement is None:
            raise InputError("state the agreement that each judge is expected to reach, or give their scores")
        shared = [_shared_variance(values, prompt[rated]) for values in columns]
        known = [min(max(s, 0.0), MAX_LATENT) for s in shared if math.isfinite(s)]
        levels, counts = np.unique(table[item, column], return_counts=True)
        return cls(
            reliability=reliability,
            agreement=agreement,
            between=between,
            prompt_share=float(np.mean(known)) if known else 0.0,
            per_prompt=per_prompt or max(1, round(len(prompt) / len(np.unique(prompt)))),
            shares=tuple((counts / counts.sum()).tolist()) if len(levels) <= 11 else None,
        )

    def error_correlation(self, agreement: Sequence[float]) -> float:
        """Return the correlation of two judges' errors that, at this agreement with people, comes nearest `between`."""
        a, b = agreement
        return float(np.clip((self.between - a * b) / math.sqrt((1 - a * a) * (1 - b * b)), -1, 1))

    def latent(self) -> tuple[float, tuple[float, float], Floats]:
        """Return single-rating reliability, judges' agreement and steps of the continuous scale underneath.

        On a continuous scale they are the stated ones, without steps.
        """
        if self.shares is None:
            return self.reliability, self.agreement, np.array([])
        from scipy.optimize import brentq
        from scipy.stats import norm

        steps = norm.ppf(np.cumsum(self.shares)[:-1] / sum(self.shares))
        power = _hermite_power(steps)
        levels = np.arange(len(self.shares))
        weights = np.array(self.shares) / sum(self.shares)
        variance = weights @ (levels - weights @ levels) ** 2

        def rounded(correlation: float) -> float:
            return float(power @ correlation ** np.arange(1, HERMITE_TERMS + 1) / variance)

        if rounded(MAX_LATENT) <= self.reliability:
            latent = MAX_LATENT
        else:
            latent = float(brentq(lambda r: rounded(r) - self.reliability, 0.0, MAX_LATENT))
        # The mean of many rounded ratings is a curved function of true quality; its correlation with it is < 1.
        straight = math.sqrt(power[0] * latent / (variance * rounded(latent)))
        a, b = (float(np.clip(r / straight, -MAX_LATENT, MAX_LATENT)) for r in self.agreement)
        return latent, (a, b), np.asarray(steps, dtype=float)


def _possible_between(agreement: Sequence[float]) -> tuple[float, float]:
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
    figure: PlannedFigure = "spearman",
    alpha: float = 0.05,
    studies: int = 400,
    permutations: int = 400,
    seed: int = 0,
) -> list[PlannedStudy]:
    """Simulate studies of one number of prompts and several numbers of raters.

    The raters of a larger panel include those of a smaller one, so that power is comparable between them.

    Args:
        assumptions: Of people, judges and prompts.
        prompts: Number of prompts, at least 2.
        raters: Numbers of ratings of each item.
        figure: Agreement with the mean rating; "spearman" swaps ranks, which for yes / no ratings tests the
            difference of the ROC AUC as well.
        alpha: Level of the two-sided test.
        studies: Simulated studies.
        permutations: Random swaps of prompts in each test; p = (1 + b) / (1 + B).
        seed: Same seed, same figures.

    Errors: `InputError` for fewer than 2 prompts or no rater.
    """
    panels = sorted(set(raters))
    if prompts < 2 or not panels or panels[0] < 1:
        raise InputError(f"prompts = {prompts}, raters = {panels}: needs at least 2 prompts and 1 rater")
    latent = assumptions.latent()
    figures = np.empty((studies, len(panels), 2))
    found = np.zeros(len(panels), dtype=int)
    for study in range(studies):
        rng = stream(seed, "power", str(prompts), str(study))
        judges, ratings = _simulate(assumptions, latent, prompts, panels[-1], rng)
        judges = _standardised(judges, figure)
        swaps = rng.integers(2, size=(prompts, permutations)).astype(float)
        for k, panel in enumerate(panels):
            target = _standardised(ratings[:, :panel].mean(axis=1, keepdims=True), figure)[:, 0]
            figures[study, k], p = _swap_test(judges, target, swaps)
            found[k] += p <= alpha
    items = prompts * assumptions.per_prompt
    return [
        PlannedStudy(
            prompts=prompts,
            items=items,
            raters=panel,
            ratings=items * panel,
            power=_share(int(found[k]), studies),
            figures=(float(figures[:, k, 0].mean()), float(figures[:, k, 1].mean())),
            half_width=float(1.96 * figures[:, k, 0].std(ddof=1)),
        )
        for k, panel in enumerate(panels)
    ]


def power_table(
    assumptions: Assumptions,
    *,
    prompts: Iterable[int] = (50, 100, 200, 400),
    raters: Iterable[int] = (1, 2, 3, 5),
    figure: PlannedFigure = "spearman",
    alpha: float = 0.05,
    studies: int = 400,
    permutations: int = 400,
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
            permutations=permutations,
            seed=seed,
        )
    ]


def smallest_sufficient(table: Iterable[PlannedStudy], power: float = 0.8) -> PlannedStudy | None:
    """Return the planned study with the fewest ratings that reaches a power, or None when none does."""
    enough = [p for p in table if p.power.value is not None and p.power.value >= power]
    return min(enough, key=lambda p: (p.ratings, p.items), default=None)


def _simulate(
    assumptions: Assumptions,
    latent: tuple[float, tuple[float, float], Floats],
    prompts: int,
    raters: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Return (n, 2) scores and (n, raters) ratings of one study, items of a prompt side by side."""
    reliability, agreement, steps = latent
    each, share = assumptions.per_prompt, assumptions.prompt_share
    common = np.repeat(rng.standard_normal((prompts, 3)), each, axis=0)
    own = rng.standard_normal((prompts * each, 3))
    truth, error_a, error_b = (math.sqrt(share) * common + math.sqrt(1 - share) * own).T
    errors = assumptions.error_correlation(agreement)
    error_b = errors * error_a + math.sqrt(1 - errors * errors) * error_b
    judges = np.column_stack(
        [r * truth + math.sqrt(1 - r * r) * e for r, e in zip(agreement, (error_a, error_b), strict=True)]
    )
    noise = rng.standard_normal((len(truth), raters))
    ratings = math.sqrt(reliability) * truth[:, None] + math.sqrt(1 - reliability) * noise
    return judges, np.searchsorted(steps, ratings).astype(float) if len(steps) else ratings


def _standardised(values: Floats, figure: PlannedFigure) -> Floats:
    """Return columns (or their ranks) with mean 0 and variance 1; a constant column is all 0."""
    if figure == "spearman":
        from scipy.stats import rankdata

        values = np.asarray(rankdata(values, axis=0), dtype=float)
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _swap_test(judges: Floats, target: Floats, swaps: Floats) -> tuple[Floats, float]:
    """Return the two correlations and the p-value of swapping whole prompts between the judges.

    Args:
        judges: (n, 2) standardised scores, items of a prompt side by side.
        target: (n,) standardised.
        swaps: (P, B) 1 where a prompt is swapped.
    """
    by_prompt = judges.reshape(len(swaps), -1, 2)
    products = np.einsum("pij,pi->pj", by_prompt, target.reshape(len(swaps), -1))
    moments = np.stack([products, by_prompt.sum(axis=1), np.square(by_prompt).sum(axis=1)])
    total = moments.sum(axis=1)
    moved = np.einsum("mp,pb->mb", moments[:, :, 1] - moments[:, :, 0], swaps)
    n = len(target)

    def correlations(product: Floats, first: Floats, second: Floats) -> Floats:
        variance = np.maximum(second / n - np.square(first / n), 1e-300)
        return np.asarray(product / n / np.sqrt(variance))

    swapped = [correlations(*(total[:, j, None] + sign * moved)) for j, sign in ((0, 1), (1, -1))]
    observed = np.array([correlations(*total[:, j]) for j in (0, 1)])
    extreme = np.abs(swapped[0] - swapped[1]) >= abs(observed[0] - observed[1]) - 1e-12
    return observed, float((1 + extreme.sum()) / (1 + len(extreme)))


def _share(hits: int, trials: int) -> Estimate:
    """Return a share with its Wilson score interval."""
    from scipy.stats import binomtest

    interval = binomtest(hits, trials).proportion_ci(method="wilson")
    return Estimate(hits / trials, float(interval.low), float(interval.high), n=trials)


def _hermite_power(steps: Floats) -> Floats:
    """(HERMITE_TERMS,) squared Hermite coefficients of the scale that rises by 1 at each step.

    Two rounded normal variables with correlation r have covariance sum_k power[k - 1] * r^k.
    """
    from scipy.stats import norm

    before, now = np.zeros_like(steps), np.asarray(norm.pdf(steps))
    power = np.empty(HERMITE_TERMS)
    for k in range(1, HERMITE_TERMS + 1):
        power[k - 1] = now.sum() ** 2 / k
        # phi * He_k / sqrt(k!), by the recurrence He_{k+1} = x He_k - k He_{k-1}.
        before, now = now, (steps * now - math.sqrt(k - 1) * before) / math.sqrt(k)
    return power


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
