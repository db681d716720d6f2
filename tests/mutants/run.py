"""Do the tests notice? One-line mutations of core files against their nearest tests: `make mutants`.

    python tests/mutants/run.py [--each 6] [--seed 0] [--jobs 2] [FILE …]

`targets.toml` names files and tests. Of each file some mutations are drawn: another operator, another number, a condition
turned round (the operators of cosmic-ray). Each is made in a copy of the repository, and the tests run there until the
first fails. A mutant that no test notices is a survivor: it is tested, or argued in `survivors.toml`, where a line
`"FILE:LINE OPERATOR" = "why it changes nothing"` counts it as killed. The report goes to build/mutants.md.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
REPORT = ROOT / "build" / "mutants.md"
LEFT_OUT = (
    "ExceptionReplacer", "RemoveDecorator", "VariableReplacer", "VariableInserter", "Bit", "Shift", "ZeroIteration",
)  # fmt: skip
"""Parts of the names of operators that make no plausible mistakes."""
NEVER_SEEN = ("strict=True", "repr=False", "if TYPE_CHECKING:")
"""What makes no difference to a program that is right: a mutant that only changes it is not drawn."""
SECONDS = 600
"""A mutant whose tests take longer loops, and is killed."""
WANTED = 0.85


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed line."""

    room: str
    file: str
    tests: tuple[str, ...]
    line: int
    operator: str
    code: str
    """The whole file, changed."""
    before: str
    after: str

    @property
    def name(self) -> str:
        """How `survivors.toml` calls it."""
        return f"{self.file}:{self.line} {self.operator}"


def operators() -> list[tuple[str, Operator]]:
    """Return the operators that are drawn from, by their names."""
    names = [name for name in sorted(operator_names()) if not any(part in name for part in LEFT_OUT)]
    return [(name.rpartition("/")[2], get_operator(name)()) for name in names]


def mutants_of(room: str, file: str, tests: Sequence[str], each: int, rng: random.Random) -> Iterator[Mutant]:
    """Yield so many mutants of a file, drawn evenly from its lines."""
    code = (ROOT / file).read_text(encoding="utf-8")
    tree, lines = get_ast(code), code.splitlines()
    by_line: dict[int, list[tuple[str, Operator, int]]] = defaultdict(list)
    for name, operator in operators():
        count = 0
        for node in ast_nodes(tree):
            for (line, _), _ in operator.mutation_positions(node):
                by_line[line].append((name, operator, count))
                count += 1
    plain = [
        line
        for line in by_line
        if not lines[line - 1].lstrip().startswith(("from ", "import ", "@", "class ", "def "))
    ]
    for line in sorted(rng.sample(plain, min(each, len(plain)))):
        name, operator, occurrence = rng.choice(by_line[line])
        changed = mutate_code(code, operator, occurrence)
        if changed is not None and changed != code and _compiles(changed):
            after = next(
                (new for old, new in zip(lines, changed.splitlines(), strict=False) if old != new), ""
            )
            mutant = Mutant(
                room, file, tuple(tests), line, name, changed, lines[line - 1].strip(), after.strip()
            )
            if not any(word in mutant.before and word not in mutant.after for word in NEVER_SEEN):
                yield mutant


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass in a copy of the repository that holds the mutant."""
    target = copy / mutant.file
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.code, encoding="utf-8")
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "--doctest-modules",
        mutant.file,
        *mutant.tests,
    ]
    environment = os.environ | {"PYTHONPATH": str(copy / "src"), "GENSPACE_TEST_DATA": str(_data())}
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # the suite compiles in spite of it, but not in spite of -B
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        target.write_text(original, encoding="utf-8")
    return done.returncode == 0


def _data() -> Path:
    return Path(os.environ.get("GENSPACE_TEST_DATA", ROOT.parent / "shared" / "data"))


def _copied(folder: Path) -> Path:
    """Copy what git tracks, so that caches and builds stay out."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    return folder


def report(results: Sequence[tuple[Mutant, bool]], argued: dict[str, str]) -> tuple[str, float]:
    """Return the report in Markdown, and the share that was killed or argued."""
    rooms: dict[str, list[bool]] = defaultdict(list)
    for mutant, survived in results:
        rooms[mutant.room].append(not survived or mutant.name in argued)
    everything = [killed for found in rooms.values() for killed in found]
    share = sum(everything) / len(everything)
    rows = [
        f"| {room} | {len(found)} | {sum(found)} | {sum(found) / len(found):.0%} |"
        for room, found in rooms.items()
    ]
    lines = [
        "# Mutants", "", f"{sum(everything)} of {len(everything)} killed or argued ({share:.0%}).", "",
        "| room | mutants | killed or argued | share |", "| --- | ---: | ---: | ---: |", *rows, "", "## Survivors", "",
    ]  # fmt: skip
    for mutant, survived in results:
        if survived:
            why = argued.get(mutant.name, "not argued")
            lines.append(f"- `{mutant.name}`: `{mutant.before}` became `{mutant.after}`. {why}")
    return "\n".join(lines) + "\n", share


def main() -> int:
    """Draw, run, write the report; 1 where fewer than `WANTED` are killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="only these files")
    parser.add_argument("--each", type=int, default=7, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    targets = tomllib.loads((HERE / "targets.toml").read_text(encoding="utf-8"))
    argued = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))
    rng = random.Random(given.seed)
    drawn = [
        mutant
        for room, rows in targets.items()
        for row in rows
        if not given.files or row["file"] in given.files
        for mutant in mutants_of(room, row["file"], row["tests"], given.each, rng)
    ]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        for job in range(given.jobs):
            free.put(_copied(Path(folder) / str(job)))

        def tried(mutant: Mutant) -> tuple[Mutant, bool]:
            copy = free.get()
            try:
                survived = survives(mutant, copy)
            finally:
                free.put(copy)
            print("survived" if survived else "killed  ", mutant.name, flush=True)
            return mutant, survived

        results = list(pool.map(tried, drawn))
    text, share = report(results, argued)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text, encoding="utf-8")
    print(text)
    return int(share < WANTED)


if __name__ == "__main__":
    sys.exit(main())
