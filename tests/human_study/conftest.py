"""What every test of the human study shares: nothing in them is left to chance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal
from browsing import open_page
from load import PostgresServer
from small_studies import nothing_left_to_chance
from starlette.testclient import TestClient

__all__ = ["open_page"]


@pytest.fixture(autouse=True)
def _nothing_left_to_chance() -> Iterator[None]:
    with nothing_left_to_chance():
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_event_loop_for_all_clients() -> Iterator[None]:
    """A test client would start a thread and a loop for every request."""
    with start_blocking_portal() as portal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(TestClient, "portal", portal)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer.running() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresServer:
    """The server, with an empty database."""
    postgres_server.make_database()
    return postgres_server
