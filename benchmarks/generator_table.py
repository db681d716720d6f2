"""The GenSpace table of many generators, from scene files to rows, against the bare rules on the same scenes.

    python benchmarks/generator_table.py [--generators 10] [--runs 1]

Each generator has a scene file for every prompt of both tasks, 3,600. All are processes of their own, so that what they
import counts. The rules: the judge `scene` asked in a plain loop; it reads each scene file, decides it and says what it
measured, and nothing is kept. Decisions alone: the same without a verdict, which has the words. The table: `genspace
benchmark run`, pictures found, judged, verdicts written and read again, rows with their intervals printed. Prints
seconds of processor and clock, and the peak of memory; of a tenth of the generators too, so that one sees whether it
grows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from ratios import Ratio, beside, cpu_seconds

from genspace.benchmark import PromptList, TaskPrompt, create
from genspace.geometry.benchmark import prompts
from genspace.geometry.predicates import bind

MOST = 1.3
"""Times the bare rules."""
GENERATORS = 10
RULES = """
import sys
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.records import Request
from genspace.study import open_study

study = open_study(sys.argv[1])
judge = make_judge(JudgeSpec(name="scene", kind="scene"), study_context(study))
requests = (Request(item=item, files=study.files) for item in study.iter_items())
assert any([verdict.status == "decided" for verdict in judge.judge(requests)])
"""
DECISIONS = """
import json, sys
from pathlib import Path
from genspace.geometry.evaluate import evaluate
from genspace.geometry.scene_files import parse_document
from genspace.study import open_study

for item in open_study(sys.argv[1]).iter_items():
    suffix = ".pair.json" if item.image_before else ".scene.json"
    path = (Path(sys.argv[1]) / "images" / item.image).with_suffix(suffix)
    evaluate(parse_document(json.loads(path.read_bytes()), file=path.name), item.predicate)
"""
TABLE = """
import resource, sys
from genspace.cli import invoke

code = invoke(["-q", "benchmark", "run", sys.argv[1], "--judge", "scene"])
with open(sys.argv[2], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
sys.exit(code)
"""
CAMERA = {"fx": 700, "fy": 700, "cx": 320, "cy": 320, "pitch_deg": -8, "roll_deg": 1}


def scene(ids: tuple[str, ...], rng: np.random.Generator) -> dict[str, object]:
    objects = []
    for name in ids:
        turn = rng.uniform(-np.pi, np.pi)
        s, c = float(np.sin(turn)), float(np.cos(turn))
        objects.append(
            {
                "id": name, "label": name, "centre": [*rng.uniform(-1, 1, 2), rng.uniform(2, 6)],
                "extent": rng.uniform(0.3, 2, 3).tolist(), "rotation": [[s, 0, c], [0, -1, 0], [c, 0, -s]],
                "rotation_frame": "level", "rotation_confidence": 0.9, "detection_confidence": 0.8,
                "box": [100, 100, 300, 300],
            }
        )  # fmt: skip
    return {"format": "genspace-scene/1", "width": 640, "height": 640, "camera": CAMERA, "objects": objects}


def fill(root: Path, generators: int) -> None:
    lists = [PromptList.of(task, map(TaskPrompt.of, prompts(task))) for task in ("t2i", "edit")]
    made = create(root, lists, [f"g{n:02d}" for n in range(generators)], prompts="version 2")
    rng = np.random.default_rng(0)
    for generator in made.generators:
        for task, asked in made.lists.items():
            for number, one in enumerate(asked.asked, start=1):
                document = scene(bind(one.predicate).ids, rng)
                suffix = "scene"
                if task == "edit":
                    before = scene(bind(one.predicate).ids, rng)
                    suffix = "pair"
                    document = {"format": "genspace-pair/1", "before": before, "after": document, "depth_scale": 1.0,
                                "camera": "static"}  # fmt: skip
                (made.images / generator / task / f"{number:04d}.{suffix}.json").write_text(
                    json.dumps(document)
                )


def table(root: Path) -> float:
    """Judge everything anew and print the table; return seconds of processor."""
    for old in (root / "verdicts").rglob("*.jsonl"):
        old.unlink()
    return cpu_seconds(["-c", TABLE, root, root / "peak"])


def measured(root: Path, generators: int, runs: int) -> Ratio:
    """Return the table against the bare rules."""
    fill(root, generators)
    rules = partial(cpu_seconds, ["-c", RULES, root])
    return beside(
        f"GenSpace table of {generators} x 3,600 scenes", partial(table, root), "the bare rules", rules,
        at_most=MOST, runs=runs,
    )  # fmt: skip


def ratios() -> Iterator[Ratio]:
    """Measure the whole table."""
    with tempfile.TemporaryDirectory() as folder:
        yield measured(Path(folder) / "bench", GENERATORS, 2)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generators", type=int, default=GENERATORS)
    parser.add_argument("--runs", type=int, default=1)
    chosen = parser.parse_args()
    print("| generators | images | decisions, s | rules, s | table, s | ratio | on the clock, s | peak MB |")
    print("| --: | --: | --: | --: | --: | --: | --: | --: |")
    ratio = None
    for generators in dict.fromkeys((max(1, chosen.generators // 10), chosen.generators)):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "bench"
            ratio = measured(root, generators, chosen.runs)
            decisions = cpu_seconds(["-c", DECISIONS, root])
            started = time.monotonic()
            table(root)
            clock, peak = time.monotonic() - started, int((root / "peak").read_text()) / 1024
        times = f"{decisions:.1f} | {ratio.baseline_seconds:.1f} | {ratio.seconds:.1f} | {ratio.ratio:.2f}"
        print(
            f"| {generators} | {3600 * generators:,} | {times} | {clock:.1f} | {peak:.0f} |",
            flush=True,
        )
    return int(ratio is not None and ratio.ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
