"""Slow proof of the runner: SIGKILL at random moments."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ITEMS = 10_000
KILLS = 100
WORKER = """
import sys, time, zlib
from genspace.gather import evidence_of
from genspace.records import Verdict
from genspace.runner import run
from genspace.study import open_study

class Slow:
    fingerprint = "slow"
    def judge(self, requests):
        for request in requests:
            time.sleep(0.0005)
            value = zlib.crc32(request.item.item_id.encode()) / 2**32
            if value < 0.1:
                yield Verdict.abstained(request, "unsure")
            else:
                yield Verdict.decided(request, score=value, passed=value > 0.5)

run(open_study(sys.argv[1]), Slow(), "slow")
"""


def _study(folder: Path, items: int) -> Path:
    folder.mkdir()
    (folder / "items.csv").write_text("item_id\n" + "".join(f"item-{n:05d}\n" for n in range(items)))
    return folder


def _written(folder: Path) -> int:
    return sum(p.stat().st_size for p in (folder / "verdicts" / "slow").glob("*.jsonl"))


def _table(folder: Path) -> list[tuple[object, ...]]:
    from genspace.gather import evidence_of
    from genspace.study import open_study

    frame = evidence_of(open_study(folder)).verdicts.sort_values("item_id")
    columns = ["item_id", "status", "score", "passed", "reason"]
    return [tuple(map(str, row)) for row in frame[columns].itertuples(index=False, name=None)]


def kill_loop(root: Path, kills: int = KILLS, items: int = ITEMS) -> str:
    """Kill a run at seeded moments, start it again, and compare its final table with that of an undisturbed run."""
    calm, hard = _study(root / "calm", items), _study(root / "hard", items)
    command = [sys.executable, "-c", WORKER]
    subprocess.run([*command, str(calm)], check=True)
    size = _written(calm)
    rng = random.Random(20251)
    done = 0
    while done < kills:
        target = _written(hard) + rng.randrange(1, max(2, 2 * size // kills))
        child = subprocess.Popen([*command, str(hard)])
        while child.poll() is None and _written(hard) < target:
            time.sleep(0.001)
        if child.poll() == 0:
            break
        child.send_signal(signal.SIGKILL)
        child.wait()
        done += 1
    subprocess.run([*command, str(hard)], check=True)
    assert done >= 0.6 * kills, f"only {done} kills before the end"
    assert _table(hard) == _table(calm)
    complete = [
        line for p in (hard / "verdicts" / "slow").glob("*.jsonl") for line in p.read_text().splitlines(True)
        if line.endswith("\n")
    ]  # fmt: skip
    assert len(complete) == items, "an item was judged twice or lost"
    return (
        f"{done} × SIGKILL at seeded random moments in a run over {items:,} items: the final table equals that of an "
        "undisturbed run; no item judged twice, none lost."
    )


def main() -> str:
    """Run the proof."""
    with tempfile.TemporaryDirectory() as folder:
        return f"## The runner\n\n- {kill_loop(Path(folder))}\n"


if __name__ == "__main__":
    print(main())
