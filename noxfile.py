"""The package in clean environments: `nox`. A Python that is not there is skipped.

- `base`: without extras on every promised Python with the newest dependencies, on the oldest with the lowest; runs the
  tests that need no extra. `nox -s "base(python='3.12', dependencies='newest')"` runs one.
- `built`: the wheel and the sdist, and the wheel with each extra; runs the steps of `make demo`, or what the extra is
  for.
"""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
TESTS = ["tests/analysis", "tests/certificate", "tests/spine", "tests/geometry/test_invariants.py"]
WITH_EXTRAS = (
    "tests/certificate/test_orbit.py",
    "tests/spine/test_joints.py",
    "tests/spine/test_journeys.py",
    "tests/spine/test_public_names.py",
)
"""Tests among these that need what the base does not have: answers in the database, drawn probes, every module."""
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
JUDGES = ("depth-and-masks", "released-rules", "noisy-perception", "half-the-noise", "boxes-in-2d")
DEMO = (
    "check study",
    f"judge study {' '.join(f'--judge {name}' for name in JUDGES)}",
    "certify study --judge depth-and-masks --judge noisy-perception",
    "compare study --by kind --by sub_domain --out report",
    "probe report study --out probes",
)
USES: Mapping[str, str] = {
    "models": "models list",
    "vision": "models list",
    "web": "annotate init study",
    "render": "probe render rendered --per-predicate 1 --size 96 --samples 4",
    "ray": "judge study --judge boxes-in-2d --engine ray --retry all",
    "excel": "check study",
}
"""A command that needs the extra. After each, `doctor` says that the extra is complete."""
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
    tests = [*TESTS, *(f"--ignore={file}" for file in WITH_EXTRAS)]
    chosen = older if dependencies == "lowest" else []
    session.run("pytest", "-q", "-p", "no:anyio", *chosen, *(session.posargs or tests))


@nox.session
@nox.parametrize(("file", "extra"), [("*.whl", ""), ("*.tar.gz", ""), *(("*.whl", extra) for extra in USES)])
def built(session: nox.Session, file: str, extra: str) -> None:
    """Build the package, install one of its files, and use it from a folder outside the repository."""
    here, folder = Path.cwd(), Path(session.create_tmp()).resolve()
    session.install("build", *(["openpyxl"] if extra == "excel" else []))
    session.run("python", "-m", "build", "--outdir", str(folder / "dist"), silent=True)
    (package,) = (folder / "dist").glob(file)
    session.install(f"{package}[{extra}]" if extra else str(package), "-c", "constraints.txt")
    shutil.rmtree(folder / "study", ignore_errors=True)
    shutil.copytree(here / "examples" / "quickstart", folder / "study")
    session.chdir(folder)
    if extra == "excel":
        read = "import pandas; pandas.read_csv('study/items.csv').to_excel('study/items.xlsx', index=False)"
        session.run("python", "-c", read)
        (folder / "study" / "items.csv").unlink()
    short = {"TMPDIR": tempfile.gettempdir()}  # Ray's sockets bear no long names
    for command in [USES[extra]] if extra else DEMO:
        session.run("genspace", *command.split(), env=short)
    found = str(session.run("genspace", "doctor", silent=True))
    if extra and f"extra {extra} complete" not in " ".join(found.split()):
        session.error(found)
