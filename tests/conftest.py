"""Shared fixtures: the published data, the command line run in-process, and what the machine must have."""

from __future__ import annotations

import gc
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

# The suite's workers share the cores: threads of one wait for those of the others. To be set before NumPy and torch.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
gc.disable()  # until all tests are collected, see `pytest_collection_finish`
# Some sixty tests start the package anew: what one worker or process has compiled, the next need not.
# `python -B` alone still leaves nothing behind.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    sys.dont_write_bytecode = False
# Ray's workers otherwise run at the lowest priority, where the suite's other worker leaves them next to nothing.
os.environ.setdefault("RAY_worker_niceness", "0")

ROOT = Path(__file__).resolve().parents[1]


def chromium() -> str | None:
    """Return the browser: without windows, which takes half the time, where Debian's package of that is installed."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


DEBIAN: dict[str, Callable[[], bool]] = {
    "chromium": lambda: chromium() is not None,
    "libllvm19": lambda: any(
        map(find_library, ("LLVM-19", "LLVM.so.19.1"))) or any(Path("/usr/lib").glob("*/libLLVM*19*")),
    "postgresql": lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
    "texlive-latex-recommended": lambda: shutil.which("pdflatex") is not None,
}  # fmt: skip
"""How to tell that a Debian package is installed."""


def data_folder() -> Path | None:
    """Folder of the published studies and golden vectors, or None (see CONTRIBUTING.md)."""
    folder = Path(os.environ.get("GENSPACE_TEST_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test data; skips with a reason when they are not there."""
    folder = data_folder()
    if folder is None:
        folder = _from_fetch_cache(tmp_path_factory.mktemp("fetched"))
    if folder is None:
        pytest.skip("published data not found: set GENSPACE_TEST_DATA")
    return folder


def _from_fetch_cache(target: Path) -> Path | None:
    """Lay out what `genspace fetch` has cached like the test data, or return None when nothing is cached."""
    from genspace.checkpoints import cache_dir
    from genspace.datasets import CATALOGUE, write_study

    found = False
    for name, dataset in CATALOGUE.items():
        raw = cache_dir() / "datasets" / dataset.commit
        if all((raw / dataset.local_name(path)).is_file() for path in dataset.files):
            write_study(dataset, raw, target / "human" / name)
            shutil.copytree(raw, target / "raw" / {"dsg_tifa160": "dsg"}.get(name, name))
            found = True
    return target if found else None


GROUP = re.compile(r'^pytestmark = .*xdist_group\("([^"]+)"\)', re.MULTILINE)
SHARED = re.compile(r'scope="module"|^@cache|^from browsing import', re.MULTILINE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Keep a file with a fixture of its own, and the files of one `xdist_group`, on one worker: what they share is made once.

    These come first; single tests of the other files fill what is left. pytest-xdist 3.8 writes groups into node ids in a
    way that pytest 9.2 does not read.
    """
    from xdist.scheduler import LoadScopeScheduling

    groups = {}
    for path in Path(__file__).parent.rglob("test_*.py"):
        file, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        named = GROUP.search(text)
        if named or SHARED.search(text):
            groups[file] = named[1] if named else file

    class OfGroups(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return groups.get(nodeid.partition("::")[0], nodeid)

    return OfGroups(config, log)


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of every garbage collection to come: they were a tenth of the suite's time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)  # what tests import stays, as in the command
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs_debian"):
        (package,) = mark.args
        if not DEBIAN[package]():
            pytest.skip(f"the Debian package {package} is not installed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where continuous integration runs, a test that lacks a Debian package fails instead of being skipped."""
    report = yield
    if (
        report.skipped
        and os.environ.get("GENSPACE_REQUIRE_DEBIAN")
        and item.get_closest_marker("needs_debian")
    ):
        report.outcome = "failed"
        report.longrepr = f"must not be skipped here: {report.longrepr}"
    # What `genspace fetch` caches lacks the golden vectors: tests that need them are skipped, not broken.
    partial = (
        data_folder() is None and call.excinfo is not None and call.excinfo.errisinstance(FileNotFoundError)
    )
    if report.failed and partial and "fetched" in str(call.excinfo.value):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, f"not among the fetched data: {call.excinfo.value}")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if data_folder() is None:
        terminalreporter.write_line(
            "published figures NOT verified: no test data (see CONTRIBUTING.md)", yellow=True
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that shares nothing with that of another file."""
    sync_playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    ).sync_playwright

    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"]) as browser,
    ):
        yield browser


@dataclass(frozen=True)
class CommandResult:
    code: int
    out: str
    err: str


@pytest.fixture
def genspace(capsys: pytest.CaptureFixture[str]) -> Callable[..., CommandResult]:
    """Run `genspace ARGS…` in this process."""

    def run(*arguments: object) -> CommandResult:
        from genspace.cli import invoke

        capsys.readouterr()
        code = invoke([str(a) for a in arguments])
        captured = capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)

    return run
