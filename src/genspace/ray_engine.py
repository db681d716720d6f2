"""`--engine ray`: the same verdicts on several processes or machines, through Ray Data.

Judges live in actors, each with its share of a GPU; Ray Data streams requests to them with back-pressure and gives the
work of a lost actor to another one. Verdicts come back to the driver, which alone writes them, as Parquet shards, so
that a retried request is still written once.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict, dataclass
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

from genspace.errors import GenspaceError, InputError, optional_import
from genspace.judges import (
    Budget,
    BudgetReachedError,
    Combining,
    Judge,
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
    RunPlan,
    RunSummary,
    answers,
    run,
    settled_plan,
    store_of,
)
from genspace.store import JudgeStore, write_shard
from genspace.study import Study, open_study

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["RayOptions", "run_ray"]

SHARD_VERDICTS = 4096
"""Verdicts of one Parquet shard; also what a killed driver may have to ask again."""
BLOCKS_PER_WORKER = 4
"""At least, where there are enough requests, so that workers end together."""
MOST_REQUESTS = 1024
"""Requests in one block."""

ENDINGS: Mapping[str, type[GenspaceError]] = {
    "budget": BudgetReachedError,
    "input": InputError,
    "judge": GenspaceError,
}
"""Errors that end a run, by the name under which a worker tells them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RayOptions:
    """Where and how wide to run."""

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

    def __init__(self, root: str, spec: JudgeSpec, context: Mapping[str, Any]) -> None:
        self.study = open_study(root)
        self.name = spec.name
        self.judge = make_judge(spec, study_context(self.study, **context))

    def __call__(self, batch: dict[str, np.ndarray[Any, Any]]) -> dict[str, list[str]]:
        requests = (_decode(text, self.study) for text in batch["request"])
        told = _told(answers(self.judge, self.name, requests))
        return {"verdict": [json.dumps(document, ensure_ascii=False) for document in told]}


def run_ray(
    study: Study,
    spec: JudgeSpec,
    options: RunOptions,
    ray_options: RayOptions,
    *,
    context: Mapping[str, Any],
    progress: Progress | None = None,
) -> RunSummary:
    """Judge the pending requests on Ray and write Parquet shards to `verdicts/NAME/`.

    The members of a combination run on Ray one after the other; what it makes of them is computed here.

    Args:
        study: a study folder that every worker can open under the same path.
        spec: which judge; made once in each actor.
        options: which items, as for the local engine.
        ray_options: cluster, replicas, GPUs, batch.
        context: for `study_context`: `overrides`, `cache_dir`, `seed`, …; all workers draw on one budget.
        progress: shows how the judge, and each member, gets on.

    Errors: `MissingExtraError` without ray; what the judge raises as `InputError`.
    """
    ray = optional_import("ray", extra="ray", needed_for="the engine ray")
    data = optional_import("ray.data", extra="ray", needed_for="the engine ray")
    made = make_judge(spec, study_context(study, **context))
    if isinstance(made, Combining):

        def ask(_: Judge, name: str, wanted: RunOptions) -> RunSummary:
            own = member_overrides(name, context["overrides"])
            (member,) = resolve([name], study.declared.judges, own)
            return run_ray(study, member, wanted, ray_options, context=context, progress=progress)

        return run(study, made, spec.name, options, progress=progress, ask=ask)
    planned = settled_plan(study, made, spec.name, options)
    summary = RunSummary(spec.name, already_done=planned.already_done)
    if not planned.total:
        return summary
    with (
        progress(spec.name) if progress else nullcontext((lambda _: None, lambda _: None)) as (
            started,
            advanced,
        ),
        _cluster(ray, ray_options.address),
        _shared(ray, context) as shared,
    ):
        started(planned)
        _quieten(data)
        # Requests wait in Ray's object store, which spills to disk, not in the driver's memory.
        blocks = [ray.put(block) for block in _blocks(planned, ray_options)]
        judged = data.from_arrow_refs(blocks).map_batches(
            _Worker,
            fn_constructor_args=(str(study.root.resolve()), spec, shared),
            batch_size=ray_options.batch,
            concurrency=ray_options.replicas,
            num_gpus=ray_options.gpus or None,
        )
        _write(store_of(study, spec.name), _verdicts(judged), summary, advanced)
    return summary


@contextmanager
def _cluster(ray: ModuleType, address: str | None) -> Iterator[None]:
    """Within the block there are workers: those that the caller has, or new ones.

    Ray prints what its cluster reports; standard output is for the answer, so that it goes to standard error.
    """
    with redirect_stdout(sys.stderr):
        if ray.is_initialized():
            yield
            return
        _connect(ray, address)
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def _shared(ray: ModuleType, context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Within the block, the context's budget is one for all workers; what they spent is in it afterwards."""
    budget: Budget | None = context["budget"]
    if budget is None:
        yield dict(context)
        return
    purse = ray.remote(num_cpus=0)(_Purse).remote(budget.spent_usd)
    try:
        yield {**context, "budget": _SharedBudget(budget.limit_usd, purse)}
    finally:
        budget.spent_usd = ray.get(purse.spend.remote(0.0))


def _blocks(planned: RunPlan, options: RayOptions) -> Iterator[pa.Table]:
    """Yield the requests in blocks: what stands together goes to one worker, a batch at a time."""
    import pyarrow as pa

    share = planned.total // (BLOCKS_PER_WORKER * options.replicas)
    size = max(options.batch, min(share, MOST_REQUESTS))
    while block := [_encode(request) for request in islice(planned.requests, size)]:
        yield pa.table({"request": block})


def _quieten(data: ModuleType) -> None:
    """Keep Ray Data's account of its own plans off the terminal; its log files have it."""
    data.DataContext.get_current().enable_progress_bars = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.ERROR)
    # With fewer blocks than workers it advises on blocks.
    warnings.filterwarnings("ignore", category=UserWarning, module="ray.data")


def _connect(ray: ModuleType, address: str | None) -> None:
    """Start workers here, or join a cluster. Errors: `InputError` when there is none at the address."""
    # Its core prints an error about every restartable actor with arguments, which is what workers are.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # whether Ray reports home is its user's to say
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    try:
        if colon:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError) as error:
        raise InputError(
            f"`address` {address}: cannot join a Ray cluster there ({error}); start one with: ray start --head"
        ) from None


def _told(verdicts: Iterator[Verdict]) -> Iterator[dict[str, Any]]:
    """Yield verdicts as documents, and last the error that ended them, which Ray would bury in its own."""
    try:
        for verdict in verdicts:
            yield verdict.to_json()
    except GenspaceError as error:
        kind = next(name for name, kind in ENDINGS.items() if isinstance(error, kind))
        yield {"ended": kind, "message": str(error)}


def _verdicts(judged: Any) -> Iterator[Verdict]:
    for row in judged.iter_rows():
        document = json.loads(row["verdict"])
        if "ended" in document:
            raise ENDINGS[document["ended"]](document["message"])
        yield Verdict.from_json(document)


def _write(
    store: JudgeStore, verdicts: Iterator[Verdict], summary: RunSummary, on_verdict: Callable[[Verdict], None]
) -> None:
    """Write shards as they fill, and the last one also when the run is interrupted."""
    waiting: list[Verdict] = []
    try:
        for verdict in verdicts:
            waiting.append(verdict)
            summary.add(verdict)
            on_verdict(verdict)
            if len(waiting) == SHARD_VERDICTS:
                _shard(store, waiting)
                waiting = []
    except KeyboardInterrupt:
        summary.stopped = INTERRUPTED
    except BudgetReachedError as reached:
        summary.stopped = str(reached)
    finally:
        if waiting:
            _shard(store, waiting)


def _shard(store: JudgeStore, verdicts: list[Verdict]) -> None:
    write_shard((v.to_json() for v in verdicts), store.folder / f"{store.next_number():06d}.parquet")


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
