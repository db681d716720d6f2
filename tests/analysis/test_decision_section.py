"""What a comparison says on abstention, calibration, risk, overlap of errors, cost and corrected generator scores."""

from __future__ import annotations

import json
import math
from importlib.resources import files

import jsonschema
import numpy as np
import pandas as pd
import pytest
from frames import evidence, told

from genspace.analysis import CompareOptions, compare
from genspace.records import StudySettings

COMPARISON_SCHEMA = json.loads(
    (files("genspace") / "schemas/comparison.schema.json").read_text(encoding="utf-8")
)
SWIFT = CompareOptions(draws=60, permutations=0)


def study(*, binary=True, prompts=60, each=3, labelled=1.0, seed=0):
    """Judges: "sure" states its confidence, "shy" abstains on a third, "plain" only scores, all from one truth."""
    rng = np.random.default_rng(seed)
    n = prompts * each
    prompt = np.repeat(np.arange(prompts), each)
    truth = rng.normal(size=n)
    ids = [f"i{i:04}" for i in range(n)]
    items = pd.DataFrame(
        {"item_id": ids, "prompt_id": prompt, "generator": np.tile(["g1", "g2", "g3"], prompts)}
    )
    value = (truth > 0).astype(float) if binary else np.clip(np.round(3 + truth), 1, 5)
    rated = np.isin(prompt, rng.permutation(prompts)[: round(labelled * prompts)])
    annotations = pd.DataFrame({"item_id": ids, "rater_id": "r", "value": value})[rated]
    noisy = truth[:, None] + rng.normal(0, 0.7, size=(n, 3))
    probability = 1 / (1 + np.exp(-3 * noisy[:, 0]))
    frame = pd.DataFrame({"item_id": ids, "status": "decided"})
    verdicts = pd.concat([
        frame.assign(judge="sure", score=probability, passed=probability > 0.5, cost_usd=0.01,
                     confidence=np.abs(probability - 0.5)),
        frame.assign(judge="shy", score=noisy[:, 1], cost_usd=0.02).assign(
            status=np.where(np.arange(n) % 3 == 0, "abstained", "decided"),
            score=lambda t: t["score"].where(t["status"] == "decided")),
        frame.assign(judge="plain", score=10 * noisy[:, 2], cost_usd=0.03),
    ])  # fmt: skip
    return annotations, verdicts, items


@pytest.fixture(scope="module")
def binary():
    document = compare(evidence(*study()), SWIFT).to_dict()
    jsonschema.validate(document, COMPARISON_SCHEMA)
    json.dumps(document, allow_nan=False)
    return document


def test_judges_without_labels_decide_by_a_cross_fitted_threshold(binary) -> None:
    judges = binary["judges"]
    assert {name: j["decisions"] for name, j in judges.items() if j["decisions"]} == {
        "sure": "labels", "shy": "cross-fitted threshold", "plain": "cross-fitted threshold"
    }  # fmt: skip
    assert judges["plain"]["item"]["accuracy"]["value"] > 0.7
    assert judges["plain"]["item"]["accuracy"]["n"] == 180


def test_abstentions_are_shown_beside_the_figure(binary) -> None:
    shy = binary["judges"]["shy"]["abstention"]
    assert shy["table"]["coverage"] == pytest.approx(2 / 3)
    assert shy["penalised"]["value"] < binary["judges"]["shy"]["item"]["roc_auc"]["value"]
    assert shy["penalised"]["n"] == 180
    # On the 120 items that every judge scored, "shy" is itself and the others are on its ground.
    assert shy["common_items"]["n"] == binary["judges"]["plain"]["abstention"]["common_items"]["n"] == 120
    plain = binary["judges"]["plain"]
    assert plain["abstention"]["penalised"] == plain["item"]["roc_auc"]


def test_calibration_and_risk(binary) -> None:
    sure, plain = (binary["judges"][name] for name in ("sure", "plain"))
    assert sure["calibration"]["as_given"]["brier"]["value"] < 0.25
    assert plain["calibration"]["as_given"] is None  # scores beyond 0 and 1 are no probabilities
    for judge in (sure, plain):
        assert judge["calibration"]["isotonic"]["brier"]["n"] == 180
        assert judge["risk_coverage"]["aurc"]["value"] < judge["risk_coverage"]["risk"]["value"]
    assert sure["risk_coverage"]["confidence"] == "stated"
    assert plain["risk_coverage"]["confidence"] == "calibrated score"
    assert sure["risk_coverage"]["points"][0]["covered"] == 180


def test_overlap_and_cost(binary) -> None:
    overlap = binary["overlap"]
    assert overlap["scale"] == "decisions"
    assert [p["judges"] for p in overlap["pairs"]] == [
        [a, b] for i, a in enumerate(binary["specification"]["judges"])
        for b in binary["specification"]["judges"][i + 1 :]
    ]  # fmt: skip
    for pair in overlap["pairs"]:
        assert pair["overlap"]["oracle"]["value"] <= min(pair["overlap"]["mean_error"])
    assert "sure" in binary["cost_fronts"]["usd"]  # the cheapest is always on the front
    assert set(binary["cost_fronts"]) == {"usd"}
    assert binary["generators"]["corrected_reason"]["code"] == "sampling_unknown"


def test_graded_studies_compare_errors_on_the_scale() -> None:
    document = compare(evidence(*study(binary=False)), SWIFT).to_dict()
    jsonschema.validate(document, COMPARISON_SCHEMA)
    assert document["overlap"]["scale"] == "ratings, 0 to 1"
    assert all(0 < e < 0.5 for pair in document["overlap"]["pairs"] for e in pair["overlap"]["mean_error"])
    plain = document["judges"]["plain"]
    assert plain["decisions"] is None
    assert "positive_from" in told(plain["calibration"]["reason"])
    assert plain["risk_coverage"]["reason"] == plain["calibration"]["reason"]


def test_random_samples_correct_the_generators() -> None:
    tables = study(binary=False, prompts=200, labelled=0.25)
    settings = StudySettings(sampling="random", lower_is_better=("nobody",))
    section = compare(evidence(*tables, settings=settings), SWIFT).to_dict()["generators"]
    assert section["corrected_reason"] is None
    rows = {row["generator"]: row for row in section["judges"]["plain"]["generators"]}
    cell = rows["g2"]["corrected"]
    assert sorted(row["corrected"]["rank"] for row in rows.values()) == [1, 2, 3]
    assert (cell["labelled"], cell["unlabelled"]) == (50, 150)
    width = {k: cell[k]["high"] - cell[k]["low"] for k in ("sample", "corrected")}
    assert width["corrected"] < width["sample"]
    all_rated = compare(evidence(*study(), settings=settings), SWIFT).to_dict()["generators"]
    assert "nothing to correct" in told(all_rated["corrected_reason"])


@pytest.mark.parametrize(
    "change",
    [
        lambda a, v, i: (a.iloc[:0], v, i),
        lambda a, v, i: (a, v.iloc[:0], i),
        lambda a, v, i: (a.assign(value=1.0), v, i),
        lambda a, v, i: (a.assign(value=3.0), v, i),
        lambda a, v, i: (a, v.assign(score=0.5, passed=None), i),
        lambda a, v, i: (a, v.assign(score=math.nan, passed=None, status="abstained"), i),
        lambda a, v, i: (a.iloc[:1], v, i.assign(prompt_id=1)),
    ],
)
def test_undefined_studies_are_null_with_reasons(change) -> None:
    document = compare(evidence(*change(*study(prompts=6))), SWIFT).to_dict()
    jsonschema.validate(document, COMPARISON_SCHEMA)
    json.dumps(document, allow_nan=False)
    assert document["specification"]["reason"] or document["specification"]["specifications"]
