"""Makes examples/quickstart: rendered probes of every text-to-image variant and of half the edits.

Run `python examples/make_quickstart.py` with the extra `render` installed; it goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from genspace.geometry.probes.folder import RenderSettings, write_probe, write_tables
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.sampler import sample_probe

QUICKSTART = Path(__file__).parent / "quickstart"
SETTINGS = RenderSettings(per_predicate=2, size=256, samples=36, seed=11, image_format="webp")
EDITS = ("front", "face_to_face", "closer", "taller", "backward")


JUDGES = """
[judges.depth-and-masks]
kind = "scene"
boxes = "measured"

[judges.released-rules]
kind = "scene"
profile = "reference"
boxes = "measured"

[judges.noisy-perception]
kind = "scene"
noise = "typical"

[judges.half-the-noise]
kind = "scene"
noise = "half"

[judges.boxes-in-2d]
kind = "box2d"
"""


def jobs() -> list[tuple[str, int]]:
    """Two probes of each text-to-image variant, one of some variants of each kind of edit."""
    t2i = [(name, index) for name, plan in PLANS.items() if plan.task == "t2i" for index in range(2)]
    edits = [name for name, plan in PLANS.items() if plan.task == "edit" and plan.variant in EDITS]
    return t2i + [(name, place % 2) for place, name in enumerate(edits)]


def main() -> None:
    """Render what is missing and write the tables."""
    (QUICKSTART / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for name, index in jobs():
        scene_file = QUICKSTART / "images" / f"{name}-{index:03d}.scene.json"
        if scene_file.is_file():
            rows.append(json.loads(scene_file.read_text(encoding="utf-8"))["probe"])
        else:
            probe = sample_probe(name, index, SETTINGS.per_predicate, seed=SETTINGS.seed, size=SETTINGS.size)
            rows.append(write_probe(QUICKSTART, probe, SETTINGS))
        sys.stderr.write(f"\r{len(rows)} of {len(jobs())}")
    write_tables(QUICKSTART, rows, SETTINGS)
    with (QUICKSTART / "study.toml").open("a", encoding="utf-8") as file:
        file.write(JUDGES)


if __name__ == "__main__":
    main()
