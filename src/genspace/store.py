"""Verdict files: append-only JSON Lines, one numbered file per run, `verdicts/JUDGE/000001.jsonl`.

A run never touches another run's file, so runs that are killed or overlap cannot damage what is there. A torn
last line is what a killed run leaves: it is dropped on reading and its item is judged again. Where a key stands
twice, the later line wins.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO
from urllib.parse import quote, unquote

from genspace.errors import InvalidFilesError, Problem
from genspace.records import Verdict

__all__ = ["JudgeStore", "Key", "VerdictWriter", "judge_folders"]

Key = tuple[str, str | None, str | None, int]
"""Item, second item, question, repeat (see `genspace.records.Verdict.key`)."""


def judge_folders(root: Path) -> list[tuple[str, Path]]:
    """Return (judge, folder) of every judge with verdicts in the study, sorted by name."""
    verdicts = root / "verdicts"
    if not verdicts.is_dir():
        return []
    return sorted(
        (unquote(f.name), f) for f in verdicts.iterdir() if f.is_dir() and not f.name.startswith(".")
    )


@dataclass(frozen=True, slots=True)
class JudgeStore:
    """The verdict files of one judge of one study."""

    root: Path
    """The study's folder."""
    judge: str

    @property
    def folder(self) -> Path:
        """`verdicts/JUDGE`, the name percent-encoded where a file system would object."""
        return self.root / "verdicts" / quote(self.judge, safe=" +,=@[]()")

    def files(self) -> list[Path]:
        """The judge's files, oldest run first."""
        return sorted(self.folder.glob("*.jsonl"))

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield every complete line as a dictionary, oldest first.

        Errors: `InvalidFilesError` for a broken line that is not the last of its file.
        """
        for path in self.files():
            yield from _complete_lines(path)

    def current(self) -> dict[Key, Verdict]:
        """Return the verdicts that count: those of the newest fingerprint, the last line of each key."""
        newest: str | None = None
        verdicts: dict[Key, Verdict] = {}
        for document in self.lines():
            verdict = Verdict.from_json(document)
            if verdict.fingerprint != newest:
                newest, verdicts = verdict.fingerprint, {}
            verdicts[verdict.key] = verdict
        return verdicts

    def done(self, fingerprint: str, *, retry: frozenset[str] = frozenset()) -> set[Key]:
        """Return the keys that need no new verdict: judged under this fingerprint and of no status in `retry`."""
        status: dict[Key, str] = {}
        for document in self.lines():
            if document.get("fingerprint") == fingerprint:
                verdict = Verdict.from_json(document)
                status[verdict.key] = verdict.status
        return {key for key, value in status.items() if value not in retry}

    def writer(self) -> VerdictWriter:
        """Open a new file for one run's verdicts."""
        return VerdictWriter(self)


class VerdictWriter:
    """Appends one run's verdicts to a file of its own; each line reaches the system before the next verdict.

    A context manager; the file is created with the first verdict, so a run with nothing to do leaves no trace.
    """

    def __init__(self, store: JudgeStore) -> None:
        self._store = store
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def write(self, verdict: Verdict) -> None:
        """Append one verdict. Errors: `OSError` when the disk is full or the folder is read-only."""
        if self._file is None:
            self._file = self._create()
        self._file.write(json.dumps(verdict.to_json(), ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()

    def _create(self) -> TextIO:
        folder = self._store.folder
        folder.mkdir(parents=True, exist_ok=True)
        number = max((int(p.stem) for p in self._store.files() if p.stem.isdigit()), default=0)
        while True:
            number += 1
            try:
                # "x" fails when another run took the number in the meantime.
                return (folder / f"{number:06d}.jsonl").open("x", encoding="utf-8")
            except FileExistsError:
                continue


def _complete_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return  # torn: the run was killed while writing it
            try:
                document = json.loads(line)
            except json.JSONDecodeError:
                document = None
            if not isinstance(document, dict):
                label = f"verdicts/{path.parent.name}/{path.name}"
                message = "is no verdict; delete the line, and the item will be judged again"
                raise InvalidFilesError([Problem(label, message, row=number)])
            yield document
