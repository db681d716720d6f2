"""Walk the README's way from a clean clone to a report on one's own CSV, and say how long each step takes.

Run: python docs/newcomer.py. Needs git, bash, a package index and venv; works in a folder that it removes.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECTION = "## Your own scores, from a clone to a report"
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ROWS = 30


def commands() -> list[str]:
    """Return the lines that the README asks a newcomer to type: to install, and the comparison."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    install, comparison = BLOCK.findall(text[text.index(SECTION) :])[:2]
    return [*install.splitlines(), *comparison.splitlines()]


def table() -> str:
    """Return the README's table: 30 images of 10 prompts, one rating each, two metrics that know a little."""
    chance = random.Random(1)
    lines = ["item_id,prompt,generator,rating,clip,vqa"]
    for n in range(ROWS):
        rating = chance.randint(1, 5)
        clip, vqa = 0.2 + 0.02 * rating + chance.gauss(0, 0.03), 0.1 * rating + 0.5 * chance.random()
        lines.append(f"i{n},prompt {n // 3},gen-{'abc'[n % 3]},{rating},{clip:.3f},{vqa:.3f}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the seconds of each line and their sum."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "results.csv").write_text(table())
        with subprocess.Popen(
            ["bash", "-e"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as shell:
            assert shell.stdin is not None
            assert shell.stdout is not None
            for line in commands():
                start = time.perf_counter()
                typed = line.replace("REPOSITORY", str(ROOT))
                shell.stdin.write(f"{{ {typed}; }} >said.txt 2>&1\necho done\n")
                shell.stdin.flush()
                if shell.stdout.readline() != "done\n":
                    sys.exit(f"{line}\n{(Path(folder) / 'said.txt').read_text()}")
                print(f"{time.perf_counter() - start:5.1f} s  {line}", flush=True)
            shell.stdin.close()
        assert (Path(folder) / "report" / "report.html").is_file()
    print(f"{time.perf_counter() - begun:5.1f} s  all")


if __name__ == "__main__":
    main()
