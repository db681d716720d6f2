"""What the endpoint judge costs beside the endpoint: calls against their ideal, and cached verdicts.

Run: python benchmarks/vlm_calls.py

Three ratios, each against a baseline of the same run:

1. 1,000 calls to a server that takes 200 ms, 32 at a time, against the ideal of 1000 / 32 x 0.2 s and against
   the bare client library, which sends bodies of like size to the same server; in time, and in processor time,
   which says the same on a busy machine.
2. The same run again: calls made (0) and time.
3. 100,000 cached verdicts, streamed: memory at the end against memory after the first 10,000.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import multiprocessing
import resource
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.judges.asking import SentPicture
from genspace.judges.vlm import VlmJudge
from genspace.judges.vlm._cache import ResponseCache, request_key
from genspace.judges.vlm._client import Client
from genspace.judges.vlm._prices import Charge
from genspace.judges.vlm._replies import Reply
from genspace.judges.vlm._server import Server
from genspace.judges.vlm._terms import Terms
from genspace.records import Item, Request

LATENCY_S = 0.2
CONCURRENCY = 32
REPLY: dict[str, Any] = {
    "id": "1", "object": "chat.completion", "created": 0, "model": "bench",
    "usage": {"prompt_tokens": 300, "completion_tokens": 1, "total_tokens": 301},
    "choices": [{
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes"},
        "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": [
            {"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.4}]}]},
    }],
}  # fmt: skip


def serve(port: int) -> None:
    """A minimal HTTP server, so that it is not the server that is measured."""
    body = json.dumps(REPLY).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    calls = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        try:
            while True:
                header = (await reader.readuntil(b"\r\n\r\n")).lower()
                if header.startswith(b"get"):
                    text = str(calls).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
                    continue
                await reader.readexactly(int(header.partition(b"content-length: ")[2].split(b"\r\n")[0]))
                calls += 1
                await asyncio.sleep(LATENCY_S)
                writer.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=256)
        await server.serve_forever()

    asyncio.run(main())


class OneImage:
    """Files with one image, whatever its name."""

    def __init__(self) -> None:
        from PIL import Image

        buffer = io.BytesIO()
        Image.effect_noise((128, 128), 60).convert("RGB").save(buffer, "PNG")
        self._image = buffer.getvalue()

    def read(self, _: str) -> bytes:
        """Return the image."""
        return self._image

    def exists(self, _: str) -> bool:
        """Whatever is asked for is there."""
        return True


def requests(n: int, files: OneImage) -> Iterator[Request]:
    for i in range(n):
        yield Request(item=Item(item_id=str(i), image=f"{i}.png", prompt=f"cow number {i}"), files=files)


def make(url: str, cache: Path) -> VlmJudge:
    options = {"base_url": url, "concurrency": CONCURRENCY}
    judge = make_judge(
        JudgeSpec(name="bench", kind="vlm", model="bench", options=options), JudgeContext(cache_dir=cache)
    )
    assert isinstance(judge, VlmJudge)
    return judge


def calls(url: str) -> int:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/calls", timeout=10) as response:
        return int(response.read())


async def bare(url: str, n: int) -> float:
    """Return the seconds that the bare client library takes for as many calls, as many at a time."""
    import openai

    slots = asyncio.Semaphore(CONCURRENCY)
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:

        async def one(i: int) -> None:
            async with slots:
                await client.chat.completions.create(
                    model="bench", messages=[{"role": "user", "content": f"cow number {i}" + "x" * 40_000}]
                )

        started = time.perf_counter()
        await asyncio.gather(*(one(i) for i in range(n)))
        return time.perf_counter() - started


def resident_mib() -> float:
    """Resident memory now."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def fill(url: str, cache: Path, n: int, files: OneImage) -> None:
    """Put n answers into the cache, under the keys and in the form in which a run of n calls leaves them."""
    judge = make(url, cache)
    options, asker = judge._options, judge._asker  # noqa: SLF001  # the keys are nobody else's affair
    server = Server(endpoint=judge._endpoint, model="bench", options=options, price=None, budget=None)  # noqa: SLF001
    client = Client(server, options, cache=None, seed=0)
    logprobs = REPLY["choices"][0]["logprobs"]["content"]
    charge = Charge(input_tokens=300, output_tokens=1)
    reply = Reply(text="Yes", cut=False, logprobs=logprobs, charge=charge, seconds=LATENCY_S)
    store = ResponseCache(cache / "vlm-responses.sqlite")
    store._db.execute("BEGIN")  # noqa: SLF001  # one transaction instead of n
    for request in requests(n, files):
        (ask,) = asker.imagined(request)
        digests = {
            name: SentPicture(name, files.read(name), options.image_size).digest for name in ask.images
        }
        store.put(
            request_key(server.endpoint.identity, client.body(ask, Terms(), logprobs=True), digests, "0"),
            reply.to_json(),
        )
    store._db.execute("COMMIT")  # noqa: SLF001
    store.close()


def main(n_calls: int = 1000, n_cached: int = 100_000) -> dict[str, float]:
    """Print and return the figures."""
    files = OneImage()
    figures: dict[str, float] = {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(port,), daemon=True)
    server.start()
    try:
        while True:
            try:
                calls(url)
                break
            except OSError:
                time.sleep(0.05)
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder)
            list(make(url, cache).judge(requests(2, files)))  # import the client before the clock starts
            ideal = n_calls / CONCURRENCY * LATENCY_S
            busy = time.process_time()
            figures["bare_client_over_ideal"] = asyncio.run(bare(url, n_calls)) / ideal
            bare_busy = time.process_time() - busy
            before = calls(url)
            started, busy = time.perf_counter(), time.process_time()
            n = sum(v.status == "decided" for v in make(url, cache).judge(requests(n_calls, files)))
            figures["judge_over_ideal"] = (time.perf_counter() - started) / ideal
            figures["judge_cpu_over_bare_client"] = (time.process_time() - busy) / bare_busy
            figures["judge_cpu_over_ideal"] = (time.process_time() - busy) / ideal
            assert n == n_calls
            assert calls(url) - before == n_calls - 2
            started = time.perf_counter()
            n = sum(v.status == "decided" for v in make(url, cache).judge(requests(n_calls, files)))
            figures["repeated_run_over_first"] = (time.perf_counter() - started) / (
                figures["judge_over_ideal"] * ideal
            )
            figures["calls_of_repeated_run"] = calls(url) - before - n_calls + 2
            fill(url, cache, n_cached, files)
            started, early = time.perf_counter(), 0.0
            for i, verdict in enumerate(make(url, cache).judge(requests(n_cached, files)), start=1):
                assert verdict.details["replayed"] == 1
                if i == n_cached // 10:
                    early = resident_mib()
            figures["cached_verdicts_per_second"] = n_cached / (time.perf_counter() - started)
            figures["memory_at_end_over_after_a_tenth"] = resident_mib() / early
    finally:
        server.terminate()
    for name, value in figures.items():
        print(f"{name}: {value:.3f}")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--cached", type=int, default=100_000)
    arguments = parser.parse_args()
    main(arguments.calls, arguments.cached)
