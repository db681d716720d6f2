"""Slow proof of the Ray engine: drivers and workers of a run with a paid judge are killed at random moments."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "judges"))
from ray_kills import SECONDS_EACH, WORKERS, PaidRun, at_most_asked_again, kill_and_go_on

from genspace.runner import run
from genspace.store import JudgeStore
from genspace.study import open_study

ITEMS = 3_000
KILLS = 20


def _table(folder: Path) -> dict[tuple[object, ...], tuple[object, ...]]:
    current = JudgeStore(folder, "paid").current()
    return {
        key: (v.status, v.score, v.passed, v.reason, v.fingerprint, v.cost_usd) for key, v in current.items()
    }


def main(items: int = ITEMS, kills: int = KILLS) -> str:
    """Kill a run on Ray again and again; its table must be that of an undivided run here."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hard = PaidRun(folder / "hard", items)
        loss = kill_and_go_on(hard, kills)
        calm = PaidRun(folder / "calm", items)
        sys.path.insert(0, str(calm.folder / "plugin"))
        run(open_study(calm.study), calm.judge(), "paid")
        assert _table(hard.study) == _table(calm.study), (
            "a killed run's table is not that of an undivided one"
        )
        assert hard.written == items, f"{hard.written} verdicts are written of {items} items"
    assert loss.of_drivers + loss.of_workers == kills, loss
    allowed = at_most_asked_again(loss)
    assert loss.asked_again <= allowed, (
        f"{loss.asked_again} items were paid for again; {allowed:.0f} are allowed"
    )
    return (
        f"## The Ray engine, killed\n\nA planted judge that is paid before it answers takes {SECONDS_EACH * 1000:.0f} ms "
        f"an item, in {WORKERS} workers, over {items:,} items.\n\n"
        f"- SIGKILL at seeded random moments, {loss.of_drivers} × the driver and {loss.of_workers} × a worker: the final "
        "table equals that of an undivided run; no item stands there twice, none is lost.\n"
        f"- {loss.asked_again} items were paid for again, {loss.asked_again * SECONDS_EACH / kills:.2f} s of a worker's "
        f"work a kill; at most two seconds of each worker that a kill ended are promised, {allowed:.0f} items.\n"
        f"- All processes of a killed driver had ended within {loss.longest_s:.1f} s.\n"
    )


if __name__ == "__main__":
    print(main())
