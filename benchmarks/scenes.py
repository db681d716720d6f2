"""Scene pictures measured from depth and masks: `python benchmarks/scenes.py`.

The judge on every picture of examples/quickstart, against reading the same files alone: `json`, Pillow, pycocotools.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco
from ratios import Ratio, beside

from genspace.judges import make_judge, resolve, study_context
from genspace.records import Request
from genspace.study import open_study

STUDY = Path(__file__).resolve().parents[1] / "examples" / "quickstart"


def cpu(work: Callable[[], Any]) -> float:
    """Return the CPU seconds of `work`."""
    started = time.process_time()
    work()
    return time.process_time() - started


def read_alone(requests: list[Request]) -> None:
    """Read what the judge reads: documents, depth images, masks."""
    for request in requests:
        image = Path(str(request.item.image))
        files = [image.with_suffix(".scene.json"), Path(f"{request.item.item_id}.scene.json")]
        pair = image.with_suffix(".pair.json")
        named = next(p for p in (pair, *files) if (STUDY / "images" / p).is_file())
        document = json.loads((STUDY / "images" / named).read_bytes())
        scenes = [document] if "objects" in document else [document["before"], document["after"]]
        for given in scenes:
            scene = (
                given
                if isinstance(given, dict)
                else json.loads((STUDY / "images" / named.parent / given).read_bytes())
            )
            with Image.open(
                io.BytesIO((STUDY / "images" / named.parent / scene["depth"]).read_bytes())
            ) as depth:
                np.asarray(depth)
            for item in scene["objects"]:
                coco.decode(item["mask"])


def ratios() -> Iterator[Ratio]:
    """Measure the judge."""
    study = open_study(STUDY)
    judge = make_judge(resolve(["depth-and-masks"], study.declared.judges)[0], study_context(study))
    requests = [Request(item=item, files=study.files) for item in study.iter_items()]
    list(judge.judge(iter(requests)))
    yield beside(
        f"{len(requests)} pictures from depth and masks",
        partial(cpu, lambda: list(judge.judge(iter(requests)))),
        "reading them",
        partial(cpu, lambda: read_alone(requests)),
        at_most=6,
        runs=7,
    )


if __name__ == "__main__":
    for ratio in ratios():
        print(ratio)
