"""Draw a probe with mitsuba: path-traced, textured, soft shadows. The truth comes from `truth.py`."""

from __future__ import annotations

import logging
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genspace.errors import optional_import
from genspace.geometry.probes._parts import Paint
from genspace.geometry.probes.backdrops import BACKDROPS, TILE_M, Surface, panorama, surfaces, texture
from genspace.geometry.probes.scenes import ProbeScene, corners

if TYPE_CHECKING:
    import trimesh

__all__ = ["draw", "mitsuba_variant", "object_meshes", "scene_surfaces", "try_out"]

SMOOTH_ANGLE_RAD = 0.6
"""Edges sharper than this stay edges; flatter ones are shaded round."""


FAST, PORTABLE = "llvm_ad_rgb", "scalar_rgb"
_log = logging.getLogger("genspace.probes")


@cache
def mitsuba_variant() -> str:
    """Return mitsuba's fastest variant that can draw here: `llvm_ad_rgb` where LLVM works, else `scalar_rgb`.

    Some versions of LLVM load, add numbers, and then abort the whole process on the kernels of a picture (LLVM 15
    does), so a small picture is drawn in a process of its own first.
    Errors: `MissingExtraError` without mitsuba.
    """
    optional_import("mitsuba", extra="render", needed_for="drawing probes")
    tried = subprocess.run(  # noqa: S603 - this interpreter, code of this module
        [sys.executable, "-c", f"from {__name__} import try_out; try_out()"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if tried.returncode == 0:
        return FAST
    lines = [line for line in tried.stderr.splitlines() if line.strip()]
    if "could not be found" not in tried.stderr:
        _log.warning(
            "LLVM cannot draw here (%s); drawing with mitsuba's slower variant. LLVM 16 or newer works: on Debian "
            "apt-get install libllvm19",
            lines[0] if lines else f"exit status {tried.returncode}",
        )
    return PORTABLE


def try_out() -> None:
    """Draw a small picture with LLVM; the process ends with an error, or aborts, where that cannot be done."""
    from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera

    ball = PlacedObject(id="ball", category="ball", look=0, ground_xz=(0.0, 2.0), heading_deg=0.0)
    camera = ProbeCamera(size=16, fov_deg=50.0, pitch_deg=-10.0, roll_deg=0.0, height_m=1.0)
    scene = ProbeScene(camera=camera, objects=(ball,), backdrop=next(iter(BACKDROPS)), seed=0)
    draw(scene, samples=1, threads=1, variant=FAST)


def object_meshes(scene: ProbeScene) -> list[list[tuple[trimesh.Trimesh, Paint]]]:
    """Return each object's painted meshes in level coordinates with the camera at the origin."""
    placed_meshes = []
    for placed in scene.objects:
        rotation, centre = placed.level_from_object, placed.centre(scene.camera)
        meshes = []
        for part in placed.model.parts:
            mesh = part.mesh.copy()
            mesh.vertices = (mesh.vertices * placed.scale) @ rotation.T + centre
            meshes.append((mesh, part.paint))
        placed_meshes.append(meshes)
    return placed_meshes


def scene_surfaces(scene: ProbeScene) -> list[Surface]:
    """Return the backdrop's rectangles, ground at y = 0 (add the camera height for level coordinates)."""
    boxes = np.vstack([corners(placed, scene.camera) for placed in scene.objects])
    unit = max(float(placed.extent.max()) for placed in scene.objects)
    return surfaces(BACKDROPS[scene.backdrop], far_m=float(boxes[:, 2].max()), unit_m=unit, seed=scene.seed)


def draw(
    scene: ProbeScene, *, samples: int = 32, threads: int | None = None, variant: str | None = None
) -> NDArray[np.uint8]:
    """Return the picture (size, size, 3) as sRGB bytes; `threads` None: mitsuba takes every core.

    `variant` is mitsuba's; None: `mitsuba_variant()`.

    Errors: `MissingExtraError` without mitsuba.
    """
    mi: Any = optional_import("mitsuba", extra="render", needed_for="drawing probes")
    mi.set_variant(variant or mitsuba_variant())
    if threads is not None:
        optional_import("drjit", extra="render", needed_for="drawing probes").set_thread_count(threads)
    # mitsuba's world: y up; level turned half round x
    flip = np.array([1.0, -1.0, -1.0])
    camera = scene.camera
    axes = camera.level_from_camera * flip[:, None]
    description: dict[str, Any] = {
        "type": "scene",
        "integrator": {"type": "path", "max_depth": 4},
        "sensor": {
            "type": "perspective",
            "fov": camera.fov_deg,
            "fov_axis": "x",
            "near_clip": 0.01,
            "far_clip": 5000.0,
            "to_world": mi.ScalarTransform4f().look_at(
                origin=[0, 0, 0], target=axes[:, 2].tolist(), up=(-axes[:, 1]).tolist()
            ),
            "film": {
                "type": "hdrfilm",
                "width": camera.size,
                "height": camera.size,
                "pixel_format": "rgb",
                "rfilter": {"type": "gaussian"},
            },
            "sampler": {"type": "multijitter", "sample_count": samples},
        },
        "sky": {
            "type": "envmap",
            "bitmap": mi.Bitmap(panorama(BACKDROPS[scene.backdrop], scene.seed)),
        },
    }
    ground = np.array([0, camera.height_m, 0])
    for i, surface in enumerate(scene_surfaces(scene)):
        quad = (surface.quad + ground) * flip
        lengths = np.linalg.norm([surface.along, surface.up], axis=1) / TILE_M[surface.pattern]
        uv = np.array([[0, 0], [lengths[0], 0], lengths, [0, lengths[1]]])
        bsdf = {
            "type": "twosided",
            "bsdf": {
                "type": "diffuse",
                "reflectance": {
                    "type": "bitmap",
                    "bitmap": mi.Bitmap(texture(surface.pattern, surface.paint, scene.seed)),
                    "raw": True,
                },
            },
        }
        description[f"surface{i}"] = _mesh(quad, np.array([[0, 1, 2], [0, 2, 3]]), None, bsdf, uv)
    for i, meshes in enumerate(object_meshes(scene)):
        for j, (mesh, paint) in enumerate(meshes):
            smooth = optional_import(
                "trimesh", extra="render", needed_for="drawing probes"
            ).graph.smooth_shade(mesh, angle=SMOOTH_ANGLE_RAD)
            description[f"object{i}_{j}"] = _mesh(
                smooth.vertices * flip, smooth.faces, smooth.vertex_normals * flip, _bsdf(paint)
            )
    image = np.array(mi.render(mi.load_dict(description), spp=samples, seed=scene.seed % 2**31))
    return _developed(image)


def _mesh(vertices: Any, faces: Any, normals: Any, bsdf: dict[str, Any], uv: Any = None) -> Any:
    import mitsuba as mi

    properties = mi.Properties()
    properties["mesh_bsdf"] = mi.load_dict(bsdf)
    mesh = mi.Mesh(
        "mesh",
        len(vertices),
        len(faces),
        has_vertex_normals=normals is not None,
        has_vertex_texcoords=uv is not None,
        props=properties,
    )
    parameters = mi.traverse(mesh)
    parameters["vertex_positions"] = np.ravel(vertices).astype(np.float32)
    parameters["faces"] = np.ravel(faces).astype(np.uint32)
    if normals is not None:
        parameters["vertex_normals"] = np.ravel(normals).astype(np.float32)
    if uv is not None:
        parameters["vertex_texcoords"] = np.ravel(uv).astype(np.float32)
    parameters.update()
    return mesh


def _bsdf(paint: Paint) -> dict[str, Any]:
    """Return mitsuba's material of a paint."""
    colour = {"type": "rgb", "value": list(paint.linear_rgb)}
    material = {
        "matte": {"roughness": 0.9, "specular": 0.2},
        "satin": {"roughness": 0.45, "specular": 0.45},
        "gloss": {"roughness": 0.3, "specular": 0.5, "clearcoat": 0.8, "clearcoat_gloss": 0.9},
        "metal": {"roughness": 0.32, "metallic": 0.85},
        "glass": {"roughness": 0.12, "specular": 0.7, "clearcoat": 1.0, "clearcoat_gloss": 0.95},
        "lit": {"roughness": 0.35, "specular": 0.3},
    }[paint.finish]
    return {"type": "twosided", "bsdf": {"type": "principled", "base_color": colour, **material}}


def _developed(radiance: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Expose by the mean luminance, roll off the highlights, and encode as sRGB."""
    light = radiance @ np.array([0.2126, 0.7152, 0.0722])
    exposed = np.maximum(
        radiance * (0.36 / max(float(np.mean(np.minimum(light, np.percentile(light, 97)))), 1e-6)), 0
    )
    # a soft shoulder from 0.7 keeps bright paint from burning out
    mapped = np.where(exposed < 0.7, exposed, 0.7 + 0.3 * (1 - np.exp(-(exposed - 0.7) / 0.3)))
    encoded = np.where(mapped <= 0.0031308, 12.92 * mapped, 1.055 * mapped ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(encoded * 255 + 0.5, 0, 255), np.uint8)
