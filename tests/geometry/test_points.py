"""Lifting, cleaning, measuring, choosing detections: golden vectors, hand values, invariants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from genspace.geometry import frames
from genspace.geometry.camera import Intrinsics
from genspace.geometry.clean import RELEASED, clean, largest_cluster, outliers, thin
from genspace.geometry.detections import (
    assign,
    box_iou,
    non_maximum_suppression,
    subtract_contained,
)
from genspace.geometry.lift import lift, lowest_near_point_m
from genspace.geometry.measure import measure_box

LEFT_UP = np.array([-1.0, -1.0, 1.0])
"""From x right, y down to the released code's x left, y up."""


@pytest.fixture(scope="module")
def golden(data: Path) -> dict[str, np.ndarray]:
    with np.load(data / "reference" / "geometry_golden.npz") as archive:
        return dict(archive)


@pytest.mark.data
def test_golden_lifting_levelling_and_floor(golden: dict[str, np.ndarray]) -> None:
    for i in range(10):
        depth, camera = golden[f"d{i}_depth"], Intrinsics.from_matrix(golden[f"d{i}_K"])
        roll, pitch = golden[f"d{i}_roll_pitch_deg"]
        points = lift(depth, camera, pixel_offset=0)
        assert points * LEFT_UP == pytest.approx(golden[f"d{i}_points_camera"].reshape(-1, 3), abs=1e-12)
        level = frames.level_from_camera(pitch, roll)
        levelled = points @ level.T * LEFT_UP
        assert levelled == pytest.approx(golden[f"d{i}_points_canonical_noshift"].reshape(-1, 3), abs=1e-12)
        levelled[:, 1] += lowest_near_point_m(depth, camera, level)
        assert levelled == pytest.approx(golden[f"d{i}_points_canonical_ground"].reshape(-1, 3), abs=1e-12)


@pytest.mark.data
def test_golden_boxes_after_cleaning(golden: dict[str, np.ndarray]) -> None:
    for i in range(8):
        depth, camera = golden[f"o{i}_depth"], Intrinsics.from_matrix(golden[f"o{i}_K"])
        roll, pitch = golden[f"o{i}_roll_pitch_deg"]
        level = frames.level_from_camera(pitch, roll)
        height = lowest_near_point_m(depth, camera, level)
        for k, mask in enumerate(golden[f"o{i}_masks"]):
            points = lift(depth, camera, mask, pixel_offset=0) @ level.T * LEFT_UP + [0, height, 0]
            kept = clean(points, RELEASED).points
            # Asked for within 5 mm; thinning, outliers and clusters are the same, so it is rounding.
            assert len(kept) == golden[f"o{i}_nonoise_n"][k]
            assert kept.mean(axis=0) == pytest.approx(golden[f"o{i}_nonoise_center"][k], abs=1e-9)
            assert np.ptp(kept, axis=0) == pytest.approx(golden[f"o{i}_nonoise_extent"][k], abs=1e-9)
            assert kept.min(axis=0) == pytest.approx(golden[f"o{i}_nonoise_minbound"][k], abs=1e-9)


@pytest.mark.data
def test_golden_orientations(golden: dict[str, np.ndarray]) -> None:
    """The released code turns in-plane about the object's right axis: on the right of the product."""
    for (azimuth, polar, inplane), R in zip(golden["getR_angles_deg"], golden["getR_R"], strict=True):
        ours = frames.rotation_from_orientation(azimuth, polar) @ frames.rotation_z(inplane)
        assert ours == pytest.approx(R, abs=1e-12)


def contained_boxes(boxes: Any, *, inner_share: float = 0.05, outer_share: float = 0.05) -> np.ndarray:
    """The released code's rule: box j lies in box i, which a slight overlap with a small box fulfils."""
    left, top, right, bottom = np.asarray(boxes, dtype=float).T
    width = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    height = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    shared, areas = width.clip(0) * height.clip(0), (right - left) * (bottom - top)
    return (shared / areas > inner_share) & (shared / areas[:, None] < outer_share)


@pytest.mark.data
@pytest.mark.parametrize(("name", "inner", "outer"), [("pipeline", 0.05, 0.05), ("default", 0.8, 0.7)])
def test_golden_mask_subtraction(
    golden: dict[str, np.ndarray], name: str, inner: float, outer: float
) -> None:
    for i in range(10):
        contained = contained_boxes(golden[f"s{i}_xyxy"], inner_share=inner, outer_share=outer)
        assert (contained == golden[f"s{i}_{name}_contained"]).all()
        cut = golden[f"s{i}_mask"].copy()
        for larger, smaller in zip(*np.nonzero(contained), strict=True):
            cut[larger] &= ~cut[smaller]
        assert (cut == golden[f"s{i}_{name}_mask"]).all()


def test_floor_of_an_image_without_depth() -> None:
    with pytest.raises(ValueError, match="without depth"):
        lowest_near_point_m(np.zeros((2, 2)), Intrinsics(1, 1, 0, 0), np.eye(3))
    assert lowest_near_point_m(np.array([[2.0]]), Intrinsics(1, 1, 0, -1), np.eye(3)) == 2.0


def test_defect_18_mask_subtraction_fires_only_for_containment() -> None:
    masks = np.zeros((2, 20, 40), dtype=bool)
    masks[0, :, :30] = True  # 600 px
    masks[1, 5:15, 28:38] = True  # 100 px, 20 of them in the first: beside it, not on it
    # The released thresholds: 20/100 > 0.05 of the small box, 20/600 = 0.033 < 0.05 of the large one: "contained".
    assert contained_boxes([[0, 0, 30, 20], [28, 5, 38, 15]])[0, 1]
    assert (subtract_contained(masks) == masks).all()
    masks[1] = False
    masks[1, 5:15, 20:30] = True  # wholly inside
    assert subtract_contained(masks)[0].sum() == 500
    assert subtract_contained(masks)[1].sum() == 100


def test_defect_18_suppression_minds_the_class() -> None:
    boxes = [[0, 0, 10, 10], [0, 0, 10, 11], [0, 0, 10, 10]]
    assert non_maximum_suppression(boxes, [0.5, 0.9, 0.7], ["horse", "horse", "rider"]) == [1, 2]
    assert non_maximum_suppression([], [], []) == []


def test_intersection_over_union() -> None:
    # 10 × 10 and the same moved by 5: shared 50, union 150.
    assert box_iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [20, 0, 30, 10], [0, 0, 0, 0]]).tolist() == [
        [1 / 3, 0, 0]
    ]


def test_assignment_by_score_alone() -> None:
    labels, scores = ["cup", "cup", "table", "cup"], [0.3, 0.9, 0.5, 0.6]
    assert assign(labels, scores, [("cup", 1), ("table", 1), ("cup", 2)]) == [1, 2, 3]
    assert assign(labels, scores, [("table", 1), ("table", 2)]) == [2, None]
    assert assign(labels, scores, [("cup", 3), ("cup", 1)]) == [0, 1]  # in whatever order they are wanted


def test_lifting_leaves_out_what_has_no_depth() -> None:
    depth = np.array([[1.0, 0.0], [np.nan, np.inf]])
    assert lift(depth, Intrinsics(1, 1, 0, 0)).tolist() == [[0.5, 0.5, 1.0]]
    assert lift(depth, Intrinsics(1, 1, 0, 0), np.zeros((2, 2), dtype=bool)).shape == (0, 3)
    with pytest.raises(ValueError, match="does not fit"):
        lift(depth, Intrinsics(1, 1, 0, 0), np.zeros((3, 2), dtype=bool))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(5, 120), st.floats(0.05, 2.0))
def test_largest_cluster_is_that_of_dbscan(seed: int, count: int, eps: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3)) + rng.choice([0.0, 4.0], size=(count, 1))
    ours = largest_cluster(points, eps, 5)
    found = DBSCAN(eps=eps, min_samples=5).fit(points)
    cores = np.zeros(count, dtype=bool)
    cores[found.core_sample_indices_] = True
    sizes = np.bincount(found.labels_[cores]) if cores.any() else np.array([0])
    # Border points between two clusters belong to either; the cores tell the clusters.
    if not cores.any():
        assert not ours.any()
    else:
        chosen = set(found.labels_[ours & cores])
        assert len(chosen) == 1
        assert (ours & cores).sum() == sizes[chosen.pop()]


def by_definition(points: np.ndarray, eps: float, least: int) -> np.ndarray:
    """The largest cluster from all distances: the earliest of equals; a border point goes with its nearest core."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    within = distances <= eps
    core = within.sum(axis=1) >= least
    cluster, left = np.full(len(points), -1), set(np.flatnonzero(core))
    while left:
        first = min(left)
        reached, edge = {first}, {first}
        while edge:
            edge = {int(j) for i in edge for j in np.flatnonzero(within[i] & core)} - reached
            reached |= edge
        cluster[list(reached)] = first
        left -= reached
    for i in np.flatnonzero(~core & (within & core).any(axis=1)):
        cluster[i] = cluster[np.where(core, distances[i], np.inf).argmin()]
    members = cluster >= 0
    return cluster == np.bincount(cluster[members]).argmax() if members.any() else members


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10_000), st.lists(st.integers(1, 120), min_size=1, max_size=6), st.floats(0.1, 4.0),
    st.integers(1, 15), st.integers(0, 3),
)  # fmt: skip
def test_largest_cluster_is_that_of_all_distances(
    seed: int, sizes: list[int], apart: float, least: int, dimensions: int
) -> None:
    """Dense and sparse patches, sheets, strings and single points, whose gaps are near the reach."""
    rng = np.random.default_rng(seed)
    flat = np.arange(3) < dimensions
    patches = [
        rng.uniform(0, 2, size=(n, 3)) * flat + k * apart * np.array([1.0, 0.6, 0.2])
        for k, n in enumerate(sizes)
    ]
    points = rng.permutation(np.vstack([*patches, rng.uniform(0, 8, size=(10, 3))]))
    for eps in (0.3, 1.0):
        assert (largest_cluster(points, eps, least) == by_definition(points, eps, least)).all()


def test_a_grid_too_large_to_count_in_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    points = np.vstack([rng.normal(size=(300, 3)), rng.normal(size=(80, 3)) + 4])
    expected = largest_cluster(points, 0.7, 10)
    assert 0 < expected.sum() < 380
    monkeypatch.setattr("genspace.geometry.clean.MOST_CUBES", 10)
    assert (largest_cluster(points, 0.7, 10) == expected).all()


def test_cleaning_follows_the_size_of_the_object() -> None:
    rng = np.random.default_rng(3)
    shell = rng.normal(size=(4000, 3))
    shell /= np.linalg.norm(shell, axis=1, keepdims=True)
    behind = rng.normal(scale=0.1, size=(150, 3)) + np.array([0, 0, 4.0])  # a patch of the wall behind it
    for scale in (0.05, 1.0, 10.0):
        kept = clean(scale * np.vstack([shell, behind])).points
        assert np.ptp(kept, axis=0) / scale == pytest.approx([2, 2, 2], abs=0.1)


def test_few_points_are_kept_and_flagged() -> None:
    points = np.arange(15.0).reshape(5, 3)
    assert clean(points).sparse
    assert len(clean(points).points) == 5
    assert clean(np.ones((50, 3))).sparse  # no spread: nothing to tell apart


def test_thinning_takes_the_mean_of_each_cell() -> None:
    points = np.array([[0, 0, 0], [0.2, 0, 0], [5, 5, 5.0]])
    assert sorted(thin(points, 1.0)[0].tolist()) == [[0.1, 0, 0], [5, 5, 5]]
    # A grid of 10^15 cells is not counted in; the cells are the same.
    assert len(thin(np.array([[0, 0, 0], [1e5, 1e5, 1e5]]), 1.0)[0]) == 2


def test_outlier() -> None:
    points = np.vstack([np.random.default_rng(0).normal(size=(100, 3)), [[30, 0, 0]]])
    assert np.flatnonzero(outliers(points, 10, 5.0)).tolist() == [100]


@settings(deadline=None, max_examples=50)
@given(st.floats(-180, 180), st.floats(-30, 30))
def test_own_axes_give_the_sizes_of_a_turned_box(azimuth: float, polar: float) -> None:
    R = frames.rotation_from_orientation(azimuth, polar)
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-0.3, 0.3) for z in (-0.5, 0.5)])
    measured = measure_box(corners @ R.T + [0.2, 0.1, 5], R)
    assert measured.extent == pytest.approx((2, 0.6, 1))
    assert measured.centre == pytest.approx((0.2, 0.1, 5))


def test_without_orientation_the_unseen_depth_is_at_least_the_width() -> None:
    # A flat front, 2 m wide and 1 m high, 4 m ahead: the box reaches as far back as it is wide, 4 to 6 m.
    front = np.array([[x, y, 4.0] for x in (-1, 1) for y in (-0.5, 0.5)])
    measured = measure_box(front, None, level_from_camera=np.eye(3))
    assert measured.extent == pytest.approx((2, 1, 2))
    assert measured.centre == pytest.approx((0, 0, 5))


def test_defect_6_the_centre_is_that_of_the_whole_object() -> None:
    """A sphere of radius 0.4 m at 3 m: its visible surface has its mean well in front of its centre."""
    camera = Intrinsics(800, 800, 320, 240)
    v, u = np.mgrid[:480, :640]
    ray = np.stack([(u + 0.5 - 320) / 800, (v + 0.5 - 240) / 800, np.ones_like(u)], axis=-1)
    # |t ray - (0, 0, 3)| = 0.4  =>  t = (3 - sqrt(9 - a (9 - 0.16))) / a with a = |ray|²; z = t.
    a = (ray**2).sum(axis=-1)
    inside = 9 - a * (9 - 0.16)
    depth = np.where(inside >= 0, (3 - np.sqrt(np.maximum(inside, 0))) / a, 0)
    measured = measure_box(lift(depth, camera, depth > 0), None, level_from_camera=np.eye(3))
    # Over the disc that is seen, the mean of sqrt(0.4² - r²) is 2/3 · 0.4: z = 2.73, a little less in perspective.
    assert measured.surface_mean[2] == pytest.approx(2.72, abs=0.02)
    # Width seen: the tangent circle, 2 · 0.4 · sqrt(1 - (0.4/3)²) = 0.793 m; nearest point at 2.6 m.
    assert measured.extent[2] == pytest.approx(0.793, abs=0.01)
    assert measured.centre[2] == pytest.approx(2.6 + 0.793 / 2, abs=0.01)
    with pytest.raises(ValueError, match="without points"):
        measure_box(np.empty((0, 3)), None)


@settings(deadline=None, max_examples=50)
@given(st.floats(0.5, 2.0), st.floats(-60, 60))
def test_trimming_ignores_stray_points(scale: float, azimuth: float) -> None:
    rng = np.random.default_rng(1)
    R = frames.rotation_from_orientation(azimuth, 0)
    box = rng.uniform(-0.5, 0.5, size=(5000, 3)) * scale
    stray = np.vstack([box, [[9, 9, 9.0]]])
    assert measure_box(stray @ R.T, R, trim_percent=0.5).extent == pytest.approx([scale * 0.99] * 3, rel=0.02)
