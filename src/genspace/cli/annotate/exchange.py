"""Answers in and out: `export`, `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from genspace.cli.annotate._shared import JsonOption, StudyArgument, annotate, opened, say


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
    with opened(study) as (store, material):
        from genspace.human_study.exporting import export_text, write_huggingface

        if target.suffix:
            text = export_text(store, material, target.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
        else:
            write_huggingface(store, material, target)
    say(f"Wrote {target}")


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
            help="CSV, JSON Lines or Parquet with item_id, rater_id, value; Label Studio's JSON; a folder that "
            "export wrote for Hugging Face datasets."
        ),
    ],
    prolific: Annotated[
        bool, typer.Option("--prolific", help="The file is Prolific's list of participants.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Add answers made elsewhere, or what Prolific says about its participants."""
    from genspace.cli._console import out, print_json

    with opened(study) as (store, material):
        from genspace.human_study.importing import import_answers
        from genspace.human_study.prolific import import_prolific

        store.prepare(material)
        found: dict[str, Any]
        found = (
            import_prolific(store, material, source)
            if prolific
            else dict(import_answers(store, material, source))
        )
    if json_:
        print_json(found)
        return
    for name, value in found.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        out().print(f"{name.replace('_', ' '):<24} {words or '–'}", markup=False)
