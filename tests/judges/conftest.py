"""A vision-language model's server, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from vlm_support import Recorder, VlmServer, free_port, wait_until_there

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is first imported
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def vlm_process() -> Iterator[VlmServer]:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "vlm_server.py"), str(port)], cwd=HERE)
    try:
        wait_until_there(f"http://127.0.0.1:{port}/log", process)
        yield VlmServer(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def server(vlm_process: VlmServer) -> VlmServer:
    vlm_process.reset()
    return vlm_process


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()
