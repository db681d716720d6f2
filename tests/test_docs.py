"""Every code block of the README and the documentation runs, or says why not.

Blocks of one page run in order in one folder, which holds `my-study` (a copy of examples/demo), `results.csv` (a wide
table) and `examples/`. A block right under a line `<!-- no-test: reason -->` is left out. Python blocks share their names.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"(?:^<!-- *no-test: *(?P<reason>[^>]*?) *-->\n+)?^(?P<ticks>`{3,})(?P<language>[\w{}-]*)[^\n]*\n(?P<body>.*?)^(?P=ticks)$",
    re.DOTALL | re.MULTILINE,
)
RUN = {"bash", "sh", "console", "python"}
"""Languages that are run; others (text, toml, json, csv …) show something."""


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    body: str
    reason: str | None


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start("ticks")) + 1, m["language"], m["body"], m["reason"])
        for m in FENCE.finditer(text)
    ]


def runnable(page: Path) -> list[Block]:
    return [b for b in blocks(page) if b.language in RUN and b.reason is None]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_block_left_out_says_why(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{page.name}:{block.line}: name the block's language"
        assert block.reason is None or len(block.reason) > 10, (
            f"{page.name}:{block.line}: say why it cannot run"
        )


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "examples" / "demo", tmp_path / "my-study")
    rows = [
        f"i{n},prompt {n // 3},gen-{n % 3},{n % 5 + 1},{20 + n % 5 + n % 3},{(n % 7) / 6:.3f}"
        for n in range(60)
    ]
    (tmp_path / "results.csv").write_text(
        "item_id,prompt,generator,rating,clip,vqa\n" + "\n".join(rows) + "\n"
    )
    (tmp_path / "new_metric.csv").write_text(
        "item_id,score\n" + "".join(f"{line.split(',')[0]},{n % 10}\n" for n, line in enumerate(
            (ROOT / "examples/demo/items.csv").read_text().splitlines()[1:]))
    )  # fmt: skip
    with chdir(tmp_path):
        yield tmp_path


@pytest.mark.parametrize(
    "page", [p for p in PAGES if runnable(p)], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_blocks_of_a_page_run(page: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENSPACE_CACHE", str(workspace / "cache"))
    names: dict[str, object] = {}
    for block in runnable(page):
        where = f"{page.relative_to(ROOT)}:{block.line}"
        if block.language == "python":
            exec(compile(block.body, where, "exec"), names)
            continue
        for command in commands(block.body):
            code, output = run(command)
            assert code == 0, f"{where}: {command}\n{output}"


def commands(body: str) -> list[str]:
    joined = body.replace("\\\n", " ")
    lines = [line.removeprefix("$ ").strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def run(command: str) -> tuple[int, str]:
    """Run one command: plain `genspace …` in this process, anything else by bash."""
    words = shlex.split(command, comments=True)
    if words[0] == "genspace" and not {"|", "&&", ">", ";", "&"} & set(words):
        from genspace.cli import invoke

        return invoke(words[1:]), ""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, timeout=120
    )
    return done.returncode, done.stdout + done.stderr
