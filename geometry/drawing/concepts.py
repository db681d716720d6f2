"""Small explanatory drawings: what each predicate means, seen from above.

Every drawing is made from a few facts (who stands where, turned how, what is measured) that stand with the predicate,
never drawn by hand, and says what it shows in the words of the questions, so that the pages of a human study, the docs
and the predicates themselves cannot drift apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from genspace.geometry.drawing._svg import (
    Point,
    arrow,
    body,
    camera,
    document,
    line,
    polygon,
    rectangle,
    round_body,
    sector,
    span,
    text,
)
from genspace.geometry.drawing.palette import INK, MUTED, tone
from genspace.geometry.predicates import BEARING, Bound, Voice, bind, people, sentence

__all__ = ["SMALL", "VIEWER", "Concept", "PlanFigure", "Say", "concept_svg", "toward"]

_WIDTH, _HEIGHT = 320, 240
SMALL = 13.0
"""Size of the words, in pixels of the drawing: readable on a phone, where it is shown smaller."""
_SCALE = 52.0
"""Pixels of the drawing per metre."""
_LENGTH, _BREADTH = 0.84, 0.56
"""Size of the object that stands for any object, in metres."""
_HIGHLIGHT = "#fff1c2"

VIEWER = (0.0, -1.95, 0.0)
"""A camera below the scene, looking away from the reader: x, z, heading."""

Say = Callable[[str], str]
"""Fills in a label: "{before}", "{value_m}", as the drawing's readers say it."""
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlanFigure:
    """One object seen from above: x to the viewer's right, z away from the viewer, in metres.

    >>> east = PlanFigure("A", x=1.0, z=2.0, heading=90)
    >>> east.heading  # its front points to the viewer's right
    90
    """

    letter: str
    x: float
    z: float
    heading: float | None = None
    """Where its front points, degrees clockwise from straight away; None: the front does not matter."""
    ghost: bool = False
    """Drawn dashed: where it was before an edit."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What a drawing shows.

    >>> plan = Concept(figures=(PlanFigure("A", 0, 2, heading=90), PlanFigure("B", 0, 3)), sector=("left", 45))
    >>> len(plan.figures), plan.seen
    (2, 'above')
    """

    figures: tuple[PlanFigure, ...] = ()
    camera: tuple[float, float, float] | None = None
    """Camera: x, z, heading."""
    camera_before: tuple[float, float, float] | None = None
    sector: tuple[str, float] | None = None
    """Side of A (a key of `BEARING`) to which a wedge opens, and how far to either side, in degrees."""
    spans: tuple[tuple[Place, Place, str], ...] = ()
    """Measured distances: from, to, label."""
    moves: tuple[tuple[Place, Place, str], ...] = ()
    """Movements: from, to, label."""
    sights: tuple[str, ...] = ()
    """Objects that a line of sight joins to the camera."""
    zoom: float = 1.0
    seen: str = "above"
    """From where it is seen: "above", "beside", "picture", or "" where that is plain."""
    shapes: Callable[[Say], str] | None = field(default=None, repr=False)
    """Makes further SVG, for what a view from above cannot show."""


def toward(x: float, z: float, heading_deg: float, distance_m: float) -> Place:
    """Return the place so far from another in a direction.

    >>> east = toward(1, 0, heading_deg=90, distance_m=2)
    >>> round(east[0], 9), round(east[1], 9)
    (3.0, 0.0)
    """
    angle = math.radians(heading_deg)
    return x + distance_m * math.sin(angle), z + distance_m * math.cos(angle)


def concept_svg(predicate: str | Bound, voice: Voice | None = None) -> str:
    """Return a small drawing of what a predicate means, as an SVG document with title and description.

    Its objects are called A, B, C, whatever the call says; `voice` is that of its readers, by default in English.
    Errors: `InputError` for a call that cannot be read.

    >>> concept_svg("allocentric(A, B, relation=left)").startswith("<svg")
    True
    """
    bound = bind(predicate) if isinstance(predicate, str) else predicate
    settings = {key: value for key, value in bound.settings.items() if key != "new"}
    lettered = replace(bound, ids=tuple("ABC")[: len(bound.ids)], settings=settings)
    voice = voice or people("en")
    plain = replace(voice, common={**voice.common, "one": "{noun}"})
    labels = voice.labels

    def say(label: str) -> str:
        return plain.fill(label, lettered, more=labels)

    statement = plain.tell(lettered, "statement") or str(lettered)
    concept = bound.predicate.drawing(lettered)
    seen = f"{say(f'{{{concept.seen}}}')}: " if concept.seen else ""
    name = re.sub(r"\W+", "_", "-".join(filter(None, (bound.predicate.name, bound.word))))
    return document(
        name,
        (_WIDTH, _HEIGHT),
        _parts(concept, say),
        title=sentence(statement),
        about=sentence(f"{seen}{statement}."),
    )


def _parts(concept: Concept, say: Say) -> list[str]:
    scale = _SCALE * concept.zoom

    def page(x: float, z: float) -> Point:
        return _WIDTH / 2 + scale * x, 104 - scale * z

    parts = []
    if concept.sector:
        figure, (side, width_deg) = concept.figures[0], concept.sector
        towards = (figure.heading or 0) + BEARING[side]
        parts.append(sector(page(figure.x, figure.z), towards, 1.9 * scale, width_deg, fill=_HIGHLIGHT))
    if concept.camera_before:
        x, z, heading = concept.camera_before
        parts.append(camera(page(x, z), heading, ghost=True))
    if concept.camera:
        x, z, heading = concept.camera
        eye = page(x, z)
        parts += [
            line(eye, page(f.x, f.z), MUTED, dashes="3 5")
            for f in concept.figures
            if f.letter in concept.sights
        ]
        parts.append(camera(eye, heading))
        leftward = concept.camera_before is not None and x < concept.camera_before[0] and not concept.sector
        offset, anchor = (-22, "end") if leftward else (22, "start")
        label = (eye[0] + offset, eye[1] + 13)
        parts.append(text(say("{camera}"), label, fill=MUTED, size=SMALL, anchor=anchor))
    parts += [_figure(f, page(f.x, f.z), scale) for f in concept.figures]
    parts += [_labelled(span, page(*start), page(*end), say(label)) for start, end, label in concept.spans]
    parts += [_labelled(_step, page(*start), page(*end), say(label)) for start, end, label in concept.moves]
    if any(f.heading is not None for f in concept.figures):
        parts += [arrow((16, 222), (36, 222), MUTED), _legend(say("{facing}"), 222)]
    if concept.sector:
        parts += [polygon(rectangle(16, 198, 20, 12), fill=_HIGHLIGHT, stroke=MUTED)]
        parts += [_legend(say(f"{{{concept.sector[0]}}}"), 204)]
    if concept.seen:
        parts.append(text(say(f"{{{concept.seen}}}"), (304, 20), fill=MUTED, size=SMALL, anchor="end"))
    return [*parts, concept.shapes(say)] if concept.shapes else parts


def _legend(word: str, y: float) -> str:
    return text(word, (42, y), fill=MUTED, size=SMALL, anchor="start")


def _figure(figure: PlanFigure, centre: Point, scale: float) -> str:
    colour = tone("ABC".index(figure.letter))
    name = "" if figure.ghost else figure.letter
    if figure.heading is None:
        return round_body(centre, scale * _BREADTH * 0.6, colour, name=name, ghost=figure.ghost)
    size = (scale * _LENGTH, scale * _BREADTH)
    return body(centre, figure.heading, size, colour, name=name, ghost=figure.ghost)


def _labelled(draw: Callable[..., str], start: Point, end: Point, label: str) -> str:
    """Draw something between two points, its label under it, or to its right where it runs up the page."""
    upright = abs(end[1] - start[1]) > abs(end[0] - start[0])
    return draw(start, end, label, beside=(26, 0) if upright else (0, 16))


def _step(start: Point, end: Point, label: str, *, beside: Point) -> str:
    """An arrow that leaves what moves room at both ends."""
    length = math.dist(start, end)
    gap = min(20.0, 0.3 * length) / length
    (u0, v0), (u1, v1) = start, end
    tail, tip = (u0 + gap * (u1 - u0), v0 + gap * (v1 - v0)), (u1 - gap * (u1 - u0), v1 - gap * (v1 - v0))
    middle = ((u0 + u1) / 2 + beside[0], (v0 + v1) / 2 + beside[1])
    return arrow(tail, tip, INK) + text(label, middle, bold=True)
