"""The same objects from another side: the camera moves around them, nothing else changes."""

from __future__ import annotations

import math
from dataclasses import replace

from genspace.geometry.frames import wrap_deg
from genspace.geometry.probes.sampler import least_visible
from genspace.geometry.probes.scenes import ProbeScene

__all__ = ["ORBIT", "orbited", "seen_from_elsewhere"]

ORBIT = "-orbit"
"""What the name of a picture from another side ends with."""


def orbited(scene: ProbeScene, angle_deg: float) -> ProbeScene:
    """Return the scene with its camera turned by an angle about the vertical through the middle of the objects.

    In the camera's level frame the objects turn about their middle by as much; what one is to another stays.

    Args:
        scene: as it was drawn.
        angle_deg: degrees; positive moves the camera to its right, so that it sees more of what was on the right.

    >>> from genspace.geometry.probes.sampler import sample_probe
    >>> scene = sample_probe("t2i-allocentric-left", 0, 4).scene
    >>> again = orbited(orbited(scene, 40), -40)
    >>> all(math.dist(a.ground_xz, b.ground_xz) < 1e-9 for a, b in zip(scene.objects, again.objects, strict=True))
    True
    """
    n = len(scene.objects)
    middle_x, middle_z = (sum(placed.ground_xz[axis] for placed in scene.objects) / n for axis in (0, 1))
    sin, cos = math.sin(math.radians(angle_deg)), math.cos(math.radians(angle_deg))
    turned = []
    for placed in scene.objects:
        x, z = placed.ground_xz[0] - middle_x, placed.ground_xz[1] - middle_z
        turned.append(
            replace(
                placed,
                ground_xz=(middle_x + x * cos + z * sin, middle_z - x * sin + z * cos),
                heading_deg=wrap_deg(placed.heading_deg + angle_deg),
            )
        )
    return replace(scene, objects=tuple(turned))


def seen_from_elsewhere(scene: ProbeScene, angle_deg: float, min_visible: float) -> ProbeScene | None:
    """Return the scene from another side, from the right or else from the left; None where both hide too much.

    Args:
        scene: as it was drawn.
        angle_deg: how far the camera moves.
        min_visible: share of each object that must be seen, as of a probe of the same plan.
    """
    both = (orbited(scene, sign * angle_deg) for sign in (1, -1))
    return next((moved for moved in both if least_visible(moved) >= min_visible), None)
