"""The package builds and installs from a checkout without symbolic links, with every file it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("judges", "geometry", "human_study", "analysis")
SOURCES = {"genspace": ROOT / "src" / "genspace"} | {f"genspace/{room}": ROOT / room for room in ROOMS}


def shipped() -> set[str]:
    """Every file of the package as the repository holds it, by its name in the wheel."""
    names = set()
    for package, folder in SOURCES.items():
        for path in folder.rglob("*"):
            inside = path.relative_to(folder)
            linked = package == "genspace" and inside.parts[0] in ROOMS
            if path.is_file() and not linked and "__pycache__" not in inside.parts:
                names.add(f"{package}/{inside.as_posix()}")
    return names


@pytest.fixture(scope="module", params=["with links", "without links"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the repository, as checked out and as a zip has it, without symbolic links."""
    copy = tmp_path_factory.mktemp("zip") / "genspace"
    copy.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=skipped)
    shutil.copytree(ROOT / "src", copy / "src", symlinks=True, ignore=skipped)
    for room in ROOMS:
        link = copy / "src" / "genspace" / room
        assert link.is_symlink()
        if request.param == "without links":
            link.unlink()
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        str(copy),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(out.glob("genspace-*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {n for n in archive.namelist() if ".dist-info/" not in n}
    assert packed == shipped()


def test_it_runs_from_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import genspace, genspace.judges, genspace.geometry, genspace.human_study, genspace.analysis\n"
        "from genspace.judges import REGISTRY\n"
        "print(genspace.__file__)\n"
        "from genspace.cli import invoke; raise SystemExit(invoke(['--version']))"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    where, version = done.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path / "site")
    assert version == "genspace 0.1.0"
