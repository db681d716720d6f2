"""How a human study stands, how it was done, what groups were chosen: `status`, `describe`, `scale`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genspace.cli._console import print_json, put, results, say
from genspace.cli.annotate._shared import JsonOption, StudyArgument, annotate, remind_of_retention, to_read

if TYPE_CHECKING:
    from genspace.human_study.watching.scaling import Scale
    from genspace.human_study.watching.status import Agreement, StudyStatus


@annotate.command(epilog="Example: genspace annotate status my-study --json")
def status(study: StudyArgument, json_: JsonOption = False) -> None:
    """Show progress, agreement between raters, careless raters, and what is registered."""
    from genspace.human_study.watching.monitor import study_status

    with to_read(study) as (store, material):
        found = study_status(store, material)
        remind_of_retention(study, store, material.design.retention_days)
    if json_:
        print_json(found.to_json())
        return
    for remark in (*found.notes, *found.rules_that_cannot_fire):
        say(remark)
    results().print(_status_table(found))


@annotate.command(epilog="Example: genspace annotate describe my-study")
def describe(study: StudyArgument, json_: JsonOption = False) -> None:
    """Print a paragraph for the paper: participants, consent, payment, exclusions, agreement."""
    from genspace.human_study.watching.describe import describe as described

    with to_read(study) as (store, material):
        found = described(store, material)
    if json_:
        print_json(found.to_json())
        return
    put(found.text())


By = Literal["generator", "item"]


@annotate.command(epilog="Example: genspace annotate scale my-study --by generator")
def scale(
    study: StudyArgument,
    by: Annotated[By, typer.Option(help="Scale generators or single items.")] = "generator",
    json_: JsonOption = False,
) -> None:
    """Scale generators from best–worst choices and rankings, by counting and by maximum likelihood."""
    from genspace.human_study.watching.scaling import scale_choices

    with to_read(study) as (store, material):
        found = scale_choices(store.snapshot().recorded, material.items, by=by)
    if json_:
        print_json(found.to_json())
        return
    results().print(_scale_table(found, by))


def _scale_table(found: Scale, by: By) -> Any:
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (by.capitalize(), "Shown", "Best - worst", "± s.e.", "Log strength", "± s.e. "):
        table.add_column(name, justify="left" if name == by.capitalize() else "right")
    for thing in found.things:
        figures = (thing.count, thing.count_se, thing.strength, thing.strength_se)
        cells = ["–" if figure is None else f"{figure:.3f}" for figure in figures]
        table.add_row(thing.name, str(thing.shown), *cells)
    half = "undefined" if found.split_half is None else f"{found.split_half:.2f}"
    words = f"{found.choices} answers; split-half reliability of the counts {half}"
    return Group(table, "", words if found.reason is None else f"{words}; no strengths: {found.reason}")


def _status_table(found: StudyStatus) -> Any:
    from rich.console import Group
    from rich.table import Table

    progress, time, both = found.progress, found.time, found.agreement
    summary = Table.grid(padding=(0, 2))
    summary.add_row("Study", f"{found.title} ({found.protocol}), {found.state}")
    summary.add_row("Registered", found.registration.sentence())
    for amendment in found.registration.amendments:
        summary.add_row("", f"amended: {amendment.reason} ({amendment.changed})")
    for update in found.registration.updates:
        summary.add_row("", f"changed {update.changed}")
    summary.add_row(
        "Answers", f"{progress.answered} of {progress.wanted}; {progress.items_done} items complete"
    )
    summary.add_row("Raters agree", _agreement_words(both.everybody))
    if both.excluded:
        rest = _agreement_words(both.after_exclusion)
        summary.add_row("", f"{rest} without the {both.excluded} whom the rules leave out")
    pace = "nobody has answered in the last hour"
    if time.per_hour:
        pace = f"{time.per_hour:.0f} pictures an hour, {time.hours_left:.1f} hours left at this pace"
    summary.add_row("Pace", pace)
    ended = [
        f"{o.raters} {name.replace('_', ' ')}"
        + ("" if o.owed is None else f" ({o.owed:.2f} {found.currency})".replace(" )", ")"))
        for name, o in found.outcomes.items()
        if o.raters
    ]
    summary.add_row("Visits ended", ", ".join(ended) or "none")
    raters = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Rater", "Pictures", "Known answers", "Repeats alike", "Seconds", "Ended", "Flags"):
        raters.add_column(name, justify="left" if name in {"Rater", "Ended", "Flags"} else "right")
    for rater in found.raters:
        figures = rater.quality
        raters.add_row(
            figures.rater_id,
            str(figures.answered),
            _share(figures.gold_accuracy, figures.gold),
            _share(figures.repeat_agreement, figures.repeats),
            "–" if figures.median_seconds is None else f"{figures.median_seconds:.1f}",
            figures.outcome.replace("_", " "),
            "; ".join(figures.excluded),
        )
    return Group(summary, "", raters) if found.raters else summary


def _agreement_words(found: Agreement) -> str:
    if found.value is None:
        return f"– ({found.reason})"
    name = found.name.replace("krippendorff_alpha", "Krippendorff's alpha").replace("_", ", ")
    interval = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{name} {found.value:.2f}{interval}, n = {found.n}"


def _share(value: float | None, n: int) -> str:
    return "–" if value is None else f"{value:.0%} of {n}"
