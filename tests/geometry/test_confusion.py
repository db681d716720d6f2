"""Decisions on random scenes whose truth is the sampler's own; `verify_confusion.py` has the large run."""

from __future__ import annotations

from random_scenes import confusion, samples


def test_corrected_rules_find_the_truth_and_the_released_ones_often_do_not() -> None:
    table = confusion(2000, seed=1)
    corrected = [row["corrected"] for row in table.values()]
    scenes = sum(t.scenes for t in corrected)
    assert scenes > 1900
    assert sum(t.right for t in corrected) >= 0.999 * scenes, [
        m.predicate for t in corrected for m in t.mistakes
    ]
    for name, row in table.items():
        # Both answers occur often enough for the comparison to mean something.
        assert 0.1 < row["corrected"].true / row["corrected"].scenes < 0.9, name
        assert row["reference"].accuracy < 0.97, name


def test_the_same_seed_draws_the_same_scenes() -> None:
    one, two = ([sample.document for _, sample in samples(40, seed=5)] for _ in range(2))
    assert one == two
