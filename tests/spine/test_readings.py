"""What is inferred about an input is said with a code, and suspicions are warnings that tell how to settle them.

Longer than 400 lines: it has a case for every code of a reading.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genspace.analysis import Comparison
from genspace.api import compare
from genspace.documents import from_dict, to_dict
from genspace.errors import InputError, InvalidFilesError
from genspace.gather import evidence_of
from genspace.readings import Reading, grouped, kinds
from genspace.records import Declared, StudySettings
from genspace.study import CheckReport, check_study, open_study
from genspace.study._ids import common_cause
from genspace.study._suspicions import sentinels, suspect_raters
from genspace.summary import summary


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def said(report: CheckReport) -> dict[str, Reading]:
    return {reading.code: reading for reading in report.readings}


ITEMS = "item_id,prompt,generator\n" + "".join(f"i{n},cow {n // 2},g{n % 2}\n" for n in range(12))


def answers(values: list[object], *, raters: int = 1) -> str:
    rows = [f"i{n % 12},r{n // 12},{value}\n" for n, value in enumerate(values)]
    return "item_id,rater_id,value\n" + "".join(rows)


class TestSentences:
    def test_every_kind_makes_a_sentence_of_its_own_fields(self):
        sentences = [
            Reading(code=code, columns=("a", "b"), words=("x", "y", "z"), count=1, total=2000).sentence
            for code in kinds()
        ]
        assert all(sentence and "{" not in sentence for sentence in sentences)
        assert len(set(sentences)) == len(kinds())

    def test_warnings_say_what_to_do(self):
        advice = (
            "rename",
            "move",
            "add",
            "declare",
            "missing",
            "name",
            "write",
            "remove",
            "leave",
            "turn",
            "make",
            "hold",
        )
        for code, kind in kinds().items():
            if kind.level == "warning":
                assert any(word in kind.sentence for word in advice), code

    def test_the_block_names_the_only_file_once_and_warnings_last(self):
        block = grouped(
            [
                Reading(code="file_used", file="a.csv"),
                Reading(code="no_prompt", file="a.csv"),
                Reading(code="empty_rows", file="a.csv", count=3),
                Reading(code="empty_rows", file="a.csv", count=3),
            ]
        )
        assert [heading for heading, _ in block] == ["files", "warnings"]
        assert block[0][1] == ["read: a.csv", "3 rows without any value: left out"]
        assert block[1][1][0].startswith(
            "neither prompt nor prompt_id: items of one prompt cannot be recognised"
        )

    def test_json_holds_the_fields_and_the_sentence(self):
        reading = Reading(code="sentinel", file="a.csv", words=("-1", "1", "5"), count=4, total=36)
        document = to_dict(reading)
        assert (document["code"], document["level"], document["topic"]) == ("sentinel", "warning", "values")
        assert document["sentence"].startswith("4 of 36 ratings are -1, apart from the scale of the others")
        assert from_dict(Reading, document) == reading

    def test_an_unknown_code_is_a_mistake_of_ours(self):
        with pytest.raises(ValueError, match="'nonsense' is not a reading"):
            Reading(code="nonsense")


class TestFiles:
    def test_what_nobody_reads_is_listed_with_what_to_do(self, tmp_path):
        scores = "item_id,metric,score\ni0,m,1\n"
        write(
            tmp_path,
            {
                "items.csv": ITEMS,
                "annotation.csv": answers([1]),
                "late_ratings.csv": answers([1]),
                "new_metric.csv": scores,
                "verdicts.csv": scores,
                "annotations_colour.csv": "item_id,colour\ni0,red\n",
                "gold.csv": "item_id,value\ni0,1\n",
                "annotate.toml": '[gold]\nfile = "gold.csv"\n',
                "scores/m.csv": scores,
                "scores/notes.txt": "made on Tuesday\n",
                "scores/config.json": '{"model": "m"}',
                "computed.json": "{}",
                "README.md": "hello",
            },
        )
        found = said(check_study(tmp_path))
        assert found["unused_answers"].words == ("annotation.csv", "late_ratings.csv")
        assert "annotations.csv: rename it" in found["unused_answers"].sentence
        assert found["unused_scores"].words == ("new_metric.csv",)
        assert found["unused_verdicts"].words == ("verdicts.csv",)
        assert found["unused_files"].words == ("computed.json", "scores/config.json", "scores/notes.txt")
        assert found["no_values"].file == "annotations_colour.csv"

    def test_a_score_table_without_any_metric_is_a_problem(self, tmp_path):
        write(tmp_path, {"items.csv": ITEMS, "scores/m.csv": "item_id,prompt,remark\ni0,cow,fine\n"})
        assert "holds no scores" in str(check_study(tmp_path).problems[0])

    def test_columns_of_the_items_in_a_score_table_are_no_metrics(self, tmp_path):
        rows = "".join(f"i{n},cow,{n},{n}.5,2024,{n / 10},note {n}\n" for n in range(12))
        table = f"item_id,generator,image_id,WorkTimeInSeconds,width,clip,remark\n{rows}"
        report = check_study(write(tmp_path, {"items.csv": ITEMS, "scores/m.csv": table}))
        assert report.counts["judges and metrics"] == 1
        found = said(report)
        assert found["columns_unused"].columns == ("generator", "remark")
        assert (found["left_out_id"].columns, found["left_out_time"].columns) == (
            ("image_id",),
            ("WorkTimeInSeconds",),
        )

    def test_no_items_table_but_one_like_it(self, tmp_path):
        write(tmp_path, {"item.csv": ITEMS})
        with pytest.raises(InputError, match=r"there is no items table.*Is 'item' it\? Rename it"):
            check_study(tmp_path)


class TestColumns:
    def test_names_of_others_are_asked_about(self, tmp_path):
        write(
            tmp_path,
            {
                "items.csv": "item_id,caption,model\ni0,cow,g\n",
                "annotations.csv": "item_id,annotator,value\ni0,ann,1\n",
            },
        )
        report = check_study(tmp_path)
        near = [r.columns for r in report.warnings if r.code == "near_column"]
        assert near == [("caption", "prompt"), ("model", "generator"), ("annotator", "rater_id")]
        assert said(report)["no_prompt"].level == "warning"

    @pytest.mark.parametrize(
        ("header", "message"),
        [
            ("id,value", "column 'item_id' is missing.*If 'id' holds it, rename that column to item_id"),
            (
                "item_id,rating",
                "column 'value' is missing.*If 'rating' holds it, rename that column to value",
            ),
            (
                "Item ID,item-id,value",
                "may be any of the columns 'Item ID', 'item-id'; name one of them item_id",
            ),
        ],
    )
    def test_a_column_that_is_needed_is_refused_with_the_one_that_may_be_it(self, tmp_path, header, message):
        row = ",".join(["i0"] * (header.count(",")) + ["1"])
        write(tmp_path, {"items.csv": ITEMS, "annotations.csv": f"{header}\n{row}\n"})
        assert any(re_found(message, str(p)) for p in check_study(tmp_path).problems)

    def test_a_column_excluded_in_a_table_is_listed(self, tmp_path):
        write(
            tmp_path,
            {
                "items.csv": ITEMS,
                "annotations.csv": "item_id,rater_id,value,excluded,seconds\ni0,ann,1,too fast,0.2\n",
            },
        )
        assert said(check_study(tmp_path))["columns_unused"].columns == ("excluded", "seconds")


def re_found(pattern: str, text: str) -> bool:
    import re

    return re.search(pattern, text) is not None


class TestNumbers:
    @pytest.mark.parametrize(
        ("values", "found"),
        [
            ([1, 2, 3, 4, 5, -1], [(-1.0, 1, (1.0, 5.0))]),
            ([1, 2, 3, 4, 5, 99, 99], [(99.0, 2, (1.0, 5.0))]),
            ([1, 2, 3, 4, 5, 0], [(0.0, 1, (1.0, 5.0))]),
            ([1, 5, 3, 2, -1, 99], [(-1.0, 1, (1.0, 5.0)), (99.0, 1, (1.0, 5.0))]),
            ([0, 1, 1, -1], [(-1.0, 1, (0.0, 1.0))]),
            ([0, 1, 99], [(99.0, 1, (0.0, 1.0))]),
            ([0, 1], []),
            ([0, 1, 2], []),
            ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], []),
            ([0, 10, 50, 99, 100], []),
            ([-2, -1, 0, 1, 2], []),
            ([0.25, 0.5, -1], []),
            ([1, 1, -1], []),
            ([0, 20, 50, -1], []),
            ([1, 5, 11, -1], [(-1.0, 1, (1.0, 11.0))]),
        ],
    )
    def test_codes_for_no_answer_stand_apart(self, values, found):
        assert sentinels(np.array(values, float)) == found

    def test_declared_missing_values_are_dropped_by_file_option_and_python(self, tmp_path, genspace):
        folder = write(
            tmp_path,
            {"items.csv": ITEMS, "annotations.csv": answers([1, 2, 3, 4, 5, -1, 2, -1, 4, "-1.0", "dk", 3])},
        )
        assert "is not a finite number" in str(check_study(folder).problems[0])
        told = Declared(missing=("-1", "dk"))
        report = check_study(folder, declared=told)
        assert (report.problems, report.counts["answers"]) == ([], 8)
        assert said(report)["missing_dropped"].count == 4
        assert evidence_of(open_study(folder, declared=told)).answers["value"].min() == 1
        assert (
            json.loads(genspace("check", folder, "--missing", "-1,dk", "--json").out)["counts"]["answers"]
            == 8
        )
        write(folder, {"study.toml": 'missing = [-1, "dk"]\n'})
        assert check_study(folder).counts["answers"] == 8

    def test_a_code_off_the_declared_scale_is_a_problem_that_says_how_to_drop_it(self, tmp_path):
        folder = write(tmp_path, {"items.csv": ITEMS, "annotations.csv": answers([1, 2, 3, 99, 99, 5])})
        report = check_study(folder, declared=Declared(scale=(1, 5)))
        assert str(report.problems[0]) == (
            "annotations.csv, line 5: value = '99': lies above scale_max = 5; if it means no answer: missing = [99] in "
            "study.toml, or `missing` 99"
        )
        assert "sentinel" not in said(report)
        assert check_study(folder, declared=Declared(scale=(1, 5), missing=("99",))).problems == []

    def test_a_declared_value_type_that_the_data_break_is_a_problem(self, tmp_path):
        folder = write(tmp_path, {"items.csv": ITEMS, "annotations.csv": answers([0, 1, 2])})
        report = check_study(folder, declared=Declared(value_type="binary"))
        assert [str(p) for p in report.problems] == [
            "annotations.csv, line 4: value = '2': is neither 0 nor 1, which value_type = \"binary\" declares"
        ]

    @pytest.mark.parametrize("command", ["check", "compare", "validate", "rank", "show"])
    def test_every_command_about_a_study_takes_the_same_declarations(self, tmp_path, genspace, command):
        rows = "".join(
            f"i{n},cow {n // 2},g{n % 2},{(9, 1 + n % 5)[n > 0]},{n % 7},{n % 6}\n" for n in range(12)
        )
        path = write(tmp_path, {"r.csv": f"item_id,prompt,generator,human,clip,mse\n{rows}"}) / "r.csv"
        names = {
            "validate": ("clip", path), "show": (path, "i3", "--out", tmp_path / "i.html")
        }.get(command, (path,))  # fmt: skip
        few = ("--draws", 50) if command in ("compare", "rank") else ()
        asked = (command, *names, "--human", "human", "--metrics", "clip,mse", *few)
        off = genspace(*asked, "--scale", "1-5")
        assert (off.code, "line 2: human = '9': lies above scale_max = 5" in off.err) == (2, True)
        off = genspace(*asked, "--value-type", "binary")
        assert (off.code, 'which value_type = "binary" declares' in off.err) == (2, True)
        assert "(did you mean 'mse'?)" in genspace(*asked, "--lower-is-better", "mes").err
        assert "positive_from = 7 lies off" in genspace(*asked, "--positive-from", 7, "--scale", "1-5").err
        settled = ("--missing", 9, "--scale", "1-5", "--lower-is-better", "mse", "--positive-from", 4)
        done = genspace(*asked, *settled)
        assert done.code == 0, done.err
        if command != "show":
            assert "11 answers" in done.out
            assert "lower is better: mse" in done.out

    def test_the_scale_is_said_declared_or_seen(self, tmp_path):
        folder = write(tmp_path, {"items.csv": ITEMS, "annotations.csv": answers([2, 3, 4])})
        seen = said(check_study(folder))["scale_seen"]
        assert (seen.words, seen.level) == (("ordinal", "2 to 4"), "said")
        declared = said(check_study(folder, declared=Declared(scale=(1, 5), value_type="ordinal")))[
            "scale_declared"
        ]
        assert (declared.words, declared.level) == (("ordinal", "1 to 5"), "certain")

    @pytest.mark.parametrize(
        ("toml", "declared", "message"),
        [
            (
                "[metrics.clpi]\nlower_is_better = true\n",
                (),
                "study.toml: metrics = 'clpi'.*did you mean 'clip'",
            ),
            ('lower_is_better = ["mes"]\n', (), "study.toml: lower_is_better = 'mes'.*did you mean 'mse'"),
            ("[metrics.vqa]\nderived = true\n", (), "study.toml: metrics = 'vqa'.*known: clip, mse"),
            ("", ("mes",), "`lower_is_better`: 'mes'.*did you mean 'mse'"),
        ],
    )
    def test_declarations_about_no_metric_are_refused(self, tmp_path, toml, declared, message):
        scores = "item_id,clip,mse\n" + "".join(f"i{n},{n},{-n}\n" for n in range(12))
        folder = write(tmp_path, {"items.csv": ITEMS, "scores/m.csv": scores, "study.toml": toml})
        study = open_study(folder, declared=Declared(lower_is_better=declared))
        with pytest.raises(InvalidFilesError, match=message):
            _ = evidence_of(study).verdicts

    def test_direction_is_declared_on_the_command_line(self, tmp_path, genspace):
        rows = "".join(f"i{n},cow {n // 2},g,{1 + n % 5},{5 - n % 5 + n / 100}\n" for n in range(12))
        path = write(tmp_path, {"r.csv": f"item_id,prompt,generator,human,mse\n{rows}"}) / "r.csv"
        names = ("compare", path, "--human", "human", "--metrics", "mse", "--draws", 0, "--json")
        plain, turned = (
            json.loads(genspace(*names, *more).out) for more in ((), ("--lower-is-better", "mse"))
        )
        rho = [d["judges"]["mse"]["item"]["spearman"]["value"] for d in (plain, turned)]
        assert rho[0] == pytest.approx(-rho[1])
        assert rho[0] < -0.9
        assert genspace(*names, "--lower-is-better", "msr").err.endswith("(did you mean 'mse'?)\n")

    def test_a_metric_below_chance_points_the_other_way_and_the_line_is_given(self, tmp_path, genspace):
        rows = "".join(
            f"i{n},cow {n // 2},g{n % 2},{1 + n * 7 % 5},{5 - n * 7 % 5 + n / 100},{1 + n * 7 % 5 + n / 100}\n"
            for n in range(60)
        )
        path = write(tmp_path, {"r.csv": f"item_id,prompt,generator,human,mse,clip\n{rows}"}) / "r.csv"
        names = ("compare", path, "--human", "human", "--metrics", "mse,clip", "--draws", 200, "--json")
        said = json.loads(genspace(*names).out)["notes"]
        assert [n["judge"] for n in said if n["code"] == "points-the-other-way"] == ["mse"]
        assert (
            "mse points the other way: declare it with --lower-is-better mse, or [metrics.mse] lower_is_better = true."
        ) in " ".join(genspace(*names[:-1]).out.split())
        turned = json.loads(genspace(*names, "--lower-is-better", "mse").out)["notes"]
        assert "points-the-other-way" not in {note["code"] for note in turned}

    @pytest.mark.parametrize("scale", ["5-1", "one to five", "1"])
    def test_a_scale_that_is_none(self, genspace, tmp_path, scale):
        result = genspace("check", write(tmp_path, {"items.csv": ITEMS}), "--scale", scale)
        assert (result.code, "--scale" in result.err) == (2, True)


class TestPeople:
    def frame(self, *raters: list[float]) -> pd.DataFrame:
        rows = [
            (f"i{n}", f"r{k}", value) for k, values in enumerate(raters) for n, value in enumerate(values)
        ]
        return pd.DataFrame(rows, columns=["item_id", "rater_id", "value"])

    def test_a_rater_on_another_scale_is_named(self):
        rng = np.random.default_rng(0)
        truth = rng.integers(1, 6, 40)
        near = [list(np.clip(truth + rng.integers(-1, 2, 40), 1, 5)) for _ in range(2)]
        found = list(suspect_raters(self.frame(*near, list(truth * 20.0)), "a.csv"))
        assert [(r.code, r.columns) for r in found] == [("rater_scale", ("r2",))]

    def test_a_rater_on_a_reversed_scale_is_named(self):
        rng = np.random.default_rng(1)
        truth = rng.integers(1, 6, 40)
        near = [list(np.clip(truth + rng.integers(-1, 2, 40), 1, 5)) for _ in range(3)]
        found = list(suspect_raters(self.frame(*near[:2], [6 - v for v in near[2]]), "a.csv"))
        assert [(r.code, r.words[0]) for r in found] == [("rater_reversed", "r2")]
        assert float(found[0].words[1]) < -0.5

    def test_raters_who_merely_disagree_are_not_accused(self):
        rng = np.random.default_rng(2)
        for _ in range(50):
            noise = [list(rng.integers(1, 6, 40)) for _ in range(4)]
            assert list(suspect_raters(self.frame(*noise), "a.csv")) == []

    @pytest.mark.parametrize(
        ("file", "column"),
        [("annotations.csv", "rater_id"), ("items.csv", "generator"), ("items.csv", "item_id")],
    )
    def test_names_alike_but_for_capitals_are_a_warning_with_both(self, tmp_path, file, column):
        files = {"items.csv": ITEMS, "annotations.csv": answers([1, 2, 3])}
        old, new = {
            "rater_id": ("i1,r0", "i1,R0"),
            "generator": (",g0\ni3", ",G0\ni3"),
            "item_id": ("i3,", "I2,"),
        }[column]
        files[file] = files[file].replace(old, new, 1)
        report = check_study(write(tmp_path, files))
        (found,) = [r for r in report.warnings if r.code == "alike_but_for_case"]
        assert found.columns == (column,)
        assert len({v.lower() for v in found.words}) == 1

    def test_names_alike_but_for_capitals_in_parts_far_apart(self, tmp_path, monkeypatch):
        monkeypatch.setattr("genspace.tables._read.PART_ROWS", 3)
        write(tmp_path, {"items.csv": ITEMS + "I0,cow,g0\n"})
        assert [r.words for r in check_study(tmp_path).warnings if r.code == "alike_but_for_case"] == [
            ("I0", "i0")
        ]

    def test_single_ratings_beside_pairs_are_counted(self, tmp_path):
        rows = "".join(f"i{n},,ann,{1 + n % 5}\n" for n in range(7)) + "i0,i1,ann,1\ni2,i3,ann,0\n"
        write(tmp_path, {"items.csv": ITEMS, "annotations.csv": f"item_id,item_id_b,rater_id,value\n{rows}"})
        found = said(check_study(tmp_path))["singles_beside_pairs"]
        assert (found.count, found.total, found.level) == (7, 2, "warning")

    @pytest.mark.parametrize(
        ("words", "values"),
        [("left,tie,right", [1, 0.5, 0]), ("A,Same,b", [1, 0.5, 0]), ("first,Second,unsure", [1, 0, None])],
    )
    def test_words_for_preferences(self, tmp_path, words, values):
        rows = "".join(f"i{2 * n},i{2 * n + 1},ann,{word}\n" for n, word in enumerate(words.split(",")))
        write(tmp_path, {"items.csv": ITEMS, "annotations.csv": f"item_id,item_id_b,rater_id,value\n{rows}"})
        found = evidence_of(open_study(tmp_path)).answers["value"]
        assert [None if pd.isna(v) else v for v in found] == values


class TestRowsOfAnswers:
    HEADER = "picture,worker,seconds,prompt,generator,rating,clip\n"

    def rows(self, *, change: str = "") -> list[str]:
        return [
            f"p{n}.png,w{k},{5 + k},cow {n // 2},g{n % 2},{1 + (n + k) % 5},0.{n:02d}{change if k == 1 and n == 3 else ''}\n"
            for n in range(8)
            for k in range(3)
        ]

    def report(self, folder: Path, header: str, rows: list[str], **options: object) -> CheckReport:
        return check_study(
            write(folder, {"t.csv": header + "".join(rows)}) / "t.csv", human=["rating"], **options
        )

    @pytest.mark.parametrize("name", ["item_id", "picture", "image", "file_name"])
    @pytest.mark.parametrize("worker", ["worker", "WorkerId", "annotator", "rater_id"])
    def test_an_item_with_a_row_per_answer_is_one_item(self, tmp_path, name, worker):
        header = self.HEADER.replace("picture", name).replace("worker", worker)
        report = self.report(tmp_path, header, self.rows())
        assert report.problems == []
        assert [report.counts[k] for k in ("items", "prompts", "raters", "answers", "verdicts")] == [
            8,
            4,
            3,
            24,
            8,
        ]
        found = said(report)["row_per_answer"]
        assert (found.count, found.total, found.columns) == (24, 8, (name, worker))

    def test_without_raters_they_are_places(self, tmp_path):
        header = self.HEADER.replace("picture", "item_id").replace("worker", "remark")
        path = write(tmp_path, {"t.csv": header + "".join(self.rows())}) / "t.csv"
        study = open_study(path, human=["rating"])
        assert sorted(evidence_of(study).answers["rater_id"].unique()) == ["slot1", "slot2", "slot3"]
        assert study.settings.raters == "slot"

    def test_rows_alike_in_everything_but_the_answer_are_refused_with_the_shape_wanted(self, tmp_path):
        rows = [",".join(row.split(",")[3:]) for row in self.rows()]
        with pytest.raises(
            InputError, match=r"24 of 24 rows are alike in everything but rating \(lines 2, 3, 4, …\)"
        ):
            self.report(tmp_path, "prompt,generator,rating,clip\n", rows)

    def test_an_item_with_two_scores_is_refused(self, tmp_path):
        header = self.HEADER.replace("picture", "item_id")
        report = self.report(tmp_path, header, self.rows(change="5"), metrics=["clip"])
        assert str(report.problems[0]) == (
            "t.csv, line 12: item_id = 'p3.png': has several rows that differ in clip; item ids are unique"
        )

    def test_a_column_of_scores_that_differ_never_vanishes_in_silence(self, tmp_path):
        header = self.HEADER.replace("picture", "item_id").replace("rating,clip", "rating,clip,vqa")
        rows = [f"{row[:-1]},0.5{n}\n" for n, row in enumerate(self.rows(change="5"))]
        rows = [row.replace(",0.5", ",0.1" if "p1" in row else ",0.2") for row in rows]
        report = self.report(tmp_path, header, [row.rpartition(",0.")[0] + f",0.{row[1]}\n" for row in rows])
        assert [r.columns for r in report.warnings if r.code == "answer_numbers"] == [("clip",)]
        assert said(report)["metrics_chosen"].columns == ("vqa",)

    def test_copies_of_rows_are_no_answers(self, tmp_path):
        header = self.HEADER.replace("picture", "item_id")
        rows = [row for row in self.rows() if ",w0," in row]
        report = self.report(tmp_path, header, rows + rows[:2])
        assert [p.row for p in report.problems] == [10, 11]
        assert all("ids are unique" in str(p) for p in report.problems)

    def test_a_rater_twice(self, tmp_path):
        header = self.HEADER.replace("picture", "item_id")
        report = self.report(tmp_path, header, [*self.rows(), "p0.png,w1,9,cow 0,g0,2,0.00\n"])
        assert (
            str(report.problems[0])
            == "t.csv, line 26: worker = 'w1': the same rater answers about the same item twice"
        )


def crowded(n: int) -> str:
    """A row of a table most of whose columns of numbers are not metrics."""
    ratings = f"{1 + n % 5},{1 + (n + 1) % 5}"
    rest = f"{100 + n},{n},1,{1700000000 + 60 * n},0.{n:02d},{'yes' if n % 2 else 'no'}"
    return f"i{n},cow {n // 2},g{n % 2},{ratings},{rest}\n"


class TestMetricsOfAWideTable:
    TABLE = "item_id,prompt,generator,human,other,sample_id,order,version,saved,clip,indoor\n" + "".join(
        map(crowded, range(12))
    )

    def test_what_is_no_metric_is_left_out_and_listed(self, tmp_path):
        path = write(tmp_path, {"t.csv": self.TABLE}) / "t.csv"
        report = check_study(path, human=["human"])
        found = said(report)
        assert found["metrics_chosen"].columns == ("clip",)
        assert {code: reading.columns for code, reading in found.items() if code.startswith("left_out")} == {
            "left_out_id": ("sample_id",), "left_out_index": ("order",), "left_out_constant": ("version",),
            "left_out_time": ("saved",), "left_out_rater": ("other",), "left_out_words": ("indoor",),
        }  # fmt: skip
        assert report.counts["judges and metrics"] == 1

    def test_named_they_are_metrics(self, tmp_path):
        path = write(tmp_path, {"t.csv": self.TABLE}) / "t.csv"
        report = check_study(path, human=["human"], metrics=["other", "indoor", "version"])
        assert (report.problems, report.counts["judges and metrics"]) == ([], 3)

    def test_nothing_left_is_refused(self, tmp_path):
        path = write(
            tmp_path,
            {"t.csv": "item_id,human,sample_id\n" + "".join(f"i{n},{n % 5},{n}\n" for n in range(9))},
        )
        with pytest.raises(InputError, match=r"no column looks like a metric.*Name them with `metrics`"):
            check_study(path / "t.csv", human=["human"])

    def test_a_column_half_of_numbers_is_a_metric_with_problems(self, tmp_path):
        half = ("0.5", '"0,5"')
        rows = "".join(f"i{n},{n % 5},{half[n % 2]}\n" for n in range(12))
        report = check_study(
            write(tmp_path, {"t.csv": f"item_id,human,clip\n{rows}"}) / "t.csv", human=["human"]
        )
        assert report.counts["judges and metrics"] == 1
        assert [p.field for p in report.problems] == ["clip"] * 6


class TestLongLists:
    def test_twenty_thousand_wrong_rows_are_under_sixty_lines(self, tmp_path, genspace):
        n = 20_000
        write(
            tmp_path,
            {
                "items.csv": "item_id,prompt\n" + "".join(f"i{k},p{k % 99}\n" for k in range(n)),
                "annotations.csv": "item_id,rater_id,value\n"
                + "".join(f"x{k}q{k * 7},r,good\n" for k in range(n)),
                "scores/a.csv": "item_id,m\n" + "".join(f"i{k},{'?' if k % 2 else k}\n" for k in range(n)),
                "scores/b.csv": "item_id,metric,score\n" + "".join(f"i{k}.png,c,0.5\n" for k in range(n)),
            },
        )
        result = genspace("check", tmp_path)
        lines = result.out.splitlines() + result.err.splitlines()
        assert (result.code, len(lines) < 60) == (2, True)
        assert (
            "70,000 problems" in result.out
        )  # 20,000 ids, 20,000 words, 10,000 marks, 20,000 ids with one cause
        assert any(
            "20,000 of 20,000 rows name items that differ by the file's ending" in line for line in lines
        )
        for place in (
            "annotations.csv, line 2: item_id",
            "annotations.csv, line 2: value",
            "scores/a.csv, line 3: m",
        ):
            assert any(place in line for line in lines), place


class TestCauses:
    @pytest.mark.parametrize(
        ("missing", "known", "words"),
        [
            (["7", "8"], ["007", "008"], "by leading zeros or a decimal point"),
            (["7.0", "8.0"], ["7", "8"], "by leading zeros or a decimal point"),
            (["A1", "B2"], ["a1", "b2"], "by capitals"),
            (["a-1", "b-2"], ["a_1", "b_2"], "by dashes, spaces and underscores"),
            (["/data/x/a.png", "/data/x/b.png"], ["a", "b"], "by folder and ending"),
            (["s1_v3", "t2_v3"], ["s1", "t2"], "by '_v3' after them"),
        ],
    )
    def test_the_common_cause(self, missing, known, words):
        cause = common_cause(missing, known)
        assert (cause.words, dict(cause.meant)) == (words, dict(zip(missing, known, strict=True)))

    def test_an_ambiguous_form_explains_nothing(self):
        # 7 may be 07 or 007: no id is meant.
        assert common_cause(["7", "8"], ["007", "07", "008", "08"]) is None


def test_counts_are_those_of_the_frames():
    items = pd.DataFrame({"item_id": ["a", "b"], "prompt_id": ["p", "p"], "generator": [None, "g"]})
    said_frame = pd.DataFrame(
        {"question": ["", ""], "item_id_b": "", "rater_id": ["r", "r"], "value": [0.2, 0.9]}
    )
    judged = pd.DataFrame({"judge": ["m", "m", "n"]})
    told = summary(items, said_frame, judged, StudySettings(lower_is_better=("n",)))
    assert told.counts == {
        "items": 2, "prompts": 1, "generators": 1, "raters": 1, "answers": 2, "judges and metrics": 2, "verdicts": 3,
    }  # fmt: skip
    assert [r.code for r in told.readings] == ["counts", "scale_seen", "judges", "lower_is_better"]
    assert told.readings[1].words == ("continuous", "0.2 to 0.9")


class TestInResults:
    """One record of what was read: on the terminal, in JSON, page and manifest, in Python."""

    def test_the_same_readings_everywhere(self, tmp_path, genspace):
        rows = "".join(f"i{n},{1 + n % 5},{n / 10}\n" for n in range(20))
        path = write(tmp_path, {"r.csv": f"item_id,human,clip\n{rows}"}) / "r.csv"
        out = tmp_path / "out"
        names = (path, "--human", "human", "--metrics", "clip")
        printed = genspace("compare", *names, "--draws", 50, "--out", out).out
        assert printed.startswith("What was read and assumed")
        assert printed.index("neither prompt nor prompt_id") < printed.index("Spearman")
        written = json.loads((out / "comparison.json").read_text())["readings"]
        assert {"counts", "no_prompt", "scale_seen", "higher_is_better"} <= {r["code"] for r in written}
        assert json.loads((out / "manifest.json").read_text())["readings"] == written
        assert "neither prompt nor prompt_id" in (out / "report.html").read_text()
        checked = json.loads(genspace("check", *names, "--json").out)["readings"]
        assert {r["code"] for r in checked} == {r["code"] for r in written}
        for command in (("validate", "clip", *names), ("rank", *names, "--draws", 20)):
            said = genspace(*command)
            assert said.out.startswith("What was read and assumed")
            assert said.err == "", "what stands in the block is not said again"
        assert "neither prompt nor prompt_id" in genspace("rank", *names, "--draws", 20, "--json").err

    def test_frames_say_what_they_come_to(self):
        items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")})
        pairs = pd.DataFrame({"item_id": ["a", "c"], "item_id_b": ["b", "d"], "value": [1, 0]})
        scores = pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
        found = compare(items=items, annotations=pairs, scores=scores, draws=0, permutations=0).document
        said = {reading.code: reading.columns for reading in found.readings}
        assert (said["pairs_of_singles"], "preferences" in said) == (("clip",), True)

    def test_a_comparison_without_them_is_read(self):
        frames = {
            "items": pd.DataFrame({"item_id": list("ab")}),
            "annotations": pd.DataFrame({"item_id": list("ab"), "value": [1, 2]}),
        }
        document = compare(**frames, draws=0, permutations=0).to_dict()
        assert document.pop("readings")
        assert Comparison.from_dict(document).document.readings == ()
