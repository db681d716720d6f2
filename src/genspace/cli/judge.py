"""`genspace judge`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import as_flags, messages, print_json, results
from genspace.cli._options import JsonFlag, SeedOption
from genspace.errors import InputError

if TYPE_CHECKING:
    from genspace.judges import Judge, JudgeContext, JudgeSpec
    from genspace.records import JsonValue, Verdict
    from genspace.runner import RunEstimate, RunOptions, RunPlan, RunSummary
    from genspace.study import Study

__all__ = [
    "AllowHosts",
    "DryRun",
    "JudgeNames",
    "MaxUsd",
    "Overrides",
    "asking",
    "common_context",
    "judge",
    "made_judge",
    "print_estimate",
    "print_summary",
    "run_judge",
]

log = logging.getLogger(__name__)

SHOWN_FAILURES = 10

JudgeNames = Annotated[
    list[str],
    typer.Option("--judge", help="KIND[:MODEL], or the name of a table \\[judges.NAME]; repeatable."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("-o", "--option", help="NAME.key=value: override an option of a judge; repeatable."),
]
MaxUsd = Annotated[
    float | None, typer.Option(min=0, help="Stop when all judges together have spent this amount.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Ask nothing; print the number of requests and their cost.")
]
Engine = Annotated[
    Literal["local", "ray"], typer.Option(help="Where judges run: in this process or on Ray workers.")
]
Show = Annotated[
    bool, typer.Option("--show", help="With --dry-run: print what would be sent for the first item.")
]


AllowHosts = Annotated[
    list[str] | None,
    typer.Option(help="HOST[:PORT] to which a judge of the study may send an API key; repeatable."),
]
ForgetLearned = Annotated[
    bool,
    typer.Option("--forget-learned", help="Test again which options each server refuses, before judging."),
]


@app.command(
    epilog="Examples: genspace judge my-study --judge scene · "
    "genspace judge my-study --judge vlm:gpt-4.1 --dry-run --show"
)
def judge(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    judge: JudgeNames,
    option: Overrides = None,
    limit: Annotated[int | None, typer.Option(help="Ask about at most this many items.")] = None,
    retry: Annotated[str, typer.Option(help="Ask again about: none, errors, abstentions, all.")] = "none",
    shard: Annotated[str, typer.Option(help="i/n: only the i-th of n disjoint parts of the items.")] = "1/1",
    without_prompt: Annotated[
        bool,
        typer.Option("--without-prompt", help="Ask models about the predicate alone, without the prompt."),
    ] = False,
    repeats: Annotated[
        int, typer.Option(help="Number of times to ask about each item, for random judges.")
    ] = 1,
    max_usd: MaxUsd = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Store the verdicts as a draft, which tables leave out.")
    ] = False,
    allow_host: AllowHosts = None,
    forget_learned: ForgetLearned = False,
    dry_run: DryRun = False,
    show: Show = False,
    seed: SeedOption = 0,
    engine: Engine = "local",
    address: Annotated[
        str | None, typer.Option(help="With --engine ray: address of a running cluster.")
    ] = None,
    replicas: Annotated[int, typer.Option(help="With --engine ray: number of workers.")] = 2,
    gpus: Annotated[float, typer.Option(help="With --engine ray: share of a GPU for each worker.")] = 0.0,
    batch: Annotated[int, typer.Option(help="With --engine ray: items per batch.")] = 16,
    as_json: JsonFlag = False,
) -> None:
    """Score the items with one or more judges; an interrupted run resumes."""
    from genspace.judges import resolve, study_context
    from genspace.ray_engine import RayOptions, run_ray
    from genspace.runner import INTERRUPTED, RunOptions, estimate, stop_on_interrupt
    from genspace.store import JudgeStore
    from genspace.study import open_study

    opened = open_study(study)
    option = [*(option or []), *(f"{name}.without_prompt=true" for name in judge if without_prompt)]
    options = RunOptions(limit=limit, retry=retry, shard=_parse_shard(shard), repeats=repeats)
    specs = resolve(judge, opened.declared.judges, option)
    base = common_context(seed, max_usd, allow_host)
    documents, incomplete = [], False
    for spec in specs:
        with made_judge(spec, study_context(opened, option, base)) as made:
            if forget_learned:
                _forget(made)
            if dry_run:
                told = estimate(opened, made, spec.name, options)
                documents.append(_estimate_document(told, show=show))
                if not as_json:
                    print_estimate(told, show=show)
                continue
            if draft:
                JudgeStore(opened.root, spec.name).describe(draft=True)
            if engine == "ray":
                ray_options = RayOptions(address=address, replicas=replicas, gpus=gpus, batch=batch)
                with stop_on_interrupt(_stopping) as stop:
                    summary = run_ray(
                        opened,
                        spec,
                        options,
                        ray_options,
                        base=base,
                        overrides=option,
                        progress=_progress,
                        stop=stop,
                    )
            else:
                summary = run_judge(made, spec, opened, options)
        documents.append(_summary_document(summary))
        incomplete |= bool(summary.status["failed"] or summary.stopped)
        if not as_json:
            print_summary(summary)
        if summary.stopped == INTERRUPTED:
            break
    if as_json:
        print_json(documents)
    if incomplete:
        raise typer.Exit(1)


def _forget(made: Judge) -> None:
    from genspace.judges import Combining, Settling

    if isinstance(made, Combining):
        for member in made.members.values():
            _forget(member)
    elif isinstance(made, Settling):
        made.forget_learned()


def _parse_shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit()):
        raise InputError(f"--shard {text!r}: i/n is expected, for example 1/4")
    return int(part), int(parts)


def run_judge(made: Judge, spec: JudgeSpec, study: Study, options: RunOptions) -> RunSummary:
    """Ask a judge about a study's items, with progress; Ctrl-C finishes what is in flight."""
    from genspace.runner import run, stop_on_interrupt

    with stop_on_interrupt(_stopping) as stop:
        return run(study, made, spec.name, options, progress=_progress, stop=stop)


def common_context(seed: int, max_usd: float | None, allow_host: list[str] | None) -> JudgeContext:
    """Return what all judges of a command are made with: one budget, and hosts that may be sent a key."""
    from genspace.checkpoints import cache_dir
    from genspace.cli._user import allowed_hosts
    from genspace.judges import Budget, JudgeContext

    budget, hosts = None if max_usd is None else Budget(max_usd), allowed_hosts(allow_host)
    return JudgeContext(cache_dir=cache_dir(), seed=seed, budget=budget, allowed_hosts=hosts)


@contextmanager
def made_judge(spec: JudgeSpec, context: JudgeContext) -> Iterator[Judge]:
    """Make a judge, and close it at the end."""
    from genspace.judges import make_judge

    made = make_judge(spec, context)
    with ExitStack() as stack:
        stack.callback(getattr(made, "close", lambda: None))
        yield made


@contextmanager
def asking(
    base: JudgeContext, *, quiet: bool
) -> Iterator[
    tuple[Callable[[JudgeSpec, Study], Judge], Callable[[Judge, JudgeSpec, Study, RunOptions], RunSummary]]
]:
    """Give what makes judges, all on one budget, and what has them asked; closes them at the end."""
    from genspace.judges import study_context

    with ExitStack() as stack:

        def make(spec: JudgeSpec, of: Study) -> Judge:
            return stack.enter_context(made_judge(spec, study_context(of, base=base)))

        def ask(made: Judge, spec: JudgeSpec, of: Study, options: RunOptions) -> RunSummary:
            summary = run_judge(made, spec, of, options)
            if not quiet:
                print_summary(summary)
            return summary

        yield make, ask


def _stopping() -> None:

    messages().print("stopping: what is in flight is finished and kept; Ctrl-C again stops at once")


@contextmanager
def _progress(name: str) -> Iterator[tuple[Callable[[RunPlan], None], Callable[[Verdict], None]]]:
    """Show a judge's progress, abstentions, failures and cost; the log file has every failure."""
    from genspace.cli._progress import Meter

    counts = Counter[str]()
    spent = 0.0

    def so_far() -> str:
        text = f"{counts['abstained']} abstained, {counts['failed']} failed"
        return text + (f", {_usd(spent)}" if spent else "")

    def on_start(plan: RunPlan) -> None:
        meter.start(plan.total)
        if plan.already_done:
            messages().print(f"{name}: {plan.already_done:,} done before, {plan.total:,} to do")

    def on_verdict(verdict: Verdict) -> None:
        nonlocal spent
        counts[verdict.status] += 1
        spent += verdict.cost_usd or 0.0
        meter.advance()
        if verdict.status == "failed":
            log.debug("%s: failed %s: %s", name, verdict.item_id, verdict.reason)

    with Meter(name, more=so_far) as meter:
        yield on_start, on_verdict


def _usd(amount: float) -> str:
    """Return an amount with enough digits to tell it from nothing.

    >>> _usd(12.345), _usd(0.0042)
    ('$12.35', '$0.0042')
    """
    return f"${amount:.2f}" if amount >= 0.1 or not amount else f"${amount:.2g}"


def _summary_document(summary: RunSummary) -> dict[str, JsonValue]:

    document: dict[str, JsonValue] = {
        "judge": summary.judge,
        "asked": summary.asked,
        "already_done": summary.already_done,
        "decided": summary.status["decided"],
        "abstained": summary.status["abstained"],
        "failed": summary.status["failed"],
        "tokens": summary.tokens,
        "cost_usd": round(summary.cost_usd, 6),
        "stopped": as_flags(summary.stopped) if summary.stopped else None,
        "failures": [{"item_id": v.item_id, "reason": v.reason} for v in summary.failures],
    }
    if summary.members:
        document["members"] = [_summary_document(m) for m in summary.members]
    return document


def print_summary(summary: RunSummary) -> None:
    """Say what a run did, its members' runs first."""
    from rich.markup import escape

    for member in summary.members:
        print_summary(member)
    status = summary.status
    line = f"{summary.judge}: {status.total():,} judged: {status['decided']:,} decided, "
    line += f"{status['abstained']:,} abstained, {status['failed']:,} failed"
    line += f"; {summary.already_done:,} done before" if summary.already_done else ""
    line += f"; {_usd(summary.cost_usd)}" if summary.cost_usd else ""
    line += f"; {summary.stopped}" if summary.stopped else ""
    results().print(escape(as_flags(line)))
    for verdict in summary.failures[:SHOWN_FAILURES]:
        messages().print(f"[red]failed[/] {escape(verdict.item_id)}: {escape(verdict.reason or '')}")
    if status["failed"] > SHOWN_FAILURES:
        messages().print(f"… and {status['failed'] - SHOWN_FAILURES:,} more failures in the verdict files")
    if summary.failures:
        messages().print("ask again about failed items with --retry errors")


def _estimate_document(told: RunEstimate, *, show: bool) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {
        "judge": told.judge,
        "to_do": told.to_do,
        "already_done": told.already_done,
    }
    if told.cost is not None:
        document |= {k: v for k, v in asdict(told.cost).items() if k != "text"}
    if told.members:
        document["members"] = [_estimate_document(member, show=False) for member in told.members]
    if show:
        document["shown"] = told.cost.text if told.cost else ""
    return document


def print_estimate(told: RunEstimate, *, show: bool) -> None:
    """Say how much would be asked, sent and spent; of a combination first by its members."""
    from rich.markup import escape

    for member in told.members:
        print_estimate(member, show=False)
    line = f"{told.judge}: {told.to_do:,} items to judge, {told.already_done:,} done before"
    cost = told.cost
    if cost is not None:
        most_tokens = "without limit" if cost.most_tokens is None else f"at most {cost.most_tokens:,}"
        price = "price unknown" if cost.cost_usd is None else f"about {_usd(cost.cost_usd)}"
        if cost.most_usd:
            price += f", at most {_usd(cost.most_usd)}"
        line += f"; {cost.calls:,} calls (at most {cost.most_calls:,}), about {cost.tokens:,} tokens ({most_tokens})"
        line += f", {price}"
    results().print(escape(line))
    if show:
        results().print(escape(cost.text if cost and cost.text else "this judge sends nothing"))
