"""Ask every planted model in every way over real HTTP: what each protocol and aid helps, and that none harms."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ITEMS = 40


def main() -> str:
    """Return the section with the table; raise AssertionError where a model is not right as often as theory says."""
    sys.path.insert(0, str(ROOT / "tests" / "judges"))
    from test_planted_models import BASE, EXPECTED, HALTING, WAYS, pairs_right, planted_study, right
    from vlm_support import free_port, wait_until_there

    port, here = free_port(), ROOT / "tests" / "judges"
    server = subprocess.Popen([sys.executable, str(here / "vlm_server.py"), str(port)], cwd=here)
    url = f"http://127.0.0.1:{port}"
    rows, harmed, helped = [], 0, 0
    try:
        wait_until_there(f"{url}/log", server)
        study = planted_study(Path(tempfile.mkdtemp()) / "study", ITEMS)
        for model, expected in EXPECTED.items():
            found = {way: right(f"{url}/good/v1", model, study, **WAYS[way]) for way in WAYS}
            wrong = {w: (found[w], share) for w, share in expected.items() if abs(found[w] - share) > 1e-9}
            assert not wrong, (model, wrong)
            harmed += sum(share < found["yes-no"] - 1e-9 for share in found.values())
            helped += sum(share > found["yes-no"] + 1e-9 for share in found.values())
            pairs, by_theory = pairs_right(f"{url}/good/v1", model, study)
            assert pairs == by_theory, (model, pairs, by_theory)
            shown = [
                f"**{share:.0%}**" if share > found["yes-no"] + 1e-9 else f"{share:.0%}"
                for share in found.values()
            ]
            rows.append(f"| {model} | {' | '.join(shown)} | {pairs:.0%} |")
    finally:
        server.terminate()
        server.wait(10)
    assert harmed == 0, harmed
    return (
        "## What helps which model\n\n"
        f"{ITEMS} pictures of a cow of known side, {len(EXPECTED)} models behind real HTTP, asked in {len(WAYS)} ways; share of items judged "
        f"rightly. Each model is right on {BASE:.0%} where nothing hinders it and on {HALTING:.0%} without what it is named after; `yes` likes to say yes, "
        "`first` likes the first place, `sides` fails only at the sides of others. Every cell is what theory says, to the item; bold: better than "
        f"plain yes or no, {helped} cells; worse: {harmed}. `pairwise` compares a picture that shows what is asked for with one that does not, and is "
        "right if it prefers the first: by theory, where the model is mistaken about neither.\n\n"
        f"| model | {' | '.join(WAYS)} | pairwise |\n| --- |{' ---: |' * (len(WAYS) + 1)}\n"
        + "\n".join(rows)
        + "\n"
    )
