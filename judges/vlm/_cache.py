"""Answers of servers, kept on disk so that nothing is asked, or paid for, twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genspace.errors import InputError

VERSION = 2
"""Of what is kept; answers of another version are asked anew."""


def request_key(server: Any, body: Mapping[str, Any], images: Mapping[str, str], repeat: str) -> str:
    """Return the digest of a whole request.

    `server` is whatever identifies it, JSON-ready; `images` maps names to the digests of what is sent; `repeat` tells
    apart the repeats of an otherwise equal request, so that a repeat never replays another's answer.
    """
    text = json.dumps([VERSION, server, body, dict(images), repeat], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class ResponseCache:
    """A SQLite file of usable answers by request; several processes may share it, anyone may delete it.

    Errors: `InputError` when the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One thread at a time uses it; which one is the judge's affair.
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS responses"
                " (key TEXT PRIMARY KEY, response TEXT NOT NULL) WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"response cache {path} cannot be used ({error}); delete it, set GENSPACE_CACHE, "
                "or pass the option cache = false"
            ) from None

    def get(self, key: str) -> str | None:
        """Return what was kept under the key."""
        row: tuple[str] | None = self._db.execute(
            "SELECT response FROM responses WHERE key = ?", (key,)
        ).fetchone()
        return row and row[0]

    def put(self, key: str, response: str) -> None:
        """Keep a usable answer."""
        self._db.execute("INSERT OR REPLACE INTO responses VALUES (?, ?)", (key, response))

    def drop(self, key: str) -> None:
        """Forget what was kept under the key."""
        self._db.execute("DELETE FROM responses WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()
