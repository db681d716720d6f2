"""The notebooks run again from start to end, and what they stored is what they say now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import run_notebooks

ROOT = Path(__file__).resolve().parents[1]

MAX_BYTES = 300_000
KEY_OUTPUTS = {
    "validate-a-metric": [r"alpha \(yes or no\): 0\.\d+", r"ROC AUC 0\.\d+", r"ahead of \d of 4 others", r"reasonable ways"],
    "probe-to-psychometric-curve": [r"bearing of elephant from horse", r"at 0\.\d+ \[", r"right on \d+% of \d+ answered"],
}  # fmt: skip
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.mark.parametrize("path", run_notebooks.NOTEBOOKS, ids=lambda p: p.stem)
def test_stored_outputs_are_those_of_a_run(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the extra docs is not installed")
    pytest.importorskip("nbclient", reason="the extra docs is not installed")
    stored = nbformat.read(path, as_version=4)
    said = "\n".join(run_notebooks.texts(stored))
    for pattern in KEY_OUTPUTS[path.stem]:
        assert re.search(pattern, said), pattern
    again = "\n".join(run_notebooks.texts(run_notebooks.executed(path)))
    # The words are the same; figures to two digits, because libraries of another version may round otherwise.
    assert NUMBER.sub("#", again) == NUMBER.sub("#", said)
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (again, said)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.02)


@pytest.mark.parametrize("path", run_notebooks.NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_are_small_and_name_no_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < MAX_BYTES
    assert not re.search(r"/(tmp|home|root|Users)/|file://", text)
    assert '"execution_count": null' not in text, "run python docs/run_notebooks.py"


def test_there_is_a_notebook_for_each_key() -> None:
    assert {p.stem for p in run_notebooks.NOTEBOOKS} == set(KEY_OUTPUTS)
