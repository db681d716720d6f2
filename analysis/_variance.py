"""Intraclass correlations and the variance components that they rest on."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats
from genspace.analysis.resampling import ratio


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
    weights = np.ones((len(values), 1)) if weights is None else weights
    given = np.isfinite(values).sum(axis=1)
    values, weights, given = values[given > 1], weights[given > 1], given[given > 1].astype(float)
    if not len(values):
        nothing = np.full(weights.shape[1], np.nan)
        return nothing, nothing
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

    >>> icc([[1, 2], [3, 4], [5, 6]], "3,1").tolist(), icc([[1, 2], [3, 4], [5, 6]], "2,1").round(3).tolist()
    ([1.0], [0.889])
    """
    values = np.asarray(ratings, dtype=float)
    weights = np.ones((len(values), 1)) if weights is None else weights
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
    """(B,) mean of 1/k over the rated items: the noise of their mean ratings, as a share of one rating's.

    >>> mean_of_inverse(np.array([[1.0, 2], [3, np.nan]]), np.ones((2, 1))).tolist()  # (1/2 + 1) / 2
    [0.75]
    """
    given = np.isfinite(ratings).sum(axis=1)
    rated = given > 0
    return ratio((1 / given[rated]) @ weights[rated], weights[rated].sum(axis=0))
