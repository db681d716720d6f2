"""How much memory a comparison may take: blocks of draws are chosen to fit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK_CELLS = 1_000_000
"""Items x draws held at once (8 MB an array), as many as stay in the processor's cache."""
ARRAYS = 32
"""Arrays of a block that exist at once, those of all threads together."""
PROGRAM = 250_000_000
"""Bytes of Python and its libraries."""
AN_ITEM, A_SCORE, A_RATED_ITEM = 500, 400, 17_500
"""Bytes of an item, of a judge's score of it, and of all that is computed at a time where people rated the item."""

_budget: list[int] = []


def machine_memory() -> int:
    """Return the bytes of memory that this machine has; 8 GB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8_000_000_000


def memory_needed(items: int, judges: int, *, rated: int, draws: int) -> int:
    """Return about how many bytes a comparison takes; measured by benchmarks/scale.py.

    >>> round(memory_needed(1_000_000, 3, rated=10_000, draws=1000) / 1e9, 1)
    2.1
    """
    columns = items * (AN_ITEM + judges * A_SCORE) + rated * A_RATED_ITEM
    return PROGRAM + columns + rated * draws // 4


@contextmanager
def within_memory(budget: int) -> Iterator[None]:
    """Within the block, what is computed in blocks takes smaller ones where `budget` bytes are few."""
    _budget.append(budget)
    try:
        yield
    finally:
        _budget.pop()


def chunk_cells() -> int:
    """Return how many items x draws are held at once.

    >>> with within_memory(25_600_000):
    ...     chunk_cells()
    100000
    """
    return min([CHUNK_CELLS, *(budget // (8 * ARRAYS) for budget in _budget)])
