"""The prompts of a benchmark's folder: what was asked for, in which order, and the pictures before the edits."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.geometry.benchmark import Prompt

Task = Literal["t2i", "edit"]
TASKS: tuple[Task, ...] = get_args(Task)
COLUMNS = ("prompt_id", "prompt", "predicate", "sub_domain", "variant", "objects")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPrompt:
    """One prompt of a benchmark's folder.

    >>> from genspace.geometry.benchmark import own_prompt
    >>> TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", ["cow"], "cow-1")).predicate
    'camera_pose(cow, view=front)'
    """

    task: Task
    prompt_id: str
    prompt: str
    predicate: str
    sub_domain: str
    variant: str
    objects: str
    """Categories, with commas."""
    source_prompt: str = ""
    """Edits: the prompt of the picture before."""
    source_id: str = ""
    """Edits: what the picture before is called; edits of one picture share it."""

    @classmethod
    def of(cls, prompt: Prompt) -> TaskPrompt:
        """Return a prompt of the benchmark."""
        return cls(
            task=prompt.task,
            prompt_id=prompt.item_id,
            prompt=prompt.prompt,
            predicate=prompt.predicate,
            sub_domain=prompt.sub_domain,
            variant=prompt.variant,
            objects=", ".join(prompt.objects),
            source_prompt=prompt.source_prompt or "",
        )


@dataclass(frozen=True, slots=True)
class Source:
    """An image before one or several edits."""

    prompt_id: str
    prompt: str


@dataclass(frozen=True)
class PromptList:
    """The prompts of one task, in order; the first has index 1.

    >>> from genspace.geometry.benchmark import own_prompt
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> list(PromptList("t2i", (cow, cat)).by_id)
    ['cow', 'cat']
    """

    task: Task
    asked: tuple[TaskPrompt, ...]

    @classmethod
    def of(cls, task: Task, asked: Iterable[TaskPrompt]) -> PromptList:
        """Make the list and name each image before editing, in the order of its first edit.

        >>> from genspace.geometry.benchmark import prompts
        >>> edits = PromptList.of("edit", map(TaskPrompt.of, prompts("edit", version=1)))
        >>> edits.asked[0].source_id, len(edits.sources)
        ('before-0001', 751)
        """
        known: dict[str, str] = {}
        named = []
        for one in asked:
            if one.source_prompt and not one.source_id:
                source_id = known.setdefault(one.source_prompt, f"before-{len(known) + 1:04d}")
                named.append(replace(one, source_id=source_id))
            else:
                named.append(one)
        return cls(task, tuple(named))

    @cached_property
    def by_id(self) -> Mapping[str, TaskPrompt]:
        """The prompts by their id."""
        return {one.prompt_id: one for one in self.asked}

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The distinct images before editing."""
        found = {one.source_id: one.source_prompt for one in self.asked if one.source_id}
        return tuple(Source(source_id, prompt) for source_id, prompt in found.items())

    def write(self, folder: Path) -> None:
        """Write the prompts, also of images before editing, as CSV, JSON Lines, one per line, and one file each.

        Errors: `OSError` when the folder cannot be written.
        """
        rows = [
            {"index": str(n), **{c: getattr(one, c) for c in COLUMNS}}
            | ({"source_id": one.source_id, "source_prompt": one.source_prompt} if one.source_id else {})
            for n, one in enumerate(self.asked, start=1)
        ]
        _write(folder, self.task, rows)
        if self.sources:
            before = [
                {"index": str(n), "prompt_id": s.prompt_id, "prompt": s.prompt}
                for n, s in enumerate(self.sources, start=1)
            ]
            _write(folder, f"{self.task}-before", before)

    @classmethod
    def read(cls, folder: Path, task: Task) -> PromptList:
        """Read what `write` wrote. Errors: `InvalidFilesError` if a file or a column is missing."""
        path = folder / f"{task}.csv"
        try:
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InvalidFilesError([Problem(f"prompts/{path.name}", f"cannot be read: {error}")]) from None
        lacking = [c for c in COLUMNS if not rows or not rows[0].get(c)]
        if lacking:
            raise InvalidFilesError(
                [Problem(f"prompts/{path.name}", "a column is missing or empty", field=lacking[0])]
            )
        columns = (*COLUMNS, "source_id", "source_prompt")
        return cls(
            task, tuple(TaskPrompt(task=task, **{c: row.get(c) or "" for c in columns}) for row in rows)
        )


def _write(folder: Path, name: str, rows: Sequence[Mapping[str, str]]) -> None:
    apart = folder / name
    apart.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(rows_csv(rows), encoding="utf-8", newline="")
    (folder / f"{name}.jsonl").write_text(rows_jsonl(rows), encoding="utf-8", newline="")
    (folder / f"{name}.txt").write_text("".join(f"{row['prompt']}\n" for row in rows), encoding="utf-8")
    for row in rows:
        (apart / f"{int(row['index']):04d}.txt").write_text(row["prompt"] + "\n", encoding="utf-8")


def rows_csv(rows: Iterable[Mapping[str, str]]) -> str:
    r"""Write rows, which all have the columns of the first, as CSV.

    >>> rows_csv([{"a": "1", "b": "x, y"}])
    'a,b\n1,"x, y"\n'
    """
    return "".join(csv_lines(rows))


def csv_lines(rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield the lines of `rows_csv`, some at a time. Errors: `InputError` if there are no rows."""
    each = iter(rows)
    some = list(islice(each, 1000))
    if not some:
        raise InputError("there are no rows to write")
    text, columns = io.StringIO(), list(some[0])
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    while some:
        writer.writerows(map(row.__getitem__, columns) for row in some)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
        some = list(islice(each, 1000))


def rows_jsonl(rows: Iterable[Mapping[str, str]]) -> str:
    r"""Write rows as JSON Lines.

    >>> rows_jsonl([{"a": "1"}])
    '{"a": "1"}\n'
    """
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
