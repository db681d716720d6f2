"""Keeping verdict files in order: folding many into one, and merging what several machines judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from genspace.records import Verdict
from genspace.store._disk import DiskMap
from genspace.store._files import JudgeStore, Key, in_use, judge_folders, line_key
from genspace.store._formats import read_lines, write_shard

__all__ = ["Conflict", "compact", "merge"]


def compact(store: JudgeStore) -> tuple[int, int]:
    """Fold the judge's finished files into one Parquet shard; return (files folded, verdicts kept).

    Files that a run is still writing stay as they are, and so does every file after the first such, so that the
    order of runs is kept. A compaction that is killed leaves either the old files or the shard, or both with equal
    content, which reads the same.
    """
    finished = []
    for path in store.files():
        if in_use(path):
            break
        finished.append(path)
    if len(finished) < 2 and not any(p.suffix == ".jsonl" for p in finished):
        return 0, 0
    last = DiskMap()  # of each verdict, which of all lines counts: its last
    last.update((_place(line), str(n)) for n, line in enumerate(_lines(finished)))
    kept = (line for n, line in enumerate(_lines(finished)) if last.get(_place(line)) == str(n))
    target = finished[-1].with_suffix(".parquet")
    write_shard(kept, target)
    for path in finished:
        if path != target:
            path.unlink()
    return len(finished), len(last)


def _lines(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(map(read_lines, paths))


def _place(line: Mapping[str, Any]) -> str:
    return repr((line["fingerprint"], line_key(line)))


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two studies hold different verdicts of one judge, fingerprint and key."""

    judge: str
    key: Key
    ours: Verdict
    theirs: Verdict


def merge(root: Path, others: Iterable[Path], *, prefer: str = "ours") -> tuple[Counter[str], list[Conflict]]:
    """Bring the verdicts of other copies of a study into this one.

    Args:
        root: the study to merge into.
        others: copies of the same study, judged elsewhere (shards of a run on several machines).
        prefer: "ours" or "theirs": whose verdict counts where they differ.

    Returns:
        The number of verdicts added by judge, and every conflict. Verdicts that say the same are no conflict,
        whatever they took in time and money.
    """
    added: Counter[str] = Counter()
    conflicts: list[Conflict] = []
    for other in others:
        for judge, _ in judge_folders(other):
            store = JudgeStore(root, judge)
            ours = {(v.fingerprint, v.key): v for v in store.verdicts()}
            theirs = {(v.fingerprint, v.key): v for v in JudgeStore(other, judge).verdicts()}
            with store.writer() as writer:
                for (mark, key), verdict in theirs.items():
                    present = ours.get((mark, key))
                    if present is not None and _says(present) == _says(verdict):
                        continue
                    if present is not None:
                        conflicts.append(Conflict(judge, key, present, verdict))
                        if prefer == "ours":
                            continue
                    writer.write(verdict)
                    added[judge] += 1
    return added, conflicts


def _says(verdict: Verdict) -> tuple[Any, ...]:
    return (verdict.status, verdict.score, verdict.passed, verdict.confidence, verdict.reason)
