"""Both profiles on 20,000 random scenes of known truth; the table also goes into docs/concepts/geometry.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCENES, SEED = 20_000, 0
PAGE = ROOT / "docs" / "concepts" / "geometry.md"
MARK = re.compile(
    r"(<!-- confusion: written by tests/verify/verify_confusion.py -->\n).*?(<!-- end -->)", re.DOTALL
)


def main() -> str:
    """Return the section with the table; raise AssertionError below 99.9 %."""
    sys.path.insert(0, str(ROOT / "tests" / "geometry"))
    from random_scenes import Tally, confusion

    table = confusion(SCENES, SEED)
    lines = [
        "| sub-domain | scenes | true | `corrected` right | `reference` right | it wrongly passed | it wrongly failed |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    totals = {"corrected": Tally(), "reference": Tally()}
    for name, row in table.items():
        lines.append(_line(name, row))
        for profile, tally in row.items():
            for field in ("scenes", "true", "abstained", "right", "wrongly_passed", "wrongly_failed"):
                setattr(totals[profile], field, getattr(totals[profile], field) + getattr(tally, field))
    lines.append(_line("all", totals))
    text = "\n".join(lines) + "\n"
    assert totals["corrected"].accuracy >= 0.999, text
    PAGE.write_text(
        MARK.sub(lambda m: m[1] + text + m[2], PAGE.read_text(encoding="utf-8")), encoding="utf-8"
    )
    return (
        f"## Decisions on {SCENES:,} random scenes\n\n"
        "Truth comes from the sampler's own parameters (`tests/geometry/random_scenes.py`); scenes within 0.1° or "
        "1 mm of a threshold are left out; an abstention counts as not right. Both profiles are given perfect "
        "perception, `reference` in the form in which the released code gets it.\n\n" + text
    )


def _line(name: str, row: dict[str, object]) -> str:
    ours, theirs = row["corrected"], row["reference"]
    return (
        f"| {name} | {ours.scenes:,} | {ours.true / ours.scenes:.0%} | {ours.accuracy:.2%} | {theirs.accuracy:.1%} | "
        f"{theirs.wrongly_passed:,} | {theirs.wrongly_failed:,} |"
    )


if __name__ == "__main__":
    print(main())
