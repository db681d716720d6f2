"""Run the slow proofs and write docs/verified.md: what was verified, how, with which figures.

Each `verify_*.py` beside this file has `main() -> str`, which returns its section in Markdown and raises
`AssertionError` when the proof fails.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "docs" / "verified.md"
HEAD = """# What was verified

Written by `make verify` on {date} UTC with Python {python} on {machine}, {cores} cores, in {minutes:.0f} minutes.
What needs model weights or a GPU is listed in [](perception/verified.md).
"""


def run_proof(path: Path) -> tuple[str, bool]:
    """Return the section of one proof, and whether it held."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    started = time.monotonic()
    try:
        specification.loader.exec_module(module)
        section, held = module.main(), True
    except Exception:  # noqa: BLE001 - a proof that breaks is reported beside the others
        title = path.stem.removeprefix("verify_").replace("_", " ")
        section, held = f"## {title}\n\n**FAILED**\n\n```\n{traceback.format_exc(limit=3)}```\n", False
    print(f"{path.stem}: {'held' if held else 'FAILED'} after {time.monotonic() - started:.0f} s", flush=True)
    return section.rstrip() + "\n", held


def main(arguments: list[str]) -> int:
    """Run the proofs named (all without arguments) and write docs/verified.md, which says which were left out."""
    known = {p.stem.removeprefix("verify_"): p for p in sorted(HERE.glob("verify_*.py"))}
    unknown = set(arguments) - set(known)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    started = time.monotonic()
    chosen = [name for name in known if not arguments or name in arguments]
    results = [run_proof(known[name]) for name in chosen]
    head = HEAD.format(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        minutes=(time.monotonic() - started) / 60,
    )
    left_out = [name for name in known if name not in chosen]
    if left_out:
        head += f"\nNot run this time: {', '.join(left_out)}.\n"
    TARGET.write_text("\n".join([head, *(section for section, _ in results)]), encoding="utf-8")
    return 0 if all(held for _, held in results) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
