"""How far a newcomer walks: modules that a journey enters, files of the product that an addition touches."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import newcomer
from small_studies import open_desk, write_study

from genspace.human_study.visit.assignment import Assignment

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "contributing" / "architecture.md").read_text(encoding="utf-8")
ROOMS = ("analysis", "geometry", "human_study", "judges", "src/genspace")
PROGRAM = """
import contextlib, io, json, sys
from genspace.cli import main
sys.argv = ["genspace", *sys.argv[1:]]
with contextlib.redirect_stdout(io.StringIO()):
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended.code
print(json.dumps([name for name in sys.modules if name.startswith("genspace.")]))
"""


def entered(*arguments: object) -> list[str]:
    """Modules of the package that a command imports."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def of(room: str, modules: list[str]) -> list[str]:
    return [name for name in modules if name.startswith(f"genspace.{room}")]


def on_the_page(journey: str) -> int:
    """The most modules that the page promises."""
    return int(re.search(rf"\| {re.escape(journey)} \| (\d+) modules", PAGE)[1])


def test_a_wide_table_becomes_tables_and_a_report_without_geometry_or_judges(tmp_path: Path) -> None:
    table = tmp_path / "results.csv"
    table.write_text(newcomer.table())
    modules = entered(
        "compare", table, "--human", "rating", "--metrics", "clip,vqa", "--out", tmp_path / "out"
    )
    assert (tmp_path / "out" / "report.html").is_file()
    assert of("geometry", modules) + of("judges", modules) + of("human_study", modules) == []
    assert 50 < len(modules) <= on_the_page("a wide table becomes a table and a report")


def test_an_item_becomes_a_verdict_without_statistics(tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(ROOT / "examples" / "quickstart", study, ignore=shutil.ignore_patterns("verdicts"))
    modules = entered("judge", study, "--judge", "scene", "--limit", 1)
    assert of("analysis", modules) + of("report", modules) + of("human_study", modules) == []
    assert 50 < len(modules) <= on_the_page("an item becomes a verdict")


def test_an_answer_reaches_compare_without_the_web_or_judges(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", 4, generators=2)
    desk = open_desk(study, raters_per_item=1, repeats={"every": 0})
    rater = desk.join("anna")
    while isinstance(task := desk.claim(rater), Assignment):
        desk.answer(rater, task, 1.0)
    modules = entered("compare", study)
    assert {"genspace.human_study.reading"} <= set(modules)
    assert of("human_study.web", modules) + of("judges", modules) == []
    assert 50 < len(modules) <= on_the_page("a rater's answer reaches `compare`")


@cache
def said() -> dict[str, frozenset[object]]:
    """What the code of each file says; docstrings and comments say anything freely."""
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}
    return {
        place: frozenset(node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        for place, tree in trees.items()
    }


def named_in(name: str) -> set[str]:
    """Files of the product that bear a name or say it."""
    bear = {str(p.relative_to(ROOT)) for room in ROOMS for p in (ROOT / room).rglob(f"{name}.*")}
    return {place for place in bear if "__pycache__" not in place} | {
        place for place, words in said().items() if name in words
    }


def test_a_figure_is_one_file_a_predicate_and_a_protocol_are_two() -> None:
    assert named_in("average_precision") == {"analysis/figures.py"}
    assert named_in("keep_relation") == {
        f"geometry/predicates/keep_relation.{kind}" for kind in ("py", "toml")
    }
    assert named_in("vqascore") == {"judges/asking/protocols/vqascore.py", "judges/prompts/vqascore.j2"}
