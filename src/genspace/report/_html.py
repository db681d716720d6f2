"""The HTML report: one self-contained file that opens offline, the answer first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from genspace.analysis.reliability import COEFFICIENTS
from genspace.documents import to_dict
from genspace.readings import grouped
from genspace.report._answer import Answer, conclude
from genspace.report._manifest import Manifest
from genspace.report._part import Part, Section
from genspace.report._sentences import METHODS, reason_text, remarks_of
from genspace.report._styles import INK, MUTED, RULE
from genspace.report._table import counts, figure_text, number, percent, share_text
from genspace.report._words import glossary, linked

__all__ = ["html_report", "in_its_colours"]

ROLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule"}
"""The stylesheet's name of each colour that is no judge's."""


@dataclass(frozen=True)
class _Shown:
    """One question's part of the page, with the sections that have something to show."""

    part: Part
    answer: Answer
    forest: str | None
    sections: list[tuple[Section, object]]

    @classmethod
    def of(cls, part: Part) -> _Shown:
        from genspace.report._sections import SECTIONS  # what probes and scenes need is slow to import

        built = ((section, section.build(part)) for section in SECTIONS)
        found = [(section, data) for section, data in built if data]
        return cls(part, conclude(part.document), part.plots.get("agreement"), found)


def html_report(parts: Sequence[Part], manifest: Manifest) -> str:
    """Return the report of one comparison; the manifest is shown at the end, so that it can be made again."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genspace.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        number=number, figure=figure_text, label=lambda key: COEFFICIENTS[key].label, percent=percent,
        share=share_text, counted=counts, reason=reason_text, remarks=remarks_of, method=METHODS.get,
        linked=linked,
    )  # fmt: skip
    templates = files("genspace.report") / "templates"
    page = environment.get_template("report.html.j2").render(
        study=parts[0].document.study,
        readings=grouped(manifest.readings),
        reference=parts[0].reference,
        parts=[_Shown.of(part) for part in parts],
        glossary=glossary(
            text
            for part in parts
            for text in (*conclude(part.document).sentences, *(t for _, t in remarks_of(part.document)))
        ),
        manifest=json.dumps(to_dict(manifest), indent=2, ensure_ascii=False),
        css=(templates / "report.css").read_text(encoding="utf-8"),
        script=(templates / "gallery.js").read_text(encoding="utf-8"),
    )
    return in_its_colours(page)


def in_its_colours(page: str) -> str:
    """Return a page whose plots follow its colours, dark or light."""
    for colour, role in ROLES.items():
        page = page.replace(f": {colour}", f": var({role})")
    return page
