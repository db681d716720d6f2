"""The headline test: exact, equal to ranking every permutation, and of the right size with prompt effects."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from genspace.analysis.correlation import agreement
from genspace.analysis.permutation import _by_prompt, _ranking, standardised, swap_test
from genspace.analysis.resampling import PromptDraws, Weighted, stream
from genspace.analysis.significance import (
    bca_interval,
    benjamini_hochberg,
    delong,
    fisher_interval,
    holm,
    mcnemar,
    no_association,
    sign_flip,
    significance_groups,
    williams,
)
from genspace.errors import InputError

PROMPTS, GENERATORS = 160, 5


def shared(rng, shape=()):
    """Standard normal scores of 160 prompts x 5 generators; half of the variance is shared within prompts."""
    prompt = rng.normal(size=(*shape, PROMPTS, 1))
    own = rng.normal(size=(*shape, PROMPTS, GENERATORS))
    return ((prompt + own) / np.sqrt(2)).reshape(*shape, -1)


CLUSTERS = np.repeat(np.arange(PROMPTS), GENERATORS)


@pytest.mark.parametrize(
    "figure", ["pearson", "spearman", "kendall_tau_b", "pairwise_half_credit", "roc_auc"]
)
def test_sums_over_prompts_equal_ranking_every_permutation(figure):
    rng = np.random.default_rng(0)
    prompts = np.repeat(np.arange(12), 3)
    y = rng.integers(2 if figure == "roc_auc" else 5, size=36).astype(float)
    a, b = y + rng.integers(3, size=36), rng.normal(size=36).round(1)
    arguments = {"figure": figure, "permutations": 300}
    fast = swap_test(y, a, b, prompts, rng=stream(0, "t"), **arguments)
    slow = swap_test(y, a, b, prompts, rng=stream(0, "t"), fast=False, **arguments)
    assert fast.difference == pytest.approx(slow.difference, abs=1e-12)
    assert (fast.p, fast.permutations) == (slow.p, slow.permutations)
    assert fast.difference == pytest.approx(agreement(y, a, figure) - agreement(y, b, figure), abs=1e-12)


@pytest.mark.parametrize("figure", ["spearman", "kendall_tau_b", "pairwise_half_credit"])
@pytest.mark.parametrize("tied", [False, True])
def test_one_sum_over_prompts_equals_ranking_or_nearly_so_with_ties(figure, tied):
    rng = np.random.default_rng(1)
    quality = rng.normal(size=1200)
    y = np.clip(np.round(3 + quality + rng.normal(size=1200) / 2), 1, 5)
    a, b = quality + rng.normal(size=1200), quality + 1.1 * rng.normal(size=1200)
    a, prompts = (np.round(a) if tied else a), np.arange(1200) // 4
    swaps = rng.integers(2, size=(300, 50)).astype(float)
    exact = _ranking(y, a, b, prompts, figure)(swaps)
    near = _by_prompt(y, a, b, prompts, figure)(swaps)
    of_ties = tied and figure != "pairwise_half_credit"
    assert np.abs(near - exact).max() < (0.002 * exact.std() if of_ties else 1e-12)


def test_all_permutations_of_a_small_case_equal_a_plain_loop():
    y = np.array([1.0, 2, 3, 4, 5, 6])
    a, b = np.array([1.0, 3, 2, 4, 6, 5]), np.array([2.0, 1, 5, 3, 4, 6])
    prompts = np.array([0, 0, 1, 1, 2, 2])
    first, second = standardised(a), standardised(b)
    observed = stats.spearmanr(y, a)[0] - stats.spearmanr(y, b)[0]
    extreme = 0
    flips = np.array(list(product((0.0, 1.0), repeat=3))).T
    for flip in flips.T:
        swapped = flip[prompts] == 1
        x, z = np.where(swapped, second, first), np.where(swapped, first, second)
        extreme += abs(stats.spearmanr(y, x)[0] - stats.spearmanr(y, z)[0]) >= abs(observed) - 1e-12
    result = swap_test(
        y, a, b, prompts, permutations=8, rng=stream(0, "t"), draw=lambda size: flips[:, :size]
    )
    assert result.p == pytest.approx((1 + extreme) / 9)


@pytest.mark.parametrize(("figure", "studies"), [("pearson", 1500), ("spearman", 500)])
def test_the_test_keeps_its_level_with_prompt_effects(figure, studies):
    """Two equally good judges: 3 to 7 % of the studies may be called different at 5 %."""
    rng = np.random.default_rng(20)
    p = []
    for i in range(studies):
        y = shared(rng)
        a, b = y + shared(rng), y + shared(rng)
        p.append(swap_test(y, a, b, CLUSTERS, figure, permutations=299, rng=stream(i, "level")).p)
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.07


def test_williams_does_not_keep_its_level_with_prompt_effects():
    """Why it is only in the appendix: items of one prompt are not independent."""
    rng = np.random.default_rng(21)
    y, noise_a, noise_b = (shared(rng, (600,)) for _ in range(3))
    p = []
    for target, a, b in zip(y, y + noise_a, y + noise_b, strict=True):
        r = np.corrcoef([target, a, b])
        p.append(williams(r[0, 1], r[0, 2], r[1, 2], len(target)).p)
    assert np.mean(np.array(p) < 0.05) > 0.10


@pytest.mark.parametrize(("figure", "studies", "draws"), [("pearson", 1500, 1000), ("spearman", 400, 400)])
def test_intervals_over_prompts_cover_what_they_should(figure, studies, draws):
    """95 % intervals hold the true value in 93 to 97 % of the studies."""
    rng = np.random.default_rng(22)
    r = np.sqrt(0.5)
    true = {"pearson": r, "spearman": 6 / np.pi * np.arcsin(r / 2)}[figure]
    weights = PromptDraws.make(CLUSTERS, draws, stream(0, "coverage")).weights()
    inside = 0
    for _ in range(studies):
        y = shared(rng)
        x = y + shared(rng)
        low, high = np.quantile(getattr(Weighted(y, weights), figure)(x), [0.025, 0.975])
        inside += low <= true <= high
    assert 0.93 <= inside / studies <= 0.97


def test_a_planted_difference_is_found():
    rng = np.random.default_rng(23)
    y = shared(rng)
    result = swap_test(
        y, y + 0.7 * shared(rng), y + 1.3 * shared(rng), CLUSTERS, permutations=999, rng=stream(0, "t")
    )
    assert result.p == 1 / 1000
    assert result.permutations == 999


def test_equal_judges_stop_early_and_constant_ones_are_undefined():
    rng = np.random.default_rng(24)
    y = shared(rng)
    same = swap_test(y, y, y, CLUSTERS, rng=rng)
    assert (same.difference, same.p) == (0, 1)
    assert same.permutations < 10_000
    constant = swap_test(y, y, np.zeros(len(y)), CLUSTERS, rng=rng)
    assert np.isnan(constant.p)
    assert np.isnan(swap_test([], [], [], [], rng=rng).p)


def test_decision_figures_are_tested_too():
    rng = np.random.default_rng(25)
    y = rng.integers(2, size=400).astype(float)
    good, bad = (np.where(rng.random(400) < q, y, 1 - y) for q in (0.9, 0.6))
    result = swap_test(y, good, bad, np.arange(400) // 4, "accuracy", permutations=500, rng=rng)
    assert result.difference == pytest.approx((good == y).mean() - (bad == y).mean())
    assert result.p < 0.01


def test_corrections_by_hand():
    # Holm: .01 * 3, then max(.03, .02 * 2), then max(.04, .5)
    assert holm([0.5, 0.01, 0.02]) == pytest.approx([0.5, 0.03, 0.04])
    assert np.isnan(holm([np.nan, 0.01])).tolist() == [True, False]
    # Benjamini-Hochberg: min over larger p of p * n / rank: .03, .03, .5
    assert benjamini_hochberg([0.01, 0.02, 0.5]) == pytest.approx([0.03, 0.03, 0.5])
    assert np.isnan(benjamini_hochberg([np.nan])).all()


def test_groups_start_where_a_member_wins():
    wins = {("a", "c"), ("b", "c"), ("c", "e")}
    groups = significance_groups(list("abcde"), lambda x, y: (x, y) in wins)
    assert groups == [["a", "b"], ["c", "d"], ["e"]]


def test_mcnemar_is_the_binomial_test_and_flips_agree_with_it():
    # 8 items differ, the first is right on 7: p = 2 (1 + 8) / 256
    right_a = np.array([1] * 7 + [0] + [1] * 12, dtype=bool)
    right_b = np.array([0] * 7 + [1] + [1] * 12, dtype=bool)
    assert mcnemar(right_a, right_b).p == pytest.approx(18 / 256)
    flipped = sign_flip(right_a * 1.0 - right_b, np.arange(20), permutations=40_000, rng=stream(0, "m"))
    assert flipped == pytest.approx(18 / 256, abs=0.005)
    assert mcnemar(right_a, right_a).p == 1


def test_delong_by_hand():
    # Two of each class. a orders all pairs (AUC 1), b has pairs right, right, wrong, right (AUC 3/4).
    # V10 differences per yes: (1 - 1, 1 - 1/2); V01 per no: (1 - 1/2, 1 - 1). Variances 1/8 each, over 2.
    test = delong([1, 1, 0, 0], [4, 3, 2, 1], [4, 2, 3, 1])
    assert test.statistic == pytest.approx(0.25 / np.sqrt(1 / 16 + 1 / 16))
    assert np.isnan(delong([1, 0], [1, 2], [2, 1]).p)


def test_delong_keeps_its_level_on_independent_items():
    rng = np.random.default_rng(26)
    p = []
    for _ in range(400):
        y = rng.integers(2, size=150)
        p.append(delong(y, y + rng.normal(size=150), y + rng.normal(size=150)).p)
    assert 0.025 <= np.mean(np.array(p) < 0.05) <= 0.08


def test_bca_is_close_to_scipys():
    rng = np.random.default_rng(27)
    x = rng.normal(size=60)
    y = x + rng.normal(size=60)
    ours = bca_interval(y, x, "pearson", draws=4000, rng=stream(0, "bca"))
    theirs = stats.bootstrap(
        (x, y), lambda a, b: stats.pearsonr(a, b)[0], paired=True, vectorized=False, n_resamples=2000, rng=rng
    ).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.03)
    assert bca_interval(np.ones(9), np.arange(9.0), rng=rng) is None


def test_bca_of_many_items_leaves_out_parts(monkeypatch):
    """Skewed data: a jackknife of 40 parts of 10 items accelerates about as that of 400 single items."""
    rng = np.random.default_rng(28)
    x = rng.exponential(size=400)
    y = x + rng.exponential(size=400)
    single = bca_interval(y, x, "pearson", rng=stream(0, "bca"))
    monkeypatch.setattr("genspace.analysis.significance.JACKKNIFE_PARTS", 40)
    assert bca_interval(y, x, "pearson", rng=stream(0, "bca")) == pytest.approx(single, abs=0.01)


def test_intervals_and_tests_of_few_items_are_undefined():
    assert fisher_interval(0.5, 3) is None
    assert fisher_interval(1.0, 10) == (1, 1)
    assert np.isnan(williams(0.5, 0.4, 0.3, 3).p)
    with pytest.raises(InputError, match="no Fisher interval"):
        fisher_interval(0.5, 10, "roc_auc")


@pytest.mark.parametrize("n", [3, 20, 34, 300])
@pytest.mark.parametrize("tied", [False, True])
def test_p_values_of_no_association_are_those_of_scipy(n, tied):
    rng = np.random.default_rng(n)
    y = rng.normal(size=n)
    x = y + 3 * rng.normal(size=n)
    y, x = (np.round(2 * y), np.round(x)) if tied else (y, x)
    theirs = [test(x, y).pvalue for test in (stats.pearsonr, stats.spearmanr, stats.kendalltau)]
    assert no_association(y, x) == pytest.approx(theirs, rel=1e-9, abs=1e-14)
