"""Makes the pictures of docs/how-to/probes.md: every object from several sides, and a contact sheet of the quickstart.

Run `python docs/probe_images.py` with the extra `render` installed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from genspace.geometry.probes.objects import CATALOGUE, make_object

HERE = Path(__file__).parent
QUICKSTART = HERE.parent / "examples" / "quickstart" / "images"
VIEWS = {"front": 180.0, "left": -90.0, "right": 90.0, "back": 0.0}
"""Heading of the object for each of its sides to face the camera: its left is seen when it faces image-left."""
SIZE, OVER = 112, 3
LIGHT = np.array([-0.45, 0.75, -0.5])
SHOWN = """
    allocentric-back-000 egocentric-closer-000 camera_pose-front-001 camera_distance-4-000 object_pose-front-001
    allocentric-left-000 intrinsic-face_to_face-000 object_pose-left-000 egocentric-left-001 complex_pose-right-000
    egocentric-right-000 camera_pose-left-001 camera_pose-left-000 object_distance-0.5-001 allocentric-right-001
    egocentric-closer-001 camera_distance-3-001 allocentric-left-001 object_size-bigger-001
    intrinsic-side_by_side_same-000 camera_distance-4-001 intrinsic-back_to_back-000 object_pose-right-001
    object_distance-0.5-000
"""
"""Probes of the quickstart on the contact sheet."""


def view(category: str, heading_deg: float) -> Image.Image:
    """Return one object on white, seen from 12 degrees above."""
    built = make_object(category)
    s, c = np.sin(np.radians(heading_deg)), np.cos(np.radians(heading_deg))
    turn = np.array([[s, 0, c], [0, 1, 0], [c, 0, -s]])  # object to x right, y up, z away
    tilt = np.radians(12)
    lean = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]])
    triangles = built.triangles @ (lean @ turn).T
    colours = np.repeat(
        np.array([part.paint.linear_rgb for part in built.parts]),
        [len(part.mesh.faces) for part in built.parts],
        axis=0,
    )
    scene = EmbreeScene()
    TriangleMesh(scene, triangles.astype(np.float32))
    n = SIZE * OVER
    reach = float(np.abs(triangles.reshape(-1, 3)[:, :2]).max()) * 1.08
    at = ((np.arange(n) + 0.5) / n * 2 - 1) * reach
    y, x = np.meshgrid(-at, at, indexing="ij")
    origins = np.stack([x, y, np.full_like(x, -50.0)], -1).reshape(-1, 3).astype(np.float32)
    hit = scene.run(origins, np.tile(np.array([[0, 0, 1]], np.float32), (n * n, 1)), output=True)
    seen, which = hit["geomID"] >= 0, hit["primID"]
    edges = triangles[:, 1:] - triangles[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    normals *= -np.sign(normals[:, 2:] + 1e-12)  # towards the viewer
    shade = 0.45 + 0.6 * np.clip(normals @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    image: NDArray[np.float64] = np.ones((n * n, 3))
    image[seen] = (colours * shade[:, None])[which[seen]]
    small = image.reshape(SIZE, OVER, SIZE, OVER, 3).mean(axis=(1, 3))
    return Image.fromarray((np.clip(small, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))


def views_sheet() -> Image.Image:
    """Return all objects, two a row, each from its front, left, right and back."""
    font = ImageFont.load_default(13)
    rows = (len(CATALOGUE) + 1) // 2
    sheet = Image.new("RGB", (8 * SIZE + 24, rows * (SIZE + 22)), "white")
    pen = ImageDraw.Draw(sheet)
    for place, category in enumerate(CATALOGUE):
        left, top = (place % 2) * (4 * SIZE + 24), place // 2 * (SIZE + 22)
        for column, (side, heading) in enumerate(VIEWS.items()):
            sheet.paste(view(category, heading), (left + column * SIZE, top + 18))
            label = f"{category}, {side}" if column == 0 else side
            if not CATALOGUE[category].has_front:
                label = f"{category}, no front" if column == 0 else ""
            pen.text((left + column * SIZE + 4, top + 2), label, "#444", font)
    return sheet


def contact_sheet() -> Image.Image:
    """Return probes of the quickstart in which every category is seen."""
    names = SHOWN.split()
    cell, gap, columns = 192, 16, 6  # whole blocks of the format: no fringes
    rows = -(-len(names) // columns)
    sheet = Image.new("RGB", (columns * (cell + gap) - gap, rows * (cell + gap) - gap), "white")
    for place, name in enumerate(names):
        with Image.open(QUICKSTART / f"t2i-{name}.webp") as picture:
            sheet.paste(
                picture.convert("RGB").resize((cell, cell), Image.Resampling.LANCZOS),
                (place % columns * (cell + gap), place // columns * (cell + gap)),
            )
    return sheet


def main() -> None:
    """Write both pictures."""
    views_sheet().save(HERE / "images" / "probe-objects.webp", quality=82, method=6)
    contact_sheet().save(HERE / "images" / "probe-sheet.webp", quality=86, method=6)


if __name__ == "__main__":
    main()
