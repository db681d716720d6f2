"""What the library says names arguments, not flags; the command line shows each argument as its flag."""

from __future__ import annotations

import ast
import json
import logging
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from genspace.cli import command_line, invoke
from genspace.cli._console import as_flags, configure, put, results, say
from genspace.cli._help import COMMANDS, OPTIONS
from genspace.errors import InputError

ROOT = Path(__file__).parents[2]
ROOMS = ("analysis", "geometry", "human_study", "judges", "src")
QUICKSTART = ROOT / "examples" / "quickstart"
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
WHOLE = re.compile(r"genspace [a-z]|pip install|ray start|var\(--|^(\s*--[a-z-]+( …)?)+\s*$")
"""A command, a property of a stylesheet, or a part of a command: flags and their values alone."""


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
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        module = path.relative_to(ROOT).as_posix()
        if module.startswith("src/genspace/cli/"):
            continue
        for line, text in said(path):
            if FLAG.search(text) and not WHOLE.search(text):
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

    walk(command_line())
    assert {name: found for name, found in flags.items() if len(found) > 1} == {}
    assert (
        as_flags("`max_usd`, `genspace check`, `no_such_argument`")
        == "--max-usd, `genspace check`, `no_such_argument`"
    )


def test_the_first_help_says_what_the_commands_say(capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed without making the commands; Typer, who makes them, says the same."""
    root = command_line()
    said = {name: " ".join(command.help.split("\n\n")[0].split()) for name, command in root.commands.items()}
    assert sorted(COMMANDS) == sorted(said)  # their order is that of imports, which other tests may have made
    assert {name: line for name, (_, line) in COMMANDS.items()} == said
    options = [(max(p.opts, key=len), p.help) for p in root.params]
    assert [(name.split()[0], line) for name, _, line in OPTIONS[:-1]] == options
    shown = [f"{name} {short} {line}".split() for name, short, line in OPTIONS]
    assert invoke(["--help"]) == 0
    lines = [line.strip("│ \n").split() for line in capsys.readouterr().out.splitlines()]
    assert all(words in lines for words in shown)
    assert all(any(line[:1] == [name] for line in lines) for name in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [(["compre", "x"], "No such command 'compre'"), (["-q", "verdicts", "lst"], "No such command 'lst'")],
)
def test_a_command_that_is_none_is_one_message(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(arguments) == 2
    assert part in " ".join(capsys.readouterr().err.split())


def test_a_command_imports_no_other_one() -> None:
    code = (
        "import sys; from genspace.cli import invoke; invoke(['--quiet', 'check', '--help']);"
        "print(sorted(m for m in sys.modules if m.startswith('genspace.cli.') and not m.startswith('genspace.cli._')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("['genspace.cli.check']")


@pytest.mark.parametrize(
    ("quiet", "verbose", "level"), [(False, False, "INFO"), (True, False, "WARNING"), (True, True, "DEBUG")]
)
def test_what_is_shown_and_what_the_log_file_holds(
    quiet: bool, verbose: bool, level: str, tmp_path: Path
) -> None:
    logger = logging.getLogger("genspace")
    try:
        configure(quiet=quiet, verbose=verbose, log_file=str(tmp_path / "log"))
        assert logging.getLevelName(logger.handlers[0].level) == level
        logger.debug("a größer cow")
        with pytest.raises(InputError, match=r"--log-file .*: No such file or directory"):
            configure(quiet=quiet, verbose=verbose, log_file=str(tmp_path / "none" / "log"))
    finally:
        configure(quiet=False, verbose=False, log_file=None)
    (line,) = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert '"message": "a größer cow"' in line
    assert json.loads(line)["level"] == "debug"
    assert len(logger.handlers) == 1


@pytest.mark.parametrize("quiet", [False, True])
def test_how_columns_were_read_is_said_unless_quiet(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    configure(quiet=quiet, verbose=False, log_file=None)
    try:
        logging.getLogger("genspace").info("read 3 columns", extra={"reading": "columns"})
    finally:
        configure(quiet=False, verbose=False, log_file=None)
    assert ("read 3 columns" in capsys.readouterr().err) == (not quiet)


def test_what_is_put_or_said_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    configure(quiet=False, verbose=False, log_file=None)
    put("a [bold]word[/bold]")
    say("a [red]note[/red]")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("a [bold]word[/bold]\n", "a [red]note[/red]\n")


def test_a_line_in_a_file_or_pipe_is_not_broken() -> None:
    configure(quiet=False, verbose=False, log_file=None)
    assert results().soft_wrap


def test_command_line_shows_the_flag_of_an_argument(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["judge", str(QUICKSTART), "--judge", "planted", "--retry", "never"]) == 2
    assert capsys.readouterr().err.startswith("genspace: --retry 'never': choose one of ")
