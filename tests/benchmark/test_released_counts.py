"""Images counted as the released code counts them: skips, edits 20 to 31, acc and scores_avg, by hand.

What `run_t2i.py` and `run_imageedit.py` of commit 66b6858 do: an image without exactly the named objects leaves the
denominator; an edit 20 to 31 whose picture before is known stays in it, with no score, and is correct where the move would
have taken the object out of the picture (for a move to the left they ask whether it stood nearer than 1 m).
"""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from genspace.benchmark import open_benchmark, rows_of
from genspace.cli import invoke

SIZE = 64
# 3 m everywhere, focal length 64 px, centre at 32: the left edge is at -1.5 m, the right one at 31 / 64 * 3 = 1.453 m
CAMERA = {"fx": 64, "fy": 64, "cx": 32, "cy": 32, "pitch_deg": 0, "roll_deg": 0, "height_m": 0}
LEVEL = [[0, 0, 1], [0, -1, 0], [1, 0, 0]]


def thing(name, x=0.0, z=3.0, extent=(1, 1, 1), azimuth=0.0):
    return {
        "id": name, "label": name.split("_")[0], "centre": [x, 0, z], "surface_mean": [x, 0, z], "extent": list(extent),
        "rotation": LEVEL, "orientation_raw": {"azimuth_deg": azimuth, "polar_deg": 0, "rotation_deg": 0},
        "box": [20, 20, 40, 40],
    }  # fmt: skip


def two(a, b):
    return [thing("cow", z=a), thing("dog", z=b)]


SKIP = None
T2I = [
    # index, classes, objects found, (correct, score) or skipped
    (0, "cow", [thing("cow")], (1, 1)),
    (0, "cow", [thing("cow", azimuth=25)], (0, 2 / 3)),  # 10 of 30 degrees beyond 15
    (0, "cow", [thing("cow"), thing("cow_2")], SKIP),
    (0, "cow", [], SKIP),
    (16, "cow dog", two(2, 3), (1, 1)),
    (16, "cow dog", two(3, 2), (0, 0)),
    (16, "cow dog", [thing("cow")], SKIP),
    (16, "cow dog", [*two(2, 3), thing("dog_2")], SKIP),
    (16, "cow dog", [*two(2, 3), thing("tree")], (1, 1)),  # nobody looked for a tree
    (20, "cow dog", two(3, 3.5), (1, 1)),
    (20, "cow dog", two(3, 3.8), (0, 0.2)),  # 1 - |0.6 - 1/3| / (1/3)
    (20, "cow dog", two(3, 3.3), (0, 0)),  # too near has no soft score
    (24, "cow", [thing("cow", z=1)], (1, 1)),
    (24, "cow", [thing("cow", z=1.5)], (0, 0.5)),  # 1 - |0.5 - 1/3| / (1/3)
    (28, "cow dog", [thing("cow"), thing("cow_2", extent=(1.2, 1, 1))], (1, 1)),  # two of the first class
    (28, "cow dog", [thing("cow", extent=(1.8, 1, 1)), thing("cow_2")], (0, 0.5)),
    (28, "cow dog", [thing("cow")], SKIP),
]  # fmt: skip
EDITS = [
    # index, classes, found before, found after
    (12, "cow dog", [thing("cow")], [thing("cow"), thing("dog", z=2)], (1, 1)),  # it faces the camera: nearer is in front
    (12, "cow dog", [thing("cow")], [thing("cow"), thing("dog", z=4)], (0, 0)),
    (12, "cow dog", [thing("cow")], [thing("cow")], SKIP),
    (20, "cow", [thing("cow", z=3)], [thing("cow", z=2)], (1, 1)),
    (20, "cow", [thing("cow", z=3)], [thing("cow", z=1.5)], (0, 0.5)),
    (20, "cow", [thing("cow", z=0.8)], [], (0, 0)),  # gone: no rule for a move towards the camera
    (20, "cow", [thing("cow"), thing("cow_2")], [thing("cow", z=2)], SKIP),  # nothing was kept of the picture before
    (20, "cow", [], [], SKIP),
    (22, "cow", [thing("cow", z=0.8)], [], (1, 0)),  # correct without a score: both figures part
    (22, "cow", [thing("cow", z=3)], [], (0, 0)),
    (23, "cow", [thing("cow", x=1)], [], (1, 0)),  # 2 m is beyond 1.453 m
    (23, "cow", [thing("cow", x=0)], [], (0, 0)),
    (23, "cow", [thing("cow", x=0)], [thing("cow", x=1), thing("cow_2")], (0, 0)),  # too many are as good as none
    (24, "cow", [thing("cow", z=0.9)], [], (1, 0)),
    (25, "cow", [thing("cow", x=1)], [], (1, 0)),
    (25, "cow", [thing("cow", x=0)], [thing("cow", x=4 / 3)], (0, 1)),  # never correct, full soft score
    (26, "cow", [thing("cow", x=-1)], [], (1, 0)),  # -2 m is beyond -1.5 m
    (27, "cow", [thing("cow", z=0.5)], [], (0, 0)),
    (28, "cow", [thing("cow")], [thing("cow", extent=(1.2, 1, 1))], (1, 1)),
    (29, "cow", [thing("cow")], [], (0, 0)),
]  # fmt: skip


def write(folder, number, objects, classes):
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.fromarray(np.full((SIZE, SIZE), 3000, dtype=np.uint16)).save(buffer, "PNG")
    (folder / f"{number}.depth.png").write_bytes(buffer.getvalue())
    scene = {"format": "genspace-scene/1", "width": SIZE, "height": SIZE, "camera": CAMERA, "objects": objects,
             "depth": f"{number}.depth.png", "depth_scale": 0.001}  # fmt: skip
    (folder / f"{number}.scene.json").write_text(json.dumps(scene))
    (folder / f"{number}.txt").write_text(" ".join(f"<{c}>" for c in classes.split()))


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    root = tmp_path_factory.mktemp("released")
    for number, (index, classes, objects, _) in enumerate(T2I):
        write(root / "data" / "t2i" / str(index), number, objects, classes)
    for number, (index, classes, before, after, _) in enumerate(EDITS):
        write(root / "data" / "imageedit" / str(index), number, after, classes)
        write(root / "data" / "imageedit_unedit" / str(index), number, before, classes)
    bench = root / "bench"
    assert (
        invoke(["benchmark", "init", str(bench), "--released", str(root / "data"), "--generator", "mine"])
        == 0
    )
    assert invoke(["benchmark", "run", str(bench), "--judge", "scene", "--profile", "reference"]) == 0
    (row,) = rows_of(open_benchmark(bench), ["scene[profile=reference]"])
    return {(task, v.index): v for task, figures in row.tasks.items() for v in figures.variants}


def by_hand(cases):
    """All, counted and correct images, and the sum of the scores, of one index."""
    known = [case[-1] for case in cases if case[-1] is not None]
    return len(cases), len(known), sum(right for right, _ in known), sum(score for _, score in known)


CASES = [("t2i", T2I), ("edit", EDITS)]


@pytest.mark.parametrize(
    ("task", "index"),
    [(task, index) for task, cases in CASES for index in sorted({case[0] for case in cases})],
)
def test_counts_worked_out_by_hand(counted, task, index):
    every, n, correct, scores = by_hand([case for case in dict(CASES)[task] if case[0] == index])
    found = counted[task, str(index)]
    assert (found.all, found.counted, found.correct) == (every, n, correct)
    assert found.acc == pytest.approx(correct / n)
    assert found.scores_avg == pytest.approx(scores / n)


def test_there_are_thirty_cases_and_both_figures_part():
    assert len(T2I) + len(EDITS) >= 30
    assert by_hand([case for case in EDITS if case[0] == 22]) == (2, 2, 1, 0)  # acc 0.5, scores_avg 0


def test_nothing_counted_is_0_as_the_released_code_has_it(counted):
    assert (counted["t2i", "35"].all, counted["t2i", "35"].acc, counted["t2i", "35"].scores_avg) == (
        0,
        0.0,
        0.0,
    )


def test_the_list_is_printed(counted, tmp_path_factory, capsys):
    bench = next(tmp_path_factory.getbasetemp().glob("released*")) / "bench"
    assert invoke(["benchmark", "table", str(bench), "--profile", "reference"]) == 0
    told = capsys.readouterr().out
    assert "as the released code counts" in told
    assert "scores_avg" in told
