"""Studies drawn with a known truth, and what the package's inference says of them: for proofs and tests.

Prompts differ: half the variance of quality, and half that of each judge's error, is shared within prompts where a
design does not say otherwise. Two judges whose errors are drawn alike are exchangeable: between them nothing is true
but "no difference", whatever the figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from genspace.analysis.correlation import within_groups
from genspace.analysis.figures import FIGURES, Figure
from genspace.analysis.inference.comparisons import JudgeOnUnits, difference, not_worse, other_generators
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.permutation import swap_test
from genspace.analysis.question import _linked
from genspace.analysis.resampling import stream

ALPHA, ONE_SIDED = 0.05, 0.025
TRUTHS = 3
"""Large studies whose mean is the truth."""


@dataclass(frozen=True)
class Drawn:
    """What people and two judges said of the same units."""

    y: np.ndarray
    a: np.ndarray
    b: np.ndarray
    prompt: np.ndarray
    generator: np.ndarray | None = None


Draw = Callable[[np.random.Generator], Drawn]


def said_by(figure: Figure, drawn: Drawn) -> tuple[JudgeOnUnits, JudgeOnUnits, Replicates]:
    clusters = Replicates.of(drawn.prompt)
    return *(JudgeOnUnits.of(figure, LeftOut(drawn.y, clusters), x) for x in (drawn.a, drawn.b)), clusters


# --- how studies are drawn ------------------------------------------------------------------------------------------


def of_sizes(*sizes: int) -> np.ndarray:
    return np.repeat(np.arange(len(sizes)), sizes)


def prompts(count: int, each: int) -> np.ndarray:
    return of_sizes(*[each] * count)


def scattered(rng: np.random.Generator, prompt: np.ndarray, shared: float = 0.5) -> np.ndarray:
    """(n,) standard normal values, a part of their variance shared within prompts."""
    own = rng.normal(size=len(prompt))
    return math.sqrt(shared) * rng.normal(size=int(prompt.max()) + 1)[prompt] + math.sqrt(1 - shared) * own


def rated(rng: np.random.Generator, quality: np.ndarray) -> np.ndarray:
    """(n,) means of three ratings from 1 to 5."""
    return np.clip(np.round(3 + quality[:, None] + 0.7 * rng.normal(size=(len(quality), 3))), 1, 5).mean(
        axis=1
    )


def graded(prompt: np.ndarray, *, noise: tuple[float, float] = (1.0, 1.0), binary: bool = False,
           shared: tuple[float, float] = (0.5, 0.5), levels: int | None = None) -> Draw:  # fmt: skip
    """Ratings, or yes and no, and judges whose scores are quality and an error."""

    def draw(rng: np.random.Generator) -> Drawn:
        quality = scattered(rng, prompt)
        y = (quality + 0.4 * rng.normal(size=len(prompt)) > 0) * 1.0 if binary else rated(rng, quality)
        a, b = (quality + s * scattered(rng, prompt, part) for s, part in zip(noise, shared, strict=True))
        if levels is not None:
            cuts = norm.ppf(np.arange(1, levels) / levels) * math.sqrt(2)
            a, b = (np.digitize(x, cuts).astype(float) for x in (a, b))
        return Drawn(y, a, b, prompt)

    return draw


def yes_no(prompt: np.ndarray, *, wrong: tuple[float, float] = (0.2, 0.2), yes: float = 0.5) -> Draw:
    """Yes and no; each judge is wrong with a probability of its own, more often in some prompts."""

    def draw(rng: np.random.Generator) -> Drawn:
        y = scattered(rng, prompt) > norm.ppf(1 - yes)
        a, b = ((scattered(rng, prompt) < norm.ppf(rate)) ^ y for rate in wrong)
        return Drawn(y * 1.0, a * 1.0, b * 1.0, prompt)

    return draw


def area(prompt: np.ndarray, *, auc: tuple[float, float], yes: float = 0.5) -> Draw:
    """Yes and no, and scores with these areas: normal in both classes, so many standard deviations apart."""

    def draw(rng: np.random.Generator) -> Drawn:
        y = (scattered(rng, prompt) > norm.ppf(1 - yes)) * 1.0
        a, b = (math.sqrt(2) * norm.ppf(min(v, 1 - 1e-12)) * y + scattered(rng, prompt) for v in auc)
        return Drawn(y, a, b, prompt)

    return draw


def with_abstentions(draw: Draw) -> Draw:
    """The first judge is silent where the item is hard: near the middle, and where its prompt is; common items stay."""

    def common(rng: np.random.Generator) -> Drawn:
        drawn = draw(rng)
        middle = np.abs(drawn.y - np.median(drawn.y))
        silent = rng.random(len(middle)) < 0.7 * np.exp(-middle)
        return replace(
            drawn, y=drawn.y[~silent], a=drawn.a[~silent], b=drawn.b[~silent], prompt=drawn.prompt[~silent]
        )

    return common


def pairs(components: int, *, ties: bool, noise: tuple[float, float] = (1.0, 1.0)) -> Draw:
    """Four pairs of the four items of every two prompts; they share items, and link the prompts."""
    first = np.concatenate([4 * k + np.array([0, 1, 2, 3]) for k in range(components)])
    second = np.concatenate([4 * k + np.array([2, 3, 3, 0]) for k in range(components)])
    item_prompt = np.arange(4 * components) // 2
    component = _linked(item_prompt[first], item_prompt[second])

    def draw(rng: np.random.Generator) -> Drawn:
        quality = scattered(rng, item_prompt)
        said = quality[first] - quality[second]
        lean = said + 0.5 * rng.normal(size=len(first))
        scores = [quality + s * scattered(rng, item_prompt) for s in noise]
        if ties:
            lean = np.where(np.abs(lean) < 0.4, 0.0, lean)
            scores = [np.round(2 * x) / 2 for x in scores]
        a, b = (x[first] - x[second] for x in scores)
        return Drawn(np.sign(lean) / 2, a, b, component)

    return draw


def grouped_pairs(prompt: np.ndarray) -> Draw:
    """Pairs without ties in as many groups as there are prompts."""
    return pairs(len(np.unique(prompt)), ties=False)


def by_generator(count: int, generators: int, *, binary: bool) -> Draw:
    """Every generator draws every prompt; a third of the variance of a judge's error belongs to the generator."""
    prompt, generator = prompts(count, generators), np.tile(np.arange(generators), count)

    def draw(rng: np.random.Generator) -> Drawn:
        quality = scattered(rng, prompt)
        y = (quality > 0) * 1.0 if binary else rated(rng, quality)
        a, b = (
            quality
            + math.sqrt(1 / 3) * rng.normal(size=generators)[generator]
            + math.sqrt(2 / 3) * scattered(rng, prompt)
            for _ in "ab"
        )
        return Drawn(y, a, b, prompt, generator)

    return draw


# --- what is said of them -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rejections:
    """Of studies in which two judges are equally good."""

    figure: str
    claimed: float
    """Share in which one is called ahead."""
    untested: float
    """Share in which too few prompts tell them apart, or nothing is defined."""


def levels(name: str, draw: Draw, figures: tuple[str, ...], runs: int) -> list[Rejections]:
    """Return how often a difference is claimed in each figure."""
    claimed, untested = np.zeros(len(figures)), np.zeros(len(figures))
    for run in range(runs):
        drawn = draw(stream(15, name, str(run)))
        for k, key in enumerate(figures):
            a, b, clusters = said_by(FIGURES[key], drawn)
            found = difference(FIGURES[key], drawn.y, a, b, clusters)
            claimed[k] += found.testable and found.p <= ALPHA
            untested[k] += not found.testable
    return [
        Rejections(key, claimed[k] / runs, untested[k] / runs)
        for k, key in enumerate(figures)
    ]  # fmt: skip


def generator_levels(
    name: str, draw: Draw, figures: tuple[str, ...], runs: int
) -> list[tuple[str, float, float]]:
    """Return how often equally good judges are told apart by the test over prompts, and for other generators."""
    over_prompts, elsewhere = np.zeros(len(figures)), np.zeros(len(figures))
    for run in range(runs):
        drawn = draw(stream(15, name, str(run)))
        generators = Replicates.of(drawn.generator)
        for k, key in enumerate(figures):
            a, b, clusters = said_by(FIGURES[key], drawn)
            found = difference(FIGURES[key], drawn.y, a, b, clusters)
            without = [
                JudgeOnUnits.of(FIGURES[key], LeftOut(drawn.y, generators), x).replicated
                for x in (drawn.a, drawn.b)
            ]
            other = other_generators(found, without[0] - without[1], generators.draws)
            over_prompts[k] += found.testable and found.p <= ALPHA
            elsewhere[k] += other is not None and other.p is not None and other.p <= ALPHA
    return [(key, over_prompts[k] / runs, elsewhere[k] / runs) for k, key in enumerate(figures)]


def power(name: str, draw: Draw, figure: str, runs: int, permutations: int = 999) -> tuple[float, float]:
    """Return how often a true difference is found, and how often a swap of raw scores finds it in the same studies."""
    ours = swaps = 0
    for run in range(runs):
        rng = stream(15, name, str(run))
        drawn = draw(rng)
        a, b, clusters = said_by(FIGURES[figure], drawn)
        found = difference(FIGURES[figure], drawn.y, a, b, clusters)
        ours += found.testable and found.p <= ALPHA
        test = swap_test(
            drawn.y,
            drawn.a,
            drawn.b,
            drawn.prompt,
            figure,
            permutations=permutations,
            rng=rng,
            standardise=False,
        )
        swaps += test.p <= ALPHA
    return ours / runs, swaps / runs


@dataclass(frozen=True)
class Coverage:
    """Of one figure over studies with a known truth."""

    covered: float
    """Share of the intervals that hold the truth."""
    null: float
    """Share of studies without an interval."""
    marked: float
    """Share of studies whose interval is marked: few prompts hold the rarer answer."""
    perfect: float
    """Share of studies in which the figure is exactly 1: it has no standard error there."""
    width: float
    """Median width as a multiple of 2 x 1.96 standard deviations of the value over the studies."""
    width_of_others: float
    """The same over the studies in which the figure is not 1."""


def interval(figure: Figure, drawn: Drawn, *, within: bool):
    """Return the estimate of a comparison for the first judge, over all units or within prompts."""
    clusters = Replicates.of(drawn.prompt)
    n = len(drawn.y)
    if within:
        inside = within_groups([figure], drawn.y, drawn.a, drawn.prompt)[figure.key]
        _, first = np.unique(drawn.prompt, return_index=True)
        clusters = clusters.take(first)
        value = float(inside.of(np.ones((len(first), 1)))[0])
        replicated, n = clusters.map(inside.of), inside.n
        support = Support(most=len(drawn.y), at_ends=max(1, n))
    else:
        value, *rest = figure.statistic(LeftOut(drawn.y, clusters), drawn.a, 0.0)
        replicated, support = np.array(rest), Support.of(figure, drawn.y, clusters)
    return from_replicates(
        value, replicated, clusters, n=n, scale=figure.scale, support=support, least=figure.least_prompts
    )


def coverage(
    name: str, draw: Draw, figure: str, truth: float, runs: int, *, within: bool = False
) -> Coverage:
    """Return how often the interval of the first judge's figure holds the truth."""
    values, ends, marked = np.full(runs, np.nan), np.full((runs, 2), np.nan), 0
    for run in range(runs):
        found = interval(FIGURES[figure], draw(stream(15, name, str(run))), within=within)
        values[run] = np.nan if found.value is None else found.value
        if found.low is not None:
            ends[run] = found.low, found.high
            marked += found.reason is not None
    known, perfect = np.isfinite(ends[:, 0]), values == 1
    low, high = ends[known].T
    oracle = 2 * 1.96 * np.nanstd(values)
    return Coverage(
        covered=float(((low <= truth) & (truth <= high)).mean()),
        null=float((~known).mean()),
        marked=marked / runs,
        perfect=float(perfect.mean()),
        width=float(np.median(high - low) / oracle),
        width_of_others=float(np.median((high - low)[~perfect[known]]) / oracle),
    )


def truth_of(draw: Draw, figure: str, *, within: bool = False, second: bool = False) -> float:
    """Return the mean figure of the first (or the second) judge in a few large studies."""
    return float(
        np.mean([_truth(draw(stream(15, "truth", str(k))), figure, within, second) for k in range(TRUTHS)])
    )


def _truth(drawn: Drawn, figure: str, within: bool, second: bool) -> float:
    said = drawn.b if second else drawn.a
    if within:
        found = within_groups([FIGURES[figure]], drawn.y, said, drawn.prompt)[figure]
        return float(found.of(np.ones((len(np.unique(drawn.prompt)), 1)))[0])
    return float(FIGURES[figure].statistic(LeftOut(drawn.y, Replicates(0 * drawn.prompt, 1)), said, 0.0)[0])


def false_not_worse(name: str, draw: Draw, figure: str, margin: float, runs: int) -> tuple[float, float]:
    """Return how often the first judge, which is worse by the margin, is called not worse; and untested studies."""
    row, wrong, untested = FIGURES[figure], 0, 0
    for run in range(runs):
        drawn = draw(stream(15, name, str(run)))
        a, b, clusters = said_by(row, drawn)
        found = difference(row, drawn.y, a, b, clusters)
        p = not_worse(found, margin, figure=row, y=drawn.y, a=drawn.a, b=drawn.b, block=clusters.of_item)
        wrong += p is not None and p <= ONE_SIDED
        untested += p is None
    return wrong / runs, untested / runs
