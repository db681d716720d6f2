"""Careful and careless raters: figures by hand, and a simulated study whose truth is known."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from small_studies import Desk, open_desk, write_study
from statsmodels.stats.proportion import proportion_confint

from genspace import compare
from genspace.human_study.answers.quality import Screen, interval_width, rate_raters
from genspace.human_study.design import ExclusionTable
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.visit.assignment import Assignment
from genspace.human_study.watching.monitor import note_agreement_reached, study_status
from genspace.report import remark


def screen(position: int, value: float | None, **change: object) -> Screen:
    cells = {
        "rater_id": "r", "unit": (f"i{position}", ""), "role": "main", "repeat": 0, "flipped": False,
        "position": position, "answers": {"": value}, "known": {}, "seconds": 5.0,
    }  # fmt: skip
    return Screen(**(cells | change))


def test_figures_of_a_rater_by_hand() -> None:
    screens = [
        screen(1, 1.0, role="training", known={"": 0.0}),
        screen(2, 1.0, seconds=0.5),
        screen(3, 1.0, role="gold", known={"": 1.0}),
        screen(4, None, role="gold", known={"": 1.0}),
        screen(5, 0.0),
        screen(6, 1.0, unit=("i2", ""), repeat=1),
        screen(7, 1.0, unit=("i5", ""), repeat=1, seconds=None),
    ]
    (found,) = rate_raters(screens, ExclusionTable(fast_seconds=1.0), "binary")
    assert found.answered == 4  # i2, two gold, i5; practice and repeats do not count
    assert (found.gold, found.gold_accuracy) == (2, 0.5)  # "can't tell" on a known answer is not right
    assert (found.repeats, found.repeat_agreement) == (2, 0.5)  # i2 alike, i5 not
    assert found.fast_share == 1 / 5  # of the timed ones of positions 2 to 6
    assert found.median_seconds == 5.0
    assert found.longest_run == 2  # the two ones at positions 2 and 3, again at 6 and 7
    assert found.identical_share == 4 / 6
    assert found.cannot_tell_share == 1 / 6


def test_always_the_left_button_is_one_answer_whatever_stands_there() -> None:
    screens = [
        screen(n, 1.0 if n % 2 else 0.0, flipped=n % 2 == 0, unit=(f"a{n}", f"b{n}")) for n in range(12)
    ]
    (found,) = rate_raters(screens, ExclusionTable(max_identical_run=10), "pairwise")
    assert (found.longest_run, found.identical_share) == (12, 1.0)
    assert found.excluded == ("same answer 12 times in a row, at most 10 allowed",)


def test_rules_wait_for_enough_answers() -> None:
    hasty = [screen(n, float(n % 2), seconds=0.2) for n in range(9)]
    assert rate_raters(hasty, ExclusionTable(min_answers=10), "binary")[0].excluded == ()
    hasty.append(screen(9, 1.0, seconds=0.2))
    assert rate_raters(hasty, ExclusionTable(min_answers=10), "binary")[0].excluded == (
        "answers under 1 s: 100%, at most 20% allowed",
    )
    wrong = [screen(n, 0.0, role="gold", known={"": 1.0}) for n in range(3)]
    assert rate_raters(wrong, ExclusionTable(min_gold=4), "binary")[0].excluded == ()
    assert rate_raters(wrong, ExclusionTable(min_gold=3), "binary")[0].excluded == (
        "known answers: 0%, at least 70% wanted",
    )


def test_the_rule_on_repeats_waits_for_just_enough_of_them() -> None:
    firsts = [screen(n, 1.0) for n in range(5)]
    again = [screen(n + 5, 0.0, unit=(f"i{n}", ""), repeat=1) for n in range(5)]
    for least, broken in ((5, ("repeats answered alike: 0%, at least 50% wanted",)), (6, ())):
        rules = ExclusionTable(min_repeat_agreement=0.5, min_repeats=least)
        assert rate_raters(firsts + again, rules, "binary")[0].excluded == broken


@pytest.mark.parametrize(("ones", "n"), [(0, 3), (2, 3), (5, 5), (7, 20)])
def test_interval_width_is_wilsons(ones: int, n: int) -> None:
    low, high = proportion_confint(ones, n, method="wilson")
    assert interval_width([1.0] * ones + [0.0] * (n - ones), (0, 1)) == pytest.approx(high - low, abs=1e-12)
    assert interval_width([], (0, 1)) is None


def simulate(desk: Desk, truth: dict[str, float], error: float, chance: random.Random) -> str:
    """One rater who errs on a share `error` of the pictures, also on the gold ones; 0.5 is a coin."""
    rater = desk.join()
    while isinstance(given := desk.claim(rater), Assignment):
        right = truth[given.unit[0]]
        desk.answer(rater, given, 1 - right if chance.random() < error else right)
    return rater


def test_known_noise_gives_the_expected_agreement_and_the_spammer_is_flagged(tmp_path: Path) -> None:
    # Five raters who err independently with p = 0.1 on balanced yes / no items: two of them differ with
    # probability 2 p (1 - p) = 0.18, by chance with 0.5, so alpha is 1 - 0.18 / 0.5 = 0.64.
    chance = random.Random(11)
    root = write_study(tmp_path / "s", 80)
    truth = {f"i{n}": float(n % 2) for n in range(80)}
    gold = "".join(f"i{n},{truth[f'i{n}']:g}\n" for n in range(10))
    (root / "gold.csv").write_text("item_id,value\n" + gold)
    desk = open_desk(root, raters_per_item=6, gold={"file": "gold.csv"}, repeats={"every": 10, "gap": 5})
    careful = [simulate(desk, truth, 0.1, chance) for _ in range(5)]
    spammer = simulate(desk, truth, 0.5, chance)
    status = study_status(desk.store, desk.material).to_json()
    flagged = {r["rater_id"]: r["excluded"] for r in status["raters"] if r["excluded"]}
    assert list(flagged) == [spammer]
    assert flagged[spammer][0].startswith("known answers")
    both = status["agreement"]
    kept, everybody = both["after_exclusion"], both["everybody"]
    assert kept["low"] <= 0.64 <= kept["high"]
    assert kept["n"] == 70
    assert everybody["high"] < kept["value"], "the spammer lowers the agreement of everybody"
    # Repeats: a rater answers alike when both or neither is wrong: 0.9² + 0.1² = 0.82; pooled over the careful ones.
    repeats = [r for r in status["raters"] if r["rater_id"] in careful]
    pooled = sum(r["repeat_agreement"] * r["repeats"] for r in repeats) / (
        n := sum(r["repeats"] for r in repeats)
    )
    assert abs(pooled - 0.82) < 3 * (0.82 * 0.18 / n) ** 0.5
    # Truth: the majority of five errs with probability 0.0086 an item, so of 70 at most 4 are wrong (p > 0.999).
    frame = answers(root).query("role == 'main' and repeat == 0 and excluded == ''")
    majority = frame.groupby("item_id")["value"].mean().round()
    assert sum(majority[i] != truth[i] for i in majority.index) <= 4
    assert set(read_recorded(root).frame().query("excluded != ''")["rater_id"]) == {spammer}


def test_the_study_stops_when_the_agreement_is_known_well_enough(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 40)
    truth = {f"i{n}": float(n % 2) for n in range(40)}
    # Two raters who never differ: alpha is 1 in every draw, its interval 0 wide.
    desk = open_desk(root, raters_per_item=4, repeats={"every": 0}, stop={"agreement_width": 0.1})
    assert not note_agreement_reached(desk.store, desk.material)
    for _ in range(2):
        simulate(desk, truth, 0.0, random.Random(1))
    assert note_agreement_reached(desk.store, desk.material)
    assert not isinstance(desk.claim(desk.join()), Assignment), "nothing more is handed out"
    assert [what for _, what, _ in desk.store.log()].count("agreement reached") == 1
    desk.store.set_state("open")
    assert isinstance(desk.claim(desk.join()), Assignment), "the researcher may go on all the same"


def test_compare_shows_conclusions_with_and_without_excluded_raters(tmp_path: Path) -> None:
    chance = random.Random(2)
    root = write_study(tmp_path / "s", 30)
    truth = {f"i{n}": float(n % 2) for n in range(30)}
    (root / "gold.csv").write_text("item_id,value\n" + "".join(f"i{n},{n % 2}\n" for n in range(5)))
    (root / "scores").mkdir()
    for name, noise in (("good", 0.2), ("poor", 1.5)):
        rows = "".join(f"i{n},{n % 2 + chance.gauss(0, noise):.4f}\n" for n in range(30))
        (root / "scores" / f"{name}.csv").write_text("item_id,score\n" + rows)
    desk = open_desk(root, raters_per_item=3, gold={"file": "gold.csv", "every": 5}, repeats={"every": 0})
    for error in (0.0, 0.0, 0.9):
        rater = simulate(desk, truth, error, chance)
    document = compare(root, draws=50, permutations=0).to_dict()
    assert [r["rater_id"] for r in document["exclusion"]["raters"]] == [rater]
    assert document["exclusion"]["raters"][0]["rules"].startswith("known answers")
    assert document["study"]["n_raters"] == 2
    assert document["study"]["raters"] == "person", "who answered through genspace is one person throughout"
    assert (document["study"]["value_type"], document["study"]["scale_max"]) == ("binary", 1.0)


def test_compare_warns_while_people_are_being_asked(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 12)
    (root / "scores").mkdir()
    (root / "scores" / "m.csv").write_text("item_id,score\n" + "".join(f"i{n},{n % 3}\n" for n in range(12)))
    desk = open_desk(root, raters_per_item=3, repeats={"every": 0})
    truth = {f"i{n}": float(n % 2) for n in range(12)}
    for _ in range(2):
        simulate(desk, truth, 0.1, random.Random(1))

    def warnings() -> list[str]:
        found = compare(root, draws=20, permutations=0).document
        return [remark(note, found) for note in found.notes if note.code == "study-open"]

    assert "lacks 12 answers" in warnings()[0]  # 12 items x 3 raters, 24 given
    desk.store.set_state("closed")
    assert warnings() == []


def test_pairs_that_people_compared_are_compared_with_scores_of_items(tmp_path: Path) -> None:
    """One pair a prompt; raters prefer the first item in even prompts, tie in every fifth, else the second."""
    root = write_study(tmp_path / "s", 20, generators=2)
    (root / "scores").mkdir()
    rows = "".join(f"i{n}g{g},{(n % 2 == 0) == (g == 0):d}\n" for n in range(20) for g in (0, 1))
    (root / "scores" / "metric.csv").write_text("item_id,score\n" + rows)
    desk = open_desk(root, protocol="pairwise", raters_per_item=2, repeats={"every": 0})
    for _ in range(2):
        rater = desk.join()
        while isinstance(given := desk.claim(rater), Assignment):
            n = int(given.unit[0].removeprefix("i").partition("g")[0])
            assert given.unit == (f"i{n}g0", f"i{n}g1")
            desk.answer(rater, given, 0.5 if n % 5 == 0 else float(n % 2 == 0))
    document = compare(root, draws=30, permutations=0).to_dict()
    found = {k: v["value"] for k, v in document["judges"]["metric"]["item"].items()}
    # The metric never ties and is right on the 16 pairs of 20 that people separate.
    assert (
        found["pair_agreement_strict"] == found["pair_agreement"] == found["pair_agreement_ties_dropped"] == 1
    )
    assert found["pair_agreement_with_ties"] == pytest.approx(16 / 20)


def test_judges_stay_out_of_sight(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 3)
    (root / "scores").mkdir()
    (root / "scores" / "secret_metric.csv").write_text("item_id,score\ni0,1\ni1,0\ni2,1\n")
    desk = open_desk(root)
    assert "secret_metric" not in str(study_status(desk.store, desk.material))
    assert set(study_status(desk.store, desk.material).to_json()["agreement"]) == {
        "everybody",
        "after_exclusion",
        "excluded",
    }
