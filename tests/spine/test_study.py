"""Studies are read as they stand, and every problem of every file is named at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genspace.errors import InputError, InvalidFilesError
from genspace.gather import evidence_of
from genspace.records import Verdict
from genspace.store import JudgeStore
from genspace.study import check_study, open_study


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path = path.with_name(
            path.name.replace("_csv", ".csv").replace("_toml", ".toml").replace("_jsonl", ".jsonl")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def messages(folder: Path) -> list[str]:
    return [str(p) for p in check_study(folder).problems]


def test_published_folders_are_studies_as_they_are(data: Path) -> None:
    counts = {
        name: check_study(data / "human" / name).counts
        for name in ("tifa160", "dsg_tifa160", "dsg1k", "geneval", "spatialbench_uc")
    }
    assert counts["tifa160"] == {
        "items": 800, "prompts": 160, "generators": 5, "raters": 2, "answers": 1600,
        "judges and metrics": 10, "verdicts": 8000,
    }  # fmt: skip
    assert (counts["dsg_tifa160"]["answers"], counts["dsg_tifa160"]["judges and metrics"]) == (3995, 9)
    assert (counts["dsg1k"]["items"], counts["dsg1k"]["answers"]) == (1060, 0)
    assert (counts["geneval"]["items"], counts["geneval"]["answers"]) == (1200, 12000)
    assert (counts["spatialbench_uc"]["items"], counts["spatialbench_uc"]["answers"]) == (2400, 200)


def test_second_question_is_the_second_annotations_file(data: Path) -> None:
    annotations = evidence_of(open_study(data / "human/geneval")).answers
    assert annotations.groupby("question").size().to_dict() == {"": 6000, "correct": 6000}


def test_line_numbers_hold_after_line_breaks_in_cells(tmp_path: Path) -> None:
    # The first item's prompt spans lines 2 and 3, so the duplicate id stands on line 5.
    folder = write(tmp_path, items_csv='item_id,prompt\na,"two\nlines"\nb,x\na,y\n')
    assert messages(folder) == ["items.csv, line 5: item_id = 'a': occurs twice; item ids are unique"]


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        study_toml='scale_min = 1\nscale_max = 5\nvalue_type = "ordinal"\n',
        items_csv="item_id,image\na,../secret.png\nb,b.png\n",
        annotations_csv="item_id,rater_id,value\na,r1,7\nzzz,r1,3\nb,r1,good\nb,r1,2\n",
        scores__clip_csv="item_id,metric,score\na,clip,inf\nb,clip,0.5\nb,clip,0.6\n",
        scores__short_csv="item,score\n",
    )
    assert messages(folder) == [
        "items.csv, line 2: image = '../secret.png': leaves the study; use a name relative to its folder",
        (
            "annotations.csv, line 4: value = 'good': is not a finite number; write a number, or declare that it means no "
            'value: missing = ["good"]'
        ),
        "annotations.csv, line 2: value = '7': lies above scale_max = 5",
        "annotations.csv, line 3: item_id = 'zzz': is not an item of the items table",
        "annotations.csv, line 5: item_id = 'b': the same rater answers the same question twice",
        "scores/clip.csv, line 2: score = 'inf': is not a finite number; write the largest number that can occur",
        "scores/clip.csv, line 4: item_id = 'b': is scored twice by one metric",
        "scores/short.csv: column 'item_id' is missing; there are: item, score. If 'item' holds it, rename that column to item_id",
    ]


def test_study_toml_names_wrong_keys_and_values(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        items_csv="item_id\na\n",
        study_toml='value_typ = "binary"\nraters = "robot"\nbreakdowns = ["x"]\n',
    )
    found = messages(folder)
    assert "study.toml: value_typ = 'binary': there is no such setting (did you mean 'value_type'?)" in found
    assert any(m.startswith("study.toml: raters = 'robot': must be 'person' or 'slot'") for m in found)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('gate = {rules = "coverage >= 0.9"}', """gate.rules = 'coverage >= 0.9': must be a list: write ["coverage >= 0.9"]"""),
        ('gate = {open = "pass"}', "gate.open = 'pass': must be 'fails' or 'passes'"),
        ("gate = {ruls = []}", "gate.ruls = []: there is no such setting (did you mean 'rules'?)"),
        ("gate = 3", "gate = 3: must be a table"),
        ("missing = 0", "missing = 0: must be a list: write [0]"),
        ("missing = [[1]]", "missing.0 = [1]: must be a number, without quotation marks, or a text, in quotation marks"),
        ("images = 3", "images = 3: must be a text, in quotation marks"),
        ('metrics = {clip = {lower_is_better = "x"}}', "metrics.clip.lower_is_better = 'x': must be true or false"),
    ],
)  # fmt: skip
def test_a_wrong_kind_of_value_is_told_what_to_write(tmp_path: Path, line: str, told: str) -> None:
    folder = write(tmp_path, items_csv="item_id\na\n", study_toml=f"{line}\n")
    assert f"study.toml: {told}" in messages(folder)


def test_contradicting_scale_is_a_problem(tmp_path: Path) -> None:
    folder = write(
        tmp_path, items_csv="item_id\na\n", study_toml="scale_min = 5\nscale_max = 1\npositive_from = 9\n"
    )
    assert len(messages(folder)) == 2


def test_judge_tables_hold_kind_model_and_options(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        items_csv="item_id\na\n",
        study_toml='[judges.gpt]\nkind = "vlm"\nmodel = "m"\nprotocol = "rating"\n[metrics.err]\nlower_is_better = true\n',
    )
    study = open_study(folder)
    table = study.declared.judges["gpt"]
    assert (table.kind, table.model, dict(table.options)) == ("vlm", "m", {"protocol": "rating"})
    assert study.settings.lower_is_better == ("err",)


def test_decisions_without_scores_become_scores(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        items_csv="item_id\na\nb\nc\nd\n",
        metric_verdicts_csv="item_id,metric,verdict,reason\na,m,PASS,\nb,m,FAIL,\nc,m,UNDECIDABLE,two cows\nd,m,ERROR,503\n",
    )
    verdicts = evidence_of(open_study(folder)).verdicts.set_index("item_id")
    assert verdicts["status"].to_dict() == {"a": "decided", "b": "decided", "c": "abstained", "d": "failed"}
    assert verdicts["score"].loc[["a", "b"]].tolist() == [1.0, 0.0]
    assert verdicts["score"].loc[["c", "d"]].isna().all()
    assert verdicts.loc["c", "reason"] == "two cows"


def test_score_files_one_column_per_metric_and_default_name(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        items_csv="item_id\na\nb\n",
        scores__wide_csv="item_id,m1,m2\na,1,2\nb,3,\n",
        scores__mine_csv="item_id,score\na,5\n",
    )
    verdicts = evidence_of(open_study(folder)).verdicts
    assert sorted(verdicts["judge"].unique()) == ["m1", "m2", "mine"]
    missing = verdicts[(verdicts["judge"] == "m2") & (verdicts["item_id"] == "b")].iloc[0]
    assert (missing["status"], missing["reason"]) == ("abstained", "no score in scores/wide.csv")


def test_formats_give_the_same_frames(tmp_path: Path) -> None:
    rows = [{"item_id": "a", "rater_id": "r", "value": 1}, {"item_id": "b", "rater_id": "r", "value": None}]
    frames = []
    for kind in ("csv", "csv.gz", "tsv", "jsonl", "parquet"):
        folder = tmp_path / kind
        write(folder, items_csv="item_id\na\nb\n")
        target = folder / f"annotations.{kind}"
        if kind == "csv":
            target.write_text("item_id,rater_id,value\na,r,1\nb,r,\n")
        elif kind == "csv.gz":
            target.write_bytes(gzip.compress(b"item_id,rater_id,value\na,r,1\nb,r,\n"))
        elif kind == "tsv":
            target.write_text("item_id\trater_id\tvalue\na\tr\t1\nb\tr\t\n")
        elif kind == "jsonl":
            target.write_text("".join(json.dumps(r) + "\n" for r in rows))
        else:
            pd.DataFrame(rows).to_parquet(target)
        frames.append(evidence_of(open_study(folder)).answers)
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frame, frames[0])
    assert frames[0]["value"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("items.csv", b"", "is empty"),
        ("items.csv", b"item_id\n\xff\xfe\n", "is not UTF-8"),
        ("items.csv", b"item_id,x\na,1,2,3\n", "line 2: holds 4 cells, the header 2"),
        (
            "items.csv",
            b"item_id,x\na,1\nb,1,2,3\nc,1,2\n",
            "line 3: holds 4 cells.*\n.*line 4: holds 3 cells",
        ),
        (
            "items.csv",
            b'item_id,x\na,1\nb,"open\nc,1\n',
            "line 3: a cell's quotation marks are wrong or left open",
        ),
        ("items.csv.gz", b"item_id\na\n", "is not a gzipped file: it holds text"),
        ("items.csv.gz", gzip.compress(b"item_id\na\n" * 99, mtime=0)[:-9], "cannot be read: "),
        ("items.parquet", b"PAR1 cut short", "cannot be read as Parquet"),
        ("items.csv", b"item_id,item_id\na,b\n", "column occurs twice"),
        ("items.jsonl", b'{"item_id": "a"}\n{"item', "is not JSON"),
        ("items.jsonl", b"[1]\n", "one JSON object a line"),
        ("items.csv", b"id\na\n", "column 'item_id' is missing"),
    ],
)
def test_unreadable_tables_are_named(tmp_path: Path, name: str, content: bytes, part: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidFilesError, match=part):
        open_study(tmp_path)


@pytest.mark.parametrize("ends", ["\r\n", "\r"], ids=["Windows", "old Mac"])
def test_line_ends_of_other_systems(tmp_path: Path, ends: str) -> None:
    for name, text in {
        "items.csv": "item_id,prompt\na,x\nb,y\n\n",
        "annotations.jsonl": '{"item_id": "a", "value": 1}\n{"item_id": "c", "value": 2}\n\n',
        "metric_scores.csv": "item_id,metric,score\na,m,1\nb,m,x\n",
    }.items():
        (tmp_path / name).write_bytes(text.replace("\n", ends if name.endswith("csv") else "\r\n").encode())
    report = check_study(tmp_path)
    found = [(p.file, p.row, p.value) for p in report.problems]
    assert found == [("annotations.jsonl", 2, "c"), ("metric_scores.csv", 3, "x")]
    assert (report.counts["items"], report.counts["answers"]) == (2, 2)


def test_a_cell_that_a_spreadsheet_left_out_is_empty(tmp_path: Path) -> None:
    folder = write(
        tmp_path, items_csv="item_id\na\nb\n", scores__m_csv="item_id,score,reason\na,1\nb,,unsure\n"
    )
    assert evidence_of(open_study(folder)).verdicts["status"].tolist() == ["decided", "abstained"]


def test_wrong_columns_and_numbers_are_named_not_guessed(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        items_csv="item_id\na\nb\n",
        annotations_csv=f"item_id,rater,value,repeat\na,ann,1e200,0.5\nb,ann,{'9' * 5000}x,-1\n",
        scores__m_csv="item_id,metric,value\na,clip,1\n",
    )
    report = check_study(folder)
    assert [str(p) for p in report.problems] == [
        "annotations.csv, line 2: repeat = '0.5': is not a whole number from 0",
        "annotations.csv, line 3: repeat = '-1': is not a whole number from 0",
        f"annotations.csv, line 3: value = '{'9' * 119}… (5,003 characters): is not a finite number; write a number",
        "annotations.csv, line 2: value = '1e200': is beyond 1e+100, too large to compute with",
        (
            "scores/m.csv: column 'score' is missing; there are: item_id, metric, value. If 'value' holds it, rename that "
            "column to score"
        ),
    ]
    said = [str(r) for r in report.readings if r.file == "annotations.csv"]
    assert said[1:] == [
        "annotations.csv: no column rater_id: answers are numbered in the order of the file",
        "annotations.csv: column 'rater' is not read; rename it to rater_id if that is what it holds",
        "annotations.csv: columns not read: rater",
    ]


def test_what_is_left_out_is_said_when_it_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write(tmp_path, items_csv="item_id\na\n", annotations_extra_csv="item_id,colour\na,red\n")
    with caplog.at_level("INFO"):
        assert evidence_of(open_study(folder)).answers.empty
    assert "annotations_extra.csv: is not read as answers: it has no column value" in caplog.text


def test_check_names_judges_figures_and_predicates_that_nobody_knows(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    folder = write(
        tmp_path,
        study_toml='primary = "pearsonn"\n[judges.a]\nkind = "tabel"\n[judges.b]\nkind = "scene"\n',
        items_csv='item_id,prompt,predicate\na,"two\nlines","image_relation(cat, dog, relation=left_of)"\n'
        'b,x,"object_distance(cat, dog, value_m=1)"\nc,x,\nd,x,"object_distance(cat, dog)"\ne,x,nonsense\n',
    )
    result = genspace("check", folder, "--json")
    assert result.code == 2
    assert json.loads(result.out)["problems"] == [
        "study.toml: judges.a.kind = 'tabel': is not a kind of judge (did you mean 'table'?)",
        "study.toml: primary: unknown figure 'pearsonn' (did you mean 'pearson'?)",
        "items.csv, line 6: predicate = 'object_distance(cat, dog)': value_m is needed, such as value_m=0.5",
        "items.csv, line 7: predicate = 'nonsense': expected a call such as camera_pose_front(cat)",
    ]


def test_no_study_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no items table"):
        open_study(tmp_path)
    with pytest.raises(InputError, match="no such folder or table"):
        open_study(tmp_path / "absent")


def test_wide_table(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text("prompt,human,second,clip,vqa,remark\np1,1,2,0.5,0.1,x\np1,3,,0.6,,y\n")
    study = open_study(path, human=["human", "second"])
    assert study.items["item_id"].tolist() == ["row-1", "row-2"]
    assert study.items["prompt_id"].tolist() == ["p1", "p1"]
    assert sorted(evidence_of(study).verdicts["judge"].unique()) == ["clip", "vqa"]
    assert evidence_of(study).answers[["rater_id", "value"]].to_numpy().tolist() == [
        ["human", 1.0],
        ["human", 3.0],
        ["second", 2.0],
    ]
    with pytest.raises(InputError, match="did you mean 'clip'"):
        open_study(path, human=["human"], metrics=["clap"])
    with pytest.raises(InputError, match="`human` COLUMN"):
        open_study(path)


def test_a_wide_table_of_a_newcomer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def opened(text: str):
        path = tmp_path / "results.csv"
        path.write_text(text)
        return open_study(path, human=["human"])

    with caplog.at_level("INFO", logger="genspace"):
        study = opened("item_id,human,clip,vqa,note\na,1,0.2,n/a,3 cows\nb,0,0.1,0.4,fine\n")
    assert sorted(evidence_of(study).verdicts["judge"].unique()) == ["clip", "vqa"]
    assert "`metrics` is not given, so columns of numbers are metrics: clip, vqa" in caplog.text
    for cell, advice in (
        ("yes", "human = 'yes': is not a finite number; write 1 for yes and 0 for no"),
        ('"0,5"', "human = '0,5': is not a finite number; write decimals with a point"),
    ):
        with pytest.raises(InvalidFilesError, match=f"line 2: {advice}"):
            opened(f"item_id,human,clip\na,{cell},0.2\nb,0.25,0.1\n")
    with pytest.raises(InvalidFilesError, match="line 3: clip = 'missing': is not a finite number"):
        opened("item_id,human,clip\na,1,0.2\nb,0,missing\nc,0,0.1\n")
    with pytest.raises(InputError, match=r"nothing\.csv: there is no such folder or table"):
        open_study(tmp_path / "nothing.csv", human=["human"])


def test_files_never_leave_the_study(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = write(tmp_path / "study", items_csv="item_id\na\n", images__a_txt="x")
    (folder / "images" / "link.png").symlink_to(tmp_path / "secret.txt")
    files = open_study(folder).files
    for name in (
        "../secret.txt",
        str(tmp_path / "secret.txt"),
        "images/../../secret.txt",
        "file:///etc/passwd",
    ):
        with pytest.raises(InputError, match="leaves the study"):
            files.read(name)
    with pytest.raises(InputError, match="leaves the study"):
        files.read("link.png")


def test_images_named_by_item_id_are_found(tmp_path: Path) -> None:
    folder = write(tmp_path, items_csv="item_id,image\na,\nb,sub/b.png\n")
    (folder / "images").mkdir()
    (folder / "images" / "a.jpg").write_bytes(b"jpg")
    study = open_study(folder)
    assert [i.image for i in study.iter_items()] == ["a.jpg", "sub/b.png"]
    assert study.files.read("a.jpg") == b"jpg"
    assert "1 of 2 images are missing" in str(check_study(folder).readings[-1])


def test_images_from_another_file_system(tmp_path: Path) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/bucket/a.png", b"png")
    folder = write(tmp_path, items_csv="item_id\na\n", study_toml='images = "memory://bucket"\n')
    study = open_study(folder)
    assert [i.image for i in study.iter_items()] == ["a.png"]
    assert study.files.read("a.png") == b"png"


def test_verdict_files_newest_fingerprint_last_line_no_torn_line(tmp_path: Path) -> None:
    folder = write(tmp_path, items_csv="item_id\na\nb\n")
    store = JudgeStore(folder, "hf:org/model")
    first = Verdict(item_id="a", score=0.1).stamped(judge="hf:org/model", fingerprint="f1")
    with store.writer() as writer:
        writer.write(first)
    with store.writer() as writer:
        for score in (0.2, 0.3):
            writer.write(Verdict(item_id="a", score=score).stamped(judge="hf:org/model", fingerprint="f2"))
    last = store.files()[-1]
    last.write_text(last.read_text() + '{"item_id": "b", "sco')
    assert [p.name for p in store.files()] == ["000001.jsonl", "000002.jsonl"]
    assert {k[0]: v.score for k, v in store.current().items()} == {"a": 0.3}
    done = store.done("f1")
    assert [key in done for key in (("a", None, None, 0), ("a", None, None, 1), ("b", None, None, 0))] == [
        True, False, False,
    ]  # fmt: skip
    frame = evidence_of(open_study(folder)).verdicts
    assert frame[["judge", "origin", "score"]].to_numpy().tolist() == [["hf:org/model", "judge", 0.3]]


def test_broken_line_inside_a_verdict_file_is_named(tmp_path: Path) -> None:
    folder = write(
        tmp_path, items_csv="item_id\na\n", verdicts__m__000001_jsonl='nonsense\n{"item_id": "a"}\n'
    )
    assert "verdicts/m/000001.jsonl, line 1: is not a verdict" in messages(folder)[0]
