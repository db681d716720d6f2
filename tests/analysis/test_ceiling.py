"""Ceilings against simulated truth, by hand, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest
from frames import told
from scipy.stats import binom, norm, spearmanr
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.ceiling import PAIR_AGREEMENT, ceiling
from genspace.analysis.inference.intervals import Support, from_replicates
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reasons import Reason
from genspace.analysis.reliability import icc
from genspace.analysis.resampling import Weighted


def people(ratings, value_type="ordinal", *, identified=False, positive_from=None):
    ratings = np.asarray(ratings, dtype=float)
    scale = {"binary": (0.0, 1.0), "ordinal": (1.0, 5.0)}.get(value_type)
    names = tuple(f"r{i}" for i in range(ratings.shape[1]))
    return PeopleAnswers(
        ratings, np.ones(len(ratings), bool), names, identified, value_type, scale, positive_from
    )


def graded(rng, n, k, *, shape="normal", noise=0.7):
    """(n, k) ratings of 1 to 5 and (n,) what infinitely many raters would say on average."""
    latent = {
        "normal": lambda: rng.normal(3, 1, n),
        "bimodal": lambda: np.where(rng.random(n) < 0.5, rng.normal(1.5, 0.5, n), rng.normal(4.5, 0.5, n)),
        "skewed": lambda: 1 + rng.gamma(1.5, 0.8, n),
    }[shape]()
    ratings = np.clip(np.round(latent[:, None] + rng.normal(0, noise, (n, k))), 1, 5)
    return ratings, 5 - norm.cdf((np.arange(1.5, 5) - latent[:, None]) / noise).sum(axis=1)


def votes(rng, n, k, *, yes=0.5, scatter=1.0):
    """(n, k) votes and (n,) shares of yes of infinitely many raters: beta, or two peaks for `scatter` None."""
    share = (
        np.where(rng.random(n) < yes, rng.beta(9, 2, n), rng.beta(2, 9, n))
        if scatter is None
        else rng.beta(yes * scatter, (1 - yes) * scatter, n)
    )
    return (rng.random((n, k)) < share[:, None]).astype(float), share


@pytest.mark.parametrize("shape", ["normal", "bimodal", "skewed"])
def test_rank_figures_of_graded_ratings_reach_simulated_truth(shape):
    rng = np.random.default_rng(1)
    many, score = graded(rng, 20_000, 3, shape=shape)
    target = Weighted(many.mean(axis=1), np.ones((20_000, 1)))
    few, _ = graded(rng, 1500, 3, shape=shape)
    for figure in ("spearman", "kendall_tau_b", "pairwise_half_credit"):
        truth = FIGURES[figure].statistic(target, score, 0.0)[0]
        found = ceiling(people(few), np.arange(1500), figure)
        assert found.model == "latent values"
        assert found.estimate.value == pytest.approx(truth, abs=0.02), figure


def test_spearman_with_two_to_five_ratings_of_a_crowd():
    rng = np.random.default_rng(2)
    many, score = graded(rng, 40_000, 5)
    many[np.arange(5) >= rng.integers(2, 6, 40_000)[:, None]] = np.nan
    truth = spearmanr(np.nanmean(many, axis=1), score).statistic
    found = ceiling(people(many[:2000]), np.arange(2000), "spearman").estimate
    assert found.value == pytest.approx(truth, abs=0.015)
    assert found.n == 2000


@pytest.mark.parametrize(("yes", "scatter"), [(0.5, 1.0), (0.2, 0.6), (0.5, None)])
def test_decisions_reach_simulated_truth(yes, scatter):
    rng = np.random.default_rng(3)
    many, share = votes(rng, 200_000, 3, yes=yes, scatter=scatter)
    said = many.mean(axis=1) > 0.5
    truth = {
        "roc_auc": roc_auc_score(said, share),
        "cohen_kappa": cohen_kappa_score(said, share > 0.5),
        "accuracy": (said == (share > 0.5)).mean(),
    }
    for figure, value in truth.items():
        found = ceiling(people(many[:5000], "binary"), np.arange(5000), figure)
        assert found.model == "beta distribution"
        if (
            scatter or figure == "roc_auc"
        ):  # with three votes, two peaks and a flat middle look alike to a majority
            assert found.estimate.value == pytest.approx(value, abs=0.03), figure
        assert (found.bounds is None) == (figure == "roc_auc")
        if found.bounds is not None:
            assert found.bounds[0] < value < found.bounds[1]


def test_pearson_is_the_root_of_the_means_reliability():
    rng = np.random.default_rng(4)
    quality = rng.normal(size=4000)
    ratings = quality[:, None] + rng.normal(size=(4000, 3))
    found = ceiling(people(ratings, "continuous"), np.arange(4000), "pearson").estimate
    assert found.value == pytest.approx(np.sqrt(icc(ratings, "1,k")[0]))
    # The true quality itself, the best of all judges, correlates as much as the ceiling says.
    assert np.corrcoef(quality, ratings.mean(axis=1))[0, 1] == pytest.approx(found.value, abs=0.01)


def test_leniency_of_the_same_raters_throughout_is_no_noise_to_pearson():
    rng = np.random.default_rng(5)
    quality = rng.normal(size=2000)
    ratings = quality[:, None] + np.array([-1.5, 0.0, 1.5]) + rng.normal(0, 0.5, size=(2000, 3))
    reached = np.corrcoef(quality, ratings.mean(axis=1))[0, 1]
    known = ceiling(people(ratings, "continuous", identified=True), np.arange(2000), "pearson").estimate
    slots = ceiling(people(ratings, "continuous"), np.arange(2000), "pearson").estimate
    assert known.value == pytest.approx(reached, abs=0.005)
    assert slots.value < known.value - 0.1
    ratings[0, 0] = np.nan  # not crossed
    assert (
        ceiling(people(ratings, "continuous", identified=True), np.arange(2000), "pearson").estimate.value
        < 0.9
    )


@pytest.mark.parametrize("figure", ["spearman", "kendall_tau_b"])
def test_leniency_of_the_same_raters_throughout_is_no_noise_to_ranks(figure):
    rng = np.random.default_rng(9)
    latent = rng.normal(3, 1, 20_000)
    scatter = np.array([-0.6, 0.0, 0.6]) + rng.normal(0, 0.7, (20_000, 3))
    ratings = np.clip(np.round(latent[:, None] + scatter), 1, 5)
    target = Weighted(ratings.mean(axis=1), np.ones((20_000, 1)))
    truth = FIGURES[figure].statistic(target, latent, 0.0)[0]
    few = ratings[:1500]
    known = ceiling(people(few, identified=True), np.arange(1500), figure).estimate
    assert known.value == pytest.approx(truth, abs=0.015)
    assert ceiling(people(few), np.arange(1500), figure).estimate.value < truth - 0.04
    # Finely graded ratings are moved by each rater's mean instead.
    fine = latent[:1500, None] + scatter[:1500]
    reached = Weighted(fine.mean(axis=1), np.ones((1500, 1)))
    truth = FIGURES[figure].statistic(reached, latent[:1500], 0.0)[0]
    found = ceiling(people(fine, "continuous", identified=True), np.arange(1500), figure).estimate
    assert found.value == pytest.approx(truth, abs=0.03)


def test_leniency_of_the_same_raters_throughout_is_no_noise_to_decisions():
    rng = np.random.default_rng(10)
    share = 1 / (1 + np.exp(-1.5 * rng.normal(size=(40_000, 1)) - np.array([-1.2, 0.0, 1.2])))
    said = (rng.random(share.shape) < share).astype(float)
    truth = roc_auc_score(said.mean(axis=1) > 0.5, share.mean(axis=1))
    known = ceiling(people(said[:3000], "binary", identified=True), np.arange(3000), "roc_auc").estimate
    assert known.value == pytest.approx(truth, abs=0.015)
    assert ceiling(people(said[:3000], "binary"), np.arange(3000), "roc_auc").estimate.value < truth - 0.03


def test_a_declared_border_makes_the_decisions():
    rng = np.random.default_rng(6)
    many, score = graded(rng, 100_000, 3)
    truth = roc_auc_score(many.mean(axis=1) >= 3.5, score)
    found = ceiling(people(many[:2000], positive_from=3.5), np.arange(2000), "roc_auc").estimate
    assert found.value == pytest.approx(truth, abs=0.01)


def test_pairs_do_not_depend_on_which_item_stands_first():
    rng = np.random.default_rng(7)
    said, share = votes(rng, 4000, 3)
    said[rng.random(said.shape) < 0.1] = 0.5
    turned = np.where((rng.random(4000) < 0.4)[:, None], 1 - said, said)
    first, second = (
        ceiling(people(r, "continuous"), np.arange(4000), PAIR_AGREEMENT, of_pairs=True)
        for r in (said, turned)
    )
    assert first.estimate.value == pytest.approx(second.estimate.value, abs=1e-9)
    assert first.bounds == pytest.approx(second.bounds, abs=1e-4)
    lean = said.mean(axis=1) - 0.5
    apart = lean != 0
    assert first.estimate.value == pytest.approx(((lean > 0) == (share > 0.5))[apart].mean(), abs=0.02)


def test_bounds_by_hand_with_two_votes():
    # Half of the items 1 1, half 0 0: E p² = E (1 - p)² = ½, so every p is 0 or 1, and agreement is certain.
    apart = np.repeat([[1.0, 1.0], [0.0, 0.0]], 50, axis=0)
    # 40 % 1 1, 40 % 0 0, 20 % split: E p(1 - p) = .1. Of the decided, p = 0, ½ and 1 with chances .3, .4, .3 agrees
    # in (.3 + .3 + .4 · ¼) / .8 (p = ½ just above: its 1 1 of ¼ is right); that is the least. All p at ½ ± √.15
    # decides rightly with p² = .787 of .787 + .013.
    split = np.repeat([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]], [40, 40, 20], axis=0)
    prompts = np.arange(100)
    assert ceiling(people(apart, "binary"), prompts, "accuracy").bounds == pytest.approx((1, 1), abs=0.01)
    low, high = ceiling(people(split, "binary"), prompts, "accuracy").bounds
    assert low == pytest.approx(0.7 / 0.8, abs=0.01)
    assert high == pytest.approx((0.5 + np.sqrt(0.15)) ** 2 / 0.8 * 1.0, abs=0.01)


def test_bounds_of_kappa_by_hand() -> None:
    # As above: with shares 0, ½ and 1 the .8 decided are .4 yes; said yes (½ just above) .3 + .4 / 2 = .5. Agreement
    # .7 / .8 = .875, chance (.4 · .5 + .4 · .3) / .64 = .5: kappa .75. All at ½ ± √.15: said yes and yes are both ½.
    split = np.repeat([[1.0, 1.0], [0.0, 0.0], [1.0, 0.0]], [40, 40, 20], axis=0)
    low, high = ceiling(people(split, "binary"), np.arange(100), "cohen_kappa").bounds
    assert low == pytest.approx(0.75, abs=0.02)
    assert high == pytest.approx(2 * (0.5 + np.sqrt(0.15)) ** 2 / 0.8 - 1, abs=0.02)


def test_votes_are_counted_as_the_binomial_does():
    # All shares equal within two classes: p = .9 and .1. Agreement of three votes is P(at least 2 of 3 | .9) = .972.
    rng = np.random.default_rng(8)
    share = np.where(np.arange(4000) % 2, 0.9, 0.1)
    said = (rng.random((4000, 3)) < share[:, None]).astype(float)
    bounds = ceiling(people(said, "binary"), np.arange(4000), "accuracy").bounds
    assert bounds[0] - 0.01 < binom.sf(1, 3, 0.9) < bounds[1] + 0.01


@pytest.mark.parametrize(
    ("ratings", "figure", "kind", "reason"),
    [
        (np.empty((0, 0)), "spearman", "ordinal", "no people"),
        ([[1], [2]], "spearman", "ordinal", "one rater"),
        ([[1, np.nan], [np.nan, 2]], "spearman", "ordinal", "no item has two ratings"),
        ([[1, 2], [np.nan, 2]], "spearman", "ordinal", "too few items: 1"),
        ([[1, 2], [2, 1]], "spearman", "ordinal", "the ratings hold no more agreement than chance"),
        ([[1, 1], [2, 2]], "f1", "ordinal", "no model of the raters says what F1 they allow"),
        ([[1, 1], [2, 2]], "pairwise_with_ties", "ordinal", "no model of the raters"),
        ([[1, 1], [2, 2]], "roc_auc", "ordinal", "no rule turns these ratings into yes and no"),
    ],
)  # fmt: skip
def test_what_has_no_ceiling_says_why(ratings, figure, kind, reason):
    found = ceiling(people(ratings, kind), np.arange(len(ratings)), figure)
    assert (found.estimate.value, found.model, found.bounds) == (None, None, None)
    assert told(found.estimate.reason).startswith(reason)


def test_there_is_no_interval_where_one_prompt_holds_all_agreement():
    said = [[1, 1], [5, 5], [2, 3], [3, 2], [2, 3], [3, 2]]
    found = ceiling(people(said), np.array([0, 0, 1, 2, 3, 4]), "spearman").estimate
    assert found.value is not None
    assert (found.low, told(found.reason)) == (
        None, "without one of the prompts the ratings hold no more agreement than chance",
    )  # fmt: skip


def test_raters_who_always_agree_allow_everything():
    found = ceiling(people([[1, 1], [2, 2], [5, 5]]), np.arange(3), "spearman").estimate
    assert (found.value, found.low, told(found.reason)) == (
        1.0,
        None,
        "the figure is at the end of its range, where no error can be measured",
    )
    alone = ceiling(people([[1, 1], [2, 3], [5, 5]]), np.zeros(3, int), "pearson").estimate
    assert (alone.low, told(alone.reason)) == (None, "a single prompt")


def test_the_interval_of_replicates_by_hand():
    # Three replicates .4 .5 .6: s = √(2/3 · .02) = √(.04 / 3); t with 2 degrees of freedom is 4.303.
    reach = 4.302653 * np.sqrt(0.04 / 3)
    replicates = np.array([0.4, 0.5, 0.6])
    for scale, there, back in (
        ("correlation", np.arctanh(0.5) + np.array([-1, 1]) * reach / 0.75, np.tanh),
        ("logit", np.array([-1, 1]) * reach / 0.25, lambda z: 1 / (1 + np.exp(-z))),
    ):
        found = from_replicates(0.5, replicates, Replicates.of(range(3)), n=30, scale=scale)
        assert (found.low, found.high) == pytest.approx(back(there), abs=1e-6)
    # Wilson's with ¼ / s² = 18.75 items: the middle is ½.
    items, t = 18.75, 4.302653
    found = from_replicates(
        0.5, replicates, Replicates.of(range(3)), n=30, scale="share", support=Support(most=30, at_ends=3)
    )
    half = t / (1 + t**2 / items) * np.sqrt(0.25 / items + t**2 / (4 * items**2))
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)
    undefined = from_replicates(
        0.5,
        np.array([0.4, np.nan]),
        Replicates.of(range(2)),
        n=30,
        scale="correlation",
        undefined=Reason("undefined"),
    )
    assert (undefined.low, undefined.reason) == (None, Reason("undefined"))
