"""Designing and serving a human study: `init`, `serve`, `invite`."""

from __future__ import annotations

from typing import Annotated

import typer

from genspace.cli.annotate._shared import (
    ALL_LOCAL,
    JsonOption,
    StudyArgument,
    annotate,
    opened,
    remind_of_retention,
    say,
)
from genspace.errors import optional_import


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
    say(f"Wrote {path}. Read it through, then: genspace annotate serve {study}")


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
        say(
            "Raters' cookies would travel unencrypted. For anything but a private network put a proxy with TLS in "
            "front: --behind-proxy --public-url https://…"
        )
    with open_site(study, https=https, amend=amend) as site:
        remind_of_retention(study, site.store, site.material.design.retention_days)
        links = Links(site, public_url or f"http://{host}:{port}")
        out().print(f"Raters      {links.rater}\nResearcher  {links.researcher}", markup=False)
        say("Stop with Ctrl-C; answers are on disk as soon as a rater sees the next picture.")
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

    with opened(study) as (store, _):
        invited = store.invite(number)
    rows = [{"rater_id": r, "link": f"{public_url.rstrip('/')}/i/{secret}"} for r, secret in invited]
    if json_:
        print_json(rows)
        return
    for row in rows:
        out().print(f"{row['rater_id']}  {row['link']}", markup=False)
