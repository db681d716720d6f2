"""Validating a metric: planted metrics get the right claims, and no claim says more than its interval."""

from __future__ import annotations

import itertools
import json
from importlib.resources import files

import jsonschema
import numpy as np
import pandas as pd
import pytest
from frames import evidence

from genspace.analysis.compare import CompareOptions
from genspace.analysis.validation import validate
from genspace.errors import InputError
from genspace.records import StudySettings
from genspace.report import validation_sentences

SCHEMA = json.loads((files("genspace") / "schemas/validation.schema.json").read_text(encoding="utf-8"))
OPTIONS = CompareOptions(draws=0, permutations=0)
PERSONS = StudySettings(raters="person", breakdowns=("category",))


def study(seed=0, *, prompts=150, each=3, binary=False, raters=4):
    """Ratings of four people; metrics whose errors are planted: noise 0.5 (good), 0.5 (twin), 3 (poor)."""
    rng = np.random.default_rng(seed)
    n = prompts * each
    prompt = np.repeat(np.arange(prompts), each)
    truth = rng.normal(size=prompts)[prompt] + rng.normal(size=n)
    items = pd.DataFrame(
        {
            "item_id": [f"i{i}" for i in range(n)],
            "prompt_id": prompt,
            "category": np.where(prompt % 2, "odd", "even"),
        }
    )
    rated = truth[:, None] + rng.normal(0, 0.7, size=(n, raters))
    rated = (rated > 0).astype(float) if binary else np.clip(np.round(3 + rated), 1, 5)
    annotations = pd.concat(
        pd.DataFrame({"item_id": items["item_id"], "rater_id": f"r{k}", "value": rated[:, k]})
        for k in range(raters)
    )
    scores = {"good": 0.5, "twin": 0.5, "poor": 3.0}
    verdicts = pd.concat(
        pd.DataFrame(
            {"item_id": items["item_id"], "judge": name, "score": truth + rng.normal(0, noise, size=n)}
        )
        for name, noise in scores.items()
    )
    return annotations, verdicts, items


def claims(validation):
    return {row["judge"]: row["claim"] for row in validation.to_dict()["against"]}


def test_planted_metrics_get_the_right_claims() -> None:
    tables = study()
    good = validate(evidence(*tables, settings=PERSONS), "good", OPTIONS, margin=0.1)
    poor = validate(evidence(*tables, settings=PERSONS), "poor", OPTIONS, margin=0.1)
    jsonschema.validate(good.to_dict(), SCHEMA)
    json.dumps(good.to_dict(), allow_nan=False)
    assert claims(good) == {"twin": "not worse", "poor": "ahead"}
    assert claims(poor) == {"good": "behind", "twin": "behind"}
    # All three pairs of the study are one family.
    for row in poor.to_dict()["against"]:
        assert row["p"] < row["p_holm"] <= 3 * row["p"]
    assert good.to_dict()["stand_in"]["passed"]
    assert not poor.to_dict()["stand_in"]["passed"]
    assert any("is ahead of 1 of 2 others: poor" in s for s in validation_sentences(good.document))
    assert any(
        "Where category is even it is behind good, twin" in s for s in validation_sentences(poor.document)
    )
    told = validation_sentences(poor.document)[-1]
    assert told.startswith(
        "With its scores mapped onto the distribution of the raters' own values on other prompts, it"
    )
    assert " could not stand in for a rater: " in told
    assert good.to_dict()["breakdowns"]["category"]["odd"]["claims"]["poor"] == "ahead"


def test_an_equal_metric_is_not_called_equal() -> None:
    tables = study(prompts=40)
    twin = validate(evidence(*tables), "twin", OPTIONS, margin=0.0)
    assert claims(twin)["good"] == "open"
    assert any("cannot be told from these data" in s for s in validation_sentences(twin.document))
    assert not any("no difference" in s or "equally" in s for s in validation_sentences(twin.document))
    assert "slots" in validation_sentences(twin.document)[-1]


def test_binary_studies_test_decisions_of_the_cross_fitted_threshold() -> None:
    tables = study(binary=True)
    options = CompareOptions(draws=0, primary="cohen_kappa")
    good = validate(evidence(*tables, settings=PERSONS), "good", options)
    assert claims(good)["poor"] == "ahead"
    assert good.to_dict()["stand_in"]["alignment"] == "accuracy"
    assert good.to_dict()["stand_in"]["passed"]
    jsonschema.validate(good.to_dict(), SCHEMA)


def test_silence_does_not_put_a_metric_ahead() -> None:
    # "shy" copies "poor", but speaks only where it happens to be near the people.
    annotations, verdicts, items = study()
    mean = annotations.groupby("item_id")["value"].mean()
    poor = verdicts[verdicts["judge"] == "poor"].set_index("item_id")["score"]
    residual = (poor - poor.mean()) / poor.std() - (mean - mean.mean()) / mean.std()
    shy = poor.where(residual.abs() < 0.4)
    extra = pd.DataFrame({"item_id": shy.index, "judge": "shy", "score": shy.to_numpy()})
    tables = annotations, pd.concat([verdicts, extra]), items
    result = validate(evidence(*tables), "shy", OPTIONS)
    row = next(r for r in result.to_dict()["against"] if r["judge"] == "good")
    assert row["claim"] != "behind"
    assert row["penalised"]["high"] < 0
    assert any("depends on the abstentions" in s for s in validation_sentences(result.document))
    assert any("of the 450 annotated items" in s for s in validation_sentences(result.document))
    assert result.to_dict()["coverage"]["coverage"] == pytest.approx(shy.notna().mean())


def test_undefined_comparisons_are_null_with_a_reason() -> None:
    annotations, verdicts, items = study(prompts=10)
    flat = pd.DataFrame({"item_id": items["item_id"], "judge": "flat", "score": 1.0})
    result = validate(evidence(annotations, pd.concat([verdicts, flat]), items), "flat", OPTIONS)
    assert set(claims(result).values()) == {None}
    assert (
        validation_sentences(result.document)[0] == "flat has no Spearman with people: all scores are equal."
    )
    assert any(
        "cannot be compared with good: all scores are equal" in s
        for s in validation_sentences(result.document)
    )
    jsonschema.validate(result.to_dict(), SCHEMA)
    alone = validate(evidence(annotations, flat, items), "flat", OPTIONS)
    assert "no other metric" in validation_sentences(alone.document)[1]
    empty = validate(evidence(annotations.iloc[:0], verdicts, items), "good", OPTIONS)
    assert "no people" in validation_sentences(empty.document)[0]
    jsonschema.validate(empty.to_dict(), SCHEMA)


def test_user_mistakes() -> None:
    annotations, verdicts, items = study(prompts=5)
    with pytest.raises(InputError, match="did you mean 'good'"):
        validate(evidence(annotations, verdicts, items), "goood")
    with pytest.raises(InputError, match="margin"):
        validate(evidence(annotations, verdicts, items), "good", margin=-0.1)
    with pytest.raises(InputError, match="ratings themselves"):
        validate(evidence(annotations, verdicts, items, settings=StudySettings(derived=("good",))), "good")


@pytest.mark.parametrize("margin", [1.0, 2.0, 5.0])
def test_a_margin_that_no_difference_exceeds_is_refused(margin) -> None:
    annotations, verdicts, items = study(prompts=10, binary=True)
    with pytest.raises(InputError, match="never differ by more than 1 in ROC AUC"):
        validate(evidence(annotations, verdicts, items), "good", margin=margin)


def test_a_wider_margin_never_makes_a_claim_worse() -> None:
    tables = evidence(*study(prompts=30))
    for name in ("good", "twin", "poor"):
        held = [
            [row.not_worse for row in validate(tables, name, OPTIONS, margin=m).document.against]
            for m in (0.0, 0.02, 0.1, 0.3, 0.9)
        ]
        for tight, wide in itertools.pairwise(held):
            assert all(w >= t for t, w in zip(tight, wide, strict=True))


def stand_in(scores, people_say, items, **how):
    """The test and its sentence of a judge "own" that gives these scores (and labels)."""
    verdicts = pd.DataFrame({"item_id": items["item_id"], "judge": "own"} | scores)
    result = validate(
        evidence(people_say, verdicts, items, how.pop("settings", PERSONS)), "own", OPTIONS, **how
    )
    return result.document.stand_in, validation_sentences(result.document)[-1]


def test_a_judge_on_the_raters_scale_is_tested_by_its_own_answers() -> None:
    """Two points too high throughout: as an order perfect, as answers useless."""
    annotations, _, items = study()
    mean = annotations.groupby("item_id")["value"].mean()[items["item_id"]].to_numpy()
    right, high = np.round(mean), np.minimum(np.round(mean) + 2, 5)
    test, told = stand_in({"score": right}, annotations, items)
    assert (test.passed, test.mapped, test.epsilon) == (True, False, 0.1)
    assert told == (
        "By its own answers it could stand in for a rater: given a head start of 0.1, the authors' for a crowd, it agrees "
        "with the other raters as well as 4 of 4 raters do (alternative annotator test)."
    )
    test, told = stand_in({"score": high}, annotations, items)
    assert (test.passed, test.winning_rate, test.mapped) == (False, 0.0, False)
    assert told.startswith("By its own answers it could not stand in for a rater: ")
    test, told = stand_in({"score": right + 0.01}, annotations, items)
    assert (test.passed, test.mapped) == (True, True)
    assert told.startswith(
        "With its scores mapped onto the distribution of the raters' own values on other prompts, "
    )


def test_who_the_raters_are_decides_the_head_start() -> None:
    annotations, _, items = study()
    mean = annotations.groupby("item_id")["value"].mean()[items["item_id"]].to_numpy()
    for annotators, epsilon, words in (
        ("crowd", 0.1, "a crowd"), ("skilled", 0.15, "skilled raters"), ("experts", 0.2, "experts"),
    ):  # fmt: skip
        test, told = stand_in({"score": np.round(mean)}, annotations, items, annotators=annotators)
        assert test.epsilon == epsilon
        assert f"given a head start of {epsilon:g}, the authors' for {words}, it agrees" in told
    with pytest.raises(InputError, match="annotators = 'friends': must be one of crowd, skilled, experts"):
        stand_in({"score": mean}, annotations, items, annotators="friends")


def test_labels_are_a_judges_own_answers_and_a_fitted_threshold_is_not() -> None:
    annotations, _, items = study(binary=True)
    yes = (annotations.groupby("item_id")["value"].mean()[items["item_id"]] > 0.5).to_numpy()
    always = np.ones(len(items), dtype=bool)
    # Its scores know the answers, its labels do not: it is its labels that are tested.
    test, told = stand_in({"score": yes * 0.4 + 0.3, "passed": always}, annotations, items)
    assert (test.passed, test.mapped, test.alignment) == (False, False, "accuracy")
    assert told.startswith("By its own answers it could not stand in")
    test, told = stand_in({"score": yes * 0.4 + 0.3}, annotations, items)
    assert (test.passed, test.mapped) == (True, True)
    assert told.startswith(
        "With its scores cut into yes and no where it fits the answers to other prompts, it could stand"
    )
    test, _ = stand_in({"score": yes.astype(float)}, annotations, items)
    assert (test.passed, test.mapped) == (True, False)


def test_a_continuous_scale_must_be_declared_to_be_spoken_on() -> None:
    annotations, _, items = study()
    annotations = annotations.assign(value=annotations["value"] * 20 - 10 + np.arange(len(annotations)) % 7)
    mean = annotations.groupby("item_id")["value"].mean()[items["item_id"]].to_numpy()
    for declared, mapped in (
        (StudySettings(raters="person", value_type="continuous", scale_min=0, scale_max=100), False),
        (StudySettings(raters="person", value_type="continuous"), True),
        (
            StudySettings(
                raters="person", value_type="continuous", scale_min=0, scale_max=100, lower_is_better=("own",)
            ),
            True,
        ),
    ):
        assert stand_in({"score": mean}, annotations, items, settings=declared)[0].mapped is mapped
    declared = StudySettings(raters="person", value_type="continuous", scale_min=0, scale_max=100)
    assert stand_in({"score": 3 * mean}, annotations, items, settings=declared)[0].mapped  # beyond the scale


def test_about_a_pair_a_judge_prefers_what_it_scores_higher() -> None:
    rng = np.random.default_rng(5)
    quality = rng.normal(size=120)
    items = pd.DataFrame({"item_id": [f"i{i:03}" for i in range(120)], "prompt_id": np.arange(120) // 4})
    rows = [
        (f"i{i:03}", f"i{i + 1:03}", f"r{k}", float(quality[i] - quality[i + 1] + rng.normal(0, 0.5) > 0))
        for i in range(0, 120, 2) for k in range(4)
    ]  # fmt: skip
    said = pd.DataFrame(rows, columns=["item_id", "item_id_b", "rater_id", "value"])
    settings = StudySettings(raters="person")
    test, told = stand_in({"score": 100 * quality}, said, items, settings=settings)
    assert (test.passed, test.mapped, test.alignment) == (True, False, "accuracy")
    assert told.startswith("By its own answers it could stand in")
    assert not stand_in({"score": rng.normal(size=120)}, said, items, settings=settings)[0].passed
