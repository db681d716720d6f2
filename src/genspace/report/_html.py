"""The HTML report: one self-contained file that opens offline, the answer first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.report._answer import answer
from genspace.report._part import Part, Section
from genspace.report._plots import forest
from genspace.report._sections import SECTIONS
from genspace.report._table import LABELS, figure_text, number

if TYPE_CHECKING:
    from genspace.study import Study

__all__ = ["html_report"]


@dataclass(frozen=True)
class _Shown:
    """One question's part of the page, with the sections that have something to show."""

    part: Part
    sections: list[tuple[Section, Any]]

    @classmethod
    def of(cls, part: Part) -> _Shown:
        built = ((section, section.build(part)) for section in SECTIONS)
        return cls(part, [(section, data) for section, data in built if data])


def html_report(
    document: Mapping[str, Any],
    manifest: Mapping[str, Any],
    study: Study | None = None,
    folder: Path | None = None,
) -> str:
    """Return the report of one comparison.

    Args:
        document: after schemas/comparison.schema.json.
        manifest: shown at the end, so that the figures can be made again.
        study: where pictures, prompts and single answers are taken from; None: ids only.
        folder: where the page will lie, for links to full images; None: no links.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genspace.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        number=number, figure=figure_text, label=lambda key: LABELS.get(key, key), percent=_percent
    )
    questions = {"": document, **document.get("questions", {})}
    parts = [
        Part(f"q{place}", name, found, study, folder) for place, (name, found) in enumerate(questions.items())
    ]
    return environment.get_template("report.html.j2").render(
        study=document["study"],
        reference=parts[0].reference,
        parts=[_Shown.of(part) for part in parts],
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False),
        css=files("genspace.report").joinpath("templates/report.css").read_text(encoding="utf-8"),
        answer=answer,
        forest=forest,
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
