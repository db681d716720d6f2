"""Scenes for each predicate: the error is drawn evenly, everything else is varied, and the truth is what was built.

The truth never comes from the predicate code: a probe is placed with a chosen error ("B stands at bearing 37 degrees",
"the centres are 1.3 m apart") and its answer follows from that error and the tolerance that the benchmark states.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genspace.errors import InputError, did_you_mean
from genspace.geometry.benchmark import instruction
from genspace.geometry.frames import wrap_deg
from genspace.geometry.probes.backdrops import BACKDROPS
from genspace.geometry.probes.objects import CATALOGUE, Scale
from genspace.geometry.probes.planning import Draw, Eye, Layout, Plan, Thing, UnfitError, are_clear
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.scenes import Camera, Placed, ProbeScene, corners, project
from genspace.geometry.probes.truth import cast

__all__ = ["Probe", "sample_probe"]

MARGIN_PX = 3
"""Objects stay this far inside the picture: nearer to the border, judges may take them as cut."""
ATTEMPTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A scene, or two for an edit, and the truth about one predicate."""

    item_id: str
    plan: Plan
    kind: str
    """"graded": the error is spread evenly; "contrast": another variant of the predicate is what is shown."""
    scene: ProbeScene
    before: ProbeScene | None
    predicate: str
    prompt: str
    true_value: float
    """True value of the quantity that the plan varies."""
    error: float | None
    """How far it is from the wanted value, in the unit of the tolerance; None for contrast probes."""
    truth: bool
    true_variant: str
    """The variant that is shown."""
    egocentric_answer: bool | None
    """What a reader answers who takes the sides as the camera's, not the object's; None where the question has none."""


def sample_probe(
    plan: str | Plan, index: int, count: int, *, seed: int = 0, size: int = 512, contrast_share: float = 0.2
) -> Probe:
    """Return probe `index` of the `count` of a plan; the same arguments give the same probe on every machine.

    Of a plan with sides the last `contrast_share` of its probes show another side; the others are graded: their
    errors lie one in each of as many equal parts of the plan's spread, in an order that is shuffled by the seed.

    Errors: `InputError` for an unknown plan.
    """
    if isinstance(plan, str):
        if plan not in PLANS:
            raise InputError(f"unknown probe plan {plan!r}{did_you_mean(plan, PLANS)}")
        plan = PLANS[plan]
    key = zlib.crc32(plan.name.encode())
    contrasts = round(count * contrast_share) if plan.contrast else 0
    graded = count - contrasts
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([seed, key, index, attempt])
        try:
            return _build(plan, index, graded, rng, seed=seed, key=key, size=size)
        except UnfitError:
            continue
    raise RuntimeError(f"{plan.name}: no scene found for probe {index} in {ATTEMPTS} attempts")


def _build(
    plan: Plan, index: int, graded: int, rng: np.random.Generator, *, seed: int, key: int, size: int
) -> Probe:
    contrast = index >= graded
    variant, target, error = plan.variant, plan.target, 0.0
    if contrast:
        variant = plan.contrast[index % len(plan.contrast)]
        target = plan.angles.get(variant, plan.target)
        error = float(rng.uniform(0, 0.6 * min(plan.inner, 15)))
    else:
        order = np.random.default_rng([seed, key]).permutation(graded)
        low, high = plan.spread
        error = low + (high - low) * (float(order[index]) + float(rng.uniform())) / graded
    sign = float(rng.choice([-1, 1])) if plan.signed else 1.0
    if plan.unit == "log ratio" and plan.signed:
        draw_target, draw_error = target * math.exp(sign * error), 0.0
    else:
        draw_target, draw_error = target, error * (target if plan.relative else 1.0)
    layout = plan.arrange(Draw(rng=rng, variant=variant, error=draw_error, sign=sign, target=draw_target))
    camera_seed = int(rng.integers(2**31))
    both = [things for things in (layout.things, layout.things_before) if things is not None]
    if not all(are_clear(things) for things in both):
        raise UnfitError
    scale: Scale = max(
        (CATALOGUE[t.category].scale for t in layout.things), key=("tabletop", "room", "street").index
    )
    backdrop = str(rng.choice([name for name, b in BACKDROPS.items() if scale in b.scales]))
    scenes = _shoot(layout, rng, size=size, backdrop=backdrop, seed=camera_seed)
    if any(min(_visible(scene)) < plan.min_visible for scene in scenes):
        raise UnfitError
    names = [t.name for t in layout.things]
    true_value = layout.true_value
    if layout.measured is not None:
        true_value = layout.measured(scenes[0])
        error = plan.target - true_value
    mistaken = None if plan.mistaken is None else plan.mistaken(scenes[0], true_value)
    return Probe(
        item_id=f"{plan.name}-{index:03d}",
        plan=plan,
        kind="contrast" if contrast else "graded",
        scene=scenes[0],
        before=scenes[1] if len(scenes) > 1 else None,
        predicate=plan.call.format(*names),
        prompt=instruction(plan.predicate, plan.task, plan.variant, names),
        true_value=true_value,
        error=None if contrast else error,
        truth=not contrast and error <= plan.inner,
        true_variant=variant,
        egocentric_answer=None if mistaken is None else abs(wrap_deg(mistaken - plan.target)) <= plan.inner,
    )


def _visible(scene: ProbeScene) -> tuple[float, ...]:
    """Visible share of each object; one alone, all of it in the picture, needs no rays."""
    return cast(scene, size=96).visible_fraction if len(scene.objects) > 1 else (1.0,)


def _shoot(
    layout: Layout, rng: np.random.Generator, *, size: int, backdrop: str, seed: int
) -> list[ProbeScene]:
    """Return the scene (and the one before) with cameras that see all of every object."""
    jitter = rng.uniform(-1, 1, 2)
    roll = float(np.clip(rng.normal(scale=3.5), -9, 9))
    slack = float(rng.uniform(1.06, 1.55))
    views = [(layout.things, layout.eye)]
    if layout.things_before is not None and layout.eye_before is not None:
        views.append((layout.things_before, layout.eye_before))
    if any(eye.height_m < 0.02 for _, eye in views):
        raise UnfitError
    aims = [_aim(things, eye) for things, eye in views]
    if layout.same_view:
        # one direction and one lens for both pictures, wide enough for either
        yaws, rises, halves = (np.array(column) for column in zip(*aims, strict=True))
        yaw = (
            layout.yaw_deg if layout.yaw_deg is not None else yaws[0] + wrap_deg(float(yaws[1] - yaws[0])) / 2
        )
        rise = float(rises.mean())
        off = max(
            max(abs(wrap_deg(float(y - yaw))), abs(float(p - rise))) + h
            for y, p, h in zip(yaws, rises, halves, strict=True)
        )
        aims = [(float(yaw), rise, float(off))] * len(views)
        jitter *= [layout.yaw_deg is None, 1]
    scenes = []
    for (things, eye), (yaw, rise, half) in zip(views, aims, strict=True):
        fov = max(2 * half * slack, 24.0)
        if fov > 82:
            raise UnfitError
        room = fov / 2 - half
        camera = Camera(
            size=size,
            fov_deg=fov,
            pitch_deg=rise + 0.6 * room * jitter[1],
            roll_deg=roll,
            height_m=eye.height_m,
        )
        scene = ProbeScene(
            camera=camera,
            objects=_placed(things, eye, yaw + 0.6 * room * jitter[0]),
            backdrop=backdrop,
            seed=seed,
        )
        outline = np.vstack([project(corners(p, camera), camera) for p in scene.objects])
        if not (
            np.isfinite(outline).all()
            and outline[:, :2].min() > MARGIN_PX
            and outline[:, :2].max() < size - MARGIN_PX
        ):
            raise UnfitError
        scenes.append(scene)
    return scenes


def _aim(things: Sequence[Thing], eye: Eye) -> tuple[float, float, float]:
    """Yaw, pitch and half angle in degrees that take in all boxes."""
    yaws, rises = [], []
    middle = math.degrees(
        math.atan2(np.mean([t.x for t in things]) - eye.x, np.mean([t.z for t in things]) - eye.z)
    )
    camera = Camera(size=2, fov_deg=60, pitch_deg=0, roll_deg=0, height_m=eye.height_m)
    for placed in _placed(things, eye, middle):
        x, y, z = corners(placed, camera).T
        if (z <= 0).any():
            raise UnfitError
        yaws += list(np.degrees(np.arctan2(x, z)))
        rises += list(np.degrees(np.arctan2(-y, np.hypot(x, z))))
    half = max(np.ptp(yaws), np.ptp(rises)) / 2
    return middle + (min(yaws) + max(yaws)) / 2, (min(rises) + max(rises)) / 2, float(half)


def _placed(things: Sequence[Thing], eye: Eye, yaw_deg: float) -> tuple[Placed, ...]:
    """The things in the level frame of a camera that looks along `yaw_deg`."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    placed = []
    for t in things:
        east, north = t.x - eye.x, t.z - eye.z
        placed.append(
            Placed(
                id=t.name,
                category=t.category,
                look=t.look,
                ground_xz=(east * c - north * s, east * s + north * c),
                heading_deg=wrap_deg(t.heading_deg - yaw_deg),
                scale=t.scale,
            )
        )
    return tuple(placed)
