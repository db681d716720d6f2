"""The palette of all drawings: light ground, colours that colour-blind readers can tell apart, dark outlines.

The hues are those of M. Okabe and K. Ito (2008), "Color Universal Design"; things are also told apart by letters,
names or line styles, so that a drawing keeps its meaning in greyscale.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CAMERA", "FRONT", "GRID", "GROUND", "INK", "MUTED", "OBJECTS", "RIGHT", "UP", "Tone", "tone"]


class Tone(NamedTuple):
    """A strong colour for lines and text, and a pale one of the same hue for areas."""

    strong: str
    pale: str


INK = "#1f2933"
MUTED = "#52606d"
GRID = "#e4e7eb"
GROUND = "#ffffff"
CAMERA = Tone("#3e4c59", "#e4e7eb")

OBJECTS = (
    Tone("#0072b2", "#cfe6f5"),
    Tone("#b84a00", "#fbdcc8"),
    Tone("#00785a", "#cdeee3"),
    Tone("#8f3f71", "#f0dae6"),
    Tone("#7a6000", "#f6ecc0"),
    Tone("#3a6ea5", "#dbe7f3"),
)
"""Objects, in the order of a predicate's roles or of the scene."""

FRONT, UP, RIGHT = "#b84a00", "#00785a", "#0072b2"
"""An object's own axes."""


def tone(index: int) -> Tone:
    """Return the tone of the object with this index; they repeat after the last."""
    return OBJECTS[index % len(OBJECTS)]
