"""The items table: read in parts, so that a run over millions of items holds few of them at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.columns import among
from genspace.errors import InvalidFilesError, Problem
from genspace.readings import Reading
from genspace.records import ITEM_COLUMNS
from genspace.study._readers import Read, read_items
from genspace.study._suspicions import alike_but_for_case
from genspace.tables import PART_ROWS, Table, match_columns, read_parts, read_table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

HELD_BYTES = 1 << 25
"""Bytes of cells up to which a table is held whole, so that it is read once."""
HELD_FILE_BYTES = 1 << 24
"""Bytes of a file whose cells may be that few; of a longer one nothing is held, not even for a while."""


@dataclass(frozen=True)
class ItemsTable:
    """A sound items table; of a long one only a digest of each id is held, until `frame` is asked for."""

    path: Path
    whole: pd.DataFrame | None
    """The table itself, where it is short or made of a wide one."""
    digests: NDArray[np.uint64] | None
    """(n,) 64-bit hashes of the ids, sorted; None beside `whole`."""
    source: Table | None = None
    """The table in its file, for messages, where `path` does not tell it: the items of a wide table."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The whole table, as `genspace.study.Study.items` describes it."""
        return read_items(read_table(self.path, self.path.name)).frame if self.whole is None else self.whole

    def problem(self, message: str, row: int, field: str) -> Problem:
        """Return a problem of one item's cell, with its line."""
        return self._in_file.problem(message, row, field)

    @cached_property
    def _in_file(self) -> Table:
        if self.source is not None:
            return self.source
        return match_columns(read_table(self.path, self.path.name), ITEM_COLUMNS)[0]

    def parts(self) -> Iterator[pd.DataFrame]:
        """Yield the table in order, some rows at a time."""
        if self.whole is not None:
            # a table without rows is one part
            yield from (
                self.whole.iloc[at : at + PART_ROWS] for at in range(0, len(self.whole) or 1, PART_ROWS)
            )
            return
        for part in read_parts(self.path, self.path.name):
            yield read_items(part, whole=False).frame

    def known(self, item_ids: pd.Series[str]) -> NDArray[np.bool_]:
        """Whether the table has each of the ids; for two unlike ids wrong by a chance of one in 10^19."""
        import numpy as np

        if self.digests is None:
            return among(item_ids, self.frame["item_id"])
        found = _digests(item_ids)
        place = np.searchsorted(self.digests, found).clip(max=len(self.digests) - 1)
        return np.asarray(self.digests[place] == found)

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns, breakdowns among them."""
        return list(next(self.parts()).columns)


def load_items(path: Path, *, whole: bool) -> tuple[ItemsTable | None, list[Problem], list[Reading]]:
    """Check the items table; return it (None where it cannot be used at all), all problems, and what was inferred.

    Unless it is wanted whole, it is checked part by part. Whatever is wrong or unusual there is left to a second look
    at the whole, which knows every problem and its line.
    """
    import numpy as np
    import pandas as pd

    if whole:
        return _load_whole(path)
    first: Read | None = None
    columns: list[str] = []
    digests, folded, capitals = array("Q"), array("Q"), False  # one piece of memory that grows
    generators: set[str] = set()
    held: list[pd.DataFrame] = []
    room = HELD_BYTES if path.stat().st_size <= HELD_FILE_BYTES else 0
    try:
        for part in read_parts(path, path.name):
            read = read_items(part, whole=False)
            first, columns = first or read, columns or [*read.frame.columns]
            if read.problems or columns != [*read.frame.columns] or read.readings != first.readings:
                return _load_whole(path)
            generators.update(read.frame["generator"].dropna().unique())
            room -= int(read.frame.memory_usage(index=False, deep=True).sum())
            held = [*held, read.frame] if room >= 0 else []
            lower = read.frame["item_id"].str.lower()
            if not capitals and (lower != read.frame["item_id"]).any():
                capitals, folded = True, digests[:]
            digests.frombytes(_digests(read.frame["item_id"]).tobytes())
            if capitals:
                folded.frombytes(_digests(lower).tobytes())
    except InvalidFilesError:
        return _load_whole(path)
    if first is None:
        return _load_whole(path)
    every = np.frombuffer(digests, np.uint64)
    every.sort()
    if _repeats(every) or _repeats(np.sort(np.frombuffer(folded, np.uint64))):
        return _load_whole(path)
    named = alike_but_for_case(sorted(generators), path.name, "generator")
    table = ItemsTable(path, pd.concat(held, ignore_index=True) if held else None, None if held else every)
    return table, [], [*first.readings, *named]


def _load_whole(path: Path) -> tuple[ItemsTable | None, list[Problem], list[Reading]]:
    try:
        read = read_items(read_table(path, path.name))
    except InvalidFilesError as error:
        return None, list(error.problems), []
    usable = "item_id" in read.frame.columns
    return ItemsTable(path, read.frame, None) if usable else None, read.problems, read.readings


def _repeats(ordered: NDArray[np.uint64]) -> bool:
    return bool((ordered[1:] == ordered[:-1]).any())


def _digests(item_ids: pd.Series[str]) -> NDArray[np.uint64]:
    from pandas.util import hash_array

    return hash_array(item_ids.to_numpy(dtype=object), categorize=False)
