"""Secrets of links and sessions, and the personal codes that only one rater has."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path

__all__ = ["hashed", "new_pseudonym", "new_study_id", "new_token", "personal_code"]

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no characters that are easily confused


def new_token() -> str:
    """Return a random secret for a link or a session (256 bits)."""
    return secrets.token_urlsafe(32)


def new_study_id(study_root: Path) -> str:
    """Return a study's name on its host: readable, and unlike that of another study of the same name."""
    readable = re.sub(r"[^a-z0-9]+", "-", study_root.resolve().name.lower()).strip("-")[:24]
    return f"{readable or 'study'}-{secrets.token_hex(4)}"


def hashed(token: str) -> str:
    """Return the hash of a token; the store holds only this, from which the token cannot be found."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_pseudonym() -> str:
    """Return a made-up name for a rater."""
    return "r-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


def personal_code(key: str, rater_id: str, outcome: str) -> str:
    """Return a code that only this rater gets, and only for this outcome; the study's key makes it.

    >>> personal_code("key", "r-abc", "complete") == personal_code("key", "r-abc", "returned")
    False
    """
    digest = hmac.new(key.encode(), f"code|{rater_id}|{outcome}".encode(), hashlib.sha256).digest()
    return "".join(_ALPHABET[b % len(_ALPHABET)].upper() for b in digest[:8])
