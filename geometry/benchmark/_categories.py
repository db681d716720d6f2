"""The benchmark's object categories: how they are named, how large they are, where they are at home."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Range:
    """A plausible range of one size, in metres."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise ValueError(f"a size range needs 0 < smallest <= largest, got [{self.low}, {self.high}]")

    @property
    def typical(self) -> float:
        """Geometric middle: the size whose ratio to both ends is the same.

        >>> Range(0.5, 2.0).typical
        1.0
        """
        return math.sqrt(self.low * self.high)


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """One kind of object that prompts can name.

    >>> cow = categories()["cow"]
    >>> cow.has_front, cow.largest == max(cow.extent)
    (True, True)
    """

    name: str
    """Singular noun, as it stands in prompts and predicates."""
    length: Range
    """Along `length_axis`."""
    height: Range
    """Along the object's up axis."""
    width: Range
    """Along the other horizontal axis."""
    length_axis: Literal["front", "right"]
    """The object's own axis that people mean by its length."""
    has_front: bool
    scenes: tuple[str, ...]
    """Where it is at home; objects share a prompt only if they share a scene."""
    since: int = 1
    """Version of the prompts from which on it is named."""

    @property
    def volume(self) -> Range:
        """Volume of the bounding box, in cubic metres."""
        return Range(
            self.length.low * self.height.low * self.width.low,
            self.length.high * self.height.high * self.width.high,
        )

    @property
    def extent(self) -> tuple[float, float, float]:
        """Typical full sizes along the object's own front, up and right axes, in metres."""
        length, height, width = self.length.typical, self.height.typical, self.width.typical
        return (length, height, width) if self.length_axis == "front" else (width, height, length)

    @property
    def largest(self) -> float:
        """Typical largest dimension, in metres."""
        return max(self.extent)

    @property
    def narrowest(self) -> float:
        """Typical smaller horizontal dimension, in metres."""
        return min(self.extent[0], self.extent[2])


@cache
def load_table(name: str) -> Mapping[str, Any]:
    """Return one of the benchmark's TOML tables, "categories" or "scenes"."""
    table = files("genspace.geometry.benchmark").joinpath(f"{name}.toml")
    return tomllib.loads(table.read_text(encoding="utf-8"))


@cache
def categories() -> Mapping[str, ObjectClass]:
    """Return all categories by name, in the order of the table.

    >>> categories()["sofa"].length_axis
    'right'
    """
    return {
        name: ObjectClass(
            name=name,
            length=Range(*row["length"]),
            height=Range(*row["height"]),
            width=Range(*row["width"]),
            length_axis=row["length_axis"],
            has_front=row["front"],
            scenes=tuple(row["scenes"]),
            since=row.get("since", 1),
        )
        for name, row in load_table("categories").items()
    }
