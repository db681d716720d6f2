"""The page on architecture is true to the code."""

from __future__ import annotations

import ast
import re
import tomllib
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("analysis", "geometry", "human_study", "judges", "src", "tests", "benchmarks", "docs", "examples")
LONG = "Longer than 400 lines: "
OWN = str(Path(__file__).resolve().relative_to(ROOT))
PAGE = (ROOT / "docs" / "contributing" / "architecture.md").read_text(encoding="utf-8")


def test_every_path_on_the_page_is_there() -> None:
    named = {
        name
        for name in re.findall(r"`([\w./-]+/[\w.-]*|[\w]+\.(?:py|toml))`", PAGE)
        if "NAME" not in name and "CODE" not in name
    }
    assert len(named) > 20
    homes = [ROOT, ROOT / "src/genspace", ROOT / "analysis"]
    homes.append(ROOT / "src/genspace/report")
    lost = [
        name for name in named if name != "judge.json" and not any((home / name).exists() for home in homes)
    ]
    assert not lost


def test_floors_stand_in_the_order_that_the_linter_keeps() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn = PAGE.partition("```text\n")[2].partition("```")[0]
    line_of = {
        name.strip("/"): number
        for number, line in enumerate(drawn.splitlines())
        for name in re.split(r" {3,}", line)[0].split("  ")
    }
    places = [
        {line_of[name.strip().removeprefix("genspace.")] for name in layer.split("|")} for layer in layers
    ]
    assert all(max(higher) < min(lower) for higher, lower in pairwise(places))


def test_a_long_file_says_why_it_is_one() -> None:
    code = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py") if "build" not in p.parts]
    assert len(code) > 500
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in code}
    long = {name: text for name, text in texts.items() if text.count("\n") > 400}
    silent = [name for name, text in long.items() if LONG not in (ast.get_docstring(ast.parse(text)) or "")]
    assert not silent
    assert not [name for name, text in texts.items() if LONG in text and name not in long and name != OWN]


def _of_floor(module: str, floors: dict[str, int]) -> int | None:
    return floors.get(".".join(module.split(".")[:2]))


def test_no_text_names_a_module_of_a_higher_floor_but_the_table_of_display() -> None:
    """The root package alone, which stands above all floors, names its public names' homes."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    floors = {name.strip(): -n for n, layer in enumerate(layers) for name in layer.split("|")}
    named, upwards = 0, set()
    for folder in ("analysis", "geometry", "human_study", "judges", "src/genspace"):
        for path in (ROOT / folder).rglob("*.py"):
            place = path.relative_to(ROOT / "src" if folder.startswith("src") else ROOT).with_suffix("")
            module = ".".join(place.parts if folder.startswith("src") else ("genspace", *place.parts))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            told = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                    for name in re.findall(r"\bgenspace(?:\.\w+)+", node.value):
                        own, there = _of_floor(module, floors), _of_floor(name, floors)
                        named += there is not None
                        if there is not None and own is not None and there > own:
                            upwards.add(module)
    assert named > 50
    assert upwards == {"genspace.display"}
