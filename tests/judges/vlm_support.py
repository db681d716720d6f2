"""What tests of judges share: a server in a process of its own, and items made for it."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from genspace.errors import InputError
from genspace.records import Item, Request


def free_port() -> int:
    """Return a free port below those that the system gives to clients, so that none takes it before the server does."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


def wait_until_there(url: str, process: subprocess.Popen[bytes], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise TimeoutError(url)


@dataclass(frozen=True)
class VlmServer:
    root: str

    def url(self, way: str = "good") -> str:
        return f"{self.root}/{way}/v1"

    def log(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.root}/log", timeout=10) as response:
            return dict(json.load(response))

    def reset(self) -> None:
        urllib.request.urlopen(
            urllib.request.Request(f"{self.root}/reset", method="POST"), timeout=10
        ).close()


@dataclass(frozen=True)
class MemoryFiles:
    content: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        if name not in self.content:
            raise InputError(f"there is no file {name!r}")
        return self.content[name]

    def exists(self, name: str) -> bool:
        return name in self.content


def png(red: int = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB", green: int = 0) -> bytes:
    """An image whose first pixel tells the server's model `copy` what to answer, red / 255, and the item's number, green."""
    buffer = io.BytesIO()
    Image.new(mode, size, (red, green, 0) if mode == "RGB" else (red, green, 0, 255)).save(buffer, "PNG")
    return buffer.getvalue()


def requests_for(reds: list[int], **fields: Any) -> list[Request]:
    """One request per item, its image painted with the given red."""
    files = MemoryFiles({f"{i}.png": png(red) for i, red in enumerate(reds)})
    fields = {"prompt": "a cow beside a chair"} | fields
    return [
        Request(item=Item(item_id=str(i), image=f"{i}.png", prompt_id=str(i), **fields), files=files)
        for i in range(len(reds))
    ]
