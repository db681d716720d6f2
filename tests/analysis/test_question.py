"""Tables become aligned arrays, and mistakes are named."""

import numpy as np
import pandas as pd
import pytest
from frames import evidence, units

from genspace.analysis._estimate import Estimate
from genspace.analysis.question import infer_value_type
from genspace.errors import InputError
from genspace.records import StudySettings

ITEMS = pd.DataFrame(
    {"item_id": ["a", "b", "c", "d"], "prompt_id": ["p", "p", "q", None], "generator": ["g", "h", "g", None]}
)
NO_VERDICTS = pd.DataFrame({"item_id": [], "judge": [], "score": []})


def answers(*rows):
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "value"])


def test_means_decisions_and_clusters():
    said = answers(("a", "r", 1), ("a", "s", 0), ("b", "r", 1), ("b", "s", 1), ("c", "r", None))
    study = units(said, NO_VERDICTS, ITEMS)
    people = study.people
    assert people.value_type == "binary"
    np.testing.assert_array_equal(people.mean, [0.5, 1, np.nan, np.nan])
    # a tie is no decision; c was asked about but nobody could tell; d was not asked about
    np.testing.assert_array_equal(people.decision, [np.nan, 1, np.nan, np.nan])
    assert people.asked.tolist() == [True, True, True, False]
    assert study.prompt[0] == study.prompt[1]
    assert len(set(study.prompt)) == 3
    assert study.generator.tolist() == [0, 1, 0, -1]


def test_positive_from_decides_ordinal_studies_and_only_then():
    said = answers(("a", "r", 4), ("a", "s", 3), ("b", "r", 2), ("b", "s", 3))
    assert np.isnan(units(said, NO_VERDICTS, ITEMS).people.decision).all()
    people = units(said, NO_VERDICTS, ITEMS, settings=StudySettings(positive_from=3.5)).people
    np.testing.assert_array_equal(people.decision[:2], [1, 0])


def test_labels_are_decisions_where_there_is_a_rule_and_means_on_the_scale_elsewhere():
    said = answers(("a", "r", 4), ("b", "r", 2))
    declared = {"scale_min": 1, "scale_max": 5}
    plain = units(said, NO_VERDICTS, ITEMS, settings=StudySettings(**declared)).people
    np.testing.assert_array_equal(plain.labels[:2], [0.75, 0.25])
    decided = units(said, NO_VERDICTS, ITEMS, settings=StudySettings(positive_from=3.5, **declared)).people
    np.testing.assert_array_equal(decided.labels[:2], [1, 0])


@pytest.mark.parametrize(
    ("values", "declared", "scale"),
    [
        ((1, 1), {}, (0.0, 1.0)),
        ((2, 4), {}, (2.0, 4.0)),
        ((2, 4), {"scale_min": 1, "scale_max": 5}, (1.0, 5.0)),
    ],
)
def test_a_scale_is_declared_or_observed(values, declared, scale):
    said = answers(("a", "r", values[0]), ("b", "r", values[1]))
    assert units(said, NO_VERDICTS, ITEMS, settings=StudySettings(**declared)).people.scale == scale


def test_only_main_answers_and_first_repeats_count():
    said = pd.DataFrame(
        {
            "item_id": ["a"] * 4,
            "rater_id": ["r", "r", "s", "t"],
            "repeat": [0, 1, 0, 0],
            "role": ["main", "main", "gold", "extra"],
            "value": [1, 5, 5, 5],
        }
    )
    assert units(said, NO_VERDICTS, ITEMS).people.mean[0] == 1


def test_verdicts_align_and_tell_abstention_from_failure():
    verdicts = pd.DataFrame(
        {
            "item_id": ["b", "a", "c"],
            "judge": ["j"] * 3,
            "score": [0.5, None, None],
            "passed": [None, True, None],
            "status": ["decided", "decided", "failed"],
        }
    )
    judge = units(
        answers(("a", "r", 1)), verdicts, ITEMS, settings=StudySettings(lower_is_better=("j",))
    ).judges["j"]
    np.testing.assert_array_equal(judge.score, [1, 0.5, np.nan, np.nan])
    np.testing.assert_array_equal(judge.oriented, [-1, -0.5, np.nan, np.nan])
    assert judge.status.tolist() == ["decided", "decided", "failed", "missing"]


def test_a_question_has_its_own_verdicts_or_general_ones():
    said = pd.DataFrame({"item_id": ["a", "a"], "question": ["", "left"], "value": [3, 1]})
    verdicts = pd.DataFrame(
        {
            "item_id": ["a"] * 3,
            "judge": ["own", "own", "any"],
            "question": ["left", "", ""],
            "score": [1, 2, 3],
        }
    )
    assert evidence(said, verdicts, ITEMS).questions == ["", "left"]
    left = units(said, verdicts, ITEMS, question="left")
    assert (left.judges["own"].score[0], left.judges["any"].score[0]) == (1, 3)
    assert units(said, verdicts, ITEMS).judges["own"].score[0] == 2


def test_pairs_of_items_are_units():
    said = pd.DataFrame({"item_id": ["a", "c"], "item_id_b": ["b", "d"], "value": [1, 0]})
    verdicts = pd.DataFrame({"item_id": ["a"], "item_id_b": ["b"], "judge": ["j"], "score": [0.9]})
    study = units(said, verdicts, ITEMS)
    assert len(study) == 2
    np.testing.assert_array_equal(study.judges["j"].score, [0.9, np.nan])
    assert "index" not in study.units


@pytest.mark.parametrize(
    ("said", "verdicts", "message"),
    [
        (pd.DataFrame({"item_id": ["a"]}), NO_VERDICTS, "column 'value' is missing"),
        (answers(("z", "r", 1)), NO_VERDICTS, "item_id = 'z': is not an item"),
        (
            answers(("a", "r", 1), ("a", "r", 2)),
            NO_VERDICTS,
            "row 1: item_id = 'a': the same rater answers the same question twice",
        ),
        (answers(("a", "r", "good")), NO_VERDICTS, "value = 'good': is not a finite number"),
        (answers(("a", "r", np.inf)), NO_VERDICTS, "value = 'inf': is not a finite number"),
        (
            answers(("a", "r", 1)),
            pd.DataFrame({"item_id": ["a"], "judge": ["j"]}),
            "column 'score' is missing",
        ),
    ],
)
def test_mistakes_are_named(said, verdicts, message):
    with pytest.raises(InputError, match=message):
        units(said, verdicts, ITEMS)


def test_an_empty_study_is_an_empty_study():
    study = units(answers(), NO_VERDICTS, ITEMS)
    assert np.isnan(study.people.mean).all()
    assert study.people.scale is None
    assert study.judges == {}


def test_value_types_are_inferred():
    assert infer_value_type(np.array([0.0, np.nan, 1])) == "binary"
    assert infer_value_type(np.arange(1.0, 6)) == "ordinal"
    assert infer_value_type(np.arange(12.0)) == "continuous"
    assert infer_value_type(np.array([0.5, 1])) == "continuous"


@pytest.mark.parametrize(
    "wrong", [{"value": float("nan"), "reason": "x"}, {"value": None}, {"value": 1.0, "low": 0.0}]
)
def test_an_estimate_is_finite_or_says_why_not(wrong):
    with pytest.raises(ValueError):
        Estimate(**wrong)
