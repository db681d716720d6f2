"""Write the figures of docs/concepts/what-changes-the-order.md, from `genspace compare` on two published studies.

Run: python docs/order_of_metrics.py. Needs the studies (GENSPACE_TEST_DATA, or ../shared/data, or `genspace fetch`
into ./tifa160 and ./dsg_tifa160). tests/test_docs_figures.py checks that page and figures are the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent / "concepts" / "what-changes-the-order.md"
STUDIES = ("tifa160", "dsg_tifa160")
BLOCK = r"<!-- figures: {study} -->\n(?P<figures>.*?)<!-- end -->\n"
DIMENSIONS = {
    "figure": "what a metric's tie is worth, or Spearman",
    "averaging": "over all items, within prompts, within generators",
    "raters": "mean, median or most frequent rating",
    "left_out": "doubtful raters in or out",
}
FIGURES = {
    "spearman": "Spearman",
    "pairwise_strict": "ties wrong",
    "pairwise_half_credit": "ties half right",
    "pairwise_ties_dropped": "ties dropped",
}
AVERAGING = {"none": "over all items", "prompt": "within prompts", "generator": "within generators"}


def specification(folder: Path) -> dict[str, Any]:
    """Return what `genspace compare FOLDER --json` says under `specification`, and its sentences."""
    from genspace import compare, open_study
    from genspace.report import specification_sentences

    comparison = compare(open_study(folder), draws=0, permutations=0)
    found: dict[str, Any] = comparison.to_dict()["specification"]
    curve = comparison.document.specification
    assert curve is not None
    return found | {"sentences": specification_sentences(curve, comparison.document.primary.label)}


def block(found: Mapping[str, Any]) -> str:
    """Return the tables of one study."""
    return "\n".join([*_winners(found), "", *_ways(found), "", *_choices(found), ""])


def _winners(found: Mapping[str, Any]) -> list[str]:
    rows = [b for b in found["best"] if b["top"]]
    return [
        "| metric | first in | no other is ahead of it in | of |",
        "| --- | ---: | ---: | ---: |",
        *(f"| `{b['judge']}` | {b['first']} | {b['top']} | {b['of']} |" for b in rows),
    ]


def _ways(found: Mapping[str, Any]) -> list[str]:
    """Every way to count against the mean of all raters."""
    favourite = found["judges"][0]
    rows = []
    for way in found["specifications"]:
        if way["raters"] != "mean" or way["left_out"] != "none":
            continue
        values = dict(zip(found["judges"], way["values"], strict=True))
        first = max(values, key=lambda judge: values[judge])
        how = f"{FIGURES[way['figure']]}, {AVERAGING[way['averaging']]}"
        rows.append(f"| {how} | `{first}` | {values[first]:.3f} | {values[favourite]:.3f} |")
    return [f"| figure | first | its figure | `{favourite}` |", "| --- | --- | ---: | ---: |", *rows]


def _choices(found: Mapping[str, Any]) -> list[str]:
    """How much each choice, made otherwise while all others stay, changes the order."""
    rows = []
    for dimension, words in DIMENSIONS.items():
        pairs = [
            (a["values"], b["values"])
            for a, b in combinations(found["specifications"], 2)
            if {d for d in DIMENSIONS if a[d] != b[d]} == {dimension}
        ]
        if pairs:
            first = sum(_best(a) != _best(b) for a, b in pairs) / len(pairs)
            swapped = sum(_swapped(a, b) for a, b in pairs) / len(pairs)
            rows.append(f"| {words} | {len(pairs)} | {first:.0%} | {swapped:.0%} |")
    return [
        "| only this is chosen otherwise | pairs of ways | another metric is first | pairs of metrics that swap |",
        "| --- | ---: | ---: | ---: |",
        *rows,
    ]


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda i: values[i])


def _swapped(a: Sequence[float], b: Sequence[float]) -> float:
    pairs = list(combinations(range(len(a)), 2))
    return sum((a[i] - a[j]) * (b[i] - b[j]) < 0 for i, j in pairs) / len(pairs)


def main() -> None:
    """Write the figures into the page."""
    data = Path(os.environ.get("GENSPACE_TEST_DATA", PAGE.parents[2].parent / "shared" / "data")) / "human"
    text = PAGE.read_text(encoding="utf-8")
    for study in STUDIES:
        folder = data / study if (data / study).is_dir() else Path(study)
        pattern = re.compile(BLOCK.format(study=study), re.DOTALL)
        new = f"<!-- figures: {study} -->\n{block(specification(folder))}<!-- end -->\n"
        assert pattern.search(text), f"{PAGE.name} has no block {study}"
        text = pattern.sub(lambda _, new=new: new, text)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
