"""Small explanatory drawings: what each predicate means, seen from above.

Every drawing is made from a few facts (who stands where, turned how, what is measured), never drawn by hand, so that
the pages of a human study, the docs and the predicates themselves cannot drift apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from genspace.errors import InputError, did_you_mean
from genspace.geometry.drawing._svg import (
    Point,
    arrow,
    body,
    camera,
    document,
    line,
    polygon,
    round_body,
    sector,
    span,
    text,
)
from genspace.geometry.drawing.palette import GROUND, INK, MUTED, Tone, tone

__all__ = ["CONCEPTS", "WORDS", "concept_of", "concept_svg"]

_WIDTH, _HEIGHT = 320, 240
_SMALL = 13.0
"""Size of the words, in pixels of the drawing: readable on a phone, where it is shown smaller."""
_SCALE = 52.0
"""Pixels of the drawing per metre."""
_LENGTH, _BREADTH = 0.84, 0.56
"""Size of the object that stands for any object, in metres."""

BEARING = {"front": 0, "back": 180, "left": -90, "right": 90}
"""Where each side of an object lies, in degrees from its front, clockwise seen from above."""

_SIDE = {"front": "front", "back": "back", "left": "own left side", "right": "own right side"}

WORDS: Mapping[str, str] = {
    "above": "seen from above",
    "beside": "seen from the side",
    "camera": "camera",
    "facing": "front",
    "before": "before",
    "picture": "the picture",
    "volume": "volume × {amount}",
    "front": "in front of A",
    "back": "behind A",
    "left": "A's own left",
    "right": "A's own right",
}
"""Every word that stands in a drawing, so that a study can bring its own language."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One object seen from above: x to the viewer's right, z away from the viewer, in metres."""

    letter: str
    x: float
    z: float
    heading: float | None = None
    """Where its front points, degrees clockwise from straight away; None: the front does not matter."""
    ghost: bool = False
    """Drawn dashed: where it was before an edit."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What a drawing shows, and how it is told to those who cannot see it."""

    title: str
    """`{amount}` stands for the wanted quantity, here and in `about` and the labels."""
    about: str
    figures: tuple[Figure, ...] = ()
    camera: tuple[float, float, float] | None = None
    """Camera: x, z, heading."""
    camera_before: tuple[float, float, float] | None = None
    sector: str | None = None
    """Side of A (a key of `BEARING`) to which a wedge opens."""
    spans: tuple[tuple[tuple[float, float], tuple[float, float], str], ...] = ()
    """Measured distances: from, to, label."""
    moves: tuple[tuple[tuple[float, float], tuple[float, float], str], ...] = ()
    """Movements: from, to, label."""
    sights: tuple[str, ...] = ()
    """Objects that a line of sight joins to the camera."""
    zoom: float = 1.0
    seen: str = "above"
    """From where it is seen, a key of `WORDS`; "" where that is plain."""
    shapes: Callable[[Mapping[str, str]], str] | None = field(default=None, repr=False)
    """Makes further SVG from the words, for what a view from above cannot show."""


def _toward(x: float, z: float, heading_deg: float, distance_m: float) -> tuple[float, float]:
    angle = math.radians(heading_deg)
    return x + distance_m * math.sin(angle), z + distance_m * math.cos(angle)


_HIGHLIGHT = "#fff1c2"
_VIEWER = (0.0, -1.95, 0.0)
"""The camera below the scene, looking away from the reader."""


# One function per family: variant -> what to draw ---------------------------------------------------------------


def _view_of_one(variant: str, about: str) -> Concept:
    heading = 180 - BEARING[variant]
    return Concept(
        f"The camera sees A's {_SIDE[variant]}",
        about,
        (Figure("A", 0, 0, heading),),
        camera=_VIEWER,
        sector=variant,
    )


def _camera_pose(variant: str) -> Concept:
    where = {"front": "in front of", "back": "behind"}.get(variant, f"on the own {variant} of")
    return _view_of_one(variant, f"Seen from above: the camera stands {where} object A.")


def _object_pose(variant: str) -> Concept:
    what = {"front": "faces the camera", "back": "faces away from the camera"}
    turned = what.get(variant, f"turns its own {variant} side to the camera")
    return _view_of_one(variant, f"Seen from above: object A {turned}.")


def _complex_pose(variant: str) -> Concept:
    heading = 180 - BEARING[variant]
    a = _toward(0, 0, heading - 90, 0.5)
    b = _toward(0, 0, heading + 90, 0.5)
    return Concept(
        f"Side by side, seen from their {_SIDE[variant]}",
        f"Seen from above: A and B stand side by side and face the same way; the camera sees their {_SIDE[variant]}.",
        (Figure("A", *a, heading), Figure("B", *b, heading)),
        camera=_VIEWER,
    )


_ARRANGED: Mapping[str, tuple[str, tuple[float, float, float], tuple[float, float, float]]] = {
    "side_by_side_same": ("side by side, facing the same way", (-0.7, 0, 0), (0.7, 0, 0)),
    "side_by_side_opposite": ("side by side, facing opposite ways", (-0.7, 0, 0), (0.7, 0, 180)),
    "face_to_face": ("face to face", (-0.95, 0, 90), (0.95, 0, -90)),
    "back_to_back": ("back to back", (-0.75, 0, -90), (0.75, 0, 90)),
}


def _intrinsic(variant: str) -> Concept:
    words, a, b = _ARRANGED[variant]
    about = f"Seen from above: A and B stand {words}. From where the picture is taken does not matter."
    return Concept(words.capitalize(), about, (Figure("A", *a), Figure("B", *b)), zoom=1.5)


def _allocentric(variant: str) -> Concept:
    heading = 150.0  # turned, so that A's left is not the viewer's left
    words = {"front": "in front of A", "back": "behind A"}.get(variant, f"on A's own {variant}")
    b = _toward(-0.15, 0, heading + BEARING[variant], 1.3)
    return Concept(
        f"B is {words}",
        f"Seen from above: A's arrow is where A faces. B is {words}, whatever the picture's left and right are.",
        (Figure("A", -0.15, 0, heading), Figure("B", *b)),
        camera=_VIEWER,
        sector=variant,
    )


def _egocentric(variant: str) -> Concept:
    places = {
        "left": ((-0.9, 0.1), (0.9, 0.1), "to the left of"),
        "right": ((0.9, 0.1), (-0.9, 0.1), "to the right of"),
        "closer": ((-0.6, -0.75), (0.6, 0.75), "closer to the camera than"),
        "farther": ((-0.6, 0.75), (0.6, -0.75), "farther from the camera than"),
    }
    a, b, words = places[variant]
    return Concept(
        f"A is {words} B",
        f"Seen from above: as the camera sees them, A is {words} B. Where A and B face does not matter.",
        (Figure("A", *a), Figure("B", *b)),
        camera=_VIEWER,
        sights=("A", "B"),
    )


def _object_distance(variant: str) -> Concept:
    half = 0.5 + 0.3 * min(float(variant), 4.0)
    return Concept(
        "A and B are {amount} apart",
        "Seen from above: {amount} lie between the centre of A and the centre of B.",
        (Figure("A", -half, 0), Figure("B", half, 0)),
        spans=(((-half, -0.55), (half, -0.55), "{amount}"),),
        zoom=1.4,
    )


def _camera_distance(variant: str) -> Concept:
    far = -1.0 + 0.5 * min(float(variant), 4.0)
    return Concept(
        "A is {amount} from the camera",
        "Seen from above: {amount} lie between the camera and the centre of A.",
        (Figure("A", 0, far),),
        camera=_VIEWER,
        spans=(((0.75, _VIEWER[1]), (0.75, far), "{amount}"),),
    )


_SIZES: Mapping[str, tuple[str, str, str]] = {
    "bigger": ("{amount} times the volume", "Two boxes: the volume of A is {amount} times that of B.", ""),
    "taller": ("{amount} taller", "Seen from the side: A reaches {amount} higher than B.", "beside"),
    "longer": ("{amount} longer", "Seen from above: A is {amount} longer than B, along its length.", "above"),
    "wider": ("{amount} wider", "Seen from above: A is {amount} wider than B, across its length.", "above"),
}


def _object_size(variant: str) -> Concept:
    words, about, seen = _SIZES[variant]
    title = f"A has {words} of B" if variant == "bigger" else f"A is {words} than B"
    return Concept(title, about, seen=seen, shapes=partial(_size_shapes, variant, other="B"))


def _resize(variant: str) -> Concept:
    words, about, seen = _SIZES[variant]
    title = f"A has {words} it had before" if variant == "bigger" else f"A is {words} than before"
    about = (
        about.replace("Two boxes: the", "The")
        .replace("that of B", "what it was")
        .replace("than B", "than it was")
    )
    return Concept(title, about, seen=seen, shapes=partial(_size_shapes, variant, other="before"))


def _move_object(variant: str) -> Concept:
    goal = {"closer": (0, -0.8), "farther": (0, 1.0), "left": (-1.3, 0), "right": (1.3, 0)}[variant]
    words = {"closer": "closer to the camera", "farther": "farther from the camera"}.get(
        variant, f"to the {variant}"
    )
    start = (0.0, 0.2 if variant == "closer" else -0.3 if variant == "farther" else 0.0)
    return Concept(
        f"A moves {{amount}} {words}",
        f"Seen from above: A is moved by {{amount}} {words}, as the camera sees it; the camera stays where it is.",
        (Figure("A", *start, ghost=True), Figure("A", *goal)),
        camera=_VIEWER,
        moves=((start, goal, "{amount}"),),
    )


def _move_camera(variant: str) -> Concept:
    start, goal = {
        "forward": ((0.0, -1.95), (0.0, -0.75)),
        "backward": ((0.0, -0.75), (0.0, -1.95)),
        "left": ((0.0, -1.6), (-1.3, -1.6)),
        "right": ((0.0, -1.6), (1.3, -1.6)),
    }[variant]
    words = variant if variant in {"forward", "backward"} else f"to the {variant}"
    return Concept(
        f"The camera moves {{amount}} {words}",
        f"Seen from above: the camera moves {{amount}} {words} without turning; A stays where it is.",
        (Figure("A", 0, 1.0),),
        camera=(*goal, 0.0),
        camera_before=(*start, 0.0),
        moves=((start, goal, "{amount}"),),
    )


def _keep_relation(variant: str) -> Concept:
    heading = 180.0 - BEARING[variant]
    b = _toward(0, 0, heading + 60, 1.15)
    return Concept(
        f"The camera goes round to A's {_SIDE[variant]}",
        f"Seen from above: the camera moves round until it sees A's {_SIDE[variant]}; A and B stay as they stand.",
        (Figure("A", 0, 0, heading), Figure("B", *b)),
        camera=_VIEWER,
        camera_before=(-1.75, -1.05, 55.0),
        moves=(((-1.6, -1.3), (-0.35, -1.95), ""),),
        sector=variant,
    )


def _image_relation(variant: str) -> Concept:
    places = {"left_of": ((62, 76), (172, 76)), "right_of": ((172, 76), (62, 76))}
    places |= {"above": ((117, 48), (117, 120)), "below": ((117, 120), (117, 48))}
    words = {"left_of": "to the left of", "right_of": "to the right of"}.get(variant, variant)
    boxes = [
        polygon(_rectangle(x, y, 86, 58), fill=tone(i).pale, stroke=tone(i).strong)
        + text("AB"[i], (x + 43, y + 29), fill=tone(i).strong, size=16, bold=True)
        for i, (x, y) in enumerate(places[variant])
    ]
    frame = polygon(_rectangle(40, 36, 240, 152), fill=GROUND, stroke=MUTED)

    def shapes(words: Mapping[str, str]) -> str:
        return "".join((frame, *boxes, text(words["picture"], (160, 204), fill=MUTED, size=_SMALL)))

    about = f"A picture with two marked boxes: in the picture, A is {words} B. Depth does not matter."
    return Concept(f"A is {words} B in the picture", about, seen="", shapes=shapes)


_SIDES = ("front", "back", "left", "right")
CONCEPTS: Mapping[str, tuple[Callable[[str], Concept], tuple[str, ...]]] = {
    "camera_pose": (_camera_pose, _SIDES),
    "object_pose": (_object_pose, _SIDES),
    "complex_pose": (_complex_pose, _SIDES),
    "intrinsic": (_intrinsic, tuple(_ARRANGED)),
    "allocentric": (_allocentric, _SIDES),
    "egocentric": (_egocentric, ("left", "right", "closer", "farther")),
    "object_distance": (_object_distance, ("0.5", "1", "1.5", "2")),
    "camera_distance": (_camera_distance, ("1", "2", "3", "4")),
    "object_size": (_object_size, tuple(_SIZES)),
    "move_object": (_move_object, ("closer", "farther", "left", "right")),
    "move_camera": (_move_camera, ("forward", "backward", "left", "right")),
    "resize": (_resize, tuple(_SIZES)),
    "keep_relation": (_keep_relation, _SIDES),
    "image_relation": (_image_relation, ("left_of", "right_of", "above", "below")),
}
"""Families: the function that says what to draw, and the variants it knows."""


_MEASURED = frozenset({"object_distance", "camera_distance"})
"""Families whose variant is a quantity: any number can be drawn, not only those of the benchmark."""
_USUAL: Mapping[str, str] = {"bigger": "1.2", "taller": "20 cm", "longer": "50 cm", "wider": "30 cm"}
"""The benchmark's quantities; what moves moves 1 m."""


def concept_svg(
    family: str, variant: str, amount: str | None = None, words: Mapping[str, str] = WORDS
) -> str:
    """Return a small drawing of what a predicate means, as an SVG document with title and description.

    Args:
        family: Predicate family.
        variant: Which of it; for a distance the metres, any positive number.
        amount: The wanted quantity as it is written, "40 cm"; None: the benchmark's.
        words: What stands in the drawing, see `WORDS`.

    Errors: `InputError` for an unknown family or variant, with the closest known one.

    >>> concept_svg("allocentric", "left").startswith("<svg")
    True
    """
    if family not in CONCEPTS:
        raise InputError(f"no drawing for the family {family!r}{did_you_mean(family, CONCEPTS)}")
    describe, variants = CONCEPTS[family]
    if variant not in variants and not (family in _MEASURED and _NUMBER.fullmatch(variant)):
        raise InputError(f"no drawing for {family}, variant {variant!r}{did_you_mean(variant, variants)}")
    if amount is None:
        amount = _length(float(variant)) if family in _MEASURED else _USUAL.get(variant, "1 m")
    said = {k: word.replace("{amount}", amount) for k, word in {**words, "amount": "{amount}"}.items()}
    return _draw(describe(variant), f"{family}-{variant}".replace(".", "_"), said)


def concept_of(predicate: str) -> tuple[str, str, str | None] | None:
    """Return what draws a predicate, written as a call, for `concept_svg`: family, variant, amount; None without one.

    >>> concept_of("allocentric(cow, hen, relation=left)")
    ('allocentric', 'left', None)
    >>> concept_of("resize(cow, dimension=wider, value_m=0.4)")
    ('resize', 'wider', '40 cm')
    """
    call = _CALL.fullmatch(predicate.strip())
    if call is None or call[1] not in CONCEPTS:
        return None
    given = {key: _plain(value) for key, value in _VALUE.findall(call[2])}
    metres, ratio = given.get("value_m", ""), given.get("ratio", "")
    amount = _length(float(metres)) if _NUMBER.fullmatch(metres) else ratio or None
    variants = CONCEPTS[call[1]][1]
    if call[1] in _MEASURED:
        return (call[1], metres, amount) if _NUMBER.fullmatch(metres) else None
    return next(((call[1], word, amount) for word in given.values() if word in variants), None)


_CALL = re.compile(r"(\w+)\s*\((.*)\)", re.DOTALL)
_VALUE = re.compile(r"\b(\w+)\s*=\s*([\w.]+)")
_NUMBER = re.compile(r"\d+(\.\d+)?")


def _plain(value: str) -> str:
    """A number as variants write it: "1.50" is "1.5"."""
    return f"{float(value):g}" if _NUMBER.fullmatch(value) else value


def _length(metres: float) -> str:
    """A length as people say it: below a metre in centimetres."""
    return f"{100 * metres:g} cm" if metres < 1 else f"{metres:g} m"


# Drawing -------------------------------------------------------------------------------------------------------


def _draw(concept: Concept, name: str, words: Mapping[str, str]) -> str:
    scale = _SCALE * concept.zoom

    def page(x: float, z: float) -> Point:
        return _WIDTH / 2 + scale * x, 104 - scale * z

    def fill(label: str) -> str:
        return label.replace("{amount}", words["amount"])

    parts = []
    if concept.sector:
        figure = concept.figures[0]
        towards = (figure.heading or 0) + BEARING[concept.sector]
        parts.append(sector(page(figure.x, figure.z), towards, 1.9 * scale, 30, fill=_HIGHLIGHT))
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
        side, anchor = (-22, "end") if leftward else (22, "start")
        parts.append(
            text(words["camera"], (eye[0] + side, eye[1] + 13), fill=MUTED, size=_SMALL, anchor=anchor)
        )
    parts += [_figure(f, page(f.x, f.z), scale) for f in concept.figures]
    parts += [_labelled(span, page(*start), page(*end), fill(label)) for start, end, label in concept.spans]
    parts += [_labelled(_step, page(*start), page(*end), fill(label)) for start, end, label in concept.moves]
    if any(f.heading is not None for f in concept.figures):
        parts += [arrow((16, 222), (36, 222), MUTED), _legend(words["facing"], 222)]
    if concept.sector:
        parts += [polygon(_rectangle(16, 198, 20, 12), fill=_HIGHLIGHT, stroke=MUTED)]
        parts += [_legend(words[concept.sector], 204)]
    if concept.seen:
        parts.append(text(words[concept.seen], (304, 20), fill=MUTED, size=_SMALL, anchor="end"))
    if concept.shapes:
        parts.append(concept.shapes(words))
    size = (_WIDTH, _HEIGHT)
    return document(name, size, parts, title=fill(concept.title), about=fill(concept.about))


def _legend(word: str, y: float) -> str:
    return text(word, (42, y), fill=MUTED, size=_SMALL, anchor="start")


def _figure(figure: Figure, centre: Point, scale: float) -> str:
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


def _size_shapes(variant: str, words: Mapping[str, str], *, other: str) -> str:
    """A and what it is compared with, B or itself before, aligned so that the difference shows."""
    a, b = tone(0), tone(1) if other == "B" else tone(0)
    ghost = other != "B"
    name = "B" if other == "B" else ""
    fill, dashes = (GROUND, "5 4") if ghost else (b.pale, None)
    label = (
        [text(words["before"], (92, 214), fill=MUTED, size=_SMALL)]
        if ghost and variant in {"bigger", "taller"}
        else []
    )
    if variant == "bigger":
        small, large = 76.0, 76 * 1.2 ** (1 / 3)
        return "".join(
            (
                *_cuboid((54, 190), small, b, dashes=dashes, fill=fill),
                *_cuboid((184, 190), large, a, dashes=None, fill=a.pale),
                text(name, (54 + small / 2, 190 - small / 2), fill=b.strong, size=16, bold=True),
                text("A", (184 + large / 2, 190 - large / 2), fill=a.strong, size=16, bold=True),
                text(words["volume"], (160, 36), bold=True),
                *label,
            )
        )
    if variant == "taller":
        return "".join(
            (
                line((36, 192), (284, 192), MUTED),
                polygon(_rectangle(62, 104, 60, 88), fill=fill, stroke=b.strong, dashes=dashes),
                polygon(_rectangle(160, 64, 60, 128), fill=a.pale, stroke=a.strong),
                line((122, 104), (246, 104), MUTED, dashes="3 4"),
                line((220, 64), (246, 64), MUTED, dashes="3 4"),
                span((242, 64), (242, 104), words["amount"], beside=(30, 0)),
                text(name, (92, 148), fill=b.strong, size=16, bold=True),
                text("A", (190, 128), fill=a.strong, size=16, bold=True),
                *label,
            )
        )
    edge = 64.0  # where the rear ends, or the left sides, are aligned
    sizes = {"longer": ((150.0, 58.0), (96.0, 58.0)), "wider": ((58.0, 118.0), (58.0, 72.0))}[variant]
    along, heading = (0, 90.0) if variant == "longer" else (1, 0.0)
    (mine, theirs), end = sizes, edge + sizes[1][along]
    parts = [
        body((edge + theirs[along] / 2, 64), heading, theirs, b, name=name or words["before"], ghost=ghost),
        body((edge + mine[along] / 2, 148), heading, mine, a, name="A"),
        line((end, 64), (end, 204), MUTED, dashes="3 4"),
        line((edge + mine[along], 148), (edge + mine[along], 204), MUTED, dashes="3 4"),
        line((end, 200), (edge + mine[along], 200), INK),
        text(words["amount"], ((end + edge + mine[along]) / 2, 217), bold=True),
    ]
    return "".join(parts)


def _rectangle(left: float, top: float, width: float, height: float) -> list[Point]:
    return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]


def _cuboid(at: Point, edge: float, colour: Tone, *, dashes: str | None, fill: str) -> list[str]:
    """A cube seen from the front and a little from above and the right; `at`: its lower left corner."""
    (x, y), d = at, 0.32 * edge
    faces = [
        _rectangle(x, y - edge, edge, edge),
        [(x, y - edge), (x + d, y - edge - d), (x + edge + d, y - edge - d), (x + edge, y - edge)],
        [(x + edge, y - edge), (x + edge + d, y - edge - d), (x + edge + d, y - d), (x + edge, y)],
    ]
    return [polygon(face, fill=fill, stroke=colour.strong, dashes=dashes) for face in faces]
