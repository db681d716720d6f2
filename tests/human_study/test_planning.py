"""The power plan is borne out by studies simulated another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from scipy.stats import t as student

from genspace.errors import InputError
from genspace.human_study.planning import Costs, Stated, make_plan, plan_assumptions

STUDIES = 150


def naive_study(rng: np.random.Generator, n: int, raters: int) -> tuple[float, float, bool]:
    """Two judges (0.8 and 0.5 with true quality), raters with reliability ½; a jackknife written out plainly."""
    truth = rng.standard_normal(n)
    a = 0.8 * truth + 0.6 * rng.standard_normal(n)
    b = 0.5 * truth + np.sqrt(0.75) * rng.standard_normal(n)
    people = (np.sqrt(0.5) * truth[:, None] + np.sqrt(0.5) * rng.standard_normal((n, raters))).mean(axis=1)

    def lead(rows: np.ndarray) -> float:
        return spearmanr(a[rows], people[rows]).statistic - spearmanr(b[rows], people[rows]).statistic

    everything = np.arange(n)
    without = np.array([lead(np.delete(everything, i)) for i in range(n)])
    error = np.sqrt((n - 1) * without.var())
    p = 2 * student.sf(abs(lead(everything)) / error, n - 1)
    return spearmanr(a, people).statistic, spearmanr(b, people).statistic, bool(p <= 0.05)


def test_power_figures_and_precision_are_borne_out() -> None:
    assumptions, seconds = plan_assumptions(None, None, Stated(reliability=0.5, agreement=(0.8, 0.5)))
    assert seconds is None
    plan = make_plan(assumptions, Costs(10.0, 9.0), prompts=[50], raters=[3], studies=200, seed=1)
    (planned,) = plan.sizes
    rng = np.random.default_rng(7)
    outcome = np.array([naive_study(rng, 50, 3) for _ in range(STUDIES)])
    share = outcome[:, 2].mean()
    power = planned.power.value
    noise = np.sqrt(power * (1 - power) * (1 / STUDIES + 1 / 200))
    assert abs(share - power) < 3 * noise
    for judge in (0, 1):
        error = outcome[:, judge].std() / np.sqrt(STUDIES) * np.sqrt(1 + STUDIES / 200)
        assert abs(outcome[:, judge].mean() - planned.figures[judge]) < 3 * error
    # A standard deviation from 150 studies is off by 1 / √300 = 6 %, one from 200 by 5 %: 8 % together.
    assert planned.half_width == pytest.approx(1.96 * outcome[:, 0].std(), rel=3 * 0.08)
    assert planned.hours == pytest.approx(150 * 10 / 3600)  # 50 items × 3 raters × 10 s
    assert planned.cost == pytest.approx(3.75)


@pytest.mark.parametrize("stated", [Stated(reliability=0.5), Stated(agreement=(0.8, 0.4)), Stated()])
def test_without_a_pilot_reliability_and_agreement_are_stated(stated: Stated) -> None:
    with pytest.raises(InputError, match="state `reliability` and `agreement`"):
        plan_assumptions(None, None, stated)


def test_the_plan_says_what_suffices_and_under_which_assumptions() -> None:
    stated = Stated(reliability=0.5, agreement=(0.8, 0.5), shares=(0.4, 0.6), judges="yes-no", per_prompt=4)
    assumptions, _ = plan_assumptions(None, None, stated)
    plan = make_plan(assumptions, Costs(None, None), raters=[3], studies=60)
    best = plan.smallest
    assert plan.figure == "roc_auc"
    assert plan.sentence == (
        f"{best.items} items of {best.prompts} prompts with 3 raters each ({best.ratings} answers) tell the judges "
        f"apart with a chance of {best.power.value:.0%}, assuming that two raters' answers to one of the items "
        "correlate 0.50, that two judges that say yes or no correlate 0.80 and 0.50 with the mean of very many raters, that "
        "50% of what differs between items is shared within prompts, and that the test is of ROC AUC."
    )
    few = make_plan(assumptions, Costs(None, None), prompts=[10], raters=[1], studies=40)
    assert few.sentence.startswith(
        "No size that was tried tells the judges apart with a chance of 80%, assuming that "
    )
    pairs, _ = plan_assumptions(None, None, Stated(reliability=0.5, agreement=(0.8, 0.7), pairs=True))
    told = make_plan(pairs, Costs(None, None), prompts=[20], raters=[1], studies=20).sentence
    assert "two judges prefer what very many raters prefer on 80% and 70% of the pairs" in told
