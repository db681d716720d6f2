"""What `genspace compare` costs as studies grow, and what a study of usual size costs beside its imports.

    python benchmarks/scale.py [NAME…]

Each run is a process of its own. Time is the processor's (its own and its children's), memory the peak resident one:

- `growth`: exponents of time and memory over 1,000, 10,000 and 100,000 items × 3 judges, default options, the
  neighbours 4,000 and 4,100, and 10,000 items × 30 judges against × 3.
- `large`: 1,000,000 items × 3 judges of which people rated 10,000: seconds × GB against the 131 s × 2.7 GB of the
  version before, on the machine of 2026-11-23.
- `small`: `compare` of a study as TIFA160 is, with its report and without, against the imports that it needs.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from ratios import Ratio, beside, cpu_seconds

BEFORE = 131 * 2.7
"""Seconds × GB of 1,000,000 items × 3 judges before the cost grew with the work."""
IMPORTS = "import numpy, pandas, scipy.stats, sklearn.isotonic, matplotlib.figure"
RUNS = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took."""

    seconds: float
    gigabytes: float


def make_study(folder: Path, items: int, judges: int, *, rated: int | None = None) -> Path:
    """Write a study with four items a prompt, three raters of `rated` items (all) and tables of scores."""
    rng, numbers = np.random.default_rng(0), range(items)
    ids, quality = [f"item-{n:07d}" for n in numbers], rng.normal(size=items)
    places = {"prompt_id": [f"p{n // 4}" for n in numbers], "generator": [f"g{n % 4}" for n in numbers]}
    pd.DataFrame({"item_id": ids, **places}).to_csv(folder / "items.csv", index=False)
    kept = np.arange(items) // 4 % max(1, items // (rated or items)) == 0
    answers = [
        pd.DataFrame({"item_id": ids, "rater_id": rater, "value": _likert(quality, rng)})[kept]
        for rater in ("ann", "bob", "cat")
    ]
    pd.concat(answers).to_csv(folder / "annotations.csv", index=False)
    (folder / "scores").mkdir()
    for judge in range(judges):
        score = np.round(quality + (1 + judge / judges) * rng.normal(size=items), 6)
        pd.DataFrame({"item_id": ids, "score": score}).to_csv(
            folder / f"scores/judge-{judge:02d}.csv", index=False
        )
    return folder


def _likert(quality: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.round(3 + quality + rng.normal(size=len(quality))), 1, 5).astype(int)


def cost(*arguments: str | Path) -> Cost:
    """Run `genspace` with arguments in a process of its own."""
    # A process starts with the peak memory of the one that made it: this one is small, and waits for the command alone.
    command = [sys.executable, "-m", "genspace", *map(str, arguments)]
    program = (
        "import resource, subprocess, sys;"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=True
    )
    code, seconds, peak = told.stdout.split()
    if code != "0":
        raise SystemExit(f"{command} ended with {code}:\n{told.stderr}")
    return Cost(float(seconds), float(peak) / (1e9 if sys.platform == "darwin" else 1e6))


def compared(items: int, judges: int, *, rated: int | None = None, runs: int = 1) -> Cost:
    """Compare the judges of a study of this size; the least of some runs, as what else the machine does only adds."""
    with tempfile.TemporaryDirectory() as name:
        folder = make_study(Path(name), items, judges, rated=rated)
        found = [cost("compare", folder, "--json") for _ in range(runs)]
    print(f"# {items:,} × {judges}: {found}", flush=True)
    return Cost(*(min(v) for v in zip(*((c.seconds, c.gigabytes) for c in found), strict=True)))


def growth() -> Iterator[Ratio]:
    """Measure how the cost grows; the ratio of an exponent is its power of ten."""
    found = {items: compared(items, 3, runs=RUNS) for items in (1_000, 10_000)}
    found[100_000] = compared(100_000, 3)
    for less, more in ((1_000, 10_000), (10_000, 100_000)):
        for what, of in (("time", "seconds"), ("memory", "gigabytes")):
            base, grown = (getattr(found[n], of) for n in (less, more))
            exponent = math.log10(grown / base)
            yield Ratio(
                f"exponent of {what}, {less:,} to {more:,} items × 3", "1", exponent, 1.0, at_most=1.1
            )
    near, next_to = (compared(items, 3, runs=RUNS).seconds for items in (4_000, 4_100))
    yield Ratio("compare 4,100 items × 3", "4,000 items", next_to, near, at_most=1.1)
    many = compared(10_000, 30).seconds
    yield Ratio("compare 10,000 items × 30", "× 3", many, found[10_000].seconds, at_most=12)


def large() -> Iterator[Ratio]:
    """Measure a million items."""
    found = compared(1_000_000, 3, rated=10_000)
    product = found.seconds * found.gigabytes
    yield Ratio("s × GB of compare 1,000,000 items × 3", "131 s × 2.7 GB", product, BEFORE, at_most=0.4)


def small() -> Iterator[Ratio]:
    """Measure a study of 800 items × 10 judges."""
    with tempfile.TemporaryDirectory() as name:
        folder = make_study(Path(name), 800, 10)
        report = ["--out", str(folder / "report")]
        for told, more, most in (("", [], 1.5), (", with its report", report, 2.0)):
            ours: Callable[[], float] = partial(cpu_seconds, ["-m", "genspace", "compare", folder, *more])
            base = partial(cpu_seconds, ["-c", IMPORTS])
            yield beside(f"compare 800 items × 10{told}", ours, "the imports it needs", base, at_most=most)


PARTS: Mapping[str, Callable[[], Iterator[Ratio]]] = {
    "growth": growth,
    "large": large,
    "small": small,
}


def ratios() -> Iterator[Ratio]:
    """Measure everything."""
    for part in PARTS.values():
        yield from part()


if __name__ == "__main__":
    os.environ.setdefault("NO_COLOR", "1")
    for wanted in sys.argv[1:] or PARTS:
        for ratio in PARTS[wanted]():
            print(ratio, flush=True)
