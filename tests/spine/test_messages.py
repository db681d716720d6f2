"""What the library says names arguments, not flags; the command line shows each argument as its flag."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

import genspace
from genspace.cli import app, invoke
from genspace.cli._console import as_flags

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
PACKAGE = Path(genspace.__file__).parent
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def said(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the text constants of a module with their lines; docstrings are not said."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        id(statement.value)
        for node in ast.walk(tree)
        if hasattr(node, "body") and isinstance(node.body, list)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
            yield node.lineno, text
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def test_library_names_arguments_and_whole_commands_only() -> None:
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if module.startswith("cli/"):
            continue
        for line, text in said(path):
            if FLAG.search(text) and not re.search(
                r"genspace [a-z]|pip install|ray start|var\(--|^--[a-z]+$", text
            ):
                wrong.append(f"{module}:{line}: {text[:100]}")
    assert not wrong


def test_one_argument_has_one_flag() -> None:
    flags: dict[str, set[str]] = defaultdict(set)

    def walk(command: object) -> None:
        for parameter in command.params:  # type: ignore[attr-defined]
            if parameter.opts[0].startswith("-"):
                flags[parameter.name].add(max(parameter.opts, key=len))
        for below in getattr(command, "commands", {}).values():
            walk(below)

    walk(get_command(app))
    assert {name: found for name, found in flags.items() if len(found) > 1} == {}
    assert (
        as_flags("`max_usd`, `genspace check`, `no_such_argument`")
        == "--max-usd, `genspace check`, `no_such_argument`"
    )


def test_command_line_shows_the_flag_of_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["judge", str(QUICKSTART), "--judge", "planted", "--retry", "never"]) == 2
    assert capsys.readouterr().err.startswith("genspace: --retry 'never': choose one of ")
