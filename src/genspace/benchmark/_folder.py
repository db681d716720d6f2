"""A benchmark's folder: a study that `genspace judge`, `rank` and `compare` read, with its prompts and pictures.

benchmark.toml        which prompts, which tasks, which generators
prompts/TASK.csv …    what to ask for
images/GENERATOR/     the pictures, however they are named
images/before/        the pictures before the edits, each once
items.csv             written anew whenever pictures have come

Longer than 400 lines: what a folder holds, and what is missing in it, are told by the same rules.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from genspace.benchmark._pictures import Names, PlacedPictures, place, task_of
from genspace.benchmark._prompt_list import TASKS, PromptList, Source, Task, TaskPrompt, csv_lines
from genspace.documents import toml_text
from genspace.errors import InputError, InvalidFilesError, Problem, file_errors
from genspace.records import PAIR_SUFFIX, SCENE_SUFFIX
from genspace.study import IMAGE_SUFFIXES, Study, open_study

FILE = "benchmark.toml"
BEFORE = "before"
PROMPT_COLUMNS = ("prompt", "prompt_id", "predicate", "task", "sub_domain", "variant", "objects")
TAIL = 4096
"""Bytes in which the end of a picture is looked for."""
OTHER_KINDS = (b"GIF8", b"BM", b"II*\0", b"MM\0*")
"""How pictures of other kinds start, which are opened whatever they are called; AVIF has its mark after its size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The available and missing images of one generator and task (or of the images before editing).

    >>> import tempfile
    >>> from genspace.benchmark import PromptList, create
    >>> from genspace.geometry.benchmark import own_prompt
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl"], prompts="two")
    >>> [gap] = made.gaps
    >>> gap.there, gap.missing[0]
    (0, 'images/sdxl/t2i/cow.png')
    """

    generator: str
    task: Task
    prompts: int
    there: int
    """Prompts with at least one picture."""
    pictures: int
    seeds: int
    """Images of one prompt, at most."""
    incomplete: int
    """Prompts with fewer images than `seeds`, but one at least."""
    missing: tuple[str, ...]
    """Names under which the missing pictures are looked for, in order."""
    from_zero: bool
    """Whether the files are counted from 0."""
    twice: tuple[tuple[str, str], ...]
    """Two files that claim one prompt and seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a folder contains and what is missing.

    >>> State(gaps=(), strangers=("images/sdxl/notes.png",)).complete
    False
    """

    gaps: tuple[Gap, ...]
    strangers: tuple[str, ...]
    """Files that belong to no prompt."""
    broken: tuple[str, ...] = ()
    """Pictures whose file is empty, cut off, or no picture."""

    @property
    def complete(self) -> bool:
        """Whether every prompt has its images, and no file is doubtful."""
        doubtful = self.strangers or self.broken
        return not doubtful and not any(gap.missing or gap.twice for gap in self.gaps)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's folder. Make one with `create` or `open_benchmark`.

    >>> Benchmark(Path("bench"), ("sdxl",), {}, "none").images.as_posix()
    'bench/images'
    """

    root: Path
    generators: tuple[str, ...]
    lists: Mapping[Task, PromptList]
    prompts: str
    """Which prompts, in words: "version 1, seed 0, wording 0"."""

    @property
    def images(self) -> Path:
        """The folder of the images."""
        return self.root / "images"

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """The missing images."""
        gaps = []
        for generator in self.generators:
            gaps += [
                _gap(generator, asked, self.placed[generator, task], [a.prompt_id for a in asked.asked])
                for task, asked in self.lists.items()
            ]
        for task, asked in self.lists.items():
            if needed := self._sources_needed(asked):
                gaps.append(_gap(BEFORE, asked, self.before[task], needed))
        return tuple(gaps)

    @cached_property
    def state(self) -> State:
        """What the folder contains and what is missing. The end of every image file is checked."""
        strangers = [
            f"images/{owner}/{name}" for owner, names in self._strangers.items() for name in sorted(names)
        ]
        broken = [
            f"images/{owner}/{name}"
            for owner, names in self._files.items()
            for name in names
            if is_cut_off(self.images / owner / name)
        ]
        return State(gaps=self.gaps, strangers=tuple(strangers), broken=tuple(broken))

    @cached_property
    def placed(self) -> Mapping[tuple[str, Task], PlacedPictures]:
        """The prompts of each generator's images."""
        found = {}
        for generator in self.generators:
            files = self._files[generator]
            for task, asked in self.lists.items():
                own = {name: text for name, text in files.items() if self._tasks[generator][name] == task}
                found[generator, task] = place(Names.of(asked, generator), own, own)
        return found

    @cached_property
    def before(self) -> Mapping[Task, PlacedPictures]:
        """The edits of the images before editing."""
        files = self._files[BEFORE]
        return {
            task: place(Names.before(asked), files, files)
            for task, asked in self.lists.items()
            if asked.sources
        }

    @cached_property
    def _files(self) -> Mapping[str, Mapping[str, str]]:
        return {owner: pictures_in(self.images / owner) for owner in (*self.generators, BEFORE)}

    @cached_property
    def _strangers(self) -> Mapping[str, Iterable[str]]:
        found: dict[str, list[str]] = {owner: [] for owner in (*self.generators, BEFORE)}
        for (generator, _), placed in self.placed.items():
            found[generator] += placed.strangers
        for generator in self.generators:
            found[generator] += [n for n, task in self._tasks[generator].items() if task is None]
        for placed in self.before.values():
            found[BEFORE] += placed.strangers
        return found

    def _sources_needed(self, asked: PromptList) -> list[str]:
        """Return the pictures before that are needed: not those of edits that all have a pair of scenes."""
        paired = {
            prompt_id
            for generator in self.generators
            for (prompt_id, _), name in self.placed[generator, asked.task].pictures.items()
            if name in self._pairs[generator]
        }
        alone = {a.source_id for a in asked.asked if a.source_id and a.prompt_id not in paired}
        return [source.prompt_id for source in asked.sources if source.prompt_id in alone]

    @cached_property
    def _tasks(self) -> Mapping[str, Mapping[str, Task | None]]:
        """The task that each generator's files tell."""
        tasks = list(self.lists)
        return {
            owner: {name: task_of(name, tasks) for name in self._files[owner]} for owner in self.generators
        }

    def rows(self) -> Iterator[dict[str, str]]:
        """Yield the items: one per generator, prompt and seed, also for images that have not arrived."""
        told = {
            task: [{column: getattr(one, column) for column in PROMPT_COLUMNS} for one in asked.asked]
            for task, asked in self.lists.items()
        }
        for (generator, task), placed in self.placed.items():
            seeds = sorted({seed for _, seed in placed.pictures}, key=lambda s: (len(s), s)) or [""]
            before = self.before[task].pictures if task in self.before else {}
            for asked, prompt in zip(self.lists[task].asked, told[task], strict=True):
                for seed in seeds:
                    name = placed.pictures.get((asked.prompt_id, seed)) or _expected(
                        task, asked.prompt_id, seed
                    )
                    source = before.get((asked.source_id, "")) or f"{asked.source_id}.png"
                    yield {
                        "item_id": _item_id(generator, asked.prompt_id, seed),
                        "image": f"{generator}/{name}",
                        "image_before": f"{BEFORE}/{source}" if asked.source_id else "",
                        "generator": generator,
                        **prompt,
                        "part": f"{task} {asked.sub_domain}",
                        "seed": seed,
                    }

    def write_items(self) -> None:
        """Write items.csv. Errors: `InputError` when it cannot be written."""
        write_text(self.root / "items.csv", lambda: csv_lines(self.rows()))

    @cached_property
    def study(self) -> Study:
        """The folder as a study. Errors: as for `open_study`."""
        return open_study(self.root)

    def there(self) -> frozenset[str]:
        """Return the ids of the items whose images have arrived (for edits, also the image before editing)."""
        found = set()
        for (generator, task), placed in self.placed.items():
            by_id = self.lists[task].by_id
            before = (
                {prompt_id for prompt_id, _ in self.before[task].pictures} if task in self.before else set()
            )
            for (prompt_id, seed), name in placed.pictures.items():
                source = by_id[prompt_id].source_id
                if not source or source in before or name in self._pairs[generator]:
                    found.add(_item_id(generator, prompt_id, seed))
        return frozenset(found)

    @cached_property
    def _pairs(self) -> Mapping[str, frozenset[str]]:
        """Pictures whose pair of scenes stands beside them, so that no picture before is needed."""
        return {
            owner: frozenset(
                f"{name.removesuffix(PAIR_SUFFIX)}.png"
                for name in files_in(self.images / owner)
                if name.endswith(PAIR_SUFFIX)
            )
            for owner in self.generators
        }


def _item_id(generator: str, prompt_id: str, seed: str) -> str:
    return f"{generator}-{prompt_id}" + (f"-s{seed}" if seed else "")


def _expected(task: Task, prompt_id: str, seed: str = "") -> str:
    return f"{task}/{prompt_id}{f'-{seed}' if seed else ''}.png"


def _gap(owner: str, asked: PromptList, placed: PlacedPictures, prompt_ids: Sequence[str]) -> Gap:
    images = Counter(prompt_id for prompt_id, _ in placed.pictures)
    images = Counter({i: images[i] for i in prompt_ids if i in images})
    seeds = len({seed for _, seed in placed.pictures})
    folder = "" if owner == BEFORE else f"{asked.task}/"
    names = {i: i for i in prompt_ids}
    if placed.first is not None:
        every: Sequence[TaskPrompt | Source] = asked.sources if owner == BEFORE else asked.asked
        names = {one.prompt_id: f"{n:04d}" for n, one in enumerate(every, start=placed.first)}
    return Gap(
        generator=owner,
        task=asked.task,
        prompts=len(prompt_ids),
        there=len(images),
        pictures=len(placed.pictures),
        seeds=seeds,
        incomplete=sum(n < seeds for n in images.values()),
        missing=tuple(f"images/{owner}/{folder}{names[i]}.png" for i in prompt_ids if i not in images),
        from_zero=placed.first == 0,
        twice=placed.twice,
    )


def pictures_in(folder: Path) -> dict[str, str]:
    """Return the images in a folder, at any depth, each with the text that names its prompt ("" if there is none).

    A scene file without an image stands for one, because the judge `scene` needs no pixels. Texts are `metadata.csv` or
    `metadata.jsonl` with `file_name` and `prompt` (as in Hugging Face's image folders), or `NAME.txt`.
    """
    if not folder.is_dir():
        return {}
    names = set(files_in(folder))
    found = {n for n in names if n.lower().endswith(IMAGE_SUFFIXES)}
    stems = {n.rpartition(".")[0] for n in found}
    for suffix in (SCENE_SUFFIX, PAIR_SUFFIX):
        alone = {n.removesuffix(suffix) for n in names if n.endswith(suffix)} - stems
        found |= {f"{stem}.png" for stem in alone}
    found = {n for n in found if not n.endswith((".depth.png", ".mask.png"))}
    tables = _told_by_tables(folder, names)
    told = {}
    for name in sorted(found):
        text = f"{name.rpartition('.')[0]}.txt"
        told[name] = tables.get(name) or (_read(folder / text) if text in names else "")
    return told


def is_cut_off(path: Path) -> bool:
    """Whether an image file is empty, of an unknown format, or truncated; a missing file is not."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            tail = file.read()
    except OSError:
        return path.is_symlink()
    if head.startswith(b"\x89PNG"):
        return b"IEND" not in tail
    if head.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in tail
    if head.startswith(b"RIFF"):
        return size < 8 + int.from_bytes(head[4:8], "little")
    return not head.startswith(OTHER_KINDS) and b"ftyp" not in head


def files_in(folder: Path, before: str = "") -> Iterator[str]:
    """Yield the names of all files in a folder, at any depth, except hidden ones."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from files_in(Path(entry.path), f"{before}{entry.name}/")
            else:
                yield before + entry.name


def _told_by_tables(folder: Path, names: Iterable[str]) -> dict[str, str]:
    from genspace.tables import read_table

    told = {}
    for name in sorted(names):
        if name.rpartition("/")[2] not in {"metadata.csv", "metadata.jsonl"}:
            continue
        frame = read_table(folder / name).frame
        prompt = next((c for c in ("prompt", "text", "caption") if c in frame), None)
        if prompt is None or "file_name" not in frame:
            continue
        beside = name.rpartition("/")[0]
        for file, text in zip(frame["file_name"], frame[prompt], strict=True):
            told[f"{beside}/{file}".lstrip("/")] = str(text)
    return told


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()


def create(root: Path, lists: Sequence[PromptList], generators: Sequence[str], *, prompts: str) -> Benchmark:
    """Make a benchmark's folder; an existing folder gains the new generators.

    Errors: `InputError` for a generator whose name cannot be a folder's, and for a folder with other prompts.

    >>> import tempfile
    >>> from genspace.benchmark import PromptList
    >>> from genspace.geometry.benchmark import own_prompt
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl"], prompts="two")
    >>> [row["image"] for row in made.rows()]
    ['sdxl/t2i/cow.png', 'sdxl/t2i/cat.png']
    """
    for name in generators:
        if not re.fullmatch(r"[\w-][\w.-]*", name, re.ASCII) or name == BEFORE:
            raise InputError(
                f"`generator` {name!r}: use letters, digits, '.', '_' and '-' (it names a folder; {BEFORE!r} is taken)"
            )
    if (root / FILE).is_file():
        there = open_benchmark(root)
        known = {task: [a.prompt_id for a in asked.asked] for task, asked in there.lists.items()}
        if there.prompts != prompts or known != {x.task: [a.prompt_id for a in x.asked] for x in lists}:
            raise InputError(
                f"{root}: holds other prompts ({', '.join(there.lists)}; {there.prompts}); take another folder, or "
                "ask for the same"
            )
        made = replace(there, generators=tuple(dict.fromkeys((*there.generators, *generators))))
    else:
        if root.exists() and any(root.iterdir()):
            raise InputError(f"{root}: is not empty and no benchmark's folder; take another one")
        made = Benchmark(root, tuple(dict.fromkeys(generators)), {x.task: x for x in lists}, prompts)
    with file_errors(root, "written"):
        for asked in lists:
            asked.write(root / "prompts")
        for generator in made.generators:
            for task in made.lists:
                (made.images / generator / task).mkdir(parents=True, exist_ok=True)
        if any(asked.sources for asked in lists):
            (made.images / BEFORE).mkdir(parents=True, exist_ok=True)
    said = {"prompts": made.prompts, "tasks": list(made.lists), "generators": list(made.generators)}
    write_text(root / FILE, lambda: [toml_text(said)])
    if not (root / "study.toml").exists():
        write_text(root / "study.toml", lambda: [f'name = "{root.resolve().name}"\nbreakdowns = ["part"]\n'])
    made.write_items()
    return made


def open_benchmark(root: Path) -> Benchmark:
    """Open a benchmark's folder. Errors: `InputError` if there is none, or its files cannot be read.

    >>> import tempfile
    >>> from genspace.benchmark import PromptList, create
    >>> from genspace.geometry.benchmark import own_prompt
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl"], prompts="two")
    >>> open_benchmark(made.root).generators
    ('sdxl',)
    """
    path = root / FILE
    if not path.is_file():
        raise InputError(
            f"{root}: is not a benchmark's folder: there is no {FILE}; genspace benchmark init makes one"
        )
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidFilesError([Problem(str(path), f"cannot be read: {error}")]) from None
    tasks, generators = document.get("tasks"), document.get("generators")
    if not isinstance(tasks, list) or not tasks or not set(tasks) <= set(TASKS):
        raise InvalidFilesError(
            [Problem(str(path), 'expected a list of "t2i" and "edit"', field="tasks", value=tasks)]
        )
    if not isinstance(generators, list) or not all(isinstance(g, str) for g in generators):
        raise InvalidFilesError(
            [Problem(str(path), "expected a list of names", field="generators", value=generators)]
        )
    lists: dict[Task, PromptList] = {
        task: PromptList.read(root / "prompts", task) for task in TASKS if task in tasks
    }
    return Benchmark(root, tuple(generators), lists, str(document.get("prompts", "")))


def write_text(path: Path, parts: Callable[[], Iterable[str]]) -> None:
    """Write a file if its text has changed, completely or not at all; only one part of the text is in memory at a time.

    Errors: `InputError` when it cannot be written.
    """
    with file_errors(path, "written"):
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                if all(file.read(len(part)) == part for part in parts()) and not file.read(1):
                    return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.writelines(parts())
        fresh.replace(path)
