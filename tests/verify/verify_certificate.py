"""Scene truth is consistent with itself in every way of asking, on rendered probes of all variants.

The probes are made into build/ and kept, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from genspace.certificate import WAYS, certify
from genspace.geometry.probes.folder import RenderSettings, render_study
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.study import open_study

FOLDER = Path(__file__).resolve().parents[2] / "build" / "verify-certificate"
SETTINGS = {
    task: RenderSettings(per_predicate=count, task=task, size=256, seed=2032, pictures=False, orbit_deg=40)
    for task, count in (("both", 27), ("2d", 16))
}
JUDGES = {"the scene's own boxes": {}, "boxes from depth and masks": {"boxes": "measured"}}
PIXELS = ("smaller", "orbit")
"""Ways that show fewer pixels, or other sides: what is measured from depth and masks may then differ."""


def main() -> str:
    """Return the section with the table; raise AssertionError for a judge of known truth that contradicts itself."""
    lines = [
        "| boxes | way | asked | decided both times | contradictions |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    probes = 0
    for told, options in JUDGES.items():
        counts = {way: [0, 0, 0] for way in WAYS}
        for task, settings in SETTINGS.items():
            folder = FOLDER / task
            rows = render_study(folder, settings)
            probes += len(rows) if told == next(iter(JUDGES)) else 0
            study = open_study(folder)
            shutil.rmtree(folder / "certify", ignore_errors=True)
            judge = make_judge(JudgeSpec(name="truth", kind="scene", options=options), study_context(study))
            # without pictures nothing can be saved as JPEG, and the scene's own judge would not see it
            found = certify(study, judge, "truth", [way for way in WAYS if way != "jpeg"])
            for row in found.document.result.ways:
                contradictions = round((row.contradictions.value or 0) * row.answered)
                counts[row.way] = [
                    a + b
                    for a, b in zip(counts[row.way], (row.asked, row.answered, contradictions), strict=True)
                ]
        for way, (asked, both, contradictions) in counts.items():
            if asked:
                lines.append(f"| {told} | {way} | {asked:,} | {both:,} | {contradictions:,} |")
                allowed = 0 if not options or way not in PIXELS else 0.05 * both
                assert contradictions <= allowed, f"{told}, {way}: {contradictions} contradictions"
    text = "\n".join(lines) + "\n"
    return (
        "## Known truth never contradicts itself\n\n"
        f"On {probes:,} probes of all variants, edits included, each asked as it is and in every other way.\n\n{text}"
    )
