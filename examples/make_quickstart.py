"""Makes examples/quickstart: rendered probes of every text-to-image variant, some edits, some that are hard to see.

Run `python examples/make_quickstart.py` with the extra `render` installed; it goes on where it was stopped.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from genspace.geometry.probes.folder import RenderSettings, write_probe, write_tables
from genspace.geometry.probes.kinds import HARD, Shares, deal
from genspace.geometry.probes.plans import PLANS

QUICKSTART = Path(__file__).parent / "quickstart"
THIRD = 1 / 3
SETTINGS = RenderSettings(
    per_predicate=3,
    size=256,
    samples=36,
    seed=11,
    shares=Shares(clear=THIRD, contrast=0, hard=THIRD),
    image_format="webp",
)
"""Of each plan a graded, a clear and a hard probe, in this order."""
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
    """A graded and a clear probe of each text-to-image variant, one of each of some edits, two of each hard kind."""
    names = [name for name, plan in PLANS.items() if plan.task == "t2i"]
    edits = [name for name, plan in PLANS.items() if plan.task == "edit" and plan.variant in EDITS]
    hard = []
    for kind in HARD:
        of_it = [n for n in names if deal(PLANS[n], 2, SETTINGS.per_predicate, SETTINGS.shares).kind == kind]
        hard += [of_it[0], of_it[len(of_it) // 2]]
    return [
        *((name, index) for name in names for index in range(2)),
        *((name, place % 2) for place, name in enumerate(edits)),
        *((name, 2) for name in hard),
    ]


def main() -> None:
    """Render what is missing and write the tables."""
    (QUICKSTART / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for name, index in jobs():
        scene_file = QUICKSTART / "images" / f"{name}-{index:03d}.scene.json"
        if scene_file.is_file():
            rows.append(json.loads(scene_file.read_text(encoding="utf-8"))["probe"])
        else:
            rows.append(write_probe(QUICKSTART, SETTINGS.probe(name, index), SETTINGS))
        sys.stderr.write(f"\r{len(rows)} of {len(jobs())}")
    write_tables(QUICKSTART, rows, SETTINGS)
    with (QUICKSTART / "study.toml").open("a", encoding="utf-8") as file:
        file.write(JUDGES)


if __name__ == "__main__":
    main()
