"""Masks as COCO compressed run-length encodings (column-major), the form in which scene files hold them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    BoolArray = NDArray[np.bool_]

__all__ = ["MAX_PIXELS", "decode_rle", "encode_rle", "rle_runs"]

MAX_PIXELS = 100_000_000
"""Largest image, in pixels, whose masks and depth are handled."""


def encode_rle(mask: BoolArray) -> str:
    """Return the COCO compressed run-length encoding of a mask, (height, width) bool.

    >>> encode_rle(np.array([[False, True], [False, True]]))
    '22'
    """
    from pycocotools import mask as coco

    counts = coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
    return counts.decode("ascii") if isinstance(counts, bytes) else counts


def decode_rle(counts: str, size: tuple[int, int]) -> BoolArray:
    """Return the mask, (height, width) bool, of a COCO compressed run-length encoding.

    Errors: `ValueError` that says what is wrong with the encoding.

    >>> decode_rle("22", (2, 2)).tolist()
    [[False, True], [False, True]]
    """
    runs = rle_runs(counts, size)
    values = np.arange(runs.size) % 2 == 1
    return np.repeat(values, runs).reshape(size, order="F")


@lru_cache(maxsize=64)  # a scene's masks are read to be checked, and again to be used
def rle_runs(counts: str, size: tuple[int, int]) -> NDArray[np.int64]:
    """Return the lengths of the runs (off, on, off, …) of a COCO compressed run-length encoding; not to be changed.

    Read here and not by pycocotools, whose C code trusts the string and reads past a torn one. Each character
    holds five bits (ASCII 48 + bits), a sixth marks that the number goes on; from the fourth run on, the
    difference to the run two before is stored.

    Errors: `ValueError` that says what is wrong with the encoding.

    >>> rle_runs("22", (2, 2)).tolist()  # column by column: two off, two on
    [2, 2]
    """
    height, width = size
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise ValueError(f"a size of {height} × {width} is not between 1 and {MAX_PIXELS} pixels")
    codes = np.frombuffer(counts.encode("utf-8"), dtype=np.uint8).astype(np.int64) - 48
    if codes.size == 0:
        raise ValueError("the run-length encoding is empty")
    if codes.min() < 0 or codes.max() > 63:
        raise ValueError("holds characters that no COCO run-length encoding has")
    last = (codes & 32) == 0
    if not last[-1]:
        raise ValueError("ends in the middle of a number")
    starts = np.flatnonzero(np.concatenate([[True], last[:-1]]))
    ends = np.flatnonzero(last)
    digit = np.arange(codes.size) - np.repeat(starts, ends - starts + 1)
    if digit.max() > 6:
        raise ValueError("holds a run longer than any image")
    runs = np.add.reduceat((codes & 31) << (5 * digit), starts)
    negative = (codes[ends] & 16) != 0
    runs[negative] -= np.int64(1) << (5 * (digit[ends][negative] + 1))
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    if runs.min() < 0:
        raise ValueError("holds a negative run")
    if (total := int(runs.sum())) != height * width:
        raise ValueError(f"covers {total} pixels, but {height} × {width} are {height * width}")
    runs.flags.writeable = False
    return runs
