"""Many raters at once, on SQLite and PostgreSQL, with the server killed meanwhile: nothing lost, nothing doubled."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "human_study"))

from load import Result, ServerProcess, percentile, postgresql, run_load
from small_studies import write_study

from genspace.human_study.reading import read_recorded

CHOICES = {"yes": 1.0, "no": 0.0, "cannot_tell": None}
RATERS_PER_ITEM = 5
LIMIT_S = 0.2


def design(database: str | None = None) -> str:
    where = f'database = "{database}"\n' if database else ""
    return (
        f"raters_per_item = {RATERS_PER_ITEM}\nlease_minutes = 60\nblock = 100000\n{where}"
        "[repeats]\nevery = 0\n[limits]\njoins_per_minute = 100000\n"
    )


def check(root: Path, result: Result, *, items: int, complete: bool) -> None:
    """Compare what the raters were told with what is stored."""
    screens = read_recorded(root).screens
    stored = {s.assignment_id: s.answers[""] for s in screens}
    assert len(stored) == len(screens), "an assignment is stored twice"
    for assignment, choice in result.acknowledged.items():
        assert assignment in stored, f"acknowledged answer {assignment} is lost"
        assert stored[assignment] == CHOICES[choice], f"answer {assignment} is not what was sent"
    assert set(stored) == set(result.acknowledged), "an answer is stored that nobody was told of"
    by_item = Counter(s.unit[0] for s in screens)
    pairs = Counter((s.unit[0], s.rater_id) for s in screens)
    assert max(pairs.values()) == 1, "a rater answered an item twice"
    assert max(by_item.values()) <= RATERS_PER_ITEM, "an item was asked about too often"
    if complete:
        assert len(by_item) == items
        assert min(by_item.values()) == RATERS_PER_ITEM, "an item was asked about too seldom"


def run(items: int, *, raters: int, think_s: float, kills: int = 0, database: str | None = None) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        root = write_study(Path(folder) / "study", items, design=design(database))
        server = ServerProcess(root)
        server.start()
        try:
            result = run_load(server, raters=raters, think_s=think_s, kills=kills, every_s=3.0)
        finally:
            server.stop()
        check(root, result, items=items, complete=not kills)
    return result


def row(name: str, result: Result, raters: int) -> str:
    median, late = (1000 * percentile(result.seconds, share) for share in (0.5, 0.95))
    return f"| {name} | {raters} | {len(result.acknowledged):,} | {median:.0f} ms | {late:.0f} ms | {result.retries} |"


def main() -> str:
    sqlite = run(1000, raters=100, think_s=3.0)
    with postgresql() as url:
        postgres = run(1000, raters=300, think_s=6.0, database=url)
    killed = run(1000, raters=100, think_s=2.0, kills=20)
    for result in (sqlite, postgres):
        assert len(result.acknowledged) == 1000 * RATERS_PER_ITEM
        late = percentile(result.seconds, 0.95)
        assert late < LIMIT_S, f"95 % of the answers took up to {late * 1000:.0f} ms"
    return "\n".join(
        [
            "## Human study under load",
            "",
            "Scripted raters join, agree, and answer 1,000 items with 5 raters each; they think 3 s on average (SQLite),",
            "6 s (PostgreSQL) or 2 s (killed) before each answer. Time is from sending an answer to having the next",
            "picture's description, raters and server sharing the machine. Afterwards every acknowledged answer is in the",
            "store with its value, no other is, and every item has exactly its 5 raters (killed: at most 5).",
            "",
            "| | raters at once | answers | median | 95 % | retries |",
            "| --- | --- | --- | --- | --- | --- |",
            row("SQLite", sqlite, 100),
            row("PostgreSQL", postgres, 300),
            row("SQLite, server killed with SIGKILL 20 times", killed, 100),
        ]
    )


if __name__ == "__main__":
    print(main())
