"""What is done to a study that runs: `pause`, `resume`, `close`, `release`, `reclaim`, `forget`, `purge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genspace.cli._console import print_json, put, results, say
from genspace.cli.annotate._shared import JsonOption, StudyArgument, annotate, opened


def _set_state(study: Path, state: Any, done: str) -> None:
    with opened(study) as (store, _):
        store.set_state(state)
    say(done)


@annotate.command(epilog="Example: genspace annotate pause my-study")
def pause(study: StudyArgument) -> None:
    """Pause the study: assign no more images, but accept answers to assigned ones."""
    _set_state(study, "paused", "Paused. Go on with: genspace annotate resume")


@annotate.command(epilog="Example: genspace annotate resume my-study")
def resume(study: StudyArgument) -> None:
    """Resume the study: assign images again."""
    _set_state(study, "open", "Open.")


@annotate.command(epilog="Example: genspace annotate close my-study")
def close(study: StudyArgument) -> None:
    """End the study: thank raters who arrive, and accept no more answers."""
    _set_state(study, "closed", "Closed.")


@annotate.command(epilog="Example: genspace annotate release my-study 5f0c1d2e3b4a596877665544")
def release(
    study: StudyArgument,
    rater: Annotated[str, typer.Argument(help="The rater's code, or the platform's identifier.")],
) -> None:
    """Let a platform's participant continue in another browser than the one they began in."""
    with opened(study) as (store, _):
        rater_id = store.release(rater)
    say(f"Released: {rater_id} may go on in another browser, from the platform's link.")


@annotate.command(epilog="Example: genspace annotate reclaim my-study --dry-run")
def reclaim(
    study: StudyArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be asked again.")] = False,
    json_: JsonOption = False,
) -> None:
    """Reassign the items of excluded or returned raters; their answers are kept and marked."""
    with opened(study) as (store, _):
        from genspace.human_study.store.housekeeping import reclaim as ask_again

        found = ask_again(store, dry_run=dry_run)
    if json_:
        print_json({"raters": list(found.raters), "answers": found.answers})
        return
    verb = "Would ask" if dry_run else "Asked"
    put(f"{verb} again for {found.answers} answers of {len(found.raters)} raters")


@annotate.command(epilog="Example: genspace annotate forget my-study r-7kq2m9xd")
def forget(
    study: StudyArgument,
    rater: Annotated[str, typer.Argument(help="The rater's code, or the platform's identifier.")],
) -> None:
    """Delete all data of one rater; the items are asked about again."""
    with opened(study) as (store, _):
        from genspace.human_study.store.housekeeping import forget as delete

        number = delete(store, rater)
    say(f"Deleted: the rater, {number} answered pictures, sessions and comments.")


@annotate.command(epilog="Example: genspace annotate purge my-study --dry-run")
def purge(
    study: StudyArgument,
    days: Annotated[
        float | None, typer.Option(min=0, help="Days since a rater was last seen (default: retention_days).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    json_: JsonOption = False,
) -> None:
    """Delete old platform identifiers, sessions and comments; answers are kept under the pseudonym."""
    with opened(study) as (store, material):
        from genspace.human_study.store.housekeeping import purge as drop

        days = material.design.retention_days if days is None else days
        counts = drop(store, days=days, dry_run=dry_run)
    if json_:
        print_json(counts)
        return
    verb = "Would drop" if dry_run else "Dropped"
    results().print(
        f"{verb} identifiers of {counts['raters']} raters, {counts['sessions']} sessions, {counts['comments']} comments"
    )
