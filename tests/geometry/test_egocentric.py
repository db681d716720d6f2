"""Left and right as the camera sees them are the picture's own, however far it looks down and whichever way it leans.

The truth is where a pinhole camera projects the objects, after the picture is turned upright: worked out here in a world
of its own (x east, y up, z north), without `genspace.geometry`.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from genspace.geometry.evaluate import evaluate
from genspace.geometry.scene_files import parse_document

FOCAL, MIDDLE = 500.0, 320.0


def camera_at(heading: float, pitch: float, roll: float) -> np.ndarray:
    """Rows: right, down and forward of the camera in the world. Roll > 0 is clockwise."""
    h, p, r = np.radians([heading, pitch, roll])
    forward = np.array([np.cos(p) * np.sin(h), np.sin(p), np.cos(p) * np.cos(h)])
    right = np.array([np.cos(h), 0.0, -np.sin(h)])
    down = np.cross(forward, right)
    return np.stack([np.cos(r) * right + np.sin(r) * down, np.cos(r) * down - np.sin(r) * right, forward])


def upright_u(place: np.ndarray, roll: float) -> float:
    """Column of a projected point in the picture after it is turned upright about its middle."""
    x, y, z = place
    u, v = FOCAL * x / z, FOCAL * y / z
    return u * math.cos(math.radians(roll)) - v * math.sin(math.radians(roll))


def scenes(count: int):
    """Yield (pitch, roll, a, b): two places in the camera frame, in front of it and inside its picture."""
    rng = np.random.default_rng(20)
    made = 0
    while made < count:
        heading, pitch, roll = rng.uniform([-180, -85, -60], [180, 85, 60])
        axes = camera_at(heading, pitch, roll)
        places = [axes @ (axes.T @ [0, 0, rng.uniform(1, 8)] + rng.uniform(-3, 3, size=3)) for _ in range(2)]
        inside = all(
            z > 0.3 and abs(FOCAL * x / z) < MIDDLE and abs(FOCAL * y / z) < MIDDLE for x, y, z in places
        )
        apart = inside and abs(upright_u(places[0], roll) - upright_u(places[1], roll)) > 1.0
        if apart:
            made += 1
            yield pitch, roll, *places


def test_left_and_right_are_the_picture_s_at_300_random_pitches_and_rolls():
    contradicted = 0
    for pitch, roll, a, b in scenes(300):
        scene = parse_document(
            {
                "format": "genspace-scene/1", "width": 640, "height": 640,
                "camera": {"pitch_deg": pitch, "roll_deg": roll},
                "objects": [{"id": "A", "centre": a.tolist()}, {"id": "B", "centre": b.tolist()}],
            }
        )  # fmt: skip
        truly_left = bool(upright_u(a, roll) < upright_u(b, roll))
        assert evaluate(scene, "egocentric(A, B, relation=left)").passed is truly_left, (pitch, roll, a, b)
        assert evaluate(scene, "egocentric(A, B, relation=right)").passed is not truly_left, (
            pitch,
            roll,
            a,
            b,
        )
        # what the azimuths on the ground say, the pitch undone too
        ground = [camera_at(0, pitch, roll).T @ place for place in (a, b)]
        azimuths = [math.atan2(x, z) for x, _, z in ground]
        contradicted += (math.remainder(azimuths[1] - azimuths[0], math.tau) > 0) is not truly_left
    assert contradicted >= 10, "the scenes must be such that azimuths on the ground would be wrong in some"


def test_by_hand_straight_down():
    """The camera looks down by 75°; A lies 1 m right of the picture's middle and 2 m up in it, B 0.5 m right, 0.5 m down.

    On the ground, A's azimuth is atan(1 / (2 sin 75° + 3 cos 75°)) = 20.3°, B's atan(0.5 / (3 cos 75° - 0.5 sin 75°)) =
    59.6°: B would lie to the right. In the picture A does: atan(1/3) against atan(0.5/3).
    """
    scene = parse_document(
        {
            "format": "genspace-scene/1", "width": 640, "height": 640, "camera": {"pitch_deg": -75, "roll_deg": 0},
            "objects": [{"id": "A", "centre": [1, -2, 3]}, {"id": "B", "centre": [0.5, 0.5, 3]}],
        }
    )  # fmt: skip
    outcome = evaluate(scene, "egocentric(A, B, relation=right)")
    assert outcome.passed is True
    angle = math.degrees(math.atan(1 / 3) - math.atan(0.5 / 3))
    assert outcome.measurements[0].value == pytest.approx(angle)
