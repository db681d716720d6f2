"""A scene drawn on its image: masks, boxes, axes, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from genspace.geometry.camera import Intrinsics, project
from genspace.geometry.drawing.bodies import EDGES, Mark, centre_in, corners, name_of, rotation_in
from genspace.geometry.drawing.palette import FRONT, GROUND, INK, MUTED, RIGHT, UP, tone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import Scene, SceneObject

    Point = tuple[float, float]

__all__ = ["numbered", "overlay", "overlay_svg"]

_MASK_TINT = 0.38
"""Share of the object's colour in the pixels of its mask."""
_AXES = ((FRONT, "front", 1.0), (UP, "up", 0.6), (RIGHT, "right", 0.6))
"""Colour, name and thickness of the object's own axes."""


def overlay(
    image: Image.Image | None,
    scene: Scene,
    *,
    marks: Sequence[Mark] = (),
    captions: Sequence[str] = (),
    min_width: int = 720,
) -> Image.Image:
    """Return the image with its scene drawn on it; small images are enlarged to `min_width` first.

    Objects get their mask, 2D box, 3D box and axes as far as they are known; marks join objects, captions stand in a
    strip under the picture. Without an image the scene is drawn on an empty page of the image's size.

    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "box": (60, 5, 90, 45)},))
    >>> overlay(None, scene, min_width=200).size
    (200, 100)
    """
    factor = max(1.0, min_width / scene.width)
    size = (round(scene.width * factor), round(scene.height * factor))
    page = Image.new("RGB", size, "#f5f7fa") if image is None else image.convert("RGB").resize(size)
    page = _tinted(page, scene)
    canvas = _Canvas(ImageDraw.Draw(page), page.size, scene, factor)
    canvas.draw(marks)
    return _with_strip(page, captions, canvas.font)


def numbered(
    image: Image.Image, scene: Scene, ids: Sequence[str], *, boxes: bool, fronts: bool
) -> Image.Image:
    """Return the image with some of the scene's objects in numbered boxes, an arrow where a front points, or both.

    Numbers count `ids` from 1; what the scene lacks is left out.

    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "box": (60, 5, 90, 45)},))
    >>> numbered(Image.new("RGB", (100, 50)), scene, ["cat"], boxes=True, fronts=False).size
    (100, 50)
    """
    page = image.copy()
    canvas = _Canvas(ImageDraw.Draw(page), page.size, scene, page.width / scene.width)
    known = [(i, item) for i, name in enumerate(ids) if (item := scene.object(name)) is not None]
    for index, item in known:
        if boxes:
            canvas.draw_box(item, tone(index).strong)
        if fronts:
            canvas.draw_axes(item, _AXES[:1])
    for index, item in known:
        if boxes:
            _, at, colour = canvas.label_of(item, index)
            canvas.draw_label(str(index + 1), at, colour)
    return page


def overlay_svg(scene: Scene, *, marks: Sequence[Mark] = (), width: int = 300) -> str:
    """Return boxes, axes and marks alone, without image and masks, as an SVG to lay over the image.

    `width` is the width in pixels at which it will be seen: labels are readable there.

    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "box": (60, 5, 90, 45)},))
    >>> 'aria-label="measured: cat"' in overlay_svg(scene)
    True
    """
    factor = width / scene.width
    size = (width, round(scene.height * factor))
    pen = _SvgPen()
    _Canvas(pen, size, scene, factor).draw(marks)
    names = ", ".join(name_of(item) for item in scene.objects)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img" '
        f'aria-label="{escape(f"measured: {names}")}" font-family="system-ui, sans-serif">{"".join(pen.parts)}</svg>'
    )


def _tinted(page: Image.Image, scene: Scene) -> Image.Image:
    for index, item in enumerate(scene.objects):
        if item.mask is None:
            continue
        shape = Image.fromarray(item.mask.decode().astype(np.uint8) * 255).resize(page.size)
        colour = Image.new("RGB", page.size, tone(index).strong)
        page = Image.composite(Image.blend(page, colour, _MASK_TINT), page, shape)
    return page


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


class _SvgPen:
    """Draws as SVG what `ImageDraw` would draw as pixels."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def line(self, xy: Any, *, fill: str, width: int, joint: str | None = None) -> None:
        self.parts.append(
            f'<polyline points="{_points(xy)}" fill="none" stroke="{fill}" stroke-width="{width}" '
            f'stroke-linejoin="{"round" if joint else "miter"}"/>'
        )

    def polygon(self, xy: Any, *, fill: str, outline: str) -> None:
        self.parts.append(f'<polygon points="{_points(xy)}" fill="{fill}" stroke="{outline}"/>')

    def rectangle(self, xy: Any, *, fill: str, outline: str, width: int) -> None:
        left, top, right, bottom = xy
        self.parts.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}" '
            f'fill="{fill}" stroke="{outline}" stroke-width="{width}"/>'
        )

    def text(self, xy: Any, text: str, *, fill: str, font: Any) -> None:
        ascent = font.getmetrics()[0]
        self.parts.append(
            f'<text x="{xy[0]:.1f}" y="{xy[1] + ascent:.1f}" fill="{fill}" font-size="{font.size}" '
            f'textLength="{font.getlength(text):.0f}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
        )

    def textbbox(self, xy: tuple[float, float], text: str, *, font: Any) -> tuple[float, float, float, float]:
        left, top, right, bottom = font.getbbox(text)
        return (xy[0] + left, xy[1] + top, xy[0] + right, xy[1] + bottom)


def _points(xy: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in xy)


class _Canvas:
    """Draws in the scene's pixels on a page that may be larger."""

    def __init__(
        self, pen: ImageDraw.ImageDraw | _SvgPen, size: tuple[int, int], scene: Scene, factor: float
    ) -> None:
        self.scene = scene
        self.factor = factor
        self.size = size
        self.pen = pen
        self.width = max(2, round(size[1] / 300))
        self.font = _font(max(13, round(size[1] / 42)))
        self.taken: list[tuple[float, float, float, float]] = []

    def draw(self, marks: Sequence[Mark]) -> None:
        """Objects, then marks, then labels on top."""
        for index, item in enumerate(self.scene.objects):
            self.draw_object(item, index)
        labels = [self.label_of(item, index) for index, item in enumerate(self.scene.objects)]
        for mark in marks:
            self.draw_mark(mark)
        for label in labels:
            self.draw_label(*label)

    @property
    def intrinsics(self) -> Intrinsics | None:
        known = self.scene.camera.intrinsics
        return known.scaled(self.factor, self.factor) if known else None

    def seen(self, points: NDArray[np.float64]) -> list[Point] | None:
        """Where points of the camera frame, (N, 3), appear; None if the camera is unknown or one is behind it."""
        if self.intrinsics is None:
            return None
        uv = project(points, self.intrinsics)
        return [(float(u), float(v)) for u, v in uv] if np.isfinite(uv).all() else None

    def line(self, points: Sequence[Point], colour: str, width: float) -> None:
        """A line with a light edge, readable on any image."""
        self.pen.line(points, fill=GROUND, width=round(width) + 2, joint="curve")
        self.pen.line(points, fill=colour, width=round(width), joint="curve")

    def arrow(self, start: Point, end: Point, colour: str, width: float) -> None:
        angle = math.atan2(end[1] - start[1], end[0] - start[0])
        head = 4.5 * width
        self.line(
            [start, (end[0] - 0.7 * head * math.cos(angle), end[1] - 0.7 * head * math.sin(angle))],
            colour,
            width,
        )
        wings = [
            (end[0] - head * math.cos(angle + t), end[1] - head * math.sin(angle + t)) for t in (0.42, -0.42)
        ]
        self.pen.polygon([end, *wings], fill=colour, outline=GROUND)

    def draw_object(self, item: SceneObject, index: int) -> None:
        colour = tone(index).strong
        box = corners("camera", self.scene, item)
        edges = None if box is None else self.seen(box)
        if edges:
            for i, j in EDGES:
                self.line([edges[i], edges[j]], colour, max(2, 0.7 * self.width))
        self.draw_box(item, colour)
        self.draw_axes(item)

    def draw_box(self, item: SceneObject, colour: str) -> None:
        if item.box is not None:
            left, top, right, bottom = (self.factor * x for x in item.box)
            self.line(
                [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], colour, self.width
            )

    def draw_axes(self, item: SceneObject, axes: Sequence[tuple[str, str, float]] = _AXES) -> None:
        centre, rotation = centre_in("camera", self.scene, item), rotation_in("camera", self.scene, item)
        if centre is None or rotation is None:
            return
        reach = np.array(item.extent) if item.extent else np.full(3, 0.5)
        for axis, (colour, _, weight) in reversed(list(enumerate(axes))):
            if axis == 0 and item.has_front is False:
                continue
            length = max(0.7 * float(reach[axis]), 0.25 * float(reach.max()))
            ends = self.seen(np.array([centre, centre + length * rotation[:, axis]]))
            if ends:
                self.arrow(ends[0], ends[1], colour, max(2, 1.4 * weight * self.width))

    def label_of(self, item: SceneObject, index: int) -> tuple[str, Point, str]:
        sure = "" if item.detection_confidence is None else f" {item.detection_confidence:.0%}"
        anchor = self.anchor(item)
        if item.box is not None:
            anchor = (self.factor * item.box[0], self.factor * item.box[1])
        return f"{name_of(item)}{sure}", anchor or (8.0, 8.0 + 30 * index), tone(index).strong

    def anchor(self, item: SceneObject | None) -> Point | None:
        """Where the object's middle appears."""
        if item is None:
            return None
        centre = centre_in("camera", self.scene, item)
        seen = None if centre is None else self.seen(centre[None])
        if seen:
            return seen[0]
        if item.box is None:
            return None
        left, top, right, bottom = (self.factor * x for x in item.box)
        return ((left + right) / 2, (top + bottom) / 2)

    def draw_mark(self, mark: Mark) -> None:
        ends = [self.anchor(self.scene.object(name)) for name in mark.ids]
        points = [p for p in ends if p is not None]
        if len(points) < len(mark.ids) or not points:
            return
        if len(points) == 1:
            points.append((points[0][0], float(self.size[1]) - self.width))
        self.line(points[:2], INK, self.width)
        middle = ((points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2)
        self.draw_label(mark.text, middle, INK)

    def draw_label(self, text: str, at: Point, colour: str) -> None:
        """Text on a light ground, inside the page and clear of the labels before it."""
        left, top, right, bottom = self.pen.textbbox((0, 0), text, font=self.font)
        width, height = right - left + 10, bottom - top + 8
        x = min(max(at[0], 0), self.size[0] - width)
        y = min(max(at[1] - height, 0), self.size[1] - height)
        while any(x < r and l < x + width and y < b and t < y + height for l, t, r, b in self.taken):  # noqa: E741
            y += height + 2
        self.taken.append((x, y, x + width, y + height))
        self.pen.rectangle((x, y, x + width, y + height), fill=GROUND, outline=colour, width=2)
        self.pen.text((x + 5 - left, y + 4 - top), text, fill=colour, font=self.font)


def _with_strip(
    page: Image.Image, captions: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> Image.Image:
    if not captions:
        return page
    pen = ImageDraw.Draw(page)
    lines = [line for caption in captions for line in _wrapped(pen, caption, font, page.width - 24)]
    height = round(1.35 * (pen.textbbox((0, 0), "Ag", font=font)[3] + 2))
    strip = Image.new("RGB", (page.width, page.height + height * len(lines) + 16), GROUND)
    strip.paste(page)
    pen = ImageDraw.Draw(strip)
    pen.line([(0, page.height), (page.width, page.height)], fill=MUTED, width=1)
    for i, line in enumerate(lines):
        pen.text((12, page.height + 8 + i * height), line, fill=INK, font=font)
    return strip


def _wrapped(
    pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and pen.textlength(longer, font=font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
