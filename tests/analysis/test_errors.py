"""Errors of two judges: overlap by hand, what an oracle gains beyond hindsight, the cost front."""

from __future__ import annotations

import math

import numpy as np
import pytest
from frames import told
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.analysis.errors import error_overlap, pareto_front
from genspace.analysis.inference.replicates import Replicates


def test_overlap_by_hand() -> None:
    # Wrong: the first on items 2 and 4, the second on 3 and 4. Each half of the time, both a quarter: phi = 0.
    overlap = error_overlap([1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0], range(4))
    assert overlap.correlation.value == pytest.approx(0.0)
    assert overlap.mean_error == (0.5, 0.5)
    assert overlap.oracle.value == 0.25  # only the last item is wrong for both
    assert overlap.oracle.n == 4


def test_graded_errors_keep_their_sign() -> None:
    # Errors (1, -1, 2) and (2, 0, 1): centred (1/3, -5/3, 4/3) and (1, -1, 0), so 2 / sqrt(42/9 * 2).
    overlap = error_overlap([2, 1, 5], [3, 2, 4], [1, 2, 3], range(3))
    assert overlap.correlation.value == pytest.approx(2 / np.sqrt(42 / 9 * 2))
    assert overlap.oracle.value == pytest.approx((1 + 0 + 1) / 3)


def test_complementary_judges_gain_more_than_hindsight() -> None:
    rng = np.random.default_rng(0)
    prompts = np.repeat(np.arange(300), 4)
    truth = rng.integers(2, size=1200).astype(float)
    easy = rng.random(1200) < 0.5
    first = np.where(easy | (rng.random(1200) < 0.5), truth, 1 - truth)
    apart = np.where(~easy | (rng.random(1200) < 0.5), truth, 1 - truth)
    overlap = error_overlap(first, apart, truth, prompts, clusters=Replicates.of(prompts))
    assert overlap.oracle.value == 0.0
    assert overlap.correlation.high < 0
    # Hindsight beside a coin halves the better judge's errors of about 1/4.
    assert overlap.blind_oracle == pytest.approx(0.125, abs=0.03)
    same = error_overlap(first, first, truth, prompts, clusters=Replicates.of(prompts))
    assert same.oracle.value == same.mean_error[0]
    assert same.correlation.value == pytest.approx(1.0)


def test_without_common_items_all_is_null() -> None:
    overlap = error_overlap([1, math.nan], [math.nan, 1], [1, 1], [0, 1])
    assert "fewer than two" in told(overlap.correlation.reason)
    assert overlap.blind_oracle is None
    constant = error_overlap([1, 1], [0, 1], [1, 1], [0, 1])
    assert told(constant.correlation.reason) == "a judge's errors are all equal"


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
@settings(deadline=None, max_examples=100)
def test_front_by_definition(judges) -> None:
    cost, value = np.array(judges, dtype=float).T
    front = pareto_front(cost, value)
    assert front.any()
    for i, (c, v) in enumerate(judges):
        beaten = any(c2 <= c and v2 >= v and (c2 < c or v2 > v) for c2, v2 in judges)
        assert front[i] == (not beaten)


def test_judges_without_a_cost_are_not_on_the_front() -> None:
    assert pareto_front([1.0, math.nan, 0.5], [0.5, 0.9, math.nan]).tolist() == [True, False, False]
