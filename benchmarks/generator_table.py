"""The GenSpace table of many generators, from scene files to rows, against the bare rules on the same scenes.

    python benchmarks/generator_table.py [--generators 10]

Baseline: the judge `scene` asked in a plain loop, which reads each scene file, decides it and says what was measured;
nothing is kept. Ours: `genspace benchmark run` as a process of its own: pictures found, judged, verdicts written and
read again, rows with their intervals printed. Each generator has a scene for every prompt of both tasks, 3,600. Prints
processor times, the ratio and the peak memory; with a tenth of the generators too, so that one sees whether memory
grows. The decision alone, without words and without a study's files, is told beside.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from genspace.benchmark import Asked, PromptList, create, open_benchmark
from genspace.geometry.benchmark import prompts
from genspace.geometry.evaluate import evaluate
from genspace.geometry.predicates import bind
from genspace.geometry.scene_files import parse_document
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.records import Request
from genspace.study import open_study

MOST = 1.3
"""Times the judge in a loop."""
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
    lists = [PromptList.of(task, map(Asked.of, prompts(task))) for task in ("t2i", "edit")]
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


def bare(root: Path) -> tuple[float, float]:
    """Return the processor seconds of the judge in a plain loop, and of the decisions alone."""
    open_benchmark(root).write_items()
    study = open_study(root)
    judge = make_judge(JudgeSpec(name="scene", kind="scene"), study_context(study))
    requests = (Request(item=item, files=study.files) for item in study.iter_items())
    started = time.process_time()
    decided = sum(verdict.status == "decided" for verdict in judge.judge(requests))
    loop = time.process_time() - started
    assert decided
    started = time.process_time()
    for item in study.iter_items():
        suffix = "pair" if item.image_before else "scene"
        path = (root / "images" / item.image).with_suffix(f".{suffix}.json")
        evaluate(parse_document(json.loads(path.read_bytes()), file=path.name), bind(item.predicate))
    return loop, time.process_time() - started


def ours(root: Path) -> tuple[float, float, float]:
    """Return processor seconds, seconds and the peak memory in MB of the whole command."""
    code = (
        "import sys, resource; from genspace.cli import invoke; "
        "rc = invoke(['-q', 'benchmark', 'run', sys.argv[1], '--judge', 'scene']); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr); sys.exit(rc)"
    )
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.monotonic() - started, float(done.stderr.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generators", type=int, default=10)
    chosen = parser.parse_args()
    print("| generators | images | decisions, s | judge in a loop, s | run, s | seconds | ratio | peak MB |")
    print("| --: | --: | --: | --: | --: | --: | --: | --: |")
    worst = 0.0
    for generators in dict.fromkeys((max(1, chosen.generators // 10), chosen.generators)):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "bench"
            fill(root, generators)
            rules, decisions = bare(root)
            used, seconds, peak = ours(root)
            worst = used / rules
            cells = (
                f"{decisions:.1f}",
                f"{rules:.1f}",
                f"{used:.1f}",
                f"{seconds:.1f}",
                f"{worst:.2f}",
                f"{peak:.0f}",
            )
            print(f"| {generators} | {3600 * generators:,} | {' | '.join(cells)} |", flush=True)
    sys.exit(worst > MOST)


if __name__ == "__main__":
    main()
