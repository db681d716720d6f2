"""The report's evidence, section by section, in the order of the page: a new section is one line here, one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genspace.report._gallery import gallery
from genspace.report._part import Part, Section
from genspace.report._plots import (
    breakdown_map,
    calibration,
    ratings,
    risk_coverage,
    specification_map,
)

__all__ = ["SECTIONS"]


def _judges(part: Part) -> bool:
    return bool(part.table.rows)


def _breakdowns(part: Part) -> list[dict[str, Any]]:
    cells = part.document["breakdowns"]
    found = [{"column": c, "plot": breakdown_map(part.document, c), "cells": cells[c]} for c in cells]
    return [entry for entry in found if entry["plot"]]


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


def _corrected(part: Part) -> list[tuple[str, Mapping[str, Any]]]:
    """Judges and the rows of generators whose mean rating they correct."""
    judges = (part.document.get("generators") or {"judges": {}})["judges"]
    return [(name, row) for name, o in judges.items() for row in o["generators"] if row["corrected"]]


def _worth(part: Part) -> dict[str, str | None] | None:
    plots = {"risk": risk_coverage(part.document), "calibration": calibration(part.document)}
    return plots if any(plots.values()) else None


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
    Section("reliability", "How far people agree with one another", _reliability),
    Section("footing", "Could a judge stand in for one person?", _footing),
    Section("overlap", "Do judges err on the same items?", _overlap),
    Section("cost", "Cost", _cost),
    Section("corrected", "Generators, corrected by the rated sample", _corrected),
    Section("worth", "What abstaining buys, and what a score is worth", _worth),
    Section("abstaining", "Who abstains, and on what", _abstaining),
    Section("specification", "Does the conclusion depend on how it is computed?", _specification),
    Section("tests", "Which differences are more than chance", lambda part: part.document["tests"]["pairs"]),
    Section("classical", "Appendix: classical tests", lambda part: part.document["tests"]["classical"]),
    Section("gallery", "Where judges and {reference} differ most", gallery),
)
"""Evidence, after the answer and the notes."""
