"""The public names, pinned: a name that comes or goes is a decision, written into the list below."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

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
