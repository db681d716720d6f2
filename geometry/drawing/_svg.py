"""SVG primitives in page coordinates (x right, y down); headings are clockwise from the top of the page, degrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from genspace.geometry.drawing.palette import CAMERA, GROUND, INK, MUTED, Tone

Point = tuple[float, float]


def document(
    name: str,
    size: tuple[float, float],
    parts: Sequence[str],
    *,
    title: str,
    about: str,
    ground: str = GROUND,
) -> str:
    """Return a whole SVG document that also says in words what it shows; `name` makes its ids unique."""
    width, height = size
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" role="img"',
            f' aria-labelledby="{name}-title {name}-desc" font-family="system-ui, sans-serif">',
            f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(about)}</desc>',
            f'<rect width="{_n(width)}" height="{_n(height)}" rx="8" fill="{ground}"/>',
            *parts,
            "</svg>",
        )
    )


def _n(value: float) -> str:
    """A coordinate, short: two decimals are under what an eye can see."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def text(
    words: str, at: Point, *, fill: str = INK, size: float = 13, anchor: str = "middle", bold: bool = False
) -> str:
    """Return a line of text, vertically centred on the point, with a halo that keeps it readable on lines."""
    weight = ' font-weight="700"' if bold else ""
    return (
        f'<text x="{_n(at[0])}" y="{_n(at[1])}" fill="{fill}" font-size="{_n(size)}" text-anchor="{anchor}" '
        f'dominant-baseline="central" paint-order="stroke" stroke="{GROUND}" stroke-width="3" '
        f'stroke-linejoin="round"{weight}>{escape(words)}</text>'
    )


def name_in(name: str, at: Point, tone: Tone) -> str:
    """Return an object's letter."""
    return text(name, at, fill=tone.strong, size=16, bold=True)


def line(start: Point, end: Point, stroke: str, *, width: float = 1.5, dashes: str | None = None) -> str:
    """Return a straight line."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{_n(start[0])}" y1="{_n(start[1])}" x2="{_n(end[0])}" y2="{_n(end[1])}" stroke="{stroke}" '
        f'stroke-width="{_n(width)}" stroke-linecap="round"{dashed}/>'
    )


def polygon(
    points: Sequence[Point], *, fill: str, stroke: str, width: float = 2, dashes: str | None = None
) -> str:
    """Return a closed shape with rounded corners."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<polygon points="{_points(points)}" fill="{fill}" stroke="{stroke}" stroke-width="{_n(width)}" '
        f'stroke-linejoin="round"{dashed}/>'
    )


def rectangle(left: float, top: float, width: float, height: float) -> list[Point]:
    """Return the corners of an upright rectangle."""
    return [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]


def arrow(start: Point, end: Point, stroke: str, *, width: float = 2.2, head: float = 8) -> str:
    """Return a line with a filled head."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    neck = (end[0] - 0.8 * head * math.cos(angle), end[1] - 0.8 * head * math.sin(angle))
    wings = [
        (end[0] - head * math.cos(angle + turn), end[1] - head * math.sin(angle + turn))
        for turn in (0.45, -0.45)
    ]
    tip = f'<polygon points="{_points([end, *wings])}" fill="{stroke}"/>'
    return line(start, neck, stroke, width=width) + tip


def span(start: Point, end: Point, label: str, *, stroke: str = INK, beside: Point = (0, 0)) -> str:
    """Return a dimension line with a tick at either end and its label in the middle, or so far beside it."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    dx, dy = -6 * math.sin(angle), 6 * math.cos(angle)
    ticks = "".join(line((x - dx, y - dy), (x + dx, y + dy), stroke) for x, y in (start, end))
    middle = ((start[0] + end[0]) / 2 + beside[0], (start[1] + end[1]) / 2 + beside[1])
    return line(start, end, stroke) + ticks + text(label, middle, fill=stroke, bold=True)


def _turn(centre: Point, heading_deg: float, ahead: float, right: float) -> Point:
    """The point so far ahead and to the right of something that heads so."""
    s, c = math.sin(math.radians(heading_deg)), math.cos(math.radians(heading_deg))
    return (centre[0] + ahead * s + right * c, centre[1] - ahead * c + right * s)


def body(
    centre: Point,
    heading_deg: float,
    size: tuple[float, float],
    tone: Tone,
    *,
    name: str = "",
    ghost: bool = False,
) -> str:
    """Return an object from above whose pointed end and arrow are its front; `size`: front to back, across."""
    half, side = size[0] / 2, size[1] / 2
    neck = max(half - side * 0.55, 0)
    outline = [(-half, -side), (neck, -side), (half, 0), (neck, side), (-half, side)]
    fill, dashes = (GROUND, "5 4") if ghost else (tone.pale, None)
    shape = polygon(
        [_turn(centre, heading_deg, a, r) for a, r in outline], fill=fill, stroke=tone.strong, dashes=dashes
    )
    ahead = [_turn(centre, heading_deg, half + d, 0) for d in (2, 18)]
    front = "" if ghost else arrow(ahead[0], ahead[1], tone.strong)
    return shape + front + name_in(name, centre, tone)


def round_body(centre: Point, radius: float, tone: Tone, *, name: str = "", ghost: bool = False) -> str:
    """Return an object from above that shows no front."""
    fill, dashes = (GROUND, ' stroke-dasharray="5 4"') if ghost else (tone.pale, "")
    return (
        f'<circle cx="{_n(centre[0])}" cy="{_n(centre[1])}" r="{_n(radius)}" fill="{fill}" stroke="{tone.strong}" '
        f'stroke-width="2"{dashes}/>{name_in(name, centre, tone)}'
    )


def camera(
    at: Point, heading_deg: float, *, ghost: bool = False, view_deg: float = 30, reach: float = 34
) -> str:
    """Return a camera from above, its lens at the point, with the edges of its view."""
    fill, dashes = (GROUND, "4 3") if ghost else (CAMERA.strong, None)
    outline = [(0, -6), (-7, -6), (-7, -13), (-23, -13), (-23, 13), (-7, 13), (-7, 6), (0, 6)]
    shape = polygon(
        [_turn(at, heading_deg, a, r) for a, r in outline],
        fill=fill,
        stroke=CAMERA.strong,
        width=1.5,
        dashes=dashes,
    )
    if ghost:
        return shape
    edges = [_turn(at, heading_deg + turn, reach, 0) for turn in (-view_deg, view_deg)]
    return "".join(line(at, edge, MUTED, width=1.2) for edge in edges) + shape


def sector(centre: Point, heading_deg: float, radius: float, half_deg: float, *, fill: str) -> str:
    """Return a wedge that opens in a direction."""
    (x0, y0), (x1, y1) = (_turn(centre, heading_deg + turn, radius, 0) for turn in (-half_deg, half_deg))
    return (
        f'<path d="M{_n(centre[0])},{_n(centre[1])} L{_n(x0)},{_n(y0)} '
        f'A{_n(radius)},{_n(radius)} 0 0 1 {_n(x1)},{_n(y1)} Z" fill="{fill}"/>'
    )


def cuboid(at: Point, edge: float, *, fill: str, stroke: str, dashes: str | None = None) -> list[str]:
    """Return the faces of a cube seen from the front and a little from above and the right; `at`: lower left corner."""
    (x, y), d = at, 0.32 * edge
    faces = [
        rectangle(x, y - edge, edge, edge),
        [(x, y - edge), (x + d, y - edge - d), (x + edge + d, y - edge - d), (x + edge, y - edge)],
        [(x + edge, y - edge), (x + edge + d, y - edge - d), (x + edge + d, y - d), (x + edge, y)],
    ]
    return [polygon(face, fill=fill, stroke=stroke, dashes=dashes) for face in faces]
