"""The history of the benchmarks: what is kept of a run, and what is said to have become slower."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """benchmarks/run.py, without what it leaves in `sys.modules`."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    before = {*sys.modules}
    import run

    yield run
    for name in {*sys.modules} - before:
        if str(ROOT / "benchmarks") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_run_is_kept_and_what_got_slower_is_named(run, tmp_path: Path, monkeypatch, capsys) -> None:
    def measure(*seconds: float) -> int:
        found = [run.Ratio(name, "pandas", s, 2.0, at_most=3) for name, s in zip("abc", seconds, strict=True)]
        monkeypatch.setattr(run, "measured", lambda names: iter(found))
        return run.main([], history=tmp_path / "history.jsonl")

    assert measure(2.0, 2.0, 2.0) == 0
    assert "slower" not in capsys.readouterr().out
    assert measure(2.4, 2.6, 8.0) == 1  # 1.2, 1.3 and 4 times what it was
    told = capsys.readouterr().out.splitlines()[3:]
    assert told == [
        "slower: b: 1.3 × pandas, 1 when last measured",
        "slower: c: 4 × pandas, 1 when last measured",
        "too slow: c: 4 × pandas, at most 3 is promised",
    ]
    assert measure(2.4, 2.6, 2.0) == 0  # against the last run, not the first
    assert "slower" not in capsys.readouterr().out
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["ratios"]["c"] for line in lines] == [
        {"baseline": "pandas", "ratio": ratio, "seconds": seconds}
        for ratio, seconds in ((1.0, 2.0), (4.0, 8.0), (1.0, 2.0))
    ]
    assert all("cores" in line["machine"] for line in lines)


def test_the_history_holds_every_ratio_that_is_measured(run) -> None:
    """Each module of the run has one; the last of each is within its promise or the promise is broken on record."""
    if not run.HISTORY.is_file():
        pytest.skip("make benchmarks has not run yet")
    last = run.last_of(run.HISTORY.read_text(encoding="utf-8").splitlines())
    assert len(last) >= 10
    assert all(ratio > 0 for ratio in last.values())


def test_a_measured_pair_is_the_least_of_each(run) -> None:
    from ratios import beside

    ours, theirs = iter([3.0, 9.0, 4.0]), iter([2.0, 1.0, 8.0])
    ratio = beside("x", lambda: next(ours), "y", lambda: next(theirs), at_most=1)
    assert (ratio.seconds, ratio.baseline_seconds, ratio.ratio) == (3.0, 1.0, 3.0)
    assert str(ratio).endswith("TOO SLOW")
