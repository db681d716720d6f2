"""How fast verdicts are kept and read: `python benchmarks/runner.py [--largest 1000000]`.

Part 1 runs a table judge over 10^4, 10^5, … items: verdicts per second, as a ratio to the baseline "write the same JSON
lines with one `json.dumps`, one `write` and one `flush` each", and peak memory. Part 2 compares three judges with
verdicts on the largest study, 200 bootstrap draws. Each measurement is a process of its own, so that its peak memory is
its own. People rated at most `--rated` of the items, evenly spread prompts, as studies of that size are.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd


def make_study(folder: Path, items: int, rated: int) -> None:
    """Write a study with four items a prompt, a human rating of some, and tables of scores."""
    rng = np.random.default_rng(0)
    numbers = range(items)
    ids = [f"item-{n:07d}" for n in numbers]
    quality = rng.normal(size=items)
    columns = {"prompt_id": [f"p{n // 4}" for n in numbers], "generator": [f"g{n % 4}" for n in numbers]}
    pd.DataFrame({"item_id": ids, **columns}).to_csv(folder / "items.csv", index=False)
    rating = np.clip(np.round(3 + quality), 1, 5).astype(int)
    answers = pd.DataFrame({"item_id": ids, "rater_id": "r", "value": rating})
    every = max(1, items // rated)
    answers[np.arange(items) // 4 % every == 0].to_csv(folder / "annotations.csv", index=False)
    for judge in ("a", "b", "c"):
        score = np.round(quality + rng.normal(size=items), 6)
        pd.DataFrame({"item_id": ids, "score": score}).to_csv(folder / f"{judge}.csv", index=False)


def peak_mb() -> float:
    """Return this process's peak resident memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def judge_once(folder: Path, table: str) -> dict[str, float]:
    """Run the table judge over the study."""
    from genspace.judges import JudgeContext, JudgeSpec, make_judge
    from genspace.runner import run
    from genspace.study import open_study

    study = open_study(folder)
    judge = make_judge(JudgeSpec(name=table, kind="table", model=f"{table}.csv"), JudgeContext(study=study))
    before = peak_mb()
    started = time.perf_counter()
    verdicts = run(study, judge, table).asked
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "verdicts": verdicts, "before_mb": before, "peak_mb": peak_mb()}


def baseline(folder: Path, table: str) -> dict[str, float]:
    """Write the same verdict lines with json.dumps, write and flush alone."""
    from genspace.store import JudgeStore

    lines = list(JudgeStore(folder, table).lines())
    started = time.perf_counter()
    with (folder / "baseline.jsonl").open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
    return {"seconds": time.perf_counter() - started, "verdicts": len(lines)}


def compare_once(folder: Path, _table: str) -> dict[str, float]:
    """Compare the study's judges with 200 draws."""
    from genspace import compare

    started = time.perf_counter()
    result = compare(folder, draws=200)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "judges": len(result.ranking), "peak_mb": peak_mb()}


def make_once(folder: Path, given: str) -> dict[str, float]:
    """Write the study; `given` is "ITEMS,RATED"."""
    items, rated = map(int, given.split(","))
    make_study(folder, items, rated)
    return {"items": items}


STEPS = {"make": make_once, "judge": judge_once, "baseline": baseline, "compare": compare_once}


def measured(step: str, folder: Path, given: str = "a") -> dict[str, float]:
    """Run one step in a process of its own; this one stays small, as Linux counts a parent's memory as its child's."""
    command = [sys.executable, __file__, "--step", step, str(folder), given]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_size(folder: Path, size: int, rated: int) -> None:
    """Run and write `size` verdicts, and print the rates."""
    measured("make", folder, f"{size},{rated}")
    run, plain = measured("judge", folder), measured("baseline", folder)
    rate, ideal = run["verdicts"] / run["seconds"], plain["verdicts"] / plain["seconds"]
    print(
        f"{size:>9,} items: {rate:,.0f} verdicts/s, {1e6 / rate:.1f} µs each, {ideal / rate:.1f} × the time of plain "
        f"writing; peak {run['peak_mb']:.0f} MB, of which {run['before_mb']:.0f} MB before the first verdict",
        flush=True,
    )


def measure_compare(folder: Path, size: int, rated: int) -> None:
    """Judge with two more tables and compare all three."""
    for table in ("b", "c"):
        measured("judge", folder, table)
    result = measured("compare", folder)
    print(
        f"compare, {size:,} verdicts × {result['judges']} judges, {min(size, rated):,} rated items, 200 draws: "
        f"{result['seconds']:.1f} s, peak {result['peak_mb']:.0f} MB",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1_000_000)
    parser.add_argument("--rated", type=int, default=10_000, help="how many items people rated")
    parser.add_argument("--step", nargs=3)
    arguments = parser.parse_args()
    if arguments.step:
        step, folder, given = arguments.step
        print(json.dumps(STEPS[step](Path(folder), given)))
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores")
    size = 10_000
    while size <= arguments.largest:
        with tempfile.TemporaryDirectory() as name:
            measure_size(Path(name), size, arguments.rated)
            if size * 10 > arguments.largest:
                measure_compare(Path(name), size, arguments.rated)
        size *= 10


if __name__ == "__main__":
    main()
