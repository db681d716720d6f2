"""Specifications: conclusions that depend on a choice are found, and those that do not are not called so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import evidence

from genspace.analysis import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import Compared, pair_tests
from genspace.analysis.figures import TIE_FORMS
from genspace.analysis.question import Question
from genspace.analysis.specification import _condition, specification_section
from genspace.documents import to_dict
from genspace.records import StudySettings
from genspace.report._sentences import option_words, specification_sentences


def scope_of(ratings, scores, prompts, *, settings=None, generators=None, primary=None):
    """A scope from (n, k) ratings and {name: (n,)} scores."""
    ids = [f"i{i:04}" for i in range(len(ratings))]
    items = pd.DataFrame({"item_id": ids, "prompt_id": prompts})
    if generators is not None:
        items["generator"] = generators
    annotations = pd.concat(
        pd.DataFrame({"item_id": ids, "rater_id": f"r{k}", "value": ratings[:, k]})
        for k in range(ratings.shape[1])
    )
    verdicts = pd.concat(
        pd.DataFrame({"item_id": ids, "judge": name, "score": s}) for name, s in scores.items()
    )
    question = Question.of(evidence(annotations, verdicts, items, settings))
    return Scope.of(question, CompareOptions(draws=0, primary=primary))


def section_of(scope: Scope, names: list[str], **more: Any) -> dict[str, Any]:
    """The section as JSON, with its sentences."""
    found = specification_section(scope, names, pair_tests(Compared(scope), names), **more)
    return to_dict(found) | {"sentences": specification_sentences(found, scope.primary.label)}


def planted(seed=0, *, prompts=120, each=4):
    """Two judges: "coarse" says 0 or 1 and is right; "fine" is noisy, but never ties."""
    rng = np.random.default_rng(seed)
    n = prompts * each
    truth = rng.normal(size=n)
    ratings = np.clip(np.round(3 + 1.5 * truth[:, None] + rng.normal(0, 0.3, size=(n, 3))), 1, 5)
    scores = {"coarse": (truth > 0).astype(float), "fine": truth + rng.normal(0, 1.3, size=n)}
    return ratings, scores, np.repeat(np.arange(prompts), each), np.tile(np.arange(each), prompts).astype(str)


def test_a_reversal_is_found_and_its_condition_named() -> None:
    ratings, scores, prompts, generators = planted()
    section = section_of(scope_of(ratings, scores, prompts, generators=generators), ["coarse", "fine"])
    (pair,) = section["pairs"]
    assert (pair["better"], pair["worse"]) == ("coarse", "fine")
    assert pair["reversed"] > 0
    assert pair["reversed_only_when"]["figure"] == ["pairwise_strict"]
    assert pair["held"] + pair["open"] + pair["reversed"] == pair["of"] == len(section["specifications"])
    assert "Reversed only when a judge's ties count as wrong: coarse over fine." in section["sentences"]
    assert section["sentences"][-1].startswith("coarse / fine ")
    # By hand: a binary judge that splits a normal truth in half ties half of the pairs, so it is strictly right
    # on fewer pairs than a noisy one that never ties, however right it is on the rest.
    table = {
        s["figure"]: s["values"]
        for s in section["specifications"]
        if (s["averaging"], s["raters"]) == ("none", "mean")
    }
    coarse, fine = table["pairwise_strict"]
    assert coarse < 0.65 < fine
    coarse, fine = table["pairwise_ties_dropped"]
    assert coarse > 0.95 > fine


def test_a_robust_conclusion_holds_everywhere() -> None:
    ratings, _, prompts, _ = planted()
    rng = np.random.default_rng(1)
    mean = ratings.mean(axis=1)
    scores = {"good": mean + rng.normal(0, 0.3, len(mean)), "bad": rng.normal(size=len(mean))}
    section = section_of(scope_of(ratings, scores, prompts), ["good", "bad"])
    (pair,) = section["pairs"]
    assert pair["held"] == pair["of"]
    assert pair["reversed_only_when"] is None
    assert section["best"][0] == {"judge": "good", "first": pair["of"], "top": pair["of"], "of": pair["of"]}
    assert section["sentences"][1].endswith(
        "one judge is ahead of another, good of bad; that holds in all of them."
    )
    assert len(section["sentences"]) == 2


def test_choices_that_do_not_apply_are_left_out() -> None:
    ratings, scores, prompts, _ = planted(prompts=40)
    one_each = section_of(scope_of(ratings, scores, np.arange(160)), ["coarse", "fine"])
    assert {s["averaging"] for s in one_each["specifications"]} == {"none"}
    assert {s["abstention"] for s in one_each["specifications"]} == {"excluded"}
    # Two raters: the median is the mean, and slots are not centred.
    assert {s["raters"] for s in one_each["specifications"]} == {"mean", "median", "majority"}
    two = section_of(scope_of(ratings[:, :2], scores, prompts), ["coarse", "fine"])
    assert {s["raters"] for s in two["specifications"]} == {"mean", "majority"}
    persons = scope_of(ratings, scores, prompts, settings=StudySettings(raters="person"))
    centred = section_of(persons, ["coarse", "fine"], doubtful=("r2",))
    assert {s["raters"] for s in centred["specifications"]} == {"mean", "median", "majority", "centred"}
    assert {s["left_out"] for s in centred["specifications"]} == {"none", "r2"}


def test_abstentions_are_tied_where_somebody_abstains() -> None:
    ratings, scores, prompts, _ = planted()
    mean = ratings.mean(axis=1)
    rng = np.random.default_rng(2)
    # Right on a third of the items and silent on the rest.
    silent = np.where(rng.random(len(mean)) < 0.33, mean, np.nan)
    section = section_of(
        scope_of(ratings, {"silent": silent, "fine": scores["fine"]}, prompts), ["silent", "fine"]
    )
    (pair,) = section["pairs"]
    assert pair["reversed_only_when"]["abstention"] == ["penalised"]
    forms = {s["figure"] for s in section["specifications"] if s["abstention"] == "penalised"}
    assert "pairwise_ties_dropped" not in forms  # dropping ties would drop the abstentions again
    of_items = {key for key in TIE_FORMS if key.startswith("pairwise")}
    assert of_items - forms == {"pairwise_ties_dropped"}


def test_binary_studies_and_decision_figures() -> None:
    ratings, scores, prompts, _ = planted()
    yes = (ratings > 3).astype(float)
    section = section_of(scope_of(yes, scores, prompts), ["coarse", "fine"])
    assert option_words("roc_auc") == "ROC AUC"
    base = section["specifications"][0]
    assert base["values"][0] > base["values"][1]
    kappa = scope_of(yes, scores, prompts, primary="cohen_kappa")
    section = section_of(kappa, ["coarse", "fine"])
    assert {s["averaging"] for s in section["specifications"] if s["figure"] == "cohen_kappa"} == {"none"}


def test_without_prompts_or_rivals_there_is_no_curve() -> None:
    ratings, scores, prompts, _ = planted(prompts=10)
    for section in (
        section_of(scope_of(ratings, scores, 0 * prompts), ["coarse", "fine"]),
        section_of(scope_of(ratings, scores, prompts), ["coarse"]),
        section_of(scope_of(ratings, {"a": prompts * 0.0, "b": prompts * 0.0}, prompts), ["a", "b"]),
    ):
        assert section["reason"]
        assert section["specifications"] == section["pairs"] == section["sentences"] == []


def test_the_condition_names_every_restricted_choice() -> None:
    possible = [(f, a, "mean", "none", "excluded") for f in "xy" for a in ("none", "prompt")]
    assert _condition([possible[0]], possible) == {"figure": ("x",), "averaging": ("none",)}
    assert _condition(possible[:2], possible) == {"figure": ("x",)}
    assert _condition(possible, possible) == {}


@pytest.mark.data
def test_tifa160_says_what_a_careful_reviewer_would(data) -> None:
    folder = data / "human/tifa160"
    question = Question.of(
        evidence(
            pd.read_csv(folder / "annotations.csv"),
            pd.read_csv(folder / "metric_scores.csv").rename(columns={"metric": "judge"}),
            pd.read_csv(folder / "items.csv"),
        )
    )
    scope = Scope.of(question, CompareOptions(draws=0))
    section = section_of(scope, ["tifa_mplug-large", "clipscore_vitb32"])
    (pair,) = section["pairs"]
    assert pair["reversed"] >= 1
    assert pair["reversed_only_when"]["figure"] == ["pairwise_strict"]
    assert pair["reversed_only_when"]["averaging"] == ["prompt"]
    assert section["sentences"][-2:] == [
        (
            "Reversed only when a judge's ties count as wrong and agreement is taken within prompts: tifa_mplug-large "
            "over clipscore_vitb32."
        ),
        (
            "tifa_mplug-large / clipscore_vitb32 within prompts: 0.495 / 0.695 when a judge's ties count as wrong, "
            "0.681 / 0.695 when a judge's ties count half, 0.788 / 0.695 when ties of both are dropped."
        ),
    ]


def test_a_shared_first_place_is_said_of_both() -> None:
    ratings, scores, prompts, _ = planted()
    both = {
        "coarse": scores["coarse"],
        "again": 2 * scores["coarse"],
        "noise": np.cos(np.arange(len(prompts))),
    }
    section = section_of(scope_of(ratings, both, prompts), [*both])
    first = {count["judge"]: count["first"] for count in section["best"]}
    assert first == {"coarse": first["again"], "again": first["coarse"], "noise": 0}
    assert (
        f"As often or more often, alone or together with it: again ({first['again']})."
        in section["sentences"][0]
    )
