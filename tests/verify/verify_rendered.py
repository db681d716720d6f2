"""The GenSpace table of five generators of planted quality, from rendered pictures with depth and masks."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmark.planted import GENERATORS, assert_planted, planted
from genspace.benchmark import row_places, rows_of
from genspace.cli import invoke

JUDGE = "scene[boxes=measured]"
"""Measures every box from depth and masks."""
COPIES = 8


def main() -> str:
    """Return the section with the table; raise AssertionError for a cell that does not hold the planted truth."""
    with tempfile.TemporaryDirectory() as folder:
        made, truth = planted(Path(folder) / "bench", copies=COPIES, rendered=True)
        assert invoke(["-q", "benchmark", "run", str(made.root), "--judge", JUDGE]) == 0
        rows = rows_of(made)
    lines = [
        "| generator | task | planted | accuracy, mean of sub-domains | place |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for task, domains in (("t2i", 9), ("edit", 10)):
        places = {rows[i].generator: place for i, place in row_places(rows, task).items()}
        for row in rows:
            cells = row.tasks[task].cells
            assert len(cells) == domains, f"{row.generator}, {task}: {len(cells)} sub-domains"
            assert_planted(made, truth, row, task, n=COPIES)
            of = made.lists[task].asked
            share = sum(
                sum(truth[f"{row.generator}-{a.prompt_id}"] for a in of if a.sub_domain == d)
                / sum(a.sub_domain == d for a in of)
                for d in cells
            ) / len(cells)
            three, place = row.tasks[task].mean.accuracy, places[row.generator]
            told = f"{three.as_misses.value:.1%}" + (
                "" if three.as_misses.value == three.as_passes.value else f" to {three.as_passes.value:.1%}"
            )
            lines.append(f"| {row.generator} | {task} | {share:.1%} | {told} | {place.rank} |")
        assert max(places, key=lambda name: places[name].rank) == "nothing", task
        assert min(places, key=lambda name: places[name].rank) == "perfect", task
    table = "\n".join(lines)
    return (
        "## Rendered pictures hold the planted truth\n\n"
        f"{len(GENERATORS)} generators of planted quality, whose pictures are rendered with depth and masks and judged by "
        f"boxes measured from these: {COPIES} pictures in each sub-domain. Every cell holds its planted truth.\n\n{table}\n"
    )
