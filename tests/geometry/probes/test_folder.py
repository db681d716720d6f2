"""Probe folders: a study as it is, resumable, deterministic, refusing what is not theirs."""

from __future__ import annotations

import csv
import json
import re

import pytest

from genspace.gather import evidence_of
from genspace.geometry.probes import folder as module
from genspace.geometry.probes.folder import RenderSettings, render_study
from genspace.geometry.probes.plans import PLANS
from genspace.study import open_study

SETTINGS = RenderSettings(per_predicate=1, size=64, samples=1, seed=3, pictures=False, task="both")


@pytest.fixture
def few(monkeypatch):
    """Three plans instead of all."""
    names = ("t2i-egocentric-left", "t2i-camera_distance-2", "edit-resize-taller")
    monkeypatch.setattr(module, "PLANS", {name: PLANS[name] for name in names})


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_a_study_whose_rater_is_the_truth(tmp_path, few):
    rows = render_study(tmp_path / "probes", SETTINGS, workers=1)
    study = open_study(tmp_path / "probes")
    assert list(study.items["item_id"]) == [row["item_id"] for row in rows]
    assert set(evidence_of(study).answers["rater_id"]) == {"truth"}
    assert list(evidence_of(study).answers["value"]) == [row["truth"] for row in rows]
    assert "not by people" in study.settings.question


def test_an_interrupted_run_goes_on_and_gives_the_same_files(tmp_path, few, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    render_study(whole, SETTINGS, workers=1)
    real, calls = module.write_probe, []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **options)

    monkeypatch.setattr(module, "write_probe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        render_study(broken, SETTINGS, workers=1)
    render_study(broken, SETTINGS, workers=1)
    assert len(calls) == 1 + 1 + 2  # one whole, one broken off, then the two that were missing
    assert contents(whole) == contents(broken)


def test_edits_are_pairs_of_scenes(tmp_path, few):
    rows = render_study(tmp_path / "probes", SETTINGS, workers=1)
    (edit,) = (row for row in rows if row["task"] == "edit")
    assert edit["image_before"] == f"{edit['item_id']}-before.jpg"
    pair = json.loads((tmp_path / "probes/images" / f"{edit['item_id']}.pair.json").read_text())
    assert pair["camera"] == "static"
    assert (tmp_path / "probes/images" / pair["before"]).is_file()


def test_comparisons_speak_of_the_known_truth_never_of_people(tmp_path, few, genspace):
    render_study(tmp_path / "probes", SETTINGS, workers=1)
    assert genspace("judge", tmp_path / "probes", "--judge", "scene").code == 0
    result = genspace("compare", tmp_path / "probes", "--out", tmp_path / "report")
    assert "with the known truth" in result.out
    page = (tmp_path / "report/report.html").read_text()
    body = page.partition("<body>")[2].partition("<details><summary>Manifest")[0]
    question = open_study(tmp_path / "probes").settings.question
    for text in (result.out, body.replace(question, "")):
        assert "known truth" in text
        assert not re.search("people|human", text, re.IGNORECASE)
    shown = genspace("show", tmp_path / "probes", "t2i-egocentric-left-000").out
    assert "the known truth:\n  truth: " in shown


def test_other_settings_and_foreign_folders_are_refused(tmp_path, few, genspace):
    render_study(tmp_path / "probes", SETTINGS, workers=1)
    result = genspace("probe", "render", tmp_path / "probes", "--seed", 4, "--no-pictures")
    assert result.code == 2
    assert "seed = 3, now 4" in result.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("mine")
    result = genspace("probe", "render", tmp_path / "mine")
    assert result.code == 2
    assert "not empty" in result.err


def test_the_command_makes_the_tables(tmp_path, few, genspace):
    out = tmp_path / "probes"
    result = genspace(
        "probe", "render", out, "--per-predicate", 1, "--size", 64, "--no-pictures", "--workers", 1
    )
    assert result.code == 0, result.err
    assert "3 probes of 3 variants" in result.out
    with (out / "items.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["task"] for row in rows] == ["t2i", "t2i", "edit"]
    assert all(row["truth"] == str(int(float(row["error"]) <= float(row["inner"]))) for row in rows)
