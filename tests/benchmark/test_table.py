"""The table of five generators of planted quality: every cell, the empty one last, the same numbers everywhere."""

from __future__ import annotations

import csv
import io
import json
import subprocess

import pytest

from benchmark.planted import GENERATORS, assert_planted, planted
from genspace.benchmark import Row, in_one, read_rows, row_places, rows_of
from genspace.cli import invoke
from genspace.documents import from_dict
from genspace.errors import InputError

pytestmark = pytest.mark.xdist_group("planted")  # one worker plants the generators


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
    assert len(rows[generator].tasks[task].cells) == (9 if task == "t2i" else 10)
    assert_planted(made, truth, rows[generator], task, n=16)


def test_the_mean_is_that_of_the_sub_domains(rows):
    for row in rows.values():
        for figures in row.tasks.values():
            for way in ("as_misses", "as_passes"):
                cells = [getattr(cell.accuracy, way).value for cell in figures.cells.values()]
                assert getattr(figures.mean.accuracy, way).value == pytest.approx(sum(cells) / len(cells))


def test_the_empty_one_is_last_and_surely_only_where_that_was_verified(rows):
    ordered = list(rows.values())
    for task in ("t2i", "edit"):
        places = {ordered[i].generator: place for i, place in row_places(ordered, task).items()}
        assert places["perfect"].rank == 1
        assert places["nothing"].rank == len(GENERATORS)
        # where nobody knows that it drew nothing, all that it drew may be right
        assert (places["nothing"].low, places["nothing"].high) == ((5, 5) if task == "t2i" else (1, 5))


def printed(capsys, *arguments):
    """The JSON that a command prints."""
    capsys.readouterr()
    assert invoke([*map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def test_rank_compare_and_the_table_print_the_same_numbers(judged, tmp_path, capsys):
    made, truth = judged
    for name in ("items.csv", "study.toml", "verdicts"):
        (tmp_path / name).symlink_to(made.root / name)
    with (tmp_path / "annotations.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["item_id", "rater_id", "value"], *([i, "ann", int(right)] for i, right in truth.items())]
        )
    options = ("--by", "task", "--draws", "50", "--json")
    compared = printed(capsys, "compare", tmp_path, "--no-tests", *options)["generators"]
    assert compared == printed(capsys, "rank", tmp_path, *options)["generators"]
    parts = printed(capsys, "rank", tmp_path, "--by", "part", *options)["generators"]["by"]["part"]
    table = printed(capsys, "benchmark", "table", made.root, "--json")["rows"]
    places = row_places([from_dict(Row, row) for row in table], "t2i")
    checked = 0
    for task in ("t2i", "edit"):
        tasks = {row["generator"]: row["tasks"][task] for row in table}
        for ranked in compared["by"]["task"][task]["judges"]["scene"]["generators"]:
            # all sub-domains have as many prompts, so that the mean of images is that of sub-domains
            mean = tasks[ranked["generator"]]["mean"]
            assert flat(ranked["counted"]) == pytest.approx(flat(mean["score"]))
            assert flat(ranked["accuracy"]) == pytest.approx(flat(mean["accuracy"]))
            assert ranked["score"] == ranked["counted"]["as_misses"]
            if task == "t2i":
                place = places[[row["generator"] for row in table].index(ranked["generator"])]
                assert (ranked["rank"], ranked["rank_low"], ranked["rank_high"]) == (
                    place.rank,
                    place.low,
                    place.high,
                )
        for domain in tasks["random"]["cells"]:
            for ranked in parts[f"{task} {domain}"]["judges"]["scene"]["generators"]:
                cell = tasks[ranked["generator"]]["cells"][domain]
                assert {"score": ranked["counted"], "accuracy": ranked["accuracy"]} == cell
                checked += 1
    assert checked == 5 * 19


def flat(three):
    """The numbers of a figure in its three ways."""
    return {
        f"{way} {name}": v
        for way, said in three.items()
        for name, v in said.items()
        if isinstance(v, int | float)
    }


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


def test_generators_are_compared_by_prompt_with_correction(judged, capsys):
    made, _ = judged
    assert invoke(["benchmark", "compare", str(made.root), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    t2i = next(c for c in found["comparisons"] if c["task"] == "t2i")
    claims = {(p["first"], p["second"], p["cell"]): p["claim"] for p in t2i["pairs"]}
    assert len(claims) == 10 * 10  # ten pairs in nine sub-domains and their mean
    assert (
        claims["nothing", "perfect", "mean"] == "open"
    )  # no spread at all: a standard error of 0 is no claim
    assert claims["far", "perfect", "mean"] == claims["mirrors", "perfect", "mean"] == "behind"
    assert (
        claims["far", "mirrors", "object_distance"] == "open"
    )  # each prompt differs alike, again without spread
    assert claims["far", "mirrors", "mean"] == "open"
    assert found["otherwise"] == []  # one judge alone
    assert invoke(["benchmark", "compare", str(made.root)]) == 0
    assert "behind" in capsys.readouterr().out


def test_a_row_is_verified_and_a_changed_one_found_out(judged, tmp_path, capsys):
    made, _ = judged
    row = made.root / "table" / "random--scene.row.json"
    assert invoke(["benchmark", "verify", str(row), str(made.root)]) == 0
    changed = json.loads(row.read_text(encoding="utf-8"))
    changed["tasks"]["t2i"]["cells"]["intrinsic"]["accuracy"]["as_misses"]["value"] = 0.9
    (tmp_path / "changed.json").write_text(json.dumps(changed))
    capsys.readouterr()
    assert invoke(["benchmark", "verify", str(tmp_path / "changed.json"), str(made.root)]) == 1
    assert "tasks.t2i.cells.intrinsic.accuracy.as_misses.value is 0.9 in the row" in capsys.readouterr().out


@pytest.mark.needs_debian("texlive-latex-recommended")
def test_the_latex_compiles(judged, tmp_path):
    made, _ = judged
    (tmp_path / "table.tex").write_text(
        (made.root / "table" / "table.tex").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "page.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}\\input{table}\\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-500:]
    assert (tmp_path / "page.pdf").stat().st_size > 10_000


@pytest.mark.needs_debian("chromium")
@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (820, "dark"), (390, "light")])
def test_the_page_is_accessible_and_as_wide_as_the_screen(judged, browser, width, colours):
    from axe_playwright_python.sync_playwright import Axe

    made, _ = judged
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colours)
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((made.root / "table" / "table.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("details").first.evaluate("e => e.open = true")
    assert page.locator(".shot").first.is_visible()
    explained = set(page.locator("#words dt").all_inner_texts())
    assert {"egocentric", "object size", "place", "unmeasured", "mean", "coverage"} <= explained
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1016, "height": 900})  # A4 on its side, without its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 1016
    assert not page.locator(".shot").first.is_visible()
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": width, "height": 900})
    serious = [
        (v["id"], v["help"], [n["target"] for n in v["nodes"]])
        for v in Axe().run(page).response["violations"]
        if v["impact"] in {"serious", "critical"}
    ]
    page.close()
    assert serious == complaints == []
