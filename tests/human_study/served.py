"""A study served on 127.0.0.1 in a thread, for browsers and scripted clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from genspace.human_study.visit.platforms import Links
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import create_app, open_site


@dataclass
class Served:
    base: str
    site: Site
    links: Links
    server: uvicorn.Server


@contextmanager
def served(root: Path, *, openapi: bool = False, prefix: str = "") -> Iterator[Served]:
    with open_site(root, prefix=prefix) as site:
        config = uvicorn.Config(
            create_app(site, openapi=openapi), host="127.0.0.1", port=0, log_level="error", access_log=False,
            ws="none", timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield Served(base, site, Links(site.store, site.material.design.crowd, base), server)
        finally:
            server.should_exit = True
            thread.join(10)
