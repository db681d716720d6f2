"""Answers in and out: every format there and back, mistakes named, nothing stored by halves."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from small_studies import Desk, open_desk, write_study

from genspace.errors import InputError, InvalidFilesError
from genspace.gather import evidence_of
from genspace.human_study.exchange.exporting import export_text, write_huggingface
from genspace.human_study.exchange.importing import Imported, import_answers
from genspace.human_study.exchange.reconcile import reconcile
from genspace.human_study.reading import answers
from genspace.human_study.visit.assignment import Assignment
from genspace.study import open_study

KEY = ["item_id", "item_id_b", "question", "rater_id", "repeat", "role", "value"]


def some_answers(root: Path, **design: object) -> Desk:
    desk = open_desk(write_study(root, 4, generators=2), raters_per_item=2, repeats={"every": 0}, **design)
    for n in range(2):
        rater = desk.join(f"p{n}")
        value = 0
        while isinstance(given := desk.claim(rater), Assignment):
            desk.answer(rater, given, [1.0, 0.0, None][value % 3], comment="odd" if value == 0 else "")
            value += 1
    return desk


def sorted_answers(root: Path) -> pd.DataFrame:
    return answers(root)[KEY].sort_values(KEY[:5]).reset_index(drop=True)


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl", "label-studio.json"])
@pytest.mark.parametrize("protocol", ["binary", "pairwise"])
def test_what_is_exported_can_be_imported(tmp_path: Path, name: str, protocol: str) -> None:
    desk = some_answers(tmp_path / "a", protocol=protocol)
    (tmp_path / name).write_text(export_text(desk.store, desk.material, name))
    other = open_desk(write_study(tmp_path / "b", 4, generators=2), raters_per_item=2, protocol=protocol)
    counts = import_answers(other.store, other.material, tmp_path / name)
    expected = sorted_answers(tmp_path / "a")
    assert counts == Imported(len(expected), 2)
    pd.testing.assert_frame_equal(sorted_answers(tmp_path / "b"), expected)
    assert import_answers(other.store, other.material, tmp_path / name) == Imported(0, 0)
    assert not isinstance(other.claim(other.join()), Assignment), (
        "imported answers count: nothing is left to ask"
    )


@pytest.mark.parametrize("name", ["answers.csv", "label-studio.json", "hub"])
def test_extra_answers_stay_extra(tmp_path: Path, name: str) -> None:
    """They were asked for because of the answers before, so nobody may count them towards reliability."""
    extra = {"stop": {"item_width": 0.6, "max_raters_per_item": 4}, "repeats": {"every": 0}}
    desk = open_desk(write_study(tmp_path / "a", 3), raters_per_item=2, **extra)
    for _ in range(4):
        rater = desk.join()
        while isinstance(given := desk.claim(rater), Assignment):
            desk.answer(rater, given, {"i0": 1.0, "i1": None}.get(given.unit[0], 0.0))
    if name == "hub":
        write_huggingface(desk.store, desk.material, tmp_path / name)
    else:
        (tmp_path / name).write_text(export_text(desk.store, desk.material, name))
    other = open_desk(write_study(tmp_path / "b", 3), raters_per_item=2, **extra)
    import_answers(other.store, other.material, tmp_path / name)
    expected = sorted_answers(tmp_path / "a")
    # Three like answers leave an interval 0.561 wide, so i0 and i2 get one extra rater; undecided i1 gets both.
    assert expected["role"].value_counts().to_dict() == {"main": 6, "extra": 4}
    pd.testing.assert_frame_equal(sorted_answers(tmp_path / "b"), expected)


def test_a_pair_the_other_way_round_is_turned(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 1, generators=2), protocol="pairwise")
    (tmp_path / "in.csv").write_text("item_id,item_id_b,rater_id,value\ni0g1,i0g0,ann,left\n")
    import_answers(desk.store, desk.material, tmp_path / "in.csv")
    # i0g1 won against i0g0; the study's pair is (i0g0, i0g1), whose first item therefore lost: 0.
    (row,) = answers(tmp_path / "s").to_dict("records")
    assert (row["item_id"], row["item_id_b"], row["value"]) == ("i0g0", "i0g1", 0.0)


def test_every_mistake_of_an_import_is_named_and_nothing_stored(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 2))
    (tmp_path / "in.csv").write_text(
        "item_id,rater_id,value,repeat,seconds,role,question\ni0,ann,yes,,,,\ni9,ann,yes,,,,\ni1,ann,maybe,,,,\n"
        "i1,,no,,,,\ni0,bob,no,x,soon,,\ni0,ann,no,,,,\ni1,ann,no,,,boss,colour\n"
    )
    with pytest.raises(InvalidFilesError) as caught:
        import_answers(desk.store, desk.material, tmp_path / "in.csv")
    found = {(p.row, p.field) for p in caught.value.problems}
    assert found == {(3, "item_id"), (4, "value"), (5, "rater_id"), (6, "repeat"), (6, "seconds"), (7, "rater_id"), (8, "role"),
        (8, "question"),
    }  # fmt: skip
    assert answers(tmp_path / "s").empty
    (tmp_path / "ls.json").write_text('[{"data": {"item_id": "i9"}}, {"data": {"item_id": "i0"}, "annotations": '
                                      '[{"result": [{"type": "brush", "value": {}}]}]}]')  # fmt: skip
    with pytest.raises(InvalidFilesError) as caught:
        import_answers(desk.store, desk.material, tmp_path / "ls.json")
    assert len(caught.value.problems) == 2


def test_two_answers_of_one_rater_and_no_answers_at_all_are_refused(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 1), protocol="likert")
    results = [
        {"from_name": n, "type": "rating", "value": {"rating": v}} for n, v in (("fit", 5), ("looks", 2))
    ]
    (tmp_path / "ls.json").write_text(
        json.dumps([{"data": {"item_id": "i0"}, "annotations": [{"completed_by": 1, "result": results}]}])
    )
    with pytest.raises(InvalidFilesError, match=r"holds answers to 2 questions: fit, looks\. This"):
        import_answers(desk.store, desk.material, tmp_path / "ls.json")
    for empty in ([], [{"data": {"item_id": "i0"}, "annotations": None}]):
        (tmp_path / "ls.json").write_text(json.dumps(empty))
        with pytest.raises(InvalidFilesError, match=r"holds no answer|is empty"):
            import_answers(desk.store, desk.material, tmp_path / "ls.json")
    desk.store.close()


def test_label_studio_people_become_pseudonyms(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 1), protocol="likert")
    task = {"data": {"item_id": "i0"}, "annotations": [
        {"completed_by": {"id": 3, "email": "ann@example.org"}, "lead_time": 4.5,
         "result": [{"from_name": "stars", "to_name": "image", "type": "rating", "value": {"rating": 4}}]},
        {"completed_by": 7, "was_cancelled": True, "result": []},
    ]}  # fmt: skip
    (tmp_path / "ls.json").write_text(json.dumps([task]))
    assert import_answers(desk.store, desk.material, tmp_path / "ls.json") == Imported(1, 1)
    frame = answers(tmp_path / "s")
    assert (frame["value"].item(), frame["seconds"].item()) == (4.0, 4.5)
    assert frame["rater_id"].item().startswith("ls-")
    assert b"ann@" not in b"".join(p.read_bytes() for p in (tmp_path / "s").glob("answers.sqlite*"))


def test_hugging_face_folder_holds_answers_items_and_a_card(tmp_path: Path) -> None:
    desk = some_answers(tmp_path / "s")
    write_huggingface(desk.store, desk.material, tmp_path / "hub")
    kept = pd.read_parquet(tmp_path / "hub" / "answers.parquet")
    assert len(kept) == 16
    assert not {"external_id"} & set(kept.columns)
    assert set(pd.read_parquet(tmp_path / "hub" / "items.parquet")["item_id"]) == set(kept["item_id"])
    assert "data_files: answers.parquet" in (tmp_path / "hub" / "README.md").read_text()
    write_huggingface(desk.store, desk.material, tmp_path / "hub")
    (tmp_path / "hub" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="other files"):
        write_huggingface(desk.store, desk.material, tmp_path / "hub")


def test_payment_list_and_prolific(tmp_path: Path) -> None:
    desk = some_answers(tmp_path / "s", crowd={"parameter": "PROLIFIC_PID", "completion_code": "GOOD"})
    lines = export_text(desk.store, desk.material, "raters.csv").splitlines()
    assert lines[0].startswith("rater_id,external_id,source,answered,minutes,finished,completion_code")
    assert ",p0,crowd,8,0.5,True,GOOD," in lines[1]  # 8 pictures of 4 s: 32 s, 0.5 min
    (tmp_path / "prolific.csv").write_text(
        "Submission id,Participant id,Status,Completion code\ns1,p0,RETURNED,GOOD\ns2,p7,APPROVED,GOOD\n"
    )
    found = reconcile(desk.store, desk.material, tmp_path / "prolific.csv", platform="prolific")
    assert found.to_json() == {
        "matched": ["p0"], "unknown_here": ["p7"], "missing_there": ["p1"], "finished_here_not_there": ["p0"],
        "wrong_code": [], "several_rows": [],
    }  # fmt: skip
    assert "RETURNED" in export_text(desk.store, desk.material, "raters.csv")
    (tmp_path / "prolific.csv").write_text("who,state\n")
    with pytest.raises(InvalidFilesError, match="Participant id"):
        reconcile(desk.store, desk.material, tmp_path / "prolific.csv", platform="prolific")


def test_nobody_is_paid_for_answers_that_were_imported(tmp_path: Path) -> None:
    desk = open_desk(write_study(tmp_path / "s", 2), outcomes={"complete": {"pay": 2.0}})
    (tmp_path / "in.csv").write_text("item_id,rater_id,value\ni0,ann,yes\ni1,bob,no\n")
    import_answers(desk.store, desk.material, tmp_path / "in.csv")
    desk.join("p1")
    rows = export_text(desk.store, desk.material, "payments.csv").splitlines()[1:]
    assert [row.split(",")[1] for row in rows] == ["p1"]
    _, who, _, answered, _, finished, *_ = (
        export_text(desk.store, desk.material, "raters.csv").splitlines()[-1].split(",")
    )
    assert (who, answered, finished) == ("p1", "0", "False")
    desk.store.close()


def test_compare_sees_the_answers_without_an_export(tmp_path: Path) -> None:
    desk = some_answers(tmp_path / "s")
    gathered = evidence_of(open_study(tmp_path / "s")).answers
    assert len(gathered) == 16
    assert set(gathered["rater_id"]) == set(answers(tmp_path / "s")["rater_id"])
    desk.store.close()
