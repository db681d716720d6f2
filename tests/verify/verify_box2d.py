"""Tune `box2d` without people's verdicts, then compare it with them (SpatialBench-UC, 200 audited items)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from genspace.geometry.boxes2d import MARGIN, RULES, SHARE
from genspace.judges import JudgeContext, JudgeSpec, make_judge
from genspace.records import Item, Request, Verdict

ROOT = Path(os.environ.get("GENSPACE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FOLDER = ROOT / "human" / "spatialbench_uc"
MARGINS, SHARES = (0.05, 0.1, 0.15, 0.2, 0.3), (0.6, 0.7, 0.8, 0.9, 1.0)


class _NoFiles:
    def read(self, name: str) -> bytes:
        raise FileNotFoundError(name)

    def exists(self, name: str) -> bool:
        return False


def verdicts(items: pd.DataFrame, **options: object) -> Iterator[Verdict]:
    """Yield the judge's verdict on each item, in order."""
    spec = JudgeSpec(
        name="box2d",
        kind="box2d",
        options={"detections": str(FOLDER / "detections.jsonl.gz"), **options},
    )
    columns = ["relation", "object_a", "object_b"]
    requests = [
        Request(item=Item(item_id=row["item_id"], extra={c: row[c] for c in columns}), files=_NoFiles())
        for row in items.to_dict("records")
    ]
    yield from make_judge(spec, JudgeContext()).judge(requests)


def decisions(items: pd.DataFrame, **options: object) -> pd.Series[object]:
    """Return True, False or None by item."""
    found = {v.item_id: v.passed for v in verdicts(items, **options)}
    return pd.Series(found, dtype=object).reindex(items["item_id"])


def interval(successes: int, n: int) -> str:
    """Wilson's 95 % interval in words."""
    low, high = proportion_confint(successes, n, alpha=0.05, method="wilson")
    return f"{successes / n:.3f} ({low:.3f}–{high:.3f})"


def tune(items: pd.DataFrame) -> tuple[list[tuple[float, float, int, int, int]], tuple[float, float]]:
    """Return the grid and the choice: most decisions with 99 % agreement of the detectors, at 95 % confidence.

    Only items where both detectors were run can disagree; the bound is Clopper and Pearson's, one-sided.
    """
    grid = []
    for margin, share in product(MARGINS, SHARES):
        setting = {"margin": margin, "share": share, "secondary": None}
        first, second = decisions(items, **setting), decisions(items, **setting, primary="secondary")
        both = first.notna() & second.notna()
        grid.append(
            (margin, share, int(first.notna().sum()), int(both.sum()), int((first != second)[both].sum()))
        )
    safe = [
        row
        for row in grid
        if proportion_confint(row[3] - row[4], row[3], alpha=0.1, method="beta")[0] >= 0.99
    ]
    best = max(safe, key=lambda row: row[2])
    return grid, (best[0], best[1])


def main() -> str:
    """Return the section for docs/verified.md."""
    items = pd.read_csv(FOLDER / "items.csv", dtype=str)
    people = pd.read_csv(FOLDER / "annotations.csv", index_col="item_id")["value"]
    labelled = items[items["item_id"].isin(people.index)]
    grid, chosen = tune(items[~items["item_id"].isin(people.index)])
    assert chosen == (MARGIN, SHARE), f"tuned to {chosen}, shipped {(MARGIN, SHARE)}"

    published = json.loads((FOLDER / "published.json").read_text(encoding="utf-8"))["confusion_matrix"]
    n, right = published["decided_samples"], published["true_positives"] + published["true_negatives"]
    lines = [
        f"| published metric | {200 - published['undecidable_checker']} of 200 | {n} of 105 | {interval(right, n)} |"
    ]
    for name, options in {
        "`box2d`": {},
        "`box2d`, one detector": {"secondary": None},
        "`box2d`, margin 0.3, share 0.8": {"margin": 0.3, "share": 0.8},
        **{f"rule `{rule}`": {"rule": rule, "secondary": None} for rule in RULES[1:]},
    }.items():
        decided = decisions(labelled, **options).dropna()
        both = people.reindex(decided.index).dropna()
        agree = int((decided[both.index].astype(float) == both).sum())
        lines.append(
            f"| {name} | {len(decided)} of 200 | {len(both)} of 105 | {interval(agree, len(both))} |"
        )
        if name == "`box2d`":
            assert len(both) > n
            assert agree / len(both) >= right / n
    rows = "\n".join(f"| {m} | {s} | {d} | {b} | {x} |" for m, s, d, b, x in grid)
    table = "\n".join(lines)
    return f"""## box2d against people

On SpatialBench-UC's audit (200 items, one person, who decided 105 of them); accuracy on the items that both decide,
with Wilson's 95 % interval:

| judge | decides | decided by both | accuracy |
| --- | --- | --- | --- |
{table}

Margin {MARGIN} and share {SHARE} were chosen on the 2,200 items without verdicts: the most decisions among settings
whose two detectors agree on at least 99 % of what both decide (lower 95 % bound):

| margin | share | decides | decided by both detectors | disagreements |
| --- | --- | --- | --- | --- |
{rows}
"""


if __name__ == "__main__":
    print(main())
