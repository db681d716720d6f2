"""A small version of the proof of `make verify`: many raters at once, a killed server, PostgreSQL."""

from __future__ import annotations

import asyncio
import importlib.util
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest
from load import PostgresServer


@pytest.fixture(scope="module")
def proof() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "verify" / "verify_human_study.py"
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_killed_in_the_middle_nothing_acknowledged_is_lost(proof: ModuleType) -> None:
    result = proof.run(60, raters=10, think_s=0.3, accidents=2, every=20)
    assert result.retries > 0
    assert len(result.acknowledged) >= 40


@pytest.mark.needs_debian("postgresql")
def test_postgresql_counts_exactly(proof: ModuleType, postgres: PostgresServer) -> None:
    result = proof.run(12, raters=15, think_s=0.2, database=postgres.url)
    assert len(result.acknowledged) == 12 * proof.RATERS_PER_ITEM


async def page_of(port: int, path: str, timeout_s: float = 30.0) -> int:
    """Status of a page that a fresh connection asks for."""

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        status = int((await reader.readline()).split()[1])
        writer.close()
        return status

    return await asyncio.wait_for(ask(), timeout_s)


def test_half_open_connections_keep_nobody_out(proof: ModuleType, tmp_path: Path) -> None:
    """140 connections that never send a whole request, against a server that may open 128 files."""
    design = "[limits]\nrequest_seconds = 3\n"
    server = proof.ServerProcess(proof.write_study(tmp_path / "s", 3, design=design), files=128)
    server.start()

    async def attack() -> None:
        held = []
        for n in range(140):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" if n % 2 else b"")
            held.append((reader, writer))
        for _ in range(5):
            assert await page_of(server.port, server.join) == 303
        # Whoever is still held when the time for a request is over is sent away.
        await asyncio.wait_for(
            asyncio.gather(*(reader.read() for reader, _ in held), return_exceptions=True), 60
        )
        for _, writer in held:
            writer.close()

    try:
        asyncio.run(attack())
    finally:
        server.stop()


def test_a_request_sent_drop_by_drop_is_cut_off_and_a_slow_rater_is_not(
    proof: ModuleType, tmp_path: Path
) -> None:
    design = "[limits]\nrequest_seconds = 1\n"
    server = proof.ServerProcess(proof.write_study(tmp_path / "s", 3, design=design))
    server.start()

    async def drip() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        with suppress(OSError):
            for byte in b"GET /health HTTP/1.1\r\n" * 20:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        return await reader.read()

    async def think() -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        replies = []
        for _ in range(2):
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            replies.append(head.split(b"\r\n")[0])
            await reader.readexactly(len(b'{"ok":true}'))
            await asyncio.sleep(2.5)  # longer than a request may take: between requests a rater may think
        writer.close()
        return replies

    async def both() -> tuple[bytes | BaseException, list[bytes]]:
        dripped, thought = await asyncio.gather(drip(), think(), return_exceptions=True)
        assert not isinstance(thought, BaseException)
        return dripped, thought

    try:
        dripped, thought = asyncio.run(both())
    finally:
        server.stop()
    assert dripped == b"" or isinstance(dripped, ConnectionError)
    assert thought == [b"HTTP/1.1 200 OK"] * 2


def test_a_classroom_joins_at_once_from_one_address(proof: ModuleType, tmp_path: Path) -> None:
    server = proof.ServerProcess(proof.write_study(tmp_path / "s", 3))
    server.start()

    async def join() -> Counter[int]:
        return Counter(await asyncio.gather(*(page_of(server.port, server.join, 120) for _ in range(100))))

    try:
        assert asyncio.run(join()) == {303: 100}
    finally:
        server.stop()


def test_two_servers_in_two_processes_lose_and_double_nothing(proof: ModuleType) -> None:
    assert len(proof.run(20, raters=16, think_s=0.2, servers=2).acknowledged) == 20 * proof.RATERS_PER_ITEM


@pytest.mark.needs_debian("postgresql")
def test_postgresql_restarted_in_the_middle_loses_nothing(
    proof: ModuleType, postgres: PostgresServer
) -> None:
    result = proof.run(
        25, raters=12, think_s=0.3, database=postgres.url, accident=postgres.restart, accidents=3, every=20
    )
    assert result.retries > 0
    assert len(result.acknowledged) >= 60
