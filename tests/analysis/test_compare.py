"""The comparison's document: published figures, its schema, undefined cases."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from frames import documented, evidence, told

from genspace.analysis.compare import CompareOptions, compare
from genspace.errors import InputError
from genspace.records import StudySettings

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "src/genspace/schemas/comparison.schema.json").read_text(encoding="utf-8")
)
QUICK = CompareOptions(draws=20, permutations=0)
NO_VERDICTS = pd.DataFrame({"item_id": [], "judge": [], "score": []})


def exactly(cell: str) -> float:
    """The number of a cell, which older versions of pandas read with a wrong last digit."""
    return float(cell) if cell else float("nan")


def published(folder: Path, scores: str = "metric_scores.csv"):
    answers = folder / "annotations.csv"
    said = pd.read_csv(answers) if answers.exists() else pd.DataFrame({"item_id": [], "value": []})
    judged = pd.read_csv(folder / scores, converters={"score": exactly}).rename(columns={"metric": "judge"})
    return said, judged, pd.read_csv(folder / "items.csv")


def checked(*tables, settings=None, options=QUICK):
    comparison = compare(evidence(*tables, settings=settings), options)
    document = documented(comparison)
    jsonschema.validate(comparison.to_dict(), SCHEMA)
    json.dumps(document, allow_nan=False)
    return document


def truth(folder: Path, name: str):
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tifa160(data):
    folder = data / "human/tifa160"
    settings = StudySettings(name="tifa160", raters="slot")
    return (
        checked(*published(folder), settings=settings),
        truth(folder, "published"),
        truth(folder, "computed"),
    )


def test_tifa160_equals_the_published_correlations(tifa160):
    document, printed, _ = tifa160
    assert len(printed["metrics"]) == 10
    for name, figures in printed["metrics"].items():
        judge = document["judges"][name]
        # The notebook prints a Pearson coefficient under the name of Spearman.
        assert judge["item"]["pearson"]["value"] == pytest.approx(figures["printed_as_spearman"], abs=1e-9)
        assert judge["item"]["kendall_tau_b"]["value"] == pytest.approx(figures["kendall_tau_b"], abs=1e-9)
        assert judge["p_values"]["kendall_tau_b"] == pytest.approx(figures["kendall_p"], rel=1e-6)


def test_tifa160_equals_the_computed_figures(tifa160):
    document, _, computed = tifa160
    reliability = document["human"]["reliability"]
    for level, alpha in computed["krippendorff_alpha"].items():
        assert reliability[f"krippendorff_alpha_{level}"]["value"] == pytest.approx(alpha, abs=1e-9)
    assert reliability["fleiss_kappa"]["value"] == pytest.approx(computed["fleiss_kappa"], abs=1e-9)
    assert reliability["raw_agreement"]["value"] == pytest.approx(computed["percent_agreement"], abs=1e-9)
    assert reliability["within_one"]["value"] == pytest.approx(computed["within_one"], abs=1e-9)
    for name in ("pearson", "spearman", "kendall_tau_b"):
        # Two raters: each against the rest is one against the other.
        assert document["human"]["row"][name]["value"] == pytest.approx(
            computed["human_human"][name], abs=1e-9
        )
    for name, figures in computed["metrics"].items():
        judge = document["judges"][name]
        for figure in ("pearson", "spearman", "kendall_tau_b", "kendall_tau_c"):
            assert judge["item"][figure]["value"] == pytest.approx(figures[figure], abs=1e-9)
        # Our convention: differences under 1e-9 of the score range are ties. The file ties equal numbers only,
        # which differs for three metrics (sums in another order, values near 0); test_pairwise has all ten.
        pairs = figures["pairwise_accuracy"]
        for ours, theirs in (
            ("pairwise_strict", "strict_no_human_ties"),
            ("pairwise_half_credit", "half_credit_metric_ties_no_human_ties"),
            ("pairwise_with_ties", "acc_with_ties"),
        ):
            if name not in ("bleu", "meteor", "spice"):
                assert judge["item"][ours]["value"] == pytest.approx(pairs[theirs], abs=1e-9)
        assert judge["ties"]["human"] == pytest.approx(pairs["n_human_ties"] / pairs["n_pairs"])
        for figure in ("pearson", "spearman", "kendall_tau_b"):
            assert judge["system"][figure]["value"] == pytest.approx(
                figures["system_level"][figure], abs=1e-9
            )


def test_the_report_on_tifa160_says_what_a_careful_reviewer_would(tifa160):
    document, _, _ = tifa160
    inside = {n: document["judges"][n]["within_prompt"] for n in ("tifa_mplug-large", "clipscore_vitb32")}
    forms = ("pairwise_strict", "pairwise_half_credit", "pairwise_ties_dropped")
    assert [round(inside["tifa_mplug-large"][f]["value"], 3) for f in forms] == [0.495, 0.681, 0.788]
    assert [round(inside["clipscore_vitb32"][f]["value"], 3) for f in forms] == [0.695, 0.695, 0.695]
    said = {note["code"]: note["text"] for note in document["notes"]}
    assert "tifa_mplug-large or clipscore_vitb32" in said["tie-form-decides"]
    assert "35.25%" in said["tie-form-decides"]
    assert "37%" in said["tie-form-decides"]
    assert "slots, not persons" in said["raters-are-slots"]
    assert "five generators no system-level significance" in said["few-generators"]
    assert said["near-ties"].startswith("bleu")
    assert document["human"]["reliability"]["cohen_kappa_mean"]["value"] is None


def test_dsg_tifa160_equals_the_nine_reproducible_settings(data):
    folder = data / "human/dsg_tifa160"
    document = checked(*published(folder), settings=StudySettings(raters="person"))
    settings = {n: f for n, f in truth(folder, "published")["metrics"].items() if not n.endswith("__tifa")}
    assert len(settings) == 9
    for name, figures in settings.items():
        judge = document["judges"][name]
        for figure in ("spearman", "kendall_tau_b"):
            assert round(judge["item"][figure]["value"], 3) == figures[figure]
        assert judge["p_values"]["spearman"] == pytest.approx(figures["spearman_p"], rel=1e-6)
        assert judge["p_values"]["kendall_tau_b"] == pytest.approx(figures["kendall_p"], rel=1e-6)
    said = {note["code"]: note["text"] for note in document["notes"]}
    assert said["conspicuous-raters"].startswith("w1 and w2 agree far more")


def test_dsg1k_has_no_people_but_the_published_means(data):
    folder = data / "human/dsg1k"
    document = checked(*published(folder), options=CompareOptions(draws=20, permutations=0, by=("category",)))
    printed = truth(folder, "published")
    name, means = printed["metric"], printed["mean_percent_by_category"]
    assert document["judges"][name]["item"]["spearman"]["reason"]["code"] == "no_people"
    assert round(100 * document["judges"][name]["mean_score"]["value"], 1) == means.pop("all")["percent"]
    assert len(means) == 8
    for category, published_mean in means.items():
        cell = document["breakdowns"]["category"][category]
        assert round(100 * cell["mean_scores"][name]["value"], 1) == published_mean["percent"]
        assert cell["mean_scores"][name]["n"] == published_mean["n"]
        assert cell["judges"][name]["reason"]["code"] == "no_people"


def test_geneval_has_two_questions_and_ranks_no_derived_metric(data):
    folder = data / "human/geneval"
    said, judged, items = published(folder)
    correct = pd.read_csv(folder / "annotations_correct.csv").assign(question="correct")
    derived = tuple(judged["judge"].unique())
    document = checked(
        pd.concat([said.assign(question=""), correct]),
        judged,
        items,
        settings=StudySettings(raters="slot", derived=derived),
    )
    computed = truth(folder, "computed")
    for part, name in ((document, "caption_fit"), (document["questions"]["correct"], "correct")):
        reliability = part["human"]["reliability"]
        for level, alpha in computed[name]["krippendorff_alpha"].items():
            assert reliability[f"krippendorff_alpha_{level}"]["value"] == pytest.approx(alpha, abs=1e-9)
        assert reliability["fleiss_kappa"]["value"] == pytest.approx(computed[name]["fleiss_kappa"], abs=1e-9)
        assert reliability["raw_agreement"]["value"] == pytest.approx(
            computed[name]["percent_agreement_pairs"]
        )
    assert document["questions"]["correct"]["study"]["value_type"] == "binary"
    for name in derived:
        judge = document["judges"][name]
        assert (judge["kind"], judge["rank"], judge["matched"]) == ("derived", None, None)
    assert "derived-metrics" in {note["code"] for note in document["notes"]}


def test_spatialbench_uc_confusion_and_coverage(data):
    folder = data / "human/spatialbench_uc"
    said, judged, items = published(folder, "metric_verdicts.csv")
    judged["passed"] = judged["verdict"].map({"PASS": 1, "FAIL": 0})
    document = checked(said, judged.drop(columns="verdict"), items)
    judge = document["judges"]["spatialbench_uc"]
    accuracy = judge["item"]["accuracy"]
    assert (round(accuracy["value"], 3), accuracy["n"]) == (0.958, 71)
    assert judge["coverage"]["value"] == 0.455
    assert judge["coverage"]["decided_by_people"] == 105


def test_adding_a_judge_changes_no_other_row():
    rng = np.random.default_rng(0)
    items = pd.DataFrame({"item_id": [f"i{k}" for k in range(40)], "prompt_id": [k // 4 for k in range(40)]})
    said = pd.DataFrame({"item_id": items["item_id"], "value": rng.integers(1, 6, 40)})
    one = items[["item_id"]].assign(judge="one", score=rng.normal(size=40))
    two = items[["item_id"]].assign(judge="two", score=rng.normal(size=40))
    alone = checked(said, one, items)["judges"]["one"]
    together = checked(said, pd.concat([two, one]), items)["judges"]["one"]
    assert alone | {"rank": None, "group": None} == together | {"rank": None, "group": None}


ITEMS = pd.DataFrame({"item_id": list("abcdef"), "prompt_id": list("ppqqrr"), "generator": list("xyxyxy")})


def said(values, raters=1):
    rows = [(i, f"r{r}", v) for r in range(raters) for i, v in zip("abcdef", values, strict=False)]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "value"])


def scored(values):
    return pd.DataFrame(
        {"item_id": list("abcdef")[: len(values)], "judge": "j", "score": np.array(values, dtype=float)}
    )


@pytest.mark.parametrize(
    ("answers", "verdicts", "items", "reason"),
    [
        (said([]), NO_VERDICTS, ITEMS.iloc[:0], None),
        (said([]), scored([1, 2, 3]), ITEMS, "no people"),
        (said([3]), scored([1]), ITEMS, "too few items: 1"),
        (said([3, 3, 3]), scored([1, 2, 3]), ITEMS, "all answers are equal"),
        (said([1, 2, 3]), scored([5, 5, 5]), ITEMS, "all scores are equal"),
        (said([1, 2, 3]), scored([np.nan] * 3), ITEMS, "no item has both a score and a target"),
        (said([1, 2, 3, 4, 5, 5]), scored([1, 2, 3, 4, 5, 6]), ITEMS.assign(generator="x"), None),
        (said([1, 2, 3, 4, 5, 5]), scored([1, 2, 3, 4, 5, 6]), ITEMS.assign(prompt_id="p"), None),
        (said([np.nan] * 6), scored([1, 2, 3, 4, 5, 6]), ITEMS, "no people"),
        (said([1, 0, 1, 1], raters=3), scored([0, 0, 1, 1]), ITEMS, None),
        (said([1, 1, 1, 1], raters=2), scored([0, 0, 1, 1]), ITEMS, "all answers are equal"),
    ],
)
def test_undefined_figures_are_null_with_a_reason(answers, verdicts, items, reason):
    document = checked(answers, verdicts, items, options=CompareOptions(draws=20, by=("generator",)))
    if "j" in document["judges"] and reason:
        figure = document["judges"]["j"]["item"][document["primary"]["figure"]]
        assert figure["value"] is None
        assert told(figure["reason"]) == reason


def test_lower_is_better_turns_scores_but_not_the_mean():
    settings = StudySettings(lower_is_better=("j",))
    document = checked(said([1, 2, 3, 4]), scored([4, 3, 2, 1]), ITEMS, settings=settings)
    assert document["judges"]["j"]["item"]["spearman"]["value"] == 1
    assert document["judges"]["j"]["mean_score"]["value"] == 2.5


def test_wrong_options_are_named():
    with pytest.raises(InputError, match="did you mean 'spearman'"):
        checked(said([1, 2]), scored([1, 2]), ITEMS, options=CompareOptions(primary="spearmann"))
    with pytest.raises(InputError, match="no column 'colour'"):
        checked(said([1, 2]), scored([1, 2]), ITEMS, options=CompareOptions(by=("colour",)))
    with pytest.raises(InputError, match="draws"):
        CompareOptions(draws=-1)
