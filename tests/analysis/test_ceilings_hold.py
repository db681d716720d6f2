"""The short form of tests/verify/verify_ceilings.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PROOF = Path(__file__).resolve().parents[1] / "verify" / "verify_ceilings.py"


@pytest.fixture(scope="module")
def proof():
    specification = importlib.util.spec_from_file_location(PROOF.stem, PROOF)
    module = importlib.util.module_from_spec(specification)
    sys.modules[PROOF.stem] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name",
    [
        "graded, two peaks, 3 raters, noise 0.7",
        "yes or no, 12 % yes, 3 raters",
        "yes or no, two peaks, 3 raters",
    ],
)
def test_ceilings_are_near_the_truth(proof, name) -> None:
    cell = next(cell for cell in proof.CELLS if cell.name == name)
    assert len(list(proof.bias_rows([cell], runs=15))) == 1


@pytest.mark.parametrize("name", ["graded, normal, 3 raters, noise 0.7", "yes or no, even, 3 raters"])
def test_intervals_of_ceilings_cover(proof, name) -> None:
    cell = next(cell for cell in proof.COVERED if cell.name == name)
    assert len(list(proof.coverage_rows([cell], runs=150, sizes=(20,), least=0.9))) > 1


def test_the_proof_fails_where_a_ceiling_is_off(proof) -> None:
    from dataclasses import replace

    cell = next(cell for cell in proof.CELLS if cell.name == "yes or no, even, 3 raters")
    wrong = replace(cell, bias=dict.fromkeys(cell.figures, (0.01, 0.02)))
    with pytest.raises(AssertionError):
        list(proof.bias_rows([wrong], runs=5))
