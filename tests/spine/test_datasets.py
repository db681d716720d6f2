"""The converters turn the authors' files into the tables that stand beside them, cell by cell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from genspace.datasets import CATALOGUE, fetch, write_study
from genspace.datasets._fetch import _download, table_digest
from genspace.datasets._viescore import TASKS
from genspace.errors import InputError
from genspace.gather import evidence_of
from genspace.study import check_study, open_study

RAW = {"tifa160": "tifa160", "dsg_tifa160": "dsg", "geneval": "geneval"}


def rows(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    if "score" in frame:
        frame["score"] = frame["score"].astype(float).round(12)
    if "prompt" in frame:
        # Two of DSG's prompts lack the white space at the end that TIFA's own file has.
        frame["prompt"] = frame["prompt"].str.strip()
    return frame.sort_values(list(frame.columns), ignore_index=True)


@pytest.mark.parametrize("name", RAW)
def test_converted_tables_equal_the_published_ones(name: str, data: Path, tmp_path: Path) -> None:
    write_study(CATALOGUE[name], data / "raw" / RAW[name], tmp_path)
    published = data / "human" / name
    tables = {p.name for p in published.glob("*.csv")}
    assert {p.name for p in tmp_path.glob("*.csv")} == tables
    for table in sorted(tables):
        pd.testing.assert_frame_equal(rows(tmp_path / table), rows(published / table), obj=table)
    assert check_study(tmp_path).problems == []
    study = open_study(tmp_path)
    assert study.declared.source["licence"] == CATALOGUE[name].licence
    assert study.settings.raters == CATALOGUE[name].study["raters"]


@pytest.mark.parametrize("name", RAW)
def test_pinned_digests_are_those_of_the_files_as_published(name: str, data: Path) -> None:
    import hashlib

    for path, digest in CATALOGUE[name].files.items():
        local = data / "raw" / RAW[name] / Path(path).name
        assert hashlib.sha256(local.read_bytes()).hexdigest() == digest


def test_fetch_verifies_and_caches(data: Path, tmp_path: Path) -> None:
    """Files already in the cache are verified against the pinned digest and used without a network."""
    dataset = CATALOGUE["tifa160"]
    cache = tmp_path / "cache"
    target = cache / dataset.commit / "human_annotations_with_scores.json"
    target.parent.mkdir(parents=True)
    target.write_bytes((data / "raw/tifa160/human_annotations_with_scores.json").read_bytes())
    fetch("tifa160", tmp_path / "study", cache)
    assert len(open_study(tmp_path / "study").items) == 800
    with pytest.raises(InputError, match="is not empty"):
        fetch("tifa160", tmp_path / "study", cache)


def test_no_network_is_one_message(genspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr("requests.sessions.Session.request", refuse)
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    result = genspace("fetch", "tifa160", "--to", tmp_path / "out")
    assert result.code == 2
    assert result.err.startswith("genspace: cannot download https://raw.githubusercontent.com/Yushi-Hu/tifa/")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(("digest", "known"), [("ab12", "sha256:ab12"), (None, None)])
def test_what_is_downloaded_is_checked_where_its_digest_is_known(
    digest: str | None, known: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []

    def retrieve(_url: str, *, known_hash: str | None, path: Path, fname: str) -> str:
        asked.append(known_hash)
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert _download("https://example.org/a.csv", digest, tmp_path / "a.csv") == tmp_path / "a.csv"
    assert asked == [known]


def test_unknown_name(genspace) -> None:
    result = genspace("fetch", "tifa16")
    assert (result.code, "did you mean 'tifa160'" in result.err) == (2, True)


def test_the_list_shows_licence_and_citation(genspace) -> None:
    result = genspace("fetch", "--list")
    assert "Apache-2.0" in result.out
    assert "arXiv 2310.11513" in result.out


def _alpha(votes: pd.DataFrame) -> float:
    """Krippendorff's alpha of yes and no, by hand from the counts of each item (Krippendorff 2004, section 11.3)."""
    counts = pd.crosstab(votes["item_id"], votes["value"])
    counts = counts[counts.sum(axis=1) > 1]
    weight = counts.sum(axis=1) - 1
    disagreement = (counts[0] * counts[1] / weight).sum()
    no, yes = counts.sum()
    return 1 - (no + yes - 1) * disagreement / (no * yes)


def test_vsr_holds_every_vote(data: Path, tmp_path: Path) -> None:
    write_study(CATALOGUE["vsr"], data / "raw/vsr", tmp_path)
    report = check_study(tmp_path)
    assert report.problems == []
    assert (report.counts["items"], report.counts["answers"]) == (12809, 39057)
    study = open_study(tmp_path)
    votes, items = evidence_of(study).answers, study.items.set_index("item_id")
    assert items["relation"].nunique() == 66
    assert (votes["repeat"] > 0).sum() == 379
    # The authors kept what at least two thirds of the votes call what its author called it.
    yes = votes.groupby("item_id")["value"].agg(["sum", "count"]).reindex(items.index)
    agree = yes["sum"].where(items["label"] == "1", yes["count"] - yes["sum"])
    kept = items["validated"] == "1"
    assert kept.sum() == 10972
    pd.testing.assert_series_equal(kept, 3 * agree >= 2 * yes["count"], check_names=False)
    # Labels of the reference frame stand on left and right alone.
    framed = items[items["reference_frame"].notna()]
    assert framed["reference_frame"].value_counts().to_dict() == {"1": 518, "0": 68, "2": 30}
    assert set(framed["relation_group"]) == {"left and right"}
    # Published beside the data; over all items each person's first vote counts, by group every vote.
    assert round(_alpha(votes[votes["repeat"] == 0]), 3) == 0.670
    group = votes["item_id"].map(items["relation_group"])
    alphas = {name: round(_alpha(rows), 3) for name, rows in votes.groupby(group) if name != "other"}
    assert alphas == {
        "contact and containment": 0.826, "vertical": 0.748, "distance": 0.639, "front and behind": 0.619,
        "orientation": 0.609, "left and right": 0.483,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["viescore_t2i", "viescore_ie"])
def test_pinned_tables_of_viescore_are_the_published_ones(name: str, data: Path) -> None:
    for stem, digest in CATALOGUE[name].tables.items():
        assert table_digest(pd.read_csv(data / "human" / name / f"{stem}.csv")) == digest, stem


def viescore_files(raw: Path, name: str) -> None:
    """Files as the authors lay them out: two prompts; the second generator lacks an answer of every run."""
    task = TASKS[name]
    for number in (1, 2, 3):
        lines = ["\t".join(["uid", *task.generators, "Left out"])]
        for sample, rating in (("sample_0.jpg", "[0.5, 1]"), ("sample_1.jpg", "[1,0]")):
            lines.append("\t".join([sample, *[rating] * len(task.generators), "[0, 0]"]))
        path = raw / task.rater_file(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))
    said = "Text Prompt: " if name == "viescore_t2i" else "Editing instruction: "
    for place, path in enumerate(p for p in task.files() if p.endswith(".json")):
        answers = {
            f"sample_{n}.jpg": {
                "score": [8 - n, 6],
                "reasoning": None,
                "prompt_input": f"Rules\n\n{said}a cow {n}\n",
            }
            for n in ((0, 1) if place % len(task.generators) != 1 else (0,))
        }
        answers["sample_9.jpg"] = {"score": 3, "prompt_input": "never rated"}
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        (raw / path).write_text(json.dumps(answers))


@pytest.mark.parametrize("name", ["viescore_t2i", "viescore_ie"])
def test_viescore_is_converted_as_its_paper_scores_it(name: str, tmp_path: Path) -> None:
    viescore_files(tmp_path / "raw", name)
    # What is not the published study is refused before a study is made of it…
    with pytest.raises(InputError, match="table annotations made of its files is not the pinned one"):
        write_study(CATALOGUE[name], tmp_path / "raw", tmp_path / "study")
    assert not (tmp_path / "study").exists()
    # … here it is made all the same.
    write_study(replace(CATALOGUE[name], tables={}), tmp_path / "raw", tmp_path / "study")
    study = open_study(tmp_path / "study")
    generators = len(TASKS[name].generators)
    assert len(study.items) == 2 * generators
    assert study.items.groupby("prompt_id")["prompt"].unique().map(list).to_dict() == {
        "sample_0": ["a cow 0"], "sample_1": ["a cow 1"],
    }  # fmt: skip
    answers = evidence_of(study).answers.groupby(["question", "item_id"])["value"].unique()
    first = f"sample_0_{TASKS[name].generators[0]}"
    assert (answers["", first].tolist(), answers["quality", first].tolist()) == ([0.5], [1.0])
    verdicts = evidence_of(study).verdicts
    assert verdicts.groupby("judge").size().unique().tolist() == [2 * generators - 1]
    assert verdicts["judge"].nunique() == 16
    assert verdicts.set_index("item_id")["score"].loc[first].unique().tolist() == [0.6]
