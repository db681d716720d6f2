"""Planning a human study: how many prompts and raters it takes to tell two judges apart.

Studies are simulated and tested as they will be analysed: prompts repeated over generators, answers of the kind that
people will give, judges that give scores or say yes and no, and the difference of the two by the figure of such a
study (`genspace.analysis.inference.comparisons`). Assumptions are stated in observable figures, or read from a pilot:
the normal variables underneath follow from the Hermite expansion of whatever is cut into steps (Pearson's polychoric
argument).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis._assumptions import Assumptions, JudgeAnswers
from genspace.analysis._estimate import Estimate
from genspace.analysis._latent_scale import LatentScale
from genspace.analysis._scope import target_of
from genspace.analysis.correlation import score_tie
from genspace.analysis.figures import Figure, figure_named
from genspace.analysis.inference.comparisons import JudgeOnUnits, difference
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.resampling import Weighted, stream
from genspace.analysis.significance import ALPHA
from genspace.display import Displayed
from genspace.documents import to_dict
from genspace.errors import InputError

__all__ = [
    "Assumptions",
    "JudgeAnswers",
    "PlannedStudy",
    "enough_prompts",
    "power_table",
    "simulate_power",
    "smallest_sufficient",
]

BLOCKS = 100
"""More prompts than this are left out in so many blocks: a hundredth of the work, next to no other power."""
FIRST_PROMPTS, MOST_PROMPTS = 60, 5000
"""Where the search for the number of prompts begins, and where it gives up."""
SEARCHES = 5
"""Sizes tried for each number of raters."""


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
    scale = assumptions.scale
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
    """Simulate every number of prompts with every number of raters; see `simulate_power`.

    >>> assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.1), shares=(0.5, 0.5), judges="yes-no")
    >>> table = power_table(assumed, prompts=[10, 20], raters=[1, 2], studies=5)
    >>> [(row.prompts, row.raters) for row in table]
    [(10, 1), (10, 2), (20, 1), (20, 2)]
    """
    simulate = partial(
        simulate_power,
        assumptions,
        raters=tuple(raters),
        figure=figure,
        alpha=alpha,
        studies=studies,
        seed=seed,
    )
    return [planned for count in sorted(set(prompts)) for planned in simulate(prompts=count)]


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

    >>> assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.1), shares=(0.5, 0.5), judges="yes-no")
    >>> tried = enough_prompts(assumed, raters=[3], studies=20)
    >>> smallest_sufficient(tried).power.value >= 0.8
    True
    """
    from scipy.special import ndtri

    if not 0 < power < 1:
        raise InputError(f"power = {power}: must lie between 0 and 1")
    simulate = partial(simulate_power, assumptions, figure=figure, alpha=alpha, studies=studies, seed=seed)

    def tried(panel: int) -> Iterator[PlannedStudy]:
        size, seen = FIRST_PROMPTS, set[int]()
        reach = float(ndtri(1 - alpha / 2))
        while size not in seen and len(seen) < SEARCHES:
            seen.add(size)
            (planned,) = simulate(prompts=size, raters=[panel])
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
    """Return the planned study with the fewest ratings that reaches a power, or None when none does.

    >>> assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.1), shares=(0.5, 0.5), judges="yes-no")
    >>> smallest_sufficient(power_table(assumed, prompts=[5], raters=[1], studies=5), power=1.0) is None
    True
    """
    enough = [p for p in table if p.power.value is not None and p.power.value >= power]
    return min(enough, key=lambda p: (p.ratings, p.items), default=None)


def _simulate(
    assumptions: Assumptions, scale: LatentScale, prompts: int, raters: int, rng: np.random.Generator
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


def _answers(judges: Floats, scale: LatentScale, figure: Figure) -> list[Floats]:
    """Return (n,) what the figure reads of each judge."""
    if figure.target == "preference":
        return [judges[:, j] if scale.cut is None else np.sign(judges[:, j]) / 2 for j in (0, 1)]
    if figure.of_labels or scale.cut is not None:
        at = scale.cut if scale.cut is not None else float(scale.steps[0]) if len(scale.steps) == 1 else 0.0
        judges = (judges > at).astype(float)
    return [judges[:, j] for j in (0, 1)]


def _people(assumptions: Assumptions, ratings: Floats) -> PeopleAnswers:
    names = tuple(str(j) for j in range(ratings.shape[1]))
    asked = np.ones(len(ratings), dtype=bool)
    return PeopleAnswers(ratings, asked, names, False, assumptions.value_type, None, None)


def _said(figure: Figure, y: Floats, judges: Sequence[Floats], clusters: Replicates) -> list[JudgeOnUnits]:
    """Return each judge's answers, figure and replicates."""
    target = Weighted(y, np.column_stack([np.ones(len(y)), clusters.weights()]))
    found = [figure.statistic(target, answers, score_tie(answers)) for answers in judges]
    return [JudgeOnUnits(answers, float(v[0]), v[1:]) for answers, v in zip(judges, found, strict=True)]


def _means(figures: Floats) -> tuple[float, float]:
    """Return each judge's mean figure over the studies in which it is defined; 0 without any."""
    a, b = (float(v[np.isfinite(v)].mean()) if np.isfinite(v).any() else 0.0 for v in figures.T)
    return a, b


def _share(hits: int, trials: int) -> Estimate:
    """Return a share with its Wilson score interval."""
    from scipy.stats import binomtest

    interval = binomtest(hits, trials).proportion_ci(method="wilson")
    return Estimate(hits / trials, float(interval.low), float(interval.high), n=trials)
