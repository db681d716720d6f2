"""Comparisons of former formats as the present one has them.

Format 1 held reasons and remarks as sentences. Format 2 tested by swapping prompts and held preferences apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GONE = frozenset({"family", "sentences", "words"})
"""Keys of format 1 that held what is now made from the figures."""
PREFERENCES = {
    "half_credit": "pair_agreement", "strict": "pair_agreement_strict", "with_ties": "pair_agreement_with_ties",
    "ties_dropped": "pair_agreement_ties_dropped", "tie_calibrated": "pair_agreement_tie_calibrated",
}  # fmt: skip
"""Figures of pairs by their keys in format 2."""


def from_former(document: Any) -> Any:
    """Return a document of a former format as one of the present format, another document as it stands."""
    steps = {"genspace-comparison/1": _from_1, "genspace-comparison/2": _from_2}
    while (step := steps.get(str(document.get("schema")))) is not None:
        document = step(document)
    return document


def _from_1(document: Any) -> Any:
    """Return a document of format 1 as one of format 2; its sentences are kept as they stand."""
    found = _question_of_1(document)
    found["schema"] = "genspace-comparison/2"
    found["evidence"] = ""
    found["questions"] = {name: _question_of_1(part) for name, part in document.get("questions", {}).items()}
    found["repeats"] = _told(document.get("repeats", {}))
    return found


def _question_of_1(document: Any) -> Any:
    found = _told({k: v for k, v in document.items() if k != "questions"})
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


def _from_2(document: Any) -> Any:
    """Return a document of format 2 as one of format 3."""
    questions = {name: _question_of_2(part) for name, part in document.get("questions", {}).items()}
    return {**_question_of_2(document), "schema": "genspace-comparison/3", "questions": questions}


def _question_of_2(document: Any) -> Any:
    options = {"tests": document["tests"]["method"] is not None, **document["options"]}
    return {
        **document,
        "options": options,
        "judges": {name: _judge_of_2(judge) for name, judge in document["judges"].items()},
        "tests": _tests_of_2(document["tests"]),
        "headline": {"code": "not stated"},
        "human": _human_of_2(document),
        "generators": _with_triads(document["generators"]),
        "breakdowns": {
            column: {value: _cell_of_2(cell) for value, cell in cells.items()}
            for column, cells in document["breakdowns"].items()
        },
        "specification": {k: v for k, v in document["specification"].items() if k != "draws"},
    }


def _with_triads(part: Any) -> Any:
    """Say of every order that its triads were not counted."""
    if isinstance(part, Mapping):
        found = {key: _with_triads(value) for key, value in part.items()}
        return {**found, "triads": None} if "prior_ties" in found else found
    return [_with_triads(value) for value in part] if isinstance(part, list) else part


def _human_of_2(document: Any) -> Any:
    levels = {"binary": "nominal", "ordinal": "ordinal", "continuous": "interval"}
    human, level = document["human"], levels[document["study"]["value_type"]]
    ceiling = {"figure": "pearson", "estimate": human["ceiling"], "model": None}
    return {**human, "alpha": f"krippendorff_alpha_{level}", "ceiling": ceiling}


def _judge_of_2(judge: Any) -> Any:
    found = {key: value for key, value in judge.items() if key != "preference"}
    of_pairs = {PREFERENCES[key]: value for key, value in (judge.get("preference") or {}).items()}
    item = {key: value for key, value in judge["item"].items() if key != "pearson_of_ceiling"}
    return {**found, "item": {**item, **of_pairs}}


def _tests_of_2(tests: Any) -> Any:
    pairs = []
    for row in tests["pairs"]:
        adjusted, difference = row["p_holm"], row["difference"]
        ahead = adjusted is not None and adjusted <= 0.05 and difference
        standing = ("ahead" if difference > 0 else "behind") if ahead else "open"
        pairs.append(
            {
                **{key: value for key, value in row.items() if key != "permutations"},
                "standing": "not compared" if difference is None else standing,
                "method": None,
                "prompts": 0,
                "other_generators": None,
            }
        )
    return {**tests, "pairs": pairs, "groups_n": None}


def _cell_of_2(cell: Any) -> Any:
    test = cell["test"]
    people = {"value": None, "reason": {"code": "not_computed"}}
    return {**cell, "people": people, "test": None if test is None else {**test, "low": None, "high": None}}
