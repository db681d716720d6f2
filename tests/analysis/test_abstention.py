"""Abstentions: the published audit of SpatialBench-UC, penalised figures by brute force, AURC by hand."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from frames import told
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.analysis.abstention import (
    abstention_table,
    aurc,
    common_items,
    risk_coverage,
)
from genspace.analysis.correlation import agreement, score_tie
from genspace.analysis.decisions import confusion
from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.resampling import Weighted


@pytest.fixture(scope="module")
def audit(data):
    folder = data / "human" / "spatialbench_uc"
    people = pd.read_csv(folder / "annotations.csv").set_index("item_id")["value"]
    verdicts = pd.read_csv(folder / "metric_verdicts.csv").set_index("item_id").loc[people.index]
    said = verdicts["verdict"].map({"PASS": 1.0, "FAIL": 0.0, "UNDECIDABLE": math.nan}).to_numpy()
    published = json.loads((folder / "published.json").read_text())
    return people.to_numpy(dtype=float), said, verdicts["confidence"].to_numpy(), published


@pytest.mark.data
def test_published_confusion_matrix_accuracy_and_coverage(audit) -> None:
    truth, said, _, published = audit
    both = np.isfinite(truth) & np.isfinite(said)
    counts = confusion(truth[both], said[both])
    figures = published["confusion_matrix"]
    assert [counts.true_yes[0], counts.false_yes[0], counts.true_no[0], counts.false_no[0]] == [
        figures[k] for k in ("true_positives", "false_positives", "true_negatives", "false_negatives")
    ]
    assert counts.accuracy[0] == pytest.approx(figures["accuracy"], abs=1e-15)
    assert counts.f1[0] == pytest.approx(figures["f1"], abs=1e-15)
    table = abstention_table(np.ones(200), np.isfinite(truth), np.isfinite(said))
    # 91 of 200 decided by the metric, 71 of the person's 105: 71 / 105 = .676.
    assert (table.both, table.annotated) == (71, 200)
    assert table.judge_only + table.neither == figures["undecidable_human"]
    assert table.people_only + table.neither == figures["undecidable_checker"]
    assert table.coverage == 0.455
    assert table.coverage_of_decided == pytest.approx(71 / 105)
    assert table.abstains_where_people_do == pytest.approx(75 / 95)


@pytest.mark.data
def test_published_risk_coverage_curve(audit) -> None:
    truth, said, confidence, published = audit
    expected = published["risk_coverage_curve"]
    curve = risk_coverage(confidence, said, truth, thresholds=[p["tau"] for p in expected])
    assert len(curve.points) == 93
    for point, paper in zip(curve.points[:-1], expected[:-1], strict=True):
        assert (point.covered, point.evaluated) == (paper["n_covered"], paper["n_evaluated"])
        assert point.coverage == pytest.approx(paper["coverage"], abs=1e-15)
        assert point.risk == pytest.approx(paper["risk"], abs=1e-15)
    # The authors print risk 0 for the last point, where nothing is evaluated; here it is null.
    assert (curve.points[-1].evaluated, curve.points[-1].risk) == (0, None)
    # By default the curve has a point at each of the metric's own confidences.
    assert {p.threshold for p in risk_coverage(confidence, said, truth).points} <= {
        p["tau"] for p in expected
    }


def test_area_under_the_curve_by_hand() -> None:
    # Errors in order of confidence 0, 1, 0: risks 0, 1/2, 1/3; mean 5/18.
    assert aurc(np.array([3.0, 2, 1]), np.array([0.0, 1, 0]))[0] == pytest.approx(5 / 18)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_area_with_equal_confidences_is_the_mean_over_their_orders(answers) -> None:
    confidence = np.array([a[0] for a in answers], dtype=float)
    errors = np.array([a[1] for a in answers], dtype=float)
    areas = []
    for order in itertools.permutations(range(len(answers))):
        sure = confidence[list(order)]
        if (np.diff(sure) <= 0).all():
            areas.append((np.cumsum(errors[list(order)]) / np.arange(1, len(order) + 1)).mean())
    assert aurc(confidence, errors)[0] == pytest.approx(np.mean(areas))
    # A draw that holds every answer twice is the same data, doubled.
    doubled = aurc(np.repeat(confidence, 2), np.repeat(errors, 2))
    assert aurc(confidence, errors, np.full((len(answers), 1), 2.0)) == pytest.approx(doubled)


def test_confidence_that_says_nothing_gives_the_overall_risk() -> None:
    curve = risk_coverage([0.5] * 4, [1, 1, 0, 0], [1, 0, 0, 0])
    assert curve.risk.value == 0.25
    assert curve.aurc.value == pytest.approx(0.25)
    assert len(curve.points) == 1


def test_a_curve_without_decisions_says_why() -> None:
    curve = risk_coverage([math.nan, 0.5], [1, math.nan], [1, 1])
    assert curve.points == ()
    assert "no item" in told(curve.aurc.reason)
    assert curve.risk.value is None


def test_intervals_come_from_the_prompts() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=300).astype(float)
    confidence = rng.random(300)
    said = np.where(rng.random(300) < 0.5 + 0.5 * confidence, truth, 1 - truth)
    curve = risk_coverage(confidence, said, truth, clusters=Replicates.of(np.arange(300) // 3))
    assert curve.aurc.low < curve.aurc.value < curve.aurc.high < curve.risk.value + 0.05
    assert curve.risk.low < 0.25 < curve.risk.high
    assert curve.aurc.n == 300


PENALISED = [key for key, row in FIGURES.items() if row.penalised is not None and row.target != "preference"]


def penalised(figure, y, x, weights=None):
    weights = np.ones((len(y), 1)) if weights is None else weights
    return FIGURES[figure].penalised(Weighted(y, weights), x, score_tie(x[np.isfinite(x)]))


def test_near_ties_are_ties_whether_somebody_abstains_or_not() -> None:
    """Scores within 1e-9 of their range are equal in every share of pairs, in the penalised form too."""
    y = np.array([0.0, 1.0, 2.0, 3.0])
    x = np.array([0.0, 1e-12, 1.0, np.nan])
    # Six separated pairs: (0, 1) a near tie, (0, 2) and (1, 2) right, three with the abstention: (2 + 4 / 2) / 6.
    assert penalised("pairwise_half_credit", y, x)[0] == pytest.approx(4 / 6)
    assert agreement(y[:3], x[:3], "pairwise_half_credit") == pytest.approx(2.5 / 3)


def brute_force(figure, y, x):
    """The definition, pair by pair: an abstained item's pairs are ties of the judge."""
    scored = np.isfinite(x)
    if figure in {"pearson", "spearman"}:
        rank = figure == "spearman"
        a = np.full(len(x), math.nan)
        a[scored] = pd.Series(x[scored]).rank() if rank else x[scored]
        b = pd.Series(y).rank().to_numpy() if rank else y
        both, first, second = 0.0, 0.0, 0.0
        for i, j in itertools.combinations(range(len(y)), 2):
            d = a[i] - a[j] if scored[i] and scored[j] else 0.0
            both, first, second = both + d * (b[i] - b[j]), first + d * d, second + (b[i] - b[j]) ** 2
        return both / math.sqrt(first * second)
    concordant = discordant = tied_x = tied_y = tied_both = pairs = 0
    for i, j in itertools.combinations(range(len(y)), 2):
        sx = np.sign(x[i] - x[j]) if scored[i] and scored[j] else 0
        sy = np.sign(y[i] - y[j])
        concordant += sx * sy > 0
        discordant += sx * sy < 0
        tied_x += sx == 0
        tied_y += sy == 0
        tied_both += sx == 0 and sy == 0
        pairs += 1
    return {
        "kendall_tau_b": (concordant - discordant) / math.sqrt((pairs - tied_x) * (pairs - tied_y)),
        "pairwise_strict": concordant / (pairs - tied_y),
        "pairwise_half_credit": (concordant + (tied_x - tied_both) / 2) / (pairs - tied_y),
        "pairwise_with_ties": (concordant + tied_both) / pairs,
    }[{"roc_auc": "pairwise_half_credit"}.get(figure, figure)]


@pytest.mark.parametrize("figure", [key for key in PENALISED if not FIGURES[key].of_labels])
def test_an_abstention_ties_with_everything(figure) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2 if figure == "roc_auc" else 5, size=40).astype(float)
    x = np.round(y + rng.normal(size=40), 1)
    complete = penalised(figure, y, x)
    assert complete[0] == pytest.approx(agreement(y, x, figure))
    x[rng.permutation(40)[:13]] = np.nan
    assert penalised(figure, y, x)[0] == pytest.approx(brute_force(figure, y, x))
    weights = rng.integers(0, 3, size=(40, 2)).astype(float)
    repeated = np.repeat(np.arange(40), weights[:, 1].astype(int))
    assert penalised(figure, y, x, weights)[1] == pytest.approx(brute_force(figure, y[repeated], x[repeated]))


@pytest.mark.parametrize(("figure", "right"), [("pair_agreement", 2.5), ("pair_agreement_strict", 2)])
def test_an_abstention_prefers_neither_item(figure, right) -> None:
    # People separate four pairs; the judge is right on two, wrong on one, silent on the fourth.
    lean, said = np.array([0.5, -0.5, 0.25, 0.5, 0.0]), np.array([2.0, -1, -3, np.nan, 4])
    assert penalised(figure, lean, said)[0] == pytest.approx(right / 4)


def test_answering_only_the_easy_items_does_not_pay() -> None:
    # A judge right on the clear half and silent elsewhere: perfect where it speaks, .5 + half the rest's pairs.
    y = np.array([0.0, 0, 1, 1])
    silent = np.array([0.0, np.nan, 1.0, np.nan])
    assert agreement(y, silent, "roc_auc") == 1.0
    # Of the 4 separated pairs 1 is scored (right) and 3 are ties: (1 + 3 / 2) / 4.
    assert penalised("roc_auc", y, silent)[0] == pytest.approx(0.625)
    assert FIGURES["average_precision"].penalised is None


def test_an_abstention_is_a_wrong_decision() -> None:
    # Right on 3 of 4 and silent on two more: accuracy 3/6; each silence is a false answer of its class.
    y, said = np.array([1.0, 1, 0, 0, 1, 0]), np.array([1.0, 1, 0, 1, np.nan, np.nan])
    assert penalised("accuracy", y, said)[0] == 0.5
    # yes: 2 right, 1 silent; no: 1 right, 1 wrong, 1 silent.
    assert penalised("balanced_accuracy", y, said)[0] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert penalised("accuracy", y, np.where(np.isnan(said), y, said))[0] == pytest.approx(5 / 6)


def test_long_curves_are_thinned_out() -> None:
    rng = np.random.default_rng(0)
    curve = risk_coverage(rng.random(1000), np.ones(1000), rng.integers(2, size=1000))
    assert len(curve.points) == 200
    assert curve.points[0].coverage == 1.0
    assert curve.points[-1].covered == 1


def test_undefined_penalised_figures_are_nan() -> None:
    y = np.array([0.0, 1.0, 1.0])
    for figure in (key for key in PENALISED if not FIGURES[key].of_labels):
        value = penalised(figure, y, np.full(3, np.nan))[0]
        # No pair is ordered: shares of pairs are still defined, correlations are not.
        assert math.isnan(value) if figure in {"pearson", "spearman", "kendall_tau_b"} else value >= 0


def test_common_items() -> None:
    nan = math.nan
    assert common_items({"a": [1.0, nan, 2.0], "b": [nan, 1.0, 0.0]}).tolist() == [False, False, True]
