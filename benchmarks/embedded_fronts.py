"""How well the stack `embedded` sees fronts: people and chairs drawn in many directions, whose heading is known.

    python benchmarks/embedded_fronts.py --count 24

Needs the extra `render`, and `examples/plugin-embedded` with its archives. The things are those of the probes; real
people and chairs vary more.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples/plugin-embedded"))

from genspace_embedded import boxes, people
from genspace_embedded.parts import SURE

from genspace.geometry.frames import wrap_deg
from genspace.geometry.probes.render import draw
from genspace.geometry.probes.scenes import PlacedObject, ProbeCamera, ProbeScene
from genspace.geometry.probes.truth import cast

CAMERA = ProbeCamera(size=384, fov_deg=45, pitch_deg=-10, roll_deg=0, height_m=1.5)
PLACE = (0.1, 3.4)


def heading_deg(kind: str, pixels: np.ndarray, box: np.ndarray) -> float | None:
    """Return the heading that is seen; None where it is not sure."""
    if kind == "person":
        azimuth, _ = people.azimuth_deg(people.look_at(pixels, box))
        return math.degrees(math.atan2(*PLACE)) + 180 + azimuth
    K = np.array([[CAMERA.focal_px, 0, CAMERA.size / 2], [0, CAMERA.focal_px, CAMERA.size / 2], [0, 0, 1]])
    uv, sure = boxes.look_at(pixels, box, kind)
    lifted = boxes.lift(uv, K)
    if lifted is None or sure < SURE:
        return None
    front = CAMERA.level_from_camera @ lifted.axes[:, 2]
    return math.degrees(math.atan2(front[0], front[2]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=24, help="pictures of each kind")
    count = parser.parse_args().count
    print(
        "| thing | pictures | unsure | median error | front taken for back |\n| --- | --: | --: | --: | --: |"
    )
    for kind in ("person", "chair"):
        errors = []
        for i in range(count):
            true = wrap_deg(i * 360 / count + 7)
            thing = PlacedObject(id=kind, category=kind, look=i, ground_xz=PLACE, heading_deg=true)
            scene = ProbeScene(camera=CAMERA, objects=(thing,), backdrop="meadow", seed=i)
            found = heading_deg(kind, draw(scene, samples=8), np.array(cast(scene).boxes[0]))
            if found is not None:
                errors.append(abs(wrap_deg(found - true)))
        flipped = sum(e > 90 for e in errors)
        print(
            f"| {kind} | {count} | {count - len(errors)} | {np.median(errors):.0f}° | {flipped} |", flush=True
        )


if __name__ == "__main__":
    main()
