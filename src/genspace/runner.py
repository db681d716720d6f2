"""The local runner: asks a judge about every item without a verdict, and stores each verdict at once.

Longer than 400 lines: planning, asking and writing share the promise that nothing is lost or asked twice.
"""

from __future__ import annotations

import logging
import signal
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from types import FrameType
from typing import TYPE_CHECKING

from genspace.display import Displayed
from genspace.errors import GenspaceError, InputError
from genspace.gather import pairs_of
from genspace.judges import BudgetReachedError, Combining, Preview, Previewing, Settling, variant_of
from genspace.records import Item, Request, Verdict
from genspace.store import JudgeStore, Key

if TYPE_CHECKING:
    from genspace.judges import Judge
    from genspace.study import Study

__all__ = [
    "FAILURES_KEPT",
    "INTERRUPTED",
    "RETRIES",
    "Progress",
    "RunEstimate",
    "RunOptions",
    "RunSummary",
    "StopFlag",
    "asked_about_pairs",
    "estimate",
    "run",
]

log = logging.getLogger(__name__)

RETRIES: Mapping[str, frozenset[str]] = {
    "none": frozenset(),
    "errors": frozenset({"failed"}),
    "abstentions": frozenset({"abstained"}),
    "all": frozenset({"decided", "abstained", "failed"}),
}
"""What `--retry` asks again, by the status of the verdict that is there."""
INTERRUPTED = "interrupted; the same command goes on from here"
FAILURES_KEPT = 1000
"""Failed verdicts that a summary holds; all stand in the verdict files and in the log file."""
MAX_FRUITLESS_RESTARTS = 3
"""How often in a row a judge may raise without a verdict before the run gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Which items a run asks about.

    >>> first, second = (RunOptions(shard=(part, 2)) for part in (1, 2))
    >>> [first.holds(item) != second.holds(item) for item in ("a", "b", "c")]  # each item is in one part
    [True, True, True]
    """

    limit: int | None = None
    """Most requests to make."""
    retry: str = "none"
    """Key of `RETRIES`."""
    shard: tuple[int, int] = (1, 1)
    """(i, n): the i-th of n disjoint parts, counted from 1; an item's part depends on its id alone."""
    repeats: int = 1
    """How often each item is asked, for judges that are random."""
    items: Container[str] | None = None
    """Only these items; None: all. A pair belongs to its first one."""

    def __post_init__(self) -> None:
        part, parts = self.shard
        if not 1 <= part <= parts:
            raise InputError(f"`shard` {part}/{parts}: the part must lie in 1 … {parts}")
        if self.retry not in RETRIES:
            raise InputError(f"`retry` {self.retry!r}: choose one of {', '.join(RETRIES)}")
        if self.repeats < 1 or (self.limit is not None and self.limit < 0):
            raise InputError("`repeats` must be at least 1 and `limit` at least 0")

    def holds(self, item_id: str) -> bool:
        """Whether an item is among those that are asked about."""
        part, parts = self.shard
        in_shard = parts == 1 or zlib.crc32(item_id.encode()) % parts == part - 1
        return in_shard and (self.items is None or item_id in self.items)


@dataclass(repr=False)
class RunSummary(Displayed):
    """What a run did.

    >>> summary = RunSummary("clip")
    >>> summary.add(Verdict(item_id="a", status="decided", score=0.8))
    >>> summary.asked, summary.status["decided"]
    (1, 1)
    """

    judge: str
    already_done: int = 0
    """Requests that had a verdict before."""
    status: Counter[str] = field(default_factory=Counter)
    """Verdicts by status."""
    cost_usd: float = 0.0
    tokens: int = 0
    failures: list[Verdict] = field(default_factory=list)
    """The first `FAILURES_KEPT`; `status` counts all."""
    stopped: str | None = None
    """Why it ended early; None: it did everything."""
    members: list[RunSummary] = field(default_factory=list)
    """What the combination's members were asked."""

    @property
    def asked(self) -> int:
        """Requests that now have a new verdict."""
        return self.status.total()

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.status[verdict.status] += 1
        self.cost_usd += verdict.cost_usd or 0.0
        self.tokens += verdict.tokens or 0
        if verdict.status == "failed" and len(self.failures) < FAILURES_KEPT:
            self.failures.append(verdict)


class StopFlag:
    """Stops a run: no further requests are handed out, and those in flight are finished and stored.

    >>> stop = StopFlag()
    >>> stop.set()
    >>> bool(stop)
    True
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the run to stop."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()


@contextmanager
def stop_on_interrupt(notify: Callable[[], None]) -> Iterator[StopFlag]:
    """Within the block the first Ctrl-C or SIGTERM sets the yielded flag and calls `notify`; a second stops at once."""
    flag = StopFlag()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if flag:
            raise KeyboardInterrupt
        flag.set()
        notify()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


@dataclass(frozen=True, slots=True, repr=False)
class RunPlan(Displayed):
    """What a run will ask."""

    total: int
    """Number of requests without a verdict."""
    already_done: int
    requests: Iterator[Request]
    """Streamed, so that memory does not grow with the study."""


def asked_about_pairs(judge: Judge) -> bool:
    """Return whether a judge compares pairs, which its attribute `pairwise` says; one without it judges single items.

    >>> from types import SimpleNamespace
    >>> asked_about_pairs(SimpleNamespace(pairwise=True)), asked_about_pairs(SimpleNamespace())
    (True, False)
    """
    return bool(getattr(judge, "pairwise", False))


def plan(study: Study, judge: Judge, name: str, options: RunOptions) -> RunPlan:
    """Find the requests that have no verdict under the judge's fingerprint.

    A judge of pairs is asked about those that people compared, or else about all pairs of items that share a prompt.
    """
    done = JudgeStore(study.kept_in, name).done(judge.fingerprint, retry=RETRIES[options.retry])
    pairs = _pairs(study) if asked_about_pairs(judge) else None
    total = finished = 0
    for key in _keys(study, options, pairs):
        total += 1
        finished += key in done
    pending = total - finished
    limit = pending if options.limit is None else min(options.limit, pending)
    requests = (r for r in _requests(study, options, pairs) if r.key not in done)
    return RunPlan(limit, finished, islice(requests, limit))


def settled_plan(study: Study, judge: Judge, name: str, options: RunOptions) -> RunPlan:
    """Find the pending requests, after the judge has settled what its fingerprint depends on."""
    planned = plan(study, judge, name, options)
    if planned.total and isinstance(judge, Settling) and not judge.settled:
        with suppress(BudgetReachedError):  # it is reached again later, where verdicts are kept
            judge.settle(planned.requests)
        planned = plan(study, judge, name, options)
    return planned


Progress = Callable[
    [str], AbstractContextManager[tuple[Callable[[RunPlan], None], Callable[[Verdict], None]]]
]
"""Shows one judge's progress: takes its name, returns what is called with the plan and then with each verdict."""
Ask = Callable[["Judge", str, RunOptions], RunSummary]
"""Runs a member of a combination, given its name, on the items that the options hold."""


def run(
    study: Study,
    judge: Judge,
    name: str,
    options: RunOptions | None = None,
    *,
    on_verdict: Callable[[Verdict], None] = lambda _: None,
    progress: Progress | None = None,
    stop: StopFlag | None = None,
    ask: Ask | None = None,
) -> RunSummary:
    """Ask `judge` about every pending request and append its verdicts to `verdicts/NAME/`.

    Members of a combination run first. Each runs like a separately named judge, with its own verdicts, progress and
    fingerprint, and with the same `stop`, `retry` and budget; it judges only the items that are needed.

    Args:
        study: The study with the items; verdicts are written into its folder.
        judge: The judge.
        name: The name of its verdicts.
        options: Which items to judge.
        on_verdict: Called with each verdict of the judge.
        progress: Shows the progress of the judge and of each member.
        stop: Ends the run when set.
        ask: Runs a member somewhere else.

    Errors: `InputError` for a wrong option, a missing checkpoint, or verdicts that cannot be written;
    `BudgetReachedError`; `GenspaceError` where the judge answers what was not asked or keeps breaking. Earlier verdicts
    are kept.

    >>> import tempfile
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from genspace import Verdict, open_study
    >>> class Length:
    ...     fingerprint = "length of the prompt, version 1"
    ...
    ...     def judge(self, requests):
    ...         for request in requests:
    ...             yield Verdict.decided(request, score=min(1.0, len(request.item.prompt) / 20))
    >>> folder = Path(tempfile.mkdtemp())
    >>> items = pd.DataFrame({"item_id": ["a", "b"], "prompt": ["a cat on a sofa", "a cat"]})
    >>> items.to_csv(folder / "items.csv", index=False)
    >>> summary = run(open_study(folder), Length(), "length")
    >>> summary.status["decided"], sorted(path.name for path in (folder / "verdicts").iterdir())
    (2, ['length'])
    """
    options = options or RunOptions()
    stop = StopFlag() if stop is None else stop

    def ask_here(member: Judge, member_name: str, wanted: RunOptions) -> RunSummary:
        return run(study, member, member_name, wanted, progress=progress, stop=stop)

    summary = RunSummary(name)
    if isinstance(judge, Combining):
        wanted = [request.item.item_id for request in plan(study, judge, name, options).requests]
        summary.members = _members_asked(judge, wanted, options, ask or ask_here) if wanted else []
        summary.stopped = next((m.stopped for m in summary.members if m.stopped), None)
        if summary.stopped:
            return summary
    planned = settled_plan(study, judge, name, options)
    summary.already_done = planned.already_done
    log.debug("%s: %d to judge, %d done before", name, planned.total, planned.already_done)
    with (
        store_of(study, name).writer() as writer,
        progress(name) if progress else nullcontext((lambda _: None, lambda _: None)) as (started, advanced),
    ):
        started(planned)
        try:
            for verdict in answers(judge, name, planned.requests, stop):
                kept = writer.write(verdict)
                summary.add(kept)
                advanced(kept)
                on_verdict(kept)
        except BudgetReachedError as reached:
            summary.stopped = str(reached)
    if stop:
        summary.stopped = INTERRUPTED
    log.debug("%s: %s", name, dict(summary.status))
    return summary


def store_of(study: Study, name: str) -> JudgeStore:
    """Return where a judge's verdicts are kept; for a variant, note there which judge it varies."""
    store = JudgeStore(study.kept_in, name)
    variant = variant_of(name, study.declared.judges)
    if variant is not None:
        store.describe(variant=variant)
    return store


def _members_asked(
    judge: Combining, item_ids: Collection[str], options: RunOptions, ask: Ask
) -> list[RunSummary]:
    """Have the members asked for all that the combination needs, until one is stopped."""
    summaries = []
    for need in judge.needs(item_ids):
        wanted = RunOptions(retry=options.retry, items=need.item_ids)
        summaries.append(ask(need.judge, need.name, wanted))
        if summaries[-1].stopped:
            break
    return summaries


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEstimate(Displayed):
    """What a run would ask, and what it would send and cost.

    >>> found = RunEstimate(judge="vlm", to_do=150, already_done=10)
    >>> found.to_do, found.cost is None
    (150, True)
    """

    judge: str
    to_do: int
    already_done: int
    cost: Preview | None = None
    """Calls, tokens and USD, its members' included, and what would be sent first; None where nothing would be."""
    members: tuple[RunEstimate, ...] = ()
    """Members of a combination, in the order in which they would be asked."""


def estimate(study: Study, judge: Judge, name: str, options: RunOptions) -> RunEstimate:
    """Estimate the requests and the cost of `run`. Nothing is sent.

    >>> import tempfile
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> from genspace.judges import JudgeContext, JudgeSpec, make_judge
    >>> folder = Path(tempfile.mkdtemp())
    >>> pd.DataFrame({"item_id": ["a", "b"]}).to_csv(folder / "items.csv", index=False)
    >>> judge = make_judge(JudgeSpec(name="boxes", kind="box2d"), JudgeContext())
    >>> estimate(open_study(folder), judge, "boxes", RunOptions(limit=1)).to_do
    1
    """
    planned = plan(study, judge, name, options)
    found = RunEstimate(judge=name, to_do=planned.total, already_done=planned.already_done)
    if isinstance(judge, Combining):
        members = []
        for need in judge.needs([r.item.item_id for r in planned.requests]) if planned.total else ():
            possible = replace(
                options, items=need.item_ids | need.perhaps, limit=None, shard=(1, 1), repeats=1
            )
            member = estimate(study, need.judge, need.name, possible)
            if need.perhaps and member.cost is not None:
                certain = estimate(study, need.judge, need.name, replace(possible, items=need.item_ids))
                member = replace(member, cost=member.cost.from_least(certain.cost))
            members.append(member)
        costs = [member.cost for member in members if member.cost is not None]
        text = next((cost.text for cost in costs), "")
        return replace(found, cost=Preview.together(text, costs) if costs else None, members=tuple(members))
    if isinstance(judge, Previewing):
        first, total = "", Preview.free("")
        for request in planned.requests:
            preview = judge.preview(request)
            first = first or preview.text
            total = Preview.together(first, (total, preview))
        return replace(found, cost=total)
    return found


def answers(
    judge: Judge, name: str, requests: Iterator[Request], stop: StopFlag | None = None
) -> Iterator[Verdict]:
    """Yield one stamped verdict for each request that is handed out before `stop` is set.

    If the judge raises, the requests that it holds become failed verdicts with the error, and it goes on with the
    rest. A judge that raises again and again without a verdict ends the run.

    Errors: `InputError` from the judge (a wrong option, a missing checkpoint) and `BudgetReachedError` at once;
    `GenspaceError` when it answers what was not asked or keeps breaking.
    """
    stop = StopFlag() if stop is None else stop
    mark: str | None = None  # holds from the first verdict on (see `genspace.judges.Settling`)
    fruitless = 0
    while True:
        hand = _OpenRequests(requests, stop)
        try:
            for verdict in judge.judge(hand):
                hand.take(verdict, judge=name)
                fruitless = 0
                mark = mark or judge.fingerprint
                yield verdict.stamped(judge=name, fingerprint=mark)
            reason = "error: the judge gave no verdict"
        except (InputError, BudgetReachedError, _ContractError):
            raise
        except Exception as error:  # noqa: BLE001 - any judge's bug becomes a named failure
            fruitless += 1
            reason = f"error: {type(error).__name__}: {error}"
            log.warning("judge %s: %s", name, reason)
        for request in hand.unanswered():
            yield Verdict.failed(request, reason).stamped(judge=name, fingerprint=mark or judge.fingerprint)
        if fruitless >= MAX_FRUITLESS_RESTARTS:
            raise GenspaceError(f"judge {name!r} broke {fruitless} times without a verdict; last {reason}")
        if hand.exhausted or stop or not fruitless:
            return


class _ContractError(GenspaceError):
    """The judge answered a request that was not made."""


class _OpenRequests:
    """Hands requests to a judge and tracks those without an answer."""

    def __init__(self, requests: Iterator[Request], stop: StopFlag) -> None:
        self._requests = requests
        self._stop = stop
        self._open: dict[Key, Request] = {}
        self.exhausted = False

    def __iter__(self) -> Iterator[Request]:
        while not self._stop:
            request = next(self._requests, None)
            if request is None:
                self.exhausted = True
                return
            self._open[request.key] = request
            yield request

    def take(self, verdict: Verdict, *, judge: str) -> None:
        if self._open.pop(verdict.key, None) is None:
            raise _ContractError(f"judge {judge!r} answered {verdict.key}, which was not asked, or twice")

    def unanswered(self) -> list[Request]:
        return list(self._open.values())


def _keys(study: Study, options: RunOptions, pairs: Sequence[tuple[Item, Item]] | None) -> Iterator[Key]:
    """Yield the keys of `_requests`, for single items without making records."""
    if pairs is not None:
        yield from (r.key for r in _requests(study, options, pairs))
        return
    for item_id in study.iter_item_ids():
        if options.holds(item_id):
            yield from ((item_id, None, None, repeat) for repeat in range(options.repeats))


def _requests(
    study: Study, options: RunOptions, pairs: Sequence[tuple[Item, Item]] | None
) -> Iterator[Request]:
    subjects = pairs if pairs is not None else ((item, None) for item in study.iter_items())
    for item, other in subjects:
        if options.holds(item.item_id):
            for repeat in range(options.repeats):
                yield Request(item=item, other=other, repeat=repeat, files=study.files)


def _pairs(study: Study) -> list[tuple[Item, Item]]:
    """Return the pairs that people compared, else all pairs of items that share a prompt, in canonical order."""
    items = {item.item_id: item for item in study.iter_items()}
    compared = pairs_of(study)
    if not compared:
        by_prompt: dict[str, list[str]] = {}
        for item in items.values():
            by_prompt.setdefault(item.prompt_id or item.prompt or item.item_id, []).append(item.item_id)
        compared = [pair for group in by_prompt.values() for pair in combinations(sorted(group), 2)]
    return [(items[a], items[b]) for a, b in compared]
