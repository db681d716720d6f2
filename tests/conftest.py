"""Shared fixtures: the published data, and the command line run in-process."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_folder() -> Path | None:
    """Folder of the published studies and golden vectors, or None (see CONTRIBUTING.md)."""
    folder = Path(os.environ.get("GENSPACE_TEST_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def data() -> Path:
    """The test data; skips with a reason when they are not there."""
    folder = data_folder()
    if folder is None:
        pytest.skip("published data not found: set GENSPACE_TEST_DATA")
    return folder


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
