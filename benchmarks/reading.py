"""How fast a study is read: `python benchmarks/reading.py [--rows 1000000] [--before CHECKOUT]`.

Each reader runs beside a baseline that reads the same file, in a process of its own, for its peak memory to be its own:
ratios are those of the medians. Baselines, all of them plain pandas:

- `table`: `read_csv` of every cell as text.
- `items`, `answers`, `scores`: the same, then the checks without which no figure is right: unique keys, known items,
  finite numbers.

With `--before`, a checkout of an earlier version reads the same files in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from ratios import Ratio, beside

RUNS = 3


def make_study(folder: Path, rows: int) -> None:
    """Write a study with one answer and one score an item; prompts hold commas, so that they are quoted."""
    rng = np.random.default_rng(0)
    ids = [f"item-{n:07d}" for n in range(rows)]
    prompts = [f"a cow, to the left of chair {n // 4}" for n in range(rows)]
    places = {
        "prompt_id": [f"p{n // 4}" for n in range(rows)],
        "generator": [f"g{n % 4}" for n in range(rows)],
    }
    pd.DataFrame({"item_id": ids, "prompt": prompts, **places}).to_csv(folder / "items.csv", index=False)
    ratings = {"rater_id": [f"r{n % 7}" for n in range(rows)], "value": rng.integers(1, 6, rows)}
    pd.DataFrame({"item_id": ids, **ratings}).to_csv(folder / "annotations.csv", index=False)
    (folder / "scores").mkdir()
    scores = pd.DataFrame({"item_id": ids, "score": rng.random(rows).round(6)})
    scores.to_csv(folder / "scores/m.csv", index=False)


def as_text(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)


def baseline(folder: Path, what: str) -> int:
    """Read one table with plain pandas."""
    if what in ("table", "items"):
        frame = as_text(folder / "items.csv")
        if what == "items":
            assert not frame.duplicated("item_id").any()
        return len(frame)
    known = as_text(folder / "items.csv")["item_id"]
    name, column, key = {
        "answers": ("annotations.csv", "value", ["item_id", "rater_id"]),
        "scores": ("scores/m.csv", "score", ["item_id"]),
    }[what]
    frame = as_text(folder / name)
    number = pd.to_numeric(frame[column])
    assert np.isfinite(number).all()
    assert frame["item_id"].isin(set(known)).all()
    assert not frame.duplicated(key).any()
    return len(frame)


def ours(folder: Path, what: str) -> int:
    """Read one table as genspace does."""
    from genspace.study import open_study
    from genspace.tables import read_table

    if what == "table":
        return len(read_table(folder / "items.csv").frame)
    study = open_study(folder)
    if what == "items":
        return sum(1 for _ in study.iter_item_ids())
    read = study.read_annotations() if what == "answers" else study.read_verdicts()
    assert not read.problems
    return len(read.frame)


def measured(folder: Path, what: str, reader: str, before: Path | None) -> dict[str, float]:
    """Run one reader in a process of its own."""
    once = "baseline" if reader == "baseline" else "ours"
    command = [sys.executable, __file__, "--once", once, "--what", what, "--folder", str(folder)]
    where = {"PYTHONPATH": str(before / "src")} if reader == "before" and before else {}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **where})
    result: dict[str, float] = json.loads(done.stdout)
    return result


READ: Mapping[str, float] = {"table": 2.0, "items": 3.0, "answers": 3.0, "scores": 3.0}
"""What is read, and how many times pandas' time it may take."""


def ratios(rows: int = 200_000) -> Iterator[Ratio]:
    """Measure every reader beside pandas."""
    with tempfile.TemporaryDirectory() as name:
        make = ["--once", "make", "--rows", str(rows), "--folder", name]
        subprocess.run([sys.executable, __file__, *make], check=True)
        for what, most in READ.items():
            readers = (partial(_cpu, Path(name), what, reader) for reader in ("ours", "baseline"))
            yield beside(
                f"reading {rows:,} rows: {what}", next(readers), "pandas", next(readers), at_most=most
            )


def _cpu(folder: Path, what: str, reader: str) -> float:
    return measured(folder, what, reader, None)["cpu_seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--once", choices=["baseline", "ours", "make"])
    parser.add_argument("--what")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.once == "make":
        make_study(options.folder, options.rows)
        return
    if options.once:
        started = time.process_time()
        rows = {"baseline": baseline, "ours": ours}[options.once](options.folder, options.what)
        seconds = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"rows": rows, "cpu_seconds": seconds, "peak_mb": peak}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Apart, since a process starts with the peak memory of the one that made it.
        make = ["--once", "make", "--rows", str(options.rows), "--folder", name]
        subprocess.run([sys.executable, __file__, *make], check=True)
        print(
            f"{options.rows:,} rows, {os.cpu_count()} cores, pandas {pd.__version__}, {datetime.now(UTC):%Y-%m-%d}"
        )
        readers = ["baseline", "ours", *(["before"] if options.before else [])]
        for what in READ:
            runs: dict[str, list[dict[str, float]]] = {reader: [] for reader in readers}
            for _ in range(RUNS):
                for reader, found in runs.items():
                    found.append(measured(folder, what, reader, options.before))
            for key in ("cpu_seconds", "peak_mb"):
                value = {reader: statistics.median(r[key] for r in found) for reader, found in runs.items()}
                ratios = "".join(
                    f"  {value['ours'] / value[reader]:.2f} × {'pandas' if reader == 'baseline' else reader}"
                    for reader in readers
                    if reader != "ours"
                )
                print(f"{what:<8} {key:<12} {value['ours']:>8.2f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
