"""Sample scenes for each predicate: draw the error, vary everything else, and know the truth from what was built.

The truth never comes from the predicate code: a probe is placed with a chosen error ("B stands at bearing 37 degrees",
"the centres are 1.3 m apart") and its answer follows from that error and the tolerance that the benchmark states.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from genspace.errors import InputError, did_you_mean
from genspace.geometry.benchmark import instruction
from genspace.geometry.frames import wrap_deg
from genspace.geometry.probes.backdrops import BACKDROPS
from genspace.geometry.probes.kinds import HARD, USUAL, Deal, Shares, deal, draw_error, is_clear
from genspace.geometry.probes.objects import CATALOGUE, Scale
from genspace.geometry.probes.planning import Draw, Eye, Layout, Plan, Thing, UnfitError, are_clear
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene, corners, project
from genspace.geometry.probes.truth import cast

__all__ = ["Probe", "sample_probe"]

Floats = NDArray[np.float64]

MARGIN_PX = 3
"""Objects stay this far inside the picture: nearer to the border, judges may take them as cut."""
ATTEMPTS = 400
COARSE = 96
"""Size in pixels at which visibility is looked at while scenes are tried."""
ORDINARY_DEG = 44.0, 64.0
"""Fields of view that people expect of a photograph: through another lens nobody sees how far away something is."""
SMALLEST = 0.08
"""Share of the picture's width that an object spans at least where a clear probe asks for its sides: of a smaller one
people do not see which way it faces."""
SHOWN = {"cut": (0.3, 0.85), "hidden": (0.06, 0.23)}
"""Least and most of its least visible object that a kind of probe shows; of one almost hidden nobody sees the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A scene, or two for an edit, and the truth about one predicate.

    >>> from genspace.geometry.probes.plans import PLANS
    >>> from genspace.geometry.probes.scenes import ProbeCamera
    >>> camera = ProbeCamera(size=512, fov_deg=90, pitch_deg=0, roll_deg=0, height_m=1.5)
    >>> probe = Probe(
    ...     item_id="t2i-allocentric-left-0", plan=PLANS["t2i-allocentric-left"], kind="clear",
    ...     scene=ProbeScene(camera=camera, objects=(), backdrop="meadow", seed=0), before=None,
    ...     predicate="allocentric(cow, dog, relation=left)", prompt="a dog to the left of a cow", true_value=-90.0,
    ...     error=0.0, truth=True, true_variant="left", egocentric_answer=None,
    ... )
    >>> probe.kind, probe.truth
    ('clear', True)
    """

    item_id: str
    plan: Plan
    kind: str
    """One of `genspace.geometry.probes.kinds.KINDS`."""
    scene: ProbeScene
    before: ProbeScene | None
    predicate: str
    prompt: str
    true_value: float | None
    """True value of the quantity that the plan varies; None where it has none."""
    error: float | None
    """How far it is from the wanted value, in the unit of the tolerance; None for contrast and frontless probes."""
    truth: bool | None
    """None where sides are asked of a thing without a front."""
    true_variant: str
    """The variant that is shown."""
    egocentric_answer: bool | None
    """What a reader answers who takes the sides as the camera's, not the object's; None where the question has none."""


def sample_probe(
    plan: str | Plan, index: int, count: int, *, seed: int = 0, size: int = 512, shares: Shares = USUAL
) -> Probe:
    """Return probe `index` of the `count` of a plan; the same arguments give the same probe on every machine.

    `shares` says of which kinds the probes are. The errors of the graded ones lie one in each of as many equal parts of
    the plan's spread, in an order that is shuffled by the seed.

    Errors: `InputError` for an unknown plan.

    >>> probe = sample_probe("t2i-allocentric-left", 0, 4)
    >>> probe == sample_probe("t2i-allocentric-left", 0, 4), len(probe.scene.objects)
    (True, 2)
    """
    if isinstance(plan, str):
        if plan not in PLANS:
            raise InputError(f"unknown probe plan {plan!r}{did_you_mean(plan, PLANS)}")
        plan = PLANS[plan]
    dealt = deal(plan, index, count, shares)
    # what cannot be hidden, or has no thing without a front, is cut
    for kind in dict.fromkeys((dealt.kind, "cut" if dealt.kind in HARD else dealt.kind)):
        for attempt in range(ATTEMPTS * (5 if kind in HARD else 1)):  # few scenes cut or hide just enough
            rng = np.random.default_rng([seed, zlib.crc32(plan.name.encode()), index, attempt])
            try:
                return _build(plan, replace(dealt, kind=kind), rng, index=index, seed=seed, size=size)
            except UnfitError:
                continue
    raise RuntimeError(f"{plan.name}: no scene found for probe {index} in {ATTEMPTS} attempts")


def _build(plan: Plan, dealt: Deal, rng: np.random.Generator, *, index: int, seed: int, size: int) -> Probe:
    kind, variant, target = dealt.kind, plan.variant, plan.target
    if kind == "contrast":
        variant = plan.contrast[index % len(plan.contrast)]
        target = plan.angles.get(variant, plan.target)
    error = draw_error(plan, dealt, rng, seed=seed)
    sign = float(rng.choice([-1, 1])) if plan.signed else 1.0
    by_factor = plan.unit == "log ratio" and plan.signed
    layout = plan.arrange(
        Draw(
            rng=rng,
            variant=variant,
            error=0.0 if by_factor else error * (target if plan.relative else 1.0),
            sign=sign,
            target=target * math.exp(sign * error) if by_factor else target,
            frontless=kind == "frontless",
            plain=kind == "clear",
        )
    )
    camera_seed = int(rng.integers(2**31))
    both = [things for things in (layout.things, layout.things_before) if things is not None]
    if not all(are_clear(things) for things in both):
        raise UnfitError
    catalogued = [CATALOGUE[t.category] for t in layout.things]
    if kind == "frontless" and all(entry.has_front for entry in catalogued):
        raise UnfitError
    scales: tuple[Scale, ...] = ("tabletop", "room", "street")
    scale = max((entry.scale for entry in catalogued), key=scales.index)
    backdrop = str(rng.choice([name for name, b in BACKDROPS.items() if scale in b.scales]))
    shown = {"cut": kind == "cut", "ordinary": kind not in {"graded", "contrast"}}
    scenes = _shoot(layout, rng, size=size, backdrop=backdrop, seed=camera_seed, **shown)
    if not _seen_as(kind, plan, scenes):
        raise UnfitError
    names = [t.name for t in layout.things]
    true_value = layout.true_value
    if layout.measured is not None:
        true_value = layout.measured(scenes[0])
        error = plan.target - true_value
        if kind not in {"graded", "contrast"} and not (is_clear(plan, error) and (error < 0) == dealt.yes):
            raise UnfitError
    mistaken = None if plan.mistaken is None else plan.mistaken(scenes[0], true_value)
    known = kind != "frontless"
    return Probe(
        item_id=f"{plan.name}-{index:03d}",
        plan=plan,
        kind=kind,
        scene=scenes[0],
        before=scenes[1] if len(scenes) > 1 else None,
        predicate=plan.call.format(*names),
        prompt=instruction(plan.predicate, plan.task, plan.variant, names),
        true_value=true_value if known else None,
        error=error if known and kind != "contrast" else None,
        truth=kind != "contrast" and error <= plan.inner if known else None,
        true_variant=variant,
        egocentric_answer=abs(wrap_deg(mistaken - plan.target)) <= plan.inner
        if known and mistaken is not None
        else None,
    )


def _seen_as(kind: str, plan: Plan, scenes: Sequence[ProbeScene]) -> bool:
    """Whether both scenes of an edit show as much of each object as this kind of probe needs."""
    if kind == "clear" and plan.about_sides and min(map(_smallest, scenes)) < SMALLEST:
        return False
    if kind not in SHOWN:
        return all(least_visible(scene) >= plan.min_visible for scene in scenes)
    if kind == "hidden" and _covered(scenes[0]) < 0.7:
        return False  # casting rays takes most of the time
    (least, most), truth = SHOWN[kind], cast(scenes[0], size=COARSE)
    at_the_border = any(truth.is_truncated(index) for index in range(len(scenes[0].objects)))
    return (
        at_the_border == (kind == "cut")
        and least <= min(truth.visible_fraction) <= most
        and all(least_visible(before) >= least for before in scenes[1:])
    )


def least_visible(scene: ProbeScene) -> float:
    """Return the visible share of the least visible object. Rays are cast only where one may hide another, or is cut.

    >>> least_visible(sample_probe("t2i-allocentric-left", 0, 4).scene) > 0.4
    True
    """
    if _is_whole(scene) and _covered(scene) == 0:
        return 1.0
    return min(cast(scene, size=COARSE).visible_fraction)


def _smallest(scene: ProbeScene) -> float:
    """Return the longer side of the smallest object's box in the picture, as a share of the picture's width."""
    return min(float(np.ptp(box[:, :2], axis=0).max()) for box in _boxes(scene)) / scene.camera.size


def _covered(scene: ProbeScene) -> float:
    """Return the largest share of an object's box in the picture that another's box covers."""
    outlines = [(box.min(0)[:2], box.max(0)[:2]) for box in _boxes(scene)]
    return max(
        (
            float(
                np.prod(np.clip(np.minimum(high, far) - np.maximum(low, near), 0, None)) / np.prod(high - low)
            )
            for i, (low, high) in enumerate(outlines)
            for j, (near, far) in enumerate(outlines)
            if i != j
        ),
        default=0.0,
    )


def _boxes(scene: ProbeScene) -> list[Floats]:
    """Corners (8, 3) of each object in pixels and depth."""
    return [project(corners(placed, scene.camera), scene.camera) for placed in scene.objects]


def _is_whole(scene: ProbeScene) -> bool:
    """Whether every object lies inside the picture."""
    outline = np.vstack(_boxes(scene))[:, :2]
    return bool(
        np.isfinite(outline).all()
        and outline.min() > MARGIN_PX
        and outline.max() < scene.camera.size - MARGIN_PX
    )


def _shoot(
    layout: Layout,
    rng: np.random.Generator,
    *,
    size: int,
    backdrop: str,
    seed: int,
    cut: bool,
    ordinary: bool,
) -> list[ProbeScene]:
    """Return the scene (and the one before) with cameras that see every object whole; with `cut`, one is cut off.

    `ordinary`: through a lens that people expect.
    """
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
    if cut:
        # one edge of the picture goes through an object, however the camera may be turned
        sideways = layout.yaw_deg is None and bool(rng.integers(2))
        past = float(rng.uniform(0.1, 0.6)) * 2 / max(len(layout.things), 2)
    narrowest, widest = (
        (float(rng.uniform(ORDINARY_DEG[0], 56)), ORDINARY_DEG[1]) if ordinary else (24.0, 82.0)
    )
    scenes = []
    for (things, eye), (yaw, rise, half) in zip(views, aims, strict=True):
        fov = max(2 * half * slack, narrowest)
        if fov > widest:
            raise UnfitError
        room = fov / 2 - half
        turned, raised = 0.6 * room * jitter
        if cut and sideways:
            turned = math.copysign(room + past * half, jitter[0])
        elif cut:
            raised = math.copysign(room + past * half, jitter[1])
        camera = ProbeCamera(
            size=size,
            fov_deg=fov,
            pitch_deg=rise + raised,
            roll_deg=roll,
            height_m=eye.height_m,
        )
        scene = ProbeScene(
            camera=camera,
            objects=_placed(things, eye, yaw + turned),
            backdrop=backdrop,
            seed=seed,
        )
        scenes.append(scene)
    if not (cut or all(map(_is_whole, scenes))):
        raise UnfitError
    return scenes


def _aim(things: Sequence[Thing], eye: Eye) -> tuple[float, float, float]:
    """Yaw, pitch and half angle in degrees that take in all boxes."""
    yaws, rises = [], []
    middle = math.degrees(
        math.atan2(np.mean([t.x for t in things]) - eye.x, np.mean([t.z for t in things]) - eye.z)
    )
    camera = ProbeCamera(size=2, fov_deg=60, pitch_deg=0, roll_deg=0, height_m=eye.height_m)
    for placed in _placed(things, eye, middle):
        x, y, z = corners(placed, camera).T
        if (z <= 0).any():
            raise UnfitError
        yaws += list(np.degrees(np.arctan2(x, z)))
        rises += list(np.degrees(np.arctan2(-y, np.hypot(x, z))))
    half = max(np.ptp(yaws), np.ptp(rises)) / 2
    return middle + (min(yaws) + max(yaws)) / 2, (min(rises) + max(rises)) / 2, float(half)


def _placed(things: Sequence[Thing], eye: Eye, yaw_deg: float) -> tuple[PlacedObject, ...]:
    """The things in the level frame of a camera that looks along `yaw_deg`."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    placed = []
    for t in things:
        east, north = t.x - eye.x, t.z - eye.z
        placed.append(
            PlacedObject(
                id=t.name,
                category=t.category,
                look=t.look,
                ground_xz=(east * c - north * s, east * s + north * c),
                heading_deg=wrap_deg(t.heading_deg - yaw_deg),
                scale=t.scale,
            )
        )
    return tuple(placed)
