"""The page that draws the house is true to the code."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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
