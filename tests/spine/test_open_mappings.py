"""Records between the rooms, not dictionaries of anything: these are few, and may only become fewer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("analysis", "geometry", "human_study", "judges", "src")
OPEN = re.compile(r"\b(?:Mapping|dict|defaultdict|MutableMapping)\[(?:str|Any|Hashable), ?(?:Any|object)\]")
STRICT = ("analysis", "src/genspace/report", "src/genspace/cli")
MOST = 181
"""Lines of the product that name an open dictionary: what is read from and written to JSON, TOML and tables."""


def open_lines(folder: str) -> Iterator[tuple[str, int]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if OPEN.search(line):
                yield str(path.relative_to(ROOT)), number


def at_the_rim(name: str) -> set[int]:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    ends = [
        n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in {"to_dict", "from_dict"}
    ]
    return {line for end in ends for line in range(end.lineno, (end.end_lineno or end.lineno) + 1)}


def test_open_dictionaries_become_fewer() -> None:
    found = [place for room in ROOMS for place in open_lines(room)]
    assert len(found) <= MOST
    assert len(found) > MOST - 5, f"lower MOST to {len(found)}"


def test_analysis_report_and_commands_have_them_in_to_dict_and_from_dict_alone() -> None:
    found = [place for room in STRICT for place in open_lines(room)]
    assert found
    assert [place for place in found if place[1] not in at_the_rim(place[0])] == []
