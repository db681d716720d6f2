"""What every test of the human study shares: nothing in them is left to chance."""

from __future__ import annotations

import random
import secrets

from collections.abc import Iterator

import pytest
from browsing import browser, open_page
from load import PostgresServer

__all__ = ["browser", "open_page"]


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug on a test in this process; that each commit is synced is tested in test_storage."""
    monkeypatch.setattr("genspace.human_study._engine._SYNCHRONOUS", "OFF")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer.running() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresServer:
    """The server, with an empty database."""
    postgres_server.make_database()
    return postgres_server


@pytest.fixture(autouse=True)
def _same_pseudonyms_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items, gold items and repeats fall where the pseudonym puts them, so tests need the same ones in every run."""
    monkeypatch.setattr(secrets, "choice", random.Random(4).choice)
