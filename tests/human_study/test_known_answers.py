"""Known answers are held against what is asked; practice praises only what it can check; a silent rule is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_studies import open_desk, write_study

from genspace.errors import InvalidFilesError
from genspace.human_study.design import parse_design
from genspace.human_study.material import load_material
from genspace.human_study.reading import read_recorded
from genspace.human_study.texts import load_texts
from genspace.human_study.visit.assignment import Assignment
from genspace.human_study.watching.rules import silent_rules
from genspace.human_study.web._payload import feedback

TWO = [{"name": "objects", "text": "Are both there?"}, {"name": "place", "text": "Is the place right?"}]


def problems(root: Path, gold: str, **design: object) -> set[tuple[int | None, str | None]]:
    (root / "gold.csv").write_text(gold)
    with pytest.raises(InvalidFilesError) as caught:
        load_material(root, parse_design({"gold": {"file": "gold.csv"}, **design}))
    return {(p.row, p.field) for p in caught.value.problems}


def test_gold_of_a_study_with_several_questions_names_its_question(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 6)
    assert problems(root, "item_id,value\ni0,yes\n", questions=TWO) == {(2, "item_id")}
    assert problems(root, "item_id,question,value\ni0,colour,yes\n", questions=TWO) == {(2, "question")}
    assert problems(root, "item_id,question,value\ni0,objects,yes\n") == {(2, "question")}
    (root / "gold.csv").write_text("item_id,question,value\ni0,objects,yes\ni0,place,no\ni1,place,yes\n")
    material = load_material(root, parse_design({"gold": {"file": "gold.csv"}, "questions": TWO}))
    assert material.known[("i0",)].values == {"objects": 1.0, "place": 0.0}


@pytest.mark.parametrize(
    ("gold", "wrong"),
    [
        ("item_id,value,use\ni0,yes,\ni0,no,\n", {(3, "item_id")}),
        ("item_id,value,use\ni0,yes,\ni0,yes,\n", {(3, "item_id")}),
        ("item_id,value,use\ni0,yes,gold\ni0,yes,training\n", {(3, "use"), (3, "item_id")}),
        ("item_id,value,use\ni0,maybe,\n", {(2, "value")}),
        ("item_id,value,use\ni0,yes,test\n", {(2, "use")}),
    ],
)
def test_known_answers_that_contradict_each_other_are_refused(
    tmp_path: Path, gold: str, wrong: set[tuple[int, str]]
) -> None:
    assert problems(write_study(tmp_path / "s", 6), gold) == wrong


def test_a_pair_given_both_ways_round_is_one_pair(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 3, generators=3)
    gold = "item_id,item_id_b,value\ni0g0,i0g1,left\ni0g1,i0g0,right\n"
    assert problems(root, gold, protocol="pairwise") == {(3, "item_id")}


def test_an_empty_known_answer_needs_the_answer_cannot_tell(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 6)
    assert problems(root, "item_id,value\ni0,\n", cannot_tell=False) == {(2, "value")}


def test_practice_praises_only_what_it_can_check(tmp_path: Path) -> None:
    """One of two questions has a known answer: right is "as far as we can tell", wrong names the answer."""
    root = write_study(tmp_path / "s", 4)
    (root / "gold.csv").write_text(
        "item_id,question,value,use,explanation\ni0,place,yes,training,See the chair\n"
    )
    desk = open_desk(root, gold={"file": "gold.csv"}, questions=TWO)
    given = desk.take(desk.join())
    texts = load_texts(("en",), {}, Path())["en"]
    right = feedback(desk.material, given, {"objects": 0.0, "place": 1.0}, texts)
    assert right == {
        "right": True,
        "text": "As far as we can tell, that is right.",
        "explanation": "See the chair",
    }
    wrong = feedback(desk.material, given, {"objects": 1.0, "place": 0.0}, texts)
    assert (wrong["right"], wrong["text"]) == (False, "Not quite. The answer is: Yes")
    desk.store.close()


def test_mistakes_in_known_answers_of_several_questions_are_counted(tmp_path: Path) -> None:
    root = write_study(tmp_path / "s", 8)
    rows = [f"i{n},{q},yes" for n in range(3) for q in ("objects", "place")]
    (root / "gold.csv").write_text("item_id,question,value\n" + "\n".join(rows) + "\n")
    desk = open_desk(root, gold={"file": "gold.csv", "every": 2}, questions=TWO, repeats={"every": 0})
    rater = desk.join()
    while isinstance(given := desk.claim(rater), Assignment):
        desk.answer(rater, given, {"objects": 1.0, "place": 0.0})
    (found,) = read_recorded(root).raters()
    assert (found.gold, found.gold_accuracy) == (6, 0.5)
    assert found.excluded == ("known answers: 50%, at least 70% wanted",)
    desk.store.close()


def silent(root: Path, **design: object) -> dict[str, str]:
    return {r.rule: r.why for r in silent_rules(load_material(root, parse_design(design)))}


def test_rules_that_can_never_fire_are_said(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 20)
    (root / "gold.csv").write_text("item_id,value\ni0,yes\ni1,no\n")
    # 18 items, 2 gold, and a repeat in each of two blocks: nobody meets 4 known answers, nor 30 pictures in a row.
    found = silent(root, gold={"file": "gold.csv"})
    assert found == {
        "exclusion.min_gold_accuracy": "a rater meets at most 2 known answers, and min_gold is 4",
        "exclusion.max_identical_run": "a rater sees at most 22 pictures, and that many in a row are allowed",
    }
    enough = {"file": "gold.csv", "every": 5}
    assert silent(root, gold=enough, exclusion={"min_gold": 2, "max_identical_run": 20}) == {}
    assert "exclusion.max_fast_share" in silent(
        root, gold=enough, items_per_rater=6, exclusion={"min_gold": 2}
    )
    assert set(silent(root, gold=enough, checks={"warn_after": 2, "stop_after": 3})) >= {"checks.stop_after"}
    assert "training.pass_mark" in silent(root, training={"pass_mark": 0.5})
    assert "exclusion.min_repeat_agreement" in silent(
        root, repeats={"every": 0}, exclusion={"min_repeat_agreement": 0.5}
    )
    assert "stop.agreement_width" in silent(root, raters_per_item=1, stop={"agreement_width": 0.1})
    (root / "annotate.toml").write_text('[gold]\nfile = "gold.csv"\n')
    told = genspace("annotate", "status", root)
    assert "exclusion.min_gold_accuracy can never fire: a rater meets at most 2 known answers" in told.err
    listed = json.loads(genspace("annotate", "status", root, "--json").out)["rules_that_cannot_fire"]
    assert len(listed) == 2


def test_the_longest_visit_is_never_exceeded(tmp_path: Path) -> None:
    """The bound that silent rules go by, against raters who work through studies of many rhythms."""
    from genspace.human_study.visit._plan import Rhythm, Stock, longest_visit

    for n, (gold_every, repeats_every, gap, most) in enumerate(
        [(3, 4, 2, None), (2, 3, 5, None), (10, 0, 1, 12), (1, 2, 1, 9)]
    ):
        root = write_study(tmp_path / f"s{n}", 14)
        (root / "gold.csv").write_text("item_id,value\ni0,yes\ni1,no\ni2,no\n")
        desk = open_desk(
            root, gold={"file": "gold.csv", "every": gold_every}, items_per_rater=most,
            repeats={"every": repeats_every, "gap": gap}, raters_per_item=9,
        )  # fmt: skip
        bound = longest_visit(Rhythm.of(desk.design), Stock(11, 3))
        for _ in range(4):
            rater, gold, repeats = desk.join(), 0, 0
            while isinstance(given := desk.claim(rater), Assignment):
                desk.answer(rater, given, 1.0)
                gold += given.role == "gold"
            repeats = sum(s.repeat > 0 for s in read_recorded(root).screens if s.rater_id == rater)
            assert gold <= bound.gold
            assert repeats <= bound.repeats
        desk.store.close()
