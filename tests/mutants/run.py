"""Do the tests notice? One-line mutations of core files against their nearest tests: `make mutants`.

    python tests/mutants/run.py [--each 4] [--seed 0] [--jobs 2] [ROOM or FILE …]

`targets.toml` names files and tests. Of each file some mutations are drawn: another operator, another number, a condition
turned round (the operators of cosmic-ray). Each is made in a copy of the repository, and the tests run there until the
first fails. A mutant that no test notices is a survivor: it is tested, or argued in `survivors.toml`, which names its
file, the line, what the line became, and why that changes nothing; it is not tried again. What is drawn of a file
depends on the seed alone.

The report of a whole run is docs/contributing/mutants.md, that of a part build/mutants.md. Mutants once killed by the
same tests are known from build/killed.txt, so that a run which was broken off goes on.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from compileall import compile_dir
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
REPORT, OF_A_PART = ROOT / "docs" / "contributing" / "mutants.md", ROOT / "build" / "mutants.md"
KILLED = ROOT / "build" / "killed.txt"
LEFT_OUT = (
    "ExceptionReplacer", "RemoveDecorator", "VariableReplacer", "VariableInserter", "Bit", "Shift", "ZeroIteration",
)  # fmt: skip
"""Parts of the names of operators that make no plausible mistakes."""
NEVER_SEEN = ("strict=True", "repr=False", "if TYPE_CHECKING:", "*,")
"""What makes no difference to a program that is right: a mutant that only changes it is not drawn."""
SECONDS = 600
"""A mutant whose tests take longer loops, and is killed."""
PASSED_OR_FAILED = (0, 1, 2)
"""Exit codes of pytest; 2: what it imports failed."""
WANTED = 0.85
READY = multiprocessing.get_context("forkserver")
"""Starts processes that have imported what every test needs of other packages."""
READY.set_forkserver_preload(
    ["__main__", "numpy", "pandas", "pydantic", "pytest", "hypothesis", "scipy.stats", "typer"]
)
EXAMPLES = "tests/test_doctests.py::test_examples_in_docstrings"
Key = tuple[str, str, str]
"""File, line, and what the line became."""


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
        """Where it is, and what changes."""
        return f"{self.file}:{self.line} {self.operator}"

    @property
    def digest(self) -> str:
        """Of the change and the names of the tests."""
        return sha256("\0".join([self.file, self.code, *self.tests]).encode()).hexdigest()

    @property
    def examples(self) -> list[str]:
        """The test of the examples in the file's docstrings, where it has any."""
        module = self.file.removeprefix("src/genspace/").removesuffix(".py").replace("/", ".")
        return [f"{EXAMPLES}[genspace.{module}]"] if ">>> " in self.code else []

    @property
    def key(self) -> Key:
        """How `survivors.toml` calls it: other lines may come and go."""
        return self.file, self.before, self.after


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


def _unchanged(room: str, file: str, tests: Sequence[str]) -> Mutant:
    """Return what must survive, or nothing is told by what does not."""
    code = (ROOT / file).read_text(encoding="utf-8")
    return Mutant(room, file, tuple(tests), 0, "unchanged", code, "", "")


def _compiles(code: str) -> bool:
    """Whether Python takes it without a warning, such as that of `is` beside a literal."""
    try:
        with warnings.catch_warnings(action="error"):
            compile(code, "mutant", "exec")
    except (SyntaxError, SyntaxWarning):
        return False
    return True


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass in a copy of the repository that holds the mutant.

    Errors: `RuntimeError` where they cannot be run.
    """
    target = copy / mutant.file
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.code, encoding="utf-8")
    tried = READY.Process(target=_test, args=(copy, [*mutant.examples, *mutant.tests]))
    try:
        tried.start()
        tried.join(SECONDS)
        if tried.exitcode is None:
            tried.kill()
            return False
    finally:
        target.write_text(original, encoding="utf-8")
    if tried.exitcode not in PASSED_OR_FAILED:
        raise RuntimeError(f"{mutant.name}: pytest ended with {tried.exitcode}")
    return tried.exitcode == 0


def _test(copy: Path, what: Sequence[str]) -> None:
    """Leave the process with the exit code of pytest in a copy of the repository."""
    code = 3
    try:
        import pytest

        os.chdir(copy)
        sys.path.insert(0, str(copy / "src"))
        os.environ |= {"PYTHONPATH": sys.path[0], "GENSPACE_TEST_DATA": str(_data())}
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # importing them takes longer than most tests
        sys.dont_write_bytecode = True
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the suite would compile in spite of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        plugins = ["-p", "xdist.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
        code = int(pytest.main(["-q", "-x", "-n", "0", *plugins, *what]))
    finally:
        os._exit(code)


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
    # compiled once; whether a file changed is told by what it holds
    for room in ("analysis", "geometry", "human_study", "judges", "src"):
        compile_dir(folder / room, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return folder


def argued_survivors() -> dict[Key, str]:
    """Return why survivors change nothing. Errors: `SystemExit` for a line that is no longer in its file."""
    rows = tomllib.loads((HERE / "survivors.toml").read_text(encoding="utf-8"))["survivor"]
    for row in rows:
        if row["line"] not in map(str.strip, (ROOT / row["file"]).read_text(encoding="utf-8").splitlines()):
            sys.exit(f"survivors.toml: {row['file']} has no line {row['line']!r}; remove or renew the entry")
    return {(row["file"], row["line"], after): row["why"] for row in rows for after in row["becomes"]}


def report(results: Sequence[tuple[Mutant, bool]], argued: dict[Key, str], command: str) -> tuple[str, float]:
    """Return the report in Markdown, and the share that was killed or argued."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for mutant, survived in results:
        rooms[mutant.room].append(
            "killed" if not survived else "argued" if mutant.key in argued else "survived"
        )
    rooms["all"] = everything = [end for ends in rooms.values() for end in ends]
    share = 1 - everything.count("survived") / len(everything)
    rows = [
        f"| {room} | {len(ends)} | {ends.count('killed')} | {ends.count('argued')} "
        f"| {1 - ends.count('survived') / len(ends):.0%} |"
        for room, ends in rooms.items()
    ]
    lines = [
        "# What tests notice", "",
        (f"Written by `{command}` on {datetime.now(UTC).date()}. Single lines of core files were changed, and the nearest "
        "tests were run. A change is killed where a test fails, and argued where it makes no difference that could be seen."), "",
        "| room | changes | killed | argued | killed or argued |", "| --- | ---: | ---: | ---: | ---: |", *rows,
        "", "## Changes that no test noticed", "",
    ]  # fmt: skip
    for mutant, survived in results:
        if survived:
            why = argued.get(mutant.key, "Not argued.")
            lines.append(f"- {mutant.file}: ``{mutant.before}`` became ``{mutant.after}``. {why}")
    return "\n".join(lines) + "\n", share


def main() -> int:
    """Draw, run, write the report; 1 where fewer than `WANTED` are killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="only these rooms or files")
    parser.add_argument("--each", type=int, default=4, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    targets = tomllib.loads((HERE / "targets.toml").read_text(encoding="utf-8"))
    argued = argued_survivors()
    rows = [
        (room, row["file"], row["tests"])
        for room, of_room in targets.items()
        for row in of_room
        if not given.only or {room, row["file"]} & set(given.only)
    ]
    killed = set(KILLED.read_text(encoding="utf-8").split()) if KILLED.exists() else set()
    KILLED.parent.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(given.jobs) as pool,
        KILLED.open("a", encoding="utf-8") as kept,
    ):
        free: SimpleQueue[Path] = SimpleQueue()
        for job in range(given.jobs):
            free.put(_copied(Path(folder) / str(job)))

        survived: dict[Mutant, bool] = {}

        def tried(row: tuple[str, str, Sequence[str]]) -> list[tuple[Mutant, bool]]:
            room, file, tests = row
            drawn = list(mutants_of(room, file, tests, given.each, random.Random(f"{given.seed} {file}")))
            new = [mutant for mutant in drawn if mutant.digest not in killed and mutant.key not in argued]
            if new:
                copy = free.get()
                try:
                    for mutant in new:
                        survived[mutant] = survives(mutant, copy)
                        end = f"survived: {mutant.after}" if survived[mutant] else "killed"
                        print(f"{mutant.name} {end}", flush=True)
                    # where one survives, the tests do not fail by themselves
                    if not any(survived[m] for m in new) and not survives(_unchanged(*row), copy):
                        raise RuntimeError(f"{file}: {', '.join(tests)} fail without any mutant")
                finally:
                    free.put(copy)
                kept.write("".join(f"{mutant.digest}\n" for mutant in new if not survived[mutant]))
                kept.flush()
            return [(mutant, survived.get(mutant, mutant.key in argued)) for mutant in drawn]

        results = list(chain.from_iterable(pool.map(tried, rows)))
    command = f"tests/mutants/run.py --each {given.each} --seed {given.seed}"
    text, share = report(results, argued, " ".join([command, *given.only]))
    place = OF_A_PART if given.only else REPORT
    place.parent.mkdir(exist_ok=True)
    place.write_text(text, encoding="utf-8")
    print(text)
    return int(share < WANTED)


if __name__ == "__main__":
    sys.exit(main())
