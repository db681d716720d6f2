"""The objects of the probes: categories in real sizes, with several looks each and an obvious front or none.

An object is modelled in its own frame: x front, y up, z to its own right, origin at the centre of its bounding box,
metres. `CATALOGUE` is the table; `make_object` builds one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
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


CATALOGUE: dict[str, Category] = {
    "chair": Category(build=_furniture.chair, names="red yellow blue", scale="room", looks=_looks(
        "frame seat back height width",
        "#9c6b3f #b8433a slats 0.92 0.44", "#2f3338 #d9a441 padded 0.86 0.46", "#e8e2d6 #3f6f8f spindles 0.98 0.45")),
    "armchair": Category(build=_furniture.armchair, names="green brown white", scale="room", looks=_looks(
        "fabric cushion feet height arm arm_height round",
        "#2f6f6a #3d8a84 #7a5433 0.88 0.16 0.60 0.05", "#8c4a2f #a85f3e #2c2420 0.95 0.19 0.62 0.08",
        "#b9b2a6 #d8d2c6 #9c6b3f 0.82 0.13 0.58 0.03")),
    "sofa": Category(build=_furniture.sofa, names="blue green red", scale="room", looks=_looks(
        "fabric cushion feet height arm arm_height round width seats",
        "#566b8c #6a80a3 #3a2b20 0.84 0.18 0.62 0.05 2.10 3", "#7d8a5c #93a070 #9c6b3f 0.80 0.15 0.56 0.03 1.70 2",
        "#a33b3b #b94d4a #2c2420 0.88 0.20 0.64 0.08 1.90 2")),
    "car": Category(build=_vehicles.car, names="red blue white", scale="street", looks=_looks(
        "body length height roof_front roof_back tail", "#b3202a 4.3 1.48 0.32 -1.0 -1.72",
        "#2d64a8 4.1 1.52 0.34 -1.5 -1.9", "#e9e7e1 4.4 1.45 0.25 -0.85 -1.7")),
    "bus": Category(build=_vehicles.bus, names="red white yellow", scale="street", looks=_looks(
        "body band length", "#d23a2e #f4f1ea 10.0", "#f2f0ea #2a7d4f 11.5", "#f0b429 #2b2d30 9.0")),
    "truck": Category(build=_vehicles.truck, names="green orange blue", scale="street", looks=_looks(
        "cab box stripe", "#2f7d4f #f1efe8 #2f7d4f", "#d9822b #e6e8ea #30507a", "#3a5fa8 #f4f2ec #c43b32")),
    "bicycle": Category(build=_vehicles.bicycle, names="green red grey", scale="room", looks=_looks(
        "frame basket", "#1f8a8a #a9793f", "#c7352f #7a5433", "#3a3f46 #c79a5b")),
    "aeroplane": Category(build=_vehicles.aeroplane, names="blue red green", scale="street", looks=_looks(
        "body trim wing length",
        "#f4f5f7 #1f4f9c #c9ced6 16.0", "#f6f2ea #c8322b #d2d2d0 14.0",
        "#eef2f1 #1f8068 #c6ccca 15.0")),
    "cow": Category(build=_living.cow, names="black-and-white brown tan", scale="street", looks=_looks(
        "hide blot seed blots", "#f3f0e9 #26221f 4 13", "#8a5a37 #f0e6d8 11 7", "#c98f5a #a8703f 7 6")),
    "horse": Category(build=_living.horse, names="brown white black", scale="street", looks=_looks(
        "coat mane sock", "#7a4526 #20160f #efe9df", "#d9d5cc #8b8780 #d9d5cc", "#2b2422 #15110f #f0ece4")),
    "elephant": Category(build=_living.elephant, names="grey brown white", scale="street", looks=_looks(
        "hide ear", "#8b8a88 #7d7878", "#83603f #6d4f35", "#d6d2ca #c2bcb2")),
    "dog": Category(build=_living.dog, names="brown black-and-white grey", scale="room", looks=_looks(
        "coat saddle light collar", "#b9824a #6b4526 #f2ece0 #c7352f", "#efe9df #1f1d1c #f6f2ea #2d64a8",
        "#8a8784 #55524f #d8d4ce #2f9c5a")),
    "cat": Category(build=_living.cat, names="ginger grey black", scale="room", looks=_looks(
        "coat stripe light eye", "#c98443 #8f5426 #f3ead9 #7fae4a", "#8b8f94 #55595f #e9e8e4 #d8b23c",
        "#2a2826 #1a1918 #f4f1ec #c8cf4a")),
    "person": Category(build=_living.person, names="blue yellow red", scale="room", looks=_looks(
        "skin hair shirt trousers shoes sleeve long_hair",
        "#c68e6a #2b1d14 #2f6fb0 #3a3f52 #2a2522 0.90 no", "#8a5a3c #15100d #d99a2b #51604a #e8e4da 1.15 no",
        "#e6bfa0 #8a4a20 #b23a48 #2c3036 #6b4a35 1.15 yes")),
    "laptop": Category(build=_furniture.laptop, names="silver black pink", scale="tabletop", looks=_looks(
        "case keys bed screen width open",
        "#b8bcc2 #24262a #7f858d #2b6cb0 0.33 108",
        "#3b3f46 #15171a #2a2d32 #1f7a5c 0.36 115",
        "#d9b8a6 #f1efec #b99887 #6a4fa0 0.31 102")),
    "television": Category(build=_furniture.television, names="black brown white", scale="room", looks=_looks(
        "frame sky hill field width", "#1a1b1d #6fb3e8 #3f8a4a #6fb84f 1.10", "#6d4a30 #f0a868 #7a4a6a #a8604a 0.95",
        "#d9dadc #8fd0e8 #4a6fa0 #7a9cc8 1.25")),
    "mug": Category(build=_furniture.mug, names="yellow white green", scale="tabletop", has_front=False,
        looks=_looks(
        "glaze band drink radius height", "#f0c23c #2a2420 #4a2a18 0.042 0.095", "#e9ece8 #24406a #6b3f20 0.044 0.088",
        "#3f8f8a #f4f0e6 #4a2a18 0.040 0.105")),
    "teapot": Category(build=_furniture.teapot, names="white green red", scale="tabletop", has_front=False,
        looks=_looks(
        "glaze trim squat", "#f1efe8 #2d5f9c 1.0", "#3f7f6a #22403a 0.92", "#b5533c #e8d9b8 1.1")),
    "ball": Category(build=_furniture.painted_ball, names="red yellow blue", scale="room", has_front=False,
        looks=_looks("colour radius", "#d8352c 0.15", "#e8b923 0.12", "#3a7fc0 0.20")),
    "vase": Category(build=_furniture.vase, names="blue white green", scale="tabletop", has_front=False, looks=_looks(
        "glaze band slender", "#2f6f8f #e8e2d0 1.0", "#e9e4d8 #b5533c 0.85", "#5a8a4f #f0e6c8 1.1")),
}  # fmt: skip
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
