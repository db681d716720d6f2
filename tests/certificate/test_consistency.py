"""The bound on a judge's errors against every truth that can be, and against planted judges."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from genspace.analysis.consistency import Consistency, Said, Way, consistency, fewest_errors

MIRROR, CONTRARY = Way("mirror", "the same answer"), Way("contrary", "not yes to both")


@pytest.mark.parametrize("same", [c for n in range(4) for c in product((True, False), repeat=n)])
@pytest.mark.parametrize("contrary", [c for n in range(3) for c in product((True, False), repeat=n)])
def test_fewest_errors_is_the_least_over_all_truths(
    same: tuple[bool, ...], contrary: tuple[bool, ...]
) -> None:
    truths = [
        (holds, opposite) for holds, opposite in product((True, False), repeat=2) if not (holds and opposite)
    ]
    errors = [
        sum(answer != holds for answer in same) + sum(answer != opposite for answer in contrary)
        for holds, opposite in truths
    ]
    assert fewest_errors(same, contrary) == min(errors)


def planted(rng: np.random.Generator, n: int, kind: str, rate: float) -> tuple[Consistency, float]:
    """A judge of n items in prompts of four, and the share of its answers that are wrong."""
    holds = rng.random(n) < 0.5
    opposite = ~holds & (rng.random(n) < 0.6)
    truth = {"asked": holds, "mirror": holds, "contrary": opposite}
    seen = rng.random(n) < 0.5  # whether it holds in the other frame
    elsewhere = {"asked": seen, "mirror": seen, "contrary": ~seen & (rng.random(n) < 0.6)}
    answers = {}
    for name, right in truth.items():
        noise = rng.random(n) < rate
        if kind == "noisy":
            answers[name] = right ^ noise
        elif kind == "side-blind":  # it sees that something is to a side, never to which
            answers[name] = holds | opposite
        elif kind == "frame-confused":  # takes the other frame now and then
            answers[name] = np.where(noise, elsewhere[name], right)
        elif kind == "always left":  # half of the questions are about left; mirror and contrary turn them
            left = np.arange(n) % 2 == 0
            answers[name] = left if name == "asked" else ~left
        else:
            answers[name] = ~right
    said = [
        Said(
            item_id=str(i),
            prompt=str(i // 4),
            asked=bool(answers["asked"][i]),
            versions={"mirror": bool(answers["mirror"][i]), "contrary": bool(answers["contrary"][i])},
        )
        for i in range(n)
    ]
    wrong = np.mean([answers[name] != right for name, right in truth.items()])
    return consistency(kind, said, [MIRROR, CONTRARY]), float(wrong)


@pytest.mark.parametrize("kind", ["noisy", "side-blind", "always left", "frame-confused", "always wrong"])
def test_the_bound_never_exceeds_the_errors_that_were_made(kind: str) -> None:
    """A thousand studies of each planted judge, whatever its rate."""
    rng = np.random.default_rng(7)
    bounds = []
    for _ in range(1000):
        found, wrong = planted(rng, int(rng.integers(4, 40)), kind, float(rng.uniform(0, 1)))
        assert found.least_error.value is not None
        assert found.least_error.value <= wrong + 1e-12
        bounds.append(found.least_error.value)
    assert max(bounds) > 0.2, "it bounds something"


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_a_frame_confused_judge_contradicts_itself_where_the_frames_differ(rate: float) -> None:
    """Once in the one frame and once in the other, on the half of the items on which they differ."""
    found, wrong = planted(np.random.default_rng(3), 20_000, "frame-confused", rate)
    expected = 0.5 * 2 * rate * (1 - rate)
    assert found.ways[0].contradictions.value == pytest.approx(expected, abs=0.012)
    assert found.least_error.value <= wrong


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_a_noisy_judge_contradicts_itself_as_often_as_theory_says(rate: float) -> None:
    n = 20_000
    found, _ = planted(np.random.default_rng(3), n, "noisy", rate)
    mirror, _ = found.ways
    expected = 2 * rate * (1 - rate)
    spread = 4 * (expected * (1 - expected) / n) ** 0.5
    assert mirror.contradictions.value == pytest.approx(expected, abs=spread + 1e-12)


def test_a_side_blind_judge_is_consistent_in_the_mirror_and_says_yes_to_both_sides() -> None:
    found, _ = planted(np.random.default_rng(3), 4000, "side-blind", 0.0)
    mirror, contrary = found.ways
    assert mirror.contradictions.value == 0
    # something lies to a side on .5 + .5 × .6 of the items
    assert contrary.yes_to_both / 4000 == pytest.approx(0.8, abs=0.03)
    # of yes, yes, yes exactly one is wrong; the rest is no, no, no
    assert found.least_error.value == pytest.approx(0.8 / 3, abs=0.01)


def test_a_judge_that_always_says_left_contradicts_itself_in_every_mirror() -> None:
    found, _ = planted(np.random.default_rng(3), 400, "always left", 0.0)
    mirror, contrary = found.ways
    assert mirror.contradictions.value == 1
    assert contrary.yes_to_both == 0
    # left: yes, no, no; right: no, yes, yes: one of three is wrong at least, and two of three at the most
    assert found.least_error.value == pytest.approx(1 / 3, abs=0.02)


def test_a_judge_that_is_always_wrong_in_the_same_way_is_consistent_in_the_mirror() -> None:
    found, wrong = planted(np.random.default_rng(3), 400, "always wrong", 0.0)
    assert wrong == 1
    assert found.ways[0].contradictions.value == 0


def test_abstentions_are_no_contradictions() -> None:
    said = [
        Said(item_id="1", prompt="p", asked=None, versions={"mirror": True, "contrary": None}),
        Said(item_id="2", prompt="q", asked=True, versions={"mirror": None}),
        Said(item_id="3", prompt="r", asked=True, versions={"mirror": False}, group="left"),
    ]
    found = consistency("vlm", said, [MIRROR, CONTRARY])
    mirror, contrary = found.ways
    assert (found.items, found.answered, mirror.asked, mirror.answered) == (3, 1, 3, 1)
    assert (contrary.asked, contrary.answered, contrary.contradictions.value) == (1, 0, None)
    assert (found.least_error.value, found.groups["left"].value) == (0.5, 0.5)


def test_the_interval_is_over_prompts() -> None:
    """Forty items of one prompt each, against the same answers in ten prompts of four alike."""
    answers = [i % 4 == 0 for i in range(10)]
    said = [
        Said(item_id=str(i), prompt=str(i), asked=True, versions={"mirror": not answers[i // 4]})
        for i in range(40)
    ]
    clustered = [
        Said(item_id=s.item_id, prompt=str(int(s.item_id) // 4), asked=True, versions=s.versions)
        for s in said
    ]
    one, four = (consistency("vlm", s, [MIRROR]).contradicting for s in (said, clustered))
    assert one.value == four.value == 0.3
    assert None not in (one.low, one.high, four.low, four.high)
    assert four.high - four.low > 1.5 * (one.high - one.low)


def test_pairs_of_answers_are_counted_by_hand() -> None:
    """Items whose answer and mirrored answer are: yes yes, yes no, no no, no yes, no no."""
    pairs = [(True, True), (True, False), (False, False), (False, True), (False, False)]
    said = [
        Said(item_id=f"i{n}", prompt=f"p{n}", asked=a, versions={"mirror": b})
        for n, (a, b) in enumerate(pairs)
    ]
    (row,) = consistency("coin", said, [MIRROR]).ways
    assert (row.asked, row.answered, row.yes_to_both, row.no_to_both) == (5, 5, 1, 2)
    assert row.contradictions.value == pytest.approx(2 / 5)
