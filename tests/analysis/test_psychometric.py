"""Psychometric curves: known curves are recovered, separated and one-sided answers say why there is no slope."""

from __future__ import annotations

import math

import numpy as np
import pytest
from frames import told
from scipy.special import expit

from genspace.analysis.psychometric import fit_psychometric


def answers(rng, x, threshold, slope, *, floor=0.0, lapse=0.0):
    p = floor + (1 - floor - lapse) * expit(slope * (x - threshold))
    return (rng.random(len(x)) < p).astype(float)


def test_agrees_with_an_independent_logistic_regression() -> None:
    # The same likelihood maximised by scikit-learn without a penalty: threshold = -intercept / slope.
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    x = rng.uniform(-90, 90, 400)
    y = answers(rng, x, 12.0, 0.08)
    peer = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10_000).fit(x[:, None] / 90, y)
    curve = fit_psychometric(x, y, criterion=10.0, draws=0)
    assert curve.slope.value == pytest.approx(peer.coef_[0, 0] / 90, rel=1e-6)
    assert curve.threshold.value == pytest.approx(-peer.intercept_[0] / peer.coef_[0, 0] * 90, rel=1e-6)
    assert curve.bias.value == pytest.approx(curve.threshold.value - 10.0)
    assert curve.jnd.value == pytest.approx(math.log(3) / curve.slope.value)
    assert curve.predict([curve.threshold.value + curve.jnd.value]) == pytest.approx([0.75])


def test_recovers_a_known_curve_within_its_interval() -> None:
    # 100 simulated judges of one known curve: the 95 % intervals hold it about 95 times. With 100 trials the
    # count lies in 88..100 with probability 0.998 when the true coverage is 0.95.
    hits = np.zeros(3)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x = np.repeat(np.arange(-60.0, 61.0, 15.0), 20)
        curve = fit_psychometric(x, answers(rng, x, 8.0, 0.1), draws=200, seed=seed, criterion=0.0)
        estimates = (curve.threshold, curve.slope, curve.jnd)
        truth = (8.0, 0.1, math.log(3) / 0.1)
        hits += [e.low <= t <= e.high for e, t in zip(estimates, truth, strict=True)]
    assert hits.min() >= 88


def test_recovers_floor_and_lapse() -> None:
    rng = np.random.default_rng(3)
    x = np.repeat(np.arange(-80.0, 81.0, 10.0), 150)
    y = answers(rng, x, -10.0, 0.15, floor=0.2, lapse=0.05)
    curve = fit_psychometric(x, y, lapses=True, draws=200, seed=0)
    for estimate, truth in (
        (curve.threshold, -10.0), (curve.slope, 0.15), (curve.floor, 0.2), (curve.lapse, 0.05)
    ):  # fmt: skip
        assert estimate.low < truth < estimate.high
        assert estimate.high - estimate.low < 8
    # Without lapses in the model the same answers look like a judge that tells quantities apart badly.
    assert fit_psychometric(x, y, draws=0).slope.value < 0.5 * curve.slope.value


def test_a_falling_curve_has_a_negative_slope() -> None:
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 90, 500)
    curve = fit_psychometric(x, 1 - answers(rng, x, 45.0, 0.1), draws=100)
    assert curve.direction == -1
    assert curve.slope.high < 0
    assert curve.threshold.low < 45 < curve.threshold.high


def test_mirrored_quantity_mirrors_the_curve() -> None:
    rng = np.random.default_rng(5)
    x = rng.uniform(-50, 50, 200)
    y = answers(rng, x, 5.0, 0.1)
    curve, mirrored = fit_psychometric(x, y, draws=0), fit_psychometric(-x, y, draws=0)
    assert mirrored.threshold.value == pytest.approx(-curve.threshold.value, abs=1e-6)
    assert mirrored.slope.value == pytest.approx(-curve.slope.value, rel=1e-6)


def test_perfect_answers_have_a_threshold_but_no_slope() -> None:
    # All no up to -5, all yes from 5: the step lies half-way, at 0; no finite slope is the likeliest.
    curve = fit_psychometric([-15, -5, 5, 15], [0, 0, 1, 1], criterion=1.0, draws=0)
    assert curve.threshold.value == pytest.approx(0.0)
    assert curve.bias.value == pytest.approx(-1.0)
    assert curve.slope.value is None
    assert "step" in told(curve.slope.reason)
    assert curve.jnd.value == 0.0
    assert curve.predict([-1.0, 0.0, 2.0]) == pytest.approx([0.0, 0.5, 1.0])


def test_perfect_answers_with_draws_bound_the_threshold_by_the_levels_around_it() -> None:
    x = np.repeat([-15.0, -5.0, 5.0, 15.0], 25)
    curve = fit_psychometric(x, (x > 0).astype(float), draws=300)
    assert curve.threshold.low == pytest.approx(0.0)
    assert curve.threshold.high == pytest.approx(0.0)
    assert curve.jnd.high == 0.0


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([], [], "no answers"),
        ([1, 2, 3], [1, 1, 1], "every answer is yes"),
        ([1, 2, 3], [0, 0, 0], "every answer is no"),
        ([2, 2, 2], [0, 1, 1], "all quantities are equal"),
        ([1, 2], [float("nan"), float("nan")], "no answers"),
    ],
)
def test_undetermined_curves_are_null_with_a_reason(x, y, reason) -> None:
    curve = fit_psychometric(x, y)
    assert curve.predict([0.0]) is None
    assert curve.threshold.value is None
    assert told(curve.slope.reason) == reason
    assert curve.jnd.value is None


def test_groups_are_resampled_whole() -> None:
    # Twenty copies of each answer add nothing: by scene the interval is that of one answer per scene.
    rng = np.random.default_rng(6)
    x = rng.uniform(-50, 50, 60)
    y = answers(rng, x, 0.0, 0.08)
    once = fit_psychometric(x, y, draws=400, seed=1)
    copies = fit_psychometric(
        np.repeat(x, 20), np.repeat(y, 20), groups=np.repeat(np.arange(60), 20), draws=400, seed=1
    )
    assert copies.threshold.low == pytest.approx(once.threshold.low, abs=1e-4)
    assert copies.threshold.high == pytest.approx(once.threshold.high, abs=1e-4)


def test_same_seed_same_figures_and_bad_input_is_refused() -> None:
    rng = np.random.default_rng(7)
    x = rng.uniform(-50, 50, 100)
    y = answers(rng, x, 0.0, 0.1)
    assert fit_psychometric(x, y, seed=5, draws=50) == fit_psychometric(x, y, seed=5, draws=50)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        fit_psychometric([1, 2], [0, 2])
    with pytest.raises(ValueError, match="must be"):
        fit_psychometric([1, 2], [0, 1, 1])


def test_a_threshold_beyond_what_was_asked_is_called_an_extrapolation() -> None:
    # Logits of 3/4 at 0 and 2/3 at 1 fall by ln 3 - ln 2: half the answers would be yes at ln 3 / (ln 3 - ln 2) = 2.7.
    x, y = [0] * 4 + [1] * 3, [1, 1, 1, 0, 1, 1, 0]
    curve = fit_psychometric(x, y, criterion=1.0, draws=0)
    assert curve.threshold.value == pytest.approx(np.log(3) / np.log(1.5), rel=1e-5)
    assert (
        told(curve.threshold.reason)
        == told(curve.bias.reason)
        == "extrapolated: only quantities from 0 to 1 were asked"
    )
    inside = fit_psychometric([*x, 3], [*y, 0], draws=0)
    assert 0 < inside.threshold.value < 3
    assert told(inside.threshold.reason) == "no bootstrap draws"
