"""Judges on a Ray cluster that stands already: combinations, one budget for all workers, cached answers."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray_kills import PaidRun, at_most_asked_again, kill_and_go_on, stopped
from vlm_support import VlmServer, png

from genspace.errors import GenspaceError
from genspace.judges import JudgeContext, JudgeSpec, resolve
from genspace.ray_engine import RayOptions, _Crew, _encode, _told, _Worker
from genspace.records import Request, Verdict
from genspace.runner import StopFlag
from genspace.store import JudgeStore
from genspace.study import open_study

N = 24
CLUSTER = """
import sys, threading, ray
from ray._private.utils import push_error_to_driver
from ray._private.worker import global_worker
started = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
sys.stdout.write("cluster " + started.address_info["gcs_address"] + "\\n")
sys.stdout.flush()
ended = threading.Event()
def complain():
    while not ended.wait(0.2):
        push_error_to_driver(global_worker, "test", "a node of the cluster complains")
threading.Thread(target=complain, daemon=True).start()
sys.stdin.readline()
ended.set()
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a local cluster that asks for a token; it ends with the process that started it."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield next(line.split()[1] for line in process.stdout if line.startswith("cluster "))
    process.communicate("\n", timeout=60)


def make_study(folder: Path, server: VlmServer) -> Path:
    """Images of which every other is "yes", people who say so, two metrics, a combination of each kind, a paid judge."""
    (folder / "images").mkdir(parents=True)
    (folder / "scores").mkdir()
    items, answers = ["item_id,prompt_id,prompt"], ["item_id,rater_id,value"]
    scores = {"first": ["item_id,score,confidence"], "second": ["item_id,score,confidence"]}
    for n in range(N):
        items.append(f"i{n:02d},p{n // 2},a cow beside a chair")
        answers.append(f"i{n:02d},r,{n % 2}")
        scores["first"].append(f"i{n:02d},{(n * 7 % 10) / 10},{(n * 3 % 10) / 10}")
        scores["second"].append(f"i{n:02d},{0.9 if n % 2 else 0.2},0.9")
        (folder / "images" / f"i{n:02d}.png").write_bytes(png(255 * (n % 2)))
    (folder / "items.csv").write_text("\n".join(items))
    (folder / "annotations.csv").write_text("\n".join(answers))
    for name, rows in scores.items():
        (folder / "scores" / f"{name}.csv").write_text("\n".join(rows))
    (folder / "study.toml").write_text(
        '[judges.together]\nkind = "ensemble"\nmembers = ["first", "second"]\nmethod = "logistic"\n'
        '[judges.frugal]\nkind = "cascade"\nfirst = "first"\nsecond = "second"\n'
        f'[judges.paid]\nkind = "vlm"\nmodel = "copy"\nbase_url = "{server.url("good")}"\n'
        # 0.10 USD a call: 100 input tokens at 1,000 USD a million
        "price_input_usd = 1000.0\nprice_output_usd = 0.0\nconcurrency = 2\n"
    )
    return folder


def answered(verdicts: Iterable[Verdict]) -> dict[str, tuple[Any, ...]]:
    """Return all that must not depend on where an item was judged."""
    found = {v.item_id: (v.status, v.score, v.passed, v.confidence, v.fingerprint) for v in verdicts}
    assert len(found) == N
    return found


@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(300)
def test_an_ensemble_a_shared_budget_and_the_cache_on_a_cluster(
    tmp_path: Path,
    cluster: str,
    server: VlmServer,
    genspace: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    near, far = (make_study(tmp_path / name, server) for name in ("near", "far"))
    assert genspace("judge", near, "--judge", "together").code == 0

    def on_cluster(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        command = [
            "judge",
            str(far),
            *arguments,
            *f"--engine ray --address {cluster} --batch 4 --json".split(),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "genspace", *command],
            capture_output=True,
            text=True,
            timeout=280,
            env=os.environ,
        )
        assert done.stdout, done.stderr[-2000:]
        assert "a node of the cluster complains" in done.stderr
        return done.returncode, json.loads(done.stdout)

    code, told = on_cluster("--judge", "together", "--judge", "paid", "--max-usd", "1")
    assert code == 1
    assert told[0]["stopped"] is None
    assert answered(JudgeStore(far, "together").current().values()) == answered(
        JudgeStore(near, "together").current().values()
    )
    assert told[1]["stopped"].startswith("the budget of 1 USD is spent (1.")
    # Ten calls spend it. Two workers, each with two calls in flight: three may have begun when the tenth was paid.
    assert 10 <= server.log()["calls"] <= 13
    (rest,) = json.loads(genspace("judge", far, "--judge", "paid", "--json").out)
    assert rest["already_done"] + rest["decided"] == N
    assert server.log()["calls"] == N, "what the workers paid for is replayed, not asked again"


@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(300)
def test_a_signal_loses_nothing_and_a_kill_two_seconds_of_work(tmp_path: Path) -> None:
    """The short form of tests/verify/verify_ray.py: an orderly end, then a killed worker and a killed driver."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    run = PaidRun(tmp_path, 240)
    assert stopped(run, 30, signal.SIGTERM) == 1
    assert 30 <= run.written == len(run.paid) < 240  # what was in flight is finished and kept
    loss = kill_and_go_on(run, kills=2)
    assert (loss.of_workers, loss.of_drivers) == (1, 1)
    assert loss.asked_again <= at_most_asked_again(loss)
    assert run.written == 240  # each once
    assert {i: v.status for (i, *_), v in JudgeStore(run.study, "paid").current().items()} == {
        i: "abstained" if zlib.crc32(i.encode()) / 2**32 < 0.1 else "decided" for i in set(run.paid)
    }


def test_a_worker_tells_what_it_has_while_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict does not wait for the one after it."""
    go_on = threading.Event()

    class Waits:
        fingerprint = "waits"

        def judge(self, requests):
            for n, request in enumerate(requests):
                if n == 1:
                    assert go_on.wait(30)
                yield Verdict.decided(request, score=float(n))

    monkeypatch.setattr("genspace.ray_engine.TOLD_EVERY_S", 0.05)
    monkeypatch.setattr("genspace.ray_engine.make_judge", lambda spec, context: Waits())
    (tmp_path / "items.csv").write_text("item_id\na\nb\nc\n")
    study = open_study(tmp_path)
    worker = _Worker(str(tmp_path), JudgeSpec(name="waits", kind="planted"), (), JudgeContext())
    telling = worker.tell([_encode(Request(item=item, files=study.files)) for item in study.iter_items()])
    assert [json.loads(text)["item_id"] for text in next(telling)] == ["a"]
    go_on.set()
    assert [json.loads(text)["item_id"] for told in telling for text in told] == ["b", "c"]


def test_an_item_that_kills_its_worker_fails_and_the_others_are_judged(tmp_path: Path) -> None:
    """By a planted cluster: whoever has "poison" in hand dies; a batch's other items are handed out alone."""
    (tmp_path / "items.csv").write_text("item_id\n" + "".join(f"i{n}\n" for n in range(6)) + "poison\n")
    study = open_study(tmp_path)
    crew = _Crew(PlantedRay(), PlantedWorker, RayOptions(replicas=2, batch=3), StopFlag())
    requests = [Request(item=item, files=study.files) for item in study.iter_items()]
    found = {v.item_id: (v.status, v.reason) for v in crew.verdicts(iter(requests))}
    assert found.pop("poison") == ("failed", "error: 3 workers died while they judged this item")
    assert found == {f"i{n}": ("decided", None) for n in range(6)}
    with pytest.raises(GenspaceError, match="one Ray worker after the other died"):
        list(
            _Crew(PlantedRay(), lambda: PlantedWorker(alive=False), RayOptions(), StopFlag()).verdicts(
                iter(requests)
            )
        )


class PlantedRay:
    """As much of Ray as the engine asks for; tellings are plain generators."""

    class DiedError(Exception): ...

    exceptions = SimpleNamespace(RayActorError=DiedError, ObjectLostError=DiedError)

    def wait(self, tellings, num_returns):
        return tellings[:num_returns], tellings[num_returns:]

    def get(self, told):
        return told

    def kill(self, worker): ...


class PlantedWorker:
    def __init__(self, *, alive=True):
        self.alive = alive
        self.tell = self

    def options(self, **_):
        return self

    def remote(self, encoded):
        for text in encoded:
            item_id = json.loads(text)["item"]["item_id"]
            self.alive &= item_id != "poison"
            if not self.alive:
                break
            yield [json.dumps(Verdict(item_id=item_id, score=1.0).to_json())]
        if not self.alive:
            raise PlantedRay.DiedError("the actor died")


def test_a_worker_answers_as_a_cascade_does_here(
    tmp_path: Path, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    study = open_study(make_study(tmp_path / "study", server))
    assert genspace("judge", study.root, "--judge", "frugal").code == 0
    (spec,) = resolve(["frugal"], study.declared.judges)
    worker = _Worker(str(study.root), spec, (), JudgeContext())
    asked = [_encode(Request(item=item, files=study.files)) for item in study.iter_items()]
    remote = [Verdict.from_json(json.loads(text)) for told in worker.tell(asked) for text in told]
    assert answered(remote) == answered(JudgeStore(study.root, "frugal").current().values())


def test_a_worker_tells_of_a_verdict_that_json_cannot_hold() -> None:
    details: list[dict[str, object]] = [{"a": float("nan")}, {"a": object()}, {"a": "NaN"}]
    given = (Verdict(item_id="i", score=1.0, details=said, seconds=2.0) for said in details)
    told = [Verdict.from_json(json.loads(text)) for text in _told(given)]
    assert [verdict.status for verdict in told] == ["failed", "failed", "decided"]
    assert [verdict.seconds for verdict in told] == [2.0, 2.0, 2.0]
    assert "cannot be written as JSON" in str(told[0].reason)
