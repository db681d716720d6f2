"""The HTML report: one self-contained file that opens offline, the answer first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from genspace.documents import to_dict
from genspace.readings import grouped
from genspace.report._answer import Conclusion, conclude
from genspace.report._manifest import Manifest
from genspace.report._page import page, templates
from genspace.report._part import ReportPart, Section
from genspace.report._words import Words


@dataclass(frozen=True)
class _ShownPart:
    """One question's part of the page, with the sections that have something to show."""

    part: ReportPart
    answer: Conclusion
    forest: str | None
    sections: list[tuple[Section, object]]

    @classmethod
    def of(cls, part: ReportPart) -> _ShownPart:
        from genspace.report._sections import SECTIONS  # what probes and scenes need is slow to import

        built = ((section, section.build(part)) for section in SECTIONS)
        found = [(section, data) for section, data in built if data]
        return cls(part, conclude(part.document), part.plots.get("agreement"), found)


def html_report(parts: Sequence[ReportPart], manifest: Manifest) -> str:
    """Render the report page of a comparison; the manifest at its end allows to reproduce it.

    >>> import pandas as pd
    >>> import genspace
    >>> comparison = genspace.compare(items=pd.DataFrame({"item_id": ["a", "b"]}))
    >>> from genspace.analysis import CompareOptions
    >>> from genspace.report import make_manifest, parts_of
    >>> page = html_report(parts_of(comparison), make_manifest([], CompareOptions(), {}))
    >>> page.startswith("<!doctype html>"), "Nobody has rated these items yet" in page
    (True, True)
    """
    return page(
        "report.html.j2",
        Words(reference=parts[0].reference),
        study=parts[0].document.study,
        readings=grouped(manifest.readings),
        reference=parts[0].reference,
        parts=[_ShownPart.of(part) for part in parts],
        manifest=json.dumps(to_dict(manifest), indent=2, ensure_ascii=False),
        script=templates("gallery.js"),
    )
