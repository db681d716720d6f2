"""Tables in terminals of 60 columns and more: what each command prints, kept as files, and that nothing sticks out.

`python tests/spine/test_terminal_tables.py` writes the files anew; look at the difference before you commit it.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from genspace.report import print_table

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (60, 80, 100, 160)
COMMANDS = {
    "compare": ("compare", "demo", "--draws", "20"),
    "rank": ("rank", "demo", "--draws", "50"),
    "validate": ("validate", "sim_reconstruction", "demo"),
    "diff": ("diff", "old", "new"),
    "gate": ("gate", "new", "--against", "old", "--rule", "every judge not behind before", "--rule", "coverage >= 0.9"),
    "probe-report": ("probe", "report", "quick", "--draws", "20"),
    "ls-judges": ("ls", "judges"),
}  # fmt: skip


COMPUTED = {
    "compare": ("genspace.cli.compare._compared",),
    "rank": ("genspace.api.rank",),
    "validate": ("genspace.api.validate",),
    "diff": ("genspace.api.diff",),
    "gate": ("genspace.api.gate",),
    "probe-report": ("genspace.report.probes.probe_report", "genspace.report._probe_page.write_probe_report"),
}
"""What a command calls before it prints: once, whatever the width."""


def once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls another once, and gives its first result ever after."""
    found: list[Any] = []

    def kept(*arguments: Any, **options: Any) -> Any:
        if not found:
            found.append(function(*arguments, **options))
        return found[0]

    return kept


def studies(folder: Path) -> None:
    """The demo, the demo twice with another judge, and probes that two judges have answered."""
    from genspace.cli import invoke

    for name in ("demo", "old", "new"):
        shutil.copytree(ROOT / "examples/demo", folder / name)
    lines = (folder / "new/metric_scores.csv").read_text().splitlines()
    turned = [
        line if n % 4 or not n else ",".join([line.split(",")[0], "0.5", *line.split(",")[2:]])
        for n, line in enumerate(lines)
    ]
    (folder / "new/metric_scores.csv").write_text("\n".join(turned) + "\n")
    shutil.copytree(ROOT / "examples/quickstart", folder / "quick")
    for judge in ("boxes-in-2d", "depth-and-masks"):
        assert invoke(["--quiet", "judge", str(folder / "quick"), "--judge", judge]) == 0


def printed(name: str, width: int) -> str:
    """What a command prints in a terminal of this width, run where the studies are."""
    from genspace.cli import invoke

    before, sys.stdout = sys.stdout, io.StringIO()
    os.environ["COLUMNS"] = str(width)
    try:
        invoke(["--quiet", *COMMANDS[name]])
        return "\n".join(line.rstrip() for line in sys.stdout.getvalue().splitlines()) + "\n"
    finally:
        sys.stdout = before
        del os.environ["COLUMNS"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    studies(folder)
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_tables_are_those_that_were_looked_at(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    for target in COMPUTED.get(name, ()):
        monkeypatch.setattr(target, once(resolve_name(target)))
    for width in WIDTHS:
        assert printed(name, width) == (GOLDEN / f"{name}-{width}.txt").read_text(encoding="utf-8"), (
            name,
            width,
        )


CELL = st.text(st.sampled_from("ab0 .–κ"), max_size=38)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 7).flatmap(
        lambda k: st.tuples(
            st.lists(CELL, min_size=k, max_size=k),
            st.lists(st.lists(CELL, min_size=k, max_size=k), max_size=6),
        )
    ),
    st.integers(60, 160),
    st.booleans(),
)
def test_no_table_is_wider_than_the_terminal(
    table: tuple[list[str], list[list[str]]], width: int, may_go: bool
) -> None:
    head, rows = table
    console = Console(file=io.StringIO(), width=width, soft_wrap=True)
    print_table(head, rows, console, optional=range(len(head) - 1, 1, -1) if may_go else ())
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert all(cell_len(line) <= width for line in lines if not line.startswith("In a wider"))
    if not may_go:
        printed_text = "".join("".join(lines).split())
        assert all(letter in printed_text for row in rows for cell in row for letter in cell.split())


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as made:
        studies(Path(made))
        os.chdir(made)
        GOLDEN.mkdir(exist_ok=True)
        for command in COMMANDS:
            for columns in WIDTHS:
                (GOLDEN / f"{command}-{columns}.txt").write_text(printed(command, columns), encoding="utf-8")
