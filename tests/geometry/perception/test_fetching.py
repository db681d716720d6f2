"""`genspace models fetch` against a hub that breaks off: it goes on, keeps what it has, and then needs no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal

import numpy as np
import pytest

from genspace.geometry.perception import Runtime, StageView, make_part

pytest.importorskip("huggingface_hub", reason="fetching needs the extra 'models'")
pytestmark = pytest.mark.xdist_group("torch")

REPOSITORY, COMMIT = "Intel/zoedepth-nyu", "c" * 40
LARGE, MIB = "notes.txt", 2**20


class Hub(ThreadingHTTPServer):
    """As much of the Hugging Face hub as fetching a model needs, serving a folder from this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.large_files: Literal["sent", "break off once", "break off"] = "sent"
        self.asked: list[tuple[str, str | None]] = []
        """Files sent, and the range that was asked for."""
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    """One request to the hub."""

    server: Hub

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Tell a file's size, digest and commit."""
        self._head(200, len(self._file()))

    def do_GET(self) -> None:
        """Send what the repository holds, or a file from where it is asked for."""
        if self.path.startswith("/api/"):
            self._send(json.dumps(self._listing()).encode(), "application/json")
            return
        content, asked = self._file(), self.headers.get("Range")
        self.server.asked.append((self.path.rpartition("/")[2], asked))
        if self.server.large_files == "sent" or len(content) <= 10 * MIB:
            self._send(content, start=int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0)
        elif asked:
            self._head(403, 0)
        else:
            self._head(200, len(content))
            self.wfile.write(content[: len(content) // 2])
            if self.server.large_files == "break off once":
                self.server.large_files = "sent"

    def _listing(self) -> object:
        files = sorted(self.server.folder.iterdir())
        if "/tree/" in self.path:
            return [{"type": "file", "path": f.name, "oid": "0", "size": f.stat().st_size} for f in files]
        return {"id": REPOSITORY, "sha": COMMIT, "siblings": [{"rfilename": f.name} for f in files]}

    def _file(self) -> bytes:
        return (self.server.folder / self.path.rpartition("/")[2]).read_bytes()

    def _send(self, content: bytes, kind: str = "application/octet-stream", start: int = 0) -> None:
        self._head(206 if start else 200, len(content) - start, kind)
        self.wfile.write(content[start:])

    def _head(self, status: int, length: int, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{self.path.rpartition("/")[2]}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()


@pytest.fixture
def hub(checkpoint: Callable[[str], Path], tmp_path: Path) -> Iterator[Hub]:
    """A hub that serves a tiny checkpoint with one large file."""
    folder = tmp_path / "served"
    shutil.copytree(checkpoint("zoedepth"), folder)
    (folder / LARGE).write_bytes(np.random.default_rng(0).bytes(24 * MIB))
    with Hub(folder) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(hub: Hub, home: Path) -> subprocess.CompletedProcess[str]:
    online = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "genspace", "models", "fetch", f"depth.zoedepth:{REPOSITORY}"]
    return subprocess.run(command, capture_output=True, text=True, env=online, check=False)


def test_a_connection_that_breaks_off_is_taken_up_again(hub: Hub, tmp_path: Path) -> None:
    hub.large_files = "break off once"
    ran = fetch(hub, tmp_path)
    assert ran.returncode == 0, ran.stderr
    # 12 of 24 MiB were sent; the library keeps 10 MiB at a time, so it goes on from there or from where it broke off
    [first, second] = [asked for name, asked in hub.asked if name == LARGE]
    assert first is None
    assert second is not None
    assert 10 * MIB <= int(second.removeprefix("bytes=").rstrip("-")) <= 12 * MIB
    [kept] = tmp_path.glob(f"hub/*/snapshots/*/{LARGE}")
    assert kept.read_bytes() == (hub.folder / LARGE).read_bytes()


def test_a_second_try_keeps_whole_files_and_then_no_network_is_needed(
    hub: Hub, view: Callable[..., StageView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.large_files = "break off"
    ran = fetch(hub, tmp_path)
    assert ran.returncode == 2
    assert "With a network, run it again: whole files are kept." in ran.stderr
    assert "Traceback" not in ran.stderr
    arrived = {f.name for f in tmp_path.glob("hub/*/snapshots/*/*")}

    hub.large_files, hub.asked = "sent", []
    ran = fetch(hub, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "depth.zoedepth:Intel/zoedepth-nyu: here" in ran.stdout
    assert {name for name, _ in hub.asked} == {f.name for f in hub.folder.iterdir()} - arrived

    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    hub.asked = []
    part = make_part("depth", f"zoedepth:{REPOSITORY}", {}, Runtime(device="cpu"))
    assert part.problem() is None
    assert part.run([view(30, 40)])[0]["depth"].shape == (30, 40)
    assert hub.asked == []
