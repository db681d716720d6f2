"""The objects of the probes: categories in real sizes, with several looks each and an obvious front or none.

An object is modelled in its own frame: x front, y up, z to its own right, origin at the centre of its bounding box,
metres. `CATALOGUE` is the table, read from objects.toml; `make_object` builds one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from genspace.errors import InputError, did_you_mean
from genspace.geometry.probes import _furniture, _living, _vehicles
from genspace.geometry.probes._parts import Look, Piece

__all__ = ["CATALOGUE", "Category", "ProbeObject", "make_object"]

Scale = Literal["tabletop", "room", "street"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One kind of object."""

    build: Callable[[Look], list[Piece]]
    names: str
    """One word per look that tells it apart: the main colour."""
    looks: tuple[Look, ...]
    scale: Scale
    """Where it belongs: on a table top, in a room or garden, or in the street."""
    has_front: bool = True

    def named(self, look: int) -> str:
        """Word for one of the looks."""
        return self.names.split()[look % len(self.looks)]


@dataclass(frozen=True, kw_only=True)
class ProbeObject:
    """A built object."""

    category: str
    look: int
    parts: tuple[Piece, ...]
    extent: NDArray[np.float64]
    """Full size (3,) along front, up and right, metres."""
    has_front: bool

    @cached_property
    def mesh(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Corners (N, 3) of all its triangles in its own frame, and which three (M, 3) make each."""
        corners = [part.mesh.vertices for part in self.parts]
        before = np.cumsum([0, *map(len, corners)])
        faces = [part.mesh.faces + start for part, start in zip(self.parts, before[:-1], strict=True)]
        return np.concatenate(corners), np.concatenate(faces).astype(np.int32)


def _looks(keys: str, *rows: str) -> tuple[Look, ...]:
    """Read looks from compact rows: names once, then a row for each look."""
    return tuple(Look(zip(keys.split(), row.split(), strict=True)) for row in rows)


_BUILD: Mapping[str, Callable[[Look], list[Piece]]] = {
    "chair": _furniture.chair, "armchair": _furniture.armchair, "sofa": _furniture.sofa,
    "laptop": _furniture.laptop, "television": _furniture.television, "mug": _furniture.mug,
    "teapot": _furniture.teapot, "ball": _furniture.painted_ball, "vase": _furniture.vase,
    "car": _vehicles.car, "bus": _vehicles.bus, "truck": _vehicles.truck, "bicycle": _vehicles.bicycle,
    "aeroplane": _vehicles.aeroplane,
    "cow": _living.cow, "horse": _living.horse, "elephant": _living.elephant, "dog": _living.dog,
    "cat": _living.cat, "person": _living.person,
}  # fmt: skip


def _read() -> Iterator[tuple[str, Category]]:
    text = (files(__package__) / "objects.toml").read_text(encoding="utf-8")
    for name, entry in tomllib.loads(text).items():
        yield name, Category(build=_BUILD[name], looks=_looks(*entry.pop("looks")), **entry)


CATALOGUE: Mapping[str, Category] = dict(_read())
"""Category name to how it is built."""


@cache
def make_object(category: str, look: int = 0) -> ProbeObject:
    """Return the category's object in one of its looks (taken modulo their number); cached.

    Errors: `InputError` for an unknown category, `MissingExtraError` without trimesh.
    """
    if category not in CATALOGUE:
        raise InputError(f"unknown probe object {category!r}{did_you_mean(category, CATALOGUE)}")
    entry = CATALOGUE[category]
    look %= len(entry.looks)
    parts = entry.build(entry.looks[look])
    bounds = np.array([part.mesh.bounds for part in parts])
    low, high = bounds[:, 0].min(0), bounds[:, 1].max(0)
    for part in parts:
        part.mesh.apply_translation(-(low + high) / 2)
    return ProbeObject(
        category=category, look=look, parts=tuple(parts), extent=high - low, has_front=entry.has_front
    )
