"""Designing and serving a human study: `init`, `serve`, `links`, `invite`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from genspace.cli._console import print_json, put, say
from genspace.cli.annotate._shared import (
    ALL_LOCAL,
    JsonOption,
    StudyArgument,
    annotate,
    base_of,
    opened,
    remind_of_retention,
)
from genspace.errors import optional_import

LOCAL_URL = f"http://{ALL_LOCAL}:8000"


class Renewable(StrEnum):
    """The links that can be made anew."""

    RATERS = "raters"
    RESEARCHER = "researcher"


@annotate.command(
    epilog="Examples: genspace annotate init my-study --raters 5 --gold gold.csv --contact 'Ada, ada@example.org'; "
    "genspace annotate init my-study --protocol likert --languages en,fr"
)
def init(
    study: StudyArgument,
    protocol: Annotated[
        str, typer.Option(help="binary, likert, slider, pairwise, best_worst or ranking.")
    ] = "binary",
    raters: Annotated[int, typer.Option(min=1, help="Raters per item.")] = 3,
    gold: Annotated[
        str | None,
        typer.Option(help="Table in the study with known answers: item_id, value, use, explanation."),
    ] = None,
    repeats: Annotated[int, typer.Option(min=0, help="One repeated image per this many; 0: none.")] = 20,
    contact: Annotated[str, typer.Option(help="Contact for raters: name and address.")] = "",
    title: Annotated[str | None, typer.Option(help="Title of the raters' pages.")] = None,
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
    public_url: Annotated[str | None, typer.Option(help="Public address (https://…) for the links.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Trust X-Forwarded-* of a proxy on this machine.")
    ] = False,
    amend: Annotated[
        str | None,
        typer.Option(help="Reason for a change of the study after the first answer; it is recorded."),
    ] = None,
    from_the_start: Annotated[
        bool,
        typer.Option(
            "--from-the-start",
            help="With --amend: apply changed known answers to earlier answers too.",
        ),
    ] = False,
) -> None:
    """Serve the study and print the raters' and the researcher's links."""
    for package in ("fastapi", "uvicorn", "sqlalchemy", "python_multipart"):
        optional_import(package, extra="web", needed_for="genspace annotate serve")
    from genspace.human_study.visit.platforms import Links
    from genspace.human_study.web.app import listen, open_site
    from genspace.human_study.web.app import serve as run

    base = base_of(public_url) if public_url else ""
    https = base.startswith("https://")
    if host != ALL_LOCAL and not https:
        say(
            "Raters' cookies would travel unencrypted. For anything but a private network put a proxy with TLS in "
            "front: --behind-proxy --public-url https://…"
        )
    path = urlsplit(base).path
    with (
        open_site(study, https=https, prefix=path, amend=amend, from_the_start=from_the_start) as site,
        listen(host, port) as listening,
    ):
        remind_of_retention(study, site.store, site.material.design.retention_days)
        for remark in site.remarks:
            say(remark)
        here = f"[{host}]" if ":" in host else host
        base = base or f"http://{here}:{listening.getsockname()[1]}"
        links = Links(site.store, site.material.design.crowd, base)
        put(f"Raters      {links.rater}\nResearcher  {links.researcher}")
        say("Stop with Ctrl-C; answers are on disk as soon as a rater sees the next picture.")
        run(site, listening, behind_proxy=behind_proxy)


@annotate.command(epilog="Example: genspace annotate links my-study --renew researcher")
def links(
    study: StudyArgument,
    renew: Annotated[
        list[Renewable] | None,
        typer.Option(help="Replace a link and disable the old one: raters or researcher."),
    ] = None,
    public_url: Annotated[str, typer.Option(help="Public address of the study.")] = LOCAL_URL,
    json_: JsonOption = False,
) -> None:
    """Print the raters' and the researcher's links, or replace links that have leaked."""
    from genspace.human_study.visit.platforms import Links

    secrets: dict[str, Literal["join_token", "researcher_token"]] = {
        "raters": "join_token", "researcher": "researcher_token",
    }  # fmt: skip
    with opened(study) as (store, material):
        for which in renew or ():
            store.renew_secret(secrets[which.value])
        made = Links(store, material.design.crowd, base_of(public_url))
        found = {"raters": made.rater, "researcher": made.researcher}
    if json_:
        print_json(found)
        return
    put(f"Raters      {found['raters']}\nResearcher  {found['researcher']}")


@annotate.command(
    epilog="Example: genspace annotate invite my-study 5 --public-url https://study.example.org"
)
def invite(
    study: StudyArgument,
    number: Annotated[int, typer.Argument(min=1, max=1000, help="Number of personal links.")],
    public_url: Annotated[str, typer.Option(help="Public address of the study.")] = LOCAL_URL,
    json_: JsonOption = False,
) -> None:
    """Print personal links, which work on any device. Each is shown only once."""
    from genspace.human_study.visit.platforms import Links

    base = base_of(public_url)
    with opened(study) as (store, material):
        links = Links(store, material.design.crowd, base)
        rows = [{"rater_id": r, "link": links.personal(secret)} for r, secret in store.invite(number)]
    if json_:
        print_json(rows)
        return
    for row in rows:
        put(f"{row['rater_id']}  {row['link']}")
