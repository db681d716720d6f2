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


def compact(store: JudgeStore) -> tuple[int, int]:
    """Merge the judge's finished files into one Parquet shard; return (files merged, verdicts kept).

    A file that a run is still writing is left alone, as are all files after it, so that the order of runs is kept. An
    interrupted compaction leaves the old files, the shard, or both; all three read the same.

    >>> import tempfile
    >>> store = JudgeStore(Path(tempfile.mkdtemp()), "clip")
    >>> for score in (0.4, 0.6):
    ...     with store.writer() as writer:
    ...         _ = writer.write(Verdict(item_id="a", score=score))
    >>> compact(store), [path.name for path in store.files()]
    ((2, 1), ['000002.parquet'])
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
    """Remove a judge's verdicts, or those of one fingerprint; return the number of removed lines.

    Errors: `InputError` if no fingerprint or several have this beginning, and while a run writes.

    >>> import tempfile
    >>> store = JudgeStore(Path(tempfile.mkdtemp()), "clip")
    >>> with store.writer() as writer:
    ...     _ = writer.write(Verdict(item_id="a", score=0.4))
    >>> remove(store), store.files()
    (1, [])
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
    """Rename a judge, also inside its verdicts.

    Errors: `InputError` when the name is empty or taken, and while a run writes.

    >>> import tempfile
    >>> store = JudgeStore(Path(tempfile.mkdtemp()), "clip")
    >>> with store.writer() as writer:
    ...     _ = writer.write(Verdict(item_id="a", score=0.4))
    >>> [verdict.judge for verdict in rename(store, "clip-b32").verdicts()]
    ['clip-b32']
    """
    target = JudgeStore(store.root, name)
    if not name.strip() or target.folder.exists():
        raise InputError(
            f"{name!r}: {'verdicts of that name are there' if name.strip() else 'is not a name'}; choose another"
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
    """Two studies hold different verdicts of the same judge, fingerprint and key.

    >>> ours, theirs = Verdict(item_id="a", score=0.4), Verdict(item_id="a", score=0.6)
    >>> Conflict("clip", ours.key, ours, theirs).key
    ('a', None, None, 0)
    """

    judge: str
    key: Key
    ours: Verdict
    theirs: Verdict


def merge(root: Path, others: Iterable[Path], *, prefer: str = "ours") -> tuple[Counter[str], list[Conflict]]:
    """Merge the verdicts of other copies of a study into this one.

    Args:
        root: The study to merge into.
        others: Copies of the same study, judged elsewhere (shards of a run on several machines).
        prefer: "ours" or "theirs": which verdict is kept where they differ.

    Returns:
        The number of verdicts added by judge, and every conflict. Verdicts that differ only in time and cost are no
        conflict.

    >>> import tempfile
    >>> ours, theirs = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    >>> for root, score in ((ours, 0.4), (theirs, 0.6)):
    ...     with JudgeStore(root, "clip").writer() as writer:
    ...         _ = writer.write(Verdict(item_id="a", score=score))
    >>> added, conflicts = merge(ours, [theirs])
    >>> added.total(), [(conflict.ours.score, conflict.theirs.score) for conflict in conflicts]
    (0, [(0.4, 0.6)])
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
