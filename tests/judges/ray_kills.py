"""Runs on Ray whose driver and workers are killed at random moments, with a planted judge that must be paid."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from genspace.judges import Judge, JudgeContext, JudgeSpec, make_judge

SECONDS_EACH = 0.05
"""What the planted judge takes for an item."""
WORKERS = 2
LEDGER = "GENSPACE_TEST_LEDGER"
"""Environment variable: the file in which the judge writes what it was paid for."""
JUDGE = f"""
import os, time, zlib
from genspace.records import Verdict

class Paid:
    fingerprint = "paid"

    def judge(self, requests):
        for request in requests:
            with open(os.environ["{LEDGER}"], "a") as ledger:
                ledger.write(request.item.item_id + "\\n")
            time.sleep({SECONDS_EACH})
            value = zlib.crc32(request.item.item_id.encode()) / 2**32
            if value < 0.1:
                yield Verdict.abstained(request, "unsure")
            else:
                yield Verdict.decided(request, score=value, passed=value > 0.5, cost_usd=0.01)

def make(spec, context):
    return Paid()
"""


@dataclass(frozen=True)
class PaidRun:
    """A study, and the command that judges it on Ray."""

    folder: Path
    items: int

    def __post_init__(self) -> None:
        """Write the study, and the judge as an installed plugin."""
        plugin = self.folder / "plugin"
        (plugin / "paid_judge-1.dist-info").mkdir(parents=True)
        (plugin / "paid_judge.py").write_text(JUDGE)
        (plugin / "paid_judge-1.dist-info" / "METADATA").write_text("Name: paid_judge\nVersion: 1\n")
        entry = "[genspace.judges]\npaid = paid_judge:make\n"
        (plugin / "paid_judge-1.dist-info" / "entry_points.txt").write_text(entry)
        self.study.mkdir()
        rows = "".join(f"item-{n:05d}\n" for n in range(self.items))
        (self.study / "items.csv").write_text("item_id\n" + rows)

    @property
    def study(self) -> Path:
        return self.folder / "study"

    @property
    def paid(self) -> list[str]:
        """Items that were paid for, each as often as it was."""
        ledger = self.folder / "ledger"
        return ledger.read_text().splitlines() if ledger.is_file() else []

    @property
    def written(self) -> int:
        """Verdicts in the study."""
        files = (self.study / "verdicts" / "paid").glob("*.jsonl")
        return sum(path.read_bytes().count(b"\n") for path in files)

    def judge(self) -> Judge:
        """Return the judge, to be asked in this process."""
        os.environ[LEDGER] = str(self.folder / "ledger")
        return make_judge(JudgeSpec(name="paid", kind="paid"), JudgeContext())

    def start(self) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(self.folder / "plugin"), os.environ.get("PYTHONPATH", "")])
        # Ray starts workers with the lowest priority: on a machine with other work they would never come.
        environment = os.environ | {
            "PYTHONPATH": path, LEDGER: str(self.folder / "ledger"), "RAY_worker_niceness": "0"
        }  # fmt: skip
        command = [
            "judge",
            self.study,
            "--judge",
            "paid",
            "--engine",
            "ray",
            "--replicas",
            WORKERS,
            "--batch",
            16,
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "genspace", *map(str, command)],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


def processes_of(driver: subprocess.Popen[str]) -> dict[int, str]:
    """Return number and title of every process that a driver has started, Ray's own among them."""
    told = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in told.splitlines()]
    found: dict[int, str] = {}
    parents = {driver.pid}
    while parents:
        children = {int(pid): title for pid, parent, title in rows if int(parent) in parents}
        found |= children
        parents = {*children}
    return found


@dataclass(frozen=True)
class Loss:
    """What the kills cost."""

    of_drivers: int
    of_workers: int
    asked_again: int
    """Items that were paid for again, all kills together."""
    longest_s: float
    """Longest time from a driver's end to that of the last process it had started."""


def at_most_asked_again(loss: Loss) -> float:
    """Return how many items two seconds of each worker's work are, for each kill of a driver and of a worker."""
    return (loss.of_drivers * WORKERS + loss.of_workers) * 2.0 / SECONDS_EACH


def stopped(run: PaidRun, written: int, number: signal.Signals) -> int:
    """Start a run, send it a signal when so many verdicts are written, and return its exit code."""
    driver = run.start()
    while run.written < written and driver.poll() is None:
        time.sleep(0.01)
    driver.send_signal(number)
    driver.communicate()
    return driver.returncode


def started(run: PaidRun) -> subprocess.Popen[str]:
    """Start a run and wait for a verdict; a machine that is too busy to start Ray in time is asked again."""
    for _ in range(5):
        before, driver = run.written, run.start()
        while run.written == before and driver.poll() is None:
            time.sleep(0.01)
        if not driver.returncode:
            return driver
        _, errors = driver.communicate()
        assert "Ray did not start" in errors, errors[-2000:]
    raise AssertionError("Ray did not start")


def kill_and_go_on(run: PaidRun, kills: int, seed: int = 0) -> Loss:
    """Kill a worker and the driver in turn, at seeded random moments, until all items are judged."""
    rng = random.Random(seed)
    driver, dead = started(run), {"driver": 0, "worker": 0}
    longest = 0.0
    for number in range(kills):
        target = run.written + rng.randrange(1, 2 * (run.items - run.written) // (kills + 1 - number))
        while run.written < target and driver.poll() is None:
            time.sleep(0.01)
        if driver.poll() is not None:
            break
        if number % 2 == 0:
            workers = [n for n, title in processes_of(driver).items() if title.startswith("ray::_Worker")]
            os.kill(rng.choice(workers), signal.SIGKILL)
            dead["worker"] += 1
            continue
        children = processes_of(driver)
        driver.kill()
        since = time.monotonic()
        driver.communicate()
        while left := {n: title for n, title in children.items() if Path(f"/proc/{n}").exists()}:
            assert time.monotonic() - since < 60, left
            time.sleep(0.05)
        longest = max(longest, time.monotonic() - since)
        dead["driver"] += 1
        driver = started(run)
    _, errors = driver.communicate()
    assert driver.returncode == 0, errors[-2000:]
    return Loss(dead["driver"], dead["worker"], len(run.paid) - len(set(run.paid)), longest)
