"""What the scripts of this folder share: processes measured beside their baseline, in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Ratio", "beside", "cpu_seconds"]

RUNS = 3
Measured = Callable[[], float]
"""Does its work once, and returns its CPU seconds."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """Seconds of one thing against those of its baseline; machines differ in seconds, hardly in ratios."""

    name: str
    baseline: str
    seconds: float
    baseline_seconds: float
    at_most: float
    """Beyond it, the promise is broken."""

    @property
    def ratio(self) -> float:
        """How many times the baseline's seconds."""
        return self.seconds / self.baseline_seconds

    def __str__(self) -> str:
        verdict = "" if self.ratio <= self.at_most else "  TOO SLOW"
        return (
            f"{self.name:<48} {self.seconds:>7.2f} s  {self.ratio:>7.3g} × {self.baseline} (at most {self.at_most:g})"
            f"{verdict}"
        )


def beside(
    name: str, ours: Measured, baseline: str, base: Measured, *, at_most: float, runs: int = RUNS
) -> Ratio:
    """Measure both in turn, and take the least of each: what else the machine does only adds."""
    pairs = [(ours(), base()) for _ in range(runs)]
    mine, other = (min(column) for column in zip(*pairs, strict=True))
    return Ratio(name, baseline, mine, other, at_most)


def cpu_seconds(
    arguments: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, code: int = 0
) -> float:
    """Run Python with `arguments` in a process of its own and return its CPU seconds, its children's included.

    Modules keep their bytecode, as those of an installed program do.
    """
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = os.times()
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env={**variables, **(environment or {})},
    )
    if done.returncode != code:
        raise SystemExit(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
