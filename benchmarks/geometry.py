"""How fast the geometry judge is: from depth and masks to a verdict, and predicates on parsed scenes.

The baseline is the sequence of calls that the released GenSpace code makes on the same scene (640 × 960, two
objects), written from its description with NumPy and open3d: the whole image is lifted once per object, the floor is
found among all points, and each object's points are cleaned by open3d. It runs in the same process, in turns with
ours. open3d is needed for nothing else: `pip install open3d`.

Run: python benchmarks/geometry.py [bench_scene.npz]
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from genspace.geometry.camera import Intrinsics
from genspace.geometry.clean import RELEASED, clean
from genspace.geometry.evaluate import Evaluation, evaluate
from genspace.geometry.frames import level_from_camera, rotation_from_orientation
from genspace.geometry.lift import between_surfaces, lift, lowest_near_point_m
from genspace.geometry.measure import measure_box
from genspace.geometry.predicates import benchmark_variants
from genspace.geometry.profiles import CORRECTED, REFERENCE
from genspace.geometry.scene import Camera, Scene, SceneObject
from genspace.geometry.scene_files import parse_document

ROOT = Path(__file__).resolve().parents[1]
CALL = "object_distance(A, B, value_m=1)"
RUNS = 9

Given = tuple[np.ndarray, np.ndarray, np.ndarray, float, float]
"""Depth, K, masks, pitch and roll in degrees."""


def load(path: Path) -> Given:
    with np.load(path) as archive:
        roll, pitch = (float(a) for a in archive["roll_pitch_deg"])
        return archive["depth"], archive["K"], archive["masks"], pitch, roll


def released_sequence(given: Given) -> bool:
    """The released code's calls: full-frame liftings, floor, open3d cleaning and boxes, distance."""
    depth, K, masks, pitch, roll = given
    level = level_from_camera(pitch, roll)
    lifted = [lift_everything(depth, K, level) for _ in masks]
    flat = lifted[0].reshape(-1, 3)
    floor = flat[np.argsort(flat[:, 2])[: len(flat) // 2], 1].min()
    rng = np.random.default_rng(0)
    centres = []
    for points, mask in zip(lifted, masks, strict=True):
        own = points[mask] - [0, floor, 0]
        centres.append(cleaned_centre(own + rng.normal(0, 0.004, own.shape)))
    distance = float(np.linalg.norm(centres[0] - centres[1]))
    return 2 / 3 < distance < 4 / 3


def lift_everything(depth: np.ndarray, K: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Every pixel's point in the level frame, x left and y up: (h, w, 3)."""
    height, width = depth.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([columns, rows, np.ones_like(columns)], axis=-1)
    points = depth[..., None] * (pixels @ np.linalg.inv(K).T)
    return (points @ level.T) * [-1, -1, 1]


def cleaned_centre(points: np.ndarray) -> np.ndarray:
    """The mean of an object's points after open3d's outlier filter, voxel grid and DBSCAN, with its boxes."""
    import open3d as o3d

    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    cloud, _ = cloud.remove_statistical_outlier(nb_neighbors=20, std_ratio=2.0)
    spread = 3 * np.linalg.norm(points.std(axis=0))
    cloud = cloud.voxel_down_sample(voxel_size=max(0.01, spread / 40))
    labels = np.array(cloud.cluster_dbscan(eps=0.2, min_points=10))
    values, counts = np.unique(labels[labels >= 0], return_counts=True)
    cloud = cloud.select_by_index(np.flatnonzero(labels == values[counts.argmax()]))
    cloud.get_axis_aligned_bounding_box()
    return np.asarray(cloud.points).mean(axis=0)


def corrected(given: Given) -> Evaluation:
    """Depth and masks to a verdict by the corrected rules."""
    depth, K, masks, pitch, roll = given
    intrinsics, level = Intrinsics.from_matrix(K), level_from_camera(pitch, roll)
    objects = []
    for name, mask in zip("AB", masks, strict=True):
        points = clean(lift(depth, intrinsics, mask & ~between_surfaces(depth))).points
        box = measure_box(points, None, level_from_camera=level, trim_percent=0.5)
        objects.append(
            SceneObject(id=name, centre=box.centre, extent=box.extent, point_count=box.point_count)
        )
    return evaluate(scene(objects, given), CALL, CORRECTED)


def reference(given: Given) -> Evaluation:
    """Depth and masks to a verdict by the released code's rules, its floor included."""
    depth, K, masks, pitch, roll = given
    intrinsics = Intrinsics.from_matrix(K)
    height_m = lowest_near_point_m(depth, intrinsics, level_from_camera(pitch, roll))
    objects = []
    for name, mask in zip("AB", masks, strict=True):
        points = clean(lift(depth, intrinsics, mask, pixel_offset=0), RELEASED).points
        objects.append(SceneObject(id=name, surface_mean=tuple(points.mean(axis=0).tolist())))
    return evaluate(scene(objects, given, height_m), CALL, REFERENCE)


def scene(objects: list[SceneObject], given: Given, height_m: float | None = None) -> Scene:
    (height, width), pitch, roll = given[0].shape, given[3], given[4]
    camera = Camera(pitch_deg=pitch, roll_deg=roll, height_m=height_m)
    return Scene(width=width, height=height, camera=camera, objects=tuple(objects))


def timed(given: Given, *jobs: Callable[[Given], object]) -> list[float]:
    """Median seconds of each job; the jobs take turns, after one run each to warm up."""
    times: list[list[float]] = [[] for _ in jobs]
    for run in range(RUNS + 1):
        for job, seen in zip(jobs, times, strict=True):
            start = time.perf_counter()
            job(given)
            if run:
                seen.append(time.perf_counter() - start)
    return [statistics.median(seen) for seen in times]


def predicates_per_second() -> dict[str, float]:
    """Evaluations a second over all 36 text-to-image variants, scenes parsed before, records included."""
    places = {
        "object": (0.2, 3.0, 5), "first": (-0.5, 3.0, 5), "second": (0.6, 3.1, 2),
        "reference": (-1.0, 4.0, 30), "other": (1.0, 4.0, 40),
    }  # fmt: skip
    document = {
        "format": "genspace-scene/1", "width": 640, "height": 480,
        "camera": {"pitch_deg": -10, "roll_deg": 2, "height_m": 1.4},
        "objects": [
            {"id": name, "centre": [x, 0.5, z], "extent": [1.0, 0.9, 0.5], "complete": True,
             "rotation": rotation_from_orientation(azimuth, 10).tolist()}
            for name, (x, z, azimuth) in places.items()
        ],
    }  # fmt: skip
    calls = list(benchmark_variants("t2i"))
    found = {}
    for profile in (CORRECTED, REFERENCE):
        rounds = []
        for _ in range(5):
            scenes = [parse_document(document) for _ in range(60)]
            start = time.process_time()
            for parsed in scenes:
                for call in calls:
                    evaluate(parsed, call, profile)
            rounds.append(len(scenes) * len(calls) / (time.process_time() - start))
        found[profile.name] = statistics.median(rounds)
    return found


def main() -> None:
    data = Path(os.environ.get("GENSPACE_TEST_DATA", ROOT.parent / "shared" / "data"))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else data / "reference" / "bench_scene.npz"
    for name, rate in predicates_per_second().items():
        print(f"predicates, {name}: {rate:,.0f} evaluations a second of processor time")
    try:
        import open3d as o3d
    except ImportError:
        sys.exit("the baseline needs open3d: pip install open3d")
    base, ours, theirs = timed(load(path), released_sequence, corrected, reference)
    print(f"baseline (NumPy, open3d {o3d.__version__}): {1000 * base:.0f} ms")
    print(f"corrected: {1000 * ours:.0f} ms, {base / ours:.1f} times as fast")
    print(f"reference: {1000 * theirs:.0f} ms, {base / theirs:.2f} times as fast")


if __name__ == "__main__":
    main()
