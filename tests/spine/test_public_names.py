"""The public names: those of the packages are pinned, and each name that the reference documents has an example."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import reference_pages

ROOT = Path(__file__).resolve().parents[2]

PUBLIC = {
    "genspace": """
        Comparison Diff Evidence Gate GenspaceError InputError Item Measurement Ranking Request Study StudySettings Validation
        Verdict __version__ agreement compare diff evidence_of gate open_study rank read_comparison run validate
    """,
    "genspace.analysis": """
        CompareOptions Comparison Diff Estimate Gate Ranking Validation compare diff gate rank rank_generators validate
    """,
    "genspace.geometry": "",
    "genspace.human_study": "Design answers load_design read_recorded",
    "genspace.judges": """
        REGISTRY Budget BudgetReachedError Combining Fitted Judge JudgeContext JudgeSpec Need Preview Previewing Seeing Settling
        make_judge member_overrides parse_options resolve study_context variant_of
    """,
}
WITHOUT_EXAMPLE = {
    "__version__": "a text",
    "REGISTRY": "a constant",
    "rank_generators": "a former name",
}


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_those_that_were_decided(module: str) -> None:
    assert sorted(getattr(import_module(module), "__all__", ())) == sorted(PUBLIC[module].split())


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in PUBLIC.items() for n in names.split()])
def test_each_public_name_has_an_example_that_runs(module: str, name: str) -> None:
    value = getattr(import_module(module), name)
    if name not in WITHOUT_EXAMPLE:
        assert ">>> " in (inspect.getdoc(value) or ""), "its docstring is its page: show how it is used"
    if module == "genspace":
        assert value is getattr(import_module("genspace"), name)  # found at its home once, then kept


# The documented names -------------------------------------------------------------------------------------------

SHOWN_ELSEWHERE = {
    # name: the file that shows it
    "genspace.certificate.keep": "src/genspace/cli/certify.py",
    "genspace.certificate.versions_for": "src/genspace/cli/certify.py",
    "genspace.datasets.write_study": "src/genspace/datasets/_fetch.py",
    "genspace.geometry.drawing.view3d.view3d": "docs/how-to/show.md",
}
"""What needs a study on disk, the authors' files or an optional package for more than a few quick lines."""


def documented() -> Iterator[tuple[str, Any]]:
    """Yield every documented class and function."""
    for module in reference_pages.documented():
        for name in reference_pages.public_names(module):
            value = getattr(module, name)
            value = inspect.unwrap(value) if callable(value) else value
            if inspect.isclass(value) or inspect.isfunction(value):
                yield f"{module.__name__}.{name}", value


def own_docstring(value: Any) -> str:
    inner = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
    return getattr(inspect.unwrap(inner), "__doc__", None) or ""


def methods(cls: type) -> list[Any]:
    kinds = (property, cached_property, classmethod, staticmethod)
    own = [m for name, m in vars(cls).items() if not name.startswith("_")]
    return [m for m in own if inspect.isfunction(m) or isinstance(m, kinds)]


def has_example(name: str, value: Any) -> bool:
    """Whether it is shown in its docstring, in that of a method, or in that of its module."""
    own = [value, *(methods(value) if inspect.isclass(value) else ())]
    if any(">>> " in own_docstring(one) for one in own):
        return True
    module = import_module(name.rpartition(".")[0]).__doc__ or ""
    short = name.rpartition(".")[2]
    return any(f"{short}(" in line for line in module.splitlines() if line.startswith(">>> "))


def test_each_documented_name_has_an_example_that_runs() -> None:
    names = dict(documented())
    assert len(names) > 600
    without = {name for name, value in names.items() if not has_example(name, value)}
    assert without - SHOWN_ELSEWHERE.keys() == set(), (
        "show how it is used, in a few lines that run as a doctest"
    )
    assert SHOWN_ELSEWHERE.keys() - without == set(), "it has an example now: it need not be listed"


@pytest.mark.parametrize("name", SHOWN_ELSEWHERE)
def test_a_name_is_shown_where_the_list_says(name: str) -> None:
    text = (ROOT / SHOWN_ELSEWHERE[name]).read_text(encoding="utf-8")
    assert name.rpartition(".")[2] in text


def test_pages_and_plugins_import_documented_names() -> None:
    there = [getattr(m, n) for m in reference_pages.documented() for n in reference_pages.public_names(m)]
    there += [getattr(import_module(m), n) for m, names in PUBLIC.items() for n in names.split()]
    known = set(map(id, there))
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("plugin-*/**/*.py")]
    pattern = re.compile(r"^from (genspace(?:\.[\w.]+)?) import (\([^)]*\)|.*)$", re.MULTILINE)
    imported = {
        (module, name): page.name
        for page in pages
        for module, names in pattern.findall(page.read_text(encoding="utf-8"))
        for name in re.findall(r"\w+", names)
    }
    assert len(imported) > 50
    hidden = [
        f"{n} ({page})" for (m, n), page in imported.items() if id(getattr(import_module(m), n)) not in known
    ]
    assert hidden == [], "document the module in docs/reference/python*.md"
