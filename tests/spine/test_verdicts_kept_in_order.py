"""Removing, renaming and setting aside verdicts; replaying a manifest from its own place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import genspace as package
from genspace.records import Verdict
from genspace.store import JudgeStore, judge_folders
from genspace.study import open_study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The demo with a judge of two fingerprints and one whose attempt failed."""
    folder = tmp_path / "my-study"
    shutil.copytree(ROOT / "examples/demo", folder)
    ids = list(open_study(folder).iter_item_ids())
    for judge, mark, score in (("vlm", "aaa1", 0.2), ("vlm", "bbb2", 0.8), ("broken", "ccc3", 0.5)):
        with JudgeStore(folder, judge).writer() as writer:
            for n, item in enumerate(ids):
                writer.write(
                    Verdict(item_id=item, score=score + n % 3 / 10).stamped(judge=judge, fingerprint=mark)
                )
    return folder


def names(folder: Path, **options: bool) -> set[str]:
    from genspace.records import Declared

    return set(package.evidence_of(open_study(folder, declared=Declared(**options))).judges)


def test_a_failed_attempt_is_removed_when_that_is_said(study: Path, genspace) -> None:
    assert "add --yes" in genspace("verdicts", "remove", study, "broken").out
    assert "broken" in names(study)
    n = len(open_study(study).items)
    assert f"{n} verdicts removed" in genspace("verdicts", "remove", study, "broken", "--yes").out
    assert "broken" not in names(study)
    result = genspace("verdicts", "remove", study, "vlmm", "--yes")
    assert (result.code, "did you mean 'vlm'" in result.err) == (2, True)


def test_the_newest_fingerprint_is_removed_and_the_one_before_counts_again(study: Path, genspace) -> None:
    store = JudgeStore(study, "vlm")
    assert store.newest() == "bbb2"
    assert genspace("verdicts", "remove", study, "vlm", "--fingerprint", "bb", "--yes").code == 0
    assert store.newest() == "aaa1"
    assert set(store.frame()["score"].round(1)) == {0.2, 0.3, 0.4}
    for wrong in ("zz", ""):  # nothing begins so, and everything does: neither says which
        for yes in ((), ("--yes",)):
            result = genspace("verdicts", "remove", study, "vlm", "--fingerprint", wrong, *yes)
            assert (result.code, "no single fingerprint begins with" in result.err) == (2, True)
    assert "fingerprint aaa1 of" in genspace("verdicts", "remove", study, "vlm", "--fingerprint", "aa").out
    assert genspace("verdicts", "remove", study, "vlm", "--fingerprint", "aaa1", "--yes").code == 0
    assert [judge for judge, _ in judge_folders(study)] == ["broken"]


def test_nothing_is_removed_while_a_run_writes(study: Path, genspace) -> None:
    with JudgeStore(study, "vlm").writer() as writer:
        writer.write(Verdict(item_id="camera_pose-0-a", score=0.5).stamped(judge="vlm", fingerprint="ddd4"))
        for words in (("remove", study, "vlm", "--yes"), ("rename", study, "vlm", "other")):
            result = genspace("verdicts", *words)
            assert (result.code, "stop that run first" in result.err) == (2, True)


def test_a_renamed_judge_keeps_every_verdict(study: Path, genspace) -> None:
    before = JudgeStore(study, "vlm").every().drop(columns="judge")
    assert genspace("verdicts", "rename", study, "vlm", "vlm: before June").code == 0
    store = JudgeStore(study, "vlm: before June")
    assert store.every().drop(columns="judge").equals(before)
    assert {verdict.judge for verdict in store.verdicts()} == {"vlm: before June"}
    assert names(study) >= {"vlm: before June", "broken"}
    for name in ("..", "../up", ".hidden"):  # no name leads out of the folder, or out of sight
        assert genspace("verdicts", "rename", study, "broken", name).code == 0
        assert (name in names(study), JudgeStore(study, name).folder.parent) == (True, study / "verdicts")
        assert genspace("verdicts", "rename", study, name, "broken").code == 0
    result = genspace("verdicts", "rename", study, "broken", "vlm: before June")
    assert (result.code, "are there" in result.err) == (2, True)


def test_a_draft_enters_tables_only_when_asked(study: Path, genspace) -> None:
    assert genspace("verdicts", "draft", study, "broken").code == 0
    assert "broken" not in names(study)
    assert "broken" in names(study, drafts=True)
    result = genspace("compare", study, "--draws", "0")
    assert "drafts left out: broken" in result.out
    assert "broken" in genspace("compare", study, "--draws", "0", "--drafts").out.partition("coverage")[2]
    assert "(draft)" in genspace("verdicts", "list", study).out
    assert genspace("verdicts", "draft", study, "broken", "--off").code == 0
    assert "broken" in names(study)


def test_a_folder_without_verdicts_is_named(tmp_path: Path, genspace) -> None:
    result = genspace("verdicts", "list", tmp_path / "nothing")
    assert (result.code, "no folder of verdicts in it" in result.err) == (2, True)


def test_a_judge_can_be_run_as_a_draft(study: Path, genspace) -> None:
    assert genspace("judge", study, "--judge", "planted:coin", "--draft").code == 0
    assert "planted:coin" not in names(study)
    assert "planted:coin" in names(study, drafts=True)


def test_a_manifest_replays_from_anywhere(
    study: Path, tmp_path: Path, genspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert genspace("compare", "my-study", "--draws", "0", "--out", "reports/june").code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    replay = ("compare", "--from", tmp_path / "reports/june/manifest.json", "--json")
    found = genspace(*replay)
    assert (found.code, found.err) == (0, "")
    assert json.loads(found.out) == json.loads((tmp_path / "reports/june/comparison.json").read_text())
    shutil.move(tmp_path / "my-study", tmp_path / "moved")
    result = genspace(*replay)
    assert (result.code, "lies neither" in result.err) == (2, True)


def test_changed_inputs_are_an_error_when_strict(study: Path, tmp_path: Path, genspace) -> None:
    assert genspace("compare", study, "--draws", "0", "--out", tmp_path / "out").code == 0
    manifest = tmp_path / "out/manifest.json"
    assert genspace("compare", "--from", manifest, "--strict").code == 0
    with (study / "annotations.csv").open("a") as file:
        file.write("camera_pose-0-a,another,1\n")
    warned, strict = (
        genspace("compare", "--from", manifest),
        genspace("compare", "--from", manifest, "--strict"),
    )
    assert (warned.code, "annotations.csv has changed" in warned.err) == (0, True)
    assert (strict.code, "annotations.csv has changed" in strict.err, strict.out) == (2, True, "")
    assert genspace("compare", study, "--strict").code == 2
