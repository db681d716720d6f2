"""Long tables are read in parts: the same items, verdicts and problems as from the whole, and nothing held."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import genspace.tables
from genspace.errors import InvalidFilesError
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.records import Verdict
from genspace.runner import FAILURES_KEPT, RunOptions, RunSummary, run
from genspace.store import JudgeStore, compact
from genspace.study import Study, check_study, open_study
from genspace.tables import read_parts, read_table

ITEMS = pd.DataFrame(
    {
        "item_id": [f"i{n}" for n in range(10)],
        "prompt": ['a cow, "left"', "two\nlines", "", " spaces ", "ä", "=1+1", "x", "y", "z", "cow"],
        "prompt_id": [f"p{n // 3}" for n in range(10)],
        "size": ["", *"123456789"],
    }
)
SCORES = pd.DataFrame(
    {
        "item_id": [f"i{n}" for n in range(9)],  # i9 has no row
        "score": ["0.5", "", "", *("0.25",) * 6],
        "passed": ["yes", "no", "", *("",) * 6],
        "reason": ["", "", "error: 503", *("",) * 6],
        "status": ["", "", "failed", *("",) * 6],
    }
)


def write(frame: pd.DataFrame, folder: Path, stem: str, ending: str) -> Path:
    """Write a table in any of the formats."""
    path = folder / f"{stem}{ending}"
    if ending == ".parquet":
        frame.to_parquet(path)
    elif ".json" in ending:
        frame.to_json(path, orient="records", lines=".jsonl" in ending, force_ascii=False)
    else:
        frame.to_csv(path, index=False, sep="," if ".csv" in ending else "\t")
    return path


@pytest.fixture
def parts_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genspace.tables._read.PART_ROWS", 3)


def judged(study: Study) -> dict[str, Verdict]:
    """Return the table judge's verdicts, by item."""
    spec = JudgeSpec(name="m", kind="table", model="m.csv")
    run(study, make_judge(spec, JudgeContext(study=study)), "m")
    return {key[0]: verdict for key, verdict in JudgeStore(study.root, "m").current().items()}


@pytest.mark.parametrize(
    "ending", [e for e in genspace.tables.SUFFIXES if e not in {".xls", ".xlsx", ".ods"}]
)
def test_parts_are_the_whole_table(tmp_path: Path, ending: str, parts_of_three: None) -> None:
    path = write(ITEMS, tmp_path, "items", ending)
    parts = [part.frame for part in read_parts(path)]
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert all(list(part.index) == list(range(len(part))) for part in parts)
    whole = read_table(path).frame
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert whole.to_dict("list") == ITEMS.to_dict("list")


@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz", ".parquet"])
def test_a_run_holds_neither_items_nor_scores_and_says_the_same(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts, items = [], []
    much = 1 << 20
    for rows, held, of_file in ((10_000, much, much), (3, much, much), (3, 100, much), (3, much, 9)):
        monkeypatch.setattr("genspace.tables._read.PART_ROWS", rows)
        monkeypatch.setattr("genspace.study._items.HELD_BYTES", held)
        monkeypatch.setattr("genspace.study._items.HELD_FILE_BYTES", of_file)
        folder = tmp_path / f"{rows}-{held}-{of_file}"
        folder.mkdir()
        write(ITEMS, folder, "items", ending)
        write(SCORES, folder, "m", ".csv")
        study = open_study(folder)
        items.append(list(study.iter_items()))
        verdicts.append(judged(study))
        assert (study.items_table.whole is None) == (held == 100 or of_file == 9)
    assert "frame" not in vars(study.items_table)  # the whole was never read
    assert items[0] == items[1] == items[2] == items[3]
    assert verdicts[0] == verdicts[1] == verdicts[2] == verdicts[3]
    # By hand: score 0.5 and yes; "no" alone is a score of 0; an error; no row.
    found = {name: (v.status, v.score, v.passed, v.reason) for name, v in verdicts[1].items()}
    assert found["i0"] == ("decided", 0.5, True, None)
    assert found["i1"] == ("decided", 0.0, False, None)
    assert found["i2"] == ("failed", None, None, "error: 503")
    assert found["i9"] == ("abstained", None, None, "no row in m.csv")


@pytest.mark.parametrize(
    ("items", "line"),
    [
        ("item_id\n" + "".join(f"i{n}\n" for n in range(8)) + "i0\n", 10),  # twice, in parts far from one another
        ("item_id,image\n" + "i{},a.png\n" * 8 + "i9,../a.png\n", 10),
        ("item_id\n" + "i{}\n" * 5 + '" "\n' + "i{}\n" * 3, 7),
    ],
)  # fmt: skip
def test_a_problem_in_any_part_is_named_with_its_line(
    tmp_path: Path, items: str, line: int, parts_of_three: None
) -> None:
    (tmp_path / "items.csv").write_text(items.format(*range(10)))
    problems = check_study(tmp_path).problems
    assert [problem.row for problem in problems] == [line]
    with pytest.raises(InvalidFilesError):
        open_study(tmp_path)


def test_json_lines_whose_rows_differ_are_read_whole(tmp_path: Path, parts_of_three: None) -> None:
    rows = [f'{{"item_id": "i{n}", "prompt": "p"}}\n' for n in range(4)] + [
        '{"item_id": "i9", "prompt_id": "q"}\n'
    ]
    (tmp_path / "items.jsonl").write_text("".join(rows) + "\n")
    study = open_study(tmp_path)
    assert [item.prompt_id for item in study.iter_items()] == [None] * 4 + ["q"]
    (tmp_path / "items.jsonl").write_text("".join(rows[:3]) + "{\n" + rows[3])
    with pytest.raises(InvalidFilesError, match="line 4: is not JSON"):
        open_study(tmp_path)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("stranger,1\n", r"m\.csv, line 8.*is not an item"),
        ("i0,1\n", r"m\.csv, line 8.*scored twice"),
        ("i7,much\n", r"m\.csv, line 8.*is not a finite number"),
    ],
)
def test_a_problem_in_any_part_of_a_score_table_is_named(
    tmp_path: Path, row: str, message: str, parts_of_three: None
) -> None:
    write(ITEMS, tmp_path, "items", ".csv")
    (tmp_path / "m.csv").write_text("item_id,score\n" + "".join(f"i{n},1\n" for n in range(6)) + row)
    with pytest.raises(InvalidFilesError, match=message):
        judged(open_study(tmp_path))


def test_a_table_of_several_metrics_in_parts(tmp_path: Path, genspace, parts_of_three: None) -> None:
    write(ITEMS, tmp_path, "items", ".csv")
    (tmp_path / "m.csv").write_text("item_id,a,b\n" + "".join(f"i{n},{n / 10},{n}\n" for n in range(10)))
    assert "which metric" in genspace("judge", tmp_path, "--judge", "table:m.csv").err
    done = genspace("judge", tmp_path, "--judge", "table:m.csv", "-o", "table:m.csv.metric=b")
    assert done.code == 0, done.err
    scores = {k[0]: v.score for k, v in JudgeStore(tmp_path, "table:m.csv").current().items()}
    assert scores == {f"i{n}": float(n) for n in range(10)}


def test_what_is_done_repeats_shards_and_compaction_in_parts(tmp_path: Path, parts_of_three: None) -> None:
    write(ITEMS, tmp_path, "items", ".csv")
    write(SCORES, tmp_path, "m", ".csv")
    study = open_study(tmp_path)
    judge = make_judge(JudgeSpec(name="m", kind="table", model="m.csv"), JudgeContext(study=study))
    asked = [
        run(study, judge, "m", options).asked
        for options in (
            RunOptions(shard=(1, 2)), RunOptions(limit=2), RunOptions(), RunOptions(), RunOptions(repeats=2),
            RunOptions(retry="errors"),
        )
    ]  # fmt: skip
    assert sum(asked[:3]) == 10
    assert asked[3:] == [0, 10, 1]
    store = JudgeStore(tmp_path, "m")
    before = store.current()
    assert store.frame().index.tolist() == list(range(20)), "one row a key: an item's failure was asked again"
    assert compact(store)[1] == len(before) == 20
    assert store.current() == before
    assert run(study, judge, "m", RunOptions(repeats=2)).asked == 0


def test_a_summary_counts_all_failures_and_holds_the_first() -> None:
    summary = RunSummary("m")
    for n in range(FAILURES_KEPT + 5):
        summary.add(Verdict(item_id=f"i{n}", status="failed", reason="error: 503"))
    assert (summary.status["failed"], len(summary.failures)) == (FAILURES_KEPT + 5, FAILURES_KEPT)
    assert summary.failures[0].item_id == "i0"
