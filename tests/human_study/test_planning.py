"""The power plan is borne out by studies simulated another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from genspace.human_study.planning import Costs, make_plan, plan_assumptions

STUDIES = 150


def naive_study(rng: np.random.Generator, n: int, raters: int) -> tuple[float, float, bool]:
    """Two judges (0.8 and 0.5 with true quality), raters with reliability ½; a swap test written out plainly."""
    truth = rng.standard_normal(n)
    a = 0.8 * truth + 0.6 * rng.standard_normal(n)
    b = 0.5 * truth + np.sqrt(0.75) * rng.standard_normal(n)
    people = (np.sqrt(0.5) * truth[:, None] + np.sqrt(0.5) * rng.standard_normal((n, raters))).mean(axis=1)
    ranks = [np.argsort(np.argsort(v)).astype(float) for v in (a, b, people)]
    found = spearmanr(a, people).statistic - spearmanr(b, people).statistic
    swap = rng.random((200, n)) < 0.5
    first, second = np.where(swap, ranks[1], ranks[0]), np.where(swap, ranks[0], ranks[1])
    target = (ranks[2] - ranks[2].mean()) / ranks[2].std()

    def correlation(values: np.ndarray) -> np.ndarray:
        return ((values - values.mean(axis=1, keepdims=True)) @ target) / n / values.std(axis=1)

    permuted = correlation(first) - correlation(second)
    p = (1 + np.sum(np.abs(permuted) >= abs(found) - 1e-12)) / 201
    return spearmanr(a, people).statistic, spearmanr(b, people).statistic, bool(p <= 0.05)


def test_power_figures_and_precision_are_borne_out() -> None:
    assumptions, seconds = plan_assumptions(
        None, judges=None, reliability=0.5, agreement=(0.8, 0.5), per_prompt=None
    )
    assert seconds is None
    plan = make_plan(assumptions, Costs(10.0, 9.0), prompts=[50], raters=[3], studies=200, seed=1)
    (planned,) = plan["sizes"]
    rng = np.random.default_rng(7)
    outcome = np.array([naive_study(rng, 50, 3) for _ in range(STUDIES)])
    share = outcome[:, 2].mean()
    power = planned["power"]["value"]
    noise = np.sqrt(power * (1 - power) * (1 / STUDIES + 1 / 200))
    assert abs(share - power) < 3 * noise
    for judge in (0, 1):
        error = outcome[:, judge].std() / np.sqrt(STUDIES) * np.sqrt(1 + STUDIES / 200)
        assert abs(outcome[:, judge].mean() - planned["figures"][judge]) < 3 * error
    # A standard deviation from 150 studies is off by 1 / √300 = 6 %, one from 200 by 5 %: 8 % together.
    assert planned["half_width"] == pytest.approx(1.96 * outcome[:, 0].std(), rel=3 * 0.08)
    assert planned["hours"] == pytest.approx(150 * 10 / 3600)  # 50 items × 3 raters × 10 s
    assert planned["cost"] == pytest.approx(3.75)
