"""How a human study stands: `status`."""

from __future__ import annotations

from typing import Any

from genspace.cli.annotate._shared import JsonOption, StudyArgument, annotate, opened, remind_of_retention


@annotate.command(epilog="Example: genspace annotate status my-study --json")
def status(study: StudyArgument, json_: JsonOption = False) -> None:
    """Show progress, people's agreement with each other, and who answers carelessly."""
    from genspace.cli._console import out, print_json
    from genspace.human_study.monitor import study_status

    with opened(study) as (store, material):
        document = study_status(store, material)
        remind_of_retention(study, store, material.design.retention_days)
    if json_:
        print_json(document)
        return
    out().print(_status_table(document))


def _status_table(document: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    progress, time = document["progress"], document["time"]
    both = document["agreement"]
    summary = Table.grid(padding=(0, 2))
    summary.add_row("Study", f"{document['title']} ({document['protocol']}), {document['state']}")
    summary.add_row(
        "Answers", f"{progress['answered']} of {progress['wanted']}; {progress['items_done']} items complete"
    )
    summary.add_row("Raters agree", _agreement_words(both["everybody"]))
    if both["excluded"]:
        rest = _agreement_words(both["after_exclusion"])
        summary.add_row("", f"{rest} without the {both['excluded']} whom the rules leave out")
    pace = "nobody has answered in the last hour"
    if time["per_hour"]:
        pace = f"{time['per_hour']:.0f} pictures an hour, {time['hours_left']:.1f} hours left at this pace"
    summary.add_row("Pace", pace)
    raters = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Rater", "Pictures", "Known answers", "Repeats alike", "Seconds", "Flags"):
        raters.add_column(name, justify="left" if name in {"Rater", "Flags"} else "right")
    for row in document["raters"]:
        raters.add_row(
            row["rater_id"],
            str(row["answered"]),
            _share(row["gold_accuracy"], row["gold"]),
            _share(row["repeat_agreement"], row["repeats"]),
            "–" if row["median_seconds"] is None else f"{row['median_seconds']:.1f}",
            "; ".join(row["excluded"]),
        )
    return Group(summary, "", raters) if document["raters"] else summary


def _agreement_words(found: dict[str, Any]) -> str:
    if found["value"] is None:
        return f"– ({found['reason']})"
    name = found["name"].replace("krippendorff_alpha", "Krippendorff's alpha").replace("_", ", ")
    interval = "" if found["low"] is None else f" ({found['low']:.2f} to {found['high']:.2f})"
    return f"{name} {found['value']:.2f}{interval}, n = {found['n']}"


def _share(value: float | None, n: int) -> str:
    return "–" if value is None else f"{value:.0%} of {n}"
