"""A judge's verdict files: writing a run's own, reading all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeVar
from urllib.parse import quote, unquote

from pydantic_core import to_json

from genspace.errors import GenspaceError, InputError
from genspace.pairs import canonical, turned_verdicts
from genspace.records import JudgeVariant, Verdict
from genspace.store._disk import DiskMap
from genspace.store._formats import (
    COLUMN_TYPES,
    SCHEMA_VERSION,
    empty_columns,
    read_columns,
    read_last_columns,
    read_lines,
)

if TYPE_CHECKING:
    import pandas as pd

N = TypeVar("N", int, float)
Key = tuple[str, str | None, str | None, int]
"""Item, second item, question, repeat (see `genspace.records.Verdict.key`)."""
DESCRIPTION = "judge.json"
"""What is known about a judge beside its verdicts."""
KEY_COLUMNS = ["item_id", "item_id_b", "question", "repeat"]


def line_key(line: Mapping[str, Any]) -> Key:
    """Return the key of a verdict's line; a pair's items stand in canonical order, whichever was asked first."""
    first, second = line["item_id"], line.get("item_id_b")
    if second is not None:
        first, second = canonical(first, second)
    return first, second, line.get("question"), line.get("repeat") or 0


def judge_folders(root: Path) -> list[tuple[str, Path]]:
    """Return (judge, folder) of every judge with verdicts in the study, sorted by name.

    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> JudgeStore(root, "vlm:gpt").describe(draft=True)
    >>> [(judge, folder.name) for judge, folder in judge_folders(root)]
    [('vlm:gpt', 'vlm%3Agpt')]
    """
    verdicts = root / "verdicts"
    if not verdicts.is_dir():
        return []
    return sorted(
        (unquote(f.name), f) for f in verdicts.iterdir() if f.is_dir() and not f.name.startswith(".")
    )


@dataclass(frozen=True, slots=True)
class JudgeStore:
    """The verdict files of one judge in one study.

    >>> import tempfile
    >>> store = JudgeStore(Path(tempfile.mkdtemp()), "clip")
    >>> with store.writer() as writer:
    ...     _ = writer.write(Verdict(item_id="a", score=0.4, fingerprint="v1"))
    ...     _ = writer.write(Verdict(item_id="a", score=0.6, fingerprint="v1"))
    >>> [verdict.score for verdict in store.current().values()], [path.name for path in store.files()]
    ([0.6], ['000001.jsonl'])
    """

    root: Path
    """The study's folder."""
    judge: str

    @property
    def folder(self) -> Path:
        """`verdicts/JUDGE`, the name percent-encoded where a file system would object."""
        name = quote(self.judge, safe=" +,=@[]()")
        return self.root / "verdicts" / (f"%2E{name[1:]}" if name.startswith(".") else name)

    def describe(self, *, variant: JudgeVariant | None = None, draft: bool | None = None) -> None:
        """Store what is known about the judge: its variant, and whether it is a draft; None leaves a value unchanged.

        Errors: `InputError` when the folder cannot be written.
        """
        known = self._description()
        known |= {"name": self.judge}
        known |= {} if variant is None else {"variant": asdict(variant)}
        known |= {} if draft is None else {"draft": draft}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / DESCRIPTION).write_text(json.dumps(known) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write verdicts to {self.folder}: {error.strerror}") from None

    def _description(self) -> dict[str, Any]:
        path = self.folder / DESCRIPTION
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return found

    def variant(self) -> JudgeVariant | None:
        """Return which judge this one is a variant of; None if it is not a variant or none was stored."""
        found = self._description().get("variant")
        return None if found is None else JudgeVariant(**found)

    @property
    def draft(self) -> bool:
        """Whether the verdicts are a draft, which tables leave out by default."""
        return bool(self._description().get("draft"))

    def files(self) -> list[Path]:
        """Return the judge's files, oldest run first; a compacted shard follows the runs that it holds."""
        found = [p for p in self.folder.glob("[0-9]*") if p.suffix in {".jsonl", ".parquet"}]
        return sorted(found, key=lambda p: (p.stem, p.suffix))

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield every complete line as a dictionary of the present schema, oldest first.

        Errors: `InvalidFilesError` for a broken line that is not the last of its file, or one of a newer schema.
        """
        for path in self.files():
            yield from read_lines(path)

    def verdicts(self) -> Iterator[Verdict]:
        """Yield every verdict, including replaced ones, oldest first."""
        return (Verdict.from_json(line) for line in self.lines())

    def current(self) -> dict[Key, Verdict]:
        """Return the valid verdicts: those of the newest fingerprint, the last line of each key."""
        newest: str | None = None
        verdicts: dict[Key, Verdict] = {}
        for verdict in self.verdicts():
            if verdict.fingerprint != newest:
                newest, verdicts = verdict.fingerprint, {}
            verdicts[verdict.key] = verdict
        return verdicts

    def under(self, fingerprint: str) -> dict[Key, Verdict]:
        """Return the verdicts of one fingerprint, the last line of each key."""
        lines = (line for line in self.lines() if line.get("fingerprint") == fingerprint)
        return {line_key(line): Verdict.from_json(line) for line in lines}

    def of_items(self, fingerprint: str) -> dict[str, Verdict]:
        """Return the verdicts on single items by item: whole images, first repeat, of one fingerprint."""
        return {
            item: verdict
            for (item, *further), verdict in self.under(fingerprint).items()
            if further == [None, None, 0]
        }

    def frame(
        self, fingerprint: str | None = None, columns: Sequence[str] = tuple(COLUMN_TYPES)
    ) -> pd.DataFrame:
        """Return the valid verdicts as a frame, read without making records (see `every`).

        Args:
            fingerprint: The first characters of a fingerprint; None: the newest.
            columns: Which columns are read beside those of the key.

        Errors: `InputError` for an unknown fingerprint.
        """
        every = self._columns(columns)
        marks = every["fingerprint"]
        if fingerprint is None:
            counting = every[marks == marks.iloc[-1]] if len(every) else every
        else:
            counting = every[marks == self.fingerprint(fingerprint)]
        turned = turned_verdicts(counting)
        if turned["item_id"].is_unique:  # as usual, and sooner known than that of whole keys
            return turned.reset_index(drop=True)
        return turned.drop_duplicates(KEY_COLUMNS, keep="last", ignore_index=True)

    def fingerprint(self, beginning: str) -> str:
        """Return the fingerprint with this beginning. Errors: `InputError` for none or several."""
        marks = [str(mark) for mark in self._columns()["fingerprint"].unique()]
        found = [mark for mark in marks if beginning and mark.startswith(beginning)]
        if len(found) != 1:
            known = ", ".join(marks) or "none"
            raise InputError(
                f"{self.folder}: no single fingerprint begins with {beginning!r}; there are: {known}"
            )
        return found[0]

    def every(self) -> pd.DataFrame:
        """Return the last verdict of each key under each fingerprint, oldest first, with the columns of `COLUMN_TYPES`.

        Pairs stand in canonical order; `item_id_b` is "" for single items.

        Errors: as for `lines`.
        """
        keys = ["fingerprint", *KEY_COLUMNS]
        return turned_verdicts(self._columns()).drop_duplicates(keys, keep="last", ignore_index=True)

    def _columns(self, columns: Sequence[str] = tuple(COLUMN_TYPES)) -> pd.DataFrame:
        import pyarrow as pa

        names = [name for name in COLUMN_TYPES if name in {*columns, *KEY_COLUMNS, "fingerprint", "status"}]
        parts = [part for path in self.files() for part in read_columns(path, names) if part.num_rows]
        frame: pd.DataFrame = pa.concat_tables([empty_columns(names), *parts]).to_pandas()
        frame["repeat"] = frame["repeat"].fillna(0).astype("int64")
        frame["status"] = frame["status"].fillna("decided")
        frame["item_id_b"] = frame["item_id_b"].fillna("")
        frame["judge"] = self.judge
        return frame

    def newest(self, beginning: str = "") -> str | None:
        """Return the newest fingerprint with this beginning; None if there is none."""
        import pyarrow.compute as pc

        for path in reversed(self.files()):
            for part in read_last_columns(path, ["item_id", "fingerprint"]):
                marks = part["fingerprint"].filter(pc.starts_with(part["fingerprint"], beginning))  # pyright: ignore[reportAttributeAccessIssue]
                if len(marks):
                    return str(marks[-1])
        return None

    def done(self, fingerprint: str, *, retry: frozenset[str] = frozenset()) -> Container[Key]:
        """Return the keys judged under this fingerprint, with a status that is not in `retry`."""
        import pyarrow.compute as pc

        status = DiskMap()
        for path in self.files():
            for part in read_columns(path, ["fingerprint", "status", *KEY_COLUMNS]):
                lines = part.filter(pc.equal(part["fingerprint"], fingerprint)).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
                status.update((repr(line_key(line)), line["status"] or "decided") for line in lines)
        return _Done(status, retry) if len(status) else ()

    def writer(self) -> VerdictWriter:
        """Open a new file for one run's verdicts."""
        return VerdictWriter(self)

    def next_number(self) -> int:
        """Return a number above those of all files."""
        return max((int(p.stem) for p in self.files() if p.stem.isdigit()), default=0) + 1


@dataclass(frozen=True, slots=True)
class _Done:
    """Keys whose verdicts stand."""

    status: DiskMap
    retry: frozenset[str]

    def __contains__(self, key: object) -> bool:
        status = self.status.get(repr(key))
        return status is not None and status not in self.retry


class VerdictWriter:
    """Append the verdicts of one run to a file of its own; each line is flushed before the next verdict.

    Use it as a context manager. The file is created with the first verdict, so an empty run leaves no file. While it is
    open, the file is locked against `compact`.

    >>> import tempfile
    >>> store = JudgeStore(Path(tempfile.mkdtemp()), "clip")
    >>> with VerdictWriter(store) as writer:
    ...     _ = writer.write(Verdict(item_id="a", score=0.4))
    >>> writer.written
    1
    """

    def __init__(self, store: JudgeStore) -> None:
        self._store = store
        self._file: FileIO | None = None
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk has been reported by `write`
                os.fsync(self._file.fileno())
            with suppress(OSError):
                self._file.close()

    def write(self, verdict: Verdict) -> Verdict:
        """Append one verdict and return what was written (see `as_json`).

        Errors: `InputError` when the disk is full or the folder is read-only; what was written before is kept.
        """
        verdict, document = as_json(verdict, schema=SCHEMA_VERSION)
        line = document + b"\n"
        try:
            if self._file is None:
                self._file = self._create()
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            raise InputError(
                f"cannot write verdicts to {self._store.folder}: {error.strerror}; {self.written} of this run "
                "are kept. Make room or make the folder writable, and run the same command again"
            ) from None
        self.written += 1
        return verdict

    def _create(self) -> FileIO:
        folder = self._store.folder
        folder.mkdir(parents=True, exist_ok=True)
        number = self._store.next_number()
        while True:
            try:
                # "x" fails when another run took the number in the meantime.
                file = (folder / f"{number:06d}.jsonl").open("xb", buffering=0)
            except FileExistsError:
                number += 1
                continue
            _lock(file, wait=True)
            return file


def as_json(verdict: Verdict, **head: int) -> tuple[Verdict, bytes]:
    """Return a verdict and its JSON after `head`; of one that JSON cannot hold, a failed one that says why.

    >>> verdict, text = as_json(Verdict(item_id="a", score=0.4, details={"share": float("nan")}))
    >>> verdict.status, verdict.reason
    ('failed', 'error: the verdict cannot be written as JSON: a number is not finite')
    """
    try:
        return verdict, _document(verdict, head)
    except ValueError as error:
        failed = Verdict(
            item_id=verdict.item_id, item_id_b=verdict.item_id_b, question=verdict.question, repeat=verdict.repeat,
            judge=verdict.judge, fingerprint=verdict.fingerprint, status="failed",
            reason=f"error: the verdict cannot be written as JSON: {error}",
            seconds=_charge(verdict.seconds), tokens=_charge(verdict.tokens), cost_usd=_charge(verdict.cost_usd),
        )  # fmt: skip
        return failed, _document(failed, head)


def _charge(value: N | None) -> N | None:
    """Return what was spent; None for what is no number, which no type checker saw."""
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _document(verdict: Verdict, head: Mapping[str, int]) -> bytes:
    document = {**head, **verdict.to_json()}
    text = to_json(document)
    if (b"NaN" in text or b"Infinity" in text) and text != to_json(document, inf_nan_mode="null"):
        raise ValueError("a number is not finite")  # not only words in a text
    return text


def _lock(file: TextIO | FileIO, *, wait: bool) -> bool:
    """Lock a file against other processes; True where it is held, or where the system has no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows refuses to delete a file that is open
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        raise GenspaceError(f"{file.name}: this file system has no locks ({error.strerror})") from None
    return True


def in_use(path: Path) -> bool:
    """Whether a run is still writing the file."""
    with path.open("a", encoding="utf-8") as file:
        return not _lock(file, wait=False)
