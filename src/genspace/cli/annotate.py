"""`genspace annotate …`: ask people, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genspace.cli._app import app
from genspace.errors import InputError, optional_import

if TYPE_CHECKING:
    from genspace.human_study.material import Material
    from genspace.human_study.store import AnswerStore

__all__ = ["annotate"]

annotate = typer.Typer(
    name="annotate",
    help="Ask people what they see, in a browser: design, serve, watch, export.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(annotate)

StudyArgument = Annotated[Path, typer.Argument(help="The study's folder.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ALL_LOCAL = "127.0.0.1"


@contextmanager
def _opened(study: Path) -> Iterator[tuple[AnswerStore, Material]]:
    """Open a study's answers for a command that neither serves nor changes the design."""
    optional_import("sqlalchemy", extra="web", needed_for="genspace annotate")
    from genspace.human_study.material import load_material
    from genspace.human_study.store import AnswerStore

    material = load_material(study)
    store = AnswerStore(study, material.design)
    try:
        yield store, material
    finally:
        store.close()


def _say(text: str) -> None:
    from genspace.cli._console import messages

    messages().print(text, markup=False)


def _remind_of_retention(study: Path, store: AnswerStore, days: int) -> None:
    """Say when identifiers, sessions or comments are kept for longer than the raters were told."""
    from genspace.human_study.housekeeping import purge as count

    overdue = count(store, days=days, dry_run=True)
    if any(overdue.values()):
        what = ", ".join(f"{number} {name}" for name, number in overdue.items() if number)
        _say(
            f"Kept for longer than retention_days = {days}: {what}. Drop with: genspace annotate purge {study}"
        )


@annotate.command(
    epilog="Examples: genspace annotate init my-study --raters 5 --gold gold.csv --contact 'Ada, ada@example.org'; "
    "genspace annotate init my-study --protocol likert --languages en,fr"
)
def init(
    study: StudyArgument,
    protocol: Annotated[str, typer.Option(help="binary, likert or pairwise.")] = "binary",
    raters: Annotated[int, typer.Option(min=1, help="Raters per item.")] = 3,
    gold: Annotated[
        str | None,
        typer.Option(help="Table in the study with known answers: item_id, value, use, explanation."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=0, help="One repeated picture in so many; 0: none.")] = 20,
    contact: Annotated[str, typer.Option(help="Who answers raters' questions: name and address.")] = "",
    title: Annotated[str | None, typer.Option(help="What raters read at the top of every page.")] = None,
    languages: Annotated[
        str,
        typer.Option(
            help="Languages of the raters' pages, the default first. For others than en and de the texts are written "
            "to texts.LANGUAGE.toml, to be translated."
        ),
    ] = "en",
) -> None:
    """Write a commented annotate.toml into a study."""
    from genspace.human_study.design import DESIGN_FILE, write_design
    from genspace.study import open_study

    opened = open_study(study)
    path = study / DESIGN_FILE
    write_design(
        path,
        title=title or opened.settings.name,
        protocol=protocol,
        raters_per_item=raters,
        gold_file=gold,
        repeats_every=repeats,
        contact=contact,
        languages=tuple(dict.fromkeys(code.strip() for code in languages.split(","))),
    )
    _say(f"Wrote {path}. Read it through, then: genspace annotate serve {study}")


@annotate.command(
    epilog="Examples: genspace annotate serve my-study, or behind a proxy: "
    "genspace annotate serve my-study --behind-proxy --public-url https://study.example.org"
)
def serve(
    study: StudyArgument,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = ALL_LOCAL,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    public_url: Annotated[
        str | None, typer.Option(help="Address under which raters reach it (https://…), for the links.")
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Trust X-Forwarded-* of a proxy on this machine.")
    ] = False,
    amend: Annotated[
        str | None, typer.Option(help="Why the design changed after the first answer; kept on record.")
    ] = None,
) -> None:
    """Serve the study and print the raters' and the researcher's links."""
    for package in ("fastapi", "uvicorn", "sqlalchemy", "python_multipart"):
        optional_import(package, extra="web", needed_for="genspace annotate serve")
    from genspace.cli._console import out
    from genspace.human_study.web.app import Links, open_site
    from genspace.human_study.web.app import serve as run

    https = (public_url or "").startswith("https://")
    if host != ALL_LOCAL and not https:
        _say(
            "Raters' cookies would travel unencrypted. For anything but a private network put a proxy with TLS in "
            "front: --behind-proxy --public-url https://…"
        )
    with open_site(study, https=https, amend=amend) as site:
        _remind_of_retention(study, site.store, site.material.design.retention_days)
        links = Links(site, public_url or f"http://{host}:{port}")
        out().print(f"Raters      {links.rater}\nResearcher  {links.researcher}", markup=False)
        _say("Stop with Ctrl-C; answers are on disk as soon as a rater sees the next picture.")
        run(site, host=host, port=port, behind_proxy=behind_proxy)


@annotate.command(
    epilog="Example: genspace annotate invite my-study 5 --public-url https://study.example.org"
)
def invite(
    study: StudyArgument,
    number: Annotated[int, typer.Argument(min=1, max=1000, help="How many personal links.")],
    public_url: Annotated[str, typer.Option(help="Address under which raters reach the study.")] = (
        f"http://{ALL_LOCAL}:8000"
    ),
    json_: JsonOption = False,
) -> None:
    """Print personal links, which work on any device; each is shown only once."""
    from genspace.cli._console import out, print_json

    with _opened(study) as (store, _):
        invited = store.invite(number)
    rows = [{"rater_id": r, "link": f"{public_url.rstrip('/')}/i/{secret}"} for r, secret in invited]
    if json_:
        print_json(rows)
        return
    for row in rows:
        out().print(f"{row['rater_id']}  {row['link']}", markup=False)


@annotate.command(epilog="Example: genspace annotate status my-study --json")
def status(study: StudyArgument, json_: JsonOption = False) -> None:
    """Show progress, people's agreement with each other, and who answers carelessly."""
    from genspace.cli._console import out, print_json
    from genspace.human_study.monitor import study_status

    with _opened(study) as (store, material):
        document = study_status(store, material)
        _remind_of_retention(study, store, material.design.retention_days)
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


@annotate.command(
    epilog="Examples: genspace annotate export my-study answers.csv; genspace annotate export my-study hub/ "
    "(a folder that datasets.load_dataset reads)"
)
def export(
    study: StudyArgument,
    target: Annotated[
        Path,
        typer.Argument(
            help="answers.csv, answers.jsonl, label-studio.json, raters.csv (for payment), or a folder for "
            "Hugging Face datasets. The name decides what is written.",
            show_default=False,
        ),
    ],
) -> None:
    """Write the answers to a file; `genspace compare` needs none, it reads them where they are."""
    with _opened(study) as (store, material):
        from genspace.human_study.exporting import export_text, write_huggingface

        if target.suffix:
            text = export_text(store, material, target.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
        else:
            write_huggingface(store, material, target)
    _say(f"Wrote {target}")


@annotate.command(
    "import",
    epilog="Examples: genspace annotate import my-study answers.csv; "
    "genspace annotate import my-study prolific_export.csv --prolific",
)
def import_(
    study: StudyArgument,
    source: Annotated[
        Path,
        typer.Argument(
            help="A table with item_id, rater_id, value; an export of Label Studio, Potato or Mechanical Turk; the "
            "folder of a Hugging Face dataset."
        ),
    ],
    from_name: Annotated[
        list[str] | None,
        typer.Option(
            "--from-name",
            help="Which question of the other tool this study asks: NAME, or NAME=QUESTION; repeatable.",
        ),
    ] = None,
    rater: Annotated[str, typer.Option("--rater", help="Whose the answers are that name nobody.")] = "",
    prolific: Annotated[
        bool, typer.Option("--prolific", help="The file is Prolific's list of participants.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Add answers made elsewhere, or what Prolific says about its participants."""
    from genspace.cli._console import out, print_json

    with _opened(study) as (store, material):
        from genspace.human_study.importing import import_answers
        from genspace.human_study.prolific import import_prolific

        store.prepare(material)
        found: dict[str, Any]
        found = (
            import_prolific(store, material, source)
            if prolific
            else dict(import_answers(store, material, source, from_names=from_name or (), rater=rater))
        )
    if json_:
        print_json(found)
        return
    for name, value in found.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        out().print(f"{name.replace('_', ' '):<24} {words or '–'}", markup=False)


def _set_state(study: Path, state: Any, done: str) -> None:
    with _opened(study) as (store, _):
        store.set_state(state)
    _say(done)


@annotate.command(epilog="Example: genspace annotate pause my-study")
def pause(study: StudyArgument) -> None:
    """Hand out no more pictures for now; answers to those handed out are still taken."""
    _set_state(study, "paused", "Paused. Go on with: genspace annotate resume")


@annotate.command(epilog="Example: genspace annotate resume my-study")
def resume(study: StudyArgument) -> None:
    """Hand out pictures again."""
    _set_state(study, "open", "Open.")


@annotate.command(epilog="Example: genspace annotate close my-study")
def close(study: StudyArgument) -> None:
    """End the study: raters who come are thanked."""
    _set_state(study, "closed", "Closed.")


@annotate.command(epilog="Example: genspace annotate forget my-study r-7kq2m9xd")
def forget(
    study: StudyArgument,
    rater: Annotated[str, typer.Argument(help="The rater's code, or the platform's identifier.")],
) -> None:
    """Delete everything one rater left; the items are asked about anew."""
    with _opened(study) as (store, _):
        from genspace.human_study.housekeeping import forget as delete

        number = delete(store, rater)
    _say(f"Deleted: the rater, {number} answered pictures, sessions and comments.")


@annotate.command(epilog="Example: genspace annotate purge my-study --dry-run")
def purge(
    study: StudyArgument,
    days: Annotated[
        float | None, typer.Option(min=0, help="Days since a rater was last seen; default: retention_days.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json_: JsonOption = False,
) -> None:
    """Drop platform identifiers, sessions and comments that are old enough; answers stay under the pseudonym."""
    from genspace.cli._console import out, print_json

    with _opened(study) as (store, material):
        from genspace.human_study.housekeeping import purge as drop

        days = material.design.retention_days if days is None else days
        counts = drop(store, days=days, dry_run=dry_run)
    if json_:
        print_json(counts)
        return
    verb = "Would drop" if dry_run else "Dropped"
    out().print(
        f"{verb} identifiers of {counts['raters']} raters, {counts['sessions']} sessions, {counts['comments']} comments"
    )


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} {text!r}: give whole numbers with commas between them, such as 50,100,200"
        ) from None


@annotate.command(
    epilog="Examples: genspace annotate plan --reliability 0.5 --agreement 0.75 0.65 --wage 12 --plot plan.svg; "
    "from a pilot: genspace annotate plan --study my-study --judges vqa,clip"
)
def plan(
    study: Annotated[Path | None, typer.Option(help="A study whose answers serve as the pilot.")] = None,
    judges: Annotated[
        str | None, typer.Option(help="Two judges of the pilot to tell apart, with a comma between them.")
    ] = None,
    reliability: Annotated[
        float | None,
        typer.Option(help="Correlation of two people's ratings of an item; default: the pilot's."),
    ] = None,
    agreement: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Each judge's correlation with the mean of very many people."),
    ] = None,
    prompts: Annotated[str, typer.Option(help="Numbers of prompts to try.")] = "50,100,200,400",
    raters: Annotated[str, typer.Option(help="Numbers of raters per item to try.")] = "1,2,3,5",
    per_prompt: Annotated[int | None, typer.Option(min=1, help="Items (generators) of each prompt.")] = None,
    power: Annotated[
        float, typer.Option(min=0.01, max=0.99, help="Wanted chance to tell the judges apart.")
    ] = 0.8,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds an answer; default: the pilot's.")
    ] = None,
    wage: Annotated[float | None, typer.Option(min=0, help="Pay per hour, in any currency.")] = None,
    fee: Annotated[float, typer.Option(min=0, help="The platform's fee, as a share of the pay.")] = 0.0,
    simulations: Annotated[int, typer.Option(min=20, help="Simulated studies for each size.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Also draw the curve (.svg, .png, .pdf).")] = None,
    json_: JsonOption = False,
) -> None:
    """Say how many items and raters it takes to tell two judges apart, and what that costs."""
    from genspace.cli._console import out, print_json
    from genspace.gather import evidence_of
    from genspace.human_study.planning import Costs, draw_plan, make_plan, plan_assumptions
    from genspace.study import open_study

    assumptions, pilot_seconds = plan_assumptions(
        None if study is None else evidence_of(open_study(study)),
        judges=[j.strip() for j in judges.split(",")] if judges else None,
        reliability=reliability,
        agreement=agreement,
        per_prompt=per_prompt,
    )
    costs = Costs(seconds_per_answer=seconds or pilot_seconds, wage_per_hour=wage, fee_share=fee)
    document = make_plan(
        assumptions,
        costs,
        prompts=_numbers(prompts, "--prompts"),
        raters=_numbers(raters, "--raters"),
        power=power,
        studies=simulations,
        seed=seed,
    )
    if plot is not None:
        draw_plan(document, plot)
        _say(f"Wrote {plot}")
    if json_:
        print_json(document)
        return
    out().print(_plan_table(document))


def _plan_table(document: dict[str, Any]) -> Any:
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "Prompts",
        "Items",
        "Raters",
        "Answers",
        "Power",
        "95 % interval",
        "± figure",
        "Hours",
        "Cost",
    ):
        table.add_column(name, justify="right")
    for row in document["sizes"]:
        found = row["power"]
        interval = "–" if found["low"] is None else f"{found['low']:.2f} to {found['high']:.2f}"
        table.add_row(
            str(row["prompts"]), str(row["items"]), str(row["raters"]), str(row["ratings"]),
            f"{found['value']:.2f}", interval, f"{row['half_width']:.3f}",
            "–" if row["hours"] is None else f"{row['hours']:.1f}",
            "–" if row["cost"] is None else f"{row['cost']:.0f}",
        )  # fmt: skip
    return Group(table, "", document["sentence"])
