"""An object turns one of its sides to the camera: measured as `camera_pose` is, asked about the object."""

from __future__ import annotations

import math
from dataclasses import replace

from genspace.geometry.predicates import camera_pose
from genspace.geometry.probes.planning import Draw, Layout

__all__ = ["PREDICATE"]


def turn_round(draw: Draw) -> Layout:
    """The object turns on the spot until the camera sees a side of it."""
    after = camera_pose.camera_goes_round(draw)
    (thing,) = after.things
    start = draw.one_of(-135, -45, 45, 135) + draw.between(-10, 10)
    toward = math.degrees(math.atan2(after.eye.x - thing.x, after.eye.z - thing.z))
    turned = replace(thing, heading_deg=toward - start)
    return after.edited(things_before=(turned,), eye_before=after.eye)


_PLANS = tuple(
    replace(plan, sub_domain="object_pose", call=plan.call.replace("camera_pose", "object_pose"))
    for plan in camera_pose.PREDICATE.probes
)

PREDICATE = replace(
    camera_pose.PREDICATE,
    name="object_pose",
    probes=tuple(replace(p, arrange=turn_round, camera="static") if p.task == "edit" else p for p in _PLANS),
    rank=2,
)
