"""Walk the README's way from a clean clone to a report on one's own CSV, and say how long each step takes.

Run: python docs/newcomer.py. Needs git, a package index and venv; installs into a folder that it removes.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = 30


def table() -> str:
    """Return a newcomer's CSV: 30 images of 10 prompts, one human answer each, two metrics that know a little."""
    chance = random.Random(1)
    lines = ["item_id,prompt,human,clip,vqa"]
    for n in range(ROWS):
        human = chance.randint(0, 1)
        clip, vqa = 0.2 + 0.05 * human + chance.gauss(0, 0.05), 0.3 * human + 0.7 * chance.random()
        lines.append(f"image-{n:02},prompt {n // 3},{human},{clip:.3f},{vqa:.3f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the seconds of each step and their sum."""
    total = 0.0
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "mine.csv").write_text(table())
        steps = {
            "clone": ["git", "clone", "--quiet", str(ROOT), "genspace"],
            "virtual environment": [sys.executable, "-m", "venv", "venv"],
            "install": ["venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "./genspace"],
            "report": ["venv/bin/genspace", "compare", "mine.csv", "--human", "human", "--metrics", "clip,vqa",
                       "--out", "report"],
        }  # fmt: skip
        for name, command in steps.items():
            start = time.perf_counter()
            subprocess.run(command, cwd=here, check=True, capture_output=True)
            seconds = time.perf_counter() - start
            total += seconds
            print(f"{name}: {seconds:.0f} s", flush=True)
        assert (here / "report" / "report.html").is_file()
    print(f"all: {total:.0f} s")


if __name__ == "__main__":
    main()
