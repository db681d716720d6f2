"""`genspace judge`."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genspace.cli._app import app
from genspace.cli._options import JsonFlag, SeedOption
from genspace.errors import InputError

if TYPE_CHECKING:
    from genspace.judges import Judge, JudgeSpec
    from genspace.ray_engine import RayOptions
    from genspace.records import Verdict
    from genspace.runner import RunOptions, RunPlan, RunSummary
    from genspace.study import Study

__all__ = ["judge"]

log = logging.getLogger(__name__)

SHOWN_FAILURES = 10
LINE_EVERY_S = 30.0

JudgeNames = Annotated[
    list[str],
    typer.Option("--judge", help="KIND[:MODEL], or the name of a table \\[judges.NAME]; repeatable."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("-o", "--option", help="NAME.key=value: override an option of a judge; repeatable."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Ask nothing; say how much would be asked and its cost.")
]
Engine = Annotated[
    Literal["local", "ray"], typer.Option(help="Where judges run: this process, or Ray workers.")
]
Show = Annotated[
    bool, typer.Option("--show", help="With --dry-run: print what would be sent for the first item.")
]


@app.command(
    epilog="Examples: genspace judge my-study --judge scene · "
    "genspace judge my-study --judge vlm:gpt-4.1 --dry-run --show"
)
def judge(
    study: Annotated[Path, typer.Argument(help="The study's folder.")],
    judges: JudgeNames,
    option: Overrides = None,
    limit: Annotated[int | None, typer.Option(help="Ask at most so many items.")] = None,
    retry: Annotated[str, typer.Option(help="Ask again about: none, errors, abstentions, all.")] = "none",
    shard: Annotated[str, typer.Option(help="i/n: only the i-th of n disjoint parts of the items.")] = "1/1",
    without_prompt: Annotated[
        bool,
        typer.Option("--without-prompt", help="Ask models about the predicate alone, the prompt hidden."),
    ] = False,
    repeats: Annotated[int, typer.Option(help="Ask each item so often, for judges that are random.")] = 1,
    max_usd: Annotated[
        float | None, typer.Option(help="Stop when all judges together have spent so much.")
    ] = None,
    dry_run: DryRun = False,
    show: Show = False,
    seed: SeedOption = 0,
    engine: Engine = "local",
    address: Annotated[
        str | None, typer.Option(help="With --engine ray: address of a running cluster.")
    ] = None,
    replicas: Annotated[int, typer.Option(help="With --engine ray: how many workers hold the judge.")] = 2,
    gpus: Annotated[float, typer.Option(help="With --engine ray: share of a GPU for each worker.")] = 0.0,
    batch: Annotated[int, typer.Option(help="With --engine ray: items handed to a worker at a time.")] = 16,
    as_json: JsonFlag = False,
) -> None:
    """Score the items with one or several judges; resumes where it stopped."""
    from genspace.cli._console import cache_dir, print_json
    from genspace.judges import Budget, make_judge, resolve, study_context
    from genspace.ray_engine import RayOptions
    from genspace.runner import INTERRUPTED, RunOptions
    from genspace.store import JudgeStore
    from genspace.study import open_study

    opened = open_study(study)
    option = [*(option or []), *(f"{name}.without_prompt=true" for name in judges if without_prompt)]
    options = RunOptions(limit=limit, retry=retry, shard=_parse_shard(shard), repeats=repeats)
    specs = resolve(judges, opened.declared.judges, option)
    context: dict[str, Any] = {
        "overrides": option,
        "cache_dir": cache_dir(),
        "seed": seed,
        "budget": None if max_usd is None else Budget(max_usd),
    }
    documents, incomplete = [], False
    for spec in specs:
        if spec.variant is not None and not dry_run:
            JudgeStore(opened.root, spec.name).describe(spec.variant)
        if engine == "ray" and not dry_run:
            ray_options = RayOptions(address=address, replicas=replicas, gpus=gpus, batch=batch)
            summary = _run_on_ray(spec, opened, options, ray_options, context)
        else:
            made = make_judge(spec, study_context(opened, **context))
            with ExitStack() as stack:
                stack.callback(getattr(made, "close", lambda: None))
                if dry_run:
                    documents.append(_dry_run(made, spec, opened, options, show=show, quiet=as_json))
                    continue
                summary = _run(made, spec, opened, options)
        documents.append(_summary_document(summary))
        incomplete |= bool(summary.status["failed"] or summary.stopped)
        if not as_json:
            _print_summary(summary)
        if summary.stopped == INTERRUPTED:
            break
    if as_json:
        print_json(documents)
    if incomplete:
        raise typer.Exit(1)


def _parse_shard(text: str) -> tuple[int, int]:
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit()):
        raise InputError(f"--shard {text!r}: i/n is expected, for example 1/4")
    return int(part), int(parts)


def _run(made: Judge, spec: JudgeSpec, study: Study, options: RunOptions) -> RunSummary:
    from genspace.cli._console import messages
    from genspace.runner import run, stop_on_interrupt

    def notify() -> None:
        messages().print("stopping: what is in flight is finished and kept; Ctrl-C again stops at once")

    with stop_on_interrupt(notify) as stop, _progress(spec.name) as (on_start, on_verdict):
        return run(study, made, spec.name, options, on_start=on_start, on_verdict=on_verdict, stop=stop)


def _run_on_ray(
    spec: JudgeSpec, study: Study, options: RunOptions, ray_options: RayOptions, context: Mapping[str, Any]
) -> RunSummary:
    from genspace.ray_engine import run_ray

    with _progress(spec.name) as (on_start, on_verdict):
        return run_ray(
            study, spec, options, ray_options, context=context, on_start=on_start, on_verdict=on_verdict
        )


@contextmanager
def _progress(name: str) -> Iterator[tuple[Callable[[RunPlan], None], Callable[[Verdict], None]]]:
    """Show rate, time left, abstentions, failures and cost: a bar on a terminal, a line now and then elsewhere.

    The lines and every failure stand in the log file either way.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from genspace.cli._console import messages

    counts = {"abstained": 0, "failed": 0, "usd": 0.0}
    lines = logging.DEBUG if messages().is_terminal else logging.INFO
    said = time.monotonic()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[counts]}"), TimeElapsedColumn(), TimeRemainingColumn(),
        console=messages(), disable=not messages().is_terminal,
    )  # fmt: skip
    task = bar.add_task(name, total=None, rate="", counts="")

    def on_start(plan: RunPlan) -> None:
        bar.update(task, total=plan.total)
        if plan.already_done:
            messages().print(f"{name}: {plan.already_done:,} done before, {plan.total:,} to do")

    def on_verdict(verdict: Verdict) -> None:
        if verdict.status in counts:
            counts[verdict.status] += 1
        counts["usd"] += verdict.cost_usd or 0.0
        text = f"{counts['abstained']} abstained, {counts['failed']} failed"
        text += f", {_usd(counts['usd'])}" if counts["usd"] else ""
        shown = bar.tasks[0]
        rate = f"{shown.speed:.1f}/s" if shown.speed else ""
        bar.update(task, advance=1, counts=text, rate=rate)
        if verdict.status == "failed":
            log.debug("%s: failed %s: %s", name, verdict.item_id, verdict.reason)
        nonlocal said
        if time.monotonic() - said >= LINE_EVERY_S:
            said = time.monotonic()
            left = f", {timedelta(seconds=round(shown.time_remaining))} left" if shown.time_remaining else ""
            done = f"{shown.completed:,.0f} of {shown.total:,.0f}"
            log.log(lines, "%s: %s, %s%s, %s", name, done, rate, left, text)

    with bar:
        yield on_start, on_verdict


def _usd(amount: float) -> str:
    """Return an amount with enough digits to tell it from nothing.

    >>> _usd(12.345), _usd(0.0042)
    ('$12.35', '$0.0042')
    """
    return f"${amount:.2f}" if amount >= 0.1 or not amount else f"${amount:.2g}"


def _summary_document(summary: RunSummary) -> dict[str, object]:
    return {
        "judge": summary.judge,
        "asked": summary.asked,
        "already_done": summary.already_done,
        "decided": summary.status["decided"],
        "abstained": summary.status["abstained"],
        "failed": summary.status["failed"],
        "tokens": summary.tokens,
        "cost_usd": round(summary.cost_usd, 6),
        "stopped": summary.stopped,
        "failures": [{"item_id": v.item_id, "reason": v.reason} for v in summary.failures],
    }


def _print_summary(summary: RunSummary) -> None:
    from rich.markup import escape

    from genspace.cli._console import messages, out

    status = summary.status
    line = f"{summary.judge}: {status.total():,} judged: {status['decided']:,} decided, "
    line += f"{status['abstained']:,} abstained, {status['failed']:,} failed"
    line += f"; {summary.already_done:,} done before" if summary.already_done else ""
    line += f"; {_usd(summary.cost_usd)}" if summary.cost_usd else ""
    line += f"; {summary.stopped}" if summary.stopped else ""
    out().print(escape(line))
    for verdict in summary.failures[:SHOWN_FAILURES]:
        messages().print(f"[red]failed[/] {escape(verdict.item_id)}: {escape(verdict.reason or '')}")
    if status["failed"] > SHOWN_FAILURES:
        messages().print(f"… and {status['failed'] - SHOWN_FAILURES:,} more failures in the verdict files")
    if summary.failures:
        messages().print("ask again about failed items with --retry errors")


def _dry_run(
    made: Judge, spec: JudgeSpec, study: Study, options: RunOptions, *, show: bool, quiet: bool
) -> dict[str, object]:
    """Count what would be asked, sent and spent; nothing is."""
    from rich.markup import escape

    from genspace.cli._console import out
    from genspace.judges import Previewing
    from genspace.runner import plan

    planned = plan(study, made, spec.name, options)
    document: dict[str, object] = {
        "judge": spec.name,
        "to_do": planned.total,
        "already_done": planned.already_done,
    }
    line = f"{spec.name}: {planned.total:,} items to judge, {planned.already_done:,} done before"
    shown = ""
    if isinstance(made, Previewing):
        calls = tokens = 0
        cost: float | None = 0.0
        for request in planned.requests:
            preview = made.preview(request)
            shown = shown or preview.text
            calls, tokens = calls + preview.calls, tokens + preview.tokens
            cost = None if cost is None or preview.cost_usd is None else cost + preview.cost_usd
        document |= {"calls": calls, "tokens": tokens, "cost_usd": cost}
        price = "price unknown" if cost is None else f"about {_usd(cost)}"
        line += f"; {calls:,} calls, about {tokens:,} tokens, {price}"
    if show:
        document["shown"] = shown
    if not quiet:
        out().print(escape(line))
        if show:
            out().print(escape(shown or "this judge sends nothing"))
    return document
