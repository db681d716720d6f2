"""A dictionary on disk, for data that grow with a study and must not fill the memory."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Iterable

CACHE_KIB = 8192


class DiskMap:
    """Texts by text, in a private temporary file that is gone with the object; a small one stays in memory.

    >>> places = DiskMap()
    >>> places.update([("cow", "left"), ("chair", "right"), ("cow", "behind")])
    >>> places.get("cow"), places.get("cat"), len(places)
    ('behind', None, 2)
    """

    def __init__(self) -> None:
        # SQLite keeps a database without a name in a temporary file, and in memory while it fits the cache. Judges
        # take requests, and so look up what is done, in threads of their own, one at a time.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._base.close)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
        self._base.execute("CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
        self._base.execute("BEGIN")

    def update(self, entries: Iterable[tuple[str, str]]) -> None:
        """Set entries; the last of a key counts."""
        self._base.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", entries)

    def get(self, key: str) -> str | None:
        """Return the entry's value, or None."""
        row = self._base.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def __len__(self) -> int:
        return int(self._base.execute("SELECT count(*) FROM entries").fetchone()[0])
