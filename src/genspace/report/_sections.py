"""The report's evidence, section by section, in the order of the page: a new section is one line here, one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genspace.errors import InputError
from genspace.report._gallery import gallery
from genspace.report._generators import generators
from genspace.report._part import Part, Section
from genspace.report._plots import (
    MOST_COLUMNS,
    breakdown_map,
    calibration,
    ratings,
    risk_coverage,
    specification_map,
    styles_of,
)
from genspace.report._probe_page import curve_legend, curve_plots, sub_domains
from genspace.report._styles import OTHERS, judge_styles
from genspace.report._words import words
from genspace.report.probes import holds_probes, probe_document

__all__ = ["SECTIONS"]

PROBE_DRAWS = 100
"""Enough to draw the interval of a threshold; `genspace probe report` takes more and prints it."""


def _judges(part: Part) -> list[tuple[str, str]] | None:
    return words(part.table, part.document) if part.table.rows else None


def _breakdowns(part: Part) -> list[dict[str, Any]]:
    found = [
        {
            "column": column,
            "plot": breakdown_map(part.document, column),
            "cells": cells,
            "silent": _silent(cells),
            "judges": [r.name for r in part.table.rows if r.kind in {"judge", "metric"}],
            "values_down": len(cells) > MOST_COLUMNS,
        }
        for column, cells in part.document["breakdowns"].items()
    ]
    return [entry for entry in found if entry["plot"]]


def _silent(cells: Mapping[str, Any]) -> list[str]:
    """Values of a breakdown for which no judge has a figure."""
    return [v for v, cell in cells.items() if all(e["value"] is None for e in cell["judges"].values())]


def _reliability(part: Part) -> dict[str, Any] | None:
    figures = part.document["human"].get("reliability")
    if not figures:
        return None
    known = any(e["value"] is not None for e in figures.values())
    reason = None if known else next(iter(figures.values()))["reason"]
    if reason and part.reference != "people":
        return None
    return {"figures": figures, "reason": reason, "plot": ratings(part.document)}


def _footing(part: Part) -> list[tuple[str, Mapping[str, Any]]]:
    """Judges that can be put on one person's footing."""
    found = ((r.name, part.document["judges"][r.name].get("matched")) for r in part.table.rows if r.rank)
    return [(name, m) for name, m in found if m and m["judge"]["value"] is not None]


def _overlap(part: Part) -> Sequence[Any]:
    return (part.document.get("overlap") or {}).get("pairs") or []


def _cost(part: Part) -> Mapping[str, Any] | None:
    return part.document.get("cost_fronts")


def _psychometric(part: Part) -> dict[str, Any] | None:
    """Curves of a study of probes; the main question only, which is the one that has a known truth."""
    if part.evidence is None or part.question or not holds_probes(part.evidence):
        return None
    try:
        document = probe_document(part.evidence, draws=PROBE_DRAWS, variants=False)
    except InputError:  # no answers yet, or probes of another version: the rest of the report stands
        return None
    styles = judge_styles(document["judges"]) | styles_of(part.document) | {"people": OTHERS["people"]}
    plots = curve_plots(document, styles)
    if not plots:
        return None
    return {
        "legend": curve_legend(document, styles),
        "plots": list(plots.values()),
        "left_out": [d.replace("_", " ") for d in sub_domains(document) if d not in plots],
    }


def _abstaining(part: Part) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    rows = [r for r in part.table.rows if r.kind in {"judge", "metric"} and (r.coverage or 0) < 1]
    judges = part.document["judges"]
    figure = part.document["primary"]["figure"]
    return [
        (r.name, found, judges[r.name]["item"][figure])
        for r in rows
        if (found := judges[r.name].get("abstention")) and found["table"]
    ]


def _specification(part: Part) -> dict[str, Any] | None:
    plot = specification_map(part.document)
    return {"plot": plot, "sentences": part.document["specification"]["sentences"]} if plot else None


SECTIONS: tuple[Section, ...] = (
    Section("judges", "Judges and metrics", _judges),
    Section("breakdowns", "Where each judge is good", _breakdowns),
    Section("psychometric", "How finely each judge sees", _psychometric),
    Section("generators", "In which order each judge puts the generators", generators),
    Section("specification", "Does the conclusion depend on how it is computed?", _specification),
    Section("gallery", "Where judges and {reference} differ most", gallery),
    Section("reliability", "How far people agree with one another", _reliability),
    Section("footing", "Could a judge stand in for one person?", _footing),
    Section("tests", "Which differences are more than chance", lambda part: part.document["tests"]["pairs"]),
    Section("overlap", "Do judges err on the same items?", _overlap),
    Section("abstaining", "Who abstains, and on what", _abstaining),
    Section("risk", "What abstaining buys", lambda part: risk_coverage(part.document)),
    Section("calibration", "What a score is worth", lambda part: calibration(part.document)),
    Section("cost", "Cost", _cost),
    Section("classical", "Appendix: classical tests", lambda part: part.document["tests"]["classical"]),
)
"""Evidence, after the answer and the notes."""
