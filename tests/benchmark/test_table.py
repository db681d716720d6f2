"""The table of five generators of planted quality: every cell, the empty one last, the same numbers everywhere."""

from __future__ import annotations

import csv
import io
import json

import pytest

from benchmark.planted import GENERATORS, planted
from genspace import open_study
from genspace.analysis import CompareOptions, rank
from genspace.benchmark import in_one, read_rows, row_places, rows_of
from genspace.cli import invoke
from genspace.errors import InputError
from genspace.gather import evidence_of


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    made, truth = planted(tmp_path_factory.mktemp("planted") / "bench")
    assert (
        invoke(["benchmark", "run", str(made.root), "--judge", "scene", "--out", str(made.root / "table")])
        == 0
    )
    return made, truth


@pytest.fixture(scope="module")
def rows(judged):
    return {row.generator: row for row in rows_of(judged[0])}


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("task", ["t2i", "edit"])
def test_every_cell_holds_the_planted_truth(judged, rows, generator, task):
    made, truth = judged
    figures = rows[generator].tasks[task]
    for domain, cell in figures.cells.items():
        ids = [f"{generator}-{a.prompt_id}" for a in made.lists[task].asked if a.sub_domain == domain]
        share = sum(truth[i] for i in ids) / len(ids)
        three = cell.accuracy
        assert three.n == len(ids) == 16
        assert three.as_misses.value <= share <= three.as_passes.value, domain
        assert three.as_misses.low <= share <= three.as_passes.high, domain
        if generator == "nothing":
            assert (three.as_misses.value, three.left_out.value, three.as_passes.value) == (0, None, 1)
        else:
            assert three.as_misses.value == pytest.approx(share), (
                domain
            )  # scenes of known truth leave nothing open
    assert len(figures.cells) == (9 if task == "t2i" else 10)


def test_the_mean_is_that_of_the_sub_domains(rows):
    for row in rows.values():
        for figures in row.tasks.values():
            for way in ("as_misses", "as_passes"):
                cells = [getattr(cell.accuracy, way).value for cell in figures.cells.values()]
                assert getattr(figures.mean.accuracy, way).value == pytest.approx(sum(cells) / len(cells))


def test_the_empty_one_is_last_and_nothing_is_sure_about_it(rows):
    ordered = list(rows.values())
    for task in ("t2i", "edit"):
        places = {ordered[i].generator: place for i, place in row_places(ordered, task).items()}
        assert places["perfect"].rank == 1
        assert places["nothing"].rank == len(GENERATORS)
        assert (places["nothing"].low, places["nothing"].high) == (1, 5)  # all that it drew may be right


def test_rank_compare_and_the_table_print_the_same_numbers(judged, rows):
    made, _ = judged
    ranking = rank(evidence_of(open_study(made.root)), CompareOptions(draws=50, by=("task", "part")))
    found = ranking.document.generators
    ordered = list(rows.values())
    for task in ("t2i", "edit"):
        for ranked in found.by["task"][task].judges["scene"].generators:
            mean = rows[ranked.generator].tasks[task].mean
            assert ranked.score.value == pytest.approx(mean.score.as_misses.value)
            assert (ranked.score.low, ranked.score.high) == pytest.approx(
                (mean.score.as_misses.low, mean.score.as_misses.high)
            )
            assert ranked.accuracy.as_passes.value == pytest.approx(mean.accuracy.as_passes.value)
            place = row_places(ordered, task)[list(rows).index(ranked.generator)]
            assert (ranked.rank, ranked.rank_low, ranked.rank_high) == (place.rank, place.low, place.high)
        for domain in rows["random"].tasks[task].cells:
            for ranked in found.by["part"][f"{task} {domain}"].judges["scene"].generators:
                cell = rows[ranked.generator].tasks[task].cells[domain]
                assert (ranked.counted, ranked.accuracy) == (cell.score, cell.accuracy)


def test_the_written_tables_hold_the_same(judged, rows, capsys):
    made, _ = judged
    folder = made.root / "table"
    assert {p.name for p in folder.iterdir()} == {
        "table.html", "table.csv", "table.tex", "table.md", "table.json", *(f"{g}--scene.row.json" for g in GENERATORS),
    }  # fmt: skip
    assert {r.generator: r for r in read_rows(folder / "table.json")} == rows
    assert read_rows(folder / "random--scene.row.json") == [rows["random"]]
    lines = list(csv.DictReader(io.StringIO((folder / "table.csv").read_text(encoding="utf-8"))))
    cell = next(
        x for x in lines
        if (x["generator"], x["task"], x["sub_domain"], x["figure"]) == ("far", "t2i", "object_size", "accuracy")
    )  # fmt: skip
    assert (cell["as_misses"], cell["n"], cell["coverage"]) == ("0.25", "16", "1.0")  # `bigger` is a ratio
    page = (folder / "table.html").read_text(encoding="utf-8")
    assert page.count("<details>") == len(GENERATORS) * 19
    for text in (
        page,
        (folder / "table.md").read_text(encoding="utf-8"),
        (folder / "table.tex").read_text(encoding="utf-8"),
    ):
        assert "0.250" in text
    assert invoke(["benchmark", "table", str(made.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["generator"] in GENERATORS


def test_rows_of_others_stand_beside_ones_own(judged, rows, tmp_path, capsys):
    made, _ = judged
    theirs = json.loads((made.root / "table" / "far--scene.row.json").read_text(encoding="utf-8")) | {
        "generator": "theirs"
    }
    (tmp_path / "theirs.json").write_text(json.dumps(theirs))
    assert invoke(["benchmark", "table", str(made.root), str(tmp_path / "theirs.json")]) == 0
    assert "theirs, scene" in capsys.readouterr().out
    with pytest.raises(InputError, match="two rows hold edit, t2i"):
        in_one([rows["far"], rows["far"]])
    (tmp_path / "other.json").write_text("{}")
    assert invoke(["benchmark", "table", str(tmp_path / "other.json")]) == 2
    assert "holds no row of a benchmark" in capsys.readouterr().err


def test_what_is_judged_is_not_judged_again(judged, capsys):
    made, _ = judged
    assert invoke(["benchmark", "run", str(made.root), "--judge", "scene"]) == 0
    assert "0 judged" in capsys.readouterr().out
    assert invoke(["benchmark", "table", str(made.root), "--judge", "scnee"]) == 2
    assert "did you mean 'scene'" in capsys.readouterr().err
