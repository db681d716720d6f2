"""What every test of the human study shares: nothing in them is left to chance."""

from __future__ import annotations

import random
import secrets

import pytest
from browsing import browser, open_page

__all__ = ["browser", "open_page"]


@pytest.fixture(autouse=True)
def _same_pseudonyms_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items, gold items and repeats fall where the pseudonym puts them, so tests need the same ones in every run."""
    monkeypatch.setattr(secrets, "choice", random.Random(4).choice)
