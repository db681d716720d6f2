"""Coefficients of agreement among people: the field's packages, the literature, planted truth."""

import krippendorff
import numpy as np
import pytest
from frames import told
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f_oneway
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as their_fleiss

from genspace.analysis._conspicuous import conspicuous_raters, rater_pairs
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reliability import (
    cohen_kappa,
    fleiss_kappa,
    gwet_ac,
    icc,
    krippendorff_alpha,
    mean_of_inverse,
    raw_agreement,
    reliability,
    variance_components,
)

# Shrout and Fleiss 1979, table 2: 6 targets x 4 judges; table 4 gives ICC(1,1) .17, (2,1) .29, (3,1) .71, (1,k) .44,
# (2,k) .62, (3,k) .91.
SHROUT = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)


def people(ratings, **changes):
    fields = {
        "ratings": np.asarray(ratings, dtype=float),
        "asked": np.ones(len(ratings), dtype=bool),
        "raters": tuple(f"r{i}" for i in range(np.shape(ratings)[1])),
        "identified": True,
        "value_type": "ordinal",
        "scale": (1.0, 5.0),
        "positive_from": None,
    }
    return PeopleAnswers(**(fields | changes))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), values=st.sampled_from([2, 5]))
def test_alpha_fleiss_and_kappa_equal_the_packages(seed, values):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, values + 1, size=(12, 3)).astype(float)
    ratings[:2, 0] = 1, 2
    holes = np.where(rng.random((12, 3)) < 0.2, np.nan, ratings)
    holes[:2] = ratings[:2]
    for level in ("nominal", "ordinal", "interval"):
        ours = krippendorff_alpha(holes, level)[0]
        assert ours == pytest.approx(krippendorff.alpha(holes.T, level_of_measurement=level), abs=1e-12)
    assert fleiss_kappa(ratings)[0] == pytest.approx(
        their_fleiss(aggregate_raters(ratings.astype(int))[0]), abs=1e-12
    )
    a, b = ratings[:, 0], ratings[:, 1]
    if len(np.union1d(a, b)) > 1:
        assert cohen_kappa(a, b)[0] == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)
        labels = np.arange(1, values + 1)
        theirs = cohen_kappa_score(a, b, weights="quadratic", labels=labels)
        assert cohen_kappa(a, b, quadratic=True)[0] == pytest.approx(theirs, abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6))
def test_weights_are_repetitions(seed):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 5, size=(10, 3)).astype(float)
    weights = rng.integers(0, 3, size=(10, 1)).astype(float)
    weights[:3] += 1
    repeated = np.repeat(ratings, weights[:, 0].astype(int), axis=0)
    for coefficient in (
        lambda r, w=None: krippendorff_alpha(r, "ordinal", w),
        lambda r, w=None: krippendorff_alpha(r, "interval", w),
        lambda r, w=None: gwet_ac(r, w, quadratic=True, scale=(1, 5)),
        fleiss_kappa,
        raw_agreement,
        lambda r, w=None: icc(r, "1,k", w),
        lambda r, w=None: icc(r, "2,1", w),
    ):
        np.testing.assert_allclose(coefficient(ratings, weights), coefficient(repeated), atol=1e-9)


def test_icc_of_shrout_and_fleiss():
    printed = {"1,1": 0.17, "2,1": 0.29, "3,1": 0.71, "1,k": 0.44, "2,k": 0.62, "3,k": 0.91}
    assert {form: round(float(icc(SHROUT, form)[0]), 2) for form in printed} == printed


def test_gwet_by_hand():
    # 4 items, 2 raters, categories a b: aa, aa, ab, bb. Agreement 3/4. Share of a: (1 + 1 + 1/2 + 0) / 4 = 5/8.
    # Chance: 1 / (q - 1) * sum p (1 - p) = 2 * 15/64 = 15/32. AC1 = (24/32 - 15/32) / (17/32) = 9/17.
    ratings = [[1, 1], [1, 1], [1, 2], [2, 2]]
    assert gwet_ac(ratings)[0] == pytest.approx(9 / 17)
    # Two categories have no near values: AC2 is AC1. A third, unused category of the scale lowers chance agreement
    # to 15/64: AC1 = (48 - 15) / 49.
    assert gwet_ac(ratings, quadratic=True)[0] == pytest.approx(9 / 17)
    assert gwet_ac(ratings, scale=(1, 3))[0] == pytest.approx(33 / 49)
    # On a scale of a million steps those that nobody chose are no categories.
    assert gwet_ac(ratings, quadratic=True, scale=(1, 10**6))[0] == pytest.approx(9 / 17)


def test_raw_agreement_by_hand():
    # Item 1: all three pairs equal. Item 2 (two ratings): 4 and 5, one apart. Item 3: one rating, no pair.
    ratings = [[3, 3, 3], [4, 5, np.nan], [1, np.nan, np.nan]]
    assert raw_agreement(ratings)[0] == 0.5
    assert raw_agreement(ratings, within=1)[0] == 1


def test_planted_reliability_is_recovered():
    """4,000 items: true quality of variance 1, rating noise of variance 1, k = 3 raters."""
    rng = np.random.default_rng(0)
    quality = rng.normal(size=4000)
    ratings = quality[:, None] + rng.normal(size=(4000, 3))
    assert icc(ratings, "1,1")[0] == pytest.approx(0.5, abs=0.02)
    assert icc(ratings, "1,k")[0] == pytest.approx(0.75, abs=0.02)


# Ten items of a crowd of four, each with one to four ratings.
CROWD = np.array(
    [
        [1, 1, 2, 0], [2, 2, 0, 0], [3, 0, 3, 3], [1, 2, 0, 3], [4, 4, 4, 4],
        [0, 0, 2, 2], [5, 4, 0, 5], [0, 1, 0, 0], [2, 3, 3, 0], [1, 0, 1, 2],
    ], dtype=float,
)  # fmt: skip
CROWD[CROWD == 0] = np.nan


def test_coefficients_of_a_crowd_equal_irr_cac():
    # irrCAC 0.4 (Gwet): CAC(frame).fleiss() and .gwet(), five decimals.
    assert fleiss_kappa(CROWD)[0] == pytest.approx(0.46078, abs=5e-6)
    assert gwet_ac(CROWD)[0] == pytest.approx(0.49772, abs=5e-6)


def test_components_of_unequal_numbers_are_those_of_the_analysis_of_variance():
    groups = [row[np.isfinite(row)] for row in CROWD if np.isfinite(row).sum() > 1]
    sizes = np.array([len(g) for g in groups])
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (sizes.sum() - len(groups))
    n0 = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(groups) - 1)
    between = within * (f_oneway(*groups).statistic - 1) / n0
    assert [v[0] for v in variance_components(CROWD)] == pytest.approx([between, within])
    assert icc(CROWD, "1,1")[0] == pytest.approx(between / (between + within))
    # Mean of 1/k over all ten: 1 item of one rating, 2 of two, 6 of three, 1 of four.
    inverse = (1 + 2 / 2 + 6 / 3 + 1 / 4) / 10
    assert mean_of_inverse(CROWD, np.ones((10, 1)))[0] == pytest.approx(inverse)
    assert icc(CROWD, "1,k")[0] == pytest.approx(between / (between + within * inverse))


def test_a_crowd_has_all_but_what_needs_the_same_raters_throughout():
    """Three of nine raters an item, drawn anew for each: ICC(1,1) is 1 / 1.5."""
    rng = np.random.default_rng(3)
    ratings = np.full((2000, 9), np.nan)
    for row in ratings:
        row[rng.choice(9, 3, replace=False)] = rng.normal() + np.sqrt(0.5) * rng.normal(size=3)
    found = reliability(people(ratings, value_type="continuous", scale=None), np.arange(2000))
    assert found["icc_1_1"].value == pytest.approx(2 / 3, abs=0.03)
    assert found["icc_1_k"].value == pytest.approx(6 / 7, abs=0.02)
    assert found["krippendorff_alpha_interval"].low < 2 / 3 < found["krippendorff_alpha_interval"].high
    for name in ("icc_2_1", "icc_2_k", "icc_3_1", "icc_3_k"):
        assert found[name].value is None
        assert told(found[name].reason) == (
            "needs the same raters on all items: all of them rated 0 of the 2000 items rated twice"
        )
    graded = np.where(np.isnan(ratings), np.nan, np.clip(np.round(2 * ratings) + 3, 1, 5))
    assert reliability(people(graded))["fleiss_kappa"].value is not None


def test_leniency_is_error_in_the_second_form_and_not_in_the_third():
    quality = np.random.default_rng(4).normal(size=500)
    ratings = quality[:, None] + np.array([-1.0, 0.0, 1.0])
    found = reliability(people(ratings, value_type="continuous", scale=None))
    assert found["icc_3_1"].value == pytest.approx(1)
    assert found["icc_2_1"].value == pytest.approx(quality.var(ddof=1) / (quality.var(ddof=1) + 1), abs=1e-9)


def test_intervals_over_prompts_are_wider_than_over_items_when_prompts_matter():
    rng = np.random.default_rng(1)
    prompt = np.repeat(np.arange(60), 5)
    noise = np.repeat(rng.choice([0.2, 2.0], 60), 5)[:, None]
    said = people(
        rng.normal(size=(300, 1)) + noise * rng.normal(size=(300, 2)), value_type="continuous", scale=None
    )
    widths = []
    for clusters in (prompt, np.arange(300)):
        found = reliability(said, clusters)["krippendorff_alpha_interval"]
        widths.append(found.high - found.low)
    assert widths[0] > widths[1]


def test_slots_have_no_personal_coefficients():
    found = reliability(people([[1, 2], [2, 2], [3, 5]], identified=False))
    for name in ("cohen_kappa_mean", "icc_2_1", "icc_2_k", "icc_3_1", "icc_3_k"):
        assert found[name].value is None
        assert "slots" in told(found[name].reason)
    assert found["krippendorff_alpha_ordinal"].value is not None


def test_without_a_second_category_every_draw_is_undefined():
    assert np.isnan(fleiss_kappa([[2, 2], [2, 2]], np.ones((2, 5)))).tolist() == [True] * 5


@pytest.mark.parametrize(
    ("ratings", "changes", "name", "reason"),
    [
        (np.empty((0, 0)), {}, "fleiss_kappa", "no people"),
        ([[1], [2]], {}, "icc_1_1", "one rater"),
        ([[1, np.nan], [np.nan, 2]], {}, "raw_agreement", "no item has two ratings"),
        (
            [[1, 2, np.nan], [np.nan, 2, 3]],
            {},
            "icc_3_1",
            "needs the same raters on all items: all of them rated 0",
        ),
        ([[2, 2], [2, 2]], {}, "krippendorff_alpha_nominal", "all ratings are equal"),
        ([[0, 1], [1, 1]], {"value_type": "binary"}, "within_one", "binary ratings"),
        (np.arange(60.0).reshape(30, 2), {}, "gwet_ac1", "continuous ratings: 60 distinct values"),
        ([[1, 2], [np.nan, 2]], {}, "raw_agreement", "too few items: 1"),
    ],
)
def test_undefined_coefficients_say_why(ratings, changes, name, reason):
    found = reliability(people(ratings, **changes))[name]
    assert found.value is None
    assert told(found.reason).startswith(reason)


def test_a_pair_that_agrees_far_more_than_any_other_is_named():
    rng = np.random.default_rng(2)
    ratings = rng.integers(1, 6, size=(200, 4)).astype(float)
    assert conspicuous_raters(people(ratings)) is None
    ratings[:150, 1] = ratings[:150, 3]
    pair, next_best = conspicuous_raters(people(ratings))
    assert (pair.a, pair.b) == ("r1", "r3")
    assert pair.kappa > 0.6 > next_best


def test_a_pair_of_raters_shares_equal_ratings_by_hand():
    """Of four common items they rate two alike."""
    (pair,) = rater_pairs(people([[1, 1], [2, 3], [3, 2], [5, 5], [4, np.nan]]))
    assert (pair.n, pair.agreement) == (4, 0.5)


def test_raters_of_nineteen_common_items_are_not_compared():
    ratings = np.random.default_rng(2).integers(1, 6, size=(20, 4)).astype(float)
    ratings[:, 1] = ratings[:, 3]
    pair, _ = conspicuous_raters(people(ratings))
    assert (pair.a, pair.b, pair.n) == ("r1", "r3", 20)
    assert conspicuous_raters(people(ratings[1:])) is None


def test_a_third_who_agrees_hardly_more_on_the_pairs_scale_explains_nothing():
    """Kappa of the pair is .18; a third on a scale of twenties has 0, and .11 on the pair's own scale."""
    rng = np.random.default_rng(4)
    truth = np.random.default_rng(4).integers(1, 6, size=400)
    others = [np.where(rng.random(400) < share, truth, rng.integers(1, 6, 400)) for share in (0.25, 0.12)]
    found = conspicuous_raters(people(np.stack([truth, others[0], 20 * others[1]], axis=1).astype(float)))
    assert (found[0].a, found[0].b, found[1]) == ("r0", "r1", 0.0)
    assert found[0].kappa == pytest.approx(0.181, abs=1e-3)


def test_of_two_pairs_neither_is_conspicuous():
    """Two raters give the same answers; a third shares items with one of them alone."""
    ratings = np.random.default_rng(2).integers(1, 6, size=(200, 3)).astype(float)
    ratings[:, 1] = ratings[:, 0]
    ratings[100:, 0] = ratings[:100, 2] = np.nan
    assert conspicuous_raters(people(ratings)) is None


@pytest.mark.parametrize(
    ("changed", "turned"),
    [(lambda v: 6 - v, True), (lambda v: 20 * v, False), (lambda v: 100 - 20 * v, True)],
)
@pytest.mark.parametrize("raters", [3, 4])
def test_a_third_on_another_scale_is_named_not_the_pair_it_makes_stand_out(changed, turned, raters):
    rng = np.random.default_rng(4)
    truth = rng.integers(1, 6, size=300)
    ratings = np.where(
        rng.random((300, raters)) < 0.7, truth[:, None], rng.integers(1, 6, size=(300, raters))
    )
    ratings = ratings.astype(float)
    assert conspicuous_raters(people(ratings)) is None
    ratings[:, 0] = changed(ratings[:, 0])
    if raters == 4:
        ratings[:, 1] = rng.integers(1, 6, size=300)
    found = conspicuous_raters(people(ratings))
    assert (found.rater, found.turned) == ("r0", turned)
    assert found.aligned > 0.4
    assert found.kappa < 0.15
    # Two who copy from one another stand out whatever the scale of a third who knows nothing of theirs.
    ratings[:, 0] = changed(rng.integers(1, 6, size=300))
    ratings[:, 2] = ratings[:, raters - 1]
    if raters == 4:
        assert conspicuous_raters(people(ratings))[0].a == "r2"


def test_a_rater_on_a_reversed_yes_and_no_is_named():
    rng = np.random.default_rng(5)
    truth = rng.integers(2, size=200)
    ratings = (truth[:, None] ^ (rng.random((200, 3)) < 0.1)).astype(float)
    ratings[:, 2] = 1 - ratings[:, 2]
    found = conspicuous_raters(people(ratings, value_type="binary"))
    assert (found.rater, found.turned) == ("r2", True)
    ratings[:, 2] = rng.integers(2, size=200)
    pair, _ = conspicuous_raters(people(ratings, value_type="binary"))
    assert (pair.a, pair.b) == ("r0", "r1")


def test_without_draws_there_is_one_value():
    """Three of four alike; by chance half: (.75 - .5) / (1 - .5)."""
    found = cohen_kappa(np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 1, 0]))
    assert found.tolist() == [pytest.approx(0.5)]


def test_two_values_are_enough_where_their_order_does_not_count():
    found = reliability(people([[0, 1], [1, 1], [0, 0], [1, 1]], value_type="binary"))
    assert found["raw_agreement"].value == pytest.approx(3 / 4)
    assert found["krippendorff_alpha_nominal"].value is not None
