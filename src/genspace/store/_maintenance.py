"""Keeping verdict files in order: folding many into one, and merging what several machines judged."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from shutil import rmtree
from typing import Any

from genspace.errors import InputError, did_you_mean
from genspace.records import Verdict
from genspace.store._disk import DiskMap
from genspace.store._files import JudgeStore, Key, in_use, judge_folders, line_key
from genspace.store._formats import read_lines, write_shard

__all__ = ["Conflict", "compact", "merge", "remove", "rename"]


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
    target = finished[-1].with_suffix(".parquet")
    kept = write_shard(_standing(finished), target)
    for path in finished:
        if path != target:
            path.unlink()
    return len(finished), kept


def _standing(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield the lines that no later one replaces, in order."""
    last = DiskMap()
    last.update((_place(line), str(n)) for n, line in enumerate(_lines(paths)))
    return (line for n, line in enumerate(_lines(paths)) if last.get(_place(line)) == str(n))


def _lines(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(map(read_lines, paths))


def _place(line: Mapping[str, Any]) -> str:
    """Return what a later line must share with this one to replace it."""
    return repr((line.get("fingerprint"), line_key(line)))


def remove(store: JudgeStore, fingerprint: str | None = None) -> int:
    """Remove a judge's verdicts, or those under one fingerprint; return how many lines.

    Errors: `InputError` for no or several fingerprints that begin so, and while a run writes.
    """
    files = _finished(store)
    every = sum(1 for _ in _lines(files))
    if fingerprint is None:
        rmtree(store.folder)
        return every
    mark = store.fingerprint(fingerprint)
    target = files[-1].with_suffix(".parquet")
    kept = write_shard((line for line in _standing(files) if line.get("fingerprint") != mark), target)
    for path in files:
        if path != target:
            path.unlink()
    if not kept:
        rmtree(store.folder)
    return every - kept


def rename(store: JudgeStore, name: str) -> JudgeStore:
    """Give a judge another name, in its verdicts too.

    Errors: `InputError` when the name is taken, for no name, and while a run writes.
    """
    target = JudgeStore(store.root, name)
    if not name.strip() or target.folder.exists():
        raise InputError(
            f"{name!r}: {'verdicts of that name are there' if name.strip() else 'is no name'}; choose another"
        )
    files = _finished(store)
    write_shard(
        ({**line, "judge": name} for line in _standing(files)), target.folder / f"{files[-1].stem}.parquet"
    )
    target.describe(variant=store.variant(), draft=store.draft)
    rmtree(store.folder)
    return target


def _finished(store: JudgeStore) -> list[Path]:
    """Return the judge's files. Errors: `InputError` where there are none, and while a run writes one."""
    files = store.files()
    if not files:
        known = did_you_mean(store.judge, [judge for judge, _ in judge_folders(store.root)])
        raise InputError(f"{store.root}: no verdicts of a judge {store.judge!r}{known}")
    for path in files:
        if in_use(path):
            raise InputError(f"{path}: a run is writing it; stop that run first")
    return files


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
            ours = DiskMap()
            ours.update((_place(line), json.dumps(line)) for line in store.lines())
            with store.writer() as writer:
                for line in _standing(JudgeStore(other, judge).files()):
                    verdict, text = Verdict.from_json(line), ours.get(_place(line))
                    present = None if text is None else Verdict.from_json(json.loads(text))
                    if present is not None and _says(present) == _says(verdict):
                        continue
                    if present is not None:
                        conflicts.append(Conflict(judge, verdict.key, present, verdict))
                        if prefer == "ours":
                            continue
                    writer.write(verdict)
                    added[judge] += 1
    return added, conflicts


def _says(verdict: Verdict) -> tuple[Any, ...]:
    """Return what a verdict says, about a pair in canonical order."""
    score, passed = verdict.score, verdict.passed
    if verdict.item_id_b is not None and verdict.item_id > verdict.item_id_b:
        score = None if score is None else (1 - score if 0 <= score <= 1 else -score)
        passed = None if passed is None else not passed
    return (verdict.status, score, passed, verdict.confidence, verdict.reason)
