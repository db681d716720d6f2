"""Raters left out by rules written before the data: the headline is without them, the result with them beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from frames import documented, evidence

from genspace.analysis import CompareOptions, compare
from genspace.analysis.question import Question
from genspace.documents import to_dict
from genspace.report._table import judge_table

OPTIONS = CompareOptions(draws=60, permutations=0)
RULES = {"r2": "known answers: 40%, at least 70% wanted"}


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three raters of 40 items, the third of whom guesses; a judge that is right and one that follows the guesser."""
    rng = np.random.default_rng(4)
    ids = [f"i{n:02}" for n in range(40)]
    truth = np.arange(40) % 2
    guessed = rng.integers(0, 2, 40)
    answers = {"r0": truth, "r1": truth, "r2": guessed}
    annotations = pd.concat(
        pd.DataFrame({"item_id": ids, "rater_id": r, "value": v.astype(float), "excluded": RULES.get(r, "")})
        for r, v in answers.items()
    )
    scores = {"right": truth + rng.normal(0, 0.6, 40), "guesser": guessed + rng.normal(0, 0.1, 40)}
    verdicts = pd.concat(pd.DataFrame({"item_id": ids, "judge": j, "score": s}) for j, s in scores.items())
    return annotations, verdicts, pd.DataFrame({"item_id": ids, "prompt_id": [i[:2] + i[-1] for i in ids]})


def test_the_headline_is_without_them_and_all_raters_stand_beside(tables) -> None:
    annotations, verdicts, items = tables
    document = documented(compare(evidence(annotations, verdicts, items), OPTIONS))
    kept = annotations[annotations["rater_id"] != "r2"].drop(columns="excluded")
    without = compare(evidence(kept, verdicts, items), OPTIONS).to_dict()
    everybody = compare(evidence(annotations.drop(columns="excluded"), verdicts, items), OPTIONS).to_dict()
    figure = document["primary"]["figure"]
    beside = document["exclusion"]["all_raters"]
    for name in document["judges"]:
        assert document["judges"][name]["item"] == without["judges"][name]["item"]
        assert beside["judges"][name] == everybody["judges"][name]["item"][figure]
    assert document["human"] == without["human"]
    assert beside["row"] == everybody["human"]["row"][figure]
    assert beside["reliability"] == everybody["human"]["reliability"]
    assert without["exclusion"] is None
    assert everybody["exclusion"] is None
    # r0 and r1 say the same, so leaving out the guesser makes their agreement perfect.
    alpha = "krippendorff_alpha_nominal"
    assert document["human"]["reliability"][alpha]["value"] == 1
    assert beside["reliability"][alpha]["value"] < 0.6
    assert {s["left_out"] for s in document["specification"]["specifications"]} == {"r2", "none"}


def test_the_note_names_whom_which_rule_leaves_out(tables) -> None:
    document = documented(compare(evidence(*tables), OPTIONS))
    (note,) = (n for n in document["notes"] if n["code"] == "raters-left-out")
    assert note["text"].startswith(
        "Rules written before the data leave out 1 of 3 raters with 40 of 120 ratings: "
        "r2 (known answers: 40%, at least 70% wanted)."
    )


def test_the_table_shows_both(tables) -> None:
    document = documented(compare(evidence(*tables), OPTIONS))
    table = judge_table(compare(evidence(*tables), OPTIONS).document)
    assert [c.label for c in table.columns][:2] == ["ROC AUC", "all raters"]
    people = next(r for r in table.rows if r.kind == "people")
    assert to_dict(people.estimates[1]) == document["exclusion"]["all_raters"]["row"]
    assert [
        c.label
        for c in judge_table(compare(evidence(*tables), OPTIONS).document, level="system").columns
        if c.label == "all raters"
    ] == []


def test_rules_that_leave_nobody_leave_out_nobody(tables) -> None:
    annotations, verdicts, items = tables
    comparison = compare(evidence(annotations.assign(excluded="too fast"), verdicts, items), OPTIONS)
    document = comparison.document
    assert document.study.n_raters == 3
    assert document.exclusion is not None
    assert not document.exclusion.applied
    (note,) = (n for n in document.notes if n.code == "rules-leave-nobody")
    assert note.level == "warning"
    assert "all raters" not in [c.label for c in judge_table(document).columns]


def test_units_stay_the_same_whoever_counts(tables) -> None:
    annotations, verdicts, items = tables
    only_guesser = annotations[(annotations["rater_id"] == "r2") | (annotations["item_id"] != "i00")]
    question = Question.of(evidence(only_guesser, verdicts, items))
    kept, everybody = question.units, question.with_everybody
    assert len(kept) == len(everybody) == 40
    assert (kept.people.asked.sum(), everybody.people.asked.sum()) == (39, 40)
