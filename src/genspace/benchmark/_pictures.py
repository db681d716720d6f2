"""Which picture belongs to which prompt, however a generator's files are named.

A picture is known by, in this order: the prompt that a table (`metadata.csv`) or a text file beside it holds; the
released code's folders with the classes in a text file; the prompt's id; its index, `0001.png`; the prompt's text as a
file's name. A number behind that (`0001-2.png`, `seed2/0001.png`, `0001/2.png`) is the seed of several images of one
prompt; where a text tells the prompt, images of one are counted.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from genspace.benchmark._prompt_list import PromptList, Task
from genspace.geometry.benchmark import released_variants

Key = tuple[str, str]
"""A prompt's id, and the seed as it was written, "" without one."""

SEED = re.compile(r"(?P<key>.+?)[-_ ](?:s|seed[-_ ]?)?(?P<seed>\d+)")
SEED_FOLDER = re.compile(r"(?:s|seed|sample)[-_ ]?(?P<seed>\d+)", re.IGNORECASE)
CLASSES = re.compile(r"(?:\s*<[^<>]+>\s*)+")
ZERO = re.compile(r"(?<!\d)0+(?!\d)")
SHORTEST_START = 24
"""A file's name that was cut off must hold so many letters of the prompt."""


@dataclass(frozen=True)
class Names:
    """The file names that images of a list of prompts may have.

    >>> names = Names([("a-cow", "A photo of a cow."), ("a-cat", "A photo of a cat.")])
    >>> names.at(2, first=1), names.starting("a photo of a cow")
    ('a-cat', 'a-cow')
    """

    prompts: Sequence[tuple[str, str]]
    """Id and text, in order."""
    released: Mapping[tuple[int, str], str] = field(default_factory=dict)
    """Prompt id by released index and classes."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Prompt id by other names that stand for it."""
    prefix: str = ""
    """What may stand before every name."""

    @classmethod
    def of(cls, asked: PromptList, generator: str) -> Names:
        """Return the names for a generator's images of a task."""
        number = {pair: n for n, pair in enumerate(released_variants(asked.task))}
        indexed = {(number.get((a.sub_domain, a.variant), -1), a.objects): a.prompt_id for a in asked.asked}
        prompts = [(a.prompt_id, a.prompt) for a in asked.asked]
        return cls(prompts, indexed, _in_folders(i for i, _ in prompts), prefix=f"{generator}-")

    @classmethod
    def before(cls, asked: PromptList) -> Names:
        """Return the names for images before editing."""
        prompts = [(s.prompt_id, s.prompt) for s in asked.sources]
        also = {f"{a.prompt_id}-before": a.source_id for a in asked.asked}
        return cls(prompts, also=also | _in_folders(i for i, _ in prompts))

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """The prompts' ids by their names."""
        return {**self.also, **{prompt_id: prompt_id for prompt_id, _ in self.prompts}}

    @cached_property
    def by_text(self) -> Mapping[str, str]:
        """Prompt id by its words, without prompts that share their words."""
        found: dict[str, str] = {}
        twice = set()
        for prompt_id, text in self.prompts:
            words = _words(text)
            twice |= {words} & found.keys()
            found[words] = prompt_id
        return {words: prompt_id for words, prompt_id in found.items() if words not in twice}

    def starting(self, words: str) -> str | None:
        """Return the id of the only prompt that starts with these words, else None."""
        if words in self.by_text:
            return self.by_text[words]
        if len(words) < SHORTEST_START:
            return None
        found = [prompt_id for text, prompt_id in self.by_text.items() if text.startswith(words)]
        return found[0] if len(found) == 1 else None

    def at(self, index: int, *, first: int) -> str | None:
        """Return the id of the prompt with this index, counted from `first`."""
        place = index - first
        return self.prompts[place][0] if 0 <= place < len(self.prompts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPictures:
    """Image files matched to prompts.

    >>> placed = place(Names([("a-cow", "A photo of a cow.")]), ["a-cow.png", "a-cow-2.png", "x.png"])
    >>> placed.pictures[("a-cow", "2")], placed.strangers
    ('a-cow-2.png', ('x.png',))
    """

    pictures: Mapping[Key, str]
    """Name of the file by prompt and seed."""
    strangers: tuple[str, ...] = ()
    """Files that belong to no prompt."""
    twice: tuple[tuple[str, str], ...] = ()
    """Two files that claim one prompt and seed; the first counts."""
    first: int | None = None
    """Index of the first prompt, where files are named by index."""


def place(names: Names, files: Iterable[str], told: Mapping[str, str] | None = None) -> PlacedPictures:
    """Match image files to prompts.

    Args:
        names: The names that images of these prompts may have.
        files: Names of images, relative to the generator's folder.
        told: For each file, the prompt or classes in the text file beside it.

    >>> names = Names([("a-cow", "A photo of a cow."), ("a-cat", "A photo of a cat.")])
    >>> place(names, ["0001.png", "0002-7.png", "A_photo_of_a_cat.jpg", "x.png"]).pictures
    {('a-cow', ''): '0001.png', ('a-cat', '7'): '0002-7.png', ('a-cat', ''): 'A_photo_of_a_cat.jpg'}
    """
    told, ordered = told or {}, sorted(files)
    untold = [name for name in ordered if not told.get(name)]
    first = 1 - any(_index(name) == 0 for name in untold if ZERO.search(name))
    found: dict[Key, str] = {}
    strangers, twice = [], []
    images = Counter[str]()
    for name in ordered:
        key = _key(names, name, told.get(name, ""), first=first)
        if key is None:
            strangers.append(name)
            continue
        if (
            told.get(name) and not key[1]
        ):  # the name says nothing of the prompt: a number in it need not be a seed
            key = key[0], str(images[key[0]] or "")
            images[key[0]] += 1
        if key in found:
            twice.append((found[key], name))
        else:
            found[key] = name
    indexed = any(_index(name) is not None for name in untold)
    return PlacedPictures(
        pictures=found, strangers=tuple(strangers), twice=tuple(twice), first=first if indexed else None
    )


def _in_folders(prompt_ids: Iterable[str]) -> dict[str, str]:
    """Return the names in the released layout of prompts that were read from it: "t2i/12/0" for t2i-12-0."""
    return {"/".join(prompt_id.split("-", 2)): prompt_id for prompt_id in prompt_ids}


def _key(names: Names, name: str, told: str, *, first: int) -> Key | None:
    if (whole := posixpath.splitext(name)[0]) in names.also:
        return names.also[whole], ""
    if told and CLASSES.fullmatch(told):
        classes = ", ".join(re.findall(r"<\s*([^<>]+?)\s*>", told))
        index = _folders(name)[-1]
        prompt_id = names.released.get((int(index), classes)) if index.isdigit() else None
        return None if prompt_id is None else (prompt_id, "")
    if told:
        prompt_id = names.by_text.get(_words(told))
        in_seed = SEED_FOLDER.fullmatch(_folders(name)[-1])
        return None if prompt_id is None else (prompt_id, str(int(in_seed["seed"])) if in_seed else "")
    for told_key, seed in _readings(name):
        key = told_key.removeprefix(names.prefix)
        if key in names.ids:
            return names.ids[key], seed
        known = names.at(int(key), first=first) if key.isdigit() else names.starting(_words(key))
        if known is not None:
            return known, seed
    return None


def _folders(name: str) -> list[str]:
    """Return the names of the two folders that a file lies in, "" where there is none, the nearest last."""
    return ["", "", *name.split("/")[:-1]][-2:]


def _readings(name: str) -> Iterator[Key]:
    """Yield what a file's name and folders may say: the prompt's id, index or text, and the seed."""
    stem = posixpath.splitext(posixpath.basename(name))[0]
    outer, folder = _folders(name)
    folder = outer if folder == "samples" else folder
    in_seed = SEED_FOLDER.fullmatch(folder)
    if stem.isdigit() and folder and not in_seed and (folder.isdigit() or not folder.isalnum()):
        yield folder, str(int(stem))
    yield stem, str(int(in_seed["seed"])) if in_seed else ""
    if split := SEED.fullmatch(stem):
        yield split["key"], str(int(split["seed"]))


def _index(name: str) -> int | None:
    """Return the index that a file is named by, where it is."""
    for key, _ in _readings(name):
        if key.isdigit():
            return int(key)
    return None


def _words(text: str) -> str:
    """Return a text's words, without case and signs, as a file's name may hold them."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def task_of(name: str, tasks: Sequence[Task]) -> Task | None:
    """Return the task named by a file's folders or name; None if none is named.

    >>> task_of("edit/0001.png", ["t2i", "edit"]), task_of("0001.png", ["t2i"])
    ('edit', 't2i')
    """
    if len(tasks) == 1:
        return tasks[0]
    parts = name.lower().split("/")
    for task in tasks:
        if any(part in FOLDERS[task] for part in parts[:-1]) or parts[-1].startswith(f"{task}-"):
            return task
    return None


FOLDERS: Mapping[Task, frozenset[str]] = {
    "t2i": frozenset({"t2i", "text-to-image", "text2image"}),
    "edit": frozenset({"edit", "edits", "imageedit", "imageedit_cr"}),
}
"""What the folders of a task are called."""
