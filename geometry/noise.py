"""Put stated errors of perception on scenes: how good must a part be for the rules to agree with the truth?

Every error is drawn from the seed and the scene's name, so that a scene is disturbed alike on every machine and by
every judge with the same noise.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, fields

import numpy as np

from genspace.errors import InputError, did_you_mean
from genspace.geometry.frames import orthonormalise
from genspace.geometry.scene import Camera, Pair, Scene, SceneObject

__all__ = ["NONE", "TYPICAL", "Noise", "disturbed", "parse_noise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Sizes of the errors: standard deviations, or shares of objects.

    >>> print(Noise(azimuth=10, flipped=0.6).scaled(2))
    azimuth=20,flipped=1
    """

    depth: float = 0.0
    """Scale of all depths of an image: standard deviation of its logarithm (0.1: about 10 %)."""
    relative_depth: float = 0.0
    """Depth of each object against the others: standard deviation of the logarithm."""
    azimuth: float = 0.0
    """Heading of each object, degrees."""
    flipped: float = 0.0
    """Share of objects whose front is taken for their back."""
    focal: float = 0.0
    """Focal length: standard deviation of its logarithm."""
    gravity: float = 0.0
    """Pitch and roll of the camera, degrees each."""
    missed: float = 0.0
    """Share of objects that are not found."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            top = 1.0 if field.name in {"flipped", "missed"} else math.inf
            if not 0 <= value <= top or not math.isfinite(value):
                raise InputError(
                    f"noise {field.name} = {value!r}: expected a number from 0{'' if top > 1 else ' to 1'}"
                )

    def alone(self) -> dict[str, Noise]:
        """Return one noise for each error that is not 0, by the error's name."""
        return {
            f.name: Noise(**{f.name: getattr(self, f.name)}) for f in fields(self) if getattr(self, f.name)
        }

    def scaled(self, factor: float) -> Noise:
        """Return all errors times a factor; shares stay at most 1."""
        values = {f.name: getattr(self, f.name) * factor for f in fields(self)}
        return Noise(**{k: min(v, 1.0) if k in {"flipped", "missed"} else v for k, v in values.items()})

    def __str__(self) -> str:
        return (
            ",".join(f"{f.name}={getattr(self, f.name):g}" for f in fields(self) if getattr(self, f.name))
            or "none"
        )


NONE = Noise()
TYPICAL = Noise(
    depth=0.10, relative_depth=0.05, azimuth=12.0, flipped=0.03, focal=0.12, gravity=3.0, missed=0.04
)
"""Errors of the size that published estimators state for ordinary photographs; a stand-in, not a measurement."""
_NAMED = {"none": NONE, "typical": TYPICAL, "half": TYPICAL.scaled(0.5), "double": TYPICAL.scaled(2.0)}


def parse_noise(text: str) -> Noise:
    """Return the noise that a text names: none, half, typical, double, or `azimuth=10,depth=0.1`.

    Errors: `InputError` with the closest known name.

    >>> parse_noise("azimuth=10,depth=0.1")
    Noise(depth=0.1, relative_depth=0.0, azimuth=10.0, flipped=0.0, focal=0.0, gravity=0.0, missed=0.0)
    """
    if text in _NAMED:
        return _NAMED[text]
    known = [f.name for f in fields(Noise)]
    given: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(f"unknown noise {text!r}{did_you_mean(text, [*_NAMED, *known])}")
        if name not in known:
            raise InputError(f"unknown error {name!r} in noise {text!r}{did_you_mean(name, known)}")
        try:
            given[name] = float(value)
        except ValueError:
            raise InputError(f"noise {name} = {value!r}: expected a number") from None
    return Noise(**given)


def disturbed(scene: Scene | Pair, noise: Noise, *, name: str, seed: int = 0) -> Scene | Pair:
    """Return the scene as a perception with these errors would have seen it.

    `name` and `seed` give the errors; both images of a pair share the camera's errors and each object's, as one
    estimator would make much the same mistake twice, but each image has its own scale.

    >>> from genspace.geometry.scene import Scene
    >>> scene = Scene(width=100, height=50, objects=({"id": "cat", "centre": (1, 0, 3)},))
    >>> disturbed(scene, Noise(missed=1.0), name="item-1").objects
    ()
    """
    if isinstance(scene, Pair):
        before = _disturbed(scene.before, noise, name=name, image="before", seed=seed)
        after = _disturbed(scene.after, noise, name=name, image="after", seed=seed)
        scale = scene.depth_scale
        if scale is not None:
            scale *= _scale(noise, name, "before", seed) / _scale(noise, name, "after", seed)
        return scene.changed(before=before, after=after, depth_scale=scale)
    return _disturbed(scene, noise, name=name, image="after", seed=seed)


def _stream(seed: int, *key: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(part.encode()) for part in key)])


def _scale(noise: Noise, name: str, image: str, seed: int) -> float:
    return math.exp(noise.depth * _stream(seed, name, image, "depth").normal())


def _disturbed(scene: Scene, noise: Noise, *, name: str, image: str, seed: int) -> Scene:
    camera_errors = _stream(seed, name, "camera").normal(size=3)
    focal = math.exp(noise.focal * camera_errors[0])
    scale = _scale(noise, name, image, seed)
    objects = []
    for item in scene.objects:
        rng = _stream(seed, name, item.id)
        missed, flipped = rng.uniform(size=2)
        near, turn = rng.normal(size=2)
        if missed < noise.missed:
            continue
        angle = noise.azimuth * turn + (180.0 if flipped < noise.flipped else 0.0)
        objects.append(_seen(item, scale * math.exp(noise.relative_depth * near), focal, angle))
    return scene.changed(
        objects=tuple(objects),
        camera=_camera(scene.camera, focal, noise.gravity * camera_errors[1:]),
        depth_scale=scene.depth_scale * scale,
    )


def _camera(camera: Camera, focal: float, tilt_deg: np.ndarray) -> Camera:
    def plus(value: float | None, error: float) -> float | None:
        return None if value is None else value + float(error)

    def times(value: float | None) -> float | None:
        return None if value is None else value * focal

    return camera.changed(
        fx=times(camera.fx),
        fy=times(camera.fy),
        pitch_deg=plus(camera.pitch_deg, tilt_deg[0]),
        roll_deg=plus(camera.roll_deg, tilt_deg[1]),
    )


def _seen(item: SceneObject, scale: float, focal: float, angle_deg: float) -> SceneObject:
    """One object with its depth scaled, its sideways place by the wrong focal length, and its heading turned.

    A pixel at depth z lies at (u - c) z / f, so a focal length that is too long by a factor draws everything nearer
    to the axis by that factor. Sizes follow their axes' directions.
    """
    stretch = scale * np.array([1 / focal, 1 / focal, 1.0])
    centre, mean = (v and tuple(map(float, np.array(v) * stretch)) for v in (item.centre, item.surface_mean))
    extent, rotation = item.extent and tuple(float(e * scale) for e in item.extent), None
    if item.rotation is not None:
        axes = np.array(item.rotation)
        if item.extent is not None and item.rotation_frame == "camera":
            extent = tuple(float(e * np.linalg.norm(axes[:, i] * stretch)) for i, e in enumerate(item.extent))
        c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
        turned = orthonormalise(axes @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))
        rotation = tuple(tuple(map(float, row)) for row in turned)
    changes = {"centre": centre, "surface_mean": mean, "extent": extent, "rotation": rotation}
    return item.model_copy(update=changes)
