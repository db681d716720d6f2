"""Run slow proofs and write docs/verified.md: what was verified, when, how, with which figures.

Each `verify_*.py` beside this file has `main() -> str`, which returns its section in Markdown, beginning with a heading
of the second level, and raises `AssertionError` when the proof fails. Only the sections of the proofs that are run are
replaced; the others stay, each with the day on which it was made.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

# As in the tests: threads of one small product wait for each other longer than they calculate. Before NumPy.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "docs" / "verified.md"
HEAD = """# What was verified

Written by `make verify`; `python tests/verify/run.py NAME …` runs single proofs and leaves the other sections as they
are. What needs model weights or a GPU is listed in [](perception/verified.md).
"""
SECTION = re.compile(
    r"^## (?:(?!^## ).)*?^Run on \S+, .*?`tests/verify/verify_(\w+)\.py`", re.MULTILINE | re.DOTALL
)
"""The beginning of a section, down to the line that says which proof wrote it."""


def run_proof(path: Path) -> tuple[str, bool]:
    """Return the section of one proof with the line that dates it, and whether it held."""
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
    seconds = time.monotonic() - started
    print(f"{path.stem}: {'held' if held else 'FAILED'} after {seconds:.0f} s", flush=True)
    heading, _, body = section.strip().partition("\n")
    return f"{heading}\n\n{dated(path.name, seconds)}\n\n{body.lstrip()}\n", held


def dated(proof: str, seconds: float) -> str:
    """Return the line below a section's heading: when and where the proof ran, how long, and which it is."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return f"Run on {today}, {seconds:.0f} s ({machine}): `tests/verify/{proof}`"


def sections_of(document: str) -> dict[str, str]:
    """Return the sections of docs/verified.md by the name of the proof that wrote each.

    >>> list(sections_of("# Head\\n\\n## A\\n\\nRun on 2026-01-02, 3 s: `tests/verify/verify_a.py`\\n\\nText.\\n"))
    ['a']
    """
    found = list(SECTION.finditer(document))
    ends = [match.start() for match in found[1:]] + [len(document)]
    return {
        match[1]: document[match.start() : end].rstrip() + "\n"
        for match, end in zip(found, ends, strict=True)
    }


def document_of(sections: Mapping[str, str], known: Sequence[str]) -> str:
    """Return the page: the sections of the known proofs in their order, and which of them never ran."""
    never = [name for name in known if name not in sections]
    note = [f"Not run yet: {', '.join(never)}.\n"] if never else []
    return "\n".join([HEAD, *note, *(sections[name] for name in known if name in sections)])


def main(arguments: Sequence[str], *, folder: Path = HERE, target: Path = TARGET) -> int:
    """Run the proofs named (all without arguments), writing the page after each; 0 if all that ran held."""
    known = {p.stem.removeprefix("verify_"): p for p in sorted(folder.glob("verify_*.py"))}
    unknown = set(arguments) - set(known)
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        return 2
    all_held = True
    for name, path in known.items():
        if arguments and name not in arguments:
            continue
        section, held = run_proof(path)
        all_held &= held
        kept = sections_of(target.read_text(encoding="utf-8")) if target.is_file() else {}
        target.write_text(document_of({**kept, name: section}, list(known)), encoding="utf-8")
    return 0 if all_held else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
