"""Simulated raters on 127.0.0.1: a server in a process of its own, and scripted browsers that answer and retry."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

GIVE_UP_S = 300.0
"""A rater who gets no reply for so long reports an error instead of trying on."""


def fixed_port() -> int:
    """Return a free port below those that the system gives to clients.

    A killed server must get its port back: a client that tries to connect meanwhile can be given the very port it
    calls when that is one of the system's own choice.
    """
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


@dataclass
class ServerProcess:
    """`genspace annotate serve` in a process of its own."""

    study: Path
    port: int = field(default_factory=fixed_port)
    files: int | None = None
    """How many files the process may open; None: as this one."""
    join: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "genspace",
            "annotate",
            "serve",
            str(self.study),
            "--port",
            str(self.port),
        ]
        if self.files is not None:
            command = ["bash", "-c", f'ulimit -n {self.files}; exec "$@"', "bash", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("Raters"):
                self.join = line.split()[1].partition(f":{self.port}")[2]
            if line.startswith("Researcher"):
                break
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.02)
        raise RuntimeError("the server did not start")

    def kill(self) -> None:
        """SIGKILL: no time to finish anything."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass
class Result:
    """What the raters saw."""

    acknowledged: dict[int, str] = field(default_factory=dict)
    """Assignment to the answer that the server said it stored."""
    seconds: list[float] = field(default_factory=list)
    """From sending an answer to having the next picture's description, retries included."""
    server_seconds: list[float] = field(default_factory=list)
    """The same as the server measured it: from having the request to beginning its reply."""
    wall_s: float = 0.0
    server_cpu_s: float = 0.0
    """Processor time of the server, starting included."""
    raters_cpu_s: float = 0.0
    """Processor time of the simulated raters."""
    retries: int = 0
    finished: int = 0


class Browser:
    """One rater's connection: HTTP/1.1, kept alive, one cookie."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.server_seconds = 0.0
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
        """Return status, location and body. Errors: `OSError` or `IncompleteReadError` when the server is gone."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"Cookie: {self.cookie}"] if self.cookie else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        fields = dict(
            line.split(": ", 1)
            for line in head.lower().split("\r\n")[1:]
            if ": " in line and "cookie" not in line
        )
        length = int(fields.get("content-length", "0"))
        content = await reader.readexactly(length) if length else b""
        set_cookie = re.search(r"(?im)^set-cookie: ([^;\r]+)", head)
        if set_cookie:
            self.cookie = set_cookie[1]
        timing = re.search(r"(?im)^server-timing: total;dur=([0-9.]+)", head)
        self.server_seconds = float(timing[1]) / 1000 if timing else 0.0
        location = re.search(r"(?im)^location: (\S+)", head)
        return status, location[1] if location else "", content

    def hang_up(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
        self.streams = None


async def persist(browser: Browser, result: Result, *call: object, **headers: str) -> tuple[int, str, bytes]:
    """Try until the server answers, as the page does."""
    end = time.monotonic() + GIVE_UP_S
    while True:
        try:
            reply = await browser.call(*call, **headers)  # type: ignore[arg-type]
            if reply[0] < 500:
                return reply
        except (OSError, asyncio.IncompleteReadError, EOFError):
            browser.hang_up()
        if time.monotonic() > end:
            raise TimeoutError(f"no reply to {call[:2]} for {GIVE_UP_S:g} s")
        result.retries += 1
        await asyncio.sleep(0.1)


async def rater(
    server: ServerProcess, *, think_s: float, seed: int, result: Result, stop: asyncio.Event
) -> None:
    """Join, agree, and answer until nothing is left."""
    chance = random.Random(seed)
    browser = Browser(server.port)
    await asyncio.sleep(chance.random() * think_s)
    await persist(browser, result, "GET", server.join)
    _, _, page = await persist(browser, result, "GET", "/welcome")
    asked = re.search(rb'name="csrf" value="([0-9a-f]+)"', page)
    if asked is None:  # the others have everything in hand already: told before consent
        browser.hang_up()
        return
    token = asked[1].decode()
    form = f"csrf={token}&agreed=0".encode()
    await persist(browser, result, "POST", "/welcome", form, Content_Type="application/x-www-form-urlencoded")
    status, _, content = await persist(browser, result, "GET", "/api/next")
    if status == 403:  # the same, while the form was being read
        browser.hang_up()
        return
    shown = json.loads(content)
    while shown["status"] == "assignment" and not stop.is_set():
        await asyncio.sleep(chance.uniform(0.5, 1.5) * think_s)
        choice = chance.choice(["yes", "no", "cannot_tell"])
        body = json.dumps(
            {
                "submission": f"{chance.getrandbits(64):016x}", "revision": shown["revision"],
                "choices": {"": choice}, "seconds": 2.0, "comment": "",
            }
        ).encode()  # fmt: skip
        begun = time.monotonic()
        path = f"/api/assignments/{shown['id']}/answer"
        headers = {"Content_Type": "application/json", "X_CSRF_Token": token}
        status, _, content = await persist(browser, result, "POST", path, body, **headers)
        result.seconds.append(time.monotonic() - begun)
        result.server_seconds.append(browser.server_seconds)
        if status == 409:  # stored before the reply was lost, and meanwhile the page moved on
            _, _, content = await persist(browser, result, "GET", "/api/next")
            shown = json.loads(content)
            continue
        assert status == 200, (status, content)
        assert shown["id"] not in result.acknowledged, "an assignment was handed out twice"
        result.acknowledged[shown["id"]] = choice
        shown = json.loads(content)["next"]
    result.finished += 1
    browser.hang_up()


async def _load(
    servers: Sequence[ServerProcess],
    *,
    raters: int,
    think_s: float,
    accidents: int,
    every: int,
    accident: Accident,
) -> Result:
    result, stop = Result(), asyncio.Event()
    work = [
        asyncio.create_task(
            rater(servers[seed % len(servers)], think_s=think_s, seed=seed, result=result, stop=stop)
        )
        for seed in range(raters)
    ]
    for _ in range(accidents):
        target = len(result.acknowledged) + every
        while len(result.acknowledged) < target:
            if all(task.done() for task in work):
                await asyncio.gather(*work)
                raise RuntimeError("the raters were done before the last accident; give them more to do")
            await asyncio.sleep(0.02)
        await asyncio.to_thread(accident)
    if accidents:
        stop.set()
    await asyncio.gather(*work)
    return result


Accident = Callable[[], object]


def killed(server: ServerProcess) -> Accident:
    """The accident that kills a server and starts it anew."""

    def accident() -> None:
        server.kill()
        server.start()

    return accident


def run_load(
    servers: Sequence[ServerProcess],
    *,
    raters: int,
    think_s: float,
    accidents: int = 0,
    every: int = 0,
    accident: Accident | None = None,
) -> Result:
    """Let raters work at once, spread over the servers, each thinking about `think_s` seconds a picture.

    An accident happens each time that `every` more answers are acknowledged, so a slow machine changes nothing; by
    default the first server is killed and started anew. All are stopped in the end, so that their processor time is
    known.
    """
    before, begun = os.times(), time.monotonic()
    try:
        happens = accident or killed(servers[0])
        work = _load(
            servers, raters=raters, think_s=think_s, accidents=accidents, every=every, accident=happens
        )
        result = asyncio.run(work)
        result.wall_s = time.monotonic() - begun
    finally:
        for server in servers:
            server.stop()
    after = os.times()
    result.server_cpu_s = sum(after[2:4]) - sum(before[2:4])
    result.raters_cpu_s = sum(after[:2]) - sum(before[:2])
    return result


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass
class PostgresServer:
    """Debian's PostgreSQL in a temporary folder, run by an unprivileged user, behind a socket there."""

    folder: Path
    as_user: list[str]
    databases: int = 0

    @property
    def url(self) -> str:
        """Of the database made last."""
        return f"postgresql://genspace@/study{self.databases}?host={self.folder}"

    def make_database(self) -> None:
        bin_ = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.databases += 1
        self.run(str(bin_ / "createdb"), "-h", str(self.folder), "-U", "genspace", f"study{self.databases}")

    def run(self, *command: str) -> None:
        # Nothing is captured: a server that is started would keep the pipe open.
        subprocess.run(
            [*self.as_user, *command],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def control(self, *words: str) -> None:
        bin_ = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.run(str(bin_ / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *words)

    def start(self) -> None:
        options = f"-c listen_addresses= -k {self.folder} -c max_connections=60"
        self.control("-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        self.control("-m", "fast", "stop")

    def restart(self) -> None:
        self.stop()
        self.start()

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[PostgresServer]:
        bin_ = max(Path("/usr/lib/postgresql").glob("*/bin"))
        folder = Path(tempfile.mkdtemp(prefix="genspace-pg-", dir="/tmp"))
        as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]
        server = cls(folder, as_user)
        data = ("-D", str(folder / "data"), "-U", "genspace", "--auth=trust", "-E", "UTF8", "--no-sync")
        server.run(str(bin_ / "initdb"), *data)
        server.start()
        try:
            server.make_database()
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # stopped already
                server.stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server for as long as the context lasts; yields its URL."""
    with PostgresServer.running() as server:
        yield server.url
