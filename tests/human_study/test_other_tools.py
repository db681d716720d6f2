"""Answers from other annotation tools are stored right, or refused with task, annotator and question.

Longer than 400 lines: it has the exports of each tool beside the cases.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_studies import Desk, open_desk, write_study

from genspace.errors import InputError, InvalidFilesError
from genspace.human_study.exchange.importing import import_answers
from genspace.human_study.reading import answers
from genspace.study import check_study, open_study


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(write_study(tmp_path / "s", 3), protocol="likert")


def stored(desk: Desk) -> dict[tuple[str, str], float | None]:
    """Value by item and rater."""
    rows = answers(desk.material.root).to_dict("records")
    return {(r["item_id"], r["rater_id"]): None if pd.isna(r["value"]) else r["value"] for r in rows}


def took(desk: Desk, path: Path, content: object, **options: Any) -> dict[tuple[str, str], float | None]:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    import_answers(desk.store, desk.material, path, **options)
    return stored(desk)


def refused(desk: Desk, path: Path, content: object, **options: Any) -> list[str]:
    with pytest.raises(InvalidFilesError) as caught:
        took(desk, path, content, **options)
    assert stored(desk) == {}
    return [str(problem) for problem in caught.value.problems]


def result(value: object, name: str = "q", kind: str = "rating") -> dict[str, Any]:
    return {"from_name": name, "to_name": "image", "type": kind, "value": {kind: value}}


def annotation(*results: dict[str, Any], by: object = 1, **more: object) -> dict[str, Any]:
    return {"completed_by": by, "lead_time": 3.5, "result": list(results), **more}


def task(item: object, *annotations: object, **more: object) -> dict[str, Any]:
    return {"id": 1, "data": {"item_id": item}, "annotations": list(annotations), **more}


class TestLabelStudio:
    def test_ratings_choices_and_numbers_of_two_people(self, desk, tmp_path):
        tasks = [
            task("i0", annotation(result(4), by=1), annotation(result(2), by={"id": 2, "email": "a@b.org"})),
            task(
                "i1", annotation(result(["5"], kind="choices")), annotation(result(3.0, kind="number"), by=7)
            ),
        ]
        found = took(desk, tmp_path / "in.json", tasks)
        assert sorted((item, value) for (item, _), value in found.items()) == [
            ("i0", 2.0), ("i0", 4.0), ("i1", 3.0), ("i1", 5.0),
        ]  # fmt: skip
        assert len({rater for _, rater in found}) == 3
        assert all(rater.startswith("ls-") for _, rater in found)

    def test_two_questions_where_one_is_asked(self, desk, tmp_path):
        tasks = [task("i0", annotation(result(5, "alignment"), result(2, "aesthetics")))]
        (found,) = refused(desk, tmp_path / "in.json", tasks)
        assert found.startswith(
            "in.json: holds answers to 2 questions: alignment, aesthetics. This study asks one"
        )
        assert found.endswith("say which it is: `from_names` alignment")
        assert [*took(desk, tmp_path / "in.json", tasks, from_names=["aesthetics"]).values()] == [2.0]

    def test_questions_are_mapped_by_name(self, tmp_path):
        asked = [{"name": "fit", "text": "?"}, {"name": "beauty", "text": "?"}]
        desk = open_desk(write_study(tmp_path / "s", 1), protocol="likert", questions=asked)
        tasks = [task("i0", annotation(result(5, "alignment"), result(2, "aesthetics"), result(1, "other")))]
        took(desk, tmp_path / "in.json", tasks, from_names=["alignment=fit", "aesthetics=beauty"])
        frame = answers(tmp_path / "s").set_index("question")["value"]
        assert frame.to_dict() == {"beauty": 2.0, "fit": 5.0}

    def test_an_unknown_from_name(self, desk, tmp_path):
        tasks = [task("i0", annotation(result(5, "alignment")))]
        found = refused(desk, tmp_path / "in.json", tasks, from_names=["alignement"])
        assert found == [
            "in.json: `from_names`: holds no answers to 'alignement' (did you mean 'alignment'?)"
        ]

    @pytest.mark.parametrize(
        ("tasks", "message"),
        [
            (
                [task("i0", annotation(result(5)), annotation(result(1)))],
                "task 1: q: annotator 1 answers 'q' about 'i0' twice, '5' (task 1) and '1'; keep one of them",
            ),
            (
                [task("i0", annotation(result(5))), task("i0", annotation(result(4)))],
                "task 2: q: annotator 1 answers 'q' about 'i0' twice, '5' (task 1) and '4'; keep one of them",
            ),
            (
                [task("i0", annotation(result(5), result(4)))],
                "task 1: q: annotator 1 answers 'q' about 'i0' twice, '5' (task 1) and '4'; keep one of them",
            ),
            (
                [task("i0", annotation(result(["4", "5"], kind="choices")))],
                "task 1: q: annotator 1 chose 2 answers to 'q' (4, 5), where one is asked for",
            ),
            (
                [task("i0", annotation(result(9)))],
                "task 1: q: annotator 1: 9.0 is not a value of the likert protocol",
            ),
            (
                [task("i0", annotation(result(["good"], kind="choices")))],
                "task 1: q: annotator 1: 'good' is not an answer of the likert protocol",
            ),
            (
                [task("i0", annotation(result(4), by=None)), task("i1", annotation(result(4), by=None))],
                "task 1: 2 answers name nobody; export them with their annotators, or say whose they are: `rater` NAME",
            ),
            (
                [task("i9", annotation(result(4)))],
                "task 1: item_id = 'i9': this study asks about no such item",
            ),
            (
                [task("i0.png", annotation(result(4))), task("i1.png", annotation(result(4)))],
                "item_id: 2 answers are about items that differ by the file's ending from this study's: 'i0.png' here, 'i0'",
            ),
            ([task("i0", 12, 13)], "task 1: annotations = 12: annotations are numbers, not answers"),
            ([7], "an object is expected"),
        ],
    )
    def test_what_cannot_be_meant_is_named(self, desk, tmp_path, tasks, message):
        found = refused(desk, tmp_path / "in.json", tasks)
        assert any(message in problem for problem in found), found

    @pytest.mark.parametrize(
        "shape",
        [
            {"annotations": None},
            {"annotations": []},
            {"annotations": [{"completed_by": 1, "result": None}]},
            {"annotations": [{"completed_by": 1, "result": []}]},
            {"annotations": [annotation(result(4), was_cancelled=True)]},
            {"annotations": [annotation({"from_name": "b", "type": "rectanglelabels", "value": {"x": 1}})]},
            {"predictions": [{"result": [result(4)]}]},
            {"completions": []},
            {},
        ],
        ids=str,
    )
    def test_a_file_without_an_answer_says_so(self, desk, tmp_path, shape):
        (found,) = refused(desk, tmp_path / "in.json", [{"id": 1, "data": {"item_id": "i0"}, **shape}])
        assert found.startswith("in.json: holds no answer: no answer in 1 of 1 task: 1")

    def test_tasks_without_answers_beside_others_are_said(self, desk, tmp_path, caplog):
        tasks = [task("i0", annotation(result(4))), {"id": 2, "data": {"item_id": "i1"}, "annotations": None}]
        with caplog.at_level("INFO"):
            assert [*took(desk, tmp_path / "in.json", tasks).values()] == [4.0]
        assert "in.json: no answer in 1 of 2 tasks: 2" in caplog.text

    def test_boxes_and_texts_beside_the_answer_are_passed_over_and_said(self, desk, tmp_path, caplog):
        beside = [
            {"from_name": "box", "type": "rectanglelabels", "value": {"x": 1, "rectanglelabels": ["cow"]}},
            {"from_name": "why", "type": "textarea", "value": {"text": ["hm"]}},
        ]
        with caplog.at_level("INFO"):
            found = took(desk, tmp_path / "in.json", [task("i0", annotation(*beside, result(4)))])
        assert [*found.values()] == [4.0]
        assert "2 results that are not answers are not read: rectanglelabels, textarea" in caplog.text

    def test_copies_are_read_once(self, desk, tmp_path, caplog):
        with caplog.at_level("INFO"):
            found = took(
                desk, tmp_path / "in.json", [task("i0", annotation(result(4)), annotation(result(4)))]
            )
        assert [*found.values()] == [4.0]
        assert "1 answer given twice" in caplog.text

    def test_answers_before_version_one_and_whose_they_are(self, desk, tmp_path):
        old = [{"id": 1, "data": {"item_id": "i0"}, "completions": [{"result": [result(4)], "lead_time": 2}]}]
        assert "name nobody" in refused(desk, tmp_path / "in.json", old)[0]
        found = took(desk, tmp_path / "in.json", old, rater="r-me")
        assert found == {("i0", "r-me"): 4.0}

    @pytest.mark.parametrize("name", ["min.json", "flat.csv"])
    def test_the_flat_forms(self, desk, tmp_path, name):
        rows = [
            {
                "id": 1,
                "item_id": "i0",
                "prompt": "x",
                "q": 4,
                "annotator": 1,
                "annotation_id": 10,
                "lead_time": 2.5,
            },
            {
                "id": 2,
                "item_id": "i1",
                "prompt": "x",
                "q": 2,
                "annotator": 2,
                "annotation_id": 11,
                "lead_time": 1.5,
            },
        ]
        content = rows if name.endswith("json") else pd.DataFrame(rows).to_csv(index=False)
        found = took(desk, tmp_path / name, content)
        assert sorted((item, value) for (item, _), value in found.items()) == [("i0", 4.0), ("i1", 2.0)]
        assert answers(desk.material.root)["seconds"].tolist() == [2.5, 1.5]

    @pytest.mark.parametrize("name", ["min.json", "flat.csv"])
    @pytest.mark.parametrize("given", [{"rating": 4}, {"number": 4}, {"choices": ["4"]}])
    def test_the_flat_forms_keep_what_is_no_single_choice_in_a_list(
        self, desk, tmp_path, name, given, caplog
    ):
        row = {"id": 1, "item_id": "i0", "q": [given], "annotator": 1, "annotation_id": 10}
        row["box"] = [{"x": 1, "rectanglelabels": ["cow"]}]
        cells = {k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()}
        content = [row] if name == "min.json" else pd.DataFrame([cells]).to_csv(index=False)
        with caplog.at_level("INFO"):
            assert [*took(desk, tmp_path / name, content).values()] == [4.0]
        assert "1 result that are not answers are not read: box" in caplog.text

    def test_several_choices_in_a_flat_form(self, desk, tmp_path):
        rows = [{"id": 1, "item_id": "i0", "q": {"choices": ["4", "5"]}, "annotator": 1, "annotation_id": 10}]
        (found,) = [p for p in refused(desk, tmp_path / "min.json", rows) if "chose" in p]
        assert (
            found == "min.json, task 1: q: annotator 1 chose 2 answers to 'q' (4, 5), where one is asked for"
        )


class TestPotato:
    LINES = (
        {"user_id": "ann", "instance_id": "i0", "label_annotations": {"fit": {"scale_4": "4"}}},
        {"user_id": "ann", "instance_id": "i1", "label_annotations": {"fit": {"1": False, "2": True}}},
        {"user_id": "bob", "instance_id": "i0", "label_annotations": {"fit": {"slider": "3"}}},
        {"user_id": "bob", "instance_id": "i1", "label_annotations": {"fit": {"5": "1"}}},
    )

    def test_json_lines(self, desk, tmp_path):
        found = took(desk, tmp_path / "annotated_instances.jsonl", "\n".join(map(json.dumps, self.LINES)))
        assert sorted((item, value) for (item, _), value in found.items()) == [
            ("i0", 3.0), ("i0", 4.0), ("i1", 2.0), ("i1", 5.0),
        ]  # fmt: skip

    def test_the_folder_names_the_person(self, desk, tmp_path):
        line = {"id": "i0", "label_annotations": {"fit": {"4": "1"}}}
        (tmp_path / "cyd").mkdir()
        found = took(desk, tmp_path / "cyd" / "annotated_instances.jsonl", json.dumps(line) + "\n")
        named = took(desk, tmp_path / "two.jsonl", json.dumps({**line, "user_id": "cyd"}) + "\n")
        assert found == named  # the same pseudonym

    def test_a_table_with_a_column_for_each_label(self, desk, tmp_path):
        header = (
            "user\tinstance_id\tdisplayed_text\tfit:::scale_1\tfit:::scale_2\tfit:::scale_5\twhy:::text_box\n"
        )
        rows = "ann\ti0\tx\t\tscale_2\t\thm\nann\ti1\tx\t\t\t5\t\n"
        found = took(desk, tmp_path / "p.tsv", header + rows, from_names=["fit"])
        assert sorted((item, value) for (item, _), value in found.items()) == [("i0", 2.0), ("i1", 5.0)]

    def test_two_labels(self, desk, tmp_path):
        header, row = "user\tinstance_id\tfit:::1\tfit:::2\n", "ann\ti0\t1\t1\n"
        assert refused(desk, tmp_path / "p.tsv", header + row)[0] == (
            "p.tsv, line 2: fit: annotator ann chose 2 answers to 'fit' (1, 2), where one is asked for"
        )


class TestMechanicalTurk:
    HEADER = "HITId,AssignmentId,WorkerId,AssignmentStatus,WorkTimeInSeconds,Input.item_id,Input.prompt"

    def batch(self, answers: str, *cells: str) -> str:
        rows = [f"H{n % 2},A{n},W{n // 2},Approved,1{n},i{n % 2},cow,{cell}" for n, cell in enumerate(cells)]
        return "\n".join([f"{self.HEADER},{answers}", *rows]) + "\n"

    @pytest.mark.parametrize(
        ("columns", "cells"),
        [
            ("Answer.rating", ("4", "2", "5", "1")),
            ("Answer.rating.label", ("4", "2", "5", "1")),
            (
                "Answer.r.1,Answer.r.2,Answer.r.4,Answer.r.5",
                ("false,false,true,false", "false,true,false,false", ",,,true", "on,,,"),
            ),
            (
                "Answer.taskAnswers",
                tuple(
                    '"' + json.dumps([{"r": {str(k): k == v for k in range(1, 6)}}]).replace('"', '""') + '"'
                    for v in (4, 2, 5, 1)
                ),
            ),
            ("Answer.taskAnswers", tuple('"[{""r"":' + v + '}]"' for v in "4251")),
        ],
        ids=["a column", "a label", "a column a choice", "a form with buttons", "a form with a number"],
    )
    def test_one_answer_an_assignment(self, desk, tmp_path, columns, cells):
        found = took(desk, tmp_path / "batch.csv", self.batch(columns, *cells))
        assert sorted((item, value) for (item, _), value in found.items()) == [
            ("i0", 4.0), ("i0", 5.0), ("i1", 1.0), ("i1", 2.0),
        ]  # fmt: skip
        assert len({rater for _, rater in found}) == 2
        assert sorted(answers(desk.material.root)["seconds"]) == [10.0, 11.0, 12.0, 13.0]

    def test_rejected_work_is_said(self, desk, tmp_path, caplog):
        batch = self.batch("Answer.rating", "4", "2").replace("Approved", "Rejected", 1)
        with caplog.at_level("INFO"):
            took(desk, tmp_path / "batch.csv", batch)
        assert "1 answer from assignments with status Rejected" in caplog.text

    def test_several_ticks(self, desk, tmp_path):
        found = refused(desk, tmp_path / "b.csv", self.batch("Answer.r.1,Answer.r.2", "true,true"))
        assert (
            found[0] == "b.csv, line 2: r: annotator W0 chose 2 answers to 'r' (1, 2), where one is asked for"
        )


class TestTables:
    def test_capitals_and_spaces_in_the_header_and_words(self, tmp_path):
        desk = open_desk(write_study(tmp_path / "s", 2), protocol="binary")
        found = took(desk, tmp_path / "a.csv", "Item ID,Rater_ID,Value\ni0 ,ann,TRUE\ni1,ann,Unsure\n")
        assert found == {("i0", "ann"): 1.0, ("i1", "ann"): None}

    def test_from_name_is_not_for_plain_tables(self, desk, tmp_path):
        with pytest.raises(InputError, match="`from_names` is for exports of other tools"):
            took(desk, tmp_path / "a.csv", "item_id,rater_id,value\ni0,ann,4\n", from_names=["q"])

    def test_a_hugging_face_folder_with_one_file(self, desk, tmp_path):
        (tmp_path / "hub/data").mkdir(parents=True)
        frame = pd.DataFrame({"item_id": ["i0"], "rater_id": ["ann"], "value": pd.array([4], "Int64")})
        frame.to_parquet(tmp_path / "hub/data/train-00000-of-00001.parquet")
        import_answers(desk.store, desk.material, tmp_path / "hub")
        assert stored(desk) == {("i0", "ann"): 4.0}
        frame.to_parquet(tmp_path / "hub/data/test-00000-of-00001.parquet")
        with pytest.raises(
            InputError, match=r"one Parquet file with answers is expected, there is data/test"
        ):
            import_answers(desk.store, desk.material, tmp_path / "hub")

    def test_the_command_maps_a_question(self, desk, tmp_path, genspace):
        (tmp_path / "s/annotate.toml").write_text('protocol = "likert"\n')
        desk.store.close()
        tasks = [task("i0", annotation(result(5, "a"), result(2, "b"), by=None))]
        (tmp_path / "in.json").write_text(json.dumps(tasks))
        line = ("annotate", "import", tmp_path / "s", tmp_path / "in.json")
        assert genspace(*line).code == 2
        done = genspace(*line, "--from-name", "b", "--rater", "ann", "--json")
        assert json.loads(done.out) == {"answers": 1, "raters": 1}
        assert answers(tmp_path / "s")["value"].tolist() == [2.0]


class TestComparedDirectly:
    def tasks(self, *, by: bool = True) -> list[dict[str, Any]]:
        return [
            {
                "id": n,
                "data": {
                    "item_id": f"i{n}",
                    "prompt": f"cow {n // 2}",
                    "generator": f"g{n % 2}",
                    "clip": n / 10,
                },
                "annotations": [
                    annotation(result(1 + (n + k) % 5, "fit"), result(3, "beauty"), by=k if by else None)
                    for k in range(3)
                ],
            }
            for n in range(8)
        ]

    def test_label_studio_is_a_study(self, tmp_path):
        (tmp_path / "ls.json").write_text(json.dumps(self.tasks()))
        report = check_study(tmp_path / "ls.json", human=["fit"])
        assert report.problems == []
        assert [report.counts[k] for k in ("items", "prompts", "raters", "answers", "verdicts")] == [
            8,
            4,
            3,
            24,
            8,
        ]
        study = open_study(tmp_path / "ls.json", human=["fit"])
        assert study.settings.raters == "person"
        with pytest.raises(
            InputError, match=r"which question of Label Studio.*holds answers to: fit, beauty"
        ):
            check_study(tmp_path / "ls.json")

    def test_nobodys_answers_are_places_and_said(self, tmp_path):
        (tmp_path / "ls.json").write_text(json.dumps(self.tasks(by=False)))
        report = check_study(tmp_path / "ls.json", human=["fit"])
        assert report.counts["raters"] == 3
        assert [r.count for r in report.warnings if r.code == "answers_of_nobody"] == [24]

    def test_problems_of_the_export_are_named(self, tmp_path):
        tasks = self.tasks()
        tasks[2]["annotations"].append(annotation(result(5, "fit"), by=0))
        (tmp_path / "ls.json").write_text(json.dumps(tasks))
        with pytest.raises(
            InvalidFilesError, match=r"ls\.json, task 3: fit: annotator 0 answers 'fit' about 'i2' twice"
        ):
            check_study(tmp_path / "ls.json", human=["fit"])
