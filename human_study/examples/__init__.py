"""Practice examples that come with genspace: rendered scenes of known truth, an animal, "its left", "your left"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from genspace.errors import InputError
from genspace.human_study.texts import Texts
from genspace.records import Files, Item

__all__ = ["PREFIX", "FilesWithExamples", "PracticeExample", "example_items", "examples"]

PREFIX = "genspace-example/"
"""How the names of examples and of their pictures begin; no study holds such a file."""


@dataclass(frozen=True, slots=True)
class PracticeExample:
    """One practice example: a picture, or two of one prompt, and what is true."""

    key: tuple[str, ...]
    """The item shown, or the two of a pair."""
    truth: bool
    """Whether the picture shows what is asked for; of a pair always that the first is the better one."""
    explanations: Mapping[str, str]
    """Language to what the rater is told after answering."""


@dataclass(frozen=True, slots=True)
class FilesWithExamples:
    """A study's files, and the pictures of the examples."""

    study: Files

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` for a name that leaves the study or is absent."""
        if not name.startswith(PREFIX):
            return self.study.read(name)
        if not self.exists(name):
            raise InputError(f"{name}: there is no such example")
        return (files("genspace.human_study.examples") / name.removeprefix(PREFIX)).read_bytes()

    def exists(self, name: str) -> bool:
        """Whether the file is there. Errors: `InputError` for a name that leaves the study."""
        if not name.startswith(PREFIX):
            return self.study.exists(name)
        return name in {item.image for item in example_items().values()}


@cache
def _document() -> Mapping[str, list[dict[str, Any]]]:
    text = (files("genspace.human_study.examples") / "examples.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def example_items() -> Mapping[str, Item]:
    """Return the examples as items, by name."""
    items = (
        Item(
            item_id=PREFIX + row["name"],
            image=PREFIX + row["image"],
            prompt=row["prompt"],
            prompt_id=PREFIX + row["predicate"],
            predicate=row["predicate"],
        )
        for row in _document()["examples"]
    )
    return {item.item_id: item for item in items}


def examples(texts: Mapping[str, Texts], *, pairs: bool) -> list[PracticeExample]:
    """Return the examples in the order they are shown: single pictures, or pairs of one prompt."""
    rows = {row["name"]: row for row in _document()["examples"]}

    def told(name: str) -> dict[str, str]:
        return {code: t[f"examples.{rows[name]['explanation']}"] for code, t in texts.items()}

    if pairs:
        chosen = [(row["first"], row["second"]) for row in _document()["pairs"]]
        return [
            PracticeExample(tuple(PREFIX + name for name in pair), truth=True, explanations=told(pair[0]))
            for pair in chosen
        ]
    return [PracticeExample((PREFIX + name,), bool(row["truth"]), told(name)) for name, row in rows.items()]
