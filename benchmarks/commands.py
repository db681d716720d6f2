"""What the command line adds to the library: `python benchmarks/commands.py [--items 100000]`.

- `genspace judge` of planted verdicts against the same run in Python.
- What reads a study, against reading the same files with pandas alone: tables by `read_csv`, verdicts by `read_json`.

All from a bare process, imports included.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ratios import Ratio, beside, cpu_seconds
from runner import make_study

JUDGED_IN_PYTHON = """
import sys
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.runner import run
from genspace.study import open_study

study = open_study(sys.argv[1])
judge = make_judge(JudgeSpec(name="planted:coin", kind="planted", model="coin"), study_context(study))
run(study, judge, "planted:coin")
"""


READ_BY_PANDAS = """
import sys
from pathlib import Path

import pandas as pd

for path in map(Path, sys.argv[1:]):
    for table in [*path.glob("*.csv"), *path.glob("scores/*.csv")]:
        pd.read_csv(table)
    for lines in path.rglob("*.jsonl"):
        pd.read_json(lines, lines=True)
"""
PLANTS = {"one": "majority", "two": "inverted", "three": "coin", "four": "abstains"}
"""Judges of the study that is read, and their rules."""


def judged_by(folder: Path, *arguments: str | Path) -> float:
    """Judge the study anew."""
    shutil.rmtree(folder / "verdicts", ignore_errors=True)
    return cpu_seconds(arguments)


def ratios(items: int = 100_000) -> Iterator[Ratio]:
    """Measure the commands."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(folder, items, items)
        yield beside(
            f"genspace judge, {items:,} planted verdicts",
            partial(judged_by, folder, "-m", "genspace", "judge", folder, "--judge", "planted:coin"),
            "the library",
            partial(judged_by, folder, "-c", JUDGED_IN_PYTHON, folder),
            at_most=1.3,
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(folder, items, items)
        (folder / "scores").mkdir()
        for scores in ("a", "b", "c"):
            (folder / f"{scores}.csv").rename(folder / f"scores/{scores}.csv")
        tables = (f'[judges.{judge}]\nkind = "planted"\nmodel = "{rule}"\n' for judge, rule in PLANTS.items())
        (folder / "study.toml").write_text("".join(tables))
        for judge in PLANTS:
            cpu_seconds(["-m", "genspace", "judge", folder, "--judge", judge])
        for words, files in (
            (["verdicts", "list", folder], folder / "verdicts"),
            (["check", folder], folder),
            (["judge", folder, "--judge", "one"], folder),
            (["rank", folder], folder),
            (["validate", "one", folder], folder),
        ):
            told = " ".join(word for word in words if isinstance(word, str))
            yield beside(
                f"genspace {told}, {items:,} items × 7",
                partial(cpu_seconds, ["-m", "genspace", *words]),
                "reading with pandas",
                partial(cpu_seconds, ["-c", READ_BY_PANDAS, files]),
                at_most=3,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    for ratio in ratios(parser.parse_args().items):
        print(ratio, flush=True)


if __name__ == "__main__":
    main()
