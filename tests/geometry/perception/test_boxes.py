"""Which detections are the objects asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.geometry.perception.boxes import choose, overlaps, suppress


def test_overlap_by_hand() -> None:
    a = np.array([[0.0, 0.0, 4.0, 4.0]])
    b = np.array([[0, 0, 4, 4], [2, 2, 6, 6], [4, 0, 8, 4], [1, 1, 1, 1]], dtype=float)
    # the second: shared 2 · 2 = 4, union 16 + 16 − 4 = 28
    assert overlaps(a, b).tolist() == [[1.0, 4 / 28, 0.0, 0.0]]


def test_suppression_is_by_class() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9.9], [0, 0, 10, 10]], dtype=float)
    score = np.array([0.5, 0.9, 0.4])
    assert suppress(boxes, np.array([0, 0, 1]), score).tolist() == [1, 2]
    assert suppress(boxes, np.array([0, 0, 0]), score).tolist() == [1]


def test_two_of_a_class_are_the_two_best_that_do_not_overlap() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [40, 0, 50, 10]], dtype=float)
    label, score = np.zeros(4, int), np.array([0.9, 0.8, 0.3, 0.6])
    assert choose(boxes, label, score, [2]).tolist() == [0, 3]
    assert choose(boxes, label, score, [1]).tolist() == [0]
    assert choose(boxes, label, score, [5]).tolist() == [0, 3, 2]


def test_fewer_found_than_asked() -> None:
    boxes = np.array([[0, 0, 10, 10]], dtype=float)
    assert choose(boxes, np.array([1]), np.array([0.9]), [1, 2]).tolist() == [0]
    assert choose(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), [1]).tolist() == []


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_what_is_kept_does_not_overlap(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 50, (n, 2))
    boxes = np.hstack([corner, corner + rng.uniform(1, 50, (n, 2))])
    label, score = rng.integers(0, 3, n), rng.uniform(size=n)
    kept = suppress(boxes, label, score)
    same = (label[kept][:, None] == label[kept]) & ~np.eye(len(kept), dtype=bool)
    assert (overlaps(boxes[kept], boxes[kept])[same] <= 0.6).all()
    assert score.argmax() in kept
