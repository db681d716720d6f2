"""A scene from above: where the camera and the objects stand, how they are turned, how large they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from genspace.geometry.drawing._svg import Point, body, camera, document, line, round_body, text
from genspace.geometry.drawing.bodies import Mark, centre_in, name_of, rotation_in
from genspace.geometry.drawing.palette import GRID, INK, MUTED, tone

if TYPE_CHECKING:
    from genspace.geometry.scene import Scene, SceneObject

__all__ = ["plan"]

_WIDTH, _MARGIN = 480.0, 44.0
_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Spacings of the grid in metres."""


def plan(scene: Scene, *, marks: Sequence[Mark] = ()) -> str:
    """Return the plan as SVG: the camera at the bottom, a grid in metres, every object whose place is known.

    Objects are drawn at their true size; one whose orientation is unknown, or that has no front, is round.
    Positions are in the level frame; a camera whose pitch and roll are unknown is taken as level, and the plan says so.

    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "centre": (1, 0, 3)},))
    >>> plan(scene).startswith("<svg")
    True
    """
    placed = [
        (i, item, at)
        for i, item in enumerate(scene.objects)
        if (at := centre_in("level", scene, item)) is not None
    ]
    view = _GroundToPage([(float(at[0]), float(at[2]), _radius_m(item)) for _, item, at in placed])
    parts = [*view.grid(), *_field_of_view(scene, view)]
    places: dict[str, Point] = {}
    for index, item, at in placed:
        places[item.id] = view.page(float(at[0]), float(at[2]))
        parts.append(_footprint(scene, item, index, places[item.id], view.scale))
    parts.append(camera(view.page(0, 0), 0, reach=0))
    parts += [shape for mark in marks for shape in _mark(mark, places, view)]
    parts += [_name(item, index, places[item.id], view) for index, item, _ in placed]
    notes = _notes(scene, len(placed))
    parts += [
        text(note, (_WIDTH / 2, view.height - 12 - 15 * i), fill=MUTED, size=11)
        for i, note in enumerate(notes)
    ]
    about = "; ".join(_in_words(item, at) for _, item, at in placed) or "no object has a known place"
    return document("plan", (_WIDTH, view.height), parts, title="The scene from above", about=f"{about}.")


class _GroundToPage:
    """Maps metres on the ground to the page so that the camera and all objects are seen."""

    def __init__(self, things: Sequence[tuple[float, float, float]]) -> None:
        spread = max([abs(x) + r for x, _, r in things], default=1.0)
        depth = max([z + r for _, z, r in things], default=2.0)
        near = min([0.0, *(z - r for _, z, r in things)])
        self.half = max(spread, 0.35 * depth, 0.5)
        self.near, self.far = near, max(depth, 1.0)
        self.scale = min((_WIDTH - 2 * _MARGIN) / (2 * self.half), 560.0 / (self.far - self.near))
        self.height = self.scale * (self.far - self.near) + 2 * _MARGIN + 44

    def page(self, x: float, z: float) -> Point:
        return (_WIDTH / 2 + self.scale * x, _MARGIN + self.scale * (self.far - z))

    def grid(self) -> list[str]:
        """Lines at round distances, labelled with the distance from the camera."""
        step = next((s for s in _STEPS if s * self.scale >= 64), _STEPS[-1])
        left, right = 10.0, _WIDTH - 10
        parts = []
        for i in range(1, math.floor(self.far / step) + 1):
            v = self.page(0, i * step)[1]
            parts.append(line((left, v), (right, v), GRID, width=1))
            parts.append(text(f"{i * step:g} m", (left + 4, v - 8), fill=MUTED, size=10, anchor="start"))
        reach = math.floor((_WIDTH / 2 - 10) / (step * self.scale))
        top, bottom = self.page(0, self.far)[1], self.page(0, self.near)[1]
        parts += [
            line((self.page(i * step, 0)[0], top), (self.page(i * step, 0)[0], bottom), GRID, width=1)
            for i in range(-reach, reach + 1)
        ]
        return parts


def _field_of_view(scene: Scene, view: _GroundToPage) -> list[str]:
    known = scene.camera.intrinsics
    if known is None:
        return []
    slopes = [(u - known.cx) / known.fx for u in (0.0, float(scene.width))]
    room = (_WIDTH / 2 - 10) / view.scale
    edges = [(slope, min(view.far, room / max(abs(slope), 1e-9))) for slope in slopes]
    return [
        line(view.page(0, 0), view.page(slope * z, z), MUTED, width=1.2, dashes="2 5") for slope, z in edges
    ]


def _radius_m(item: SceneObject) -> float:
    return 0.5 * math.hypot(item.extent[0], item.extent[2]) if item.extent else 0.2


def _footprint(scene: Scene, item: SceneObject, index: int, at: Point, scale: float) -> str:
    rotation = rotation_in("level", scene, item)
    colour = tone(index)
    if rotation is None or item.has_front is False or item.extent is None:
        return round_body(
            at, max(5.0, scale * (0.5 * max(item.extent[0], item.extent[2]) if item.extent else 0.15)), colour
        )
    heading = math.degrees(math.atan2(rotation[0, 0], rotation[2, 0]))
    return body(at, heading, (max(8.0, scale * item.extent[0]), max(8.0, scale * item.extent[2])), colour)


def _name(item: SceneObject, index: int, at: Point, view: _GroundToPage) -> str:
    """The object's name: on it where it is large enough, else under it, or above at the page's bottom."""
    name, under = name_of(item), view.scale * _radius_m(item) + 12
    if under < 7 * len(name):
        below = at[1] + under < view.height - 60
        at = (at[0], at[1] + under if below else at[1] - under)
    return text(name, at, fill=tone(index).strong, bold=True)


def _mark(mark: Mark, places: dict[str, Point], view: _GroundToPage) -> list[str]:
    points = [places[name] for name in mark.ids if name in places]
    if len(points) < len(mark.ids) or not points:
        return []
    start, end = points[0], points[1] if len(points) > 1 else view.page(0, 0)
    return [
        line(start, end, INK, dashes="5 4"),
        text(mark.text, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), bold=True),
    ]


def _notes(scene: Scene, drawn: int) -> list[str]:
    notes = []
    if drawn < len(scene.objects):
        notes.append(f"{len(scene.objects) - drawn} object(s) without a known place are not shown")
    if scene.camera.level_from_camera is None:
        notes.append("pitch and roll are unknown: drawn as if the camera were level")
    return notes


def _in_words(item: SceneObject, at: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    side = "right" if at[0] > 0 else "left"
    return f"{name_of(item)} {at[2]:.2f} m ahead of the camera and {abs(at[0]):.2f} m to its {side}"
