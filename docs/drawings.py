"""Make the drawings of docs/concepts/frames-and-predicates.md: frames here, predicates from `concept_svg`.

Run: python docs/drawings.py. tests/test_docs_figures.py checks that the files are what this makes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from genspace.geometry.drawing._svg import (
    Point,
    arrow,
    body,
    camera,
    document,
    line,
    sector,
    text,
)
from genspace.geometry.drawing.concepts import concept_svg
from genspace.geometry.drawing.palette import INK, MUTED, tone

FOLDER = Path(__file__).resolve().parent / "images" / "concepts"
SIZE = (320.0, 240.0)
PREDICATES = {
    "camera_pose(A, view={})": ("front", "left"),
    "object_pose(A, view={})": ("back",),
    "complex_pose(A, B, view={})": ("front",),
    "intrinsic(A, B, relation={})": ("side_by_side_same", "face_to_face", "back_to_back"),
    "allocentric(A, B, relation={})": ("front", "back", "left", "right"),
    "egocentric(A, B, relation={})": ("left", "closer"),
    "object_distance(A, B, value_m={})": ("1",),
    "camera_distance(A, value_m={})": ("2",),
    "object_size(A, B, dimension={})": (
        "bigger, ratio=1.2",
        "taller, value_m=0.2",
        "longer, value_m=0.5",
        "wider, value_m=0.3",
    ),
    "move_object(A, direction={}, value_m=1)": ("left",),
    "move_camera(A, direction={}, value_m=1)": ("forward",),
    "resize(A, dimension={})": ("taller, value_m=0.2",),
    "keep_relation(A, B, view={})": ("front",),
    "image_relation(A, B, relation={})": ("left_of",),
}
"""Which calls the page shows; files are called by predicate and variant."""


def drawings() -> Iterator[tuple[str, str]]:
    """Yield every drawing's file name and SVG text."""
    yield "frames-level.svg", _level()
    yield "frames-bearing.svg", _bearing()
    yield "frames-pitch.svg", _pitch()
    for call, words in PREDICATES.items():
        for word in words:
            yield f"{call.partition('(')[0]}-{word.partition(',')[0]}.svg", concept_svg(call.format(word))


def sized(svg: str) -> str:
    """Return the file's text: with a size of its own, else a table's cell would shrink it."""
    return svg.replace("<svg ", '<svg width="240" height="180" ', 1) + "\n"


def _level() -> str:
    """The level frame from above: x to the right, z forward, from the camera."""
    eye, cow = (110.0, 196.0), (206.0, 76.0)
    corner = (eye[0], cow[1])
    parts = [
        line(corner, cow, MUTED, dashes="3 5"),
        camera(eye, 0, reach=0),
        arrow(eye, (eye[0], 34), INK),
        text("z, forward", (eye[0] - 10, 40), size=12, anchor="end"),
        arrow(eye, (296, eye[1]), INK),
        text("x, right", (296, eye[1] + 18), size=12, anchor="end"),
        line((cow[0], eye[1]), cow, MUTED, dashes="3 5"),
        body(cow, 120, (44, 29), tone(0), name="A"),
        text("z of A", (eye[0] - 8, cow[1]), fill=MUTED, size=11, anchor="end"),
        text("x of A", (cow[0], eye[1] + 18), fill=MUTED, size=11),
        text("camera", (eye[0] - 14, eye[1] + 14), fill=MUTED, size=11, anchor="end"),
    ]
    about = "Seen from above: from the camera, x runs to its right and z straight ahead; y runs down, out of sight."
    return document("frames-level", SIZE, parts, title="The level frame", about=about)


def _bearing() -> str:
    """Bearings around an object: 0 in front of it, 90 to its right."""
    centre, radius = (152.0, 122.0), 70.0
    parts = [sector(centre, 30, radius, 30, fill="#fff1c2")]
    for bearing, words in (
        (0, "0°, front"),
        (90, "90°, its right"),
        (180, "180°, back"),
        (-90, "−90°, its left"),
    ):
        end = _around(centre, bearing + 30, radius)
        parts += [line(centre, end, MUTED, dashes="3 5")]
        at = _around(centre, bearing + 30, radius + 17)
        parts.append(text(words, at, size=12, anchor="start" if at[0] > centre[0] else "end"))
    parts.append(body(centre, 30, (56, 37), tone(0), name="A"))
    about = (
        "Seen from above: bearings are measured on the ground from the object's front, 90 to its own right."
    )
    return document("frames-bearing", SIZE, parts, title="Bearings from an object", about=about)


def _around(centre: Point, heading_deg: float, distance: float) -> Point:
    angle = math.radians(heading_deg)
    return centre[0] + distance * math.sin(angle), centre[1] - distance * math.cos(angle)


def _pitch() -> str:
    """Camera and level frame from the side: the camera looks down, gravity stays where it is."""
    eye, pitch = (100.0, 84.0), -25.0
    ahead = _around(eye, 90 - pitch, 170)
    down = _around(eye, 180 - pitch, 96)
    parts = [
        line((20, 214), (300, 214), MUTED),
        text("floor", (296, 226), fill=MUTED, size=11, anchor="end"),
        arrow(eye, (292, eye[1]), INK),
        text("z of level", (292, eye[1] - 12), size=12, anchor="end"),
        arrow(eye, (eye[0], 200), INK),
        text("y of level: gravity", (eye[0] + 10, 192), size=12, anchor="start"),
        arrow(eye, ahead, tone(1).strong),
        text("z of camera", (ahead[0] + 6, ahead[1] + 14), fill=tone(1).strong, size=12, anchor="end"),
        arrow(eye, down, tone(1).strong),
        text("y of camera", (down[0] - 6, down[1] + 14), fill=tone(1).strong, size=12, anchor="middle"),
        text("pitch −25°", (eye[0] + 104, eye[1] + 20), fill=MUTED, size=11, anchor="start"),
        camera(eye, 90 - pitch, reach=0),
    ]
    about = "Seen from the side: the camera looks down by 25 degrees; the level frame's z is horizontal, its y down."
    return document("frames-pitch", SIZE, parts, title="Camera and level frame", about=about)


def main() -> None:
    """Write all drawings."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, svg in drawings():
        (FOLDER / name).write_text(sized(svg), encoding="utf-8")
    print(f"{len(list(FOLDER.glob('*.svg')))} drawings in {FOLDER.name}/")


if __name__ == "__main__":
    main()
