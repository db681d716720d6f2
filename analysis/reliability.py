"""How far people agree with one another: the yardstick for every judge.

Every coefficient takes ratings (n, k), NaN where a rater gave none, and multiplicities (n, B) of the items, and
returns (B,) values: with weights of one it is the coefficient itself, without one prompt a replicate of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis._variance import icc, mean_of_inverse, variance_components
from genspace.analysis.inference.intervals import Scale, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio

__all__ = [
    "COEFFICIENTS",
    "Coefficient",
    "alpha_of",
    "cohen_kappa",
    "fleiss_kappa",
    "gwet_ac",
    "icc",
    "krippendorff_alpha",
    "mean_of_inverse",
    "reliability",
    "scale_values",
    "variance_components",
]

Level = Literal["nominal", "ordinal", "interval"]

MAX_CATEGORIES = 25
"""With more distinct values, coefficients that count categories say nothing."""
MAX_SCALE_STEPS = 1000
"""A whole-number scale of more steps is a continuum: those nobody chose are no categories."""
MIN_CROSSED = 0.5
"""Raters are crossed with items where all of them rated at least this share of the items that were rated twice."""


def _ones(ratings: Floats) -> Floats:
    return np.ones((len(ratings), 1))


def _counts(ratings: Floats, categories: Floats) -> Floats:
    """(n, V) how many raters chose each category."""
    return np.asarray((ratings[:, :, None] == categories).sum(axis=1), dtype=float)


def _observed(ratings: Floats) -> Floats:
    return np.unique(ratings[np.isfinite(ratings)])


def scale_values(ratings: Floats, scale: tuple[float, float] | None) -> Floats:
    """Return all categories of a declared whole-number scale, or the observed values.

    >>> scale_values(np.array([[1.0, 4], [2, 2]]), (1, 5)).tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    seen = _observed(ratings)
    whole = scale is not None and all(float(v).is_integer() for v in (*scale, *seen))
    if scale is None or not whole or scale[1] - scale[0] > MAX_SCALE_STEPS:
        return seen
    return np.union1d(seen, np.arange(scale[0], scale[1] + 1))


def krippendorff_alpha(
    ratings: ArrayLike, level: Level = "interval", weights: Floats | None = None
) -> Floats:
    """Return Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability").

    Args:
        ratings: (n, k), NaN where missing.
        level: How far apart two values are: nominal, ordinal or interval.
        weights: (n, B) multiplicity of each item in each draw; default once.

    >>> krippendorff_alpha([[1, 1], [2, 2], [3, 3], [1, 2]], "nominal").round(3).tolist()
    [0.667]
    """
    values = np.asarray(ratings, dtype=float)
    weights = _ones(values) if weights is None else weights
    given = np.isfinite(values).sum(axis=1)
    values, weights, given = values[given > 1], weights[given > 1], given[given > 1]
    total = given @ weights
    if level == "interval":
        # With squared differences both sums follow from moments, for any number of distinct values.
        mean = np.nanmean(values) if len(values) else 0.0
        first, second = np.nansum(values - mean, axis=1), np.nansum((values - mean) ** 2, axis=1)
        observed = (2 * (given * second - first**2) / (given - 1)) @ weights
        expected = 2 * (total * (second @ weights) - (first @ weights) ** 2)
        return 1 - ratio((total - 1) * observed, np.where(expected > 1e-9 * observed, expected, 0.0))
    counts = _counts(values, _observed(values))
    coincidences = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(counts.shape[1])
    coincidences /= (given - 1)[:, None, None]
    table = np.einsum("uck,ub->ckb", coincidences, weights, optimize=True)
    sums = table.sum(axis=1)
    if level == "nominal":
        distance = np.broadcast_to(1 - np.eye(len(sums))[:, :, None], table.shape)
    else:
        middle = np.cumsum(sums, axis=0) - sums / 2
        distance = (middle[:, None] - middle[None, :]) ** 2
    expected = (sums[:, None] * sums[None, :] * distance).sum(axis=(0, 1))
    return 1 - ratio((total - 1) * (table * distance).sum(axis=(0, 1)), expected)


def _agreeing_pairs(counts: Floats, alike: Floats) -> Floats:
    """(n,) share of the pairs of ratings of an item that are alike; `alike` is (V, V) with ones on its diagonal."""
    given = counts.sum(axis=1)
    pairs = (counts * (counts @ alike - 1)).sum(axis=1)
    return np.asarray(pairs / (given * (given - 1)))


def _pair_share(values: Floats, weights: Floats, categories: Floats, alike: Floats) -> Floats:
    """(B,) mean of `_agreeing_pairs` over the items with at least two ratings."""
    rated = np.isfinite(values).sum(axis=1) > 1
    share = _agreeing_pairs(_counts(values[rated], categories), alike)
    return ratio(share @ weights[rated], weights[rated].sum(axis=0))


def raw_agreement(ratings: ArrayLike, weights: Floats | None = None, *, within: float = 0.0) -> Floats:
    """Return the share of pairs of ratings of one item that differ by no more than `within`."""
    values = np.asarray(ratings, dtype=float)
    categories = _observed(values)
    alike = (np.abs(categories[:, None] - categories[None, :]) <= within).astype(float)
    return _pair_share(values, _ones(values) if weights is None else weights, categories, alike)


def gwet_ac(
    ratings: ArrayLike,
    weights: Floats | None = None,
    *,
    quadratic: bool = False,
    scale: tuple[float, float] | None = None,
) -> Floats:
    """Return Gwet's AC1, or AC2 with quadratic weights (Gwet 2014, Handbook of Inter-Rater Reliability, ch. 4-5).

    Args:
        ratings: (n, k), NaN where missing.
        weights: (n, B) multiplicity of each item in each draw.
        quadratic: AC2: near values agree in part.
        scale: Ends of the declared scale; its unused categories count. Default: the observed values.

    >>> gwet_ac([[1, 1], [0, 0], [1, 0], [0, 0]]).round(3).tolist()  # (3/4 - 15/32) / (1 - 15/32)
    [0.529]
    """
    values = np.asarray(ratings, dtype=float)
    weights = _ones(values) if weights is None else weights
    categories = scale_values(values, scale)
    q = len(categories)
    if q < 2:
        return np.full(weights.shape[1], np.nan)
    alike = np.eye(q)
    if quadratic:
        alike = 1 - (categories[:, None] - categories[None, :]) ** 2 / np.ptp(categories) ** 2
    prevalence = _prevalence(values, weights, categories)
    chance = alike.sum() / (q * (q - 1)) * (prevalence * (1 - prevalence)).sum(axis=0)
    return ratio(_pair_share(values, weights, categories, alike) - chance, 1 - chance)


def fleiss_kappa(ratings: ArrayLike, weights: Floats | None = None) -> Floats:
    """Return Fleiss' kappa (Fleiss 1971), also where the number of ratings differs between items.

    Agreement is the mean over the items with two or more ratings of the share of their pairs that are alike; chance
    comes from the mean over all rated items of each item's shares (Gwet 2014, ch. 2.2, which is Fleiss' own where
    every item has as many ratings).

    Args:
        ratings: (n, k), NaN where missing.
        weights: (n, B) multiplicity of each item in each draw.

    >>> fleiss_kappa([[1, 1], [0, 0], [1, 0], [0, 0]]).round(3).tolist()  # (3/4 - 17/32) / (1 - 17/32)
    [0.467]
    """
    values = np.asarray(ratings, dtype=float)
    weights = _ones(values) if weights is None else weights
    categories = _observed(values)
    if len(categories) < 2:
        return np.full(weights.shape[1], np.nan)
    chance = (_prevalence(values, weights, categories) ** 2).sum(axis=0)
    return ratio(_pair_share(values, weights, categories, np.eye(len(categories))) - chance, 1 - chance)


def _prevalence(values: Floats, weights: Floats, categories: Floats) -> Floats:
    """(V, B) mean over the rated items of the share of each category in an item's ratings."""
    given = np.isfinite(values).sum(axis=1)
    shares = _counts(values[given > 0], categories) / given[given > 0, None]
    there = weights[given > 0]
    return ratio(shares.T @ there, np.broadcast_to(there.sum(axis=0), (len(categories), there.shape[1])))


def cohen_kappa(
    a: ArrayLike, b: ArrayLike, weights: Floats | None = None, *, quadratic: bool = False
) -> Floats:
    """Return Cohen's kappa of two raters on the items both rated (Cohen 1960, 1968).

    Args:
        a: (n,) ratings of one, NaN where missing.
        b: (n,) ratings of the other.
        weights: (n, B) multiplicity of each item in each draw.
        quadratic: Disagreement counts by its square. The scale then cancels out.

    >>> cohen_kappa([1, 1, 0, 0], [1, 0, 0, 0]).tolist()  # 3 of 4 alike, 1 of 2 by chance
    [0.5]
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    both = np.isfinite(first) & np.isfinite(second)
    weights = (np.ones((len(first), 1)) if weights is None else weights)[both]
    first, second = first[both], second[both]
    n = weights.sum(axis=0)
    if not len(first):
        return np.full(weights.shape[1], np.nan)
    if quadratic:
        centre = (first.mean() + second.mean()) / 2
        first, second = first - centre, second - centre
        observed = ratio((first - second) ** 2 @ weights, n)
        sums = ratio(np.stack([first, second]) @ weights, np.stack([n, n]))
        chance = ratio((first**2 + second**2) @ weights, n) - 2 * sums[0] * sums[1]
        return 1 - ratio(observed, np.where(chance > 1e-12 * np.abs(first).max(initial=0) ** 2, chance, 0.0))
    categories = np.union1d(first, second)
    agreed = ratio((first == second).astype(float) @ weights, n)
    share = [(v[:, None] == categories).astype(float).T @ weights for v in (first, second)]
    chance = ratio((share[0] * share[1]).sum(axis=0), n * n)
    return ratio(agreed - chance, 1 - chance)


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of reliability and what it needs."""

    label: str
    """As tables show it."""
    value: Callable[[PeopleAnswers, Floats], Floats]
    """Takes the people and multiplicities (n, B); returns (B,)."""
    categories: bool = False
    """Needs few distinct values."""
    crossed: bool = False
    """Needs the same persons on all items; uses those that every rater rated."""
    persons: bool = False
    """Needs to know who rated what."""
    ordered: bool = False
    """Needs more than two ordered values."""
    scale: Scale = "correlation"
    """Where it lies, which says how its interval is made."""


def _mean_cohen(people: PeopleAnswers, weights: Floats) -> Floats:
    values = [
        cohen_kappa(people.ratings[:, i], people.ratings[:, j], weights, quadratic=True)
        for i, j in combinations(range(len(people.raters)), 2)
    ]
    stacked = np.stack(values)
    return ratio(np.nansum(stacked, axis=0), np.isfinite(stacked).sum(axis=0).astype(float))


COEFFICIENTS: Mapping[str, Coefficient] = {
    "krippendorff_alpha_nominal": Coefficient(
        "Krippendorff α, nominal",
        lambda p, w: krippendorff_alpha(p.ratings, "nominal", w),
        categories=True,
    ),
    "krippendorff_alpha_ordinal": Coefficient(
        "Krippendorff α, ordinal",
        lambda p, w: krippendorff_alpha(p.ratings, "ordinal", w),
        categories=True,
    ),
    "krippendorff_alpha_interval": Coefficient(
        "Krippendorff α, interval", lambda p, w: krippendorff_alpha(p.ratings, "interval", w)
    ),
    "fleiss_kappa": Coefficient("Fleiss κ", lambda p, w: fleiss_kappa(p.ratings, w), categories=True),
    "cohen_kappa_mean": Coefficient("Cohen κ, mean of pairs", _mean_cohen, persons=True),
    "icc_1_1": Coefficient("ICC(1,1)", lambda p, w: icc(p.ratings, "1,1", w)),
    "icc_1_k": Coefficient("ICC(1,k)", lambda p, w: icc(p.ratings, "1,k", w)),
    "icc_2_1": Coefficient("ICC(2,1)", lambda p, w: icc(p.ratings, "2,1", w), crossed=True),
    "icc_2_k": Coefficient("ICC(2,k)", lambda p, w: icc(p.ratings, "2,k", w), crossed=True),
    "icc_3_1": Coefficient("ICC(3,1)", lambda p, w: icc(p.ratings, "3,1", w), crossed=True),
    "icc_3_k": Coefficient("ICC(3,k)", lambda p, w: icc(p.ratings, "3,k", w), crossed=True),
    "gwet_ac1": Coefficient("Gwet AC1", lambda p, w: gwet_ac(p.ratings, w, scale=p.scale), categories=True),
    "gwet_ac2": Coefficient(
        "Gwet AC2",
        lambda p, w: gwet_ac(p.ratings, w, quadratic=True, scale=p.scale),
        categories=True,
    ),
    "raw_agreement": Coefficient(
        "raw agreement", lambda p, w: raw_agreement(p.ratings, w), categories=True, scale="share"
    ),
    "within_one": Coefficient(
        "within one point",
        lambda p, w: raw_agreement(p.ratings, w, within=1.0),
        categories=True,
        ordered=True,
        scale="share",
    ),
}
"""Every coefficient of agreement among people."""


def alpha_of(people: PeopleAnswers) -> str:
    """Return the key of Krippendorff's alpha at the level of these ratings: the one figure of people's agreement.

    >>> from genspace.analysis.question import PeopleAnswers
    >>> rated = np.array([[1.0, 0], [1, 1]])
    >>> alpha_of(PeopleAnswers(rated, np.ones(2, dtype=bool), ("r", "s"), False, "binary", (0, 1), None))
    'krippendorff_alpha_nominal'
    """
    if people.value_type == "continuous" or len(_observed(people.ratings)) > MAX_CATEGORIES:
        return "krippendorff_alpha_interval"
    return f"krippendorff_alpha_{'nominal' if people.value_type == 'binary' else 'ordinal'}"


def reliability(
    people: PeopleAnswers,
    prompts: ArrayLike | None = None,
    *,
    confidence: float = 0.95,
    names: Iterable[str] = COEFFICIENTS,
) -> dict[str, Estimate]:
    """Return every coefficient with its interval, or why it has none.

    Args:
        people: The ratings.
        prompts: (n,) prompt of each item; the intervals come from leaving out one prompt at a time. None: no intervals.
        confidence: Level of the intervals.
        names: Which coefficients.

    >>> from genspace.analysis.question import PeopleAnswers
    >>> rated = np.array([[1.0, 1], [0, 0], [1, 0], [0, 0]])
    >>> people = PeopleAnswers(rated, np.ones(4, dtype=bool), ("r", "s"), False, "binary", (0, 1), None)
    >>> round(reliability(people, names=["fleiss_kappa"])["fleiss_kappa"].value, 3)
    0.467
    """
    clusters = None if prompts is None else Replicates.of(prompts)
    return {name: _estimate(COEFFICIENTS[name], people, clusters, confidence) for name in names}


def _estimate(
    coefficient: Coefficient, people: PeopleAnswers, clusters: Replicates | None, confidence: float
) -> Estimate:
    twice = people.count > 1
    usable = twice & (people.count == len(people.raters)) if coefficient.crossed else twice
    n = int(usable.sum())
    reason = next(_obstacles(coefficient, people, n, int(twice.sum())), None)
    if reason:
        return Estimate.undefined(reason, n=n)
    value = float(coefficient.value(people, np.ones((len(people.ratings), 1)))[0])
    if not np.isfinite(value):
        return Estimate.undefined(Reason("undefined"), n=n)
    if clusters is None:
        return Estimate(value, n=n, reason=Reason("not_computed"))
    return from_replicates(
        value,
        clusters.map(lambda w: coefficient.value(people, w)),
        clusters.take(usable),
        n=n,
        scale=coefficient.scale,
        confidence=confidence,
    )


def _obstacles(coefficient: Coefficient, people: PeopleAnswers, n: int, twice: int) -> Iterator[Reason]:
    """Yield what stands in the way of a coefficient on n usable of the items that were rated at least twice."""
    values = _observed(people.ratings)
    if not len(values):
        yield Reason("no_people")
    if len(people.raters) < 2:
        yield Reason("one_rater")
    if (coefficient.persons or coefficient.crossed) and not people.identified:
        yield Reason("raters_not_identified")
    if coefficient.categories and len(values) > MAX_CATEGORIES:
        yield Reason("continuous_ratings", n=len(values))
    if coefficient.ordered and people.value_type == "binary":
        yield Reason("binary_ratings")
    if twice == 0:
        yield Reason("no_two_ratings")
    if n < MIN_CROSSED * twice:
        yield Reason("not_crossed", n=n, needed=twice)
    if len(values) == 1:
        yield Reason("all_equal", name="ratings")
    if n < 2:
        yield Reason("too_few_items", n=n)
