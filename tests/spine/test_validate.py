"""`genspace validate`: a new metric joins a study's, on real data and on user mistakes."""

from __future__ import annotations

import json

import jsonschema
import pandas as pd
import pytest

from genspace import validate
from genspace.errors import InputError, InvalidFilesError
from genspace.report import validation_sentences


@pytest.fixture
def study(tmp_path):
    """Twelve prompts of two images; people, and a metric "old" that follows them loosely."""
    folder = tmp_path / "study"
    folder.mkdir()
    ids = [f"i{i}" for i in range(24)]
    value = [i % 5 + 1 for i in range(24)]
    pd.DataFrame({"item_id": ids, "prompt_id": [i // 2 for i in range(24)], "part": ["a", "b"] * 12}).to_csv(
        folder / "items.csv", index=False
    )
    pd.DataFrame({"item_id": ids, "rater_id": "r", "value": value}).to_csv(
        folder / "annotations.csv", index=False
    )
    old = pd.DataFrame({"item_id": ids, "metric": "old", "score": [v + (i % 7) for i, v in enumerate(value)]})
    old.to_csv(folder / "metric_scores.csv", index=False)
    new = pd.DataFrame({"item_id": ids, "score": [v + 0.1 * (i % 3) for i, v in enumerate(value)]})
    new.to_csv(tmp_path / "mine.csv", index=False)
    return folder


def test_a_file_of_scores_joins_the_study(study, genspace) -> None:
    result = genspace("validate", study.parent / "mine.csv", study, "--by", "part")
    assert result.code == 0
    assert "mine agrees with people: Spearman" in result.out
    assert "It is ahead of 1 of 1 other: old" in result.out
    assert "margin 0.02" in result.out
    printed = genspace("validate", study.parent / "mine.csv", study, "--margin", 0.1, "--json")
    document = json.loads(printed.out)
    assert (document["metric"], document["margin"]) == ("mine", 0.1)


def test_a_metric_of_the_study_is_validated_by_its_name(study, genspace) -> None:
    result = genspace("validate", "old", study)
    assert result.code == 0
    assert "There is no other metric" in result.out


def test_a_new_version_of_a_metric_is_compared_with_the_old(study) -> None:
    pd.read_csv(study.parent / "mine.csv").rename(columns={"score": "old"}).to_csv(
        study.parent / "v2.csv", index=False
    )
    result = validate(study.parent / "v2.csv", study)
    assert result.to_dict()["metric"] == "old (new)"
    assert [row["judge"] for row in result.to_dict()["against"]] == ["old"]


def test_user_mistakes_are_one_message(study, genspace) -> None:
    folder = study.parent
    two = pd.read_csv(folder / "mine.csv").assign(other=1.0).rename(columns={"score": "mine"})
    two.to_csv(folder / "two.csv", index=False)
    with pytest.raises(InputError, match="holds 2 metrics"):
        validate(folder / "two.csv", study)
    with pytest.raises(InputError, match="did you mean 'other'"):
        validate(folder / "two.csv", study, name="othr")
    assert validate(folder / "two.csv", study, name="mine").to_dict()["metric"] == "mine"
    pd.DataFrame({"item_id": ["nowhere"], "score": [1]}).to_csv(folder / "bad.csv", index=False)
    with pytest.raises(InvalidFilesError, match="nowhere"):
        validate(folder / "bad.csv", study)
    missing = genspace("validate", "odl", study)
    assert missing.code == 2
    assert "neither a file of scores nor a metric of the study (did you mean 'old'?)" in missing.err
    assert genspace("validate", "old", study, "--margin", "-1").code == 2
    assert genspace("validate", "old", study, "--by", "nothing").code == 2


@pytest.mark.data
def test_tifa160(data) -> None:
    from importlib.resources import files

    result = validate("tifa_mplug-large", data / "human/tifa160")
    schema = json.loads((files("genspace") / "schemas/validation.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(result.to_dict(), schema)
    claims = {row["judge"]: row["claim"] for row in result.to_dict()["against"]}
    # Figures of computed.json: Spearman .592 against .372 and less for every metric without questions.
    for weaker in ("meteor", "bleu", "rouge", "spice", "clipscore_vitb32", "tifa_ofa-large"):
        assert claims[weaker] == "ahead"
    # Its interval alone excludes 0 against both, which 45 tests corrected for one another do not support.
    assert claims["tifa_vilt"] in {"ahead", "not worse", "open before correction"}
    assert result.to_dict()["figure"]["value"] == pytest.approx(0.592, abs=5e-4)
    assert "slots" in validation_sentences(result.document)[-1]


@pytest.mark.data
def test_an_abstaining_metric(data) -> None:
    result = validate("spatialbench_uc", data / "human/spatialbench_uc")
    table = result.to_dict()["coverage"]
    assert (table["both"], table["annotated"], table["coverage"]) == (71, 200, 0.455)
    assert (
        "It scores 45.5% of the 200 annotated items and 67.6% of those that people decided."
        in validation_sentences(result.document)
    )
