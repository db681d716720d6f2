"""`--engine ray`: the same verdicts on several processes or machines, through Ray's actors.

Judges live in actors, each with its share of a GPU. The driver hands them some requests at a time, and alone writes
their verdicts, each as soon as it comes, so that a request that is handed out again is still written once. An actor
sends what it has judged every `TOLD_EVERY_S` seconds, whatever it is still waiting for. A killed driver or worker
loses at most that, and the calls in flight to a model.

Longer than 400 lines: driver and actor speak only to each other.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any

from genspace.errors import GenspaceError, InputError, optional_import
from genspace.judges import (
    Budget,
    BudgetReachedError,
    Combining,
    Judge,
    JudgeContext,
    JudgeSpec,
    make_judge,
    member_overrides,
    resolve,
    study_context,
)
from genspace.records import Item, Request, Verdict
from genspace.runner import (
    INTERRUPTED,
    Progress,
    RunOptions,
    RunSummary,
    StopFlag,
    answers,
    run,
    settled_plan,
    store_of,
)
from genspace.store import Key, as_json
from genspace.study import Study, open_study

__all__ = ["RayOptions", "run_ray"]

log = logging.getLogger(__name__)

TOLD_EVERY_S = 1.0
"""Longest time that a verdict waits in a worker; the documentation promises that a kill costs no more than two."""
IN_HAND = 2
"""Most batches that a worker holds: so many that it never waits for the driver."""
MOST_LOSSES = 3
"""Workers that may die while they hold one request, or one after the other without a verdict."""

ENDINGS: Mapping[str, type[GenspaceError]] = {
    "budget": BudgetReachedError,
    "input": InputError,
    "judge": GenspaceError,
}
"""Errors that end a run, by the name under which a worker tells them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOptions:
    """Where to run, and on how many workers."""

    address: str | None = None
    """Address of a Ray cluster; None: start workers on this machine."""
    replicas: int = 2
    """Actors that each hold the judge."""
    gpus: float = 0.0
    """Share of a GPU for each actor."""
    batch: int = 16
    """Requests handed to an actor at a time."""

    def __post_init__(self) -> None:
        if self.replicas < 1 or self.batch < 1 or self.gpus < 0:
            raise InputError("`replicas` and `batch` must be at least 1, `gpus` at least 0")


class _Purse:
    """An actor: counts what all workers have spent."""

    def __init__(self, spent_usd: float) -> None:
        self.spent_usd = spent_usd

    def spend(self, usd: float) -> float:
        """Count `usd` and return the sum."""
        self.spent_usd += usd
        return self.spent_usd


class _SharedBudget(Budget):
    """A budget that all workers draw on."""

    def __init__(self, limit_usd: float, purse: Any) -> None:
        super().__init__(limit_usd)
        self._purse = purse

    def spend(self, usd: float) -> None:
        self.spent_usd = optional_import("ray", extra="ray", needed_for="the engine ray").get(
            self._purse.spend.remote(usd)
        )

    def check(self) -> None:
        self.spend(0.0)  # learn what the others have spent
        super().check()


class _Worker:
    """An actor: opens the study, makes the judge, and answers batches of requests."""

    def __init__(self, root: str, spec: JudgeSpec, overrides: Sequence[str], base: JudgeContext) -> None:
        self.study = open_study(root)
        self.name = spec.name
        self.judge = make_judge(spec, study_context(self.study, overrides, base))

        self._thread = ThreadPoolExecutor(1)

    def tell(self, requests: Sequence[str]) -> Iterator[list[str]]:
        """Yield the verdicts on encoded requests as they come, those of `TOLD_EVERY_S` seconds at a time."""
        told: SimpleQueue[str] = SimpleQueue()

        def work() -> None:
            asked = (_decode(text, self.study) for text in requests)
            for document in _told(answers(self.judge, self.name, asked)):
                told.put(document)

        working = self._thread.submit(work)
        ended = False
        while not ended:
            ended = bool(wait([working], timeout=TOLD_EVERY_S).done)  # before looking what there is
            if waiting := [told.get() for _ in range(told.qsize())]:
                yield waiting
        working.result()


@dataclass(frozen=True, slots=True)
class _HeldBatch:
    """A batch that a worker is judging."""

    worker: Any
    open: dict[Key, Request]
    """Requests without a verdict."""


def run_ray(
    study: Study,
    spec: JudgeSpec,
    options: RunOptions,
    ray_options: RayOptions,
    *,
    base: JudgeContext,
    overrides: Sequence[str] = (),
    progress: Progress | None = None,
    stop: StopFlag | None = None,
) -> RunSummary:
    """Judge the pending requests on Ray and append their verdicts to `verdicts/NAME/`, each as it comes.

    The members of a combination run on Ray one after the other; what it makes of them is computed here.

    Args:
        study: a study folder that every worker can open under the same path.
        spec: which judge; made once in each actor.
        options: which items, as for the local engine.
        ray_options: cluster, replicas, GPUs, batch.
        base: context outside a study that each worker starts from; all workers draw on one budget.
        overrides: `NAME.key=value`, for the judge's members.
        progress: shows how the judge, and each member, gets on.
        stop: ends the run when it is set; what the workers hold is finished and kept.

    Errors: `MissingExtraError` without ray; what the judge raises as `InputError`; `GenspaceError` where workers die
    again and again.
    """
    ray = optional_import("ray", extra="ray", needed_for="the engine ray")
    stop = StopFlag() if stop is None else stop
    made = make_judge(spec, study_context(study, overrides, base))
    if isinstance(made, Combining):

        def ask(_: Judge, name: str, wanted: RunOptions) -> RunSummary:
            own = member_overrides(name, overrides)
            (member,) = resolve([name], study.declared.judges, own)
            return run_ray(
                study,
                member,
                wanted,
                ray_options,
                base=base,
                overrides=overrides,
                progress=progress,
                stop=stop,
            )

        return run(study, made, spec.name, options, progress=progress, stop=stop, ask=ask)
    planned = settled_plan(study, made, spec.name, options)
    summary = RunSummary(spec.name, already_done=planned.already_done)
    if not planned.total:
        return summary
    with (
        progress(spec.name) if progress else nullcontext((lambda _: None, lambda _: None)) as (
            started,
            advanced,
        ),
        store_of(study, spec.name).writer() as writer,
        _cluster(ray, ray_options.address),
        _shared(ray, base) as shared,
    ):
        started(planned)
        actor = ray.remote(num_cpus=1, num_gpus=ray_options.gpus)(_Worker)
        crew = _Crew(
            ray, partial(actor.remote, str(study.root.resolve()), spec, overrides, shared), ray_options, stop
        )
        try:
            for verdict in crew.verdicts(planned.requests):
                kept = writer.write(
                    verdict
                    if verdict.judge
                    else verdict.stamped(judge=spec.name, fingerprint=made.fingerprint)
                )
                summary.add(kept)
                advanced(kept)
        except BudgetReachedError as reached:
            summary.stopped = str(reached)
    if stop:
        summary.stopped = INTERRUPTED
    return summary


class _Crew:
    """Workers that answer requests; one that dies is replaced, and its requests go to others."""

    def __init__(
        self, ray: ModuleType, engage: Callable[[], Any], options: RayOptions, stop: StopFlag
    ) -> None:
        self._ray, self._engage, self._options, self._stop = ray, engage, options, stop
        self._hands: dict[Any, _HeldBatch] = {}
        """By what a worker will tell."""
        self._again: deque[Request] = deque()
        """Requests that a worker held when it died; each is handed out alone, since one of them may be the cause."""
        self._losses: Counter[Key] = Counter()
        self._deaths = 0
        """Workers that died since the last verdict."""
        self._ending: GenspaceError | None = None
        """What ended the run; nothing is handed out any more."""

    def verdicts(self, requests: Iterator[Request]) -> Iterator[Verdict]:
        """Yield a verdict on each request; after the first error that ends a run, what is in hand, and then raise it.

        Errors: those of `ENDINGS`; `GenspaceError` where workers die without a verdict.
        """
        for _ in range(self._options.replicas):
            self._hand_out(self._engage(), [])  # no request goes to a worker before it is there
        while self._hands:
            first = self._ray.wait([*self._hands], num_returns=1)[0][0]
            hand = self._hands[first]
            try:
                told = self._ray.get(next(first))
            except StopIteration:
                del self._hands[first]
                self._give(hand.worker, requests)
            except (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError) as error:
                yield from self._lost(first, error)
            else:
                for document in map(json.loads, told):
                    if "ended" in document:
                        self._ending = self._ending or ENDINGS[document["ended"]](document["message"])
                    elif (verdict := Verdict.from_json(document)).key in hand.open:
                        del hand.open[verdict.key]
                        self._deaths = 0
                        yield verdict
        if self._ending:
            raise self._ending

    def _give(self, worker: Any, requests: Iterator[Request]) -> None:
        """Hand a worker what it lacks; when nothing is left it has nothing in hand, and ends with the run."""
        ended = self._stop or self._ending
        while not ended and sum(hand.worker is worker for hand in self._hands.values()) < IN_HAND:
            batch = [self._again.popleft()] if self._again else [*islice(requests, self._options.batch)]
            if not batch:
                return
            self._hand_out(worker, batch)

    def _hand_out(self, worker: Any, batch: Sequence[Request]) -> None:
        telling = worker.tell.options(num_returns="streaming").remote([_encode(request) for request in batch])
        self._hands[telling] = _HeldBatch(worker, {request.key: request for request in batch})

    def _lost(self, telling: Any, error: Exception) -> Iterator[Verdict]:
        """Replace the worker that died; yield a failure for each request that it was not the first to die with.

        Errors: `GenspaceError` where one worker after the other dies.
        """
        worker = self._hands[telling].worker
        self._ray.kill(worker)  # it may only be out of reach
        dropped = [self._hands.pop(t) for t, hand in [*self._hands.items()] if hand.worker is worker]
        self._deaths += 1
        if self._deaths > MOST_LOSSES * self._options.replicas:
            raise GenspaceError(
                f"one Ray worker after the other died without a verdict; the last: {error}"
            ) from None
        for request in (request for hand in dropped for request in hand.open.values()):
            self._losses[request.key] += 1
            if self._losses[request.key] < MOST_LOSSES:
                self._again.append(request)
            else:
                yield Verdict.failed(
                    request, f"error: {MOST_LOSSES} workers died while they judged this item"
                )
        log.warning("a Ray worker died and is replaced: %s", str(error).partition("\n")[0])
        self._hand_out(self._engage(), [])


@contextmanager
def _cluster(ray: ModuleType, address: str | None) -> Iterator[None]:
    """Provide workers within the block: the caller's, or new ones.

    Ray prints what its cluster reports; standard output is for the answer, so that it goes to standard error.
    """
    with redirect_stdout(sys.stderr):
        if ray.is_initialized():
            yield
            return
        _connect(ray, address)
        with nullcontext() if address else _guarded(ray.get_runtime_context().get_session_name()):
            try:
                yield
            finally:
                ray.shutdown()


GUARD = """
import os, select, signal, sys
from contextlib import suppress

def processes():
    found = {}
    for number in filter(str.isdigit, os.listdir("/proc")):
        with (
            suppress(OSError, UnicodeDecodeError),
            open(f"/proc/{number}/stat") as stat,
            open(f"/proc/{number}/cmdline") as command,
        ):
            fields = stat.read().rpartition(")")[2].split()
            found[int(number)] = int(fields[1]), fields[19], command.read()  # its parent, and when it started
    return found

session, seen, ended = sys.argv[1], {}, False
while not ended:
    ended = bool(select.select([sys.stdin], [], [], 1.0)[0])  # however the driver ends
    now = processes()
    del now[os.getpid()]
    seen |= {number: start for number, (_, start, command) in now.items() if session in command}
    while further := {n: start for n, (parent, start, _) in now.items() if parent in seen and n not in seen}:
        seen |= further
for number, start in seen.items():
    if number in now and now[number][1] == start:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
"""
"""Ends a Ray session's processes with its driver; some of them outlive a killed one by more than a minute."""


@contextmanager
def _guarded(session: str) -> Iterator[None]:
    """Within the block, all processes of the session end with this one, also where it is killed (on Linux)."""
    if not Path("/proc/self/stat").exists():
        yield
        return
    command = [sys.executable, "-c", GUARD, session]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):  # noqa: S603 - our own text
        yield


@contextmanager
def _shared(ray: ModuleType, context: JudgeContext) -> Iterator[JudgeContext]:
    """Within the block, the context's budget is one for all workers; what they spent is in it afterwards."""
    budget = context.budget
    if budget is None:
        yield context
        return
    purse = ray.remote(num_cpus=0)(_Purse).remote(budget.spent_usd)
    try:
        yield replace(context, budget=_SharedBudget(budget.limit_usd, purse))
    finally:
        budget.spent_usd = ray.get(purse.spend.remote(0.0))


def _connect(ray: ModuleType, address: str | None) -> None:
    """Start workers here, or join a cluster. Errors: `InputError` when there is none at the address."""
    # Its core prints an error about every restartable actor with arguments, which is what workers are.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # reporting to Ray is for the user to allow
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    try:
        if colon:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        with _own_signals():
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError) as error:
        raise InputError(
            f"`address` {address}: cannot join a Ray cluster there ({error}); start one with: ray start --head"
        ) from None
    except (
        Exception
    ) as error:  # a bare one is what Ray raises where the machine is too busy to start it in time
        raise GenspaceError(f"Ray did not start ({error}); the same command goes on from here") from error


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what SIGTERM does here, which is to finish what is in flight; Ray would end the process at once."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def _told(verdicts: Iterator[Verdict]) -> Iterator[str]:
    """Yield verdicts as JSON, and last the error that ended them, which Ray would bury in its own."""
    try:
        for verdict in verdicts:
            yield as_json(verdict)[1].decode()
    except GenspaceError as error:
        kind = next(name for name, kind in ENDINGS.items() if isinstance(error, kind))
        yield json.dumps({"ended": kind, "message": str(error)})


def _encode(request: Request) -> str:
    other = None if request.other is None else asdict(request.other)
    return json.dumps({"item": asdict(request.item), "other": other, "repeat": request.repeat})


def _decode(text: str, study: Study) -> Request:
    document = json.loads(text)
    other = document["other"]
    return Request(
        item=Item(**document["item"]),
        other=None if other is None else Item(**other),
        repeat=document["repeat"],
        files=study.files,
    )
