"""Comparisons of format 1, in which reasons and remarks were sentences, as the present format has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["from_format_1"]

GONE = frozenset({"family", "sentences", "words"})
"""Keys that held what is now made from the figures."""


def from_format_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document of format 1 as one of the present format; its sentences are kept as they stand."""
    found = _question(document)
    found["schema"] = "genspace-comparison/2"
    found["evidence"] = ""
    found["questions"] = {name: _question(part) for name, part in document.get("questions", {}).items()}
    found["repeats"] = _told(document.get("repeats", {}))
    return found


def _question(document: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _told({k: v for k, v in document.items() if k != "questions"})
    declared = found["primary"]["why"] == "declared"
    found["primary"]["why"] = "declared" if declared else "by the kind of answers"
    tested = found["tests"]["method"] is not None
    found["tests"]["method"] = "swap by prompt" if tested else None
    for row in found["tests"]["classical"]:
        row["independent_items"] = row.pop("assumes") is not None
    for pair in found["overlap"]["pairs"]:
        pair["overlap"] = {
            key: pair.pop(key) for key in ("correlation", "mean_error", "oracle", "blind_oracle")
        }
    for judge in found["judges"].values():
        judge["variant"] = None
    people = found["human"]
    kinds = {"binary": "nominal", "ordinal": "ordinal", "continuous": "interval"}
    people["alpha"] = f"krippendorff_alpha_{kinds[found['study']['value_type']]}"
    people["ceiling"] = {"figure": "pearson", "estimate": people["ceiling"], "model": None}
    for cells in found["breakdowns"].values():
        for cell in cells.values():
            cell["people"] = {"value": None, "reason": {"code": "not_computed"}}
    first = found["specification"]["specifications"][:1]
    found["specification"]["headline"] = [
        v for row in first for k, v in row.items() if k not in ("values", "top")
    ]
    found["notes"] = [
        {"code": "told", "was": note["code"], "level": note["level"], "text": note["text"]}
        for note in document["notes"]
    ]
    return found


def _told(part: Any) -> Any:
    """Turn every reason in words into one with a code, and leave out what is gone."""
    if isinstance(part, Mapping):
        found = {key: _told(value) for key, value in part.items() if key not in GONE}
        for key in ("reason", "corrected_reason"):
            if isinstance(found.get(key), str):
                found[key] = {"code": "in_words", "name": found[key]}
        return found
    return [_told(value) for value in part] if isinstance(part, list) else part
