"""Answers in and out: `export`, `import`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._console import print_json, put, say
from genspace.cli.annotate._shared import JsonOption, StudyArgument, annotate, opened, to_read
from genspace.errors import InputError


@annotate.command(
    epilog="Examples: genspace annotate export my-study answers.csv; genspace annotate export my-study hub/ "
    "(a folder that datasets.load_dataset reads)"
)
def export(
    study: StudyArgument,
    target: Annotated[
        Path,
        typer.Argument(
            help="answers.csv, answers.jsonl, label-studio.json, payments.csv, survey.csv, or a folder for "
            "Hugging Face datasets. The name decides what is written.",
            show_default=False,
        ),
    ],
    comments: Annotated[
        bool, typer.Option("--comments/--no-comments", help="Include raters' comments.")
    ] = True,
) -> None:
    """Write the answers to a file. `genspace compare` does not need one; it reads the answers directly."""
    with to_read(study) as (store, material):
        from genspace.human_study.exchange.exporting import export_text, write_huggingface

        if target.suffix:
            text = export_text(store, material, target.name, comments=comments)
            with _writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="")
        else:
            with _writing(target):
                write_huggingface(store, material, target, comments=comments)
    say(f"Wrote {target}")


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None


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
            help="What export wrote, and it comes back unchanged; or, made elsewhere, a table with item_id, rater_id, "
            "value, an export of Label Studio, Potato or Mechanical Turk, or a Hugging Face data set."
        ),
    ],
    from_names: Annotated[
        list[str] | None,
        typer.Option(
            "--from-name",
            help="Which question of the other tool this study asks: NAME, or NAME=QUESTION; repeatable.",
        ),
    ] = None,
    rater: Annotated[str, typer.Option("--rater", help="The rater of answers that name nobody.")] = "",
    prolific: Annotated[
        bool, typer.Option("--prolific", help="The file is Prolific's list of participants.")
    ] = False,
    mturk: Annotated[
        bool, typer.Option("--mturk", help="The file is a batch's results from Mechanical Turk.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Import answers, or a platform's data on its participants."""
    with opened(study) as (store, material):
        from genspace.human_study.exchange.importing import import_answers
        from genspace.human_study.exchange.reconcile import reconcile

        if told := store.prepare(material).of_update():
            say(told)
        found: dict[str, int] | dict[str, list[str]]
        if prolific or mturk:
            platform = "prolific" if prolific else "mturk"
            found = reconcile(store, material, source, platform=platform).to_json()
        else:
            found = asdict(import_answers(store, material, source, from_names=from_names or (), rater=rater))
    if json_:
        print_json(found)
        return
    for name, value in found.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        put(f"{name.replace('_', ' '):<24} {words or '–'}")
