"""Every ratio of this folder, kept in history.jsonl: `make benchmarks`, or `python benchmarks/run.py [NAME…]`.

A line of the history is one run: the day, the machine, and each ratio with its seconds. Ratios are what is compared:
they hold from machine to machine. What got slower than when it was last measured is named, and so is what breaks its
promise, with which the exit code is 1. NAME is a module with a function `ratios`; without one, all are run.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from ratios import Ratio

HISTORY = Path(__file__).with_name("history.jsonl")
MODULES = ("commands", "scenes", "reading", "agreement", "inference", "generator_table", "scale")
SLOWER = 1.25
"""Times its last ratio from which on something is said to have become slower."""


def machine() -> str:
    """Return what a reader needs to know of the machine."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def last_of(lines: Iterable[str]) -> dict[str, float]:
    """Return each thing's last ratio in a history."""
    found: dict[str, float] = {}
    for line in lines:
        found |= {name: kept["ratio"] for name, kept in json.loads(line)["ratios"].items()}
    return found


def line_of(ratios: Sequence[Ratio], day: str) -> str:
    """Return a run's line of the history."""
    kept = {
        r.name: {"baseline": r.baseline, "ratio": round(r.ratio, 4), "seconds": round(r.seconds, 3)}
        for r in ratios
    }
    return json.dumps({"day": day, "machine": machine(), "ratios": kept}, ensure_ascii=False) + "\n"


def remarks(ratios: Iterable[Ratio], before: Mapping[str, float]) -> Iterator[str]:
    """Yield what got slower, and what is slower than promised."""
    for ratio in ratios:
        last = before.get(ratio.name)
        if last is not None and ratio.ratio > SLOWER * last:
            yield f"slower: {ratio.name}: {ratio.ratio:.3g} × {ratio.baseline}, {last:.3g} when last measured"
        if ratio.ratio > ratio.at_most:
            yield f"too slow: {ratio.name}: {ratio.ratio:.3g} × {ratio.baseline}, at most {ratio.at_most:g} is promised"


def measured(names: Sequence[str]) -> Iterator[Ratio]:
    """Run modules and yield their ratios."""
    for name in names:
        module: Any = import_module(name)
        yield from module.ratios()


def main(names: Sequence[str], history: Path = HISTORY) -> int:
    """Measure, keep each ratio as it comes, and say what got slower; 1 where a promise is broken."""
    found: list[Ratio] = []
    before = history.read_text(encoding="utf-8") if history.is_file() else ""
    for ratio in measured(names or MODULES):
        print(ratio, flush=True)
        found.append(ratio)
        history.write_text(before + line_of(found, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    for remark in remarks(found, last_of(before.splitlines())):
        print(remark)
    return int(any(ratio.ratio > ratio.at_most for ratio in found))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
