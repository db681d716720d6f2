"""What the commands of `genspace annotate` share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import say
from genspace.errors import InputError, optional_import

if TYPE_CHECKING:
    from genspace.human_study.material import Material
    from genspace.human_study.store.answer_store import AnswerStore

annotate = typer.Typer(
    name="annotate",
    help="Run a human study in a browser: design, serve, monitor, export.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(annotate)

StudyArgument = Annotated[Path, typer.Argument(help="The study's folder.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ALL_LOCAL = "127.0.0.1"


@contextmanager
def opened(study: Path) -> Iterator[tuple[AnswerStore, Material]]:
    """Open a study's answers for a command that changes something, but not the design."""
    from genspace.human_study.store.answer_store import AnswerStore

    material = _material(study)
    with closing(AnswerStore(study, material.design)) as store:
        yield store, material


@contextmanager
def to_read(study: Path) -> Iterator[tuple[AnswerStore, Material]]:
    """Open a study's answers for a command that only reads; it works where nothing may be written."""
    from genspace.human_study.store.answer_store import AnswerStore

    material = _material(study)
    with AnswerStore.to_read(study, material.design) as store:
        yield store, material


def _material(study: Path) -> Material:
    optional_import("sqlalchemy", extra="web", needed_for="genspace annotate")
    from genspace.human_study.material import load_material

    return load_material(study)


def base_of(public_url: str) -> str:
    """Return the address under which a study is reached, without a slash at its end.

    Errors: `InputError` for anything but http or https.
    """
    if not public_url.startswith(("http://", "https://")):
        raise InputError(
            f"`public_url` {public_url!r}: give the whole address, such as https://study.example.org"
        )
    return public_url.rstrip("/")


def remind_of_retention(study: Path, store: AnswerStore, days: int) -> None:
    """Say when identifiers, sessions or comments are kept for longer than the raters were told."""
    from genspace.human_study.store.housekeeping import purge as count

    overdue = count(store, days=days, dry_run=True)
    if any(overdue.values()):
        what = ", ".join(f"{number} {name}" for name, number in overdue.items() if number)
        say(
            f"Kept for longer than retention_days = {days}: {what}. Drop with: genspace annotate purge {study}"
        )
