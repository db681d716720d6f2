"""A study served on 127.0.0.1 in a thread, for browsers and scripted clients."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from genspace.human_study.web._site import Site
from genspace.human_study.web.app import Links, create_app, open_site


@dataclass
class Served:
    base: str
    site: Site
    links: Links
    server: uvicorn.Server
    socket_port: int


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def served(root: Path, *, port: int | None = None, openapi: bool = False) -> Iterator[Served]:
    port = port or free_port()
    with open_site(root) as site:
        config = uvicorn.Config(
            create_app(site, openapi=openapi), host="127.0.0.1", port=port, log_level="error", access_log=False,
            ws="none", timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        for _ in range(200):
            if server.started:
                break
            time.sleep(0.02)
        assert server.started
        base = f"http://127.0.0.1:{port}"
        try:
            yield Served(base, site, Links(site, base), server, port)
        finally:
            server.should_exit = True
            thread.join(10)
