"""Where a judge and the people differ: each item's place in the judge's order and in the people's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis.resampling import dense_codes

if TYPE_CHECKING:
    from genspace.analysis.question import JudgeScores, Units

__all__ = ["places", "unit_places"]


def places(human: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Return the place of each item among those that both sides rate: the share of items below it, ties shared.

    Args:
        human: (n,) mean ratings; NaN without one.
        score: (n,) scores turned so that higher is better; NaN without one.

    Returns:
        (n,) places by the people and by the judge, in (0, 1); NaN where either side is silent. With fewer than two
        common items there is no order: all NaN.

    >>> people, judge = places(np.array([1.0, 2, 3, np.nan]), np.array([30.0, 20, 20, 10]))
    >>> (6 * people).round().tolist(), (6 * judge).round().tolist()
    ([1.0, 3.0, 5.0, nan], [5.0, 2.0, 2.0, nan])
    """
    both = np.isfinite(human) & np.isfinite(score)
    found = np.full((2, len(human)), np.nan)
    if both.sum() > 1:
        found[:, both] = [_middle(values[both]) / both.sum() for values in (human, score)]
    return found[0], found[1]


def unit_places(study: Units, judge: JudgeScores) -> tuple[Floats, Floats]:
    """Return the places of units by the people and by a judge, as `places` does.

    A pair stands in the order both ways round, so that its place does not depend on which item comes first.

    Args:
        study: The units of one question, and what people said of them.
        judge: One of the study's judges.

    Returns:
        (n,) places by the people and by the judge, in (0, 1); NaN where either side is silent.

    >>> import pandas as pd
    >>> from genspace import Evidence
    >>> from genspace.analysis.question import Question
    >>> pairs = pd.DataFrame({"item_id": ["a", "c", "e"], "item_id_b": ["b", "d", "f"]})
    >>> study = Question.of(Evidence.from_frames(
    ...     items=pd.DataFrame({"item_id": list("abcdef")}),
    ...     annotations=pairs.assign(rater_id="ann", value=[1, 0.5, 0]),
    ...     scores=pairs.assign(judge="clip", score=[0.9, 0.2, 0.4]),
    ... )).pairs
    >>> people, judge = unit_places(study, study.judges["clip"])
    >>> (12 * people).round().tolist(), (12 * judge).round().tolist()
    ([10.0, 6.0, 2.0], [11.0, 3.0, 5.0])
    """
    human = study.people.mean
    if not study.of_pairs:
        return places(human, judge.oriented)
    lean, mine = human - 0.5, judge.preference
    people, judged = places(np.concatenate([lean, -lean]), np.concatenate([mine, -mine]))
    return people[: len(lean)], judged[: len(lean)]


def _middle(values: Floats) -> Floats:
    """(n,) items with a smaller value, and half of those with the same, itself among them."""
    codes = dense_codes(values)
    counts = np.bincount(codes)
    return np.asarray((np.cumsum(counts) - counts / 2)[codes])
