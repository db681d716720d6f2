"""What the command line adds to the library: `python benchmarks/commands.py [--items 100000]`.

`judge`: `genspace judge` of planted verdicts against the same run in Python, both from a bare process.
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    for ratio in ratios(parser.parse_args().items):
        print(ratio, flush=True)


if __name__ == "__main__":
    main()
