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
from numpy.typing import ArrayLike, NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis.inference.intervals import Scale, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import People
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import ratio
from genspace.display import Displayed

__all__ = [
    "COEFFICIENTS",
    "Coefficient",
    "OtherScale",
    "RaterPair",
    "alpha_of",
    "cohen_kappa",
    "conspicuous_raters",
    "fleiss_kappa",
    "gwet_ac",
    "icc",
    "krippendorff_alpha",
    "mean_of_inverse",
    "rater_pairs",
    "reliability",
    "scale_values",
    "variance_components",
]

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval"]

MAX_CATEGORIES = 25
"""With more distinct values, coefficients that count categories say nothing."""
MAX_SCALE_STEPS = 1000
"""A whole-number scale of more steps is a continuum: those nobody chose are no categories."""
MIN_CROSSED = 0.5
"""Raters are crossed with items where all of them rated at least this share of the items that were rated twice."""
CONSPICUOUS_GAP = 0.15
"""A pair of raters whose kappa exceeds every other pair's by so much may not be independent."""
SHARED_ITEMS = 20
"""Items that two raters must share before their agreement is compared with that of others."""


def _ones(ratings: Floats) -> Floats:
    return np.ones((len(ratings), 1))


def _counts(ratings: Floats, categories: Floats) -> Floats:
    """(n, V) how many raters chose each category."""
    return np.asarray((ratings[:, :, None] == categories).sum(axis=1), dtype=float)


def _observed(ratings: Floats) -> Floats:
    return np.unique(ratings[np.isfinite(ratings)])


def scale_values(ratings: Floats, scale: tuple[float, float] | None) -> Floats:
    """Return all categories of a declared whole-number scale, or the observed values."""
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


def variance_components(ratings: ArrayLike, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Return (B,) variances between items and within them, where raters may differ from item to item.

    They come from a one-way analysis of variance of all items with two or more ratings (Searle, Casella and McCulloch
    1992, "Variance components", ch. 3.6, for unequal numbers). NaN where they cannot be told.

    Args:
        ratings: (n, k), NaN where missing.
        weights: (n, B) multiplicity of each item in each draw.

    >>> [float(v[0]) for v in variance_components([[1, 3], [5, 7], [9, 11]])]
    [15.0, 2.0]
    """
    values = np.asarray(ratings, dtype=float)
    weights = _ones(values) if weights is None else weights
    given = np.isfinite(values).sum(axis=1)
    values, weights, given = values[given > 1], weights[given > 1], given[given > 1].astype(float)
    if not len(values):
        return (np.full(weights.shape[1], np.nan),) * 2
    values = values - np.nanmean(values)
    mean = np.nanmean(values, axis=1)
    inside = np.nansum((values - mean[:, None]) ** 2, axis=1)
    n, total, first, second, squares, sizes = (
        np.stack([np.ones_like(given), given, given * mean, given * mean**2, inside, given**2]) @ weights
    )
    between = second - np.nan_to_num(ratio(first**2, total))
    within = ratio(squares, total - n)
    share = ratio(total - np.nan_to_num(ratio(sizes, total)), n - 1)
    return ratio(ratio(np.maximum(between, 0), n - 1) - within, share), within


def icc(
    ratings: ArrayLike,
    form: Literal["1,1", "1,k", "2,1", "2,k", "3,1", "3,k"],
    weights: Floats | None = None,
) -> Floats:
    """Return an intraclass correlation (Shrout and Fleiss 1979).

    Args:
        ratings: (n, k), NaN where missing.
        form: "1,·" where raters differ from item to item, from `variance_components`; "2,·" and "3,·" where the same
            raters rate all items, on the items that every rater rated: how lenient a rater is counts as error in "2,·"
            and not in "3,·". "·,1" is of one rating, "·,k" of the mean; in "1,k" of the mean of as many as each item
            has, by the mean of 1/k.
        weights: (n, B) multiplicity of each item in each draw.
    """
    values = np.asarray(ratings, dtype=float)
    weights = _ones(values) if weights is None else weights
    if form[0] == "1":
        between, within = variance_components(values, weights)
        noise = within * (mean_of_inverse(values, weights) if form[2] == "k" else 1.0)
        return ratio(
            between, np.where(between + noise > 1e-12 * (np.abs(between) + within), between + noise, 0)
        )
    full = np.isfinite(values).all(axis=1)
    values, weights = values[full], weights[full]
    k = values.shape[1]
    n = weights.sum(axis=0)
    if k < 2 or not len(values):
        return np.full(weights.shape[1], np.nan)
    values = values - values.mean()
    means = values.mean(axis=1)
    grand = ratio(means @ weights, n)
    between = k * ((means**2) @ weights - n * grand**2)
    within = ((values - means[:, None]) ** 2).sum(axis=1) @ weights
    noise = 1e-12 * (within + np.abs(between)) + 1e-300
    ms_items = ratio(between, n - 1)
    columns = ratio(values.T @ weights, np.broadcast_to(n, (k, len(n))))
    raters = n * ((columns - grand) ** 2).sum(axis=0)
    ms_error = ratio(within - raters, (n - 1) * (k - 1))
    lenient = ratio(raters / (k - 1) - ms_error, n) if form[0] == "2" else np.zeros_like(n)
    spread = ms_items + lenient if form[2] == "k" else ms_items + (k - 1) * ms_error + k * lenient
    return ratio(ms_items - ms_error, np.where(spread > noise, spread, 0.0))


def mean_of_inverse(ratings: Floats, weights: Floats) -> Floats:
    """(B,) mean of 1/k over the rated items: the noise of their mean ratings, as a share of one rating's."""
    given = np.isfinite(ratings).sum(axis=1)
    rated = given > 0
    return ratio((1 / given[rated]) @ weights[rated], weights[rated].sum(axis=0))


def cohen_kappa(
    a: ArrayLike, b: ArrayLike, weights: Floats | None = None, *, quadratic: bool = False
) -> Floats:
    """Return Cohen's kappa of two raters on the items both rated (Cohen 1960, 1968).

    Args:
        a: (n,) ratings of one, NaN where missing.
        b: (n,) ratings of the other.
        weights: (n, B) multiplicity of each item in each draw.
        quadratic: Disagreement counts by its square. The scale then cancels out.
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
class RaterPair(Displayed):
    """How far two raters agree on the items both rated."""

    a: str
    b: str
    n: int
    """Items both rated."""
    agreement: float | None
    """Share of equal ratings."""
    kappa: float | None
    """Cohen's kappa, unweighted; None when undefined."""


def rater_pairs(people: People) -> list[RaterPair]:
    """Return the agreement of every pair of raters that share an item."""
    pairs = []
    for i, j in combinations(range(len(people.raters)), 2):
        a, b = people.ratings[:, i], people.ratings[:, j]
        both = np.isfinite(a) & np.isfinite(b)
        if both.any():
            kappa = float(cohen_kappa(a, b)[0])
            pairs.append(
                RaterPair(
                    people.raters[i],
                    people.raters[j],
                    int(both.sum()),
                    float((a[both] == b[both]).mean()),
                    kappa if np.isfinite(kappa) else None,
                )
            )
    return pairs


@dataclass(frozen=True)
class OtherScale(Displayed):
    """A rater who agrees with others once the rater's answers are brought onto their scale."""

    rater: str
    other: str
    """The rater of a pair with whom the agreement is then highest."""
    turned: bool
    """Whether high answers stand for low ones."""
    kappa: float
    """Cohen's kappa of the answers as they are."""
    aligned: float
    """The same with the answers brought onto the other's scale."""


def conspicuous_raters(people: People) -> tuple[RaterPair, float] | OtherScale | None:
    """Return the pair that agrees far more than every other and the next best kappa, or the rater who explains it.

    A third rater on a reversed or another scale makes any two others stand out. So each third's answers are first
    brought onto the scale of one of the pair, by their quantiles, forwards and turned round.

    Args:
        people: Who rated what.
    """
    pairs = rater_pairs(people)
    known = sorted((p.kappa, i) for i, p in enumerate(pairs) if p.kappa is not None and p.n >= SHARED_ITEMS)
    if len(known) < 3 or known[-1][0] - known[-2][0] < CONSPICUOUS_GAP:
        return None
    best, pair = known[-1][0], pairs[known[-1][1]]
    thirds = (
        _on_scale_of(people, row.b if row.a in (pair.a, pair.b) else row.a, other, kappa)
        for kappa, i in known[:-1]
        for row in (pairs[i],)
        for other in {row.a, row.b} & {pair.a, pair.b}
    )
    explained = [
        found
        for found in thirds
        if found.aligned >= max(best - CONSPICUOUS_GAP, found.kappa + CONSPICUOUS_GAP)
    ]
    return max(explained, key=lambda found: found.aligned, default=None) or (pair, known[-2][0])


def _on_scale_of(people: People, rater: str, other: str, kappa: float) -> OtherScale:
    """Return how far a rater agrees with another once answers of the same rank are the same answer."""
    own, theirs = (people.ratings[:, people.raters.index(name)] for name in (rater, other))
    both = np.isfinite(own) & np.isfinite(theirs)
    own, theirs = own[both], theirs[both]

    def aligned(values: Floats) -> float:
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        middle = (np.cumsum(count) - (count + 1) / 2).round().astype(int)
        return float(np.nan_to_num(cohen_kappa(np.sort(theirs)[middle[place]], theirs)[0], nan=-1.0))

    forwards, turned = aligned(own), aligned(-own)
    return OtherScale(rater, other, turned > forwards, kappa, max(forwards, turned))


@dataclass(frozen=True)
class Coefficient:
    """One coefficient of reliability and what it needs."""

    label: str
    """As tables show it."""
    value: Callable[[People, Floats], Floats]
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


def _mean_cohen(people: People, weights: Floats) -> Floats:
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


def alpha_of(people: People) -> str:
    """Return the key of Krippendorff's alpha at the level of these ratings: the one figure of people's agreement."""
    if people.value_type == "continuous" or len(_observed(people.ratings)) > MAX_CATEGORIES:
        return "krippendorff_alpha_interval"
    return f"krippendorff_alpha_{'nominal' if people.value_type == 'binary' else 'ordinal'}"


def reliability(
    people: People,
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
    """
    clusters = None if prompts is None else Replicates.of(prompts)
    return {name: _estimate(COEFFICIENTS[name], people, clusters, confidence) for name in names}


def _estimate(
    coefficient: Coefficient, people: People, clusters: Replicates | None, confidence: float
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


def _obstacles(coefficient: Coefficient, people: People, n: int, twice: int) -> Iterator[Reason]:
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
