"""What perception saw in one picture, stage by stage: boxes, masks, depth, camera, fronts, boxes in 3D, and sources."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from genspace.errors import InputError
from genspace.geometry.camera import project
from genspace.geometry.drawing.bodies import name_of
from genspace.geometry.drawing.overlay import overlay
from genspace.geometry.drawing.palette import FRONT, GRID, GROUND, INK, MUTED, UP
from genspace.geometry.perception import is_guess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import Scene, SceneObject

__all__ = ["nearness", "stages"]

_WIDTH = 560
_GAP = 14
_LINE = 19
_GUESSED = FRONT
"""Colour of a source that is a guess."""


class Panel(NamedTuple):
    """One stage: its picture, and what it says under it."""

    title: str
    picture: Image.Image
    lines: Sequence[str]


def stages(image: Image.Image, scene: Scene) -> Image.Image:
    """Return what a scene holds of each stage, side by side; a source that is a guess stands out.

    What a scene does not know is left out of its panel, and said.
    """
    height = round(scene.height * _WIDTH / scene.width)
    base = image.convert("RGB").resize((_WIDTH, height))
    panels = [draw(base, scene) for draw in _PANELS]
    lines = max(len(panel.lines) for panel in panels)
    cell = (_WIDTH, 34 + height + 8 + _LINE * lines)
    columns = 3 if height < 1.2 * _WIDTH else 6
    rows = -(-len(panels) // columns)
    page = Image.new("RGB", (columns * (cell[0] + _GAP) + _GAP, rows * (cell[1] + _GAP) + _GAP), GROUND)
    for i, panel in enumerate(panels):
        page.paste(
            _framed(panel, cell),
            (_GAP + i % columns * (cell[0] + _GAP), _GAP + i // columns * (cell[1] + _GAP)),
        )
    return page


def _framed(panel: Panel, size: tuple[int, int]) -> Image.Image:
    page = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(page)
    pen.text((2, 4), panel.title, fill=INK, font=ImageFont.load_default(20))
    page.paste(
        panel.picture.resize((size[0], round(panel.picture.height * size[0] / panel.picture.width))), (0, 34)
    )
    font = ImageFont.load_default(14)
    top = 34 + round(panel.picture.height * size[0] / panel.picture.width) + 6
    for i, line in enumerate(panel.lines):
        colour = _GUESSED if "guess" in line else MUTED
        while pen.textlength(line, font=font) > size[0] - 4 and len(line) > 4:
            line = f"{line[:-2].rstrip(' …')}…"  # noqa: PLW2901 - shortened until it fits
        pen.text((2, top + i * _LINE), line, fill=colour, font=font)
    return page


def _only(scene: Scene, *fields: str) -> Scene:
    """Return the scene with only some values of its objects."""
    kept = {"id", "label", "rotation_frame", "has_front", *fields}
    objects = tuple(
        item.model_copy(update={key: None for key in type(item).model_fields if key not in kept})
        for item in scene.objects
    )
    return scene.changed(objects=objects)


def _boxes(base: Image.Image, scene: Scene) -> Panel:
    drawn = overlay(base, _only(scene, "box", "detection_confidence"), min_width=1)
    return Panel("Boxes", drawn, _sources(scene.objects, "box") or ["nothing was found"])


def _masks(base: Image.Image, scene: Scene) -> Panel:
    drawn = overlay(base, _only(scene, "mask"), min_width=1)
    return Panel("Masks", drawn, _sources(scene.objects, "mask"))


def _depth(base: Image.Image, scene: Scene) -> Panel:
    try:
        depth = scene.read_depth()
    except InputError:
        depth = None
    if depth is None or not (depth > 0).any():
        return Panel("Depth", Image.new("RGB", base.size, GRID), ["not known"])
    share, near, far = nearness(depth)
    picture = Image.fromarray(_coloured(share, depth > 0)).resize(base.size, Image.Resampling.NEAREST)
    return Panel(
        "Depth",
        picture,
        [f"{near:.3g} m (bright) to {far:.3g} m (dark); grey: not known", scene.depth_source or ""],
    )


def nearness(depth: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, float]:
    """Return how near each pixel is, (h, w) from 0 to 1 on a logarithmic scale, and the depths at 1 and at 0 in metres.

    `depth` is (h, w) metres, 0 where it is unknown, and known somewhere.
    """
    near, far = (float(x) for x in np.percentile(depth[depth > 0], [1, 99]))
    share = np.log(np.where(depth > 0, depth, near) / near) / max(math.log(far / near), 1e-6)
    return 1 - share.clip(0, 1), near, far


def _coloured(share: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return nearness in colours, near bright; grey where it is not known."""
    import matplotlib as mpl

    colours: NDArray[np.uint8] = (mpl.colormaps["viridis"](share)[..., :3] * 255).astype(np.uint8)
    colours[~known] = (204, 209, 214)
    return colours


def _camera(base: Image.Image, scene: Scene) -> Panel:
    """The horizon, and which way is down, a few places wide."""
    camera = scene.camera
    drawn = base.copy()
    lines = []
    if camera.intrinsics is None:
        lines.append("focal length not known")
    else:
        angle = math.degrees(2 * math.atan2(scene.width, 2 * camera.intrinsics.fx))
        lines.append(f"{angle:.0f}° wide, from {camera.intrinsics_source}")
    if camera.pitch_deg is None or camera.roll_deg is None:
        lines.append("which way is down is not known")
    else:
        angles = (round(angle, 1) + 0.0 for angle in (camera.pitch_deg, camera.roll_deg))
        lines.append("pitch {}°, roll {}°, from {}".format(*angles, camera.gravity_source))
        _draw_horizon(drawn, scene)
    return Panel("Camera: horizon and down", drawn, lines)


def _draw_horizon(page: Image.Image, scene: Scene) -> None:
    level, intrinsics = scene.camera.level_from_camera, scene.camera.intrinsics
    if level is None or intrinsics is None:
        return
    known = intrinsics.scaled(page.width / scene.width, page.height / scene.height)
    pen = ImageDraw.Draw(page)
    turns = np.radians(np.linspace(-75, 75, 31))
    around = np.stack([np.sin(turns), np.zeros_like(turns), np.cos(turns)], axis=1) @ level
    horizon = [(float(u), float(v)) for u, v in project(around, known) if np.isfinite(u)]
    if len(horizon) > 1:
        for colour, width in ((GROUND, 5), (FRONT, 3)):
            pen.line(horizon, fill=colour, width=width)
    for turn in np.radians([-20.0, 0.0, 20.0]):
        foot = np.array([[math.sin(turn), drop, math.cos(turn)] for drop in (0.12, 0.4)]) * 3 @ level
        ends = project(foot, known)
        if np.isfinite(ends).all():
            a, b = ((float(u), float(v)) for u, v in ends)
            for colour, width in ((GROUND, 5), (UP, 3)):
                pen.line([a, b], fill=colour, width=width)
            pen.ellipse((b[0] - 5, b[1] - 5, b[0] + 5, b[1] + 5), fill=UP, outline=GROUND)


def _fronts(base: Image.Image, scene: Scene) -> Panel:
    drawn = overlay(base, _only(scene, "centre", "rotation", "extent"), min_width=1)
    lines = []
    for item in scene.objects:
        if item.has_front is False:
            said = "no front"
        elif item.rotation is None:
            said = "front not known"
        else:
            sure = "" if item.rotation_confidence is None else f" {item.rotation_confidence:.0%}"
            said = f"front{sure}, from {(item.sources and item.sources.rotation) or 'the scene file'}"
        lines.append(f"{name_of(item)}: {said}")
    return Panel("Fronts (orange), up (green), right (blue)", drawn, _few(lines))


def _solids(base: Image.Image, scene: Scene) -> Panel:
    drawn = overlay(base, _only(scene, "centre", "rotation", "extent", "surface_mean"), min_width=1)
    lines = []
    for item in scene.objects:
        if item.centre is None:
            lines.append(f"{name_of(item)}: place not known")
            continue
        size = (
            "size not known" if item.extent is None else "{:.2f} by {:.2f} by {:.2f} m".format(*item.extent)
        )
        guess = ", a guess" if item.sources and is_guess(item.sources.centre) else ""
        lines.append(f"{name_of(item)}: {math.hypot(*item.centre):.2f} m away{guess}, {size}")
    return Panel("Boxes in 3D (front, up, right)", drawn, _few(lines))


def _sources(items: Sequence[SceneObject], key: str) -> list[str]:
    """Say where a value of the objects comes from, objects of one source together."""
    by_source: dict[str, list[str]] = {}
    for item in items:
        if getattr(item, key) is not None:
            source = (getattr(item.sources, key) if item.sources else None) or "the scene file"
            by_source.setdefault(source, []).append(name_of(item))
    return _few([f"{', '.join(names)}: {source}" for source, names in by_source.items()])


def _few(lines: list[str], most: int = 6) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"… and {len(lines) - most + 1} more"]


_PANELS: tuple[Callable[[Image.Image, Scene], Panel], ...] = (
    _boxes,
    _masks,
    _depth,
    _camera,
    _fronts,
    _solids,
)
