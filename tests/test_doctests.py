"""Every docstring example of every module runs."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"genspace": ROOT / "src/genspace"} | {
    f"genspace.{room}": ROOT / room for room in ("judges", "geometry", "human_study", "analysis")
}


def modules() -> list[str]:
    found = set()
    for package, folder in ROOMS.items():
        for path in folder.rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            if package == "genspace" and parts[0] in {"judges", "geometry", "human_study", "analysis"}:
                continue
            if ">>> " in path.read_text(encoding="utf-8"):
                found.add(".".join([package, *parts]).removesuffix(".__init__"))
    return [*sorted(found), "coverage_by_room"]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name: str) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
    assert result.attempted > 0
