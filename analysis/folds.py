"""Folds of whole prompts, so that nothing fitted on an item's own prompt is applied to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Bools
from genspace.analysis.pairwise import folds_by_prompt
from genspace.analysis.resampling import stream

__all__ = ["FOLDS", "REPEATS", "outer_folds", "prompt_folds"]

FOLDS = 5
REPEATS = 5


def prompt_folds(prompts: ArrayLike, *, folds: int = FOLDS, seed: int = 0) -> Iterator[tuple[Bools, Bools]]:
    """Yield (training, held-out) masks over the items; each prompt is held out once, whole.

    The split depends on the labels and the seed alone, not on the order of the items. With fewer prompts than
    folds each prompt is a fold; with a single prompt there is no split.

    >>> [held.tolist() for _, held in prompt_folds(["a", "a", "b"], folds=2)] in (
    ...     [[True, True, False], [False, False, True]], [[False, False, True], [True, True, False]])
    True
    """
    fold = folds_by_prompt(prompts, stream(seed, "prompt folds"), folds=folds)
    if len(fold) and fold.max() > 0:
        for k in range(int(fold.max()) + 1):
            yield fold != k, fold == k


def outer_folds(prompts: ArrayLike, *, seed: int = 0) -> Bools:
    """(n, REPEATS x FOLDS) which items each outer fold of a tuning holds out.

    In each repeat every prompt is held out once, whole.

    >>> outer_folds(["a", "a", "b"]).sum(axis=1).tolist()
    [5, 5, 5]
    """
    columns = []
    for repeat in range(REPEATS):
        fold = folds_by_prompt(prompts, stream(seed, f"outer folds {repeat}"), folds=FOLDS)
        columns += [fold == k for k in range(FOLDS)]
    return np.stack(columns, axis=1)
