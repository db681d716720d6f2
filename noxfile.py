"""The base installation on every promised Python with the newest dependencies, on the oldest with the lowest: `nox`.

A session installs the package alone, without extras, and runs the tests that need none. A Python that is not there is
skipped. `nox -s "base(python='3.12', dependencies='newest')"` runs one.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
TESTS = ["tests/analysis", "tests/certificate", "tests/spine", "tests/geometry/test_invariants.py"]
NEEDED = [
    "hypothesis",
    "jsonschema",
    "krippendorff",
    "openpyxl",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "statsmodels",
]
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False


def lowest() -> list[str]:
    """Return each dependency of the base at the lowest version that is promised."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [line.replace(">=", "==") for line in project["dependencies"]]


@nox.session
@nox.parametrize(
    ("python", "dependencies"), [*((python, "newest") for python in PYTHONS), (PYTHONS[0], "lowest")]
)
def base(session: nox.Session, dependencies: str) -> None:
    """Install the base and run the tests of analysis and spine."""
    pins = lowest() if dependencies == "lowest" else []
    session.install(".", *pins, *NEEDED)
    session.run("genspace", "--version")
    # An old plugin and old libraries warn; old typer and pydantic word help and schemas otherwise.
    older = ["-W", "ignore::DeprecationWarning", "-k", "not schemas_are_those and not exit_code_2"]
    chosen = older if dependencies == "lowest" else []
    session.run("pytest", "-q", "-p", "no:anyio", *chosen, *(session.posargs or TESTS))
