"""A gate in words: one line per rule for the terminal, Markdown for a summary, JUnit XML for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from genspace.analysis.gate import Rule
from genspace.display import View
from genspace.readings import counted
from genspace.report._files import written
from genspace.report._sentences import reason_text
from genspace.report._table import figure_text, share_text
from genspace.report._words import OF_GATES
from genspace.report._write import result_texts

if TYPE_CHECKING:
    from genspace.analysis.gate import Check, Gate

HEAD = ("rule", "judge", "found", "interval", "is", "chance to pass")


def gate_view(result: Gate) -> View:
    """Whether judges pass, and each rule with what was found."""
    document = result.document
    failed = [check for check in document.checks if not check.passed]
    verdict = "Passed" if document.passed else f"Not met: {len(failed)} of {len(document.checks)}"
    told = [f"{verdict}. A rule that these data leave open {document.open}."]
    if document.decided_on_intervals:
        told.append(
            "Rules are decided on the ends of intervals, corrected for "
            f"{counted(document.decided_on_intervals, 'decision')}: the chance of any wrong decision is at most "
            f"{1 - document.confidence:.0%}."
        )
    title = f"Gate of {document.study}" + (f" against {document.against}" if document.against else "")
    return View(title, told, HEAD, [_cells(check) for check in document.checks], words=OF_GATES)


def _cells(check: Check) -> tuple[str, ...]:
    level = "counted" if check.confidence is None else f"{100 * check.confidence:.4g}%"
    return check.rule, check.judge, _found(check), level, _outcome(check), _chance(check)


def _found(check: Check) -> str:
    """Return what was found, in as many digits as it takes to see on which side of the threshold it lies."""
    values = [v for v in (check.found.value, check.found.low, check.found.high) if v is not None]
    rule = Rule.parse(check.rule)
    at = -rule.value if rule.kind == "not worse" else rule.value
    digits = (d for d in range(3, 9) if all(v == at or round(v, d) != round(at, d) for v in values))
    return figure_text(check.found, next(digits, 9))


def _outcome(check: Check) -> str:
    told = check.outcome if check.outcome != "open" else f"open, {'passes' if check.passed else 'fails'}"
    reason = reason_text(check.found.reason)
    return f"{told} ({reason})" if reason and check.found.low is None else told


def _chance(check: Check) -> str:
    return (
        "" if check.chance is None else f"{share_text(check.chance.passes)} at a true {check.chance.true:.2f}"
    )


def junit_xml(result: Gate) -> str:
    """Write a gate as JUnit XML, one test case per rule and judge.

    A rule that does not pass is a failure. An open rule that passes is skipped.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 0, 1, 0]})
    >>> scores = pd.DataFrame(ids | {"judge": "clip", "score": [0.9, 0.1, 0.8, 0.2]})
    >>> evidence = genspace.Evidence.from_frames(pd.DataFrame(ids), people, scores)
    >>> 'failures="0"' in junit_xml(genspace.gate(evidence, ["coverage >= 0.9"]))
    True
    """
    document = result.document
    failures = sum(not check.passed for check in document.checks)
    skipped = sum(check.passed and check.outcome == "open" for check in document.checks)
    suite = ET.Element(
        "testsuite", name=f"genspace gate {document.study}", tests=str(len(document.checks)), failures=str(failures),
        skipped=str(skipped), errors="0",
    )  # fmt: skip
    for check in document.checks:
        case = ET.SubElement(suite, "testcase", classname=check.judge, name=check.rule)
        told = "; ".join(filter(None, [_outcome(check), _found(check), _chance(check)]))
        if not check.passed:
            ET.SubElement(case, "failure", message=told)
        elif check.outcome == "open":
            ET.SubElement(case, "skipped", message=told)
        ET.SubElement(case, "system-out").text = told
    ET.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suite, encoding="unicode") + "\n"


def write_gate(result: Gate, folder: Path) -> list[Path]:
    """Write gate.json, gate.csv, gate.md, gate.html and gate.xml (JUnit)."""
    return written(folder, result_texts(result, gate_view(result)) | {"gate.xml": junit_xml(result)})
