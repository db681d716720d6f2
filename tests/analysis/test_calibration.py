"""Calibration: figures by hand and by scikit-learn; nothing is fitted on an item's own prompt."""

from __future__ import annotations

import numpy as np
import pytest
from frames import told
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.analysis.calibration import (
    brier_score,
    cross_fit,
    cross_fit_weights,
    expected_calibration_error,
    reliability_diagram,
)
from genspace.analysis.folds import prompt_folds
from genspace.analysis.inference.replicates import Replicates


def simulated(seed=0, prompts=60, each=5):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(prompts), each)
    score = rng.normal(size=len(groups)) + rng.normal(size=prompts)[groups]
    outcome = (rng.random(len(groups)) < 1 / (1 + np.exp(-2 * score))).astype(float)
    return score, outcome, groups


def test_expected_calibration_error_by_hand() -> None:
    # Bins [0, .5) and [.5, 1]: mean probability .2 against 1/2 yes, and .8 against 2/3 yes.
    # ECE = 2/5 * |.5 - .2| + 3/5 * |2/3 - .8| = .12 + .08
    p, y = [0.1, 0.3, 0.7, 0.8, 0.9], [0, 1, 1, 0, 1]
    assert expected_calibration_error(p, y, bins=2) == pytest.approx(0.20)
    diagram = reliability_diagram(p, y, bins=2)
    assert diagram.ece.value == pytest.approx(0.20)
    assert [b.predicted for b in diagram.bins] == pytest.approx([0.2, 0.8])
    assert [b.observed.value for b in diagram.bins] == pytest.approx([1 / 2, 2 / 3])


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    bins = reliability_diagram([1.0, 0.0], [1, 0], bins=4).bins
    assert [b.observed.n for b in bins] == [1, 0, 0, 1]
    assert told(bins[1].observed.reason) == "no probability in this bin"


def test_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss

    rng = np.random.default_rng(0)
    p = rng.random(500)
    y = (rng.random(500) < p**2).astype(float)
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    observed, predicted = calibration_curve(y, p, n_bins=10)
    bins = reliability_diagram(p, y).bins
    assert [b.observed.value for b in bins] == pytest.approx(observed)
    assert [b.predicted for b in bins] == pytest.approx(predicted)


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_predictions_of_a_prompt_ignore_its_own_outcomes(method) -> None:
    score, outcome, groups = simulated()
    before = cross_fit(score, outcome, groups, method=method)
    changed = np.where(groups == 7, 1 - outcome, outcome)
    after = cross_fit(score, changed, groups, method=method)
    assert after[groups == 7] == pytest.approx(before[groups == 7], abs=1e-12)
    assert not np.allclose(after, before)


@pytest.mark.parametrize("method", ["isotonic", "logistic"])
def test_cross_fitted_probabilities_are_calibrated(method) -> None:
    score, outcome, groups = simulated(prompts=600)
    p = cross_fit(score, outcome, groups, method=method)
    assert np.all((p >= 0) & (p <= 1))
    assert expected_calibration_error(p, outcome) < 0.03
    # The best possible score is the truth's own: 1 / (1 + exp(-2 score)).
    truth = 1 / (1 + np.exp(-2 * score))
    assert brier_score(p, outcome) < brier_score(truth, outcome) + 0.01


def test_logistic_is_platts_scaling_on_the_training_folds() -> None:
    # Peer: Platt's cross-entropy with targets (N+ + 1)/(N+ + 2) and 1/(N- + 2), minimised by SciPy.
    from scipy.optimize import minimize

    score, outcome, groups = simulated()
    p = cross_fit(score, outcome, groups, method="logistic", folds=3)
    for training, held in prompt_folds(groups, folds=3):
        x, y = score[training], outcome[training]
        target = np.where(y == 1, (y.sum() + 1) / (y.sum() + 2), 1 / ((1 - y).sum() + 2))

        def loss(ab, x=x, target=target):
            z = ab[0] + ab[1] * x
            return np.mean(np.logaddexp(0, z) - target * z)

        a, b = minimize(loss, [0.0, 0.0], tol=1e-12).x
        assert p[held] == pytest.approx(1 / (1 + np.exp(-a - b * score[held])), abs=2e-4)


def test_two_judges_beat_each_alone() -> None:
    rng = np.random.default_rng(2)
    signal = rng.normal(size=2000)
    scores = signal[:, None] + rng.normal(size=(2000, 2))
    outcome = (signal > 0).astype(float)
    groups = np.arange(2000) // 4
    both = brier_score(cross_fit(scores, outcome, groups, method="logistic"), outcome)
    alone = [
        brier_score(cross_fit(scores[:, k], outcome, groups, method="logistic"), outcome) for k in (0, 1)
    ]
    assert both < min(alone) - 0.01
    assert brier_score(cross_fit(scores, outcome, groups), outcome) < min(alone)


def test_missing_scores_outcomes_and_hopeless_folds_are_nan() -> None:
    score, outcome, groups = simulated()
    score[3], outcome[10] = np.nan, np.nan
    p = cross_fit(score, outcome, groups)
    assert np.isnan(p[3])
    assert np.isfinite(p[10])  # unlabelled, but scored: predicted
    assert np.isnan(cross_fit(score, np.ones(len(score)), groups)).all()
    assert np.isnan(cross_fit(score, outcome, np.zeros(len(score)))).all()
    assert len(cross_fit([], [], [])) == 0


def test_perfectly_separated_scores_stay_finite() -> None:
    p = cross_fit([0.0, 1.0] * 10, [0, 1] * 10, np.repeat(np.arange(10), 2), method="logistic")
    # Platt's targets: 8 yes and 8 no in training, so 9/10 and 1/10.
    assert p == pytest.approx([0.1, 0.9] * 10, abs=1e-3)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown method"):
        cross_fit([1.0], [1], [0], method="spline")
    with pytest.raises(ValueError, match="outcomes must"):
        cross_fit([1.0], [2], [0])
    with pytest.raises(ValueError, match="differ in length"):
        cross_fit([1.0, 2.0], [1], [0])
    with pytest.raises(ValueError, match="cross_fit"):
        reliability_diagram([1.5], [1])


def test_an_empty_diagram_says_why() -> None:
    diagram = reliability_diagram([np.nan], [1.0])
    assert diagram.ece.reason == diagram.brier.reason
    assert told(diagram.ece.reason) == "no item has both a score and a target"


def test_intervals_hold_the_figures() -> None:
    score, outcome, groups = simulated(prompts=200)
    p = cross_fit(score, outcome, groups)
    diagram = reliability_diagram(p, outcome, clusters=Replicates.of(groups))
    assert diagram.brier.low < diagram.brier.value < diagram.brier.high
    assert diagram.ece.low < diagram.ece.high


@given(st.lists(st.integers(0, 12), min_size=2, max_size=40), st.integers(0, 3))
@settings(deadline=None, max_examples=50)
def test_folds_split_prompts_whole_and_hold_each_out_once(prompts, seed) -> None:
    held_out = np.zeros(len(prompts), dtype=int)
    for training, held in prompt_folds(prompts, seed=seed):
        assert not set(np.array(prompts)[training]) & set(np.array(prompts)[held])
        assert (training ^ held).all()
        held_out += held
    assert set(held_out) == ({1} if len(set(prompts)) > 1 else {0})


def two_domains(seed: int, n: int = 300) -> tuple[np.ndarray, ...]:
    """Two noisy judges, each of which knows one sub-domain and little of the other; log-odds 2.5 a standard deviation."""
    rng = np.random.default_rng([seed, 24])
    part = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 2))
    own = x[np.arange(n), part]
    y = (rng.random(n) < 1 / (1 + np.exp(-2.5 * own))).astype(float)
    return x, y, np.arange(n) // 3, np.array(["pose", "side"])[part]


def test_by_sub_domain_the_one_who_knows_gets_the_weight_and_both_are_beaten() -> None:
    gains = []
    for seed in range(8):
        x, y, prompts, part = two_domains(seed)
        both, weights = cross_fit_weights(x, y, prompts, method="logistic", parts=part)
        common = cross_fit(x, y, prompts, method="logistic")
        alone = [cross_fit(x[:, k], y, prompts, method="logistic") for k in (0, 1)]
        loss = [brier_score(p, y) for p in (both, common, *alone)]
        gains.append([other - loss[0] for other in loss[1:]])
        for domain, knows in (("pose", 0), ("side", 1)):
            mean = weights[part == domain].mean(axis=0)
            assert mean[knows] == pytest.approx(2.5, abs=1.0)
            assert abs(mean[1 - knows]) < 0.8
    gains = np.array(gains)
    assert (gains.mean(axis=0) > 3 * gains.std(axis=0) / 8**0.5).all()
    assert (gains.mean(axis=0) > [0.02, 0.04, 0.04]).all()


def test_no_weight_of_a_sub_domain_rests_on_the_items_own_prompt() -> None:
    """Turning round what people say of a prompt changes neither its items' probabilities nor the weights behind them."""
    x, y, prompts, part = two_domains(3, n=90)
    usual = cross_fit_weights(x, y, prompts, method="logistic", parts=part)
    for poisoned in range(0, 30, 7):
        own = prompts == poisoned
        turned = cross_fit_weights(x, np.where(own, 1 - y, y), prompts, method="logistic", parts=part)
        for before, after in zip(usual, turned, strict=True):
            assert (before[own] == after[own]).all()
            assert (before[~own] != after[~own]).any()


def test_sub_domains_that_do_not_differ_cost_little() -> None:
    losses = []
    for seed in range(8):
        rng = np.random.default_rng([seed, 25])
        x, part = rng.normal(size=(200, 2)), rng.integers(0, 4, 200)
        y = (rng.random(200) < 1 / (1 + np.exp(-x.sum(axis=1)))).astype(float)
        fits = [cross_fit(x, y, np.arange(200) // 2, method="logistic", parts=p) for p in (part, None)]
        losses.append([brier_score(p, y) for p in fits])
    assert np.diff(np.mean(losses, axis=0))[0] > -0.008


def test_weights_are_those_of_plain_logistic_regression_where_there_is_one_part() -> None:
    from sklearn.linear_model import LogisticRegression

    x, y, prompts, _ = two_domains(1, n=120)
    found, weights = cross_fit_weights(x, y, prompts, method="logistic")
    for training, held in prompt_folds(prompts):
        scaled = (x - x[training].mean(axis=0)) / x[training].std(axis=0)
        yes, no = y[training].sum(), (1 - y[training]).sum()
        target = np.where(y[training] == 1, (yes + 1) / (yes + 2), 1 / (no + 2))
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(
            np.vstack([scaled[training]] * 2), np.repeat([1, 0], training.sum()), np.r_[target, 1 - target]
        )
        assert found[held] == pytest.approx(model.predict_proba(scaled[held])[:, 1], abs=1e-5)
        assert weights[held][0] == pytest.approx(model.coef_[0], abs=1e-4)
