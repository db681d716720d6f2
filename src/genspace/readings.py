"""What was inferred about an input: a code with typed fields, its certainty, and its sentence.

A table can be read in more ways than one. Each decision about it is certain, or reported here, or refused as a
`genspace.errors.Problem`. Suspicions are warnings that say how to settle them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from genspace.display import Displayed

__all__ = ["TOPICS", "Kind", "Level", "Reading", "Topic", "counted", "grouped", "kinds", "listed"]

Level = Literal["certain", "said", "warning"]
"""Certain: it can mean nothing else. Said: the likeliest meaning. Warning: likely wrong, with the way to settle it."""
Topic = Literal["files", "columns", "values", "people"]
TOPICS: tuple[Topic, ...] = ("files", "columns", "values", "people")
LONGEST_LIST = 8


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Return a number of things in words.

    >>> counted(1, "row"), counted(2000, "entry"), counted(0, "judge or metric", "judges and metrics")
    ('1 row', '2,000 entries', '0 judges and metrics')
    """
    many = things or (f"{thing[:-1]}ies" if thing.endswith("ry") else f"{thing}s")
    return f"{number:,} {thing if number == 1 else many}"


class _Number(int):
    """A number with the thing it counts: `{count:row}` is "1 row" or "2,000 rows"."""

    def __format__(self, thing: str) -> str:
        return counted(int(self), thing) if thing else f"{int(self):,}"


class _WordList(tuple[str, ...]):
    """Words in a sentence: `{columns}` lists them, `{columns:question}` names the question if there is one."""

    __slots__ = ()

    def __format__(self, form: str) -> str:
        if form == "question":
            return f" to {self[0]!r}" if self else ""
        return listed(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Displayed):
    """One thing that was inferred about an input.

    >>> found = Reading(code="empty_rows", file="items.csv", count=2)
    >>> found.sentence
    '2 rows without any value: left out'
    """

    code: str
    """One of `kinds`."""
    file: str = ""
    """Path as the user wrote it, or relative to the study; "" where it is not about one file."""
    columns: tuple[str, ...] = ()
    """Columns, questions or metrics that it is about."""
    words: tuple[str, ...] = ()
    """Cells, names or spellings that it is about."""
    count: int | None = None
    """How many rows, cells or answers it is about."""
    total: int | None = None
    """Of how many."""

    level: Level = field(default="certain", init=False)
    """How sure it is."""
    topic: Topic = field(default="files", init=False)
    """What it is about."""
    sentence: str = field(default="", init=False)
    """The reading in words, without its file.

    >>> Reading(code="empty_rows", file="items.csv", count=2).sentence
    '2 rows without any value: left out'
    """

    def __post_init__(self) -> None:
        if self.code not in kinds():
            raise ValueError(f"{self.code!r} is not a reading")
        kind = kinds()[self.code]
        lists = {name: _WordList(getattr(self, name)) for name in ("columns", "words")}
        numbers = {name: _Number(getattr(self, name) or 0) for name in ("count", "total")}
        first = {"column": next(iter(self.columns), ""), "word": next(iter(self.words), "")}
        last = {"other": next(reversed(self.columns), ""), "last": next(reversed(self.words), "")}
        sentence = kind.sentence.format(**lists, **numbers, **first, **last)
        for name, value in {"level": kind.level, "topic": kind.topic, "sentence": sentence}.items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"{self.file}: {self.sentence}" if self.file else self.sentence


def listed(words: Sequence[str], *, most: int = LONGEST_LIST) -> str:
    """Return words with commas between them, long lists with a count of the rest.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def grouped(readings: Iterable[Reading]) -> list[tuple[str, list[str]]]:
    """Return the block "what was read and assumed": headings with their sentences, warnings last.

    Files that were simply read share one sentence; if there is only one file, it is not named each time.

    >>> grouped([Reading(code="no_prompt", file="items.csv"), Reading(code="empty_rows", file="a.csv", count=1)])[0]
    ('files', ['a.csv: 1 row without any value: left out'])
    """
    every = list(dict.fromkeys(readings))
    used = tuple(reading.file for reading in every if reading.code == "file_used")
    named = {reading.file for reading in every if reading.file}
    block: dict[str, list[str]] = {topic: [] for topic in TOPICS}
    block["warnings"] = []
    if used:
        block["files"].append(f"read: {listed(used)}")
    for reading in every:
        if reading.code != "file_used":
            sentence = reading.sentence if len(named) == 1 else str(reading)
            block["warnings" if reading.level == "warning" else reading.topic].append(sentence)
    return [(heading, sentences) for heading, sentences in block.items() if sentences]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code stands for.

    >>> kinds()["empty_rows"].sentence
    '{count:row} without any value: left out'
    """

    level: Level
    topic: Topic
    sentence: str
    """Format of the sentence: `columns`, `words` are lists, `column`, `word` their first, `other`, `last` their last,
    `count` and `total` numbers (`{count:row}` names what is counted)."""


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every kind of reading, by its code.

    >>> kinds()["empty_rows"].level
    'said'
    """
    text = resources.files("genspace").joinpath("readings.toml").read_text(encoding="utf-8")
    return {code: Kind(**fields) for code, fields in tomllib.loads(text).items()}
