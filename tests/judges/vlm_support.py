"""What tests of judges share: a server in a process of its own, and items made for it."""

from __future__ import annotations

import io
import json
import math
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


class Recorder:
    """A server that keeps what it is sent, and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], str]] = []
        self.answer: Callable[[dict[str, str]], tuple[int, dict[str, str], str]] = lambda _: (404, {}, "")
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                recorder.seen.append((self.path, headers, body.decode("utf-8", "replace")))
                status, extra, text = recorder.answer(headers)
                self.send_response(status)
                for name, value in ({"content-length": str(len(text.encode()))} | extra).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self) -> None:
                self.do_POST()

            def do_CONNECT(self) -> None:
                self.do_POST()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def says(self, text: str, *, usage: Any = None, headers: Any = None, **message: Any) -> None:
        """Answer every call with a chat completion of this text."""
        said = {"role": "assistant", "content": text, **message}
        document = {"choices": [{"index": 0, "finish_reason": "stop", "message": said}], "usage": usage}
        self.answer = lambda _: (200, headers or {}, json.dumps(document))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass(frozen=True)
class MemoryFiles:
    content: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        if name not in self.content:
            raise InputError(f"there is no file {name!r}")
        return self.content[name]

    def exists(self, name: str) -> bool:
        return name in self.content


def png(
    red: int = 0, size: tuple[int, int] = (8, 8), mode: str = "RGB", green: int = 0, blue: int = 0
) -> bytes:
    """An image whose first pixel tells the server's model `copy` what to answer, red / 255, and the item's number, green."""
    buffer = io.BytesIO()
    Image.new(mode, size, (red, green, blue) if mode == "RGB" else (red, green, 0, 255)).save(buffer, "PNG")
    return buffer.getvalue()


def requests_for(reds: list[int], **fields: Any) -> list[Request]:
    """One request per item, its image painted with the given red."""
    files = MemoryFiles({f"{i}.png": png(red) for i, red in enumerate(reds)})
    fields = {"prompt": "a cow beside a chair"} | fields
    return [
        Request(item=Item(item_id=str(i), image=f"{i}.png", prompt_id=str(i), **fields), files=files)
        for i in range(len(reds))
    ]


def turned_scene(bearing_deg: float) -> dict[str, Any]:
    """The camera looks at a cow that has both the camera and a chair at this bearing."""
    turn = math.radians(bearing_deg)
    # heading h clockwise from above: front (sin h, 0, cos h), right (cos h, 0, -sin h); the camera lies at 180°
    h = math.pi - turn
    front, right = (math.sin(h), 0.0, math.cos(h)), (math.cos(h), 0.0, -math.sin(h))
    rotation = [[front[k], (0.0, -1.0, 0.0)[k], right[k]] for k in range(3)]
    cow = {
        "id": "cow",
        "centre": [0, 0, 4],
        "extent": [1, 1, 1],
        "rotation": rotation,
        "box": [8, 20, 30, 50],
    }
    chair = {"id": "chair", "centre": [0, 0, 2], "extent": [0.5, 0.5, 0.5], "box": [36, 24, 56, 46]}
    return {
        "format": "genspace-scene/1", "width": 64, "height": 64,
        "camera": {"fx": 64, "fy": 64, "cx": 32, "cy": 32, "pitch_deg": 0, "roll_deg": 0}, "objects": [cow, chair],
    }  # fmt: skip
