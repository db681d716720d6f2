"""A scene in 3D: an interactive page that works without a network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from genspace.errors import optional_import
from genspace.geometry.drawing.bodies import EDGES, centre_in, corners, level_of, name_of, rotation_in
from genspace.geometry.drawing.palette import CAMERA, FRONT, GRID, INK, RIGHT, UP, tone
from genspace.geometry.lift import lift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.geometry.scene import Scene, SceneObject

    Points = NDArray[np.float64]

__all__ = ["view3d"]

_MAX_POINTS = 4000
"""Points drawn per object: more do not show, and make the page heavy."""


def view3d(scene: Scene, *, height_px: int = 560) -> str:
    """Return an HTML fragment with the scene in 3D, plotly.js included: boxes, axes, points, camera, ground.

    Needs the extra `render`. Errors: `MissingExtraError` without it; `InputError` for an unreadable side file.
    """
    go = optional_import("plotly.graph_objects", extra="render", needed_for="the 3D view")
    figure = go.Figure()
    extremes = [np.zeros((1, 3))]
    for index, item in enumerate(scene.objects):
        for trace, points in _object(go, scene, item, index):
            figure.add_trace(trace)
            extremes.append(points)
    everything = np.concatenate(extremes)
    size = float(np.ptp(everything, axis=0).max()) or 1.0
    figure.add_trace(_camera(go, scene, 0.12 * size))
    figure.add_trace(_ground(go, everything))
    figure.update_layout(
        height=height_px,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        legend={"x": 0, "y": 1, "bgcolor": "rgba(255,255,255,0.8)"},
        scene={
            **{
                f"{axis}axis": _axis(title)
                for axis, title in zip("xyz", ("right", "away", "up"), strict=True)
            },
            "aspectmode": "data",
            "camera": {"eye": {"x": 1.1, "y": -1.8, "z": 1.0}},
        },
        font={"family": "system-ui, sans-serif", "color": INK},
    )
    html: str = figure.to_html(
        full_html=False, include_plotlyjs=True, config={"displaylogo": False, "responsive": True}
    )
    return html


def _axis(title: str) -> dict[str, Any]:
    return {"title": f"{title} (m)", "backgroundcolor": "#ffffff", "gridcolor": GRID, "zerolinecolor": GRID}


def _shown(points: Points) -> Points:
    """Level coordinates (right, down, away) as the view's (right, away, up)."""
    shown: Points = points[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0])
    return shown


def _lines(go: Any, segments: list[Points], **style: Any) -> Any:
    """One trace of many lines, broken between them."""
    broken = np.full((1, 3), np.nan)
    path = np.concatenate([p for segment in segments for p in (_shown(segment), broken)])
    return go.Scatter3d(x=path[:, 0], y=path[:, 1], z=path[:, 2], mode="lines", **style)


def _object(go: Any, scene: Scene, item: SceneObject, index: int) -> list[tuple[Any, Points]]:
    colour, name = tone(index).strong, name_of(item)
    centre, rotation = centre_in("level", scene, item), rotation_in("level", scene, item)
    group = {"legendgroup": item.id, "hovertemplate": f"{name}<extra></extra>"}
    traces = []
    box = corners("level", scene, item)
    if box is not None:
        edges = _lines(
            go, [box[list(edge)] for edge in EDGES], name=name, line={"color": colour, "width": 5}, **group
        )
        traces.append((edges, _shown(box)))
    elif centre is not None:
        x, y, z = _shown(centre)
        dot = go.Scatter3d(
            x=[x], y=[y], z=[z], name=name, mode="markers", marker={"color": colour, "size": 8}, **group
        )
        traces.append((dot, _shown(centre)[None]))
    if centre is not None and rotation is not None:
        reach = 0.75 * max(item.extent) if item.extent else 0.5
        for axis, (tint, what) in enumerate(((FRONT, "front"), (UP, "up"), (RIGHT, "right"))):
            if axis == 0 and item.has_front is False:
                continue
            ends = np.array([centre, centre + reach * (1.0 if axis == 0 else 0.5) * rotation[:, axis]])
            style = {"color": tint, "width": 8 if axis == 0 else 3}
            shown = {
                "legendgroup": item.id,
                "showlegend": False,
                "hovertemplate": f"{what} of {name}<extra></extra>",
            }
            traces.append((_lines(go, [ends], line=style, **shown), _shown(ends)))
    points = _surface(scene, item)
    if points is not None and len(points):
        seen = _shown(points @ level_of(scene).T)
        marker = {"color": colour, "size": 1.6, "opacity": 0.6}
        x, y, z = seen.T
        cloud = go.Scatter3d(x=x, y=y, z=z, mode="markers", marker=marker, showlegend=False, **group)
        traces.append((cloud, seen))
    return traces


def _surface(scene: Scene, item: SceneObject) -> Points | None:
    """The object's points in the camera frame: its own, else lifted from the scene's depth by its mask."""
    points = scene.read_points(item)
    if points is None and item.mask is not None and (depth := scene.read_depth()) is not None:
        intrinsics = scene.depth_intrinsics(depth)
        if intrinsics is not None and depth.shape == (scene.height, scene.width):
            points = lift(depth, intrinsics, item.mask.decode())
    if points is None:
        return None
    return points[:: max(1, math.ceil(len(points) / _MAX_POINTS))]


def _camera(go: Any, scene: Scene, size: float) -> Any:
    """The camera as the pyramid that its image subtends."""
    known = scene.camera.intrinsics
    wide = (scene.width / 2 / known.fx, scene.height / 2 / known.fy) if known else (0.6, 0.45)
    rim = np.array([[i * wide[0], j * wide[1], 1.0] for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]) * size
    rim = rim @ level_of(scene).T
    apex = np.zeros(3)
    sides = [np.array([apex, corner]) for corner in rim] + [np.vstack([rim, rim[:1]])]
    return _lines(
        go,
        sides,
        name="camera",
        line={"color": CAMERA.strong, "width": 4},
        hovertemplate="camera<extra></extra>",
    )


def _ground(go: Any, everything: Points) -> Any:
    """A faint floor under the lowest point, to see what stands where."""
    (x0, y0, z0), (x1, y1, _) = everything.min(axis=0), everything.max(axis=0)
    room = 0.15 * max(x1 - x0, y1 - y0, 0.5)
    xs, ys = [x0 - room, x1 + room], [y0 - room, y1 + room]
    return go.Surface(
        x=xs,
        y=ys,
        z=np.full((2, 2), z0),
        opacity=0.25,
        showscale=False,
        colorscale=[[0, GRID], [1, GRID]],
        hoverinfo="skip",
    )
